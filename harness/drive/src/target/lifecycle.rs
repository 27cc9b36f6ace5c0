//! How services come up, each as soon as what it needs is ready, and how they are stopped, each as soon as nobody needs it
//! any more. Knows nothing of links or faults.

use super::engine::LEAVING;
use super::order;
use super::output::Sink;
use super::ready::{self, Question};
use super::service::{Service, SpawnError, Start};
use super::version::Version;
use super::{Failed, Target};
use crate::spans;
use futures::future::try_join_all;
use futures::{FutureExt as _, StreamExt as _, stream};
use harness_core::event::Event;
use harness_core::plan::target::ServicePlan;
use harness_core::template::UnboundError;
use harness_core::units::{format_duration, micros};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tracing::{Instrument as _, info_span};

impl Target {
    pub(super) async fn prepare(&self) -> Result<(), Failed> {
        let mut done: Vec<Vec<String>> = Vec::new();
        for service in &self.plan.services {
            let Some(command) = &service.prepare else {
                continue;
            };
            let command = self.outsides(command)?;
            if done.contains(&command) {
                continue;
            }
            self.around
                .mouth
                .say(Event::Notice {
                    text: format!("preparing: {}", command.join(" ")),
                })
                .await;
            let mut start = self.start_of(service, Version::Own)?;
            start.command.clone_from(&command);
            if service.vessel.is_some() {
                // What a container is told is not for this machine.
                start.env.clear();
            }
            let sink = self
                .sink("prepare", None)
                .await
                .map_err(|e| Failed::of(&service.name, e, Vec::new()))?;
            let run = Service::start(&start, &self.around.journal, sink);
            let run = Arc::new(run.map_err(|e| Failed::of(&service.name, e, Vec::new()))?);
            // Known as a service while it lives, so that an interrupt stops it like one.
            self.services.lock().await.push(Arc::clone(&run));
            let span = info_span!("prepare", service = %service.name);
            let telling = ready::still(&self.around.mouth, |waited| {
                let last = run.tail().into_iter().rfind(|line| !line.is_empty());
                let last = last.map_or_else(String::new, |line| format!(": {line}"));
                format!("still preparing after {}{last}", format_duration(waited))
            });
            let status = tokio::select! {
                biased;
                status = run.wait().instrument(span) => status,
                never = telling => match never {},
            };
            self.services.lock().await.pop();
            if status != "exit code 0" {
                let reason = format!(
                    "its prepare command `{}` ended with {status}",
                    command.join(" ")
                );
                return Err(Failed::of(&service.name, reason, run.tail()));
            }
            done.push(command);
        }
        Ok(())
    }

    /// Starts every service as soon as those it needs are ready. With the first that fails the others are left as they
    /// are: whoever stops the target stops them.
    pub(super) async fn start_all(&self) -> Result<(), Failed> {
        let own = self.plan.services.iter().map(|plan| plan.name.as_str());
        let all: Vec<&str> = own.chain(self.others()).collect();
        let all = order::by_need(&all, |service, other| self.needs(service, other));
        let risen: BTreeMap<&str, watch::Sender<bool>> = all
            .iter()
            .map(|name| (*name, watch::Sender::new(false)))
            .collect();
        let starts = all.iter().enumerate().map(|(at, name)| {
            // Only earlier ones are waited for: no circle can hold everything up.
            let earlier = all.iter().take(at);
            let needed = earlier.filter(|earlier| self.needs(name, earlier));
            let needed: Vec<_> = needed
                .filter_map(|name| risen.get(name).map(watch::Sender::subscribe))
                .collect();
            let is_up = risen.get(name);
            async move {
                for mut need in needed {
                    // Whoever fails ends all of this.
                    let _ = need.wait_for(|risen| *risen).await;
                }
                match self.plan_of(name) {
                    Some(plan) => self.start_one(plan).await?,
                    None => {
                        let service = self.begin_one(name).await?;
                        self.other_is_up(name, &service).await?;
                    }
                }
                if let Some(is_up) = is_up {
                    is_up.send_replace(true);
                }
                Ok(())
            }
        });
        try_join_all(starts).await.map(drop)
    }

    async fn start_one(&self, plan: &ServicePlan) -> Result<(), Failed> {
        let span = info_span!(
            "service",
            service = %plan.name,
            otel.status_code = tracing::field::Empty,
        );
        let start = async {
            let begun = self.around.clock.now();
            let service = self.begin_one(plan.name.as_str());
            let service = service.instrument(info_span!("spawn")).await?;
            let ready = self.readiness(plan, Version::Own, &service, begun)?;
            let ready = ready.instrument(info_span!("ready")).await;
            // Why the target did not come up says it.
            ready.inspect_err(|_| service.end_is_told())?;
            self.watch_over(&service);
            Ok(())
        };
        let started: Result<(), Failed> = start.instrument(span.clone()).await;
        if started.is_err() {
            spans::failed(&span);
        }
        started
    }

    /// Starts a service and has it known, or neither.
    async fn begin_one(&self, name: &str) -> Result<Arc<Service>, Failed> {
        let (me, name) = (self.me().map_err(Failed::whole)?, name.to_owned());
        let begun = async move {
            let service = match me.plan_of(&name) {
                Some(plan) => me.spawn(plan, Version::Own).await?,
                None => me.spawn_other(&name).await?,
            };
            me.services.lock().await.push(Arc::clone(&service));
            Ok(service)
        };
        self.started(begun).await?
    }

    pub(super) async fn spawn(
        &self,
        plan: &ServicePlan,
        version: Version,
    ) -> Result<Arc<Service>, Failed> {
        if let (Some(containers), Some(vessel)) = (&self.containers, &plan.vessel) {
            let of = (plan, vessel, version);
            return self.spawn_container(containers, of).await;
        }
        let failed = |error: SpawnError| Failed::of(&plan.name, error, Vec::new());
        let start = self.start_of(plan, version)?;
        let sink = self.sink_of(plan).await?;
        let service = Service::start(&start, &self.around.journal, sink);
        let service = service.map(Arc::new).map_err(failed)?;
        self.pressures.adopt(&service);
        Ok(service)
    }

    /// What a service is asked for whether it is ready.
    pub(super) fn question(
        &self,
        plan: &ServicePlan,
        version: Version,
    ) -> Result<Question, UnboundError> {
        let place = self.place_of(&plan.name, version);
        let containers = self.containers.as_ref();
        let made = containers.and_then(|containers| containers.made(&plan.name, version));
        if let Some(path) = &plan.ready.get {
            let path = path.clone();
            return Ok(Question::Get { place, path });
        }
        if let Some(words) = &plan.ready.log {
            return Ok(Question::Log(words.clone()));
        }
        if let Some(words) = &plan.ready.command {
            let words = self.insides(words, (&plan.name, version))?;
            if let Some(made) = made {
                return Ok(Question::Within(words, made.vessel));
            }
            let start = Box::new(self.start_of(plan, version)?);
            return Ok(Question::Command { words, start });
        }
        Ok(match made {
            None => Question::Port {
                address: Some(format!("127.0.0.1:{}", place.port)),
                port: place.port,
            },
            Some(made) if plan.ready.healthy => Question::Healthy(made.vessel),
            Some(made) => match plan.inner_port() {
                Some(port) => Question::Port {
                    address: made.address,
                    port,
                },
                None => Question::Nothing,
            },
        })
    }

    /// Waits until a service started at `begun` is ready, and says so.
    pub(super) fn readiness(
        &self,
        plan: &ServicePlan,
        version: Version,
        service: &Arc<Service>,
        begun: Duration,
    ) -> Result<impl Future<Output = Result<(), Failed>> + Send + use<>, UnboundError> {
        let question = self.question(plan, version)?;
        let (client, clock) = (self.around.client.clone(), self.around.clock);
        let (mouth, plan, service) = (self.around.mouth.clone(), plan.clone(), Arc::clone(service));
        Ok(async move {
            let within = plan.ready.within;
            let ready = ready::wait(&client, &mouth, &question, within, &service).await;
            if let Err(reason) = ready {
                return Err(Failed::of(&plan.name, reason, service.tail()));
            }
            let took = clock.now().saturating_sub(begun);
            let event = Event::ServiceReady {
                service: plan.name.to_string(),
                took_us: micros(took),
            };
            mouth.say(event).await;
            Ok(())
        })
    }

    /// Says it when a service ends that should not. An engine that is gone takes the whole target with it.
    pub(super) fn watch_over(&self, service: &Arc<Service>) {
        let (service, mouth) = (Arc::clone(service), self.around.mouth.clone());
        let (containers, clock) = (self.containers.clone(), self.around.clock);
        tokio::spawn(async move {
            let Some(died) = service.death().await else {
                return;
            };
            let lost = containers.filter(|containers| service.lost() && containers.lose());
            if let (Some(containers), Event::ServiceDied { status, .. }) = (lost, &died) {
                let failed = Event::TargetFailed {
                    service: None,
                    reason: containers.left_by_loss(clock.now(), status),
                    output: Vec::new(),
                };
                mouth.say(failed).await;
            }
            mouth.say(died).await;
        });
    }

    /// Stops every service as soon as nobody that needs it is left.
    pub(super) async fn stop_all(&self) {
        // What is being started is started first, and then known.
        self.starting.close();
        self.starting.wait().await;
        self.starting.reopen();
        let mut services = self.services.lock().await;
        services.append(&mut *self.beside.lock().await);
        // All of them before the first is stopped: one may end because another does.
        services.iter().for_each(|service| service.let_end());
        while !services.is_empty() {
            let free = services.iter().filter(|service| {
                let mut others = services.iter();
                !others.any(|other| self.needs(other.name(), service.name()))
            });
            let mut last: Vec<Arc<Service>> = free.cloned().collect();
            if last.is_empty() {
                last.clone_from(&services);
            }
            let at_once = match &self.containers {
                Some(_) => LEAVING,
                None => last.len(),
            };
            let stopped: Vec<_> = last
                .iter()
                .map(|service| self.stop(service).boxed())
                .collect();
            let stopped = stream::iter(stopped).buffer_unordered(at_once);
            stopped.collect::<()>().await;
            // Forgotten only when they are gone: an interrupt may drop this half-way.
            services.retain(|service| !last.iter().any(|gone| Arc::ptr_eq(gone, service)));
        }
    }

    pub(super) fn plan_of(&self, service: &str) -> Option<&ServicePlan> {
        let mut plans = self.plan.services.iter();
        plans.find(|plan| plan.name.as_str() == service)
    }

    fn needs(&self, service: &str, other: &str) -> bool {
        let plan = self.plan_of(service);
        let named = plan.is_some_and(|plan| plan.needs.iter().any(|need| need.as_str() == other));
        named
            || self
                .added()
                .is_some_and(|beside| beside.needs(service, other))
    }

    async fn stop(&self, service: &Service) {
        let plan = self.plan_of(service.name());
        let grace = plan.map_or(Duration::from_secs(5), |plan| plan.stop_within);
        // What does not end is ended by the run's label.
        let _ = service.stop(grace).await;
        // One that ended by itself a moment ago is told before the target's end is.
        if let Ok(Some(died)) = tokio::time::timeout(Duration::from_secs(1), service.death()).await
        {
            self.around.mouth.say(died).await;
        }
    }

    /// Where a service's output goes; the words that say that it is ready are listened for.
    pub(super) async fn sink_of(&self, plan: &ServicePlan) -> Result<Arc<Sink>, Failed> {
        let sink = self.sink(plan.name.as_str(), plan.ready.log.clone()).await;
        sink.map_err(|error| Failed::of(&plan.name, error, Vec::new()))
    }

    pub(super) async fn sink(
        &self,
        log: &str,
        awaited: Option<String>,
    ) -> Result<Arc<Sink>, SpawnError> {
        let path = self.log(log);
        let opened = Sink::open(&path, self.around.redactor.clone(), awaited).await;
        opened
            .map(Arc::new)
            .map_err(|source| SpawnError::Log { path, source })
    }

    fn log(&self, name: &str) -> PathBuf {
        let folder = self.around.folder.join("services");
        folder.join(format!("{name}.log"))
    }

    /// A service's environment, as its texts say.
    pub(super) fn env_of(
        &self,
        plan: &ServicePlan,
        version: Version,
    ) -> Result<BTreeMap<String, String>, UnboundError> {
        let env = plan.env.iter();
        env.map(|(k, v)| Ok((k.clone(), self.inside(v, (&plan.name, version))?)))
            .collect()
    }

    fn start_of(&self, plan: &ServicePlan, version: Version) -> Result<Start, UnboundError> {
        Ok(Start {
            name: plan.name.to_string(),
            command: self.insides(&plan.command, (&plan.name, version))?,
            env: self.env_of(plan, version)?,
            dir: plan.dir.as_ref().map_or_else(
                || self.around.root.clone(),
                |dir| self.around.root.join(dir),
            ),
            run: self.around.run.to_string(),
        })
    }
}
