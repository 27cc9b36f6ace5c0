//! The cells in which a [`Sample`](super::Sample) counts response times: exact below 64 µs, above 32 an octave, so that a
//! cell is at most 1/32 wide. Far coarser than the record, since a committed file must stay small; a quantile is taken
//! between a cell's edges by rank, which on a smooth distribution is right to a thousandth.

/// Cells an octave is cut into.
const STEPS: u64 = 32;
/// Values below this have a cell each.
const EXACT: u64 = 2 * STEPS;
/// Below any value that can be told from zero, µs: where zero is put on a logarithmic scale.
const HALF: f64 = 0.5;

/// The cell of a value in µs.
pub(super) fn cell_of(us: u64) -> u16 {
    let shift = u64::from(58u32.saturating_sub(us.leading_zeros()));
    (shift * STEPS + (us >> shift)) as u16
}

/// The lower edge of a cell, µs: the least value in it. That of the next is its upper edge.
pub(super) fn edge(cell: u16) -> u64 {
    let cell = u64::from(cell);
    if cell < EXACT {
        return cell;
    }
    let shift = cell / STEPS - 1;
    (cell % STEPS + STEPS) << shift
}

/// The natural logarithm of a cell's lower edge.
pub(super) fn ln_edge(cell: u16) -> f64 {
    (edge(cell) as f64).max(HALF).ln()
}

/// The logarithm of a quantile of counts by cell, ascending: where `q` of all lie below, in equal steps by rank between the
/// logarithms of a cell's edges. `None` when nothing was counted. `edges` are (ln lower edge, ln upper edge) of each.
pub(super) fn ln_quantile(counts: &[u64], edges: &[(f64, f64)], q: f64) -> Option<f64> {
    ln_quantile_of(counts.iter().sum(), counts, edges, q)
}

/// The same where the total is known.
pub(super) fn ln_quantile_of(
    total: u64,
    counts: &[u64],
    edges: &[(f64, f64)],
    q: f64,
) -> Option<f64> {
    let rank = q * total as f64;
    let mut below = 0u64;
    counts.iter().zip(edges).find_map(|(count, (low, high))| {
        let before = below as f64;
        below += count;
        let here = *count > 0 && below as f64 >= rank;
        here.then(|| low + (high - low) * (rank - before) / *count as f64)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hist::{Hist, MAX_US, bucket_of};
    use proptest::prelude::*;

    #[test]
    fn small_values_have_a_cell_each_and_the_largest_fits() {
        for us in 0..EXACT {
            assert_eq!((cell_of(us), edge(cell_of(us))), (us as u16, us));
        }
        assert_eq!((cell_of(64), cell_of(65), cell_of(66)), (64, 64, 65));
        assert!(cell_of(MAX_US) < 900);
        assert_eq!(ln_quantile(&[], &[], 0.5), None);
        assert_eq!(ln_quantile(&[0, 0], &[(0.0, 1.0), (1.0, 2.0)], 0.5), None);
    }

    proptest! {
        #[test]
        fn a_value_lies_in_its_cell_which_is_narrow(us in 64u64..MAX_US) {
            let (low, high) = (edge(cell_of(us)), edge(cell_of(us) + 1));
            prop_assert!(low <= us && us < high, "{low} {us} {high}");
            prop_assert!((high - low) as f64 <= low as f64 / 32.0);
            prop_assert_eq!(cell_of(bucket_of(us)), cell_of(us));
            prop_assert_eq!(cell_of(Hist::from_counts([(us, 1)]).coarsen().buckets()[0].0), cell_of(us));
        }

        #[test]
        fn a_quantile_lies_in_the_cell_of_the_exact_rank(mut values in prop::collection::vec(1u64..MAX_US, 1..200), q in 0.001f64..1.0) {
            values.sort_unstable();
            let mut cells: Vec<u16> = values.iter().map(|us| cell_of(*us)).collect();
            let at = |cell: u16| values.iter().filter(|us| cell_of(**us) == cell).count() as u64;
            cells.dedup();
            let counts: Vec<u64> = cells.iter().map(|c| at(*c)).collect();
            let edges: Vec<(f64, f64)> = cells.iter().map(|c| (ln_edge(*c), ln_edge(*c + 1))).collect();
            let got = ln_quantile(&counts, &edges, q).unwrap();
            let rank = ((q * values.len() as f64).ceil() as usize).clamp(1, values.len());
            let cell = cell_of(values[rank - 1]);
            prop_assert!(got >= ln_edge(cell) - 1e-9 && got <= ln_edge(cell + 1) + 1e-9);
        }
    }
}
