//! The harness's own figures, once a second: what the generator lagged and cost, what the proxy cost, memory and
//! descriptors. The instrument is judged by these before the target is judged by it.

use crate::dispatcher::Mouth;
use crate::procfs;
use harness_core::event::{Event, SelfHealth};
use harness_core::hist::Hist;
use rustix::time::{ClockId, clock_gettime};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
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
}

impl Gauges {
    /// A worker's second: its lag, its processor seconds, what it could not keep.
    pub fn generator(&self, lag: &Hist, cpu_seconds: f64, drops: u64) {
        let mut sums = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sums.lag.add(lag);
        sums.generator += cpu_seconds;
        sums.drops += drops;
    }

    /// The proxy thread's processor seconds since it last said so.
    pub fn proxy(&self, cpu_seconds: f64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).proxy += cpu_seconds;
    }

    /// Something the harness itself could not keep.
    pub fn dropped(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).drops += 1;
    }

    fn take(&self) -> Sums {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Says the figures each second until it is told to stop.
pub async fn watch(gauges: Gauges, mouth: Mouth, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(Duration::from_secs(1));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let (mut last_cpu, mut last_at) = (process_cpu(), tokio::time::Instant::now());
    ticks.tick().await;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let (cpu, at) = (process_cpu(), tokio::time::Instant::now());
        let seconds = at.duration_since(last_at).as_secs_f64().max(0.001);
        let sums = gauges.take();
        let (memory, descriptors) = procfs::own_figures();
        let health = SelfHealth {
            lag: sums.lag,
            cpu_generator: sums.generator / seconds,
            cpu_proxy: sums.proxy / seconds,
            cpu_total: (cpu - last_cpu) / seconds,
            memory,
            descriptors,
            drops: sums.drops,
        };
        (last_cpu, last_at) = (cpu, at);
        mouth.say(Event::SelfHealth(Box::new(health))).await;
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
