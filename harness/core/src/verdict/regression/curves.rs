//! What charts of a comparison draw beyond its verdicts: each side's quantiles with their intervals, the change at each, and
//! the baseline's runs one by one with the places where their level changed. By the same estimates as the verdicts, of the
//! names that decide; holds nothing against anything by rules of its own.

use super::classes::{self, Sides};
use super::{
    Calibration, Class, Comparison, Effect, Estimate, HistoryFigure, Inputs, Noise,
    QuantileEstimate, Sample, Settings, Why, history, validity,
};
use crate::date;
use crate::name::RunId;
use crate::stats::student;
use serde::Serialize;

/// Names drawn at most: key gates are few.
const NAMES: usize = 6;
/// Quantiles by which a change is told from the fastest to the slowest answers.
const SHIFT: [f64; 10] = [0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999];
/// Points of a spectrum for each nine.
const STEPS: u32 = 10;
/// Nines of a spectrum at most.
const NINES: u32 = 4;
/// Samples that a quantile must leave beyond it to be drawn at all: fewer are anecdotes.
const BEYOND: f64 = 3.0;
/// What trends are told by.
const TREND: f64 = 0.95;

/// A name's curves.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Curves {
    /// The name.
    pub name: String,
    /// Its quantiles, ascending, as far as both sides' samples reach.
    pub points: Vec<Point>,
    /// The runs one by one, where the baseline has several: its p95, and the quantile that decides where that is another.
    pub levels: Vec<Level>,
}

/// A quantile of both sides.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Point {
    /// The quantile, 0 to 1.
    pub quantile: f64,
    /// Whether it is one of those by which a change is told from the fastest to the slowest answers.
    pub shift: bool,
    /// Whether time and samples suffice for intervals.
    pub told: bool,
    /// The baseline's.
    pub baseline: Reach,
    /// The candidate's.
    pub candidate: Reach,
    /// The difference.
    pub change: Effect,
}

/// A response time and where it lies with the confidence of 1 − alpha, spread between runs included; µs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[expect(missing_docs, reason = "each field is the bound it is named after")]
pub struct Reach {
    pub us: f64,
    pub low_us: f64,
    pub high_us: f64,
}

/// A quantile run by run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Level {
    /// The quantile, 0 to 1.
    pub quantile: f64,
    /// The baseline's runs by date, then the candidate's.
    pub runs: Vec<Run>,
    /// The candidate held against those since the last change of level.
    pub history: HistoryFigure,
}

/// A run of a level.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Run {
    /// The run.
    pub run: RunId,
    /// When it began, RFC 3339.
    pub date: String,
    /// Its quantile, with its error within the run.
    pub at: Reach,
    /// Whether it is the candidate's.
    pub candidate: bool,
    /// Whether a new level begins with it.
    pub changed: bool,
}

/// The curves of the names that decide, the worst first; none where nothing can be compared. `held` is what the inputs came
/// to. Without a history of its own the baseline's runs, by date, are the history.
pub fn curves(inputs: &Inputs<'_>, held: &Comparison) -> Vec<Curves> {
    if !held.invalid.is_empty() {
        return Vec::new();
    }
    let sorted = validity::sort(inputs.candidate, inputs.baseline, &held.settings);
    let deciding = deciding(held);
    let names = deciding.iter().map(|(name, quantiles)| {
        let sides = (sorted.candidate.as_slice(), sorted.baseline.as_slice());
        Curves {
            name: (*name).to_owned(),
            points: points(sides, inputs.calibration, name, &held.settings),
            levels: levels(inputs, sides, name, quantiles, &held.settings),
        }
    });
    names.collect()
}

/// Names of the key figures with their quantiles, the worst first.
fn deciding(held: &Comparison) -> Vec<(&str, Vec<f64>)> {
    let mut figures: Vec<_> = held.figures.iter().filter(|figure| figure.key).collect();
    figures.sort_by_key(|figure| figure.held.class.severity());
    let mut names: Vec<(&str, Vec<f64>)> = Vec::new();
    for figure in figures {
        match names.iter_mut().find(|(name, _)| *name == figure.name) {
            Some((_, quantiles)) => quantiles.push(figure.quantile),
            None => names.push((&figure.name, vec![figure.quantile])),
        }
    }
    names.truncate(NAMES);
    names
}

/// The quantiles drawn, ascending.
fn grid() -> Vec<f64> {
    let spectrum = (1..=NINES * STEPS).map(|i| 1.0 - 10f64.powf(-f64::from(i) / f64::from(STEPS)));
    let mut grid: Vec<f64> = SHIFT.into_iter().chain(spectrum).collect();
    grid.sort_by(f64::total_cmp);
    grid.dedup_by(|a, b| (*a - *b).abs() < 1e-9);
    grid
}

fn points(
    (candidate, baseline): (&[&Sample], &[&Sample]),
    calibration: Option<&Calibration>,
    name: &str,
    settings: &Settings,
) -> Vec<Point> {
    let settings = &Settings {
        quantiles: grid(),
        ..settings.clone()
    };
    let of = |samples: &[&Sample]| estimates(samples, name, settings);
    let (candidate, baseline) = (of(candidate), of(baseline));
    let (candidate, baseline): (Vec<&Estimate>, Vec<&Estimate>) =
        (candidate.iter().collect(), baseline.iter().collect());
    let learned = Noise::of(&baseline, settings);
    let calibrated = calibration.map(Calibration::noise);
    let sides = Sides {
        candidate: &candidate,
        baseline: &baseline,
        noise: &learned,
        calibrated: calibrated.as_ref(),
    };
    let grid = settings.quantiles.iter().enumerate();
    let points = grid.filter_map(|(at, q)| point(&sides, name, (at, *q), settings));
    points.collect()
}

fn estimates(samples: &[&Sample], name: &str, settings: &Settings) -> Vec<Estimate> {
    let of = |sample: &&Sample| Estimate::of_names(sample, settings, |one| one == name);
    samples.iter().map(of).collect()
}

fn point(
    sides: &Sides<'_>,
    name: &str,
    (at, q): (usize, f64),
    settings: &Settings,
) -> Option<Point> {
    let held = classes::held(sides, name, at, 0.0, settings);
    let change = held.effect?;
    if change.samples as f64 * (1.0 - q) < BEYOND {
        return None;
    }
    let little = matches!(
        held.class,
        Class::Inconclusive {
            why: Why::TooFewSamples { .. } | Why::TooShort { .. },
            ..
        }
    );
    let of = |side: &[&Estimate]| -> Option<Vec<QuantileEstimate>> {
        side.iter().map(|e| e.quantile(name, at).copied()).collect()
    };
    let (baseline, candidate) = (of(sides.baseline)?, of(sides.candidate)?);
    let variance = sides.variance(name, (&candidate, &baseline), settings);
    let reach = student::quantile(1.0 - settings.alpha / 2.0, variance.freedom);
    let side = |us: f64, runs: usize, (low, high): (f64, f64)| {
        let runs = runs.max(1) as f64;
        Reach::of(
            us.ln(),
            reach * (low / runs).sqrt(),
            reach * (high / runs).sqrt(),
        )
    };
    Some(Point {
        quantile: q,
        shift: SHIFT.iter().any(|one| (one - q).abs() < 1e-9),
        told: !little,
        baseline: side(change.baseline_us, baseline.len(), variance.baseline),
        candidate: side(change.candidate_us, candidate.len(), variance.candidate),
        change,
    })
}

impl Reach {
    /// From a logarithm and how far it reaches down and up.
    fn of(ln: f64, down: f64, up: f64) -> Self {
        Self {
            us: ln.exp(),
            low_us: (ln - down).exp(),
            high_us: (ln + up).exp(),
        }
    }
}

fn levels(
    inputs: &Inputs<'_>,
    (candidate, baseline): (&[&Sample], &[&Sample]),
    name: &str,
    deciding: &[f64],
    settings: &Settings,
) -> Vec<Level> {
    let mut before: Vec<&Sample> = match inputs.history {
        [] => baseline.to_vec(),
        history => validity::sort(inputs.candidate, history, settings).baseline,
    };
    if before.len() < 2 {
        return Vec::new();
    }
    before.sort_by_key(|sample| instant(sample));
    let mut after = candidate.to_vec();
    after.sort_by_key(|sample| instant(sample));
    let (history, own) = (
        estimates(&before, name, settings),
        estimates(&after, name, settings),
    );
    let places = settings.quantiles.iter().enumerate();
    let same = |a: f64, b: f64| (a - b).abs() < 1e-9;
    let first = deciding.first().copied();
    let asked = places.filter(|(_, q)| same(**q, TREND) || first.is_some_and(|d| same(**q, d)));
    let seed = inputs.candidate.first().map_or(0, |sample| sample.seed);
    let level = |(at, q): (usize, &f64)| {
        let (own, history): (Vec<&Estimate>, Vec<&Estimate>) =
            (own.iter().collect(), history.iter().collect());
        let figure = history::held(&own, &history, name, at, seed, settings)?;
        let seen = |estimates: &[&Estimate]| -> Vec<(RunId, QuantileEstimate)> {
            let of = |e: &&Estimate| Some((e.run.clone(), *e.quantile(name, at)?));
            estimates.iter().filter_map(of).collect()
        };
        let (before, now) = (seen(&history), seen(&own));
        let lns: Vec<f64> = before.iter().map(|(_, e)| e.ln).collect();
        let changes = history::changes(&lns, (name, at), seed, settings);
        let reach = student::quantile(1.0 - settings.alpha / 2.0, f64::INFINITY);
        let samples = || {
            inputs
                .candidate
                .iter()
                .chain(inputs.baseline)
                .chain(inputs.history)
        };
        let run = |candidate: bool, changed: bool, (run, e): (RunId, QuantileEstimate)| Run {
            date: samples()
                .find(|sample| sample.run == run)
                .map_or_else(String::new, |sample| sample.date.clone()),
            at: Reach::of(e.ln, reach * e.se_low, reach * e.se_high),
            run,
            candidate,
            changed,
        };
        let before = before.into_iter().enumerate();
        let before = before.map(|(i, one)| run(false, changes.contains(&i), one));
        let now = now.into_iter().map(|one| run(true, false, one));
        Some(Level {
            quantile: *q,
            runs: before.chain(now).collect(),
            history: figure,
        })
    };
    asked.filter_map(level).collect()
}

/// When a run began, for putting runs in order; of equal times by id.
fn instant(sample: &Sample) -> (Option<i64>, String) {
    (date::seconds(&sample.date), sample.run.to_string())
}
