//! The decision. Key items close it: failed, then invalid, then missing (a gate that saw nothing at all, evidence that is
//! stale or not there) are NO-GO, because evidence that is absent or can't be trusted is no evidence; a key item that saw
//! something, only too little, is a condition, and so is a failure that is waived. Then the score, against the suite's
//! limits.
//!
//! *A run that has not ended has no decision*, whatever failed in it so far: what it comes to is known when it is through.
//!
//! *Invalid is NO-GO, with exit code 4.* The decision answers whether the build can ship, and nothing says that it can;
//! the exit code tells a pipeline whose fault that is, so that it repeats the run rather than blame the change.

use super::items::{self, CONTRACT, GENERATOR, RUN, TARGET};
use super::waivers::{self, Context};
use super::{
    Condition, Decision, Due, Item, Limits, Readiness, Standing, Unwaived, checklist, thresholds,
};
use crate::date::Date;
use crate::event::RunEnd;
use crate::plan::readiness::ReadinessPlan;
use crate::record::Record;
use crate::verdict::{Grade, Verdict};
use std::cmp::Reverse;

/// Sentences given as reasons at most.
const REASONS: usize = 3;

/// Whether the build can ship, by one run: what the run was to do is all that is asked, and its own day is the day.
pub fn readiness(record: &Record, verdict: &Verdict) -> Readiness {
    let run = record.run.as_deref();
    let settings = run
        .map(|run| run.plan.readiness.clone())
        .unwrap_or_default();
    let on = run.and_then(|run| Date::of_time(&run.date).ok());
    let mut items = items::of(record, verdict);
    let waivers = waivers::lay(&mut items, &settings.waivers, &Context { run, on });
    let release = run.and_then(|run| run.release.as_ref());
    let checklist = checklist::states(&settings, &items, release, on);
    let nearest = items::nearest([verdict]);
    let made = decide(items, &settings, nearest.as_deref());
    Readiness {
        waivers,
        checklist,
        abort: thresholds::of(record, verdict),
        ..match record.end {
            Some(_) => made,
            None => unmade(made, record.last_us),
        }
    }
}

/// Everything that was weighed of a run that has not ended, and nothing that it would come to.
fn unmade(of: Readiness, last_us: u64) -> Readiness {
    let seconds = last_us as f64 / 1e6;
    Readiness {
        decision: Decision::Unmade,
        decided_by: None,
        unwaived: None,
        reasons: vec![format!(
            "the run has not ended: it is still going on, or was cut short, and its record stops after {seconds:.1} s"
        )],
        conditions: Vec::new(),
        ..of
    }
}

/// The exit code of a run: 130 interrupted · 3 the target did not start · else that of its readiness.
pub fn exit_code(record: &Record, readiness: &Readiness, strict: bool) -> u8 {
    if record.cancelled || record.end == Some(RunEnd::Cancelled) {
        return 130;
    }
    if record.target.failed.is_some() {
        return 3;
    }
    readiness.exit_code(strict)
}

impl Readiness {
    /// 1 something that decides failed, or needed evidence is stale or not there · 2 a contract asked the wrong place (a
    /// base path or access is missing: the suite is wrong) and nothing failed · 4 the load or the run was invalid and
    /// nothing failed · 5 a key item is inconclusive and nothing failed · 1 NO-GO by the score alone · 6 CONDITIONAL GO with
    /// `strict` · 0 otherwise. A scored gate that fails costs its weight in the score, and only through it the exit code; a
    /// failure that is waived costs nothing here. A suite that is wrong in any other way has no run. Without a decision it is
    /// 5, whatever failed: nothing is decided.
    pub fn exit_code(&self, strict: bool) -> u8 {
        let weighs = |item: &&Item| item.weight > 0.0 && item.waived.is_none();
        let any = |asked: &dyn Fn(&Item) -> bool| self.items.iter().filter(weighs).any(asked);
        let key = |grade: Grade| any(&|item| item.key && item.grade == grade);
        let absent = any(&|item| item.key && item.standing >= Standing::Stale);
        let scored_failed = any(&|item| item.grade == Grade::Fail);
        let no_go = self.decision == Decision::NoGo;
        match self.decision {
            Decision::Unmade => 5,
            _ if key(Grade::Fail) || no_go && scored_failed || absent => 1,
            _ if any(&|item| item.id == CONTRACT && item.grade == Grade::Invalid) => 2,
            _ if key(Grade::Invalid) => 4,
            _ if key(Grade::Inconclusive) => 5,
            Decision::NoGo => 1,
            Decision::ConditionalGo if strict => 6,
            _ => 0,
        }
    }
}

/// What the items come to. `nearest` is said of a GO: the gate nearest to its limit.
pub fn decide(items: Vec<Item>, settings: &ReadinessPlan, nearest: Option<&str>) -> Readiness {
    let limits = Limits {
        go: settings.go,
        conditional: settings.conditional,
    };
    let found = find(&items, limits);
    let unwaived = items.iter().any(|item| item.waived.is_some()).then(|| {
        let bare = |item: &Item| Item {
            waived: None,
            ..item.clone()
        };
        let bare: Vec<Item> = items.iter().map(bare).collect();
        let found = find(&bare, limits);
        Unwaived {
            decision: found.decision,
            score: found.score,
            decided_by: found.decided_by,
        }
    });
    let open = open(&items);
    let (reasons, conditions) = match found.decision {
        Decision::Go => (go_reasons(&items, found.score, nearest), Vec::new()),
        Decision::ConditionalGo => (reasons(&open, &found, limits), conditions(&open, &found)),
        // `find` makes a decision always: it is of what was weighed, and does not know whether the run ended.
        Decision::NoGo | Decision::Unmade => (reasons(&open, &found, limits), Vec::new()),
    };
    Readiness {
        decision: found.decision,
        score: found.score,
        limits,
        decided_by: found.decided_by,
        unwaived,
        reasons,
        conditions,
        waivers: Vec::new(),
        checklist: Vec::new(),
        abort: Vec::new(),
        items,
    }
}

/// The answer alone.
struct Found {
    decision: Decision,
    score: f64,
    decided_by: Option<String>,
    /// The score decided, and no item by itself.
    by_score: bool,
    /// Nothing was judged but the start of the target.
    bare: bool,
}

fn find(items: &[Item], limits: Limits) -> Found {
    let score = score(items);
    let open = open(items);
    let id = |item: &&Item| item.id.clone();
    let closing = open.iter().find(|item| item.closes()).map(id);
    let heaviest = || {
        let unwaived = open.iter().find(|item| item.waived.is_none());
        unwaived.or(open.first()).map(id)
    };
    let condition = open.iter().find(|item| item.key || item.waived.is_some());
    let bare = items
        .iter()
        .filter(|item| item.weight > 0.0)
        .all(|item| item.id == TARGET);
    let (decision, decided_by, by_score) = if closing.is_some() {
        (Decision::NoGo, closing, false)
    } else if score < limits.conditional {
        (Decision::NoGo, heaviest(), true)
    } else if let Some(item) = condition {
        (Decision::ConditionalGo, Some(id(item)), false)
    } else if score < limits.go {
        (Decision::ConditionalGo, heaviest(), true)
    } else if bare {
        (Decision::ConditionalGo, Some(TARGET.to_owned()), false)
    } else {
        (Decision::Go, None, false)
    };
    Found {
        decision,
        score,
        decided_by,
        by_score,
        bare: bare && open.is_empty(),
    }
}

/// What stands against a GO or takes something off the score, the weightiest first.
fn open(items: &[Item]) -> Vec<&Item> {
    let mut open: Vec<&Item> = items.iter().filter(|item| item.is_open()).collect();
    open.sort_by(|a, b| {
        heaviness(b)
            .cmp(&heaviness(a))
            .then(b.weight.total_cmp(&a.weight))
    });
    open
}

/// 0 to 100. Nothing that weighs is no evidence: 0.
fn score(items: &[Item]) -> f64 {
    let weight = |passed_only: bool| -> f64 {
        items
            .iter()
            .filter(|i| i.waived.is_none() && (!passed_only || i.grade == Grade::Pass))
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

/// What is told first: what closes, then key before scored, then failed, invalid, missing, inconclusive.
fn heaviness(item: &Item) -> (bool, bool, bool, Grade, Standing, Reverse<bool>) {
    let consequence = item.id == GENERATOR || item.id == RUN;
    (
        item.closes(),
        item.key,
        item.waived.is_none() && item.weight > 0.0,
        item.grade,
        item.standing,
        Reverse(!consequence && item.grade == Grade::Invalid),
    )
}

fn reasons(open: &[&Item], found: &Found, limits: Limits) -> Vec<String> {
    let mut reasons: Vec<String> = open
        .iter()
        .take(REASONS)
        .map(|item| item.sentence())
        .collect();
    if found.by_score && !open.is_empty() {
        let limit = if found.decision == Decision::NoGo {
            limits.conditional
        } else {
            limits.go
        };
        reasons.truncate(REASONS - 1);
        let told = told(found.score, limit);
        reasons.insert(0, format!("the score is {told} of 100, below {limit}"));
    }
    if found.bare {
        reasons.push("nothing was judged but the start of the target".to_owned());
    }
    reasons
}

/// A score that is below a limit, with as many digits as show it: 74.96 is not told as 75.0, below 75.
fn told(score: f64, limit: f64) -> String {
    let whole = format!("{score:.1}");
    let misleads = whole.parse().is_ok_and(|shown: f64| shown >= limit);
    if misleads {
        let fine = format!("{score:.9}");
        fine.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        whole
    }
}

/// Why it is a GO: the key gates nearest to their limits.
fn go_reasons(items: &[Item], score: f64, nearest: Option<&str>) -> Vec<String> {
    let keys = items.iter().filter(|item| item.key).count();
    let all = format!("all {keys} key items passed, score {score:.1} of 100");
    let nearest = nearest.map(|gate| format!("nearest to its limit: {gate}"));
    [Some(all), nearest].into_iter().flatten().collect()
}

fn conditions(open: &[&Item], found: &Found) -> Vec<Condition> {
    if found.bare {
        return vec![Condition {
            statement: "give the suite something that decides: a journey, a contract or a key gate"
                .to_owned(),
            owner: None,
            due: Due::Before,
            closes_with: "harness run, with a journey, a contract or a gate".to_owned(),
        }];
    }
    open.iter().map(|item| condition(item)).collect()
}

fn condition(item: &Item) -> Condition {
    let statement = format!("{} {}: {}", item.title, item.became(), item.reason);
    match &item.waived {
        None => Condition {
            statement,
            owner: item.owner.clone(),
            due: Due::Before,
            closes_with: item.closes_with.clone(),
        },
        Some(waived) => {
            let ticket = waived.ticket.as_ref();
            let ticket = ticket.map_or_else(String::new, |ticket| format!(", {ticket}"));
            Condition {
                statement,
                owner: Some(waived.owner.clone()),
                due: Due::After,
                closes_with: format!("{}, by {}{ticket}", item.closes_with, waived.expires),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Event, Outcome, ScenarioEnd};
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
        let codes = [false, true].map(|strict| exit_code(record, &readiness, strict));
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
}
