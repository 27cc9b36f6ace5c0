//! Suite and choice → plan: everything resolved and frozen, or everything that is wrong with it at once. The whole
//! suite is checked whatever is chosen; what stands only against the mode chosen is told of what runs.

mod contracts;
mod control;
mod entry;
mod fault;
mod findings;
mod gates;
mod image;
mod invariants;
mod journeys;
mod links;
mod load;
mod modes;
mod order;
mod passes;
mod presets;
mod probes;
mod proxy;
mod queries;
mod reach;
mod readiness;
mod regression;
mod request;
mod section;
mod select;
mod service;
mod target;
mod texts;
mod think;
mod tls;
mod typed;
mod world;

use super::target::Mode;
use super::{Plan, ScenarioPlan};
use crate::diagnostic::{Diagnostic, Severity};
use crate::journey::{self, Journey};
use crate::name::Name;
use crate::plan::draft::Draft;
use crate::suite::raw::ScenarioFile;
use crate::suite::{Suite, stem};
use findings::Findings;
use journeys::Resolved;
use load::{Against, Probes};
use presets::Presets;
use select::Selection;
use std::sync::Arc;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(10);

/// What to run of a suite, and how. The default is what `harness run` does without flags.
#[derive(Debug, Clone, Default)]
pub struct Choice {
    /// Scenarios by name, in this order; empty for what the profile and the tags take.
    pub scenarios: Vec<String>,
    /// The profile; `None` for the one called `default`, if there is one.
    pub profile: Option<String>,
    /// The target's mode; `None` for the suite's.
    pub target: Option<Mode>,
    /// The variant; `None` or `default` for the suite without one.
    pub variant: Option<String>,
    /// A tag expression instead of the profile's.
    pub tags: Option<String>,
    /// The seed instead of the profile's.
    pub seed: Option<u64>,
}

/// Factors on a load.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    duration: f64,
    rate: f64,
}

/// Resolves and freezes: the plan with its warnings, or all errors (and warnings) at once.
pub fn plan(suite: &Suite, choice: &Choice) -> Result<(Plan, Vec<Diagnostic>), Vec<Diagnostic>> {
    let mut found = Findings::default();
    let selection = select::resolve(suite, choice, &mut found);
    let plan = assemble(suite, choice, selection, &mut found);
    crate::suite::in_order(&mut found.out);
    let fatal = found
        .out
        .iter()
        .any(|finding| finding.severity == Severity::Error);
    if fatal {
        Err(found.out)
    } else {
        Ok((plan, found.out))
    }
}

fn assemble(suite: &Suite, choice: &Choice, selection: Selection, found: &mut Findings) -> Plan {
    let doc = &suite.config;
    let variant = selection.variant.as_ref().map(Name::as_str);
    let (mut target, world) = target::resolve(doc, choice.target, variant, found);
    target.tls = tls::resolve(suite, found);
    let secrets = contracts::secrets(doc, found);
    let defaults = defaults(suite, &world, found);
    let (drafts, broken) = drafts(suite, found);
    let presets = presets::all(suite);
    let (resolved, broken) = journeys::resolve(&drafts, broken, &presets, &defaults, &world, found);
    let queries = queries::all(doc, &defaults, &world, found);
    let all: Vec<Arc<Journey>> = resolved.iter().map(|r| Arc::clone(&r.journey)).collect();
    let probes = probes::resolve(doc, &world, found);
    let against = Against {
        world: &world,
        probes: Probes {
            planned: &probes,
            typed: &doc.raw.probe.keys().collect::<Vec<_>>(),
        },
        journeys: &all,
        broken: &broken,
        queries: &queries,
        presets: &presets,
        scale: selection.scale,
        seed: selection.seed,
    };
    let mut scenarios: Vec<ScenarioPlan> = suite
        .scenarios
        .iter()
        .filter_map(|doc| load::resolve(doc, &against, found))
        .collect();
    let gates = gates::of_suite(doc, &scenarios, &against, found);
    if doc.raw.gate.is_empty() {
        unjudged(suite, &scenarios, found);
    }
    invariants::of_suite(doc, &mut scenarios, &against, found);
    let contracts = contracts::contracts(suite, &world, found);
    let readiness = readiness::resolve(suite, &scenarios, &gates, found);
    let regression = regression::resolve(suite, found);

    let walks = walks(&resolved, &presets, &selection);
    let scenarios = chosen(scenarios, &selection);
    let (scenarios, left_out) = modes::fitting(suite, scenarios, (choice, world.mode), found);
    for scenario in &scenarios {
        if let Some(doc) = suite
            .scenarios
            .iter()
            .find(|doc| stem(&doc.source.name) == scenario.name.as_str())
        {
            let against = (all.as_slice(), target.socket.is_some());
            load::mode_errors(doc, scenario, &world, against, found);
        }
    }
    let needed = |journey: &Journey| {
        walks.contains(&journey.name)
            || scenarios.iter().any(|s| {
                s.load.mix.iter().any(|entry| entry.journey == journey.name)
                    || invariants::walks(s, &journey.name)
            })
    };
    let mut journeys = Vec::new();
    for resolved in resolved.into_iter().filter(|r| needed(&r.journey)) {
        found.out.extend(resolved.mode_errors);
        journeys.push(resolved.journey);
    }
    links::watch(doc, &mut target.links, &scenarios, &journeys);
    let scenarios = control::with(scenarios, &suite.scenarios, found);
    let queries = queries::needed(queries, &scenarios, found);
    let http = doc.raw.http.as_ref();
    let plan = Plan {
        project: suite.project().to_owned(),
        profile: selection.profile,
        variant: selection.variant,
        seed: selection.seed,
        traceparent: http.and_then(|http| http.traceparent).unwrap_or(true),
        target,
        secrets,
        journeys,
        walks,
        contracts,
        scenarios,
        left_out,
        probes,
        queries,
        gates,
        matrix: None,
        readiness,
        regression,
        plan_digest: String::new(),
        workload_digest: String::new(),
    };
    plan.digested()
}

/// Warns of loads that nothing judges, in a suite without gates of its own: they can't fail, whatever the target does.
fn unjudged(suite: &Suite, scenarios: &[ScenarioPlan], found: &mut Findings) {
    let conditions = |raw: &ScenarioFile| raw.steady.is_some() || !raw.stop.is_empty();
    let bare = suite.scenarios.iter().filter(|doc| doc.raw.gate.is_empty());
    for doc in bare.filter(|doc| !conditions(&doc.raw)) {
        let sound = scenarios
            .iter()
            .any(|scenario| stem(&doc.source.name) == scenario.name.as_str());
        // A search is asked for its answer.
        if let Some(load) = &doc.raw.load
            && sound
            && load.value.find.is_none()
        {
            found.warning(
                doc.place(&load.span),
                "nothing judges this load: it has no gate, and neither has harness.toml",
                "add one, such as `[[gate]]` with `expect = \"error_rate < 1%\"`",
            );
        }
    }
}

fn defaults(suite: &Suite, world: &world::World, found: &mut Findings) -> request::Defaults {
    let doc = &suite.config;
    let http = doc.raw.http.clone().unwrap_or_default();
    request::Defaults {
        headers: contracts::headers(doc, &http.headers, world, found),
        timeout: http
            .timeout
            .as_ref()
            .and_then(|text| found.positive(doc, text))
            .unwrap_or(TIMEOUT),
        redirects: http.redirects.unwrap_or(0),
    }
}

/// Journeys as typed, from TOML and from Gherkin; and the names of those with errors.
fn drafts(suite: &Suite, found: &mut Findings) -> (Vec<Draft>, Vec<String>) {
    let mut broken: Vec<String> = suite.unread.iter().cloned().collect();
    let mut drafts = Vec::new();
    for doc in &suite.journeys {
        let errors = found.out.len();
        let draft = typed::draft(doc, suite, found);
        if found.out.len() > errors || draft.is_none() {
            broken.push(stem(&doc.source.name).to_owned());
        }
        drafts.extend(draft);
    }
    for source in &suite.features {
        let (more, findings) = journey::gherkin::translate(source);
        found.out.extend(findings);
        drafts.extend(more);
    }
    (drafts, broken)
}

/// The journeys walked as tests: all that the tags take, by name, but those that only a gate can walk.
fn walks(resolved: &[Resolved], presets: &Presets, selection: &Selection) -> Vec<Name> {
    let taken = |journey: &Journey| {
        presets.lacking(journey).is_none()
            && selection
                .tags
                .as_ref()
                .is_none_or(|tags| tags.takes(&journey.tags))
    };
    resolved
        .iter()
        .filter(|r| taken(&r.journey))
        .map(|r| r.journey.name.clone())
        .collect()
}

/// The scenarios that run, in order.
fn chosen(mut all: Vec<ScenarioPlan>, selection: &Selection) -> Vec<ScenarioPlan> {
    match &selection.scenarios {
        None => {
            all.retain(|scenario| {
                selection
                    .tags
                    .as_ref()
                    .is_none_or(|tags| tags.takes(&scenario.tags))
            });
            all
        }
        Some(names) => {
            let mut ordered = Vec::new();
            for name in names {
                if let Some(index) = all
                    .iter()
                    .position(|scenario| scenario.name.as_str() == name)
                {
                    ordered.push(all.remove(index));
                }
            }
            ordered
        }
    }
}

#[cfg(test)]
mod tests;
