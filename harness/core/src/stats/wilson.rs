//! The interval of a share that was counted: Wilson's score interval (E. B. Wilson, "Probable Inference, the Law of
//! Succession, and Statistical Inference", Journal of the American Statistical Association 22, 1927). It stays within 0 and 1,
//! and says something of a share that was never seen as well.

/// The interval of a share `p` seen of `n`, `z` standard deviations on either side; all of 0 to 1 for `n` = 0.
pub fn interval(p: f64, n: f64, z: f64) -> (f64, f64) {
    if n <= 0.0 {
        return (0.0, 1.0);
    }
    let z2 = z * z;
    let middle = (p + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let half = z / (1.0 + z2 / n) * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt();
    ((middle - half).max(0.0), (middle + half).min(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// R. G. Newcombe, "Two-sided confidence intervals for the single proportion", Statistics in Medicine 17 (1998), table I,
    /// method 3: 81 of 263, 15 of 148, 0 of 20 and 1 of 29, 95 %.
    #[test]
    fn the_published_intervals() {
        let table = [
            (81.0, 263.0, 0.2553, 0.3662),
            (15.0, 148.0, 0.0624, 0.1605),
            (0.0, 20.0, 0.0000, 0.1611),
            (1.0, 29.0, 0.0061, 0.1718),
        ];
        for (of, n, low, high) in table {
            let (from, to) = interval(of / n, n, 1.959_964);
            assert!(
                (from - low).abs() < 6e-5 && (to - high).abs() < 6e-5,
                "{of}/{n}: {from} {to}"
            );
        }
        assert_eq!(interval(0.0, 0.0, 2.0), (0.0, 1.0));
    }

    proptest! {
        /// Its ends are where the score test is just significant.
        #[test]
        fn its_ends_solve_the_score_test(of in 1u32..99, z in 1.0f64..3.0) {
            let (p, n) = (f64::from(of) / 100.0, 100.0);
            let (low, high) = interval(p, n, z);
            for end in [low, high] {
                let score = (p - end).abs() / (end * (1.0 - end) / n).sqrt();
                prop_assert!((score - z).abs() < 1e-6, "{score} {z}");
            }
        }
    }
}
