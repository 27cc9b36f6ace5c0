//! The verdict: a pure function of the record. Four values, the worst wins, missing data never passes. The
//! instrument is judged before the target.

pub mod capacity;
mod checks;
pub mod clocks;
mod contracts;
pub mod effect;
mod fault_gates;
mod gates;
mod generator;
pub mod headroom;
pub mod inference;
mod invariants;
mod lately;
pub mod limits;
pub mod matrix;
mod measure;
mod obstacles;
mod probes;
mod recovery;
pub mod regression;
mod share;
mod sliding;
mod slower;

pub use gates::{evaluate, tripped};
pub use generator::{DROPPED_OWN, LATE_OWN, Rule, generator, rules};
pub use invariants::checked_one;
pub use lately::{lately, stopped, unsteady};
pub use measure::{error_rate, show};
pub(crate) use measure::{failed as ended_badly, finished as ended_by_target};
pub use probes::{probe_series, probe_value};
pub use recovery::{Band, Recovered, band, recovery};
pub use slower::names_asked;

use crate::event::{LocalFailures, Ports};
use crate::expr::gate::{Comparison, Unit};
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
    /// Whether every journey recovered from every fault of a chaos matrix; absent where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matrix: Option<CheckResult>,
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
    /// What it was judged by.
    #[serde(default)]
    pub figures: GeneratorFigures,
}

/// What the generator was judged by, over one scenario.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct GeneratorFigures {
    /// Whole seconds of load, and in how many of them the generator measured itself.
    pub seconds: u64,
    /// Of those, measured.
    pub measured: u64,
    /// Lateness of its wake-ups, µs; absent without any.
    pub lag_p50_us: Option<u64>,
    /// The same.
    pub lag_p99_us: Option<u64>,
    /// The same.
    pub lag_max_us: Option<u64>,
    /// Processor seconds per second of the load workers: the median over the seconds, and the most.
    pub cpu: f64,
    /// The most.
    pub cpu_max: f64,
    /// The most as a share of the workers' cores; absent where their number is not told.
    pub cpu_share_max: Option<f64>,
    /// Resident memory of the harness at most, bytes.
    pub memory: u64,
    /// Journey starts intended; under a closed model those that began.
    pub planned: u64,
    /// Journey starts that were made.
    pub started: u64,
    /// Begun late by its own doing.
    pub late_generator: u64,
    /// Begun late because the target held every connection.
    pub late_target: u64,
    /// Intended and never begun.
    pub dropped: u64,
    /// Of those, by its own doing.
    pub dropped_generator: u64,
    /// Open file descriptors at most.
    pub descriptors: u64,
    /// How many may be open; 0 when unknown.
    pub descriptors_limit: u64,
    /// Ephemeral ports when most were in use.
    pub ports: Ports,
    /// Requests that failed on this machine, by what ran out.
    pub local: LocalFailures,
    /// The same as counted by name: those of the whole load, all of it.
    pub local_errors: u64,
    /// Examples and samples not kept.
    pub not_kept: u64,
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

    /// How much of its limit is left, as a share of the limit: 0.4 is 40 % to spare, below zero is over it. A share that must
    /// not fall below its limit, such as availability, can reach 100 % at most, and what is left counts from there. `None`
    /// where nothing was seen or the limit is zero.
    pub fn spare(&self) -> Option<f64> {
        let (seen, limit) = (self.observed?, self.gate.expect.limit);
        if limit == 0.0 {
            return None;
        }
        match (self.gate.expect.op, &self.unit) {
            (Comparison::Less | Comparison::AtMost, _) => Some(1.0 - seen / limit),
            (_, Unit::Share) => (limit < 1.0).then(|| (seen - limit) / (1.0 - limit)),
            (Comparison::Greater | Comparison::AtLeast, _) => Some(seen / limit - 1.0),
        }
    }
}

/// The passed gate nearest to its limit, and how much it has to spare: a key gate where one has a limit to be near to. The
/// one answer to how much room there is, wherever it is told.
pub fn nearest<'v>(
    verdicts: impl IntoIterator<Item = &'v Verdict>,
) -> Option<(&'v GateResult, f64)> {
    let gates = verdicts.into_iter().flat_map(|verdict| &verdict.gates);
    let passed = gates.filter(|gate| gate.grade == Grade::Pass);
    let near = passed.filter_map(|gate| Some((gate, gate.spare()?)));
    near.min_by(|(a, left), (b, right)| {
        let not_key = |gate: &GateResult| !gate.is_key();
        not_key(a).cmp(&not_key(b)).then(left.total_cmp(right))
    })
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
