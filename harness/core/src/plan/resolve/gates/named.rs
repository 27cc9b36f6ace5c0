//! What an expression names is there: faults, probes in their unit, journeys of the mix and their steps. Knows no figure.

use super::Scope;
use crate::diagnostic::{Diagnostic, Place, nearest};
use crate::expr::gate::{GateExpr, Unit};
use crate::journey::Action;
use crate::name::RequestName;
use crate::plan::resolve::findings::Findings;
use crate::suite::at::Str;
use crate::suite::document::Document;

pub(super) fn fault_exists(
    fault: &str,
    place: Place,
    scope: &Scope<'_>,
    found: &mut Findings,
) -> bool {
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

/// A gate on a probe that is there, in the probe's unit.
pub(super) fn probe<T>(
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

pub(super) fn request_exists(
    name: &RequestName,
    place: Place,
    scope: &Scope<'_>,
    found: &mut Findings,
) {
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
