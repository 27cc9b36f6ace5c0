//! Waiting until a time of the run's clock, to some ten microseconds and without spinning: one timer for all that wait
//! on a worker's thread. Tokio's own timers tick in milliseconds, which would send 10 000 arrivals a second in bursts
//! of ten. Knows nothing of what is waited for.

mod timer;

use crate::clock::Clock;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use timer::Timer;

/// Wakes tasks of one thread at their times. Somebody must drive it with [`Pacer::run`] and [`Pacer::keep_armed`].
#[derive(Debug)]
pub(crate) struct Pacer {
    clock: Clock,
    timer: Timer,
    /// What the timer is set to; `None` once it has gone off.
    armed: Cell<Option<Duration>>,
    sleepers: RefCell<BTreeMap<Key, Waker>>,
    asleep: Cell<u64>,
}

/// The time, and a number that tells sleepers of one time apart.
type Key = (Duration, u64);

impl Pacer {
    /// A pacer on a clock; must be made on the runtime that will drive it.
    pub(crate) fn new(clock: Clock) -> io::Result<Self> {
        let timer = Timer::new(clock)?;
        Ok(Self {
            clock,
            timer,
            armed: Cell::new(None),
            sleepers: RefCell::default(),
            asleep: Cell::new(0),
        })
    }

    /// Returns at a time, or as soon as other tasks have had their turn if it has passed.
    pub(crate) fn until(&self, at: Duration) -> Sleep<'_> {
        let key = (at, self.asleep.get());
        self.asleep.set(key.1.wrapping_add(1));
        self.sleepers
            .borrow_mut()
            .insert(key, Waker::noop().clone());
        // If the timer can't be set, `keep_armed` meets the same error and says so.
        let _ = self.arm_before(at);
        Sleep { pacer: self, key }
    }

    /// What the future comes to, or `None` if it takes longer than `limit`. Costs no system call, as a timer of
    /// Tokio's does.
    pub(crate) async fn within<F: Future>(&self, limit: Duration, future: F) -> Option<F::Output> {
        let over = self.until(self.clock.now().saturating_add(limit));
        tokio::select! {
            biased;
            output = future => Some(output),
            () = over => None,
        }
    }

    /// Wakes sleepers for as long as it is polled; returns only when the timer fails.
    pub(crate) async fn run(&self) -> io::Error {
        loop {
            if let Err(error) = self.timer.fired().await {
                return error;
            }
            self.armed.set(None);
            self.wake_due();
        }
    }

    /// Sees to it that the timer is set to the earliest sleeper, each time it is polled; returns only when that
    /// fails. To be polled in one task with [`Pacer::run`], after it and after what it wakes: mostly that sleeps
    /// again at once, and the timer is set once instead of twice.
    pub(crate) async fn keep_armed(&self) -> io::Error {
        std::future::poll_fn(|_| {
            let earliest = self
                .sleepers
                .borrow()
                .first_key_value()
                .map(|((at, _), _)| *at);
            match earliest.map(|at| self.arm_before(at)) {
                Some(Err(error)) => Poll::Ready(error),
                _ => Poll::Pending,
            }
        })
        .await
    }

    /// Sets the timer, unless it goes off early enough already.
    fn arm_before(&self, at: Duration) -> io::Result<()> {
        if self.armed.get().is_some_and(|armed| armed <= at) {
            return Ok(());
        }
        self.timer.arm(at)?;
        self.armed.set(Some(at));
        Ok(())
    }

    fn wake_due(&self) {
        let now = self.clock.now();
        while let Some(waker) = self.take_due(now) {
            waker.wake();
        }
    }

    fn take_due(&self, now: Duration) -> Option<Waker> {
        let mut sleepers = self.sleepers.borrow_mut();
        let first = sleepers
            .first_entry()
            .filter(|first| first.key().0 <= now)?;
        Some(first.remove())
    }
}

/// Waits for its time; gives up its place when dropped.
#[derive(Debug)]
pub(crate) struct Sleep<'p> {
    pacer: &'p Pacer,
    key: Key,
}

impl Future for Sleep<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        match self.pacer.sleepers.borrow_mut().get_mut(&self.key) {
            Some(waker) => {
                waker.clone_from(context.waker());
                Poll::Pending
            }
            None => Poll::Ready(()),
        }
    }
}

impl Drop for Sleep<'_> {
    fn drop(&mut self) {
        // Dropped after the borrow has ended: a waker can hold the last of a task.
        let waker = self.pacer.sleepers.borrow_mut().remove(&self.key);
        drop(waker);
    }
}

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
            let driver = tokio::task::spawn_local(async move {
                tokio::select! {
                    biased;
                    error = driver.run() => error,
                    error = driver.keep_armed() => error,
                }
            });
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

    #[test]
    fn a_limit_holds_and_leaves_nothing_behind() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let local = tokio::task::LocalSet::new();
        local.block_on(&runtime, async {
            let pacer = Pacer::new(Clock::start()).unwrap();
            let limits = async {
                let long = Duration::from_secs(3600);
                assert_eq!(pacer.within(long, std::future::ready(7)).await, Some(7));
                assert_eq!(
                    pacer
                        .within(Duration::from_millis(5), std::future::pending::<()>())
                        .await,
                    None
                );
                assert!(pacer.sleepers.borrow().is_empty());
            };
            tokio::select! {
                biased;
                error = pacer.run() => panic!("{error}"),
                () = limits => {}
                error = pacer.keep_armed() => panic!("{error}"),
            }
        });
    }
}
