//! How often a change is called, over a few hundred simulated runs of a fixed seed.

use super::model::{Model, SAME, Shift};
use super::{runs, settings};
use harness_core::verdict::regression::{Class, Estimate, Noise, Sample, Settings, hold};

const PAIRS: usize = 16;

/// Alarms of a quantile, of [`PAIRS`] names.
fn alarms(candidate: &Estimate, baseline: &Estimate, noise: Option<&Noise>, at: usize) -> usize {
    // A δ of 10 % alone would hide most false alarms.
    let settings = Settings {
        delta: 0.05,
        ..settings()
    };
    let names = candidate.names.keys();
    names
        .filter(|name| {
            let held = hold(&[candidate], &[baseline], noise, (name, at), &settings);
            held.class == Class::Regressed
        })
        .count()
}

#[test]
fn a_change_is_called_where_there_is_one_and_seldom_where_there_is_none() {
    let of = |spread: f64, shift: Shift, numbers| {
        let model = Model {
            // Fewer and coarser than the benchmark's: it runs unoptimised.
            window_s: 5,
            step: 0.04,
            ..Model::usual(300, spread)
        };
        let samples: Vec<Sample> = runs(&model, shift, PAIRS, 11, numbers);
        samples
            .iter()
            .map(|s| Estimate::of(s, &settings()))
            .collect::<Vec<_>>()
    };
    for spread in [0.02, 0.04] {
        let same = of(spread, SAME, 0..7);
        let noise = Noise::of(&same[2..].iter().collect::<Vec<_>>(), &settings());
        let false_alarms: usize = (0..3)
            .map(|at| alarms(&same[1], &same[0], Some(&noise), at))
            .sum();
        assert!(
            false_alarms <= 2,
            "{false_alarms} of {} at {spread}",
            3 * PAIRS
        );
        if spread < 0.03 {
            let slower = &of(spread, Shift::All(0.2), 7..8)[0];
            let found = [0, 1].map(|at| alarms(slower, &same[0], None, at));
            assert!(
                found.iter().all(|n| *n >= PAIRS - 2),
                "{found:?} of {PAIRS}"
            );
            let found = [0, 1].map(|at| alarms(slower, &same[0], Some(&noise), at));
            assert!(
                found.iter().all(|n| *n >= PAIRS - 3),
                "{found:?} of {PAIRS}"
            );
        }
    }
}
