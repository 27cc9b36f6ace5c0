//! Networks and volumes of a run.

use super::container::{Attachment, ContainerId};
use super::{Engine, EngineError, WORK};
use std::collections::HashMap;
use testcontainers::bollard::models::{
    EndpointSettings, NetworkConnectRequest, NetworkCreateRequest, NetworkDisconnectRequest,
    VolumeCreateRequest,
};

impl Engine {
    /// Makes a bridge network. Without `between`, its containers reach the machine and the machine them, and none another.
    pub async fn create_network(&self, name: &str, between: bool) -> Result<(), EngineError> {
        let icc = "com.docker.network.bridge.enable_icc".to_owned();
        let request = NetworkCreateRequest {
            name: name.to_owned(),
            driver: Some("bridge".to_owned()),
            options: Some(HashMap::from([(icc, between.to_string())])),
            labels: Some(self.labels.to_map()),
            ..NetworkCreateRequest::default()
        };
        let doing = format!("create the network {name}");
        let work = self.docker.create_network(request);
        self.ask(&doing, WORK, work).await.map(drop)
    }

    /// Makes a volume: on the engine's disk, or with a size, in memory, where it is full when it is full. One in memory is empty
    /// again whenever no container that runs holds it.
    pub async fn create_volume(&self, name: &str, size: Option<u64>) -> Result<(), EngineError> {
        let options = size.map(|size| {
            let option = |name: &str, value: String| (name.to_owned(), value);
            HashMap::from([
                option("type", "tmpfs".to_owned()),
                option("device", "tmpfs".to_owned()),
                option("o", format!("size={size}")),
            ])
        });
        let request = VolumeCreateRequest {
            name: Some(name.to_owned()),
            driver: Some("local".to_owned()),
            driver_opts: options,
            labels: Some(self.labels.to_map()),
            ..VolumeCreateRequest::default()
        };
        let doing = format!("create the volume {name}");
        let work = self.docker.create_volume(request);
        self.ask(&doing, WORK, work).await.map(drop)
    }

    /// Puts a container into a network, under the names it shall have there.
    pub async fn connect_container(
        &self,
        id: &ContainerId,
        to: &Attachment,
    ) -> Result<(), EngineError> {
        let request = NetworkConnectRequest {
            container: id.to_string(),
            endpoint_config: Some(to.endpoint()),
        };
        let doing = format!("connect {id} to the network {}", to.network);
        let work = self.docker.connect_network(&to.network, request);
        self.ask(&doing, WORK, work).await
    }

    /// Takes a container out of a network, and says how to put it back: its names there would else be lost.
    pub async fn disconnect_container(
        &self,
        id: &ContainerId,
        network: &str,
    ) -> Result<Attachment, EngineError> {
        let before = self.attachment(id, network).await?;
        let request = NetworkDisconnectRequest {
            container: id.to_string(),
            force: Some(true),
        };
        let doing = format!("disconnect {id} from the network {network}");
        let work = self.docker.disconnect_network(network, request);
        self.ask(&doing, WORK, work).await?;
        Ok(before)
    }

    /// The networks that a container hangs in, or will when it is started.
    pub async fn networks_of(&self, id: &ContainerId) -> Result<Vec<String>, EngineError> {
        let doing = format!("inspect {id}");
        let found = self.found(id, &doing).await?;
        let networks = found.network_settings.unwrap_or_default().networks;
        Ok(networks.unwrap_or_default().into_keys().collect())
    }

    /// How a container hangs in a network.
    pub async fn attachment(
        &self,
        id: &ContainerId,
        network: &str,
    ) -> Result<Attachment, EngineError> {
        let doing = format!("inspect {id}");
        let found = self.found(id, &doing).await?;
        let settings = found.network_settings.unwrap_or_default();
        let endpoint = settings.networks.unwrap_or_default().remove(network);
        let Some(endpoint) = endpoint else {
            let message = format!("{id} is not in the network {network}");
            return Err(EngineError::Refused {
                doing,
                status: 404,
                message,
            });
        };
        Ok(Attachment {
            network: network.to_owned(),
            aliases: own_aliases(endpoint, id),
        })
    }
}

/// The names that were asked for; the engine adds the container's short id.
fn own_aliases(endpoint: EndpointSettings, id: &ContainerId) -> Vec<String> {
    let aliases = endpoint.aliases.unwrap_or_default().into_iter();
    aliases
        .filter(|alias| !id.as_str().starts_with(alias))
        .collect()
}
