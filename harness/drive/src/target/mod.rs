//! The system under test: chosen ports, links through the fault proxy, services in order, readiness, orderly stop. What
//! it starts is journalled and labelled, so that it can be found and ended whatever happens to this process.

pub mod compose;
mod containers;
pub mod engine;
mod failed;
#[cfg(test)]
mod fake;
mod faults;
pub mod guardian;
pub mod hands;
pub mod heal;
pub mod journal;
mod lifecycle;
pub mod links;
mod order;
pub mod output;
mod ports;
mod pressure;
pub mod proxies;
mod reached;
mod readings;
mod ready;
pub mod server;
mod service;
pub mod toxiproxy;
mod version;

use crate::dispatcher::Mouth;
use crate::health::Gauges;
use crate::http_client::Client;
use crate::ports::Restart;
use crate::redact::{Redactor, Secrets};
use containers::Containers;
use faults::{Rising, Struck};
use futures::future::{BoxFuture, FutureExt as _, try_join_all};
use harness_core::event::Event;
use harness_core::name::{Name, RunId};
use harness_core::plan::Plan;
use harness_core::plan::fault::FaultKind;
use harness_core::plan::target::{Mode, ServicePlan, TargetPlan};
use harness_core::template::{Symbol, Symbols, UnboundError};
use harness_load::Clock;
use journal::{Entry, Journal};
use pressure::Pressures;
use proxies::Proxies;
use readings::Readings;
use service::Service;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use version::{Version, Versions};

pub use failed::Failed;

/// What the target needs of the run around it.
pub struct Surroundings {
    /// The suite's root: where commands run.
    pub root: PathBuf,
    /// The run's folder: output goes to `services/` in it.
    pub folder: PathBuf,
    /// The run.
    pub run: RunId,
    /// The plan's seed, for the proxies' rolls.
    pub seed: u64,
    /// The run's clock.
    pub clock: Clock,
    /// Where events go.
    pub mouth: Mouth,
    /// Secrets, resolved.
    pub secrets: Secrets,
    /// Takes them out of output.
    pub redactor: Redactor,
    /// The undo journal.
    pub journal: Journal,
    /// Asks services whether they are ready.
    pub client: Client,
    /// Where the proxy's cost is added up.
    pub gauges: Gauges,
    /// Cancelled when the run is broken off: nothing is waited for any more that the target's end undoes.
    pub cancel: CancellationToken,
}

/// The running target.
pub struct Target {
    whole: Plan,
    plan: TargetPlan,
    around: Surroundings,
    /// What services run in, where they are no processes.
    containers: Option<Arc<Containers>>,
    ports: BTreeMap<Name, u16>,
    links: Arc<Proxies>,
    symbols: Readings,
    versions: Versions,
    services: Mutex<Vec<Arc<Service>>>,
    /// Versions of services that run and don't serve: not yet, or no longer.
    beside: Mutex<Vec<Arc<Service>>>,
    /// Services that are being started, to be known or to fail.
    starting: TaskTracker,
    pressures: Pressures,
    struck: std::sync::Mutex<BTreeMap<String, Struck>>,
    /// Services started again since they were last struck, until somebody waits for them.
    rising: std::sync::Mutex<BTreeMap<Name, Rising>>,
    /// Services whose container somebody removed while they were down: told, and waited for by nobody.
    given_up: std::sync::Mutex<BTreeSet<Name>>,
    /// What was said to be beyond healing.
    told: std::sync::Mutex<BTreeSet<String>>,
    /// Services are started and watched here, whoever asks: a walk's own runtime ends with the walk.
    runtime: tokio::runtime::Handle,
    me: Weak<Self>,
}

impl Target {
    /// Chooses ports, binds links and prepares; starts nothing yet. Whoever holds the answer must call
    /// [`Target::down`] in the end, also when starting fails.
    pub async fn lay_out(plan: &Plan, around: Surroundings) -> Result<Arc<Self>, Failed> {
        let whole = plan;
        let plan = &whole.target;
        can_be_played(whole)?;
        let containers = match plan.mode {
            Mode::Container | Mode::Compose => {
                Some(Containers::meet(&around.run, version::deployed(whole)).await?)
            }
            Mode::Process | Mode::External => None,
        };
        let mut common = Symbols::default();
        // One whose name or value is no text can't be referred to.
        let variables = std::env::vars_os();
        common.environment(
            variables.filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?))),
        );
        for (name, value) in around.secrets.iter() {
            common.insert(Symbol::Secret(name.clone()), value.to_owned());
        }
        let names = || plan.services.iter().map(|service| &service.name);
        let deployed = version::deployed(whole);
        let mut bodies: BTreeMap<Name, [u16; 2]> = BTreeMap::new();
        let mut ports: BTreeMap<Name, u16> = BTreeMap::new();
        let links = match containers {
            Some(_) => {
                let links = Proxies::in_containers(whole, &around)?;
                let door = |name, version| links.door_to_version(name, version);
                let doors = deployed.iter().filter_map(|name| {
                    let both = [door(name, Version::Own)?, door(name, Version::Next)?];
                    Some((name.clone(), both))
                });
                bodies.extend(doors);
                links
            }
            None => {
                let free = ports::free(names().chain(&deployed))?;
                ports.extend(names().cloned().zip(free.iter().copied()));
                let next = free.into_iter().skip(plan.services.len());
                let both = deployed
                    .iter()
                    .cloned()
                    .zip(next)
                    .filter_map(|(name, next)| {
                        let own = *ports.get(&name)?;
                        Some((name, [own, next]))
                    });
                bodies.extend(both);
                let server = plan.proxy.as_ref().map(|proxy| proxy.bind(&common));
                let server = server.transpose()?.map(|proxy| proxy.to_plain());
                Proxies::bind(whole, server.as_deref(), &ports, &around).await?
            }
        };
        // What has a door is reached through it, whatever is behind.
        let doors = names().filter_map(|name| Some((name.clone(), links.door_to(name)?)));
        ports.extend(doors);
        common.insert(Symbol::RunId, around.run.to_string());
        let scratch = around.folder.join("scratch");
        common.insert(Symbol::RunDir, scratch.display().to_string());
        let symbols = Readings::of(plan, &ports, &links, common);
        let pressures = Pressures::of(whole, &around);
        Ok(Arc::new_cyclic(|me| Self {
            whole: whole.clone(),
            plan: plan.clone(),
            around,
            containers: containers.map(Arc::new),
            ports,
            links,
            symbols,
            versions: Versions::at(bodies),
            services: Mutex::default(),
            beside: Mutex::default(),
            starting: TaskTracker::new(),
            pressures,
            struck: std::sync::Mutex::default(),
            rising: std::sync::Mutex::default(),
            given_up: std::sync::Mutex::default(),
            told: std::sync::Mutex::default(),
            runtime: tokio::runtime::Handle::current(),
            me: me.clone(),
        }))
    }

    /// Prepares, then starts every service as soon as those it needs are ready, and waits until each is.
    pub async fn up(&self) -> Result<(), Failed> {
        let scratch = self.around.folder.join("scratch");
        self.around.journal.write(&Entry::Folder {
            path: scratch.clone(),
        })?;
        for folder in [scratch, self.around.folder.join("services")] {
            let made = tokio::fs::create_dir_all(&folder).await;
            made.map_err(|error| {
                Failed::whole(format!("failed to create {}: {error}", folder.display()))
            })?;
        }
        if let Some(containers) = &self.containers {
            containers.begin(&self.around).await?;
        }
        self.prepare().await?;
        if let Some(containers) = &self.containers {
            self.furnish(containers).await?;
        }
        self.start_all().await?;
        let entry = self.entry()?;
        if self.plan.mode == Mode::External {
            ready::answers(&self.around.client, &entry)
                .await
                .map_err(Failed::whole)?;
        }
        self.around.mouth.say(Event::TargetReady { entry }).await;
        Ok(())
    }

    /// Base address of journeys and load.
    pub fn entry(&self) -> Result<String, UnboundError> {
        self.outside(&self.plan.entry)
    }

    /// What is known now that the ports are, as who is not a service reads it.
    pub fn symbols(&self) -> &Symbols {
        &self.symbols.outside
    }

    /// The links, to be broken.
    pub fn links(&self) -> &Arc<Proxies> {
        &self.links
    }

    /// Whether every service lives and says that it is ready, waiting for it within its own limit.
    pub async fn steady(&self) -> Result<(), String> {
        if self.plan.mode == Mode::External {
            let entry = self.entry().map_err(|e| e.to_string())?;
            return ready::answers(&self.around.client, &entry).await;
        }
        // Not held while waiting: a fault may strike or be lifted meanwhile.
        let services = self.services.lock().await.clone();
        let services = services.iter().filter_map(|service| {
            let plan = self.plan_of(service.name())?;
            Some((plan, service))
        });
        let services: Vec<_> = services.collect();
        if services.len() != self.plan.services.len() {
            return Err("not every service was started".to_owned());
        }
        let all = services.into_iter().map(|(plan, service)| async move {
            let ready = self.is_ready(plan, service).await;
            ready.map_err(|reason| format!("{}: {reason}", plan.name))
        });
        try_join_all(all).await.map(drop)
    }

    /// Waits until a running service says that it is ready.
    async fn is_ready(&self, plan: &ServicePlan, service: &Service) -> Result<(), String> {
        // A version that could not be rolled back is the one that serves.
        let serving = self.versions.serving(&plan.name);
        let question = self.question(plan, serving);
        let question = question.map_err(|error| error.to_string())?;
        let (client, mouth) = (&self.around.client, &self.around.mouth);
        let ready = ready::wait(client, mouth, &question, plan.ready.within, service).await;
        ready.map_err(|reason| reason.to_string())
    }

    /// Stops every service, those that need others first, ends the links, and removes the scratch folder. Safe to call twice.
    pub async fn down(&self) {
        self.heal_aloud().await;
        self.stop_all().await;
        if let Some(reason) = self.links.shut_down().await {
            let text = format!("the links were not all ended: {reason}");
            self.around.mouth.say(Event::Notice { text }).await;
        }
        if let Some(containers) = &self.containers {
            for reason in containers.remove().await {
                let text = format!("not everything of this run was removed: {reason}");
                self.around.mouth.say(Event::Notice { text }).await;
            }
        }
        let _ = tokio::fs::remove_dir_all(self.around.folder.join("scratch")).await;
    }

    pub(super) async fn notice(&self, text: String) {
        self.around.mouth.say(Event::Notice { text }).await;
    }
}

/// An error if the plan holds what this machine, or this version, can't play: told before anything is started.
fn can_be_played(plan: &Plan) -> Result<(), Failed> {
    let engine = plan.target.mode.in_containers();
    for (fault, strike) in plan.faults() {
        let why = match strike.kind {
            FaultKind::Memory { .. } if !engine && !pressure::CAN_LIMIT => {
                "limits memory, which the harness can do on Linux only"
            }
            _ => continue,
        };
        return Err(Failed::whole(format!(
            "fault {fault:?} {why}: leave it out of this run"
        )));
    }
    Ok(())
}

impl Restart for Target {
    fn restart(&self) -> BoxFuture<'_, Result<(), String>> {
        async move {
            self.heal_for_restart().await?;
            self.stop_all().await;
            self.own_again().await?;
            self.start_all().await.map_err(|failed| {
                failed.service.map_or(failed.reason.clone(), |service| {
                    format!("{service}: {}", failed.reason)
                })
            })
        }
        .boxed()
    }
}
