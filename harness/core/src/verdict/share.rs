//! Whether a share of samples keeps within what is allowed, by as much as the sample can say. A quantile's limit is
//! such a share: "p99 < L" says that at most 1 % of all samples violate L.
//!
//! Source: the exact (Clopper-Pearson) one-sided binomial limit; for quantiles this is the distribution-free limit by
//! order statistics (Conover, Practical Nonparametric Statistics, §3.2). With no violation at all it is the rule of
//! three, 3/n at 95 %. It takes samples as independent, which load is not; so it decides small samples only, and
//! the observed figure decides large ones.

use super::Grade;
use super::limits::RARE;

/// How sure a judgement must be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rigour {
    /// One-sided error.
    pub alpha: f64,
    /// Whether the observed figure of a large sample decides alone; otherwise a failure must be significant too.
    pub observed_decides: bool,
}

/// Samples from which the observed figure decides.
pub(super) fn enough(allowed: f64) -> f64 {
    RARE / allowed.min(1.0 - allowed).max(1e-9)
}

/// Judges `bad` violations among `n`, of which a share `allowed` may be. `holds`: whether the observed figure is
/// within its limit.
pub(super) fn judge(holds: bool, bad: u64, n: u64, allowed: f64, rigour: Rigour) -> Grade {
    if n == 0 {
        return Grade::Inconclusive;
    }
    let large = n as f64 >= enough(allowed) && rigour.observed_decides;
    if !holds && (large || at_least(bad, n, allowed) <= rigour.alpha) {
        return Grade::Fail;
    }
    if holds && (large || at_most(bad, n, allowed) <= rigour.alpha) {
        Grade::Pass
    } else {
        Grade::Inconclusive
    }
}

/// P(K ≥ k) for K binomial of n trials at probability p.
fn at_least(k: u64, n: u64, p: f64) -> f64 {
    if k == 0 {
        1.0
    } else {
        at_most(n - k.min(n), n, 1.0 - p)
    }
}

/// P(K ≤ k) for K binomial of n trials at probability p, summed from the rarer end in logarithms.
fn at_most(k: u64, n: u64, p: f64) -> f64 {
    if k >= n || p <= 0.0 {
        return 1.0;
    }
    if p >= 1.0 {
        return 0.0;
    }
    let odds = (p / (1.0 - p)).ln();
    let mut log_term = n as f64 * (-p).ln_1p();
    let mut sum = log_term.exp();
    for i in 0..k {
        log_term += ((n - i) as f64 / (i + 1) as f64).ln() + odds;
        sum += log_term.exp();
    }
    sum.min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::limits::ALPHA;
    use proptest::prelude::*;

    const FINAL: Rigour = Rigour {
        alpha: ALPHA,
        observed_decides: true,
    };

    #[test]
    fn binomial_tails_match_known_values() {
        // Exact: P(K ≤ 2 | 10, 0.5) = 56/1024; P(K ≥ 8 | 10, 0.5) the same; 0.99^299 = 0.0495.
        assert!((at_most(2, 10, 0.5) - 56.0 / 1024.0).abs() < 1e-12);
        assert!((at_least(8, 10, 0.5) - 56.0 / 1024.0).abs() < 1e-12);
        assert!((at_most(0, 299, 0.01) - 0.99f64.powi(299)).abs() < 1e-12);
        assert!((at_least(1, 100, 0.01) - (1.0 - 0.99f64.powi(100))).abs() < 1e-12);
    }

    #[test]
    fn no_violation_follows_the_rule_of_three() {
        assert_eq!(judge(true, 0, 2990, 0.001, FINAL), Grade::Inconclusive);
        assert_eq!(judge(true, 0, 3000, 0.001, FINAL), Grade::Pass);
    }

    #[test]
    fn a_clear_failure_needs_few_samples() {
        assert_eq!(judge(false, 1, 3, 0.05, FINAL), Grade::Inconclusive);
        assert_eq!(judge(false, 3, 3, 0.05, FINAL), Grade::Fail);
    }

    #[test]
    fn a_large_sample_decides_by_what_is_observed() {
        assert_eq!(judge(true, 100, 10_000, 0.01, FINAL), Grade::Pass);
        assert_eq!(judge(false, 101, 10_000, 0.01, FINAL), Grade::Fail);
        let live = Rigour {
            observed_decides: false,
            ..FINAL
        };
        assert_eq!(judge(false, 101, 10_000, 0.01, live), Grade::Inconclusive);
        assert_eq!(judge(false, 150, 10_000, 0.01, live), Grade::Fail);
    }

    proptest! {
        #[test]
        fn one_more_violation_never_helps(n in 1u64..3000, share in 0.0005f64..0.9995, bad in 0u64..3000) {
            let bad = bad % n;
            let grade = |bad: u64| judge(bad as f64 / n as f64 <= share, bad, n, share, FINAL);
            prop_assert!(grade(bad) <= grade(bad + 1));
        }

        #[test]
        fn tails_are_probabilities(n in 1u64..100_000, k in 0u64..100_000, p in 0.0f64..=1.0) {
            let k = k % n;
            let (low, high) = (at_most(k, n, p), at_least(k + 1, n, p));
            prop_assert!((0.0..=1.0).contains(&low) && (0.0..=1.0).contains(&high));
        }
    }
}
