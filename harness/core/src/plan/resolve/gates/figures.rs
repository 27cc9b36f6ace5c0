//! Figures that not every load has, and what may stand beside a gate on them: capacities, headroom, effects, regressions,
//! missed rates. Those of faults and links are in `of_faults`.

use super::Scope;
use super::named::fault_exists;
use crate::diagnostic::Place;
use crate::expr::gate::Unit;
use crate::plan::ScenarioPlan;
use crate::plan::load::Model;
use crate::plan::resolve::findings::Findings;
use crate::suite::at::Str;
use crate::suite::document::Document;
use crate::suite::raw;

fn is_search(scope: &Scope<'_>) -> bool {
    scope
        .scenario
        .is_some_and(|scenario| matches!(scenario.load.model, Model::Search(_)))
}

/// A gate on a capacity: only of a scenario that looks for one, and of all of it.
pub(super) fn capacity<T>(
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
pub(super) fn headroom<T>(
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
pub(super) fn alone<T>(doc: &Document<T>, gate: &raw::Gate, what: &str, found: &mut Findings) {
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
pub(super) fn effect<T>(
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
pub(super) fn regression<T>(
    doc: &Document<T>,
    typed: &Str,
    gate: &raw::Gate,
    found: &mut Findings,
) {
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
pub(super) fn planned<T>(doc: &Document<T>, typed: &Str, scope: &Scope<'_>, found: &mut Findings) {
    let closed = |scenario: &ScenarioPlan| matches!(scenario.load.model, Model::Closed(_));
    if scope.scenario.is_some_and(closed) {
        let message =
            "in a closed model the target decides the rate: none is planned that could be missed";
        let hint = "judge `rate` itself, or `dropped` with a number of iterations";
        found.error_with(doc.at(typed), message, hint);
    }
}

/// Notes any other gate of a search: its rates are meant to be too high at some point.
pub(super) fn of_no_search<T>(
    doc: &Document<T>,
    typed: &Str,
    scope: &Scope<'_>,
    found: &mut Findings,
) {
    if is_search(scope) {
        let message =
            "a search tries rates that are too high on purpose: no gate can judge its load";
        let hint = "write what must hold into `find`, and judge the answer: `expect = \"capacity >= 500/s\"`";
        found.error_with(doc.at(typed), message, hint);
    }
}
