//! The shape of a load: stages of an arrival rate, and the mix of journeys that arrive.

use crate::name::Name;
use crate::units::{self, Rate};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// An open-model load: journeys start when the schedule says so, whatever the target does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoadPlan {
    /// The stages, one after another. Not empty; total length above zero.
    pub stages: Vec<Stage>,
    /// Journeys and their weights (above zero), in order of name.
    pub mix: Vec<MixEntry>,
    /// Connections at most, over all workers; an arrival that finds none free waits and the wait is charged to
    /// the target.
    pub connections: u32,
    /// Share of exchanges whose whole response is handed to the contract checks, 0 to 1.
    pub sample: f64,
}

impl LoadPlan {
    /// Length of all stages together.
    pub fn duration(&self) -> Duration {
        self.stages.iter().map(|s| s.lasts).sum()
    }

    /// The highest rate of any stage.
    pub fn peak(&self) -> Rate {
        let rates = self.stages.iter().flat_map(|s| [s.from, s.to]);
        rates.fold(Rate::default(), |a, b| if b > a { b } else { a })
    }
}

/// A stage: the rate goes in a straight line from one value to another.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// Rate at the start.
    pub from: Rate,
    /// Rate at the end; equal to `from` for a constant stage.
    pub to: Rate,
    /// How long it lasts.
    #[serde(rename = "for", with = "units::duration")]
    pub lasts: Duration,
}

/// A journey's share of the arrivals.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MixEntry {
    /// The journey.
    pub journey: Name,
    /// Its weight against the others.
    pub weight: f64,
}
