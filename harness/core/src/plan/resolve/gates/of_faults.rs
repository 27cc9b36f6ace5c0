//! Gates on figures of faults, and of links that faults strike: both must be there, and nothing beside them says when.

use super::figures::alone;
use super::named::fault_exists;
use super::{Scope, warm_up};
use crate::expr::gate::{FaultFigure, GateExpr, GateSubject};
use crate::plan::ScenarioPlan;
use crate::plan::fault::Site;
use crate::plan::resolve::findings::Findings;
use crate::suite::at::Str;
use crate::suite::document::Document;
use crate::suite::raw;

/// Notes what makes a figure of a fault impossible.
pub(super) fn check<T>(
    doc: &Document<T>,
    (typed, gate): (&Str, &raw::Gate),
    expr: &GateExpr,
    scope: &Scope<'_>,
    found: &mut Findings,
) {
    let word = expr.subject.to_string();
    let word = word.split('(').next().unwrap_or_default();
    let (GateSubject::OfFault { fault: of, .. } | GateSubject::OfLink { link: of, .. }) =
        &expr.subject
    else {
        return;
    };
    alone(doc, gate, word, found);
    let place = of.as_deref().map_or_else(
        || doc.at(typed),
        |of| {
            let start = typed.value.find(of).unwrap_or(0);
            doc.inside(typed, &(start..start + of.len()))
        },
    );
    let Some(scenario) = scope.scenario else {
        let message = format!("a gate of the whole run sees no {word}");
        let hint = "write the gate into the scenario that has the fault";
        found.error_with(place, message, hint);
        return;
    };
    if scope.faults.is_empty() {
        let message = format!("this scenario has no fault that could have a {word}");
        found.error_with(place, message, "give it one, or leave the gate out");
        return;
    }
    match &expr.subject {
        GateSubject::OfFault { figure, fault } => {
            if let Some(fault) = fault
                && !fault_exists(fault, place.clone(), scope, found)
            {
                return;
            }
            // These need no figures of before.
            let alone = [
                FaultFigure::Effective,
                FaultFigure::Detection,
                FaultFigure::BreakerCloses,
            ];
            if !alone.contains(figure) {
                warm_up::comes_before(fault.as_deref(), scenario, place, found);
            }
        }
        GateSubject::OfLink {
            link: Some(link), ..
        } => {
            let struck = || scenario.faults.iter().map(|fault| &fault.on);
            // What a fault of a service does to the links that lead to it is known to the target's plan, not here.
            let service = struck().any(|on| matches!(on, Site::Service(_)));
            let links: Vec<&str> = links(scenario).collect();
            if !service && !links.contains(&link.as_str()) && !doc.incomplete {
                found.unknown(place, "struck link", link, links);
            }
        }
        _ => {}
    }
}

fn links(scenario: &ScenarioPlan) -> impl Iterator<Item = &str> {
    scenario.faults.iter().filter_map(|fault| match &fault.on {
        Site::Link(link) => Some(link.as_str()),
        Site::Service(_) => None,
    })
}
