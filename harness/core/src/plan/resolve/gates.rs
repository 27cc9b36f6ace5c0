//! Gates: expressions whose journeys, steps and faults are there to be judged.

mod conditions;
mod detected;
mod of_faults;
mod warm_up;

use super::findings::Findings;
use super::invariants;
use super::load::{Against, Probes, journeys_typed};
use crate::diagnostic::{Diagnostic, Place, nearest};
use crate::expr::gate::{GateExpr, GateSubject, Unit};
use crate::journey::{Action, Journey};
use crate::name::RequestName;
use crate::plan::ScenarioPlan;
use crate::plan::gate::{Class, During, Gate, Role};
use crate::plan::load::Model;
use crate::suite::at::{At, Str};
use crate::suite::document::Document;
use crate::suite::raw;
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
        of_no_search(doc, typed, scope, found);
    }
    if let (GateSubject::Probe { .. }, Some(true), None) = (&expect.subject, gate.abort, over) {
        let message = "a probe over the whole load may still come back while the load lasts";
        let hint = "give the gate an `over`, such as `over = \"10s\"`, or leave `abort` out";
        found.error_with(doc.at(typed), message, hint);
    }
    let label = gate
        .name
        .as_ref()
        .map_or_else(|| number.to_string(), |name| name.value.clone());
    Some(Gate {
        id: format!("{}#{label}", scope.prefix),
        expect,
        class: match gate.class {
            None | Some(raw::Class::Key) => Class::Key,
            Some(raw::Class::Scored) => Class::Scored,
            Some(raw::Class::Info) => Class::Info,
        },
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

fn fault_exists(fault: &str, place: Place, scope: &Scope<'_>, found: &mut Findings) -> bool {
    if scope.scenario.is_none() {
        let hint = "write the gate into the scenario that has the fault";
        found.error_with(
            place,
            "a gate of the whole run looks at no single fault",
            hint,
        );
        return false;
    }
    let exists = scope.faults.contains(&fault);
    if !exists {
        found.unknown(place, "fault", fault, scope.faults.iter().copied());
    }
    exists
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
    match &expr.subject {
        GateSubject::Latency { name, .. }
        | GateSubject::Service { name, .. }
        | GateSubject::Rate(name)
        | GateSubject::ErrorRate(name)
        | GateSubject::Lost(name)
        | GateSubject::Availability(name)
        | GateSubject::Dropped(name) => {
            if let Some(name) = name {
                request_exists(name, place_of(name.as_str()), scope, found);
            }
        }
        GateSubject::OfFault { .. } | GateSubject::OfLink { .. } => {
            of_faults::check(doc, (typed, gate), &expr, scope, found);
        }
        GateSubject::Probe { name, unit } => {
            let name = (name.as_str(), place_of(name.as_str()));
            return probe(doc, typed, &expr, name, unit, scope, found);
        }
        GateSubject::Headroom { fault, unit } => {
            headroom(doc, typed, (fault, place_of(fault)), unit, scope, found);
            alone(doc, gate, "headroom", found);
        }
        GateSubject::Effect(of) => {
            if let Some(name) = of.name() {
                request_exists(name, place_of(name.as_str()), scope, found);
            }
            effect(doc, typed, gate, scope, found);
        }
        GateSubject::Regression { name, .. } => {
            if let Some(name) = name {
                request_exists(name, place_of(name.as_str()), scope, found);
            }
            regression(doc, typed, gate, found);
        }
        GateSubject::Capacity => capacity(doc, typed, gate, scope, found),
        GateSubject::RateMissed => planned(doc, typed, scope, found),
    }
    Some(expr)
}

fn is_search(scope: &Scope<'_>) -> bool {
    scope
        .scenario
        .is_some_and(|scenario| matches!(scenario.load.model, Model::Search(_)))
}

/// A gate on a capacity: only of a scenario that looks for one, and of all of it.
fn capacity<T>(
    doc: &Document<T>,
    typed: &Str,
    gate: &raw::Gate,
    scope: &Scope<'_>,
    found: &mut Findings,
) {
    if !is_search(scope) && !scope.partial {
        let hint = "write `find = \"max rate where …\"` into the `[load]` of a scenario, and the gate beside it";
        found.error_with(doc.at(typed), "nothing here looks for a capacity", hint);
    }
    for part in [&gate.during, &gate.over].into_iter().flatten() {
        let message = "a capacity is that of the whole search";
        found.error_with(doc.at(part), message, "leave `during` and `over` out");
    }
    if gate.abort == Some(true) {
        let message = "a capacity is known when the search has ended";
        found.error_with(doc.at(typed), message, "leave `abort` out");
    }
}

/// A gate on the headroom of a fault that has one, in the unit of its number.
fn headroom<T>(
    doc: &Document<T>,
    typed: &Str,
    (fault, place): (&str, Place),
    unit: &Unit,
    scope: &Scope<'_>,
    found: &mut Findings,
) {
    if !fault_exists(fault, place.clone(), scope, found) {
        return;
    }
    let mut planned = scope.scenario.into_iter().flat_map(|s| &s.faults);
    // One with errors of its own is there all the same.
    let Some(planned) = planned.find(|planned| planned.name == fault) else {
        return;
    };
    let ramp = planned.ramp().filter(|_| !planned.tolerates.is_empty());
    match ramp {
        Some(ramp) if ramp.unit == *unit => {}
        Some(ramp) => {
            let example = ramp.show((ramp.from + ramp.to) / 2.0);
            let message = format!("the number of `{fault}` that grows is not in this unit");
            found.error_with(
                doc.at(typed),
                message,
                format!("write a limit such as `{example}`"),
            );
        }
        None => {
            let message = format!("nothing says how much of `{fault}` is tolerated");
            let hint = "let one number of it grow, `delay = \"0ms..500ms\"`, and say what must hold: `tolerates = [\"p95 < 1s\"]`";
            found.error_with(place, message, hint);
        }
    }
}

/// Notes `during`, `over` and `abort` beside a figure that has no part of the load of its own.
fn alone<T>(doc: &Document<T>, gate: &raw::Gate, what: &str, found: &mut Findings) {
    for part in [&gate.during, &gate.over].into_iter().flatten() {
        let message = format!("`{what}` is that of the whole fault");
        found.error_with(doc.at(part), message, "leave `during` and `over` out");
    }
    if let (Some(true), Some(expect)) = (gate.abort, &gate.expect) {
        let message = format!("`{what}` is known when the fault is over");
        found.error_with(doc.at(expect), message, "leave `abort` out");
    }
}

/// A gate on an effect: only of a scenario with a control, and of one part of it.
fn effect<T>(
    doc: &Document<T>,
    typed: &Str,
    gate: &raw::Gate,
    scope: &Scope<'_>,
    found: &mut Findings,
) {
    if !scope.control {
        let message = "an effect is measured against a control, and there is none";
        let hint = "write `control = true` into the scenario, and the gate beside it";
        found.error_with(doc.at(typed), message, hint);
    }
    if gate.during.is_none() {
        let message = "of which part of the load the effect is meant is not said";
        let hint = "name a fault, such as `during = \"provider is slow\"`, or `during = \"all\"`";
        found.error_with(doc.at(typed), message, hint);
    }
    if let Some(over) = &gate.over {
        let message = "an effect is that of a whole part of the load";
        found.error_with(doc.at(over), message, "leave `over` out");
    }
    if gate.abort == Some(true) {
        let message = "an effect is known when the load has ended";
        found.error_with(doc.at(typed), message, "leave `abort` out");
    }
}

/// A gate on a regression: of all undisturbed load, once it is over.
fn regression<T>(doc: &Document<T>, typed: &Str, gate: &raw::Gate, found: &mut Findings) {
    for part in [&gate.during, &gate.over].into_iter().flatten() {
        let message = "a regression is that of the whole load outside of faults";
        found.error_with(doc.at(part), message, "leave `during` and `over` out");
    }
    if gate.abort == Some(true) {
        let message = "a regression is known when the load has ended";
        found.error_with(doc.at(typed), message, "leave `abort` out");
    }
}

/// A gate on a missed rate: only of a load that has one.
fn planned<T>(doc: &Document<T>, typed: &Str, scope: &Scope<'_>, found: &mut Findings) {
    let closed = |scenario: &ScenarioPlan| matches!(scenario.load.model, Model::Closed(_));
    if scope.scenario.is_some_and(closed) {
        let message =
            "in a closed model the target decides the rate: none is planned that could be missed";
        let hint = "judge `rate` itself, or `dropped` with a number of iterations";
        found.error_with(doc.at(typed), message, hint);
    }
}

/// Notes any other gate of a search: its rates are meant to be too high at some point.
fn of_no_search<T>(doc: &Document<T>, typed: &Str, scope: &Scope<'_>, found: &mut Findings) {
    if is_search(scope) {
        let message =
            "a search tries rates that are too high on purpose: no gate can judge its load";
        let hint = "write what must hold into `find`, and judge the answer: `expect = \"capacity >= 500/s\"`";
        found.error_with(doc.at(typed), message, hint);
    }
}

/// A gate on a probe that is there, in the probe's unit.
fn probe<T>(
    doc: &Document<T>,
    typed: &Str,
    expr: &GateExpr,
    (name, place): (&str, Place),
    unit: &Unit,
    scope: &Scope<'_>,
    found: &mut Findings,
) -> Option<GateExpr> {
    let Some(probe) = scope
        .probes
        .planned
        .iter()
        .find(|p| p.name.as_str() == name)
    else {
        // One with errors of its own is there all the same.
        if !scope.probes.typed.contains(&name) {
            found.unknown(place, "probe", name, scope.probes.typed.iter().copied());
        }
        return None;
    };
    if probe.unit == *unit {
        return Some(expr.clone());
    }
    let said = |unit: &Unit| match unit {
        Unit::Plain => "no unit".to_owned(),
        unit => format!("unit `{unit}`"),
    };
    let message = format!(
        "probe `{name}` has {}, and this limit has {}",
        said(&probe.unit),
        said(unit)
    );
    let hint = format!("write a limit such as `{}`", probe.unit.example());
    found.error_with(doc.at(typed), message, hint);
    None
}

fn request_exists(name: &RequestName, place: Place, scope: &Scope<'_>, found: &mut Findings) {
    let journey = name.journey_part();
    let Some(journey) = scope.journeys.iter().find(|j| j.name.as_str() == journey) else {
        if scope.partial || scope.broken.iter().any(|broken| broken == journey) {
            return;
        }
        let known = scope.journeys.iter().map(|j| j.name.as_str());
        match scope.scenario {
            None => found.unknown(place, "journey under load called", journey, known),
            Some(_) => {
                let message = format!("journey `{journey}` is not in this scenario's mix");
                let finding = Diagnostic::error(Some(place), message);
                let known: Vec<&str> = known.collect();
                let hint = match nearest(journey, known.iter().copied()) {
                    Some(close) => format!("did you mean `{close}`?"),
                    None if known.is_empty() => "the mix is empty".to_owned(),
                    None => format!("the mix has: {}", known.join(", ")),
                };
                found.out.push(finding.hint(hint));
            }
        }
        return;
    };
    if let Some(step) = name.step_part() {
        let requests = journey
            .steps
            .iter()
            .filter(|s| matches!(s.action, Action::Request(_)))
            .map(|s| s.name.as_str());
        let requests: Vec<&str> = requests.collect();
        if !requests.contains(&step) {
            let what = format!("request in `{}` called", journey.name);
            found.unknown(place, &what, step, requests);
        }
    }
}
