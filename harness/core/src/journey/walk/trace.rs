//! The trace of a walk, as W3C Trace Context writes it: one trace for the walk, a span for each request, drawn from the
//! seed. Knows nothing of requests.

use super::Context;
use crate::random::{Draws, coordinate};

/// Bytes of a `traceparent`: `00-`, 32 digits, `-`, 16 digits, `-01`.
pub const TRACEPARENT: usize = 55;

/// Draws the trace identifiers of one walk.
#[derive(Debug, Clone)]
pub struct Trace {
    id: u128,
    spans: Draws,
}

/// Where the walks of a journey in a run draw theirs from: what does not change from one to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceSeed {
    seed: u64,
    run: u64,
    journey: u64,
    purpose: u64,
}

impl TraceSeed {
    /// That of a journey, by its name, in the run of a context.
    pub fn of(context: &Context, journey: &str) -> Self {
        Self {
            seed: context.seed,
            run: coordinate(context.run.as_str()),
            journey: coordinate(journey),
            purpose: coordinate("trace"),
        }
    }

    /// The trace of an iteration's walk.
    pub fn trace(&self, iteration: u64) -> Trace {
        let mut spans = Draws::at(
            self.seed,
            &[self.run, self.journey, iteration, self.purpose],
        );
        let id = u128::from(spans.bits()) << 64 | u128::from(spans.bits()) | 1;
        Trace { id, spans }
    }
}

impl Trace {
    /// The `traceparent` of the next request.
    pub fn parent(&mut self) -> [u8; TRACEPARENT] {
        let mut text = *b"00-00000000000000000000000000000000-0000000000000000-01";
        digits(self.id >> 64, &mut text[3..19]);
        digits(self.id, &mut text[19..35]);
        digits(u128::from(self.spans.bits() | 1), &mut text[36..52]);
        text
    }
}

/// Writes the lowest sixteen hexadecimal digits.
fn digits(number: u128, out: &mut [u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for (at, digit) in out.iter_mut().rev().enumerate() {
        *digit = DIGITS[(number >> (4 * at)) as usize & 15];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_parent_is_what_formatting_gives(seed: u64, iteration: u64) {
            let seed = TraceSeed { seed, run: 1, journey: 2, purpose: 3 };
            let mut trace = seed.trace(iteration);
            let mut spans = trace.spans.clone();
            for _ in 0..3 {
                let expected = format!("00-{:032x}-{:016x}-01", trace.id, spans.bits() | 1);
                prop_assert_eq!(String::from_utf8(trace.parent().to_vec()).unwrap(), expected);
            }
        }
    }
}
