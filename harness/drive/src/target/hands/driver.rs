//! The harness's side: the helper container, which it tells what to do, and what is to be undone there. What is done goes
//! with the container it was done in, so that a service started again is struck again while its fault lasts.

use super::means::{self, OnLink, Within};
use super::order::{Answer, Can, Deed, Order};
use crate::target::engine::{
    ContainerId, Conversation, Engine, EngineError, Held, HeldIn, Wanted, Whereabouts,
};
use futures::future::try_join_all;
use harness_core::name::Name;
use harness_core::plan::Plan;
use harness_core::plan::fault::{Direction, FaultKind, Site};
use harness_core::plan::target::{TargetPlan, Vessel};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::Mutex;

/// The program in the harness's own image.
const PROGRAM: &str = "/harness/harness";
/// How long an order may take: most of it is the engine's.
const WITHIN: Duration = Duration::from_secs(20);

/// Why the hands could not do something.
#[derive(Debug, thiserror::Error)]
pub enum HandsError {
    /// The engine could not.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// It can't be done on this machine.
    #[error("{what} can't be done here: {lacks}; leave it out of this run")]
    Missing {
        /// Which fault.
        what: String,
        /// What is not there.
        lacks: String,
    },
    /// The kernel, or what was found in the container.
    #[error("{0}")]
    Refused(String),
    /// What the helper said is no answer.
    #[error("the helper container said what is no answer: {said:?}")]
    NoAnswer {
        /// What it said.
        said: String,
    },
    /// Somebody is not there.
    #[error("service `{0}` has no container in the run's network")]
    Nowhere(Name),
}

/// Where services' containers are.
pub type Lookup<'a> = &'a (dyn Fn(&Name) -> Option<ContainerId> + Sync);

/// What is done under a fault's id.
#[derive(Debug)]
struct Struck {
    service: Name,
    kind: FaultKind,
    /// What was ordered, and is not known to be undone: whatever became of the answer.
    deeds: Vec<Deed>,
}

impl Struck {
    fn concerns(&self, name: &Name) -> bool {
        let other = match &self.kind {
            FaultKind::Partition { from, .. } => from.contains(name),
            _ => false,
        };
        self.service == *name || other
    }

    /// The order that undoes what is done and does something else instead, and knows it from here on.
    fn ordered(&mut self, deeds: Vec<Deed>) -> Order {
        let undo = self.deeds.clone();
        self.deeds.extend(deeds.iter().cloned());
        Order {
            undo,
            deeds,
            probe: false,
        }
    }

    /// Takes what became of an order; says by what its deeds were done. No answer changes nothing: it may all be done.
    fn settle(
        &mut self,
        order: Order,
        answer: Result<Answer, HandsError>,
    ) -> Result<Vec<String>, HandsError> {
        match answer? {
            Answer::Done { by, .. } => {
                self.deeds = order.deeds;
                Ok(by)
            }
            Answer::Failed { reason, left } => {
                self.deeds = left;
                Err(HandsError::Refused(reason))
            }
        }
    }
}

/// What there is to know of all faults. Whoever strikes, lifts or strikes again holds it from the first look to the last
/// answer: half of one and half of another are none.
#[derive(Debug, Default)]
struct Work {
    struck: BTreeMap<String, Struck>,
    /// With the helper's program, since the first order.
    talking: Option<Conversation>,
}

/// What the helper container is made of.
#[derive(Debug, Clone)]
pub struct Outfit {
    /// Its name.
    pub name: String,
    /// The harness's own image.
    pub image: String,
    /// The run's network, where services find each other.
    pub network: String,
    /// The volumes with a size, by service and path: the helper mounts them too.
    pub volumes: BTreeMap<(Name, String), String>,
    /// What it sees beside: for tests.
    pub sees: Vec<Held>,
}

/// The hands of a run.
#[derive(Debug)]
pub struct Hands {
    engine: Engine,
    helper: ContainerId,
    outfit: Outfit,
    target: TargetPlan,
    can: Can,
    work: Mutex<Work>,
}

impl Hands {
    /// Whether a plan has faults that need hands.
    pub fn needed(plan: &Plan) -> bool {
        plan.faults().any(|(_, strike)| means::by_hand(strike.kind))
    }

    /// Whether a fault is done by hand.
    pub const fn does(kind: &FaultKind) -> bool {
        means::by_hand(kind)
    }

    /// The volumes with a size, which must be mounted somewhere for as long as the run lasts, by service and path; `name`
    /// tells what the engine knows each as.
    pub fn volumes(
        target: &TargetPlan,
        name: impl Fn(&Name, &str) -> String,
    ) -> BTreeMap<(Name, String), String> {
        let mut volumes = BTreeMap::new();
        for service in &target.services {
            let Some(Vessel::Container(container)) = &service.vessel else {
                continue;
            };
            for volume in container.volumes.iter().filter(|v| v.size.is_some()) {
                let known_as = name(&service.name, &volume.path);
                volumes.insert((service.name.clone(), volume.path.clone()), known_as);
            }
        }
        volumes
    }

    /// Starts the helper container, tries what can be done here, and says what of what is planned can't.
    pub async fn start(
        engine: &Engine,
        target: &TargetPlan,
        planned: &[(&Site, &FaultKind)],
        outfit: Outfit,
    ) -> Result<Self, HandsError> {
        let volumes = outfit.volumes.values().map(|volume| Held {
            source: HeldIn::Volume(volume.clone()),
            path: mounted(volume),
            read_only: false,
        });
        let wanted = Wanted {
            name: outfit.name.clone(),
            image: outfit.image.clone(),
            entrypoint: Some(vec![PROGRAM.to_owned()]),
            command: vec!["hands".to_owned()],
            holds: volumes.chain(outfit.sees.iter().cloned()).collect(),
            capabilities: ["SYS_ADMIN", "NET_ADMIN", "SYS_PTRACE"]
                .map(str::to_owned)
                .to_vec(),
            host_pids: true,
            ..Wanted::default()
        };
        let helper = engine.start(&wanted).await?;
        let hands = Self {
            engine: engine.clone(),
            helper,
            outfit,
            target: target.clone(),
            can: Can::default(),
            work: Mutex::default(),
        };
        let probe = Order {
            probe: true,
            ..Order::default()
        };
        let mut talking = None;
        let can = match hands.order(&mut talking, &probe).await? {
            Answer::Done { can, .. } => can.unwrap_or_default(),
            Answer::Failed { reason, .. } => return Err(HandsError::Refused(reason)),
        };
        hands.work.lock().await.talking = talking;
        match means::missing(target, planned, &can) {
            Some((what, lacks)) => Err(HandsError::Missing { what, lacks }),
            None => Ok(Self { can, ..hands }),
        }
    }

    /// Strikes, under an id unique in the run; says by what. What goes on links beside it is [`Hands::on_links`].
    pub async fn strike(
        &self,
        id: &str,
        service: &Name,
        kind: &FaultKind,
        lookup: Lookup<'_>,
    ) -> Result<String, HandsError> {
        let mut work = self.work.lock().await;
        let deeds = self.deeds(service, kind, lookup).await?;
        let Work { struck, talking } = &mut *work;
        // Known before it is ordered: whatever becomes of the answer, and of who waits for it.
        let known = struck.entry(id.to_owned()).or_insert_with(|| Struck {
            service: service.clone(),
            kind: kind.clone(),
            deeds: Vec::new(),
        });
        let order = known.ordered(deeds);
        let answer = self.order(talking, &order).await;
        let done = known.settle(order, answer);
        if done.is_err() && known.deeds.is_empty() {
            struck.remove(id);
        }
        drop(work);
        let mut by: Vec<&str> = Vec::new();
        let done = done?;
        for one in &done {
            if !by.contains(&one.as_str()) {
                by.push(one);
            }
        }
        match kind {
            _ if self.on_links(service, kind).is_empty() => {}
            FaultKind::Partition { .. } => by.push("black holes on the links between them"),
            _ => by.push("latency on its links"),
        }
        Ok(by.join(", "))
    }

    /// What goes on links while a fault of the hands lasts.
    pub fn on_links(&self, service: &Name, kind: &FaultKind) -> Vec<OnLink> {
        let links = &self.target.links;
        match kind {
            FaultKind::Partition { from, direction } => {
                means::swallowed(links, service, from, *direction)
            }
            FaultKind::Packets {
                loss,
                delay,
                jitter,
            } => {
                let shaping = means::shaping((*loss, *delay, *jitter), &self.can, true);
                let late = shaping.ok().and_then(|shaping| shaping.links);
                late.map_or_else(Vec::new, |by| means::late(links, service, by))
            }
            _ => Vec::new(),
        }
    }

    /// Lifts it; lifting what is not there is fine. What could not be lifted stays known.
    pub async fn lift(&self, id: &str) -> Result<(), HandsError> {
        let mut work = self.work.lock().await;
        let Work { struck, talking } = &mut *work;
        let Some(known) = struck.get_mut(id) else {
            return Ok(());
        };
        let order = known.ordered(Vec::new());
        let answer = self.order(talking, &order).await;
        known.settle(order, answer)?;
        struck.remove(id);
        Ok(())
    }

    /// Strikes again what a service was struck with, for it was started again or is back in its network: nothing of it is in
    /// its new namespaces, and its address may be another.
    pub async fn risen(&self, service: &Name, lookup: Lookup<'_>) -> Result<(), HandsError> {
        let mut work = self.work.lock().await;
        let Work { struck, talking } = &mut *work;
        for known in struck.values_mut().filter(|known| known.concerns(service)) {
            let deeds = match self.deeds(&known.service, &known.kind, lookup).await {
                // Whoever puts the other one back has it struck then.
                Err(HandsError::Nowhere(_)) => continue,
                deeds => deeds?,
            };
            // A volume that the helper holds too is as full as it was.
            if matches!(deeds.as_slice(), [Deed::Fill { pid: None, .. }]) {
                continue;
            }
            let order = known.ordered(deeds);
            let answer = self.order(talking, &order).await;
            known.settle(order, answer)?;
        }
        Ok(())
    }

    async fn deeds(
        &self,
        service: &Name,
        kind: &FaultKind,
        lookup: Lookup<'_>,
    ) -> Result<Vec<Deed>, HandsError> {
        if let FaultKind::DiskFull { path } = kind
            && let Some(volume) = self.outfit.volumes.get(&(service.clone(), path.clone()))
        {
            let (pid, folder) = (None, mounted(volume));
            return Ok(vec![Deed::Fill { pid, folder }]);
        }
        let here = self.find(service, lookup).await?;
        let pid = here.pid;
        let own = || {
            here.address
                .ok_or_else(|| HandsError::Nowhere(service.clone()))
        };
        Ok(match kind {
            FaultKind::Partition { from, direction } => {
                let others = from.iter().map(async |name| {
                    let other = self.find(name, lookup).await?;
                    let address = other.address;
                    let address = address.ok_or_else(|| HandsError::Nowhere(name.clone()))?;
                    Ok::<_, HandsError>((other.pid, address))
                });
                let (own, others) = (own()?, try_join_all(others).await?);
                let mut deeds = Vec::new();
                if *direction != Direction::In {
                    let to = others.iter().map(|(_, address)| *address).collect();
                    deeds.push(Deed::Silence { pid, own, to });
                }
                if *direction != Direction::Out {
                    let silent = others.into_iter().map(|(pid, address)| Deed::Silence {
                        pid,
                        own: address,
                        to: vec![own],
                    });
                    deeds.extend(silent);
                }
                deeds
            }
            FaultKind::Packets {
                loss,
                delay,
                jitter,
            } => {
                let asked = (*loss, *delay, *jitter);
                let shaping = means::shaping(asked, &self.can, true);
                let within = shaping.map_err(HandsError::Refused)?.within;
                let own = own()?;
                let deed = |within: Within| Deed::Packets {
                    pid,
                    own,
                    loss: within.loss,
                    delay: within.delay,
                    jitter: within.jitter,
                    with: within.with,
                };
                within.map(deed).into_iter().collect()
            }
            FaultKind::DiskFull { path } => vec![Deed::Fill {
                pid: Some(pid),
                folder: path.clone(),
            }],
            FaultKind::ReadOnly { path } => vec![Deed::Freeze {
                pid,
                folder: path.clone(),
            }],
            FaultKind::Dns => vec![Deed::Deafen { pid }],
            other => {
                let what = other.word();
                return Err(HandsError::Refused(format!("{what} is no work of hands")));
            }
        })
    }

    async fn find(&self, service: &Name, lookup: Lookup<'_>) -> Result<Whereabouts, HandsError> {
        let id = lookup(service).ok_or_else(|| HandsError::Nowhere(service.clone()))?;
        Ok(self.engine.whereabouts(&id, &self.outfit.network).await?)
    }

    async fn order(
        &self,
        talking: &mut Option<Conversation>,
        order: &Order,
    ) -> Result<Answer, HandsError> {
        if *order == Order::default() {
            let (by, can) = (Vec::new(), None);
            return Ok(Answer::Done { by, can });
        }
        let words = serde_json::to_string(order);
        let words = words.map_err(|error| HandsError::Refused(error.to_string()))?;
        // Put back only when it is known that nothing more of this answer comes.
        let mut conversation = match talking.take() {
            Some(conversation) => conversation,
            None => {
                let command = [PROGRAM, "hands", "-"].map(str::to_owned);
                self.engine.converse(&self.helper, &command).await?
            }
        };
        let said = conversation.say(&words, WITHIN).await?;
        *talking = Some(conversation);
        serde_json::from_str(&said).map_err(|_| HandsError::NoAnswer { said })
    }
}

/// Where the helper mounts a volume.
fn mounted(volume: &str) -> String {
    format!("/held/{volume}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Deed = Deed::Deafen { pid: 1 };
    const TWO: Deed = Deed::Deafen { pid: 2 };

    fn struck() -> Struck {
        Struck {
            service: "web".parse().expect("a name"),
            kind: FaultKind::Dns,
            deeds: Vec::new(),
        }
    }

    fn done() -> Result<Answer, HandsError> {
        let (by, can) = (Vec::new(), None);
        Ok(Answer::Done { by, can })
    }

    #[test]
    fn what_was_ordered_is_undone_unless_it_is_known_not_to_be_there() {
        let mut known = struck();
        let order = known.ordered(vec![ONE]);
        assert_eq!(known.deeds, [ONE], "who gives it up in between");
        let said = "an answer that was cut".to_owned();
        let lost = known.settle(order, Err(HandsError::NoAnswer { said }));
        assert!(lost.is_err());
        // Struck again after that.
        let order = known.ordered(vec![TWO]);
        assert_eq!(
            (&order.undo[..], &order.deeds[..]),
            (&[ONE][..], &[TWO][..])
        );
        assert_eq!(known.deeds, [ONE, TWO]);
        known.settle(order, done()).expect("done");
        assert_eq!(known.deeds, [TWO]);

        let order = known.ordered(vec![ONE]);
        let (reason, left) = (String::new(), vec![TWO]);
        let failed = known.settle(order, Ok(Answer::Failed { reason, left }));
        assert!(failed.is_err());
        assert_eq!(known.deeds, [TWO]);
        let order = known.ordered(Vec::new());
        known.settle(order, done()).expect("lifted");
        assert!(known.deeds.is_empty());
    }
}
