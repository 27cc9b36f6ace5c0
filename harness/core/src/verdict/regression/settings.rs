//! Every constant of the method, with its default and its reason: `[regression]` of a suite.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A constant that can't be meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{wrong}")]
pub struct SettingsError {
    /// The constant.
    pub name: &'static str,
    /// What it is set to, and where it may lie.
    pub wrong: String,
}

/// Quantiles that are compared at most: each is drawn again for every name.
const MOST_QUANTILES: usize = 20;

/// The method's constants. Effects and spreads are shares: 0.1 is 10 %.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The quantiles that are compared.
    pub quantiles: Vec<f64>,
    /// δ: how much slower matters, of one run against one.
    pub delta: f64,
    /// δ where both sides have at least `repeats` runs.
    pub delta_repeated: f64,
    /// From how many runs a side on: the error of their mean is smaller.
    pub repeats: u32,
    /// How much slower matters at least, milliseconds: below it nobody notices, whatever share it is.
    pub floor_ms: f64,
    /// τ, assumed: how far ln Q differs between runs of one build where nothing is known of this environment.
    pub tau: f64,
    /// From how many runs on τ is learned from them instead.
    pub tau_runs: u32,
    /// A learned τ at least: a few runs may agree by luck, and cells have a width.
    pub tau_floor: f64,
    /// Share of the schedule that is left out at its begin …
    pub trim: f64,
    /// … or so many seconds, if that is more.
    pub trim_s: f64,
    /// The median of a stretch in the first half that far off that of the second half has not settled yet: everything up
    /// to it is left out as well.
    pub settled: f64,
    /// L: length of a block, seconds: longer than what makes neighbouring seconds alike.
    pub block_s: f64,
    /// Blocks at least, or nothing can be said.
    pub blocks: u32,
    /// B: resamples.
    pub resamples: u32,
    /// Chance of a false alarm of one comparison, both directions together.
    pub alpha: f64,
    /// Chance that a proof of no regression is wrong, one-sided.
    pub alpha_proof: f64,
    /// Share of false ones among the key gates' regressions, at most (Benjamini–Hochberg).
    pub false_discoveries: f64,
    /// Samples needed: this many divided by the share beyond the quantile; p99 needs 10 000 of 100.
    pub samples_beyond: f64,
    /// How far the arrivals begun may lie below those intended.
    pub shortfall: f64,
    /// A run with less left than this, seconds, is short: shorter blocks, a shorter trim, and a larger error.
    pub short_s: f64,
    /// A short run's trim, seconds, at least.
    pub short_trim_s: f64,
    /// A short run's block, seconds, at least; otherwise a tenth of what is left.
    pub short_block_s: f64,
    /// What a short run's error within is multiplied with: its blocks are shorter than what hangs together.
    pub short_inflation: f64,
    /// A run with less left than this, seconds, decides nothing.
    pub least_s: f64,
    /// Runs of history needed.
    pub history_runs: u32,
    /// The spread of a history's runs at least.
    pub history_floor: f64,
    /// Chance of an accident taken for a change in history.
    pub change_alpha: f64,
    /// Permutations that tell it.
    pub permutations: u32,
    /// How much greater the share of errors must be to matter: 0.001 is 0.1 percentage points.
    pub errors_floor: f64,
    /// Episodes of errors needed, both sides together.
    pub error_episodes: u32,
    /// How much slower the self-test makes the candidate.
    pub self_test: f64,
    /// Whether samples of another processor, memory or system may be compared, with a note.
    pub other_machines: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            quantiles: vec![0.5, 0.95, 0.99],
            delta: 0.10,
            delta_repeated: 0.05,
            repeats: 3,
            floor_ms: 1.0,
            tau: 0.02,
            tau_runs: 5,
            tau_floor: 0.005,
            trim: 0.10,
            trim_s: 30.0,
            settled: 0.05,
            block_s: 20.0,
            blocks: 10,
            resamples: 1000,
            alpha: 0.05,
            alpha_proof: 0.05,
            false_discoveries: 0.05,
            samples_beyond: 100.0,
            shortfall: 0.02,
            short_s: 200.0,
            short_trim_s: 5.0,
            short_block_s: 2.0,
            short_inflation: 1.25,
            least_s: 30.0,
            history_runs: 5,
            history_floor: 0.01,
            change_alpha: 0.05,
            permutations: 199,
            errors_floor: 0.001,
            error_episodes: 10,
            self_test: 0.20,
            other_machines: false,
        }
    }
}

impl Settings {
    /// Whether no suite said anything else.
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// The constants that can't be meant.
    pub fn errors(&self) -> Vec<SettingsError> {
        let mut errors = Vec::new();
        let mut within = |name: &'static str, value: f64, holds: bool, range: &'static str| {
            if !holds {
                let wrong = format!("`{name} = {value}` can't be: it must lie {range}");
                errors.push(SettingsError { name, wrong });
            }
        };
        let share = "above 0 and below 1";
        let shares = [
            ("delta", self.delta),
            ("delta_repeated", self.delta_repeated),
            ("tau", self.tau),
            ("tau_floor", self.tau_floor),
            ("settled", self.settled),
            ("alpha", self.alpha),
            ("alpha_proof", self.alpha_proof),
            ("false_discoveries", self.false_discoveries),
            ("shortfall", self.shortfall),
            ("history_floor", self.history_floor),
            ("change_alpha", self.change_alpha),
            ("self_test", self.self_test),
        ];
        let quantiles = self.quantiles.iter().map(|q| ("quantiles", *q));
        for (name, value) in shares.into_iter().chain(quantiles) {
            within(name, value, value > 0.0 && value < 1.0, share);
        }
        let least = [
            ("repeats", f64::from(self.repeats), 2.0, "at 2 or above"),
            ("tau_runs", f64::from(self.tau_runs), 3.0, "at 3 or above"),
            (
                "history_runs",
                f64::from(self.history_runs),
                3.0,
                "at 3 or above",
            ),
            ("blocks", f64::from(self.blocks), 2.0, "at 2 or above"),
            (
                "resamples",
                f64::from(self.resamples),
                100.0,
                "at 100 or above",
            ),
            (
                "permutations",
                f64::from(self.permutations),
                19.0,
                "at 19 or above",
            ),
            (
                "short_inflation",
                self.short_inflation,
                1.0,
                "at 1 or above",
            ),
            ("block_s", self.block_s, 1.0, "at 1 or above"),
            ("short_block_s", self.short_block_s, 1.0, "at 1 or above"),
            ("samples_beyond", self.samples_beyond, 1.0, "at 1 or above"),
            ("floor_ms", self.floor_ms, 0.0, "at 0 or above"),
            ("trim_s", self.trim_s, 0.0, "at 0 or above"),
            ("short_trim_s", self.short_trim_s, 0.0, "at 0 or above"),
            ("short_s", self.short_s, 0.0, "at 0 or above"),
            ("least_s", self.least_s, 0.0, "at 0 or above"),
            ("errors_floor", self.errors_floor, 0.0, "at 0 or above"),
        ];
        for (name, value, bound, range) in least {
            within(name, value, value >= bound && value.is_finite(), range);
        }
        let trimmed = (0.0..=0.5).contains(&self.trim);
        within("trim", self.trim, trimmed, "between 0 and 0.5");
        // Far beyond what tells anything more, and what a single judgement may take.
        for (name, many) in [
            ("resamples", self.resamples),
            ("permutations", self.permutations),
        ] {
            within(name, f64::from(many), many <= 100_000, "at 100000 or below");
        }
        let mut different = self.quantiles.clone();
        different.sort_by(f64::total_cmp);
        different.dedup();
        if different.is_empty()
            || different.len() > MOST_QUANTILES
            || different.len() < self.quantiles.len()
        {
            let wrong =
                format!("`quantiles` can't be: give 1 to {MOST_QUANTILES} of them, each once");
            errors.push(SettingsError {
                name: "quantiles",
                wrong,
            });
        }
        errors
    }

    /// δ for sides of so many runs.
    pub(super) fn delta_of(&self, candidates: usize, baselines: usize) -> f64 {
        if candidates.min(baselines) >= self.repeats as usize {
            self.delta_repeated
        } else {
            self.delta
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_allowed_and_written_alike() {
        let settings = Settings::default();
        assert_eq!(settings.errors(), []);
        let text = serde_json::to_string(&settings).unwrap();
        assert_eq!(serde_json::from_str::<Settings>(&text).unwrap(), settings);
        let some: Settings = serde_json::from_str(r#"{"delta": 0.2}"#).unwrap();
        assert_eq!((some.delta, some.tau), (0.2, 0.02));
        assert!(serde_json::from_str::<Settings>(r#"{"dleta": 0.2}"#).is_err());
    }

    #[test]
    fn what_cannot_be_meant_is_refused_by_name() {
        let of = |change: fn(&mut Settings)| {
            let mut settings = Settings::default();
            change(&mut settings);
            settings
                .errors()
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            of(|s| s.delta = 10.0),
            ["`delta = 10` can't be: it must lie above 0 and below 1"]
        );
        assert_eq!(of(|s| s.quantiles = vec![0.5, 1.0]).len(), 1);
        for quantiles in [vec![], vec![0.5, 0.9, 0.5]] {
            let settings = Settings {
                quantiles,
                ..Settings::default()
            };
            assert_eq!(
                settings.errors()[0].to_string(),
                "`quantiles` can't be: give 1 to 20 of them, each once"
            );
        }
        assert_eq!(
            of(|s| s.quantiles = (1..=21).map(|n| f64::from(n) / 100.0).collect()).len(),
            1
        );
        assert_eq!(of(|s| s.tau = f64::NAN).len(), 1);
        assert_eq!(of(|s| s.blocks = 1).len(), 1);
        assert_eq!(of(|s| s.trim = 0.6).len(), 1);
        assert_eq!(of(|s| s.short_inflation = 0.9).len(), 1);
        assert_eq!(of(|s| s.resamples = 1_000_000).len(), 1);
    }

    #[test]
    fn a_smaller_delta_needs_repeats_on_both_sides() {
        let settings = Settings::default();
        assert_eq!(settings.delta_of(1, 5), 0.10);
        assert_eq!(settings.delta_of(3, 3), 0.05);
    }
}
