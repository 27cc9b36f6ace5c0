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
        let mut numbers = Numbers(self.0.iter());
        let (mut value, mut buckets) = (0, Vec::new());
        while let (Some(distance), Some(count)) = (numbers.next(), numbers.next()) {
            value += distance;
            buckets.push((value, count));
        }
        Hist { buckets }
    }

    /// Adds a distribution, exactly.
    pub fn add(&mut self, other: &Hist) {
        if other.is_empty() {
            return;
        }
        let mut sum = self.unpack();
        sum.add(other);
        *self = Self::from(&sum);
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<&Hist> for Packed {
    fn from(hist: &Hist) -> Self {
        let (mut bytes, mut before) = (Vec::with_capacity(hist.buckets.len() * 3), 0);
        for (value, count) in &hist.buckets {
            push(&mut bytes, value - before);
            push(&mut bytes, *count);
            before = *value;
        }
        Self(bytes.into_boxed_slice())
    }
}

fn push(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// Reads numbers as [`push`] writes them.
struct Numbers<'b>(std::slice::Iter<'b, u8>);

impl Iterator for Numbers<'_> {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        let (mut number, mut shift) = (0, 0);
        for byte in self.0.by_ref() {
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
            shift += 7;
        }
        None
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
