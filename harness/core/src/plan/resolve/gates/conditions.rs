//! Conditions beside the faults: what fires one (`when`), what lifts them all (`stop`), and what must hold before the
//! first and after the last (`[steady]`). The last two are gates as well; a `when` is only looked at.

use super::named::{probe, request_exists};
use super::{Scope, warm_up};
use crate::expr::gate::{Comparison, GateExpr, GateSubject};
use crate::plan::ScenarioPlan;
use crate::plan::gate::{Class, During, Gate, Role};
use crate::plan::resolve::findings::Findings;
use crate::plan::resolve::texts;
use crate::suite::at::Str;
use crate::suite::document::Document;
use crate::suite::raw::ScenarioFile;
use crate::units::format_duration;
use crate::verdict::limits::{LATELY, LIVE_SECONDS};
use std::time::Duration;

type Doc = Document<ScenarioFile>;

/// The gates that a scenario's conditions are.
pub(super) fn gates(
    doc: &Doc,
    scenario: &ScenarioPlan,
    scope: &Scope<'_>,
    found: &mut Findings,
) -> Vec<Gate> {
    for fault in &doc.raw.fault {
        for text in &fault.value.tolerates {
            tolerates(doc, text, scope, found);
        }
    }
    for when in doc.raw.fault.iter().filter_map(|f| f.value.when.as_ref()) {
        // One that can't be read was told where its fault was.
        if let Ok(expr) = when.value.parse::<GateExpr>() {
            known(doc, when, &expr, scope, found);
        }
    }
    let mut gates = stops(doc, scenario, scope, found);
    gates.extend(steady(doc, scenario, scope, found));
    gates
}

/// A condition under which a fault is tolerated: of the load, second by second.
fn tolerates(doc: &Doc, text: &Str, scope: &Scope<'_>, found: &mut Findings) {
    let Ok(expr) = text.value.parse::<GateExpr>() else {
        return;
    };
    match expr.subject {
        GateSubject::Probe { .. } | GateSubject::Availability(_) | GateSubject::RateMissed => {
            let message = format!("`{expr}` says too little of a single second");
            let hint = "write a latency, `error_rate`, `rate` or `dropped`";
            found.error_with(doc.at(text), message, hint);
        }
        _ => {
            known(doc, text, &expr, scope, found);
        }
    }
}

/// `stop = ["error_rate > 50%"]`: each is a gate that must not come about.
fn stops(doc: &Doc, scenario: &ScenarioPlan, scope: &Scope<'_>, found: &mut Findings) -> Vec<Gate> {
    if let Some(first) = doc.raw.stop.first()
        && doc.raw.fault.is_empty()
        && !doc.incomplete
    {
        let hint = "to stop the load, give a gate `abort = true`";
        found.error_with(doc.at(first), "there is no fault to be stopped", hint);
    }
    let stop = |(text, number): (&Str, usize)| {
        let expr = read(doc, text, scope, found)?;
        let expect = GateExpr {
            op: opposite(expr.op),
            ..expr
        };
        let name = format!("stop {number}");
        Some(Gate {
            class: Class::Key,
            over: Some(LATELY),
            role: Role::Stop,
            ..gate(doc, scenario, name, (text, &expect), During::All)
        })
    };
    doc.raw.stop.iter().zip(1..).filter_map(stop).collect()
}

/// `[steady]`: a key gate before the first fault and one after the last; what it is during them is only told.
fn steady(
    doc: &Doc,
    scenario: &ScenarioPlan,
    scope: &Scope<'_>,
    found: &mut Findings,
) -> Vec<Gate> {
    let Some(steady) = &doc.raw.steady else {
        return Vec::new();
    };
    if doc.raw.fault.is_empty() && !doc.incomplete {
        let place = doc.place(&steady.span);
        let hint = "a load without faults is judged by `[[gate]]` alone";
        found.error_with(place, "there is no fault to be steady before", hint);
    }
    let timed: Vec<_> = match scenario.faults.iter().filter(|f| f.when.is_none()) {
        timed if timed.clone().next().is_some() => timed.collect(),
        _ => scenario.faults.iter().collect(),
    };
    let first = timed.iter().min_by_key(|fault| fault.at);
    let last = timed.iter().max_by_key(|fault| fault.at + fault.lasts);
    let (Some(first), Some(last)) = (first, last) else {
        return Vec::new();
    };
    let begins = scenario.load.warm_up + Duration::from_secs_f64(LIVE_SECONDS);
    if first.when.is_none() && first.at < begins {
        let message = format!(
            "`{}` begins at {}, too soon to say what is steady before it",
            first.name,
            format_duration(first.at)
        );
        let hint = format!("begin it at {} at the soonest", format_duration(begins));
        found.error_with(doc.place(&steady.span), message, hint);
    }
    let mut gates = Vec::new();
    for (text, number) in steady.value.expect.iter().zip(1..) {
        let Some(expect) = read(doc, text, scope, found) else {
            continue;
        };
        let after = During::After(last.name.clone());
        warm_up::leaves_something(&after, scenario, doc.at(text), found);
        let gate = |when: &str, during| {
            let name = format!("steady {number} {when}");
            Gate {
                role: Role::Steady,
                ..gate(doc, scenario, name, (text, &expect), during)
            }
        };
        let key = |gate| Gate {
            class: Class::Key,
            ..gate
        };
        gates.push(key(gate("before", During::Before(first.name.clone()))));
        for fault in scenario.faults.iter().filter(|fault| fault.turn == 1) {
            let word = format!("during {}", fault.name);
            gates.push(gate(&word, During::Fault(fault.name.clone())));
        }
        gates.push(key(gate("after", after)));
    }
    gates
}

fn gate(
    doc: &Doc,
    scenario: &ScenarioPlan,
    name: String,
    (text, expect): (&Str, &GateExpr),
    during: During,
) -> Gate {
    Gate {
        id: format!("{}#{name}", scenario.name),
        origin: doc.origin(&text.span),
        ..Gate::asking(&scenario.name, expect, during, None)
    }
}

const fn opposite(op: Comparison) -> Comparison {
    match op {
        Comparison::Less => Comparison::AtLeast,
        Comparison::AtMost => Comparison::Greater,
        Comparison::Greater => Comparison::AtMost,
        Comparison::AtLeast => Comparison::Less,
    }
}

fn read(doc: &Doc, text: &Str, scope: &Scope<'_>, found: &mut Findings) -> Option<GateExpr> {
    match text.value.parse() {
        Ok(expr) => known(doc, text, &expr, scope, found),
        Err(error) => {
            let place = |inner: &_| doc.inside(text, inner);
            found.out.push(texts::expression_error(&error, &place));
            None
        }
    }
}

/// Notes what a condition names that is not there, and what nobody can say while the load runs.
fn known(
    doc: &Doc,
    text: &Str,
    expr: &GateExpr,
    scope: &Scope<'_>,
    found: &mut Findings,
) -> Option<GateExpr> {
    let place = |part: &str| {
        let start = text.value.find(part).unwrap_or(0);
        doc.inside(text, &(start..start + part.len()))
    };
    match &expr.subject {
        GateSubject::Latency { .. }
        | GateSubject::Service { .. }
        | GateSubject::Rate(_)
        | GateSubject::ErrorRate(_)
        | GateSubject::Lost(_)
        | GateSubject::Availability(_)
        | GateSubject::Dropped(_) => {
            if let Some(name) = expr.subject.name() {
                request_exists(name, place(name.as_str()), scope, found);
            }
        }
        GateSubject::RateMissed => {}
        GateSubject::Probe { name, unit } => {
            let name = (name.as_str(), place(name.as_str()));
            return probe(doc, text, expr, name, unit, scope, found);
        }
        _ => {
            let message = format!("`{expr}` is known when the load has ended, not while it runs");
            let hint = "write what is seen of the load: a latency, `error_rate`, `lost`, `rate`, `availability`, `dropped`, or a probe";
            found.error_with(doc.at(text), message, hint);
            return None;
        }
    }
    Some(expr.clone())
}
