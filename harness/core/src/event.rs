//! The one stream. Everything that happens in a run becomes one of these, in an envelope; terminal, record,
//! reports, gates and replay read this stream and nothing else. Owned, serialisable, versioned.

use crate::capacity::Tried;
use crate::hist::Hist;
use crate::http::{FailureKind, Method, Timing};
use crate::name::{Name, RequestName, RunId};
use crate::phases::Phases;
use crate::plan::Plan;
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
    /// The target did not come up; the run ends with exit 3.
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
    },
    /// The first byte or connection was affected.
    FaultEffective {
        /// The fault.
        fault: String,
        /// The scenario.
        scenario: Option<Name>,
        /// Microseconds since the run began.
        effective_us: u64,
    },
    /// A fault was lifted.
    FaultLifted {
        /// The fault.
        fault: String,
        /// The scenario.
        scenario: Option<Name>,
    },
    /// A fault could not be applied or lifted; the gates that need it are invalid.
    FaultFailed {
        /// The fault.
        fault: String,
        /// The scenario.
        scenario: Option<Name>,
        /// Why.
        reason: String,
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

/// A step of a functional walk ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepFinished {
    /// The journey.
    pub journey: Name,
    /// The data row, from 0.
    pub row: u32,
    /// The step's name.
    pub step: String,
    /// Which time the walk passed it, from 1; above 1 where it went back.
    #[serde(default = "first", skip_serializing_if = "is_first")]
    pub pass: u32,
    /// Whether all held; `None` when it was skipped because one before it failed.
    pub passed: Option<bool>,
    /// What did not hold.
    #[serde(default)]
    pub failures: Vec<Broken>,
    /// Polls made, 1 without `eventually`.
    pub attempts: u32,
    /// Microseconds from intended to finished.
    pub took_us: u64,
    /// The last exchange; always kept for a failed step.
    #[serde(default)]
    pub exchange: Option<Exchange>,
}

fn first() -> u32 {
    1
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands over a reference"
)]
fn is_first(pass: &u32) -> bool {
    *pass == 1
}

/// An expectation that did not hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Broken {
    /// The expectation as written, or `a response`.
    pub expected: String,
    /// What was there instead.
    pub actual: String,
}

/// A functional walk ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JourneyFinished {
    /// The journey.
    pub journey: Name,
    /// The data row, from 0.
    pub row: u32,
    /// How it went.
    pub outcome: Outcome,
    /// Microseconds.
    pub took_us: u64,
}

/// How a functional walk went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Every step held.
    Passed,
    /// A step did not hold.
    Failed,
    /// It was stopped, or never reached.
    Cancelled,
}

/// Evidence: one exchange, redacted and cut to size.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Exchange {
    /// The method.
    pub method: Method,
    /// The URL.
    pub url: String,
    /// As sent.
    pub request_headers: Vec<(String, String)>,
    /// As sent, cut.
    pub request_body: Excerpt,
    /// The status, or `None` where no response came.
    pub status: Option<u16>,
    /// Why no response came.
    #[serde(default)]
    pub failure: Option<crate::http::Failure>,
    /// As received.
    #[serde(default)]
    pub response_headers: Vec<(String, String)>,
    /// As received, cut.
    #[serde(default)]
    pub response_body: Excerpt,
    /// Where the time went.
    pub timing: Timing,
    /// The shell line that repeats it.
    pub curl: String,
}

/// The beginning of a body.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Excerpt {
    /// At most [`Excerpt::LIMIT`] bytes, lossily decoded.
    pub text: String,
    /// Bytes of the whole.
    pub bytes: u64,
}

impl Excerpt {
    /// Bytes kept of a body.
    pub const LIMIT: usize = 4096;

    /// Cuts a body of `whole` bytes.
    pub fn of(body: &[u8], whole: u64) -> Self {
        let kept = &body[..body.len().min(Self::LIMIT)];
        Self {
            text: String::from_utf8_lossy(kept).into_owned(),
            bytes: whole,
        }
    }

    /// Whether something was cut.
    pub fn cut(&self) -> bool {
        self.bytes > Self::LIMIT as u64
    }
}

/// A breach of the contract.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ContractFinding {
    /// The contract, by its name in the plan.
    pub contract: Name,
    /// The kind of check that found it.
    pub check: ContractCheck,
    /// `GET /orders/{id}`, or the document itself.
    pub operation: String,
    /// What is wrong, one sentence.
    pub message: String,
    /// Equal findings share this key; they are shown once, with a count.
    pub key: String,
    /// What exercised it.
    pub seen_in: SeenIn,
    /// The exchange, if one was made.
    #[serde(default)]
    pub exchange: Option<Exchange>,
}

/// The kinds of contract check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ContractCheck {
    /// The document can't be used as it is.
    Document,
    /// Nothing answers as the document says: wrong base path, no access.
    Preflight,
    /// 5xx without the document announcing it.
    ServerError,
    /// A status the document does not list.
    UndocumentedStatus,
    /// A content type the document does not list for that status.
    ContentType,
    /// A body that does not match its schema.
    BodySchema,
    /// Valid data was refused.
    ValidRefused,
    /// No response came.
    Unreachable,
    /// The operation could not be exercised (a needed value could not be had).
    NotExercised,
}

impl ContractCheck {
    /// Every kind.
    pub const ALL: [Self; 9] = [
        Self::Document,
        Self::Preflight,
        Self::ServerError,
        Self::UndocumentedStatus,
        Self::ContentType,
        Self::BodySchema,
        Self::ValidRefused,
        Self::Unreachable,
        Self::NotExercised,
    ];

    /// Its word, the first part of a finding's key.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Document => "document",
            Self::Preflight => "preflight",
            Self::ServerError => "server-error",
            Self::UndocumentedStatus => "undocumented-status",
            Self::ContentType => "content-type",
            Self::BodySchema => "body-schema",
            Self::ValidRefused => "valid-refused",
            Self::Unreachable => "unreachable",
            Self::NotExercised => "not-exercised",
        }
    }
}

/// What exercised an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SeenIn {
    /// A generated case.
    Case,
    /// A functional walk.
    Journey,
    /// A sample under load.
    Load,
}

/// What of a document was exercised.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ContractCoverage {
    /// The contract.
    pub contract: Name,
    /// Per operation: `GET /orders/{id}` → status → times seen, by what.
    #[serde(deserialize_with = "by_status")]
    pub operations: BTreeMap<String, BTreeMap<u16, BTreeMap<SeenIn, u64>>>,
}

type SeenByStatus<S> = BTreeMap<String, BTreeMap<S, BTreeMap<SeenIn, u64>>>;

/// Statuses are keys, and keys are texts in JSON: inside a flattened envelope serde hands them over as such.
fn by_status<'de, D: serde::Deserializer<'de>>(from: D) -> Result<SeenByStatus<u16>, D::Error> {
    let status = |(text, seen): (String, _)| match text.parse() {
        Ok(status) => Ok((status, seen)),
        Err(_) => Err(serde::de::Error::custom(format!("`{text}` is no status"))),
    };
    SeenByStatus::<String>::deserialize(from)?
        .into_iter()
        .map(|(operation, seen)| {
            let seen = seen
                .into_iter()
                .map(status)
                .collect::<Result<_, D::Error>>()?;
            Ok((operation, seen))
        })
        .collect()
}

/// A stretch of a scenario in which the same stage ran and the same faults were active or settling; warm-up or not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Epoch {
    /// The scenario.
    pub scenario: Name,
    /// From 0, rising by one.
    pub epoch: u32,
    /// Microseconds since the run began.
    pub from_us: u64,
    /// Index into the load's stages.
    pub stage: u32,
    /// Whether the load still warms up: shown, judged by nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub warm_up: bool,
    /// Faults active.
    #[serde(default)]
    pub faults: Vec<String>,
    /// Faults lifted and settling.
    #[serde(default)]
    pub settling: Vec<String>,
    /// Under a capacity search: the trial in which the rate is judged, from 1; 0 before and between them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trial: Option<u32>,
}

/// A trial of a capacity search, judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CapacityTrial {
    /// The scenario.
    pub scenario: Name,
    /// Its number, from 1: the one its epoch names.
    pub trial: u32,
    /// The rate, and what became of it.
    #[serde(flatten)]
    pub tried: Tried,
    /// Each condition of the goal with what was seen, for people.
    pub seen: Vec<String>,
}

/// One second of one name in one epoch. A sample belongs to the second and the epoch of its intended start.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LoadTick {
    /// The scenario.
    pub scenario: String,
    /// Seconds since the scenario's `t0_us`.
    pub second: u32,
    /// The epoch.
    pub epoch: u32,
    /// The journey or step.
    pub name: String,
    /// Users who were there in the middle of the second, each under the journey it walked then or last (journeys only).
    /// An arrival of the open model is a user for as long as its walk. Added up over seconds these are user-seconds.
    #[serde(default, skip_serializing_if = "zero")]
    pub users: u64,
    /// Walks intended: by the schedule, or by a user who was free (journeys only).
    #[serde(default, skip_serializing_if = "zero")]
    pub planned: u64,
    /// Requests or journeys begun.
    #[serde(default, skip_serializing_if = "zero")]
    pub started: u64,
    /// Begun late because the generator was.
    #[serde(default, skip_serializing_if = "zero")]
    pub late_generator: u64,
    /// Begun late because no connection was free, or the user was still with the target: the target's doing.
    #[serde(default, skip_serializing_if = "zero")]
    pub late_target: u64,
    /// Intended, never begun.
    #[serde(default, skip_serializing_if = "zero")]
    pub dropped: u64,
    /// Of those, the ones that the generator came to late: its own doing.
    #[serde(default, skip_serializing_if = "zero")]
    pub dropped_generator: u64,
    /// Journeys whose first request went out in this second, whenever they were intended: the rate that was reached. The
    /// only figure here that is not filed under the intended start.
    #[serde(default, skip_serializing_if = "zero")]
    pub begun: u64,
    /// Came due and not begun because the journey's data had run out; no part of `planned`.
    #[serde(default, skip_serializing_if = "zero")]
    pub no_data: u64,
    /// Ended well.
    #[serde(default, skip_serializing_if = "zero")]
    pub ok: u64,
    /// Ended badly, by class: a [`FailureKind`] word, `status-503`, `expectation`, [`DATA`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub errors: BTreeMap<String, u64>,
    /// Under way when the load was stopped: counted, not judged.
    #[serde(default, skip_serializing_if = "zero")]
    pub cancelled: u64,
    /// Bytes received.
    #[serde(default, skip_serializing_if = "zero")]
    pub bytes_in: u64,
    /// From intended to finished, all outcomes except cancelled.
    #[serde(default, skip_serializing_if = "Hist::is_empty")]
    pub response: Hist,
    /// From sent to finished, all outcomes except cancelled.
    #[serde(default, skip_serializing_if = "Hist::is_empty")]
    pub service: Hist,
    /// Where the time of its requests went (steps only). A step that asks several times has several.
    #[serde(default, skip_serializing_if = "Phases::is_empty")]
    pub phases: Phases,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde's skip_serializing_if passes a reference"
)]
fn zero(n: &u64) -> bool {
    *n == 0
}

/// One second of a link through the fault proxy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LinkTick {
    /// The link.
    pub link: Name,
    /// Connections opened in this second.
    pub opened: u64,
    /// Connections open at its end.
    pub open: u64,
    /// Dials to the service that failed in this second.
    pub failed: u64,
    /// Bytes towards the service.
    pub bytes_up: u64,
    /// Bytes from the service.
    pub bytes_down: u64,
    /// Chunks or connections touched, by toxic.
    #[serde(default)]
    pub hits: BTreeMap<String, u64>,
}

/// A failed or slow exchange under load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Exemplar {
    /// The scenario.
    pub scenario: Name,
    /// The journey or step.
    pub name: RequestName,
    /// The error's class as in [`LoadTick::errors`], or `slow`.
    pub class: String,
    /// Second of its intended start.
    pub second: u32,
    /// Microseconds from intended to finished.
    pub response_us: u64,
    /// What did not hold.
    #[serde(default)]
    pub failures: Vec<Broken>,
    /// The exchange.
    pub exchange: Exchange,
}

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

/// One scrape of a service's metrics.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProbeSample {
    /// The service.
    pub service: String,
    /// Series (`name{label="value"}`) to value; empty with `error` set when the scrape failed.
    pub values: BTreeMap<String, f64>,
    /// Why the scrape failed.
    #[serde(default)]
    pub error: Option<String>,
    /// Metrics of probes, by their selectors, that the scrape did not tell in full, and why: what is summed up over a
    /// part of its series would be wrong.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unread: BTreeMap<String, String>,
    /// When it was asked for, microseconds since the run began; the event itself comes when it was answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_us: Option<u64>,
}

/// One second of the instrument itself.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SelfHealth {
    /// Lateness of the generator's wake-ups against the schedule, in µs: its own doing, nobody else's.
    pub lag: Hist,
    /// Processor seconds per second of the load workers.
    pub cpu_generator: f64,
    /// Processor seconds per second of the fault proxy.
    pub cpu_proxy: f64,
    /// Processor seconds per second of the whole harness process.
    pub cpu_total: f64,
    /// Resident memory, bytes.
    pub memory: u64,
    /// Open file descriptors.
    pub descriptors: u64,
    /// How many may be open; 0 when unknown.
    #[serde(default, skip_serializing_if = "zero")]
    pub descriptors_limit: u64,
    /// Ephemeral ports of the network the harness is in.
    #[serde(default, skip_serializing_if = "Ports::unknown")]
    pub ports: Ports,
    /// Load workers at work: the most cores the generator can use. 0 when unknown, or without load.
    #[serde(default, skip_serializing_if = "zero")]
    pub workers: u64,
    /// Requests that failed on this machine before they reached the network, and for want of what.
    #[serde(default, skip_serializing_if = "LocalFailures::none")]
    pub local: LocalFailures,
    /// Exemplars and samples not kept because a limit was reached.
    pub drops: u64,
}

/// Ephemeral ports: those the system gives to connections that ask for none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ports {
    /// In use at most: all TCP sockets there are, or, once that is half of what there is, those towards the one address
    /// that most go to, which is what runs out.
    pub used: u64,
    /// How many there are; 0 when unknown.
    pub available: u64,
    /// Closed connections whose port is not free yet, whoever had them.
    pub time_wait: u64,
}

impl Ports {
    /// Whether nothing is known of them.
    pub fn unknown(&self) -> bool {
        self.available == 0
    }
}

/// Failures of this machine, by what there was too little of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalFailures {
    /// File descriptors.
    pub descriptors: u64,
    /// Ephemeral ports.
    pub ports: u64,
    /// Memory or socket buffers.
    pub memory: u64,
    /// Something else of its own.
    pub other: u64,
}

impl LocalFailures {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.descriptors + self.ports + self.memory + self.other
    }

    /// Whether there was none.
    pub fn none(&self) -> bool {
        *self == Self::default()
    }

    /// Adds those of another second or worker.
    pub fn add(&mut self, other: &Self) {
        self.descriptors += other.descriptors;
        self.ports += other.ports;
        self.memory += other.memory;
        self.other += other.other;
    }
}
/// The class of a step whose data row could not be read.
pub const DATA: &str = "data";

/// The class of a failed exchange as counted in [`LoadTick::errors`].
pub fn error_class(failure: Option<FailureKind>, status: Option<u16>) -> String {
    match (failure, status) {
        (Some(kind), _) => kind.as_str().to_owned(),
        (None, Some(status)) if status >= 400 => format!("status-{status}"),
        _ => "expectation".to_owned(),
    }
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
