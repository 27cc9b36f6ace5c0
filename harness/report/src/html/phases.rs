//! Where the requests of each step spent their time: bars of the means, and a row of figures for each phase that
//! happened.

use crate::chart::phases::{self as bars, Bars};
use crate::phases;
use crate::text::{self, one_line};
use harness_core::phases::Phases;
use harness_core::record::ScenarioRecord;
use serde::Serialize;

#[derive(Debug, Serialize)]
pub(super) struct PhasesView {
    bars: Option<Bars>,
    steps: Vec<StepView>,
}

#[derive(Debug, Serialize)]
struct StepView {
    journey: String,
    step: String,
    rows: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Row {
    phase: &'static str,
    cells: Vec<String>,
}

/// The steps of a scenario whose requests were timed, in order of name; `None` where none was.
pub(super) fn of(id: String, scenario: &ScenarioRecord, at_most: usize) -> Option<PhasesView> {
    let steps = phases::steps(scenario);
    let view = |(name, phases): &(&str, Phases)| {
        let (journey, step) = name.split_once('/').unwrap_or((name, ""));
        StepView {
            journey: one_line(journey, 80),
            step: one_line(step, 120),
            rows: rows(phases),
        }
    };
    (!steps.is_empty()).then(|| PhasesView {
        bars: bars::chart(id, &steps),
        steps: steps.iter().take(at_most).map(view).collect(),
    })
}

fn rows(phases: &Phases) -> Vec<Row> {
    let row = |part: phases::Part<'_>| {
        let q = |q: f64| text::micros(part.hist.quantile(q));
        Row {
            phase: part.phase.as_str(),
            cells: vec![
                text::count(part.hist.count()),
                text::micros(part.hist.mean().map(|us| us.round() as u64)),
                q(0.5),
                q(0.95),
                q(0.99),
                text::micros(part.hist.max()),
                text::percent(part.share),
            ],
        }
    };
    phases::parts(phases).into_iter().map(row).collect()
}
