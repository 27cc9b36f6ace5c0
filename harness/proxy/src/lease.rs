//! Leases: a fault that is not renewed in time is lifted, whatever has become of the one who applied it. Knows only
//! times, not faults.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use thiserror::Error;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

/// The lease was not renewed in time, or the fault was lifted before: there is nothing left to renew.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("failed to renew the lease: the fault has been lifted; apply it again")]
pub struct Lapsed;

/// A fault's time to live. Dropping it does not lift the fault: the lease then lapses when its time is over. To lift the
/// fault earlier, remove the toxic or enable the proxy.
#[derive(Clone, Debug)]
pub struct Lease {
    term: Arc<Term>,
}

#[derive(Debug)]
struct Term {
    /// None once it has lapsed.
    until: Mutex<Option<Instant>>,
    changed: Notify,
    lifted: CancellationToken,
}

impl Term {
    fn until(&self) -> MutexGuard<'_, Option<Instant>> {
        self.until.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lapses, if it is time; else says when it will be.
    fn try_lapse(&self) -> Option<Instant> {
        let mut until = self.until();
        *until = until.filter(|until| *until > Instant::now());
        *until
    }
}

impl Lease {
    /// A lease for `time` from now; `lifted` ends it early.
    pub(crate) fn new(time: Duration, lifted: CancellationToken) -> Self {
        let until = Mutex::new(Some(end_of(time)));
        Self {
            term: Arc::new(Term {
                until,
                changed: Notify::new(),
                lifted,
            }),
        }
    }

    /// From now on the lease lasts `time`, be that longer or shorter than before.
    ///
    /// # Errors
    /// When the fault is lifted already.
    pub fn renew(&self, time: Duration) -> Result<(), Lapsed> {
        if self.term.lifted.is_cancelled() {
            return Err(Lapsed);
        }
        let mut until = self.term.until();
        until
            .as_mut()
            .map(|until| *until = end_of(time))
            .ok_or(Lapsed)?;
        drop(until);
        self.term.changed.notify_one();
        Ok(())
    }

    /// Whether the fault is still in force under this lease.
    #[must_use]
    pub fn is_live(&self) -> bool {
        !self.term.lifted.is_cancelled() && self.term.until().is_some()
    }

    /// Waits until it lapses (true) or the fault is lifted otherwise (false).
    pub(crate) async fn lapses(&self) -> bool {
        while let Some(until) = self.term.try_lapse() {
            tokio::select! {
                () = self.term.lifted.cancelled() => return false,
                () = self.term.changed.notified() => {}
                () = sleep_until(until) => {}
            }
        }
        true
    }
}

/// Far-off ends are cut at a year: a sum of times must not overflow.
fn end_of(time: Duration) -> Instant {
    Instant::now() + time.min(Duration::from_secs(365 * 24 * 3600))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn lapses_in_time_unless_renewed() {
        let lease = Lease::new(10 * SECOND, CancellationToken::new());
        let start = Instant::now();
        let (waiting, renewing) = (lease.clone(), lease.clone());
        let task = tokio::spawn(async move { (waiting.lapses().await, Instant::now()) });
        tokio::time::sleep(6 * SECOND).await;
        renewing.renew(10 * SECOND).unwrap();
        let (lapsed, at) = task.await.unwrap();
        assert!(lapsed && at - start >= 16 * SECOND && at - start < 17 * SECOND);
        assert_eq!(lease.renew(SECOND), Err(Lapsed));
        assert!(!lease.is_live());
    }

    #[tokio::test(start_paused = true)]
    async fn can_be_shortened_and_lifted() {
        let lease = Lease::new(Duration::MAX, CancellationToken::new());
        let start = Instant::now();
        let waiting = lease.clone();
        let task = tokio::spawn(async move { waiting.lapses().await });
        tokio::task::yield_now().await;
        lease.renew(SECOND).unwrap();
        assert!(task.await.unwrap() && Instant::now() - start < 2 * SECOND);

        let lifted = CancellationToken::new();
        let lease = Lease::new(SECOND, lifted.clone());
        lifted.cancel();
        assert!(!lease.lapses().await && lease.renew(SECOND).is_err());
    }
}
