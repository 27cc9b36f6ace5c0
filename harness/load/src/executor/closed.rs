//! The closed model: so many users, each walking one journey after another. A user is one task for as long as the load
//! lasts, so a walk costs no task of its own; what users of different workers share is the number of walks left.
//!
//! A walk is intended when its user is there and free: at the begin of a visit, then when the last walk and its think
//! time are over. With pacing it is intended so long after the one before began; a user who is still with the target
//! then begins late, and response time counts from the intended time all the same. See decision 0013.

use super::ramp::{Visit, visits};
use super::ration::{Left, Ration};
use crate::mix::{Choice, Counted, Own};
use crate::user::{Turn, User};
use crate::walker::{Open, Walker};
use crate::worker::Worker;
use harness_core::data::Drawn;
use harness_core::plan::load::{ClosedPlan, Cookies};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;
use tokio::task::JoinSet;

/// Walks left over whose journeys are drawn one by one; of more, each journey gets its part by weight.
const DRAWN: u64 = 100_000;

/// Walks without a row that a user passes over in one go.
const PASSED_OVER: u64 = 64;

/// What the users of one worker go by.
pub(crate) struct Crowd {
    worker: Rc<Worker>,
    pub(crate) plan: ClosedPlan,
    pub(crate) ration: Ration,
    /// Users there are in all.
    most: u32,
    /// Counts the walks that all users take from one number.
    counted: RefCell<Counted>,
    /// Journeys for which one of them found no row left.
    unfed: RefCell<BTreeSet<usize>>,
    /// When the load ends, on the run's clock.
    end: Duration,
}

/// Plays a worker's share of the users, until the last has left or no walk is left and none under way.
pub(crate) async fn play(worker: &Rc<Worker>, plan: &ClosedPlan, ration: Ration) {
    let crowd = Rc::new(Crowd::new(worker, plan, ration));
    let mut users = JoinSet::new();
    for user in crowd.members() {
        users.spawn_local(live(Rc::clone(&crowd), user));
    }
    let all_left = async {
        while let Some(user) = users.join_next().await {
            if user.is_err() {
                worker.fail("a user panicked under load");
            }
        }
    };
    // Who waits for a time to come has nothing to come for then.
    let nothing_left = async {
        crowd.ration.gone().await;
        worker.idle().await;
    };
    tokio::select! {
        biased;
        () = all_left => {}
        () = nothing_left => {}
    }
    crowd.forgo_shared();
}

/// A user's whole life.
async fn live(crowd: Rc<Crowd>, user: u32) {
    let mut life = crowd.life(user);
    let mut free = Duration::ZERO;
    for visit in visits(&crowd.plan.users, user) {
        free = crowd.stay(&mut life, visit, free).await;
    }
    crowd.forgo(crowd.ration.left_of(user, life.walks));
}

/// What a user is from the first visit to the last.
pub(crate) struct Life {
    pub(crate) number: u32,
    /// Walks taken.
    pub(crate) walks: u64,
    /// Of each journey.
    own: Own,
    /// Journeys without a row left for it.
    unfed: BTreeSet<usize>,
}

impl Crowd {
    /// The users of a plan.
    pub(crate) fn new(worker: &Rc<Worker>, plan: &ClosedPlan, ration: Ration) -> Self {
        let lasts: Duration = plan.users.iter().map(|stage| stage.lasts).sum();
        let most = plan.users.iter().map(|s| s.from.max(s.to)).max();
        Self {
            worker: Rc::clone(worker),
            plan: plan.clone(),
            ration,
            most: most.unwrap_or_default(),
            counted: RefCell::new(worker.mix.counted()),
            unfed: RefCell::default(),
            end: worker.t0 + lasts,
        }
    }

    /// Those of this worker, by number.
    pub(crate) fn members(&self) -> impl Iterator<Item = u32> + use<> {
        let seat = self.worker.seat;
        (0..self.most).skip(seat.index).step_by(seat.of)
    }

    /// A user who has not come yet.
    pub(crate) fn life(&self, user: u32) -> Life {
        let (number, of) = (u64::from(user), u64::from(self.most));
        Life {
            number: user,
            walks: 0,
            own: self.worker.mix.user(number, of),
            unfed: BTreeSet::new(),
        }
    }

    /// A visit of a user who is free from a time on; when it is free again. A walk whose journey has no row left is
    /// passed over; a user for whom none has is done.
    async fn stay(&self, life: &mut Life, visit: Visit, mut free: Duration) -> Duration {
        let worker = &self.worker;
        let (from, until) = (worker.t0 + visit.from, worker.t0 + visit.until);
        free = free.max(from);
        let mut intended = free;
        let mut somebody: Option<User> = None;
        // Not the clock but the times decide who begins still: a late timer costs no walk.
        while intended.max(free) < until {
            let now = worker.clock.now();
            if now < intended {
                worker.pacer.until(intended).await;
                worker.woke(intended, worker.clock.now());
            }
            if life.unfed.len() == worker.journeys.len() {
                return free;
            }
            let Some(number) = self.ration.take(life.number, life.walks) else {
                return free;
            };
            life.walks += 1;
            let choice = self.choice(number, life);
            if choice.row == Drawn::RanOut {
                self.pass_over(choice.journey, intended, life).await;
                continue;
            }
            let turn = Turn {
                number,
                choice,
                intended,
                free: intended.max(free),
            };
            let user = match &mut somebody {
                Some(user) => {
                    user.turns_to(turn.choice.journey);
                    user
                }
                None => somebody.insert(User::new(worker, turn.choice.journey)),
            };
            if self.plan.cookies == Cookies::Journey {
                user.jar.clear();
            }
            free = self.walk(user, turn).await;
            intended = if self.plan.pacing.is_zero() {
                free
            } else {
                turn.free + self.plan.pacing
            };
        }
        // Too late for another walk, and there until the visit is over.
        if worker.clock.now() < until {
            worker.pacer.until(until).await;
        }
        free
    }

    /// What a user's walk of a number is of.
    pub(crate) fn choice(&self, number: u64, life: &mut Life) -> Choice {
        let mut counted = self.counted.borrow_mut();
        let all = self.ration.is_shared().then_some(&mut *counted);
        self.worker.mix.walk(number, &mut life.own, all)
    }

    /// Counts a walk that has no row.
    async fn pass_over(&self, journey: usize, intended: Duration, life: &mut Life) {
        let worker = &self.worker;
        let key = worker.key(intended, worker.names.journey(journey));
        worker.meter.borrow_mut().no_data(key, 1);
        life.unfed.insert(journey);
        self.unfed.borrow_mut().insert(journey);
        if life.walks.is_multiple_of(PASSED_OVER) {
            tokio::task::yield_now().await;
        }
    }

    /// One walk; when its user is free again.
    async fn walk(&self, user: &mut User, turn: Turn) -> Duration {
        let worker = &self.worker;
        let key = worker.key(turn.intended, worker.names.journey(turn.choice.journey));
        worker.meter.borrow_mut().planned(key, 1);
        let journey = Open::start(worker, key, true);
        let walked = Walker::new(Rc::clone(worker), journey, turn)
            .walk(user)
            .await;
        if !walked.answered {
            // A walk that asks nothing, or fails before it does, may never have waited for anything.
            tokio::task::yield_now().await;
        }
        walked.free
    }

    /// Counts shared walks that nobody will make. The first user is there whenever anybody is: when it has left, no
    /// walk that is left will be made.
    pub(crate) fn forgo_shared(&self) {
        if self.worker.seat.index == 0 {
            self.forgo(self.ration.left_of_all());
        }
    }

    /// Counts walks that were planned and that nobody will make, at the end of the load.
    pub(crate) fn forgo(&self, left: Left) {
        if left.count == 0 {
            return;
        }
        let worker = &self.worker;
        let mut parts = vec![0; worker.journeys.len()];
        if left.count <= DRAWN {
            for number in left.numbers() {
                parts[worker.mix.of(number)] += 1;
            }
        } else {
            parts = worker.mix.parts(left.count);
        }
        let last = self.end.saturating_sub(Duration::from_nanos(1));
        let unfed = self.unfed.borrow();
        let mut meter = worker.meter.borrow_mut();
        for (journey, count) in parts.into_iter().enumerate() {
            if count > 0 {
                let key = worker.key(last, worker.names.journey(journey));
                if unfed.contains(&journey) {
                    meter.no_data(key, count);
                    continue;
                }
                meter.planned(key, count);
                meter.dropped(key, count, false);
            }
        }
    }
}
