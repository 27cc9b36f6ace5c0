//! The verdict: a pure function of the record. Four values, the worst wins, missing data never passes. The
//! instrument is judged before the target.

mod checks;
mod contracts;
mod gates;
mod generator;
mod invariants;
pub mod limits;
mod measure;
mod obstacles;
mod probes;
mod recovery;
mod share;
mod sliding;

pub use gates::{evaluate, tripped};
pub use generator::generator;
pub use invariants::checked_one;
pub use measure::show;
pub(crate) use measure::{failed as ended_badly, finished as ended_by_target};
pub use probes::{probe_series, probe_value};
pub use recovery::{Band, Recovered, band, recovery};

use crate::expr::gate::Unit;
use crate::name::Name;
use crate::plan::gate::{Class, Gate};
use crate::plan::invariant::InvariantPlan;
use serde::{Deserialize, Serialize};

/// The four values of a result, from best to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Grade {
    /// It held.
    Pass,
    /// Too little was seen to say.
    Inconclusive,
    /// What was seen can't be trusted.
    Invalid,
    /// It did not hold.
    Fail,
}

/// What a run is worth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// The worst of all that decides: the checks, the instrument, and the key gates. Scored gates weigh in the
    /// readiness score and information is only told; neither is in here.
    pub grade: Grade,
    /// Whether the run came to its end, nothing lost and nothing planned left undone.
    pub run: CheckResult,
    /// Functional walks.
    pub journeys: CheckResult,
    /// Contracts.
    pub contract: CheckResult,
    /// Whether the target came up and stayed up.
    pub target: CheckResult,
    /// The instrument, per scenario that began, in order.
    pub generator: Vec<GeneratorResult>,
    /// The gates, in the plan's order.
    pub gates: Vec<GateResult>,
    /// The invariants, in the plan's order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub invariants: Vec<InvariantResult>,
}

/// A built-in check.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckResult {
    /// How it went.
    pub grade: Grade,
    /// Checked in all.
    pub total: u64,
    /// That failed.
    pub failed: u64,
    /// One sentence.
    pub reason: String,
}

/// The generator's own verdict for one scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GeneratorResult {
    /// The scenario.
    pub scenario: Name,
    /// Whether its figures can be trusted.
    pub trust: Trust,
    /// Why not, one sentence a rule; empty when valid.
    pub reasons: Vec<String>,
}

/// Whether the load was what it was meant to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trust {
    /// It was.
    Valid,
    /// Nearly: figures stand, with the reasons beside them.
    Degraded,
    /// It was not: gates on it are invalid, unless they fail all the same.
    Invalid,
}

/// One gate's result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GateResult {
    /// The gate.
    pub gate: Gate,
    /// How it went.
    pub grade: Grade,
    /// What was seen, in `unit`; `None` when there is nothing to see.
    pub observed: Option<f64>,
    /// The unit of `observed` and of the gate's limit.
    pub unit: Unit,
    /// One sentence a person can act on: what was seen against what, where, over how much.
    pub reason: String,
    /// Samples it rests on.
    pub samples: u64,
    /// For `over`: the first second of the worst window, from the scenario's begin.
    pub worst_second: Option<u32>,
}

impl GateResult {
    /// Whether there was nothing at all to judge: missing evidence, which closes where little evidence only waits.
    pub fn is_missing(&self) -> bool {
        self.grade == Grade::Inconclusive && self.samples == 0
    }

    /// Whether failing it is NO-GO.
    pub fn is_key(&self) -> bool {
        self.gate.class == Class::Key
    }
}

/// One invariant's result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InvariantResult {
    /// The invariant.
    pub gate: InvariantPlan,
    /// How it went.
    pub grade: Grade,
    /// What was seen, with its figures; empty when there is nothing to see.
    pub seen: String,
    /// One sentence a person can act on.
    pub reason: String,
    /// What it rests on: values captured, walks made, or one look at the target; 0 for nothing.
    pub samples: u64,
}

impl InvariantResult {
    /// Whether there was nothing at all to judge.
    pub fn is_missing(&self) -> bool {
        self.grade == Grade::Inconclusive && self.samples == 0
    }

    /// Whether failing it is NO-GO.
    pub fn is_key(&self) -> bool {
        self.gate.class == Class::Key
    }
}
