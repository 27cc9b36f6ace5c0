//! The closed model on the fast lane: the same users, walks and times as the [executor](crate::executor::closed)'s,
//! without a task for each.

use super::{Lane, Wake};
use crate::executor::closed::{Crowd, Life};
use crate::executor::ramp::{Visit, visits};
use crate::executor::ration::Ration;
use crate::user::{Turn, User};
use harness_core::plan::load::ClosedPlan;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

/// A user between two walks.
struct Person {
    life: Life,
    /// The visits to come, the next one last, the current one at the end.
    visits: Vec<Visit>,
    /// When the last walk was over.
    free: Duration,
    /// Counts it as there, from the first walk of a visit to the visit's end.
    there: Option<User>,
}

/// Plays a worker's share of the users, until the last has left or no walk is left and none under way.
pub(crate) async fn play(mut lane: Lane, plan: &ClosedPlan, ration: Ration) {
    let worker = std::rc::Rc::clone(&lane.worker);
    let crowd = &Crowd::new(&worker, plan, ration);
    let mut people: Vec<Person> = crowd
        .members()
        .map(|number| Person {
            life: crowd.life(number),
            visits: visits(&crowd.plan.users, number)
                .into_iter()
                .rev()
                .collect(),
            free: Duration::ZERO,
            there: None,
        })
        .collect();
    // Who comes when; a place among the people.
    let mut coming: BinaryHeap<Reverse<(Duration, u32)>> = BinaryHeap::new();
    for (place, person) in (0u32..).zip(&people) {
        if let Some(visit) = person.visits.last() {
            coming.push(Reverse((worker.t0 + visit.from, place)));
        }
    }
    let mut spare = Vec::new();
    let mut now = worker.clock.now();
    let mut until = lane.until(now);
    while worker.in_flight.get() > 0
        || !lane.freed.is_empty()
        || !(coming.is_empty() || crowd.ration.is_gone())
    {
        while let Some(Reverse((at, place))) = coming.peek().copied().filter(|c| c.0.0 <= now) {
            coming.pop();
            worker.woke(at, now);
            lane.freed.push((place, at));
        }
        // Who is freed again at once, because nothing can be asked, comes after whatever else has happened.
        let mut freed = std::mem::replace(&mut lane.freed, spare);
        for (place, free) in freed.drain(..) {
            if let Some(person) = people.get_mut(place as usize)
                && let Some(comes) = lane.goes_on(crowd, person, place, free)
            {
                coming.push(Reverse((comes, place)));
            }
        }
        spare = freed;
        lane.give_up_late(now);
        let comes = match coming.peek() {
            _ if !lane.freed.is_empty() => now,
            Some(Reverse((at, _))) => *at,
            None => until,
        };
        let longest = comes.min(until).min(lane.look).saturating_sub(now);
        if let Err(error) = lane.turn(longest, Wake::Answers) {
            return worker.fail(format!("failed to wait for answers: {error}"));
        }
        now = worker.clock.now();
        if now >= until {
            lane.give_way().await;
            now = worker.clock.now();
            until = lane.until(now);
        }
    }
    for person in &people {
        crowd.forgo(crowd.ration.left_of(person.life.number, person.life.walks));
    }
    crowd.forgo_shared();
}

impl Lane {
    /// The next walk of a user who is free from a time on; if that is too late for one, when the user comes again.
    fn goes_on(
        &mut self,
        crowd: &Crowd,
        person: &mut Person,
        place: u32,
        free: Duration,
    ) -> Option<Duration> {
        let t0 = self.worker.t0;
        person.free = free;
        loop {
            let visit = person.visits.last()?;
            let (from, until) = (t0 + visit.from, t0 + visit.until);
            let intended = person.free.max(from);
            // Not the clock but the times decide who begins still: a late timer costs no walk.
            if intended >= until {
                person.visits.pop();
                person.there = None;
                continue;
            }
            if intended > person.free && intended > self.worker.clock.now() {
                return Some(intended);
            }
            let life = &mut person.life;
            let Some(number) = crowd.ration.take(life.number, life.walks) else {
                person.there = None;
                return None;
            };
            life.walks += 1;
            let turn = Turn {
                number,
                choice: crowd.choice(number, life),
                intended,
                free: intended,
            };
            let key = self
                .worker
                .key(intended, self.worker.names.journey(turn.choice.journey));
            self.worker.meter.borrow_mut().planned(key, 1);
            let journey = turn.choice.journey;
            match &mut person.there {
                Some(user) => user.turns_to(journey),
                None => person.there = Some(User::new(&self.worker, journey)),
            }
            self.begin(turn, Some(place), key);
            return None;
        }
    }
}
