//! Each rule red and green, at its edges; and what must hold whatever is put together.

use super::*;
use crate::event::{Event, Outcome, RunEnd};
use crate::plan::Plan;
use crate::plan::gate::{Class, Gate};
use crate::plan::readiness::{Closes, Entry, Need, Needed, ReadinessPlan, Scope, Signed, Waiver};
use crate::record::Record;
use crate::record::testing::{Stream, gate, name, plan};
use crate::verdict::evaluate;
use proptest::prelude::*;

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
fn journeys_of_one_run_and_load_of_another_make_a_release() {
    let runs = [
        run(loaded(9, vec![of("fast", GOOD, Class::Key)])),
        run(walked(10, Outcome::Passed)),
    ];
    let release = gather(&runs, &asked("2026-01-10"));
    assert_eq!(release.readiness.decision, Decision::Go, "{release:#?}");
    assert_eq!(item(&release, "journeys").evidence.len(), 1);
    assert_eq!(item(&release, "target").evidence.len(), 2);
    let parts: Vec<_> = release
        .evidence
        .iter()
        .map(|e| (e.parts.join(","), e.age_days))
        .collect();
    assert_eq!(
        parts,
        [
            ("journey checkout".to_owned(), 0),
            ("scenario peak".to_owned(), 1)
        ]
    );
    assert!(
        release.notices[0].contains("readiness.needs"),
        "{:?}",
        release.notices
    );
    assert_eq!(release.readiness.exit_code(true), 0);
}

#[test]
fn gates_on_all_load_are_for_runs_with_load_and_missing_where_none_has() {
    let with_gate = |mut record: Record| {
        let gate = Gate {
            id: "suite#fast".into(),
            scenario: None,
            ..gate(GOOD)
        };
        record.run.as_mut().unwrap().plan.gates = vec![gate];
        run(record)
    };
    let walk = || with_gate(walked(10, Outcome::Passed));
    let both = gather(
        &[walk(), with_gate(loaded(9, Vec::new()))],
        &asked("2026-01-10"),
    );
    assert_eq!(
        both.readiness.decision,
        Decision::Go,
        "{:#?}",
        both.readiness.reasons
    );
    let alone = gather(&[walk()], &asked("2026-01-10"));
    assert_eq!(alone.readiness.decision, Decision::NoGo);
    assert_eq!(alone.readiness.decided_by.as_deref(), Some("suite#fast"));
}

#[test]
fn the_newest_run_of_a_part_counts_and_the_one_before_does_not() {
    let fast = || vec![of("fast", GOOD, Class::Key)];
    let slow = || vec![of("fast", BAD, Class::Key)];
    let mended = gather(
        &[run(loaded(9, slow())), run(loaded(10, fast()))],
        &asked("2026-01-10"),
    );
    assert_eq!(mended.readiness.decision, Decision::Go);
    assert_eq!(mended.evidence.len(), 1);
    let broken = gather(
        &[run(loaded(10, slow())), run(loaded(9, fast()))],
        &asked("2026-01-10"),
    );
    assert_eq!(broken.readiness.decision, Decision::NoGo);
    assert_eq!(broken.readiness.decided_by.as_deref(), Some("peak#fast"));
    assert_eq!(broken.readiness.exit_code(false), 1);
    // The walk of the older run failed and was walked again: only what is newest is in the figure.
    let again = gather(
        &[
            run(walked(8, Outcome::Failed)),
            run(walked(9, Outcome::Passed)),
        ],
        &asked("2026-01-10"),
    );
    assert_eq!(again.readiness.decision, Decision::Go);
}

#[test]
fn evidence_is_fresh_to_the_day_and_stale_the_day_after() {
    let runs = [run(loaded(3, vec![of("fast", GOOD, Class::Key)]))];
    assert_eq!(
        gather(&runs, &asked("2026-01-10")).readiness.decision,
        Decision::Go
    );
    let stale = gather(&runs, &asked("2026-01-11"));
    assert_eq!(stale.readiness.decision, Decision::NoGo);
    let gate = item(&stale, "peak#fast");
    assert_eq!(gate.standing, Standing::Stale);
    assert!(
        gate.reason
            .contains("8 days ago, and 7 count; it passed then"),
        "{gate:?}"
    );
    assert_eq!(gate.closes_with, "harness run peak --release 1.0");
    assert!(
        gate.reason
            .ends_with("`harness run peak --release 1.0` brings it"),
        "{gate:?}"
    );
    assert!(stale.evidence[0].stale);
    assert_eq!(stale.readiness.exit_code(false), 1);
    // A day ahead is another side of midnight, two are no evidence.
    assert_eq!(
        gather(&runs, &asked("2026-01-02")).readiness.decision,
        Decision::Go
    );
    assert_eq!(
        gather(&runs, &asked("2026-01-01")).readiness.decision,
        Decision::NoGo
    );
}

#[test]
fn what_is_needed_and_not_there_is_no_go_with_the_command_that_brings_it() {
    let load = loaded(10, vec![of("fast", GOOD, Class::Key)]);
    let suite = load.run.as_ref().unwrap().plan.clone();
    let met = |runs: &[Run], wanted: Wanted| {
        gather(
            runs,
            &Asked {
                wanted: vec![wanted],
                ..asked("2026-01-10")
            },
        )
    };
    let soak = || Needed::Scenario(name("peak"));
    let there = met(&[run(load.clone())], needs(soak(), suite.clone()));
    assert_eq!(
        there.readiness.decision,
        Decision::Go,
        "{:#?}",
        there.readiness.reasons
    );
    assert!(there.notices.is_empty());

    let missing = met(
        &[run(walked(10, Outcome::Passed))],
        needs(soak(), suite.clone()),
    );
    assert_eq!(missing.readiness.decision, Decision::NoGo);
    assert_eq!(
        missing.readiness.decided_by.as_deref(),
        Some("scenario `peak`")
    );
    let lacking = item(&missing, "scenario `peak`");
    assert_eq!(lacking.closes_with, "harness run peak --release 1.0");
    assert_eq!(lacking.owner.as_deref(), Some("the load team"));
    assert_eq!(missing.readiness.exit_code(false), 1);

    // Shortened load does not meet it, and says so.
    let mut shorter = load.clone();
    let mut longer = suite.clone();
    longer.scenarios[0].load = plan(40, Vec::new()).scenarios[0].load.clone();
    let short = met(&[run(load.clone())], needs(soak(), longer));
    assert_eq!(short.readiness.decision, Decision::NoGo);
    assert!(
        item(&short, "scenario `peak`")
            .reason
            .contains("another load")
    );
    shorter.run.as_mut().unwrap().plan.profile = Some(name("quick"));
    let full = met(
        &[run(shorter)],
        needs(Needed::Profile(name("full")), suite.clone()),
    );
    assert!(
        item(&full, "profile `full`")
            .reason
            .contains("another profile")
    );

    // A gate that was changed since is one that nobody has seen hold.
    let mut stricter = suite.clone();
    stricter.scenarios[0].gates = vec![of("fast", "p50 < 200ms", Class::Key)];
    let changed = met(&[run(load)], needs(soak(), stricter));
    assert_eq!(changed.readiness.decision, Decision::NoGo);
    assert!(
        item(&changed, "peak#fast")
            .reason
            .starts_with("changed since run")
    );

    // A command that would run nothing brings nothing.
    let mut empty = suite;
    empty.scenarios.clear();
    let vacuous = met(
        &[run(walked(10, Outcome::Passed))],
        needs(Needed::Profile(name("full")), empty),
    );
    assert_eq!(vacuous.readiness.decision, Decision::NoGo, "{vacuous:#?}");
}

#[test]
fn an_older_run_that_meets_a_need_counts_beside_a_newer_one_that_does_not() {
    let old = loaded(2, vec![of("fast", GOOD, Class::Key)]);
    let suite = old.run.as_ref().unwrap().plan.clone();
    let mut quick = loaded(10, vec![of("fast", GOOD, Class::Key)]);
    quick.run.as_mut().unwrap().plan.scenarios[0].load =
        plan(10, Vec::new()).scenarios[0].load.clone();
    let wanted = vec![needs(Needed::Scenario(name("peak")), suite)];
    let both = gather(
        &[run(old.clone()), run(quick)],
        &Asked {
            wanted: wanted.clone(),
            ..asked("2026-01-10")
        },
    );
    assert_eq!(item(&both, "peak#fast").evidence.len(), 2);
    // Eight days are too old for any evidence, and not for this need's fourteen.
    assert_ne!(item(&both, "peak#fast").standing, Standing::Stale);
    let alone = gather(
        &[run(old)],
        &Asked {
            wanted,
            ..asked("2026-01-17")
        },
    );
    assert_eq!(alone.readiness.decision, Decision::NoGo);
}

#[test]
fn a_waiver_counts_to_its_last_day_and_never_makes_a_go() {
    let runs = [run(loaded(
        20,
        vec![of("fast", BAD, Class::Key), of("slow", GOOD, Class::Key)],
    ))];
    let on = |on: &str, waiver: Waiver| {
        let mut asked = asked(on);
        asked.settings.waivers.push(waiver);
        gather(&runs, &asked)
    };
    let last = on("2026-01-20", waiver("peak#fast"));
    let readiness = &last.readiness;
    assert_eq!(readiness.decision, Decision::ConditionalGo);
    assert_eq!(readiness.decided_by.as_deref(), Some("peak#fast"));
    assert_eq!(
        readiness.unwaived.as_ref().unwrap().decision,
        Decision::NoGo
    );
    assert_eq!(readiness.waivers[0].state, Waiving::Counts { days_left: 0 });
    assert!(readiness.waivers[0].ends_soon());
    let condition = &readiness.conditions[0];
    assert_eq!(
        (condition.owner.as_deref(), condition.due),
        (Some("payments"), Due::After)
    );
    assert!(
        condition.closes_with.ends_with("by 2026-01-20, T-1"),
        "{condition:?}"
    );
    assert_eq!(
        [false, true].map(|strict| readiness.exit_code(strict)),
        [0, 6]
    );

    let after = on("2026-01-21", waiver("peak#fast"));
    assert_eq!(after.readiness.decision, Decision::NoGo);
    assert_eq!(after.readiness.waivers[0].state, Waiving::Expired);
    assert_eq!(after.readiness.unwaived, None);

    let early = Waiver {
        created: date("2026-01-21"),
        expires: date("2026-02-01"),
        ..waiver("peak#fast")
    };
    let early = on("2026-01-20", early);
    assert_eq!(
        (early.readiness.decision, early.readiness.waivers[0].state),
        (Decision::NoGo, Waiving::NotYet)
    );

    let removable = on("2026-01-20", waiver("peak#slow"));
    assert_eq!(
        (
            removable.readiness.decision,
            removable.readiness.waivers[0].state
        ),
        (Decision::NoGo, Waiving::Unneeded)
    );

    let elsewhere = Scope {
        release: Some(name("0.9")),
        ..Scope::default()
    };
    let elsewhere = on(
        "2026-01-20",
        Waiver {
            scope: elsewhere,
            ..waiver("peak#fast")
        },
    );
    assert_eq!(
        (
            elsewhere.readiness.decision,
            elsewhere.readiness.waivers[0].state
        ),
        (Decision::NoGo, Waiving::Idle)
    );
}

#[test]
fn a_waiver_covers_no_missing_and_no_stale_evidence() {
    let mut asked = asked("2026-01-20");
    asked.settings.waivers.push(waiver("peak#fast"));
    let stale = gather(&[run(loaded(3, vec![of("fast", BAD, Class::Key)]))], &asked);
    assert_eq!(
        (stale.readiness.decision, stale.readiness.waivers[0].state),
        (Decision::NoGo, Waiving::Uncovered)
    );
    let unseen = gather(
        &[run(loaded(
            20,
            vec![of("fast", "p50(browse) < 1s", Class::Key)],
        ))],
        &asked,
    );
    assert_eq!(
        (unseen.readiness.decision, unseen.readiness.waivers[0].state),
        (Decision::NoGo, Waiving::Uncovered)
    );
}

#[test]
fn a_waived_failure_of_one_run_is_not_hidden_by_a_pass_of_another() {
    // The gate judges all load; the run of the walk has none to judge it by, so two loads are needed.
    let mut first = loaded(10, Vec::new());
    let mut second = loaded(9, Vec::new());
    for (record, expect) in [(&mut first, GOOD), (&mut second, BAD)] {
        let gate = Gate {
            id: "suite#fast".into(),
            scenario: None,
            ..gate(expect)
        };
        record.run.as_mut().unwrap().plan.gates = vec![gate];
    }
    second.run.as_mut().unwrap().plan.scenarios[0].name = name("other");
    second.scenarios[0].name = name("other");
    let mut asked = asked("2026-01-10");
    asked.settings.waivers.push(waiver("suite#fast"));
    for runs in [
        [run(first.clone()), run(second.clone())],
        [run(second), run(first)],
    ] {
        let release = gather(&runs, &asked);
        assert_eq!(
            release.readiness.decision,
            Decision::ConditionalGo,
            "{:?}",
            release.readiness.reasons
        );
        assert_eq!(item(&release, "suite#fast").evidence.len(), 2);
    }
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
fn a_run_that_did_not_end_counts_for_what_it_had_begun() {
    let fast = || vec![of("fast", GOOD, Class::Key)];
    let mut torn = loaded(10, fast());
    torn.end = None;
    torn.scenarios[0].end = None;
    let whole = loaded(9, fast());
    let release = gather(
        &[run(whole.clone()), run(torn.clone())],
        &asked("2026-01-10"),
    );
    assert_ne!(release.readiness.decision, Decision::Go, "{release:#?}");
    assert!(!release.evidence[0].complete);
    torn.scenarios.clear();
    let release = gather(&[run(whole), run(torn)], &asked("2026-01-10"));
    assert_eq!(release.readiness.decision, Decision::Go, "{release:#?}");
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
fn runs_of_something_else_do_not_fit() {
    let first = loaded(10, Vec::new());
    assert_eq!(misfit(&first, &first), None);
    let other = |change: &dyn Fn(&mut crate::event::RunStarted)| {
        let mut other = first.clone();
        change(other.run.as_mut().unwrap());
        misfit(&other, &first).unwrap()
    };
    assert!(other(&|run| run.plan.project = "bank".into()).contains("project `bank`"));
    assert!(other(&|run| run.release = None).contains("of release none, not of 1.0"));
    assert!(other(&|run| run.plan.variant = Some(name("no-cache"))).contains("variant no-cache"));
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

fn of_key(expect: &str) -> Gate {
    of(expect, expect, Class::Key)
}

fn any_item() -> impl Strategy<Value = Item> {
    let grade = prop_oneof![
        4 => Just(Grade::Pass),
        1 => Just(Grade::Fail),
        1 => Just(Grade::Inconclusive),
        1 => Just(Grade::Invalid)
    ];
    let standing = prop_oneof![
        6 => Just(Standing::Current),
        1 => Just(Standing::Unseen),
        1 => Just(Standing::Stale)
    ];
    (0u8..3, 1u8..10, grade, standing, 0u16..1000).prop_map(
        |(class, weight, grade, standing, id)| Item {
            id: format!("peak#{id}"),
            key: class == 0,
            weight: if class == 2 { 0.0 } else { f64::from(weight) },
            grade,
            standing: if grade == Grade::Pass || grade == Grade::Fail {
                Standing::Current
            } else {
                standing
            },
            ..items::absent()
        },
    )
}

fn decided(items: &[Item]) -> Decision {
    decide(items.to_vec(), &ReadinessPlan::default(), None).decision
}

proptest! {
    #[test]
    fn missing_evidence_never_improves_the_answer(items in prop::collection::vec(any_item(), 0..8), key: bool, at in 0usize..8) {
        let before = decided(&items);
        let more = Item { key, ..items::absent() };
        let mut added = items.clone();
        added.push(more);
        prop_assert!(decided(&added) >= before || key && decided(&added) == Decision::NoGo);
        if let Some(lost) = items.get(at) {
            let mut without = items.clone();
            without[at] = Item { grade: Grade::Inconclusive, standing: Standing::Absent, ..lost.clone() };
            prop_assert!(decided(&without) >= before, "{:?}", without);
        }
    }

    #[test]
    fn a_waiver_never_makes_a_go_and_nothing_worse_than_conditional(items in prop::collection::vec(any_item(), 1..8), at in 0usize..8) {
        let gate = items[at % items.len()].id.clone();
        let on = Some(date("2026-01-10"));
        let mut waived = items.clone();
        waivers::lay(&mut waived, &[waiver(&gate)], &waivers::Context { run: None, on });
        let (before, after) = (decided(&items), decided(&waived));
        prop_assert!(before != Decision::NoGo || after != Decision::Go, "{:?}", waived);
        // One that counts is a condition, also where the failure alone would not have kept the release from GO.
        prop_assert!(after <= before.max(Decision::ConditionalGo), "{before:?} {after:?} {:?}", waived);
        prop_assert!(!waived.iter().any(|item| item.waived.is_some() && item.grade != Grade::Fail));
    }

    #[test]
    fn what_decides_is_always_named(items in prop::collection::vec(any_item(), 1..8)) {
        let readiness = decide(items, &ReadinessPlan::default(), None);
        let scored = readiness.items.iter().any(|item| item.is_open());
        prop_assert_eq!(readiness.decided_by.is_some(), readiness.decision != Decision::Go && scored);
        prop_assert!(readiness.decision == Decision::Go || !readiness.reasons.is_empty() || !scored);
    }
}
