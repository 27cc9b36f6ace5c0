//! The run's clock: every time in a run is a distance from one zero, so load, faults and events share one axis. Steps
//! of the wall clock don't move it.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A monotonic clock with a zero of its own, and the wall time of that zero.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    zero: Instant,
    wall_ms_at_zero: i64,
}

impl Clock {
    /// A clock whose zero is now.
    pub fn start() -> Self {
        let wall = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Self {
            zero: Instant::now(),
            wall_ms_at_zero: i64::try_from(wall.as_millis()).unwrap_or(i64::MAX),
        }
    }

    /// Time since zero.
    pub fn now(&self) -> Duration {
        self.at(Instant::now())
    }

    /// An instant as time since zero; zero for what was before.
    pub fn at(&self, instant: Instant) -> Duration {
        instant.saturating_duration_since(self.zero)
    }

    /// The instant of a time since zero.
    pub fn instant(&self, at: Duration) -> Instant {
        self.zero + at
    }

    /// Milliseconds since the Unix epoch of a time since zero, for people and for generated data.
    pub fn wall_ms(&self, at: Duration) -> i64 {
        self.wall_ms_at_zero
            .saturating_add(i64::try_from(at.as_millis()).unwrap_or(i64::MAX))
    }
}
