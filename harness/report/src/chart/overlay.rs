//! Several runs of one scenario in one chart: a line a run, over the time axis of the longest.

use super::timeline::Timeline;
use super::{Chart, Line, POINTS, has_data, largest, values};
use crate::chart::scale::Scale;
use crate::{figures, text};
use harness_core::record::{Record, ScenarioRecord, Tally};
use std::collections::BTreeMap;

/// Looks of the lines, told apart by dashes as well as by colour; a comparison has at most as many runs.
pub const LOOKS: [&str; 6] = ["run1", "run2", "run3", "run4", "run5", "run6"];

/// A run that played the scenario.
pub struct Played<'r> {
    /// Its label.
    pub label: &'r str,
    /// Its look.
    pub look: &'static str,
    /// Its record.
    pub record: &'r Record,
    /// The scenario.
    pub scenario: &'r ScenarioRecord,
}

/// Response time and rate of all journeys together.
pub fn charts(id: &str, runs: &[Played<'_>]) -> Vec<Chart> {
    let seconds = |run: &&Played<'_>| figures::seconds(run.scenario);
    let Some(longest) = runs.iter().max_by(|a, b| seconds(a).total_cmp(&seconds(b))) else {
        return Vec::new();
    };
    let timeline = Timeline::of(longest.record, longest.scenario);
    let lengths = runs
        .iter()
        .map(|run| figures::windows(run.scenario, POINTS as u32).1);
    let window_s = lengths.max().unwrap_or(1);
    let windows: Vec<BTreeMap<u32, Tally>> = runs
        .iter()
        .map(|run| grouped(run.scenario, window_s))
        .collect();
    let count = timeline.windows(window_s);
    let lines = |take: &dyn Fn(&Tally) -> Option<f64>| -> Vec<Line<'_>> {
        let all = runs.iter().zip(&windows);
        all.map(|(run, windows)| Line {
            name: run.label,
            look: run.look,
            values: (0..count).map(|w| windows.get(&w).and_then(take)).collect(),
            filled: false,
        })
        .collect()
    };
    let every = text::span(f64::from(window_s));
    let p95 = lines(&|t| t.response.quantile(0.95).map(|us| us as f64));
    let mut middle: Vec<f64> = values(&p95).collect();
    middle.sort_by(f64::total_cmp);
    let typical = middle.get(middle.len() / 2).copied().unwrap_or(0.0);
    let scale = Scale::latency(typical, largest(&p95));
    let unit = if scale.is_log() {
        "p95, log scale"
    } else {
        "p95"
    };
    let mut response = timeline.chart(format!("{id}-p95"), "Response time", 200.0);
    unit.clone_into(&mut response.unit);
    response.desc = format!(
        "The 95th percentile of the response time of all journeys together in windows of {every}, a line a run."
    );
    let xs = timeline.middles(window_s);
    let micros = |v: f64| text::micros(Some(v.round() as u64));
    response.draw(
        &timeline.scale,
        &scale,
        &xs,
        &p95,
        super::timeline::second,
        micros,
    );

    let completed = lines(&|t| Some(t.ok as f64 / f64::from(window_s)));
    let mut rate = timeline.chart(format!("{id}-rate"), "Completed", 120.0);
    rate.unit = "journeys a second".to_owned();
    rate.desc = format!("Journeys that ended well, a second, in windows of {every}, a line a run.");
    let from_zero = Scale::from_zero(largest(&completed));
    rate.draw(
        &timeline.scale,
        &from_zero,
        &xs,
        &completed,
        super::timeline::second,
        text::number,
    );
    let both = [(has_data(&p95), response), (has_data(&completed), rate)];
    both.into_iter()
        .filter_map(|(has, chart)| has.then_some(chart))
        .collect()
}

fn grouped(scenario: &ScenarioRecord, window_s: u32) -> BTreeMap<u32, Tally> {
    let mut windows: BTreeMap<u32, Tally> = BTreeMap::new();
    for point in scenario.series(None) {
        windows
            .entry(point.second / window_s)
            .or_default()
            .add(&point.tally);
    }
    windows
}
