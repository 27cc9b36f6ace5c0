//! One alarm on the run's clock: the kernel's high-resolution timer where there is one, Tokio's elsewhere.

#[cfg(target_os = "linux")]
pub(super) use linux::Timer;
#[cfg(not(target_os = "linux"))]
pub(super) use portable::Timer;

#[cfg(target_os = "linux")]
mod linux {
    use crate::clock::Clock;
    use rustix::time::{
        ClockId, Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec,
        clock_gettime, timerfd_create, timerfd_settime,
    };
    use std::io;
    use std::os::fd::OwnedFd;
    use std::time::Duration;
    use tokio::io::Interest;
    use tokio::io::unix::AsyncFd;

    /// A one-shot timerfd on CLOCK_MONOTONIC, armed with absolute times, so that the time it takes to arm it adds
    /// nothing.
    #[derive(Debug)]
    pub(in crate::pacer) struct Timer {
        fd: AsyncFd<OwnedFd>,
        /// The kernel's time at the run clock's zero.
        zero: Duration,
    }

    impl Timer {
        pub(in crate::pacer) fn new(clock: Clock) -> io::Result<Self> {
            let fd = timerfd_create(
                TimerfdClockId::Monotonic,
                TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC,
            )?;
            let kernel = clock_gettime(ClockId::Monotonic);
            let kernel = Duration::new(
                kernel.tv_sec.unsigned_abs(),
                u32::try_from(kernel.tv_nsec).unwrap_or(0),
            );
            // Taken after the kernel's time, so what passes between the two makes the zero early, not late.
            let zero = kernel.saturating_sub(clock.now());
            #[allow(
                deprecated,
                reason = "its successor is unsafe for types that can swap their descriptor; an OwnedFd can't"
            )]
            let fd = AsyncFd::with_interest(fd, Interest::READABLE)?;
            Ok(Self { fd, zero })
        }

        /// Sets the alarm, in place of the one before. A time that has passed fires at once.
        pub(in crate::pacer) fn arm(&self, at: Duration) -> io::Result<()> {
            // Rounded up by a microsecond: an alarm that comes early would only have to be set again.
            let at = self.zero + at + Duration::from_micros(1);
            let value = Timespec {
                tv_sec: i64::try_from(at.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: i64::from(at.subsec_nanos()),
            };
            let once = Itimerspec {
                it_interval: Timespec {
                    tv_sec: 0,
                    tv_nsec: 0,
                },
                it_value: value,
            };
            timerfd_settime(self.fd.get_ref(), TimerfdTimerFlags::ABSTIME, &once)?;
            Ok(())
        }

        /// Returns when the alarm has gone off.
        pub(in crate::pacer) async fn fired(&self) -> io::Result<()> {
            // The count of expiries is not read: arming clears it, and the next expiry is a new edge. That saves a
            // system call for each wake-up.
            self.fd.readable().await?.clear_ready();
            Ok(())
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod portable {
    use crate::clock::Clock;
    use std::cell::Cell;
    use std::io;
    use std::time::Duration;
    use tokio::sync::Notify;

    /// Tokio's timer: a millisecond's resolution, which the lag histogram shows.
    #[derive(Debug)]
    pub(in crate::pacer) struct Timer {
        clock: Clock,
        at: Cell<Option<Duration>>,
        armed: Notify,
    }

    impl Timer {
        pub(in crate::pacer) fn new(clock: Clock) -> io::Result<Self> {
            Ok(Self {
                clock,
                at: Cell::new(None),
                armed: Notify::new(),
            })
        }

        pub(in crate::pacer) fn arm(&self, at: Duration) -> io::Result<()> {
            self.at.set(Some(at));
            self.armed.notify_one();
            Ok(())
        }

        pub(in crate::pacer) async fn fired(&self) -> io::Result<()> {
            loop {
                match self.at.get() {
                    None => self.armed.notified().await,
                    Some(at) => tokio::select! {
                        () = tokio::time::sleep_until(self.clock.instant(at).into()) => {
                            self.at.set(None);
                            return Ok(());
                        }
                        () = self.armed.notified() => {}
                    },
                }
            }
        }
    }
}
