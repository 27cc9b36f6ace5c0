//! Latencies of one second of one name, on the hot path: a short list while there are few, a dense HdrHistogram once
//! there are many. So a second with three samples costs bytes, and one with thousands a fixed 85 kB.

use harness_core::hist::{Hist, MAX_US};
use hdrhistogram::Histogram;

/// Samples kept as a list; above, recording in place is cheaper than sorting.
const FEW: usize = 512;

/// HdrHistogram's precision. [`Hist`] has the buckets of three, and files those of two under its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Digits {
    /// For figures that gates judge.
    Three,
    /// For those that only reports show.
    Two,
}

/// Counts of latencies in microseconds, each at most [`MAX_US`].
#[derive(Debug)]
pub(crate) enum Recorder {
    Few(Vec<u32>),
    Many(Box<Histogram<u32>>),
}

impl Default for Recorder {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

impl Recorder {
    /// Counts a latency, taking a histogram from the spares when the list is full.
    pub(crate) fn record(&mut self, us: u64, spares: &mut Spares) {
        let us = us.min(MAX_US);
        match self {
            Self::Few(list) if list.len() < FEW => list.push(u32::try_from(us).unwrap_or(u32::MAX)),
            Self::Few(list) => match spares.take() {
                Some(mut many) => {
                    list.drain(..)
                        .for_each(|us| many.saturating_record(u64::from(us)));
                    many.saturating_record(us);
                    *self = Self::Many(many);
                }
                None => list.push(u32::try_from(us).unwrap_or(u32::MAX)),
            },
            Self::Many(many) => many.saturating_record(us),
        }
    }

    /// The distribution as it is reported; the histogram goes back to the spares.
    pub(crate) fn finish(self, spares: &mut Spares) -> Hist {
        match self {
            Self::Few(list) => Hist::from_counts(list.into_iter().map(|us| (u64::from(us), 1))),
            Self::Many(many) => {
                let counts = many
                    .iter_recorded()
                    .map(|v| (v.value_iterated_to(), u64::from(v.count_at_value())));
                let hist = Hist::from_counts(counts);
                spares.give(*many);
                hist
            }
        }
    }
}

/// Empty histograms of one precision, kept for reuse.
#[derive(Debug)]
pub(crate) struct Spares {
    kept: Vec<Histogram<u32>>,
    digits: u8,
}

impl Spares {
    /// Histograms kept at most: what a second needs, with two for each of some names.
    const KEPT: usize = 64;

    /// None yet.
    pub(crate) const fn new(digits: Digits) -> Self {
        Self {
            kept: Vec::new(),
            digits: match digits {
                Digits::Three => 3,
                Digits::Two => 2,
            },
        }
    }

    fn take(&mut self) -> Option<Box<Histogram<u32>>> {
        // The bounds are valid constants; were they not, the caller's list grows instead and nothing is lost.
        self.kept
            .pop()
            .or_else(|| Histogram::new_with_bounds(1, MAX_US, self.digits).ok())
            .map(Box::new)
    }

    fn give(&mut self, mut histogram: Histogram<u32>) {
        if self.kept.len() < Self::KEPT {
            histogram.reset();
            self.kept.push(histogram);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn list_and_histogram_report_the_same_buckets(values in prop::collection::vec(0u64..2 * MAX_US, 0..3 * FEW)) {
            let mut spares = Spares::new(Digits::Three);
            let mut recorder = Recorder::default();
            values.iter().for_each(|us| recorder.record(*us, &mut spares));
            let hist = recorder.finish(&mut spares);
            let exact = Hist::from_counts(values.iter().map(|us| (*us, 1)));
            prop_assert_eq!(&hist, &exact);

            let mut spares = Spares::new(Digits::Two);
            let mut coarse = Recorder::default();
            values.iter().for_each(|us| coarse.record(*us, &mut spares));
            prop_assert_eq!(coarse.finish(&mut spares).coarsen(), exact.coarsen());
        }
    }

    #[test]
    fn a_spare_histogram_starts_empty() {
        let mut spares = Spares::new(Digits::Three);
        let many = |spares: &mut Spares| {
            let mut recorder = Recorder::default();
            (0..2 * FEW as u64).for_each(|us| recorder.record(us, spares));
            recorder.finish(spares).count()
        };
        assert_eq!(
            (many(&mut spares), many(&mut spares)),
            (2 * FEW as u64, 2 * FEW as u64)
        );
        assert_eq!(spares.kept.len(), 1);
    }
}
