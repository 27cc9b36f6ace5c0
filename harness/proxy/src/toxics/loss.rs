//! `loss`: packet loss as TCP's receiver feels it. A lost chunk is sent again after a stall, and everything behind it
//! waits for it; if it is lost again the stall doubles, as a retransmission time-out does (RFC 6298, 5.5).

use std::time::Duration;

use tokio::time::Instant;

use super::{Stage, Turn, millis};
use crate::queue::Queue;
use crate::toxic::ToxicKind;

/// The longest stall that doubling leads to: Linux's longest retransmission time-out.
const LONGEST: Duration = Duration::from_secs(120);

pub(super) struct Loss {
    share: f64,
    /// ms.
    stall: u64,
    /// The first chunk of the inlet is lost: the stall under way, and when it is sent again.
    lost: Option<(Duration, Instant)>,
    /// The first chunk has been drawn for and gets through.
    through: bool,
    /// It has been counted as affected.
    counted: bool,
}

impl Loss {
    pub(super) fn new(share: f64, stall: u64) -> Self {
        Self {
            share,
            stall,
            lost: None,
            through: false,
            counted: false,
        }
    }

    /// Whether the first chunk has got through by now.
    fn arrives(&mut self, turn: &mut Turn<'_>) -> bool {
        let mut sent = turn.now;
        while !self.through {
            if let Some((_, again)) = self.lost {
                if again > turn.now {
                    turn.wake_at(again);
                    return false;
                }
                sent = again;
            }
            if turn.dice.hits(self.share) {
                let stall = self.lost.map_or_else(
                    || {
                        if !std::mem::replace(&mut self.counted, true) {
                            turn.meter.chunk(turn.now);
                        }
                        millis(self.stall)
                    },
                    // A stall that was longer from the start stays as it was.
                    |(stall, _)| (stall * 2).min(LONGEST).max(stall),
                );
                // Sent again and again within no time, a chunk would never be out of this loop.
                let stall = stall.max(Duration::from_millis(1));
                self.lost = Some((stall, sent + stall));
            } else {
                self.through = true;
            }
        }
        true
    }
}

impl Stage for Loss {
    fn start(&mut self, _now: Instant) {
        (self.lost, self.through, self.counted) = (None, false, false);
    }

    fn pump(&mut self, turn: &mut Turn<'_>, inlet: &mut Queue, outlet: &mut Queue) {
        while outlet.has_room() && inlet.front().is_some() && self.arrives(turn) {
            let sent = self.lost.take().map(|(_, again)| again);
            (self.through, self.counted) = (false, false);
            if let Some(mut chunk) = inlet.pop() {
                // A latency behind it counts from when it got through.
                chunk.arrived = sent.map_or(chunk.arrived, |sent| sent.max(chunk.arrived));
                outlet.push(chunk);
            }
        }
        inlet.pass_end(outlet);
    }

    fn update(&mut self, kind: &ToxicKind) {
        self.ramp(kind);
        (self.lost, self.through) = (None, false);
    }

    fn ramp(&mut self, kind: &ToxicKind) {
        if let ToxicKind::Loss { share, stall } = *kind {
            (self.share, self.stall) = (share, stall);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::rig::{Rig, ms};
    use crate::toxic::ToxicKind::{Latency, Loss};

    /// How long a chunk that is fed alone takes, ms, chunk by chunk.
    fn delays(share: f64, chunks: usize) -> Vec<u64> {
        let mut rig = Rig::new(Loss { share, stall: 100 });
        let one = |_| {
            let start = rig.now();
            rig.feed(b"x");
            let out = rig.run(ms(200_000));
            (out[0].0 - start).as_millis() as u64
        };
        (0..chunks).map(one).collect()
    }

    #[test]
    fn a_share_is_lost_and_stalls_double_with_each_loss_of_the_same() {
        let all = delays(0.3, 4_000);
        let share = |ms: u64| all.iter().filter(|delay| **delay == ms).count() as f64 / 4_000.0;
        // Through at once, at the second, the third sending: 100, 100 + 200, 100 + 200 + 400 ms.
        for (delay, expected) in [(0, 0.7), (100, 0.21), (300, 0.063), (700, 0.0189)] {
            let found = share(delay);
            let error = 5.0 * (expected * (1.0 - expected) / 4_000.0_f64).sqrt();
            assert!((found - expected).abs() < error, "{delay} ms: {found}");
        }
        assert!(delays(0.0, 100).iter().all(|delay| *delay == 0));
    }

    #[test]
    fn what_is_behind_a_lost_chunk_waits_for_it() {
        let mut rig = Rig::new(Loss {
            share: 1.0,
            stall: 1_000,
        });
        let start = rig.now();
        rig.feed(b"lost");
        rig.advance(ms(10));
        rig.feed(b"behind");
        assert!(rig.run(ms(60_000)).is_empty());
        rig.update(Loss {
            share: 0.0,
            stall: 1_000,
        });
        let out = rig.run(ms(0));
        assert_eq!((out.len(), out[0].1.as_slice()), (2, b"lost".as_slice()));
        assert_eq!(out[1].0 - start, ms(60_010));
        assert_eq!(rig.hits(), (1, 1));
    }

    #[test]
    fn doubling_ends_at_the_longest_stall_and_never_overflows() {
        for stall in [0, 1, 100_000, u64::MAX] {
            let mut rig = Rig::new(Loss { share: 1.0, stall });
            rig.feed(b"x");
            assert!(rig.run(ms(24 * 3_600_000)).is_empty());
        }
    }

    #[test]
    fn a_latency_behind_it_adds_to_the_stall() {
        let late = Latency {
            latency: 5,
            jitter: 0,
        };
        let mut rig = Rig::chain(&[
            Loss {
                share: 0.5,
                stall: 100,
            },
            late,
        ]);
        for _ in 0..50 {
            let start = rig.now();
            rig.feed(b"x");
            let took = rig.run(ms(500_000))[0].0 - start;
            assert!(took == ms(5) || took >= ms(105), "{took:?}");
        }
    }
}
