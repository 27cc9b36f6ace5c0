//! What there is to be seen of a load at one moment, in figures: worked out of the record, drawn elsewhere.

use super::view_shape::{iterations, shape};
use crate::text;
use harness_core::hist::Hist;
use harness_core::plan::gate::During;
use harness_core::record::{Record, ScenarioRecord, Tally};
use harness_core::verdict::{Trust, generator};
use std::collections::BTreeMap;

/// Seconds that "now" looks back.
const NOW_S: u32 = 5;
/// Rows of errors that are kept apart; the others are one.
const MOST_ERRORS: usize = 8;

/// A load at one moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct View {
    /// What is loaded.
    pub title: String,
    /// With what: `50 users for 10 s`.
    pub shape: String,
    /// What goes on, in a word or two.
    pub stage: String,
    /// Seconds since the load's begin.
    pub elapsed_s: f64,
    /// Seconds it may take; zero while it is not known.
    pub planned_s: f64,
    /// Requests done and to be done, if their number ends the load.
    pub counted: Option<(u64, u64)>,
    /// The last few seconds.
    pub now: Figures,
    /// All of it.
    pub all: Figures,
    /// Over time.
    pub points: Vec<Point>,
    /// Seconds each of them is long.
    pub point_s: u32,
    /// Response times of all of it.
    pub response: Hist,
    /// Errors by kind, most first.
    pub errors: Vec<ErrorLine>,
    /// The instrument.
    pub generator: Generator,
}

/// Some requests in figures.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Figures {
    /// Ended per second.
    pub rate: f64,
    /// Ended.
    pub finished: u64,
    /// Of those, badly.
    pub failed: u64,
    /// Bytes received per second.
    pub bytes: f64,
    /// Never begun, or late for want of a connection.
    pub behind: u64,
    /// Response times in µs at [`QUANTILES`], and the largest.
    pub response: [Option<u64>; 6],
    /// Service times likewise.
    pub service: [Option<u64>; 6],
}

/// The quantiles shown, before the largest.
pub(super) const QUANTILES: [(f64, &str); 5] = [
    (0.5, "p50"),
    (0.9, "p90"),
    (0.95, "p95"),
    (0.99, "p99"),
    (0.999, "p99.9"),
];

/// A window of time.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Point {
    /// Requests ended per second.
    pub rate: f64,
    /// Of those, badly, per second.
    pub failed: f64,
    /// p99 of their response times, µs.
    pub p99_us: u64,
}

/// A kind of error.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ErrorLine {
    /// Its class.
    pub class: String,
    /// How many.
    pub times: u64,
    /// How many in each window.
    pub over_time: Vec<u64>,
}

/// How the instrument does.
#[derive(Debug, Clone, PartialEq)]
pub struct Generator {
    /// By the rules that judge it at the end.
    pub trust: Trust,
    /// Why not valid.
    pub reasons: Vec<String>,
    /// p99 of its lateness in its last second, µs.
    pub lag_us: Option<u64>,
    /// Cores its workers use.
    pub cpu: f64,
    /// Resident bytes.
    pub memory: u64,
    /// Open files.
    pub descriptors: u64,
}

impl Default for Generator {
    fn default() -> Self {
        Self {
            trust: Trust::Valid,
            reasons: Vec::new(),
            lag_us: None,
            cpu: 0.0,
            memory: 0,
            descriptors: 0,
        }
    }
}

impl View {
    /// Of a record, `now_us` microseconds after the run began.
    pub(super) fn of(record: &Record, now_us: u64, stopping: bool) -> Self {
        let Some(run) = &record.run else {
            return Self::default();
        };
        let scenario = record.scenarios.last();
        let plan = match scenario {
            Some(scenario) => run.plan.scenario(scenario.name.as_str()),
            None => run.plan.scenarios.first(),
        };
        let mut view = Self {
            title: plan.map_or_else(String::new, |p| text::one_line(&p.title, 200)),
            shape: plan.map_or_else(String::new, |p| shape(&p.load)),
            planned_s: plan.map_or(0.0, |p| p.load.duration().as_secs_f64()),
            generator: instrument(record),
            ..Self::default()
        };
        let begun = scenario.filter(|scenario| now_us >= scenario.t0_us);
        view.stage = stage(record, begun, stopping).to_owned();
        if let Some(scenario) = begun {
            let end_us = scenario.end.map_or(now_us, |(at, _)| at);
            view.elapsed_s = end_us.saturating_sub(scenario.t0_us) as f64 / 1e6;
            view.load(scenario);
            let wanted = plan.and_then(|p| iterations(&p.load));
            view.counted = wanted.map(|wanted| (view.all.finished, wanted));
        }
        view
    }

    fn load(&mut self, scenario: &ScenarioRecord) {
        let windows = scenario.series(None);
        let length = scenario.window_s.max(1);
        let total = scenario.select(None, &During::All);
        // Figures of a second come after it: what they do not cover yet is no time without requests.
        let covered = windows.last().map_or(0, |w| w.second + length);
        self.all = of(&total, self.elapsed_s.min(f64::from(covered)).max(0.001));
        let looked = NOW_S.div_ceil(length) as usize;
        let last = &windows[windows.len().saturating_sub(looked)..];
        let mut recent = Tally::default();
        last.iter().for_each(|window| recent.add(&window.tally));
        let seconds = last
            .first()
            .zip(last.last())
            .map_or(1, |(first, last)| last.second - first.second + length);
        self.now = of(&recent, f64::from(seconds).min(self.elapsed_s.max(1.0)));
        let count = windows.last().map_or(0, |w| w.second / length + 1) as usize;
        self.points = vec![Point::default(); count];
        self.point_s = length;
        let mut errors: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
        for window in &windows {
            let (at, tally) = ((window.second / length) as usize, &window.tally);
            self.points[at] = Point {
                rate: tally.finished() as f64 / f64::from(length),
                failed: tally.failed() as f64 / f64::from(length),
                p99_us: tally.response.quantile(0.99).unwrap_or(0),
            };
            for (class, times) in &tally.errors {
                errors.entry(class).or_insert_with(|| vec![0; count])[at] += times;
            }
        }
        self.errors = lines(errors);
        self.response = total.response;
    }
}

/// The kinds of error, most first; what is beyond [`MOST_ERRORS`] is put together.
fn lines(errors: BTreeMap<&str, Vec<u64>>) -> Vec<ErrorLine> {
    let line = |(class, over_time): (&str, Vec<u64>)| ErrorLine {
        class: text::one_line(class, 40),
        times: over_time.iter().sum(),
        over_time,
    };
    let mut lines: Vec<_> = errors.into_iter().map(line).collect();
    lines.sort_by(|a, b| b.times.cmp(&a.times).then(a.class.cmp(&b.class)));
    let rest = lines.split_off(lines.len().min(MOST_ERRORS));
    if let Some(first) = rest.first() {
        let mut others = ErrorLine {
            class: format!("{} other kinds", rest.len()),
            times: 0,
            over_time: vec![0; first.over_time.len()],
        };
        for line in &rest {
            others.times += line.times;
            for (sum, n) in others.over_time.iter_mut().zip(&line.over_time) {
                *sum += n;
            }
        }
        lines.push(others);
    }
    lines
}

fn of(tally: &Tally, seconds: f64) -> Figures {
    let times = |hist: &Hist| {
        let mut times = [None; 6];
        for (time, (quantile, _)) in times.iter_mut().zip(QUANTILES) {
            *time = hist.quantile(quantile);
        }
        times[5] = hist.max();
        times
    };
    Figures {
        rate: tally.finished() as f64 / seconds,
        finished: tally.finished(),
        failed: tally.failed(),
        bytes: tally.bytes_in as f64 / seconds,
        behind: tally.dropped + tally.late_target,
        response: times(&tally.response),
        service: times(&tally.service),
    }
}

fn stage(record: &Record, begun: Option<&ScenarioRecord>, stopping: bool) -> &'static str {
    match begun {
        _ if record.end.is_some() => "writing the report",
        Some(scenario) if scenario.end.is_some() => "ended",
        _ if stopping || record.cancelled => "stopping",
        Some(_) => "running",
        None if record.target.ready_us.is_some() => "starting",
        None => "reaching the target",
    }
}

fn instrument(record: &Record) -> Generator {
    let judged = record.scenarios.last().map(|s| generator(record, s));
    let last = record.health.last().map(|(_, health)| health);
    Generator {
        trust: judged.as_ref().map_or(Trust::Valid, |j| j.trust),
        reasons: judged.map_or_else(Vec::new, |j| j.reasons),
        lag_us: last.and_then(|h| h.lag.quantile(0.99)),
        cpu: last.map_or(0.0, |h| h.cpu_generator),
        memory: last.map_or(0, |h| h.memory),
        descriptors: last.map_or(0, |h| h.descriptors),
    }
}
