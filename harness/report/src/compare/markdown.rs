//! The comparison for a CI job's page, fit for Markdown whatever names it holds.

use super::{Line, Words, answer, labels, legend, sections, warnings};
use crate::figures;
use crate::markdown::{LIMIT, code, for_want_of_room, prose};
use crate::text::plural;
use harness_core::compare::Comparison;
use std::fmt::Write as _;

/// Kept free for the legend and for saying what was left out.
const ROOM: usize = 1_500;
/// Warnings told at most.
const WARNINGS: usize = 20;

/// The comparison.
pub fn render(comparison: &Comparison) -> String {
    within(LIMIT, comparison)
}

/// The comparison in at most so many bytes, where there is less room than [`LIMIT`]; its answers are there always.
pub fn within(limit: usize, comparison: &Comparison) -> String {
    let limit = limit.min(LIMIT);
    let labels = labels(comparison);
    let mut out = format!("## {}\n", prose(&labels.join(" · ")));
    let mut left_out: Vec<String> = Vec::new();
    let warnings = warnings(comparison);
    for warning in warnings.iter().take(WARNINGS) {
        let _ = write!(out, "\n> **!** {}\n", prose(warning));
    }
    if let Some(more) = warnings.len().checked_sub(WARNINGS).filter(|n| *n > 0) {
        left_out.push(plural(more as u64, "warning"));
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
    let settings = comparison.settings.iter().map(|setting| {
        let values = setting.values.iter();
        let value = |v: &Option<String>| v.as_deref().map_or_else(|| "not set".to_owned(), code);
        let values: Vec<String> = values.map(value).collect();
        let name = format!("{} {}", prose(&setting.of), code(&setting.name));
        line(&name, &values)
    });
    let settings: Vec<String> = settings.collect();
    fill(&mut out, limit, "", &settings, "settings", &mut left_out);
    for section in sections(comparison) {
        let mut begin = format!("\n### {}\n", prose(&section.title));
        head(&mut begin, "", &labels);
        let rows = section.lines.iter().map(|of| {
            let cells: Vec<String> = of.cells.iter().map(cell).collect();
            line(&name(of), &cells)
        });
        let rows: Vec<String> = rows.collect();
        let of = format!("rows of {}", prose(&section.title));
        fill(&mut out, limit, &begin, &rows, &of, &mut left_out);
    }
    let _ = write!(out, "\n{}\n", prose(&legend(comparison)));
    for_want_of_room(&mut out, left_out, 8);
    out
}

/// Writes as many rows below their head as find room, and notes how many did not.
fn fill(
    out: &mut String,
    limit: usize,
    head: &str,
    rows: &[String],
    of: &str,
    left_out: &mut Vec<String>,
) {
    let fits = |out: &str, more: usize| out.len() + more + ROOM <= limit;
    let first = rows.first().map_or(0, String::len);
    let mut shown = 0;
    if rows.is_empty() || fits(out, head.len() + first) {
        out.push_str(head);
        for row in rows {
            if !fits(out, row.len()) {
                break;
            }
            out.push_str(row);
            shown += 1;
        }
    }
    if shown < rows.len() {
        left_out.push(format!("{} {of}", rows.len() - shown));
    }
}

fn head(out: &mut String, first: &str, labels: &[String]) {
    let labels: Vec<String> = labels.iter().map(|label| prose(label)).collect();
    out.push('\n');
    row(out, first, &labels);
    let _ = writeln!(out, "|---|{}", "---:|".repeat(labels.len()));
}

fn row(out: &mut String, first: &str, cells: &[String]) {
    out.push_str(&line(first, cells));
}

fn line(first: &str, cells: &[String]) -> String {
    format!("| {first} | {} |\n", cells.join(" | "))
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
