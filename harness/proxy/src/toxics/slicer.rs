//! `slicer`: splits chunks into slices of drawn sizes, with a pause after each.

use tokio::time::Instant;

use super::{Stage, Turn, micros, not_long_before};
use crate::queue::Queue;
use crate::toxic::ToxicKind;

pub(super) struct Slicer {
    /// The bounds of a slice, bytes, at least 1.
    least: u64,
    most: u64,
    /// µs.
    delay: u64,
    /// When the next slice may leave; none if the last one's pause is over.
    next: Option<Instant>,
}

impl Slicer {
    pub(super) fn new(average_size: u64, size_variation: u64, delay: u64) -> Self {
        let (least, most) = bounds(average_size, size_variation);
        Self {
            least,
            most,
            delay,
            next: None,
        }
    }
}

fn bounds(average_size: u64, size_variation: u64) -> (u64, u64) {
    (
        average_size.saturating_sub(size_variation).max(1),
        average_size.saturating_add(size_variation).max(1),
    )
}

impl Stage for Slicer {
    fn start(&mut self, _now: Instant) {
        self.next = None;
    }

    fn pump(&mut self, turn: &mut Turn<'_>, inlet: &mut Queue, outlet: &mut Queue) {
        while outlet.has_room() {
            let Some(first) = inlet.front() else { break };
            if let Some(next) = self.next.filter(|next| *next > turn.now) {
                turn.wake_at(next);
                return;
            }
            let drawn = turn.dice.between(self.least, self.most);
            let size = usize::try_from(drawn).unwrap_or(usize::MAX);
            if self.delay > 0 || first.bytes.len() > size {
                turn.meter.chunk(turn.now);
            }
            if let Some(slice) = inlet.take(size) {
                outlet.push(slice);
            }
            // Pauses are far shorter than a timer's tick, so they count from when the slice should have left.
            let from = not_long_before(turn.now, self.next.unwrap_or(turn.now));
            self.next = (self.delay > 0).then(|| from + micros(self.delay));
        }
        if inlet.front().is_none() {
            self.next = self.next.filter(|next| *next > turn.now);
            inlet.pass_end(outlet);
        }
    }

    fn update(&mut self, kind: &ToxicKind) {
        self.ramp(kind);
        self.next = None;
    }

    fn ramp(&mut self, kind: &ToxicKind) {
        if let ToxicKind::Slicer {
            average_size,
            size_variation,
            delay,
        } = *kind
        {
            (self.least, self.most) = bounds(average_size, size_variation);
            self.delay = delay;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::rig::{Rig, ms};
    use crate::toxic::ToxicKind::Slicer;

    #[test]
    fn sizes_lie_within_the_variation() {
        let mut rig = Rig::new(Slicer {
            average_size: 50,
            size_variation: 20,
            delay: 0,
        });
        let sent: Vec<u8> = (0..10_000_u32).map(|n| n as u8).collect();
        rig.feed(&sent);
        let out = rig.run(ms(0));
        let sizes: Vec<usize> = out.iter().map(|(_, bytes)| bytes.len()).collect();
        let (last, slices) = sizes.split_last().unwrap();
        assert!(slices.iter().all(|size| (30..=70).contains(size)) && *last <= 70);
        assert!(slices.iter().any(|size| *size < 35) && slices.iter().any(|size| *size > 65));
        assert_eq!(
            out.into_iter()
                .flat_map(|(_, bytes)| bytes)
                .collect::<Vec<_>>(),
            sent
        );
    }

    #[test]
    fn pauses_after_each_slice() {
        let mut rig = Rig::new(Slicer {
            average_size: 10,
            size_variation: 0,
            delay: 5_000,
        });
        let start = rig.now();
        rig.feed(&[1; 40]);
        let times: Vec<_> = rig
            .run(ms(100))
            .into_iter()
            .map(|(at, _)| at - start)
            .collect();
        assert_eq!(times, [ms(0), ms(5), ms(10), ms(15)]);
    }

    #[test]
    fn the_variation_may_reach_down_to_nothing_without_an_empty_slice() {
        let mut rig = Rig::new(Slicer {
            average_size: 2,
            size_variation: 2,
            delay: 0,
        });
        rig.feed(&[1; 1_000]);
        let out = rig.run(ms(0));
        assert!(out.iter().all(|(_, bytes)| (1..=4).contains(&bytes.len())));
        assert_eq!(
            out.iter().map(|(_, bytes)| bytes.len()).sum::<usize>(),
            1_000
        );
    }
}
