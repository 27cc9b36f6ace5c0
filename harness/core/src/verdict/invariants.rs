//! Invariants judged: a pure function of the plan and of what was checked. The figures are put into the expression
//! again here; nothing said about them is believed. Unlike a gate on load, an invariant does not ask whether the load
//! was fast enough: what was acknowledged must hold however slowly it came.

use super::{Grade, InvariantResult};
use crate::event::{InvariantChecked, ScenarioEnd, Walked};
use crate::expr::invariant::Invariant;
use crate::plan::Plan;
use crate::plan::invariant::{Check, Each, InvariantPlan};
use crate::record::Record;

/// Every invariant of a run, in the plan's order.
pub(super) fn all(record: &Record) -> Vec<InvariantResult> {
    let plan: Option<&Plan> = record.run.as_ref().map(|run| &run.plan);
    let planned = plan.into_iter().flat_map(|p| &p.scenarios);
    planned
        .flat_map(|s| &s.invariants)
        .map(|invariant| judge(record, invariant))
        .collect()
}

fn judge(record: &Record, invariant: &InvariantPlan) -> InvariantResult {
    let name = &invariant.scenario;
    let blocked = match record.scenario(name.as_str()).map(|s| s.end) {
        None => format!("scenario `{name}` never ran, so there is nothing to judge"),
        Some(None) => format!("scenario `{name}` has not ended"),
        Some(Some((_, ScenarioEnd::Completed))) => match record.invariant(&invariant.id) {
            Some(checked) => return checked_one(invariant, checked),
            None => "it was not checked".to_owned(),
        },
        Some(Some(_)) => format!("scenario `{name}` ended early, so it was not checked"),
    };
    inconclusive(invariant, 0, blocked)
}

/// Judges what was checked after a scenario that was played to its end.
pub fn checked_one(invariant: &InvariantPlan, checked: &InvariantChecked) -> InvariantResult {
    match (&invariant.check, &checked.walks) {
        (Check::Holds(expr), _) => holds(invariant, expr, checked),
        (Check::Each(each), Some(walked)) => walks(invariant, each, walked, checked),
        (Check::Each(_), None) => inconclusive(invariant, 0, why(checked)),
    }
}

fn inconclusive(gate: &InvariantPlan, samples: u64, reason: String) -> InvariantResult {
    InvariantResult {
        gate: gate.clone(),
        grade: Grade::Inconclusive,
        seen: String::new(),
        reason,
        samples,
    }
}

fn why(checked: &InvariantChecked) -> String {
    match checked.missing.as_slice() {
        [] => "its figures are not all there".to_owned(),
        missing => missing.join("; "),
    }
}

fn holds(gate: &InvariantPlan, expr: &Invariant, checked: &InvariantChecked) -> InvariantResult {
    let Some(seen) = expr.check(&checked.figures) else {
        return inconclusive(gate, 0, why(checked));
    };
    let mut captured = expr.captured().map(ToString::to_string).peekable();
    if captured.peek().is_some() && checked.captured == 0 {
        let nothing = captured.collect::<Vec<_>>().join("` nor `");
        let reason = format!("the load captured no `{nothing}`, so there is nothing to judge");
        return inconclusive(gate, 0, reason);
    }
    let looks = match (seen.holds, checked.attempts) {
        (false, 2..) => format!(
            ", still after {} looks in {}",
            checked.attempts,
            crate::units::human_us(checked.took_us)
        ),
        _ => String::new(),
    };
    InvariantResult {
        gate: gate.clone(),
        grade: if seen.holds { Grade::Pass } else { Grade::Fail },
        reason: format!("`{expr}`: saw {}{looks}", seen.words),
        seen: seen.words,
        samples: checked.captured.max(1),
    }
}

fn walks(
    gate: &InvariantPlan,
    each: &Each,
    walked: &Walked,
    checked: &InvariantChecked,
) -> InvariantResult {
    let wanted = walked.distinct.min(u64::from(each.at_most));
    let of = if walked.distinct > wanted {
        format!("a sample of {wanted} of {} values", walked.distinct)
    } else if wanted == 1 {
        "1 value".to_owned()
    } else {
        format!("{wanted} values")
    };
    let done = |grade, seen: String, more: &str| InvariantResult {
        gate: gate.clone(),
        grade,
        reason: format!("`{}`: {seen}{more}", gate.check),
        seen,
        samples: walked.walked,
    };
    // What failed may have passed in a later round.
    if !checked.missing.is_empty() {
        return inconclusive(gate, walked.walked, why(checked));
    }
    if walked.failed > 0 {
        let first = walked.evidence.first().map(|walk| {
            let broken = walk.failures.first();
            let broken = broken.map(|b| format!(": expected {}, was {}", b.expected, b.actual));
            format!(
                "; with {} step `{}` failed{}",
                walk.value,
                walk.step,
                broken.unwrap_or_default()
            )
        });
        let seen = format!("{} of {of} failed", walked.failed);
        return done(Grade::Fail, seen, &first.unwrap_or_default());
    }
    if walked.distinct == 0 {
        let reason = format!(
            "the load captured no `{}`, so there is nothing to judge",
            each.of
        );
        return inconclusive(gate, 0, reason);
    }
    if walked.walked < wanted {
        let reason = format!("only {} of {of} were walked", walked.walked);
        return inconclusive(gate, walked.walked, reason);
    }
    done(Grade::Pass, format!("{of} passed"), "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Broken, Event, FailedWalk, RunEnd};
    use crate::expr::invariant::Captured;
    use crate::plan::gate::Class;
    use crate::record::testing::{Stream, name, plan};
    use crate::verdict::evaluate;
    use std::time::Duration;

    const CONSERVED: &str = "orders.$.placed == orders.$.confirmed + orders.$.pending";
    const KEPT: &str = "delta(orders.$.placed) >= distinct(checkout.order)";

    fn invariant(check: Check) -> InvariantPlan {
        InvariantPlan {
            id: "peak#1".into(),
            check,
            class: Class::Key,
            weight: 1.0,
            owner: None,
            scenario: name("peak"),
            within: Duration::from_secs(10),
            origin: crate::journey::Origin {
                file: "scenarios/peak.toml".into(),
                line: 1,
            },
        }
    }

    fn each() -> Check {
        Check::Each(Each {
            of: Captured {
                journey: name("checkout"),
                variable: "order".into(),
            },
            walk: name("order-is-settled"),
            at_most: 10,
        })
    }

    fn checked() -> InvariantChecked {
        InvariantChecked {
            scenario: name("peak"),
            gate: "peak#1".into(),
            figures: Vec::new(),
            missing: Vec::new(),
            captured: 0,
            attempts: 1,
            took_us: 5,
            walks: None,
        }
    }

    fn of(figures: &[(&str, f64)]) -> InvariantChecked {
        InvariantChecked {
            figures: figures.iter().map(|(k, v)| ((*k).into(), *v)).collect(),
            ..checked()
        }
    }

    fn stream(check: Check) -> Stream {
        let mut plan = plan(10, Vec::new());
        plan.scenarios[0].invariants = vec![invariant(check)];
        Stream::new(plan).peak().load(0..10, 0, 1000)
    }

    fn judged(check: Check, checked: InvariantChecked) -> InvariantResult {
        let stream = stream(check)
            .ended(10, ScenarioEnd::Completed)
            .event(Event::InvariantChecked(Box::new(checked)))
            .event(Event::RunFinished {
                end: RunEnd::Completed,
            });
        let verdict = evaluate(&stream.record());
        assert_eq!(verdict.invariants.len(), 1);
        // A key invariant decides.
        assert!(verdict.grade >= verdict.invariants[0].grade);
        verdict.invariants[0].clone()
    }

    fn holds(text: &str) -> Check {
        Check::Holds(text.parse().unwrap())
    }

    #[test]
    fn figures_hold_or_not() {
        let orders = |placed: f64| {
            of(&[
                ("orders.$.placed", placed),
                ("orders.$.confirmed", 790.0),
                ("orders.$.pending", 20.0),
            ])
        };
        let (good, bad) = (
            judged(holds(CONSERVED), orders(810.0)),
            judged(holds(CONSERVED), orders(812.0)),
        );
        assert_eq!(good.grade, Grade::Pass, "{}", good.reason);
        assert_eq!(bad.grade, Grade::Fail);
        assert_eq!(bad.seen, "placed 812 ≠ confirmed 790 + pending 20");
        assert!(bad.reason.contains(&bad.seen), "{}", bad.reason);
    }

    #[test]
    fn what_is_missing_never_passes() {
        let mut unreachable = of(&[("orders.$.placed", 1.0)]);
        unreachable.missing = vec!["query `orders` answered 500".into()];
        let result = judged(holds(CONSERVED), unreachable);
        assert_eq!(
            (result.grade, result.is_missing(), result.reason.as_str()),
            (Grade::Inconclusive, true, "query `orders` answered 500")
        );
        let nothing = of(&[
            ("delta(orders.$.placed)", 0.0),
            ("distinct(checkout.order)", 0.0),
        ]);
        let result = judged(holds(KEPT), nothing.clone());
        assert_eq!(result.grade, Grade::Inconclusive, "{}", result.reason);
        let some = InvariantChecked {
            captured: 1,
            ..nothing
        };
        assert_eq!(judged(holds(KEPT), some).grade, Grade::Pass);
        assert_eq!(judged(each(), checked()).grade, Grade::Inconclusive);
    }

    #[test]
    fn walks_pass_fail_or_are_a_sample() {
        let walked = |distinct, walked, failed| InvariantChecked {
            captured: distinct,
            walks: Some(Walked {
                distinct,
                walked,
                failed,
                evidence: (0..failed)
                    .map(|n| FailedWalk {
                        value: format!("\"o-{n}\""),
                        step: "it is settled".into(),
                        attempts: 3,
                        failures: vec![Broken {
                            expected: "status == 200".into(),
                            actual: "404".into(),
                        }],
                        exchange: None,
                    })
                    .collect(),
            }),
            ..checked()
        };
        let grade = |d, w, f| judged(each(), walked(d, w, f)).grade;
        assert_eq!(grade(7, 7, 0), Grade::Pass);
        assert_eq!(grade(7, 6, 0), Grade::Inconclusive);
        assert_eq!(grade(0, 0, 0), Grade::Inconclusive);
        let failed = judged(each(), walked(7, 7, 2));
        assert_eq!(failed.grade, Grade::Fail);
        assert_eq!(
            failed.reason,
            "`order-is-settled with each checkout.order`: 2 of 7 values failed; with \"o-0\" step `it is settled` \
             failed: expected status == 200, was 404"
        );
        let stopped = InvariantChecked {
            missing: vec!["the run was stopped".into()],
            ..walked(7, 7, 2)
        };
        assert_eq!(judged(each(), stopped).grade, Grade::Inconclusive);
        let sample = judged(each(), walked(65_500, 10, 0));
        assert_eq!(
            (sample.grade, sample.seen.as_str()),
            (Grade::Pass, "a sample of 10 of 65500 values passed")
        );
    }

    #[test]
    fn a_scenario_that_was_not_played_to_its_end_says_nothing() {
        for end in [
            ScenarioEnd::Aborted,
            ScenarioEnd::Cancelled,
            ScenarioEnd::Broken,
        ] {
            let record = stream(holds("1 == 1"))
                .ended(5, end)
                .event(Event::InvariantChecked(Box::new(checked())))
                .record();
            let result = &evaluate(&record).invariants[0];
            assert_eq!(result.grade, Grade::Inconclusive, "{end:?}");
        }
        let unchecked = stream(holds("1 == 1")).done(10);
        let result = &evaluate(&unchecked).invariants[0];
        assert_eq!(
            (result.grade, result.reason.as_str()),
            (Grade::Inconclusive, "it was not checked")
        );
    }
}
