//! The summary for programs: versioned, whole figures, no words to parse. The shape is this file's types.

use crate::figures;
use harness_core::event::{ContractFinding, InvariantChecked, Outcome, Phase, RunEnd, ScenarioEnd};
use harness_core::name::{Name, RunId};
use harness_core::plan::accept::Accepted;
use harness_core::plan::gate::During;
use harness_core::readiness::Readiness;
use harness_core::record::{ContractRecord, NameRecord, Record, ScenarioRecord, Tally};
use harness_core::verdict::Verdict;
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
    /// What checking each invariant came to, with its figures and the walks that failed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub invariants: Vec<InvariantChecked>,
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
    /// Journeys and steps, by name.
    pub names: BTreeMap<String, NameSummary>,
    /// Journeys together, outside faults and recovery.
    pub undisturbed: NameSummary,
}

/// A name's figures over a scenario.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NameSummary {
    /// Arrivals the schedule intended.
    pub planned: u64,
    /// Begun.
    pub started: u64,
    /// Begun late by the generator's fault.
    pub late_generator: u64,
    /// Begun late for want of a connection.
    pub late_target: u64,
    /// Intended, never begun.
    pub dropped: u64,
    /// Ended well.
    pub ok: u64,
    /// Under way at the stop.
    pub cancelled: u64,
    /// Ended badly, by class.
    pub errors: BTreeMap<String, u64>,
    /// Share that ended badly.
    pub error_rate: f64,
    /// Response time, from the intended start.
    pub response: Option<Latency>,
    /// Service time, from the send.
    pub service: Option<Latency>,
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
    /// Its scenario; absent for a journey's own.
    pub scenario: Option<Name>,
    /// What it did.
    pub what: String,
    /// Armed.
    pub armed_us: u64,
    /// First effect.
    pub effective_us: Option<u64>,
    /// Lifted.
    pub lifted_us: Option<u64>,
    /// Why it could not be applied or lifted.
    pub failed: Option<String>,
}

impl Summary {
    /// Of a run.
    pub fn of(record: &Record, verdict: &Verdict, readiness: &Readiness) -> Self {
        Self {
            format: FORMAT,
            run: record.run.as_deref().map(run),
            end: record.end,
            took_us: record.last_us,
            readiness: readiness.clone(),
            verdict: verdict.clone(),
            phases: record.phases.clone(),
            journeys: record.journeys.iter().map(walk).collect(),
            contracts: record
                .contracts
                .iter()
                .map(|(name, c)| (name.clone(), contract(record, name, c)))
                .collect(),
            scenarios: record.scenarios.iter().map(scenario).collect(),
            faults: record.faults.iter().map(fault).collect(),
            invariants: record.invariants.clone(),
            notices: record
                .notices
                .iter()
                .map(|(_, words)| words.clone())
                .collect(),
        }
    }

    /// As JSON, ending in a line break.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }
}

fn run(run: &harness_core::event::RunStarted) -> RunSummary {
    let plan = &run.plan;
    RunSummary {
        id: run.run.clone(),
        date: run.date.clone(),
        version: run.version.clone(),
        project: plan.project.clone(),
        profile: plan.profile.clone(),
        variant: plan.variant.clone(),
        seed: plan.seed,
        plan_digest: plan.plan_digest.clone(),
        workload_digest: plan.workload_digest.clone(),
        environment: run.environment.clone(),
    }
}

fn walk(walk: &harness_core::record::JourneyRecord) -> WalkSummary {
    let broken_step = figures::broken_step(walk).map(|step| step.step.clone());
    WalkSummary {
        journey: walk.journey.clone(),
        row: walk.row,
        outcome: walk.outcome,
        took_us: walk.took_us,
        broken_step,
    }
}

fn contract(record: &Record, name: &Name, contract: &ContractRecord) -> ContractSummary {
    let (exercised, operations) = figures::coverage(contract);
    let finding = |(f, times): (&ContractFinding, u64)| FindingSummary {
        check: figures::check_word(f.check),
        operation: f.operation.clone(),
        message: f.message.clone(),
        key: f.key.clone(),
        times,
    };
    let accepted = |(accepted, findings): (&Accepted, u64)| AcceptedSummary {
        finding: accepted.finding.clone(),
        reason: accepted.reason.clone(),
        findings,
    };
    ContractSummary {
        exercised,
        operations,
        findings: figures::open_findings(record, contract)
            .map(finding)
            .collect(),
        accepted: figures::acceptances(record, name, contract)
            .map(accepted)
            .collect(),
    }
}

fn scenario(scenario: &ScenarioRecord) -> ScenarioSummary {
    let of = |record: &NameRecord| figures_of(&figures::total(record));
    ScenarioSummary {
        scenario: scenario.name.clone(),
        seconds: figures::seconds(scenario),
        end: scenario.end.map(|(_, end)| end),
        names: scenario
            .names
            .iter()
            .map(|(name, record)| (name.clone(), of(record)))
            .collect(),
        undisturbed: figures_of(&scenario.select(None, &During::Undisturbed)),
    }
}

fn figures_of(t: &Tally) -> NameSummary {
    NameSummary {
        planned: t.planned,
        started: t.started,
        late_generator: t.late_generator,
        late_target: t.late_target,
        dropped: t.dropped,
        ok: t.ok,
        cancelled: t.cancelled,
        errors: t.errors.clone(),
        error_rate: t.failed() as f64 / t.finished().max(1) as f64,
        response: latency(&t.response),
        service: latency(&t.service),
    }
}

fn latency(hist: &harness_core::hist::Hist) -> Option<Latency> {
    Some(Latency {
        mean: hist.mean()?,
        p50: hist.quantile(0.5)?,
        p90: hist.quantile(0.9)?,
        p95: hist.quantile(0.95)?,
        p99: hist.quantile(0.99)?,
        p99_9: hist.quantile(0.999)?,
        max: hist.max()?,
    })
}

fn fault(fault: &harness_core::record::FaultRecord) -> FaultSummary {
    FaultSummary {
        name: fault.name.clone(),
        scenario: fault.scenario.clone(),
        what: fault.what.clone(),
        armed_us: fault.armed_us,
        effective_us: fault.effective_us,
        lifted_us: fault.lifted_us,
        failed: fault.failed.clone(),
    }
}
