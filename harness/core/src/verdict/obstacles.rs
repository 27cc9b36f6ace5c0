//! What makes a gate's answer impossible: a scenario that never ran, a fault that was never armed, failed, or took no
//! effect. Such a gate is inconclusive or invalid before any figure is looked at.

use super::{Grade, inference};
use crate::expr::gate::{GateExpr, GateSubject};
use crate::plan::fault::{FaultPlan, told};
use crate::plan::gate::{During, Gate};
use crate::plan::{Plan, ScenarioPlan};
use crate::record::{FaultRecord, Record, ScenarioRecord};

/// What makes an answer impossible.
pub(super) fn blocked(
    record: &Record,
    gate: &Gate,
    scenarios: &[&ScenarioRecord],
) -> Option<(Grade, String)> {
    if scenarios.is_empty() {
        let what = gate.scenario.as_ref().map_or_else(
            || "no scenario".to_owned(),
            |name| format!("scenario `{name}`"),
        );
        let verb = if gate.scenario.is_some() {
            "never ran"
        } else {
            "ran"
        };
        return Some((
            Grade::Inconclusive,
            format!("{what} {verb}, so there is nothing to judge"),
        ));
    }
    let needed: Vec<&str> = match (&gate.expect.subject, &gate.during) {
        (
            GateSubject::OfFault {
                fault: Some(fault), ..
            }
            | GateSubject::Headroom { fault, .. },
            _,
        )
        | (_, During::Fault(fault) | During::Recovery(fault) | During::After(fault)) => {
            vec![fault]
        }
        (GateSubject::OfFault { fault: None, .. }, _) => {
            planned_faults(record, scenarios, &|_, _| true)
        }
        (GateSubject::OfLink { link, .. }, _) => {
            planned_faults(record, scenarios, &|plan, fault| {
                let mut struck = inference::struck_by(plan, &fault.on);
                struck.any(|one| link.as_ref().is_none_or(|link| one.name.as_str() == link))
            })
        }
        _ => Vec::new(),
    };
    let trouble = |fault: &&str| {
        let mut turns = faults(record, scenarios)
            .filter(|(_, f)| f.name == *fault)
            .peekable();
        if turns.peek().is_none() {
            let reason = match fires(record, scenarios, fault) {
                Some(when) => format!(
                    "fault `{fault}` never struck: `{when}` did not come about while the load ran"
                ),
                None => format!("fault `{fault}` was never armed"),
            };
            return Some((Grade::Inconclusive, reason));
        }
        turns
            .filter_map(|(_, turn)| fault_trouble(turn))
            .max_by_key(|(grade, _)| *grade)
    };
    needed
        .iter()
        .filter_map(trouble)
        .max_by_key(|(grade, _)| *grade)
}

/// What would have fired a fault that did not strike.
fn fires<'r>(
    record: &'r Record,
    scenarios: &[&ScenarioRecord],
    fault: &str,
) -> Option<&'r GateExpr> {
    let plan = record.run.as_ref().map(|run| &run.plan)?;
    let mine = |s: &&ScenarioPlan| scenarios.iter().any(|played| played.name == s.name);
    let mut faults = plan.scenarios.iter().filter(mine).flat_map(|s| &s.faults);
    faults.find(|f| f.name == fault)?.when.as_ref()
}

fn fault_trouble(fault: &FaultRecord) -> Option<(Grade, String)> {
    let name = told(&fault.name, fault.turn);
    match (&fault.failed, fault.effective_us, fault.lifted_us) {
        (Some(why), _, _) => Some((Grade::Invalid, format!("{name} failed: {why}"))),
        (None, None, Some(_)) => Some((
            Grade::Invalid,
            format!("{name} never took effect: nothing crossed its link while it was armed"),
        )),
        (None, None, None) => Some((Grade::Inconclusive, format!("{name} has not taken effect"))),
        (None, Some(_), _) => None,
    }
}

fn planned_faults<'r>(
    record: &'r Record,
    scenarios: &[&ScenarioRecord],
    asked: &dyn Fn(&Plan, &FaultPlan) -> bool,
) -> Vec<&'r str> {
    let Some(plan) = record.run.as_ref().map(|run| &run.plan) else {
        return Vec::new();
    };
    let planned = plan.scenarios.iter();
    let planned = planned.filter(|p| scenarios.iter().any(|s| s.name == p.name));
    let faults = planned.flat_map(|p| &p.faults);
    let faults = faults.filter(|fault| asked(plan, fault));
    faults.map(|f| f.name.as_str()).collect()
}

/// The faults that were armed in some scenarios, with their scenario.
pub(super) fn faults<'r>(
    record: &'r Record,
    scenarios: &[&'r ScenarioRecord],
) -> impl Iterator<Item = (&'r ScenarioRecord, &'r FaultRecord)> {
    let of = |s: &'r ScenarioRecord| {
        record
            .faults
            .iter()
            .filter(move |f| f.scenario.as_ref() == Some(&s.name))
            .map(move |f| (s, f))
    };
    scenarios
        .iter()
        .flat_map(move |s| of(s))
        .collect::<Vec<_>>()
        .into_iter()
}
