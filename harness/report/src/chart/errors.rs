//! Errors by kind over time: a strip a kind, all of one scale, so that kinds are told apart by place and not by colour.

use super::timeline::Timeline;
use super::{Chart, Line, Tick};
use crate::chart::scale::Scale;
use crate::text;
use harness_core::record::Tally;
use std::collections::BTreeMap;

/// The most kinds drawn; the others are told in the table of kinds.
const KINDS: usize = 8;

/// One strip for each kind, the most frequent first: (kind, how many, chart).
pub fn strips(
    id: &str,
    timeline: &Timeline,
    windows: &BTreeMap<u32, Tally>,
    window_s: u32,
) -> Vec<(String, u64, Chart)> {
    let mut totals: BTreeMap<&str, u64> = BTreeMap::new();
    for (class, n) in windows.values().flat_map(|t| &t.errors) {
        *totals.entry(class).or_default() += n;
    }
    let mut kinds: Vec<_> = totals.into_iter().filter(|(_, n)| *n > 0).collect();
    kinds.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    let largest = windows
        .values()
        .flat_map(|t| t.errors.values())
        .copied()
        .max()
        .unwrap_or(0) as f64;
    let strip = |(i, (kind, n)): (usize, (&str, u64))| {
        (
            kind.to_owned(),
            n,
            strip(
                format!("{id}-{i}"),
                timeline,
                windows,
                window_s,
                kind,
                largest,
            ),
        )
    };
    kinds
        .into_iter()
        .take(KINDS)
        .enumerate()
        .map(strip)
        .collect()
}

fn strip(
    id: String,
    timeline: &Timeline,
    windows: &BTreeMap<u32, Tally>,
    window_s: u32,
    kind: &str,
    largest: f64,
) -> Chart {
    let count = timeline.windows(window_s);
    let xs = timeline.middles(window_s);
    let of = |w: u32| {
        windows
            .get(&w)
            .and_then(|t| t.errors.get(kind))
            .copied()
            .unwrap_or(0) as f64
    };
    let values = (0..count).map(|w| Some(of(w))).collect();
    let mut chart = timeline.chart(id, kind, 34.0);
    chart.lane = 0.0;
    chart.bands.iter_mut().for_each(|band| band.label.clear());
    chart.desc = format!(
        "Errors of kind {kind} in windows of {}; all kinds on one scale.",
        text::span(f64::from(window_s))
    );
    chart.draw(
        &timeline.scale,
        &Scale::linear(0.0, largest),
        &xs,
        &[Line {
            name: kind,
            look: "error",
            values,
            filled: true,
        }],
        super::timeline::second,
        text::number,
    );
    let tick = |at: f64, value: f64| Tick {
        at,
        label: text::number(value),
        anchor: "end",
    };
    chart.y_ticks = vec![tick(0.0, largest), tick(chart.height, 0.0)];
    chart
}
