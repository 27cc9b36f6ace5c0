//! For a closed model that somebody else plays: who walks next, the walk itself through core's interpreter, and the
//! figures, all as the native engine has them; how a request is sent is the guest's. So both do the same work and are
//! counted alike. Knows no engine by name.

use crate::engine::{self, Attack, LaunchError, Report};
use crate::evidence::{Evidence, Place};
use crate::executor::ration::{Ration, Shared};
use crate::keep::{self, Keeper};
use crate::meter::{Key, LATE, Late, Meter, Sample};
use crate::mix::{Choice, Counted, Mix, Own};
use crate::names::Names;
use harness_core::data::{Drawn, Feeder};
use harness_core::event::{LocalFailures, Outcome};
use harness_core::journey::Jar;
use harness_core::journey::walk::{Answer, Context, Next, Outgoing, StepEnd, Walk};
use harness_core::plan::load::{ClosedPlan, Cookies, Model};
use harness_core::random::{Draws, coordinate};
use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc::Sender;

/// Sends requests for a user.
pub trait Sends: Send {
    /// One exchange, its body read to the end, within the request's time limit; and the bytes of that body.
    fn send(&mut self, outgoing: Outgoing) -> impl Future<Output = (Answer, u64)> + Send;
}

/// A closed load that a guest plays.
#[derive(Debug)]
pub struct Guest {
    attack: Attack,
    plan: ClosedPlan,
    users: u32,
    seed: u64,
    names: Names,
    mix: Mix,
    ration: Ration,
    counted: Mutex<Counted>,
    books: Mutex<Books>,
}

#[derive(Debug)]
struct Books {
    meter: Meter,
    evidence: Evidence,
    keeper: Keeper,
}

/// A user: what lives from one walk to the next.
#[derive(Debug, Clone)]
pub struct Visitor {
    number: u32,
    walks: u64,
    own: Own,
    unfed: BTreeSet<usize>,
    jar: Jar,
    /// When the next walk is intended, and when the user is free for it.
    intended: Duration,
    free: Duration,
}

/// A walk to be made.
#[derive(Debug, Clone, Copy)]
pub struct Due {
    number: u64,
    choice: Choice,
    intended: Duration,
    free: Duration,
}

impl Due {
    /// When its user may begin it, on the run's clock.
    pub fn at(&self) -> Duration {
        self.free
    }
}

impl Guest {
    /// An attack that a guest plays; its exemplars and samples go to `reports`. The model must be closed.
    pub fn new(attack: Attack, reports: Sender<Report>) -> Result<Self, LaunchError> {
        engine::check(&attack)?;
        let Model::Closed(plan) = attack.plan.model.clone() else {
            return Err(LaunchError::Guest(attack.scenario));
        };
        let seed = Draws::at(attack.seed, &[coordinate(attack.draws.as_str())]).bits();
        let names = Names::of(&attack.journeys);
        let weights = attack.plan.mix.iter().zip(&attack.journeys);
        let mix = Mix::new(
            seed,
            weights.map(|(entry, journey)| (entry.weight, Feeder::of(seed, journey))),
        );
        let books = Books {
            meter: Meter::new(attack.scenario.as_str().to_owned(), names.clone()),
            evidence: Evidence::new(attack.scenario.clone(), reports, seed, attack.plan.sample),
            keeper: Keeper::new(
                &attack.watched,
                &attack.journeys,
                (keep::VALUES, keep::BYTES),
            ),
        };
        let users = attack.plan.users().unwrap_or_default();
        Ok(Self {
            ration: Ration::new(&plan, users, Arc::new(Shared::default())),
            counted: Mutex::new(mix.counted()),
            books: Mutex::new(books),
            plan,
            users,
            seed,
            names,
            mix,
            attack,
        })
    }

    /// How many users there are.
    pub fn users(&self) -> u32 {
        self.users
    }

    /// When the load ends, on the run's clock.
    pub fn end(&self) -> Duration {
        self.attack.t0 + self.attack.plan.duration()
    }

    /// A user who has not walked yet.
    pub fn visitor(&self, number: u32) -> Visitor {
        Visitor {
            number,
            walks: 0,
            own: self.mix.user(u64::from(number), u64::from(self.users)),
            unfed: BTreeSet::new(),
            jar: Jar::default(),
            intended: self.attack.t0,
            free: self.attack.t0,
        }
    }

    /// A user's next walk; `None` when it has made its last.
    pub fn next(&self, visitor: &mut Visitor) -> Option<Due> {
        loop {
            let free = visitor.intended.max(visitor.free);
            if free >= self.end() || visitor.unfed.len() == self.attack.journeys.len() {
                return None;
            }
            // Taken and counted in one go: numbers must rise, and users are on several threads.
            let mut counted = lock(&self.counted);
            let number = self.ration.take(visitor.number, visitor.walks)?;
            visitor.walks += 1;
            let all = self.ration.is_shared().then_some(&mut *counted);
            let choice = self.mix.walk(number, &mut visitor.own, all);
            drop(counted);
            if choice.row != Drawn::RanOut {
                return Some(Due {
                    number,
                    choice,
                    intended: visitor.intended,
                    free,
                });
            }
            visitor.unfed.insert(choice.journey);
            let key = self.key(visitor.intended, self.names.journey(choice.journey));
            self.books().meter.no_data(key, 1);
        }
    }

    /// Makes a walk. Dropped before its end, it counts as cancelled.
    pub async fn walk(&self, due: Due, visitor: &mut Visitor, sends: &mut impl Sends) {
        let Some(journey) = self.attack.journeys.get(due.choice.journey) else {
            return;
        };
        let key = self.key(due.intended, self.names.journey(due.choice.journey));
        self.books().meter.planned(key, 1);
        let mut passage = Passage {
            guest: self,
            due,
            journey: Open::start(self, key),
            step: None,
            sent: None,
            ended: due.intended,
            class: None,
            bytes_in: 0,
        };
        let context = Context {
            seed: self.seed,
            run: self.attack.run.clone(),
            iteration: due.choice.iteration,
            row: due.choice.row.row(),
            wall_ms_at_zero: self.attack.clock.wall_ms(Duration::ZERO),
            traceparent: self.attack.traceparent,
        };
        let mut walk = Walk::new(Arc::clone(journey), &context, due.intended);
        if self.plan.cookies == Cookies::User {
            walk.take_jar(std::mem::take(&mut visitor.jar));
        }
        let outcome = passage.through(&mut walk, sends).await;
        visitor.free = walk.free().max(self.attack.clock.now());
        visitor.intended = if self.plan.pacing.is_zero() {
            visitor.free
        } else {
            due.free + self.plan.pacing
        };
        visitor.jar = walk.into_jar();
        passage.end(outcome);
    }

    /// The figures of all seconds before one, once it has begun.
    pub fn before(&self, second: u32) -> Vec<Report> {
        let mut books = self.books();
        let ticks = books.meter.take_before(second);
        ticks.iter().for_each(|tick| books.evidence.learn(tick));
        ticks.into_iter().map(Report::Tick).collect()
    }

    /// All figures that are left, and what was kept for invariants.
    pub fn finish(&self) -> Vec<Report> {
        let mut books = self.books();
        let ticks = books.meter.take_all();
        let kept = books.keeper.finish();
        let kept = (!kept.is_empty()).then_some(Report::Kept(kept));
        let exemplars = books.evidence.finish();
        let ticks = ticks.into_iter().map(Report::Tick);
        ticks.chain(exemplars).chain(kept).collect()
    }

    /// Counts walks that were planned and that nobody made; to be called once nobody walks any more.
    pub fn forgo(&self, visitors: impl IntoIterator<Item = (u32, u64)>) {
        let last = self.end().saturating_sub(Duration::from_nanos(1));
        let of_users = visitors
            .into_iter()
            .map(|(user, walks)| self.ration.left_of(user, walks));
        for left in of_users.chain([self.ration.left_of_all()]) {
            for number in left.numbers() {
                let key = self.key(last, self.names.journey(self.mix.of(number)));
                let mut books = self.books();
                books.meter.planned(key, 1);
                books.meter.dropped(key, 1, false);
            }
        }
    }

    /// Exemplars and samples that found no room since the last call.
    pub fn drops(&self) -> u64 {
        self.books().evidence.take_drops()
    }

    /// Requests that failed on this machine since the last call.
    pub fn local(&self) -> LocalFailures {
        self.books().meter.take_local()
    }

    fn key(&self, intended: Duration, name: u32) -> Key {
        let second = intended.saturating_sub(self.attack.t0).as_secs();
        Key {
            second: u32::try_from(second).unwrap_or(u32::MAX),
            epoch: self.attack.epoch.load(Ordering::Acquire),
            name,
        }
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        lock(&self.books)
    }
}

impl Visitor {
    /// Its number, and how many walks it has taken.
    pub fn walks(&self) -> (u32, u64) {
        (self.number, self.walks)
    }
}

/// What is held is counts: a panic elsewhere leaves them as good as they were.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Something counted as started and not yet as ended.
struct Open<'g> {
    guest: &'g Guest,
    key: Key,
    ended: bool,
}

impl<'g> Open<'g> {
    fn start(guest: &'g Guest, key: Key) -> Self {
        guest.books().meter.started(key);
        Self {
            guest,
            key,
            ended: false,
        }
    }

    fn end(mut self, sample: Sample<'_>) {
        self.ended = true;
        self.guest.books().meter.ended(self.key, sample);
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.guest.books().meter.cancelled(self.key);
        }
    }
}

struct Passage<'g> {
    guest: &'g Guest,
    due: Due,
    journey: Open<'g>,
    /// The step under way: index, what it is counted as, intended start, bytes.
    step: Option<(usize, Open<'g>, Duration, u64)>,
    sent: Option<Duration>,
    ended: Duration,
    class: Option<String>,
    bytes_in: u64,
}

impl Passage<'_> {
    async fn through(&mut self, walk: &mut Walk, sends: &mut impl Sends) -> Option<Outcome> {
        let clock = self.guest.attack.clock;
        loop {
            match walk.next(clock.now()) {
                Next::Send(outgoing) => {
                    let (step, intended) = (outgoing.step, outgoing.intended);
                    let first_try = self.open(step, intended);
                    let asked = clock.now();
                    if self.sent.is_none() && first_try {
                        let name = self.guest.names.journey(self.due.choice.journey);
                        let key = self.guest.key(asked, name);
                        self.guest.books().meter.begun(key);
                    }
                    let (answer, received) = sends.send(outgoing).await;
                    if first_try {
                        self.judge_lateness(intended, asked, answer.sent);
                    }
                    self.sent.get_or_insert(answer.sent);
                    if let Some((.., bytes)) = &mut self.step {
                        *bytes += received;
                    }
                    if let Some(end) = walk.answer(answer) {
                        if end.passed {
                            let mut books = self.guest.books();
                            let journey = self.due.choice.journey;
                            books.keeper.step_passed(journey, end.step, walk);
                        }
                        self.step_ended(end);
                    }
                }
                Next::Wait { until } => {
                    tokio::time::sleep_until(clock.instant(until).into()).await;
                }
                Next::Failed(end) => {
                    self.open(end.step, end.intended);
                    self.step_ended(end);
                }
                Next::Paused(end) => self.ended = end.ended,
                // Refused before the load began.
                Next::Command { .. } => return None,
                Next::Done(Outcome::Cancelled) => return None,
                Next::Done(outcome) => return Some(outcome),
            }
        }
    }

    fn open(&mut self, index: usize, intended: Duration) -> bool {
        if self.step.as_ref().is_some_and(|(step, ..)| *step == index) {
            return false;
        }
        let name = self.guest.names.step(self.due.choice.journey, index);
        let open = Open::start(self.guest, self.guest.key(intended, name));
        self.step = Some((index, open, intended, 0));
        true
    }

    fn judge_lateness(&self, intended: Duration, asked: Duration, sent: Duration) {
        let due = intended.max(self.due.free);
        let late = if asked.saturating_sub(due) > LATE {
            Late::Generator
        } else if sent.saturating_sub(intended) > LATE {
            Late::Target
        } else {
            return;
        };
        let mut books = self.guest.books();
        if let Some((_, open, ..)) = &self.step {
            books.meter.late(open.key, late);
        }
        if self.sent.is_none() {
            books.meter.late(self.journey.key, late);
        }
    }

    fn step_ended(&mut self, end: StepEnd) {
        let Some((_, open, intended, bytes_in)) = self.step.take() else {
            return;
        };
        let key = open.key;
        self.ended = end.ended;
        self.bytes_in += bytes_in;
        self.class = self.class.take().or_else(|| end.class.clone());
        open.end(Sample {
            class: end.class.as_deref(),
            response: end.ended.saturating_sub(end.intended),
            service: end.ended.saturating_sub(end.sent),
            bytes_in,
            affected: false,
        });
        if let Some(name) = self.guest.names.name(key.name) {
            let place = Place {
                name,
                arrival: self.due.number,
                second: key.second,
                intended,
            };
            self.guest.books().evidence.step_ended(place, end);
        }
    }

    fn end(self, outcome: Option<Outcome>) {
        let class = match outcome {
            // It counts as cancelled.
            None => return,
            Some(Outcome::Passed) => None,
            Some(_) => Some(self.class.as_deref().unwrap_or("expectation")),
        };
        self.journey.end(Sample {
            class,
            response: self.ended.saturating_sub(self.due.intended),
            service: self
                .ended
                .saturating_sub(self.sent.unwrap_or(self.due.intended)),
            bytes_in: self.bytes_in,
            affected: false,
        });
    }
}
