//! One worker: a thread with its own runtime, connections, shard of the schedule and figures. It shares nothing with
//! the others but the epoch and the word to stop. Decides when things happen; not what they mean, nor how they are
//! sent.

use crate::clock::Clock;
use crate::engine::{Attack, Report};
use crate::evidence::Evidence;
use crate::keep::{self, Keeper};
use crate::meter::{Key, Meter};
use crate::mix::{Choice, Mix};
use crate::names::Names;
use crate::pacer::Pacer;
use crate::pool::Pool;
use crate::schedule::Schedule;
use crate::walker::{Open, Walker};
use crate::wire::Address;
use harness_core::event::LoadTick;
use harness_core::hist::Hist;
use harness_core::journey::{Action, Journey};
use harness_core::name::RunId;
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

/// Journeys under way at most, over all workers; an arrival beyond is dropped, and counted. This is what bounds the
/// memory when the target stalls: it holds ten seconds of 5000 arrivals a second.
pub(crate) const IN_FLIGHT: usize = 50_000;

/// How long after its end a second is handed out. Most of what began in it has ended by then, which spares an
/// amendment.
const GRACE: Duration = Duration::from_millis(50);

/// A worker's place among the others.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seat {
    pub(crate) index: usize,
    pub(crate) of: usize,
}

impl Seat {
    /// This worker's part of something counted, at least one.
    fn part(self, whole: usize) -> usize {
        (whole / self.of + usize::from(self.index < whole % self.of)).max(1)
    }
}

/// What the tasks of a worker share.
pub(crate) struct Worker {
    seat: Seat,
    pub(crate) clock: Clock,
    t0: Duration,
    epoch: Arc<AtomicU32>,
    pub(crate) journeys: Vec<Arc<Journey>>,
    pub(crate) names: Names,
    pub(crate) seed: u64,
    pub(crate) run: RunId,
    pub(crate) traceparent: bool,
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
}

/// Plays one worker's part of an attack, from start to its last report. Blocks the thread.
pub(crate) fn run(
    seat: Seat,
    attack: Arc<Attack>,
    reports: Sender<Report>,
    stop: watch::Receiver<bool>,
) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(4)
        .build_local(LocalOptions::default())?;
    let worker = {
        let _inside = runtime.enter();
        Rc::new(Worker::new(seat, &attack, reports)?)
    };
    // As a task of its own: waking the future that the runtime blocks on costs a system call each time.
    let player = Rc::clone(&worker);
    let play = runtime.spawn_local(async move { player.play(&attack, stop).await });
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
    fn new(seat: Seat, attack: &Attack, reports: Sender<Report>) -> io::Result<Self> {
        // Two scenarios of a run must not generate the same identifiers, so each draws from a seed of its own.
        let seed = Draws::at(attack.seed, &[coordinate(attack.scenario.as_str())]).bits();
        let names = Names::of(&attack.journeys);
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
            seed,
            run: attack.run.clone(),
            traceparent: attack.traceparent,
            pool: Pool::new(seat.part(attack.plan.connections as usize)),
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
        })
    }

    async fn play(self: &Rc<Self>, attack: &Attack, mut stop: watch::Receiver<bool>) {
        let play = async {
            self.look_up_hosts().await;
            self.arrivals(attack).await;
        };
        // In this order: who is woken by the timer is polled after it, in the same turn.
        tokio::select! {
            biased;
            error = self.pacer.run() => self.fail(format!("the timer failed: {error}")),
            // An error means the handle is gone, and nobody wants the load any more.
            _ = stop.wait_for(|stop| *stop) => {}
            () = self.failed.notified() => {}
            () = play => {}
            () = self.metronome() => {}
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
                let _ = self.pool.addresses(address.authority).await;
            }
        }
    }

    /// Plays this worker's shard of the schedule, then waits for what is under way.
    async fn arrivals(self: &Rc<Self>, attack: &Attack) {
        let schedule = Schedule::new(&attack.plan.stages);
        let weights = attack.plan.mix.iter().zip(&attack.journeys);
        let mix = Mix::new(
            self.seed,
            weights.map(|(entry, journey)| (entry.weight, journey.rows.len())),
        );
        let mut choices = mix.choices();
        let mut now = self.clock.now();
        for arrival in schedule.shard(self.seat.index, self.seat.of) {
            let intended = self.t0 + arrival.at;
            // All that is due goes out at one wake-up. The clock is read once for it, so that even a generator that
            // can't keep up gives its connections their turn.
            if intended > now {
                self.pacer.until(intended).await;
                now = self.clock.now();
            }
            self.arrive(choices.of(arrival.number), arrival.number, intended, now);
        }
        while self.in_flight.get() > 0 {
            self.emptied.notified().await;
        }
    }

    fn arrive(self: &Rc<Self>, choice: Choice, number: u64, intended: Duration, now: Duration) {
        let key = self.key(intended, self.names.journey(choice.journey));
        {
            let mut meter = self.meter.borrow_mut();
            meter.lag(now.saturating_sub(intended));
            meter.planned(key);
            if self.in_flight.get() >= self.seat.part(IN_FLIGHT) {
                return meter.dropped(key);
            }
        }
        let journey = Open::start(self, key, true);
        tokio::task::spawn_local(
            Walker::new(Rc::clone(self), journey, choice, number, intended).walk(),
        );
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

    /// Hands out each second once it is over.
    async fn metronome(&self) {
        for second in 1u32.. {
            self.pacer
                .until(self.t0 + Duration::from_secs(u64::from(second)) + GRACE)
                .await;
            let ticks = self.meter.borrow_mut().take_before(second);
            self.say(ticks, second - 1);
            self.send_backlog();
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
        let lag: Hist = self.meter.borrow_mut().take_lag();
        let before = self.cpu_seconds.replace(cpu_seconds());
        Report::Health {
            second,
            worker: self.seat.index,
            lag,
            cpu_seconds: self.cpu_seconds.get() - before,
            drops,
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
        let last = kept.into_iter().chain(failure);
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
