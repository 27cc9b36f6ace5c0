//! One aligned table for a terminal: what the runs came to, the gates, and of each scenario the figures that matter first.

use super::{Line, Words, answer, labels, legend, sections, warnings};
use crate::figures;
use crate::terminal::{Paint, Style};
use crate::text::clip;
use harness_core::compare::{Comparison, Meaning};
use harness_core::verdict::Grade;
use std::io::{self, Write};
use std::path::Path;

/// Writes the table; `report` is where the page lies.
pub fn render(
    out: &mut dyn Write,
    style: Style,
    comparison: &Comparison,
    report: Option<&Path>,
) -> io::Result<()> {
    let mut table = vec![Printed::heading("Comparison", labels(comparison))];
    let answers = comparison.runs.iter().map(answer);
    table.push(Printed::plain("  answer", answers.collect()));
    for setting in &comparison.settings {
        let values = setting.values.iter();
        let value = |v: &Option<String>| clip(v.as_deref().unwrap_or("not set"), 24);
        let name = format!("  {} {}", setting.of, setting.name);
        table.push(Printed::plain(&name, values.map(value).collect()));
    }
    for section in sections(comparison) {
        table.push(Printed::heading(&section.title, Vec::new()));
        let lines = section.lines.iter().filter(|line| line.brief);
        table.extend(lines.map(Printed::of));
    }
    write(out, style, &table)?;
    writeln!(out)?;
    for warning in warnings(comparison) {
        writeln!(out, "{} {warning}", style.paint(Paint::Doubt, "!"))?;
    }
    writeln!(out, "{}", style.paint(Paint::Dim, &legend(comparison)))?;
    if let Some(report) = report {
        let word = style.paint(Paint::Dim, "comparison");
        writeln!(out, "{word} {}", report.display())?;
    }
    Ok(())
}

/// A line, ready but for its widths.
struct Printed {
    name: String,
    heading: bool,
    /// A value and a difference each.
    cells: Vec<(String, String, Option<Paint>)>,
}

impl Printed {
    fn heading(name: &str, cells: Vec<String>) -> Self {
        Self {
            heading: true,
            ..Self::plain(name, cells)
        }
    }

    fn plain(name: &str, cells: Vec<String>) -> Self {
        let cells = cells.into_iter().map(|cell| (cell, String::new(), None));
        Self {
            name: name.to_owned(),
            heading: false,
            cells: cells.collect(),
        }
    }

    fn of(line: &Line) -> Self {
        let name = match line.of.as_str() {
            "" => format!("  {}", line.what),
            of => format!("  {of}  {}", line.what),
        };
        Self {
            name,
            heading: false,
            cells: line.cells.iter().map(cell).collect(),
        }
    }
}

fn cell(words: &Words) -> (String, String, Option<Paint>) {
    let value = match words.grade {
        Some(grade) => {
            let sign = figures::grade_sign(grade);
            let said = if words.value.is_empty() {
                figures::grade_word(grade)
            } else {
                &words.value
            };
            format!("{sign} {said}")
        }
        None => words.value.clone(),
    };
    let paint = match (words.grade, words.meaning) {
        (Some(Grade::Pass), _) | (None, None | Some(Meaning::Different)) => None,
        (Some(Grade::Fail), _) | (_, Some(Meaning::Worse)) => Some(Paint::Bad),
        (Some(_), _) => Some(Paint::Doubt),
        (_, Some(Meaning::Better)) => Some(Paint::Good),
        (_, Some(Meaning::Unclear)) => Some(Paint::Dim),
    };
    (value, words.change.clone(), paint)
}

fn write(out: &mut dyn Write, style: Style, table: &[Printed]) -> io::Result<()> {
    let chars = |text: &str| text.chars().count();
    let columns = table.iter().map(|line| line.cells.len()).max().unwrap_or(0);
    let width = |column: usize, part: fn(&(String, String, Option<Paint>)) -> &str| {
        let cells = table.iter().filter_map(|line| line.cells.get(column));
        cells.map(|cell| chars(part(cell))).max().unwrap_or(0)
    };
    let widths: Vec<(usize, usize)> = (0..columns)
        .map(|column| (width(column, |c| &c.0), width(column, |c| &c.1)))
        .collect();
    let taken: usize = widths
        .iter()
        .map(|(value, change)| value + change + 4)
        .sum();
    let longest = table
        .iter()
        .map(|line| chars(&line.name))
        .max()
        .unwrap_or(0);
    let name = longest.min(style.width.saturating_sub(taken).max(24));
    for line in table {
        let padded = format!("{:<name$}", clip(&line.name, name));
        if line.heading {
            if line.cells.is_empty() {
                writeln!(out, "\n{}", style.paint(Paint::Bold, padded.trim_end()))?;
                continue;
            }
            write!(out, "{}", style.paint(Paint::Bold, &padded))?;
        } else {
            write!(out, "{padded}")?;
        }
        let mut rest = String::new();
        for ((value, change, paint), (value_width, change_width)) in line.cells.iter().zip(&widths)
        {
            let padding = " ".repeat(value_width - chars(value) + 2);
            // A gate's sign and a difference are what colour underlines.
            let (value, change) = match (paint, change.is_empty()) {
                (Some(paint), true) => (style.paint(*paint, value), String::new()),
                (Some(paint), false) => (value.clone(), style.paint(*paint, change)),
                (None, _) => (value.clone(), change.clone()),
            };
            let shown = line_width(&change, style);
            let after = " ".repeat(change_width.saturating_sub(shown));
            let gap = if *change_width > 0 { "  " } else { "" };
            rest.push_str(&format!("{padding}{value}{gap}{change}{after}"));
        }
        writeln!(out, "{}", rest.trim_end())?;
    }
    Ok(())
}

/// Columns a text takes, its paint aside.
fn line_width(text: &str, style: Style) -> usize {
    if !style.color {
        return text.chars().count();
    }
    let mut inside = false;
    let seen = text.chars().filter(|c| {
        inside |= *c == '\x1b';
        let counts = !inside;
        inside &= *c != 'm';
        counts
    });
    seen.count()
}
