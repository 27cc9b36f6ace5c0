//! The harness's own figures, once a second: what the generator lagged and cost, what the proxy cost, memory, descriptors
//! and ports, and what failed here before it reached the network. The instrument is judged by these before the target is
//! judged by it.

use crate::dispatcher::Mouth;
use crate::{ports_in_use, procfs};
use harness_core::event::{Event, LocalFailures, SelfHealth};
use harness_core::hist::Hist;
use harness_load::Touched;
use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// What the parts of the harness add up during a second.
#[derive(Debug, Clone, Default)]
pub struct Gauges(Arc<Mutex<Sums>>);

#[derive(Debug, Default)]
struct Sums {
    lag: Hist,
    generator: f64,
    proxy: f64,
    drops: u64,
    local: LocalFailures,
    /// Reports of workers, each of a second of one of them.
    reports: u64,
    /// Which of the generator's connections a fault has touched; stays for the run.
    touched: Arc<Touched>,
    /// Load workers at work; stays from one second to the next.
    workers: u64,
    /// The process's processor seconds when they were last told, and when that was; stays too.
    told: Option<(f64, Instant)>,
}

/// A load worker's second.
#[derive(Debug)]
pub struct Second<'a> {
    /// Which worker, from 0.
    pub worker: usize,
    /// Its lag.
    pub lag: &'a Hist,
    /// Its processor seconds.
    pub cpu_seconds: f64,
    /// What it could not keep.
    pub drops: u64,
    /// Requests that failed on this machine.
    pub local: LocalFailures,
}

impl Gauges {
    fn sums(&self) -> std::sync::MutexGuard<'_, Sums> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where links say which of the generator's connections they have touched, and the generator asks.
    pub fn touched(&self) -> Arc<Touched> {
        Arc::clone(&self.sums().touched)
    }

    /// Adds a worker's second.
    pub fn generator(&self, second: &Second<'_>) {
        let mut sums = self.sums();
        sums.lag.add(second.lag);
        sums.generator += second.cpu_seconds;
        sums.drops += second.drops;
        sums.local.add(&second.local);
        sums.reports += 1;
        sums.workers = sums.workers.max(second.worker as u64 + 1);
    }

    /// The load is over: its workers are gone.
    pub fn load_ended(&self) {
        self.sums().workers = 0;
    }

    /// The proxy thread's processor seconds since it last said so.
    pub fn proxy(&self, cpu_seconds: f64) {
        self.sums().proxy += cpu_seconds;
    }

    /// Something the harness itself could not keep.
    pub fn dropped(&self) {
        self.sums().drops += 1;
    }

    fn take(&self, told: (f64, Instant)) -> Sums {
        let mut sums = self.sums();
        let next = Sums {
            touched: Arc::clone(&sums.touched),
            workers: sums.workers,
            told: Some(told),
            ..Sums::default()
        };
        std::mem::replace(&mut *sums, next)
    }

    /// The figures since they were last told.
    async fn measure(&self) -> SelfHealth {
        // Where many sockets are open, their list is long.
        let ports = tokio::task::spawn_blocking(ports_in_use::now);
        let ports = ports.await.unwrap_or_default();
        let (cpu, at) = (process_cpu(), Instant::now());
        let sums = self.take((cpu, at));
        let (last_cpu, last_at) = sums.told.unwrap_or((cpu, at));
        let seconds = at.duration_since(last_at).as_secs_f64().max(0.001);
        let (memory, descriptors) = procfs::own_figures();
        // A worker tells of its own seconds, and two of them may fall into one of these.
        let each = sums.generator / sums.reports.max(1) as f64;
        SelfHealth {
            lag: sums.lag,
            cpu_generator: each * sums.workers as f64,
            cpu_proxy: sums.proxy / seconds,
            cpu_total: (cpu - last_cpu) / seconds,
            memory,
            descriptors,
            descriptors_limit: getrlimit(Resource::Nofile).current.unwrap_or(0),
            ports,
            workers: sums.workers,
            local: sums.local,
            drops: sums.drops,
        }
    }

    /// Says the figures of what is left of a second: a load's last word on itself must come before its end.
    pub async fn say(&self, mouth: &Mouth) {
        let health = self.measure().await;
        mouth.say(Event::SelfHealth(Box::new(health))).await;
    }
}

/// Says the figures each second until it is told to stop.
pub async fn watch(gauges: Gauges, mouth: Mouth, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(Duration::from_secs(1));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    ticks.tick().await;
    gauges.take((process_cpu(), Instant::now()));
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        gauges.say(&mouth).await;
    }
}

fn process_cpu() -> f64 {
    let spent = clock_gettime(ClockId::ProcessCPUTime);
    spent.tv_sec as f64 + spent.tv_nsec as f64 / 1e9
}

/// Processor seconds of the calling thread.
pub fn thread_cpu() -> f64 {
    let spent = clock_gettime(ClockId::ThreadCPUTime);
    spent.tv_sec as f64 + spent.tv_nsec as f64 / 1e9
}
