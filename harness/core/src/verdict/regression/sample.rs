//! What a run leaves behind for comparisons: of one scenario and one phase of it, each name's response times over time, and
//! all that decides whether it may be compared. This is what a committed baseline file holds, so it is small, versioned and
//! read with suspicion.

use super::damaged::Damaged;
use super::grid::cell_of;
use super::packing;
use crate::event::ScenarioEnd;
use crate::hist::MAX_US;
use crate::name::{Name, RunId};
use crate::plan::gate::During;
use crate::record::{Record, ScenarioRecord, Tally};
use crate::verdict::{Trust, generator};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;

/// Version of a sample's shape; a reader refuses another.
pub(super) const FORMAT: u32 = 1;

/// Windows of a name at most: of a 600-second run they are 5 seconds long, of an hour 30. Blocks of 20 seconds and more are
/// drawn, so shorter ones would tell nothing more.
pub const MAX_WINDOWS: u32 = 120;

/// The name under which all whole journeys are kept together; no journey can be called that.
pub const ALL: &str = "*";

/// What of the environment says whether two machines are alike; the rest of it may differ.
const MACHINE: [&str; 4] = ["system", "cpu", "cores", "memory"];

/// Why a sample can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SampleError {
    /// Another version.
    #[error("a sample of format {found} can't be read, only {FORMAT}; record it again")]
    Format {
        /// The version found.
        found: u32,
    },
    /// A series is not what was written.
    #[error("failed to read the windows of a name: not base64")]
    Text,
    /// The same.
    #[error("failed to read packed windows: {0}")]
    Packing(#[from] Damaged),
    /// More windows than were ever written.
    #[error("failed to read the windows of a name: {0} of them, at most {most} are written", most = 2 * MAX_WINDOWS)]
    Windows(usize),
}

/// One scenario of one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Version of a sample's shape.
    #[serde(deserialize_with = "format")]
    pub format: u32,
    /// The run.
    pub run: RunId,
    /// When it began, RFC 3339.
    pub date: String,
    /// The commit it was built from, where one is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The run's seed.
    pub seed: u64,
    /// The scenario.
    pub scenario: Name,
    /// The part of its load.
    pub during: During,
    /// What its measurements depend on: [`Plan::scenario_digest`](crate::plan::Plan::scenario_digest). Only samples of the
    /// same digest may be compared.
    pub workload: String,
    /// The machine: processor, cores, memory, system.
    pub machine: BTreeMap<String, String>,
    /// What the generator's load was worth.
    pub trust: Trust,
    /// Why, where it was not valid.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
    /// Whether the whole schedule was played.
    pub completed: bool,
    /// Arrivals intended in this phase.
    pub planned: u64,
    /// Of those, begun.
    pub started: u64,
    /// How long the phase lasted, seconds, the warm-up left out.
    pub seconds: f64,
    /// How long the whole schedule is, seconds.
    pub schedule_s: f64,
    /// Length of a window, seconds.
    pub window_s: u32,
    /// Journeys, steps (`journey/step`) and [`ALL`].
    pub names: BTreeMap<String, Series>,
}

/// A name's windows in order of time. Written as one text of few bits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Series(pub Vec<Window>);

/// What was seen in a window. One that an edge of the phase cuts holds the phase's part.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Window {
    /// Its first second, from the scenario's begin.
    pub second: u32,
    /// Whatever ended, well or badly.
    pub ended: u64,
    /// Of those, badly.
    pub failed: u64,
    /// Response times of all that ended: (cell, count), ascending, counts above zero.
    pub cells: Vec<(u16, u64)>,
}

impl Window {
    /// A window of these response times: (µs, how many), in any order.
    pub fn of(second: u32, failed: u64, times: impl IntoIterator<Item = (u64, u64)>) -> Self {
        let mut counts = vec![0u64; usize::from(cell_of(MAX_US)) + 1];
        for (us, n) in times {
            if let Some(count) = counts.get_mut(usize::from(cell_of(us.min(MAX_US)))) {
                *count = u64::saturating_add(*count, n);
            }
        }
        let cells: Vec<(u16, u64)> = (0u16..).zip(counts).filter(|(_, n)| *n > 0).collect();
        Self {
            second,
            ended: cells.iter().fold(0, |sum, (_, n)| sum.saturating_add(*n)),
            failed,
            cells,
        }
    }

    /// Counts response times: (µs, how many), ascending among themselves.
    fn count(&mut self, times: impl Iterator<Item = (u64, u64)>) {
        let mut cells: BTreeMap<u16, u64> = self.cells.iter().copied().collect();
        for (us, n) in times.filter(|(_, n)| *n > 0) {
            let cell = cells.entry(cell_of(us)).or_default();
            *cell = u64::saturating_add(*cell, n);
        }
        self.cells = cells.into_iter().collect();
    }

    fn add(&mut self, tally: &Tally) {
        self.ended = self.ended.saturating_add(tally.finished());
        self.failed = self.failed.saturating_add(tally.failed());
        self.count(tally.response.buckets().iter().copied());
    }
}

impl Sample {
    /// A scenario's phase of a run. `None` where the run or the scenario never began, or nothing of the phase was seen.
    pub fn of(record: &Record, scenario: &str, during: &During) -> Option<Self> {
        let run = record.run.as_deref()?;
        let scenario = record.scenario(scenario)?;
        let total = scenario.select(None, during);
        if total.is_empty() {
            return None;
        }
        let judged = generator(record, scenario);
        let window_s = window_s(scenario);
        let named = scenario
            .names
            .keys()
            .filter(|name| *name != crate::record::OTHER);
        let names = named
            .map(|name| (name.clone(), Some(name.as_str())))
            .chain([(ALL.to_owned(), None)])
            .map(|(key, name)| (key, series(scenario, name, during, window_s)))
            .filter(|(_, series)| !series.0.is_empty());
        Some(Self {
            format: FORMAT,
            run: run.run.clone(),
            date: run.date.clone(),
            commit: run.environment.get("git commit").cloned(),
            seed: run.plan.seed,
            workload: run.plan.scenario_digest(&scenario.name),
            machine: machine(&run.environment),
            trust: judged.trust,
            reasons: judged.reasons,
            completed: scenario
                .end
                .is_some_and(|(_, end)| end == ScenarioEnd::Completed),
            planned: total.planned,
            started: total.started,
            seconds: scenario.phase_seconds(during),
            schedule_s: scenario.planned_us as f64 / 1e6,
            window_s,
            names: names.collect(),
            scenario: scenario.name.clone(),
            during: during.clone(),
        })
    }
}

/// What of an environment says whether two machines are alike. Of memory whole gibibytes: what the system sets aside for
/// itself differs from one start of the same machine to another.
pub(super) fn machine(environment: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let of = |fact: &&str| {
        let value = environment.get(*fact)?;
        let value = match value.strip_suffix(" kB").map(str::parse::<f64>) {
            Some(Ok(kib)) => format!("{} GiB", (kib / 1_048_576.0).ceil()),
            _ => value.clone(),
        };
        Some(((*fact).to_owned(), value))
    };
    MACHINE.iter().filter_map(of).collect()
}

/// The shortest multiple of the record's windows of which the schedule has at most [`MAX_WINDOWS`].
fn window_s(scenario: &ScenarioRecord) -> u32 {
    let scheduled = scenario.planned_us.div_ceil(1_000_000) as u32;
    let own = scenario.window_s.max(1);
    scheduled.div_ceil(own).div_ceil(MAX_WINDOWS).max(1) * own
}

/// A name's windows; what drains after the schedule is left out, there is no load beside it.
fn series(scenario: &ScenarioRecord, name: Option<&str>, during: &During, window_s: u32) -> Series {
    let mut windows: BTreeMap<u32, Window> = BTreeMap::new();
    for point in scenario.series_in(name, during) {
        let begins_us = u64::from(point.second) * 1_000_000;
        if begins_us >= scenario.planned_us || point.tally.finished() == 0 {
            continue;
        }
        let second = point.second / window_s * window_s;
        let window = windows.entry(second).or_default();
        window.second = second;
        window.add(&point.tally);
    }
    Series(windows.into_values().collect())
}

impl Serialize for Series {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(packing::pack(&self.0)))
    }
}

impl<'de> Deserialize<'de> for Series {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        read(&text).map_err(serde::de::Error::custom)
    }
}

fn read(text: &str) -> Result<Series, SampleError> {
    let bytes = STANDARD.decode(text).map_err(|_| SampleError::Text)?;
    let windows = packing::unpack(&bytes)?;
    // Windows that a late doubling of the record's left may be twice as many.
    if windows.len() > 2 * MAX_WINDOWS as usize {
        return Err(SampleError::Windows(windows.len()));
    }
    Ok(Series(windows))
}

fn format<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let found = u32::deserialize(deserializer)?;
    if found == FORMAT {
        return Ok(found);
    }
    Err(serde::de::Error::custom(SampleError::Format { found }))
}

#[cfg(test)]
mod tests;
