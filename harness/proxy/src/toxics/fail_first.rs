//! `fail_first`: ends each of the first connections that are opened after the toxic was added; all after them pass. That
//! is what shows whether a client tries again.

use std::sync::atomic::Ordering::Relaxed;

use tokio::time::Instant;

use super::{Stage, Standing, Turn};
use crate::queue::{End, Queue};
use crate::toxic::{FailHow, ToxicKind};

pub(super) struct FailFirst {
    connections: u64,
    how: FailHow,
    standing: Standing,
    /// This connection is one of them.
    fails: bool,
    failed: bool,
}

impl FailFirst {
    pub(super) fn new(connections: u64, how: FailHow, standing: Standing) -> Self {
        Self {
            connections,
            how,
            standing,
            fails: false,
            failed: false,
        }
    }
}

impl Stage for FailFirst {
    fn start(&mut self, _now: Instant) {
        // Once only, whatever rolls come after.
        if std::mem::take(&mut self.standing.fresh) {
            let next = |failed: u64| (failed < self.connections).then_some(failed + 1);
            self.fails = self
                .standing
                .tally
                .fetch_update(Relaxed, Relaxed, next)
                .is_ok();
        }
    }

    fn pump(&mut self, turn: &mut Turn<'_>, inlet: &mut Queue, outlet: &mut Queue) {
        if !self.fails {
            inlet.pass(outlet);
            return;
        }
        if std::mem::replace(&mut self.failed, true) {
            return;
        }
        turn.meter.chunk(turn.now);
        inlet.discard();
        match self.how {
            FailHow::Reset => turn.reset(),
            FailHow::Close => outlet.finish(End::Close),
        }
    }

    fn update(&mut self, kind: &ToxicKind) {
        if let ToxicKind::FailFirst { connections, how } = *kind {
            (self.connections, self.how) = (connections, how);
        }
    }

    fn is_idle(&self) -> bool {
        !self.fails
    }
}

#[cfg(test)]
mod tests {
    use super::super::rig::{Rig, armed, ms};
    use crate::queue::End;
    use crate::toxic::FailHow;
    use crate::toxic::ToxicKind::FailFirst;

    #[test]
    fn the_first_fail_and_all_after_them_are_as_if_it_were_not_there() {
        for how in [FailHow::Reset, FailHow::Close] {
            let toxic = armed(
                1,
                FailFirst {
                    connections: 3,
                    how,
                },
                1.0,
            );
            for connection in 0..10 {
                let mut rig = Rig::for_connection(connection, vec![toxic.clone()]);
                rig.run(ms(0));
                let ended = match how {
                    FailHow::Reset => rig.is_reset(),
                    FailHow::Close => rig.ended() == Some(End::Close),
                };
                assert_eq!(ended, connection < 3, "{connection}, {how:?}");
                assert_eq!(rig.bypassed(), connection >= 3, "{connection}, {how:?}");
            }
            let hits = toxic.hits.snapshot(&toxic.toxic.name, toxic.toxic.stream);
            assert_eq!((hits.connections, hits.chunks), (3, 3));
        }
    }

    #[test]
    fn a_connection_that_was_open_before_is_not_one_of_them() {
        let how = FailHow::Reset;
        let mut toxic = armed(
            1,
            FailFirst {
                connections: 1,
                how,
            },
            1.0,
        );
        toxic.since = 5;
        let mut reset = Vec::new();
        for connection in [3, 4, 5, 6] {
            let mut rig = Rig::for_connection(connection, vec![toxic.clone()]);
            rig.run(ms(0));
            reset.push(rig.is_reset());
        }
        assert_eq!(reset, [false, false, true, false]);
    }

    #[test]
    fn an_update_raises_the_number_for_those_to_come() {
        let how = FailHow::Reset;
        let mut toxic = armed(
            1,
            FailFirst {
                connections: 1,
                how,
            },
            1.0,
        );
        let fails = |connection, toxic: &crate::armed::Armed| {
            let mut rig = Rig::for_connection(connection, vec![toxic.clone()]);
            rig.run(ms(0));
            rig.is_reset()
        };
        assert!(fails(0, &toxic) && !fails(1, &toxic));
        toxic.toxic.kind = FailFirst {
            connections: 2,
            how,
        };
        assert!(fails(2, &toxic) && !fails(3, &toxic));
        // One that has got through stays, however often it rolls.
        let mut rig = Rig::for_connection(4, vec![toxic]);
        rig.update(FailFirst {
            connections: 9,
            how,
        });
        rig.run(ms(0));
        assert!(!rig.is_reset() && rig.bypassed());
    }
}
