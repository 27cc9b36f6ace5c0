//! Seeded chance: every roll and every draw of a toxic on one direction of one connection comes from a stream of its
//! own, fixed by the seed, the proxy, the connection's number, the direction, the toxic's name and the count of re-rolls.
//! So nothing another connection does can change it. Knows no clock.

use std::sync::Arc;

use rand_core::{RngCore, SeedableRng};
use rand_pcg::Pcg64Mcg;

use crate::name::{ProxyName, ToxicName};
use crate::toxic::Stream;

/// What tells one direction of one connection from all others.
#[derive(Clone, Debug)]
pub(crate) struct LinkKey {
    pub(crate) seed: u64,
    pub(crate) proxy: Arc<ProxyName>,
    pub(crate) connection: u64,
    pub(crate) stream: Stream,
}

/// The chance of one toxic on one direction of one connection.
#[derive(Debug)]
pub(crate) struct Dice(Pcg64Mcg);

impl Dice {
    pub(crate) fn new(key: &LinkKey, toxic: &ToxicName, roll: u64) -> Self {
        let mut hash = Fnv::new();
        hash.number(key.seed);
        hash.text(key.proxy.as_str());
        hash.number(key.connection);
        hash.text(key.stream.as_str());
        hash.text(toxic.as_str());
        hash.number(roll);
        Self(Pcg64Mcg::seed_from_u64(mixed(hash.0)))
    }

    /// The chance of one toxic with one request of the connection, by its number.
    pub(crate) fn of_request(key: &LinkKey, toxic: &ToxicName, roll: u64, request: u64) -> Self {
        let Self(mut stream) = Self::new(key, toxic, roll);
        Self(Pcg64Mcg::seed_from_u64(mixed(
            stream.next_u64() ^ mixed(request),
        )))
    }

    /// True with probability `share`; never for 0, always for 1.
    pub(crate) fn hits(&mut self, share: f64) -> bool {
        // 53 bits fill a double's mantissa, so the unit is in [0, 1) exactly.
        let unit = (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
        unit < share
    }

    /// Uniform over `low..=high`, by multiply and shift; the bias is below 2⁻⁶⁴ of the width.
    pub(crate) fn between(&mut self, low: u64, high: u64) -> u64 {
        let width = u128::from(high.saturating_sub(low)) + 1;
        let offset = (u128::from(self.0.next_u64()) * width) >> 64;
        // proof: offset < width ≤ 2⁶⁴, so it fits and low + offset ≤ high.
        low + offset as u64
    }
}

/// FNV-1a, 64 bits (the constants are the algorithm's): the standard library's hasher may change between releases, and
/// a seed must mean the same tomorrow.
struct Fnv(u64);

impl Fnv {
    fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn number(&mut self, number: u64) {
        self.bytes(&number.to_le_bytes());
    }

    /// With its length first, so that no two sequences of texts read alike.
    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.bytes(text.as_bytes());
    }
}

/// SplitMix64's finaliser: FNV's low entropy inputs end in well-spread bits.
fn mixed(hash: u64) -> u64 {
    let hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

#[cfg(test)]
pub(crate) fn test_key(connection: u64) -> LinkKey {
    LinkKey {
        seed: 7,
        proxy: Arc::new(ProxyName::new("test").unwrap()),
        connection,
        stream: Stream::Downstream,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rolls(seed: u64, stream: Stream, toxic: &str, roll: u64) -> Vec<bool> {
        let toxic = ToxicName::new(toxic).unwrap();
        let key = |connection| LinkKey {
            seed,
            stream,
            ..test_key(connection)
        };
        (0..64)
            .map(|connection| Dice::new(&key(connection), &toxic, roll).hits(0.5))
            .collect()
    }

    #[test]
    fn the_same_key_rolls_the_same_and_each_part_of_it_matters() {
        let base = rolls(1, Stream::Upstream, "a", 0);
        assert_eq!(base, rolls(1, Stream::Upstream, "a", 0));
        assert_ne!(base, rolls(2, Stream::Upstream, "a", 0));
        assert_ne!(base, rolls(1, Stream::Downstream, "a", 0));
        assert_ne!(base, rolls(1, Stream::Upstream, "b", 0));
        assert_ne!(base, rolls(1, Stream::Upstream, "a", 1));
    }

    #[test]
    fn a_seed_means_the_same_for_ever() {
        let first: String = rolls(42, Stream::Upstream, "latency", 0)
            .iter()
            .take(16)
            .map(|hit| if *hit { '1' } else { '0' })
            .collect();
        assert_eq!(first, "0001001110011101");
    }

    #[test]
    fn shares_and_bounds() {
        let name = ToxicName::new("t").unwrap();
        let hits = (0..10_000)
            .filter(|c| Dice::new(&test_key(*c), &name, 0).hits(0.3))
            .count();
        assert!((2_800..3_200).contains(&hits), "{hits} of 10000 at 0.3");
        let mut dice = Dice::new(&test_key(0), &name, 0);
        assert!((0..1_000).all(|_| dice.hits(1.0)) && !(0..1_000).any(|_| dice.hits(0.0)));
        let drawn: Vec<u64> = (0..1_000).map(|_| dice.between(3, 5)).collect();
        assert!(
            [3, 4, 5].iter().all(|n| drawn.contains(n))
                && drawn.iter().all(|n| (3..=5).contains(n))
        );
        assert_eq!(dice.between(u64::MAX, u64::MAX), u64::MAX);
        dice.between(0, u64::MAX);
    }
}
