//! The summary for programs: versioned, whole figures, no words to parse. The shape is this file's types; `fill` puts a
//! record into it.

mod fill;

use crate::clocks::{Clock, Did};
use crate::errors::ErrorRow;
use crate::faults;
use harness_core::capacity::Limit;
use harness_core::event::{
    CapacityTrial, InvariantChecked, Outcome, Phase, Replayed, RunEnd, ScenarioEnd,
};
use harness_core::expr::gate::Unit;
use harness_core::name::{Name, RunId};
use harness_core::phases::RequestPhase;
use harness_core::plan::LeftOut;
use harness_core::readiness::Readiness;
use harness_core::verdict::Verdict;
use harness_core::verdict::matrix::Matrix;
use harness_core::verdict::regression::Intervals;
use serde::Serialize;
use std::collections::BTreeMap;

/// Version of the summary's shape; a change that breaks a reader raises it.
pub const FORMAT: u32 = 1;

/// A run in figures. Latencies and times in microseconds, rates per second, shares of one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// [`FORMAT`].
    pub format: u32,
    /// The run, absent when the events hold none.
    pub run: Option<RunSummary>,
    /// How it ended; absent when the record was cut short.
    pub end: Option<RunEnd>,
    /// Its length.
    pub took_us: u64,
    /// Can it ship?
    pub readiness: Readiness,
    /// What each check and gate says.
    pub verdict: Verdict,
    /// Phases: (phase, begin, end).
    pub phases: Vec<(Phase, u64, Option<u64>)>,
    /// Functional walks.
    pub journeys: Vec<WalkSummary>,
    /// Contracts by name.
    pub contracts: BTreeMap<Name, ContractSummary>,
    /// Scenarios, in order.
    pub scenarios: Vec<ScenarioSummary>,
    /// Faults, in order of arming.
    pub faults: Vec<FaultSummary>,
    /// The chaos matrix; absent where it was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matrix: Option<Matrix>,
    /// What checking each invariant came to, with its figures and the walks that failed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub invariants: Vec<InvariantChecked>,
    /// Scenarios that the target's mode left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<LeftOut>,
    /// Notices.
    pub notices: Vec<String>,
}

/// What was run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunSummary {
    /// Its id.
    pub id: RunId,
    /// When it began, RFC 3339.
    pub date: String,
    /// The harness's version.
    pub version: String,
    /// The project.
    pub project: String,
    /// The profile.
    pub profile: Option<Name>,
    /// The variant.
    pub variant: Option<Name>,
    /// The release that was run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release: Option<Name>,
    /// The run it repeats, for a replay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replays: Option<Replayed>,
    /// Whether every certificate was accepted, so that nothing is known of who answered.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub insecure: bool,
    /// The seed.
    pub seed: u64,
    /// Digest over the whole plan.
    pub plan_digest: String,
    /// Digest over what changes a measurement.
    pub workload_digest: String,
    /// Machine and software.
    pub environment: BTreeMap<String, String>,
}

/// A functional walk.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WalkSummary {
    /// The journey.
    pub journey: Name,
    /// The data row, from 0.
    pub row: u32,
    /// How it went; absent when cut short.
    pub outcome: Option<Outcome>,
    /// How long it took.
    pub took_us: u64,
    /// The step that broke it.
    pub broken_step: Option<String>,
}

/// A contract.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ContractSummary {
    /// Operations exercised.
    pub exercised: u64,
    /// Operations known.
    pub operations: u64,
    /// Breaches, those the suite accepts left out.
    pub findings: Vec<FindingSummary>,
    /// What the suite accepts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub accepted: Vec<AcceptedSummary>,
}

/// Findings that are known and accepted.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AcceptedSummary {
    /// The keys accepted.
    pub finding: String,
    /// Why.
    pub reason: String,
    /// Findings it covers in this run; none means that it can be taken out.
    pub findings: u64,
}

/// A breach.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FindingSummary {
    /// The kind of check.
    pub check: String,
    /// The operation.
    pub operation: String,
    /// What is wrong.
    pub message: String,
    /// What equal findings share, across runs too; what `accept` in the suite names.
    pub key: String,
    /// How often it was seen.
    pub times: u64,
}

/// A scenario's load.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ScenarioSummary {
    /// The scenario.
    pub scenario: Name,
    /// Seconds of load.
    pub seconds: f64,
    /// How it ended; absent when cut short.
    pub end: Option<ScenarioEnd>,
    /// What its capacity search found; absent if it is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capacity: Option<CapacitySummary>,
    /// Journeys and steps, by name; the warm-up left out.
    pub names: BTreeMap<String, NameSummary>,
    /// Journeys together, outside faults and recovery.
    pub undisturbed: NameSummary,
    /// Faults by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub faults: BTreeMap<String, FaultFigures>,
    /// Journeys together while the load warmed up; absent without a warm-up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warm_up: Option<NameSummary>,
    /// Kinds of error, the most frequent first; journeys are counted, each once.
    pub errors: Vec<ErrorRow>,
}

/// What a fault did to a scenario.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FaultFigures {
    /// The load in each of its phases that lasted, journeys together.
    pub phases: BTreeMap<&'static str, PhaseOfFault>,
    /// What it changed against the control; absent without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effect: Option<faults::Effect>,
    /// What is tolerated of it, a turn each, where its number grows and it says under what.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub headroom: Vec<HeadroomSummary>,
}

/// How much of a fault is tolerated.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HeadroomSummary {
    /// Which turn of it, from 1.
    pub turn: u32,
    /// How far its number went while all held; absent where it can't be said.
    pub magnitude: Option<f64>,
    /// The unit of it.
    pub unit: Unit,
    /// The condition that did not hold from there; absent where all of it is tolerated.
    pub broke: Option<String>,
    /// Journeys intended per second meanwhile.
    pub rate: f64,
    /// The same in words.
    pub words: String,
}

/// The load in one phase of a fault: `before`, `during`, `affected` and `spared` (of `during` what used a connection that a fault on the way in had touched, and the rest; absent where it touched none), `control` (the same seconds without it), `recovering` (lifted, until it has settled) or `after`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PhaseOfFault {
    /// Its length.
    pub seconds: f64,
    /// Journeys that ended well, per second.
    pub rate: f64,
    /// Its figures.
    #[serde(flatten)]
    pub figures: NameSummary,
    /// Where they lie, with 95 %: response times in µs, and the share of errors.
    #[serde(skip_serializing_if = "Intervals::none")]
    pub intervals: Intervals,
}

/// What a capacity search found, journey starts per second.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CapacitySummary {
    /// What was looked for.
    pub goal: String,
    /// The highest rate that the target was seen to carry; absent if none.
    pub holds: Option<f64>,
    /// The lowest rate that was seen not to work; absent if none.
    pub breaks: Option<f64>,
    /// Who set the limit; absent where none was met.
    pub limit: Option<Limit>,
    /// Whether the search went to its end.
    pub complete: bool,
    /// The trials, in order.
    pub trials: Vec<CapacityTrial>,
}

/// A name's figures over a scenario.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NameSummary {
    /// Walks intended: by the schedule, or by a user who was free.
    pub planned: u64,
    /// Begun.
    pub started: u64,
    /// Begun late by the generator's fault.
    pub late_generator: u64,
    /// Begun late for want of a connection.
    pub late_target: u64,
    /// Intended, never begun.
    pub dropped: u64,
    /// Of those, by the generator's fault.
    pub dropped_generator: u64,
    /// Not begun because the journey's data had run out; no part of `planned`.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub no_data: u64,
    /// Ended well.
    pub ok: u64,
    /// Under way at the stop.
    pub cancelled: u64,
    /// Ended badly, by class.
    pub errors: BTreeMap<String, u64>,
    /// Share that ended badly of what ended by the target's doing, as gates count it: without class `local`.
    pub error_rate: f64,
    /// Response time, from the intended start.
    pub response: Option<Latency>,
    /// Service time, from the send.
    pub service: Option<Latency>,
    /// Where the time of a step's requests went, by phase: only phases that happened.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub phases: BTreeMap<RequestPhase, PhaseSummary>,
}

/// A phase of a step's requests.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PhaseSummary {
    /// Requests in which it happened.
    pub count: u64,
    /// How long it took, at two significant digits.
    #[serde(flatten)]
    pub latency: Latency,
}

/// A distribution in a few figures, microseconds.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(missing_docs, reason = "each field is the figure it is named after")]
pub struct Latency {
    pub mean: f64,
    pub p50: u64,
    pub p90: u64,
    pub p95: u64,
    pub p99: u64,
    #[serde(rename = "p99.9")]
    pub p99_9: u64,
    pub max: u64,
}

/// A fault.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FaultSummary {
    /// Its name.
    pub name: String,
    /// Which time it struck; absent for the first.
    #[serde(skip_serializing_if = "harness_core::event::is_first")]
    pub turn: u32,
    /// Its scenario; absent for a journey's own.
    pub scenario: Option<Name>,
    /// What it did.
    pub what: String,
    /// Armed.
    pub armed_us: u64,
    /// First effect.
    pub effective_us: Option<u64>,
    /// Whether nobody saw that: it is when the proxy confirmed the change.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub effective_assumed: bool,
    /// Who did it, where there are several ways to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Lifted.
    pub lifted_us: Option<u64>,
    /// Why it could not be applied or lifted.
    pub failed: Option<String>,
    /// Its clocks, by their words in gates.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub clocks: BTreeMap<&'static str, Clock>,
    /// What the target did about it, as far as it can be told from outside.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub inferred: Vec<Did>,
}

impl Summary {
    /// As JSON, ending in a line break.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde's skip_serializing_if passes a reference"
)]
fn is_zero(n: &u64) -> bool {
    *n == 0
}
