//! Seeded randomness by position: the same seed and the same coordinates (journey, iteration, purpose) give the
//! same draws on every machine and in any order of execution. Nothing here reads entropy or a clock.

use rand_core::{RngCore, SeedableRng};
use rand_pcg::Pcg64Mcg;

/// A small, fast, reproducible stream of draws.
#[derive(Debug, Clone)]
pub struct Draws(Pcg64Mcg);

impl Draws {
    /// The stream at some coordinates under a seed. Different coordinates give independent streams.
    pub fn at(seed: u64, coordinates: &[u64]) -> Self {
        let mixed = coordinates
            .iter()
            .fold(mix(seed), |state, c| mix(state ^ mix(*c)));
        Self(Pcg64Mcg::seed_from_u64(mixed))
    }

    /// Sixty-four uniform bits.
    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Uniform in `[0, 1)`, with 53 bits.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Uniform in `0..n`; 0 when `n` is 0. Multiply-shift: the bias is below n/2^64.
    pub fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(n)) >> 64) as u64
    }
}

/// A coordinate from a text, so that names can take part in [`Draws::at`] (FNV-1a, 64 bits).
pub fn coordinate(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// The finaliser of SplitMix64.
fn mix(mut z: u64) -> u64 {
    z = z.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coordinates_decide_the_draws() {
        let draw = |seed, at: &[u64]| Draws::at(seed, at).bits();
        assert_eq!(draw(1, &[2, 3]), draw(1, &[2, 3]));
        assert_ne!(draw(1, &[2, 3]), draw(1, &[3, 2]));
        assert_ne!(draw(1, &[2, 3]), draw(2, &[2, 3]));
    }

    #[test]
    fn draws_stay_in_range() {
        let mut draws = Draws::at(7, &[]);
        for _ in 0..1000 {
            assert!((0.0..1.0).contains(&draws.unit()));
            assert!(draws.below(3) < 3);
        }
        assert_eq!(draws.below(0), 0);
    }
}
