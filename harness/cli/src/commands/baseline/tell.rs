//! What is accepted, told.

use super::{by_place, open, read, settings};
use crate::args::{Format, ListArgs, ShowArgs};
use crate::environment;
use crate::error::CliError;
use crate::printer::Printer;
use crate::sources;
use harness_core::verdict::regression::{Conditions, Levels, Sample, levels, quantile};
use harness_report::baselines::{Kept, Problem};
use harness_report::text::{bytes, micros, one_line, plural};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The exit code of a folder in which something can't be read.
const BROKEN: u8 = 2;

/// A baseline in JSON.
#[derive(Serialize)]
struct Told<'k> {
    scenario: &'k str,
    key: String,
    workload: &'k str,
    machine: &'k BTreeMap<String, String>,
    this_machine: bool,
    pinned: Option<&'k str>,
    bytes: u64,
    runs: Vec<Run<'k>>,
}

#[derive(Serialize)]
struct Run<'k> {
    run: &'k str,
    date: &'k str,
    commit: Option<&'k str>,
    release: Option<&'k str>,
    pinned: bool,
    path: &'k PathBuf,
}

#[derive(Serialize)]
struct List<'k> {
    format: u32,
    baselines: Vec<Told<'k>>,
    problems: &'k [Problem],
}

#[derive(Serialize)]
struct Shown<'k> {
    format: u32,
    #[serde(flatten)]
    baseline: Told<'k>,
    levels: Levels,
}

/// Version of what is told in JSON.
const FORMAT: u32 = 1;

/// Everything.
pub(super) fn list(
    suite: Option<&Path>,
    args: &ListArgs,
    printer: Printer,
) -> Result<u8, CliError> {
    let baselines = open(suite, &args.folder)?;
    let found = read(&baselines, printer)?;
    let here = environment::describe(&sources::root(suite).unwrap_or_default());
    let places = by_place(&found.kept);
    let all = places.iter();
    let all: Vec<Told<'_>> = all.map(|(place, runs)| told(place, runs, &here)).collect();
    match args.format {
        Format::Json => json(
            &List {
                format: FORMAT,
                baselines: all,
                problems: &found.problems,
            },
            printer,
        )?,
        Format::Text if all.is_empty() => {
            let root = baselines.root().display();
            printer.say(&format!(
                "nothing is accepted in {root}; `harness baseline accept RUN` takes a run"
            ));
        }
        Format::Text => {
            for (place, told) in places.keys().zip(&all) {
                printer.data(&format!("{}\n", line(place, told)));
            }
        }
    }
    let broken = found.problems.iter().any(|problem| problem.broken);
    Ok(if broken { BROKEN } else { 0 })
}

/// One.
pub(super) fn show(
    suite: Option<&Path>,
    args: &ShowArgs,
    printer: Printer,
) -> Result<u8, CliError> {
    let baselines = open(suite, &args.folder)?;
    let found = read(&baselines, printer)?;
    let here = environment::describe(&sources::root(suite).unwrap_or_default());
    let settings = settings(suite);
    let shown = named(&args.baseline, &found.kept)?;
    let shown = shown.iter().map(|(place, runs)| {
        let samples = runs.iter().map(|one| one.accepted.sample.clone());
        let levels = levels(&samples.collect::<Vec<Sample>>(), &settings);
        let baseline = told(place, runs, &here);
        (
            place,
            Shown {
                format: FORMAT,
                baseline,
                levels,
            },
        )
    });
    let shown: Vec<(&Conditions, Shown<'_>)> = shown.collect();
    match args.format {
        Format::Json => {
            let all: Vec<&Shown<'_>> = shown.iter().map(|(_, shown)| shown).collect();
            json(&all, printer)?;
        }
        Format::Text => {
            for (place, shown) in &shown {
                printer.data(&format!("{}\n", line(place, &shown.baseline)));
                printer.data(&table(shown));
            }
        }
    }
    Ok(0)
}

/// The baselines that somebody means: `SCENARIO`, or `SCENARIO/KEY` with the beginning of a key.
pub(super) fn named<'k>(
    text: &str,
    kept: &'k [Kept],
) -> Result<BTreeMap<Conditions, Vec<&'k Kept>>, CliError> {
    let (scenario, key) = text.split_once('/').unwrap_or((text, ""));
    let mut places = by_place(kept);
    let known: Vec<String> = places
        .keys()
        .map(|place| format!("{}/{}", place.scenario, place.mark()))
        .collect();
    places.retain(|place, _| place.scenario.as_str() == scenario && place.mark().starts_with(key));
    if places.is_empty() {
        let hint = match known.is_empty() {
            true => "nothing is accepted here".to_owned(),
            false => format!("there are: {}", known.join(", ")),
        };
        return Err(CliError::usage(format!("no baseline `{text}`"), hint));
    }
    Ok(places)
}

fn told<'k>(place: &'k Conditions, runs: &[&'k Kept], here: &BTreeMap<String, String>) -> Told<'k> {
    let pinned = runs.iter().find_map(|one| one.accepted.pinned.as_ref());
    let run = |one: &&'k Kept| Run {
        run: one.accepted.sample.run.as_str(),
        date: &one.accepted.sample.date,
        commit: one.accepted.sample.commit.as_deref(),
        release: one
            .accepted
            .release
            .as_ref()
            .map(|release| release.as_str()),
        pinned: one.accepted.pinned.is_some(),
        path: &one.path,
    };
    Told {
        scenario: place.scenario.as_str(),
        key: place.mark(),
        workload: &place.workload,
        machine: &place.machine,
        this_machine: place.is_on(here),
        pinned: pinned.map(|release| release.as_str()),
        bytes: runs.iter().map(|one| one.bytes).sum(),
        runs: runs.iter().map(run).collect(),
    }
}

fn line(place: &Conditions, told: &Told<'_>) -> String {
    let range = match told.runs.as_slice() {
        [] => String::new(),
        [one] => format!(", {}", one.run),
        [first, .., last] => format!(", {} to {}", first.run, last.run),
    };
    let pinned = told
        .pinned
        .map_or_else(String::new, |release| format!(", {release} pinned"));
    let this = if told.this_machine {
        " (this machine)"
    } else {
        ""
    };
    format!(
        "{}/{}  {}{range}{pinned}, {}\n  {}{this}",
        told.scenario,
        told.key,
        plural(told.runs.len() as u64, "run"),
        bytes(told.bytes as f64),
        one_line(&place.machine(), 400)
    )
}

fn table(shown: &Shown<'_>) -> String {
    const WIDE: usize = 10;
    let levels = &shown.levels;
    let runs = &shown.baseline.runs;
    let widest = runs.iter().map(|run| run.run.len()).max().unwrap_or(0);
    let heads = levels.quantiles.iter().map(|q| quantile(*q));
    let heads: String = heads.map(|head| format!("{head:>WIDE$}")).collect();
    let mut text = format!("  {:<widest$}{heads}  of all journeys\n", "run");
    for (at, (run, quantiles)) in runs.iter().zip(&levels.runs).enumerate() {
        if at > 0 && at == levels.since {
            text.push_str("  -- the level changed here: runs before it are history only\n");
        }
        let figures = quantiles.iter().map(|us| {
            let us = us.map(|us| us.round() as u64);
            format!("{:>WIDE$}", micros(us))
        });
        let figures: String = figures.collect();
        let commit = run
            .commit
            .map(|commit| format!("commit {}", one_line(commit, 120)));
        let release = run.release.map(|release| format!("release {release}"));
        let pinned = run.pinned.then(|| "pinned".to_owned());
        let words: Vec<String> = [commit, release, pinned].into_iter().flatten().collect();
        let line = format!("  {:<widest$}{figures}  {}", run.run, words.join(", "));
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn json(value: &impl Serialize, printer: Printer) -> Result<(), CliError> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| CliError::Report(format!("failed to write baselines as JSON: {error}")))?;
    printer.data(&format!("{text}\n"));
    Ok(())
}
