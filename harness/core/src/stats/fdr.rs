//! Which of many findings to keep so that at most a share of the kept ones is false: Y. Benjamini and Y. Hochberg,
//! "Controlling the False Discovery Rate", J. R. Statist. Soc. B 57 (1995).

/// For each p value whether its finding is kept at the false discovery rate `rate`. NaN is never kept, and counts as a
/// test that was made.
pub fn kept(p_values: &[f64], rate: f64) -> Vec<bool> {
    let mut sorted: Vec<f64> = p_values.iter().copied().filter(|p| !p.is_nan()).collect();
    sorted.sort_by(f64::total_cmp);
    let made = p_values.len() as f64;
    let bound = |rank: usize| (rank + 1) as f64 / made * rate;
    let largest = sorted
        .iter()
        .enumerate()
        .rev()
        .find(|(rank, p)| **p <= bound(*rank))
        .map(|(_, p)| *p);
    p_values
        .iter()
        .map(|p| largest.is_some_and(|largest| *p <= largest))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The example of the paper, section 3.2: of fifteen, the four smallest.
    #[test]
    fn the_papers_example() {
        let p = [
            0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262,
            0.5719, 0.6528, 0.7590, 1.0000,
        ];
        let kept = kept(&p, 0.05);
        assert_eq!(kept.iter().filter(|k| **k).count(), 4);
        assert!(kept[..4].iter().all(|k| *k));
    }

    #[test]
    fn nothing_and_not_a_number() {
        assert!(kept(&[], 0.05).is_empty());
        assert_eq!(kept(&[f64::NAN, 0.03], 0.05), [false, false]);
        assert_eq!(kept(&[f64::NAN, 0.02], 0.05), [false, true]);
    }

    proptest! {
        /// The definition, by looking at every k.
        #[test]
        fn brute_force(p in prop::collection::vec(0.0f64..0.2, 1..20), rate in 0.01f64..0.2) {
            let count = |limit: f64| p.iter().filter(|x| **x <= limit).count();
            let made = p.len() as f64;
            let all = p.iter().copied().filter(|limit| *limit <= count(*limit) as f64 / made * rate);
            let limit = all.fold(-1.0, f64::max);
            let expected: Vec<bool> = p.iter().map(|x| *x <= limit).collect();
            prop_assert_eq!(kept(&p, rate), expected);
        }
    }
}
