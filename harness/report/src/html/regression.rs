//! The page of `harness compare` as values: the answer and what decided it, every change by severity, and of each scenario
//! its runs, verdicts in one plot, and the curves of the names that decide.

use crate::chart::Chart;
use crate::chart::forest::{self, Forest};
use crate::chart::spectrum;
use crate::chart::whiskers::{self, Whiskers};
use crate::regression::rows::{self, Change, Errors, ROWS, Rhythm, Tested};
use crate::text::{self, one_line};
use harness_core::verdict::Grade;
use harness_core::verdict::regression::{Class, Comparison, Curves, Runs, Side, spoken};
use serde::Serialize;

/// Sentences of what decided at most.
const DECIDED: usize = 6;
/// Lines of what would decide it at most.
const COSTS: usize = 6;

#[derive(Debug, Serialize)]
pub(super) struct Page {
    project: String,
    answer: &'static str,
    /// `go`, `conditional` or `no-go`: how the first part looks.
    class: &'static str,
    /// What the answer means.
    means: &'static str,
    decided: String,
    also: Vec<String>,
    also_more: String,
    costs: Vec<(String, String)>,
    costs_more: String,
    tiles: Vec<Tile>,
    warnings: Vec<String>,
    several: bool,
    changes: Vec<Change>,
    changes_more: String,
    scenarios: Vec<ScenarioView>,
}

#[derive(Debug, Serialize)]
struct Tile {
    name: &'static str,
    value: String,
    note: String,
}

#[derive(Debug, Serialize)]
struct ScenarioView {
    id: String,
    name: String,
    /// (side, run, date and commit).
    runs: Vec<(String, String, String)>,
    invalid: Vec<String>,
    notes: Vec<String>,
    forest: Option<Forest>,
    names: Vec<NameView>,
    rhythms: Vec<Rhythm>,
    errors: Vec<Errors>,
    errors_more: String,
    spotless: String,
    tests: Vec<Tested>,
}

/// The curves of a name that decides.
#[derive(Debug, Serialize)]
struct NameView {
    id: String,
    name: String,
    spectrum: Option<Chart>,
    whiskers: Vec<Whiskers>,
}

impl Page {
    /// Of a comparison and, for each of its scenarios, the curves of the names that decide.
    pub(super) fn of(runs: &Runs, curves: &[Vec<Curves>], project: &str) -> Self {
        let all = rows::changes(runs);
        let mut decided = runs.decided_by.iter().map(|why| one_line(why, 300));
        let (class, means) = match runs.grade {
            Grade::Pass => (
                "go",
                "Proven: with 95 % confidence nothing that decides is slower by what matters.",
            ),
            Grade::Inconclusive => (
                "conditional",
                "What was seen allows both: no change, and one that matters. It is not a pass.",
            ),
            Grade::Invalid => (
                "conditional",
                "The runs can't be held against each other: other runs are needed, not more of them.",
            ),
            Grade::Fail => (
                "no-go",
                "Slower by more than what matters, and by more than chance explains.",
            ),
        };
        let first = decided.next();
        let costs = rows::costs(runs);
        let none = [];
        let of = |i: usize| curves.get(i).map_or(none.as_slice(), Vec::as_slice);
        Self {
            project: one_line(project, 80),
            answer: rows::answer(runs.grade),
            class,
            means,
            decided: first.map_or_else(
                || "Every figure that decides is proven.".to_owned(),
                |why| format!("Decided by {why}"),
            ),
            also: decided.take(DECIDED).collect(),
            also_more: more(runs.decided_by.len(), DECIDED + 1),
            costs_more: more(costs.len(), COSTS),
            costs: costs.into_iter().take(COSTS).collect(),
            tiles: tiles(runs),
            warnings: warnings(runs),
            several: runs.scenarios.len() > 1,
            changes: all.iter().take(ROWS).map(rows::row).collect(),
            changes_more: more(all.len(), ROWS),
            scenarios: runs
                .scenarios
                .iter()
                .enumerate()
                .map(|(i, held)| scenario(runs, (i, held), of(i)))
                .collect(),
        }
    }
}

/// What of a list has no room; empty for nothing.
fn more(all: usize, shown: usize) -> String {
    match all.saturating_sub(shown) {
        0 => String::new(),
        n => format!("{} more are in the JSON.", text::count(n as u64)),
    }
}

/// How many of the figures that decide came to what, and the runs.
fn tiles(runs: &Runs) -> Vec<Tile> {
    let keys: Vec<&Class> = runs
        .scenarios
        .iter()
        .filter(|held| held.invalid.is_empty())
        .flat_map(|held| &held.figures)
        .filter(|figure| figure.key)
        .map(rows::class)
        .collect();
    let count = |is: fn(&Class) -> bool| keys.iter().filter(|class| is(class)).count();
    let mut tiles = vec![
        Tile {
            name: "Regressed",
            value: format!(
                "{} of {}",
                count(|c| matches!(c, Class::Regressed)),
                keys.len()
            ),
            note: "figures that decide".to_owned(),
        },
        Tile {
            name: "Proven not slower",
            value: format!(
                "{} of {}",
                count(|c| matches!(c, Class::NoRegression | Class::Improved)),
                keys.len()
            ),
            note: "figures that decide".to_owned(),
        },
    ];
    let side = |name: &'static str, take: fn(&Comparison) -> &Vec<Side>| {
        let most = runs
            .scenarios
            .iter()
            .map(take)
            .max_by_key(|sides| sides.len());
        let (value, note) = match most.map_or(&[] as &[Side], Vec::as_slice) {
            [] => ("none".to_owned(), "none that can be used".to_owned()),
            [one] => {
                let (_, told) = rows::run(one);
                (one.run.to_string(), told)
            }
            several => (
                text::plural(several.len() as u64, "run"),
                several
                    .first()
                    .map_or_else(String::new, |side| format!("{} and others", side.run)),
            ),
        };
        Tile { name, value, note }
    };
    tiles.push(side("Candidate", |held| &held.candidate));
    tiles.push(side("Baseline", |held| &held.baseline));
    tiles
}

fn warnings(runs: &Runs) -> Vec<String> {
    let told = rows::without(runs);
    told.iter()
        .map(|text| format!("{}.", one_line(text, 400)))
        .collect()
}

fn scenario(runs: &Runs, (i, held): (usize, &Comparison), curves: &[Curves]) -> ScenarioView {
    let side = |what: &str, sides: &[Side]| -> Vec<(String, String, String)> {
        let told = sides.iter().map(rows::run);
        told.map(|(run, told)| (what.to_owned(), run, told))
            .collect()
    };
    let pinned = held.pinned.as_ref().map_or_else(Vec::new, |pinned| {
        side(&format!("pinned release {}", pinned.release), &pinned.runs)
    });
    let (errors, spotless) = rows::errors(held);
    let (invalid, above) = rows::invalid(runs, held, DECIDED + 1);
    ScenarioView {
        id: format!("scenario-{i}"),
        name: rows::scenario(held),
        runs: [
            side("candidate", &held.candidate),
            side("baseline", &held.baseline),
            pinned,
        ]
        .concat(),
        invalid: above
            .then(|| "as said above".to_owned())
            .into_iter()
            .chain(invalid.into_iter().map(|why| one_line(why, 400)))
            .collect(),
        notes: rows::level(held)
            .into_iter()
            .chain(held.notes.iter().map(|note| one_line(note, 400)))
            .collect(),
        forest: held
            .invalid
            .is_empty()
            .then(|| forest::chart(format!("s{i}-forest"), held))
            .flatten(),
        names: curves
            .iter()
            .enumerate()
            .map(|(n, curves)| name(&format!("s{i}-n{n}"), curves))
            .collect(),
        rhythms: rows::rhythms(held),
        spotless: rows::spotless(spotless),
        errors_more: more(errors.len(), ROWS),
        errors: errors.into_iter().take(ROWS).collect(),
        tests: rows::tests(held),
    }
}

fn name(id: &str, curves: &Curves) -> NameView {
    let strips = curves.levels.iter().enumerate();
    let strips = strips
        .filter_map(|(l, level)| whiskers::strip(format!("{id}-level{l}"), &curves.name, level));
    NameView {
        name: one_line(spoken(&curves.name), 120),
        spectrum: spectrum::of_both(format!("{id}-spectrum"), curves),
        whiskers: whiskers::shift(format!("{id}-shift"), curves)
            .into_iter()
            .chain(strips)
            .collect(),
        id: id.to_owned(),
    }
}
