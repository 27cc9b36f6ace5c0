//! A toxic on one direction of one connection: its stage, whether the roll was for it, and how it follows an update and a
//! ramp.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::armed::Armed;
use crate::connections::Entry;
use crate::dice::{Dice, LinkKey};
use crate::queue::Queue;
use crate::stats::Meter;
use crate::toxic::Course;
use crate::toxics::{self, Parting, Stage, Standing, Turn};

/// How often a stage that holds something is told how far its ramp is.
const RAMP_STEP: Duration = Duration::from_millis(20);
/// How much a ramp moves on before a stage is told of it again.
const RAMP_GRAIN: Duration = Duration::from_millis(1);

/// A toxic on this direction of this connection.
pub(super) struct Slot {
    pub(super) id: u64,
    revision: u64,
    roll: u64,
    /// The roll: whether the toxic works on this connection.
    pub(super) affected: bool,
    pub(super) stage: Box<dyn Stage>,
    dice: Dice,
    meter: Meter,
    pub(super) inlet: Queue,
    course: Option<Arc<Course>>,
    /// When the stage was last told how far its ramp is; none once it knows the end.
    told: Option<Instant>,
}

impl Slot {
    pub(super) fn new(key: &LinkKey, entry: &Arc<Entry>, armed: &Armed, now: Instant) -> Self {
        let mut dice = Dice::new(key, &armed.toxic.name, armed.roll);
        let standing = Standing {
            fresh: key.connection >= armed.since,
            tally: armed.tally.clone(),
        };
        let mut slot = Self {
            id: armed.id,
            revision: armed.revision,
            roll: armed.roll,
            affected: armed.rolls_for(&mut dice, entry.client.ip()),
            stage: toxics::stage(&armed.kind(now), standing),
            dice,
            meter: Meter::new(armed.id, armed.hits.clone(), entry.clone()),
            inlet: Queue::new(toxics::inlet_limit(&armed.toxic.kind)),
            course: armed.course.clone(),
            told: armed.course.is_some().then_some(now),
        };
        entry.roll(armed, slot.affected);
        if slot.affected {
            slot.stage.start(now);
        }
        slot
    }

    /// Takes over an update and a new roll; says what becomes of the connection if the toxic leaves it by that.
    pub(super) fn follow(
        &mut self,
        key: &LinkKey,
        entry: &Arc<Entry>,
        armed: &Armed,
        now: Instant,
    ) -> Parting {
        if self.revision != armed.revision {
            self.revision = armed.revision;
            self.course = armed.course.clone();
            self.told = self.course.is_some().then_some(now);
            self.stage.update(&armed.kind(now));
        }
        if self.roll == armed.roll {
            return Parting::Release;
        }
        self.roll = armed.roll;
        self.dice = Dice::new(key, &armed.toxic.name, armed.roll);
        let affected = armed.rolls_for(&mut self.dice, entry.client.ip());
        entry.roll(armed, affected);
        let was = std::mem::replace(&mut self.affected, affected);
        match (was, self.affected) {
            (false, true) => self.stage.start(now),
            (true, false) => return self.stage.part(),
            _ => {}
        }
        Parting::Release
    }

    /// Does nothing to the connection.
    pub(super) fn is_idle(&self) -> bool {
        !self.affected || self.stage.is_idle()
    }

    pub(super) fn pump(
        &mut self,
        now: Instant,
        outlet: &mut Queue,
        wake: &mut Option<Instant>,
        reset: &mut bool,
    ) {
        if outlet.is_finished() {
            self.inlet.discard();
        } else if self.affected {
            self.ramp(now);
            let mut own = None;
            let turn = Turn::new(now, &mut self.dice, &mut self.meter, &mut own, reset);
            let mut turn = turn.on(self.course.as_deref());
            self.stage.pump(&mut turn, &mut self.inlet, outlet);
            if self.told.is_some() && (own.is_some() || !self.inlet.is_idle()) {
                no_later(&mut own, now + RAMP_STEP);
            }
            if let Some(own) = own {
                no_later(wake, own);
            }
        } else {
            self.inlet.pass(outlet);
        }
    }
}

impl Slot {
    /// Tells the stage how far its ramp is.
    fn ramp(&mut self, now: Instant) {
        let (Some(course), Some(told)) = (&self.course, self.told) else {
            return;
        };
        let over = course.is_over(now);
        if over || now.saturating_duration_since(told) >= RAMP_GRAIN {
            self.stage.ramp(&course.at(now));
            self.told = (!over).then_some(now);
        }
    }
}

fn no_later(wake: &mut Option<Instant>, at: Instant) {
    *wake = Some(wake.map_or(at, |wake| wake.min(at)));
}
