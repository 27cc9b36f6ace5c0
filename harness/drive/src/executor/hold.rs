//! A target that is held instead of tried: what of it is told once it is ready. Knows nothing of how it is shown.

use crate::target::Target;
use harness_core::plan::Plan;
use harness_core::template::{Symbol, UnboundError};
use tokio::sync::mpsc;

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
