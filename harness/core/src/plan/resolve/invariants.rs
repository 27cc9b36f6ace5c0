//! Invariants: gates over a scenario's history whose queries, journeys and captures are there. What a gate over load asks is
//! in `gates`.

use super::findings::Findings;
use super::gates;
use super::load::Against;
use crate::diagnostic::Place;
use crate::expr::invariant::{Captured, Invariant};
use crate::journey::{Action, Journey};
use crate::name::Name;
use crate::plan::ScenarioPlan;
use crate::plan::invariant::{Check, Each, InvariantPlan};
use crate::suite::at::{At, Str};
use crate::suite::document::Document;
use crate::suite::raw::{ConfigFile, Gate, ScenarioFile};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

const WITHIN: Duration = Duration::from_secs(10);
const AT_MOST: u32 = 2000;

/// Whether a scenario's gates walk a journey.
pub(super) fn walks(scenario: &ScenarioPlan, journey: &Name) -> bool {
    scenario
        .invariants
        .iter()
        .any(|i| matches!(&i.check, Check::Each(each) if each.walk == *journey))
}

/// Whether a gate is none of these, but one that looks at load; notes keys that belong to the other kind.
pub(super) fn is_none<T>(doc: &Document<T>, raw: &At<Gate>, found: &mut Findings) -> bool {
    const HINT: &str = "give exactly one of `expect`, `invariant`, `each` with `walk`";
    let gate = &raw.value;
    let kinds = [&gate.expect, &gate.invariant, &gate.each];
    match kinds.into_iter().flatten().collect::<Vec<_>>().as_slice() {
        [] => {
            if !doc.incomplete {
                found.error_with(
                    doc.place(&raw.span),
                    "this gate does not say what must hold",
                    HINT,
                );
            }
            return false;
        }
        [_] => {}
        [_, second, ..] => {
            found.error_with(doc.at(second), "a gate asks for one thing", HINT);
            return false;
        }
    }
    let (load, each) = (gate.expect.is_some(), gate.each.is_some());
    let span = |text: &Option<Str>| text.as_ref().map(|text| text.span.clone());
    let keys = [
        ("during", span(&gate.during), load),
        ("over", span(&gate.over), load),
        ("within", span(&gate.within), !load),
        ("walk", span(&gate.walk), each),
        (
            "at_most",
            gate.at_most.as_ref().map(|n| n.span.clone()),
            each,
        ),
    ];
    for (key, span, belongs) in keys {
        if let Some(span) = span.filter(|_| !belongs) {
            let of = match key {
                "within" => "an invariant",
                "walk" | "at_most" => "`each`",
                _ => "load",
            };
            let message = format!("`{key}` says something of {of}, and this gate has none");
            let hint = match load {
                true => "a gate with `expect` judges load second by second",
                false => "an invariant is checked when the scenario's load has ended",
            };
            found.error_with(doc.place(&span), message, hint);
        }
    }
    if !load && gate.abort == Some(true) {
        let hint = "an invariant is checked when the scenario's load has ended";
        found.error_with(
            doc.place(&raw.span),
            "an invariant can't stop its scenario",
            hint,
        );
    }
    load
}

/// What the gates of a document are resolved against.
struct Scope<'s> {
    against: &'s Against<'s>,
    scenario: &'s ScenarioPlan,
    /// Part of the load has errors: what seems to be missing in it may be there.
    partial: bool,
}

/// The invariants of a scenario.
pub(super) fn of_scenario(
    doc: &Document<ScenarioFile>,
    scenario: &ScenarioPlan,
    against: &Against<'_>,
    found: &mut Findings,
) -> Vec<InvariantPlan> {
    let load = doc.raw.load.as_ref();
    let typed = load
        .and_then(|load| load.value.mix.as_ref())
        .map_or(0, |mix| mix.value.0.len());
    let scope = Scope {
        against,
        scenario,
        partial: doc.incomplete || typed != scenario.load.mix.len(),
    };
    let mut invariants = Vec::new();
    for (index, raw) in doc.raw.gate.iter().enumerate() {
        let Some(check) = check(doc, raw, against, found) else {
            continue;
        };
        for (captured, place) in captures(doc, raw, &check) {
            scope.captured(&captured, place, found);
        }
        let prefix = scenario.name.to_string();
        invariants.extend(one(doc, raw, index + 1, check, (&prefix, scenario), found));
    }
    invariants
}

/// The suite's invariants, each put into every scenario whose mix has the journeys it counts.
pub(super) fn of_suite(
    doc: &Document<ConfigFile>,
    scenarios: &mut [ScenarioPlan],
    against: &Against<'_>,
    found: &mut Findings,
) {
    for (index, raw) in doc.raw.gate.iter().enumerate() {
        let Some(check) = check(doc, raw, against, found) else {
            continue;
        };
        let mut stands = false;
        for scenario in &mut *scenarios {
            let mixed = |c: &&Captured| scenario.load.mix.iter().any(|e| e.journey == c.journey);
            if !check.captured().iter().all(mixed) {
                continue;
            }
            // What is wrong with it is told once.
            let mut ignored = Findings::default();
            let told = if stands { &mut ignored } else { &mut *found };
            let prefix = format!("suite@{}", scenario.name);
            let scope = Scope {
                against,
                scenario,
                partial: false,
            };
            for (captured, place) in captures(doc, raw, &check) {
                scope.captured(&captured, place, told);
            }
            let at = (prefix.as_str(), &*scenario);
            let invariant = one(doc, raw, index + 1, check.clone(), at, told);
            scenario.invariants.extend(invariant);
            stands = true;
        }
        let broken = |c: &&Captured| against.broken.iter().any(|b| b == c.journey.as_str());
        if !stands && !scenarios.is_empty() && !check.captured().iter().any(broken) {
            let hint = "it would stand in every scenario whose mix has the journeys it counts";
            found.error_with(
                doc.place(&raw.span),
                "no scenario loads the journeys that this counts",
                hint,
            );
        }
    }
}

/// What a gate checks; `None` when it is no invariant, or after noting what is wrong.
fn check<T>(
    doc: &Document<T>,
    raw: &At<Gate>,
    against: &Against<'_>,
    found: &mut Findings,
) -> Option<Check> {
    let gate = &raw.value;
    match (&gate.expect, &gate.invariant, &gate.each) {
        (None, Some(typed), None) => {
            let invariant: Invariant = parsed(doc, typed, found)?;
            let mut told = BTreeSet::new();
            for asked in invariant.terms().into_iter().filter_map(|t| t.asked()) {
                if !told.insert(&asked.query) {
                    continue;
                }
                let known = || against.queries.iter().map(|q| q.name.as_str());
                if !known().any(|name| name == asked.query.as_str()) {
                    let place = part(doc, typed, &format!("{}.$", asked.query), 2);
                    found.unknown(place, "query", asked.query.as_str(), known());
                }
            }
            Some(Check::Holds(invariant))
        }
        (None, None, Some(typed)) => {
            let of: Captured = parsed(doc, typed, found)?;
            let walk = gate.walk.as_ref();
            if walk.is_none() && !doc.incomplete {
                found.error_with(
                    doc.at(typed),
                    "`each` without `walk`: nothing is done with its values",
                    "add `walk = \"JOURNEY\"`",
                );
            }
            let walk = journey(doc, walk?, &of.variable, against, found)?;
            Some(Check::Each(Each {
                of,
                walk,
                at_most: gate.at_most.as_ref().map_or(AT_MOST, |n| n.value),
            }))
        }
        _ => None,
    }
}

fn parsed<V, T>(doc: &Document<T>, typed: &Str, found: &mut Findings) -> Option<V>
where
    V: std::str::FromStr<Err = crate::expr::ExprError>,
{
    let parsed = typed.value.parse::<V>().map_err(|error| {
        let place = |inner: &std::ops::Range<usize>| doc.inside(typed, inner);
        found
            .out
            .push(super::texts::expression_error(&error, &place));
    });
    parsed.ok()
}

/// The journey that a gate walks with values of a variable: it exists, commands nothing and reads the variable.
fn journey<T>(
    doc: &Document<T>,
    typed: &Str,
    variable: &str,
    against: &Against<'_>,
    found: &mut Findings,
) -> Option<Name> {
    let journeys = || against.journeys.iter();
    let Some(journey) = journeys().find(|j| j.name.as_str() == typed.value) else {
        if !against.broken.contains(&typed.value) {
            let known = journeys().map(|j| j.name.as_str());
            let known = known.chain(against.broken.iter().map(String::as_str));
            found.unknown(doc.at(typed), "journey", &typed.value, known);
        }
        // Its own errors are told; what else is wrong with the gate is told beside them.
        return typed.value.parse().ok();
    };
    let commands = |action: &Action| matches!(action, Action::Command(_));
    if let Some(step) = journey.steps.iter().find(|s| commands(&s.action)) {
        let message = format!(
            "`{}` commands the run (step {:?}), which a walk after the load can't",
            typed.value, step.name
        );
        found.error_with(
            doc.at(typed),
            message,
            "walk a journey that only asks the target",
        );
    }
    if !journey.reads(variable) {
        let name = &typed.value;
        let message =
            format!("no step of `{name}` reads `{variable}`: each walk would be the same");
        let hint = format!("say `{{{{ {variable} }}}}` in `{name}` where the value belongs");
        found.error_with(doc.at(typed), message, hint);
    }
    Some(journey.name.clone())
}

/// What a check needs of the load, with the places where it was typed.
fn captures<T>(doc: &Document<T>, raw: &At<Gate>, check: &Check) -> Vec<(Captured, Place)> {
    let typed = raw.value.invariant.as_ref().or(raw.value.each.as_ref());
    let Some(typed) = typed else {
        return Vec::new();
    };
    check
        .captured()
        .into_iter()
        .map(|captured| (captured.clone(), part(doc, typed, &captured.to_string(), 0)))
        .collect()
}

/// The place of a part of a text, less some bytes at its end; the whole text if it is not found.
fn part<T>(doc: &Document<T>, typed: &Str, part: &str, less: usize) -> Place {
    match typed.value.find(part) {
        Some(start) => doc.inside(typed, &(start..start + part.len() - less)),
        None => doc.inside(typed, &(0..typed.value.len())),
    }
}

impl Scope<'_> {
    /// Notes a journey that is not in the mix, and a variable that it neither captures nor sets.
    fn captured(&self, captured: &Captured, place: Place, found: &mut Findings) {
        let mix = || self.scenario.load.mix.iter().map(|e| e.journey.as_str());
        let name = captured.journey.as_str();
        let known = |j: &&Arc<Journey>| j.name.as_str() == name && mix().any(|m| m == name);
        let Some(journey) = self.against.journeys.iter().find(known) else {
            if !self.partial && !self.against.broken.iter().any(|broken| broken == name) {
                let what = format!("journey in the mix of `{}` called", self.scenario.name);
                found.unknown(place, &what, name, mix());
            }
            return;
        };
        let captures = journey
            .steps
            .iter()
            .filter_map(|step| match &step.action {
                Action::Request(request) => Some(&request.captures),
                _ => None,
            })
            .flatten()
            .map(|capture| capture.name.as_str());
        let names: BTreeSet<&str> = captures
            .chain(journey.variables.keys().map(String::as_str))
            .collect();
        if !names.contains(captured.variable.as_str()) {
            let what = format!("capture of `{name}` called");
            found.unknown(place, &what, &captured.variable, names);
        }
    }
}

fn one<T>(
    doc: &Document<T>,
    raw: &At<Gate>,
    number: usize,
    check: Check,
    (prefix, scenario): (&str, &ScenarioPlan),
    found: &mut Findings,
) -> Option<InvariantPlan> {
    let gate = &raw.value;
    let within = gate.within.as_ref();
    let within = within.map_or(Some(WITHIN), |text| found.duration(doc, text));
    let weight = found.factor(doc, gate.weight.as_ref());
    let typed = gate.invariant.as_ref().or(gate.each.as_ref())?;
    Some(InvariantPlan {
        id: gates::id(prefix, gate, number),
        check,
        class: gates::class(gate),
        weight,
        owner: gate.owner.as_ref().map(|owner| owner.value.clone()),
        scenario: scenario.name.clone(),
        within: within?,
        origin: doc.origin(&typed.span),
    })
}
