//! How services come up, one after another, and how they are stopped. Knows nothing of links or faults.

use super::output::Sink;
use super::ready;
use super::service::{Service, SpawnError, Start};
use super::{Failed, Target};
use crate::spans;
use harness_core::event::Event;
use harness_core::plan::target::ServicePlan;
use harness_core::template::UnboundError;
use harness_core::units::{format_duration, micros};
use std::sync::Arc;
use std::time::Duration;
use tracing::{Instrument as _, info_span};

impl Target {
    pub(super) async fn prepare(&self) -> Result<(), Failed> {
        let mut done: Vec<Vec<String>> = Vec::new();
        for service in &self.plan.services {
            let Some(command) = &service.prepare else {
                continue;
            };
            let command = self.texts(command, None)?;
            if done.contains(&command) {
                continue;
            }
            self.around
                .mouth
                .say(Event::Notice {
                    text: format!("preparing: {}", command.join(" ")),
                })
                .await;
            let start = Start {
                command: command.clone(),
                ..self.start_of(service, "prepare")?
            };
            let sink = self
                .sink(&start)
                .await
                .map_err(|e| Failed::of(&service.name, e, Vec::new()))?;
            let run = Service::start(&start, &self.around.journal, sink).await;
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

    pub(super) async fn start_all(&self) -> Result<(), Failed> {
        for plan in &self.plan.services {
            let span = info_span!(
                "service",
                service = %plan.name,
                otel.status_code = tracing::field::Empty,
            );
            let start = async {
                let begun = self.around.clock.now();
                let service = self.spawn(plan).instrument(info_span!("spawn")).await?;
                self.services.lock().await.push(Arc::clone(&service));
                let ready = self.readiness(plan, &service, begun);
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
            started?;
        }
        Ok(())
    }

    pub(super) async fn spawn(&self, plan: &ServicePlan) -> Result<Arc<Service>, Failed> {
        let failed = |error: SpawnError| Failed::of(&plan.name, error, Vec::new());
        let start = self.start_of(plan, plan.name.as_str())?;
        let sink = self.sink(&start).await.map_err(failed)?;
        let service = Service::start(&start, &self.around.journal, sink).await;
        service.map(Arc::new).map_err(failed)
    }

    /// Waits until a service started at `begun` is ready, and says so.
    pub(super) fn readiness(
        &self,
        plan: &ServicePlan,
        service: &Arc<Service>,
        begun: Duration,
    ) -> impl Future<Output = Result<(), Failed>> + Send + use<> {
        let place = self.place(&plan.name);
        let (client, clock) = (self.around.client.clone(), self.around.clock);
        let (mouth, plan, service) = (self.around.mouth.clone(), plan.clone(), Arc::clone(service));
        async move {
            if let Err(reason) = ready::wait(&client, &mouth, &plan.ready, place, &service).await {
                return Err(Failed::of(&plan.name, reason, service.tail()));
            }
            let took = clock.now().saturating_sub(begun);
            let event = Event::ServiceReady {
                service: plan.name.to_string(),
                took_us: micros(took),
            };
            mouth.say(event).await;
            Ok(())
        }
    }

    /// Says it when a service ends that should not.
    pub(super) fn watch_over(&self, service: &Arc<Service>) {
        let (service, mouth) = (Arc::clone(service), self.around.mouth.clone());
        tokio::spawn(async move {
            if let Some(died) = service.death().await {
                mouth.say(died).await;
            }
        });
    }

    pub(super) async fn stop_all(&self) {
        let mut services = self.services.lock().await;
        // All of them before the first is stopped: one may end because another does.
        services.iter().for_each(|service| service.let_end());
        while let Some(service) = services.last().cloned() {
            let plan = self
                .plan
                .services
                .iter()
                .find(|plan| plan.name.as_str() == service.name());
            service
                .stop(plan.map_or(Duration::from_secs(5), |plan| plan.stop_within))
                .await;
            // One that ended by itself a moment ago is told before the target's end is.
            if let Ok(Some(died)) =
                tokio::time::timeout(Duration::from_secs(1), service.death()).await
            {
                self.around.mouth.say(died).await;
            }
            // Forgotten only when it is gone: an interrupt may drop this half-way.
            services.pop();
        }
    }

    async fn sink(&self, start: &Start) -> Result<Arc<Sink>, SpawnError> {
        let opened = Sink::open(&start.log, self.around.redactor.clone()).await;
        opened.map(Arc::new).map_err(|source| SpawnError::Log {
            path: start.log.clone(),
            source,
        })
    }

    fn start_of(&self, plan: &ServicePlan, log: &str) -> Result<Start, UnboundError> {
        let env = plan
            .env
            .iter()
            .map(|(k, v)| Ok((k.clone(), self.text(v, Some(&plan.name))?)));
        Ok(Start {
            name: plan.name.to_string(),
            command: self.texts(&plan.command, Some(&plan.name))?,
            env: env.collect::<Result<_, UnboundError>>()?,
            dir: plan.dir.as_ref().map_or_else(
                || self.around.root.clone(),
                |dir| self.around.root.join(dir),
            ),
            log: self
                .around
                .folder
                .join("services")
                .join(format!("{log}.log")),
            run: self.around.run.to_string(),
        })
    }
}
