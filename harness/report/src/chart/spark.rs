//! The target's own metrics, small, many, and on one time axis: counters as rates, gauges as they are.

use super::timeline::Timeline;
use super::{Chart, Line, POINTS, Words};
use crate::chart::scale::Scale;
use crate::text;
use harness_core::record::Record;
use std::collections::BTreeMap;

/// The most charts on a page; what is left is named in a table.
const MOST: usize = 24;

/// A metric, drawn or only named.
pub struct Metrics {
    /// (service, chart, last value).
    pub drawn: Vec<(String, Chart, String)>,
    /// (service, series, last value) of those that never changed, or found no room.
    pub named: Vec<(String, String, String)>,
}

/// One metric over time.
struct Metric {
    name: String,
    unit: &'static str,
    points: Vec<(u64, f64)>,
}

impl Metric {
    /// How its values are written, short enough for a narrow axis.
    fn words(&self) -> Words {
        let name = self.name.split('{').next().unwrap_or(&self.name);
        if name.ends_with("_bytes") {
            text::bytes
        } else {
            text::short
        }
    }
}

/// All metrics of all services.
pub fn metrics(record: &Record) -> Metrics {
    let timeline = Timeline::whole_run(record);
    let mut out = Metrics {
        drawn: Vec::new(),
        named: Vec::new(),
    };
    for (service, series) in &record.probes {
        for metric in of_service(series) {
            let last = metric
                .points
                .last()
                .map_or_else(|| text::NONE.to_owned(), |(_, v)| metric.words()(*v));
            let changed = metric
                .points
                .iter()
                .any(|(_, v)| Some(*v) != metric.points.first().map(|(_, first)| *first));
            if changed && out.drawn.len() < MOST {
                let chart = chart(format!("m{}", out.drawn.len()), &timeline, &metric);
                out.drawn.push((service.clone(), chart, last));
            } else {
                out.named.push((service.clone(), metric.name, last));
            }
        }
    }
    out
}

/// Counters are summed over their labels; parts of histograms are left out, but for their count.
fn of_service(series: &BTreeMap<String, Vec<(u64, f64)>>) -> Vec<Metric> {
    let mut counters: BTreeMap<String, BTreeMap<u64, f64>> = BTreeMap::new();
    let mut metrics = Vec::new();
    for (full, points) in series {
        let name = full.split('{').next().unwrap_or(full);
        if ["_bucket", "_sum", "_created"]
            .iter()
            .any(|part| name.ends_with(part))
        {
            continue;
        }
        if name.ends_with("_total") || name.ends_with("_count") {
            let sum = counters.entry(name.to_owned()).or_default();
            points
                .iter()
                .for_each(|(at, v)| *sum.entry(*at).or_default() += v);
        } else {
            metrics.push(Metric {
                name: full.clone(),
                unit: "",
                points: points.clone(),
            });
        }
    }
    let rates = counters.into_iter().map(|(name, sums)| Metric {
        name,
        unit: "a second",
        points: rates(&sums),
    });
    let mut all: Vec<_> = rates.collect();
    all.append(&mut metrics);
    all
}

/// Differences over time; a counter that fell was restarted and counts from zero.
fn rates(sums: &BTreeMap<u64, f64>) -> Vec<(u64, f64)> {
    let pairs = sums.iter().zip(sums.iter().skip(1));
    pairs
        .map(|((t0, v0), (t1, v1))| {
            (
                *t1,
                (if v1 >= v0 { v1 - v0 } else { *v1 }) / ((t1 - t0) as f64 / 1e6).max(1e-3),
            )
        })
        .collect()
}

fn chart(id: String, timeline: &Timeline, metric: &Metric) -> Chart {
    let points = &metric.points[..metric.points.len().min(POINTS)];
    let xs: Vec<f64> = points.iter().map(|(at, _)| *at as f64 / 1e6).collect();
    let largest = points.iter().map(|(_, v)| *v).fold(0.0, f64::max);
    let smallest = points.iter().map(|(_, v)| *v).fold(0.0, f64::min);
    let y = if smallest < 0.0 {
        Scale::linear(smallest, largest)
    } else {
        Scale::from_zero(largest)
    };
    let mut chart = timeline.chart(id, &text::one_line(&metric.name, 120), 56.0);
    chart.unit = metric.unit.to_owned();
    chart.desc = format!(
        "The target's own metric {} over the whole run{}.",
        chart.title,
        if metric.unit.is_empty() {
            ""
        } else {
            ", a second"
        }
    );
    let line = Line {
        name: "value",
        look: "spark",
        values: points.iter().map(|(_, v)| Some(*v)).collect(),
        filled: true,
    };
    chart.draw(
        &timeline.scale,
        &y,
        &xs,
        &[line],
        text::clock,
        metric.words(),
    );
    chart.x_ticks = [
        chart.x_ticks.first().cloned(),
        chart.x_ticks.last().filter(|t| t.at > 50.0).cloned(),
    ]
    .into_iter()
    .flatten()
    .collect();
    let top = chart
        .y_ticks
        .iter()
        .map(|t| t.at)
        .fold(f64::INFINITY, f64::min);
    chart
        .y_ticks
        .retain(|tick| tick.at == top || tick.at == chart.height);
    chart
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_become_rates_over_all_labels_and_survive_a_restart() {
        let series = BTreeMap::from([
            (
                "http_requests_total{code=\"200\"}".to_owned(),
                vec![(1_000_000, 10.0), (2_000_000, 30.0), (3_000_000, 5.0)],
            ),
            (
                "http_requests_total{code=\"500\"}".to_owned(),
                vec![(1_000_000, 0.0), (2_000_000, 1.0), (3_000_000, 0.0)],
            ),
            ("lat_bucket{le=\"1\"}".to_owned(), vec![(1_000_000, 1.0)]),
            ("open".to_owned(), vec![(1_000_000, 3.0)]),
        ]);
        let metrics = of_service(&series);
        let seen: Vec<_> = metrics
            .iter()
            .map(|m| (m.name.as_str(), m.points.clone()))
            .collect();
        assert_eq!(
            seen,
            [
                (
                    "http_requests_total",
                    vec![(2_000_000, 21.0), (3_000_000, 5.0)]
                ),
                ("open", vec![(1_000_000, 3.0)])
            ]
        );
    }
}
