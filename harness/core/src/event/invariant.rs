//! What checking an invariant came to.

use super::{Broken, Exchange};
use crate::name::Name;
use serde::{Deserialize, Serialize};

/// What checking an invariant came to. Whether it holds is not in here: that is computed from the figures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InvariantChecked {
    /// The scenario.
    pub scenario: Name,
    /// The invariant, by its id.
    pub gate: String,
    /// The figures of its terms as they were last looked at, by the term's text.
    #[serde(default)]
    pub figures: Vec<(String, f64)>,
    /// Why a figure or a walk is missing, one sentence each.
    #[serde(default)]
    pub missing: Vec<String>,
    /// How many times the load captured what it counts.
    #[serde(default)]
    pub captured: u64,
    /// Looks taken until it held or its time was up.
    pub attempts: u32,
    /// Microseconds they took.
    pub took_us: u64,
    /// What came of the walks, if it is one that walks.
    #[serde(default)]
    pub walks: Option<Walked>,
}

/// What came of walking a journey with each captured value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Walked {
    /// Distinct values captured.
    pub distinct: u64,
    /// Walked with; fewer when there are more than are walked at most.
    pub walked: u64,
    /// That did not pass within the time given.
    pub failed: u64,
    /// The first of those, by value, at most [`Walked::EVIDENCE`].
    #[serde(default)]
    pub evidence: Vec<FailedWalk>,
}

impl Walked {
    /// Failed walks kept.
    pub const EVIDENCE: usize = 5;
}

/// A walk that failed: its last try.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FailedWalk {
    /// The value it began with, as JSON.
    pub value: String,
    /// The step that failed.
    pub step: String,
    /// Times it was walked.
    pub attempts: u32,
    /// What did not hold.
    #[serde(default)]
    pub failures: Vec<Broken>,
    /// The last exchange, if one was made.
    #[serde(default)]
    pub exchange: Option<Exchange>,
}
