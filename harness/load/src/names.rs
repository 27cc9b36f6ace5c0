//! The names figures are filed under, by index: counted by number on the hot path, written out once a second.

use harness_core::journey::Journey;
use harness_core::name::RequestName;
use std::sync::Arc;

/// The names of a mix: each journey followed by its steps.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    all: Vec<RequestName>,
    /// Where each journey's names begin.
    begin: Vec<u32>,
}

impl Names {
    /// The names of these journeys.
    pub(crate) fn of(journeys: &[Arc<Journey>]) -> Self {
        let mut names = Self::default();
        for journey in journeys {
            names
                .begin
                .push(u32::try_from(names.all.len()).unwrap_or(u32::MAX));
            names.all.push(RequestName::journey(&journey.name));
            names.all.extend(
                journey
                    .steps
                    .iter()
                    .map(|step| RequestName::step(&journey.name, &step.name)),
            );
        }
        names
    }

    /// The index of a whole journey.
    pub(crate) fn journey(&self, journey: usize) -> u32 {
        self.begin.get(journey).copied().unwrap_or(u32::MAX)
    }

    /// The index of a journey's step.
    pub(crate) fn step(&self, journey: usize, step: usize) -> u32 {
        self.journey(journey)
            .saturating_add(1)
            .saturating_add(u32::try_from(step).unwrap_or(u32::MAX))
    }

    /// How many there are.
    pub(crate) const fn count(&self) -> usize {
        self.all.len()
    }

    /// The name at an index.
    pub(crate) fn name(&self, index: u32) -> Option<&RequestName> {
        self.all.get(index as usize)
    }
}
