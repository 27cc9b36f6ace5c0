//! Accepted runs: what a committed baseline file holds, which of them a candidate is held against, and why a run is not fit
//! to be one. Knows bytes and no files.

use super::columns;
use super::damaged::Damaged;
use super::{
    ALL, Calibration, Conditions, Estimate, Key, Sample, Series, Settings, fitting, history,
    validity,
};
use crate::event::{RunEnd, RunStarted};
use crate::name::{Name, RunId};
use crate::plan::gate::During;
use crate::record::Record;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Version of a baseline file; a reader refuses another.
pub const ACCEPTED_FORMAT: u32 = 1;

/// Accepted runs that a candidate is held against at most, the newest: more tell hardly more and take their time.
pub const MOST_ACCEPTED: usize = 30;

/// One scenario of a run that somebody accepted as a baseline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Accepted {
    /// The release that was run, where somebody said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<Name>,
    /// The pinned release that it stands for: it stays, and every candidate is held against it as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pinned: Option<Name>,
    /// What was seen.
    pub sample: Sample,
}

/// Why bytes are no accepted run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AcceptedError {
    /// Something else.
    #[error("it is no baseline")]
    Foreign,
    /// Written by a newer harness, or by one that is too old.
    #[error("it has baseline format {found}, this harness reads {ACCEPTED_FORMAT}")]
    Format {
        /// The version found.
        found: u32,
    },
    /// Its head can't be read.
    #[error("its head can't be read: {0}")]
    Head(String),
    /// Its windows can't be read.
    #[error("the windows of `{name}` can't be read: {source}")]
    Windows {
        /// Whose.
        name: String,
        /// Why.
        source: Damaged,
    },
    /// More than was written.
    #[error("there is something behind its windows")]
    Trailing,
}

/// The first line of a file: everything but the windows, which follow in the order of the names.
#[derive(Serialize, Deserialize)]
struct Head {
    format: u32,
    names: Vec<String>,
    #[serde(flatten)]
    accepted: Accepted,
}

#[derive(Deserialize)]
struct Version {
    format: u32,
}

impl Accepted {
    /// As bytes, which want compressing: a line of JSON, and the windows. Of the same run the same.
    pub fn to_bytes(&self) -> Vec<u8> {
        let head = Head {
            format: ACCEPTED_FORMAT,
            names: self.sample.names.keys().cloned().collect(),
            accepted: Self {
                sample: Sample {
                    names: BTreeMap::new(),
                    ..self.sample.clone()
                },
                ..self.clone()
            },
        };
        // Nothing in it that JSON can't hold; a failure would be a head that is refused when it is read.
        let mut bytes = serde_json::to_vec(&head).unwrap_or_default();
        bytes.push(b'\n');
        for series in self.sample.names.values() {
            columns::write(&series.0, &mut bytes);
        }
        bytes
    }

    /// What [`Accepted::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, AcceptedError> {
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let (head, mut rest) = end
            .and_then(|end| Some((bytes.get(..end)?, bytes.get(end + 1..)?)))
            .ok_or(AcceptedError::Foreign)?;
        let version: Version = serde_json::from_slice(head).map_err(|_| AcceptedError::Foreign)?;
        if version.format != ACCEPTED_FORMAT {
            let found = version.format;
            return Err(AcceptedError::Format { found });
        }
        let head: Head =
            serde_json::from_slice(head).map_err(|e| AcceptedError::Head(e.to_string()))?;
        let mut accepted = head.accepted;
        for name in head.names {
            let windows = columns::read(&mut rest);
            let windows = windows.map_err(|source| AcceptedError::Windows {
                name: name.clone(),
                source,
            })?;
            accepted.sample.names.insert(name, Series(windows));
        }
        match rest {
            [] => Ok(accepted),
            _ => Err(AcceptedError::Trailing),
        }
    }
}

/// Why a run's sample is not fit to be a baseline, one sentence each; empty where it is.
pub fn contaminated(record: &Record, sample: &Sample, settings: &Settings) -> Vec<String> {
    let mut why = validity::own(sample);
    match record.end {
        Some(RunEnd::Completed) => {}
        Some(RunEnd::Cancelled) => why.push("the run was interrupted".to_owned()),
        Some(RunEnd::TargetFailed) => why.push("the run's target failed".to_owned()),
        Some(RunEnd::Broken) => why.push("the run broke off".to_owned()),
        None => why.push("the run's events end in the middle".to_owned()),
    }
    why.extend(validity::shortfall(sample, settings));
    let quick = Settings {
        resamples: 0,
        ..settings.clone()
    };
    let left = Estimate::of(sample, &quick).names.into_values();
    let left = left.map(|name| name.span.seconds).fold(0.0, f64::max);
    if left < settings.least_s {
        why.push(format!(
            "{left:.0} s of load are left after the beginning is cut off, and less than {:.0} s decide nothing",
            settings.least_s
        ));
    }
    why
}

/// The accepted runs of one scenario that a candidate is held against.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Against {
    /// The scenario.
    pub scenario: Name,
    /// Those that fit, oldest first: the newest, and all that are pinned.
    #[serde(default)]
    pub runs: Vec<Accepted>,
    /// Of the other baselines of the scenario that are there, why they don't fit: one sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unfit: Vec<String>,
    /// How far runs of one build differ here, where that was measured and fits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration: Option<Calibration>,
}

impl Against {
    /// Chooses for a candidate, which is not held against itself. Where machines may differ, those of its own count first.
    pub fn choose(
        here: &Conditions,
        candidate: &[&RunId],
        all: &[&Accepted],
        settings: &Settings,
    ) -> Self {
        let scenario = all
            .iter()
            .filter(|one| one.sample.scenario == here.scenario);
        let mut places: BTreeMap<Conditions, Vec<&Accepted>> = BTreeMap::new();
        for one in scenario.filter(|one| one.sample.during == During::Undisturbed) {
            places.entry(one.sample.conditions()).or_default().push(one);
        }
        let own = places.contains_key(here);
        let (mut runs, mut unfit) = (Vec::new(), Vec::new());
        for (place, held) in &places {
            let elsewhere = settings.other_machines && !own && place.workload == here.workload;
            if place == here || elsewhere {
                let others = held
                    .iter()
                    .filter(|one| !candidate.contains(&&one.sample.run));
                runs.extend(others.copied());
                continue;
            }
            let newest = held.iter().map(|one| &one.sample.run).max();
            let why = here.differences(place).into_iter();
            let why: Vec<String> = why.map(|d| d.told("the candidate's")).collect();
            let why = why.join("; ");
            unfit.push(format!(
                "{}/{}, {} up to {}: {why}",
                place.scenario,
                place.mark(),
                match held.len() {
                    1 => "1 run".to_owned(),
                    many => format!("{many} runs"),
                },
                newest.map_or("", RunId::as_str)
            ));
        }
        runs.sort_by(|a, b| a.sample.run.cmp(&b.sample.run));
        let old = runs.len().saturating_sub(MOST_ACCEPTED);
        let kept = runs.iter().enumerate();
        let kept = kept.filter(|(at, one)| *at >= old || one.pinned.is_some());
        Self {
            scenario: here.scenario.clone(),
            runs: kept.map(|(_, one)| (*one).clone()).collect(),
            unfit,
            calibration: None,
        }
    }

    /// With the calibration that fits the same candidate, if one does.
    #[must_use]
    pub fn calibrated(self, here: &Conditions, all: &[Calibration], settings: &Settings) -> Self {
        Self {
            calibration: fitting(all, here, settings).0.cloned(),
            ..self
        }
    }

    /// With the windows of these names alone, for whoever keeps it and asks for no others.
    #[must_use]
    pub fn only(mut self, names: &BTreeSet<String>) -> Self {
        for one in &mut self.runs {
            one.sample.names.retain(|name, _| names.contains(name));
        }
        if let Some(calibration) = &mut self.calibration {
            calibration.names.retain(|name, _| names.contains(name));
        }
        self
    }

    /// The samples that a candidate is held against, oldest first. A pinned run that is older than all others is of another
    /// time, and may be of another level: it is left out as soon as `enough` others are there.
    pub fn samples(&self, enough: u32) -> Vec<Sample> {
        let first = self.runs.iter().position(|one| one.pinned.is_none());
        let first = first.filter(|at| {
            let others = self
                .runs
                .iter()
                .skip(*at)
                .filter(|one| one.pinned.is_none());
            others.count() >= enough as usize
        });
        let held = self.runs.iter().skip(first.unwrap_or(0));
        held.map(|one| one.sample.clone()).collect()
    }

    /// The pinned release and its samples.
    pub fn pinned(&self) -> Option<(&Name, Vec<Sample>)> {
        let release = self.runs.iter().find_map(|one| one.pinned.as_ref())?;
        let of = |one: &&Accepted| one.pinned.as_ref() == Some(release);
        let samples = self.runs.iter().filter(of);
        Some((release, samples.map(|one| one.sample.clone()).collect()))
    }
}

/// The levels of a baseline's runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Levels {
    /// The quantiles, 0 to 1.
    pub quantiles: Vec<f64>,
    /// Of each run those of all journeys together, µs.
    pub runs: Vec<Vec<Option<f64>>>,
    /// The place of the first run of today's level; 0 where it never changed.
    pub since: usize,
}

/// The levels of runs of one place, oldest first, after the trim.
pub fn levels(runs: &[Sample], settings: &Settings) -> Levels {
    let quick = Settings {
        resamples: 0,
        ..settings.clone()
    };
    let estimates: Vec<Estimate> = runs.iter().map(|s| Estimate::of(s, &quick)).collect();
    let of = |estimate: &Estimate| {
        let places = 0..settings.quantiles.len();
        let us = |at| Some(estimate.quantile(ALL, at)?.ln.exp());
        places.map(us).collect()
    };
    let key = |quantile: &f64| Key {
        name: ALL.to_owned(),
        quantile: *quantile,
    };
    let keys: Vec<Key> = settings.quantiles.iter().map(key).collect();
    let history: Vec<&Estimate> = estimates.iter().collect();
    let seed = runs.last().map_or(0, |sample| sample.seed);
    Levels {
        quantiles: settings.quantiles.clone(),
        since: history::cut(&history, &keys, seed, settings),
        runs: estimates.iter().map(of).collect(),
    }
}

impl RunStarted {
    /// What this run is held against in a scenario, as far as its gates ask.
    pub fn against(&self, scenario: &Name) -> Option<&Against> {
        self.baselines.iter().find(|one| one.scenario == *scenario)
    }
}

#[cfg(test)]
mod tests;
