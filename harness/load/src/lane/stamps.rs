//! When an answer came, as the kernel noted it: so it may be read later than it came. The kernel stamps with the wall
//! clock, which may be set at any time, so a stamp is believed only where it can't be mistaken. Knows no request.

use rustix::time::{ClockId, clock_gettime};
use std::time::Duration;

/// Nanoseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp(pub(super) i64);

impl Stamp {
    /// The wall clock's time now.
    pub(super) fn now() -> Self {
        let now = clock_gettime(ClockId::Realtime);
        Self::of(now.tv_sec, now.tv_nsec)
    }

    pub(super) const fn of(seconds: i64, nanoseconds: i64) -> Self {
        Self(
            seconds
                .saturating_mul(1_000_000_000)
                .saturating_add(nanoseconds),
        )
    }
}

/// When something came, on the run's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Came {
    At(Duration),
    /// Before it was asked for: it is no answer to that.
    Unasked,
    /// The stamp can't be believed.
    Unknown,
}

/// Looks that differ by less, ns, show no clock that was set: processors may count time a little apart.
const SAME: i64 = 1_000;

/// How far the wall clock is ahead of the run's. That distance is constant until somebody sets the wall clock, so each
/// look at both narrows down what it can be, and a look that contradicts those before it shows a clock that was set.
#[derive(Debug, Default)]
pub(super) struct Offset {
    /// At least and at most, in nanoseconds.
    ahead: Option<(i64, i64)>,
    /// When it was first seen to be so.
    since: i64,
}

impl Offset {
    /// Learns from one look: the wall clock was read between two readings of the run's.
    pub(super) fn look(&mut self, before: Duration, wall: Stamp, after: Duration) {
        let (before, after) = (nanos(before), nanos(after));
        let (least, most) = (wall.0 - after, wall.0 - before);
        self.ahead = Some(match self.ahead {
            Some((known, limit)) if least <= limit && known <= most => {
                (known.max(least), limit.min(most))
            }
            Some(known) if least - known.1 < SAME && known.0 - most < SAME => known,
            _ => {
                self.since = after;
                (least, most)
            }
        });
    }

    /// When bytes with a stamp came that were asked for and read at these times, the clocks having been looked at after
    /// that. Never earlier than they did as far as the clocks can be told apart, nor later than they were read. A stamp from
    /// before the wall clock was set says nothing, nor does one from the time in which it was.
    pub(super) fn came(&self, stamp: Stamp, asked: Duration, read: Duration) -> Came {
        let Some((least, most)) = self.ahead else {
            return Came::Unknown;
        };
        let (earliest, latest) = (stamp.0 - most, stamp.0 - least);
        if earliest < self.since || earliest > nanos(read) {
            Came::Unknown
        } else if latest < nanos(asked) {
            Came::Unasked
        } else {
            let at = Duration::from_nanos(u64::try_from(latest).unwrap_or(0));
            Came::At(at.max(asked).min(read))
        }
    }
}

fn nanos(time: Duration) -> i64 {
    i64::try_from(time.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const fn us(us: u64) -> Duration {
        Duration::from_micros(us)
    }

    /// A look at two clocks that are so far apart, in ns; reading them took so long.
    fn look(offset: &mut Offset, at: Duration, ahead: i64, took: Duration) {
        offset.look(at, Stamp(nanos(at + took / 2) + ahead), at + took);
    }

    #[test]
    fn a_stamp_is_told_on_the_runs_clock() {
        let mut offset = Offset::default();
        let ahead = 1_700_000_000_000_000_000;
        let stamp = |at: Duration| Stamp(nanos(at) + ahead);
        let came = |offset: &Offset, at| offset.came(stamp(at), us(100), us(200));
        assert_eq!(came(&offset, us(150)), Came::Unknown);
        look(&mut offset, us(10), ahead, us(2));
        look(&mut offset, us(210), ahead, Duration::ZERO);
        assert_eq!(came(&offset, us(150)), Came::At(us(150)));
        assert_eq!(came(&offset, us(99)), Came::Unasked);
        assert_eq!(came(&offset, us(201)), Came::Unknown);
        // From before the clocks were first looked at.
        assert_eq!(came(&offset, us(9)), Came::Unknown);
    }

    #[test]
    fn a_wall_clock_that_is_set_makes_what_was_stamped_before_unknown() {
        for step in [-3_600_000_000_000, -40_000, 40_000, 3_600_000_000_000i64] {
            let mut offset = Offset::default();
            look(&mut offset, us(10), 1_000_000_000_000_000, us(1));
            look(&mut offset, us(300), 1_000_000_000_000_000 + step, us(1));
            let old = Stamp(nanos(us(200)) + 1_000_000_000_000_000);
            let new = Stamp(nanos(us(350)) + 1_000_000_000_000_000 + step);
            assert_eq!(offset.came(old, us(100), us(300)), Came::Unknown, "{step}");
            let came = offset.came(new, us(310), us(400));
            let Came::At(at) = came else {
                panic!("{came:?}");
            };
            assert!((us(350)..us(352)).contains(&at), "{at:?}");
        }
    }

    proptest! {
        /// Whoever sets the wall clock when, and however slowly the clocks are read: what is told lies between when it
        /// came and when it was read.
        #[test]
        fn what_is_told_is_never_too_early_nor_later_than_it_was_read(
            turns in prop::collection::vec((10u64..2_000, 0u64..3, prop::option::weighted(0.1, (any::<bool>(), 1i64..10_000_000_000_000)), 0.0f64..1.0, 0.0f64..1.0), 1..60),
        ) {
            let mut offset = Offset::default();
            let mut ahead: i64 = 1_700_000_000_000_000_000;
            let mut now = us(1);
            look(&mut offset, now, ahead, us(1));
            for (gap, slow, set, when, set_when) in turns {
                let asked = now + us(3);
                let came = asked + us(5) + us(gap).mul_f64(when);
                let set_at = asked + us(gap).mul_f64(set_when);
                let before = ahead;
                if let Some((forward, step)) = set {
                    ahead += if forward { step } else { -step };
                }
                let stamp = Stamp(nanos(came) + if came < set_at { before } else { ahead });
                now = asked + us(gap + 10);
                look(&mut offset, now, ahead, us(slow));
                let read = now + us(slow);
                match offset.came(stamp, asked, read) {
                    Came::Unknown => prop_assert!(set.is_some() || offset.since > nanos(came)),
                    Came::Unasked => prop_assert!(false, "{came:?} {asked:?}"),
                    // A step smaller than a look takes is not seen, and does no more harm than it is large.
                    Came::At(at) => prop_assert!(at + us(4) >= came && at <= read, "{at:?} {came:?} {read:?}"),
                }
                now = read;
            }
        }
    }
}
