//! The open model: walks begin when the schedule says so, each by a user of its own, whatever the target does.

use crate::mix::Choice;
use crate::schedule::{Arrival, Streams};
use crate::user::{Turn, User};
use crate::walker::{Open, Walker};
use crate::worker::Worker;
use harness_core::data::Drawn;
use harness_core::plan::load::OpenPlan;
use std::rc::Rc;
use std::time::Duration;

/// Journeys under way at most, over all workers; an arrival beyond is dropped, and counted. This is what bounds the
/// memory when the target stalls: it holds ten seconds of 5000 arrivals a second.
pub(crate) const IN_FLIGHT: usize = 50_000;

/// Plays a worker's shard of the schedule, then waits for what is under way.
pub(crate) async fn play(worker: &Rc<Worker>, plan: &OpenPlan) {
    let streams = Streams::new(plan, worker.seed);
    let only = worker.only(plan);
    let mut choices = worker.mix.choices(&only);
    let mut now = worker.clock.now();
    for arrival in streams.shard(worker.seat.index, worker.seat.of) {
        let intended = worker.t0 + arrival.at;
        // All that is due goes out at one wake-up. The clock is read once for it, so that even a generator that
        // can't keep up gives its connections their turn.
        if intended > now {
            worker.pacer.until(intended).await;
            now = worker.clock.now();
        }
        arrive(worker, choices.of(&arrival), &arrival, now);
    }
    worker.idle().await;
}

fn arrive(worker: &Rc<Worker>, choice: Choice, arrival: &Arrival, now: Duration) {
    let intended = worker.t0 + arrival.at;
    let key = worker.key(intended, worker.names.journey(choice.journey));
    let own = worker.woke(intended, now);
    {
        let mut meter = worker.meter.borrow_mut();
        if choice.row == Drawn::RanOut {
            return meter.no_data(key, 1);
        }
        meter.planned(key, 1);
        if worker.in_flight.get() >= worker.seat.part(IN_FLIGHT) {
            return meter.dropped(key, 1, own);
        }
    }
    let journey = Open::start(worker, key, true);
    let mut user = User::new(worker, choice.journey);
    let turn = Turn {
        number: arrival.number,
        choice,
        intended,
        free: intended,
    };
    let walker = Walker::new(Rc::clone(worker), journey, turn);
    tokio::task::spawn_local(async move {
        walker.walk(&mut user).await;
    });
}
