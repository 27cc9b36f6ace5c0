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
        let values = values.map(value).collect();
        if name.chars().count() < SHORT {
            table.push(Printed::plain(&name, values));
        } else {
            table.push(Printed::subject(&name));
            table.push(Printed::plain("", values));
        }
    }
    for section in sections(comparison) {
        table.push(Printed::heading(&section.title, Vec::new()));
        let lines: Vec<&Line> = section.lines.iter().filter(|line| line.brief).collect();
        let groups = lines.chunk_by(|a, b| a.of == b.of);
        groups.for_each(|group| table.extend(Printed::group(group)));
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

/// The longest name and figure that share a line, characters.
const SHORT: usize = 24;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A part of the table.
    Heading,
    /// What the figures below are of.
    Subject,
    /// A cell a run.
    Figures,
}

/// A line, ready but for its widths.
struct Printed {
    name: String,
    kind: Kind,
    /// A value and a difference each.
    cells: Vec<(String, String, Option<Paint>)>,
}

impl Printed {
    fn heading(name: &str, cells: Vec<String>) -> Self {
        Self {
            kind: Kind::Heading,
            ..Self::plain(name, cells)
        }
    }

    fn plain(name: &str, cells: Vec<String>) -> Self {
        let cells = cells.into_iter().map(|cell| (cell, String::new(), None));
        Self {
            name: name.to_owned(),
            kind: Kind::Figures,
            cells: cells.collect(),
        }
    }

    fn subject(name: &str) -> Self {
        Self {
            kind: Kind::Subject,
            ..Self::plain(name, Vec::new())
        }
    }

    /// Lines of one subject: under its name, or on the line of a single short one.
    fn group(lines: &[&Line]) -> Vec<Self> {
        let Some(of) = lines.first().map(|line| line.of.as_str()) else {
            return Vec::new();
        };
        let of_line = |indent: &str, line: &Line| Self {
            name: format!("{indent}{}", line.what),
            kind: Kind::Figures,
            cells: line.cells.iter().map(cell).collect(),
        };
        match lines {
            _ if of.is_empty() => lines.iter().map(|line| of_line("  ", line)).collect(),
            [line] if of.chars().count() + line.what.chars().count() < SHORT => {
                vec![of_line(&format!("  {of} "), line)]
            }
            _ => {
                let name = Self::subject(&format!("  {of}"));
                let figures = lines.iter().map(|line| of_line("    ", line));
                std::iter::once(name).chain(figures).collect()
            }
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
    let figures = table.iter().filter(|line| !line.cells.is_empty());
    let names = figures.map(|line| chars(&line.name));
    let longest = names.max().unwrap_or(0);
    let name = longest.min(style.width.saturating_sub(taken).max(SHORT));
    for line in table {
        let whole = clip(&line.name, style.width);
        let padded = format!("{:<name$}", clip(&line.name, name));
        match (line.kind, line.cells.is_empty()) {
            (Kind::Heading, true) => {
                writeln!(out, "\n{}", style.paint(Paint::Bold, &whole))?;
                continue;
            }
            (Kind::Subject, _) => {
                writeln!(out, "{}", style.paint(Paint::Dim, &whole))?;
                continue;
            }
            (Kind::Heading, false) => write!(out, "{}", style.paint(Paint::Bold, &padded))?,
            (Kind::Figures, _) => write!(out, "{padded}")?,
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
