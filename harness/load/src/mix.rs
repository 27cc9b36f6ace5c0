//! What arrives: which journey an arrival starts, its iteration and its data row, decided by the seed and the
//! arrival's number alone. Pure; the same on every machine and for any number of workers.

use harness_core::random::Draws;

/// Keeps these draws apart from others under the same seed.
const PURPOSE: u64 = 0x006d_6978;

/// The weights of a mix and the rows of its journeys.
#[derive(Debug, Clone, PartialEq)]
pub struct Mix {
    seed: u64,
    /// Running sums of the weights; the last is their total.
    until: Vec<f64>,
    rows: Vec<usize>,
}

/// What an arrival starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice {
    /// Index of the journey in the mix.
    pub journey: usize,
    /// How many arrivals of this journey came before, over all workers.
    pub iteration: u64,
    /// Index of its data row: rows are taken in turn. `None` for a journey without rows.
    pub row: Option<usize>,
}

impl Mix {
    /// A mix of journeys given as (weight, number of data rows). Not empty; weights above zero.
    pub fn new(seed: u64, journeys: impl IntoIterator<Item = (f64, usize)>) -> Self {
        let (weights, rows): (Vec<_>, Vec<_>) = journeys.into_iter().unzip();
        let until = weights.iter().scan(0.0, |sum, weight| {
            *sum += weight;
            Some(*sum)
        });
        Self {
            seed,
            until: until.collect(),
            rows,
        }
    }

    /// The choices for arrivals in order of number.
    pub fn choices(&self) -> Choices<'_> {
        Choices {
            mix: self,
            next: 0,
            iterations: vec![0; self.rows.len()],
        }
    }

    fn journey(&self, arrival: u64) -> usize {
        let total = self.until.last().copied().unwrap_or_default();
        let drawn = Draws::at(self.seed, &[PURPOSE, arrival]).unit() * total;
        self.until
            .partition_point(|until| *until <= drawn)
            .min(self.until.len().saturating_sub(1))
    }
}

/// Walks the choices of a whole schedule. A worker that plays every nth arrival still draws the ones between (some
/// ten nanoseconds each): that is what makes iteration numbers dense and rows come in turn without sharing a counter.
#[derive(Debug, Clone)]
pub struct Choices<'m> {
    mix: &'m Mix,
    next: u64,
    iterations: Vec<u64>,
}

impl Choices<'_> {
    /// The choice for an arrival; numbers must rise from call to call.
    pub fn of(&mut self, arrival: u64) -> Choice {
        loop {
            let journey = if self.mix.until.len() == 1 {
                0
            } else {
                self.mix.journey(self.next)
            };
            let iteration = self.iterations[journey];
            self.iterations[journey] += 1;
            self.next += 1;
            if self.next > arrival {
                let rows = self.mix.rows[journey] as u64;
                let row = (rows > 0).then(|| (iteration % rows.max(1)) as usize);
                return Choice {
                    journey,
                    iteration,
                    row,
                };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn weights_are_kept() {
        let mix = Mix::new(7, [(8.0, 0), (2.0, 0)]);
        let mut choices = mix.choices();
        let second = (0..100_000).filter(|k| choices.of(*k).journey == 1).count();
        // Five standard deviations of a binomial with p = 0.2.
        assert!(second.abs_diff(20_000) < 640, "{second}");
    }

    #[test]
    fn rows_come_in_turn_and_iterations_are_dense() {
        let mix = Mix::new(1, [(1.0, 3), (1.0, 0)]);
        let mut choices = mix.choices();
        let mut seen = [0u64, 0];
        for number in 0..1000 {
            let choice = choices.of(number);
            assert_eq!(choice.iteration, seen[choice.journey]);
            assert_eq!(
                choice.row,
                (choice.journey == 0).then_some((choice.iteration % 3) as usize)
            );
            seen[choice.journey] += 1;
        }
        assert_eq!(seen[0] + seen[1], 1000);
    }

    #[test]
    fn the_seed_decides() {
        let of = |seed| {
            let mix = Mix::new(seed, [(1.0, 0), (1.0, 0), (3.0, 0)]);
            let mut choices = mix.choices();
            (0..200).map(|k| choices.of(k)).collect::<Vec<_>>()
        };
        assert_eq!(of(5), of(5));
        assert_ne!(of(5), of(6));
    }

    proptest! {
        #[test]
        fn workers_together_choose_what_one_would(seed: u64, weights in prop::collection::vec(0.01f64..10.0, 1..5), workers in 1u64..6) {
            let mix = Mix::new(seed, weights.iter().map(|w| (*w, 2)));
            let mut alone = mix.choices();
            let mut shared: Vec<_> = (0..workers).map(|_| mix.choices()).collect();
            for number in 0..300 {
                prop_assert_eq!(shared[(number % workers) as usize].of(number), alone.of(number));
            }
        }
    }
}
