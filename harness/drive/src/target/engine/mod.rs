//! The container engine, as the target needs it: images, networks, volumes, containers and what is done to them. A thin layer
//! over testcontainers' client (bollard), which is seen nowhere else. Every call has a time limit, an engine that dies is an
//! error that says so, and everything made carries the run's labels. Knows neither plans nor events.

mod build;
mod container;
mod context;
mod converse;
mod elf;
mod error;
mod exec;
#[cfg(test)]
mod forwarder;
mod ignore;
mod image;
mod labels;
mod life;
mod limits;
mod logs;
mod machine;
mod network;
mod own_image;
mod place;
mod project;
mod reach;
mod sweep;
#[cfg(test)]
mod tests;

pub use build::Build;
pub use container::{Attachment, ContainerId, Held, HeldIn, PutFile, Wanted};
pub use converse::Conversation;
pub use error::EngineError;
pub use exec::Executed;
pub use labels::{Labels, Liveness, OWNER, Owner, RUN};
pub(crate) use life::KILLED;
pub use life::{Ended, Health, State};
pub use limits::Limits;
pub use logs::Seen;
pub use machine::Machine;
pub use place::Whereabouts;
pub use reach::Reach;
pub use sweep::{Removed, Swept};

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use testcontainers::bollard::Docker;
use testcontainers::bollard::errors::Error as ClientError;
use testcontainers::bollard::models::{ContainerInspectResponse, SystemVersion};
use tokio_util::sync::CancellationToken;

/// How long the engine may take to answer what is no work.
const ANSWER: Duration = Duration::from_secs(10);
/// How often one that does not answer is asked whether it lives.
const PINGS: u32 = 3;
/// How long it may take for what is work: a container made, started, stopped, removed. Generous: a busy machine is not a broken
/// one.
const WORK: Duration = Duration::from_secs(60);
/// How many containers of a run are ended at once. Where three and more leave one network at the same time, Docker Engine may lose
/// count of them and keep the network for ever, as one "with active endpoints" that lists none (moby/moby#42119 is of that kind;
/// decision 0026).
pub(super) const LEAVING: usize = 2;

/// A container engine that answered, and the labels of the run it works for. Clones are the same engine.
#[derive(Clone)]
pub struct Engine {
    docker: Docker,
    labels: Arc<Labels>,
    about: Arc<About>,
}

/// What was learned of the engine when it was met.
#[derive(Debug)]
struct About {
    reach: Reach,
    version: String,
    architecture: String,
    local: bool,
    /// Cancelled once it is known to be gone: nothing is asked any more.
    lost: CancellationToken,
    /// How that was seen first.
    loss: OnceLock<String>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine")
            .field("about", &self.about)
            .field("labels", &self.labels)
            .finish_non_exhaustive()
    }
}

impl Engine {
    /// Meets the engine that the environment names.
    pub async fn connect(labels: Labels) -> Result<Self, EngineError> {
        Self::connect_to(Reach::from_environment(), labels).await
    }

    /// Meets an engine.
    pub async fn connect_to(reach: Reach, labels: Labels) -> Result<Self, EngineError> {
        let docker = reach.client()?;
        let meeting = async {
            let docker = docker.negotiate_version().await?;
            let version = docker.version().await?;
            Ok::<_, ClientError>((docker, version))
        };
        let met = tokio::time::timeout(ANSWER, meeting).await;
        let (docker, version) = met
            .map_err(|_| EngineError::Absent {
                at: reach.host.clone(),
                reason: format!("it accepts connections and says nothing for {ANSWER:?}"),
            })?
            .map_err(|error| EngineError::on_connecting(&reach.host, &error))?;
        let spoken = spoken(&version);
        if spoken < error::OLDEST {
            return Err(EngineError::TooOld {
                at: reach.host,
                found: version.api_version.unwrap_or_default(),
            });
        }
        let local = reach.is_socket() && cfg!(target_os = "linux") && is_beside(&docker).await;
        Ok(Self {
            docker,
            labels: Arc::new(labels),
            about: Arc::new(About {
                version: version.version.unwrap_or_default(),
                architecture: version.arch.unwrap_or_default(),
                reach,
                local,
                lost: CancellationToken::new(),
                loss: OnceLock::new(),
            }),
        })
    }

    /// How it is reached: for the undo journal.
    pub fn reach(&self) -> &Reach {
        &self.about.reach
    }

    /// Its version, in its own words.
    pub fn version(&self) -> &str {
        &self.about.version
    }

    /// The architecture of its machine's processors, in its own words: `amd64`, `arm64`.
    pub fn architecture(&self) -> &str {
        &self.about.architecture
    }

    /// The labels of the run.
    pub fn labels(&self) -> &Labels {
        &self.labels
    }

    /// Whether the addresses of containers are reached from here. Else their ports must be published
    /// ([`Wanted::publish`]).
    pub fn is_local(&self) -> bool {
        self.about.local
    }

    /// Asks something that has to be done within a limit. `doing` completes "failed to …".
    async fn ask<T>(
        &self,
        doing: &str,
        limit: Duration,
        work: impl Future<Output = Result<T, ClientError>>,
    ) -> Result<T, EngineError> {
        let at = &self.about.reach.host;
        let asked = tokio::select! {
            biased;
            () = self.about.lost.cancelled() => {
                return Err(EngineError::Gone {
                    at: at.clone(),
                    doing: doing.to_owned(),
                    reason: self.about.loss.get().cloned().unwrap_or_default(),
                });
            }
            asked = tokio::time::timeout(limit, work) => asked,
        };
        match asked {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(error)) => Err(EngineError::told(at, doing, &error, limit)),
            Err(_) => Err(EngineError::Late {
                at: at.clone(),
                doing: doing.to_owned(),
                limit,
            }),
        }
    }

    /// Asks something that changes nothing, and once more if the first answer is late: a busy engine is not a broken one.
    async fn ask_again<T, W: Future<Output = Result<T, ClientError>>>(
        &self,
        doing: &str,
        work: impl Fn() -> W,
    ) -> Result<T, EngineError> {
        match self.ask(doing, ANSWER, work()).await {
            Err(error) if error.is_late() => self.ask(doing, ANSWER, work()).await,
            answer => answer,
        }
    }

    /// What it knows of a container; `doing` completes "failed to …".
    async fn found(
        &self,
        id: &ContainerId,
        doing: &str,
    ) -> Result<ContainerInspectResponse, EngineError> {
        let ask = || self.docker.inspect_container(id.as_str(), None);
        self.ask_again(doing, ask).await
    }

    /// Whether it still answers; the error says what it was asked meanwhile. One that does not, asked again and again, is
    /// gone.
    async fn alive(&self, doing: &str) -> Result<(), EngineError> {
        for _ in 0..PINGS {
            match self.ask(doing, ANSWER, self.docker.ping()).await {
                Err(error) if error.is_late() => {}
                answer => return answer.map(drop),
            }
        }
        Err(EngineError::Gone {
            at: self.about.reach.host.clone(),
            doing: doing.to_owned(),
            reason: format!("it said nothing for {:?}", ANSWER * PINGS),
        })
    }

    /// From here on nothing is asked of it any more, and what is being asked has failed for the same reason: it is known to be
    /// gone. Who meets it anew may find it back.
    pub(super) fn lose(&self, seen: &EngineError) {
        let seen = match seen {
            EngineError::Gone { reason, .. } => reason.clone(),
            error => error.to_string(),
        };
        // Before anybody is told: whoever speaks first of them all knows why.
        let _ = self.about.loss.set(seen);
        self.about.lost.cancel();
    }
}

/// The API's version as numbers; an engine that names none is taken for an old one.
fn spoken(version: &SystemVersion) -> (usize, usize) {
    let spoken = version.api_version.as_deref().and_then(|version| {
        let (major, minor) = version.split_once('.')?;
        Some((major.parse().ok()?, minor.parse().ok()?))
    });
    spoken.unwrap_or((0, 0))
}

/// The first address of a subnet: `172.17.0.1` of `172.17.0.0/16`.
fn first_of(subnet: &str) -> Option<IpAddr> {
    let base: Ipv4Addr = subnet.split('/').next()?.parse().ok()?;
    Some(Ipv4Addr::from(u32::from(base).checked_add(1)?).into())
}

/// Whether the engine's bridges are interfaces of this machine: not so where it runs in a virtual machine, without root in a
/// network of its own, or where the harness itself runs in a container.
async fn is_beside(docker: &Docker) -> bool {
    let bridge = docker.inspect_network(
        "bridge",
        None::<testcontainers::bollard::query_parameters::InspectNetworkOptions>,
    );
    let Ok(Ok(bridge)) = tokio::time::timeout(ANSWER, bridge).await else {
        return false;
    };
    let configs = bridge.ipam.and_then(|ipam| ipam.config).unwrap_or_default();
    // An engine that was never told a gateway names none, and takes the first address.
    let mut addresses = configs.into_iter().filter_map(|config| {
        let subnet = config.subnet.as_deref().and_then(first_of);
        let gateway = config.gateway.and_then(|gateway| gateway.parse().ok());
        gateway.or(subnet)
    });
    // Only an address of this machine can be bound.
    addresses.any(|address| std::net::UdpSocket::bind((address, 0)).is_ok())
}
