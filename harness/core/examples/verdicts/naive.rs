//! The methods in common use, as the table has them beside ours.

use harness_core::stats::normal;
use harness_core::verdict::regression::{Series, Window};
use std::collections::BTreeMap;

/// A run's windows after the trim that ours makes too.
fn kept(series: &Series, from_s: u32) -> impl Iterator<Item = &Window> {
    series.0.iter().filter(move |w| w.second >= from_s)
}

/// The mean rank of the candidate's windows' quantiles among all is higher than chance allows (one-sided p < 0.025, which
/// is its half of a two-sided 0.05): the test of Mann and Whitney on points of time as if they were independent.
pub(crate) fn mann_whitney(baseline: &Series, candidate: &Series, q: f64, from_s: u32) -> bool {
    let of = |s: &Series| -> Vec<f64> { kept(s, from_s).filter_map(|w| quantile(w, q)).collect() };
    let (a, b) = (of(baseline), of(candidate));
    let mut all: Vec<(f64, bool)> = a.iter().map(|v| (*v, false)).collect();
    all.extend(b.iter().map(|v| (*v, true)));
    all.sort_by(|x, y| x.0.total_cmp(&y.0));
    let ranks: f64 = all
        .iter()
        .enumerate()
        .filter(|(_, (_, candidate))| *candidate)
        .map(|(rank, _)| (rank + 1) as f64)
        .sum();
    let (n, m) = (a.len() as f64, b.len() as f64);
    let u = ranks - m * (m + 1.0) / 2.0;
    let z = (u - n * m / 2.0) / (n * m * (n + m + 1.0) / 12.0).sqrt();
    normal::above(z) < 0.025
}

/// The largest distance between the distributions of all requests is larger than chance allows (p < 0.05), and the candidate
/// is slower there: the test of Kolmogorov and Smirnov on requests as if they were independent.
pub(crate) fn kolmogorov(baseline: &Series, candidate: &Series, from_s: u32) -> bool {
    let of = |s: &Series| {
        let mut cells: BTreeMap<u16, f64> = BTreeMap::new();
        for (cell, n) in kept(s, from_s).flat_map(|w| &w.cells) {
            *cells.entry(*cell).or_default() += *n as f64;
        }
        cells
    };
    let (a, b) = (of(baseline), of(candidate));
    let (n, m) = (a.values().sum::<f64>(), b.values().sum::<f64>());
    let (mut below, mut apart): (f64, f64) = (0.0, 0.0);
    let mut cells: Vec<u16> = a.keys().chain(b.keys()).copied().collect();
    cells.sort_unstable();
    cells.dedup();
    for cell in cells {
        below += a.get(&cell).unwrap_or(&0.0) / n - b.get(&cell).unwrap_or(&0.0) / m;
        if below.abs() > apart.abs() {
            apart = below;
        }
    }
    apart > 1.358 * ((n + m) / (n * m)).sqrt()
}

/// A window's quantile, between cells.
fn quantile(window: &Window, q: f64) -> Option<f64> {
    let total: u64 = window.cells.iter().map(|(_, n)| n).sum();
    let (rank, mut below) = (q * total as f64, 0.0);
    window.cells.iter().find_map(|(cell, n)| {
        let before = below;
        below += *n as f64;
        (below >= rank).then(|| f64::from(*cell) + (rank - before) / *n as f64)
    })
}
