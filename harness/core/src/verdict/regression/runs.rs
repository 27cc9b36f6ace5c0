//! Whole runs held against whole runs: scenario by scenario, and one answer. What decides are the percentiles that the
//! candidate's key gates ask for; where none asks for any, those of all journeys together.

use super::fit::{NEVER_QUIET, never_quiet, searches};
use super::{
    ALL, Against, Calibration, Class, Comparison, Curves, Decide, Inputs, Key, Sample, Settings,
    compare, curves, fitting,
};
use crate::expr::gate::{GateSubject, Stat};
use crate::name::{Name, RunId};
use crate::plan::Plan;
use crate::plan::gate::{self, During, Gate};
use crate::record::Record;
use crate::units::Quantile;
use crate::verdict::Grade;
use serde::Serialize;
use std::collections::BTreeSet;

/// Runs of one build held against runs of another.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Runs {
    /// The worst of what decides: *fail* is regressed, *pass* is nothing regressed and nothing left open.
    pub grade: Grade,
    /// What made it so, the worst first; empty for a pass.
    pub decided_by: Vec<String>,
    /// A comparison for each scenario that the candidate played, in its order.
    pub scenarios: Vec<Comparison>,
    /// Scenarios that only the baseline played.
    pub missing: Vec<Name>,
    /// Scenarios that the candidate played and of which no run was ever accepted: they decide nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub never_accepted: Vec<Name>,
    /// Scenarios of either side that search for a capacity, at rates that are too high on purpose: they decide nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub searches: Vec<Name>,
    /// Runs that say nothing, because they have no load that could be held against another.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub silent: Vec<Silent>,
    /// What would decide all that decides and was left open, if what was seen stays; absent where nothing was left open, or
    /// nothing within reason would.
    pub decide: Option<Decide>,
}

/// A run without load that could be held against another.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Silent {
    /// The run.
    pub run: RunId,
    /// The suite's variant that it played, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variant: Option<Name>,
    /// Why, in words.
    pub why: String,
}

/// What is known besides the runs.
#[derive(Debug, Clone, Copy, Default)]
pub struct Beside<'r> {
    /// What is known of environments; of each scenario's the one that fits is gone by.
    pub calibrations: &'r [Calibration],
    /// Accepted runs, of each scenario those that were chosen for it: what is gone by where no baseline is named.
    pub accepted: &'r [Against],
    /// Whether the sides are variants of one suite, and held against each other for that: a variant's name, part of a
    /// workload otherwise, is none then.
    pub variants: bool,
}

/// Holds runs against runs: load outside of faults and their settling, by the constants in the newest candidate's plan.
pub fn across(
    candidate: &[Record],
    baseline: &[Record],
    beside: &Beside<'_>,
    settings: &Settings,
) -> Runs {
    let search = |name: &Name| {
        let mut runs = candidate
            .iter()
            .chain(baseline)
            .filter_map(|record| record.run.as_deref());
        runs.any(|run| searches(run, name))
    };
    let (mut searches, mut names): (Vec<Name>, Vec<Name>) =
        played(candidate).into_iter().partition(search);
    let mut never_accepted = Vec::new();
    let mut missing = played(baseline);
    missing.retain(|name| !names.contains(name) && !searches.contains(name));
    searches.extend(missing.extract_if(.., |name| search(name)));
    if !beside.accepted.is_empty() {
        let there = |one: &Against| !one.runs.is_empty() || !one.unfit.is_empty();
        let known = |name: &Name| beside.against(name).is_some_and(there);
        (names, never_accepted) = names.into_iter().partition(known);
    }
    let plan = candidate.iter().find_map(|record| record.run.as_deref());
    let plan = plan.map(|run| &run.plan);
    let held = names.iter().map(|scenario| {
        let candidate = samples(candidate, scenario, beside);
        let baseline = samples(baseline, scenario, beside);
        let keys = plan.map_or_else(Vec::new, |plan| keys(plan, scenario));
        let settings = asking(settings, &keys);
        let keys = match keys.is_empty() {
            true => all_together(&settings),
            false => keys,
        };
        let (calibration, unfit) = calibration(&candidate, beside, &settings);
        let inputs = Inputs {
            candidate: &candidate,
            baseline: &baseline,
            calibration,
            keys: &keys,
            ..Inputs::default()
        };
        let mut held = match beside.against(scenario) {
            Some(against) => accepted(&inputs, against, &settings),
            None => compare(&inputs, &settings),
        };
        // Where τ had to be assumed, it matters why.
        if assumes(&held) {
            held.notes.extend(unfit);
        }
        // Of a scenario without a sample on this side too.
        held.scenario = Some(scenario.clone());
        held
    });
    let scenarios: Vec<Comparison> = held.collect();
    let (grade, decided_by) = decide(&scenarios);
    let decide = still(&scenarios);
    let silent = baseline.iter().chain(candidate).filter_map(silent);
    Runs {
        grade,
        decided_by,
        scenarios,
        missing,
        never_accepted,
        searches,
        silent: silent.collect(),
        decide,
    }
}

/// A run of which nothing can be held against another.
fn silent(record: &Record) -> Option<Silent> {
    let started = record.run.as_deref()?;
    if !record
        .scenarios
        .iter()
        .all(|s| never_quiet(record, &s.name))
    {
        return None;
    }
    let why = match &record.target.failed {
        Some((_, reason, _)) => {
            let first = reason.lines().next().unwrap_or_default();
            format!("its target {}: {first}", record.target.failing())
        }
        None if record.scenarios.is_empty() => "it played no scenario".to_owned(),
        None => NEVER_QUIET.to_owned(),
    };
    Some(Silent {
        run: started.run.clone(),
        variant: started.plan.variant.clone(),
        why,
    })
}

/// The scenarios that were played, each once, in order.
pub fn played(records: &[Record]) -> Vec<Name> {
    let mut seen = BTreeSet::new();
    let all = records.iter().flat_map(|record| &record.scenarios);
    let all = all.map(|scenario| scenario.name.clone());
    all.filter(|name| seen.insert(name.clone())).collect()
}

impl<'r> Beside<'r> {
    fn against(&self, scenario: &Name) -> Option<&'r Against> {
        self.accepted.iter().find(|one| one.scenario == *scenario)
    }
}

/// Held against accepted runs; where none fits, of each baseline that is there why.
pub(crate) fn accepted(inputs: &Inputs<'_>, against: &Against, settings: &Settings) -> Comparison {
    let samples = against.samples(settings.tau_runs);
    let pinned = against.pinned();
    let inputs = Inputs {
        accepted: &samples,
        pinned: pinned.as_ref().map_or(&[], |(_, samples)| samples),
        release: pinned.as_ref().map(|(release, _)| *release),
        ..*inputs
    };
    let mut held = compare(&inputs, settings);
    if samples.is_empty() {
        held.invalid.extend(against.unfit.iter().cloned());
    }
    held
}

/// A scenario's samples of runs that have one.
fn samples(records: &[Record], scenario: &Name, beside: &Beside<'_>) -> Vec<Sample> {
    let of = |record: &Record| {
        let mut sample = Sample::of(record, scenario.as_str(), &During::Undisturbed)?;
        if beside.variants {
            sample.workload = whatever_variant(record, scenario)?;
        }
        Some(sample)
    };
    records.iter().filter_map(of).collect()
}

/// The calibration that fits a candidate, or why none does.
fn calibration<'r>(
    candidate: &[Sample],
    beside: &Beside<'r>,
    settings: &Settings,
) -> (Option<&'r Calibration>, Vec<String>) {
    let conditions = candidate.first().map(Sample::conditions);
    conditions.map_or_else(Default::default, |conditions| {
        fitting(beside.calibrations, &conditions, settings)
    })
}

/// The digest of a scenario's workload as if the suite stood without a variant.
fn whatever_variant(record: &Record, scenario: &Name) -> Option<String> {
    let run = record.run.as_deref()?;
    let plan = Plan {
        variant: None,
        ..run.plan.clone()
    };
    Some(plan.scenario_digest(scenario))
}

fn assumes(held: &Comparison) -> bool {
    let mut effects = held.figures.iter().filter_map(|f| f.held.effect.as_ref());
    effects.any(|effect| effect.tau.learned_from.is_none())
}

/// What decides all that is open: as many runs, or as long ones, as the figure that needs most of them.
fn still(scenarios: &[Comparison]) -> Option<Decide> {
    let figures = scenarios.iter().flat_map(|held| &held.figures);
    let open = figures.filter_map(|figure| match &figure.held.class {
        Class::Inconclusive { decide, .. } if figure.key => Some(*decide),
        _ => None,
    });
    let open: Vec<Decide> = open.collect::<Option<_>>()?;
    let repeats = open
        .iter()
        .map(|one| one.repeats)
        .collect::<Option<Vec<_>>>();
    let minutes = open
        .iter()
        .map(|one| one.minutes)
        .collect::<Option<Vec<_>>>();
    let decide = Decide {
        repeats: repeats.and_then(|all| all.into_iter().max()),
        minutes: minutes.and_then(|all| all.into_iter().max_by(f64::total_cmp)),
    };
    (decide.repeats.is_some() || decide.minutes.is_some()).then_some(decide)
}

/// What charts of a comparison by [`across`] draw, of the same records and what was known besides: for each of its scenarios
/// the curves of the names that decide.
pub fn drawn(
    candidate: &[Record],
    baseline: &[Record],
    beside: &Beside<'_>,
    runs: &Runs,
) -> Vec<Vec<Curves>> {
    let of = |held: &Comparison| {
        let Some(scenario) = &held.scenario else {
            return Vec::new();
        };
        let candidate = samples(candidate, scenario, beside);
        let mut baseline = samples(baseline, scenario, beside);
        if let Some(against) = beside.against(scenario) {
            let took_part = |one: &Sample| held.baseline.iter().any(|side| side.run == one.run);
            baseline = against.samples(held.settings.tau_runs);
            baseline.retain(took_part);
        }
        let inputs = Inputs {
            candidate: &candidate,
            baseline: &baseline,
            calibration: calibration(&candidate, beside, &held.settings).0,
            ..Inputs::default()
        };
        curves(&inputs, held)
    };
    runs.scenarios.iter().map(of).collect()
}

/// What the key gates on a scenario's undisturbed load ask for, each once: those on regressions; without any, those on
/// percentiles.
fn keys(plan: &Plan, scenario: &Name) -> Vec<Key> {
    let own = plan.scenarios.iter().find(|one| one.name == *scenario);
    let own = own.into_iter().flat_map(|one| &one.gates);
    let (mut regressions, mut percentiles): (Vec<Key>, Vec<Key>) = (Vec::new(), Vec::new());
    for gate in own.chain(&plan.gates) {
        let keys = match &gate.expect.subject {
            GateSubject::Regression { .. } => &mut regressions,
            _ => &mut percentiles,
        };
        keys.extend(key(gate).filter(|key| !keys.contains(key)));
    }
    match regressions.is_empty() {
        true => percentiles,
        false => regressions,
    }
}

fn key(gate: &Gate) -> Option<Key> {
    let (GateSubject::Latency {
        stat: Stat::Quantile(quantile),
        name,
    }
    | GateSubject::Regression { quantile, name }) = &gate.expect.subject
    else {
        return None;
    };
    let decides = gate.class == gate::Class::Key && gate.during == During::Undisturbed;
    decides.then(|| Key {
        name: name
            .as_ref()
            .map_or_else(|| ALL.to_owned(), ToString::to_string),
        quantile: quantile.get(),
    })
}

fn all_together(settings: &Settings) -> Vec<Key> {
    let key = |quantile: &f64| Key {
        name: ALL.to_owned(),
        quantile: *quantile,
    };
    settings.quantiles.iter().map(key).collect()
}

/// The constants, with every quantile that is asked for.
pub(crate) fn asking(settings: &Settings, keys: &[Key]) -> Settings {
    let mut settings = settings.clone();
    for key in keys {
        let known = |q: &f64| (q - key.quantile).abs() < 1e-9;
        if !settings.quantiles.iter().any(known) {
            settings.quantiles.push(key.quantile);
        }
    }
    settings.quantiles.sort_by(f64::total_cmp);
    settings
}

/// The worst of what decides, and what it is. Errors decide where they are regressed: whether there are few enough of them
/// is what each run's own gates say.
fn decide(scenarios: &[Comparison]) -> (Grade, Vec<String>) {
    let mut open: Vec<(Grade, String)> = Vec::new();
    for held in scenarios {
        let scenario = held.scenario.as_ref().map_or("?", Name::as_str);
        let invalid = held.invalid.iter();
        open.extend(invalid.map(|why| (Grade::Invalid, format!("{scenario}: {why}"))));
        if !held.invalid.is_empty() {
            continue;
        }
        for figure in held.figures.iter().filter(|figure| figure.key) {
            let quantile = quantile(figure.quantile);
            let (grade, word) = graded(&figure.held.class);
            let of = spoken(&figure.name);
            open.push((grade, format!("{scenario}: {quantile} of {of} {word}")));
            let drifted = figure.pinned.as_ref();
            if drifted.is_some_and(|pinned| pinned.class == Class::Regressed)
                && let Some(pinned) = &held.pinned
            {
                let words = format!(
                    "{scenario}: {quantile} of {of} regressed since the pinned release {}",
                    pinned.release
                );
                open.push((Grade::Fail, words));
            }
        }
        let errors = held.errors.iter().filter(|errors| errors.name == ALL);
        for errors in errors.filter(|errors| errors.class == Class::Regressed) {
            let of = spoken(&errors.name);
            open.push((Grade::Fail, format!("{scenario}: errors of {of} regressed")));
        }
    }
    if open.is_empty() {
        let why = "no scenario was played whose load could be held against another".to_owned();
        open.push((Grade::Invalid, why));
    }
    open.sort_by_key(|(grade, _)| std::cmp::Reverse(*grade));
    let worst = open.first().map_or(Grade::Invalid, |(grade, _)| *grade);
    let told = open.into_iter().filter(|(grade, _)| *grade != Grade::Pass);
    (worst, told.map(|(_, words)| words).collect())
}

fn graded(class: &Class) -> (Grade, &'static str) {
    match class {
        Class::Regressed => (Grade::Fail, "regressed"),
        Class::Improved => (Grade::Pass, "improved"),
        Class::NoRegression => (Grade::Pass, "did not regress"),
        Class::Inconclusive { .. } => (Grade::Inconclusive, "is inconclusive"),
        Class::Invalid { .. } => (Grade::Invalid, "is invalid"),
    }
}

/// A quantile as people write it: `p95`.
pub fn quantile(q: f64) -> String {
    Quantile::of_one(q).map_or_else(|| q.to_string(), |q| q.to_string())
}

/// A name as people say it.
pub fn spoken(name: &str) -> &str {
    match name {
        ALL => "all journeys",
        name => name,
    }
}
