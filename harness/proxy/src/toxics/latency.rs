//! `latency`: each chunk leaves a drawn delay after it arrived. The delays of successive chunks overlap, so throughput is
//! not cut, and order is kept: a chunk that drew a short delay waits for the one before it.

use tokio::time::Instant;

use super::{Stage, Turn, micros};
use crate::queue::Queue;
use crate::toxic::ToxicKind;

pub(super) struct Latency {
    /// The bounds of the draw, µs.
    least: u64,
    most: u64,
    /// When the first chunk of the inlet is due.
    due: Option<Instant>,
    /// That chunk has been counted as affected.
    counted: bool,
}

impl Latency {
    pub(super) fn new(latency: u64, jitter: u64) -> Self {
        let (least, most) = bounds(latency, jitter);
        Self {
            least,
            most,
            due: None,
            counted: false,
        }
    }
}

/// `latency ± jitter`, given in ms, as µs, and not below 0.
fn bounds(latency: u64, jitter: u64) -> (u64, u64) {
    (
        latency.saturating_sub(jitter).saturating_mul(1_000),
        latency.saturating_add(jitter).saturating_mul(1_000),
    )
}

impl Stage for Latency {
    fn start(&mut self, _now: Instant) {
        (self.due, self.counted) = (None, false);
    }

    fn pump(&mut self, turn: &mut Turn<'_>, inlet: &mut Queue, outlet: &mut Queue) {
        while outlet.has_room() {
            let Some(first) = inlet.front() else { break };
            let due = *self.due.get_or_insert_with(|| {
                // On a ramp, what counts is when it came, not when its turn has come.
                let (least, most) = match turn.kind_at(first.arrived) {
                    Some(ToxicKind::Latency { latency, jitter }) => bounds(latency, jitter),
                    _ => (self.least, self.most),
                };
                let delay = turn.dice.between(least, most);
                if delay > 0 && !std::mem::replace(&mut self.counted, true) {
                    turn.meter.chunk(turn.now);
                }
                first.arrived + micros(delay)
            });
            if due > turn.now {
                turn.wake_at(due);
                return;
            }
            (self.due, self.counted) = (None, false);
            if let Some(mut chunk) = inlet.pop() {
                // A second latency counts from here, whatever the timer's tick made of it: two add up exactly.
                chunk.arrived = due;
                outlet.push(chunk);
            }
        }
        inlet.pass_end(outlet);
    }

    fn update(&mut self, kind: &ToxicKind) {
        self.ramp(kind);
        self.due = None;
    }

    fn ramp(&mut self, kind: &ToxicKind) {
        if let ToxicKind::Latency { latency, jitter } = *kind {
            (self.least, self.most) = bounds(latency, jitter);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::rig::{Rig, ms};
    use crate::toxic::ToxicKind::Latency;

    #[test]
    fn delays_lie_within_the_jitter_and_spread_over_it() {
        let mut rig = Rig::new(Latency {
            latency: 100,
            jitter: 40,
        });
        let mut delays = Vec::new();
        for _ in 0..500 {
            let sent = rig.now();
            rig.feed(b"x");
            let out = rig.run(ms(1_000));
            delays.push(out[0].0 - sent);
        }
        assert!(
            delays
                .iter()
                .all(|delay| (ms(60)..=ms(140)).contains(delay))
        );
        assert!(delays.iter().min().unwrap() < &ms(65) && delays.iter().max().unwrap() > &ms(135));
    }

    #[test]
    fn delays_are_uniform_over_the_jitter() {
        let mut rig = Rig::new(Latency {
            latency: 100,
            jitter: 40,
        });
        let many = 20_000;
        let mut shares: Vec<f64> = (0..many)
            .map(|_| {
                let sent = rig.now();
                rig.feed(b"x");
                let delay = rig.run(ms(1_000))[0].0 - sent;
                (delay.as_secs_f64() - 0.060) / 0.080
            })
            .collect();
        shares.sort_by(f64::total_cmp);
        // Kolmogorov and Smirnov: the farthest that the drawn shares are from uniform ones. By chance it is more than 1.95/√n
        // once in a thousand seeds, and this one's seed is fixed.
        let far = |(n, share): (usize, &f64)| {
            let (below, above) = (n as f64 / many as f64, (n + 1) as f64 / many as f64);
            (share - below).abs().max((share - above).abs())
        };
        let farthest = shares.iter().enumerate().map(far).fold(0.0, f64::max);
        assert!(farthest < 1.95 / f64::from(many).sqrt(), "{farthest}");
    }

    #[test]
    fn chunks_overlap_and_keep_their_order() {
        let mut rig = Rig::new(Latency {
            latency: 100,
            jitter: 50,
        });
        let start = rig.now();
        let sent: Vec<u8> = (0..100).collect();
        for byte in &sent {
            rig.feed(&[*byte]);
            rig.advance(ms(1));
        }
        let out = rig.run(ms(1_000));
        assert_eq!(
            out.iter()
                .flat_map(|(_, bytes)| bytes.clone())
                .collect::<Vec<_>>(),
            sent
        );
        assert!(
            out.last().unwrap().0 - start <= ms(100 + 150),
            "a hundred delays of 100 ms overlap"
        );
    }

    #[test]
    fn two_add_up() {
        let mut rig = Rig::chain(&[
            Latency {
                latency: 30,
                jitter: 0,
            },
            Latency {
                latency: 50,
                jitter: 0,
            },
        ]);
        let start = rig.now();
        rig.feed(b"x");
        assert_eq!(rig.run(ms(500))[0].0 - start, ms(80));
    }

    #[test]
    fn time_already_waited_counts() {
        // 100 bytes at 1 KB/s take 100 ms, so that a latency of 120 ms adds 20 ms only.
        let bandwidth = crate::toxic::ToxicKind::Bandwidth { rate: 1 };
        let mut rig = Rig::chain(&[
            bandwidth,
            Latency {
                latency: 120,
                jitter: 0,
            },
        ]);
        let start = rig.now();
        rig.feed(&[7; 100]);
        assert_eq!(rig.run(ms(900))[0].0 - start, ms(120));
    }

    #[test]
    fn an_update_reaches_the_chunk_that_waits() {
        let mut rig = Rig::new(Latency {
            latency: 10_000,
            jitter: 0,
        });
        let start = rig.now();
        rig.feed(b"x");
        assert!(rig.run(ms(20)).is_empty());
        rig.update(Latency {
            latency: 50,
            jitter: 0,
        });
        assert_eq!(rig.run(ms(500))[0].0 - start, ms(50));
    }

    #[test]
    fn an_absurd_latency_does_not_overflow() {
        let mut rig = Rig::new(Latency {
            latency: u64::MAX,
            jitter: u64::MAX,
        });
        rig.feed(b"x");
        rig.run(ms(10));
    }
}
