//! The parts of a run that can be evidence, and what a run counts for. Knows what was planned and what was recorded, not
//! what is needed nor how it is judged.

use super::Run;
use crate::event::RunEnd;
use crate::name::{Name, RunId};
use crate::plan::Plan;
use crate::readiness::Item;
use crate::record::Record;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// A part of a run that can be evidence.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    Journey(Name),
    Contract(Name),
    Scenario(Name),
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Journey(name) => write!(f, "journey {name}"),
            Self::Contract(name) => write!(f, "contract {name}"),
            Self::Scenario(name) => write!(f, "scenario {name}"),
        }
    }
}

pub(super) fn planned(plan: &Plan) -> impl Iterator<Item = Part> {
    let journeys = plan.walks.iter().cloned().map(Part::Journey);
    let contracts = plan
        .contracts
        .iter()
        .map(|c| Part::Contract(c.name.clone()));
    let scenarios = plan
        .scenarios
        .iter()
        .map(|s| Part::Scenario(s.name.clone()));
    journeys.chain(contracts).chain(scenarios)
}

/// The parts that a run is evidence of: all that it was to do, done or not; of a run that was stopped, or whose record ends
/// in the middle, what it had begun.
pub(super) fn parts(record: &Record) -> BTreeSet<Part> {
    let Some(run) = &record.run else {
        return BTreeSet::new();
    };
    let cut = record.cancelled || matches!(record.end, None | Some(RunEnd::Cancelled));
    let begun = |part: &Part| match part {
        Part::Journey(name) => record.journeys.iter().any(|walk| walk.journey == *name),
        Part::Contract(name) => record.contracts.contains_key(name),
        Part::Scenario(name) => record.scenario(name.as_str()).is_some(),
    };
    planned(&run.plan)
        .filter(|part| !cut || begun(part))
        .collect()
}

/// The run as if these parts had been all of it.
pub(super) fn narrowed(record: &Record, parts: &BTreeSet<Part>) -> Record {
    let mut record = record.clone();
    let journey = |name: &Name| parts.contains(&Part::Journey(name.clone()));
    let contract = |name: &Name| parts.contains(&Part::Contract(name.clone()));
    let scenario = |name: &Name| parts.contains(&Part::Scenario(name.clone()));
    if let Some(run) = &mut record.run {
        run.plan.walks.retain(|name| journey(name));
        run.plan.contracts.retain(|c| contract(&c.name));
        run.plan.scenarios.retain(|s| scenario(&s.name));
    }
    record.journeys.retain(|walk| journey(&walk.journey));
    record.contracts.retain(|name, _| contract(name));
    record.scenarios.retain(|s| scenario(&s.name));
    let walked = !record.journeys.is_empty();
    let kept = |of: &Option<Name>| of.as_ref().map_or(walked, scenario);
    record.faults.retain(|fault| kept(&fault.scenario));
    record.broken.retain(|broken| scenario(&broken.scenario));
    record
}

/// A run in order, and what it counts for, with the days that each part counts.
pub(super) struct Counted<'r> {
    pub(super) run: &'r Run,
    pub(super) all: BTreeSet<Part>,
    pub(super) parts: BTreeMap<Part, u32>,
    pub(super) age_days: Option<i64>,
}

impl Counted<'_> {
    pub(super) fn plan(&self) -> Option<&Plan> {
        self.run.record.run.as_ref().map(|run| &run.plan)
    }

    pub(super) fn has_load(&self) -> bool {
        let mut parts = self.parts.keys();
        parts.any(|part| matches!(part, Part::Scenario(_)))
    }

    pub(super) fn fresh_days(&self) -> u32 {
        self.parts.values().copied().max().unwrap_or_default()
    }

    /// The same part is needed by several: the longest counts.
    pub(super) fn takes(&mut self, part: &Part, fresh_days: u32) {
        let days = self.parts.entry(part.clone()).or_default();
        *days = (*days).max(fresh_days);
    }

    /// Days that an item counts: as its scenario does, or as anything of the run does.
    pub(super) fn fresh_for(&self, item: &Item) -> u32 {
        let scenario = item.scenario.as_ref();
        let part = scenario.and_then(|name| self.parts.get(&Part::Scenario(name.clone())));
        part.copied().unwrap_or_else(|| self.fresh_days())
    }

    pub(super) fn id(&self) -> Option<RunId> {
        self.run.record.run.as_ref().map(|run| run.run.clone())
    }
}

/// `3 journeys`, `contract orders`, `scenario steady`: scenarios by name, of the rest how many where there are several.
pub(super) fn words<'p>(parts: impl Iterator<Item = &'p Part>) -> Vec<String> {
    let (mut journeys, mut contracts, mut scenarios) = (Vec::new(), Vec::new(), Vec::new());
    for part in parts {
        match part {
            Part::Journey(_) => journeys.push(part),
            Part::Contract(_) => contracts.push(part),
            Part::Scenario(_) => scenarios.push(part),
        }
    }
    let several = |parts: &[&Part], word: &str| match parts {
        [] => None,
        [one] => Some(one.to_string()),
        all => Some(format!("{} {word}", all.len())),
    };
    let few = [
        several(&journeys, "journeys"),
        several(&contracts, "contracts"),
    ];
    let named = scenarios.into_iter().map(ToString::to_string);
    few.into_iter().flatten().chain(named).collect()
}
