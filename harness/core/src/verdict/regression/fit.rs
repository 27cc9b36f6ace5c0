//! Whether a scenario of a run can be a baseline: what of it can be held against, and why it may not be accepted. Asked by who
//! accepts, and by every hint that would name accepting as the way.

use super::{Sample, contaminated};
use crate::event::RunStarted;
use crate::name::Name;
use crate::plan::gate::During;
use crate::plan::load::Model;
use crate::record::Record;

/// What of a scenario can be held against, or why nothing can.
pub fn measured(
    record: &Record,
    started: &RunStarted,
    scenario: &Name,
) -> Result<Sample, &'static str> {
    let planned = started.plan.scenario(scenario.as_str());
    if searches(started, scenario) {
        return Err("a search tries rates that are too high on purpose");
    }
    if planned.is_some_and(|planned| planned.control_of.is_some()) {
        return Err("it is the control of another scenario");
    }
    Sample::of(record, scenario.as_str(), &QUIET).ok_or(NEVER_QUIET)
}

/// Whether a run plays a scenario to find a capacity: what it measures is of rates that are too high on purpose.
pub(super) fn searches(started: &RunStarted, scenario: &Name) -> bool {
    let planned = started.plan.scenario(scenario.as_str());
    planned.is_some_and(|planned| matches!(planned.load.model, Model::Search(_)))
}

/// The part of a load that is held against others.
const QUIET: During = During::Undisturbed;
/// Why nothing of a load can be held against others that has no such part.
pub(super) const NEVER_QUIET: &str = "it has no load outside of faults and their settling";

/// Whether nothing was seen of a scenario outside of its faults and their settling.
pub(crate) fn never_quiet(record: &Record, scenario: &Name) -> bool {
    let played = record.scenario(scenario.as_str());
    played.is_none_or(|played| played.select(None, &QUIET).is_empty())
}

/// Why a scenario of a run can't be accepted as a baseline, one sentence each; empty where it can.
pub fn unfit(record: &Record, scenario: &Name) -> Vec<String> {
    let Some(started) = record.run.as_deref() else {
        return vec!["the run never began".to_owned()];
    };
    match measured(record, started, scenario) {
        Ok(sample) => contaminated(record, &sample, &started.plan.regression),
        Err(why) => vec![why.to_owned()],
    }
}
