//! One worker: a thread with its own runtime, connections, shard of the schedule and figures. It shares nothing with
//! the others but the epoch and the word to stop. Decides when things happen; not what they mean, nor how they are
//! sent.

use crate::clock::Clock;
use crate::engine::{Attack, Report};
use crate::evidence::Evidence;
use crate::executor::ration::{Ration, Shared};
use crate::executor::{closed, open};
use crate::keep::{self, Keeper};
use crate::lane::{self, Lane};
use crate::meter::{Key, LATE, Meter, Users};
use crate::mix::Mix;
use crate::names::Names;
use crate::net::dial::Dialer;
use crate::pacer::Pacer;
use crate::pool::Pool;
use crate::touched::Touched;
use crate::wire::Address;
use harness_core::data::Feeder;
use harness_core::event::LoadTick;
use harness_core::journey::walk::Context;
use harness_core::journey::{Action, Journey};
use harness_core::name::RunId;
use harness_core::plan::load::{Model, OpenPlan, Stream};
use harness_core::random::{Draws, coordinate};
use rustix::time::{ClockId, clock_gettime};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::runtime::LocalOptions;
use tokio::sync::mpsc::Sender;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Notify, watch};

/// How long after its end a second is handed out. Most of what began in it has ended by then, which spares an
/// amendment.
const GRACE: Duration = Duration::from_millis(50);

/// When users are counted in a second: not at its ends, where stages and faults mostly have their edges.
const HALF: Duration = Duration::from_millis(500);

/// How often a worker looks whether it wakes on time, whatever else wakes it: a stop between two arrivals delays the
/// answers under way, and a load without a schedule has no arrivals to be late for. Costs a thousandth of a core.
pub(crate) const BEAT: Duration = Duration::from_millis(10);

/// A worker's place among the others.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seat {
    pub(crate) index: usize,
    pub(crate) of: usize,
}

impl Seat {
    /// This worker's part of something counted, at least one.
    pub(crate) fn part(self, whole: usize) -> usize {
        (whole / self.of + usize::from(self.index < whole % self.of)).max(1)
    }
}

/// What the tasks of a worker share.
pub(crate) struct Worker {
    pub(crate) seat: Seat,
    pub(crate) clock: Clock,
    /// Where the load begins, on the run's clock.
    pub(crate) t0: Duration,
    epoch: Arc<AtomicU32>,
    pub(crate) journeys: Vec<Arc<Journey>>,
    pub(crate) names: Names,
    pub(crate) mix: Mix,
    /// Who is there.
    pub(crate) users: Users,
    pub(crate) seed: u64,
    pub(crate) run: RunId,
    pub(crate) traceparent: bool,
    pub(crate) touched: Arc<Touched>,
    pub(crate) pool: Rc<Pool>,
    pub(crate) pacer: Pacer,
    pub(crate) meter: RefCell<Meter>,
    pub(crate) evidence: RefCell<Evidence>,
    pub(crate) keeper: RefCell<Keeper>,
    pub(crate) in_flight: Cell<usize>,
    emptied: Notify,
    failure: RefCell<Option<String>>,
    failed: Notify,
    reports: Sender<Report>,
    /// Reports that found the channel full. Only figures wait here, one tick for each name and second.
    backlog: RefCell<VecDeque<Report>>,
    cpu_seconds: Cell<f64>,
    /// Until when it makes up for a stop of its own; zero when it does not.
    catching_up: Cell<Duration>,
    /// When the heart beats next.
    pub(crate) next_beat: Cell<Duration>,
}

/// Plays one worker's part of an attack, from start to its last report. Blocks the thread.
pub(crate) fn run(
    seat: Seat,
    attack: Arc<Attack>,
    shared: Arc<Shared>,
    dialer: Arc<Dialer>,
    reports: Sender<Report>,
    stop: watch::Receiver<bool>,
) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(4)
        .build_local(LocalOptions::default())?;
    let worker = {
        let _inside = runtime.enter();
        Rc::new(Worker::new(seat, &attack, dialer, reports)?)
    };
    // As a task of its own: waking the future that the runtime blocks on costs a system call each time.
    let player = Rc::clone(&worker);
    let play = runtime.spawn_local(async move { player.play(&attack, shared, stop).await });
    if runtime.block_on(play).is_err() {
        worker.fail("the schedule's player panicked");
    }
    // What is still under way is dropped with its tasks, and counts itself as cancelled. A name that is still being
    // looked up is not waited for.
    runtime.shutdown_background();
    worker.finish();
    Ok(())
}

impl Worker {
    fn new(
        seat: Seat,
        attack: &Attack,
        dialer: Arc<Dialer>,
        reports: Sender<Report>,
    ) -> io::Result<Self> {
        // Two scenarios of a run must not generate the same identifiers, so each draws from a seed of its own.
        let seed = Draws::at(attack.seed, &[coordinate(attack.draws.as_str())]).bits();
        let names = Names::of(&attack.journeys);
        let weights = attack.plan.mix.iter().zip(&attack.journeys);
        let mix = Mix::new(
            seed,
            weights.map(|(entry, journey)| (entry.weight, Feeder::of(seed, journey))),
        );
        let evidence = Evidence::new(
            attack.scenario.clone(),
            reports.clone(),
            seed,
            attack.plan.sample,
        );
        let room = (seat.part(keep::VALUES), seat.part(keep::BYTES));
        let keeper = Keeper::new(&attack.watched, &attack.journeys, room);
        Ok(Self {
            seat,
            clock: attack.clock,
            t0: attack.t0,
            epoch: Arc::clone(&attack.epoch),
            journeys: attack.journeys.clone(),
            meter: RefCell::new(Meter::new(
                attack.scenario.as_str().to_owned(),
                names.clone(),
            )),
            names,
            mix,
            users: Users::new(attack.journeys.len()),
            seed,
            run: attack.run.clone(),
            traceparent: attack.traceparent,
            pool: Pool::new(
                seat.part(attack.plan.http.connections as usize),
                &attack.plan.http,
                dialer,
            ),
            touched: Arc::clone(&attack.touched),
            pacer: Pacer::new(attack.clock)?,
            evidence: RefCell::new(evidence),
            keeper: RefCell::new(keeper),
            in_flight: Cell::new(0),
            emptied: Notify::new(),
            failure: RefCell::new(None),
            failed: Notify::new(),
            reports,
            backlog: RefCell::default(),
            cpu_seconds: Cell::new(cpu_seconds()),
            catching_up: Cell::new(Duration::ZERO),
            next_beat: Cell::new(attack.t0),
        })
    }

    async fn play(
        self: &Rc<Self>,
        attack: &Attack,
        shared: Arc<Shared>,
        mut stop: watch::Receiver<bool>,
    ) {
        let play = async {
            self.look_up_hosts().await;
            let lane = Lane::of(self, attack).await;
            match &attack.plan.model {
                Model::Open(plan) => match lane {
                    Some(lane) => lane::open::play(lane, plan).await,
                    None => open::play(self, plan).await,
                },
                // Whoever searches plays each trial as an open load.
                Model::Search(_) => self.fail("a search is not one load"),
                Model::Closed(plan) => {
                    let users = attack.plan.users().unwrap_or_default();
                    let ration = Ration::new(plan, users, shared);
                    match lane {
                        Some(lane) => lane::closed::play(lane, plan, ration).await,
                        None => closed::play(self, plan, ration).await,
                    }
                }
            }
        };
        // In this order: who is woken by the timer is polled after it, in the same turn.
        tokio::select! {
            biased;
            error = self.pacer.run() => self.fail(format!("the timer failed: {error}")),
            // An error means the handle is gone, and nobody wants the load any more.
            _ = stop.wait_for(|stop| *stop) => {}
            () = self.failed.notified() => {}
            () = self.metronome() => {}
            () = self.heartbeat() => {}
            // After those two, so that they have their turn when the fast lane gives up the thread.
            () = play => {}
            error = self.pacer.keep_armed() => self.fail(format!("the timer failed: {error}")),
        }
    }

    /// Looks up the hosts that are known beforehand, so that the first requests don't pay for it.
    async fn look_up_hosts(&self) {
        let steps = self.journeys.iter().flat_map(|journey| &journey.steps);
        for step in steps {
            if let Action::Request(request) = &step.action
                && let Some(url) = request.url.as_literal()
                && let Ok(address) = Address::of(url)
            {
                // A failure is met again, and counted, by the requests themselves.
                self.pool.prepare(address.origin).await;
            }
        }
    }

    /// What tells a walk from another.
    pub(crate) fn context(&self, iteration: u64, row: Option<usize>) -> Context {
        Context {
            seed: self.seed,
            run: self.run.clone(),
            iteration,
            row,
            wall_ms_at_zero: self.clock.wall_ms(Duration::ZERO),
            traceparent: self.traceparent,
        }
    }

    /// The journey that each stream of a plan is of, by its place in the mix; `None` for all of them.
    pub(crate) fn only(&self, plan: &OpenPlan) -> Vec<Option<usize>> {
        let journey_of = |stream: &Stream| {
            let name = stream.journey.as_ref()?;
            self.journeys.iter().position(|j| j.name == *name)
        };
        plan.streams.iter().map(journey_of).collect()
    }

    /// Returns when no journey is under way.
    pub(crate) async fn idle(&self) {
        while self.in_flight.get() > 0 {
            self.emptied.notified().await;
        }
    }

    /// Where a sample intended for a time is filed. The epoch is the one in force now: arrivals are filed when they
    /// come due, so this differs from that of the intended time by no more than the lag.
    pub(crate) fn key(&self, intended: Duration, name: u32) -> Key {
        let second = intended.saturating_sub(self.t0).as_secs();
        Key {
            second: u32::try_from(second).unwrap_or(u32::MAX),
            epoch: self.epoch.load(Ordering::Acquire),
            name,
        }
    }

    /// Notes that a journey has left.
    pub(crate) fn left(&self) {
        self.in_flight.set(self.in_flight.get() - 1);
        if self.in_flight.get() == 0 {
            self.emptied.notify_one();
        }
    }

    /// Notes why this worker can't go on; the first reason stays.
    pub(crate) fn fail(&self, reason: impl Into<String>) {
        self.failure
            .borrow_mut()
            .get_or_insert_with(|| reason.into());
        self.failed.notify_one();
    }

    /// Notes when it woke for something meant for another time; whether that was late.
    pub(crate) fn woke(&self, intended: Duration, now: Duration) -> bool {
        let late = now.saturating_sub(intended);
        self.meter.borrow_mut().lag(late);
        let own = late > LATE;
        if own {
            // What was due meanwhile goes out at once and takes connections from what comes on time, for about as long.
            self.catching_up
                .set(self.catching_up.get().max(now.saturating_add(late)));
        }
        own
    }

    /// Whether who must wait for a connection now waits behind what this worker sends late.
    pub(crate) fn catching_up(&self) -> bool {
        if self.catching_up.get().is_zero() {
            return false;
        }
        let still = self.clock.now() < self.catching_up.get();
        if !still {
            self.catching_up.set(Duration::ZERO);
        }
        still
    }

    /// Looks whether it wakes on time, beats that a stop swallowed included.
    async fn heartbeat(&self) {
        for beat in 0u32.. {
            let at = self.t0 + BEAT * beat;
            self.next_beat.set(at);
            self.pacer.until(at).await;
            self.woke(at, self.clock.now());
        }
    }

    /// Hands out each second once it is over.
    async fn metronome(&self) {
        for second in 1u32.. {
            let begin = self.t0 + Duration::from_secs(u64::from(second - 1));
            self.pacer.until(begin + HALF).await;
            self.count_users(begin);
            self.pacer
                .until(self.t0 + Duration::from_secs(u64::from(second)) + GRACE)
                .await;
            let ticks = self.meter.borrow_mut().take_before(second);
            self.say(ticks, second - 1);
            self.send_backlog();
            self.pool.sweep();
        }
    }

    /// Counts who is there, for a second that has begun.
    fn count_users(&self, second: Duration) {
        let mut meter = self.meter.borrow_mut();
        for (journey, there) in self.users.there() {
            meter.users(self.key(second, self.names.journey(journey)), there);
        }
    }

    fn say(&self, ticks: Vec<LoadTick>, second: u32) {
        let mut evidence = self.evidence.borrow_mut();
        ticks.iter().for_each(|tick| evidence.learn(tick));
        let health = self.health(second, evidence.take_drops());
        self.backlog
            .borrow_mut()
            .extend(ticks.into_iter().map(Report::Tick).chain([health]));
    }

    fn health(&self, second: u32, drops: u64) -> Report {
        let (lag, local) = {
            let mut meter = self.meter.borrow_mut();
            (meter.take_lag(), meter.take_local())
        };
        let before = self.cpu_seconds.replace(cpu_seconds());
        Report::Health {
            second,
            worker: self.seat.index,
            lag,
            cpu_seconds: self.cpu_seconds.get() - before,
            drops,
            local,
        }
    }

    /// Sends what the channel takes; a slow reader must not hold up the load.
    fn send_backlog(&self) {
        let mut backlog = self.backlog.borrow_mut();
        while let Some(report) = backlog.pop_front() {
            match self.reports.try_send(report) {
                Ok(()) => {}
                Err(TrySendError::Full(report)) => return backlog.push_front(report),
                // Nobody reads any more.
                Err(TrySendError::Closed(_)) => return backlog.clear(),
            }
        }
    }

    /// Hands out all that is left. Outside the runtime, so it may wait for the reader.
    fn finish(&self) {
        let ticks = self.meter.borrow_mut().take_all();
        let second = self.clock.now().saturating_sub(self.t0).as_secs();
        self.say(ticks, u32::try_from(second).unwrap_or(u32::MAX));
        let failure = self.failure.borrow_mut().take().map(Report::WorkerFailed);
        let kept = self.keeper.borrow_mut().finish();
        let kept = (!kept.is_empty()).then_some(Report::Kept(kept));
        let exemplars = self.evidence.borrow_mut().finish();
        let last = exemplars.into_iter().chain(kept).chain(failure);
        for report in self.backlog.borrow_mut().drain(..).chain(last) {
            if self.reports.blocking_send(report).is_err() {
                return;
            }
        }
    }
}

/// Processor time of the calling thread.
fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
