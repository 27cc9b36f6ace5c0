//! The variables that gates set in the journeys they walk, as typed. Judges no gate.

use crate::expr::invariant::Captured;
use crate::journey::Journey;
use crate::suite::Suite;
use std::collections::{BTreeMap, BTreeSet};

/// Variables that gates set in the journeys they walk, by journey.
#[derive(Debug, Default)]
pub(super) struct Presets(BTreeMap<String, BTreeSet<String>>);

impl Presets {
    /// Those of a journey.
    pub(super) fn of(&self, journey: &str) -> impl Iterator<Item = &String> {
        self.0.get(journey).into_iter().flatten()
    }

    /// A variable that a journey does not set itself: only a gate can walk it.
    pub(super) fn lacking(&self, journey: &Journey) -> Option<&str> {
        self.of(journey.name.as_str())
            .find(|variable| !journey.variables.contains_key(*variable))
            .map(String::as_str)
    }
}

/// The presets of all gates as typed: what is wrong with a gate is told when it is resolved.
pub(super) fn all(suite: &Suite) -> Presets {
    let scenarios = suite.scenarios.iter().flat_map(|doc| &doc.raw.gate);
    let mut presets = Presets::default();
    for gate in suite.config.raw.gate.iter().chain(scenarios) {
        if let (Some(each), Some(walk)) = (&gate.value.each, &gate.value.walk)
            && let Ok(captured) = each.value.parse::<Captured>()
        {
            let variables = presets.0.entry(walk.value.clone()).or_default();
            variables.insert(captured.variable);
        }
    }
    presets
}
