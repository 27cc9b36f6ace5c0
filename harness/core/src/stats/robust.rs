//! Middle and spread of a few numbers: the plain ones, and the ones that one wild number does not move.

/// The median; of an even number of values the middle between the two. `None` when empty.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (low, high) = (sorted.len().checked_sub(1)? / 2, sorted.len() / 2);
    Some(f64::midpoint(*sorted.get(low)?, *sorted.get(high)?))
}

/// The arithmetic mean. `None` when empty.
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// The standard deviation of a sample (n − 1). `None` for fewer than two.
pub fn deviation(values: &[f64]) -> Option<f64> {
    let mean = mean(values).filter(|_| values.len() > 1)?;
    let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
    Some((squares / (values.len() - 1) as f64).sqrt())
}

/// The standard deviation as the median absolute deviation tells it, 1.4826 times that, with the factor for few values of
/// C. Croux and P. J. Rousseeuw, "Time-efficient algorithms for two highly robust estimators of scale", COMPSTAT 1992:
/// without it five values of a normal distribution come out a sixth too small. `None` for fewer than two.
pub fn robust_deviation(values: &[f64]) -> Option<f64> {
    const FEW: [f64; 8] = [1.196, 1.495, 1.363, 1.206, 1.200, 1.140, 1.129, 1.107];
    let n = values.len();
    let middle = median(values).filter(|_| n > 1)?;
    let away: Vec<f64> = values.iter().map(|v| (v - middle).abs()).collect();
    let factor = FEW
        .get(n - 2)
        .copied()
        .unwrap_or(n as f64 / (n as f64 - 0.8));
    Some(1.4826 * factor * median(&away)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Draws;
    use crate::stats::normal;
    use proptest::prelude::*;

    #[test]
    fn small_cases() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(
            (median(&[]), mean(&[]), deviation(&[1.0])),
            (None, None, None)
        );
        assert_eq!(deviation(&[1.0, 3.0]), Some(2f64.sqrt()));
        assert_eq!(robust_deviation(&[5.0]), None);
        // |x − 2| is 1 0 1 98 1: the wild one does not count.
        let got = robust_deviation(&[1.0, 2.0, 3.0, 100.0, 1.0]).unwrap();
        assert!((got - 1.4826 * 1.206).abs() < 1e-12, "{got}");
    }

    #[test]
    fn it_estimates_the_deviation_of_a_normal_distribution() {
        let mut draws = Draws::at(1, &[]);
        for n in [5, 8, 20] {
            let of = |draws: &mut Draws| -> Vec<f64> {
                (0..n).map(|_| normal::quantile(draws.unit())).collect()
            };
            let all: Vec<f64> = (0..4000)
                .filter_map(|_| robust_deviation(&of(&mut draws)))
                .collect();
            let mean = mean(&all).unwrap();
            assert!((mean - 1.0).abs() < 0.03, "{n}: {mean}");
        }
    }

    proptest! {
        #[test]
        fn half_lie_on_either_side(values in prop::collection::vec(-1e6f64..1e6, 1..50)) {
            let middle = median(&values).unwrap();
            let below = values.iter().filter(|v| **v < middle).count();
            let above = values.iter().filter(|v| **v > middle).count();
            prop_assert!(below * 2 <= values.len() && above * 2 <= values.len());
        }
    }
}
