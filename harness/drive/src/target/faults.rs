//! Faults on the running target: a link's go to its proxy, a service's are signals to its process group and, after a
//! kill, a new process under the same name, port and log.

use super::service::Service;
use super::{Target, ready};
use crate::ports::{Faults, FirstEffect};
use futures::future::{BoxFuture, FutureExt as _};
use harness_core::event::Event;
use harness_core::name::Name;
use harness_core::plan::fault::{FaultKind, Site, Strike};
use harness_core::plan::target::ServicePlan;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

/// What was done to a service.
#[derive(Debug, Clone)]
pub(super) struct Struck {
    service: Name,
    kind: FaultKind,
    /// On the run's clock.
    at: Duration,
}

/// Tells when a service that was started again is ready, and why it is not.
pub(super) type Rising = tokio::task::JoinHandle<Result<(), String>>;

impl Faults for Target {
    fn arm<'a>(
        &'a self,
        id: &'a str,
        strike: Strike<'a>,
        lease: Duration,
    ) -> BoxFuture<'a, Result<(), String>> {
        async move {
            match strike.on {
                Site::Link(link) => self.links.apply(id, link, strike, lease).await,
                Site::Service(service) => self.strike(id, service, strike.kind).await,
            }
        }
        .boxed()
    }

    fn lift<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<(), String>> {
        async move {
            let struck = self.struck().remove(id);
            match struck {
                Some(struck) => {
                    let me = self.me.upgrade().ok_or("the target is gone")?;
                    let mended = self.runtime.spawn(async move { me.mend(&struck).await });
                    mended.await.map_err(|error| error.to_string())?
                }
                None => self.links.remove(id).await,
            }
        }
        .boxed()
    }

    fn effective(&self, id: &str) -> Option<FirstEffect> {
        let struck = self.struck().get(id).map(|struck| FirstEffect {
            at: struck.at,
            assumed: false,
        });
        struck.or_else(|| self.links.effective(id))
    }

    fn ready<'a>(&'a self, on: &'a Site) -> BoxFuture<'a, Result<(), String>> {
        async move {
            let Site::Service(service) = on else {
                return Ok(());
            };
            let rising = self.rising().remove(service);
            if let Some(rising) = rising {
                // Told first: who goes on may strike it again, and what was not told then is never told.
                let risen = rising.await.map_err(|error| error.to_string())?;
                return risen.map_err(|reason| format!("{service}: {reason}"));
            }
            let (plan, running) = self.find(service).await?;
            let place = self.place(service);
            let ready = ready::wait(
                &self.around.client,
                &self.around.mouth,
                &plan.ready,
                place,
                &running,
            )
            .await;
            ready.map_err(|reason| format!("{service}: {reason}"))
        }
        .boxed()
    }
}

impl Target {
    /// Lifts every fault.
    pub async fn heal(&self) {
        for reason in self.links.heal().await {
            let text = format!("a link could not be healed: {reason}");
            self.around.mouth.say(Event::Notice { text }).await;
        }
        let struck = std::mem::take(&mut *self.struck());
        for one in struck.values() {
            if let Err(reason) = self.mend(one).await {
                let text = format!("{} could not be healed: {reason}", one.service);
                self.around.mouth.say(Event::Notice { text }).await;
            }
        }
    }

    fn struck(&self) -> std::sync::MutexGuard<'_, std::collections::BTreeMap<String, Struck>> {
        self.struck.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn rising(&self) -> std::sync::MutexGuard<'_, std::collections::BTreeMap<Name, Rising>> {
        self.rising.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn strike(&self, id: &str, service: &Name, kind: &FaultKind) -> Result<(), String> {
        let (_, running) = self.find(service).await?;
        let already = self
            .struck()
            .values()
            .find(|s| s.service == *service)
            .cloned();
        if let Some(already) = already {
            let is = match already.kind {
                FaultKind::Pause => "paused",
                _ => "killed",
            };
            return Err(format!(
                "service `{service}` is {is} already: heal it first"
            ));
        }
        if running.ended() {
            return Err(format!("service `{service}` does not run"));
        }
        let struck = Struck {
            service: service.clone(),
            kind: kind.clone(),
            at: self.around.clock.now(),
        };
        // Known before it is done: whatever ends the run heals it.
        self.struck().insert(id.to_owned(), struck);
        self.rising().remove(service);
        match kind {
            FaultKind::Pause => running.pause(),
            _ => running.kill().await,
        }
        Ok(())
    }

    /// Undoes what was done to a service. A kill is followed by a start; that it gets ready is told when it is.
    async fn mend(&self, struck: &Struck) -> Result<(), String> {
        let (plan, old) = self.find(&struck.service).await?;
        if struck.kind == FaultKind::Pause {
            old.go_on();
            return Ok(());
        }
        let begun = self.around.clock.now();
        let new = self.spawn(&plan).await.map_err(|failed| failed.reason)?;
        let mut services = self.services.lock().await;
        match services
            .iter_mut()
            .find(|service| Arc::ptr_eq(service, &old))
        {
            Some(place) => *place = Arc::clone(&new),
            None => services.push(Arc::clone(&new)),
        }
        drop(services);
        let (readiness, mouth) = (
            self.readiness(&plan, &new, begun),
            self.around.mouth.clone(),
        );
        // Whoever watches over it tells its end.
        self.watch_over(&new);
        let rising = tokio::spawn(async move {
            let risen = readiness.await.map_err(|failed| failed.reason);
            if let Some(reason) = risen.as_ref().err().filter(|_| !new.ended()) {
                let text = format!("{} was started again, and {reason}", plan.name);
                mouth.say(Event::Notice { text }).await;
            }
            risen
        });
        self.rising().insert(struck.service.clone(), rising);
        Ok(())
    }

    /// A service's plan and its process.
    async fn find(&self, name: &Name) -> Result<(ServicePlan, Arc<Service>), String> {
        let missing = || format!("there is no service `{name}` here");
        let plan = self.plan.services.iter().find(|plan| plan.name == *name);
        let plan = plan.ok_or_else(missing)?.clone();
        let services = self.services.lock().await;
        let running = services
            .iter()
            .find(|service| service.name() == name.as_str());
        Ok((plan, Arc::clone(running.ok_or_else(missing)?)))
    }
}
