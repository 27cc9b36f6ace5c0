//! Waiting until a time of the run's clock, to some ten microseconds and without spinning: one timer for all that wait
//! on a worker's thread. Tokio's own timers tick in milliseconds, which would send 10 000 arrivals a second in bursts
//! of ten. Knows nothing of what is waited for.

mod timer;

use crate::clock::Clock;
use std::cell::RefCell;
use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::io;
use std::time::Duration;
use timer::Timer;
use tokio::sync::oneshot;

/// Wakes tasks of one thread at their times. Somebody must drive it with [`Pacer::run`].
#[derive(Debug)]
pub(crate) struct Pacer {
    clock: Clock,
    timer: Timer,
    sleepers: RefCell<BinaryHeap<Sleeper>>,
}

/// A task that waits. The heap yields the earliest first.
#[derive(Debug)]
struct Sleeper {
    at: Duration,
    wake: oneshot::Sender<()>,
}

impl Pacer {
    /// A pacer on a clock; must be made on the runtime that will drive it.
    pub(crate) fn new(clock: Clock) -> io::Result<Self> {
        Ok(Self {
            clock,
            timer: Timer::new(clock)?,
            sleepers: RefCell::default(),
        })
    }

    /// Returns at a time, or as soon as other tasks have had their turn if it has passed. Never returns if the timer
    /// has failed: [`Pacer::run`] has said so.
    pub(crate) async fn until(&self, at: Duration) {
        let (wake, woken) = oneshot::channel();
        if self.insert(Sleeper { at, wake }) && self.timer.arm(at).is_err() {
            return std::future::pending().await;
        }
        if woken.await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Adds a sleeper; says whether it is now the earliest.
    fn insert(&self, sleeper: Sleeper) -> bool {
        let mut sleepers = self.sleepers.borrow_mut();
        let earliest = sleepers.peek().is_none_or(|first| sleeper.at < first.at);
        sleepers.push(sleeper);
        earliest
    }

    /// Wakes sleepers for as long as it is polled; returns only when the timer fails.
    pub(crate) async fn run(&self) -> io::Error {
        loop {
            if let Err(error) = self.timer.fired().await {
                return error;
            }
            if let Some(next) = self.wake_due()
                && let Err(error) = self.timer.arm(next)
            {
                return error;
            }
        }
    }

    /// Wakes all that is due; the time of the next that is not.
    fn wake_due(&self) -> Option<Duration> {
        let now = self.clock.now();
        let mut sleepers = self.sleepers.borrow_mut();
        while let Some(first) = sleepers.peek() {
            if first.at > now {
                return Some(first.at);
            }
            if let Some(sleeper) = sleepers.pop() {
                // Fails when the waiting task is gone, which is its right.
                let _ = sleeper.wake.send(());
            }
        }
        None
    }
}

impl Ord for Sleeper {
    fn cmp(&self, other: &Self) -> Ordering {
        other.at.cmp(&self.at)
    }
}

impl PartialOrd for Sleeper {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Sleeper {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at
    }
}

impl Eq for Sleeper {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::rc::Rc;

    #[test]
    fn sleepers_wake_in_the_order_of_their_times_and_never_early() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let local = tokio::task::LocalSet::new();
        local.block_on(&runtime, async {
            let clock = Clock::start();
            let pacer = Rc::new(Pacer::new(clock).unwrap());
            let driver = Rc::clone(&pacer);
            let driver = tokio::task::spawn_local(async move { driver.run().await });
            let woken = Rc::new(RefCell::new(Vec::new()));
            let tasks: Vec<_> = [30u64, 10, 20, 0, 10]
                .into_iter()
                .map(|ms| {
                    let (pacer, woken) = (Rc::clone(&pacer), Rc::clone(&woken));
                    tokio::task::spawn_local(async move {
                        pacer.until(Duration::from_millis(ms)).await;
                        assert!(clock.now() >= Duration::from_millis(ms), "woken early");
                        woken.borrow_mut().push(ms);
                    })
                })
                .collect();
            for task in tasks {
                task.await.unwrap();
            }
            assert_eq!(*woken.borrow(), [0, 10, 10, 20, 30]);
            driver.abort();
        });
    }
}
