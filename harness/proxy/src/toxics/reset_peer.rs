//! `reset_peer`: swallows the first data or the end of the stream and, the given time later, resets the connection.

use tokio::time::Instant;

use super::{Parting, Stage, Turn, millis};
use crate::queue::Queue;
use crate::toxic::ToxicKind;

pub(super) struct ResetPeer {
    /// ms.
    timeout: u64,
    /// When the first data or the end came.
    triggered: Option<Instant>,
}

impl ResetPeer {
    pub(super) fn new(timeout: u64) -> Self {
        Self {
            timeout,
            triggered: None,
        }
    }
}

impl Stage for ResetPeer {
    fn pump(&mut self, turn: &mut Turn<'_>, inlet: &mut Queue, _outlet: &mut Queue) {
        while inlet.pop().is_some() {
            turn.meter.chunk(turn.now);
            self.triggered.get_or_insert(turn.now);
        }
        if self.triggered.is_none() && inlet.at_end().is_some() {
            turn.meter.connection(turn.now);
            self.triggered = Some(turn.now);
        }
        let Some(triggered) = self.triggered else {
            return;
        };
        let due = triggered + millis(self.timeout);
        if due > turn.now {
            turn.wake_at(due);
        } else {
            turn.reset();
        }
    }

    fn update(&mut self, kind: &ToxicKind) {
        if let ToxicKind::ResetPeer { timeout } = *kind {
            self.timeout = timeout;
        }
    }

    /// Once bytes are swallowed there is no way back to a whole stream.
    fn part(&self) -> Parting {
        if self.triggered.is_some() {
            Parting::Reset
        } else {
            Parting::Release
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::rig::{Rig, ms};
    use crate::toxic::ToxicKind::ResetPeer;

    #[test]
    fn counts_from_the_first_data() {
        let mut rig = Rig::new(ResetPeer { timeout: 100 });
        rig.run(ms(5_000));
        assert!(!rig.is_reset());
        rig.feed(b"a");
        assert!(rig.run(ms(60)).is_empty());
        rig.feed(b"b");
        assert!(rig.run(ms(39)).is_empty());
        assert!(!rig.is_reset());
        rig.run(ms(1));
        assert!(rig.is_reset());
    }

    #[test]
    fn the_end_triggers_it_too_and_never_passes() {
        let mut rig = Rig::new(ResetPeer { timeout: 10 });
        rig.end();
        rig.run(ms(9));
        assert!(!rig.is_reset() && rig.ended().is_none());
        rig.run(ms(1));
        assert!(rig.is_reset() && rig.ended().is_none());
    }

    #[test]
    fn removing_it_resets_only_what_it_has_touched() {
        let mut rig = Rig::new(ResetPeer { timeout: 60_000 });
        rig.run(ms(1));
        rig.remove();
        rig.feed(b"whole");
        assert_eq!(rig.run(ms(1))[0].1, b"whole");
        let mut rig = Rig::new(ResetPeer { timeout: 60_000 });
        rig.feed(b"swallowed");
        rig.run(ms(1));
        rig.remove();
        assert!(rig.is_reset());
    }
}
