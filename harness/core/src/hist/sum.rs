//! Distributions added up by the thousand: a count for each bucket there is, so that adding is one step a bucket. At two digits
//! or at three. Made once and used again; knows nothing of what is added up.

use super::{Hist, MAX_US, Packed, bucket_of};
use std::ops::Range;

/// A sum under way at two digits, as [`Hist::coarsen`] has them.
pub type CoarseSum = DenseSum<8>;

/// A sum under way at all the digits there are.
pub type FineSum = DenseSum<11>;

/// A sum under way. Values below 2 to the power of `BITS` are exact, above there are half as many buckets an octave.
#[derive(Debug)]
pub struct DenseSum<const BITS: u32> {
    /// By [`DenseSum::place`].
    counts: Vec<u64>,
    /// A bit for each place in use.
    marks: Vec<u64>,
    /// From the lowest of the marks in use to the highest.
    used: Range<usize>,
}

impl<const BITS: u32> DenseSum<BITS> {
    /// Values below this are exact.
    const EXACT: u64 = 1 << BITS;
    /// Buckets of an octave above.
    const OCTAVE: usize = 1 << (BITS - 1);

    /// Where a value's bucket stands among all of them.
    fn place(us: u64) -> usize {
        if us < Self::EXACT {
            return us as usize;
        }
        let shift = 64 - BITS - us.leading_zeros();
        shift as usize * Self::OCTAVE + (us >> shift) as usize
    }

    /// The bucket at a place: the highest fine one in it.
    fn at(place: usize) -> u64 {
        if (place as u64) < Self::EXACT {
            return place as u64;
        }
        let shift = (place - Self::OCTAVE) / Self::OCTAVE;
        let in_octave = (place - Self::OCTAVE) % Self::OCTAVE + Self::OCTAVE;
        bucket_of((((in_octave as u64) + 1) << shift) - 1)
    }

    /// Adds a distribution.
    pub fn add(&mut self, more: &Hist) {
        self.add_pairs(more.buckets.iter().copied());
    }

    /// Adds one that was put away.
    pub fn add_packed(&mut self, more: &Packed) {
        self.add_pairs(more.pairs());
    }

    fn add_pairs(&mut self, pairs: impl Iterator<Item = (u64, u64)>) {
        let (mut from, mut to) = match self.used.is_empty() {
            true => (usize::MAX, 0),
            false => (self.used.start, self.used.end),
        };
        for (us, count) in pairs {
            let place = Self::place(us.min(MAX_US));
            let mark = place / 64;
            if let (Some(held), Some(marks)) =
                (self.counts.get_mut(place), self.marks.get_mut(mark))
            {
                *held = held.saturating_add(count);
                *marks |= 1 << (place % 64);
                (from, to) = (from.min(mark), to.max(mark + 1));
            }
        }
        self.used = from.min(to)..to;
    }

    /// What was added since the last time. Begins anew.
    pub fn take(&mut self) -> Hist {
        let used = std::mem::take(&mut self.used);
        let marks = self.marks.get_mut(used.clone()).unwrap_or_default();
        let many: u32 = marks.iter().map(|marks| marks.count_ones()).sum();
        let mut buckets = Vec::with_capacity(many as usize);
        for (at, marks) in used.zip(marks) {
            let mut left = std::mem::take(marks);
            while left != 0 {
                let place = at * 64 + left.trailing_zeros() as usize;
                left &= left - 1;
                let count = self.counts.get_mut(place).map_or(0, std::mem::take);
                if count > 0 {
                    buckets.push((Self::at(place), count));
                }
            }
        }
        Hist { buckets }
    }
}

impl<const BITS: u32> Default for DenseSum<BITS> {
    fn default() -> Self {
        let places = Self::place(MAX_US) + 1;
        Self {
            counts: vec![0; places],
            marks: vec![0; places.div_ceil(64)],
            used: 0..0,
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
        for place in 0..=CoarseSum::place(MAX_US) {
            let bucket = CoarseSum::at(place);
            assert_eq!(CoarseSum::place(bucket), place);
            assert_eq!(coarse_bucket_of(bucket), bucket);
        }
        for place in 0..=FineSum::place(MAX_US) {
            let bucket = FineSum::at(place);
            assert_eq!(FineSum::place(bucket), place);
            assert_eq!(bucket_of(bucket), bucket);
        }
    }

    proptest! {
        #[test]
        fn a_sum_is_that_of_the_distributions(all in prop::collection::vec(prop::collection::vec((0u64..2 * MAX_US, prop_oneof![1u64..9, Just(u64::MAX / 2)]), 0..50), 0..9)) {
            let hists: Vec<Hist> = all.into_iter().map(Hist::from_counts).collect();
            let (mut coarse, mut fine) = (CoarseSum::default(), FineSum::default());
            // Twice, for it begins anew.
            for _ in 0..2 {
                let mut wanted = Hist::default();
                for (at, hist) in hists.iter().enumerate() {
                    match at % 2 {
                        0 => coarse.add(hist),
                        _ => coarse.add_packed(&Packed::from(hist)),
                    }
                    fine.add(hist);
                    wanted.add(hist);
                }
                prop_assert_eq!(coarse.take(), wanted.coarsen());
                prop_assert_eq!(fine.take(), wanted);
            }
            prop_assert!(coarse.take().is_empty() && fine.take().is_empty());
        }
    }
}
