//! How far runs of one build differ from each other: learned from calibration runs or from a baseline of several, per name
//! and quantile. Small enough to be kept beside baselines.

use super::{Estimate, Sample, Settings, Tau};
use crate::stats::robust;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The spread of runs, by name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Noise {
    /// A name's spreads, one for each quantile that all runs had.
    pub names: BTreeMap<String, Vec<Spread>>,
}

/// The spread of a quantile's logarithm.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// The quantile, 0 to 1.
    pub q: f64,
    /// Runs it was learned from.
    pub runs: u32,
    /// Standard deviation of ln Q over them. What differs within runs is in it, as it is in any figure of a run.
    pub deviation: f64,
    /// The root of the mean square of their errors within: what of the deviation comes from runs being finite.
    pub within: f64,
}

impl Noise {
    /// Learned from samples of one build and scenario. Empty for fewer than [`Settings::tau_runs`].
    pub fn learned(samples: &[Sample], settings: &Settings) -> Self {
        let estimates: Vec<Estimate> = samples.iter().map(|s| Estimate::of(s, settings)).collect();
        Self::of(&estimates.iter().collect::<Vec<_>>(), settings)
    }

    /// The same from estimates made before.
    pub fn of(estimates: &[&Estimate], settings: &Settings) -> Self {
        let mut names = BTreeMap::new();
        let first = estimates
            .first()
            .filter(|_| estimates.len() >= settings.tau_runs as usize);
        for name in first.into_iter().flat_map(|first| first.names.keys()) {
            let spreads =
                (0..settings.quantiles.len()).filter_map(|at| spread(estimates, name, at));
            names.insert(name.clone(), spreads.collect());
        }
        Self { names }
    }

    /// The spread of a name's quantile.
    pub fn get(&self, name: &str, q: f64) -> Option<&Spread> {
        self.names
            .get(name)?
            .iter()
            .find(|s| (s.q - q).abs() < 1e-9)
    }
}

fn spread(estimates: &[&Estimate], name: &str, at: usize) -> Option<Spread> {
    let all: Option<Vec<_>> = estimates.iter().map(|e| e.quantile(name, at)).collect();
    let all = all?;
    let lns: Vec<f64> = all.iter().map(|e| e.ln).collect();
    let squares: Vec<f64> = all.iter().map(|e| e.se2()).collect();
    Some(Spread {
        q: all.first()?.q,
        runs: all.len() as u32,
        deviation: robust::deviation(&lns)?,
        within: robust::mean(&squares)?.sqrt(),
    })
}

/// The variance of one run's ln Q on either side, and the degrees of freedom it is known with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Variance {
    /// Of a baseline run, for lying too high and for lying too low.
    pub baseline: (f64, f64),
    /// Of a candidate run.
    pub candidate: (f64, f64),
    /// Of these, what lies between runs and no longer run makes smaller.
    pub between: f64,
    /// For Student's t; ∞ for an assumed spread.
    pub freedom: f64,
    /// What is told of it.
    pub tau: Tau,
}

impl Variance {
    /// The standard errors of a difference between means of (candidate, baseline) runs: of its being too high, which is a
    /// candidate too high or a baseline too low, and of its being too low. Each end by its own side's errors after G. Y. Zou
    /// and A. Donner, "Construction of confidence limits about effect measures", Statistics in Medicine 27 (2008).
    pub(super) fn of_difference(&self, runs: (usize, usize)) -> (f64, f64) {
        let (candidates, baselines) = (runs.0.max(1) as f64, runs.1.max(1) as f64);
        let high = self.candidate.0 / candidates + self.baseline.1 / baselines;
        let low = self.candidate.1 / candidates + self.baseline.0 / baselines;
        (high.sqrt(), low.sqrt())
    }
}

/// From the mean squares of the errors within the runs of either side. A learned deviation holds what differs within runs
/// already, and adding that again would count it twice; but a run can't differ less from its like than its own seconds say.
pub(super) fn variance(
    baseline: (f64, f64),
    candidate: (f64, f64),
    learned: Option<&Spread>,
    settings: &Settings,
) -> Variance {
    let Some(spread) = learned.filter(|s| s.runs >= settings.tau_runs) else {
        let between = settings.tau * settings.tau;
        return Variance {
            baseline: (baseline.0 + between, baseline.1 + between),
            candidate: (candidate.0 + between, candidate.1 + between),
            between,
            freedom: f64::INFINITY,
            tau: Tau {
                value: settings.tau,
                learned_from: None,
                calibrated: false,
            },
        };
    };
    let within = spread.within * spread.within;
    let seen = spread.deviation.max(settings.tau_floor).powi(2);
    let of = |se2: f64| seen.max(se2);
    Variance {
        baseline: (of(baseline.0), of(baseline.1)),
        candidate: (of(candidate.0), of(candidate.1)),
        between: (seen - within).max(settings.tau_floor.powi(2)),
        freedom: f64::from(spread.runs - 1),
        tau: Tau {
            value: spread.deviation,
            learned_from: Some(spread.runs),
            calibrated: false,
        },
    }
}
