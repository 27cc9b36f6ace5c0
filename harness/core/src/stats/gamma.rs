//! The gamma function and the regularised incomplete one. Γ after C. Lanczos, "A Precision Approximation of the Gamma
//! Function", SIAM J. Numer. Anal. 1 (1964), in the coefficients for g = 7; the incomplete one by its series (DLMF 8.11.4)
//! and, beyond the middle, by its continued fraction (DLMF 8.9.2) evaluated with Lentz's method.

use std::f64::consts::PI;

/// ln Γ(x) for x > 0.
pub(super) fn ln_gamma(x: f64) -> f64 {
    const COEFFICIENTS: [f64; 8] = [
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    if x < 0.5 {
        return (PI / (PI * x).sin()).ln() - ln_gamma(1.0 - x);
    }
    let x = x - 1.0;
    let sum = COEFFICIENTS
        .iter()
        .zip(1u32..)
        .fold(0.999_999_999_999_809_9, |sum, (c, i)| {
            sum + c / (x + f64::from(i))
        });
    let t = x + 7.5;
    (2.0 * PI).ln() / 2.0 + (x + 0.5) * t.ln() - t + sum.ln()
}

/// P(a, x) = γ(a, x) / Γ(a), for a > 0: the share of a gamma distribution of shape `a` that lies below `x`.
pub(super) fn below(a: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    let front = (a * x.ln() - x - ln_gamma(a)).exp();
    if x < a + 1.0 {
        front * series(a, x)
    } else {
        1.0 - front * fraction(a, x)
    }
}

/// Terms that neither the series nor the fraction ever needs for shapes up to some ten thousand.
const TERMS: u32 = 100_000;

fn series(a: f64, x: f64) -> f64 {
    let (mut term, mut sum) = (1.0 / a, 1.0 / a);
    for n in 1..TERMS {
        term *= x / (a + f64::from(n));
        sum += term;
        if term < sum * 1e-17 {
            break;
        }
    }
    sum
}

fn fraction(a: f64, x: f64) -> f64 {
    /// Stands in for a zero that would be divided by.
    const TINY: f64 = 1e-300;
    let kept = |v: f64| if v.abs() < TINY { TINY } else { v };
    let mut b = x + 1.0 - a;
    let mut c = 1.0 / TINY;
    let mut d = 1.0 / kept(b);
    let mut value = d;
    for n in 1..TERMS {
        let n = f64::from(n);
        let numerator = -n * (n - a);
        b += 2.0;
        d = 1.0 / kept(numerator * d + b);
        c = kept(b + numerator / c);
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

    proptest! {
        #[test]
        fn gamma_multiplies(x in 0.1f64..150.0) {
            prop_assert!((ln_gamma(x + 1.0) - ln_gamma(x) - x.ln()).abs() < 1e-11 * (1.0 + ln_gamma(x).abs()));
        }

        /// Of whole shapes it is a sum of a Poisson distribution's terms (DLMF 8.4.9).
        #[test]
        fn whole_shapes_have_a_closed_form(a in 1u32..40, x in 0.001f64..120.0) {
            let mut term = (-x).exp();
            let mut above = 0.0;
            for k in 0..a {
                above += term;
                term *= x / f64::from(k + 1);
            }
            let got = below(f64::from(a), x);
            prop_assert!((got - (1.0 - above)).abs() < 1e-12, "{got} {above}");
        }

        /// P(a, x) − P(a + 1, x) = xᵃ e⁻ˣ / Γ(a + 1) (DLMF 8.8.5), across the place where the method changes.
        #[test]
        fn neighbours_differ_by_a_term(a in 0.5f64..60.0, x in 0.01f64..120.0) {
            let term = (a * x.ln() - x - ln_gamma(a + 1.0)).exp();
            prop_assert!((below(a, x) - below(a + 1.0, x) - term).abs() < 1e-12);
        }
    }
}
