//! Who arrives: a mix by weights, and whether a journey can be walked under load at all.

use super::{Against, Doc};
use crate::journey::{Action, Step};
use crate::name::Name;
use crate::plan::load::MixEntry;
use crate::plan::resolve::findings::Findings;
use crate::suite::at::{At, Named, Str};
use crate::suite::raw::Load;
use std::collections::BTreeSet;

/// The largest weight of a mix: sums of such weights stay exact enough.
const MAX_WEIGHT: f64 = 1e6;

/// Every journey that a load names, right or wrong, each once.
pub(in crate::plan::resolve) fn typed(load: &Load) -> BTreeSet<&str> {
    let mix = load.mix.iter().flat_map(|mix| mix.value.keys());
    let stages = load.stages.iter().map(|stage| &stage.value.rates);
    let rates = stages.chain([&load.rates]).flatten();
    mix.chain(rates.flat_map(|rates| rates.value.keys()))
        .collect()
}

/// The journeys of `mix` with their weights; none where the rates say who arrives.
pub(super) fn weighed(
    doc: &Doc,
    raw: &At<Load>,
    against: &Against<'_>,
    found: &mut Findings,
) -> Vec<MixEntry> {
    let load = &raw.value;
    let mut rates = load.stages.iter().map(|stage| &stage.value.rates);
    let by_rates = load.rates.is_some() || rates.any(Option::is_some);
    match (&load.mix, by_rates) {
        (None, true) => Vec::new(),
        (None, false) => {
            if !doc.incomplete {
                found.error_with(
                    doc.place(&raw.span),
                    "missing key `mix` in `load`",
                    "name journeys with their weights: `mix = { browse = 8, checkout = 2 }`",
                );
            }
            Vec::new()
        }
        (Some(mix), true) => {
            found.error_with(
                doc.at(mix),
                "`rates` say how often each journey arrives: a mix can only say otherwise",
                "leave `mix` out, or give one `rate` for all",
            );
            Vec::new()
        }
        (Some(mix), false) => self::mix(doc, mix, against, found),
    }
}

fn mix(
    doc: &Doc,
    raw: &At<Named<f64>>,
    against: &Against<'_>,
    found: &mut Findings,
) -> Vec<MixEntry> {
    if raw.value.0.is_empty() && !doc.incomplete {
        found.error_with(
            doc.at(raw),
            "the mix is empty: no journey arrives",
            "name journeys with their weights: `mix = { browse = 8, checkout = 2 }`",
        );
    }
    let mut mix = Vec::new();
    for (key, weight) in raw.value.iter() {
        if !(weight.value > 0.0 && weight.value <= MAX_WEIGHT) {
            let (limit, hint) = if weight.value > 0.0 {
                (
                    "at most a million",
                    "only the weights' proportion counts: `8` and `2` say the same as `0.8` and `0.2`",
                )
            } else {
                ("above zero", "leave a journey out that must not arrive")
            };
            let message = format!("a weight must be {limit}, this is {:?}", weight.value);
            found.error_with(doc.at(weight), message, hint);
            continue;
        }
        if let Some(journey) = arrives(doc, key, against, found) {
            mix.push(MixEntry {
                journey,
                weight: weight.value,
            });
        }
    }
    mix.sort_by(|a, b| a.journey.cmp(&b.journey));
    mix
}

/// A journey that arrives under load; `None` when there is none of that name. Notes what it does that a load can't.
pub(super) fn arrives(
    doc: &Doc,
    key: &Str,
    against: &Against<'_>,
    found: &mut Findings,
) -> Option<Name> {
    let mut journeys = against.journeys.iter();
    let Some(journey) = journeys.find(|j| j.name.as_str() == key.value) else {
        if !against.broken.contains(&key.value) {
            let known = against.journeys.iter().map(|j| j.name.as_str());
            found.unknown(
                doc.at(key),
                "journey",
                &key.value,
                known.chain(against.broken.iter().map(String::as_str)),
            );
        }
        return None;
    };
    let mut can_not = |does: &dyn Fn(&Step) -> bool, what: &str, hint: &str| {
        if let Some(step) = journey.steps.iter().find(|step| does(step)) {
            let message = format!(
                "`{}` {what} (step {:?}), which a load can't",
                key.value, step.name
            );
            found.error_with(doc.at(key), message, hint);
        }
    };
    can_not(
        &|step| matches!(step.action, Action::Command(_)),
        "commands the run",
        "under load, faults are the scenario's: write a [[fault]]",
    );
    can_not(
        &|step| matches!(&step.action, Action::Request(request) if request.copies.is_some()),
        "sends copies of a request at once",
        "a load sends many at once by itself: leave the journey to the functional run, or `copies` out of it",
    );
    if let Some(variable) = against.presets.lacking(journey) {
        let message = format!(
            "nothing gives `{variable}` a value when `{}` arrives by itself",
            key.value
        );
        let hint = "only the gate that walks it does: set it in the journey's `variables` too";
        found.error_with(doc.at(key), message, hint);
    }
    Some(journey.name.clone())
}
