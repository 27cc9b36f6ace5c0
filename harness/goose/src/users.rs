//! Users as Goose has them: it calls one again and again, and each time it makes one walk. Knows when to stop, and lets go of
//! what is under way then: Goose itself would wait for it.

use crate::client::Client;
use goose::goose::GooseUser;
use harness_load::{Clock, Guest, Visitor};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// Before a user whose walks are over returns to Goose: without a pause its loop may spin for ever.
const PAUSE: Duration = Duration::from_millis(20);

/// What all users share.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) guest: Guest,
    pub(crate) clock: Clock,
    stop: watch::Sender<bool>,
    /// Users that have come, and that have made their last walk.
    came: AtomicU32,
    done: AtomicU32,
    /// What those had walked.
    walked: Mutex<Vec<(u32, u64)>>,
    told: AtomicBool,
    gone: AtomicBool,
}

/// What a user of Goose is to us.
#[derive(Debug, Clone)]
enum Seat {
    Walking(Box<Visitor>, Client),
    Done,
}

impl Stage {
    pub(crate) fn new(guest: Guest, clock: Clock) -> Self {
        Self {
            guest,
            clock,
            stop: watch::Sender::new(false),
            came: AtomicU32::new(0),
            done: AtomicU32::new(0),
            walked: Mutex::default(),
            told: AtomicBool::new(false),
            gone: AtomicBool::new(false),
        }
    }

    /// Stops at once. Goose is told with a word that is global to the process; that is why it has one of its own.
    pub(crate) fn stop(&self) {
        self.told.store(true, Ordering::Release);
        self.stop.send_replace(true);
        goose::trigger_killswitch("the load is over");
    }

    /// Returns when the last walk has been made, or it was told to stop.
    pub(crate) async fn over(&self) {
        let mut stop = self.stop.subscribe();
        // The sender lives as long as this.
        let _ = stop.wait_for(|stop| *stop).await;
    }

    pub(crate) fn goose_has_gone(&self) {
        self.gone.store(true, Ordering::Release);
    }

    /// Whether Goose has ended though nobody told it to.
    pub(crate) fn goose_is_gone(&self) -> bool {
        self.gone.load(Ordering::Acquire) && !self.told.load(Ordering::Acquire)
    }

    /// Counts the walks that were planned and not made; those of users who were stopped are nobody's fault.
    pub(crate) fn forgo_what_is_left(&self) {
        if self.done.load(Ordering::Acquire) >= self.guest.users() {
            let walked = self.walked.lock().unwrap_or_else(PoisonError::into_inner);
            self.guest.forgo(walked.iter().copied());
        }
    }

    fn sit_down(&self) -> Seat {
        let number = self.came.fetch_add(1, Ordering::Relaxed);
        match Client::new(self.clock) {
            Some(client) => Seat::Walking(Box::new(self.guest.visitor(number)), client),
            None => Seat::Done,
        }
    }

    fn get_up(&self, visitor: &Visitor) {
        let mut walked = self.walked.lock().unwrap_or_else(PoisonError::into_inner);
        walked.push(visitor.walks());
        drop(walked);
        if self.done.fetch_add(1, Ordering::AcqRel) + 1 == self.guest.users() {
            self.stop.send_replace(true);
        }
    }
}

/// One call by Goose: one walk, or the wait for the end.
pub(crate) async fn turn(stage: &Stage, user: &mut GooseUser) {
    let mut stop = stage.stop.subscribe();
    let mut seat = match user.get_session_data_mut::<Seat>() {
        Some(seat) => std::mem::replace(seat, Seat::Done),
        None => {
            let mut seat = stage.sit_down();
            if let Seat::Walking(_, client) = &mut seat {
                // A client of Goose's own making keeps cookies and follows redirects: core's interpreter does both.
                if user.set_client_builder(Client::rules()).await.is_ok() {
                    client.use_client(user.client.clone());
                }
            }
            seat
        }
    };
    if let Seat::Walking(visitor, client) = &mut seat {
        let walk = async {
            let due = stage.guest.next(visitor)?;
            tokio::time::sleep_until(stage.clock.instant(due.at()).into()).await;
            stage.guest.walk(due, visitor, client).await;
            Some(())
        };
        let made = tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => None,
            made = walk => made,
        };
        if made.is_some() {
            user.set_session_data(seat);
            return;
        }
        if !*stop.borrow() {
            stage.get_up(visitor);
        }
    }
    user.set_session_data(Seat::Done);
    let _ = stop.wait_for(|stop| *stop).await;
    tokio::time::sleep(PAUSE).await;
}
