//! Probes as planned: figures of the target's own metrics, with a name.

use crate::expr::gate::Unit;
use crate::expr::probe::Value;
use crate::journey::Origin;
use crate::name::Name;
use serde::{Deserialize, Serialize};

/// The service that `[target] metrics` speaks for.
pub const TARGET: &str = "target";

/// A figure of the target's own metrics.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProbePlan {
    /// The name in `[probe.NAME]`; gates say `probe.NAME`.
    pub name: Name,
    /// One line for people; the name where none was given.
    pub title: String,
    /// What it is; every selector names its service.
    pub value: Value,
    /// How its figures are shown.
    pub unit: Unit,
    /// Whether it is drawn.
    pub chart: bool,
    /// Where it was written.
    pub origin: Origin,
}
