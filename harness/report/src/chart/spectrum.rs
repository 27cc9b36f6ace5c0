//! The percentile spectrum: latency over log 1/(1−p), so that every nine of the tail has the same room.

use super::timeline::anchor;
use super::{Chart, Line, Tick, has_data, tidy};
use crate::chart::scale::Scale;
use crate::text;
use harness_core::record::Tally;
use std::f64::consts::LOG10_2;

/// Steps a decade.
const STEPS: u32 = 20;
/// Samples a quantile must leave above it to be drawn: fewer are anecdotes.
const BEYOND: f64 = 3.0;

/// Of all samples together: response time from the intended start, service time from the send.
pub fn chart(id: String, tally: &Tally) -> Option<Chart> {
    let samples = tally.response.count();
    if samples < 10 {
        return None;
    }
    let nines = ((samples as f64 / BEYOND).log10()).clamp(1.0, 5.0);
    let steps = (nines * f64::from(STEPS)).floor() as u32;
    let xs: Vec<f64> = (0..=steps)
        .map(|i| f64::from(i) / f64::from(STEPS))
        .collect();
    let of = |hist: &harness_core::hist::Hist| {
        xs.iter()
            .map(|x| hist.quantile(1.0 - 10f64.powf(-x)).map(|us| us as f64))
            .collect()
    };
    let lines = [
        Line {
            name: "service time",
            look: "service",
            values: of(&tally.service),
            filled: false,
        },
        Line {
            name: "response time",
            look: "response",
            values: of(&tally.response),
            filled: false,
        },
    ];
    if !has_data(&lines) {
        return None;
    }
    let largest = lines
        .iter()
        .flat_map(|l| &l.values)
        .flatten()
        .copied()
        .fold(0.0, f64::max);
    let y = Scale::latency(tally.response.quantile(0.5).unwrap_or(0) as f64, largest);
    let x = Scale::linear(0.0, nines);
    let marks = [
        (0.0, "0"),
        (LOG10_2, "50"),
        (1.0, "90"),
        (2.0, "99"),
        (3.0, "99.9"),
        (4.0, "99.99"),
        (5.0, "99.999"),
    ];
    let mut chart = Chart {
        id,
        title: "Percentile spectrum".to_owned(),
        desc: format!(
            "Latency at each percentile over {} samples, the percentile on a scale of 1/(1−p). Where response time rises above service time, requests waited before they were sent.",
            text::count(samples)
        ),
        unit: if y.is_log() {
            "log scale".to_owned()
        } else {
            String::new()
        },
        height: 200.0,
        x_label: "percentile".to_owned(),
        x_ticks: marks
            .into_iter()
            .filter(|(at, _)| *at <= nines)
            .map(|(at, label)| Tick {
                at: tidy(x.at(at) * 100.0),
                label: label.to_owned(),
                anchor: anchor(x.at(at)),
            })
            .collect(),
        ..Chart::default()
    };
    chart.draw(&x, &y, &xs, &lines, percentile, |v| {
        text::micros(Some(v.round() as u64))
    });
    Some(chart)
}

/// A place on the axis as a percentile.
fn percentile(x: f64) -> String {
    let p = 100.0 * (1.0 - 10f64.powf(-x));
    let digits = x.floor().max(0.0) as usize;
    format!("p{p:.digits$}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use harness_core::hist::Hist;

    #[test]
    fn it_draws_no_further_than_its_samples_reach() {
        let hist = |n: u64| Hist::from_counts((1..=n).map(|i| (i * 100, 1)));
        let tally = |n| Tally {
            response: hist(n),
            service: hist(n),
            ..Tally::default()
        };
        let last = |n| {
            chart(String::new(), &tally(n)).and_then(|c| c.x_ticks.last().map(|t| t.label.clone()))
        };
        assert_eq!(last(400).as_deref(), Some("99"));
        assert_eq!(last(40_000).as_deref(), Some("99.99"));
        assert_eq!(last(9), None);
    }

    #[test]
    fn places_read_as_percentiles() {
        assert_eq!(
            [LOG10_2, 1.0, 2.0, 3.0].map(percentile),
            ["p50", "p90.0", "p99.00", "p99.900"]
        );
    }
}
