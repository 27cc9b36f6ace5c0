//! How faults on services are undone, in time and at a run's end, and what becomes of those that can't be: they stay known and are
//! tried again, unless nothing is left that could be mended.

use super::{Doing, Struck, engine};
use crate::target::Target;
use crate::target::service::Service;
use crate::target::version::Version;
use harness_core::name::Name;
use harness_core::plan::fault::FaultKind;
use std::collections::BTreeSet;
use std::sync::PoisonError;

/// How a container was when somebody removed it.
#[derive(Debug, Clone, Copy)]
enum Vanished {
    /// It was to run.
    Running,
    /// It was to be started again.
    Down,
}

impl Target {
    /// Lifts every fault; what could not be, a sentence each. It stays known: who heals again tries again.
    pub async fn heal(&self) -> Vec<String> {
        let mut left = self.heal_links().await;
        let services = self.heal_services().await.into_iter();
        left.extend(services.map(|(_, reason)| reason));
        left
    }

    /// The same, each sentence said, but once in a run.
    pub async fn heal_aloud(&self) {
        for text in self.heal().await {
            let new = {
                let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
                told.insert(text.clone())
            };
            if new {
                self.notice(text).await;
            }
        }
    }

    /// The same before every service is started anew, which mends what was done to processes and signals; an error when
    /// something else stays broken.
    pub(in crate::target) async fn heal_for_restart(&self) -> Result<(), String> {
        let mut left = self.heal_links().await;
        let services = self.heal_services().await.into_iter();
        self.struck().retain(|_, one| one.doing.outlasts_a_start());
        let stays = services.filter(|(id, _)| self.struck().contains_key(id));
        left.extend(stays.map(|(_, reason)| reason));
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

    /// By the fault's id, why what it did could not be undone.
    async fn heal_services(&self) -> Vec<(String, String)> {
        let ids: Vec<String> = self.struck().keys().cloned().collect();
        let mut left = Vec::new();
        for id in ids {
            let Some(one) = self.struck().remove(&id) else {
                continue;
            };
            let service = one.service.clone();
            if let Err(reason) = self.mend(id.clone(), one).await {
                left.push((id, format!("{service} could not be healed: {reason}")));
            }
        }
        left
    }

    /// Undoes what was done to a service; what can't be stays known, for whoever heals.
    pub(super) async fn mend(&self, id: String, struck: Struck) -> Result<(), String> {
        let again = struck.to_be_mended();
        // A roll-back takes its time: nobody else strikes the service meanwhile.
        if matches!(struck.kind, FaultKind::Deploy(_)) {
            self.struck().insert(id.clone(), struck.to_be_mended());
        }
        let Err(reason) = self.undo(struck).await else {
            self.struck().remove(&id);
            return Ok(());
        };
        let Some(vanished) = self.vanished(&again).await else {
            self.struck().insert(id, again);
            return Err(reason);
        };
        self.struck().remove(&id);
        match vanished {
            // With it went what was done to it, and its end was a surprise, which is told.
            Vanished::Running => Ok(()),
            Vanished::Down => {
                self.given_up().insert(again.service);
                Err(format!("somebody removed its container: {reason}"))
            }
        }
    }

    /// Whether the container is there no more that would have to be mended: nothing can be done to it, now or later.
    async fn vanished(&self, struck: &Struck) -> Option<Vanished> {
        let (_, running) = self.find(&struck.service).await.ok()?;
        let own = || {
            let containers = self.containers.as_ref()?;
            Some(containers.made(&struck.service, Version::Own)?.vessel)
        };
        // What a roll-back starts again is the plan's own.
        let (vessel, down) = match struck.kind {
            FaultKind::Deploy(_) => (own()?, true),
            _ => (running.vessel()?.clone(), running.is_to_end()),
        };
        let gone = vessel.engine.vanished(&vessel.id).await;
        gone.then_some(match down {
            true => Vanished::Down,
            false => Vanished::Running,
        })
    }

    /// Whether it was told already that a service does not come back: nobody waits for it in vain to tell that once more.
    pub(super) fn is_given_up(&self, service: &Name) -> bool {
        // What is struck still, once it should be whole, could not be mended.
        let stays = self.struck().values().any(|one| one.service == *service);
        stays || self.given_up().contains(service)
    }

    fn given_up(&self) -> std::sync::MutexGuard<'_, BTreeSet<Name>> {
        self.given_up.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A kill is followed by a start.
    async fn undo(&self, struck: Struck) -> Result<(), String> {
        match struck.doing {
            Doing::Work(stop, work) => {
                stop.cancel();
                let worked = work.await.map_err(|error| error.to_string())?;
                // A deployment broke off where it was: that is looked at.
                if !matches!(struck.kind, FaultKind::Deploy(_)) {
                    return worked;
                }
            }
            Doing::Pressed(pressed) => return pressed.lift().await,
            Doing::Engine(undo) => {
                let (_, running) = self.find(&struck.service).await?;
                if let Some(vessel) = running.vessel() {
                    let undone = engine::revert(vessel, &undo).await;
                    undone.map_err(|error| error.to_string())?;
                }
                if matches!(undo, engine::Undo::Connect(_)) {
                    self.hold_again(&struck.service).await;
                }
                return Ok(());
            }
            Doing::Hands(held) => return self.let_go(&held).await,
            Doing::Nothing => {}
        }
        let (_, running) = self.find(&struck.service).await?;
        match struck.kind {
            FaultKind::Pause => running.go_on().await?,
            FaultKind::Deploy(deployment) => {
                self.roll_back(&struck.service, &deployment).await?;
            }
            // Of a loop that is over: it broke off between a kill and a start.
            FaultKind::Kill | FaultKind::Stop | FaultKind::CrashLoop { .. } => {
                self.rise(&struck.service, &running).await?;
            }
            // A restart was started at once, unless it broke off before that.
            FaultKind::Restart if running.is_to_end() => {
                self.rise(&struck.service, &running).await?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Starts a service that was to end, and may not have yet: its end was waited for in vain.
    async fn rise(&self, service: &Name, running: &Service) -> Result<(), String> {
        if running.is_to_end() && !running.ended() {
            self.fell(service, running).await?;
        }
        match running.ended() {
            true => self.start_again(service).await,
            false => Ok(()),
        }
    }
}
