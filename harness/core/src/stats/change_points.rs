//! Where a series of figures changed its level: the energy statistic of D. S. Matteson and N. A. James, "A Nonparametric
//! Approach for Multiple Change Point Analysis of Multivariate Data", J. Am. Statist. Assoc. 109 (2014), with exponent 1,
//! splitting again and again while a permutation test finds the best split no accident.

use crate::random::Draws;

/// Points on either side of a change at least: of one alone nobody can say whether it is a level or a stray.
pub const LEAST: usize = 2;

/// Places where a new level begins, ascending: indexes of the first point after each change. `alpha` is the chance of an
/// accident taken for a change, at each split; `permutations` bounds how small a chance can be told. Of the same seed and
/// values the same comes out.
pub fn change_points(values: &[f64], alpha: f64, permutations: u32, seed: u64) -> Vec<usize> {
    let mut found = Vec::new();
    let mut open = vec![(0, values.len())];
    while let Some((from, to)) = open.pop() {
        let Some(part) = values.get(from..to) else {
            continue;
        };
        let Some((at, statistic)) = best_split(part) else {
            continue;
        };
        let coordinates = [from as u64, to as u64];
        let mut draws = Draws::at(seed, &coordinates);
        if accident(part, statistic, permutations, &mut draws) <= alpha {
            found.push(from + at);
            open.extend([(from, from + at), (from + at, to)]);
        }
    }
    found.sort_unstable();
    found
}

/// The chance that values in any order had so good a split; from the share of permutations that do, themselves counted in.
fn accident(values: &[f64], statistic: f64, permutations: u32, draws: &mut Draws) -> f64 {
    let mut shuffled = values.to_vec();
    let mut as_good = 0u32;
    for _ in 0..permutations {
        for last in (1..shuffled.len()).rev() {
            shuffled.swap(last, draws.below(last as u64 + 1) as usize);
        }
        // Sums in another order differ in their last digits.
        let reached = best_split(&shuffled).is_some_and(|(_, s)| s >= statistic * (1.0 - 1e-12));
        as_good += u32::from(reached);
    }
    f64::from(as_good + 1) / f64::from(permutations + 1)
}

/// The split with the greatest statistic, and that; of equal ones the first. `None` for too few values, or where all are
/// the same.
fn best_split(values: &[f64]) -> Option<(usize, f64)> {
    let n = values.len();
    let gap = |i: usize, j: usize| match (values.get(i), values.get(j)) {
        (Some(a), Some(b)) => (a - b).abs(),
        _ => 0.0,
    };
    // Sums of distances within the left part, across, and within the right part, as points move from right to left.
    let (mut left, mut across) = (0.0, 0.0);
    let mut right: f64 = (0..n)
        .flat_map(|i| (i + 1..n).map(move |j| gap(i, j)))
        .sum();
    let mut best: Option<(usize, f64)> = None;
    for moved in 0..n {
        let to_left: f64 = (0..moved).map(|i| gap(i, moved)).sum();
        let to_right: f64 = (moved + 1..n).map(|j| gap(moved, j)).sum();
        left += to_left;
        right -= to_right;
        across += to_right - to_left;
        let (m, k) = (moved + 1, n - moved - 1);
        if m < LEAST || k < LEAST {
            continue;
        }
        let (m, k) = (m as f64, k as f64);
        let pairs = |n: f64| n * (n - 1.0) / 2.0;
        let energy = 2.0 * across / (m * k) - left / pairs(m) - right / pairs(k);
        let statistic = energy * m * k / (m + k);
        if best.is_none_or(|(_, b)| statistic > b) {
            best = Some((moved + 1, statistic));
        }
    }
    best.filter(|(_, statistic)| *statistic > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::normal;
    use proptest::prelude::*;

    fn noise(n: usize, seed: u64) -> Vec<f64> {
        let mut draws = Draws::at(seed, &[]);
        (0..n).map(|_| normal::quantile(draws.unit())).collect()
    }

    #[test]
    fn steps_are_found_where_they_are() {
        let mut values = noise(30, 4);
        values.iter_mut().skip(10).for_each(|v| *v += 8.0);
        values.iter_mut().skip(20).for_each(|v| *v -= 14.0);
        assert_eq!(change_points(&values, 0.05, 199, 1), [10, 20]);
        assert_eq!(
            change_points(&values, 0.05, 199, 1),
            change_points(&values, 0.05, 199, 1)
        );
    }

    #[test]
    fn too_few_or_equal_values_have_no_change() {
        assert!(change_points(&[], 0.05, 199, 1).is_empty());
        assert!(change_points(&[1.0, 9.0, 9.0], 0.05, 199, 1).is_empty());
        assert!(change_points(&[3.0; 40], 0.05, 199, 1).is_empty());
        // Of five values no order is unlikely enough.
        assert!(change_points(&[1.0, 1.1, 9.0, 9.1, 9.2], 0.05, 199, 1).is_empty());
    }

    #[test]
    fn noise_alone_seldom_changes() {
        let series =
            (0..200).filter(|seed| !change_points(&noise(15, *seed), 0.05, 99, *seed).is_empty());
        let share = series.count() as f64 / 200.0;
        assert!((0.005..0.11).contains(&share), "{share}");
    }

    proptest! {
        /// The statistic by its definition, every pair anew for every split.
        #[test]
        fn brute_force(values in prop::collection::vec(-100.0f64..100.0, 4..15)) {
            let mean = |pairs: Vec<f64>| pairs.iter().sum::<f64>() / pairs.len() as f64;
            let within = |part: &[f64]| mean((0..part.len()).flat_map(|i| (0..i).map(move |j| (part[i] - part[j]).abs())).collect());
            let statistic = |at: usize| {
                let (x, y) = values.split_at(at);
                let across = mean(x.iter().flat_map(|a| y.iter().map(move |b| (a - b).abs())).collect());
                let (m, k) = (x.len() as f64, y.len() as f64);
                (2.0 * across - within(x) - within(y)) * m * k / (m + k)
            };
            let greatest = (LEAST..=values.len() - LEAST).map(statistic).fold(f64::MIN, f64::max);
            match best_split(&values) {
                Some((at, got)) => {
                    prop_assert!((got - greatest).abs() < 1e-9, "{} {}", got, greatest);
                    prop_assert!((statistic(at) - got).abs() < 1e-9);
                }
                None => prop_assert!(greatest <= 1e-12),
            }
        }
    }
}
