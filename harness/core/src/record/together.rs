//! The figures of all whole journeys of a scenario, put together once: judging and reporting ask for them a dozen times.
//! Says nothing that the names do not say.

use super::{NameRecord, Record, ScenarioRecord, Tally, Window};
use crate::hist::{CoarseSum, FineSum};
use std::collections::BTreeMap;

/// The figures, as if all whole journeys were one name; none where nobody put them together, or something came since.
#[derive(Debug, Clone, Default)]
pub struct Together(Option<Box<NameRecord>>);

impl PartialEq for Together {
    /// The names say the same.
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Together {
    pub(super) fn get(&self) -> Option<&NameRecord> {
        self.0.as_deref()
    }

    /// Something came.
    pub(super) fn forget(&mut self) {
        self.0 = None;
    }
}

impl Record {
    /// Puts together what is asked for many times, once nothing more comes.
    pub fn put_together(&mut self) {
        for scenario in &mut self.scenarios {
            scenario.together = Together(Some(Box::new(scenario.sum_of_journeys())));
        }
    }
}

impl ScenarioRecord {
    fn sum_of_journeys(&self) -> NameRecord {
        let mut windows: BTreeMap<(u32, u32), Vec<&Window>> = BTreeMap::new();
        let mut epochs: BTreeMap<u32, Vec<&Tally>> = BTreeMap::new();
        for (_, record) in self.named(None) {
            for (place, window) in &record.windows {
                windows.entry(*place).or_default().push(window);
            }
            for (epoch, held) in &record.epochs {
                epochs.entry(*epoch).or_default().extend(held.parts());
            }
        }
        let (mut coarse, mut fine) = (CoarseSum::default(), FineSum::default());
        let window = |(place, parts): ((u32, u32), Vec<&Window>)| {
            (place, Window::of_all(&parts, &mut coarse))
        };
        let epoch = |(epoch, parts): (u32, Vec<&Tally>)| {
            let mut sum = Tally::default();
            sum.add_through(parts.into_iter(), &mut fine);
            (epoch, sum.into())
        };
        NameRecord {
            windows: windows.into_iter().map(window).collect(),
            epochs: epochs.into_iter().map(epoch).collect(),
        }
    }
}
