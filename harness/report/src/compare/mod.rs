//! A comparison for readers: a table in the terminal, Markdown and, in `html`, a page. What they say is worked out once
//! here, as words; only the page has charts, for which it takes the records.

pub mod markdown;
pub mod terminal;

use crate::figures;
use crate::text::{self, one_line};
use harness_core::compare::{Better, Change, Comparison, ItemRow, Meaning, Row, Side};
use harness_core::expr::gate::Unit;
use harness_core::plan::gate::During;
use harness_core::readiness::Decision;
use harness_core::verdict::{Grade, show};

/// The longest label shown, characters.
const LABEL: usize = 40;

/// What is said below every table of differences.
pub(crate) fn legend(comparison: &Comparison) -> String {
    let base = comparison
        .runs
        .first()
        .map_or("", |side| side.label.as_str());
    format!(
        "Differences are to {}. ≈ may be chance: it is too small, or rests on too few samples.",
        one_line(base, LABEL)
    )
}

/// Comparison tables as words.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Section {
    /// A scenario's name, or `Gates`.
    pub(crate) title: String,
    /// Its lines.
    pub(crate) lines: Vec<Line>,
}

/// One line of a table.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Line {
    /// Of what: `all journeys`, `browse`, `during slow`.
    pub(crate) of: String,
    /// The figure or the gate.
    pub(crate) what: String,
    /// Whether a short table has it too.
    pub(crate) brief: bool,
    /// A cell a run.
    pub(crate) cells: Vec<Words>,
}

/// A cell as words.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Words {
    /// Of a check or a gate.
    pub(crate) grade: Option<Grade>,
    /// The value.
    pub(crate) value: String,
    /// The difference; empty for the first run and where there is none.
    pub(crate) change: String,
    /// What the difference means; absent where there is none.
    pub(crate) meaning: Option<Meaning>,
    /// Samples it rests on; zero where that says nothing.
    pub(crate) samples: u64,
}

/// Every table: the gates, then each scenario.
pub(crate) fn sections(comparison: &Comparison) -> Vec<Section> {
    let mut items: Vec<Line> = comparison.items.iter().map(item).collect();
    // Built-in checks first, wherever they were weighed; the sort keeps the order otherwise.
    items.sort_by_key(|line| !line.of.is_empty());
    let gates = Section {
        title: "Gates".to_owned(),
        lines: items,
    };
    let scenarios = comparison.scenarios.iter().map(|scenario| Section {
        title: one_line(scenario.scenario.as_str(), 60),
        lines: scenario.rows.iter().map(line).collect(),
    });
    std::iter::once(gates).chain(scenarios).collect()
}

fn item(row: &ItemRow) -> Line {
    let gate = row
        .cells
        .iter()
        .flatten()
        .find_map(|cell| cell.gate.as_ref());
    let cells = row.cells.iter().map(|cell| {
        let Some(cell) = cell else {
            return Words {
                value: text::NONE.to_owned(),
                ..Words::default()
            };
        };
        let seen = cell
            .gate
            .as_ref()
            .and_then(|g| Some(show(g.observed?, &g.unit)));
        Words {
            grade: Some(cell.grade),
            value: seen.unwrap_or_default(),
            ..Words::default()
        }
    });
    Line {
        of: gate.map_or_else(String::new, |gate| one_line(&figures::place(gate), 80)),
        what: one_line(
            &gate.map_or_else(|| row.title.clone(), figures::expectation),
            100,
        ),
        brief: true,
        cells: cells.collect(),
    }
}

fn line(row: &Row) -> Line {
    let name = row.of.as_deref().unwrap_or("all journeys");
    let of = match &row.during {
        During::Undisturbed => name.to_owned(),
        During::All => format!("{name}, faults included"),
        part => figures::part(part),
    };
    let cells = row.cells.iter().map(|cell| {
        let change = cell.change;
        Words {
            grade: None,
            value: match cell.value {
                Some(value) => show(value, &row.unit),
                None if cell.note.is_empty() => text::NONE.to_owned(),
                None => one_line(&cell.note, 60),
            },
            change: change.map_or_else(String::new, |c| change_words(&c, &row.unit)),
            meaning: change.map(|c| c.meaning),
            samples: cell.samples,
        }
    });
    let tells = match (&row.of, row.figure.as_str()) {
        (Some(_), figure) => matches!(figure, "p95" | "recovery"),
        (None, figure) => figure != "p50" || row.during == During::Undisturbed,
    };
    Line {
        of: one_line(&of, 80),
        what: one_line(&row.figure, 60),
        brief: tells || row.better == Better::Neither,
        cells: cells.collect(),
    }
}

/// `+12 % worse`, `-0.4 points better`, `+1 % ≈`.
fn change_words(change: &Change, unit: &Unit) -> String {
    if change.by == 0.0 {
        return "the same".to_owned();
    }
    let sign = if change.by < 0.0 { "-" } else { "+" };
    let size = match (unit, change.relative) {
        (Unit::Share, _) => {
            let points = (change.by.abs() * 10_000.0).round() / 100.0;
            format!("{points} points")
        }
        (_, Some(relative)) if relative >= 9.5 => {
            return format!("×{:.0}{}", relative + 1.0, meaning_word(change.meaning));
        }
        (_, Some(relative)) => {
            let percent = relative.abs() * 100.0;
            if percent < 0.05 {
                return format!("±0 %{}", meaning_word(change.meaning));
            }
            if percent < 9.95 {
                format!("{percent:.1} %")
            } else {
                format!("{percent:.0} %")
            }
        }
        (_, None) => show(change.by.abs(), unit),
    };
    format!("{sign}{size}{}", meaning_word(change.meaning))
}

const fn meaning_word(meaning: Meaning) -> &'static str {
    match meaning {
        Meaning::Better => " better",
        Meaning::Worse => " worse",
        Meaning::Different => "",
        Meaning::Unclear => " ≈",
    }
}

/// A run's answer: `✓ GO 100`; without a decision no score.
pub(crate) fn answer(side: &Side) -> String {
    let score = match side.decision {
        Decision::Unmade => String::new(),
        _ => format!(" {:.0}", side.score.floor()),
    };
    format!(
        "{} {}{score}",
        figures::decision_sign(side.decision),
        side.decision.as_str(),
    )
}

/// What is to be said before any figure: what was not run, and why figures may differ.
pub(crate) fn warnings(comparison: &Comparison) -> Vec<String> {
    let mut said = Vec::new();
    if !comparison.not_run.is_empty() {
        said.push(format!(
            "incomplete: {} {} not run",
            comparison.not_run.join(", "),
            if comparison.not_run.len() == 1 {
                "was"
            } else {
                "were"
            }
        ));
    }
    said.extend(comparison.doubts.iter().cloned());
    said.iter().map(|text| one_line(text, 300)).collect()
}

/// Labels, fit for a heading.
pub(crate) fn labels(comparison: &Comparison) -> Vec<String> {
    let labels = comparison.runs.iter();
    labels.map(|side| one_line(&side.label, LABEL)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_told_in_their_units() {
        let change = |by, relative, meaning| Change {
            by,
            relative,
            meaning,
        };
        let words =
            |by, relative, meaning, unit| change_words(&change(by, relative, meaning), &unit);
        let worse = Meaning::Worse;
        assert_eq!(words(2e4, Some(1.56), worse, Unit::Micros), "+156 % worse");
        assert_eq!(words(2e4, Some(11.3), worse, Unit::Micros), "×12 worse");
        let better = Meaning::Better;
        assert_eq!(
            words(-0.004, Some(-0.5), better, Unit::Share),
            "-0.4 points better"
        );
        let unclear = Meaning::Unclear;
        assert_eq!(
            words(-1.0, Some(-0.0002), unclear, Unit::PerSecond),
            "±0 % ≈"
        );
        assert_eq!(
            words(-1.0, Some(-0.031), unclear, Unit::PerSecond),
            "-3.1 % ≈"
        );
        assert_eq!(words(5000.0, None, unclear, Unit::Micros), "+5.00 ms ≈");
        assert_eq!(words(0.0, Some(0.0), unclear, Unit::Micros), "the same");
    }
}
