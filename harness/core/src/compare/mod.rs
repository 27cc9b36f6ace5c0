//! Several runs of one suite side by side: what each came to, what they were set up with, and every figure of one beside
//! that of the others. A pure function of the records; the first run is the one that the others are held against. Says
//! how figures differ and whether chance alone could make them differ so; judges nothing.

mod rows;
mod settings;
mod spread;

pub(crate) use spread::wilson;

use crate::expr::gate::Unit;
use crate::name::{Name, RunId};
use crate::plan::Plan;
use crate::plan::gate::During;
use crate::readiness::{self, Decision, Readiness};
use crate::record::Record;
use crate::verdict::{self, GateResult, Grade, Trust, Verdict};
use serde::Serialize;

/// Version of the comparison's shape in JSON; a change that breaks a reader raises it.
pub const FORMAT: u32 = 1;

/// Runs side by side. Every list of cells has one a run, in the order of `runs`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// [`FORMAT`].
    pub format: u32,
    /// The project.
    pub project: String,
    /// The runs; the first is what the others are held against.
    pub runs: Vec<Side>,
    /// What was to be run and was not, by label.
    pub not_run: Vec<String>,
    /// What the runs were set up with differently.
    pub settings: Vec<Setting>,
    /// Why figures may differ for another reason than the one under test, one sentence each.
    pub doubts: Vec<String>,
    /// Checks and gates.
    pub items: Vec<ItemRow>,
    /// Scenarios, in order.
    pub scenarios: Vec<ScenarioRows>,
}

/// One of the runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Side {
    /// What it is called here: a variant's name, `default`, or the run's id.
    pub label: String,
    /// The run; absent when its events hold none.
    pub run: Option<RunId>,
    /// When it began, RFC 3339.
    pub date: String,
    /// Its length, microseconds.
    pub took_us: u64,
    /// The answer.
    pub decision: Decision,
    /// 0 to 100.
    pub score: f64,
    /// Whether it came to its end with everything planned done.
    pub complete: bool,
}

/// Something the runs were set up with, different in at least one of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// A service, or `run`.
    pub of: String,
    /// A variable of its environment, or what else differs.
    pub name: String,
    /// The values; `None` where it is not set.
    pub values: Vec<Option<String>>,
}

/// A check or a gate.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ItemRow {
    /// `journeys`, `contract`, `target`, or a gate's id.
    pub id: String,
    /// For people.
    pub title: String,
    /// How it went; `None` where a run did not have it.
    pub cells: Vec<Option<ItemCell>>,
}

/// A check's or a gate's result in one run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ItemCell {
    /// How it went.
    pub grade: Grade,
    /// Why.
    pub reason: String,
    /// The gate's result; absent for a check.
    pub gate: Option<GateResult>,
}

/// A scenario's figures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ScenarioRows {
    /// The scenario.
    pub scenario: Name,
    /// Whether its load can be trusted; `None` where it was not played.
    pub trust: Vec<Option<Trust>>,
    /// The figures.
    pub rows: Vec<Row>,
}

/// One figure, of every run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// The journey, or the fault of a recovery; `None` for all journeys together.
    pub of: Option<String>,
    /// The part of the load.
    pub during: During,
    /// `p95`, `rate`, `error_rate` …
    pub figure: String,
    /// The unit of its values.
    pub unit: Unit,
    /// Which way is better.
    pub better: Better,
    /// The values.
    pub cells: Vec<Cell>,
}

/// Which way a figure is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Better {
    /// Latencies, errors.
    Lower,
    /// Rates.
    Higher,
    /// Neither: a figure that explains.
    Neither,
}

/// A figure of one run.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Cell {
    /// The value; `None` where there is nothing to take it from.
    pub value: Option<f64>,
    /// Where the value would lie in 99 of 100 runs, as far as the number of samples tells; absent where it does not.
    pub range: Option<(f64, f64)>,
    /// Samples it rests on.
    pub samples: u64,
    /// What stands in place of a value.
    pub note: String,
    /// How it stands to the first run's; absent for that one, and where a value is missing.
    pub change: Option<Change>,
}

/// How a value stands to the first run's.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Change {
    /// The difference, in the figure's unit.
    pub by: f64,
    /// The difference as a share of the first run's value; `None` where that is zero.
    pub relative: Option<f64>,
    /// What it means.
    pub meaning: Meaning,
}

/// What a difference means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Meaning {
    /// More than chance makes likely, for the better.
    Better,
    /// More than chance makes likely, for the worse.
    Worse,
    /// More than chance makes likely, and neither good nor bad.
    Different,
    /// No more than chance may make, or the samples can't tell.
    Unclear,
}

impl Row {
    /// Holds every cell against the first.
    fn held(mut self) -> Self {
        let changes: Vec<_> = self.cells.iter().skip(1).map(|c| self.change(c)).collect();
        for (cell, change) in self.cells.iter_mut().skip(1).zip(changes) {
            cell.change = change;
        }
        self
    }

    fn change(&self, cell: &Cell) -> Option<Change> {
        let base = self.cells.first()?;
        let (from, to) = (base.value?, cell.value?);
        let apart = match (base.range, cell.range) {
            (Some((low, high)), Some((other_low, other_high))) => {
                other_low > high || other_high < low
            }
            _ => false,
        };
        let meaning = match (apart, self.better) {
            (false, _) => Meaning::Unclear,
            (true, Better::Neither) => Meaning::Different,
            (true, Better::Lower) if to < from => Meaning::Better,
            (true, Better::Higher) if to > from => Meaning::Better,
            (true, _) => Meaning::Worse,
        };
        Some(Change {
            by: to - from,
            relative: (from != 0.0).then(|| (to - from) / from),
            meaning,
        })
    }
}

/// A run and what is known of it.
pub(crate) struct Judged<'r> {
    pub(crate) record: &'r Record,
    pub(crate) verdict: Verdict,
    pub(crate) readiness: Readiness,
}

impl<'r> Judged<'r> {
    fn plan(&self) -> Option<&'r Plan> {
        self.record.run.as_ref().map(|started| &started.plan)
    }
}

/// Holds runs against each other, each with its label; the first is what the others are held against. `not_run` are labels
/// of what was to be run as well.
pub fn compare(runs: &[(String, &Record)], not_run: &[String]) -> Comparison {
    let judged: Vec<Judged<'_>> = runs
        .iter()
        .map(|(_, record)| {
            let verdict = verdict::evaluate(record);
            let readiness = readiness::readiness(record, &verdict);
            Judged {
                record,
                verdict,
                readiness,
            }
        })
        .collect();
    let project = judged.iter().find_map(|run| run.record.run.as_ref());
    Comparison {
        format: FORMAT,
        project: project.map_or_else(String::new, |run| run.plan.project.clone()),
        runs: runs
            .iter()
            .zip(&judged)
            .map(|((label, _), run)| side(label, run))
            .collect(),
        not_run: not_run.to_vec(),
        settings: settings::differences(&judged),
        doubts: settings::doubts(runs, &judged),
        items: items(&judged),
        scenarios: rows::scenarios(&judged),
    }
}

fn side(label: &str, run: &Judged<'_>) -> Side {
    let started = run.record.run.as_deref();
    Side {
        label: label.to_owned(),
        run: started.map(|started| started.run.clone()),
        date: started.map_or_else(String::new, |started| started.date.clone()),
        took_us: run.record.last_us,
        decision: run.readiness.decision,
        score: run.readiness.score,
        complete: run.verdict.run.grade == Grade::Pass,
    }
}

/// Checks and gates in the order in which the first run that has them weighs them.
fn items(runs: &[Judged<'_>]) -> Vec<ItemRow> {
    let mut rows: Vec<ItemRow> = Vec::new();
    for item in runs.iter().flat_map(|run| &run.readiness.items) {
        if rows.iter().any(|row| row.id == item.id) {
            continue;
        }
        let cell = |run: &Judged<'_>| {
            let found = run.readiness.items.iter().find(|one| one.id == item.id)?;
            let gate = run.verdict.gates.iter().find(|g| g.gate.id == item.id);
            Some(ItemCell {
                grade: found.grade,
                reason: found.reason.clone(),
                gate: gate.cloned(),
            })
        };
        rows.push(ItemRow {
            id: item.id.clone(),
            title: item.title.clone(),
            cells: runs.iter().map(cell).collect(),
        });
    }
    rows
}

#[cfg(test)]
mod tests;
