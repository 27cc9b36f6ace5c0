//! Response time over time: median, tail and worst of each window.

use super::timeline::{Timeline, WARM_UP};
use super::{Chart, Line, has_data};
use crate::chart::scale::Scale;
use crate::text;
use harness_core::record::Tally;
use std::collections::BTreeMap;

type Figure = (&'static str, &'static str, f64);
/// Drawn from the back to the front.
const FIGURES: [Figure; 4] = [
    ("max", "max", 1.0),
    ("p99", "p99", 0.99),
    ("p95", "p95", 0.95),
    ("p50", "p50", 0.5),
];

/// Of windows of `window_s` seconds; `None` when nothing came back.
pub fn chart(
    id: String,
    timeline: &Timeline,
    windows: &BTreeMap<u32, Tally>,
    window_s: u32,
) -> Option<Chart> {
    let count = timeline.windows(window_s);
    let xs = timeline.middles(window_s);
    let at = |q: f64| {
        (0..count)
            .map(|w| {
                windows
                    .get(&w)
                    .and_then(|t| {
                        if q >= 1.0 {
                            t.response.max()
                        } else {
                            t.response.quantile(q)
                        }
                    })
                    .map(|us| us as f64)
            })
            .collect()
    };
    let lines: Vec<Line<'_>> = FIGURES
        .into_iter()
        .map(|(name, look, q)| Line {
            name,
            look,
            values: at(q),
            filled: false,
        })
        .collect();
    if !has_data(&lines) {
        return None;
    }
    let mut medians: Vec<f64> = lines[3].values.iter().flatten().copied().collect();
    medians.sort_by(f64::total_cmp);
    let typical = medians.get(medians.len() / 2).copied().unwrap_or(0.0);
    let largest = lines[0]
        .values
        .iter()
        .flatten()
        .copied()
        .fold(0.0, f64::max);
    let y = Scale::latency(typical, largest);
    let mut chart = timeline.chart(id, "Response time", 220.0);
    chart.unit = if y.is_log() {
        "log scale".to_owned()
    } else {
        String::new()
    };
    let shaded = match chart.kinds.contains(&WARM_UP) {
        true => "faults, recovery and the warm-up",
        false => "faults and recovery",
    };
    chart.desc = format!(
        "Response time of all journeys together, from the intended start, in windows of {}: median, 95th and 99th percentile and maximum. Shaded stretches are {shaded}.",
        text::span(f64::from(window_s))
    );
    chart.draw(
        &timeline.scale,
        &y,
        &xs,
        &lines,
        super::timeline::second,
        |v| text::micros(Some(v.round() as u64)),
    );
    Some(chart)
}
