//! Distributions at two digits added up by the thousand: a count for each coarse bucket there is, so that adding is one step
//! a bucket. Made once and used again; knows nothing of what is added up.

use super::{Hist, MAX_US, Packed, bucket_of};
use std::ops::Range;

/// Values below this are exact at two digits.
const EXACT: u64 = 256;
/// Coarse buckets of an octave above.
const OCTAVE: usize = 128;

/// A sum under way.
#[derive(Debug)]
pub struct CoarseSum {
    /// By [`place`].
    counts: Vec<u64>,
    /// From the lowest place in use to the highest.
    used: Range<usize>,
}

/// Where a value's coarse bucket stands among all of them.
fn place(us: u64) -> usize {
    if us < EXACT {
        return us as usize;
    }
    let shift = 64 - 8 - us.leading_zeros();
    shift as usize * OCTAVE + (us >> shift) as usize
}

/// The coarse bucket at a place.
fn at(place: usize) -> u64 {
    if (place as u64) < EXACT {
        return place as u64;
    }
    let shift = (place - OCTAVE) / OCTAVE;
    let in_octave = (place - OCTAVE) % OCTAVE + OCTAVE;
    bucket_of((((in_octave as u64) + 1) << shift) - 1)
}

impl Default for CoarseSum {
    fn default() -> Self {
        Self {
            counts: vec![0; place(MAX_US) + 1],
            used: 0..0,
        }
    }
}

impl CoarseSum {
    /// Adds a distribution at two digits or more; it counts at two.
    pub fn add(&mut self, more: &Packed) {
        for (us, count) in more.pairs() {
            let place = place(us.min(MAX_US));
            if let Some(held) = self.counts.get_mut(place) {
                *held += count;
                let used = match self.used.is_empty() {
                    true => place..place + 1,
                    false => self.used.start.min(place)..self.used.end.max(place + 1),
                };
                self.used = used;
            }
        }
    }

    /// What was added since the last time, as [`Hist::coarsen`] has it. Begins anew.
    pub fn take(&mut self) -> Hist {
        let used = std::mem::take(&mut self.used);
        let counts = self.counts.get_mut(used.clone()).unwrap_or_default();
        let counted = used.zip(counts).filter(|(_, count)| **count > 0);
        let buckets = counted.map(|(place, count)| (at(place), std::mem::take(count)));
        Hist {
            buckets: buckets.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::coarse_bucket_of;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_place_has_the_bucket_of_its_values() {
        for place in 0..=super::place(MAX_US) {
            assert_eq!(super::place(at(place)), place);
            assert_eq!(coarse_bucket_of(at(place)), at(place));
        }
    }

    proptest! {
        #[test]
        fn a_sum_is_that_of_the_distributions(all in prop::collection::vec(prop::collection::vec((0u64..2 * MAX_US, 1u64..9), 0..50), 0..9)) {
            let hists: Vec<Hist> = all.into_iter().map(Hist::from_counts).collect();
            let mut sum = CoarseSum::default();
            // Twice, for it begins anew.
            for _ in 0..2 {
                let mut wanted = Hist::default();
                for hist in &hists {
                    sum.add(&Packed::from(hist));
                    wanted.add(hist);
                }
                prop_assert_eq!(sum.take(), wanted.coarsen());
            }
            prop_assert!(sum.take().is_empty());
        }
    }
}
