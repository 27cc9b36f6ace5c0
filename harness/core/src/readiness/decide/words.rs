//! What a decision says for itself: the sentences that are its reasons, and what a CONDITIONAL GO hangs on. Decides nothing.

use super::Found;
use crate::readiness::{Condition, Decision, Due, Item, Limits};

/// Sentences given as reasons at most.
const REASONS: usize = 3;

/// What stands against a GO, the weightiest first.
pub(super) fn reasons(open: &[&Item], found: &Found, limits: Limits) -> Vec<String> {
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
pub(super) fn go_reasons(items: &[Item], score: f64, nearest: Option<&str>) -> Vec<String> {
    let keys = items.iter().filter(|item| item.key).count();
    let all = format!("all {keys} key items passed, score {score:.1} of 100");
    let nearest = nearest.map(|gate| format!("nearest to its limit: {gate}"));
    [Some(all), nearest].into_iter().flatten().collect()
}

/// What a CONDITIONAL GO hangs on.
pub(super) fn conditions(open: &[&Item], found: &Found) -> Vec<Condition> {
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
