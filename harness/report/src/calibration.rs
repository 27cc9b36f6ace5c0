//! A calibration on a terminal: what can be seen in this environment, name by name.

use crate::regression::change;
use crate::terminal::{Paint, Style};
use crate::text::{micros, plural, visible};
use harness_core::verdict::regression::{Alarms, Calibrated, Calibration, quantile, spoken};
use std::io::{self, Write};

/// A slow-down to ten times as much, a share.
const TENFOLD: f64 = 9.0;
const HEADS: [&str; 6] = ["", "here", "τ (95 %)", "", "", "false alarms"];

/// Writes one scenario's; with `all`, steps of journeys too.
pub fn render(
    out: &mut dyn Write,
    style: Style,
    calibration: &Calibration,
    all: bool,
) -> io::Result<()> {
    let scenario = calibration.conditions.scenario.as_str();
    let runs = plural(calibration.runs.len() as u64, "run");
    let commit = calibration.commit.as_deref();
    let commit = commit.map_or_else(String::new, |commit| {
        let short: String = commit.chars().take(9).collect();
        format!(" of commit {}", visible(&short))
    });
    let head = style.paint(Paint::Bold, scenario);
    writeln!(out, "{head}  {runs}{commit}, {}", calibration.day)?;
    for why in &calibration.left_out {
        let mark = style.paint(Paint::Doubt, "left out");
        writeln!(out, "  {mark}  {}", visible(why))?;
    }
    table(out, style, calibration, all)?;
    for note in notes(calibration) {
        writeln!(out, "  {}", style.paint(Paint::Dim, &note))?;
    }
    Ok(())
}

fn table(out: &mut dyn Write, style: Style, of: &Calibration, all: bool) -> io::Result<()> {
    let shown = |name: &&String| all || !name.contains('/');
    let names = of.names.keys().filter(shown);
    let rows = names.flat_map(|name| of.names[name].iter().map(move |f| row(name, f)));
    let mut heads = HEADS.map(str::to_owned);
    if let Some(figure) = of.names.values().flatten().next() {
        for (head, visible) in heads.iter_mut().skip(3).zip(&figure.visible) {
            *head = format!("{0} against {0}", visible.runs);
        }
    }
    let rows: Vec<[String; 6]> = std::iter::once(heads).chain(rows).collect();
    let widths: Vec<usize> = (0..6)
        .map(|column| {
            let cells = rows.iter().map(|row| row[column].chars().count());
            cells.max().unwrap_or(0)
        })
        .collect();
    for (nth, row) in rows.iter().enumerate() {
        let cells = row.iter().zip(&widths);
        let cells: Vec<String> = cells
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        let line = cells.join("  ");
        let line = line.trim_end();
        let line = match nth {
            0 => style.paint(Paint::Dim, line),
            _ => line.to_owned(),
        };
        writeln!(out, "  {line}")?;
    }
    let steps = of.names.keys().filter(|name| !shown(name)).count();
    if steps > 0 {
        let more = format!(
            "and {} of journeys; --all shows them",
            plural(steps as u64, "step")
        );
        writeln!(out, "  {}", style.paint(Paint::Dim, &more))?;
    }
    Ok(())
}

fn row(name: &str, figure: &Calibrated) -> [String; 6] {
    let (low, high) = figure.interval;
    let seen = |nth: usize| {
        let visible = figure.visible.get(nth);
        visible.map_or_else(String::new, |visible| match visible.share {
            // So much that its digits mean nothing.
            share if share >= TENFOLD => "over tenfold".to_owned(),
            share => change(share),
        })
    };
    [
        format!("{} of {}", quantile(figure.spread.q), visible(spoken(name))),
        micros(Some(figure.us as u64)),
        format!(
            "{} ({} to {})",
            points(figure.spread.deviation),
            points(low),
            points(high)
        ),
        seen(0),
        seen(1),
        counted(figure.learned.as_ref().unwrap_or(&figure.assumed)),
    ]
}

/// `1.2 %`, of a deviation of logarithms.
fn points(deviation: f64) -> String {
    let percent = deviation * 100.0;
    match percent {
        p if p < 10.0 => format!("{p:.1} %"),
        p => format!("{p:.0} %"),
    }
}

/// `1 of 20 (0 to 24 %)`.
fn counted(of: &Alarms) -> String {
    if of.pairs == 0 {
        return "too little to tell".to_owned();
    }
    let (low, high) = of.interval;
    format!(
        "{} of {} ({:.0} to {:.0} %)",
        of.alarms,
        of.pairs,
        low * 100.0,
        high * 100.0
    )
}

/// How to read it, and what it is worth.
fn notes(of: &Calibration) -> Vec<String> {
    let settings = &of.settings;
    let (learned, assumed) = Calibration::alarms(of.names.values().flatten());
    let all = |alarms: &Alarms| format!("{} of {}", alarms.alarms, alarms.pairs);
    let mut told = vec![
        "against: the smallest slow-down that so many runs a side tell from chance four times in five"
            .to_owned(),
        match learned {
            Some(_) => "false alarms: each run held against each, by the τ of those in neither side".to_owned(),
            None => "false alarms: each run held against each; five runs tell what a learned τ makes of them".to_owned(),
        },
        "  as the pairs share runs, they are not independent, and the ranges are too narrow".to_owned(),
    ];
    let learned = learned.map_or_else(String::new, |alarms| format!("{}; ", all(&alarms)));
    told.push(format!(
        "  over all figures {learned}with τ assumed to be {}, as without a calibration, {}",
        points(settings.tau),
        all(&assumed)
    ));
    if of.runs.len() < settings.tau_runs as usize {
        told.push(format!(
            "comparisons do not go by it: {} are needed for that (tau_runs), here are {}",
            plural(u64::from(settings.tau_runs), "run"),
            of.runs.len()
        ));
    }
    told
}
