//! What is of a release rather than of load: evidence, waivers, checklists, abort thresholds, trend.

use super::summary::{heading, width};
use super::wrap::wrapped;
use super::{Paint, Style};
use crate::sheet::Sheet;
use std::io::{self, Write};

/// Writes what there is of it.
pub(super) fn of(out: &mut dyn Write, style: Style, sheet: &Sheet) -> io::Result<()> {
    if !sheet.unwaived.is_empty() {
        wrapped(out, style, "  ", &sheet.unwaived)?;
    }
    if !sheet.evidence.is_empty() {
        heading(out, style, "Evidence")?;
    }
    for row in &sheet.evidence {
        let words = format!("{}, {}, {}", row.run, row.age, row.how);
        wrapped(out, style, "  ", &words)?;
        wrapped(out, style, "    ", &row.of)?;
        if !row.doubt.is_empty() {
            let sign = format!("    {} ", style.paint(Paint::Doubt, "!"));
            wrapped(out, style, &sign, &row.doubt)?;
        }
        let artefact = format!("{} sha256 {}", row.path, row.digest);
        writeln!(out, "    {}", style.paint(Paint::Dim, &artefact))?;
    }
    if !sheet.waivers.is_empty() {
        heading(out, style, "Waivers")?;
    }
    for row in &sheet.waivers {
        let sign = format!("  {} ", style.paint(Paint::Doubt, row.sign));
        let words = format!(
            "{}: {} (until {}, {})",
            row.gate, row.state, row.expires, row.scope
        );
        wrapped(out, style, &sign, &words)?;
        wrapped(
            out,
            style,
            "    ",
            &format!("{} ({})", row.reason, row.people),
        )?;
    }
    for phase in &sheet.checklist {
        heading(out, style, &phase.title)?;
        for row in &phase.entries {
            let (paint, sign) = if row.closed {
                (Paint::Good, "✓")
            } else {
                (Paint::Doubt, "□")
            };
            let owner = match row.owner.as_str() {
                "" => String::new(),
                owner => format!(" ({owner})"),
            };
            let sign = format!("  {} ", style.paint(paint, sign));
            wrapped(
                out,
                style,
                &sign,
                &format!("{}{owner}: {}", row.title, row.why),
            )?;
        }
    }
    stops(out, style, sheet)?;
    trend(out, style, sheet)
}

fn stops(out: &mut dyn Write, style: Style, sheet: &Sheet) -> io::Result<()> {
    if sheet.abort.is_empty() {
        return Ok(());
    }
    let words = format!(
        "Stop the deployment above, in windows of {} s",
        sheet.window_s
    );
    heading(out, style, &words)?;
    let metric = width(sheet.abort.iter().map(|row| row.metric.chars().count()));
    for row in &sheet.abort {
        let words = format!(
            "{}, {} (seen {}, limit {})",
            row.place, row.basis, row.seen, row.limit
        );
        let begin = format!("  {:<metric$} {:>9}  ", row.metric, row.above);
        wrapped(out, style, &begin, &words)?;
    }
    Ok(())
}

fn trend(out: &mut dyn Write, style: Style, sheet: &Sheet) -> io::Result<()> {
    if sheet.trend.is_empty() {
        return Ok(());
    }
    heading(out, style, "Releases before")?;
    let release = width(sheet.trend.iter().map(|row| row.release.chars().count()));
    for row in &sheet.trend {
        let begin = format!(
            "  {:<release$}  {}  {} {:<14} ",
            row.release, row.on, row.sign, row.decision
        );
        let words = format!(
            "score {}, p95 {}, errors {}, waivers {}, incident: {}",
            row.score, row.p95, row.errors, row.waivers, row.incident
        );
        wrapped(out, style, &begin, &words)?;
    }
    Ok(())
}
