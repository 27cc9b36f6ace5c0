//! `corrupt`: changes one byte of a chunk to another value, as a broken line would that no checksum guards.

use bytes::BytesMut;

use super::{Stage, Turn};
use crate::queue::Queue;
use crate::toxic::ToxicKind;

pub(super) struct Corrupt {
    share: f64,
}

impl Corrupt {
    pub(super) fn new(share: f64) -> Self {
        Self { share }
    }
}

impl Stage for Corrupt {
    fn pump(&mut self, turn: &mut Turn<'_>, inlet: &mut Queue, outlet: &mut Queue) {
        while outlet.has_room() {
            let Some(mut chunk) = inlet.pop() else { break };
            if turn.dice.hits(self.share) {
                turn.meter.chunk(turn.now);
                // proof: a queue holds no empty chunk, so there is a last byte.
                let last = chunk.bytes.len().saturating_sub(1) as u64;
                let at = turn.dice.between(0, last) as usize;
                // Never 0: the byte is always another one.
                let change = turn.dice.between(1, 255) as u8;
                let mut bytes = BytesMut::from(chunk.bytes);
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= change;
                }
                chunk.bytes = bytes.freeze();
            }
            outlet.push(chunk);
        }
        inlet.pass_end(outlet);
    }

    fn update(&mut self, kind: &ToxicKind) {
        if let ToxicKind::Corrupt { share } = *kind {
            self.share = share;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::rig::{Rig, ms};
    use crate::toxic::ToxicKind::Corrupt;

    /// How many bytes of each of so many chunks came out changed.
    fn changed(share: f64, chunks: u32) -> Vec<usize> {
        let mut rig = Rig::new(Corrupt { share });
        let one = |n: u32| {
            let sent: Vec<u8> = (0..50_u32).map(|i| (i * 7 + n) as u8).collect();
            rig.feed(&sent);
            let out = rig.run(ms(0));
            assert_eq!(out[0].1.len(), sent.len());
            sent.iter().zip(&out[0].1).filter(|(a, b)| a != b).count()
        };
        (0..chunks).map(one).collect()
    }

    #[test]
    fn one_byte_of_each_chunk_that_is_hit_and_none_of_the_others() {
        assert!(changed(1.0, 2_000).iter().all(|changed| *changed == 1));
        assert!(changed(0.0, 200).iter().all(|changed| *changed == 0));
        let some = changed(0.25, 4_000);
        assert!(some.iter().all(|changed| *changed <= 1));
        let hit: usize = some.iter().sum();
        assert!((863..=1_137).contains(&hit), "{hit} of 4000 at a quarter");
    }

    #[test]
    fn a_seed_changes_the_same_bytes_and_the_hits_are_counted() {
        let run = || {
            let mut rig = Rig::new(Corrupt { share: 0.5 });
            for _ in 0..20 {
                rig.feed(b"the same twenty times");
            }
            let out: Vec<_> = rig.run(ms(0)).into_iter().map(|(_, bytes)| bytes).collect();
            let wrong = out
                .iter()
                .filter(|bytes| *bytes != b"the same twenty times");
            assert_eq!(rig.hits(), (1, wrong.count() as u64));
            out
        };
        assert_eq!(run(), run());
    }
}
