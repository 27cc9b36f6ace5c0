//! Student's t distribution with any number of degrees of freedom above zero, by the regularised incomplete beta function:
//! its continued fraction (DLMF 8.17.22) evaluated with Lentz's method.

use super::gamma::ln_gamma;
use super::normal;

/// Beyond this many degrees of freedom it is the normal distribution to five digits.
const NORMAL: f64 = 1e5;

/// Both tails together: the share further from zero than `t`.
pub fn two_sided(t: f64, freedom: f64) -> f64 {
    if freedom >= NORMAL {
        return 2.0 * normal::above(t.abs());
    }
    incomplete_beta(freedom / (freedom + t * t), freedom / 2.0, 0.5)
}

/// The value that a share `p` lies below, with `freedom` degrees of freedom (∞ allowed); NaN where there is none.
pub fn quantile(p: f64, freedom: f64) -> f64 {
    if freedom >= NORMAL {
        return normal::quantile(p);
    }
    if freedom.is_nan() || freedom <= 0.0 || !(0.0..=1.0).contains(&p) {
        return f64::NAN;
    }
    let tails = 2.0 * p.min(1.0 - p);
    if tails <= 0.0 {
        return normal::quantile(p);
    }
    let mut high = 1.0;
    while two_sided(high, freedom) > tails && high < 1e300 {
        high *= 2.0;
    }
    let mut low = 0.0;
    while high - low > 1e-14 * high {
        let middle = f64::midpoint(low, high);
        if middle <= low || middle >= high {
            break;
        }
        if two_sided(middle, freedom) > tails {
            low = middle;
        } else {
            high = middle;
        }
    }
    let t = f64::midpoint(low, high);
    if p < 0.5 { -t } else { t }
}

/// The regularised incomplete beta function at `x` in 0 to 1.
fn incomplete_beta(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    let ln_front = ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (-x).ln_1p();
    if x < (a + 1.0) / (a + b + 2.0) {
        ln_front.exp() * fraction(x, a, b) / a
    } else {
        1.0 - ln_front.exp() * fraction(1.0 - x, b, a) / b
    }
}

fn fraction(x: f64, a: f64, b: f64) -> f64 {
    /// Stands in for a zero that would be divided by.
    const TINY: f64 = 1e-300;
    let kept = |v: f64| if v.abs() < TINY { TINY } else { v };
    let mut c = 1.0;
    let mut d = 1.0 / kept(1.0 - (a + b) * x / (a + 1.0));
    let mut value = d;
    for m in 1..10_000 {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / kept(1.0 + even * d);
        c = kept(1.0 + even / c);
        value *= c * d;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / kept(1.0 + odd * d);
        c = kept(1.0 + odd / c);
        value *= c * d;
        if (c * d - 1.0).abs() < 1e-15 {
            break;
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::f64::consts::PI;

    /// Abramowitz and Stegun, table 26.10; NIST/SEMATECH e-Handbook 1.3.6.7.2.
    #[test]
    fn the_published_quantiles() {
        let table = [
            (0.975, 1.0, 12.706),
            (0.975, 2.0, 4.303),
            (0.975, 3.0, 3.182),
            (0.975, 4.0, 2.776),
            (0.95, 4.0, 2.132),
            (0.995, 4.0, 4.604),
            (0.9995, 4.0, 8.610),
            (0.975, 9.0, 2.262),
            (0.95, 9.0, 1.833),
            (0.975, 29.0, 2.045),
            (0.975, 120.0, 1.980),
            (0.75, 10.0, 0.700),
        ];
        for (p, freedom, t) in table {
            let got = quantile(p, freedom);
            assert!((got - t).abs() < 5.1e-4, "{p} {freedom}: {got}");
            assert!((quantile(1.0 - p, freedom) + got).abs() < 1e-8);
        }
        assert!((quantile(0.975, f64::INFINITY) - 1.959_964).abs() < 1e-6);
        assert!(quantile(0.9, 0.0).is_nan() && quantile(2.0, 3.0).is_nan());
        assert_eq!(quantile(1.0, 3.0), f64::INFINITY);
    }

    proptest! {
        /// One and two degrees of freedom have closed forms (Cauchy, and Student's own).
        #[test]
        fn closed_forms(t in -50.0f64..50.0) {
            let cauchy = 1.0 - 2.0 * t.abs().atan() / PI;
            prop_assert!((two_sided(t, 1.0) - cauchy).abs() < 1e-12);
            let two = 1.0 - t.abs() / (2.0 + t * t).sqrt();
            prop_assert!((two_sided(t, 2.0) - two).abs() < 1e-12);
        }

        #[test]
        fn a_quantile_is_the_inverse(p in 0.001f64..0.999, freedom in 0.7f64..5000.0) {
            let t = quantile(p, freedom);
            let tails = 2.0 * p.min(1.0 - p);
            prop_assert!((two_sided(t, freedom) / tails - 1.0).abs() < 1e-8, "{t}");
        }
    }
}
