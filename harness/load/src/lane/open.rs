//! The open model on the fast lane: the same arrivals as the [executor](crate::executor::open)'s, without a task for
//! each.

use super::Lane;
use crate::executor::open::IN_FLIGHT;
use crate::mix::Choice;
use crate::schedule::Arrival;
use crate::user::Turn;
use harness_core::plan::load::OpenPlan;
use std::io;
use std::time::Duration;

/// Plays a worker's shard of the schedule, then waits for what is under way.
pub(crate) async fn play(mut lane: Lane, plan: &OpenPlan) {
    let worker = std::rc::Rc::clone(&lane.worker);
    let only = worker.only(plan);
    let streams = crate::schedule::Streams::new(plan, worker.seed);
    let mut choices = worker.mix.choices(&only);
    let mut arrivals = streams
        .shard(worker.seat.index, worker.seat.of)
        .map(|arrival| (choices.of(&arrival), arrival));
    let mut next = arrivals.next();
    let mut now = worker.clock.now();
    let mut until = lane.until(now);
    while next.is_some() || worker.in_flight.get() > 0 {
        if lane.is_short()
            && let Err(error) = lane.take()
        {
            return lane.lost(&error);
        }
        // All that is due goes out at one wake-up. The clock is read once for it, so that even a generator that can't
        // keep up gives its connections their turn.
        while let Some((choice, arrival)) = &next {
            if worker.t0 + arrival.at > now {
                break;
            }
            lane.arrive(*choice, arrival, now);
            next = arrivals.next();
        }
        // What came meanwhile is read once the request is out, so that it does not delay that.
        if let Err(error) = lane.take() {
            return lane.lost(&error);
        }
        lane.give_up_late(now);
        let due = next.as_ref().map_or(until, |(_, a)| worker.t0 + a.at);
        now = worker.clock.now();
        let longest = due.min(until).min(lane.look).saturating_sub(now);
        let wake = lane.wake(due.saturating_sub(now));
        if let Err(error) = lane.turn(longest, wake) {
            return lane.lost(&error);
        }
        now = worker.clock.now();
        if now >= until {
            lane.give_way().await;
            now = worker.clock.now();
            until = lane.until(now);
        }
    }
}

impl Lane {
    fn lost(&self, error: &io::Error) {
        self.worker
            .fail(format!("failed to wait for answers: {error}"));
    }

    fn arrive(&mut self, choice: Choice, arrival: &Arrival, now: Duration) {
        let worker = &self.worker;
        let intended = worker.t0 + arrival.at;
        let key = worker.key(intended, worker.names.journey(choice.journey));
        let own = worker.woke(intended, now);
        {
            let mut meter = worker.meter.borrow_mut();
            meter.planned(key, 1);
            if worker.in_flight.get() >= worker.seat.part(IN_FLIGHT) {
                return meter.dropped(key, 1, own);
            }
        }
        let turn = Turn {
            number: arrival.number,
            choice,
            intended,
            free: intended,
        };
        self.begin(turn, None, key);
    }
}
