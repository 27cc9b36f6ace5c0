//! One direction's chain of stages, and how it takes over a change of the proxy's toxics while chunks lie in it. Plain
//! state, told the time; knows no socket.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use tokio::time::Instant;

use crate::dice::{Dice, LinkKey};
use crate::queue::{End, Queue};
use crate::stats::{Hits, Meter};
use crate::toxic::Toxic;
use crate::toxics::{self, Parting, Stage, Standing, Turn};

/// How much waits for the writer at the end of a chain, bytes: little, for what lies there is past every toxic.
const OUT_LIMIT: usize = 64 << 10;

/// A toxic as the proxy holds it; links compare theirs with it.
#[derive(Clone, Debug)]
pub(crate) struct Armed {
    /// Never used twice: a toxic that is removed and added again is another one.
    pub(crate) id: u64,
    /// Counts updates.
    pub(crate) revision: u64,
    /// Counts re-rolls.
    pub(crate) roll: u64,
    pub(crate) toxic: Toxic,
    pub(crate) hits: Arc<Hits>,
    /// The number of the first connection that was opened after it was added.
    pub(crate) since: u64,
    /// What it counts over all connections.
    pub(crate) tally: Arc<AtomicU64>,
}

/// A toxic on this direction of this connection.
struct Slot {
    id: u64,
    revision: u64,
    roll: u64,
    /// The roll: whether the toxic works on this connection.
    affected: bool,
    stage: Box<dyn Stage>,
    dice: Dice,
    meter: Meter,
    inlet: Queue,
}

impl Slot {
    fn new(key: &LinkKey, armed: &Armed, now: Instant) -> Self {
        let mut dice = Dice::new(key, &armed.toxic.name, armed.roll);
        let standing = Standing {
            fresh: key.connection >= armed.since,
            tally: armed.tally.clone(),
        };
        let mut slot = Self {
            id: armed.id,
            revision: armed.revision,
            roll: armed.roll,
            affected: dice.hits(armed.toxic.toxicity),
            stage: toxics::stage(&armed.toxic.kind, standing),
            dice,
            meter: Meter::new(armed.hits.clone()),
            inlet: Queue::new(toxics::inlet_limit(&armed.toxic.kind)),
        };
        if slot.affected {
            slot.stage.start(now);
        }
        slot
    }

    /// Takes over an update and a new roll; says what becomes of the connection if the toxic leaves it by that.
    fn follow(&mut self, key: &LinkKey, armed: &Armed, now: Instant) -> Parting {
        if self.revision != armed.revision {
            self.revision = armed.revision;
            self.stage.update(&armed.toxic.kind);
        }
        if self.roll == armed.roll {
            return Parting::Release;
        }
        self.roll = armed.roll;
        self.dice = Dice::new(key, &armed.toxic.name, armed.roll);
        let was = std::mem::replace(&mut self.affected, self.dice.hits(armed.toxic.toxicity));
        match (was, self.affected) {
            (false, true) => self.stage.start(now),
            (true, false) => return self.stage.part(),
            _ => {}
        }
        Parting::Release
    }

    /// Does nothing to the connection.
    fn is_idle(&self) -> bool {
        !self.affected || self.stage.is_idle()
    }

    fn pump(
        &mut self,
        now: Instant,
        outlet: &mut Queue,
        wake: &mut Option<Instant>,
        reset: &mut bool,
    ) {
        if outlet.is_finished() {
            self.inlet.discard();
        } else if self.affected {
            let mut turn = Turn::new(now, &mut self.dice, &mut self.meter, wake, reset);
            self.stage.pump(&mut turn, &mut self.inlet, outlet);
        } else {
            self.inlet.pass(outlet);
        }
    }
}

/// The stages of one direction of one connection, in order, and what waits for the writer.
pub(crate) struct Chain {
    key: LinkKey,
    slots: Vec<Slot>,
    out: Queue,
    reset: bool,
    /// No stage does anything to this connection.
    transparent: bool,
}

impl Chain {
    pub(crate) fn new(key: LinkKey) -> Self {
        Self {
            key,
            slots: Vec::new(),
            out: Queue::new(OUT_LIMIT),
            reset: false,
            transparent: true,
        }
    }

    /// Where what is read goes in.
    pub(crate) fn inlet(&mut self) -> &mut Queue {
        match self.slots.first_mut() {
            Some(slot) => &mut slot.inlet,
            None => &mut self.out,
        }
    }

    /// Where what is to be written comes out.
    pub(crate) fn out(&mut self) -> &mut Queue {
        &mut self.out
    }

    /// Whether more may be read: there is room, and what is read could still come out.
    pub(crate) fn wants_input(&self) -> bool {
        let first = self.slots.first().map_or(&self.out, |slot| &slot.inlet);
        let second = self.slots.get(1).map_or(&self.out, |slot| &slot.inlet);
        first.has_room() && !second.is_finished()
    }

    /// No stage does anything and nothing lies inside: bytes may go past the chain.
    pub(crate) fn is_bypassed(&self) -> bool {
        self.transparent && self.out.is_idle() && self.slots.iter().all(|slot| slot.inlet.is_idle())
    }

    /// A stage has reset the connection.
    pub(crate) fn is_reset(&self) -> bool {
        self.reset
    }

    /// Moves what is due at `now` as far as it gets; says when to call again at the latest.
    pub(crate) fn pump(&mut self, now: Instant) -> Option<Instant> {
        loop {
            let before = self.changes();
            let mut wake = None;
            for index in 0..self.slots.len() {
                if let Some((slot, rest)) = self.slots[index..].split_first_mut() {
                    let outlet = rest
                        .first_mut()
                        .map_or(&mut self.out, |next| &mut next.inlet);
                    slot.pump(now, outlet, &mut wake, &mut self.reset);
                }
            }
            if self.reset || self.changes() == before {
                return wake;
            }
        }
    }

    fn changes(&self) -> u64 {
        self.slots
            .iter()
            .fold(self.out.changes(), |sum, slot| sum + slot.inlet.changes())
    }

    /// Becomes the chain of the proxy's toxics: stages leave, follow an update, and enter. No byte is lost by it, but for
    /// those that a stage had dropped before; then the connection ends, since its stream is not whole.
    pub(crate) fn apply(&mut self, toxics: &[Armed], now: Instant) {
        let mut index = 0;
        while let Some(slot) = self.slots.get(index) {
            if toxics.iter().any(|armed| armed.id == slot.id) {
                index += 1;
            } else {
                self.remove(index);
            }
        }
        for (index, armed) in toxics.iter().enumerate() {
            match self.slots.get_mut(index) {
                Some(slot) if slot.id == armed.id => {
                    let parting = slot.follow(&self.key, armed, now);
                    self.part(index + 1, parting);
                }
                _ => self.slots.insert(index, Slot::new(&self.key, armed, now)),
            }
        }
        self.transparent = self.slots.iter().all(Slot::is_idle);
    }

    fn remove(&mut self, index: usize) {
        let slot = self.slots.remove(index);
        let parting = if slot.affected {
            slot.stage.part()
        } else {
            Parting::Release
        };
        // What the stage held comes before anything that its successor has not seen yet.
        slot.inlet.pour(self.inlet_of(index));
        self.part(index, parting);
    }

    /// Ends the connection behind the stages before `index`, if `parting` says so.
    fn part(&mut self, index: usize, parting: Parting) {
        match parting {
            Parting::Release => {}
            Parting::Close => self.inlet_of(index).finish(End::Close),
            Parting::Reset => self.reset = true,
        }
    }

    fn inlet_of(&mut self, index: usize) -> &mut Queue {
        match self.slots.get_mut(index) {
            Some(slot) => &mut slot.inlet,
            None => &mut self.out,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::toxic::{FailHow, ToxicKind};
    use crate::toxics::rig::{Rig, armed, ms};

    fn passing() -> impl Strategy<Value = ToxicKind> {
        prop_oneof![
            (0..50_u64, 0..50_u64)
                .prop_map(|(latency, jitter)| ToxicKind::Latency { latency, jitter }),
            (1..2_000_u64).prop_map(|rate| ToxicKind::Bandwidth { rate }),
            (0..100_u64).prop_map(|delay| ToxicKind::SlowClose { delay }),
            (1..500_u64, 0..3_000_u64).prop_map(|(average_size, delay)| ToxicKind::Slicer {
                average_size,
                size_variation: average_size / 2,
                delay
            }),
            Just(ToxicKind::LimitData { bytes: u64::MAX }),
            Just(ToxicKind::Noop {}),
            (0.0..0.5, 0..50_u64).prop_map(|(share, stall)| ToxicKind::Loss { share, stall }),
        ]
    }

    proptest! {
        #[test]
        fn any_chain_of_passing_toxics_delivers_all_in_order(
            before in prop::collection::vec(passing(), 0..4),
            after in prop::collection::vec(passing(), 0..4),
            chunks in prop::collection::vec((prop::collection::vec(any::<u8>(), 1..600), 0..30_u64), 1..20),
            change_at in 0..20_usize,
        ) {
            let mut rig = Rig::chain(&before);
            let mut got = Vec::new();
            for (index, (bytes, pause)) in chunks.iter().enumerate() {
                if index == change_at {
                    rig.replace(&after);
                }
                rig.feed(bytes);
                got.extend(rig.run(ms(*pause)));
            }
            rig.end();
            got.extend(rig.run(Duration::from_secs(600)));
            let got: Vec<u8> = got.into_iter().flat_map(|(_, bytes)| bytes).collect();
            let sent: Vec<u8> = chunks.into_iter().flat_map(|(bytes, _)| bytes).collect();
            prop_assert_eq!(got, sent);
            prop_assert_eq!(rig.ended(), Some(End::Eof));
        }
    }

    fn every_kind() -> Vec<ToxicKind> {
        vec![
            ToxicKind::Latency {
                latency: 1_000,
                jitter: 0,
            },
            ToxicKind::Bandwidth { rate: 0 },
            ToxicKind::SlowClose { delay: 1_000 },
            ToxicKind::Timeout { timeout: 1 },
            ToxicKind::ResetPeer { timeout: 0 },
            ToxicKind::Slicer {
                average_size: 1,
                size_variation: 0,
                delay: 1_000,
            },
            ToxicKind::LimitData { bytes: 0 },
            ToxicKind::Noop {},
            ToxicKind::Loss {
                share: 1.0,
                stall: 10,
            },
            ToxicKind::Corrupt { share: 1.0 },
            ToxicKind::FailFirst {
                connections: 1,
                how: FailHow::Reset,
            },
        ]
    }

    #[test]
    fn toxicity_zero_has_no_effect_whatever_the_kind() {
        for kind in every_kind() {
            let mut rig = Rig::armed(vec![armed(1, kind.clone(), 0.0)]);
            assert!(rig.bypassed(), "{kind:?}");
            rig.run(ms(50));
            rig.feed(b"whole");
            rig.end();
            let out = rig.run(ms(0));
            assert_eq!(
                (out.len(), out[0].1.as_slice()),
                (1, b"whole".as_slice()),
                "{kind:?}"
            );
            assert!(rig.ended() == Some(End::Eof) && !rig.is_reset(), "{kind:?}");
            rig.remove();
            assert!(
                rig.ended() == Some(End::Eof) && !rig.is_reset(),
                "{kind:?} removed"
            );
            assert_eq!(rig.hits(), (0, 0), "{kind:?}");
        }
    }

    #[test]
    fn every_kind_but_noop_counts_its_hits() {
        for kind in every_kind() {
            let mut rig = Rig::new(kind.clone());
            rig.feed(b"ab");
            rig.end();
            rig.run(ms(5_000));
            let (connections, chunks) = rig.hits();
            let expected = kind != ToxicKind::Noop {};
            assert_eq!(
                (connections == 1, chunks > 0),
                (expected, expected),
                "{kind:?}"
            );
        }
    }

    #[test]
    fn a_roll_sticks_to_the_connection_and_an_update_rolls_again() {
        let roll = |connection, roll| {
            let mut toxic = armed(
                1,
                ToxicKind::Latency {
                    latency: 1,
                    jitter: 0,
                },
                0.5,
            );
            toxic.roll = roll;
            Rig::for_connection(connection, vec![toxic]).bypassed()
        };
        let first: Vec<bool> = (0..100).map(|connection| roll(connection, 0)).collect();
        assert_eq!(
            first,
            (0..100)
                .map(|connection| roll(connection, 0))
                .collect::<Vec<_>>()
        );
        assert_ne!(
            first,
            (0..100)
                .map(|connection| roll(connection, 1))
                .collect::<Vec<_>>()
        );
        assert!((30..70).contains(&first.iter().filter(|passed| **passed).count()));
    }

    #[test]
    fn removing_the_first_of_two_keeps_the_order() {
        let mut rig = Rig::chain(&[
            ToxicKind::Bandwidth { rate: 0 },
            ToxicKind::Latency {
                latency: 20,
                jitter: 0,
            },
        ]);
        rig.feed(b"one");
        rig.run(ms(5));
        rig.feed(b"two");
        rig.remove();
        let out = rig.run(ms(100));
        assert_eq!(
            out.into_iter()
                .flat_map(|(_, bytes)| bytes)
                .collect::<Vec<_>>(),
            b"onetwo"
        );
    }

    #[test]
    fn input_stops_when_full_and_when_it_could_not_come_out() {
        let mut rig = Rig::new(ToxicKind::Bandwidth { rate: 0 });
        let mut fed = 0;
        while rig.wants_input() {
            rig.feed(&[0; 10_000]);
            fed += 10_000;
            assert!(fed <= 300_000, "{fed} bytes taken in");
        }
        let mut rig = Rig::new(ToxicKind::LimitData { bytes: 1 });
        rig.feed(b"xyz");
        rig.run(ms(0));
        assert!(!rig.wants_input());
    }
}
