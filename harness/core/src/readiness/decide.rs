//! The decision. Key items close it: failed, then invalid, then missing (a gate that saw nothing at all) are NO-GO,
//! because evidence that is absent or can't be trusted is no evidence; a key item that saw something, only too little,
//! is a condition. Then the score: at least 90 for GO, at least 75 for CONDITIONAL GO.
//!
//! *Invalid is NO-GO, with exit code 4.* The decision answers whether the build can ship, and nothing says that it can;
//! the exit code tells a pipeline whose fault that is, so that it repeats the run rather than blame the change.

use super::{Condition, Decision, Item, Readiness};
use crate::event::RunEnd;
use crate::expr::gate::{Comparison, GateSubject};
use crate::plan::gate::{Class, Gate};
use crate::record::Record;
use crate::verdict::{CheckResult, GateResult, Grade, InvariantResult, Verdict, show};
use std::cmp::Reverse;

/// The score from which it is GO, if no key item stands against it.
pub const GO_SCORE: f64 = 90.0;

/// The score from which it is CONDITIONAL GO.
pub const CONDITIONAL_SCORE: f64 = 75.0;

/// Sentences given as reasons at most.
const REASONS: usize = 3;

/// Whether the build can ship, by one run.
pub fn readiness(record: &Record, verdict: &Verdict) -> Readiness {
    let items = items(record, verdict);
    let score = score(&items);
    let mut open: Vec<&Item> = items
        .iter()
        .filter(|i| i.weight > 0.0 && i.grade != Grade::Pass)
        .collect();
    open.sort_by(|a, b| {
        heaviness(verdict, b)
            .cmp(&heaviness(verdict, a))
            .then(b.weight.total_cmp(&a.weight))
    });
    let closing = open.iter().find(|i| closes(verdict, i)).copied();
    let bare = items
        .iter()
        .filter(|i| i.weight > 0.0)
        .all(|i| i.id == TARGET);
    let (decision, decided_by) = match (closing, open.first()) {
        (Some(item), _) => (Decision::NoGo, Some(item.id.clone())),
        (None, first) if score < CONDITIONAL_SCORE => (Decision::NoGo, first.map(|i| i.id.clone())),
        (None, Some(item)) if item.key || score < GO_SCORE => {
            (Decision::ConditionalGo, Some(item.id.clone()))
        }
        (None, _) if bare => (Decision::ConditionalGo, Some(TARGET.to_owned())),
        _ => (Decision::Go, None),
    };
    let reasons = match decision {
        Decision::Go => go_reasons(verdict, &items, score),
        _ => reasons(&open, score, decision, bare),
    };
    let conditions = if decision == Decision::ConditionalGo {
        conditions(verdict, &open, bare)
    } else {
        Vec::new()
    };
    Readiness {
        decision,
        score,
        decided_by,
        reasons,
        conditions,
        items,
    }
}

/// The exit code of a run: 130 interrupted · 3 the target did not start · 1 something that decides failed · 2 a contract
/// asked the wrong place (a base path or access is missing: the suite is wrong) and nothing failed · 4 the load or the run was invalid and nothing failed · 5 a key item is inconclusive and nothing failed · 1 NO-GO by the score
/// alone · 6 CONDITIONAL GO with `strict` · 0 otherwise. A scored gate that fails costs its weight in the score, and
/// only through it the exit code. A suite that is wrong in any other way has no run.
pub fn exit_code(record: &Record, verdict: &Verdict, readiness: &Readiness, strict: bool) -> u8 {
    let scored_failed = readiness
        .items
        .iter()
        .any(|i| i.weight > 0.0 && i.grade == Grade::Fail);
    let failed =
        verdict.grade == Grade::Fail || (scored_failed && readiness.decision == Decision::NoGo);
    if record.cancelled || record.end == Some(RunEnd::Cancelled) {
        return 130;
    }
    if record.target.failed.is_some() {
        return 3;
    }
    match (failed, verdict.grade, readiness.decision) {
        (true, _, _) => 1,
        _ if verdict.contract.grade == Grade::Invalid => 2,
        (_, Grade::Invalid, _) => 4,
        (_, Grade::Inconclusive, _) => 5,
        (_, _, Decision::NoGo) => 1,
        (_, _, Decision::ConditionalGo) if strict => 6,
        _ => 0,
    }
}

const RUN: &str = "run";
const TARGET: &str = "target";
const GENERATOR: &str = "generator";

fn items(record: &Record, verdict: &Verdict) -> Vec<Item> {
    let plan = record.run.as_ref().map(|run| &run.plan);
    let check = |id: &str, title: &str, weight: f64, result: &CheckResult| Item {
        id: id.to_owned(),
        title: title.to_owned(),
        key: true,
        weight,
        grade: result.grade,
        reason: result.reason.clone(),
    };
    let mut items = vec![check(
        TARGET,
        "The target came up and stayed up",
        1.0,
        &verdict.target,
    )];
    if plan.is_some_and(|p| !p.walks.is_empty()) || verdict.journeys.grade != Grade::Pass {
        items.push(check(
            "journeys",
            "Every journey passed",
            1.0,
            &verdict.journeys,
        ));
    }
    if plan.is_some_and(|p| !p.contracts.is_empty()) || verdict.contract.grade != Grade::Pass {
        items.push(check(
            "contract",
            "The contracts hold",
            1.0,
            &verdict.contract,
        ));
    }
    if let Some(matrix) = &verdict.matrix {
        let title = "Every journey recovered from every fault";
        items.push(check("matrix", title, 1.0, matrix));
    }
    items.extend(verdict.gates.iter().map(gate_item));
    items.extend(verdict.invariants.iter().map(invariant_item));
    // These two are listed only where they stand against the build: they are about the run, not about the build.
    if verdict.run.grade != Grade::Pass {
        items.push(check(RUN, "Everything planned was done", 1.0, &verdict.run));
    }
    let invalid = verdict
        .generator
        .iter()
        .find(|g| g.trust == crate::verdict::Trust::Invalid);
    if let Some(generator) = invalid {
        let reason = format!(
            "scenario `{}`: {}",
            generator.scenario,
            generator.reasons.join("; ")
        );
        let result = CheckResult {
            grade: Grade::Invalid,
            total: 1,
            failed: 1,
            reason,
        };
        items.push(check(
            GENERATOR,
            "The load was the one intended",
            1.0,
            &result,
        ));
    }
    items
}

fn gate_item(result: &GateResult) -> Item {
    let gate = &result.gate;
    let during = gate.during.aside();
    let scenario = gate
        .scenario
        .as_ref()
        .map_or_else(String::new, |name| format!("{name}: "));
    Item {
        id: gate.id.clone(),
        title: format!("{scenario}{}{during}", gate.expect),
        key: result.is_key(),
        weight: weight(gate.class, gate.weight),
        grade: result.grade,
        reason: result.reason.clone(),
    }
}

/// What is only told weighs nothing.
fn weight(class: Class, weight: f64) -> f64 {
    match class {
        Class::Info => 0.0,
        Class::Key | Class::Scored => weight,
    }
}

fn invariant_item(result: &InvariantResult) -> Item {
    let gate = &result.gate;
    Item {
        id: gate.id.clone(),
        title: format!("{}: {}", gate.scenario, gate.check),
        key: result.is_key(),
        weight: weight(gate.class, gate.weight),
        grade: result.grade,
        reason: result.reason.clone(),
    }
}

/// 0 to 100. Nothing that weighs is no evidence: 0.
fn score(items: &[Item]) -> f64 {
    let weight = |passed_only: bool| -> f64 {
        items
            .iter()
            .filter(|i| !passed_only || i.grade == Grade::Pass)
            .map(|i| i.weight)
            // Not `sum`: that of nothing is -0.0, which prints its sign.
            .fold(0.0, |sum, weight| sum + weight)
    };
    let all = weight(false);
    // Rounded to a billionth, so that sums of decimal weights meet the limits exactly: 75 of 100 is not below 75.
    if all > 0.0 {
        (weight(true) / all * 1e11).round() / 1e9
    } else {
        0.0
    }
}

/// Whether an item forbids shipping by itself.
fn closes(verdict: &Verdict, item: &Item) -> bool {
    item.key && (item.grade >= Grade::Invalid || missing(verdict, item))
}

/// Whether nothing at all was seen of an item.
fn missing(verdict: &Verdict, item: &Item) -> bool {
    let check = |result: &CheckResult| result.grade == Grade::Inconclusive && result.total == 0;
    match item.id.as_str() {
        TARGET => check(&verdict.target),
        "journeys" => check(&verdict.journeys),
        "contract" => check(&verdict.contract),
        id => verdict
            .gates
            .iter()
            .map(|g| (&g.gate.id, g.is_missing()))
            .chain(
                verdict
                    .invariants
                    .iter()
                    .map(|i| (&i.gate.id, i.is_missing())),
            )
            .any(|(gate, missing)| gate == id && missing),
    }
}

/// What is told first: key before scored, then failed, invalid, missing, inconclusive.
fn heaviness(verdict: &Verdict, item: &Item) -> (bool, Grade, bool, Reverse<bool>) {
    let consequence = item.id == GENERATOR || item.id == RUN;
    (
        item.key,
        item.grade,
        missing(verdict, item),
        Reverse(!consequence && item.grade == Grade::Invalid),
    )
}

fn word(grade: Grade) -> &'static str {
    match grade {
        Grade::Pass => "passed",
        Grade::Inconclusive => "is undecided",
        Grade::Invalid => "can't be trusted",
        Grade::Fail => "failed",
    }
}

fn reasons(open: &[&Item], score: f64, decision: Decision, bare: bool) -> Vec<String> {
    let mut reasons: Vec<String> = open
        .iter()
        .take(REASONS)
        .map(|i| format!("{} {}: {}", i.id, word(i.grade), i.reason))
        .collect();
    let by_score = !open.iter().any(|i| i.key);
    if by_score && !open.is_empty() {
        let limit = if decision == Decision::NoGo {
            CONDITIONAL_SCORE
        } else {
            GO_SCORE
        };
        reasons.truncate(REASONS - 1);
        reasons.insert(0, format!("the score is {score:.1} of 100, below {limit}"));
    }
    if bare && open.is_empty() {
        reasons.push("nothing was judged but the start of the target".to_owned());
    }
    reasons
}

/// Why it is a GO: the key gates nearest to their limits.
fn go_reasons(verdict: &Verdict, items: &[Item], score: f64) -> Vec<String> {
    let keys = items.iter().filter(|i| i.key).count();
    let mut near: Vec<(f64, &GateResult)> = verdict
        .gates
        .iter()
        .filter(|g| g.is_key())
        .filter_map(|g| Some((used(g)?, g)))
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0));
    let headroom = near
        .first()
        .map(|(_, g)| format!("nearest to its limit: {}", headroom(g)));
    let all = format!("all {keys} key items passed, score {score:.1} of 100");
    [Some(all), headroom].into_iter().flatten().collect()
}

/// How much of a gate's limit is used up; 1 is the limit itself.
fn used(gate: &GateResult) -> Option<f64> {
    let (observed, limit) = (gate.observed?, gate.gate.expect.limit);
    let upper = matches!(gate.gate.expect.op, Comparison::Less | Comparison::AtMost);
    let (part, of) = if upper {
        (observed, limit)
    } else {
        (limit, observed)
    };
    (of > 0.0).then(|| part / of)
}

/// `p99(checkout) 41.0 ms of 250 ms`.
fn headroom(result: &GateResult) -> String {
    let expr = &result.gate.expect;
    let subject = &expr.subject;
    let observed = result
        .observed
        .map_or_else(String::new, |value| show(value, &result.unit));
    let joint = match expr.op {
        Comparison::Less | Comparison::AtMost => "of",
        Comparison::Greater | Comparison::AtLeast => "where at least is asked",
    };
    format!(
        "{subject} {observed} {joint} {}",
        show(expr.limit, &result.unit)
    )
}

fn conditions(verdict: &Verdict, open: &[&Item], bare: bool) -> Vec<Condition> {
    if bare && open.is_empty() {
        return vec![Condition {
            statement: "give the suite something that decides: a journey, a contract or a key gate"
                .to_owned(),
            closes_with: "harness run, with a journey, a contract or a gate".to_owned(),
        }];
    }
    let condition = |item: &&Item| Condition {
        statement: format!("{} {}: {}", item.title, word(item.grade), item.reason),
        closes_with: match verdict.invariants.iter().find(|i| i.gate.id == item.id) {
            Some(result) => format!(
                "harness run {}, with {} held",
                result.gate.scenario, item.id
            ),
            None => closing(
                verdict
                    .gates
                    .iter()
                    .find(|g| g.gate.id == item.id)
                    .map(|g| &g.gate),
                item,
            ),
        },
    };
    open.iter().map(condition).collect()
}

/// What closes an item that is open.
fn closing(gate: Option<&Gate>, item: &Item) -> String {
    let Some(gate) = gate else {
        return "harness run, to its end".to_owned();
    };
    let run = gate.scenario.as_ref().map_or_else(
        || "harness run".to_owned(),
        |name| format!("harness run {name}"),
    );
    match (item.grade, &gate.expect.subject) {
        (Grade::Inconclusive, GateSubject::OfFault { .. } | GateSubject::OfLink { .. }) => format!(
            "{run}, with load that goes on until gate {} decides",
            gate.id
        ),
        (Grade::Inconclusive, GateSubject::Probe { name, .. }) => format!(
            "{run}, with metrics from which probe {name} can be told, until gate {} decides",
            gate.id
        ),
        (Grade::Inconclusive, _) => format!(
            "{run}, longer or at a higher rate, until gate {} decides",
            gate.id
        ),
        _ => format!("{run}, with gate {} passing", gate.id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Event, Outcome, ScenarioEnd};
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
        let codes = [false, true].map(|strict| exit_code(record, &verdict, &readiness, strict));
        (readiness, codes)
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
        let (invalid, codes) = decide(
            &stream
                .ended(20, ScenarioEnd::Broken)
                .event(Event::RunFinished {
                    end: RunEnd::Completed,
                })
                .record(),
        );
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
        let (failed, codes) = decide(
            &stream
                .ended(20, ScenarioEnd::Broken)
                .event(Event::RunFinished {
                    end: RunEnd::Completed,
                })
                .record(),
        );
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
        let ids: Vec<_> = no
            .reasons
            .iter()
            .map(|r| r.split(' ').next().unwrap())
            .collect();
        assert_eq!(ids, ["peak#4", "peak#3", "peak#2"]);
        assert_eq!(no.decided_by.as_deref(), Some("peak#4"));
    }
}
