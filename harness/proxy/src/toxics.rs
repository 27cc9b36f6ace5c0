//! The stages of a chain: each toxic, in a file of its own, takes chunks from its inlet and puts them into its outlet
//! when it is their time. A stage is a plain state machine: it is told the time, says when it wants to be called again,
//! and does no I/O, so it can be added, changed and removed at any moment.
//!
//! A stage keeps no bytes of its own: what it holds back stays in its inlet. That is why removing one loses nothing.

mod bandwidth;
mod corrupt;
mod fail_first;
mod latency;
mod limit_data;
mod loss;
mod noop;
mod reset_peer;
#[cfg(test)]
pub(crate) mod rig;
mod slicer;
mod slow_close;
mod timeout;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use tokio::time::Instant;

use crate::dice::Dice;
use crate::queue::Queue;
use crate::stats::Meter;
use crate::toxic::{Course, ToxicKind};

/// What a stage may use while it works.
pub(crate) struct Turn<'a> {
    pub(crate) now: Instant,
    pub(crate) dice: &'a mut Dice,
    /// Told whenever the stage does something to the connection.
    pub(crate) meter: &'a mut Meter,
    wake: &'a mut Option<Instant>,
    reset: &'a mut bool,
    course: Option<&'a Course>,
}

impl<'a> Turn<'a> {
    pub(crate) fn new(
        now: Instant,
        dice: &'a mut Dice,
        meter: &'a mut Meter,
        wake: &'a mut Option<Instant>,
        reset: &'a mut bool,
    ) -> Self {
        Self {
            now,
            dice,
            meter,
            wake,
            reset,
            course: None,
        }
    }

    /// With the ramp that the stage's toxic is on.
    pub(crate) fn on(self, course: Option<&'a Course>) -> Self {
        Self { course, ..self }
    }

    /// What the toxic was at `time`, if it ramps.
    pub(crate) fn kind_at(&self, time: Instant) -> Option<ToxicKind> {
        self.course.map(|course| course.at(time))
    }

    /// Call me again at this time, even if nothing arrives until then.
    pub(crate) fn wake_at(&mut self, at: Instant) {
        *self.wake = Some(self.wake.map_or(at, |wake| wake.min(at)));
    }

    /// Reset the connection now.
    pub(crate) fn reset(&mut self) {
        *self.reset = true;
    }
}

/// What becomes of the connection when a stage leaves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Parting {
    /// What the stage held goes on its way.
    Release,
    /// Bytes are missing: the connection is closed.
    Close,
    /// The reset that was under way happens at once.
    Reset,
}

/// A toxic at work on one direction of one connection.
pub(crate) trait Stage: Send {
    /// It starts to work on the connection. If it did before, what it knew of the first chunk is of one that has gone.
    fn start(&mut self, _now: Instant) {}

    /// Moves what is due from `inlet` to `outlet`, as far as there is room.
    fn pump(&mut self, turn: &mut Turn<'_>, inlet: &mut Queue, outlet: &mut Queue);

    /// Takes over new attributes; `kind` is of the stage's own type.
    fn update(&mut self, kind: &ToxicKind);

    /// Takes over attributes that have moved on a ramp: unlike with an update, what is under way goes on.
    fn ramp(&mut self, kind: &ToxicKind) {
        self.update(kind);
    }

    /// It does nothing to the connection, now and until it is updated: bytes may go past it.
    fn is_idle(&self) -> bool {
        false
    }

    /// It stops working on the connection.
    fn part(&self) -> Parting {
        Parting::Release
    }
}

/// What a stage knows of its connection and of the others that its toxic works on.
#[derive(Debug)]
pub(crate) struct Standing {
    /// The connection was opened after the toxic was added.
    pub(crate) fresh: bool,
    /// What the toxic counts over all connections.
    pub(crate) tally: Arc<AtomicU64>,
}

/// The stage for `kind`, not yet started.
pub(crate) fn stage(kind: &ToxicKind, standing: Standing) -> Box<dyn Stage> {
    match *kind {
        ToxicKind::Latency { latency, jitter } => Box::new(latency::Latency::new(latency, jitter)),
        ToxicKind::Bandwidth { rate } => Box::new(bandwidth::Bandwidth::new(rate)),
        ToxicKind::SlowClose { delay } => Box::new(slow_close::SlowClose::new(delay)),
        ToxicKind::Timeout { timeout } => Box::new(timeout::Timeout::new(timeout)),
        ToxicKind::ResetPeer { timeout } => Box::new(reset_peer::ResetPeer::new(timeout)),
        ToxicKind::Slicer {
            average_size,
            size_variation,
            delay,
        } => Box::new(slicer::Slicer::new(average_size, size_variation, delay)),
        ToxicKind::LimitData { bytes } => Box::new(limit_data::LimitData::new(bytes)),
        // What works on exchanges stands where the service is: see `http`.
        ToxicKind::Noop {} | ToxicKind::Http(_) => Box::new(noop::Noop),
        ToxicKind::Loss { share, stall } => Box::new(loss::Loss::new(share, stall)),
        ToxicKind::Corrupt { share } => Box::new(corrupt::Corrupt::new(share)),
        ToxicKind::FailFirst { connections, how } => {
            Box::new(fail_first::FailFirst::new(connections, how, standing))
        }
    }
}

/// How much a stage's inlet holds, bytes. A latency's inlet is what is in flight on a long wire: its limit divided by
/// the delay is the most that passes per second.
pub(crate) fn inlet_limit(kind: &ToxicKind) -> usize {
    match kind {
        ToxicKind::Latency { .. } => 12 << 20,
        _ => 256 << 10,
    }
}

/// The farthest a timer is set: beyond it a sum of times could overflow, and no run is that long.
const FARTHEST: Duration = Duration::from_secs(365 * 24 * 3600);

/// How far a paced stage may catch up after having been called late.
const CATCH_UP: Duration = Duration::from_millis(100);

fn millis(ms: u64) -> Duration {
    Duration::from_millis(ms).min(FARTHEST)
}

fn micros(us: u64) -> Duration {
    Duration::from_micros(us).min(FARTHEST)
}

/// `wanted`, or if that is long past, the earliest a late stage may pretend it is.
fn not_long_before(now: Instant, wanted: Instant) -> Instant {
    now.checked_sub(CATCH_UP)
        .map_or(wanted, |earliest| wanted.max(earliest))
}
