//! A rolling deployment: another version of a service is started beside the one that serves, waited for, switched to, and the
//! old one drained and stopped. The roll-back is the same the other way round. A version that never gets ready changes nothing.

use super::{Doing, Struck};
use crate::target::proxies::loopback;
use crate::target::service::Service;
use crate::target::version::{self, Version};
use crate::target::{Failed, Target};
use harness_core::name::Name;
use harness_core::plan::fault::{Deployment, FaultKind};
use harness_core::plan::target::ServicePlan;
use harness_proxy::Upstream;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

/// Between two looks at the connections that the old version still has.
const LOOK: Duration = Duration::from_millis(50);
/// Lines of a version's output that are told when it does not get ready.
const WORDS: usize = 5;

/// One version of a service that takes the place of the other.
struct Change {
    /// The service as it is to be.
    plan: ServicePlan,
    to: Version,
    /// How long the other still serves the connections it has.
    drain: Duration,
}

impl Change {
    fn service(&self) -> &Name {
        &self.plan.name
    }

    const fn from(&self) -> Version {
        match self.to {
            Version::Own => Version::Next,
            Version::Next => Version::Own,
        }
    }

    /// Why the version is not there, with its last lines.
    fn told(&self, failed: Failed) -> String {
        let which = match self.to {
            Version::Own => "the version before it",
            Version::Next => "the new version",
        };
        let Failed { reason, output, .. } = failed;
        let words: Vec<&str> = output.iter().map(String::as_str).collect();
        let last = words.len().saturating_sub(WORDS);
        match &words[last..] {
            [] => format!("{which} did not come up: {reason}"),
            words => format!(
                "{which} did not come up: {reason}; its last lines: {}",
                words.join(" | ")
            ),
        }
    }
}

impl Target {
    /// Replaces a service. Answers when the new version serves; the old one is drained and stopped meanwhile.
    pub(super) async fn deploy(
        &self,
        id: &str,
        service: &Name,
        deployment: &Deployment,
    ) -> Result<(), String> {
        let (plan, running) = self.find(service).await?;
        self.is_whole(service, &running)?;
        let change = Change {
            plan: version::next(&plan, deployment),
            to: Version::Next,
            drain: deployment.drain,
        };
        let stop = self.around.cancel.child_token();
        let (said, switched) = oneshot::channel();
        let (me, until) = (self.me()?, stop.clone());
        let work = self.runtime.spawn(async move {
            let mut said = Some(said);
            let _changing = me.versions.change(&plan.name).await;
            let done = me.take_over(&change, &until, &mut said).await;
            match (done, said) {
                (Err(reason), Some(said)) => _ = said.send(Err(reason)),
                (Err(reason), None) => me.notice(format!("{}: {reason}", plan.name)).await,
                (Ok(()), _) => {}
            }
            Ok(())
        });
        let by = match running.vessel() {
            Some(_) => "a container beside the old one, switched at its doors",
            None => "a process beside the old one, switched at its doors",
        };
        let struck = Struck {
            service: service.clone(),
            kind: FaultKind::Deploy(Box::new(deployment.clone())),
            at: self.around.clock.now(),
            doing: Doing::Work(stop, work),
            by: Some(by.to_owned()),
        };
        // Known before anything of it is: whatever ends the run breaks it off.
        self.struck().insert(id.to_owned(), struck);
        self.rising().remove(service);
        let outcome = switched.await;
        let outcome = outcome.unwrap_or_else(|_| Err("the deployment was broken off".to_owned()));
        match outcome {
            Ok(at) => {
                if let Some(struck) = self.struck().get_mut(id) {
                    struck.at = at;
                }
                Ok(())
            }
            Err(reason) => {
                self.struck().remove(id);
                Err(reason)
            }
        }
    }

    /// Has the plan's own version serve again, if it does not. A run that is broken off ends both.
    pub(super) async fn roll_back(
        &self,
        service: &Name,
        deployment: &Deployment,
    ) -> Result<(), String> {
        let _changing = self.versions.change(service).await;
        if self.versions.serving(service) == Version::Own || self.around.cancel.is_cancelled() {
            return Ok(());
        }
        let (plan, _) = self.find(service).await?;
        let change = Change {
            plan,
            to: Version::Own,
            drain: deployment.drain,
        };
        let rolled = self
            .take_over(&change, &self.around.cancel, &mut None)
            .await;
        match rolled {
            Err(_) if self.around.cancel.is_cancelled() => Ok(()),
            rolled => rolled.map_err(|reason| format!("failed to roll {service} back: {reason}")),
        }
    }

    /// Every service is its own version again, once nothing of it runs.
    pub(in crate::target) async fn own_again(&self) -> Result<(), String> {
        for service in version::deployed(&self.whole) {
            let Some(plan) = self.plan_of(service.as_str()).cloned() else {
                continue;
            };
            if self.versions.serving(&service) == Version::Own {
                continue;
            }
            let change = Change {
                plan,
                to: Version::Own,
                drain: Duration::ZERO,
            };
            if let Some(containers) = &self.containers {
                let removed = containers.remove_next(&service).await;
                removed.map_err(|error| error.to_string())?;
                let port = change.plan.inner_port();
                containers.enter(&service, Version::Own, port).await?;
            }
            self.versions.serve(&service, Version::Own);
            self.links
                .lead(&service, self.upstream_of(&change).as_ref());
        }
        Ok(())
    }

    /// Has one version take the other's place, and says when it did. Told to stop, it is broken off where it is: before the
    /// switch nothing has changed, after it the old version goes on running beside.
    async fn take_over(
        &self,
        change: &Change,
        stop: &CancellationToken,
        said: &mut Option<oneshot::Sender<Result<Duration, String>>>,
    ) -> Result<(), String> {
        let (_, old) = self.find(change.service()).await?;
        let new = Box::pin(self.raise(change, stop)).await?;
        if let Err(reason) = self.switch(change, &old, &new).await {
            self.discard(change, &new).await;
            return Err(reason);
        }
        if let Some(said) = said.take() {
            let _ = said.send(Ok(self.around.clock.now()));
        }
        self.drained(change, stop).await;
        match stop.is_cancelled() {
            true => Ok(()),
            false => self.retire(change, &old).await,
        }
    }

    /// A version that is ready, and known to whoever ends the target. One that still runs is that.
    async fn raise(
        &self,
        change: &Change,
        stop: &CancellationToken,
    ) -> Result<Arc<Service>, String> {
        let service = change.service();
        let mut beside = self.beside.lock().await;
        beside.retain(|one| one.name() != service.as_str() || !one.ended());
        let runs = beside.iter().find(|one| one.name() == service.as_str());
        if let Some(runs) = runs {
            return Ok(Arc::clone(runs));
        }
        drop(beside);
        let begun = self.around.clock.now();
        let started = async {
            let new = self.spawn(&change.plan, change.to).await?;
            self.beside.lock().await.push(Arc::clone(&new));
            Ok(new)
        };
        let started: Result<_, Failed> = self.starting.track_future(started).await;
        let new = started.map_err(|failed| change.told(failed))?;
        let ready = self.readiness(&change.plan, change.to, &new, begun);
        let ready = async {
            match ready {
                Ok(ready) => ready.await.map_err(|failed| change.told(failed)),
                Err(error) => Err(error.to_string()),
            }
        };
        let ready = tokio::select! {
            biased;
            () = stop.cancelled() => Err("it was lifted before the new version was ready".to_owned()),
            ready = ready => ready,
        };
        match ready {
            Ok(()) => {
                self.watch_over(&new);
                Ok(new)
            }
            Err(reason) => {
                self.discard(change, &new).await;
                Err(reason)
            }
        }
    }

    /// Leads everybody who comes from now on to the new version.
    async fn switch(
        &self,
        change: &Change,
        old: &Arc<Service>,
        new: &Arc<Service>,
    ) -> Result<(), String> {
        let service = change.service();
        if let Some(containers) = &self.containers {
            let port = change.plan.inner_port();
            if let Err(reason) = containers.enter(service, change.to, port).await {
                // Nobody knows how far it came.
                let _ = containers.enter(service, change.from(), port).await;
                return Err(reason);
            }
        }
        self.versions.serve(service, change.to);
        self.links.lead(service, self.upstream_of(change).as_ref());
        let mut services = self.services.lock().await;
        let mut beside = self.beside.lock().await;
        beside.retain(|one| !Arc::ptr_eq(one, new));
        match services.iter_mut().find(|one| Arc::ptr_eq(one, old)) {
            Some(place) => beside.push(std::mem::replace(place, Arc::clone(new))),
            None => services.push(Arc::clone(new)),
        }
        drop((services, beside));
        self.hold_again(service).await;
        Ok(())
    }

    /// Where the new version listens, as this machine reaches it.
    fn upstream_of(&self, change: &Change) -> Option<Upstream> {
        match &self.containers {
            Some(containers) => {
                let made = containers.made(change.service(), change.to)?;
                made.address?.parse().ok()
            }
            None => self
                .versions
                .port(change.service(), change.to)
                .map(loopback),
        }
    }

    /// Waits until the connections that are open now have ended, no longer than they are given.
    async fn drained(&self, change: &Change, stop: &CancellationToken) {
        let mut lasting = self.connections(change.service()).await;
        let drained = async {
            while !lasting.is_empty() {
                tokio::time::sleep(LOOK).await;
                let open = self.connections(change.service()).await;
                lasting.retain(|connection| open.contains(connection));
            }
        };
        tokio::select! {
            biased;
            () = stop.cancelled() => {}
            _ = tokio::time::timeout(change.drain, drained) => {}
        }
    }

    /// The connections to a service that are open, whichever version they lead to.
    async fn connections(&self, service: &Name) -> BTreeSet<(String, u64)> {
        let mut open = self.links.open_to(service);
        if let Some(containers) = &self.containers {
            // Of an entrance that does not answer nothing is left to be drained.
            open.extend(containers.entered(service).await.unwrap_or_default());
        }
        open
    }

    /// Stops the version that no longer serves.
    async fn retire(&self, change: &Change, old: &Arc<Service>) -> Result<(), String> {
        old.let_end();
        let stopped = old.stop(change.plan.stop_within).await;
        self.forget(change.service(), change.from(), old).await;
        stopped.map_err(|reason| format!("the old version was not stopped: {reason}"))
    }

    /// Ends a version that is not to serve.
    async fn discard(&self, change: &Change, new: &Arc<Service>) {
        new.end_is_told();
        // What does not end is ended by the run's label.
        let _ = new.kill().await;
        self.forget(change.service(), change.to, new).await;
    }

    /// Nobody is led any more to a version that has ended, and no container of a next one stays.
    async fn forget(&self, service: &Name, version: Version, ended: &Arc<Service>) {
        let mut beside = self.beside.lock().await;
        beside.retain(|one| !Arc::ptr_eq(one, ended));
        drop(beside);
        self.links.lead_to_version(service, version, None);
        let (Some(containers), Version::Next) = (&self.containers, version) else {
            return;
        };
        // It goes with the run's others at the latest.
        if let Err(error) = containers.remove_next(service).await {
            self.notice(error.to_string()).await;
        }
    }
}
