//! Where a container is on the engine's machine: its process and its address, for whoever works on it from there.

use super::container::ContainerId;
use super::{Engine, EngineError};
use std::net::IpAddr;

/// Where a container that runs is, until it is started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Whereabouts {
    /// Its first process, as the engine's machine numbers it.
    pub pid: u32,
    /// Its address in the network that was asked for; `None` if it is not in it.
    pub address: Option<IpAddr>,
}

impl Engine {
    /// Where a container is; an error if it does not run.
    pub async fn whereabouts(
        &self,
        id: &ContainerId,
        network: &str,
    ) -> Result<Whereabouts, EngineError> {
        let doing = format!("find the process of {id}");
        let found = self.found(id, &doing).await?;
        let pid = found.state.and_then(|state| u32::try_from(state.pid?).ok());
        let pid = pid.filter(|pid| *pid > 0).ok_or(EngineError::Other {
            doing,
            reason: "it does not run".to_owned(),
        })?;
        let networks = found.network_settings.unwrap_or_default().networks;
        let endpoint = networks.unwrap_or_default().remove(network);
        let addresses = endpoint.map(|at| [at.ip_address, at.global_ipv6_address]);
        let mut addresses = addresses.into_iter().flatten().flatten();
        Ok(Whereabouts {
            pid,
            address: addresses.find_map(|address| address.parse().ok()),
        })
    }
}
