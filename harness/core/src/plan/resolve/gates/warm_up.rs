//! Gates that would look at nothing but the warm-up, which is judged by none.

use crate::diagnostic::Place;
use crate::plan::ScenarioPlan;
use crate::plan::gate::During;
use crate::plan::resolve::findings::Findings;
use crate::units::format_duration;

/// Notes that a phase of a fault has nothing that is judged: it lies in the warm-up, or outside the load.
pub(super) fn leaves_something(
    during: &During,
    scenario: &ScenarioPlan,
    place: Place,
    found: &mut Findings,
) {
    let Some(fault) = during.fault() else {
        return;
    };
    // When one begins that something fires, nobody knows.
    let timed = scenario.faults.iter().filter(|plan| plan.when.is_none());
    let turns = || timed.clone().filter(|plan| plan.name == fault);
    let begins = turns().map(|plan| plan.at).min();
    let lifted = turns().map(|plan| plan.at + plan.lasts).max();
    let (Some(begins), Some(lifted)) = (begins, lifted) else {
        return;
    };
    let settled = lifted + scenario.settle;
    let (warm_up, load) = (scenario.load.warm_up, scenario.load.duration());
    let (end, what) = match during {
        During::Before(_) => (begins, "begins"),
        During::Recovery(_) => (settled, "has settled"),
        During::After(_) => (load, "is settled"),
        _ => (lifted, "is over"),
    };
    if matches!(during, During::After(_)) && settled >= load && !load.is_zero() {
        let message = format!(
            "`{fault}` has settled at {}, and the load ends at {}: there is nothing to judge",
            format_duration(settled),
            format_duration(load)
        );
        let hint = "load for longer, or give the scenario a shorter `settle`";
        found.error_with(place, message, hint);
    } else if end.is_zero() {
        let message =
            format!("`{fault}` begins with the load: there is nothing to judge before it");
        found.error_with(place, message, "begin the fault later");
    } else if end <= warm_up {
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
    let mut asked = scenario.faults.iter().filter(|plan| plan.when.is_none());
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
