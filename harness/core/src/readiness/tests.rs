//! Each rule red and green, at its edges: the answer of one run, its thresholds, the checklist. Evidence of several runs,
//! waivers, and what always holds are beside.

mod always;
mod evidence;
mod waiving;

use super::*;
use crate::event::{Event, Outcome, RunEnd};
use crate::plan::Plan;
use crate::plan::gate::{Class, Gate};
use crate::plan::readiness::{Closes, Entry, Need, Needed, ReadinessPlan, Scope, Signed, Waiver};
use crate::record::Record;
use crate::record::testing::{Stream, gate, name, plan};
use crate::verdict::evaluate;

const GOOD: &str = "p50 < 250ms";
const BAD: &str = "p50 < 1ms";
const OPEN: &str = "p99.9 < 250ms";

fn date(text: &str) -> Date {
    text.parse().unwrap()
}

fn of(id: &str, expect: &str, class: Class) -> Gate {
    Gate {
        id: format!("peak#{id}"),
        class,
        ..gate(expect)
    }
}

fn of_key(expect: &str) -> Gate {
    of(expect, expect, Class::Key)
}

fn dated(day: u32, mut record: Record) -> Record {
    let run = record.run.as_mut().unwrap();
    run.run = format!("202601{day:02}-000000-test").parse().unwrap();
    run.date = format!("2026-01-{day:02}T00:00:00Z");
    run.release = Some(name("1.0"));
    record
}

/// 20 s of 41 ms, of release 1.0, on a day of January.
fn loaded(day: u32, gates: Vec<Gate>) -> Record {
    let mut plan = plan(20, gates);
    plan.scenarios[0].faults.clear();
    plan.walks.clear();
    let stream = Stream::new(plan).peak().load(0..20, 0, 41_000);
    dated(day, stream.done(20))
}

/// One walk, of the same.
fn walked(day: u32, outcome: Outcome) -> Record {
    let mut plan = plan(20, Vec::new());
    plan.scenarios.clear();
    let ready = Event::TargetReady {
        entry: "http://127.0.0.1".into(),
    };
    let stream = Stream::bare(plan).event(ready).walk("checkout", outcome);
    let end = Event::RunFinished {
        end: RunEnd::Completed,
    };
    dated(day, stream.event(end).record())
}

fn run(record: Record) -> Run {
    let source = Source {
        path: "events.ndjson".into(),
        digest: "d1".into(),
    };
    Run { record, source }
}

fn asked(on: &str) -> Asked {
    Asked {
        settings: ReadinessPlan::default(),
        on: date(on),
        wanted: Vec::new(),
        notices: Vec::new(),
    }
}

fn waiver(gate: &str) -> Waiver {
    Waiver {
        gate: gate.into(),
        scope: Scope::default(),
        reason: "the provider mends it".into(),
        owner: "payments".into(),
        approver: "the release manager".into(),
        created: date("2026-01-01"),
        expires: date("2026-01-20"),
        ticket: Some("T-1".into()),
        line: 1,
    }
}

fn needs(what: Needed, plan: Plan) -> Wanted {
    let need = Need {
        what,
        fresh_days: 14,
        owner: Some("the load team".into()),
    };
    Wanted { need, plan }
}

fn item<'r>(release: &'r Release, id: &str) -> &'r Item {
    let items = &release.readiness.items;
    items.iter().find(|item| item.id == id).unwrap()
}

#[test]
fn a_gate_with_too_little_is_a_condition_that_says_what_decides_it() {
    let gate = Gate {
        owner: Some("checkout".into()),
        weight: 0.1,
        ..of("tail", OPEN, Class::Key)
    };
    let release = gather(
        &[run(loaded(10, vec![gate, of("fast", GOOD, Class::Key)]))],
        &asked("2026-01-10"),
    );
    assert_eq!(release.readiness.decision, Decision::ConditionalGo);
    let condition = &release.readiness.conditions[0];
    assert_eq!(
        (condition.owner.as_deref(), condition.due),
        (Some("checkout"), Due::Before)
    );
    // p99.9 needs 100 000 samples; 20 s gave 2 000.
    assert!(
        condition.closes_with.contains("about 17 min of this load"),
        "{condition:?}"
    );
    assert!(
        condition
            .closes_with
            .contains("until gate peak#tail decides"),
        "{condition:?}"
    );
    assert_eq!(release.readiness.exit_code(false), 5);
}

#[test]
fn the_checklist_is_closed_by_evidence_and_by_fresh_signatures_of_this_release() {
    let runs = [run(loaded(
        10,
        vec![of("fast", GOOD, Class::Key), of("bad", BAD, Class::Info)],
    ))];
    let with = |due: Due, closes: Closes| {
        let mut asked = asked("2026-01-10");
        let entry = Entry {
            due,
            title: "the roll-back was tried".into(),
            owner: Some("ops".into()),
            closes,
        };
        asked.settings.checklist.push(entry);
        let release = gather(&runs, &asked);
        let closed = matches!(release.readiness.checklist[0].state, State::Closed(_));
        (
            closed,
            release.readiness.decision,
            release.readiness.exit_code(false),
        )
    };
    let signed = |on: &str, release: Option<&str>| {
        Closes::Signature(Some(Signed {
            by: "ops".into(),
            on: date(on),
            release: release.map(name),
            note: None,
        }))
    };
    let done = (true, Decision::Go, 0);
    let open = (false, Decision::ConditionalGo, 0);
    assert_eq!(with(Due::Before, Closes::With("peak#fast".into())), done);
    assert_eq!(with(Due::Before, Closes::With("peak#bad".into())), open);
    assert_eq!(with(Due::Before, Closes::With("journeys".into())), open);
    assert_eq!(with(Due::Before, Closes::Signature(None)), open);
    assert_eq!(with(Due::Before, signed("2026-01-03", None)), done);
    assert_eq!(with(Due::Before, signed("2026-01-02", None)), open);
    assert_eq!(with(Due::Before, signed("2026-01-11", None)), open);
    assert_eq!(with(Due::Before, signed("2026-01-10", Some("1.0"))), done);
    assert_eq!(with(Due::Before, signed("2026-01-10", Some("0.9"))), open);
    // What comes later can't be done yet, and holds nothing up.
    assert_eq!(
        with(Due::During, Closes::Signature(None)),
        (false, Decision::Go, 0)
    );
    assert_eq!(
        with(Due::After, Closes::Signature(None)),
        (false, Decision::Go, 0)
    );
}

#[test]
fn the_suites_limits_decide() {
    let record = loaded(
        10,
        vec![of("bad", BAD, Class::Scored), of("fast", GOOD, Class::Key)],
    );
    // The target, one of two gates: two thirds.
    let with = |go: f64, conditional: f64| {
        let mut asked = asked("2026-01-10");
        (asked.settings.go, asked.settings.conditional) = (go, conditional);
        gather(&[run(record.clone())], &asked).readiness.decision
    };
    assert_eq!(with(90.0, 75.0), Decision::NoGo);
    assert_eq!(with(90.0, 66.0), Decision::ConditionalGo);
    assert_eq!(with(66.0, 50.0), Decision::Go);
}

#[test]
fn a_score_just_below_a_limit_is_not_told_as_the_limit() {
    let weighed = |weight: f64, grade: Grade| Item {
        id: format!("g{weight}"),
        key: false,
        weight,
        grade,
        standing: Standing::Current,
        reason: "because".into(),
        ..items::absent()
    };
    let items = vec![weighed(74.96, Grade::Pass), weighed(25.04, Grade::Fail)];
    let readiness = decide(items, &ReadinessPlan::default(), None);
    assert_eq!(readiness.decision, Decision::NoGo);
    assert_eq!(readiness.reasons[0], "the score is 74.96 of 100, below 75");
}

#[test]
fn thresholds_lie_between_what_was_seen_and_the_limit() {
    let record = |seconds: u64, gates: Vec<Gate>| {
        let mut plan = plan(seconds, gates);
        plan.scenarios[0].faults.clear();
        Stream::new(plan)
            .peak()
            .load(0..seconds as u32, 0, 41_000)
            .done(seconds as u32)
    };
    let of = |record: &Record| thresholds::of(record, &evaluate(record));
    let gates = || vec![of_key("p95(checkout) < 250ms"), of_key("error_rate < 20%")];
    let long = of(&record(200, gates()));
    assert_eq!(long.len(), 2, "{long:#?}");
    let p95 = &long[0];
    assert_eq!(
        (p95.metric.as_str(), p95.basis, p95.windows),
        ("p95", Basis::Interval, 20)
    );
    assert!(
        p95.above >= p95.seen.unwrap() && p95.above < 0.05,
        "{p95:?}"
    );
    let errors = &long[1];
    // Of 1000 requests without an error: Wilson's upper end is z²/(n + z²).
    assert!(
        (errors.above - 6.635_776 / 1_006.635_776).abs() < 1e-9,
        "{errors:?}"
    );
    // Too short for an interval, and a limit below it: the limit.
    assert_eq!(of(&record(90, gates()))[0].basis, Basis::Limit);
    let strict = of(&record(200, vec![of_key("error_rate < 0.1%")]));
    assert_eq!((strict[0].above, strict[0].basis), (0.001, Basis::Limit));
    // A gate that fails gives its limit, and load without a gate on errors has a threshold all the same.
    let failed = of(&record(200, vec![of_key("p95(checkout) < 10ms")]));
    assert_eq!((failed[0].above, failed[0].basis), (0.01, Basis::Limit));
    assert_eq!(
        (failed[1].metric.as_str(), failed[1].limit),
        ("error_rate", None)
    );
}
