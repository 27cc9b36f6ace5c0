//! Pressure on a service's processes: less processor time, less memory. A control group does it where the system lets this
//! process make one; else STOP and CONT, and the limit of address space. Which it is is found out by doing it. Knows
//! services, and nothing of faults' times.

pub(super) mod cgroup;
mod limits;
mod turns;

use super::Surroundings;
use super::journal::Journal;
use super::service::Service;
use cgroup::{Controller, Folder};
use harness_core::plan::Plan;
use harness_core::plan::fault::{FaultKind, Site, Strike};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// In each of these a service runs for its share and stands for the rest: short against what people call slow, long
/// against a timer's error.
const PERIOD: Duration = Duration::from_millis(50);

/// Whether this system lets one process limit another.
pub(super) const CAN_LIMIT: bool = cfg!(target_os = "linux");

/// What holds a service, until it is lifted.
#[derive(Debug)]
pub(super) enum Pressed {
    /// STOP and CONT.
    Turns(CancellationToken, JoinHandle<()>),
    /// Limits of address space.
    Limits(limits::Limits),
    /// A control group: in words, and its folder.
    Group(String, Folder),
}

impl Pressed {
    /// Who it is, as events say it.
    pub(super) fn by(&self) -> String {
        match self {
            Self::Turns(..) => turns::BY.to_owned(),
            Self::Limits(_) => limits::BY.to_owned(),
            Self::Group(by, _) => by.clone(),
        }
    }

    /// Lets the service go.
    pub(super) async fn lift(self) -> Result<(), String> {
        match self {
            Self::Turns(stop, turns) => {
                stop.cancel();
                turns.await.map_err(|error| error.to_string())
            }
            Self::Limits(limits) => {
                limits::lift(&limits);
                Ok(())
            }
            Self::Group(_, folder) => folder.let_go(),
        }
    }
}

/// Who presses the services of a run.
#[derive(Debug)]
pub(super) struct Pressures {
    run: String,
    journal: Journal,
    /// Services whose memory some fault of the plan bounds.
    bounded: BTreeSet<String>,
    /// Their control groups, as far as there are any.
    folders: Mutex<BTreeMap<String, Folder>>,
}

impl Pressures {
    /// For the services of a plan.
    pub(super) fn of(plan: &Plan, around: &Surroundings) -> Self {
        let bounds = |strike: Strike<'_>| match (strike.on, strike.kind) {
            (Site::Service(service), FaultKind::Memory { .. }) => Some(service.to_string()),
            _ => None,
        };
        let bounded = plan.faults().filter_map(|(_, strike)| bounds(strike));
        Self {
            run: around.run.to_string(),
            journal: around.journal.clone(),
            bounded: bounded.collect(),
            folders: Mutex::default(),
        }
    }

    /// Puts a service that was just started into a control group of its own, if its memory is to be bounded: memory stays
    /// counted where it was taken, so what is to be counted at the fault must be from the begin.
    pub(super) fn adopt(&self, service: &Service) {
        if !self.bounded.contains(service.name()) {
            return;
        }
        let mut folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = match folders.get(service.name()) {
            Some(folder) => Ok(folder.clone()),
            None => self.folder(Controller::Memory, service.name()),
        };
        // Without one there is another way; who does it is told when it is done.
        match folder.and_then(|folder| folder.join(service.group()).map(|()| folder)) {
            Ok(folder) => drop(folders.insert(service.name().to_owned(), folder)),
            Err(why) => {
                folders.remove(service.name());
                tracing::debug!(service = service.name(), why, "no control group");
            }
        }
    }

    /// Presses a service as a fault says; an error for a kind that presses nothing.
    pub(super) fn press(
        &self,
        service: &Arc<Service>,
        kind: &FaultKind,
        runtime: &tokio::runtime::Handle,
    ) -> Result<Pressed, String> {
        match kind {
            FaultKind::Cpu { share } => Ok(self.hold(service, *share).unwrap_or_else(|why| {
                tracing::debug!(service = service.name(), why, "no control group");
                let stop = CancellationToken::new();
                let turns = turns::hold(Arc::clone(service), *share, stop.clone());
                Pressed::Turns(stop, runtime.spawn(turns))
            })),
            FaultKind::Memory { bytes } => self.limit(service, *bytes).or_else(|why| {
                tracing::debug!(service = service.name(), why, "no control group");
                limits::limit(service.group(), *bytes).map(Pressed::Limits)
            }),
            kind => Err(format!("a service {kind} is pressed by nothing")),
        }
    }

    fn hold(&self, service: &Service, share: f64) -> Result<Pressed, String> {
        let folder = self.folder(Controller::Cpu, service.name())?;
        // Held before anybody is in it, so that who can't be has nothing to leave.
        let by = folder.hold(share, PERIOD)?;
        if let Err(why) = folder.join(service.group()) {
            folder.let_go()?;
            return Err(why);
        }
        Ok(Pressed::Group(by, folder))
    }

    fn limit(&self, service: &Service, bytes: u64) -> Result<Pressed, String> {
        let folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = folders.get(service.name());
        let folder = folder.ok_or("it was not in a control group from its begin")?;
        let by = folder.limit(bytes)?;
        Ok(Pressed::Group(by, folder.clone()))
    }

    fn folder(&self, controller: Controller, service: &str) -> Result<Folder, String> {
        let name = format!("{}{}-{service}", cgroup::PREFIX, self.run);
        Folder::make(controller, &name, &self.journal)
    }
}

#[cfg(test)]
mod tests;
