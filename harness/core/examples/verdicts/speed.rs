//! How long a comparison takes: 60 names of a 600-second run, three quantiles, a thousand resamples.

use super::model::{Model, SAME, Table, sample};
use harness_core::verdict::regression::{Estimate, Inputs, Sample, Settings, compare};
use std::time::Instant;

/// Prints times of one thread, and what a sample takes as text.
pub(crate) fn run(table: &Table, seed: u64) {
    let settings = Settings::default();
    let of = |rate: f64, window_s: u32| {
        let model = Model {
            rate,
            window_s,
            ..Model::usual(600, 0.02)
        };
        move |run| sample(&model, &[SAME; 60], table, seed, run)
    };
    println!("### 60 names, 600 s, 3 quantiles, 1000 resamples, one thread");
    println!("| load | one run's figures | a whole comparison | size as JSON |\n|---|---|---|---|");
    for (words, rate, window_s) in [
        ("17 requests/s a name, windows of 5 s", 17.0, 5),
        ("1000 requests/s a name, windows of 5 s", 1000.0, 5),
        ("1000 requests/s a name, windows of 1 s", 1000.0, 1),
    ] {
        let of = of(rate, window_s);
        let runs: [Sample; 2] = [of(1), of(2)];
        let one = timed(|| Estimate::of(&runs[0], &settings).names.len());
        let [candidate, baseline] = [&runs[..1], &runs[1..]];
        let inputs = Inputs {
            candidate,
            baseline,
            ..Inputs::default()
        };
        let whole = timed(|| compare(&inputs, &settings).figures.len());
        let size = serde_json::to_string(&runs[0]).unwrap().len() as f64 / 1e6;
        println!("| {words} | {one:.2} s | {whole:.2} s | {size:.2} MB |");
    }
}

/// Seconds of the middle one of three.
fn timed(work: impl Fn() -> usize) -> f64 {
    let mut times: Vec<f64> = (0..3)
        .map(|_| {
            let begin = Instant::now();
            assert!(std::hint::black_box(work()) > 0);
            Instant::now().duration_since(begin).as_secs_f64()
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[1]
}
