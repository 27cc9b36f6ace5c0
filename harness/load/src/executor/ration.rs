//! How many walks the users of a closed model make, and which number each has. The counter of shared iterations is the
//! one thing that workers share while they play; it is taken from once for each walk.

use harness_core::plan::load::{ClosedPlan, Iterations};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::Notify;

/// What all workers of an attack share of its iterations.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    /// Walks taken so far; may go beyond what there is.
    taken: AtomicU64,
    /// Told when there are none left.
    gone: Notify,
}

/// Hands out walks to the users of one worker.
#[derive(Debug, Clone)]
pub(crate) struct Ration {
    limit: Option<Iterations>,
    /// Users in all: what keeps their walks' numbers apart.
    users: u64,
    shared: Arc<Shared>,
}

impl Ration {
    pub(crate) fn new(plan: &ClosedPlan, users: u32, shared: Arc<Shared>) -> Self {
        Self {
            limit: plan.iterations,
            users: u64::from(users.max(1)),
            shared,
        }
    }

    /// The number of a user's next walk, its `nth` from 0; `None` if it has none left. Walks of users that make as many
    /// as they can, or as many each, are numbered round by round, so the number depends on nobody's speed. Shared ones
    /// are numbered as they are taken: which walks there are is known beforehand, who makes them is not.
    pub(crate) fn take(&self, user: u32, nth: u64) -> Option<u64> {
        match self.limit {
            Some(Iterations::Shared(all)) => {
                let number = self.shared.taken.fetch_add(1, Ordering::Relaxed);
                if number.saturating_add(1) >= all.get() {
                    self.shared.gone.notify_waiters();
                }
                (number < all.get()).then_some(number)
            }
            Some(Iterations::PerUser(each)) => (nth < each.get()).then(|| self.number(user, nth)),
            None => Some(self.number(user, nth)),
        }
    }

    /// Whether all users take their walks from one number.
    pub(crate) fn is_shared(&self) -> bool {
        matches!(self.limit, Some(Iterations::Shared(_)))
    }

    fn number(&self, user: u32, nth: u64) -> u64 {
        nth.saturating_mul(self.users)
            .saturating_add(u64::from(user))
    }

    /// The numbers of the walks that a user had left after `nth`; nobody will make them.
    pub(crate) fn left_of(&self, user: u32, nth: u64) -> Left {
        match self.limit {
            Some(Iterations::PerUser(each)) => Left {
                count: each.get().saturating_sub(nth),
                first: self.number(user, nth),
                step: self.users,
            },
            _ => Left::default(),
        }
    }

    /// The numbers of the shared walks that nobody took. Nobody takes one from here on.
    pub(crate) fn left_of_all(&self) -> Left {
        let Some(Iterations::Shared(all)) = self.limit else {
            return Left::default();
        };
        let taken = self.shared.taken.swap(all.get(), Ordering::Relaxed);
        Left {
            count: all.get().saturating_sub(taken),
            first: taken,
            step: 1,
        }
    }

    /// Whether all shared walks are taken; never, if they are not shared.
    pub(crate) fn is_gone(&self) -> bool {
        let Some(Iterations::Shared(all)) = self.limit else {
            return false;
        };
        self.shared.taken.load(Ordering::Relaxed) >= all.get()
    }

    /// Returns when all shared walks are taken; never, if they are not shared.
    pub(crate) async fn gone(&self) {
        let Some(Iterations::Shared(all)) = self.limit else {
            return std::future::pending().await;
        };
        loop {
            let told = self.shared.gone.notified();
            if self.shared.taken.load(Ordering::Relaxed) >= all.get() {
                return;
            }
            told.await;
        }
    }
}

/// Walks that nobody makes: so many, numbered from the first by steps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Left {
    pub(crate) count: u64,
    first: u64,
    step: u64,
}

impl Left {
    pub(crate) fn numbers(self) -> impl Iterator<Item = u64> {
        (0..self.count).map(move |n| self.first.saturating_add(n.saturating_mul(self.step)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use harness_core::plan::load::{Cookies, Engine};
    use std::collections::BTreeSet;
    use std::num::NonZeroU64;
    use std::time::Duration;

    fn ration(iterations: Option<Iterations>) -> Ration {
        let plan = ClosedPlan {
            users: Vec::new(),
            iterations,
            pacing: Duration::ZERO,
            cookies: Cookies::User,
            engine: Engine::Native,
        };
        Ration::new(&plan, 3, Arc::default())
    }

    fn ten() -> NonZeroU64 {
        NonZeroU64::new(10).unwrap()
    }

    #[test]
    fn shared_walks_are_taken_once_each_by_any_thread() {
        let ration = ration(Some(Iterations::Shared(ten())));
        let threads: Vec<_> = (0..4)
            .map(|user| {
                let ration = ration.clone();
                std::thread::spawn(move || {
                    (0..)
                        .map_while(|nth| ration.take(user, nth))
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        let mut all: Vec<_> = threads
            .into_iter()
            .flat_map(|t| t.join().unwrap())
            .collect();
        all.sort_unstable();
        assert_eq!(all, (0..10).collect::<Vec<_>>());
        assert_eq!(ration.left_of_all().count, 0);
    }

    #[test]
    fn what_nobody_took_is_left_and_taken_by_nobody() {
        let shared = ration(Some(Iterations::Shared(ten())));
        assert_eq!((shared.take(0, 0), shared.take(2, 0)), (Some(0), Some(1)));
        let left: Vec<_> = shared.left_of_all().numbers().collect();
        assert_eq!(left, (2..10).collect::<Vec<_>>());
        assert_eq!((shared.take(0, 1), shared.left_of_all().count), (None, 0));

        let each = ration(Some(Iterations::PerUser(ten())));
        let mut all: BTreeSet<_> = each.left_of(1, 4).numbers().collect();
        assert_eq!(all.len(), 6);
        all.extend((0..4).filter_map(|nth| each.take(1, nth)));
        assert_eq!(all, (0..10).map(|nth| nth * 3 + 1).collect());
        assert_eq!(each.take(1, 10), None);
        assert_eq!(each.left_of_all().count, 0);
    }

    #[test]
    fn walks_without_end_have_numbers_of_their_own() {
        let endless = ration(None);
        let numbers: BTreeSet<_> = (0..100)
            .flat_map(|nth| (0..3).map(move |user| (user, nth)))
            .filter_map(|(user, nth)| endless.take(user, nth))
            .collect();
        assert_eq!(numbers, (0..300).collect());
        assert_eq!(endless.left_of(0, 5).count + endless.left_of_all().count, 0);
    }
}
