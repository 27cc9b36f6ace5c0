//! Wakes links at the times they ask for, exactly: Tokio's timer counts in milliseconds and comes late by one or two, which is
//! a fault that nobody asked for. One kernel timer per proxy, with all its links' times in order; where there is none,
//! Tokio's. Knows no toxic.

use std::pin::Pin;
use std::sync::Arc;
use std::task::Context;

use tokio::time::{Instant, Sleep};

use crate::shared::Shared;

#[cfg(target_os = "linux")]
pub(crate) use linux::Alarms;
#[cfg(not(target_os = "linux"))]
pub(crate) use portable::Alarms;

/// One task's alarm.
pub(crate) enum Alarm {
    /// Tokio's timer.
    Coarse(Option<Pin<Box<Sleep>>>),
    /// The kernel's.
    #[cfg(target_os = "linux")]
    Exact(linux::Place),
}

impl Alarm {
    /// One on Tokio's clock, which a test may move.
    pub(crate) fn coarse() -> Self {
        Self::Coarse(None)
    }

    /// The best there is.
    pub(crate) fn of(shared: &Arc<Shared>) -> Self {
        #[cfg(target_os = "linux")]
        let alarm = Self::Exact(linux::Place::new(shared.clone()));
        #[cfg(not(target_os = "linux"))]
        let alarm = {
            let _ = shared;
            Self::coarse()
        };
        alarm
    }

    /// Wakes the task at `at`, in place of what was asked before; whether that is already past.
    pub(crate) fn rings(&mut self, cx: &mut Context<'_>, at: Instant) -> bool {
        #[cfg(target_os = "linux")]
        if let Self::Exact(place) = self {
            match place.rings(cx, at) {
                Ok(rings) => return rings,
                // No descriptor is left: late is better than never.
                Err(error) => {
                    tracing::debug!(%error, "failed to make a timer");
                    *self = Self::coarse();
                }
            }
        }
        self.rings_coarsely(cx, at)
    }

    fn rings_coarsely(&mut self, cx: &mut Context<'_>, at: Instant) -> bool {
        let timer = match self {
            Self::Coarse(timer) => timer,
            #[cfg(target_os = "linux")]
            Self::Exact(_) => return false,
        };
        let timer = timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at)));
        if timer.deadline() != at {
            timer.as_mut().reset(at);
        }
        timer.as_mut().poll(cx).is_ready()
    }
}

#[cfg(not(target_os = "linux"))]
mod portable {
    /// Nothing is shared.
    #[derive(Debug, Default)]
    pub(crate) struct Alarms;
}

#[cfg(target_os = "linux")]
mod linux {
    use std::collections::BTreeMap;
    use std::io;
    use std::os::fd::OwnedFd;
    use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
    use std::task::{Context, Waker};
    use std::time::Duration;

    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
        timerfd_settime,
    };
    use tokio::io::Interest;
    use tokio::io::unix::AsyncFd;
    use tokio::time::Instant;

    use crate::shared::Shared;

    /// The shortest sleep: pauses of a few µs are made up for in bunches, or they would cost a system call each.
    const SHORTEST: Duration = Duration::from_micros(50);

    /// A time, and a number that tells it from another of the same time.
    type Key = (Instant, u64);

    /// The times that a proxy's links wait for.
    #[derive(Debug, Default)]
    pub(crate) struct Alarms {
        waiting: Mutex<Waiting>,
    }

    #[derive(Debug, Default)]
    struct Waiting {
        wakers: BTreeMap<Key, Waker>,
        numbers: u64,
        /// Made when it is first needed, together with the task that waits for it.
        timer: Option<Arc<AsyncFd<OwnedFd>>>,
        /// What the timer is set to.
        armed: Option<Instant>,
    }

    impl Alarms {
        fn waiting(&self) -> MutexGuard<'_, Waiting> {
            self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
        }
    }

    impl Waiting {
        /// Sets the timer to the first time, if it is set to a later one or to none.
        fn arm(&mut self) -> io::Result<()> {
            let (Some(timer), Some(((first, _), _))) = (&self.timer, self.wakers.first_key_value())
            else {
                return Ok(());
            };
            if self.armed.is_some_and(|armed| armed <= *first) {
                return Ok(());
            }
            let wait = first
                .saturating_duration_since(Instant::now())
                .max(SHORTEST);
            let value = Timespec {
                tv_sec: i64::try_from(wait.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: i64::from(wait.subsec_nanos()),
            };
            let never = Timespec {
                tv_sec: 0,
                tv_nsec: 0,
            };
            let once = Itimerspec {
                it_interval: never,
                it_value: value,
            };
            timerfd_settime(timer.get_ref(), TimerfdTimerFlags::empty(), &once)?;
            self.armed = Some(*first);
            Ok(())
        }

        /// Takes out who is to be woken, and sets the timer for the rest.
        fn due(&mut self, now: Instant) -> io::Result<Vec<Waker>> {
            let later = self.wakers.split_off(&(now, u64::MAX));
            let mut due = std::mem::replace(&mut self.wakers, later);
            self.armed = None;
            if let Err(error) = self.arm() {
                self.wakers.append(&mut due);
                return Err(error);
            }
            Ok(due.into_values().collect())
        }

        /// Gives the timer up, and takes out all that wait for it: they ask again, and get another.
        fn give_up(&mut self) -> impl Iterator<Item = Waker> + use<> {
            (self.timer, self.armed) = (None, None);
            std::mem::take(&mut self.wakers).into_values()
        }
    }

    /// One task's place among them; given up when it is dropped.
    pub(crate) struct Place {
        shared: Arc<Shared>,
        key: Option<Key>,
    }

    impl Place {
        pub(super) fn new(shared: Arc<Shared>) -> Self {
            Self { shared, key: None }
        }

        pub(super) fn rings(&mut self, cx: &mut Context<'_>, at: Instant) -> io::Result<bool> {
            if at <= Instant::now() {
                return Ok(true);
            }
            let mut waiting = self.shared.alarms.waiting();
            if let Some(key) = self.key {
                match waiting.wakers.get_mut(&key) {
                    Some(waker) if key.0 == at => {
                        waker.clone_from(cx.waker());
                        return Ok(false);
                    }
                    _ => drop(waiting.wakers.remove(&key)),
                }
            }
            let key = (at, waiting.numbers);
            waiting.numbers += 1;
            waiting.wakers.insert(key, cx.waker().clone());
            self.key = Some(key);
            if waiting.timer.is_none() {
                waiting.timer = Some(start(&self.shared)?);
            }
            waiting.arm()?;
            Ok(false)
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            if let Some(key) = self.key {
                self.shared.alarms.waiting().wakers.remove(&key);
            }
        }
    }

    /// Makes the timer and the task that waits for it.
    fn start(shared: &Arc<Shared>) -> io::Result<Arc<AsyncFd<OwnedFd>>> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = readable(timerfd_create(TimerfdClockId::Monotonic, flags)?)?;
        shared
            .tasks
            .spawn_on(wake(shared.clone(), timer.clone()), &shared.runtime);
        Ok(timer)
    }

    /// A descriptor that can be waited for.
    #[allow(
        deprecated,
        reason = "its successor is unsafe for types that can swap their descriptor; an OwnedFd can't"
    )]
    fn readable(fd: OwnedFd) -> io::Result<Arc<AsyncFd<OwnedFd>>> {
        Ok(Arc::new(AsyncFd::with_interest(fd, Interest::READABLE)?))
    }

    /// Wakes who is due, until the proxy ends.
    async fn wake(shared: Arc<Shared>, timer: Arc<AsyncFd<OwnedFd>>) {
        loop {
            let ready = tokio::select! {
                () = shared.stop.cancelled() => return,
                ready = timer.readable() => ready,
            };
            // The count of expiries is not read: setting the timer clears it, and the next expiry is a new edge.
            let due = ready.and_then(|mut ready| {
                ready.clear_ready();
                shared.alarms.waiting().due(Instant::now())
            });
            match due {
                Ok(due) => due.into_iter().for_each(Waker::wake),
                Err(error) => {
                    tracing::warn!(%error, "failed to wait for a timer");
                    let all = shared.alarms.waiting().give_up();
                    return all.for_each(Waker::wake);
                }
            }
        }
    }

    #[cfg(test)]
    mod tests {
        use std::future::poll_fn;
        use std::io::Write;
        use std::os::unix::net::UnixStream;
        use std::task::Poll;

        use super::super::Alarm;
        use super::*;
        use crate::shared::tests::test_shared;

        /// Only a hang reaches it.
        const LONG: Duration = Duration::from_secs(60);

        /// Looks at the limit first: what is only polled because of it has not been woken.
        async fn soon(future: impl Future<Output = ()>) {
            tokio::select! {
                biased;
                () = tokio::time::sleep(LONG) => panic!("nothing woke it within a minute"),
                () = future => {}
            }
        }

        async fn rings(alarm: &mut Alarm, at: Instant) {
            let ring = poll_fn(|cx| match alarm.rings(cx, at) {
                true => Poll::Ready(()),
                false => Poll::Pending,
            });
            soon(ring).await;
            assert!(Instant::now() >= at);
        }

        /// Asks, and waits no further.
        async fn ask(alarm: &mut Alarm, at: Instant) {
            let asked = poll_fn(|cx| Poll::Ready(alarm.rings(cx, at))).await;
            assert!(!asked, "it is past already");
        }

        #[tokio::test]
        async fn waits_come_one_after_the_other_and_an_earlier_one_after_a_later() {
            let shared = test_shared();
            let (mut late, mut early) = (Alarm::of(&shared), Alarm::of(&shared));
            let start = Instant::now();
            ask(&mut late, start + 60 * LONG).await;
            for ms in [20, 40] {
                rings(&mut early, start + Duration::from_millis(ms)).await;
            }
            rings(&mut late, start + Duration::from_millis(60)).await;
            drop((late, early));
            assert!(shared.alarms.waiting().wakers.is_empty());
        }

        #[tokio::test]
        async fn a_timer_that_fails_wakes_all_and_another_takes_its_place() {
            let shared = test_shared();
            // What can be waited for, but not be set.
            let (mut bell, broken) = UnixStream::pair().unwrap();
            broken.set_nonblocking(true).unwrap();
            let broken = readable(broken.into()).unwrap();
            let far = Instant::now() + 60 * LONG;
            let mut place = Place::new(shared.clone());
            {
                let mut waiting = shared.alarms.waiting();
                waiting.timer = Some(broken.clone());
                // As if it were set: only what rings next shows that it can't be.
                waiting.armed = Some(Instant::now());
            }
            let task = tokio::spawn(wake(shared.clone(), broken));
            let mut asked = false;
            let woken = poll_fn(|cx| {
                if std::mem::replace(&mut asked, true) {
                    return Poll::Ready(());
                }
                bell.write_all(b"x").unwrap();
                assert!(!place.rings(cx, far).unwrap());
                Poll::Pending
            });
            soon(woken).await;
            task.await.unwrap();
            assert!(shared.alarms.waiting().timer.is_none());
            rings(
                &mut Alarm::Exact(place),
                Instant::now() + Duration::from_millis(20),
            )
            .await;
        }
    }
}
