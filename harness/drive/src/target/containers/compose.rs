//! The containers of a Compose file: made by its tool before anything starts, and those that the suite does not name started
//! as the file says, for those it names.

use super::{Containers, Made};
use crate::target::compose::another::Another;
use crate::target::compose::call::{ComposeError, Files};
use crate::target::compose::needs::Until;
use crate::target::compose::project::{Wanted, Wants};
use crate::target::compose::{Composed, compose};
use crate::target::engine::Seen;
use crate::target::ready::{self, Question};
use crate::target::service::{Service, Vessel};
use crate::target::version::Version;
use crate::target::{Failed, Target};
use harness_core::plan::target::{ComposeService, ServicePlan, Vessel as Planned};
use harness_core::units::format_duration;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash as _, Hasher as _};
use std::sync::Arc;
use std::time::Duration;

/// The log of the tool.
const LOG: &str = "harness-compose";
/// What a service of the file that the suite does not name may take until it is healthy, or done.
const WITHIN: Duration = Duration::from_secs(5 * 60);
/// The end of one that did what it was there for.
const DONE: &str = "exit code 0";

/// What a Compose file adds to what the suite says.
#[derive(Debug, Default)]
pub(in crate::target) struct Beside {
    /// Services that the suite does not name, and those it names can't be without, by their names in the file.
    others: BTreeMap<String, Other>,
    /// Who needs whom in the file, by the names that they have here.
    needs: BTreeSet<(String, String)>,
}

/// A service of the file that the suite does not name.
#[derive(Debug, Clone)]
struct Other {
    vessel: Vessel,
    /// How far its output was read.
    seen: Seen,
    /// How far it must have come before anybody who needs it starts.
    until: Until,
}

impl Beside {
    /// Of what was made: `known` has the suite's names of services by those in the file.
    fn of(
        made: BTreeMap<String, (Vessel, Composed)>,
        known: &BTreeMap<String, String>,
    ) -> Result<Self, String> {
        let here = |service: &String| known.get(service).unwrap_or(service).clone();
        let mut beside = Self::default();
        for (service, (_, composed)) in &made {
            let edges = composed.needs.keys();
            let edges = edges.map(|needed| (here(service), here(needed)));
            beside.needs.extend(edges);
        }
        let until = |service: &String| {
            let edges = made.values();
            let edges = edges.filter_map(|(_, composed)| composed.needs.get(service));
            edges.max().copied().unwrap_or(Until::Started)
        };
        for (service, (vessel, _)) in &made {
            if known.contains_key(service) {
                continue;
            }
            if known.values().any(|name| name == service) {
                return Err(format!(
                    "the Compose file's service `{service}` is needed and the suite does not name it, but calls another one so: \
                     give that one in the suite a name of its own"
                ));
            }
            let other = Other {
                vessel: vessel.clone(),
                seen: Seen::default(),
                until: until(service),
            };
            beside.others.insert(service.clone(), other);
        }
        Ok(beside)
    }

    /// The services that the suite does not name.
    pub(in crate::target) fn names(&self) -> impl Iterator<Item = &str> {
        self.others.keys().map(String::as_str)
    }

    /// Whether a service needs another one, as the file says.
    pub(in crate::target) fn needs(&self, service: &str, other: &str) -> bool {
        let edge = (service.to_owned(), other.to_owned());
        self.needs.contains(&edge)
    }
}

impl Target {
    /// Has the tool make the containers of the Compose file, if that is what the target is.
    pub(super) async fn make_composed(&self, containers: &Containers) -> Result<(), Failed> {
        let services: Vec<_> = self.composed().collect();
        if services.is_empty() {
            return Ok(());
        }
        let around = &self.around;
        let sink = self.sink(LOG, None).await.map_err(Failed::whole)?;
        let engine = containers.engine();
        let wants = self.wants(containers, &services)?;
        let made = async {
            let (files, run) = ((&*around.root, &*self.plan.compose), around.run.as_str());
            let files = Files::find(files, run, engine.reach(), sink).await?;
            compose(files, wants, engine, &around.folder.join("scratch")).await
        };
        let telling = ready::still(&around.mouth, |waited| {
            let waited = format_duration(waited);
            format!(
                "the Compose tool is still at work after {waited}: services/{LOG}.log has what it says"
            )
        });
        let made = tokio::select! {
            made = made => made,
            never = telling => match never {},
        };
        let (project, made) = made.map_err(|error: ComposeError| Failed {
            service: None,
            output: error.output().to_vec(),
            reason: error.to_string(),
        })?;
        let _ = containers.project.set(project);
        let vessel = |composed: Composed| {
            let engine = engine.clone();
            let id = composed.id.clone();
            (Vessel { engine, id }, composed)
        };
        let made: BTreeMap<_, _> = made
            .into_iter()
            .map(|(service, composed)| (service, vessel(composed)))
            .collect();
        for (plan, service) in &services {
            let Some((vessel, _)) = made.get(&service.service) else {
                continue;
            };
            let made = Made {
                vessel: vessel.clone(),
                seen: Seen::default(),
                address: None,
            };
            containers
                .lock()
                .insert((plan.name.clone(), Version::Own), made);
        }
        let known = services.iter();
        let known = known.map(|(plan, service)| (service.service.clone(), plan.name.to_string()));
        let beside = Beside::of(made, &known.collect()).map_err(Failed::whole)?;
        let _ = containers.beside.set(beside);
        Ok(())
    }

    /// Services that a Compose file describes.
    fn composed(&self) -> impl Iterator<Item = (&ServicePlan, &ComposeService)> {
        let services = self.plan.services.iter();
        services.filter_map(|service| match service.vessel.as_ref()? {
            Planned::Compose(compose) => Some((service, compose)),
            Planned::Container(_) => None,
        })
    }

    fn wants(
        &self,
        containers: &Containers,
        services: &[(&ServicePlan, &ComposeService)],
    ) -> Result<Wants, Failed> {
        let engine = containers.engine();
        let labels = engine.labels().pairs().into_iter();
        let wanted = services.iter().map(|(plan, service)| {
            let wanted = Wanted {
                alias: plan.name.to_string(),
                image: service.image.clone(),
                env: self.env_of(plan, Version::Own)?,
                port: service.port,
                behind: containers.entered_by(plan),
            };
            Ok::<_, Failed>((service.service.clone(), wanted))
        });
        Ok(Wants {
            project: containers.prefix.to_lowercase(),
            labels: labels
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            images: self.images(),
            services: wanted.collect::<Result<_, _>>()?,
            network: containers.net(),
            control: containers.control(),
            publish: (!engine.is_local()).then(|| engine.publishes_at().to_owned()),
        })
    }

    /// Has the tool make the container of a service's next version.
    pub(super) async fn make_next(
        &self,
        containers: &Containers,
        (plan, service): (&ServicePlan, &ComposeService),
    ) -> Result<Vessel, Failed> {
        let failed = |reason: String, output| Failed::of(&plan.name, reason, output);
        let project = containers.project.get();
        let project = project.ok_or_else(|| failed("nothing was made of it".into(), Vec::new()))?;
        let (name, version) = (&plan.name, Version::Next);
        let another = Another {
            container: containers.name_of(name, version),
            alias: containers.alias_of(name, version),
            image: service.image.clone(),
            command: self.insides(&plan.command, (name, version))?,
            env: self.env_of(plan, version)?,
        };
        let engine = containers.engine().clone();
        let made = project.another(&engine, &service.service, &another).await;
        let id = made.map_err(|error| failed(error.to_string(), error.output().to_vec()))?;
        Ok(Vessel { engine, id })
    }

    /// What images that the tool builds are called, before their service: the same in every run of a suite, and of no other.
    fn images(&self) -> String {
        let mut hasher = std::hash::DefaultHasher::new();
        self.around.root.hash(&mut hasher);
        let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
        let project: String = self.whole.project.chars().map(plain).collect();
        let project = project.trim_matches('-').to_lowercase();
        format!("harness-compose-{project}-{:08x}", hasher.finish() >> 32)
    }

    /// The services of a Compose file that the suite does not name, and its own can't be without.
    pub(in crate::target) fn others(&self) -> impl Iterator<Item = &str> {
        let beside = self.added().into_iter();
        beside.flat_map(Beside::names)
    }

    /// What a Compose file adds, once it was read.
    pub(in crate::target) fn added(&self) -> Option<&Beside> {
        self.containers.as_ref()?.beside.get()
    }

    /// Starts a service of the Compose file that the suite does not name.
    pub(in crate::target) async fn spawn_other(&self, name: &str) -> Result<Arc<Service>, Failed> {
        let failed = |reason: String| Failed {
            service: Some(name.to_owned()),
            reason,
            output: Vec::new(),
        };
        let other = self.other(name).map_err(failed)?;
        let sink = self.sink(name, None).await;
        let sink = sink.map_err(|error| failed(error.to_string()))?;
        let started = other.vessel.engine.start_again(&other.vessel.id).await;
        started.map_err(|error| failed(error.to_string()))?;
        let life = Service::within(name.to_owned(), other.vessel, &other.seen, sink);
        Ok(Arc::new(life))
    }

    fn other(&self, name: &str) -> Result<Other, String> {
        let other = self.added().and_then(|beside| beside.others.get(name));
        other
            .cloned()
            .ok_or_else(|| "no container was made of it".to_owned())
    }

    /// Waits until it has come as far as those who need it want, and has its end watched.
    pub(in crate::target) async fn other_is_up(
        &self,
        name: &str,
        service: &Arc<Service>,
    ) -> Result<(), Failed> {
        let failed = |reason: String| Failed {
            service: Some(name.to_owned()),
            reason,
            output: service.tail(),
        };
        let other = self.other(name).map_err(failed)?;
        let up = match other.until {
            Until::Started => Ok(()),
            Until::Healthy => {
                let question = Question::Healthy(other.vessel);
                let (client, mouth) = (&self.around.client, &self.around.mouth);
                let up = ready::wait(client, mouth, &question, WITHIN, service).await;
                up.map_err(|reason| reason.to_string())
            }
            Until::Completed => self.is_done(service).await,
        };
        if let Err(reason) = up {
            // Why the target did not come up says it.
            service.end_is_told();
            return Err(failed(reason));
        }
        let (me, service) = (self.me().map_err(failed)?, Arc::clone(service));
        tokio::spawn(async move {
            match service.wait().await == DONE {
                // It did what it was there for.
                true => service.end_is_told(),
                false => me.watch_over(&service),
            }
        });
        Ok(())
    }

    async fn is_done(&self, service: &Service) -> Result<(), String> {
        let telling = ready::still(&self.around.mouth, |waited| {
            let waited = format_duration(waited);
            format!("`{}` is not done after {waited}", service.name())
        });
        let ended = tokio::select! {
            ended = tokio::time::timeout(WITHIN, service.wait()) => ended,
            never = telling => match never {},
        };
        match ended.as_deref() {
            Ok(DONE) => Ok(()),
            Ok(status) => Err(format!(
                "it ended with {status}, and what needs it waits for its success"
            )),
            Err(_) => Err(format!(
                "it was not done within {}, and what needs it waits for that",
                format_duration(WITHIN)
            )),
        }
    }
}
