//! What carries a run's labels, found and removed: containers, then networks, then volumes, for each holds the next. Used by a
//! run's end, by the guardian, by `harness heal`, and by the next run for those whose owner is dead.

use super::labels::{Liveness, OWNER, Owner, RUN};
use super::{ContainerId, Engine, EngineError, LEAVING, WORK};
use crate::procfs;
use futures::future::join_all;
use futures::{FutureExt as _, StreamExt as _, stream};
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;
use testcontainers::bollard::query_parameters::{
    InspectNetworkOptions, ListContainersOptionsBuilder, ListNetworksOptionsBuilder,
    ListVolumesOptionsBuilder, RemoveVolumeOptionsBuilder,
};

/// How often what is left is looked for: something may just be coming to be, or be going for somebody else.
const ROUNDS: u32 = 40;
/// How often a network is tried when nothing else of its run is left.
const LONELY: u32 = 8;
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(50);

/// What was removed of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Removed {
    /// How many containers.
    pub containers: usize,
    /// How many networks.
    pub networks: usize,
    /// How many volumes.
    pub volumes: usize,
    /// What could not be removed, a sentence each.
    pub failed: Vec<String>,
}

impl Removed {
    /// What was removed, in words; nothing if nothing was.
    pub fn words(&self) -> Option<String> {
        let counted = [
            (self.containers, "container"),
            (self.networks, "network"),
            (self.volumes, "volume"),
        ];
        let counted = counted.iter().filter(|(count, _)| *count > 0);
        let words: Vec<String> = counted
            .map(|(count, what)| match count {
                1 => format!("1 {what}"),
                count => format!("{count} {what}s"),
            })
            .collect();
        (!words.is_empty()).then(|| format!("removed {}", words.join(", ")))
    }

    fn add(&mut self, other: Self) {
        self.containers += other.containers;
        self.networks += other.networks;
        self.volumes += other.volumes;
        self.failed.extend(other.failed);
    }
}

/// What a sweep came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Swept {
    /// What was removed, and of which runs: those whose owner is dead.
    pub removed: Removed,
    /// The runs whose owner is dead.
    pub dead: Vec<String>,
    /// Runs whose owner can't be seen from here, and which were left alone.
    pub elsewhere: Vec<String>,
}

impl Swept {
    /// What is to be told of it; nothing if nothing was left.
    pub fn words(&self) -> Option<String> {
        let mut told = Vec::new();
        if let Some(removed) = self.removed.words() {
            let runs = self.dead.join(", ");
            told.push(format!("{removed} of runs whose harness is dead: {runs}"));
        }
        told.extend(self.removed.failed.iter().cloned());
        if !self.elsewhere.is_empty() {
            let runs = self.elsewhere.join(", ");
            told.push(format!(
                "left alone what runs own that can't be seen from here: {runs}"
            ));
        }
        (!told.is_empty()).then(|| format!("on the container engine: {}", told.join("; ")))
    }
}

/// Something of the engine's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Thing {
    Container(ContainerId),
    Network(String),
    Volume(String),
}

impl Engine {
    /// Removes everything of this engine's run.
    pub async fn remove_run(&self) -> Result<Removed, EngineError> {
        self.remove_all_of(self.labels.run()).await
    }

    /// Removes what runs left behind whose owner is dead. Never touches a live one's, nor what is another machine's.
    pub async fn sweep(&self) -> Result<Swept, EngineError> {
        let mut runs: BTreeMap<String, Vec<Option<Owner>>> = BTreeMap::new();
        for (_, labels) in self.labelled(OWNER).await? {
            let (Some(run), Some(owner)) = (labels.get(RUN), labels.get(OWNER)) else {
                continue;
            };
            runs.entry(run.clone())
                .or_default()
                .push(Owner::parse(owner));
        }
        let me = Owner::this();
        let mut swept = Swept::default();
        for (run, owners) in runs {
            let seen = |owner: &Option<Owner>| {
                owner.as_ref().map_or(Liveness::Elsewhere, |owner| {
                    owner.seen_by(&me, procfs::life)
                })
            };
            let seen: Vec<Liveness> = owners.iter().map(seen).collect();
            if seen.iter().all(|seen| *seen == Liveness::Dead) {
                swept.removed.add(self.remove_all_of(&run).await?);
                swept.dead.push(run);
            } else if !seen.contains(&Liveness::Lives) {
                swept.elsewhere.push(run);
            }
        }
        Ok(swept)
    }

    /// Removes all of a run, in rounds until nothing is found. The error: the engine does not answer.
    async fn remove_all_of(&self, run: &str) -> Result<Removed, EngineError> {
        let label = format!("{RUN}={run}");
        let mut removed = Removed::default();
        let mut failed: Vec<EngineError> = Vec::new();
        let mut held: Vec<String> = Vec::new();
        let mut lonely = 0;
        for _ in 0..ROUNDS {
            let found = self.labelled(&label).await?;
            let mut things: Vec<Thing> = found.into_iter().map(|(thing, _)| thing).collect();
            if things.is_empty() {
                return Ok(removed);
            }
            let networks: Vec<&str> = things.iter().filter_map(Thing::as_network).collect();
            if networks.len() == things.len() {
                lonely += 1;
                if lonely > LONELY {
                    held = join_all(networks.into_iter().map(|name| self.why_held(name))).await;
                    break;
                }
            }
            let late = std::mem::take(&mut failed).iter().any(EngineError::is_late);
            // What holds the next goes first.
            for kind in [0, 1, 2] {
                let (now, later): (Vec<Thing>, Vec<Thing>) =
                    things.into_iter().partition(|thing| thing.kind() == kind);
                things = later;
                let at_once = if kind == 0 { LEAVING } else { now.len().max(1) };
                let doing: Vec<_> = now
                    .iter()
                    .map(|thing| self.remove_thing(thing).boxed())
                    .collect();
                let done: Vec<_> = stream::iter(doing).buffered(at_once).collect().await;
                for (thing, done) in now.iter().zip(done) {
                    match done {
                        Ok(true) => thing.count(&mut removed),
                        Ok(false) => {}
                        // An engine that is late again and again is not asked forty times.
                        Err(error) if error.is_silent() || late && error.is_late() => {
                            return Err(error);
                        }
                        Err(error) => failed.push(error),
                    }
                }
            }
            if !failed.is_empty() {
                tokio::time::sleep(PAUSE).await;
            }
        }
        removed.failed = if held.is_empty() {
            failed.iter().map(ToString::to_string).collect()
        } else {
            held
        };
        Ok(removed)
    }

    /// The ids of the containers that hang in a network.
    async fn within(&self, network: &str) -> Result<Vec<String>, EngineError> {
        let doing = format!("inspect the network {network}");
        let inspected = || {
            self.docker
                .inspect_network(network, None::<InspectNetworkOptions>)
        };
        let found = self.ask_again(&doing, inspected).await?;
        Ok(found.containers.unwrap_or_default().into_keys().collect())
    }

    /// Why a network of a run stays although none of the run's containers is left, and what to do.
    async fn why_held(&self, network: &str) -> String {
        match self.within(network).await {
            Ok(others) if others.is_empty() => format!(
                "the network {network} can't be removed: the container engine counts containers in it and has none, which is a \
                 fault of its own; restart the engine when nothing runs on it, then `harness heal`"
            ),
            Ok(mut others) => {
                others.sort();
                let others: Vec<&str> =
                    others.iter().map(|id| id.get(..12).unwrap_or(id)).collect();
                format!(
                    "the network {network} can't be removed: containers that are not the run's hang in it: {}; `docker network \
                     disconnect -f {network} CONTAINER` takes them out, then `harness heal`",
                    others.join(", ")
                )
            }
            Err(error) => error.to_string(),
        }
    }

    /// Removes one; says whether it was there. One that is being removed for somebody else is an error to be tried again.
    async fn remove_thing(&self, thing: &Thing) -> Result<bool, EngineError> {
        let done = match thing {
            Thing::Container(id) => return self.remove(id).await.map(|()| true),
            Thing::Network(name) => {
                let doing = format!("remove the network {name}");
                self.ask(&doing, WORK, self.docker.remove_network(name))
                    .await
            }
            Thing::Volume(name) => {
                let options = RemoveVolumeOptionsBuilder::new().force(true).build();
                let work = self.docker.remove_volume(name, Some(options));
                let doing = format!("remove the volume {name}");
                self.ask(&doing, WORK, work).await
            }
        };
        match done {
            Ok(()) => Ok(true),
            Err(error) if error.is_absent() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Everything that carries a label, with its labels.
    pub(super) async fn labelled(
        &self,
        label: &str,
    ) -> Result<Vec<(Thing, HashMap<String, String>)>, EngineError> {
        let filters = HashMap::from([("label", vec![label])]);
        let doing = "list what carries a run's label";
        let listed = || {
            let containers = ListContainersOptionsBuilder::new()
                .all(true)
                .filters(&filters);
            let containers = self.docker.list_containers(Some(containers.build()));
            let networks = ListNetworksOptionsBuilder::new().filters(&filters).build();
            let networks = self.docker.list_networks(Some(networks));
            let volumes = ListVolumesOptionsBuilder::new().filters(&filters).build();
            let volumes = self.docker.list_volumes(Some(volumes));
            futures::future::try_join3(containers, networks, volumes)
        };
        let (containers, networks, volumes) = self.ask_again(doing, listed).await?;
        let containers = containers.into_iter().filter_map(|container| {
            let id = container.id?;
            let name = container.names.and_then(|names| names.into_iter().next());
            let name = name.unwrap_or_else(|| id.clone());
            let id = ContainerId::of(id, name.trim_start_matches('/'));
            Some((Thing::Container(id), container.labels.unwrap_or_default()))
        });
        let networks = networks.into_iter().filter_map(|network| {
            let labels = network.labels.unwrap_or_default();
            Some((Thing::Network(network.name?), labels))
        });
        let volumes = volumes.volumes.unwrap_or_default().into_iter();
        let volumes = volumes.map(|volume| (Thing::Volume(volume.name), volume.labels));
        Ok(containers.chain(networks).chain(volumes).collect())
    }
}

impl Thing {
    fn kind(&self) -> u8 {
        match self {
            Self::Container(_) => 0,
            Self::Network(_) => 1,
            Self::Volume(_) => 2,
        }
    }

    fn as_network(&self) -> Option<&str> {
        match self {
            Self::Network(name) => Some(name),
            Self::Container(_) | Self::Volume(_) => None,
        }
    }

    fn count(&self, removed: &mut Removed) {
        match self {
            Self::Container(_) => removed.containers += 1,
            Self::Network(_) => removed.networks += 1,
            Self::Volume(_) => removed.volumes += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_swept_is_told_in_words() {
        assert_eq!(Swept::default().words(), None);
        let swept = Swept {
            removed: Removed {
                containers: 2,
                volumes: 1,
                ..Removed::default()
            },
            dead: vec!["a".to_owned()],
            elsewhere: vec!["b".to_owned()],
        };
        let words = swept.words().unwrap();
        assert!(
            words.contains("removed 2 containers, 1 volume of runs whose harness is dead: a"),
            "{words}"
        );
        assert!(words.ends_with("seen from here: b"), "{words}");
    }
}
