//! A latency distribution that merges exactly: sparse counts over HdrHistogram's bucket layout at three
//! significant digits. Sorted pairs, so adding is a merge and a quantile is a scan; what it costs goes with the
//! distinct latencies seen, not with the range. Hot recording happens elsewhere, in dense histograms.

mod packed;
mod sum;

pub use packed::Packed;
pub use sum::{CoarseSum, DenseSum, FineSum};

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// Microseconds above this are counted here: 10 minutes, longer than any time limit the plan accepts.
pub const MAX_US: u64 = 600_000_000;

/// Values below this are exact; above, buckets are a power of two wide and hold 1024 values an octave, which
/// bounds the relative error by 1/1024 (HdrHistogram's three significant digits).
const EXACT: u64 = 2048;

/// Counts of latencies in microseconds. Serialised as one flat array `[value, count, value, count, …]` in
/// ascending order, readable without a decoder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hist {
    /// (lowest value of the bucket in µs, count), ascending, counts above zero.
    buckets: Vec<(u64, u64)>,
}

/// The lowest value of the bucket a value falls into.
pub fn bucket_of(us: u64) -> u64 {
    let us = us.min(MAX_US);
    if us < EXACT {
        return us;
    }
    let shift = 64 - 11 - us.leading_zeros();
    (us >> shift) << shift
}

/// The width of a bucket, by its lowest value.
fn width(bucket: u64) -> u64 {
    if bucket < EXACT {
        1
    } else {
        1 << (64 - 11 - bucket.leading_zeros())
    }
}

/// The highest fine bucket within the coarse bucket (two significant digits) a value falls into.
fn coarse_bucket_of(us: u64) -> u64 {
    const COARSE_EXACT: u64 = 256;
    if us < COARSE_EXACT {
        return us;
    }
    let shift = 64 - 8 - us.leading_zeros();
    bucket_of((((us >> shift) + 1) << shift) - 1)
}

/// How many there are. More than can be counted are as many as can be: a recording may claim anything.
fn total(buckets: &[(u64, u64)]) -> u64 {
    let counts = buckets.iter().map(|(_, n)| *n);
    counts.fold(0, u64::saturating_add)
}

impl Hist {
    /// An empty distribution.
    pub fn new() -> Self {
        Self::default()
    }

    /// From (value in µs, count) pairs in any order.
    pub fn from_counts(counts: impl IntoIterator<Item = (u64, u64)>) -> Self {
        /// Nobody gets more room than that for having promised much.
        const MANY: usize = 4096;
        let counts = counts.into_iter();
        let (least, most) = counts.size_hint();
        let mut buckets = Vec::with_capacity(most.unwrap_or(least).min(MANY));
        for (value, count) in counts {
            if count > 0 {
                buckets.push((bucket_of(value), count));
            }
        }
        Self::of(buckets)
    }

    /// Of buckets in any order, some of them perhaps several times.
    fn of(mut buckets: Vec<(u64, u64)>) -> Self {
        if !buckets.is_sorted_by(|a, b| a.0 < b.0) {
            // Stable, for that makes use of stretches that are sorted already.
            buckets.sort_by_key(|(value, _)| *value);
            buckets.dedup_by(|next, kept| {
                let same = next.0 == kept.0;
                if same {
                    kept.1 = kept.1.saturating_add(next.1);
                }
                same
            });
        }
        Self { buckets }
    }

    /// Counts one latency, in microseconds. For the cold path: linear in the distinct values held.
    pub fn record(&mut self, us: u64) {
        self.record_n(us, 1);
    }

    /// Counts a latency `n` times.
    pub fn record_n(&mut self, us: u64, n: u64) {
        if n == 0 {
            return;
        }
        let bucket = bucket_of(us);
        match self
            .buckets
            .binary_search_by_key(&bucket, |(value, _)| *value)
        {
            Ok(at) => self.buckets[at].1 = self.buckets[at].1.saturating_add(n),
            Err(at) => self.buckets.insert(at, (bucket, n)),
        }
    }

    /// Adds another distribution, exactly.
    pub fn add(&mut self, other: &Self) {
        if self.is_empty() {
            self.buckets.clone_from(&other.buckets);
            return;
        }
        if other.buckets.len() * 8 < self.buckets.len() {
            self.add_few(other);
            return;
        }
        let mut merged = Vec::with_capacity(self.buckets.len() + other.buckets.len());
        let (mut a, mut b) = (self.buckets.as_slice(), other.buckets.as_slice());
        while let (Some(x), Some(y)) = (a.first(), b.first()) {
            // Which of the two comes next can't be foreseen: so this does the same for both.
            let (of_a, of_b) = (x.0 <= y.0, y.0 <= x.0);
            let count = (x.1 * u64::from(of_a)).saturating_add(y.1 * u64::from(of_b));
            merged.push((x.0.min(y.0), count));
            a = &a[usize::from(of_a)..];
            b = &b[usize::from(of_b)..];
        }
        merged.extend_from_slice(a);
        merged.extend_from_slice(b);
        self.buckets = merged;
    }

    /// Adds many, exactly: cheaper than one after another, for what is large is gone through once.
    pub fn add_all<'h>(&mut self, others: impl IntoIterator<Item = &'h Self>) {
        let more = others.into_iter().flat_map(|other| &other.buckets).copied();
        self.add(&Self::of(more.collect()));
    }

    /// Adds one that is small beside this: both ascend, so each place bounds the search for the next.
    fn add_few(&mut self, other: &Self) {
        let mut from = 0;
        for (value, n) in &other.buckets {
            match self.buckets[from..].binary_search_by_key(value, |(held, _)| *held) {
                Ok(at) => {
                    from += at;
                    self.buckets[from].1 = self.buckets[from].1.saturating_add(*n);
                }
                Err(at) => {
                    from += at;
                    self.buckets.insert(from, (*value, *n));
                }
            }
            from += 1;
        }
    }

    /// The same at HdrHistogram's two significant digits, for windows that are kept by the hundred: above 256 µs,
    /// 128 buckets an octave. A coarse bucket is filed under the highest fine one in it, so figures read from the
    /// result are never below the exact ones and at most 1/128 above. Doing it twice changes nothing, and it
    /// distributes over [`Self::add`].
    #[must_use]
    pub fn coarsen(&self) -> Self {
        let mut buckets: Vec<(u64, u64)> = Vec::with_capacity(self.buckets.len());
        for (value, n) in &self.buckets {
            let coarse = coarse_bucket_of(*value);
            match buckets.last_mut() {
                Some(last) if last.0 == coarse => last.1 = last.1.saturating_add(*n),
                _ => buckets.push((coarse, *n)),
            }
        }
        Self { buckets }
    }

    /// How many latencies were counted.
    pub fn count(&self) -> u64 {
        total(&self.buckets)
    }

    /// How many are at most `us` for sure: each counts as the highest value of its bucket, as in [`Self::quantile`].
    pub fn at_most(&self, us: u64) -> u64 {
        let below = |(value, _): &(u64, u64)| value + width(*value) - 1 <= us;
        total(&self.buckets[..self.buckets.partition_point(below)])
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.buckets.is_empty()
    }

    /// The pairs (lowest value of the bucket in µs, count), ascending.
    pub fn buckets(&self) -> &[(u64, u64)] {
        &self.buckets
    }

    /// The latency at a quantile from 0 to 1, in µs: the highest value of the bucket that holds the
    /// ⌈q·n⌉-th smallest, as HdrHistogram reports it. `None` when empty.
    pub fn quantile(&self, q: f64) -> Option<u64> {
        let count = self.count();
        let rank = ((q.clamp(0.0, 1.0) * count as f64).ceil() as u64).clamp(1, count.max(1));
        let mut seen = 0;
        self.buckets.iter().find_map(|(value, n)| {
            seen = n.saturating_add(seen);
            (seen >= rank).then(|| value + width(*value) - 1)
        })
    }

    /// The largest latency, in µs, to the bucket's resolution. `None` when empty.
    pub fn max(&self) -> Option<u64> {
        self.buckets
            .last()
            .map(|(value, _)| value + width(*value) - 1)
    }

    /// The smallest latency, in µs, to the bucket's resolution. `None` when empty.
    pub fn min(&self) -> Option<u64> {
        self.buckets.first().map(|(value, _)| *value)
    }

    /// The mean in µs, each bucket at its middle. `None` when empty.
    pub fn mean(&self) -> Option<f64> {
        let middle = |value: u64| value as f64 + (width(value) - 1) as f64 / 2.0;
        let sum: f64 = self
            .buckets
            .iter()
            .map(|(value, n)| middle(*value) * *n as f64)
            .sum();
        (!self.is_empty()).then(|| sum / self.count() as f64)
    }
}

impl Serialize for Hist {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.buckets.iter().flat_map(|(value, n)| [value, n]))
    }
}

impl<'de> Deserialize<'de> for Hist {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Flat)
    }
}

/// Reads the flat array pair by pair: an hour's recording has half a million of them.
struct Flat;

impl<'de> Visitor<'de> for Flat {
    type Value = Hist;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of values and counts")
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut flat: S) -> Result<Hist, S::Error> {
        const USUAL: usize = 64;
        let mut buckets = Vec::with_capacity(USUAL);
        while let Some(value) = flat.next_element()? {
            let Some(count) = flat.next_element()? else {
                let problem = "a distribution has a value without a count";
                return Err(serde::de::Error::custom(problem));
            };
            if count > 0 {
                buckets.push((bucket_of(value), count));
            }
        }
        Ok(Hist::of(buckets))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(values: &[u64]) -> Hist {
        Hist::from_counts(values.iter().map(|v| (*v, 1)))
    }

    #[test]
    fn the_layout_is_hdrhistograms() {
        let mut hdr = hdrhistogram::Histogram::<u64>::new_with_bounds(1, MAX_US, 3).unwrap();
        for value in [
            1, 2047, 2048, 2049, 4095, 4096, 65_537, 1_234_567, 59_999_999, MAX_US,
        ] {
            assert_eq!(bucket_of(value), hdr.lowest_equivalent(value), "{value}");
            assert_eq!(
                bucket_of(value) + width(bucket_of(value)) - 1,
                hdr.highest_equivalent(value),
                "{value}"
            );
            hdr.record(value).unwrap();
        }
        let ours = Hist::from_counts(
            hdr.iter_recorded()
                .map(|v| (v.value_iterated_to(), v.count_at_value())),
        );
        for q in [0.0, 0.1, 0.5, 0.9, 0.99, 1.0] {
            assert_eq!(ours.quantile(q), Some(hdr.value_at_quantile(q)), "{q}");
        }
    }

    #[test]
    fn an_empty_distribution_has_no_figures() {
        let empty = Hist::new();
        assert_eq!(
            (
                empty.quantile(0.5),
                empty.max(),
                empty.mean(),
                empty.count()
            ),
            (None, None, None, 0)
        );
    }

    #[test]
    fn counts_beyond_all_counting_are_as_many_as_can_be() {
        let all = || Hist::from_counts([(5, u64::MAX), (700, u64::MAX)]);
        let mut sum = all();
        sum.add(&all());
        sum.add_all([&all(), &all()]);
        sum.record_n(5, u64::MAX);
        let mut packed = Packed::from(&sum);
        packed.add(&sum);
        let mut few = Hist::from_counts((0..100).map(|us| (us, u64::MAX)));
        few.add(&Hist::from_counts([(5, 1)]));
        assert_eq!((&sum, &packed.unpack()), (&all(), &all()));
        assert_eq!(few.coarsen(), few);
        let wide = Hist::from_counts([(4096, u64::MAX), (4100, 1)]).coarsen();
        assert_eq!((wide.count(), wide.at_most(9999)), (u64::MAX, u64::MAX));
        assert_eq!((sum.quantile(0.5), sum.count()), (Some(5), u64::MAX));
    }

    proptest! {
        #[test]
        fn adding_is_counting_both(a in prop::collection::vec(0u64..MAX_US, 0..200), b in prop::collection::vec(0u64..MAX_US, 0..200)) {
            let mut sum = of(&a);
            sum.add(&of(&b));
            prop_assert_eq!(&sum, &of(&[a.clone(), b.clone()].concat()));
            let mut all = of(&a[..a.len() / 2]);
            all.add_all([&of(&a[a.len() / 2..]), &Hist::new(), &of(&b)]);
            prop_assert_eq!(&all, &sum);
            let mut recorded = Hist::new();
            a.iter().chain(&b).for_each(|v| recorded.record(*v));
            prop_assert_eq!(sum, recorded);
        }

        #[test]
        fn quantiles_are_within_the_bucket_of_the_exact_rank(mut values in prop::collection::vec(0u64..MAX_US, 1..300), q in 0.0f64..=1.0) {
            let hist = of(&values);
            values.sort_unstable();
            let rank = ((q * values.len() as f64).ceil() as usize).clamp(1, values.len());
            let exact = values[rank - 1];
            let got = hist.quantile(q).unwrap();
            prop_assert!(got >= exact && bucket_of(got) == bucket_of(exact), "{got} for {exact}");
        }

        #[test]
        fn what_is_at_most_a_bound_agrees_with_quantiles(values in prop::collection::vec(0u64..MAX_US, 1..200), us in 0u64..MAX_US) {
            let hist = of(&values);
            let below = values.iter().filter(|v| bucket_of(**v) + width(bucket_of(**v)) - 1 <= us).count() as u64;
            prop_assert_eq!(hist.at_most(us), below);
            prop_assert_eq!(hist.at_most(us) == hist.count(), hist.max().unwrap() <= us);
        }

        #[test]
        fn coarsening_errs_upwards_by_less_than_a_128th(a in prop::collection::vec(0u64..MAX_US, 1..200), b in prop::collection::vec(0u64..MAX_US, 0..50), q in 0.0f64..=1.0) {
            let (fine, coarse) = (of(&a), of(&a).coarsen());
            prop_assert_eq!(fine.count(), coarse.count());
            prop_assert_eq!(&coarse, &coarse.coarsen());
            let (exact, got) = (fine.quantile(q).unwrap(), coarse.quantile(q).unwrap());
            prop_assert!(got >= exact && (got - exact) as f64 <= exact as f64 / 128.0, "{got} for {exact}");
            let (mut sum, mut sum_of_coarse) = (fine, coarse);
            sum.add(&of(&b));
            sum_of_coarse.add(&of(&b).coarsen());
            prop_assert_eq!(sum.coarsen(), sum_of_coarse);
        }

        #[test]
        fn the_written_form_reads_back(values in prop::collection::vec(0u64..MAX_US, 0..100)) {
            let hist = of(&values);
            let text = serde_json::to_string(&hist).unwrap();
            prop_assert_eq!(serde_json::from_str::<Hist>(&text).unwrap(), hist);
        }

        #[test]
        fn any_pairs_are_read_and_no_others(pairs in prop::collection::vec((0u64..2 * MAX_US, 0u64..3), 0..100)) {
            let mut flat: Vec<u64> = pairs.iter().flat_map(|(value, n)| [*value, *n]).collect();
            let read = |flat: &[u64]| serde_json::from_str::<Hist>(&serde_json::to_string(flat).unwrap());
            prop_assert_eq!(read(&flat).unwrap(), Hist::from_counts(pairs));
            flat.push(7);
            prop_assert!(read(&flat).unwrap_err().to_string().contains("a value without a count"));
        }
    }
}
