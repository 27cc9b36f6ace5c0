//! How many names a load has: each of its journeys and each of their requests has figures of its own in every second of
//! the record. Knows nothing of what the figures are.

use super::{Against, Doc};
use crate::journey::{Action, Journey};
use crate::plan::load::LoadPlan;
use crate::plan::resolve::findings::Findings;
use crate::suite::at::At;
use crate::suite::raw::Load;

/// More names than this are told: nobody reads so many rows, and each costs memory in every second.
const MANY: usize = 1000;
/// More names than this are refused.
const MOST: usize = 10_000;

/// Tells of a load with more names than anybody reads, and refuses one with more than a record should hold.
pub(super) fn bounded(
    doc: &Doc,
    raw: &At<Load>,
    plan: &LoadPlan,
    against: &Against<'_>,
    found: &mut Findings,
) {
    let in_mix = |journey: &&Journey| plan.mix.iter().any(|e| e.journey == journey.name);
    let journeys = against.journeys.iter().map(AsRef::as_ref);
    let counted: Vec<(&str, usize)> = journeys
        .filter(in_mix)
        .map(|journey| (journey.name.as_str(), of(journey)))
        .collect();
    let names: usize = counted.iter().map(|(_, names)| names).sum();
    if names <= MANY {
        return;
    }
    let load = &raw.value;
    let who = load.mix.as_ref().map(|mix| &mix.span);
    let who = who.or(load.rates.as_ref().map(|rates| &rates.span));
    let place = doc.place(who.unwrap_or(&raw.span));
    let most = counted.iter().max_by_key(|(_, names)| *names);
    let largest = most.map_or_else(String::new, |(journey, names)| {
        format!("; `{journey}` alone has {names}")
    });
    let hint = format!(
        "a journey and each of its requests is a name with figures of its own: let one step with data ask for what \
         differs only in a value, or load fewer journeys at once{largest}"
    );
    if names > MOST {
        let message = format!("{names} names are more than a load can have: at most {MOST}");
        found.error_with(place, message, hint);
    } else {
        let message = format!(
            "the load has {names} names: above {MANY}, reports get hard to read and records large"
        );
        found.warning(place, message, hint);
    }
}

/// The journey's own name and those of its requests.
fn of(journey: &Journey) -> usize {
    let asks = |action: &Action| matches!(action, Action::Request(_));
    1 + journey.steps.iter().filter(|s| asks(&s.action)).count()
}
