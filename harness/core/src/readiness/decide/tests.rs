//! Runs with gates that pass, fail and see too little, and what each comes to, with its exit codes.

use super::super::exit;
use super::*;
use crate::event::{Event, Outcome, RunEnd, ScenarioEnd};
use crate::plan::gate::{Class, Gate};
use crate::record::testing::{Stream, gate, plan};
use crate::verdict::evaluate;

const GOOD: &str = "p50 < 250ms";
const BAD: &str = "p50 < 1ms";
const OPEN: &str = "p99.9 < 250ms";

fn of(id: usize, expect: &str, class: Class, weight: f64) -> Gate {
    Gate {
        id: format!("peak#{id}"),
        class,
        weight,
        ..gate(expect)
    }
}

fn decide(record: &Record) -> (Readiness, [u8; 2]) {
    let verdict = evaluate(record);
    let readiness = readiness(record, &verdict);
    let codes = [false, true].map(|strict| {
        let exit = exit(record, &readiness, strict);
        assert_eq!(exit.why.is_empty(), exit.code == 0, "{exit:?}");
        exit.code
    });
    (readiness, codes)
}

/// A load that was broken off after 20 s, of a run that went on to its end.
fn broken(stream: Stream) -> (Readiness, [u8; 2]) {
    let end = RunEnd::Completed;
    decide(
        &stream
            .ended(20, ScenarioEnd::Broken)
            .event(Event::RunFinished { end })
            .record(),
    )
}

/// 20 s of 41 ms with these gates beside the target and one walk.
fn run(gates: Vec<Gate>) -> (Readiness, [u8; 2]) {
    decide(
        &Stream::new(plan(20, gates))
            .peak()
            .load(0..20, 0, 41_000)
            .done(20),
    )
}

#[test]
fn all_passed_is_go_and_says_the_headroom() {
    let (go, codes) = run(vec![
        of(1, GOOD, Class::Key, 1.0),
        of(2, BAD, Class::Info, 1.0),
    ]);
    assert_eq!(
        (go.decision, go.score, go.decided_by.as_deref(), codes),
        (Decision::Go, 100.0, None, [0, 0])
    );
    assert!(
        go.reasons[1].contains("41.0 ms of 250 ms"),
        "{:?}",
        go.reasons
    );
}

#[test]
fn a_key_failure_is_no_go_whatever_the_score() {
    let (no, codes) = run(vec![
        of(1, BAD, Class::Key, 0.01),
        of(2, GOOD, Class::Key, 100.0),
    ]);
    assert_eq!(
        (no.decision, no.decided_by.as_deref(), codes),
        (Decision::NoGo, Some("peak#1"), [1, 1])
    );
    assert!(
        no.score > 99.0 && no.reasons[0].contains("41.0 ms"),
        "{:?}",
        no.reasons
    );
}

#[test]
fn the_score_meets_its_limits_exactly() {
    // The target and the walk weigh 2; of 10 the failed gate takes 2.5, 1 and so on.
    let scored = |failing: f64| {
        run(vec![
            of(1, BAD, Class::Scored, failing),
            of(2, GOOD, Class::Key, 8.0 - failing),
        ])
    };
    let seen = |failing: f64| {
        let (readiness, codes) = scored(failing);
        (readiness.decision, readiness.score, codes)
    };
    assert_eq!(seen(1.0), (Decision::Go, 90.0, [0, 0]));
    assert_eq!(seen(1.1), (Decision::ConditionalGo, 89.0, [0, 6]));
    assert_eq!(seen(2.5), (Decision::ConditionalGo, 75.0, [0, 6]));
    assert_eq!(seen(2.6), (Decision::NoGo, 74.0, [1, 1]));
    let (conditional, _) = scored(2.5);
    assert_eq!(conditional.decided_by.as_deref(), Some("peak#1"));
    assert_eq!(conditional.conditions.len(), 1);
}

#[test]
fn too_little_seen_by_a_key_gate_is_a_condition() {
    let (open, codes) = run(vec![of(1, OPEN, Class::Key, 0.1)]);
    assert_eq!(
        (open.decision, open.decided_by.as_deref(), codes),
        (Decision::ConditionalGo, Some("peak#1"), [5, 5])
    );
    let title = &open.items.iter().find(|i| i.id == "peak#1").unwrap().title;
    assert_eq!(
        open.exit(false).why,
        format!("nothing failed, but inconclusive: {title}")
    );
    assert!(
        open.conditions[0].closes_with.contains("peak#1"),
        "{:?}",
        open.conditions
    );
    assert!(open.score < 100.0);
}

#[test]
fn a_key_gate_that_saw_nothing_is_no_go() {
    let (missing, codes) = run(vec![of(1, "p50(browse) < 1s", Class::Key, 0.1)]);
    assert_eq!(
        (missing.decision, missing.decided_by.as_deref(), codes),
        (Decision::NoGo, Some("peak#1"), [5, 5])
    );
}

#[test]
fn an_invalid_load_is_no_go_by_the_instruments_fault() {
    let stream = Stream::new(plan(20, vec![of(1, GOOD, Class::Key, 1.0)]))
        .peak()
        .load(0..20, 0, 1000);
    let (invalid, codes) = broken(stream);
    assert_eq!(
        (invalid.decision, invalid.decided_by.as_deref(), codes),
        (Decision::NoGo, Some(GENERATOR), [4, 4])
    );
}

#[test]
fn a_failed_walk_stands_whatever_the_load_was_worth() {
    let stream = Stream::new(plan(20, Vec::new()))
        .walk("browse", Outcome::Failed)
        .peak()
        .load(0..20, 0, 1000);
    let (failed, codes) = broken(stream);
    assert_eq!(
        (failed.decision, failed.decided_by.as_deref(), codes),
        (Decision::NoGo, Some("journeys"), [1, 1])
    );
}

#[test]
fn a_target_that_did_not_start_is_exit_3() {
    let failed = Event::TargetFailed {
        service: Some("orders".into()),
        reason: "port taken".into(),
        output: Vec::new(),
    };
    let record = Stream::bare(plan(20, Vec::new()))
        .event(failed)
        .event(Event::RunFinished {
            end: RunEnd::TargetFailed,
        })
        .record();
    let (no, codes) = decide(&record);
    assert_eq!(
        (no.decision, no.decided_by.as_deref(), codes),
        (Decision::NoGo, Some(TARGET), [3, 3])
    );
}

#[test]
fn a_cancelled_run_is_never_go() {
    let stream = Stream::new(plan(20, Vec::new()))
        .peak()
        .load(0..20, 0, 1000)
        .ended(20, ScenarioEnd::Completed);
    let (late, codes) = decide(
        &stream
            .event(Event::CancelRequested)
            .event(Event::RunFinished {
                end: RunEnd::Cancelled,
            })
            .record(),
    );
    assert_ne!(late.decision, Decision::Go);
    assert_eq!(codes, [130, 130]);
    let early = Stream::bare(plan(20, Vec::new()))
        .event(Event::CancelRequested)
        .event(Event::RunFinished {
            end: RunEnd::Cancelled,
        });
    let (early, codes) = decide(&early.record());
    assert_eq!((early.decision, codes), (Decision::NoGo, [130, 130]));
}

#[test]
fn a_run_that_has_not_ended_has_no_decision_whatever_failed_so_far() {
    for expect in [GOOD, BAD] {
        let begun = Stream::new(plan(20, vec![of(1, expect, Class::Key, 1.0)]));
        let (open, codes) = decide(&begun.peak().load(0..10, 0, 41_000).record());
        assert_eq!(
            (open.decision, open.decided_by.as_deref(), codes),
            (Decision::Unmade, None, [5, 5]),
            "{expect}"
        );
        assert!(
            open.reasons.len() == 1 && open.reasons[0].starts_with("the run has not ended"),
            "{:?}",
            open.reasons
        );
        assert!(
            open.conditions.is_empty() && open.items.len() > 2,
            "{open:?}"
        );
    }
}

#[test]
fn a_run_that_judged_nothing_is_not_a_plain_go() {
    let mut bare = plan(20, Vec::new());
    bare.walks.clear();
    let (bare, codes) = decide(&Stream::new(bare).peak().load(0..20, 0, 1000).done(20));
    assert_eq!((bare.decision, codes), (Decision::ConditionalGo, [0, 6]));
    assert_eq!((bare.reasons.len(), bare.conditions.len()), (1, 1));
}

#[test]
fn reasons_are_three_at_most_and_the_weightiest_comes_first() {
    let gates = vec![
        of(1, BAD, Class::Scored, 9.0),
        of(2, OPEN, Class::Key, 9.0),
        of(3, BAD, Class::Key, 1.0),
        of(4, BAD, Class::Key, 2.0),
    ];
    let (no, _) = run(gates);
    let begins = [
        format!("peak: {BAD} failed: saw"),
        format!("peak: {BAD} failed: saw"),
        format!("peak: {OPEN} is undecided: saw"),
    ];
    assert_eq!(no.reasons.len(), begins.len());
    for (reason, begin) in no.reasons.iter().zip(begins) {
        assert!(reason.starts_with(&begin), "{reason}");
    }
    assert_eq!(no.decided_by.as_deref(), Some("peak#4"));
}

#[test]
fn a_load_that_never_is_without_faults_is_told_to_have_another_and_not_to_run_again() {
    let gate = of(1, "regression(p95) < 10%", Class::Key, 1.0);
    let hint = |faults: &[&str], end: ScenarioEnd| {
        let stream = Stream::new(plan(20, vec![gate.clone()])).peak();
        let stream = stream.epoch(1, 0, faults, &[]).load(0..20, 1, 41_000);
        let (open, _) = decide(&stream.ended(20, end).record());
        let item = open.items.into_iter().find(|item| item.id == "peak#1");
        item.unwrap().closes_with
    };
    let never = hint(&["slow"], ScenarioEnd::Completed);
    assert!(
        never.contains("give peak load outside of its faults")
            && never.contains("harness baseline accept latest --scenario peak")
            && !never.contains("until a run of it can be accepted"),
        "{never}"
    );
    // What did not come to its end may have had such load before it.
    for (faults, end) in [
        (&[][..], ScenarioEnd::Completed),
        (&["slow"], ScenarioEnd::Broken),
    ] {
        let again = hint(faults, end);
        assert!(
            again.contains("until a run of it can be accepted"),
            "{again}"
        );
    }
}
