//! Gates on figures of faults: the worst of those asked for decides. A clock that never stopped bounds its figure from
//! below; what can't be said, or can hardly be said, passes nothing.

use super::gates::Found;
use super::inference::{self, Confidence, Figure, Inferred, Topic, Value};
use super::measure::{self, Judged};
use super::obstacles::faults;
use super::{Grade, clocks};
use crate::expr::gate::{Comparison, FaultFigure, GateExpr, GateSubject};
use crate::plan::gate::During;
use crate::record::{FaultRecord, Record, ScenarioRecord};

/// Judges a gate on a figure of faults or struck links; `None` for any other.
pub(super) fn find(
    record: &Record,
    expr: &GateExpr,
    scenarios: &[&ScenarioRecord],
) -> Option<Found> {
    let of = |name: &Option<String>, fault: &FaultRecord| {
        name.as_ref().is_none_or(|name| fault.name == *name)
    };
    let judged: Vec<Judged> = match &expr.subject {
        GateSubject::OfFault { figure, fault } if clocks::CLOCKS.contains(figure) => {
            let asked = faults(record, scenarios).filter(|(_, f)| of(fault, f));
            asked
                .filter_map(|(scenario, fault)| {
                    let clocked = clocks::clock(record, scenario, fault, *figure)?;
                    let samples = samples(scenario, fault);
                    let watch = (record, scenario);
                    Some(clocks::judge(watch, expr, *figure, fault, clocked, samples))
                })
                .collect()
        }
        GateSubject::OfFault { figure, fault } => {
            let asked = faults(record, scenarios).filter(|(_, f)| of(fault, f));
            inferred(record, asked, expr, Figure::OfFault(*figure), None)
        }
        GateSubject::OfLink { figure, link } => {
            let asked = faults(record, scenarios);
            inferred(
                record,
                asked,
                expr,
                Figure::OfLink(*figure),
                link.as_deref(),
            )
        }
        _ => return None,
    };
    Some(worst(expr, judged))
}

/// Journeys that ended while a fault's target recovered: what its recovery rests on.
fn samples(scenario: &ScenarioRecord, fault: &FaultRecord) -> u64 {
    let windows = scenario.series_in(None, &During::Recovery(fault.name.clone()));
    windows.iter().map(|p| measure::finished(&p.tally)).sum()
}

/// What is inferred of a figure, on every link that the faults struck or on one.
fn inferred<'r>(
    record: &Record,
    faults: impl Iterator<Item = (&'r ScenarioRecord, &'r FaultRecord)>,
    expr: &GateExpr,
    figure: Figure,
    link: Option<&str>,
) -> Vec<Judged> {
    let all = faults.flat_map(|(scenario, fault)| inference::of_fault(record, scenario, fault));
    let about = all.filter(|one| Some(one.topic) == Topic::of(figure));
    let about = about.filter(|one| link.is_none_or(|link| one.link.as_str() == link));
    about.map(|one| judge(expr, figure, one)).collect()
}

fn judge(expr: &GateExpr, figure: Figure, inferred: Inferred) -> Judged {
    let unknown = |samples, observed, missing| Judged {
        grade: Grade::Inconclusive,
        observed,
        samples,
        missing,
    };
    let conclusion = match inferred.said {
        Err(why) => return unknown(0, None, why),
        Ok(conclusion) => conclusion,
    };
    let samples = conclusion.samples;
    let Some(value) = conclusion.figures.get(&figure) else {
        return unknown(samples, None, conclusion.says);
    };
    let (Value::Is(seen) | Value::AtLeast(seen)) = *value;
    if conclusion.confidence == Confidence::Low {
        let why = format!("it is hardly known: {}", conclusion.reasons.join(", "));
        return unknown(samples, Some(seen), why);
    }
    let upper = matches!(expr.op, Comparison::Less | Comparison::AtMost);
    let grade = match (value, expr.holds(seen)) {
        (Value::Is(_), true) => Grade::Pass,
        (Value::AtLeast(_), false) if !upper => Grade::Inconclusive,
        (_, false) => Grade::Fail,
        (Value::AtLeast(_), true) => Grade::Inconclusive,
    };
    let missing = match value {
        Value::Is(_) => String::new(),
        Value::AtLeast(_) => conclusion.says,
    };
    Judged {
        grade,
        observed: Some(seen),
        samples,
        missing,
    }
}

/// The worst grade; of equal ones the worst figure.
fn worst(expr: &GateExpr, all: Vec<Judged>) -> Found {
    let upper = matches!(expr.op, Comparison::Less | Comparison::AtMost);
    let figure = |j: &Judged| {
        let seen = j.observed.unwrap_or(0.0);
        if upper { seen } else { -seen }
    };
    let order = |a: &Judged, b: &Judged| {
        let grades = a.grade.cmp(&b.grade);
        grades.then(figure(a).total_cmp(&figure(b)))
    };
    let missing = match &expr.subject {
        GateSubject::OfFault { figure, .. } if *figure == FaultFigure::Recovery => {
            "there was no fault to recover from"
        }
        GateSubject::OfLink { .. } => "no fault struck a link that could tell it",
        _ => "there was no fault that could tell it",
    };
    all.into_iter().max_by(order).map_or_else(
        || Found::inconclusive(0, missing),
        |judged| Found {
            judged,
            worst_second: None,
        },
    )
}
