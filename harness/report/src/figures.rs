//! What several reporters say about a record, worked out once: sums over epochs, words and signs of grades, the
//! failures worth telling. Only adds up what the record holds; judges nothing.

use crate::text;
use harness_core::event::{ContractFinding, Outcome, StepFinished};
use harness_core::expr::gate::GateSubject;
use harness_core::name::Name;
use harness_core::plan::accept::Accepted;
use harness_core::plan::gate::During;
use harness_core::plan::readiness::Needed;
use harness_core::readiness::{Decision, Item, Readiness, Standing};
use harness_core::record::{
    ContractRecord, EpochRecord, JourneyRecord, Record, ScenarioRecord, Tally,
};
use harness_core::units::format_duration;
use harness_core::verdict::{GateResult, Grade, InvariantResult, Trust, Verdict};
use std::collections::BTreeMap;

/// A name's figures over the whole scenario, its warm-up left out.
pub fn judged(scenario: &ScenarioRecord, name: &str) -> Tally {
    scenario.select(Some(name), &During::All)
}

/// What was seen while a scenario warmed up, in one sentence; `None` without a warm-up.
pub fn warm_up(scenario: &ScenarioRecord) -> Option<String> {
    let (from, to) = scenario.warm_up_us()?;
    let seen = scenario.warm_up(None);
    let failed = match seen.failed() {
        0 => String::new(),
        failed => format!(", {} failed", text::count(failed)),
    };
    Some(format!(
        "Warm-up of {}: {} begun{failed}, p50 {}, p99 {}. Gates, percentiles and tables leave them out.",
        text::span((to - from) as f64 / 1e6),
        text::plural(seen.started, "journey"),
        text::micros(seen.response.quantile(0.5)),
        text::micros(seen.response.quantile(0.99)),
    ))
}

/// Whether users walk a scenario's journeys by a closed model.
pub fn is_closed(record: &Record, scenario: &ScenarioRecord) -> bool {
    let plan = record.run.as_ref().map(|run| &run.plan);
    plan.and_then(|plan| plan.scenario(scenario.name.as_str()))
        .is_some_and(|planned| planned.load.users().is_some())
}

/// What every report of a run says loudly whose target could have been anybody; `None` where certificates were judged.
pub fn insecure(record: &Record) -> Option<&'static str> {
    let run = record.run.as_ref()?;
    run.plan.target.insecure().then_some(
        "INSECURE: every certificate was accepted (`insecure` in [target.tls]), so nothing is known of who answered",
    )
}

/// What of the suite the target's mode left out, a sentence each.
pub fn left_out(record: &Record) -> Vec<String> {
    let run = record.run.as_ref();
    let left_out = run.into_iter().flat_map(|run| &run.plan.left_out);
    left_out.map(ToString::to_string).collect()
}

/// What the release needs that a run is no evidence of, in words; `None` where it needs nothing more.
pub fn needs(record: &Record) -> Option<String> {
    let plan = &record.run.as_ref()?.plan;
    let gives = |what: &Needed| match what {
        Needed::Scenario(name) => record.scenario(name.as_str()).is_some(),
        Needed::Profile(name) => plan.profile.as_ref() == Some(name),
    };
    let needs = plan.readiness.needs.iter();
    let lacking = needs.filter(|need| !gives(&need.what));
    let lacking: Vec<String> = lacking.map(|need| need.what.to_string()).collect();
    (!lacking.is_empty()).then(|| {
        format!(
            "The release needs more evidence than this run gives: {}. `harness readiness` weighs the runs of a release together.",
            lacking.join(", ")
        )
    })
}

/// Whether a name is a whole journey and not one of its steps.
pub fn is_journey(name: &str) -> bool {
    !name.contains('/')
}

/// Requests of a scenario that came to an end: its steps', or its journeys' where steps are not recorded.
pub fn requests(scenario: &ScenarioRecord) -> u64 {
    let finished = |steps: bool| -> u64 {
        let names = scenario
            .names
            .iter()
            .filter(|(name, _)| is_journey(name) != steps);
        names
            .flat_map(|(_, record)| record.epochs.values())
            .flat_map(EpochRecord::parts)
            .map(Tally::finished)
            .sum()
    };
    match finished(true) {
        0 => finished(false),
        steps => steps,
    }
}

/// A scenario's windows by number, all journeys together, and their length in seconds: as recorded, or several put
/// together where there are more than `at_most`.
pub fn windows(scenario: &ScenarioRecord, at_most: u32) -> (BTreeMap<u32, Tally>, u32) {
    let recorded = scenario.window_s.max(1);
    let count = (seconds(scenario) / f64::from(recorded)).ceil() as u32;
    let length = recorded * count.div_ceil(at_most.max(1)).max(1);
    let mut windows: BTreeMap<u32, Tally> = BTreeMap::new();
    for point in scenario.series(None) {
        windows
            .entry(point.second / length)
            .or_default()
            .add(&point.tally);
    }
    (windows, length)
}

/// Seconds a scenario's load lasted, as far as it is recorded; at least one.
pub fn seconds(scenario: &ScenarioRecord) -> f64 {
    (scenario.load_end_us().saturating_sub(scenario.t0_us) as f64 / 1e6).max(1.0)
}

/// The walks that did not pass, in order.
pub fn failed_walks(record: &Record) -> impl Iterator<Item = &JourneyRecord> {
    record
        .journeys
        .iter()
        .filter(|walk| walk.outcome != Some(Outcome::Passed))
}

/// The step that broke a walk.
pub fn broken_step(walk: &JourneyRecord) -> Option<&StepFinished> {
    walk.steps.iter().find(|step| step.passed == Some(false))
}

/// A walk's name: the journey, and its row where there are several.
pub fn walk_name(record: &Record, walk: &JourneyRecord) -> String {
    let several = record
        .journeys
        .iter()
        .filter(|other| other.journey == walk.journey)
        .count()
        > 1;
    if several {
        format!("{} (row {})", walk.journey, walk.row + 1)
    } else {
        walk.journey.to_string()
    }
}

/// A journey's title, from the plan.
pub fn journey_title<'r>(record: &'r Record, journey: &Name) -> &'r str {
    record
        .run
        .as_ref()
        .and_then(|run| run.plan.journey(journey.as_str()))
        .map_or("", |j| j.title.as_str())
}

/// Findings of all contracts but those the suite accepts, each with how often it was seen.
pub fn findings(record: &Record) -> impl Iterator<Item = (&ContractFinding, u64)> {
    record
        .contracts
        .values()
        .flat_map(|contract| open_findings(record, contract))
}

/// Findings of a contract but those the suite accepts, each with how often it was seen.
pub fn open_findings<'r>(
    record: &'r Record,
    contract: &'r ContractRecord,
) -> impl Iterator<Item = (&'r ContractFinding, u64)> {
    let findings = contract.findings.values();
    findings
        .filter(|(finding, _)| record.accepted(finding).is_none())
        .map(|(finding, times)| (finding, *times))
}

/// What the suite accepts of a contract, each with how many findings it covers.
pub fn acceptances<'r>(
    record: &'r Record,
    name: &'r Name,
    contract: &'r ContractRecord,
) -> impl Iterator<Item = (&'r Accepted, u64)> {
    record.acceptances(name).iter().map(move |accepted| {
        let findings = contract.findings.values();
        let covered = findings.filter(|(f, _)| record.accepted(f) == Some(accepted));
        (accepted, covered.count() as u64)
    })
}

/// `12 accepted`, or that there is nothing to accept any more.
pub fn acceptance_words(covered: u64) -> String {
    match covered {
        0 => "not seen".to_owned(),
        n => format!("{} accepted", text::count(n)),
    }
}

/// Operations of a contract that were exercised, and how many it knows.
pub fn coverage(contract: &ContractRecord) -> (u64, u64) {
    let operations = contract.coverage.as_ref().map(|c| &c.operations);
    let hit = operations.map_or(0, |all| {
        all.values().filter(|statuses| !statuses.is_empty()).count()
    });
    (hit as u64, operations.map_or(0, BTreeMap::len) as u64)
}

/// A contract check's word: `body-schema`.
pub fn check_word(check: harness_core::event::ContractCheck) -> String {
    word(&check)
}

/// The word an enum is serialised as.
pub fn word<T: serde::Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => text::NONE.to_owned(),
    }
}

/// A grade's word.
pub const fn grade_word(grade: Grade) -> &'static str {
    match grade {
        Grade::Pass => "pass",
        Grade::Inconclusive => "inconclusive",
        Grade::Invalid => "invalid",
        Grade::Fail => "fail",
    }
}

/// A grade's sign, told apart by shape.
pub const fn grade_sign(grade: Grade) -> &'static str {
    match grade {
        Grade::Pass => "✓",
        Grade::Inconclusive => "?",
        Grade::Invalid => "!",
        Grade::Fail => "✗",
    }
}

/// A decision's sign, told apart by shape.
pub const fn decision_sign(decision: Decision) -> &'static str {
    match decision {
        Decision::Go => "✓",
        Decision::ConditionalGo => "!",
        Decision::NoGo => "✗",
        Decision::Unmade => "?",
    }
}

/// `score 87/100`; nothing without a decision, for a score of a part of a run would be taken for one.
pub fn score_words(readiness: &Readiness) -> Option<String> {
    (readiness.decision != Decision::Unmade)
        .then(|| format!("score {:.0}/100", readiness.score.floor()))
}

/// A decision as a class of the page.
pub const fn decision_class(decision: Decision) -> &'static str {
    match decision {
        Decision::Go => "go",
        Decision::ConditionalGo => "conditional",
        Decision::NoGo => "no-go",
        Decision::Unmade => "none",
    }
}

/// What became of an item, as a word: its grade, or why that does not count.
pub fn item_word(item: &Item) -> &'static str {
    match (item.standing, &item.waived) {
        (Standing::Stale, _) => "stale",
        (Standing::Absent, _) => "missing",
        (_, Some(_)) => "waived",
        _ => grade_word(item.grade),
    }
}

/// Under whose word and until when an item's failure is accepted; `None` where it is not.
pub fn waiver_words(item: &Item) -> Option<String> {
    let waived = item.waived.as_ref()?;
    let ticket = waived.ticket.as_ref();
    let ticket = ticket.map_or_else(String::new, |ticket| format!(" ({ticket})"));
    Some(format!(
        "waived until {} by {}{ticket}: {}",
        waived.expires, waived.owner, waived.reason
    ))
}

/// The generator's trust as a word.
pub const fn trust_word(trust: Trust) -> &'static str {
    match trust {
        Trust::Valid => "valid",
        Trust::Degraded => "degraded",
        Trust::Invalid => "invalid",
    }
}

/// The generator's trust as a grade.
pub const fn trust_grade(trust: Trust) -> Grade {
    match trust {
        Trust::Valid => Grade::Pass,
        Trust::Degraded => Grade::Inconclusive,
        Trust::Invalid => Grade::Invalid,
    }
}

/// What an item means for the answer: `key`, `scored` or `info`.
pub fn class_word(item: &Item) -> &'static str {
    if item.key {
        "key"
    } else if item.weight > 0.0 {
        "scored"
    } else {
        "info"
    }
}

/// Which load a gate looked at, for people; empty where its subject says it.
pub fn during(gate: &GateResult) -> String {
    match &gate.gate.during {
        _ if matches!(
            gate.gate.expect.subject,
            GateSubject::OfFault { .. }
                | GateSubject::OfLink { .. }
                | GateSubject::Headroom { .. }
                | GateSubject::Capacity
        ) =>
        {
            String::new()
        }
        during => part(during),
    }
}

/// A part of the load, for people.
pub fn part(during: &During) -> String {
    match during {
        During::Undisturbed => "undisturbed load".to_owned(),
        During::All => "all load".to_owned(),
        During::Before(fault) => format!("before {fault}"),
        During::Fault(fault) => format!("during {fault}"),
        During::Recovery(fault) => format!("recovering from {fault}"),
        During::After(fault) => format!("after {fault}"),
        During::Trial(trial) => format!("trial {trial}"),
    }
}

/// Where a gate looked: its scenario and the part of its load.
pub fn place(gate: &GateResult) -> String {
    let scenario = gate
        .gate
        .scenario
        .as_ref()
        .map_or("every scenario", Name::as_str);
    match during(gate) {
        during if during.is_empty() => scenario.to_owned(),
        during => format!("{scenario}, {during}"),
    }
}

/// The invariant of an item, if it is one.
pub fn invariant<'v>(verdict: &'v Verdict, item: &Item) -> Option<&'v InvariantResult> {
    verdict.invariants.iter().find(|i| i.gate.id == item.id)
}

/// When an invariant was looked at.
pub fn after(result: &InvariantResult) -> String {
    format!("{}, after its load", result.gate.scenario)
}

/// A gate without its place: `p99(browse) < 100ms`, `p99(browse) < 500ms over 10s`.
pub fn expectation(gate: &GateResult) -> String {
    match gate.gate.over {
        Some(over) => format!("{} over {}", gate.gate.expect, format_duration(over)),
        None => gate.gate.expect.to_string(),
    }
}

/// A reason without the gate it begins with, for places that show the gate already.
pub fn bare_reason(reason: &str) -> &str {
    match reason.strip_prefix('`').and_then(|r| r.split_once("`: ")) {
        Some((_, rest)) => rest,
        None => reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use harness_core::record::{NameRecord, ScenarioRecord, Window};

    fn scenario(seconds: u32) -> ScenarioRecord {
        let name: Name = "s".parse().unwrap();
        let one = Tally {
            planned: 1,
            ..Tally::default()
        };
        let windows = (0..seconds).map(|w| ((w, 0), Window::from(&one))).collect();
        let record = NameRecord {
            epochs: BTreeMap::from([(0, EpochRecord::default())]),
            windows,
        };
        ScenarioRecord {
            name,
            t0_us: 0,
            end: None,
            epochs: Vec::new(),
            names: BTreeMap::from([("j".to_owned(), record)]),
            readings: BTreeMap::new(),
            trials: Vec::new(),
            exemplars: Vec::new(),
            window_s: 1,
            planned_us: u64::from(seconds) * 1_000_000,
            instrument: Default::default(),
            together: Default::default(),
        }
    }

    #[test]
    fn windows_are_put_together_and_nothing_is_lost() {
        for (at_most, length) in [(600, 1), (300, 2), (250, 3), (1, 600)] {
            let (windows, got) = windows(&scenario(600), at_most);
            assert_eq!(got, length);
            assert!(windows.len() <= at_most as usize);
            assert_eq!(windows.values().map(|t| t.planned).sum::<u64>(), 600);
        }
    }
}
