//! How far chance alone moves a figure, from the number of samples it rests on. Samples of one run are not independent of
//! each other (a slow second is slow for all that arrive in it), so what lies outside these ranges may still be chance;
//! what lies inside is certainly no evidence.

use super::Cell;
use crate::hist::Hist;
use crate::stats::wilson;

/// Standard deviations on either side: 99 of 100 runs. Wide, since many figures are looked at.
const Z: f64 = 2.576;
/// Samples a quantile needs above and below it, or its range is open.
const BEYOND: f64 = 5.0;

/// A quantile. Its range lies between the order statistics that a binomial count of samples below it reaches.
pub(super) fn quantile(hist: &Hist, q: f64) -> Cell {
    let n = hist.count();
    let value = hist.quantile(q).map(|us| us as f64);
    let count = n as f64;
    let reach = Z * (count * q * (1.0 - q)).sqrt();
    let enough = count * q.min(1.0 - q) >= BEYOND;
    let at = |rank: f64| {
        let share = (rank / count.max(1.0)).clamp(0.0, 1.0);
        hist.quantile(share).map(|us| us as f64)
    };
    let range = at(count * q - reach)
        .zip(at(count * q + reach))
        .filter(|_| enough);
    Cell {
        value,
        range,
        samples: n,
        ..Cell::default()
    }
}

/// A share, with Wilson's score interval (E. B. Wilson, 1927).
pub(super) fn share(part: u64, of: u64) -> Cell {
    if of == 0 {
        return Cell::default();
    }
    let p = part as f64 / of as f64;
    Cell {
        value: Some(p),
        range: Some(wilson(p, of as f64)),
        samples: of,
        ..Cell::default()
    }
}

/// Wilson's score interval of a share `p` seen of `n`, 99 of 100.
pub(crate) fn wilson(p: f64, n: f64) -> (f64, f64) {
    wilson::interval(p, n, Z)
}

/// Events a second, counted as a Poisson process.
pub(super) fn rate(events: u64, seconds: f64) -> Cell {
    if seconds <= 0.0 {
        return Cell::default();
    }
    let n = events as f64;
    let reach = Z * n.sqrt();
    Cell {
        value: Some(n / seconds),
        range: Some(((n - reach).max(0.0) / seconds, (n + reach) / seconds)),
        samples: events,
        ..Cell::default()
    }
}

/// A figure over time, by how its windows differ: the standard error of their mean on either side of it.
pub(super) fn series(value: f64, windows: &[f64]) -> Cell {
    let n = windows.len() as f64;
    let mean = windows.iter().sum::<f64>() / n.max(1.0);
    let squares: f64 = windows.iter().map(|v| (v - mean).powi(2)).sum();
    let reach = Z * (squares / (n - 1.0).max(1.0) / n.max(1.0)).sqrt();
    Cell {
        value: Some(value),
        range: (n >= BEYOND).then_some((value - reach, value + reach)),
        samples: windows.len() as u64,
        ..Cell::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn few_samples_have_wide_ranges() {
        let of = |n: u64| Hist::from_counts((1..=n).map(|i| (i * 1000, 1)));
        let (few, many) = (quantile(&of(100), 0.5), quantile(&of(10_000), 0.5));
        let width = |cell: &Cell| {
            cell.range
                .map(|(low, high)| (high - low) / cell.value.unwrap())
        };
        assert!(width(&few).unwrap() > 0.4, "{few:?}");
        assert!(width(&many).unwrap() < 0.06, "{many:?}");
        // Nine samples say nothing of the tail of one in a hundred.
        assert_eq!(quantile(&of(100), 0.99).range, None);
        assert_eq!(quantile(&Hist::new(), 0.5), Cell::default());
    }

    #[test]
    fn no_error_in_ten_does_not_rule_out_one_in_five() {
        let (low, high) = share(0, 10).range.unwrap();
        assert!(low < 1e-9 && high > 0.2, "{low} {high}");
        assert_eq!(share(0, 0), Cell::default());
    }

    #[test]
    fn a_figure_that_never_moves_has_no_width_and_few_windows_no_range() {
        assert_eq!(series(0.5, &[0.5; 5]).range, Some((0.5, 0.5)));
        assert_eq!(series(0.5, &[0.5; 4]).range, None);
        let (low, high) = series(10.0, &[0.0, 20.0, 0.0, 20.0, 10.0]).range.unwrap();
        assert!(low < 0.0 && high > 20.0, "{low} {high}");
    }

    proptest! {
        #[test]
        fn a_value_lies_in_its_range(
            counts in prop::collection::vec((1u64..1_000_000, 1u64..50), 1..40),
            q in 0.01f64..0.999, part in 0u64..100, rest in 1u64..100,
        ) {
            for cell in [quantile(&Hist::from_counts(counts), q), share(part, part + rest), rate(part, 3.0)] {
                if let (Some(value), Some((low, high))) = (cell.value, cell.range) {
                    prop_assert!(low <= value + 1e-9 && value <= high + 1e-9, "{cell:?}");
                }
            }
        }
    }
}
