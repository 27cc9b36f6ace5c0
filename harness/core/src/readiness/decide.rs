//! The decision. Key items close it: failed, then invalid, then missing (a gate that saw nothing at all, evidence that is
//! stale or not there) are NO-GO, because evidence that is absent or can't be trusted is no evidence; a key item that saw
//! something, only too little, is a condition, and so is a failure that is waived. Then the score, against the suite's
//! limits.
//!
//! *A run that has not ended has no decision*, whatever failed in it so far: what it comes to is known when it is through.
//!
//! *Invalid is NO-GO, with exit code 4.* The decision answers whether the build can ship, and nothing says that it can;
//! the exit code tells a pipeline whose fault that is, so that it repeats the run rather than blame the change.

mod words;

use super::items::{self, GENERATOR, RUN, TARGET};
use super::waivers::{self, Context};
use super::{Decision, Item, Limits, Readiness, Standing, Unwaived, checklist, thresholds};
use crate::date::Date;
use crate::plan::readiness::ReadinessPlan;
use crate::record::Record;
use crate::units::human_span;
use crate::verdict::{Grade, Verdict};
use std::cmp::Reverse;
use words::{conditions, go_reasons, reasons};

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
    let length = human_span(last_us as f64 / 1e6);
    Readiness {
        decision: Decision::Unmade,
        decided_by: None,
        unwaived: None,
        reasons: vec![format!(
            "the run has not ended: it is still going on, or was cut short, and its record stops after {length}"
        )],
        conditions: Vec::new(),
        ..of
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

#[cfg(test)]
mod tests;
