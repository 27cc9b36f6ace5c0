//! What a trial of a capacity search came to, and what gates on the capacity say of the answer. The search itself is
//! `capacity`'s.

use super::Grade;
use super::gates::{Found, find};
use super::limits::{CPU, DRAIN, DRAIN_FLOOR, LAG_DEGRADED_US, LOCAL_FAILURES, SHORTFALL};
use super::measure::{Judged, When, show};
use crate::capacity::{Answer, Fate, Limit, SearchPlan, answer};
use crate::event::SelfHealth;
use crate::expr::gate::{Comparison, GateExpr};
use crate::hist::Hist;
use crate::http::FailureKind;
use crate::plan::gate::{During, Gate};
use crate::plan::load::Model;
use crate::record::{Record, ScenarioRecord, Tally};
use crate::units::{human_us, micros};
use std::time::Duration;

/// A trial, judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// What became of it.
    pub fate: Fate,
    /// Each condition with what was seen, for people.
    pub seen: Vec<String>,
}

/// What a trial came to: whether each condition held, the target kept up, and the generator made the load. `drained`
/// is how long after the schedule's end the last answer came; `None` if the wait was given up. `None` if there was no
/// such trial.
pub fn trial(
    record: &Record,
    scenario: &str,
    trial: u32,
    drained: Option<Duration>,
) -> Option<Judgement> {
    let running = record.scenario(scenario)?;
    let plan = search(record, scenario)?;
    let during = During::Trial(trial);
    let load = running.select(None, &during);
    let span = *running.intervals(&during).first()?;
    let health = health_in(record, span);
    let conditions: Vec<(bool, String)> = plan
        .goal
        .conditions
        .iter()
        .map(|condition| {
            let judged = judged(record, running, condition, &during).judged;
            (holds(condition, &judged), saw(condition, &judged))
        })
        .collect();
    let unmet = conditions.iter().find(|(holds, _)| !holds);
    let fate = match not_made(&load, &health, workers(record)) {
        Some(why) => Fate::Broke {
            why,
            limit: Limit::Generator,
        },
        None => match unmet.map(|(_, saw)| saw.clone()).or(behind(plan, drained)) {
            None => Fate::Held,
            Some(why) if saturated(&health, |h| h.cpu_proxy, 1.0) => Fate::Broke {
                why,
                limit: Limit::Link,
            },
            Some(why) => Fate::Broke {
                why,
                limit: Limit::Target,
            },
        },
    };
    Some(Judgement {
        fate,
        seen: conditions.into_iter().map(|(_, saw)| saw).collect(),
    })
}

/// A condition as a gate of the trial.
fn judged(
    record: &Record,
    running: &ScenarioRecord,
    condition: &GateExpr,
    during: &During,
) -> Found {
    let gate = Gate::asking(&running.name, condition, during.clone(), None);
    find(record, &gate, &[running], When::Final)
}

/// What a trial saw of a condition, in its subject's unit; `None` where there was nothing to see.
pub fn observed(
    record: &Record,
    scenario: &ScenarioRecord,
    condition: &GateExpr,
    trial: u32,
) -> Option<f64> {
    let found = judged(record, scenario, condition, &During::Trial(trial));
    found.judged.observed
}

/// Whether a condition holds as far as the trial can say: a short one seldom proves a share of one in a thousand, but
/// what it saw is what the search goes by, and it looks more than once.
fn holds(condition: &GateExpr, judged: &Judged) -> bool {
    match judged.grade {
        Grade::Pass => true,
        Grade::Inconclusive => judged
            .observed
            .is_some_and(|observed| condition.holds(observed)),
        Grade::Fail | Grade::Invalid => false,
    }
}

fn saw(condition: &GateExpr, judged: &Judged) -> String {
    match judged.observed {
        Some(observed) => format!("`{condition}`: saw {}", show(observed, &condition.unit())),
        None => format!("`{condition}`: {}", judged.missing),
    }
}

/// Why the target did not keep up, if it did not: a queue that grows fails no condition on errors.
fn behind(plan: &SearchPlan, drained: Option<Duration>) -> Option<String> {
    let allowed = DRAIN_FLOOR.max(plan.trial.mul_f64(DRAIN));
    match drained {
        Some(drained) if drained <= allowed => None,
        Some(drained) => Some(format!(
            "the target did not keep up: its last answer came {} after the load's end",
            human_us(micros(drained))
        )),
        None => {
            Some("the target did not keep up: it was still busy long after the load's end".into())
        }
    }
}

/// Why the load was not the one intended, by the generator's own doing.
fn not_made(load: &Tally, health: &[&SelfHealth], workers: f64) -> Option<String> {
    let planned = load.planned as f64;
    let late = load.late_generator as f64;
    if late > planned * SHORTFALL {
        return Some(format!(
            "the generator began {:.1} % of the arrivals late",
            late / planned * 100.0
        ));
    }
    let local = load.errors.get(FailureKind::Local.as_str()).copied();
    if local.unwrap_or(0) as f64 > load.started as f64 * LOCAL_FAILURES {
        return Some("the generator ran out of ports, descriptors or memory".to_owned());
    }
    let mut lag = Hist::default();
    health.iter().for_each(|second| lag.add(&second.lag));
    let p99 = lag.quantile(0.99).unwrap_or(0);
    if p99 > LAG_DEGRADED_US {
        return Some(format!(
            "the generator lagged its schedule by {} (p99)",
            human_us(p99)
        ));
    }
    saturated(health, |h| h.cpu_generator, workers)
        .then(|| "the generator had no processor time left".to_owned())
}

/// Whether some figure of processor use was at its limit in most seconds.
fn saturated(health: &[&SelfHealth], of: impl Fn(&SelfHealth) -> f64, cores: f64) -> bool {
    let full = health
        .iter()
        .filter(|second| of(second) > cores * CPU)
        .count();
    full * 2 > health.len()
}

/// The generator's seconds that lie whole inside a span, microseconds.
fn health_in(record: &Record, (from, to): (u64, u64)) -> Vec<&SelfHealth> {
    let inside = |(at, _): &&(u64, SelfHealth)| *at >= from.saturating_add(1_000_000) && *at <= to;
    record
        .health
        .iter()
        .filter(inside)
        .map(|(_, h)| h)
        .collect()
}

fn workers(record: &Record) -> f64 {
    let environment = record.run.as_ref().map(|run| &run.environment);
    let number = |key: &str| environment.and_then(|e| e.get(key)?.parse::<f64>().ok());
    number("workers").or_else(|| number("cores")).unwrap_or(1.0)
}

/// The search a scenario is, if it is one.
pub fn search<'r>(record: &'r Record, scenario: &str) -> Option<&'r SearchPlan> {
    let plan = &record.run.as_ref()?.plan;
    match &plan.scenario(scenario)?.load.model {
        Model::Search(search) => Some(search),
        _ => None,
    }
}

/// What a scenario's search has come to; `None` if it is no search.
pub fn found(record: &Record, scenario: &ScenarioRecord) -> Option<Answer> {
    let plan = search(record, scenario.name.as_str())?;
    let tried: Vec<_> = scenario.trials.iter().map(|t| t.tried.clone()).collect();
    Some(answer(plan, &tried))
}

/// A gate on the capacity: judged by the end of the interval that says the least for it.
pub(super) fn judge(record: &Record, expr: &GateExpr, scenarios: &[&ScenarioRecord]) -> Found {
    let answers: Vec<_> = scenarios
        .iter()
        .filter_map(|scenario| Some((scenario.trials.len(), found(record, scenario)?)))
        .collect();
    let [(trials, answer)] = answers.as_slice() else {
        return Found::inconclusive(0, "there was no search for a capacity");
    };
    let (low, high) = (
        answer.holds.map_or(0.0, |r| r.get()),
        answer.breaks.map(|r| r.get()),
    );
    let upper = matches!(expr.op, Comparison::Less | Comparison::AtMost);
    let ends = (expr.holds(low), high.map(|high| expr.holds(high)));
    let missing = match (answer.limit, high) {
        (Some(limit @ (Limit::Link | Limit::Generator)), _) => {
            format!("{} met its limit before the target did", limit.as_str())
        }
        (_, None) => "no rate was found that the target does not carry".to_owned(),
        _ => "the search ended before the interval was narrow enough".to_owned(),
    };
    // Of a limit that others set, only what the target was seen to carry says something about it.
    let others = matches!(answer.limit, Some(Limit::Link | Limit::Generator));
    let grade = match ends {
        _ if *trials == 0 => Grade::Inconclusive,
        (true, _) if !upper => Grade::Pass,
        (false, _) if upper => Grade::Fail,
        (_, Some(true)) if upper && !others => Grade::Pass,
        (_, Some(false)) if !upper && !others => Grade::Fail,
        _ => Grade::Inconclusive,
    };
    Found {
        judged: Judged {
            grade,
            observed: (*trials > 0).then_some(low),
            samples: *trials as u64,
            missing,
        },
        worst_second: None,
    }
}

#[cfg(test)]
mod tests;
