//! Probes on a scenario's own time axis: one line each, a value a window, gaps where scrapes tell nothing.

use super::timeline::Timeline;
use super::{Chart, Line, Words, has_data};
use crate::chart::scale::Scale;
use crate::text;
use harness_core::expr::gate::Unit;
use harness_core::plan::probe::ProbePlan;
use harness_core::record::{Record, ScenarioRecord};
use harness_core::units::human_us;
use harness_core::verdict::probe_series;

/// The most probes drawn of a scenario; all are in its table.
const MOST: usize = 24;

/// A chart for each of the plan's probes that is to be drawn and has a value anywhere.
pub fn charts(
    id: &str,
    timeline: &Timeline,
    record: &Record,
    scenario: &ScenarioRecord,
    window_s: u32,
) -> Vec<Chart> {
    let probes = record.run.iter().flat_map(|run| &run.plan.probes);
    probes
        .filter(|probe| probe.chart)
        .take(MOST)
        .enumerate()
        .filter_map(|(i, probe)| {
            let values = probe_series(
                record,
                probe,
                scenario,
                timeline.windows(window_s),
                window_s,
            );
            chart(format!("{id}-{i}"), timeline, probe, values, window_s)
        })
        .collect()
}

fn chart(
    id: String,
    timeline: &Timeline,
    probe: &ProbePlan,
    values: Vec<Option<f64>>,
    window_s: u32,
) -> Option<Chart> {
    let line = Line {
        name: "value",
        look: "spark",
        values,
        filled: true,
    };
    if !has_data(std::slice::from_ref(&line)) {
        return None;
    }
    let known = || line.values.iter().flatten().copied();
    let (smallest, largest) = (known().fold(0.0, f64::min), known().fold(0.0, f64::max));
    let y = if smallest < 0.0 {
        Scale::linear(smallest, largest)
    } else {
        Scale::from_zero(largest)
    };
    let mut chart = timeline.chart(id, &text::one_line(&probe.title, 120), 110.0);
    chart.unit = match &probe.unit {
        Unit::PerSecond => "a second".to_owned(),
        Unit::Named(word) => word.clone(),
        _ => String::new(),
    };
    chart.desc = format!(
        "The target's own metrics: {} in windows of {}; a gap where scrapes tell nothing.",
        text::one_line(&probe.value.to_string(), 300),
        text::span(f64::from(window_s))
    );
    let xs = timeline.middles(window_s);
    chart.draw(
        &timeline.scale,
        &y,
        &xs,
        &[line],
        super::timeline::second,
        words(&probe.unit),
    );
    Some(chart)
}

/// How figures of a unit are written, short enough for an axis.
fn words(unit: &Unit) -> Words {
    match unit {
        Unit::Share => |share| format!("{}%", text::number(share * 100.0)),
        Unit::Bytes => text::bytes,
        Unit::Seconds => |seconds| human_us((seconds.max(0.0) * 1e6).round() as u64),
        Unit::Micros => |us| human_us(us.max(0.0).round() as u64),
        Unit::PerSecond | Unit::Plain | Unit::Named(_) => text::short,
    }
}
