//! Scenarios: the load's stages and mix, with everything that makes them no load.

use super::findings::Findings;
use super::invariants::{self, Presets, Query};
use super::target::World;
use super::{Scale, fault, gates};
use crate::journey::{Action, Journey, Step};
use crate::name::Name;
use crate::plan::ScenarioPlan;
use crate::plan::fault::Site;
use crate::plan::load::{LoadPlan, MixEntry, Stage};
use crate::plan::probe::ProbePlan;
use crate::suite::at::{At, Named, Str};
use crate::suite::document::Document;
use crate::suite::raw::{Load, ScenarioFile};
use crate::suite::stem;
use crate::units::Rate;
use std::sync::Arc;
use std::time::Duration;

/// The highest rate of a load, journey starts per second.
pub(super) const MAX_RATE: f64 = 200_000.0;
/// The largest weight of a mix: sums of such weights stay exact enough.
const MAX_WEIGHT: f64 = 1e6;
const CONNECTIONS: u32 = 256;
const SAMPLE: f64 = 0.02;
const SETTLE: Duration = Duration::from_secs(10);

/// What scenarios are resolved against.
pub(super) struct Against<'a> {
    pub(super) world: &'a World,
    pub(super) journeys: &'a [Arc<Journey>],
    /// Journeys that exist but could not be resolved: naming one is no second error.
    pub(super) broken: &'a [String],
    /// The suite's queries.
    pub(super) queries: &'a [Query],
    /// Variables that gates set in the journeys they walk.
    pub(super) presets: &'a Presets,
    pub(super) scale: Scale,
    pub(super) probes: Probes<'a>,
}

/// The probes that gates may name.
#[derive(Clone, Copy)]
pub(super) struct Probes<'a> {
    /// Those that can be read.
    pub(super) planned: &'a [ProbePlan],
    /// All that were typed: one with an error of its own is there all the same.
    pub(super) typed: &'a [&'a str],
}

/// A scenario; `None` when there is nothing left of it to run, after noting why.
pub(super) fn resolve(
    doc: &Document<ScenarioFile>,
    against: &Against<'_>,
    found: &mut Findings,
) -> Option<ScenarioPlan> {
    let raw = &doc.raw;
    let name = stem(&doc.source.name).parse();
    let name = name.map_err(|error: crate::name::NameError| {
        found.error(
            doc.top(),
            format!("the file's name is the scenario's: {error}"),
        );
    });
    let load = raw
        .load
        .as_ref()
        .and_then(|raw| load(doc, raw, against, found));
    let length = load.as_ref().map(LoadPlan::duration);
    let faults = fault::resolve(doc, length, against.scale.duration, against.world, found);
    let settle = found.duration_or(doc, raw.settle.as_ref(), SETTLE);
    let mut scenario = ScenarioPlan {
        name: name.ok()?,
        title: raw
            .title
            .as_ref()
            .map_or_else(String::new, |title| title.value.clone()),
        tags: raw
            .tags
            .iter()
            .map(|tag| tag.value.trim_start_matches('@').to_owned())
            .collect(),
        origin: doc.origin(&(0..0)),
        fresh: raw.fresh.unwrap_or(false),
        load: load.unwrap_or(LoadPlan {
            stages: Vec::new(),
            mix: Vec::new(),
            connections: CONNECTIONS,
            sample: SAMPLE,
        }),
        faults,
        gates: Vec::new(),
        invariants: Vec::new(),
        settle,
    };
    scenario
        .load
        .stages
        .iter_mut()
        .for_each(|stage| *stage = scaled(*stage, against.scale));
    scenario.gates = gates::of_scenario(doc, &scenario, against, found);
    scenario.invariants = invariants::of_scenario(doc, &scenario, against, found);
    (!scenario.load.stages.is_empty()).then_some(scenario)
}

/// What is wrong with a scenario's faults in this mode: links of an external target carry no proxy.
pub(super) fn mode_errors(doc: &Document<ScenarioFile>, world: &World, found: &mut Findings) {
    for fault in &doc.raw.fault {
        let site = |text: &Str, site: fn(Name) -> Site| {
            Some((doc.at(text), site(text.value.parse().ok()?)))
        };
        let link = fault
            .value
            .link
            .as_ref()
            .and_then(|text| site(text, Site::Link));
        let service = fault
            .value
            .service
            .as_ref()
            .and_then(|text| site(text, Site::Service));
        let Some((place, site)) = link.or(service) else {
            continue;
        };
        if let Some(message) = world.out_of_reach(&site) {
            let hint = "run this scenario with `--target process`, or leave it out of this run";
            found.error_with(place, message, hint);
        }
    }
}

fn scaled(stage: Stage, scale: Scale) -> Stage {
    let rate =
        |rate: Rate| Rate::per_second((rate.get() * scale.rate).min(MAX_RATE)).unwrap_or(rate);
    Stage {
        from: rate(stage.from),
        to: rate(stage.to),
        lasts: stage.lasts.mul_f64(scale.duration),
    }
}

fn load(
    doc: &Document<ScenarioFile>,
    raw: &At<Load>,
    against: &Against<'_>,
    found: &mut Findings,
) -> Option<LoadPlan> {
    let stages = stages(doc, raw, found);
    let mix = raw
        .value
        .mix
        .as_ref()
        .map(|mix| self::mix(doc, mix, against, found))
        .unwrap_or_default();
    Some(LoadPlan {
        stages: stages?,
        mix,
        connections: raw.value.connections.unwrap_or(CONNECTIONS),
        sample: raw.value.sample.unwrap_or(SAMPLE),
    })
}

/// The stages, or the one stage that `rate` and `for` make; `None` after noting why there is none.
fn stages(
    doc: &Document<ScenarioFile>,
    raw: &At<Load>,
    found: &mut Findings,
) -> Option<Vec<Stage>> {
    const HINT: &str =
        "write `rate = \"500/s\"` and `for = \"60s\"`, or `stages = [{ rate = …, for = … }]`";
    let load = &raw.value;
    let short = load.rate.as_ref().or(load.lasts.as_ref());
    let whole =
        load.rate.is_some() == load.lasts.is_some() && (short.is_some() || !load.stages.is_empty());
    if doc.incomplete && !whole {
        return None;
    }
    let stages: Vec<Stage> = match (short, load.stages.as_slice()) {
        (Some(one), [_, ..]) => {
            found.error_with(
                doc.at(one),
                "a load has either `stages`, or `rate` and `for`",
                HINT,
            );
            return None;
        }
        (None, []) => {
            found.error_with(
                doc.place(&raw.span),
                "the load does not say how much and how long",
                HINT,
            );
            return None;
        }
        (Some(one), []) => {
            let (Some(rate), Some(lasts)) = (&load.rate, &load.lasts) else {
                let missing = if load.rate.is_none() { "rate" } else { "for" };
                found.error_with(
                    doc.at(one),
                    format!("missing key `{missing}` in `load`"),
                    HINT,
                );
                return None;
            };
            let (ramp, lasts) = (found.ramp(doc, rate), found.duration(doc, lasts));
            let (from, to) = ramp?;
            vec![Stage {
                from,
                to,
                lasts: lasts?,
            }]
        }
        (None, stages) => {
            let read: Vec<Option<Stage>> = stages
                .iter()
                .map(|stage| {
                    let ramp = stage
                        .value
                        .rate
                        .as_ref()
                        .and_then(|rate| found.ramp(doc, rate));
                    let lasts = stage
                        .value
                        .lasts
                        .as_ref()
                        .and_then(|lasts| found.positive(doc, lasts));
                    let (from, to) = ramp?;
                    Some(Stage {
                        from,
                        to,
                        lasts: lasts?,
                    })
                })
                .collect();
            read.into_iter().collect::<Option<_>>()?
        }
    };
    if stages.iter().all(|stage| stage.lasts.is_zero()) {
        found.error(
            doc.place(&raw.span),
            "the load is over before it begins: its length is zero",
        );
        return None;
    }
    if stages
        .iter()
        .all(|stage| stage.from.get() == 0.0 && stage.to.get() == 0.0)
    {
        found.error(
            doc.place(&raw.span),
            "the load never starts a journey: its rate is zero throughout",
        );
        return None;
    }
    Some(stages)
}

fn mix(
    doc: &Document<ScenarioFile>,
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
        let Some(journey) = against
            .journeys
            .iter()
            .find(|j| j.name.as_str() == key.value)
        else {
            if !against.broken.contains(&key.value) {
                let known = against.journeys.iter().map(|j| j.name.as_str());
                found.unknown(
                    doc.at(key),
                    "journey",
                    &key.value,
                    known.chain(against.broken.iter().map(String::as_str)),
                );
            }
            continue;
        };
        if let Some(step) = journey
            .steps
            .iter()
            .find(|step| matches!(step.action, Action::Command(_)))
        {
            let message = format!(
                "`{}` commands the run (step {:?}), which a load can't",
                key.value, step.name
            );
            found.error_with(
                doc.at(key),
                message,
                "under load, faults are the scenario's: write a [[fault]]",
            );
        }
        let copies = |step: &&Step| matches!(&step.action, Action::Request(request) if request.copies.is_some());
        if let Some(step) = journey.steps.iter().find(copies) {
            let message = format!(
                "`{}` sends copies of a request at once (step {:?}), which a load can't",
                key.value, step.name
            );
            found.error_with(
                doc.at(key),
                message,
                "a load sends many at once by itself: leave the journey to the functional run, or `copies` out of it",
            );
        }
        if let Some(variable) = against.presets.lacking(journey) {
            let message = format!(
                "nothing gives `{variable}` a value when `{}` arrives by itself",
                key.value
            );
            let hint = "only the gate that walks it does: set it in the journey's `variables` too";
            found.error_with(doc.at(key), message, hint);
        }
        mix.push(MixEntry {
            journey: journey.name.clone(),
            weight: weight.value,
        });
    }
    mix.sort_by(|a, b| a.journey.cmp(&b.journey));
    mix
}
