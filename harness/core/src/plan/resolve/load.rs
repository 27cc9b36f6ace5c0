//! Scenarios: a load of either model with its faults, gates and invariants, and everything that makes it no load.

mod abort;
mod closed;
mod goose;
mod http;
mod mix;
mod names;
mod open;
mod presets;
mod scale;
mod search;
mod shape;

pub(super) use mix::typed as journeys_typed;

use super::fault::Timeline;
use super::findings::Findings;
use super::invariants;
use super::presets::Presets;
use super::queries::Query;
use super::world::World;
use super::{Scale, fault, gates, think};
use crate::data::Pick;
use crate::journey::Journey;
use crate::name::Name;
use crate::plan::ScenarioPlan;
use crate::plan::fault::Site;
use crate::plan::load::{HttpPlan, LoadPlan, Model, OpenPlan};
use crate::plan::probe::ProbePlan;
use crate::suite::at::{At, Str};
use crate::suite::document::Document;
use crate::suite::raw::{self, Load, ScenarioFile};
use crate::suite::stem;
use crate::units::format_duration;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// The highest rate of a load, journey starts per second.
pub(super) const MAX_RATE: f64 = 200_000.0;
/// The most users of a closed model: each is a task with a walk of its own.
const MAX_USERS: u32 = 100_000;
/// Stages of a load at most; each begins an epoch, and a record holds so many.
const MAX_STAGES: usize = 1000;
const SAMPLE: f64 = 0.02;
const SETTLE: Duration = Duration::from_secs(10);

type Doc = Document<ScenarioFile>;

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
    /// Decides what the plan itself draws.
    pub(super) seed: u64,
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
    let around = fault::Around {
        scenario: stem(&doc.source.name),
        load: load.as_ref().map(|(timeline, _)| timeline),
        scale: against.scale.duration,
        seed: against.seed,
        world: against.world,
    };
    let faults = fault::resolve(doc, &around, found);
    let settle = found.duration_or(doc, raw.settle.as_ref(), SETTLE);
    let mut scenario = ScenarioPlan {
        name: name.ok()?,
        title: super::texts::title(raw.title.as_ref()),
        tags: super::texts::tags(&raw.tags),
        origin: doc.origin(&(0..0)),
        fresh: raw.fresh.unwrap_or(false),
        control_of: None,
        load: load.map_or_else(nothing, |(_, load)| load),
        faults,
        detected: BTreeMap::new(),
        gates: Vec::new(),
        invariants: Vec::new(),
        settle,
    };
    (scenario.gates, scenario.detected) = gates::of_scenario(doc, &scenario, against, found);
    scenario.gates.extend(abort::gate(doc, &scenario, found));
    scenario.invariants = invariants::of_scenario(doc, &scenario, against, found);
    (!scenario.load.duration().is_zero()).then_some(scenario)
}

/// What is wrong with a scenario in this mode: links of an external target carry no proxy, and Goose reaches no `socket`.
pub(super) fn mode_errors(
    doc: &Document<ScenarioFile>,
    scenario: &ScenarioPlan,
    world: &World,
    (journeys, socket): (&[Arc<Journey>], bool),
    found: &mut Findings,
) {
    goose::reaches(doc, scenario, journeys, socket, found);
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
        let name = fault.value.name.as_ref().map(|name| name.value.as_str());
        let planned = scenario
            .faults
            .iter()
            .find(|f| Some(f.name.as_str()) == name);
        let kind = planned.map(|planned| &planned.kind);
        if let Some((message, hint)) = world.out_of_reach(&site, kind) {
            found.error_with(place, message, hint);
        }
    }
}

/// What stands in for a load with errors, so that the rest of its scenario is still checked.
fn nothing() -> LoadPlan {
    LoadPlan {
        model: Model::Open(OpenPlan::of(Vec::new())),
        mix: Vec::new(),
        http: HttpPlan::default(),
        sample: SAMPLE,
        warm_up: Duration::ZERO,
        think: None,
    }
}

/// Notes what can't stand beside a search.
fn unfit(doc: &Doc, find: &Str, closed: bool, found: &mut Findings) {
    if closed {
        let message = "a search looks for a rate, and in a closed model the target decides it";
        found.error_with(doc.at(find), message, "leave `model = \"closed\"` out");
    }
    if let Some(fault) = doc.raw.fault.first() {
        let message = "a search looks for what the target carries when nothing is broken";
        let hint = "break it in a scenario of its own, at a rate that the search has found";
        found.error_with(doc.place(&fault.span), message, hint);
    }
}

/// Tells of journeys that give each user rows of its own, and have fewer rows than there are users.
fn rows_for_all(
    doc: &Doc,
    raw: &At<Load>,
    plan: &LoadPlan,
    against: &Against<'_>,
    found: &mut Findings,
) {
    let (Model::Closed(_), Some(users)) = (&plan.model, plan.users()) else {
        return;
    };
    let mixed = plan.mix.iter().filter_map(|entry| {
        let known = against.journeys.iter();
        known.clone().find(|journey| journey.name == entry.journey)
    });
    for journey in mixed.filter(|journey| journey.feed.pick == Pick::Shared) {
        let rows = journey.rows.len();
        if (1..users as usize).contains(&rows) {
            let message = format!(
                "journey {} shares {rows} rows out over {users} users: some get none",
                journey.name
            );
            let mix = raw.value.mix.as_ref().map_or(&raw.span, |mix| &mix.span);
            let hint = "give its data a row for each user, or take another `pick`";
            found.error_with(doc.place(mix), message, hint);
        }
    }
}

/// What faults are timed against, as typed, and the load as scaled.
fn load(
    doc: &Doc,
    raw: &At<Load>,
    against: &Against<'_>,
    found: &mut Findings,
) -> Option<(Timeline, LoadPlan)> {
    let load = &raw.value;
    let closed = load
        .model
        .as_ref()
        .is_some_and(|model| model.value == raw::Model::Closed);
    let weighed = mix::weighed(doc, raw, against, found);
    let (model, mix) = if let Some(find) = &load.find {
        let search = search::resolve(doc, raw, find, found);
        unfit(doc, find, closed, found);
        (search.map(Model::Search), weighed)
    } else if search::stray(doc, load, found) {
        (None, weighed)
    } else if closed {
        (closed::resolve(doc, raw, found).map(Model::Closed), weighed)
    } else {
        match open::resolve(doc, raw, against, found) {
            Some((open, own)) => (Some(Model::Open(open)), own.unwrap_or(weighed)),
            None => (None, weighed),
        }
    };
    let think = load.think.as_ref();
    let think = think.and_then(|think| think::resolve(doc, think, found));
    let warm_up = found.duration_or(doc, load.warm_up.as_ref(), Duration::ZERO);
    let mut plan = LoadPlan {
        mix,
        sample: load.sample.unwrap_or(SAMPLE),
        warm_up,
        think,
        model: match model {
            Some(model) => model,
            None => {
                http::resolve(doc, load, None, found);
                return None;
            }
        },
        ..nothing()
    };
    let (length, timeline) = (plan.duration(), Timeline::of(&plan));
    scale::apply(&mut plan, against.scale);
    plan.http = http::resolve(doc, load, plan.users(), found);
    rows_for_all(doc, raw, &plan, against, found);
    goose::fits(doc, raw, &plan, against, found);
    names::bounded(doc, raw, &plan, against, found);
    if let Some(text) = load.warm_up.as_ref().filter(|_| warm_up >= length) {
        let message = format!(
            "the load lasts {} and all of it would be warm-up: nothing is left to judge",
            format_duration(length)
        );
        let hint = "write a longer load, or a shorter `warm_up`";
        found.error_with(doc.at(text), message, hint);
        return None;
    }
    Some((timeline, plan))
}
