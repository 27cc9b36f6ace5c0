//! How often the interval of a stretch of load, such as a phase of a fault, holds what the load's figures are in the long
//! run. Runs differ in nothing here: the stretch is one of many of the same run.

use super::model::{Model, SAME, Table, windows};
use harness_core::hist::Hist;
use harness_core::random::Draws;
use harness_core::record::Tally;
use harness_core::verdict::regression::{Interval, Intervals, TOLD, Windows, of_windows};

/// Seconds left out at the begin of each run: the model's first ones are slow.
const SETTLES: u32 = 60;
/// Stretches for each trial of the other tables.
const STRETCHES: u64 = 5;

/// Prints the share of intervals that hold the truth, and how far they reach.
pub(crate) fn run(trials: u64, seed: u64, table: &Table) {
    let stretches = trials * STRETCHES;
    println!("### Intervals of stretches: {stretches} of each length\n");
    for (words, stalls) in [
        ("no stalls", 0.0),
        ("a stall a minute", 1.0),
        ("ten a minute", 10.0),
    ] {
        let model = |seconds| Model {
            stalls,
            window_s: 1,
            step: 0.005,
            ..Model::usual(seconds, 0.0)
        };
        let long = tallies(&model(20_000), table, &mut Draws::at(seed, &[0]));
        let truth = together(&long.iter().collect::<Vec<_>>());
        let truth = TOLD.map(|q| truth.quantile(q).unwrap() as f64);
        println!(
            "{words}: percent that hold the truth at p50 / p95 / p99, and the middle reach upwards\n"
        );
        println!("| length | hold the truth | reach |\n|---|---|---|");
        for seconds in [6, 9, 10, 14, 19, 20, 30, 60, 120, 300] {
            let mut all: [Vec<Option<Interval>>; 3] = Default::default();
            for at in 0..stretches {
                let mut draws = Draws::at(seed, &[u64::from(seconds), at + 1]);
                let tallies = tallies(&model(SETTLES + seconds), table, &mut draws);
                let tallies: Vec<&Tally> = tallies.iter().collect();
                let whole = Tally {
                    response: together(&tallies),
                    ..Tally::default()
                };
                let stretch = Windows {
                    tallies: &tallies,
                    window_s: 1,
                    seconds: f64::from(seconds),
                };
                let Intervals { p50, p95, p99, .. } = of_windows(stretch, &whole, &mut draws);
                let of = all.iter_mut().zip([p50, p95, p99]);
                of.for_each(|(all, found)| all.push(found));
            }
            let told = all.iter().zip(truth).map(|(all, truth)| told(all, truth));
            let (held, reach): (Vec<String>, Vec<String>) = told.unzip();
            println!(
                "| {seconds} s | {} | {} |",
                held.join(" / "),
                reach.join(" / ")
            );
        }
        println!();
    }
}

/// Percent that hold the truth, and the median of how far they reach above it.
fn told(all: &[Option<Interval>], truth: f64) -> (String, String) {
    let holds = |i: &&Interval| i.low <= truth && truth <= i.high;
    let found: Vec<&Interval> = all.iter().flatten().collect();
    let held = found.iter().filter(|i| holds(i)).count() as f64 / found.len().max(1) as f64;
    let mut reach: Vec<f64> = found.iter().map(|i| i.high / truth - 1.0).collect();
    reach.sort_by(f64::total_cmp);
    let middle = reach.get(reach.len() / 2).copied().unwrap_or(f64::NAN);
    (
        format!("{:.1}", held * 100.0),
        format!("{:+.1} %", middle * 100.0),
    )
}

fn tallies(model: &Model, table: &Table, draws: &mut Draws) -> Vec<Tally> {
    let of = |times: Vec<(u64, u64)>| Tally {
        ok: times.iter().map(|(_, n)| n).sum(),
        response: Hist::from_counts(times),
        ..Tally::default()
    };
    let windows = windows(model, SAME, table, draws).into_iter();
    let settled = windows.filter(|(second, _)| *second >= SETTLES);
    settled.map(|(_, times)| of(times)).collect()
}

fn together(tallies: &[&Tally]) -> Hist {
    let mut all = Hist::new();
    all.add_all(tallies.iter().map(|tally| &tally.response));
    all
}
