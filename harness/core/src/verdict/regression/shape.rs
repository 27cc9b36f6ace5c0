//! Two ways of being slower, told apart: the typical second got slower, or stalls became more frequent. A quantile of a
//! whole run can't tell them from each other, its stretches can.

use super::classes::Sides;
use super::grid::ln_quantile;
use super::{Estimate, Settings, Shape};
use crate::stats::robust;

/// Samples of a stretch: enough that it has a p99.
const SAMPLES: u64 = 100;
/// The quantile by which a stall shows, even one that takes a fraction of a stretch.
const TAIL: f64 = 0.99;
/// How many times the typical p99 a stall is.
const TIMES: f64 = 2.0;
/// Standard deviations by which counts of stalls must differ, as those of Poisson processes: one-sided 2.5 %.
const Z: f64 = 1.96;

/// How a run went over time.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Rhythm {
    /// ln of each quantile in the median stretch, in the order of the settings.
    typical: Vec<Option<f64>>,
    /// Stretches whose p99 was over twice the typical one; neighbours are one.
    stalls: u32,
    /// Minutes looked at.
    minutes: f64,
}

/// A run's windows, each as (column, count), into stretches and what is typical of them.
pub(super) fn rhythm(
    rows: &[Vec<(usize, u64)>],
    edges: &[(f64, f64)],
    window_s: u32,
    settings: &Settings,
) -> Rhythm {
    let mut sum = vec![0; edges.len()];
    let mut quantiles: Vec<Vec<f64>> = vec![Vec::new(); settings.quantiles.len()];
    let mut tails = Vec::new();
    for row in rows {
        for (column, n) in row {
            if let Some(cell) = sum.get_mut(*column) {
                *cell += n;
            }
        }
        if sum.iter().sum::<u64>() < SAMPLES {
            continue;
        }
        for (values, q) in quantiles.iter_mut().zip(&settings.quantiles) {
            values.extend(ln_quantile(&sum, edges, *q));
        }
        tails.extend(ln_quantile(&sum, edges, TAIL));
        sum.fill(0);
    }
    let slow = robust::median(&tails).map(|typical| typical + TIMES.ln());
    let stalled: Vec<bool> = tails
        .iter()
        .map(|tail| slow.is_some_and(|slow| *tail > slow))
        .collect();
    let begins = stalled.iter().zip(std::iter::once(&false).chain(&stalled));
    Rhythm {
        typical: quantiles.iter().map(|v| robust::median(v)).collect(),
        stalls: begins.filter(|(now, before)| **now && !**before).count() as u32,
        minutes: rows.len() as f64 * f64::from(window_s) / 60.0,
    }
}

/// The shape of a difference `d` in a name's quantile, by its place in the settings. `None` where stretches have too few
/// samples.
pub(super) fn shape(sides: &Sides<'_>, name: &str, at: usize, d: f64) -> Option<Shape> {
    let rhythms = |side: &[&Estimate]| -> Option<Vec<Rhythm>> {
        let of = |e: &&Estimate| Some(e.names.get(name)?.rhythm.clone());
        side.iter().map(of).collect()
    };
    let (baseline, candidate) = (rhythms(sides.baseline)?, rhythms(sides.candidate)?);
    between(&baseline, &candidate, at, d)
}

fn between(baseline: &[Rhythm], candidate: &[Rhythm], at: usize, d: f64) -> Option<Shape> {
    let typical = |side: &[Rhythm]| {
        let values = side.iter().map(|r| r.typical.get(at).copied().flatten());
        robust::mean(&values.collect::<Option<Vec<f64>>>()?)
    };
    let counted = |side: &[Rhythm]| {
        let stalls: u32 = side.iter().map(|r| r.stalls).sum();
        let minutes: f64 = side.iter().map(|r| r.minutes).sum();
        (f64::from(stalls), minutes)
    };
    let slower = typical(candidate)? - typical(baseline)?;
    let ((base, base_minutes), (stalls, minutes)) = (counted(baseline), counted(candidate));
    if base_minutes <= 0.0 || minutes <= 0.0 {
        return None;
    }
    let (before, after) = (base / base_minutes, stalls / minutes);
    let error = (base / base_minutes.powi(2) + stalls / minutes.powi(2)).sqrt();
    Some(Shape {
        typical: slower,
        stalls: (before, after),
        typical_slower: d > 0.0 && slower >= d / 2.0,
        more_stalls: after - before > Z * error,
    })
}
