//! Where the requests of each step spent their time: one row for each phase that happened, with its share of all.

use crate::figures;
use crate::text::{self, one_line};
use harness_core::phases::{Phases, RequestPhase};
use harness_core::record::ScenarioRecord;
use serde::Serialize;

/// The width of a row's bar.
const WIDTH: f64 = 120.0;

#[derive(Debug, Serialize)]
pub(super) struct PhasesView {
    journey: String,
    step: String,
    rows: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Row {
    phase: &'static str,
    cells: Vec<String>,
    /// Where its bar begins, and how long it is.
    from: String,
    width: String,
}

/// The steps of a scenario whose requests were timed, in order of name.
pub(super) fn of(scenario: &ScenarioRecord, at_most: usize) -> Vec<PhasesView> {
    let steps = scenario.names.keys().filter_map(|name| {
        let (journey, step) = name.split_once('/')?;
        let phases = figures::judged(scenario, name).phases;
        (!phases.is_empty()).then(|| PhasesView {
            journey: one_line(journey, 80),
            step: one_line(step, 120),
            rows: rows(&phases),
        })
    });
    steps.take(at_most).collect()
}

/// All time that requests spent in a phase, µs.
fn spent(phases: &Phases, phase: RequestPhase) -> f64 {
    let hist = phases.get(phase);
    hist.mean().unwrap_or(0.0) * hist.count() as f64
}

fn rows(phases: &Phases) -> Vec<Row> {
    let all: f64 = RequestPhase::ALL.iter().map(|p| spent(phases, *p)).sum();
    let mut before = 0.0;
    let mut rows = Vec::new();
    for phase in RequestPhase::ALL {
        let hist = phases.get(phase);
        if hist.is_empty() {
            continue;
        }
        let share = if all > 0.0 {
            spent(phases, phase) / all
        } else {
            0.0
        };
        let mean = hist.mean().map(|us| us.round() as u64);
        let q = |q: f64| text::micros(hist.quantile(q));
        rows.push(Row {
            phase: phase.as_str(),
            cells: vec![
                text::count(hist.count()),
                text::micros(mean),
                q(0.5),
                q(0.95),
                q(0.99),
                text::micros(hist.max()),
                text::percent(share),
            ],
            from: format!("{:.1}", before * WIDTH),
            width: format!("{:.1}", share * WIDTH),
        });
        before += share;
    }
    rows
}
