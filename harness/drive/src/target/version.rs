//! A service that a plan deploys has two versions: the plan's own, and one that takes its place for a while. Where each
//! listens, and which of them serves. Knows nothing of how they are started.

use harness_core::name::Name;
use harness_core::plan::Plan;
use harness_core::plan::fault::{Deployment, FaultKind, Site};
use harness_core::plan::target::{ServicePlan, Vessel};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::OwnedMutexGuard;

/// Which of a service's versions something is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Version {
    /// That of the plan's target.
    #[default]
    Own,
    /// That of a deployment, while it lasts.
    Next,
}

impl Version {
    /// Its word in names on the container engine.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Next => "next",
        }
    }
}

/// The services that a plan deploys.
pub(super) fn deployed(plan: &Plan) -> BTreeSet<Name> {
    deployments(plan)
        .map(|(service, _)| service.clone())
        .collect()
}

/// What a plan deploys, and as which service.
pub(super) fn deployments(plan: &Plan) -> impl Iterator<Item = (&Name, &Deployment)> {
    plan.faults()
        .filter_map(|(_, strike)| match (strike.on, strike.kind) {
            (Site::Service(service), FaultKind::Deploy(deployment)) => {
                Some((service, deployment.as_ref()))
            }
            _ => None,
        })
}

/// A service as it is deployed: its plan, but for what differs.
pub(super) fn next(plan: &ServicePlan, deployment: &Deployment) -> ServicePlan {
    let mut next = plan.clone();
    if !deployment.command.is_empty() {
        next.command.clone_from(&deployment.command);
    }
    next.env.extend(deployment.env.clone());
    match (&deployment.image, &mut next.vessel) {
        (Some(image), Some(Vessel::Container(container))) => {
            container.image.clone_from(image);
            // It is the name of what is there or is pulled.
            container.build = None;
        }
        (Some(image), Some(Vessel::Compose(compose))) => compose.image = Some(image.clone()),
        _ => {}
    }
    next
}

/// Both versions of each service that is deployed.
#[derive(Debug, Default)]
pub(super) struct Versions {
    /// Where each is reached itself on this machine, whichever serves: the plan's own and the next.
    ports: BTreeMap<Name, [u16; 2]>,
    serving: Mutex<BTreeMap<Name, Version>>,
    /// Held by who changes it.
    changing: Mutex<BTreeMap<Name, Arc<tokio::sync::Mutex<()>>>>,
}

impl Versions {
    /// Those of services whose versions are reached at these ports.
    pub(super) fn at(ports: BTreeMap<Name, [u16; 2]>) -> Self {
        Self {
            ports,
            serving: Mutex::default(),
            changing: Mutex::default(),
        }
    }

    /// Where a version is reached itself; `None` for a service that is never deployed.
    pub(super) fn port(&self, service: &Name, version: Version) -> Option<u16> {
        let [own, next] = self.ports.get(service)?;
        Some(match version {
            Version::Own => *own,
            Version::Next => *next,
        })
    }

    /// Which version serves.
    pub(super) fn serving(&self, service: &Name) -> Version {
        self.lock().get(service).copied().unwrap_or_default()
    }

    /// From here on this one does.
    pub(super) fn serve(&self, service: &Name, version: Version) {
        self.lock().insert(service.clone(), version);
    }

    /// Waits until nobody else changes which version serves.
    pub(super) async fn change(&self, service: &Name) -> OwnedMutexGuard<()> {
        let changing = {
            let mut all = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(all.entry(service.clone()).or_default())
        };
        changing.lock_owned().await
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Name, Version>> {
        self.serving.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
