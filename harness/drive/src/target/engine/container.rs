//! A container as it is wanted, and how it comes to be: made, hung into its networks, given its files, and only then started,
//! so that its process finds all of it in place.

use super::{Engine, EngineError, WORK};
use bytes::Bytes;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use testcontainers::bollard::body_full;
use testcontainers::bollard::models::{
    ContainerCreateBody, EndpointSettings, HostConfig, Mount, MountType, NetworkingConfig,
    PortBinding,
};
use testcontainers::bollard::query_parameters::{
    CreateContainerOptionsBuilder, UploadToContainerOptionsBuilder,
};

/// A container, by the engine's id and, for messages, its name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ContainerId {
    id: String,
    name: String,
}

impl ContainerId {
    /// One that somebody else made.
    pub fn of(id: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            name: name.into(),
        }
    }

    /// The engine's id.
    pub fn as_str(&self) -> &str {
        &self.id
    }
}

impl fmt::Display for ContainerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// A container as it is wanted.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Its name: unique on the engine.
    pub name: String,
    /// Its image, which must be present ([`Engine::ensure_image`]).
    pub image: String,
    /// What it is given instead of its image's command; empty: the image's own.
    pub command: Vec<String>,
    /// What it is given instead of its image's entry point; `None`: the image's own; empty: none.
    pub entrypoint: Option<Vec<String>>,
    /// Environment, added to the image's.
    pub env: BTreeMap<String, String>,
    /// The networks it hangs in; none: only its own loopback. What is published comes through the one whose name sorts first.
    pub networks: Vec<Attachment>,
    /// Files put into it before it starts.
    pub files: Vec<PutFile>,
    /// Volumes and folders it sees.
    pub holds: Vec<Held>,
    /// Bytes of memory it may have, swap included.
    pub memory: Option<u64>,
    /// Processors' time it may have, in processors.
    pub cpus: Option<f64>,
    /// Ports that are reached from this machine, where container addresses are not ([`Engine::is_local`]).
    pub publish: Vec<u16>,
    /// Capabilities beyond the usual ones, without `CAP_`.
    pub capabilities: Vec<String>,
    /// Whether it sees the machine's processes instead of only its own.
    pub host_pids: bool,
    /// Whether a small init process reaps what its processes leave.
    pub init: bool,
}

/// How a container hangs in a network.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Attachment {
    /// The network.
    pub network: String,
    /// Names under which the others there find it, beside its own.
    pub aliases: Vec<String>,
}

impl Attachment {
    /// In a network, under these names.
    pub fn new(network: impl Into<String>, aliases: &[&str]) -> Self {
        Self {
            network: network.into(),
            aliases: aliases.iter().map(|alias| (*alias).to_owned()).collect(),
        }
    }

    pub(super) fn endpoint(&self) -> EndpointSettings {
        EndpointSettings {
            aliases: Some(self.aliases.clone()),
            ..EndpointSettings::default()
        }
    }
}

/// A file put into a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutFile {
    /// Absolute path there; folders on the way are made.
    pub path: String,
    /// Where it lies here.
    pub from: PathBuf,
}

/// A volume or a folder that a container sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// What.
    pub source: HeldIn,
    /// Absolute path in the container.
    pub path: String,
    /// Whether it may only be read.
    pub read_only: bool,
}

/// What a container sees at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeldIn {
    /// A named volume.
    Volume(String),
    /// A folder or file of the engine's machine.
    Folder(PathBuf),
}

impl Engine {
    /// Makes and starts a container. One that can't be started is removed again.
    pub async fn start(&self, wanted: &Wanted) -> Result<ContainerId, EngineError> {
        let made = match self.create(wanted).await {
            // Another run of a newer harness removed it since it was looked for.
            Err(error) if error.is_absent() && Self::is_own_image(&wanted.image) => {
                self.own_image().await?;
                self.create(wanted).await
            }
            made => made,
        };
        let id = made?;
        let started = self.fill_and_start(&id, wanted).await;
        if let Err(error) = started {
            // What is left is removed by its label in the end; the first error is the one to tell.
            let _ = self.remove(&id).await;
            return Err(error);
        }
        Ok(id)
    }

    async fn create(&self, wanted: &Wanted) -> Result<ContainerId, EngineError> {
        let name = &wanted.name;
        let options = CreateContainerOptionsBuilder::new().name(name).build();
        let body = self.body(wanted);
        let made = self.docker.create_container(Some(options), body);
        let doing = format!("create the container {name}");
        let made = self.ask(&doing, WORK, made).await?;
        Ok(ContainerId::of(made.id, name))
    }

    async fn fill_and_start(&self, id: &ContainerId, wanted: &Wanted) -> Result<(), EngineError> {
        for network in wanted.networks.iter().skip(1) {
            self.connect_container(id, network).await?;
        }
        if !wanted.files.is_empty() {
            let tar = packed(&wanted.files).await?;
            let options = UploadToContainerOptionsBuilder::new().path("/").build();
            let sent = self.docker.upload_to_container(
                id.as_str(),
                Some(options),
                body_full(Bytes::from(tar)),
            );
            let doing = format!("put files into the container {id}");
            self.ask(&doing, WORK, sent).await?;
        }
        self.start_again(id).await
    }

    fn body(&self, wanted: &Wanted) -> ContainerCreateBody {
        let first = wanted.networks.first();
        let env = wanted.env.iter();
        let published = self.published(&wanted.publish);
        let host = HostConfig {
            // The first network is given when it is made, so that its names are known from the first moment.
            network_mode: Some(first.map_or("none".to_owned(), |at| at.network.clone())),
            mounts: Some(wanted.holds.iter().map(mount).collect()),
            memory: wanted.memory.map(saturated),
            // No swap on top: else the limit is one of memory's speed, and nothing is ever killed for it.
            memory_swap: wanted.memory.map(saturated),
            cpu_period: wanted.cpus.map(|_| super::limits::PERIOD),
            cpu_quota: wanted.cpus.map(super::limits::quota),
            port_bindings: Some(published),
            cap_add: Some(wanted.capabilities.clone()),
            pid_mode: wanted.host_pids.then(|| "host".to_owned()),
            // Whoever works on other containers mounts in their name spaces, which these forbid whatever it may else.
            security_opt: wanted.host_pids.then(|| {
                ["apparmor=unconfined", "label=disable"]
                    .map(str::to_owned)
                    .to_vec()
            }),
            init: Some(wanted.init),
            ..HostConfig::default()
        };
        ContainerCreateBody {
            image: Some(wanted.image.clone()),
            cmd: (!wanted.command.is_empty()).then(|| wanted.command.clone()),
            entrypoint: wanted.entrypoint.clone(),
            env: Some(env.map(|(name, value)| format!("{name}={value}")).collect()),
            labels: Some(self.labels.to_map()),
            exposed_ports: Some(wanted.publish.iter().map(|port| tcp(*port)).collect()),
            networking_config: first.map(|at| NetworkingConfig {
                endpoints_config: Some(HashMap::from([(at.network.clone(), at.endpoint())])),
            }),
            host_config: Some(host),
            ..ContainerCreateBody::default()
        }
    }

    fn published(&self, ports: &[u16]) -> HashMap<String, Option<Vec<PortBinding>>> {
        let binding = PortBinding {
            host_ip: Some(self.publishes_at().to_owned()),
            host_port: Some(String::new()),
        };
        let bindings = ports
            .iter()
            .map(|port| (tcp(*port), Some(vec![binding.clone()])));
        bindings.collect()
    }

    /// The address of the engine's machine at which ports are published for the harness; empty: all it has, for an engine
    /// elsewhere has to listen to more than itself.
    pub fn publishes_at(&self) -> &'static str {
        if self.is_elsewhere() { "" } else { "127.0.0.1" }
    }

    /// Whether the engine is reached over a network, on another machine than this.
    fn is_elsewhere(&self) -> bool {
        self.about.reach.machine().is_some_and(|machine| {
            let address = machine.parse::<IpAddr>();
            machine != "localhost" && !address.is_ok_and(|address| address.is_loopback())
        })
    }

    /// Where a port of a container is reached from here: its address in a network, or where the port is published. To be
    /// asked again after every start, and after it was put back into a network.
    pub async fn address(
        &self,
        id: &ContainerId,
        network: &str,
        port: u16,
    ) -> Result<String, EngineError> {
        let doing = format!("find the address of {id}:{port}");
        let found = self.found(id, &doing).await?;
        let settings = found.network_settings.unwrap_or_default();
        let none = |reason: String| EngineError::Other {
            doing: doing.clone(),
            reason,
        };
        if self.is_local() {
            let networks = settings.networks.unwrap_or_default();
            let address = networks.get(network).and_then(|at| at.ip_address.clone());
            let address = address.filter(|address| !address.is_empty());
            let address = address.ok_or_else(|| {
                none(format!(
                    "it has no address in the network {network}; does it run?"
                ))
            })?;
            return Ok(format!("{address}:{port}"));
        }
        let ports = settings.ports.unwrap_or_default();
        let bindings = ports.get(&tcp(port)).cloned().flatten().unwrap_or_default();
        let published = bindings.into_iter().find_map(|binding| binding.host_port);
        let published = published
            .ok_or_else(|| none("the port is not published; does the container run?".to_owned()))?;
        let machine = self.about.reach.machine().filter(|_| self.is_elsewhere());
        Ok(match machine {
            Some(machine) if machine.contains(':') => format!("[{machine}]:{published}"),
            Some(machine) => format!("{machine}:{published}"),
            None => format!("127.0.0.1:{published}"),
        })
    }
}

fn tcp(port: u16) -> String {
    format!("{port}/tcp")
}

fn saturated(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

fn mount(held: &Held) -> Mount {
    let (typ, source) = match &held.source {
        HeldIn::Volume(name) => (MountType::VOLUME, name.clone()),
        HeldIn::Folder(path) => (MountType::BIND, path.display().to_string()),
    };
    Mount {
        target: Some(held.path.clone()),
        source: Some(source),
        typ: Some(typ),
        read_only: Some(held.read_only),
        ..Mount::default()
    }
}

/// The files as an archive to be unpacked at the root.
async fn packed(files: &[PutFile]) -> Result<Vec<u8>, EngineError> {
    let mut archive = tokio_tar::Builder::new(Vec::new());
    archive.follow_symlinks(true);
    for file in files {
        let within = file.path.trim_start_matches('/');
        let added = if file.from.is_dir() {
            archive.append_dir_all(within, &file.from).await
        } else {
            archive.append_path_with_name(&file.from, within).await
        };
        added.map_err(|error| EngineError::File {
            path: file.from.display().to_string(),
            reason: error.to_string(),
        })?;
    }
    archive
        .into_inner()
        .await
        .map_err(|error| EngineError::Other {
            doing: "pack files for a container".to_owned(),
            reason: error.to_string(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn files_are_packed_where_they_shall_lie() {
        let folder = tempfile::tempdir().unwrap();
        let from = folder.path().join("x");
        std::fs::write(&from, "words").unwrap();
        let path = "/etc/deep/x.conf".to_owned();
        let tar = packed(&[PutFile { path, from }]).await.unwrap();
        assert!(tar.starts_with(b"etc/deep/x.conf\0"));
        let absent = PutFile {
            path: "/x".into(),
            from: folder.path().join("none"),
        };
        let error = packed(&[absent]).await.unwrap_err().to_string();
        assert!(error.contains("none"), "{error}");
    }
}
