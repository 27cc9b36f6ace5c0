//! A load as it goes on, for a whole terminal: what is to be seen of it, and how it is drawn. Hears the events that every
//! reporter hears; owns no terminal, no clock and no thread, and draws into whatever frame it is handed.

mod draw;
mod panels;
mod view;
pub(crate) mod view_shape;

pub use draw::draw;
pub(crate) use panels::bins;
pub use view::{Point, View};

use harness_core::event::Envelope;
use harness_core::record::Record;

/// What a screen knows: the record of what it heard.
#[derive(Debug, Default)]
pub struct Screen {
    record: Record,
    /// Whether anything was heard since the last look.
    fresh: bool,
    stopping: bool,
}

impl Screen {
    /// Takes in an event.
    pub fn hear(&mut self, envelope: &Envelope) {
        // A stream that contradicts itself is told by whoever judges it; here what came before stays to be seen.
        self.fresh |= self.record.apply(envelope).is_ok();
    }

    /// Somebody wants it to stop.
    pub fn stops(&mut self) {
        self.stopping = true;
        self.fresh = true;
    }

    /// Whether there is anything new since the last look.
    pub fn is_fresh(&self) -> bool {
        self.fresh
    }

    /// What is to be seen now, `now_us` microseconds after the run began.
    pub fn look(&mut self, now_us: u64) -> View {
        self.fresh = false;
        View::of(&self.record, now_us, self.stopping)
    }
}
