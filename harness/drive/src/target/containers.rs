//! What a run has on the container engine: two networks, images, volumes, the proxy between services and their containers.
//! Says how each is named and where it is reached; when a service is started is decided elsewhere.

mod compose;
mod entrance;
mod proxy;
mod start;

use super::compose::Project;
use super::engine::{Attachment, ContainerId, Engine, EngineError, Labels, RUN, Seen};
use super::hands::Hands;
use super::journal::Entry;
use super::service::Vessel;
use super::toxiproxy::Toxiproxy;
use super::version::Version;
use super::{Failed, Surroundings};
use compose::Beside;
use harness_core::event::Event;
use harness_core::name::{Name, RunId};
use harness_core::units::format_duration;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

/// A service's container: made once, and started again for each further life.
#[derive(Debug, Clone)]
pub(super) struct Made {
    /// The container.
    pub(super) vessel: Vessel,
    /// How far its output was read.
    pub(super) seen: Seen,
    /// Where its port is reached from this machine, since it was started last; `None` if it has none, or had ended.
    pub(super) address: Option<String>,
}

/// A run's part of the container engine.
#[derive(Debug)]
pub(super) struct Containers {
    engine: Engine,
    /// What every name here begins with.
    prefix: String,
    made: Mutex<BTreeMap<(Name, Version), Made>>,
    /// Services that are found by name at an entrance, since who serves under that name changes.
    entrances: BTreeMap<Name, OnceLock<Toxiproxy>>,
    /// Who does what the engine can't, if anything of that is planned.
    hands: OnceLock<Hands>,
    /// What a Compose file adds to the suite, once its containers were made.
    beside: OnceLock<Beside>,
    /// The Compose file that is played, likewise.
    project: OnceLock<Project>,
    /// Set once it was told that the engine is gone.
    lost: AtomicBool,
}

/// What the engine knows a volume as: another for each service and path.
fn volume(prefix: &str, service: &str, path: &str) -> String {
    let plain = |text: &str| -> String {
        let bytes = text.bytes().map(|byte| match byte {
            b'/' => ".".to_owned(),
            byte if byte.is_ascii_alphanumeric() || byte == b'-' => char::from(byte).to_string(),
            byte => format!("_{byte:02x}"),
        });
        bytes.collect()
    };
    let path = plain(path.trim_matches('/'));
    format!("{prefix}-{}.{path}", plain(service))
}

impl Containers {
    /// Meets the engine; makes nothing. `deployed` are the services that have a next version.
    pub(super) async fn meet(run: &RunId, deployed: BTreeSet<Name>) -> Result<Self, EngineError> {
        let entrances = deployed.into_iter().map(|name| (name, OnceLock::new()));
        Ok(Self {
            engine: Engine::connect(Labels::of(run.as_str())).await?,
            prefix: format!("harness-{run}"),
            made: Mutex::default(),
            entrances: entrances.collect(),
            hands: OnceLock::new(),
            beside: OnceLock::new(),
            project: OnceLock::new(),
            lost: AtomicBool::new(false),
        })
    }

    /// Removes what dead runs left, and makes the networks. The journal says first that there is something to remove.
    pub(super) async fn begin(&self, around: &Surroundings) -> Result<(), Failed> {
        around.journal.write(&Entry::Containers {
            run: around.run.to_string(),
            engine: self.engine.reach().clone(),
        })?;
        let swept = self.engine.sweep().await?;
        if let Some(text) = swept.words() {
            around.mouth.say(Event::Notice { text }).await;
        }
        let (net, control) = (self.net(), self.control());
        let between = self.engine.create_network(&net, true);
        let observing = self.engine.create_network(&control, false);
        let (between, observing) = tokio::join!(between, observing);
        between.and(observing).map_err(Failed::whole)
    }

    /// The network in which services find each other by name. Its own name comes after the other's: the engine publishes
    /// ports through the first of a container's networks, and what happens to this one must not touch them.
    pub(super) fn net(&self) -> String {
        format!("{}-services", self.prefix)
    }

    /// The network through which the harness reaches each container, whatever becomes of the other one. Nobody is reached
    /// there by another container.
    pub(super) fn control(&self) -> String {
        format!("{}-control", self.prefix)
    }

    /// A service's container.
    pub(super) fn name_of(&self, service: &Name, version: Version) -> String {
        match version {
            Version::Own => format!("{}-{service}", self.prefix),
            Version::Next => self.own(&format!("next-{service}")),
        }
    }

    /// The name under which a service's container is found by the others: the service's own, unless it is deployed. Then
    /// that is its entrance's.
    pub(super) fn alias_of(&self, service: &Name, version: Version) -> String {
        match self.entrances.contains_key(service) {
            true => format!("harness-{}-{service}", version.word()),
            false => service.to_string(),
        }
    }

    /// A container of the run's own, which no service is called like: after the prefix they have another sign.
    fn own(&self, what: &str) -> String {
        format!("{}.{what}", self.prefix)
    }

    /// A service's volume at a path.
    pub(super) fn volume(&self, service: &Name, path: &str) -> String {
        volume(&self.prefix, service.as_str(), path)
    }

    /// The networks of a container that is found under these names.
    pub(super) fn networks(&self, aliases: &[&str]) -> Vec<Attachment> {
        vec![
            Attachment::new(self.net(), aliases),
            Attachment::new(self.control(), &[]),
        ]
    }

    /// Ports to be published, where the addresses of containers can't be reached.
    fn published(&self, ports: impl IntoIterator<Item = u16>) -> Vec<u16> {
        match self.engine.is_local() {
            true => Vec::new(),
            false => ports.into_iter().collect(),
        }
    }

    /// What is known of a service's container, once it was made.
    pub(super) fn made(&self, service: &Name, version: Version) -> Option<Made> {
        self.lock().get(&(service.clone(), version)).cloned()
    }

    /// Removes the container of a service's next version, if there is one.
    pub(super) async fn remove_next(&self, service: &Name) -> Result<(), EngineError> {
        let Some(made) = self.made(service, Version::Next) else {
            return Ok(());
        };
        self.engine.remove(&made.vessel.id).await?;
        self.lock().remove(&(service.clone(), Version::Next));
        Ok(())
    }

    /// Who does what the engine can't.
    pub(super) fn hands(&self) -> Option<&Hands> {
        self.hands.get()
    }

    /// A service's container on the engine, once it was made.
    pub(super) fn container(&self, service: &Name, version: Version) -> Option<ContainerId> {
        self.made(service, version).map(|made| made.vessel.id)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(Name, Version), Made>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The engine.
    pub(super) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Whether nobody told yet that the engine is gone.
    pub(super) fn lose(&self) -> bool {
        !self.lost.swap(true, Ordering::AcqRel)
    }

    /// What an engine that was lost so far into the run may have left, and who removes it; `why` is how that was seen.
    pub(super) fn left_by_loss(&self, at: Duration, why: &str) -> String {
        let at = format_duration(Duration::from_secs(at.as_secs()));
        let run = self.engine.labels().run();
        format!(
            "its container engine went {at} into the run; containers, networks and volumes with the label {RUN}={run} may be \
             left on it, and `harness heal` removes them once it is back; {why}"
        )
    }

    /// Removes everything of this run; what could not be, a sentence each.
    pub(super) async fn remove(&self) -> Vec<String> {
        match self.engine.remove_run().await {
            Ok(removed) => removed.failed,
            Err(error) => vec![error.to_string()],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_two_volumes_have_one_name() {
        let of = [
            ("a", "/b/c"),
            ("a", "/b-c"),
            ("a", "/b_c"),
            ("a", "/b.c"),
            ("a-b", "/c"),
            ("a.b", "/c"),
            ("a", "/b c"),
            ("a", "/b_20c"),
            ("a", "/bé"),
        ];
        let names: BTreeSet<String> = of.iter().map(|(of, at)| volume("run", of, at)).collect();
        assert_eq!(names.len(), of.len(), "{names:?}");
        // What an engine takes for a name.
        let sound = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
        assert!(
            names.iter().all(|name| name.chars().all(sound)),
            "{names:?}"
        );
        assert!(names.contains("run-a.b.c"), "{names:?}");
    }
}
