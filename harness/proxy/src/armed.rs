//! A toxic in force: its values, how often they have changed, what it counts, and how far its ramp is. Links compare theirs
//! with it; knows nothing of how a toxic is carried out.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use tokio::time::Instant;

use crate::dice::Dice;
use crate::stats::Hits;
use crate::toxic::{Course, Toxic, ToxicKind};

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
    /// When it was added.
    pub(crate) born: Instant,
    /// What it counts over all connections.
    pub(crate) tally: Arc<AtomicU64>,
    /// The way its numbers take, if it ramps.
    pub(crate) course: Option<Arc<Course>>,
}

impl Armed {
    pub(crate) fn new(id: u64, toxic: Toxic, since: u64, now: Instant) -> Self {
        let course = course(&toxic, now);
        Self {
            id,
            revision: 0,
            roll: 0,
            toxic,
            hits: Arc::new(Hits::new()),
            since,
            born: now,
            tally: Arc::default(),
            course,
        }
    }

    /// Takes over new values; a ramp begins.
    pub(crate) fn set(&mut self, toxic: Toxic, now: Instant) {
        self.course = course(&toxic, now);
        self.toxic = toxic;
    }

    /// Whether it works on a connection from `client`: by its address and by the roll. An `http` toxic rolls for each
    /// request instead.
    pub(crate) fn rolls_for(&self, dice: &mut Dice, client: IpAddr) -> bool {
        let rolled = match self.toxic.kind {
            ToxicKind::Http(_) => self.toxic.toxicity > 0.0,
            _ => dice.hits(self.toxic.toxicity),
        };
        rolled && self.toxic.concerns(client)
    }

    /// What it does at `now`.
    pub(crate) fn kind(&self, now: Instant) -> ToxicKind {
        match &self.course {
            Some(course) => course.at(now),
            None => self.toxic.kind.clone(),
        }
    }

    /// The toxic with its present values.
    pub(crate) fn shown(&self, now: Instant) -> Toxic {
        Toxic {
            kind: self.kind(now),
            ..self.toxic.clone()
        }
    }
}

fn course(toxic: &Toxic, now: Instant) -> Option<Arc<Course>> {
    let ramp = toxic.ramp.as_ref()?;
    Some(Arc::new(Course::new(toxic.kind.clone(), ramp, now)))
}
