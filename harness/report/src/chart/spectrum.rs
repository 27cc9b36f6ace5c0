//! The percentile spectrum: latency over log 1/(1−p), so that every nine of the tail has the same room.

use super::timeline::anchor;
use super::{Chart, Line, Series, Table, Tick, WIDTH, Words, has_data, largest, pointed, tidy};
use crate::chart::scale::Scale;
use crate::text;
use harness_core::record::Tally;
use harness_core::verdict::regression::{Curves, Point, Reach, spoken};
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
    let largest = largest(&lines);
    let y = Scale::latency(tally.response.quantile(0.5).unwrap_or(0) as f64, largest);
    let x = Scale::linear(0.0, nines);
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
        x_ticks: ticks(&x, nines),
        ..Chart::default()
    };
    chart.draw(&x, &y, &xs, &lines, percentile, |v| {
        text::micros(Some(v.round() as u64))
    });
    Some(chart)
}

/// A side: its name, the looks of its line and of its interval, and where it stands in a point.
type Side = (
    &'static str,
    &'static str,
    &'static str,
    fn(&Point) -> Reach,
);

/// Both sides of a comparison, each with the interval in which its percentiles lie as far as that can be told.
pub fn of_both(id: String, curves: &Curves) -> Option<Chart> {
    let drawn: Vec<&Point> = curves
        .points
        .iter()
        .filter(|p| p.quantile >= 0.05)
        .collect();
    let nines = |point: &Point| -(1.0 - point.quantile).log10();
    let last = drawn.last().map(|point| nines(point))?;
    let xs: Vec<f64> = drawn.iter().map(|point| nines(point)).collect();
    let x = Scale::linear(0.0, last);
    let sides: [Side; 2] = [
        ("baseline", "base", "base-reach", |p| p.baseline),
        ("candidate", "cand", "cand-reach", |p| p.candidate),
    ];
    let ends = drawn.iter().flat_map(|p| {
        let high = |reach: &Reach| if p.told { reach.high_us } else { reach.us };
        [high(&p.baseline), high(&p.candidate)]
    });
    let largest = ends.fold(0.0, f64::max);
    let half = drawn.iter().find(|p| p.quantile >= 0.5);
    let y = Scale::latency(half.map_or(0.0, |p| p.baseline.us), largest);
    let lines = sides.map(|(name, look, _, of)| Line {
        name,
        look,
        values: drawn.iter().map(|p| Some(of(p).us)).collect(),
        filled: false,
    });
    let mut chart = Chart {
        id,
        title: format!("Percentile spectrum of {}", text::one_line(spoken(&curves.name), 120)),
        desc: "Response time at each percentile, the percentile on a scale of 1/(1−p), of baseline and candidate. The shaded stretches are where each lies with 95 % confidence, the spread between runs included; they end where there are too few samples to tell.".to_owned(),
        unit: if y.is_log() {
            "log scale".to_owned()
        } else {
            String::new()
        },
        height: 220.0,
        x_label: "percentile".to_owned(),
        x_ticks: ticks(&x, last),
        ..Chart::default()
    };
    let words: Words = |v| text::micros(Some(v.round() as u64));
    chart.draw(&x, &y, &xs, &lines, percentile, words);
    let mut reaches = Vec::new();
    for (name, _, look, of) in sides {
        let told = drawn.iter().zip(&xs).filter(|(p, _)| p.told);
        let path = around(told.map(|(p, at)| (*at, of(p))).collect(), |at, us| {
            (x.at(at) * WIDTH, chart.height * (1.0 - y.at(us)))
        });
        if !path.is_empty() {
            reaches.push(Series {
                name: format!("{name}, 95 %"),
                look,
                path,
                filled: true,
                dots: Vec::new(),
            });
        }
        // The interval stands in the table and can be read where one points.
        chart.table.head.push(format!("{name}, 95 %"));
    }
    let reach = |p: &Point, of: fn(&Point) -> Reach| match p.told {
        true => format!("{} to {}", words(of(p).low_us), words(of(p).high_us)),
        false => text::NONE.to_owned(),
    };
    let rows = drawn.iter().zip(&xs).map(|(p, at)| {
        let value = |of: fn(&Point) -> Reach| words(of(p).us);
        let mut row = vec![percentile(*at)];
        row.extend(sides.map(|(.., of)| value(of)));
        row.extend(sides.map(|(.., of)| reach(p, of)));
        row
    });
    chart.table = Table::thinned(std::mem::take(&mut chart.table.head), rows.collect());
    // Read as drawn: the intervals come first, below the lines.
    let mut series: Vec<Vec<String>> = Vec::new();
    if !reaches.is_empty() {
        series.extend(sides.map(|(.., of)| drawn.iter().map(|p| reach(p, of)).collect()));
    }
    series.extend(sides.map(|(.., of)| drawn.iter().map(|p| words(of(p).us)).collect()));
    chart.points = pointed(
        xs.iter().map(|v| x.at(*v)),
        xs.iter().map(|v| percentile(*v)),
        series.into_iter(),
    );
    chart.series.splice(0..0, reaches);
    Some(chart)
}

/// The outline of intervals, along their upper ends and back along the lower ones; empty for none.
fn around(told: Vec<(f64, Reach)>, place: impl Fn(f64, f64) -> (f64, f64)) -> String {
    let upper = told.iter().map(|(at, reach)| place(*at, reach.high_us));
    let lower = told.iter().rev();
    let lower = lower.map(|(at, reach)| place(*at, reach.low_us));
    let ends: Vec<(f64, f64)> = upper.chain(lower).collect();
    let mut path = String::new();
    super::push_line(&mut path, &ends, None);
    if !path.is_empty() {
        path.push('Z');
    }
    path
}

fn ticks(x: &Scale, nines: f64) -> Vec<Tick> {
    let marks = [
        (0.0, "0"),
        (LOG10_2, "50"),
        (1.0, "90"),
        (2.0, "99"),
        (3.0, "99.9"),
        (4.0, "99.99"),
        (5.0, "99.999"),
    ];
    let tick = |(at, label): (f64, &str)| Tick {
        at: tidy(x.at(at) * 100.0),
        label: label.to_owned(),
        anchor: anchor(x.at(at)),
    };
    let within = marks.into_iter().filter(|(at, _)| *at <= nines + 1e-9);
    within.map(tick).collect()
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
