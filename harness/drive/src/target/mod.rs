//! The system under test: chosen ports, links through the fault proxy, services in order, readiness, orderly stop. What
//! it starts is journalled and labelled, so that it can be found and ended whatever happens to this process.

#[cfg(test)]
mod fake;
mod faults;
pub mod guardian;
pub mod heal;
pub mod journal;
mod lifecycle;
pub mod links;
pub mod output;
mod ports;
mod pressure;
pub mod proxies;
mod ready;
pub mod server;
mod service;
pub mod toxiproxy;

use crate::dispatcher::Mouth;
use crate::health::Gauges;
use crate::http_client::Client;
use crate::ports::Restart;
use crate::probe::Endpoint;
use crate::redact::{Redactor, Secrets};
use faults::{Rising, Struck};
use futures::future::{BoxFuture, FutureExt as _};
use harness_core::event::Event;
use harness_core::name::{Name, RunId};
use harness_core::plan::Plan;
use harness_core::plan::fault::FaultKind;
use harness_core::plan::probe::TARGET;
use harness_core::plan::target::{Mode, TargetPlan};
use harness_core::template::{Symbol, Symbols, Text, UnboundError};
use harness_load::Clock;
use journal::{Entry, Journal, JournalError};
use links::LinkError;
use proxies::Proxies;
use ready::Place;
use service::Service;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use tokio::sync::Mutex;

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
}

/// Why the target did not come up.
#[derive(Debug)]
pub struct Failed {
    /// The service at fault, if one is.
    pub service: Option<String>,
    /// Why, one sentence.
    pub reason: String,
    /// Its last lines of output.
    pub output: Vec<String>,
}

impl Failed {
    fn whole(reason: impl ToString) -> Self {
        Self {
            service: None,
            reason: reason.to_string(),
            output: Vec::new(),
        }
    }

    fn of(service: &Name, reason: impl ToString, output: Vec<String>) -> Self {
        Self {
            service: Some(service.to_string()),
            reason: reason.to_string(),
            output,
        }
    }
}

impl From<JournalError> for Failed {
    fn from(error: JournalError) -> Self {
        Self::whole(error)
    }
}

impl From<LinkError> for Failed {
    fn from(error: LinkError) -> Self {
        Self::whole(error)
    }
}

impl From<UnboundError> for Failed {
    fn from(error: UnboundError) -> Self {
        Self::whole(error)
    }
}

/// The running target.
pub struct Target {
    plan: TargetPlan,
    around: Surroundings,
    ports: BTreeMap<Name, u16>,
    links: Arc<Proxies>,
    symbols: Symbols,
    services: Mutex<Vec<Arc<Service>>>,
    struck: std::sync::Mutex<BTreeMap<String, Struck>>,
    /// Services started again since they were last struck, until somebody waits for them.
    rising: std::sync::Mutex<BTreeMap<Name, Rising>>,
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
        let mut faults = whole.faults();
        let limits = |kind: &FaultKind| matches!(kind, FaultKind::Memory { .. });
        if let Some((fault, _)) = faults.find(|(_, strike)| limits(strike.kind))
            && !pressure::CAN_LIMIT
        {
            return Err(Failed::whole(format!(
                "fault {fault:?} limits memory, which the harness can do on Linux only: leave it out of this run"
            )));
        }
        let ports = ports::free(&plan.services)?;
        let mut symbols = Symbols::default();
        for (name, value) in around.secrets.iter() {
            symbols.insert(Symbol::Secret(name.clone()), value.to_owned());
        }
        let server = plan.proxy.as_ref().map(|proxy| proxy.bind(&symbols));
        let server = server.transpose()?.map(|proxy| proxy.to_plain());
        let links = Proxies::bind(whole, server.as_deref(), &ports, &around).await?;
        for (service, port) in &ports {
            symbols.insert(Symbol::ServicePort(service.clone()), port.to_string());
            symbols.insert(
                Symbol::ServiceUrl(service.clone()),
                Place {
                    scheme: plan.scheme_of(service),
                    port: *port,
                }
                .to_string(),
            );
        }
        for link in &plan.links {
            if let Some(address) = links.address(&link.name) {
                symbols.insert(Symbol::LinkAddress(link.name.clone()), address.clone());
                symbols.insert(
                    Symbol::LinkUrl(link.name.clone()),
                    format!("{}://{address}", link.scheme),
                );
            }
        }
        symbols.insert(Symbol::RunId, around.run.to_string());
        symbols.insert(
            Symbol::RunDir,
            around.folder.join("scratch").display().to_string(),
        );
        Ok(Arc::new_cyclic(|me| Self {
            plan: plan.clone(),
            around,
            ports,
            links,
            symbols,
            services: Mutex::default(),
            struck: std::sync::Mutex::default(),
            rising: std::sync::Mutex::default(),
            runtime: tokio::runtime::Handle::current(),
            me: me.clone(),
        }))
    }

    /// Prepares, then starts every service in order and waits until each is ready.
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
        self.prepare().await?;
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
        self.text(&self.plan.entry, None)
    }

    /// What is known now that the ports are.
    pub fn symbols(&self) -> &Symbols {
        &self.symbols
    }

    /// The links, to be broken.
    pub fn links(&self) -> &Arc<Proxies> {
        &self.links
    }

    /// Every address a service answers at: its own and those of the links that lead to it.
    pub fn addresses(&self) -> Vec<Vec<String>> {
        let through = |service: &Name| {
            let links = self.plan.links.iter().filter(|link| link.to == *service);
            links
                .filter_map(|link| {
                    let address = self.links.address(&link.name)?;
                    Some(format!("{}://{address}", self.plan.scheme_of(service)))
                })
                .collect::<Vec<_>>()
        };
        let services = self.plan.services.iter().map(|service| &service.name);
        services
            .map(|name| {
                let own = self.ports.contains_key(name).then(|| self.place(name));
                let own = own.map(|place| place.to_string());
                own.into_iter().chain(through(name)).collect()
            })
            .collect()
    }

    /// Where a service listens; port 0 if there is no such service.
    fn place(&self, service: &Name) -> Place {
        Place {
            scheme: self.plan.scheme_of(service),
            port: self.ports.get(service).copied().unwrap_or(0),
        }
    }

    /// The endpoints of the target's own metrics.
    pub fn probes(&self) -> Vec<Endpoint> {
        let own = self.plan.services.iter().filter_map(|service| {
            let path = service.metrics.as_ref()?;
            let place = self
                .ports
                .get(&service.name)
                .map(|_| self.place(&service.name))?;
            Some(Endpoint {
                service: service.name.to_string(),
                url: format!("{place}{path}"),
            })
        });
        let given = self.plan.metrics.iter().filter_map(|url| {
            let url = self.text(url, None).ok()?;
            Some(Endpoint {
                service: TARGET.into(),
                url,
            })
        });
        let elsewhere = self.plan.scrapes.iter().filter_map(|scrape| {
            Some(Endpoint {
                service: scrape.service.to_string(),
                url: self.text(&scrape.url, None).ok()?,
            })
        });
        own.chain(elsewhere).chain(given).collect()
    }

    /// Where services say whether they are ready: those that are asked with a request.
    pub fn pulses(&self) -> Vec<Endpoint> {
        let asked = self.plan.services.iter().filter_map(|service| {
            let path = service.ready.get.as_ref()?;
            self.ports.get(&service.name)?;
            Some(Endpoint {
                service: service.name.to_string(),
                url: format!("{}{path}", self.place(&service.name)),
            })
        });
        asked.collect()
    }

    /// Whether every service lives and says that it is ready, waiting for it within its own limit.
    pub async fn steady(&self) -> Result<(), String> {
        if self.plan.mode == Mode::External {
            let entry = self.entry().map_err(|e| e.to_string())?;
            return ready::answers(&self.around.client, &entry).await;
        }
        // Not held while waiting: a fault may strike or be lifted meanwhile.
        let services = self.services.lock().await.clone();
        if services.len() != self.plan.services.len() {
            return Err("not every service was started".to_owned());
        }
        for (plan, service) in self.plan.services.iter().zip(services.iter()) {
            let place = self.place(&plan.name);
            ready::wait(
                &self.around.client,
                &self.around.mouth,
                &plan.ready,
                place,
                service,
            )
            .await
            .map_err(|e| format!("{}: {e}", plan.name))?;
        }
        Ok(())
    }

    /// Stops every service, last started first, ends the links, and removes the scratch folder. Safe to call twice.
    pub async fn down(&self) {
        for text in self.heal().await {
            self.around.mouth.say(Event::Notice { text }).await;
        }
        self.stop_all().await;
        if let Some(reason) = self.links.shut_down().await {
            let text = format!("the links were not all ended: {reason}");
            self.around.mouth.say(Event::Notice { text }).await;
        }
        let _ = tokio::fs::remove_dir_all(self.around.folder.join("scratch")).await;
    }

    fn texts(&self, texts: &[Text], service: Option<&Name>) -> Result<Vec<String>, UnboundError> {
        texts.iter().map(|text| self.text(text, service)).collect()
    }

    /// A text with every symbol filled in; `${port}` is the service's own.
    fn text(&self, text: &Text, service: Option<&Name>) -> Result<String, UnboundError> {
        let own = service.and_then(|service| self.ports.get(service));
        match own {
            Some(port) => {
                let mut symbols = self.symbols.clone();
                symbols.insert(Symbol::Port, port.to_string());
                text.bind(&symbols).map(|text| text.to_plain())
            }
            None => text.bind(&self.symbols).map(|text| text.to_plain()),
        }
    }
}

impl Restart for Target {
    fn restart(&self) -> BoxFuture<'_, Result<(), String>> {
        async move {
            self.heal_for_restart().await?;
            self.stop_all().await;
            self.start_all().await.map_err(|failed| {
                failed.service.map_or(failed.reason.clone(), |service| {
                    format!("{service}: {}", failed.reason)
                })
            })
        }
        .boxed()
    }
}
