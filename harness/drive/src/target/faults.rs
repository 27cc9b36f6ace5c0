//! Faults on the running target: a link's go to its proxy, a service's are signals and limits to its process group
//! and, after a kill, a new process under the same name, port and log. Of a service in a container they are the engine's.

mod deploy;
mod engine;
mod hands;
mod mend;

use super::service::Service;
use super::version::Version;
use super::{Target, pressure};
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
    /// Who does it, where there are several ways to.
    by: Option<String>,
}

/// What goes on at a service that was struck, until it is mended.
#[derive(Debug)]
enum Doing {
    /// Nothing: it was done at once.
    Nothing,
    /// Somebody works on it until told to stop; then it runs.
    Work(CancellationToken, JoinHandle<Result<(), String>>),
    /// Its processes have less time or memory.
    Pressed(pressure::Pressed),
    /// The engine holds its container to something.
    Engine(engine::Undo),
    /// The hands did it in its container, and on links beside.
    Hands(hands::Held),
}

impl Doing {
    /// Whether it is there still after its service was stopped and started: a container keeps its limits and networks, and
    /// what hands did may be in a volume or on links.
    const fn outlasts_a_start(&self) -> bool {
        matches!(self, Self::Engine(_) | Self::Hands(_))
    }
}

impl Struck {
    /// The same, as whoever heals later knows it.
    fn to_be_mended(&self) -> Self {
        Self {
            service: self.service.clone(),
            kind: self.kind.clone(),
            at: self.at,
            doing: match &self.doing {
                Doing::Engine(undo) => Doing::Engine(undo.clone()),
                Doing::Hands(held) => Doing::Hands(held.clone()),
                _ => Doing::Nothing,
            },
            by: self.by.clone(),
        }
    }
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
                Site::Service(service) if self.by_hand(strike.kind) => {
                    // Goes to its end whatever becomes of who asks: what is half done is not known well enough to be undone.
                    let me = self.me()?;
                    let (id, service, kind) = (id.to_owned(), service.clone(), strike.kind.clone());
                    let struck = self
                        .runtime
                        .spawn(async move { me.strike_by_hand(&id, &service, &kind, lease).await });
                    struck.await.map_err(|error| error.to_string())?
                }
                Site::Service(service) => match strike.kind {
                    FaultKind::Deploy(deployment) => self.deploy(id, service, deployment).await,
                    kind => self.strike(id, service, kind).await,
                },
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
            by: struck.by.clone(),
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
            if self.is_given_up(service) {
                return Ok(());
            }
            let (plan, running) = self.find(service).await?;
            let ready = self.is_ready(&plan, &running).await;
            ready.map_err(|reason| format!("{service}: {reason}"))
        }
        .boxed()
    }
}

impl Target {
    fn struck(&self) -> std::sync::MutexGuard<'_, std::collections::BTreeMap<String, Struck>> {
        self.struck.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn rising(&self) -> std::sync::MutexGuard<'_, std::collections::BTreeMap<Name, Rising>> {
        self.rising.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn strike(&self, id: &str, service: &Name, kind: &FaultKind) -> Result<(), String> {
        let (plan, running) = self.find(service).await?;
        if kind.of_container() && running.vessel().is_none() {
            return Err(format!(
                "service `{service}` runs as a process, and {} needs a container",
                kind.word()
            ));
        }
        self.is_whole(service, &running)?;
        let undo = self.undo_of(&running, kind).await?;
        let (doing, by) = match &undo {
            Some(undo) => (Doing::Engine(undo.clone()), None),
            None => self.begin(&running, service, kind)?,
        };
        let by = match running.vessel() {
            Some(_) => engine::by(kind),
            None => by,
        };
        let struck = Struck {
            service: service.clone(),
            kind: kind.clone(),
            at: self.around.clock.now(),
            doing,
            by,
        };
        // Known before the signal is sent, and as soon as limits or work began: whatever ends the run heals it.
        self.struck().insert(id.to_owned(), struck);
        self.rising().remove(service);
        match kind {
            FaultKind::Pause => running.pause().await?,
            FaultKind::Kill => self.fell(service, &running).await?,
            FaultKind::Stop => {
                running.let_end();
                running.stop(plan.stop_within).await?;
                self.leads_nowhere(service, &running);
            }
            FaultKind::Restart => {
                self.fell(service, &running).await?;
                let (me, service) = (self.me()?, service.clone());
                let started = async move { me.start_again(&service).await };
                let started = self.runtime.spawn(started);
                started.await.map_err(|error| error.to_string())??;
            }
            _ => {
                if let (Some(vessel), Some(undo)) = (running.vessel(), undo)
                    && let Err(error) = engine::apply(vessel, kind, &undo).await
                {
                    // What was refused is not there to be mended; what came to no answer may be.
                    if error.is_refused() {
                        self.struck().remove(id);
                    }
                    return Err(error.to_string());
                }
            }
        }
        Ok(())
    }

    /// An error if a service is struck already, or does not run.
    fn is_whole(&self, service: &Name, running: &Service) -> Result<(), String> {
        let struck = self.struck();
        let already = struck.values().find(|struck| struck.service == *service);
        if let Some(Struck { kind, .. }) = already {
            return Err(format!(
                "service `{service}` is {kind} already: heal it first"
            ));
        }
        match running.ended() {
            true => Err(format!("service `{service}` does not run")),
            false => Ok(()),
        }
    }

    /// What undoes a fault of the engine's on a service in a container; `None` if this is none.
    async fn undo_of(
        &self,
        running: &Service,
        kind: &FaultKind,
    ) -> Result<Option<engine::Undo>, String> {
        let (Some(containers), Some(vessel)) = (&self.containers, running.vessel()) else {
            return Ok(None);
        };
        let undo = engine::undo(containers, vessel, kind).await;
        let undo = undo.map_err(|error| error.to_string())?;
        match kind.of_container() && undo.is_none() {
            true => Err(format!(
                "nothing here can do {} to a container",
                kind.word()
            )),
            false => Ok(undo),
        }
    }

    /// Begins what goes on until it is mended, and says by what, where there are several ways. Waits for nothing.
    fn begin(
        &self,
        running: &Arc<Service>,
        service: &Name,
        kind: &FaultKind,
    ) -> Result<(Doing, Option<String>), String> {
        let stop = CancellationToken::new();
        let until = stop.clone();
        let doing = match kind {
            FaultKind::CrashLoop { every } => {
                let (me, service, every) = (self.me()?, service.clone(), *every);
                let work = async move { me.crash(&service, every, until).await };
                Doing::Work(stop, self.runtime.spawn(work))
            }
            FaultKind::Cpu { .. } | FaultKind::Memory { .. } => {
                Doing::Pressed(self.pressures.press(running, kind, &self.runtime)?)
            }
            _ => Doing::Nothing,
        };
        let by = match &doing {
            Doing::Pressed(pressed) => Some(pressed.by()),
            _ => None,
        };
        Ok((doing, by))
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
            self.fell(service, &running).await?;
            self.start_again(service).await?;
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(every) => {}
            }
        }
    }

    /// Kills a service.
    async fn fell(&self, service: &Name, running: &Service) -> Result<(), String> {
        running.kill().await?;
        self.leads_nowhere(service, running);
        Ok(())
    }

    /// The address of a container that has ended is free for the next that starts: no way here may lead to that one.
    fn leads_nowhere(&self, service: &Name, running: &Service) {
        if running.vessel().is_some() {
            self.links.lead(service, None);
            let version = self.versions.serving(service);
            self.links.lead_to_version(service, version, None);
        }
    }

    pub(super) fn me(&self) -> Result<Arc<Self>, String> {
        self.me.upgrade().ok_or_else(|| "the target is gone".into())
    }

    /// Starts a service that was killed; that it gets ready is told when it is.
    async fn start_again(&self, service: &Name) -> Result<(), String> {
        let (plan, old) = self.find(service).await?;
        let begun = self.around.clock.now();
        let new = self.spawn(&plan, Version::Own).await;
        let new = new.map_err(|failed| failed.reason)?;
        self.hold_again(service).await;
        let mut services = self.services.lock().await;
        match services
            .iter_mut()
            .find(|service| Arc::ptr_eq(service, &old))
        {
            Some(place) => *place = Arc::clone(&new),
            None => services.push(Arc::clone(&new)),
        }
        drop(services);
        let readiness = self.readiness(&plan, Version::Own, &new, begun);
        let readiness = readiness.map_err(|error| error.to_string())?;
        let mouth = self.around.mouth.clone();
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
