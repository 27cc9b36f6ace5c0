//! Regression verdicts on simulated runs whose truth is known: the classes one by one, and a small version of the
//! statistical benchmark's rates that a broken method can't keep.

#![allow(clippy::unwrap_used, reason = "a panic in a test is its report")]

#[path = "../../examples/verdicts/model.rs"]
mod model;

mod calibration;
mod classes;
mod rates;

use harness_core::verdict::regression::{Sample, Settings};
use model::{Model, Shift, Table};

/// Runs of one build: `names` of them in each, all with the same change.
fn runs(
    model: &Model,
    shift: Shift,
    names: usize,
    seed: u64,
    runs: std::ops::Range<u64>,
) -> Vec<Sample> {
    let table = Table::new();
    runs.map(|run| model::sample(model, &vec![shift; names], &table, seed, run))
        .collect()
}

/// Few resamples: these tests run unoptimised.
fn settings() -> Settings {
    Settings {
        resamples: 100,
        ..Settings::default()
    }
}
