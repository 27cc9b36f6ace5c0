//! The page of a comparison as values: answers with the way to each run's own page, what differs, gates, and of each
//! scenario the runs' lines in one chart and every figure side by side.

use super::evidence::Badge;
use crate::chart::Chart;
use crate::chart::overlay::{self, LOOKS, Played};
use crate::compare::{Line, Words, answer, labels, legend, sections, warnings};
use crate::figures;
use crate::text::{self, one_line};
use harness_core::compare::{Comparison, Meaning};
use harness_core::readiness::Decision;
use harness_core::record::Record;
use harness_core::verdict::Trust;
use serde::Serialize;

#[derive(Debug, Serialize)]
pub(super) struct Page {
    project: String,
    labels: Vec<String>,
    title: String,
    warnings: Vec<String>,
    legend: String,
    runs: Vec<RunView>,
    settings: Vec<SettingView>,
    gates: Vec<LineView>,
    scenarios: Vec<ScenarioView>,
}

#[derive(Debug, Serialize)]
struct RunView {
    label: String,
    look: &'static str,
    answer: String,
    class: &'static str,
    run: String,
    href: String,
    date: String,
    took: String,
}

#[derive(Debug, Serialize)]
struct SettingView {
    of: String,
    name: String,
    values: Vec<String>,
}

#[derive(Debug, Serialize)]
struct ScenarioView {
    id: String,
    name: String,
    trust: Vec<String>,
    charts: Vec<Chart>,
    lines: Vec<LineView>,
}

#[derive(Debug, Serialize)]
struct LineView {
    of: String,
    what: String,
    /// Whether it is the first of its subject.
    first: bool,
    cells: Vec<CellView>,
}

#[derive(Debug, Serialize)]
struct CellView {
    grade: Option<Badge>,
    value: String,
    change: String,
    class: &'static str,
    samples: String,
}

impl Page {
    /// Of a comparison and the records it was made of, in the same order.
    pub(super) fn of(comparison: &Comparison, records: &[&Record]) -> Self {
        let labels = labels(comparison);
        let mut sections = sections(comparison).into_iter();
        let gates = sections.next().map_or_else(Vec::new, |s| lines(&s.lines));
        let scenarios = comparison.scenarios.iter().zip(sections).enumerate();
        Self {
            project: one_line(&comparison.project, 80),
            title: labels.join(" · "),
            warnings: warnings(comparison),
            legend: legend(comparison),
            runs: runs(comparison, &labels),
            settings: settings(comparison),
            gates,
            scenarios: scenarios
                .map(|(i, (rows, section))| {
                    let all = records.iter().zip(&labels).zip(LOOKS);
                    let played: Vec<Played<'_>> = all
                        .filter_map(|((record, label), look)| {
                            Some(Played {
                                label,
                                look,
                                record,
                                scenario: record.scenario(rows.scenario.as_str())?,
                            })
                        })
                        .collect();
                    ScenarioView {
                        id: format!("scenario-{}", rows.scenario),
                        name: section.title,
                        trust: rows.trust.iter().zip(&labels).filter_map(doubt).collect(),
                        charts: overlay::charts(&format!("c{i}"), &played),
                        lines: lines(&section.lines),
                    }
                })
                .collect(),
            labels,
        }
    }
}

fn runs(comparison: &Comparison, labels: &[String]) -> Vec<RunView> {
    let all = comparison.runs.iter().zip(labels).zip(LOOKS);
    all.map(|((side, label), look)| RunView {
        label: label.clone(),
        look,
        answer: answer(side),
        class: match side.decision {
            Decision::Go => "pass",
            Decision::ConditionalGo | Decision::Unmade => "inconclusive",
            Decision::NoGo => "fail",
        },
        run: side
            .run
            .as_ref()
            .map_or_else(String::new, ToString::to_string),
        // Comparisons lie in a folder beside those of the runs.
        href: side
            .run
            .as_ref()
            .map_or_else(String::new, |run| format!("../{run}/report.html")),
        date: text::moment(&side.date),
        took: text::span(side.took_us as f64 / 1e6),
    })
    .collect()
}

fn settings(comparison: &Comparison) -> Vec<SettingView> {
    let view = |setting: &harness_core::compare::Setting| SettingView {
        of: one_line(&setting.of, 60),
        name: one_line(&setting.name, 80),
        values: setting
            .values
            .iter()
            .map(|v| v.as_deref().map_or_else(String::new, |v| one_line(v, 200)))
            .collect(),
    };
    comparison.settings.iter().map(view).collect()
}

fn doubt((trust, label): (&Option<Trust>, &String)) -> Option<String> {
    match trust {
        None => Some(format!("{label} did not play it.")),
        Some(Trust::Valid) => None,
        Some(trust) => {
            let word = figures::trust_word(*trust);
            Some(format!("The load of {label} is {word}."))
        }
    }
}

fn lines(lines: &[Line]) -> Vec<LineView> {
    let mut before = None;
    let view = |line: &Line| LineView {
        first: before.replace(line.of.clone()).as_ref() != Some(&line.of),
        of: line.of.clone(),
        what: line.what.clone(),
        cells: line.cells.iter().map(cell).collect(),
    };
    lines.iter().map(view).collect()
}

fn cell(words: &Words) -> CellView {
    CellView {
        grade: words.grade.map(Badge::of),
        value: words.value.clone(),
        change: words.change.clone(),
        class: match words.meaning {
            Some(Meaning::Better) => "better",
            Some(Meaning::Worse) => "worse",
            Some(Meaning::Different) => "differs",
            Some(Meaning::Unclear) | None => "same",
        },
        samples: match words.samples {
            0 | 1 => String::new(),
            n => format!("{} samples", text::count(n)),
        },
    }
}
