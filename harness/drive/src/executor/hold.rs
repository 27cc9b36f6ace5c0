//! A target that is held instead of tried: what of it is told once it is ready. Knows nothing of how it is shown.

use super::Run;
use crate::target::{Failed, Target};
use harness_core::event::RunEnd;
use harness_core::plan::Plan;
use harness_core::template::{Symbol, UnboundError};
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// What is made with the target once it is up.
pub(super) enum Work {
    /// What the plan says.
    Play,
    /// Nothing: it is there until somebody wishes its end. Whoever holds the other end is told where it answers.
    Hold(mpsc::Sender<Addresses>),
}

/// Where a target answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addresses {
    /// Base address of journeys and load.
    pub entry: String,
    /// Every service and every link under the name that a suite's texts have for it, `service.orders.url`; in the plan's
    /// order, services first.
    pub named: Vec<(String, String)>,
}

impl Addresses {
    pub(super) fn of(plan: &Plan, target: &Target) -> Result<Self, UnboundError> {
        let services = plan.target.services.iter().map(|service| {
            let name = format!("service.{}.url", service.name);
            (name, Symbol::ServiceUrl(service.name.clone()))
        });
        let links = plan.target.links.iter().map(|link| {
            let name = format!("link.{}.url", link.name);
            (name, Symbol::LinkUrl(link.name.clone()))
        });
        // A service without a port has no address.
        let named = services.chain(links).filter_map(|(name, symbol)| {
            let value = target.symbols().get(&symbol)?;
            Some((name, value.to_owned()))
        });
        Ok(Self {
            entry: target.entry()?,
            named: named.collect(),
        })
    }
}

impl Run {
    /// Holds the target until its end is wished. Nothing is measured meanwhile: it may stand for days.
    pub(super) async fn held(
        &self,
        target: &Arc<Target>,
        ready: &mpsc::Sender<Addresses>,
    ) -> RunEnd {
        let addresses = match Addresses::of(self.plan(), target) {
            Ok(addresses) => addresses,
            Err(unbound) => return self.say_failed(Failed::from(unbound)).await,
        };
        let background = CancellationToken::new();
        let watch = Arc::clone(target.links()).watch(self.mouth.clone(), background.clone());
        let watch = tokio::spawn(watch);
        // Who was to be told may be gone: then the wish for its end is on its way.
        let _ = ready.send(addresses).await;
        self.control.cancel.cancelled().await;
        background.cancel();
        let _ = watch.await;
        RunEnd::Cancelled
    }
}
