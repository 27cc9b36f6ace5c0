//! Trials: in each, five calibration runs, three baseline runs and three candidates of every kind of change, ten names each.

use super::model::{Model, SAME, Shift, Table, sample};
use super::naive;
use harness_core::stats::fdr;
use harness_core::verdict::regression::{Class, Estimate, Held, Noise, Sample, Settings, hold};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// Names, each with a key gate of its own in the table of whole runs.
const NAMES: usize = 10;
const CALIBRATION: u64 = 5;

/// What changed, by column.
const CHANGES: [(&str, Shift); 5] = [
    ("A/A", SAME),
    ("+5 %", Shift::All(0.05)),
    ("+10 %", Shift::All(0.10)),
    ("+20 %", Shift::All(0.20)),
    ("tail +20 %", Shift::Tail(0.20)),
];

/// (method, change, quantile or run) → (alarms, asked).
type Counts = BTreeMap<(String, usize, usize), (u64, u64)>;

/// Place of a whole run among the quantiles.
const RUN: usize = 3;

/// All tables.
pub(crate) fn run(trials: u64, seed: u64, table: &Table) {
    let settings = Settings {
        resamples: 400,
        ..Settings::default()
    };
    let plain = Settings {
        short_inflation: 1.0,
        ..settings.clone()
    };
    for (title, model, settings) in [
        (
            "300 s, spread between runs 2 %",
            Model::usual(300, 0.02),
            &settings,
        ),
        (
            "300 s, spread between runs 4 %",
            Model::usual(300, 0.04),
            &settings,
        ),
        (
            "60 s, spread between runs 2 %",
            Model::usual(60, 0.02),
            &settings,
        ),
        (
            "60 s, spread between runs 2 %, error not inflated",
            Model::usual(60, 0.02),
            &plain,
        ),
    ] {
        let counts = Mutex::new(Counts::new());
        let next = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
                scope.spawn(|| {
                    loop {
                        let trial = next.fetch_add(1, Ordering::Relaxed);
                        if trial >= trials {
                            break;
                        }
                        let mut own = Counts::new();
                        Trial::new(&model, settings, table, seed, trial).count(&mut own);
                        let mut counts = counts.lock().unwrap();
                        for (key, (alarms, asked)) in own {
                            let sum = counts.entry(key).or_default();
                            *sum = (sum.0 + alarms, sum.1 + asked);
                        }
                    }
                });
            }
        });
        print(title, &counts.into_inner().unwrap());
    }
}

fn print(title: &str, counts: &Counts) {
    println!("### {title}");
    let head: Vec<&str> = CHANGES.iter().map(|(name, _)| *name).collect();
    println!(
        "| method | {} | A/A, any of 10 key gates |",
        head.join(" | ")
    );
    println!("|---|{}", "---|".repeat(CHANGES.len() + 1));
    let mut methods: Vec<&String> = counts.keys().map(|(method, ..)| method).collect();
    methods.dedup();
    for method in methods {
        let share = |change: usize, place: usize| {
            let (alarms, asked) = counts.get(&(method.clone(), change, place))?;
            Some(format!("{:.1}", 100.0 * *alarms as f64 / *asked as f64))
        };
        let cell = |change| {
            let places: Vec<String> = (0..RUN).filter_map(|q| share(change, q)).collect();
            places.join(" / ")
        };
        let cells: Vec<String> = (0..CHANGES.len()).map(cell).collect();
        let run = share(0, RUN).unwrap_or_else(|| "–".to_owned());
        let words = method.split_once(' ').map_or("", |(_, words)| words);
        println!("| {words} | {} | {run} |", cells.join(" | "));
    }
    println!();
}

/// Samples and their figures.
struct Run {
    sample: Sample,
    figures: Estimate,
}

struct Trial {
    calibration: Vec<Run>,
    baseline: Vec<Run>,
    /// By change, of each three.
    candidates: Vec<Vec<Run>>,
    settings: Settings,
}

/// A method, its settings, candidate runs, baseline, learned spread.
type Method<'t> = (
    &'t str,
    Settings,
    usize,
    Vec<&'t Estimate>,
    Option<&'t Noise>,
);

impl Trial {
    fn new(model: &Model, settings: &Settings, table: &Table, seed: u64, trial: u64) -> Self {
        let of = |shift: Shift, run: u64| {
            let sample = sample(model, &[shift; NAMES], table, seed, trial * 100 + run);
            let figures = Estimate::of(&sample, settings);
            Run { sample, figures }
        };
        let three = |(at, (_, shift)): (usize, &(&str, Shift))| {
            let first = CALIBRATION + 3 + at as u64 * 3;
            (first..first + 3).map(|run| of(*shift, run)).collect()
        };
        Self {
            calibration: (0..CALIBRATION).map(|run| of(SAME, run)).collect(),
            baseline: (CALIBRATION..CALIBRATION + 3)
                .map(|run| of(SAME, run))
                .collect(),
            candidates: CHANGES.iter().enumerate().map(three).collect(),
            settings: settings.clone(),
        }
    }

    fn methods<'t>(&'t self, five: &'t [&'t Estimate], learned: &'t Noise) -> Vec<Method<'t>> {
        let defaults = || self.settings.clone();
        let small = || Settings {
            delta: 0.05,
            ..self.settings.clone()
        };
        let one = || vec![&self.baseline[0].figures];
        let three = self.baseline.iter().map(|run| &run.figures).collect();
        vec![
            (
                "5 **δ 10 %, one against one, τ assumed 2 %**",
                defaults(),
                1,
                one(),
                None,
            ),
            (
                "6 **δ 10 %, one against one, τ learned from five**",
                defaults(),
                1,
                one(),
                Some(learned),
            ),
            (
                "7 **δ 5 %, one against one, τ assumed 2 %**",
                small(),
                1,
                one(),
                None,
            ),
            (
                "8 **δ 5 %, one against one, τ learned from five**",
                small(),
                1,
                one(),
                Some(learned),
            ),
            (
                "9 **δ 5 %, one against the five, τ learned from them**",
                small(),
                1,
                five.to_vec(),
                Some(learned),
            ),
            (
                "9a **δ 5 %, three against three, τ assumed 2 %**",
                small(),
                3,
                three,
                None,
            ),
        ]
    }

    fn count(&self, counts: &mut Counts) {
        let five: Vec<&Estimate> = self.calibration.iter().map(|run| &run.figures).collect();
        let learned = Noise::of(&five, &self.settings);
        let methods = self.methods(&five, &learned);
        for (change, candidates) in self.candidates.iter().enumerate() {
            self.count_naive(counts, change, &candidates[0]);
            for (method, settings, runs, baseline, noise) in &methods {
                let candidate: Vec<&Estimate> =
                    candidates[..*runs].iter().map(|run| &run.figures).collect();
                let ask = |name: &str, at| hold(&candidate, baseline, *noise, (name, at), settings);
                let mut gates = Vec::new();
                for (number, name) in candidate[0].names.keys().enumerate() {
                    for at in 0..3 {
                        let held = ask(name, at);
                        add(counts, method, change, at, held.class == Class::Regressed);
                        // Of every name one key gate, the quantiles in turn.
                        if number % 3 == at {
                            gates.push(held);
                        }
                    }
                }
                add(counts, method, change, RUN, any(&gates, settings));
            }
        }
    }

    fn count_naive(&self, counts: &mut Counts, change: usize, candidate: &Run) {
        let baseline = &self.baseline[0];
        for (name, after) in &candidate.figures.names {
            let before = &baseline.figures.names[name];
            let (one, other) = (&baseline.sample.names[name], &candidate.sample.names[name]);
            let from_s = before.span.from_s;
            for (at, (x, y)) in before.quantiles.iter().zip(&after.quantiles).enumerate() {
                let d = y.ln - x.ln;
                let low = d - 1.96 * x.se_high.hypot(y.se_low);
                add(
                    counts,
                    "0 more than 5 % slower",
                    change,
                    at,
                    d > 1.05f64.ln(),
                );
                add(
                    counts,
                    "1 more than 10 % slower",
                    change,
                    at,
                    d > 1.1f64.ln(),
                );
                let ranks = naive::mann_whitney(one, other, x.q, from_s);
                add(counts, "2 Mann–Whitney on windows", change, at, ranks);
                add(counts, "4 block bootstrap alone", change, at, low > 0.0);
            }
            let pooled = naive::kolmogorov(one, other, from_s);
            add(
                counts,
                "3 Kolmogorov–Smirnov on all requests",
                change,
                0,
                pooled,
            );
        }
    }
}

/// Whether a run with these key gates has a false alarm: as `compare` corrects them.
fn any(gates: &[Held], settings: &Settings) -> bool {
    let p = |held: &Held| match &held.effect {
        Some(effect) if effect.d > 0.0 => effect.p,
        _ => 1.0,
    };
    let p: Vec<f64> = gates.iter().map(p).collect();
    let kept = fdr::kept(&p, settings.false_discoveries);
    let regressed = gates.iter().map(|held| held.class == Class::Regressed);
    regressed
        .zip(kept)
        .any(|(regressed, kept)| regressed && kept)
}

fn add(counts: &mut Counts, method: &str, change: usize, place: usize, alarm: bool) {
    let sum = counts
        .entry((method.to_owned(), change, place))
        .or_default();
    *sum = (sum.0 + u64::from(alarm), sum.1 + 1);
}
