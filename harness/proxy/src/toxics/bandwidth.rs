//! `bandwidth`: bytes leave as a line of that rate would finish sending them, in slices of at most 10 ms: the real
//! server's of 100 ms would make a second's bytes differ by a tenth.

use std::time::Duration;

use tokio::time::Instant;

use super::{Stage, Turn, not_long_before};
use crate::queue::Queue;
use crate::toxic::ToxicKind;

/// An inlet that is empty for less than this may be so because it was not read in time, and an outlet that is full because
/// it was not written in time: the line then goes on as if there had been bytes and room. If it lasts longer, the sender or
/// the receiver has paused, and the line with it.
const BREATH: Duration = Duration::from_millis(1);

pub(super) struct Bandwidth {
    /// KB/s, which is bytes per ms.
    rate: u64,
    /// Since when the line is free for the first chunk; none once nothing has waited for a while.
    free_since: Option<Instant>,
    /// Since when nothing waits.
    empty: Option<Instant>,
    /// Since when the outlet is full: the time the line stands still is not made up for.
    stalled: Option<Instant>,
    /// The first chunk has been counted as affected.
    counted: bool,
}

impl Bandwidth {
    pub(super) fn new(rate: u64) -> Self {
        Self {
            rate,
            free_since: None,
            empty: None,
            stalled: None,
            counted: false,
        }
    }

    /// At most 10 ms of the line.
    fn slice(&self, waiting: usize) -> usize {
        usize::try_from(self.rate.saturating_mul(10)).map_or(waiting, |most| most.min(waiting))
    }

    fn time_for(&self, bytes: usize) -> Duration {
        // proof: a slice is at most 10 ms of the rate, so the quotient is at most 10⁷ ns.
        Duration::from_nanos((bytes as u128 * 1_000_000 / u128::from(self.rate)) as u64)
    }
}

impl Stage for Bandwidth {
    fn start(&mut self, _now: Instant) {
        *self = Self::new(self.rate);
    }

    fn pump(&mut self, turn: &mut Turn<'_>, inlet: &mut Queue, outlet: &mut Queue) {
        while let Some(first) = inlet.front() {
            if let Some(empty) = self.empty.take()
                && turn.now.saturating_duration_since(empty) >= BREATH
            {
                self.free_since = None;
            }
            if !self.counted {
                self.counted = true;
                turn.meter.chunk(turn.now);
            }
            if self.rate == 0 {
                return;
            }
            if !outlet.has_room() {
                self.stalled.get_or_insert(turn.now);
                return;
            }
            if let Some(stalled) = self.stalled.take() {
                let still = turn.now.saturating_duration_since(stalled);
                let shift = if still < BREATH {
                    Duration::ZERO
                } else {
                    still
                };
                self.free_since = self.free_since.map(|since| since + shift);
            }
            let whole = first.bytes.len();
            let slice = self.slice(whole);
            let since = not_long_before(turn.now, self.free_since.unwrap_or(turn.now));
            let due = since + self.time_for(slice);
            if due > turn.now {
                self.free_since = Some(since);
                turn.wake_at(due);
                return;
            }
            if let Some(chunk) = inlet.take(slice) {
                outlet.push(chunk);
            }
            self.counted = slice < whole;
            self.free_since = Some(due);
        }
        self.empty.get_or_insert(turn.now);
        inlet.pass_end(outlet);
    }

    fn update(&mut self, kind: &ToxicKind) {
        self.ramp(kind);
        self.free_since = None;
    }

    fn ramp(&mut self, kind: &ToxicKind) {
        if let ToxicKind::Bandwidth { rate } = *kind {
            self.rate = rate;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::rig::{Rig, ms};
    use crate::toxic::ToxicKind::Bandwidth;

    #[test]
    fn the_rate_holds_from_slow_to_fast() {
        for rate in [1_u64, 10, 1_000, 100_000] {
            let mut rig = Rig::new(Bandwidth { rate });
            let (mut passed, second) = (0, rate as usize * 1_000);
            let start = rig.now();
            while rig.now() - start < ms(1_000) {
                rig.keep_full(second);
                passed += rig
                    .run(ms(1))
                    .iter()
                    .map(|(_, bytes)| bytes.len())
                    .sum::<usize>();
            }
            let error = passed.abs_diff(second) as f64 / second as f64;
            assert!(error <= 0.02, "{passed} bytes in a second at {rate} KB/s");
        }
    }

    #[test]
    fn a_large_chunk_leaves_in_slices_of_10_ms() {
        let mut rig = Rig::new(Bandwidth { rate: 2 });
        let start = rig.now();
        rig.feed(&[1; 50]);
        let out: Vec<_> = rig
            .run(ms(2_000))
            .into_iter()
            .map(|(at, bytes)| (at - start, bytes.len()))
            .collect();
        assert_eq!(out, [(ms(10), 20), (ms(20), 20), (ms(25), 10)]);
    }

    #[test]
    fn idle_time_is_not_saved_up() {
        let mut rig = Rig::new(Bandwidth { rate: 1 });
        rig.run(ms(5_000));
        let start = rig.now();
        rig.feed(&[1; 100]);
        assert_eq!(rig.run(ms(500)).pop().unwrap().0 - start, ms(100));
    }

    #[test]
    fn zero_lets_nothing_through_until_it_is_raised() {
        let mut rig = Rig::new(Bandwidth { rate: 0 });
        rig.feed(b"held");
        rig.end();
        assert!(rig.run(ms(60_000)).is_empty());
        rig.update(Bandwidth { rate: 1 });
        assert_eq!(rig.run(ms(500))[0].1, b"held");
    }

    #[test]
    fn a_stage_that_is_called_late_makes_up_for_it_though_its_outlet_is_small() {
        // 64 KiB take 0.65 ms of this line, and fill the outlet: called each 3 ms, it has to let four through at a time.
        let mut rig = Rig::new(Bandwidth { rate: 100_000 });
        let (mut passed, start) = (0, rig.now());
        while rig.now() - start < ms(999) {
            for _ in 0..8 {
                rig.feed(&[0; 65_536]);
            }
            rig.sleep(ms(3));
            passed += rig.run(ms(0)).iter().map(|(_, b)| b.len()).sum::<usize>();
        }
        assert!(passed.abs_diff(99_900_000) < 1_000_000, "{passed} B");
    }

    #[test]
    fn an_inlet_that_is_empty_for_a_moment_costs_no_time() {
        // Bytes of 1 ms each: the first are called for half a millisecond late, the next are on time again.
        let mut rig = Rig::new(Bandwidth { rate: 1_000 });
        let half = ms(1) / 2;
        for wait in [ms(1) + half, half] {
            rig.feed(&[0; 1_000]);
            rig.advance(ms(0));
            rig.sleep(wait);
            assert_eq!(rig.run(ms(0)).len(), 1);
        }
        // After a pause of the sender they take their whole time.
        rig.sleep(ms(50));
        rig.feed(&[0; 1_000]);
        rig.advance(ms(0));
        rig.sleep(half);
        assert!(rig.run(ms(0)).is_empty());
    }

    #[test]
    fn an_absurd_rate_does_not_overflow() {
        let mut rig = Rig::new(Bandwidth { rate: u64::MAX });
        rig.feed(b"x");
        assert_eq!(rig.run(ms(1)).len(), 1);
    }
}
