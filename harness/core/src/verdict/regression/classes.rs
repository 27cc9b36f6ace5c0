//! One quantile of one name: the difference, its error, and the class they make.

use super::calibration::{POWER, noise_floor};
use super::noise::{Noise, Spread, Variance, variance};
use super::{Class, Decide, Effect, Estimate, Held, NameEstimate, QuantileEstimate, Settings, Why};
use crate::stats::{normal, robust, student};

/// More runs than anybody would make to decide one comparison.
const MAX_REPEATS: f64 = 50.0;
/// Longer runs than anybody would make.
const MAX_MINUTES: f64 = 600.0;

/// The two sides, of valid runs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sides<'e> {
    pub candidate: &'e [&'e Estimate],
    pub baseline: &'e [&'e Estimate],
    pub noise: &'e Noise,
    /// What is gone by where the runs at hand are too few to learn from.
    pub calibrated: Option<&'e Noise>,
}

impl Sides<'_> {
    /// The variance of one run's quantile on either side, from the estimates of (candidate, baseline).
    pub(super) fn variance(
        &self,
        name: &str,
        (candidate, baseline): (&[QuantileEstimate], &[QuantileEstimate]),
        settings: &Settings,
    ) -> Variance {
        let q = baseline.first().map_or(0.5, |e| e.q);
        let enough = |spread: &&Spread| spread.runs >= settings.tau_runs;
        let own = self.noise.get(name, q).filter(enough);
        let calibrated = self.calibrated.and_then(|noise| noise.get(name, q));
        let calibrated = calibrated.filter(enough).filter(|_| own.is_none());
        let spread = own.or(calibrated);
        let mut variance = variance(within(baseline), within(candidate), spread, settings);
        variance.tau.calibrated = calibrated.is_some();
        variance
    }
}

/// Holds a name's quantile, by its place in the settings, against the baseline's.
/// The self-test makes the candidate slower by `slower`: every response time multiplied by 1 + slower moves each quantile by
/// ln(1 + slower), and leaves its error on that scale as it is.
pub(super) fn held(
    sides: &Sides<'_>,
    name: &str,
    at: usize,
    slower: f64,
    settings: &Settings,
) -> Held {
    let undecided = |why| Held {
        class: inconclusive(why, None, None),
        effect: None,
    };
    let names_of = |side: &[&Estimate]| -> Option<Vec<NameEstimate>> {
        let names = side.iter().map(|e| e.names.get(name).cloned());
        names.collect::<Option<Vec<_>>>().filter(|n| !n.is_empty())
    };
    let quantiles_of = |side: &[&Estimate]| -> Option<Vec<QuantileEstimate>> {
        side.iter().map(|e| e.quantile(name, at).copied()).collect()
    };
    let absent = |side: &str| {
        undecided(Why::Absent {
            side: side.to_owned(),
        })
    };
    let Some(baseline_names) = names_of(sides.baseline) else {
        return absent("baseline");
    };
    let Some(candidate_names) = names_of(sides.candidate) else {
        return absent("candidate");
    };
    let names: Vec<&NameEstimate> = baseline_names.iter().chain(&candidate_names).collect();
    let asked = settings.quantiles.get(at).copied().unwrap_or(0.5);
    // Seen, but only in what is cut off.
    let nothing_left = |side: &str| match too_little(&names, asked, settings) {
        Some(class) => Held {
            class,
            effect: None,
        },
        None => absent(side),
    };
    let Some(baseline) = quantiles_of(sides.baseline) else {
        return nothing_left("baseline");
    };
    let Some(mut candidate) = quantiles_of(sides.candidate) else {
        return nothing_left("candidate");
    };
    candidate.iter_mut().for_each(|e| e.ln += slower.ln_1p());
    let q = baseline.first().map_or(0.5, |e| e.q);
    let variance = sides.variance(name, (&candidate, &baseline), settings);
    let effect = effect(&baseline, &candidate, &names, &variance, settings);
    let precise = class(&effect, &variance, minutes(&names), settings);
    let class = match too_little(&names, q, settings) {
        Some(little) => both(little, &precise),
        None => precise,
    };
    Held {
        class,
        effect: Some(effect),
    }
}

/// Mean squares of the errors within the runs of a side, below and above.
fn within(side: &[QuantileEstimate]) -> (f64, f64) {
    let mean = |of: fn(&QuantileEstimate) -> f64| {
        let squares: Vec<f64> = side.iter().map(|e| of(e).powi(2)).collect();
        robust::mean(&squares).unwrap_or(0.0)
    };
    (mean(|e| e.se_low), mean(|e| e.se_high))
}

fn minutes(names: &[&NameEstimate]) -> f64 {
    let least = names
        .iter()
        .map(|n| n.span.seconds)
        .fold(f64::MAX, f64::min);
    least / 60.0
}

/// What would decide where too little was seen: enough of it, and enough to tell the difference from chance.
fn both(little: Class, precise: &Class) -> Class {
    match (little, precise) {
        (
            Class::Inconclusive {
                why,
                decide: enough,
                ..
            },
            Class::Inconclusive { decide: exact, .. },
        ) => {
            let minutes = |of: &Option<Decide>| of.as_ref().and_then(|one| one.minutes);
            let both = minutes(&enough).zip(minutes(exact));
            inconclusive(why, None, decide(None, both.map(|(a, b)| a.max(b))))
        }
        (little, _) => little,
    }
}

/// The length of a run that has so much left after its beginning is cut off, both in minutes.
fn as_run(minutes: f64, settings: &Settings) -> f64 {
    (minutes / (1.0 - settings.trim)).max(minutes + settings.trim_s / 60.0)
}

/// Why nothing can be said of so little: time and samples of the run that has least of them.
fn too_little(names: &[&NameEstimate], q: f64, settings: &Settings) -> Option<Class> {
    let seconds = minutes(names) * 60.0;
    let blocks = names.iter().map(|n| n.span.blocks).fold(f64::MAX, f64::min);
    let few_blocks = blocks < f64::from(settings.blocks) * (1.0 - 1e-9);
    if seconds < settings.least_s || few_blocks {
        let needed = if few_blocks {
            seconds * f64::from(settings.blocks) / blocks.max(1e-9)
        } else {
            settings.least_s
        };
        let why = Why::TooShort {
            seconds,
            need: needed.max(settings.least_s),
        };
        let minutes = as_run(needed.max(settings.least_s) / 60.0, settings);
        return Some(inconclusive(why, None, decide(None, Some(minutes))));
    }
    let have = names.iter().map(|n| n.samples).min().unwrap_or(0);
    // Of 1 − 0.99 a double has not quite 0.01, and nobody should read 10001.
    let need = (settings.samples_beyond / (1.0 - q) - 1e-6).ceil() as u64;
    (have < need).then(|| {
        let minutes = seconds / 60.0 * need as f64 / have.max(1) as f64;
        let minutes = as_run(minutes, settings);
        let why = Why::TooFewSamples { have, need };
        inconclusive(why, None, decide(None, Some(minutes)))
    })
}

fn effect(
    baseline: &[QuantileEstimate],
    candidate: &[QuantileEstimate],
    names: &[&NameEstimate],
    variance: &Variance,
    settings: &Settings,
) -> Effect {
    let mean = |side: &[QuantileEstimate]| {
        let lns: Vec<f64> = side.iter().map(|e| e.ln).collect();
        robust::mean(&lns).unwrap_or(0.0)
    };
    let (from, to) = (mean(baseline), mean(candidate));
    let (d, runs) = (to - from, (candidate.len(), baseline.len()));
    let se = variance.of_difference(runs);
    let reach = student::quantile(1.0 - settings.alpha / 2.0, variance.freedom);
    let by_share = settings.delta_of(runs.0, runs.1).ln_1p();
    let by_floor = (settings.floor_ms * 1000.0 / from.exp()).ln_1p();
    Effect {
        baseline_us: from.exp(),
        candidate_us: to.exp(),
        d,
        se,
        interval: (d - reach * se.0, d + reach * se.1),
        margin: by_share.max(by_floor),
        floor: by_floor > by_share,
        noise_floor: noise_floor(se.0, variance.freedom, settings.alpha),
        tau: variance.tau,
        p: student::two_sided(d / if d > 0.0 { se.0 } else { se.1 }, variance.freedom),
        runs: (runs.0 as u32, runs.1 as u32),
        samples: names.iter().map(|n| n.samples).min().unwrap_or(0),
        short: names.iter().any(|n| n.span.short),
    }
}

/// The class of a difference: regressed and improved need that it matters and that chance does not explain it; that there
/// is no regression is proven by the other side of the interval (one-sided equivalence).
pub(super) fn class(
    effect: &Effect,
    variance: &Variance,
    minutes: f64,
    settings: &Settings,
) -> Class {
    let Effect { d, se, margin, .. } = *effect;
    let proof = student::quantile(1.0 - settings.alpha_proof, variance.freedom);
    if d > margin && effect.interval.0 > 0.0 {
        return Class::Regressed;
    }
    if d < -margin && effect.interval.1 < 0.0 {
        return Class::Improved;
    }
    if d + proof * se.1 < margin {
        return Class::NoRegression;
    }
    let certain = student::quantile(1.0 - settings.alpha / 2.0, variance.freedom);
    let (se, need) = if d > margin {
        (se.0, d / certain)
    } else {
        (se.1, (margin - d) / proof)
    };
    // What errors within add to the error of the difference, and what runs do.
    let (candidates, baselines) = (f64::from(effect.runs.0), f64::from(effect.runs.1));
    let between = variance.between * (1.0 / candidates + 1.0 / baselines);
    let within = (se * se - between).max(0.0);
    let repeats = (candidates.max(baselines) * (se / need).powi(2))
        .ceil()
        .max(2.0);
    let room = need * need - between;
    let minutes = if room > 0.0 {
        as_run(minutes * within / room, settings)
    } else {
        f64::INFINITY
    };
    let decide = decide(Some(repeats), Some(minutes));
    inconclusive(Why::Undecided, Some(detectable(effect, certain)), decide)
}

/// The smallest slow-down that would be called regressed with the chance [`POWER`], a share.
pub(super) fn detectable(effect: &Effect, certain: f64) -> f64 {
    let bound = effect.margin.max(certain * effect.se.0);
    (bound + normal::quantile(POWER) * effect.se.0).exp_m1()
}

fn decide(repeats: Option<f64>, minutes: Option<f64>) -> Option<Decide> {
    let repeats = repeats.filter(|n| *n <= MAX_REPEATS).map(|n| n as u32);
    let minutes = minutes.filter(|m| m.is_finite() && *m <= MAX_MINUTES);
    let told = repeats.is_some() || minutes.is_some();
    told.then_some(Decide { repeats, minutes })
}

pub(super) fn inconclusive(why: Why, detectable: Option<f64>, decide: Option<Decide>) -> Class {
    Class::Inconclusive {
        why,
        detectable,
        decide,
    }
}
