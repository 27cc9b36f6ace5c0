//! A candidate held against the runs before it: their median since the last change of level, their spread told robustly,
//! and Student's t for one more run (the standard error of a median of n is √(π/2n) of their deviation).

use super::calibration::noise_floor;
use super::noise::Variance;
use super::{
    Class, Effect, Estimate, Held, HistoryFigure, Key, QuantileEstimate, Settings, Tau, Why,
};
use crate::random::coordinate;
use crate::stats::change_points::change_points;
use crate::stats::{robust, student};
use std::f64::consts::PI;

/// Where the runs of today's level begin, oldest first: after the last change in any figure that is asked for. Each of them
/// is looked at with its part of the chance of an accident, so that many figures don't shorten a baseline by chance.
pub(super) fn cut(history: &[&Estimate], keys: &[Key], seed: u64, settings: &Settings) -> usize {
    let alpha = settings.change_alpha / keys.len().max(1) as f64;
    // What is so rare must be told from what is not.
    let permutations = settings.permutations.max((2.0 / alpha).min(1e5) as u32);
    let last = |key: &Key| {
        let known = |q: &f64| (q - key.quantile).abs() < 1e-9;
        let at = settings.quantiles.iter().position(known)?;
        let ln = |(run, e): (usize, &&Estimate)| Some((run, e.quantile(&key.name, at)?.ln));
        let (runs, lns): (Vec<usize>, Vec<f64>) = history.iter().enumerate().filter_map(ln).unzip();
        let seed = seed ^ coordinate(&key.name) ^ at as u64;
        let changes = change_points(&lns, alpha, permutations, seed);
        runs.get(*changes.last()?).copied()
    };
    keys.iter().filter_map(last).max().unwrap_or(0)
}

/// Holds a candidate's quantile against history, oldest first. `None` where the candidate or all of history lacks it.
pub(super) fn held(
    candidate: &[&Estimate],
    history: &[&Estimate],
    name: &str,
    at: usize,
    seed: u64,
    settings: &Settings,
) -> Option<HistoryFigure> {
    let own = candidate.iter().map(|e| e.quantile(name, at));
    let own = own
        .collect::<Option<Vec<_>>>()
        .filter(|all| !all.is_empty())?;
    let runs: Vec<_> = history
        .iter()
        .filter_map(|e| Some((&e.run, e.quantile(name, at)?)))
        .collect();
    let lns: Vec<f64> = runs.iter().map(|(_, e)| e.ln).collect();
    let cut = changes(&lns, (name, at), seed, settings);
    let cut = cut.last().copied().unwrap_or(0);
    let since = runs
        .get(cut)
        .filter(|_| cut > 0)
        .map(|(run, _)| (*run).clone());
    let (lns, recent) = (lns.get(cut..)?, runs.get(cut..)?);
    let n = lns.len();
    let figure = |held| HistoryFigure {
        held,
        runs: n as u32,
        since,
    };
    if n < settings.history_runs as usize {
        let why = Why::TooFewRuns {
            have: n as u32,
            need: settings.history_runs,
        };
        return Some(figure(Held {
            class: super::classes::inconclusive(why, None, None),
            effect: None,
        }));
    }
    let within = recent.iter().map(|(_, e)| *e).chain(own.iter().copied());
    let within: Vec<f64> = within.map(QuantileEstimate::se2).collect();
    let spread = robust::robust_deviation(lns)?
        .max(robust::mean(&within)?.sqrt())
        .max(settings.history_floor);
    let own: Vec<f64> = own.iter().map(|e| e.ln).collect();
    let (median, value) = (robust::median(lns)?, robust::mean(&own)?);
    let se = spread * (1.0 / own.len() as f64 + PI / (2.0 * n as f64)).sqrt();
    Some(figure(judged(
        median,
        value,
        se,
        (own.len(), n),
        spread,
        settings,
    )))
}

/// Where the level of a name's quantile changed: indexes of the first run of each new level.
pub(super) fn changes(
    lns: &[f64],
    (name, at): (&str, usize),
    seed: u64,
    settings: &Settings,
) -> Vec<usize> {
    let seed = seed ^ coordinate(name) ^ at as u64;
    change_points(lns, settings.change_alpha, settings.permutations, seed)
}

fn judged(
    from: f64,
    to: f64,
    se: f64,
    runs: (usize, usize),
    spread: f64,
    settings: &Settings,
) -> Held {
    let freedom = (runs.1 - 1) as f64;
    let reach = student::quantile(1.0 - settings.alpha / 2.0, freedom) * se;
    let by_share = settings.delta_of(runs.0, runs.1).ln_1p();
    let by_floor = (settings.floor_ms * 1000.0 / from.exp()).ln_1p();
    let d = to - from;
    let effect = Effect {
        baseline_us: from.exp(),
        candidate_us: to.exp(),
        d,
        se: (se, se),
        interval: (d - reach, d + reach),
        margin: by_share.max(by_floor),
        floor: by_floor > by_share,
        noise_floor: noise_floor(se, freedom, settings.alpha),
        tau: Tau {
            value: spread,
            learned_from: Some(runs.1 as u32),
            calibrated: false,
        },
        p: student::two_sided(d / se, freedom),
        runs: (runs.0 as u32, runs.1 as u32),
        samples: 0,
        short: false,
    };
    let variance = Variance {
        baseline: (spread * spread, spread * spread),
        candidate: (spread * spread, spread * spread),
        between: spread * spread,
        freedom,
        tau: effect.tau,
    };
    let class: Class = super::classes::class(&effect, &variance, 0.0, settings);
    Held {
        class,
        effect: Some(effect),
    }
}
