//! Processors, the clock's resolution, and how late short sleeps end: what the precision of a schedule rests on.

use harness_load::Clock;
use rustix::time::{ClockId, clock_getres};
use serde::Serialize;
use std::time::Duration;

/// Short sleeps that are made.
const SLEEPS: usize = 50;
/// How long each is.
const SHORT: Duration = Duration::from_millis(1);

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Time {
    /// Processors this process may use.
    pub processors: u64,
    /// Nanoseconds that the clock can tell apart.
    pub resolution_ns: u64,
    /// Microseconds that the middle one of some short sleeps ended late.
    pub late_us: u64,
    /// And the worst of them.
    pub latest_us: u64,
}

pub(super) async fn look() -> Time {
    let clock = Clock::start();
    let mut late = Vec::with_capacity(SLEEPS);
    for _ in 0..SLEEPS {
        let due = clock.now() + SHORT;
        tokio::time::sleep(SHORT).await;
        late.push(clock.now().saturating_sub(due));
    }
    late.sort_unstable();
    let micros = |at: usize| {
        let late = late.get(at).copied().unwrap_or_default();
        u64::try_from(late.as_micros()).unwrap_or(u64::MAX)
    };
    let resolution = clock_getres(ClockId::Monotonic);
    Time {
        processors: std::thread::available_parallelism().map_or(1, |n| n.get() as u64),
        resolution_ns: u64::try_from(resolution.tv_nsec).unwrap_or(0),
        late_us: micros(SLEEPS / 2),
        latest_us: micros(SLEEPS - 1),
    }
}
