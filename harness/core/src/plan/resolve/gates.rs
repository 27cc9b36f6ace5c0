//! Gates: expressions whose journeys, steps and faults are there to be judged.

mod conditions;
mod detected;
mod figures;
mod named;
mod of_faults;
mod warm_up;

use super::findings::Findings;
use super::invariants;
use super::load::{Against, Probes, journeys_typed};
use crate::expr::gate::{GateExpr, GateSubject};
use crate::journey::Journey;
use crate::plan::ScenarioPlan;
use crate::plan::gate::{Class, During, Gate, Role};
use crate::plan::load::Model;
use crate::suite::at::{At, Str};
use crate::suite::document::Document;
use crate::suite::raw;
use named::{fault_exists, probe, request_exists};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// What a gate may name.
struct Scope<'s> {
    /// The scenario's name, or `suite`.
    prefix: &'s str,
    scenario: Option<&'s ScenarioPlan>,
    /// The faults as typed: one with an error of its own is there all the same.
    faults: Vec<&'s str>,
    /// Part of the load has errors: what seems to be missing in it may be there.
    partial: bool,
    journeys: Vec<&'s Journey>,
    /// Journeys that could not be resolved.
    broken: &'s [String],
    probes: Probes<'s>,
    /// Whether the same load is played without the faults too.
    control: bool,
}

/// The gates of a scenario, and what tells that its faults were noticed.
pub(super) fn of_scenario(
    doc: &Document<raw::ScenarioFile>,
    scenario: &ScenarioPlan,
    against: &Against<'_>,
    found: &mut Findings,
) -> (Vec<Gate>, BTreeMap<String, GateExpr>) {
    let names = doc
        .raw
        .fault
        .iter()
        .filter_map(|fault| Some(fault.value.name.as_ref()?.value.as_str()));
    let load = doc.raw.load.as_ref();
    let typed = load.map_or(0, |load| journeys_typed(&load.value).len());
    let mixed = |j: &&Arc<Journey>| {
        scenario
            .load
            .mix
            .iter()
            .any(|entry| entry.journey == j.name)
    };
    let scope = Scope {
        prefix: scenario.name.as_str(),
        scenario: Some(scenario),
        faults: names.collect(),
        partial: doc.incomplete || typed != scenario.load.mix.len(),
        journeys: against
            .journeys
            .iter()
            .filter(mixed)
            .map(|j| &**j)
            .collect(),
        broken: against.broken,
        probes: against.probes,
        control: doc.raw.control.as_ref().is_some_and(|c| c.value),
    };
    goal(doc, scenario, &scope, found);
    let mut gates = all(doc, &doc.raw.gate, &scope, found);
    gates.extend(conditions::gates(doc, scenario, &scope, found));
    (gates, detected::all(doc, &scope, found))
}

/// What the goal of a search names: journeys and steps of the mix, and probes.
fn goal(
    doc: &Document<raw::ScenarioFile>,
    scenario: &ScenarioPlan,
    scope: &Scope<'_>,
    found: &mut Findings,
) {
    let typed = doc
        .raw
        .load
        .as_ref()
        .and_then(|load| load.value.find.as_ref());
    let (Model::Search(search), Some(typed)) = (&scenario.load.model, typed) else {
        return;
    };
    for condition in &search.goal.conditions {
        let place = |part: &str| {
            let start = typed.value.find(part).unwrap_or(0);
            doc.inside(typed, &(start..start + part.len()))
        };
        if let GateSubject::Probe { name, unit } = &condition.subject {
            let name = (name.as_str(), place(name.as_str()));
            probe(doc, typed, condition, name, unit, scope, found);
        } else if let Some(name) = condition.subject.name() {
            request_exists(name, place(name.as_str()), scope, found);
        }
    }
}

/// The gates of the whole run, which judge the load of every scenario.
pub(super) fn of_suite(
    doc: &Document<raw::ConfigFile>,
    scenarios: &[ScenarioPlan],
    against: &Against<'_>,
    found: &mut Findings,
) -> Vec<Gate> {
    let loaded = |j: &&Arc<Journey>| {
        scenarios
            .iter()
            .any(|s| s.load.mix.iter().any(|entry| entry.journey == j.name))
    };
    let journeys = against
        .journeys
        .iter()
        .filter(loaded)
        .map(|j| &**j)
        .collect();
    let scope = Scope {
        prefix: "suite",
        scenario: None,
        faults: Vec::new(),
        partial: false,
        journeys,
        broken: against.broken,
        probes: against.probes,
        control: false,
    };
    all(doc, &doc.raw.gate, &scope, found)
}

fn all<T>(
    doc: &Document<T>,
    raw: &[At<raw::Gate>],
    scope: &Scope<'_>,
    found: &mut Findings,
) -> Vec<Gate> {
    let mut names = BTreeSet::new();
    let mut gates = Vec::new();
    for (index, gate) in raw.iter().enumerate() {
        if let Some(name) = &gate.value.name
            && !names.insert(name.value.clone())
        {
            found.error(
                doc.at(name),
                format!("two gates here are called {:?}", name.value),
            );
        }
        if invariants::is_none(doc, gate, found) {
            gates.extend(one(doc, gate, index + 1, scope, found));
        }
    }
    gates
}

fn one<T>(
    doc: &Document<T>,
    raw: &At<raw::Gate>,
    number: usize,
    scope: &Scope<'_>,
    found: &mut Findings,
) -> Option<Gate> {
    let gate = &raw.value;
    let during = gate
        .during
        .as_ref()
        .map_or(Some(During::Undisturbed), |text| {
            during(doc, text, scope, found)
        });
    let over = gate
        .over
        .as_ref()
        .and_then(|text| window(doc, text, scope, found));
    let weight = found.factor(doc, gate.weight.as_ref());
    let typed = gate.expect.as_ref()?;
    let expect = expression(doc, typed, gate, scope, found)?;
    if !matches!(expect.subject, GateSubject::Capacity) {
        figures::of_no_search(doc, typed, scope, found);
    }
    if let (GateSubject::Probe { .. }, Some(true), None) = (&expect.subject, gate.abort, over) {
        let message = "a probe over the whole load may still come back while the load lasts";
        let hint = "give the gate an `over`, such as `over = \"10s\"`, or leave `abort` out";
        found.error_with(doc.at(typed), message, hint);
    }
    Some(Gate {
        id: id(scope.prefix, gate, number),
        expect,
        class: class(gate),
        weight,
        owner: gate.owner.as_ref().map(|owner| owner.value.clone()),
        scenario: scope.scenario.map(|scenario| scenario.name.clone()),
        during: during?,
        over,
        abort: gate.abort.unwrap_or(false),
        role: Role::Verdict,
        origin: doc.origin(&typed.span),
    })
}

/// A gate's id: where it stands, and its name or its number there.
pub(super) fn id(prefix: &str, gate: &raw::Gate, number: usize) -> String {
    match &gate.name {
        Some(name) => format!("{prefix}#{}", name.value),
        None => format!("{prefix}#{number}"),
    }
}

/// What its failure means; of a gate that does not say, that it decides.
pub(super) fn class(gate: &raw::Gate) -> Class {
    match gate.class {
        None | Some(raw::Class::Key) => Class::Key,
        Some(raw::Class::Scored) => Class::Scored,
        Some(raw::Class::Info) => Class::Info,
    }
}

/// A sliding window: whole seconds, no longer than the load.
fn window<T>(
    doc: &Document<T>,
    text: &Str,
    scope: &Scope<'_>,
    found: &mut Findings,
) -> Option<Duration> {
    let over = found.positive(doc, text)?;
    let load = scope.scenario.map(|scenario| &scenario.load);
    let length = load
        .map(|load| load.duration().saturating_sub(load.warm_up))
        .filter(|length| !length.is_zero());
    if over.subsec_nanos() != 0 {
        found.error_with(
            doc.at(text),
            "`over` must be whole seconds",
            "load is counted second by second",
        );
        return None;
    }
    if let Some(length) = length.filter(|length| over > *length) {
        let length = crate::units::format_duration(length);
        let part = match load.is_some_and(|load| !load.warm_up.is_zero()) {
            true => "the load after its warm-up",
            false => "the whole load",
        };
        found.error(
            doc.at(text),
            format!("`over` is longer than {part}, which lasts {length}"),
        );
        return None;
    }
    Some(over)
}

fn during<T>(
    doc: &Document<T>,
    text: &Str,
    scope: &Scope<'_>,
    found: &mut Findings,
) -> Option<During> {
    let during = During::parse(&text.value);
    let Some(fault) = during.fault() else {
        return Some(during);
    };
    let start = text.value.len() - fault.len();
    let place = doc.inside(text, &(start..text.value.len()));
    if !fault_exists(fault, place.clone(), scope, found) {
        return None;
    }
    if let Some(scenario) = scope.scenario {
        warm_up::leaves_something(&during, scenario, place, found);
    }
    Some(during)
}

fn expression<T>(
    doc: &Document<T>,
    typed: &Str,
    gate: &raw::Gate,
    scope: &Scope<'_>,
    found: &mut Findings,
) -> Option<GateExpr> {
    let expr: GateExpr = match typed.value.parse() {
        Ok(expr) => expr,
        Err(error) => {
            found
                .out
                .push(super::texts::expression_error(&error, &|inner| {
                    doc.inside(typed, inner)
                }));
            return None;
        }
    };
    let place_of = |part: &str| {
        let start = typed.value.find(part).unwrap_or(0);
        doc.inside(typed, &(start..start + part.len()))
    };
    if let Some(name) = expr.subject.name() {
        request_exists(name, place_of(name.as_str()), scope, found);
    }
    match &expr.subject {
        GateSubject::Latency { .. }
        | GateSubject::Service { .. }
        | GateSubject::Rate(_)
        | GateSubject::ErrorRate(_)
        | GateSubject::Lost(_)
        | GateSubject::Availability(_)
        | GateSubject::Dropped(_) => {}
        GateSubject::OfFault { .. } | GateSubject::OfLink { .. } => {
            of_faults::check(doc, (typed, gate), &expr, scope, found);
        }
        GateSubject::Probe { name, unit } => {
            let name = (name.as_str(), place_of(name.as_str()));
            return probe(doc, typed, &expr, name, unit, scope, found);
        }
        GateSubject::Headroom { fault, unit } => {
            figures::headroom(doc, typed, (fault, place_of(fault)), unit, scope, found);
            figures::alone(doc, gate, "headroom", found);
        }
        GateSubject::Effect(_) => figures::effect(doc, typed, gate, scope, found),
        GateSubject::Regression { .. } => figures::regression(doc, typed, gate, found),
        GateSubject::Capacity => figures::capacity(doc, typed, gate, scope, found),
        GateSubject::RateMissed => figures::planned(doc, typed, scope, found),
    }
    Some(expr)
}
