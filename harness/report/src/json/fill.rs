//! A record's figures put into the summary's shape. Decides nothing: what a figure means is told where it is computed.

use super::{
    AcceptedSummary, CapacitySummary, ContractSummary, FORMAT, FaultFigures, FaultSummary,
    FindingSummary, HeadroomSummary, Latency, NameSummary, PhaseOfFault, PhaseSummary, RunSummary,
    ScenarioSummary, Summary, WalkSummary,
};
use crate::clocks;
use crate::errors;
use crate::faults;
use crate::figures;
use harness_core::event::{ContractFinding, RunStarted};
use harness_core::hist::Hist;
use harness_core::name::Name;
use harness_core::phases::{Phases, RequestPhase};
use harness_core::plan::accept::Accepted;
use harness_core::plan::gate::During;
use harness_core::readiness::Readiness;
use harness_core::record::{
    ContractRecord, FaultRecord, JourneyRecord, Record, ScenarioRecord, Tally,
};
use harness_core::units::Rate;
use harness_core::verdict::headroom::{Headroom, Tolerates, headrooms};
use harness_core::verdict::{self, Verdict};
use std::collections::BTreeMap;

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
            scenarios: record
                .scenarios
                .iter()
                .map(|s| scenario(record, s))
                .collect(),
            faults: record.faults.iter().map(|f| fault(record, f)).collect(),
            matrix: verdict::matrix::matrix(record),
            invariants: record.invariants.clone(),
            left_out: record
                .run
                .as_ref()
                .map_or_else(Vec::new, |run| run.plan.left_out.clone()),
            notices: record
                .notices
                .iter()
                .map(|(_, words)| words.clone())
                .collect(),
        }
    }
}

fn run(run: &RunStarted) -> RunSummary {
    let plan = &run.plan;
    RunSummary {
        id: run.run.clone(),
        date: run.date.clone(),
        version: run.version.clone(),
        project: plan.project.clone(),
        profile: plan.profile.clone(),
        variant: plan.variant.clone(),
        release: run.release.clone(),
        replays: run.replays.clone(),
        insecure: plan.target.insecure(),
        seed: plan.seed,
        plan_digest: plan.plan_digest.clone(),
        workload_digest: plan.workload_digest.clone(),
        environment: run.environment.clone(),
    }
}

fn walk(walk: &JourneyRecord) -> WalkSummary {
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

fn capacity(record: &Record, scenario: &ScenarioRecord) -> Option<CapacitySummary> {
    let answer = verdict::capacity::found(record, scenario)?;
    let goal = &verdict::capacity::search(record, scenario.name.as_str())?.goal;
    Some(CapacitySummary {
        goal: goal.to_string(),
        holds: answer.holds.map(Rate::get),
        breaks: answer.breaks.map(Rate::get),
        limit: answer.limit,
        complete: answer.complete,
        trials: scenario.trials.clone(),
    })
}

fn scenario(record: &Record, scenario: &ScenarioRecord) -> ScenarioSummary {
    let of = |name: &str| figures_of(&figures::judged(scenario, name));
    let warmed = scenario.warm_up_us().is_some();
    let headrooms = headrooms(record, scenario);
    let fault = |fault: &str| fault_figures(record, scenario, fault, &headrooms);
    ScenarioSummary {
        scenario: scenario.name.clone(),
        seconds: figures::seconds(scenario),
        end: scenario.end.map(|(_, end)| end),
        capacity: capacity(record, scenario),
        names: scenario
            .names
            .keys()
            .map(|name| (name.clone(), of(name)))
            .collect(),
        faults: faults::names(record, scenario)
            .into_iter()
            .map(|name| (name.to_owned(), fault(name)))
            .collect(),
        warm_up: warmed.then(|| figures_of(&scenario.warm_up(None))),
        undisturbed: figures_of(&scenario.select(None, &During::Undisturbed)),
        errors: errors::rows(scenario),
    }
}

fn headroom(one: &Headroom) -> HeadroomSummary {
    let (magnitude, broke) = match &one.found {
        Tolerates::UpTo {
            magnitude, broke, ..
        } => (Some(*magnitude), Some(broke.to_string())),
        Tolerates::All(reached) => (Some(*reached), None),
        Tolerates::Unknown(_) => (None, None),
    };
    HeadroomSummary {
        turn: one.turn,
        magnitude,
        unit: one.ramp.unit.clone(),
        broke,
        rate: one.rate,
        words: one.words(),
    }
}

fn fault_figures(
    record: &Record,
    scenario: &ScenarioRecord,
    fault: &str,
    headrooms: &[Headroom],
) -> FaultFigures {
    let summary = |phase: &faults::Phase| PhaseOfFault {
        seconds: phase.seconds,
        rate: phase.rate(),
        figures: figures_of(&phase.tally),
        intervals: phase.intervals(record, scenario),
    };
    let phases = faults::phases(record, scenario, fault);
    FaultFigures {
        phases: phases.iter().map(|p| (p.word, summary(p))).collect(),
        effect: faults::effect_of(record, scenario, fault),
        headroom: headrooms
            .iter()
            .filter(|one| one.fault == fault)
            .map(headroom)
            .collect(),
    }
}

fn figures_of(t: &Tally) -> NameSummary {
    NameSummary {
        planned: t.planned,
        started: t.started,
        late_generator: t.late_generator,
        late_target: t.late_target,
        dropped: t.dropped,
        dropped_generator: t.dropped_generator,
        no_data: t.no_data,
        ok: t.ok,
        cancelled: t.cancelled,
        errors: t.errors.clone(),
        error_rate: verdict::error_rate(t).unwrap_or(0.0),
        response: latency(&t.response),
        service: latency(&t.service),
        phases: phases(&t.phases),
    }
}

fn phases(phases: &Phases) -> BTreeMap<RequestPhase, PhaseSummary> {
    let summary = |phase: RequestPhase| {
        let hist = phases.get(phase);
        let (count, latency) = (hist.count(), latency(hist)?);
        Some((phase, PhaseSummary { count, latency }))
    };
    RequestPhase::ALL.into_iter().filter_map(summary).collect()
}

fn latency(hist: &Hist) -> Option<Latency> {
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

fn fault(record: &Record, fault: &FaultRecord) -> FaultSummary {
    let scenario = fault.scenario.as_ref();
    let scenario = scenario.and_then(|name| record.scenario(name.as_str()));
    let read = scenario.map_or_else(Vec::new, |s| clocks::of(record, s, fault));
    FaultSummary {
        name: fault.name.clone(),
        turn: fault.turn,
        scenario: fault.scenario.clone(),
        what: fault.what.clone(),
        armed_us: fault.armed_us,
        effective_us: fault.effective_us,
        effective_assumed: fault.assumed,
        by: fault.by.clone(),
        lifted_us: fault.lifted_us,
        failed: fault.failed.clone(),
        clocks: read.into_iter().map(|c| (c.figure.word(), c)).collect(),
        inferred: scenario.map_or_else(Vec::new, |s| clocks::did(record, s, fault)),
    }
}
