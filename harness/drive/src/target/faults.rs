//! Faults on the running target: a link's go to its proxy, a service's are signals and limits to its process group
//! and, after a kill, a new process under the same name, port and log.

use super::service::Service;
use super::{Target, pressure, ready};
use crate::ports::{Faults, FirstEffect};
use futures::future::{BoxFuture, FutureExt as _};
use harness_core::event::Event;
use harness_core::name::Name;
use harness_core::plan::fault::{FaultKind, Site, Strike};
use harness_core::plan::target::ServicePlan;
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// What was done to a service.
#[derive(Debug)]
pub(super) struct Struck {
    service: Name,
    kind: FaultKind,
    /// On the run's clock.
    at: Duration,
    doing: Doing,
}

/// What goes on at a service that was struck, until it is mended.
#[derive(Debug)]
enum Doing {
    /// Nothing: it was done at once.
    Nothing,
    /// Somebody works on it until told to stop; then it runs.
    Work(CancellationToken, JoinHandle<Result<(), String>>),
    /// Its processes have less memory.
    Limits(pressure::Limits),
}

/// Tells when a service that was started again is ready, and why it is not.
pub(super) type Rising = JoinHandle<Result<(), String>>;

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
                    let me = self.me()?;
                    let id = id.to_owned();
                    let mended = self.runtime.spawn(async move { me.mend(id, struck).await });
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
    /// Lifts every fault; what could not be, a sentence each. It stays known: who heals again tries again.
    pub async fn heal(&self) -> Vec<String> {
        let mut left = self.heal_links().await;
        left.extend(self.heal_services().await);
        left
    }

    /// The same before every service is started anew, which mends them; an error when links stay broken.
    pub(super) async fn heal_for_restart(&self) -> Result<(), String> {
        let left = self.heal_links().await;
        let _ = self.heal_services().await;
        self.struck().clear();
        match left.is_empty() {
            true => Ok(()),
            false => Err(left.join("; ")),
        }
    }

    async fn heal_links(&self) -> Vec<String> {
        let left = self.links.heal().await.into_iter();
        left.map(|reason| format!("a link could not be healed: {reason}"))
            .collect()
    }

    async fn heal_services(&self) -> Vec<String> {
        let ids: Vec<String> = self.struck().keys().cloned().collect();
        let mut left = Vec::new();
        for id in ids {
            let Some(one) = self.struck().remove(&id) else {
                continue;
            };
            let service = one.service.clone();
            if let Err(reason) = self.mend(id, one).await {
                left.push(format!("{service} could not be healed: {reason}"));
            }
        }
        left
    }

    fn struck(&self) -> std::sync::MutexGuard<'_, std::collections::BTreeMap<String, Struck>> {
        self.struck.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn rising(&self) -> std::sync::MutexGuard<'_, std::collections::BTreeMap<Name, Rising>> {
        self.rising.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn strike(&self, id: &str, service: &Name, kind: &FaultKind) -> Result<(), String> {
        let (_, running) = self.find(service).await?;
        let already = {
            let struck = self.struck();
            let mut struck = struck.values().filter(|s| s.service == *service);
            struck.next().map(|struck| struck.kind.to_string())
        };
        if let Some(is) = already {
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
            doing: self.begin(&running, service, kind)?,
        };
        // Known before the signal is sent, and as soon as limits or work began: whatever ends the run heals it.
        self.struck().insert(id.to_owned(), struck);
        self.rising().remove(service);
        match kind {
            FaultKind::Pause => running.pause(),
            FaultKind::Kill => running.kill().await,
            FaultKind::Restart => {
                running.kill().await;
                let (me, service) = (self.me()?, service.clone());
                let started = async move { me.start_again(&service).await };
                let started = self.runtime.spawn(started);
                started.await.map_err(|error| error.to_string())??;
            }
            _ => {}
        }
        Ok(())
    }

    /// Begins what goes on until it is mended. Waits for nothing.
    fn begin(
        &self,
        running: &Arc<Service>,
        service: &Name,
        kind: &FaultKind,
    ) -> Result<Doing, String> {
        let stop = CancellationToken::new();
        let until = stop.clone();
        Ok(match kind {
            FaultKind::CrashLoop { every } => {
                let (me, service, every) = (self.me()?, service.clone(), *every);
                let work = async move { me.crash(&service, every, until).await };
                Doing::Work(stop, self.runtime.spawn(work))
            }
            FaultKind::Cpu { share } => {
                let held = pressure::hold(Arc::clone(running), *share, until);
                let work = async move {
                    held.await;
                    Ok(())
                };
                Doing::Work(stop, self.runtime.spawn(work))
            }
            FaultKind::Memory { bytes } => Doing::Limits(pressure::limit(running.group(), *bytes)?),
            _ => Doing::Nothing,
        })
    }

    /// Kills a service and starts it, again and again, so long after each start, until it is told to stop; then it runs.
    async fn crash(
        &self,
        service: &Name,
        every: Duration,
        stop: CancellationToken,
    ) -> Result<(), String> {
        loop {
            let (_, running) = self.find(service).await?;
            running.kill().await;
            self.start_again(service).await?;
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(every) => {}
            }
        }
    }

    fn me(&self) -> Result<Arc<Self>, String> {
        self.me.upgrade().ok_or_else(|| "the target is gone".into())
    }

    /// Undoes what was done to a service; what can't be stays known, for whoever heals.
    async fn mend(&self, id: String, struck: Struck) -> Result<(), String> {
        let again = Struck {
            service: struck.service.clone(),
            kind: struck.kind.clone(),
            at: struck.at,
            doing: Doing::Nothing,
        };
        let mended = self.undo(struck).await;
        if mended.is_err() {
            self.struck().insert(id, again);
        }
        mended
    }

    /// A kill is followed by a start.
    async fn undo(&self, struck: Struck) -> Result<(), String> {
        match struck.doing {
            Doing::Work(stop, work) => {
                stop.cancel();
                return work.await.map_err(|error| error.to_string())?;
            }
            Doing::Limits(limits) => {
                pressure::lift(&limits);
                return Ok(());
            }
            Doing::Nothing => {}
        }
        let (_, running) = self.find(&struck.service).await?;
        match struck.kind {
            FaultKind::Pause => running.go_on(),
            // Of a loop that is over: it broke off between a kill and a start.
            FaultKind::Kill | FaultKind::CrashLoop { .. } if running.ended() => {
                self.start_again(&struck.service).await?;
            }
            // A restart was started at once.
            _ => {}
        }
        Ok(())
    }

    /// Starts a service that was killed; that it gets ready is told when it is.
    async fn start_again(&self, service: &Name) -> Result<(), String> {
        let (plan, old) = self.find(service).await?;
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
        self.rising().insert(service.clone(), rising);
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
