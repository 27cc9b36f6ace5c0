//! What a load on Goose can't have, told where it was typed. The worker process refuses the same things when it is launched
//! (`harness-drive`), for plans whose addresses are known no sooner.

use super::{Against, Doc};
use crate::data::Rows;
use crate::diagnostic::Place;
use crate::journey::{Action, Journey};
use crate::name::Name;
use crate::plan::ScenarioPlan;
use crate::plan::load::{Engine, LoadPlan, Model};
use crate::plan::resolve::findings::Findings;
use crate::suite::at::At;
use crate::suite::raw::Load;
use std::ops::Range;
use std::sync::Arc;

const NATIVE: &str = "`engine = \"native\"`, the default,";

/// Notes what Goose can't do whatever the target is: numbers of users that change, rules for connections, data that is read
/// while it plays.
pub(super) fn fits(
    doc: &Doc,
    raw: &At<Load>,
    plan: &LoadPlan,
    against: &Against<'_>,
    found: &mut Findings,
) {
    if !on_goose(plan) {
        return;
    }
    let load = &raw.value;
    if let Some(span) = changing(raw, plan) {
        let message = "Goose has as many users from begin to end";
        let hint = format!("write one number, `users = 50`; {NATIVE} has ramps and stages");
        found.error_with(doc.place(span), message, hint);
    }
    for (key, span) in rules(load) {
        let message = format!(
            "`{key}` says nothing to Goose: each of its users has a client of its own, with no rules for connections"
        );
        let hint = format!("leave it out; {NATIVE} keeps such rules");
        found.error_with(doc.place(span), message, hint);
    }
    for journey in mixed(plan, against.journeys) {
        if let Rows::Streamed(data) = &journey.rows {
            let message = format!(
                "journey {} reads {}, which is too large to be sent to Goose's process",
                journey.name, data.file
            );
            let hint = format!("give it a smaller file; {NATIVE} reads one of any size");
            found.error_with(of_journey(doc, raw, &journey.name), message, hint);
        }
    }
}

/// Notes targets that Goose can't reach, for a scenario that runs.
pub(super) fn reaches(
    doc: &Doc,
    scenario: &ScenarioPlan,
    journeys: &[Arc<Journey>],
    socket: bool,
    found: &mut Findings,
) {
    let Some(raw) = doc.raw.load.as_ref().filter(|_| on_goose(&scenario.load)) else {
        return;
    };
    if socket {
        let engine = raw.value.engine.as_ref();
        let place = doc.place(engine.map_or(&raw.span, |engine| &engine.span));
        let message = "Goose reaches no target through a Unix socket";
        found.error_with(place, message, format!("{NATIVE} does"));
    }
    for journey in mixed(&scenario.load, journeys) {
        let secure = journey.steps.iter().any(|step| match &step.action {
            Action::Request(request) => request.url.to_plain().starts_with("https:"),
            _ => false,
        });
        if secure {
            let message = format!(
                "journey {} goes over https, and Goose does not know the suite's certificates",
                journey.name
            );
            let hint = format!("{NATIVE} does");
            found.error_with(of_journey(doc, raw, &journey.name), message, hint);
        }
    }
}

fn on_goose(plan: &LoadPlan) -> bool {
    matches!(&plan.model, Model::Closed(closed) if closed.engine == Engine::Goose)
}

/// Where it was typed that the number of users changes.
fn changing<'r>(raw: &'r At<Load>, plan: &LoadPlan) -> Option<&'r Range<usize>> {
    let Model::Closed(closed) = &plan.model else {
        return None;
    };
    let most = plan.users().unwrap_or_default();
    let mut stages = closed.users.iter();
    let first = stages.position(|stage| (stage.from, stage.to) != (most, most))?;
    let load = &raw.value;
    let stage = load.stages.get(first).map(|stage| {
        let users = stage.value.users.as_ref();
        users.map_or(&stage.span, |users| &users.span)
    });
    let others = [
        stage,
        load.steps.as_ref().map(|steps| &steps.span),
        load.preset.as_ref().map(|preset| &preset.span),
        load.users.as_ref().map(|users| &users.span),
    ];
    Some(others.into_iter().flatten().next().unwrap_or(&raw.span))
}

/// The rules for connections that were typed.
fn rules(load: &Load) -> impl Iterator<Item = (&'static str, &Range<usize>)> {
    let http = load.http.as_ref();
    let rules = http.map(|http| &http.value);
    let above = load.connections.as_ref().map(|at| &at.span);
    let keys = [
        ("connections", above),
        (
            "connections",
            rules.and_then(|http| Some(&http.connections.as_ref()?.span)),
        ),
        (
            "reuse",
            rules.and_then(|http| Some(&http.reuse.as_ref()?.span)),
        ),
        (
            "version",
            rules.and_then(|http| Some(&http.version.as_ref()?.span)),
        ),
        (
            "streams",
            rules.and_then(|http| Some(&http.streams.as_ref()?.span)),
        ),
        (
            "lookup",
            rules.and_then(|http| Some(&http.lookup.as_ref()?.span)),
        ),
        (
            "resumption",
            http.and_then(|http| http.value.resumption.map(|_| &http.span)),
        ),
    ];
    keys.into_iter()
        .filter_map(|(key, span)| Some((key, span?)))
}

fn mixed<'j>(
    plan: &'j LoadPlan,
    journeys: &'j [Arc<Journey>],
) -> impl Iterator<Item = &'j Journey> {
    let journeys = journeys.iter().map(AsRef::as_ref);
    journeys.filter(|journey| plan.mix.iter().any(|entry| entry.journey == journey.name))
}

/// Where a journey was put into the mix.
fn of_journey(doc: &Doc, raw: &At<Load>, journey: &Name) -> Place {
    let mix = raw.value.mix.as_ref();
    let entry = mix.and_then(|mix| {
        let mut entries = mix.value.iter();
        entries.find(|(key, _)| key.value == journey.as_str())
    });
    doc.place(entry.map_or(&raw.span, |(key, _)| &key.span))
}
