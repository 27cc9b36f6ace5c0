//! The standard normal distribution. Its function by the series of G. Marsaglia, "Evaluating the Normal Distribution",
//! Journal of Statistical Software 11 (2004), and in the tails by Laplace's continued fraction of Mills' ratio (DLMF
//! 7.9.3); its quantiles from the approximation 26.2.23 of Abramowitz and Stegun, sharpened by Halley's method.

use std::f64::consts::PI;

/// From here on the continued fraction converges fast, and the series would lose digits.
const TAIL: f64 = 2.5;
/// Terms of the continued fraction: its error at [`TAIL`] is far below that of a double.
const TERMS: u32 = 200;

/// The density at `x`.
pub fn density(x: f64) -> f64 {
    (-x * x / 2.0).exp() / (2.0 * PI).sqrt()
}

/// The share above `x`, exact to some 14 digits in the tail as well.
pub fn above(x: f64) -> f64 {
    if x < TAIL {
        return 1.0 - below_by_series(x);
    }
    let fraction = (1..=TERMS).rev().fold(x, |tail, k| x + f64::from(k) / tail);
    density(x) / fraction
}

/// The share below `x`.
pub fn below(x: f64) -> f64 {
    above(-x)
}

fn below_by_series(x: f64) -> f64 {
    if x < -TAIL {
        return above(-x);
    }
    let (mut term, mut sum, mut odd) = (x, x, 1.0);
    while term.abs() > sum.abs() * 1e-17 {
        odd += 2.0;
        term *= x * x / odd;
        sum += term;
    }
    0.5 + sum * density(x)
}

/// The value that a share `p` lies below; −∞ and ∞ at 0 and 1, NaN outside of them.
pub fn quantile(p: f64) -> f64 {
    if !(0.0..=1.0).contains(&p) {
        return f64::NAN;
    }
    let tail = p.min(1.0 - p);
    if tail <= 0.0 {
        return if p < 0.5 {
            f64::NEG_INFINITY
        } else {
            f64::INFINITY
        };
    }
    let t = (-2.0 * tail.ln()).sqrt();
    let top = 2.515_517 + t * (0.802_853 + t * 0.010_328);
    let bottom = 1.0 + t * (1.432_788 + t * (0.189_269 + t * 0.001_308));
    let mut x = t - top / bottom;
    for _ in 0..3 {
        let step = (above(x) - tail) / density(x);
        x += step / (1.0 - step * x / 2.0);
    }
    if p < 0.5 { -x } else { x }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Abramowitz and Stegun, tables 26.1 and 26.5.
    #[test]
    fn the_published_values() {
        let shares = [
            (0.0, 0.5),
            (1.0, 0.841_344_746_068_543),
            (2.0, 0.977_249_868_051_821),
            (3.0, 0.998_650_101_968_370),
            (-1.5, 0.066_807_201_268_858),
        ];
        for (x, share) in shares {
            assert!((below(x) - share).abs() < 1e-14, "{x}: {}", below(x));
        }
        assert!((above(5.0) / 2.866_515_718_791_94e-7 - 1.0).abs() < 1e-12);
        assert!((above(10.0) / 7.619_853_024_160_527e-24 - 1.0).abs() < 1e-12);
        let quantiles = [
            (0.975, 1.959_963_984_540_054),
            (0.95, 1.644_853_626_951_473),
            (0.995, 2.575_829_303_548_901),
            (0.8, 0.841_621_233_572_914),
            (0.5, 0.0),
        ];
        for (p, x) in quantiles {
            assert!((quantile(p) - x).abs() < 1e-13, "{p}: {}", quantile(p));
        }
        assert_eq!(quantile(0.0), f64::NEG_INFINITY);
        assert_eq!(quantile(1.0), f64::INFINITY);
        assert!(quantile(1.1).is_nan() && quantile(f64::NAN).is_nan());
    }

    proptest! {
        #[test]
        fn a_quantile_is_the_inverse(x in -7.0f64..7.0) {
            let back = quantile(below(x));
            // Near 1 a double has no more digits to tell.
            let room = 1e-9 + 1e-15 / density(x);
            prop_assert!((back - x).abs() < room, "{back} for {x}");
        }
    }
}
