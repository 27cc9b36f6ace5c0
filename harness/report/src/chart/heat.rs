//! Second by latency: how many samples of each window took how long, by shade. Shows what percentiles hide: two humps,
//! a stall that only a few saw, a fault that all waited for.

use super::scale::Scale;
use super::timeline::{Timeline, second};
use super::{Chart, Series, Table, Tick, WIDTH, pointed, tidy};
use crate::text;
use harness_core::record::Tally;
use std::collections::BTreeMap;

/// The most columns: narrower ones could not be told apart on a phone.
const COLUMNS: u32 = 120;
/// Bands of latency.
const ROWS: usize = 18;
const HEIGHT: f64 = 198.0;
/// From few samples to many.
const LOOKS: [&str; 5] = ["heat1", "heat2", "heat3", "heat4", "heat5"];

/// Samples of one column, by band of latency.
type Column = [u64; ROWS];

/// Of windows of `window_s` seconds, several put together where there are many; `None` when nothing came back.
pub fn chart(
    id: String,
    timeline: &Timeline,
    windows: &BTreeMap<u32, Tally>,
    window_s: u32,
) -> Option<Chart> {
    let least = windows.values().filter_map(|t| t.response.min()).min()?;
    let most = windows.values().filter_map(|t| t.response.max()).max()?;
    let y = Scale::log(least as f64, most as f64);
    let together = timeline.windows(window_s).div_ceil(COLUMNS).max(1);
    let window_s = window_s * together;
    let mut columns: Vec<Column> = vec![[0; ROWS]; timeline.windows(window_s) as usize];
    for (window, tally) in windows {
        if let Some(column) = columns.get_mut((window / together) as usize) {
            count(column, &y, tally);
        }
    }
    let fullest = columns.iter().flatten().copied().max().filter(|n| *n > 0)?;
    let mut chart = timeline.chart(id, "Spread of response times", HEIGHT);
    chart.unit = "journeys a cell, log scale".to_owned();
    chart.desc = format!(
        "Journeys by response time in windows of {}: the darker a cell, the more journeys; at most {}.",
        text::span(f64::from(window_s)),
        text::count(fullest)
    );
    chart.y_ticks = y
        .ticks()
        .into_iter()
        .map(|v| Tick {
            at: tidy(HEIGHT * (1.0 - y.at(v))),
            label: text::micros(Some(v.round() as u64)),
            anchor: "end",
        })
        .collect();
    let shades: Vec<usize> = (0..LOOKS.len())
        .filter(|shade| {
            let mut all = columns.iter().flatten();
            all.any(|n| shade_of(*n, fullest) == Some(*shade))
        })
        .collect();
    let width = |w: usize| timeline.scale.at(w as f64 * f64::from(window_s)) * WIDTH;
    let series = |shade: &usize| Series {
        name: counts(*shade, fullest),
        look: LOOKS[*shade],
        path: cells(&columns, *shade, fullest, &width),
        ..Series::default()
    };
    chart.series = shades.iter().map(series).collect();
    let xs = timeline.middles(window_s);
    chart.table = table(&columns, &xs, &y);
    let at = xs.iter().map(|x| timeline.scale.at(*x));
    let labels = xs.iter().map(|x| second(*x));
    let reads = shades.iter().map(|shade| {
        let range = |c: &Column| range(c, &y, |n| shade_of(n, fullest) == Some(*shade));
        columns.iter().map(range).collect()
    });
    chart.points = pointed(at, labels, reads);
    Some(chart)
}

fn count(column: &mut Column, y: &Scale, tally: &Tally) {
    for (us, n) in tally.response.buckets() {
        let row = (y.at(*us as f64) * ROWS as f64) as usize;
        column[row.min(ROWS - 1)] += n;
    }
}

/// The shade of a count, on a scale of logarithms: one sample must be seen beside a thousand.
fn shade_of(n: u64, fullest: u64) -> Option<usize> {
    let of = |n: u64| (n as f64).ln_1p();
    let share = of(n) / of(fullest);
    (n > 0).then(|| ((share * LOOKS.len() as f64).ceil() as usize).clamp(1, LOOKS.len()) - 1)
}

/// The counts that a shade stands for, in words: `1 to 3`.
fn counts(shade: usize, fullest: u64) -> String {
    let edge = |shade: usize| {
        let share = shade as f64 / LOOKS.len() as f64;
        ((fullest as f64).ln_1p() * share).exp_m1()
    };
    let (from, to) = (
        (edge(shade) + 1e-9).floor() as u64 + 1,
        (edge(shade + 1) + 1e-9).floor() as u64,
    );
    match to > from {
        true => format!("{} to {}", text::count(from), text::count(to)),
        false => text::count(from),
    }
}

/// Cells of one shade as path data, neighbours in a row joined.
fn cells(columns: &[Column], shade: usize, fullest: u64, x: &impl Fn(usize) -> f64) -> String {
    let mut path = String::new();
    let height = HEIGHT / ROWS as f64;
    for row in 0..ROWS {
        let is = |w: usize| shade_of(columns[w][row], fullest) == Some(shade);
        let mut w = 0;
        while w < columns.len() {
            let from = w;
            while w < columns.len() && is(w) {
                w += 1;
            }
            if w > from {
                let (left, right) = (tidy(x(from)), tidy(x(w)));
                let top = tidy(HEIGHT - (row + 1) as f64 * height);
                let wide = tidy(right - left);
                path.push_str(&format!("M{left} {top}h{wide}v{height}h-{wide}z"));
            } else {
                w += 1;
            }
        }
    }
    path
}

/// The latencies of a column's cells that a filter on their counts keeps: `1.00 ms to 3.20 ms`.
fn range(column: &Column, y: &Scale, keep: impl Fn(u64) -> bool) -> String {
    let first = column.iter().position(|n| keep(*n));
    let last = column.iter().rposition(|n| keep(*n));
    let edge = |row: usize| text::micros(Some(y.value(row as f64 / ROWS as f64).round() as u64));
    match (first, last) {
        (Some(first), Some(last)) => format!("{} to {}", edge(first), edge(last + 1)),
        _ => String::new(),
    }
}

fn table(columns: &[Column], xs: &[f64], y: &Scale) -> Table {
    let row = |(column, x): (&Column, &f64)| {
        let fullest = column.iter().copied().max().unwrap_or(0);
        let or_none = |words: String| match words.is_empty() {
            true => text::NONE.to_owned(),
            false => words,
        };
        vec![
            second(*x),
            text::count(column.iter().sum()),
            or_none(range(column, y, |n| n > 0 && n == fullest)),
            or_none(range(column, y, |n| n > 0)),
        ]
    };
    let head = ["time", "journeys", "most of them", "all of them"].map(str::to_owned);
    Table::thinned(head.to_vec(), columns.iter().zip(xs).map(row).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_sample_is_seen_beside_a_thousand_and_shades_leave_no_count_out() {
        assert_eq!(shade_of(0, 1000), None);
        assert_eq!(shade_of(1, 1000), Some(0));
        assert_eq!(shade_of(1000, 1000), Some(4));
        for fullest in [1, 2, 7, 1000] {
            for n in 1..=fullest {
                let words = counts(shade_of(n, fullest).unwrap(), fullest).replace(',', "");
                let ends: Vec<u64> = words.split(" to ").map(|e| e.parse().unwrap()).collect();
                let (from, to) = (ends[0], *ends.last().unwrap());
                assert!((from..=to).contains(&n), "{n} of {fullest}: {words}");
            }
        }
    }

    #[test]
    fn neighbours_of_one_shade_are_one_cell() {
        let mut hot = [0; ROWS];
        hot[0] = 5;
        let path = cells(&[hot, hot, [0; ROWS], hot], 4, 5, &|w| w as f64 * 10.0);
        assert_eq!(path, "M0 187h20v11h-20zM30 187h10v11h-10z");
    }
}
