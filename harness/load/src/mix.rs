//! What arrives: which journey a walk is of, its iteration and its data row, decided by the seed and the walk's number
//! alone. Pure; the same on every machine and for any number of workers.

use crate::schedule::Arrival;
use harness_core::data::{Drawn, Feeder, Turn, UserTurn};
use harness_core::random::Draws;

/// Keeps these draws apart from others under the same seed.
const PURPOSE: u64 = 0x006d_6978;

/// The weights of a mix and the rows of its journeys.
#[derive(Debug, Clone, PartialEq)]
pub struct Mix {
    seed: u64,
    /// Running sums of the weights; the last is their total.
    until: Vec<f64>,
    feeders: Vec<Feeder>,
}

/// What a walk is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice {
    /// Index of the journey in the mix.
    pub journey: usize,
    /// A number that no other walk of this journey has, over all workers. In an open model with one stream for the
    /// journey: how many arrivals of it came before.
    pub iteration: u64,
    /// Its data row. A walk whose journey has run out of them must not begin.
    pub row: Drawn,
}

impl Mix {
    /// A mix of journeys given by weight and rows. Not empty; weights above zero.
    pub fn new(seed: u64, journeys: impl IntoIterator<Item = (f64, Feeder)>) -> Self {
        let (weights, feeders): (Vec<_>, Vec<_>) = journeys.into_iter().unzip();
        let until = weights.iter().scan(0.0, |sum, weight| {
            *sum += weight;
            Some(*sum)
        });
        Self {
            seed,
            until: until.collect(),
            feeders,
        }
    }

    /// The choices for the arrivals of an open model, in the order of each stream; of each stream, which journey it
    /// is of, or `None` for the whole mix.
    pub fn choices(&self, streams: &[Option<usize>]) -> Choices<'_> {
        let feeds = |journey| {
            let of = |stream: &&Option<usize>| stream.is_none_or(|one| one == journey);
            streams.iter().filter(of).count()
        };
        Choices {
            mix: self,
            streams: streams
                .iter()
                .map(|only| Stream {
                    only: *only,
                    next: 0,
                    walks: vec![0; self.feeders.len()],
                })
                .collect(),
            shared: (0..self.feeders.len()).map(|j| feeds(j) > 1).collect(),
        }
    }

    /// The choice for a walk of a closed model. Its number decides, whoever walks it and whenever, but for rows that
    /// a user keeps to itself. `all` counts the walks of users who take them from one number, which must rise from call
    /// to call; without it, each user's walks are its own.
    pub fn walk(&self, number: u64, user: &mut Own, all: Option<&mut Counted>) -> Choice {
        let journey = self.of(number);
        let nth = user.walks.get(journey).copied().unwrap_or_default();
        if let Some(walks) = user.walks.get_mut(journey) {
            *walks += 1;
        }
        let iteration = match all {
            Some(all) => all.before(self, number, journey),
            None => nth.saturating_mul(user.users).saturating_add(user.user),
        };
        let turn = Turn {
            iteration,
            user: Some(UserTurn {
                user: user.user,
                users: user.users,
                nth,
            }),
        };
        Choice {
            journey,
            iteration: number,
            row: self.row(journey, turn),
        }
    }

    /// The journey of a walk of a closed model.
    pub fn of(&self, number: u64) -> usize {
        self.journey(number)
    }

    /// A user of a closed model who has not walked yet; of so many.
    pub fn user(&self, user: u64, users: u64) -> Own {
        Own {
            user,
            users: users.max(1),
            walks: vec![0; self.feeders.len()],
        }
    }

    /// Walks that users take from one number, before the first.
    pub fn counted(&self) -> Counted {
        Counted {
            next: 0,
            walks: vec![0; self.feeders.len()],
        }
    }

    /// Each journey's part of some walks that nobody will draw, by weight: they add up to the whole.
    pub fn parts(&self, walks: u64) -> Vec<u64> {
        let total = self.until.last().copied().unwrap_or_default();
        let upto = |until: &f64| (walks as f64 * (until / total)).round() as u64;
        let ends: Vec<u64> = self.until.iter().map(upto).collect();
        let begins = std::iter::once(0).chain(ends.iter().copied());
        let last = ends.len().saturating_sub(1);
        let parts = begins.zip(&ends).enumerate();
        parts
            .map(|(journey, (begin, end))| {
                let end = if journey == last { walks } else { *end };
                end.saturating_sub(begin)
            })
            .collect()
    }

    fn choice(&self, journey: usize, iteration: u64) -> Choice {
        let turn = Turn {
            iteration,
            user: None,
        };
        Choice {
            journey,
            iteration,
            row: self.row(journey, turn),
        }
    }

    fn row(&self, journey: usize, turn: Turn) -> Drawn {
        let feeder = self.feeders.get(journey);
        feeder.map_or(Drawn::Nothing, |feeder| feeder.draw(turn))
    }

    fn journey(&self, number: u64) -> usize {
        if self.until.len() == 1 {
            return 0;
        }
        let total = self.until.last().copied().unwrap_or_default();
        let drawn = Draws::at(self.seed, &[PURPOSE, number]).unit() * total;
        self.until
            .partition_point(|until| *until <= drawn)
            .min(self.until.len().saturating_sub(1))
    }
}

/// What one user of a closed model has walked.
#[derive(Debug, Clone)]
pub struct Own {
    user: u64,
    users: u64,
    /// Of each journey.
    walks: Vec<u64>,
}

/// How many walks of each journey there are up to a number. Counted by drawing them again, as [`Choices`] does.
#[derive(Debug, Clone)]
pub struct Counted {
    next: u64,
    walks: Vec<u64>,
}

impl Counted {
    /// Walks of a journey before the one of this number.
    fn before(&mut self, mix: &Mix, number: u64, journey: usize) -> u64 {
        // Of one journey all walks are its own.
        if self.walks.len() == 1 {
            return number;
        }
        while self.next < number {
            self.walks[mix.journey(self.next)] += 1;
            self.next += 1;
        }
        self.walks.get(journey).copied().unwrap_or_default()
    }
}

/// Walks the choices of a whole schedule. A worker that plays every nth arrival still draws the ones between (some
/// ten nanoseconds each): that is what makes iteration numbers dense and rows come in turn without sharing a counter.
#[derive(Debug, Clone)]
pub struct Choices<'m> {
    mix: &'m Mix,
    streams: Vec<Stream>,
    /// Whether a journey is in more streams than one.
    shared: Vec<bool>,
}

#[derive(Debug, Clone)]
struct Stream {
    only: Option<usize>,
    /// The next arrival, by its number in the stream.
    next: u64,
    /// Walks of each journey so far.
    walks: Vec<u64>,
}

impl Choices<'_> {
    /// The choice for an arrival; those of a stream must rise from call to call.
    pub fn of(&mut self, arrival: &Arrival) -> Choice {
        let of = self.streams.len() as u64;
        let Some(stream) = self.streams.get_mut(arrival.stream) else {
            return self.mix.choice(0, arrival.number);
        };
        let number = |index: u64| {
            index
                .saturating_mul(of)
                .saturating_add(arrival.stream as u64)
        };
        let (journey, nth) = match stream.only {
            Some(only) => (only, arrival.index),
            None => loop {
                let journey = self.mix.journey(number(stream.next));
                let nth = stream.walks[journey];
                stream.walks[journey] += 1;
                stream.next += 1;
                if stream.next > arrival.index {
                    break (journey, nth);
                }
            },
        };
        let shared = self.shared.get(journey).copied().unwrap_or_default();
        self.mix
            .choice(journey, if shared { number(nth) } else { nth })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;
    use harness_core::data::{AtEnd, Feed, Pick};
    use proptest::prelude::*;
    use std::collections::BTreeSet;
    use std::time::Duration;

    /// An arrival of one stream of several.
    fn arrival(index: u64, stream: usize, of: u64) -> Arrival {
        Arrival {
            number: index * of + stream as u64,
            stream,
            index,
            at: Duration::ZERO,
        }
    }

    fn rows(rows: usize) -> Feeder {
        Feeder::in_turn(rows)
    }

    fn fed(rows: usize, pick: Pick, at_end: AtEnd) -> Feeder {
        let mut journey = testing::journey("fed", &[]);
        let row = |n: usize| serde_json::Map::from_iter([("n".to_owned(), n.into())]);
        journey.rows = (0..rows).map(row).collect();
        journey.feed = Feed { pick, at_end };
        Feeder::of(5, &journey)
    }

    fn only(index: u64) -> Arrival {
        arrival(index, 0, 1)
    }

    #[test]
    fn weights_are_kept() {
        let mix = Mix::new(7, [(8.0, rows(0)), (2.0, rows(0))]);
        let mut choices = mix.choices(&[None]);
        let second = (0..100_000)
            .filter(|k| choices.of(&only(*k)).journey == 1)
            .count();
        // Five standard deviations of a binomial with p = 0.2.
        assert!(second.abs_diff(20_000) < 640, "{second}");
        assert_eq!(mix.parts(1000), [800, 200]);
        assert_eq!(mix.parts(1).iter().sum::<u64>(), 1);
    }

    #[test]
    fn rows_come_in_turn_and_iterations_are_dense() {
        let mix = Mix::new(1, [(1.0, rows(3)), (1.0, rows(0))]);
        let mut choices = mix.choices(&[None]);
        let mut seen = [0u64, 0];
        for number in 0..1000 {
            let choice = choices.of(&only(number));
            assert_eq!(choice.iteration, seen[choice.journey]);
            assert_eq!(
                choice.row.row(),
                (choice.journey == 0).then_some((choice.iteration % 3) as usize)
            );
            seen[choice.journey] += 1;
        }
        assert_eq!(seen[0] + seen[1], 1000);
    }

    #[test]
    fn the_seed_decides() {
        let of = |seed| {
            let mix = Mix::new(seed, [(1.0, rows(0)), (1.0, rows(0)), (3.0, rows(0))]);
            let mut choices = mix.choices(&[None]);
            (0..200).map(|k| choices.of(&only(k))).collect::<Vec<_>>()
        };
        assert_eq!(of(5), of(5));
        assert_ne!(of(5), of(6));
    }

    #[test]
    fn a_journey_of_several_streams_has_no_iteration_twice() {
        let mix = Mix::new(3, [(1.0, rows(0)), (1.0, rows(0)), (1.0, rows(0))]);
        let streams = [Some(1), None, Some(2), None];
        let mut choices = mix.choices(&streams);
        let mut seen = BTreeSet::new();
        for index in 0..200 {
            for (stream, journey) in streams.iter().enumerate() {
                let choice = choices.of(&arrival(index, stream, 4));
                assert!(journey.is_none_or(|journey| journey == choice.journey));
                assert!(
                    seen.insert((choice.journey, choice.iteration)),
                    "{choice:?}"
                );
            }
        }
        // One stream to a journey: its iterations are its arrivals.
        let mut apart = mix.choices(&[Some(2), Some(0)]);
        assert_eq!(apart.of(&arrival(7, 0, 2)).iteration, 7);
        assert_eq!(apart.of(&arrival(9, 1, 2)).iteration, 9);
    }

    proptest! {
        #[test]
        fn workers_together_choose_what_one_would(seed: u64, weights in prop::collection::vec(0.01f64..10.0, 1..5), workers in 1u64..6) {
            let mix = Mix::new(seed, weights.iter().map(|w| (*w, rows(2))));
            let streams = [None, Some(0), None];
            let mut alone = mix.choices(&streams);
            let mut shared: Vec<_> = (0..workers).map(|_| mix.choices(&streams)).collect();
            for number in 0..300 {
                let arrival = arrival(number / 3, (number % 3) as usize, 3);
                let worker = ((number / 3 + number % 3) % workers) as usize;
                prop_assert_eq!(shared[worker].of(&arrival), alone.of(&arrival));
            }
        }

        #[test]
        fn parts_add_up(weights in prop::collection::vec(0.01f64..10.0, 1..5), walks in 0u64..1_000_000_000) {
            let mix = Mix::new(1, weights.iter().map(|w| (*w, rows(0))));
            prop_assert_eq!(mix.parts(walks).iter().sum::<u64>(), walks);
        }
    }

    /// The rows that users of several workers get in walks taken from one number, or of their own; by journey.
    fn walked(
        mix: &Mix,
        workers: usize,
        users: u64,
        shared: bool,
    ) -> BTreeSet<(u64, usize, Option<usize>)> {
        let mut counted: Vec<_> = (0..workers).map(|_| mix.counted()).collect();
        let mut own: Vec<_> = (0..users).map(|user| mix.user(user, users)).collect();
        let mut seen = BTreeSet::new();
        for number in 0..240 {
            let user = (number % users) as usize;
            let all = counted.get_mut(user % workers).filter(|_| shared);
            let choice = mix.walk(number, &mut own[user], all);
            seen.insert((number, choice.journey, choice.row.row()));
        }
        seen
    }

    #[test]
    fn unique_rows_are_all_used_and_none_twice_in_a_closed_mix() {
        let feeder = fed(40, Pick::Unique, AtEnd::Stop);
        let mix = Mix::new(9, [(2.0, rows(0)), (1.0, feeder)]);
        for (shared, users) in [(true, 7), (false, 5)] {
            let walked = walked(&mix, 3, users, shared);
            let taken: Vec<_> = walked
                .iter()
                .filter(|(_, j, _)| *j == 1)
                .filter_map(|(.., row)| *row)
                .collect();
            let different: BTreeSet<_> = taken.iter().copied().collect();
            assert_eq!(different.len(), taken.len());
            assert_eq!(different, (0..40).collect(), "{shared}");
            assert!(
                walked
                    .iter()
                    .any(|(_, journey, row)| *journey == 1 && row.is_none())
            );
        }
    }

    proptest! {
        #[test]
        fn rows_do_not_depend_on_the_workers(seed: u64, count in 1usize..60, workers in 1usize..6, users in 1u64..9, shared: bool) {
            for pick in [Pick::Sequential, Pick::Random, Pick::Unique, Pick::Shared] {
                let mix = Mix::new(seed, [(1.0, fed(count, pick, AtEnd::Stop)), (2.0, rows(3))]);
                prop_assert_eq!(walked(&mix, 1, users, shared), walked(&mix, workers, users, shared));
                let mut alone = mix.choices(&[None]);
                let mut apart: Vec<_> = (0..workers).map(|_| mix.choices(&[None])).collect();
                for number in 0..100 {
                    let worker = number as usize % workers;
                    prop_assert_eq!(apart[worker].of(&only(number)), alone.of(&only(number)));
                }
            }
        }
    }
}
