//! A user: what lives from one walk to the next. A user of the open model makes one walk; of the closed, one after
//! another. Knows nothing of when they begin.

use crate::meter::Users;
use crate::mix::Choice;
use crate::pool::Own;
use crate::worker::Worker;
use harness_core::journey::Jar;
use std::rc::Rc;
use std::time::Duration;

/// Somebody who is there and walks journeys; counted as there until dropped.
#[derive(Debug)]
pub(crate) struct User {
    /// The cookies held.
    pub(crate) jar: Jar,
    /// The connection held, if each user has one.
    pub(crate) own: Own,
    there: Users,
    journey: usize,
}

/// A walk to be made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Turn {
    /// A number that no other walk of the load has.
    pub(crate) number: u64,
    /// What it is of.
    pub(crate) choice: Choice,
    /// When it was meant to begin, on the run's clock: response time counts from here.
    pub(crate) intended: Duration,
    /// When its user was there and free, not before `intended`: what lies between was spent with the target.
    pub(crate) free: Duration,
}

impl User {
    /// A user who comes to walk a journey, with no cookies and no connection.
    pub(crate) fn new(worker: &Rc<Worker>, journey: usize) -> Self {
        let there = worker.users.clone();
        there.came(journey);
        Self {
            jar: Jar::default(),
            own: Own::default(),
            there,
            journey,
        }
    }

    /// Goes on to another journey.
    pub(crate) fn turns_to(&mut self, journey: usize) {
        self.there.left(self.journey);
        self.there.came(journey);
        self.journey = journey;
    }
}

impl Drop for User {
    fn drop(&mut self) {
        self.there.left(self.journey);
    }
}
