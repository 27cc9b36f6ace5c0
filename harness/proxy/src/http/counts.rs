//! What watched links of a proxy have counted together. Knows no bytes and no clock.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Requests and answers on a proxy's watched connections since it was bound; counts only grow. Distributions are pairs of
/// microseconds and a count, ascending; values from 2048 µs up are rounded down to HdrHistogram's three significant
/// digits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpStats {
    /// Heads of requests read from clients.
    pub requests: u64,
    /// Final answers whose heads went to clients, by the first digit of their status: 1 (a switch of protocols) to 5, at
    /// the indices 0 to 4.
    pub answers: [u64; 5],
    /// From the end of a request's head to the end of its answer's head, as the client sees it.
    pub response: Vec<(u64, u64)>,
    /// From the end of a request's head to the client ending its side of the connection before the answer's end.
    pub abandoned: Vec<(u64, u64)>,
    /// Connections whose bytes turned out to be no HTTP/1.1.
    pub unread: u64,
}

/// The counters behind [`HttpStats`].
#[derive(Debug, Default)]
pub(crate) struct HttpCounters(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    requests: u64,
    answers: [u64; 5],
    response: BTreeMap<u64, u64>,
    abandoned: BTreeMap<u64, u64>,
    unread: u64,
}

impl HttpCounters {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn request(&self) {
        self.counts().requests += 1;
    }

    /// The head of a final answer of this status has gone out, so long after its request's.
    pub(crate) fn answer(&self, status: u16, after: Duration) {
        let mut counts = self.counts();
        let class = usize::from(status / 100).saturating_sub(1);
        if let Some(count) = counts.answers.get_mut(class) {
            *count += 1;
        }
        *counts.response.entry(bucket(after)).or_default() += 1;
    }

    pub(crate) fn abandoned(&self, after: Duration) {
        *self.counts().abandoned.entry(bucket(after)).or_default() += 1;
    }

    pub(crate) fn unread(&self) {
        self.counts().unread += 1;
    }

    pub(crate) fn snapshot(&self) -> HttpStats {
        let counts = self.counts();
        let pairs = |of: &BTreeMap<u64, u64>| of.iter().map(|(us, n)| (*us, *n)).collect();
        HttpStats {
            requests: counts.requests,
            answers: counts.answers,
            response: pairs(&counts.response),
            abandoned: pairs(&counts.abandoned),
            unread: counts.unread,
        }
    }
}

/// Values below are exact; above, a power of two holds 1024 buckets: HdrHistogram's layout at three significant digits, so
/// that whoever keeps these in such a histogram rounds nothing twice.
const EXACT: u64 = 2048;

/// Ten minutes: what is longer counts here, so that the buckets are bounded.
const LONGEST: u64 = 600_000_000;

fn bucket(after: Duration) -> u64 {
    let us = u64::try_from(after.as_micros())
        .unwrap_or(u64::MAX)
        .min(LONGEST);
    let shift = (64 - us.leading_zeros()).saturating_sub(EXACT.ilog2());
    (us >> shift) << shift
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_exact_below_2048_us_and_within_a_thousandth_above() {
        let of = |us| bucket(Duration::from_micros(us));
        assert_eq!(
            (of(0), of(1), of(2_047), of(2_048), of(2_049)),
            (0, 1, 2_047, 2_048, 2_048)
        );
        for us in (2_048..LONGEST).step_by(99_991) {
            assert!(of(us) <= us && us - of(us) <= us / 1_024, "{us}");
            assert_eq!(of(of(us)), of(us));
        }
        assert_eq!(bucket(Duration::MAX), of(LONGEST));
    }
}
