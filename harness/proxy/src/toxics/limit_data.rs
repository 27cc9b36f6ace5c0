//! `limit_data`: closes the connection once so many bytes have passed. The count belongs to the connection: an update
//! changes the limit, not what has passed.

use super::{Stage, Turn};
use crate::queue::{End, Queue};
use crate::toxic::ToxicKind;

pub(super) struct LimitData {
    limit: u64,
    passed: u64,
}

impl LimitData {
    pub(super) fn new(bytes: u64) -> Self {
        Self {
            limit: bytes,
            passed: 0,
        }
    }
}

impl Stage for LimitData {
    fn pump(&mut self, turn: &mut Turn<'_>, inlet: &mut Queue, outlet: &mut Queue) {
        while outlet.has_room() && inlet.front().is_some() {
            let left = self.limit.saturating_sub(self.passed);
            let left = usize::try_from(left).unwrap_or(usize::MAX);
            if left > 0
                && let Some(chunk) = inlet.take(left)
            {
                self.passed += chunk.bytes.len() as u64;
                outlet.push(chunk);
            }
            if self.passed >= self.limit {
                turn.meter.chunk(turn.now);
                inlet.discard();
                outlet.finish(End::Close);
            }
        }
        inlet.pass_end(outlet);
    }

    fn update(&mut self, kind: &ToxicKind) {
        if let ToxicKind::LimitData { bytes } = *kind {
            self.limit = bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::rig::{Rig, ms};
    use crate::queue::End;
    use crate::toxic::ToxicKind::LimitData;

    #[test]
    fn passes_exactly_the_limit_and_closes() {
        let mut rig = Rig::new(LimitData { bytes: 7 });
        rig.feed(b"abcd");
        rig.feed(b"efgh");
        let out: Vec<u8> = rig
            .run(ms(0))
            .into_iter()
            .flat_map(|(_, bytes)| bytes)
            .collect();
        assert_eq!(out, b"abcdefg");
        assert_eq!(rig.ended(), Some(End::Close));
    }

    #[test]
    fn closes_as_soon_as_the_last_byte_has_passed() {
        let mut rig = Rig::new(LimitData { bytes: 4 });
        rig.feed(b"abcd");
        rig.run(ms(0));
        assert_eq!(rig.ended(), Some(End::Close));
    }

    #[test]
    fn zero_closes_at_the_first_byte() {
        let mut rig = Rig::new(LimitData { bytes: 0 });
        rig.run(ms(1_000));
        assert_eq!(rig.ended(), None);
        rig.feed(b"a");
        assert!(rig.run(ms(0)).is_empty());
        assert_eq!(rig.ended(), Some(End::Close));
    }

    #[test]
    fn the_count_survives_an_update() {
        let mut rig = Rig::new(LimitData { bytes: 100 });
        rig.feed(&[1; 60]);
        rig.run(ms(0));
        rig.update(LimitData { bytes: 70 });
        rig.feed(&[2; 60]);
        assert_eq!(rig.run(ms(0))[0].1, [2; 10]);
        assert_eq!(rig.ended(), Some(End::Close));
    }
}
