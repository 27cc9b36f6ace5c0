//! The comparison for a CI job's page, fit for Markdown whatever names it holds.

use super::{Line, Words, answer, labels, legend, sections, warnings};
use crate::figures;
use crate::markdown::{code, prose};
use harness_core::compare::Comparison;
use std::fmt::Write as _;

/// The comparison.
pub fn render(comparison: &Comparison) -> String {
    let labels = labels(comparison);
    let mut out = format!("## {}\n", prose(&labels.join(" · ")));
    for warning in warnings(comparison) {
        let _ = write!(out, "\n> **!** {}\n", prose(&warning));
    }
    head(&mut out, "", &labels);
    let answers: Vec<String> = comparison
        .runs
        .iter()
        .map(|side| prose(&answer(side)))
        .collect();
    row(&mut out, "answer", &answers);
    let runs = comparison.runs.iter();
    let ids: Vec<String> = runs
        .map(|side| {
            side.run
                .as_ref()
                .map_or_else(String::new, |run| code(run.as_str()))
        })
        .collect();
    row(&mut out, "run", &ids);
    for setting in &comparison.settings {
        let values = setting.values.iter();
        let value = |v: &Option<String>| v.as_deref().map_or_else(|| "not set".to_owned(), code);
        let values: Vec<String> = values.map(value).collect();
        let name = format!("{} {}", prose(&setting.of), code(&setting.name));
        row(&mut out, &name, &values);
    }
    for section in sections(comparison) {
        let _ = write!(out, "\n### {}\n", prose(&section.title));
        head(&mut out, "", &labels);
        for line in &section.lines {
            row(
                &mut out,
                &name(line),
                &line.cells.iter().map(cell).collect::<Vec<_>>(),
            );
        }
    }
    let _ = write!(out, "\n{}\n", prose(&legend(comparison)));
    out
}

fn head(out: &mut String, first: &str, labels: &[String]) {
    let labels: Vec<String> = labels.iter().map(|label| prose(label)).collect();
    out.push('\n');
    row(out, first, &labels);
    let _ = writeln!(out, "|---|{}", "---:|".repeat(labels.len()));
}

fn row(out: &mut String, first: &str, cells: &[String]) {
    let _ = writeln!(out, "| {first} | {} |", cells.join(" | "));
}

fn name(line: &Line) -> String {
    match line.of.as_str() {
        "" => prose(&line.what),
        of => format!("{}, {}", prose(of), code(&line.what)),
    }
}

fn cell(words: &Words) -> String {
    let mut parts = Vec::new();
    if let Some(grade) = words.grade {
        parts.push(figures::grade_sign(grade).to_owned());
        if words.value.is_empty() {
            parts.push(figures::grade_word(grade).to_owned());
        }
    }
    parts.extend(
        [&words.value, &words.change]
            .into_iter()
            .filter(|t| !t.is_empty())
            .map(|t| prose(t)),
    );
    parts.join(" ")
}
