//! The chi-square distribution, by the incomplete gamma function, and what it says of a standard deviation that was
//! estimated from a few values of a normal distribution.

use super::gamma;

/// The share that lies below `x`, with `freedom` degrees of freedom above zero.
pub fn below(x: f64, freedom: f64) -> f64 {
    gamma::below(freedom / 2.0, x / 2.0)
}

/// The value that a share `p` lies below; 0 and ∞ at 0 and 1, NaN where there is none.
pub fn quantile(p: f64, freedom: f64) -> f64 {
    if freedom.is_nan() || freedom <= 0.0 || !(0.0..=1.0).contains(&p) {
        return f64::NAN;
    }
    if p <= 0.0 || p >= 1.0 {
        return if p <= 0.0 { 0.0 } else { f64::INFINITY };
    }
    let mut high = freedom.max(1.0);
    while below(high, freedom) < p && high < 1e300 {
        high *= 2.0;
    }
    let mut low = 0.0;
    while high - low > 1e-14 * high {
        let middle = f64::midpoint(low, high);
        if middle <= low || middle >= high {
            break;
        }
        if below(middle, freedom) < p {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}

/// The interval, with the confidence of 1 − `alpha`, of the standard deviation that `estimate` (n − 1) was made of from so
/// many values: s·√(ν/χ²) at either end (NIST/SEMATECH e-Handbook 7.2.3.1). `None` for fewer than two values.
pub fn deviation(estimate: f64, values: u32, alpha: f64) -> Option<(f64, f64)> {
    let freedom = f64::from(values.checked_sub(1).filter(|freedom| *freedom > 0)?);
    let end = |p: f64| estimate * (freedom / quantile(p, freedom)).sqrt();
    Some((end(1.0 - alpha / 2.0), end(alpha / 2.0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Draws;
    use crate::stats::{normal, robust};
    use proptest::prelude::*;

    /// Abramowitz and Stegun, table 26.8; NIST/SEMATECH e-Handbook 1.3.6.7.4.
    #[test]
    fn the_published_quantiles() {
        let table = [
            (0.025, 1.0, 0.001, 1e-3),
            (0.975, 1.0, 5.024, 1e-3),
            (0.025, 2.0, 0.051, 1e-3),
            (0.975, 2.0, 7.378, 1e-3),
            (0.025, 4.0, 0.484, 1e-3),
            (0.975, 4.0, 11.143, 1e-3),
            (0.95, 4.0, 9.488, 1e-3),
            (0.025, 9.0, 2.700, 1e-3),
            (0.975, 9.0, 19.023, 1e-3),
            (0.025, 30.0, 16.791, 1e-3),
            (0.975, 30.0, 46.979, 1e-3),
            (0.025, 100.0, 74.222, 1e-3),
            (0.999, 100.0, 149.449, 1e-3),
        ];
        for (p, freedom, x, room) in table {
            let got = quantile(p, freedom);
            assert!((got - x).abs() < room, "{p} {freedom}: {got}");
        }
        assert_eq!(
            (quantile(0.0, 3.0), quantile(1.0, 3.0)),
            (0.0, f64::INFINITY)
        );
        assert!(quantile(0.5, 0.0).is_nan() && quantile(1.5, 2.0).is_nan());
    }

    /// The factors for limits of a standard deviation, 95 %: of five values 0.599 and 2.874, of ten 0.688 and 1.826
    /// (E. L. Crow, F. A. Davis and M. W. Maxfield, "Statistics Manual", 1960, table 5 as square roots of ν/χ²).
    #[test]
    fn the_published_limits_of_a_deviation() {
        for (values, low, high) in [(3, 0.521, 6.285), (5, 0.599, 2.874), (10, 0.688, 1.826)] {
            let (from, to) = deviation(1.0, values, 0.05).unwrap();
            assert!(
                (from - low).abs() < 6e-4 && (to - high).abs() < 1e-3,
                "{values}: {from} {to}"
            );
        }
        assert_eq!(
            (deviation(1.0, 1, 0.05), deviation(1.0, 0, 0.05)),
            (None, None)
        );
    }

    /// Of deviations of five values, 95 of 100 intervals hold the truth.
    #[test]
    fn it_holds_the_truth_as_often_as_it_says() {
        let mut draws = Draws::at(3, &[]);
        let trials = 4000;
        let held = (0..trials)
            .filter(|_| {
                let values: Vec<f64> = (0..5)
                    .map(|_| 2.0 * normal::quantile(draws.unit()))
                    .collect();
                let estimate = robust::deviation(&values).unwrap();
                let (low, high) = deviation(estimate, 5, 0.05).unwrap();
                low < 2.0 && 2.0 < high
            })
            .count();
        let share = held as f64 / f64::from(trials);
        assert!((share - 0.95).abs() < 0.012, "{share}");
    }

    proptest! {
        /// Two degrees of freedom are an exponential distribution, one the square of a normal one.
        #[test]
        fn closed_forms(x in 0.001f64..60.0) {
            prop_assert!((below(x, 2.0) + (-x / 2.0).exp_m1()).abs() < 1e-13);
            let one = 1.0 - 2.0 * normal::above(x.sqrt());
            prop_assert!((below(x, 1.0) - one).abs() < 1e-12, "{one}");
        }

        #[test]
        fn a_quantile_is_the_inverse(p in 0.0001f64..0.9999, freedom in 0.5f64..3000.0) {
            let x = quantile(p, freedom);
            prop_assert!((below(x, freedom) - p).abs() < 1e-10, "{x}");
        }
    }
}
