//! Which events a record can account for. A stream that skips its begin, mixes two runs or speaks of scenarios that
//! never began is refused, so that no figure is filed where nobody looks.

use super::Record;
use crate::event::{Event, FORMAT};
use crate::verdict::regression::SettingsError;

/// Epochs of a scenario: two edges a stage and four a fault stay far below.
pub(super) const MAX_EPOCHS: u32 = 4096;

/// Why a stream can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FoldError {
    /// Written by a newer harness.
    #[error(
        "failed to read the run: its event format is {found}, this harness reads up to {FORMAT}; use a newer harness"
    )]
    NewerFormat {
        /// The format found.
        found: u32,
    },
    /// The stream does not begin with the run's begin.
    #[error(
        "failed to read the run: event {seq} comes before the run's begin; the first part of the stream is missing"
    )]
    BeforeBegin {
        /// The event's number.
        seq: u64,
    },
    /// The run begins twice.
    #[error("failed to read the run: event {seq} begins a second run; give one run at a time")]
    SecondBegin {
        /// The event's number.
        seq: u64,
    },
    /// A constant of `[regression]` that no suite may have: by it a comparison might never end.
    #[error("failed to read the run: its plan has in [regression] what no suite may have: {0}")]
    Constant(SettingsError),
    /// A scenario the plan does not have, or that has not begun.
    #[error(
        "failed to read the run: event {seq} belongs to scenario `{scenario}`, which is not in the plan or has not begun"
    )]
    UnknownScenario {
        /// The event's number.
        seq: u64,
        /// The scenario.
        scenario: String,
    },
    /// More epochs than any plan makes.
    #[error(
        "failed to read the run: event {seq} is in epoch {epoch} of its scenario, beyond the {MAX_EPOCHS} a scenario may have"
    )]
    TooManyEpochs {
        /// The event's number.
        seq: u64,
        /// The epoch.
        epoch: u32,
    },
}

impl Record {
    /// Whether an event can come here.
    pub(super) fn admit(&self, seq: u64, event: &Event) -> Result<(), FoldError> {
        let Some(run) = &self.run else {
            return match event {
                Event::RunStarted(run) if run.format > FORMAT => {
                    Err(FoldError::NewerFormat { found: run.format })
                }
                Event::RunStarted(run) => match run.plan.regression.errors().into_iter().next() {
                    Some(wrong) => Err(FoldError::Constant(wrong)),
                    None => Ok(()),
                },
                _ => Err(FoldError::BeforeBegin { seq }),
            };
        };
        let begun = |scenario: &str| self.begun_before(seq, scenario);
        match event {
            Event::RunStarted(_) => Err(FoldError::SecondBegin { seq }),
            Event::ScenarioStarted { scenario, .. }
                if run.plan.scenario(scenario.as_str()).is_none() =>
            {
                Err(unknown(seq, scenario.as_str()))
            }
            Event::EpochStarted(epoch) => {
                self.admit_tick(seq, epoch.scenario.as_str(), epoch.epoch)
            }
            Event::LoadTick(tick) => self.admit_tick(seq, &tick.scenario, tick.epoch),
            Event::Exemplar(exemplar) => begun(exemplar.scenario.as_str()),
            Event::ScenarioFinished { scenario, .. } => begun(scenario.as_str()),
            Event::InvariantChecked(checked) => begun(checked.scenario.as_str()),
            _ => Ok(()),
        }
    }

    /// Whether figures of an epoch of a scenario can come here, and the epoch itself.
    pub(super) fn admit_tick(&self, seq: u64, scenario: &str, epoch: u32) -> Result<(), FoldError> {
        self.begun_before(seq, scenario)?;
        match epoch < MAX_EPOCHS {
            true => Ok(()),
            false => Err(FoldError::TooManyEpochs { seq, epoch }),
        }
    }

    fn begun_before(&self, seq: u64, scenario: &str) -> Result<(), FoldError> {
        let known = self.scenario(scenario).map(|_| ());
        known.ok_or_else(|| unknown(seq, scenario))
    }
}

fn unknown(seq: u64, scenario: &str) -> FoldError {
    let scenario = scenario.to_owned();
    FoldError::UnknownScenario { seq, scenario }
}
