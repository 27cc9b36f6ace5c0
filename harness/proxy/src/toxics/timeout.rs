//! `timeout`: drops all data; closes the connection once none has come for the given time.

use tokio::time::Instant;

use super::{Parting, Stage, Turn, millis};
use crate::queue::{End, Queue};
use crate::toxic::ToxicKind;

pub(super) struct Timeout {
    /// ms; 0 never closes.
    timeout: u64,
    /// When the timer was last wound up; none until the next turn winds it.
    wound: Option<Instant>,
}

impl Timeout {
    pub(super) fn new(timeout: u64) -> Self {
        Self {
            timeout,
            wound: None,
        }
    }
}

impl Stage for Timeout {
    fn start(&mut self, now: Instant) {
        self.wound = Some(now);
    }

    fn pump(&mut self, turn: &mut Turn<'_>, inlet: &mut Queue, outlet: &mut Queue) {
        let mut wound = *self.wound.get_or_insert(turn.now);
        while inlet.pop().is_some() {
            turn.meter.chunk(turn.now);
            wound = turn.now;
        }
        self.wound = Some(wound);
        inlet.pass_end(outlet);
        if self.timeout == 0 || outlet.is_finished() {
            return;
        }
        let due = wound + millis(self.timeout);
        if due > turn.now {
            turn.wake_at(due);
        } else {
            turn.meter.connection(turn.now);
            outlet.finish(End::Close);
        }
    }

    fn update(&mut self, kind: &ToxicKind) {
        self.ramp(kind);
        self.wound = None;
    }

    fn ramp(&mut self, kind: &ToxicKind) {
        if let ToxicKind::Timeout { timeout } = *kind {
            self.timeout = timeout;
        }
    }

    fn part(&self) -> Parting {
        Parting::Close
    }
}

#[cfg(test)]
mod tests {
    use super::super::rig::{Rig, ms};
    use crate::queue::End;
    use crate::toxic::ToxicKind::Timeout;

    #[test]
    fn drops_data_and_closes() {
        let mut rig = Rig::new(Timeout { timeout: 100 });
        assert!(rig.run(ms(99)).is_empty());
        assert_eq!(rig.ended(), None);
        rig.run(ms(1));
        assert_eq!(rig.ended(), Some(End::Close));
    }

    #[test]
    fn each_chunk_restarts_the_timer() {
        let mut rig = Rig::new(Timeout { timeout: 100 });
        for _ in 0..5 {
            rig.feed(b"gone");
            assert!(rig.run(ms(90)).is_empty());
            assert_eq!(rig.ended(), None);
        }
        rig.run(ms(10));
        assert_eq!(rig.ended(), Some(End::Close));
    }

    #[test]
    fn zero_never_closes_but_an_end_passes() {
        let mut rig = Rig::new(Timeout { timeout: 0 });
        rig.feed(b"gone");
        assert!(rig.run(ms(3_600_000)).is_empty());
        assert_eq!(rig.ended(), None);
        rig.end();
        rig.run(ms(0));
        assert_eq!(rig.ended(), Some(End::Eof));
    }

    #[test]
    fn an_update_winds_the_timer_anew() {
        let mut rig = Rig::new(Timeout { timeout: 100 });
        rig.run(ms(90));
        rig.update(Timeout { timeout: 50 });
        rig.run(ms(49));
        assert_eq!(rig.ended(), None);
        rig.run(ms(1));
        assert_eq!(rig.ended(), Some(End::Close));
    }

    #[test]
    fn removing_it_closes_the_connection() {
        let mut rig = Rig::new(Timeout { timeout: 0 });
        rig.feed(b"gone");
        rig.run(ms(10));
        rig.remove();
        rig.run(ms(0));
        assert_eq!(rig.ended(), Some(End::Close));
    }
}
