//! Faults in the words at the end of a run: the chaos matrix, and under a scenario's latencies each of its faults.

use super::summary::{MOST, heading, width};
use super::wrap::wrapped;
use super::{Paint, Style};
use crate::text::one_line;
use crate::{clocks, faults, matrix};
use harness_core::record::{Record, ScenarioRecord};
use harness_core::verdict::headroom::headrooms;
use harness_core::verdict::inference::Confidence;
use harness_core::verdict::matrix::{CellResult, Outcome};
use std::io::{self, Write};

/// The chaos matrix; whether there is one.
pub(super) fn matrix(out: &mut dyn Write, style: Style, record: &Record) -> io::Result<bool> {
    let Some(found) = matrix::of(record) else {
        return Ok(false);
    };
    let table = matrix::table(&found);
    heading(out, style, "Chaos matrix")?;
    let shown = |cell: &Option<&CellResult>| {
        let told = cell.map(|cell| (matrix::sign(cell.outcome), cell.outcome.as_str()));
        told.map_or_else(String::new, |(sign, word)| format!("{sign} {word}"))
    };
    let column = |n: usize| {
        let cells = table.rows.iter().filter_map(|row| row.2.get(n));
        let cells = width(cells.map(|cell| shown(cell).chars().count()));
        cells.max(table.faults.get(n).map_or(0, |fault| fault.chars().count()))
    };
    let columns: Vec<usize> = (0..table.faults.len()).map(column).collect();
    let journey = width(table.rows.iter().map(|row| row.0.chars().count()));
    let link = width(table.rows.iter().map(|row| row.1.chars().count()));
    let heads = table.faults.iter().zip(&columns);
    let heads: String = heads.map(|(fault, n)| format!("  {fault:<n$}")).collect();
    let heads = format!("  {:<journey$}  {:<link$}{heads}", "", "");
    writeln!(out, "{}", style.paint(Paint::Dim, heads.trim_end()))?;
    for (name, of, cells) in &table.rows {
        write!(out, "  {name:<journey$}  {of:<link$}")?;
        for (cell, n) in cells.iter().zip(&columns) {
            let words = format!("{:<n$}", shown(cell));
            let paint = cell.map_or(Paint::Dim, |cell| match cell.outcome {
                Outcome::Survived => Paint::Good,
                Outcome::Broke | Outcome::NeverRecovered => Paint::Bad,
                Outcome::Degraded | Outcome::Unclear => Paint::Doubt,
                Outcome::Untouched | Outcome::NotDone => Paint::Dim,
            });
            write!(out, "  {}", style.paint(paint, &words))?;
        }
        writeln!(out)?;
    }
    for cell in found
        .cells
        .iter()
        .filter(|cell| cell.outcome != Outcome::Survived)
    {
        let CellResult {
            journey,
            link,
            fault,
            ..
        } = cell;
        let start = format!(
            "  {} {journey}, {link}, {fault}: ",
            matrix::sign(cell.outcome)
        );
        wrapped(out, style, &start, &matrix::words(cell))?;
    }
    for words in matrix::left_out(&found) {
        wrapped(out, style, "  ", &words)?;
    }
    Ok(true)
}

/// What the load was in the phases of each fault of a scenario, with its clocks.
pub(super) fn of(
    out: &mut dyn Write,
    style: Style,
    record: &Record,
    scenario: &ScenarioRecord,
) -> io::Result<()> {
    let headrooms = headrooms(record, scenario);
    for fault in faults::names(record, scenario).into_iter().take(MOST) {
        let words = faults::in_short(&faults::phases(record, scenario, fault));
        let words = format!("{}: {words}", one_line(fault, 60));
        wrapped(out, style, "  ", &words)?;
        clocks_of(out, style, record, scenario, fault)?;
        for words in faults::headroom_of(&headrooms, fault) {
            wrapped(out, style, "    ", &words)?;
        }
        if let Some(effect) = faults::effect_of(record, scenario, fault) {
            let words = format!("effect against the control: {}", effect.in_short());
            wrapped(out, style, "    ", &words)?;
        }
    }
    Ok(())
}

/// The clocks of a fault's first turn, and what the target did about it, as far as that is known.
fn clocks_of(
    out: &mut dyn Write,
    style: Style,
    record: &Record,
    scenario: &ScenarioRecord,
    fault: &str,
) -> io::Result<()> {
    let Some(fault) = record.faults_of(&scenario.name).find(|f| f.name == fault) else {
        return Ok(());
    };
    let clocks = clocks::of(record, scenario, fault);
    let words = clocks
        .iter()
        .map(|c| format!("{} {}", c.figure.word(), c.words()));
    let by = fault
        .by
        .as_deref()
        .map(|by| format!("by {}", one_line(by, 120)));
    let words: Vec<String> = by.into_iter().chain(words).collect();
    wrapped(out, style, "    ", &words.join(", "))?;
    for did in clocks::did(record, scenario, fault) {
        if let (Some(says), Some(Confidence::Medium | Confidence::High)) =
            (&did.says, did.confidence)
        {
            wrapped(out, style, "    • ", &format!("{says} ({})", did.sure()))?;
        }
    }
    Ok(())
}
