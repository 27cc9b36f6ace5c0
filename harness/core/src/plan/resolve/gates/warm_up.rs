//! Gates that would look at nothing but the warm-up, which is judged by none.

use crate::diagnostic::Place;
use crate::plan::ScenarioPlan;
use crate::plan::gate::During;
use crate::plan::resolve::findings::Findings;
use crate::units::format_duration;

/// Notes that a part of a fault is over before anything is judged.
pub(super) fn is_over_before(
    during: &During,
    fault: &str,
    scenario: &ScenarioPlan,
    place: Place,
    found: &mut Findings,
) {
    let Some(plan) = scenario.faults.iter().find(|plan| plan.name == fault) else {
        return;
    };
    let lifted = plan.at + plan.lasts;
    let (end, what) = match during {
        During::Recovery(_) => (lifted + scenario.settle, "has settled"),
        _ => (lifted, "is over"),
    };
    let warm_up = scenario.load.warm_up;
    if end <= warm_up {
        let (end, warm_up) = (format_duration(end), format_duration(warm_up));
        let message = format!(
            "`{fault}` {what} at {end}, within the warm-up of {warm_up}: there is nothing to judge"
        );
        found.error_with(
            place,
            message,
            "begin the fault later, or warm up for less long",
        );
    }
}

/// Notes that nothing judged lies before a fault, so that nobody can say what the target recovers to. `None` for every
/// fault.
pub(super) fn comes_before(
    fault: Option<&str>,
    scenario: &ScenarioPlan,
    place: Place,
    found: &mut Findings,
) {
    let warm_up = scenario.load.warm_up;
    let mut asked = scenario.faults.iter();
    let early = asked
        .find(|plan| fault.is_none_or(|name| plan.name == name) && plan.at <= warm_up)
        .filter(|_| !warm_up.is_zero());
    if let Some(plan) = early {
        let (at, warm_up) = (format_duration(plan.at), format_duration(warm_up));
        let message = format!(
            "`{}` begins at {at}, within the warm-up of {warm_up}: nothing tells what was usual before it",
            plan.name
        );
        let hint = "recovery is measured against the 30 s before a fault: begin it later, or warm up for less long";
        found.error_with(place, message, hint);
    }
}
