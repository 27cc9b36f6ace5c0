//! The one stream. Everything that happens in a run becomes one of these, in an envelope; terminal, record,
//! reports, gates and replay read this stream and nothing else. Owned, serialisable, versioned.

mod contract;
mod health;
mod invariant;
mod load;
mod walk;

pub use contract::{ContractCheck, ContractCoverage, ContractFinding, SeenIn};
pub use health::{LocalFailures, Ports, ProbeSample, SelfHealth};
pub use invariant::{FailedWalk, InvariantChecked, Walked};
pub use load::{CapacityTrial, DATA, Epoch, Exemplar, LinkTick, LoadTick, error_class};
pub use walk::{Broken, Excerpt, Exchange, JourneyFinished, Outcome, StepFinished};

use crate::date;
use crate::name::{Name, RunId};
use crate::plan::Plan;
use crate::verdict::regression::Against;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Version of this format; a reader refuses a newer one.
pub const FORMAT: u32 = 1;

/// An event with its place in the run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Envelope {
    /// From 0, without gaps.
    pub seq: u64,
    /// Microseconds since the run began, on the run's monotonic clock.
    pub at_us: u64,
    /// Milliseconds since the Unix epoch, for people; never used for arithmetic.
    pub wall_ms: i64,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// What happened. Announced before it is acted on, so nothing ends that did not begin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The run begins; carries all a report needs that is not an event.
    RunStarted(Box<RunStarted>),
    /// The target is being brought up.
    TargetStarting,
    /// A service (or an external target's entry) answers.
    ServiceReady {
        /// The service.
        service: String,
        /// Microseconds from its start.
        took_us: u64,
    },
    /// Everything is up.
    TargetReady {
        /// Where journeys and load go in.
        entry: String,
    },
    /// The target did not come up, or, after [`Event::TargetReady`], was lost as a whole; the run ends with exit 3.
    TargetFailed {
        /// The service at fault, if one is.
        service: Option<String>,
        /// Why, one sentence.
        reason: String,
        /// Its last lines of output.
        output: Vec<String>,
    },
    /// A service ended that should not have.
    ServiceDied {
        /// The service.
        service: String,
        /// `exit code 1`, `signal 9`.
        status: String,
        /// Its last lines of output.
        output: Vec<String>,
    },
    /// All parts of the target are gone.
    TargetStopped,
    /// A phase begins.
    PhaseStarted {
        /// Which.
        phase: Phase,
    },
    /// A phase ended.
    PhaseFinished {
        /// Which.
        phase: Phase,
    },
    /// A step of a functional walk ended.
    StepFinished(Box<StepFinished>),
    /// A functional walk of a journey ended.
    JourneyFinished(JourneyFinished),
    /// A response or a document breaks the contract.
    ContractFinding(Box<ContractFinding>),
    /// What of a document was exercised.
    ContractCoverage(ContractCoverage),
    /// A scenario's load is about to begin.
    ScenarioStarted {
        /// The scenario.
        scenario: Name,
        /// Microseconds from the run's begin to the first intended arrival: second 0 of its ticks.
        t0_us: u64,
    },
    /// From here on samples carry a new epoch.
    EpochStarted(Epoch),
    /// One second of one name's samples of one epoch, or an amendment to it: ticks of equal key add up.
    LoadTick(Box<LoadTick>),
    /// One second of a link.
    LinkTick(LinkTick),
    /// A failed or a slow exchange, as an example of its class.
    Exemplar(Box<Exemplar>),
    /// A fault is about to be applied.
    FaultArmed {
        /// The fault.
        fault: String,
        /// The scenario, or `None` for a journey's own fault.
        scenario: Option<Name>,
        /// What it does, for people.
        what: String,
        /// Which of its turns, from 1.
        #[serde(default = "first", skip_serializing_if = "is_first")]
        turn: u32,
    },
    /// The first byte or connection was affected.
    FaultEffective {
        /// The fault.
        fault: String,
        /// The scenario.
        scenario: Option<Name>,
        /// Microseconds since the run began.
        effective_us: u64,
        /// Which of its turns, from 1.
        #[serde(default = "first", skip_serializing_if = "is_first")]
        turn: u32,
        /// Nobody saw it: the proxy does not tell what a toxic touched, and this is when it confirmed the change.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        assumed: bool,
        /// Who does it, where there are several ways to: `STOP and CONT`. Known only once it is done.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
    },
    /// A fault was lifted.
    FaultLifted {
        /// The fault.
        fault: String,
        /// The scenario.
        scenario: Option<Name>,
        /// Which of its turns, from 1.
        #[serde(default = "first", skip_serializing_if = "is_first")]
        turn: u32,
    },
    /// A fault could not be applied or lifted; the gates that need it are invalid.
    FaultFailed {
        /// The fault.
        fault: String,
        /// The scenario.
        scenario: Option<Name>,
        /// Why.
        reason: String,
        /// Which of its turns, from 1.
        #[serde(default = "first", skip_serializing_if = "is_first")]
        turn: u32,
    },
    /// While a scenario with faults runs: a service's `ready` check began to answer that it is well, or stopped; the
    /// first answer of each is told too.
    HealthChanged {
        /// The service.
        service: String,
        /// Whether it is well.
        healthy: bool,
    },
    /// A rate of a capacity search was tried.
    CapacityTrial(Box<CapacityTrial>),
    /// A scenario's load ended.
    ScenarioFinished {
        /// The scenario.
        scenario: Name,
        /// Why it ended.
        end: ScenarioEnd,
    },
    /// An invariant was checked: the load had been played to its end, its faults were healed.
    InvariantChecked(Box<InvariantChecked>),
    /// One scrape of the target's own metrics.
    ProbeSample(ProbeSample),
    /// One second of the generator and the harness itself.
    SelfHealth(Box<SelfHealth>),
    /// A gate with `abort` failed while the load ran.
    GateTripped {
        /// The gate's id.
        gate: String,
        /// What was seen.
        observed: String,
    },
    /// What fires a fault came about: its turns are timed from here.
    FaultTriggered {
        /// The fault.
        fault: String,
        /// The scenario.
        scenario: Name,
        /// What was seen.
        seen: String,
    },
    /// A condition beside the faults does not hold: of `stop`, and every fault is lifted; of `[steady]` before the first,
    /// and none is applied.
    ConditionBroken {
        /// The scenario.
        scenario: Name,
        /// The condition's gate, by its id.
        gate: String,
        /// What was seen.
        seen: String,
    },
    /// Somebody asked the run to stop.
    CancelRequested,
    /// Something worth saying that judges nothing.
    Notice {
        /// The words.
        text: String,
    },
    /// The run ended. The verdict is not in here: it is computed from the stream, always.
    RunFinished {
        /// How.
        end: RunEnd,
    },
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunEnd {
    /// Everything planned was done.
    Completed,
    /// The target did not come up.
    TargetFailed,
    /// Somebody stopped it.
    Cancelled,
    /// The harness itself failed.
    Broken,
}

/// How a scenario ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScenarioEnd {
    /// The whole schedule was played.
    Completed,
    /// A gate with `abort` failed.
    Aborted,
    /// It was not steady before its first fault: none was applied.
    Unsteady,
    /// Somebody stopped it.
    Cancelled,
    /// A part of the target died.
    TargetDied,
    /// The load could not be made.
    Broken,
}

/// All a report needs that does not happen during the run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunStarted {
    /// Version of the event format.
    pub format: u32,
    /// The run.
    pub run: RunId,
    /// When, RFC 3339 with the local offset.
    pub date: String,
    /// Version of harness.
    pub version: String,
    /// Machine and software: `os`, `kernel`, `cpu`, `cores`, `memory`, `git` …
    pub environment: BTreeMap<String, String>,
    /// The plan, whole.
    pub plan: Plan,
    /// The run whose plan is played again, for a replay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replays: Option<Replayed>,
    /// The release that was run, if somebody said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<Name>,
    /// The accepted runs that its gates on regressions hold it against, of each scenario that has such a gate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub baselines: Vec<Against>,
}

/// The run that a replay repeats.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replayed {
    /// Its id.
    pub run: RunId,
    /// When it began, RFC 3339 with the local offset.
    pub date: String,
}

impl std::fmt::Display for Replayed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "replays run {} of {}",
            self.run,
            date::second(&self.date).unwrap_or_else(|| self.date.clone())
        )
    }
}

/// A part of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Functional walks.
    Journeys,
    /// Contract cases.
    Contract,
    /// Scenarios.
    Scenarios,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde's skip_serializing_if passes a reference"
)]
fn zero(n: &u64) -> bool {
    *n == 0
}

/// What is counted from 1 and told only where it is more.
pub(crate) fn first() -> u32 {
    1
}

/// Whether it is the first, for serde's `skip_serializing_if`.
pub fn is_first(n: &u32) -> bool {
    *n == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coverage_reads_back_through_the_envelope() {
        let seen = BTreeMap::from([(200, BTreeMap::from([(SeenIn::Case, 3)]))]);
        let envelope = Envelope {
            seq: 1,
            at_us: 2,
            wall_ms: 3,
            event: Event::ContractCoverage(ContractCoverage {
                contract: "shop".parse().unwrap(),
                operations: BTreeMap::from([("GET /orders".to_owned(), seen)]),
            }),
        };
        let text = serde_json::to_string(&envelope).unwrap();
        assert_eq!(serde_json::from_str::<Envelope>(&text).unwrap(), envelope);
        let wrong = text.replace("\"200\"", "\"2OO\"");
        let error = serde_json::from_str::<Envelope>(&wrong).unwrap_err();
        assert!(error.to_string().contains("`2OO` is no status"), "{error}");
    }
}
