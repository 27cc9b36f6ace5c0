//! `slow_close`: data passes, the end of the stream is held back.

use tokio::time::Instant;

use super::{Stage, Turn, millis};
use crate::queue::Queue;
use crate::toxic::ToxicKind;

pub(super) struct SlowClose {
    /// ms.
    delay: u64,
    ended: Option<Instant>,
}

impl SlowClose {
    pub(super) fn new(delay: u64) -> Self {
        Self { delay, ended: None }
    }
}

impl Stage for SlowClose {
    fn pump(&mut self, turn: &mut Turn<'_>, inlet: &mut Queue, outlet: &mut Queue) {
        while outlet.has_room() {
            match inlet.pop() {
                Some(chunk) => outlet.push(chunk),
                None => break,
            }
        }
        if inlet.at_end().is_none() {
            return;
        }
        if self.ended.is_none() && self.delay > 0 {
            turn.meter.chunk(turn.now);
        }
        let due = *self.ended.get_or_insert(turn.now) + millis(self.delay);
        if due > turn.now {
            turn.wake_at(due);
        } else {
            inlet.pass_end(outlet);
        }
    }

    fn update(&mut self, kind: &ToxicKind) {
        if let ToxicKind::SlowClose { delay } = *kind {
            self.delay = delay;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::rig::{Rig, ms};
    use crate::queue::End;
    use crate::toxic::ToxicKind::SlowClose;

    #[test]
    fn data_passes_and_the_end_waits() {
        let mut rig = Rig::new(SlowClose { delay: 300 });
        rig.feed(b"data");
        rig.end();
        assert_eq!(rig.run(ms(299))[0].1, b"data");
        assert_eq!(rig.ended(), None);
        rig.run(ms(1));
        assert_eq!(rig.ended(), Some(End::Eof));
    }

    #[test]
    fn an_update_shortens_the_wait() {
        let mut rig = Rig::new(SlowClose { delay: 60_000 });
        rig.end();
        rig.run(ms(100));
        rig.update(SlowClose { delay: 100 });
        rig.run(ms(0));
        assert_eq!(rig.ended(), Some(End::Eof));
    }
}
