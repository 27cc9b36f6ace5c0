//! Which row an iteration takes. Decided by the plan, the seed and the iteration alone: the same whatever the number of
//! load workers, and on every machine. Pure.

use crate::journey::Journey;
use crate::random::{Draws, coordinate};
use serde::{Deserialize, Serialize};

/// How a journey's rows are handed out under load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Feed {
    /// Which row comes next.
    #[serde(default)]
    pub pick: Pick,
    /// What comes after the last.
    #[serde(default)]
    pub at_end: AtEnd,
}

impl Feed {
    /// Whether it is the one of a journey that says nothing.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Which row comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pick {
    /// Iteration i takes row i.
    #[default]
    Sequential,
    /// Each iteration draws one.
    Random,
    /// Iteration i takes row i, and no row is taken twice in a load.
    Unique,
    /// Each user of a closed model keeps rows of its own: of n users, user u those whose number leaves u when divided
    /// by n. Where there are no users, as [`Pick::Sequential`].
    Shared,
}

/// What comes after the last row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AtEnd {
    /// The first one again.
    #[default]
    Wrap,
    /// Nothing: what finds no row is not started.
    Stop,
}

/// An iteration of a journey in a load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn {
    /// How many of this journey came before in the load, over all workers and users.
    pub iteration: u64,
    /// In a closed model, whose it is.
    pub user: Option<UserTurn>,
}

/// A user's iteration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserTurn {
    /// The user, from 0.
    pub user: u64,
    /// Users the load has at most.
    pub users: u64,
    /// How many of this journey this user did before.
    pub nth: u64,
}

/// What an iteration gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drawn {
    /// The journey has no data.
    Nothing,
    /// The row of this number.
    Row(usize),
    /// There is no row left: the iteration must not start.
    RanOut,
}

impl Drawn {
    /// The row's number, if there is one.
    pub fn row(self) -> Option<usize> {
        match self {
            Self::Row(row) => Some(row),
            Self::Nothing | Self::RanOut => None,
        }
    }
}

/// Hands out the rows of one journey in one load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Feeder {
    seed: u64,
    rows: u64,
    feed: Feed,
}

impl Feeder {
    /// The rows of a journey under a load's seed.
    pub fn of(seed: u64, journey: &Journey) -> Self {
        let at = [coordinate(journey.name.as_str()), coordinate("row")];
        Self {
            seed: Draws::at(seed, &at).bits(),
            rows: journey.rows.len() as u64,
            feed: journey.feed,
        }
    }

    /// So many rows, in turn and over again.
    pub fn in_turn(rows: usize) -> Self {
        Self {
            seed: 0,
            rows: rows as u64,
            feed: Feed::default(),
        }
    }

    /// What an iteration gets.
    pub fn draw(&self, turn: Turn) -> Drawn {
        if self.rows == 0 {
            return Drawn::Nothing;
        }
        let Feed { pick, at_end } = self.feed;
        let row = match (pick, turn.user) {
            (Pick::Random, _) => Some(Draws::at(self.seed, &[turn.iteration]).below(self.rows)),
            (Pick::Unique, _) => self.nth(turn.iteration, AtEnd::Stop),
            (Pick::Sequential, _) | (Pick::Shared, None) => self.nth(turn.iteration, at_end),
            (Pick::Shared, Some(user)) => self.own(user, at_end),
        };
        match row.and_then(|row| usize::try_from(row).ok()) {
            Some(row) => Drawn::Row(row),
            None => Drawn::RanOut,
        }
    }

    fn nth(&self, n: u64, at_end: AtEnd) -> Option<u64> {
        match at_end {
            AtEnd::Wrap => Some(n % self.rows),
            AtEnd::Stop => (n < self.rows).then_some(n),
        }
    }

    /// The nth row of a user's own; a user beyond the last row has none.
    fn own(&self, turn: UserTurn, at_end: AtEnd) -> Option<u64> {
        let users = turn.users.max(1);
        let first = turn.user % users;
        let own = self.rows.checked_sub(first)?.div_ceil(users);
        let nth = match at_end {
            AtEnd::Wrap => turn.nth.checked_rem(own)?,
            AtEnd::Stop => Some(turn.nth).filter(|nth| *nth < own)?,
        };
        Some(first + nth * users)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn feeder(rows: u64, pick: Pick, at_end: AtEnd) -> Feeder {
        Feeder {
            seed: 5,
            rows,
            feed: Feed { pick, at_end },
        }
    }

    fn drawn(feeder: &Feeder, n: u64) -> Vec<Option<usize>> {
        let turn = |iteration| Turn {
            iteration,
            user: None,
        };
        (0..n).map(|n| feeder.draw(turn(n)).row()).collect()
    }

    #[test]
    fn rows_come_in_turn_and_wrap_or_stop() {
        let wraps = feeder(2, Pick::Sequential, AtEnd::Wrap);
        assert_eq!(drawn(&wraps, 3), [Some(0), Some(1), Some(0)]);
        let stops = feeder(2, Pick::Sequential, AtEnd::Stop);
        assert_eq!(drawn(&stops, 3), [Some(0), Some(1), None]);
        let turn = Turn {
            iteration: 2,
            user: None,
        };
        assert_eq!(stops.draw(turn), Drawn::RanOut);
        assert_eq!(Feeder::in_turn(0).draw(turn), Drawn::Nothing);
    }

    #[test]
    fn random_rows_follow_the_seed_and_reach_all() {
        let one = feeder(20, Pick::Random, AtEnd::Wrap);
        let seen: BTreeSet<_> = drawn(&one, 400).into_iter().flatten().collect();
        assert_eq!(seen.len(), 20);
        let other = Feeder { seed: 6, ..one };
        assert_eq!(drawn(&one, 50), drawn(&one, 50));
        assert_ne!(drawn(&one, 50), drawn(&other, 50));
        assert_ne!(
            drawn(&one, 20),
            drawn(&feeder(20, Pick::Sequential, AtEnd::Wrap), 20)
        );
    }

    #[test]
    fn a_user_keeps_to_its_own_rows() {
        let rows = |user, at_end| -> Vec<_> {
            let turn = |nth| Turn {
                iteration: nth,
                user: Some(UserTurn {
                    user,
                    users: 3,
                    nth,
                }),
            };
            let feeder = feeder(7, Pick::Shared, at_end);
            (0..4).map(|nth| feeder.draw(turn(nth)).row()).collect()
        };
        assert_eq!(rows(0, AtEnd::Wrap), [Some(0), Some(3), Some(6), Some(0)]);
        assert_eq!(rows(2, AtEnd::Wrap), [Some(2), Some(5), Some(2), Some(5)]);
        assert_eq!(rows(2, AtEnd::Stop), [Some(2), Some(5), None, None]);
    }

    proptest! {
        #[test]
        fn unique_never_repeats_and_leaves_nothing(rows in 1u64..500, more in 0u64..50) {
            let taken: Vec<_> = drawn(&feeder(rows, Pick::Unique, AtEnd::Wrap), rows + more).into_iter().flatten().collect();
            let different: BTreeSet<_> = taken.iter().collect();
            prop_assert_eq!(different.len(), taken.len());
            prop_assert_eq!(taken.len() as u64, rows);
        }

        #[test]
        fn users_share_all_rows_out_and_no_row_twice(rows in 1u64..200, users in 1u64..20) {
            let feeder = feeder(rows, Pick::Shared, AtEnd::Stop);
            let mut taken = Vec::new();
            for user in 0..users {
                for nth in 0..rows + 2 {
                    let turn = Turn { iteration: nth, user: Some(UserTurn { user, users, nth }) };
                    taken.extend(feeder.draw(turn).row());
                }
            }
            let different: BTreeSet<_> = taken.iter().collect();
            prop_assert_eq!(different.len(), taken.len());
            prop_assert_eq!(taken.len() as u64, rows);
        }
    }
}
