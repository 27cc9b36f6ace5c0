//! One direction's chain of stages, and how it takes over a change of the proxy's toxics while chunks lie in it. Plain
//! state, told the time; knows no socket.

mod slot;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use tokio::time::Instant;

use crate::armed::Armed;
use crate::connections::Entry;
use crate::dice::LinkKey;
use crate::queue::{End, Queue};
use crate::toxics::Parting;

use slot::Slot;

/// How much waits for the writer at the end of a chain, bytes: little, for what lies there is past every toxic.
const OUT_LIMIT: usize = 64 << 10;

/// The stages of one direction of one connection, in order, and what waits for the writer.
pub(crate) struct Chain {
    key: LinkKey,
    entry: Arc<Entry>,
    slots: Vec<Slot>,
    out: Queue,
    reset: bool,
    /// No stage does anything to this connection.
    transparent: bool,
}

impl Chain {
    pub(crate) fn new(key: LinkKey, entry: Arc<Entry>) -> Self {
        Self {
            key,
            entry,
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
        // A receiver that takes nothing holds up the reader too: else what toxics leave behind that come and go would pile up.
        first.has_room() && !second.is_finished() && self.out.has_room()
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
                    let parting = slot.follow(&self.key, &self.entry, armed, now);
                    self.part(index + 1, parting);
                }
                _ => self
                    .slots
                    .insert(index, Slot::new(&self.key, &self.entry, armed, now)),
            }
        }
        self.transparent = self.slots.iter().all(Slot::is_idle);
    }

    fn remove(&mut self, index: usize) {
        let slot = self.slots.remove(index);
        self.entry.leave(slot.id);
        let parting = if slot.affected {
            slot.stage.part()
        } else {
            Parting::Release
        };
        match parting {
            // What the stage held comes before anything that its successor has not seen yet.
            Parting::Release => slot.inlet.pour(self.inlet_of(index)),
            // Behind what the stage has dropped nothing may come out, not even what came in a moment ago.
            Parting::Close | Parting::Reset => self.part(index, parting),
        }
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
