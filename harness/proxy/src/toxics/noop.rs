//! `noop`: passes everything; a connection on which only this works is copied as if it were not there.

use super::{Stage, Turn};
use crate::queue::Queue;
use crate::toxic::ToxicKind;

pub(super) struct Noop;

impl Stage for Noop {
    fn pump(&mut self, _turn: &mut Turn<'_>, inlet: &mut Queue, outlet: &mut Queue) {
        inlet.pass(outlet);
    }

    fn update(&mut self, _kind: &ToxicKind) {}

    fn is_idle(&self) -> bool {
        true
    }
}
