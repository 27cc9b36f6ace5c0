//! A distribution put away: the same counts in a fifth of the room or less, for those that are kept by the ten thousand
//! and seldom looked at.

use super::Hist;

/// A [`Hist`] as bytes: for each bucket its distance from the one before and its count, both in seven bits a byte, the
/// eighth set where more follow (LEB128).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Packed(Box<[u8]>);

impl Packed {
    /// The distribution.
    pub fn unpack(&self) -> Hist {
        // A pair has two bytes at least.
        let mut buckets = Vec::with_capacity(self.0.len() / 2);
        buckets.extend(self.pairs());
        Hist { buckets }
    }

    /// The pairs (lowest value of the bucket in µs, count), ascending.
    pub(super) fn pairs(&self) -> Pairs<'_> {
        Pairs {
            bytes: self.0.iter(),
            before: 0,
        }
    }

    /// Adds a distribution, exactly.
    pub fn add(&mut self, other: &Hist) {
        if other.is_empty() {
            return;
        }
        let mut held = self.pairs();
        let mut next = held.next();
        let mut sum = Packing::with_room(self.0.len() + other.buckets.len() * 3);
        for (value, count) in &other.buckets {
            while let Some((before, held_there)) = next.filter(|(held, _)| held < value) {
                sum.push(before, held_there);
                next = held.next();
            }
            let same = next.filter(|(held, _)| held == value);
            if same.is_some() {
                next = held.next();
            }
            let held_there = same.map_or(0, |(_, count)| count);
            sum.push(*value, count.saturating_add(held_there));
        }
        if let Some((value, count)) = next {
            sum.push(value, count);
            // Distances from there on are the same as before.
            sum.bytes.extend_from_slice(held.bytes.as_slice());
        }
        *self = sum.done();
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<&Hist> for Packed {
    fn from(hist: &Hist) -> Self {
        let mut packing = Packing::with_room(hist.buckets.len() * 3);
        for (value, count) in &hist.buckets {
            packing.push(*value, *count);
        }
        packing.done()
    }
}

/// Bytes under way, in ascending order of values.
struct Packing {
    bytes: Vec<u8>,
    before: u64,
}

impl Packing {
    fn with_room(bytes: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(bytes),
            before: 0,
        }
    }

    fn push(&mut self, value: u64, count: u64) {
        self.number(value - self.before);
        self.number(count);
        self.before = value;
    }

    fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.bytes.push(number as u8);
    }

    fn done(self) -> Packed {
        Packed(self.bytes.into_boxed_slice())
    }
}

/// Reads what [`Packing`] writes.
pub(super) struct Pairs<'b> {
    bytes: std::slice::Iter<'b, u8>,
    before: u64,
}

impl Pairs<'_> {
    fn number(&mut self) -> Option<u64> {
        let (mut number, mut shift) = (0, 0);
        for byte in self.bytes.by_ref() {
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
            shift += 7;
        }
        None
    }
}

impl Iterator for Pairs<'_> {
    type Item = (u64, u64);

    fn next(&mut self) -> Option<(u64, u64)> {
        self.before += self.number()?;
        Some((self.before, self.number()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn hists() -> impl Strategy<Value = Hist> {
        let count = prop_oneof![1u64..300, Just(u64::MAX >> 8)];
        prop::collection::vec((0u64..700_000_000, count), 0..60).prop_map(Hist::from_counts)
    }

    proptest! {
        #[test]
        fn packing_keeps_every_count_and_adds_like_the_real_thing(a in hists(), b in hists()) {
            let mut packed = Packed::from(&a);
            prop_assert_eq!(&packed.unpack(), &a);
            prop_assert_eq!(packed.is_empty(), a.is_empty());
            let mut sum = a;
            sum.add(&b);
            packed.add(&b);
            prop_assert_eq!(&packed.unpack(), &sum);
            prop_assert_eq!(packed, Packed::from(&sum));
        }
    }

    #[test]
    fn a_window_takes_a_fifth_of_the_room() {
        // 600 answers between 100 µs and 100 ms, most of them quick, at two digits.
        let answers = (1..=600u64).map(|n| (100 + n * n * n / 2162, 1));
        let hist = Hist::from_counts(answers).coarsen();
        let packed = Packed::from(&hist);
        let (full, small) = (hist.buckets().len() * 16, packed.0.len());
        assert!(small * 5 <= full, "{small} of {full} bytes");
    }
}
