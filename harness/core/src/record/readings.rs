//! What a plan's probes read, folded: for each selector what its series together said at each scrape, and what
//! counters grew by from one to the next. Only what a probe names is kept, in at most a window's worth of readings per
//! window; neighbours of a window are put together, never over an edge of the load.

use super::{MAX_WINDOWS, Record, ScenarioRecord};
use crate::event::ProbeSample;
use crate::expr::probe::Selector;
use std::collections::BTreeMap;

/// Microseconds between two scrapes of a service.
pub const SCRAPE_EVERY_US: u64 = 1_000_000;

/// Series of one selector read at most; of one that has more, no figure is known.
pub const MAX_SERIES_READ: usize = 500;
/// Readings left as they are at the end of a list: the epochs that lie in them may not have been told yet.
const FRESH: usize = 8;
/// Readings of a selector in a scenario at most; twice the windows, since edges keep some apart.
const MAX_READINGS: usize = 2 * MAX_WINDOWS as usize;

/// Some scrapes in a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    /// The scrape from which growth was counted, microseconds since the run began; the first one's time where there
    /// was none before it.
    pub from_us: u64,
    /// The first scrape, microseconds since the run began.
    pub first_us: u64,
    /// The last one.
    pub last_us: u64,
    /// Scrapes that answered.
    pub scrapes: u64,
    /// Of them, those that held the metric.
    pub held: u64,
    /// Microseconds over which growth was counted.
    pub covered_us: u64,
    /// What counters grew by. One that fell was restarted and counts from zero; one that is new began at zero.
    pub increase: f64,
    /// Sum over the scrapes that held the metric.
    pub sum: f64,
    /// Their smallest.
    pub min: f64,
    /// Their largest.
    pub max: f64,
    /// Their first.
    pub first: Option<f64>,
    /// Their last.
    pub last: Option<f64>,
}

impl Reading {
    /// Takes in scrapes that came after.
    pub fn add(&mut self, later: &Self) {
        self.from_us = self.from_us.min(later.from_us);
        self.last_us = self.last_us.max(later.last_us);
        self.scrapes += later.scrapes;
        self.held += later.held;
        self.covered_us += later.covered_us;
        self.increase += later.increase;
        self.sum += later.sum;
        self.min = self.min.min(later.min);
        self.max = self.max.max(later.max);
        self.first = self.first.or(later.first);
        self.last = later.last.or(self.last);
    }
}

/// What is known of a selector from the last scrape that answered.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Followed {
    /// When that was, microseconds since the run began.
    pub at_us: u64,
    /// Scrapes of its service that answered.
    pub scrapes: u64,
    /// Of them, those that held the metric.
    pub held: u64,
    /// Scrapes that answered and did not tell it in full, and why the last one did not.
    pub unread: Option<(u64, String)>,
    /// Every series seen, with its last value.
    values: BTreeMap<String, f64>,
}

impl Followed {
    /// The next scrape; `None` if it is older than one that was heard, or does not tell all of it: growth is then
    /// counted up to the next that does.
    fn next(&mut self, at_us: u64, selector: &Selector, sample: &ProbeSample) -> Option<Reading> {
        let before = (self.scrapes > 0).then_some(self.at_us);
        if before.is_some_and(|before| at_us <= before) {
            return None;
        }
        if let Some(why) = sample.unread.get(&selector.to_string()) {
            self.not_read(why);
            return None;
        }
        let here = sample.values.range(selector.metric.clone()..);
        let here = here.take_while(|(series, _)| series.starts_with(&selector.metric));
        let here = here.filter(|(series, _)| selector.matches(series));
        let new = here
            .clone()
            .filter(|(series, _)| !self.values.contains_key(*series));
        if self.values.len() + new.count() > MAX_SERIES_READ {
            self.not_read(&format!("it has had more than {MAX_SERIES_READ} series"));
            return None;
        }
        let (mut sum, mut increase) = (None, 0.0);
        for (series, value) in here {
            increase += match self.values.insert(series.clone(), *value) {
                Some(held) if *value >= held => value - held,
                _ => *value,
            };
            sum = Some(sum.unwrap_or(0.0) + value);
        }
        self.at_us = at_us;
        self.scrapes += 1;
        self.held += u64::from(sum.is_some());
        Some(Reading {
            from_us: before.unwrap_or(at_us),
            first_us: at_us,
            last_us: at_us,
            scrapes: 1,
            held: u64::from(sum.is_some()),
            covered_us: before.map_or(0, |before| at_us - before),
            increase: before.map_or(0.0, |_| increase),
            sum: sum.unwrap_or(0.0),
            min: sum.unwrap_or(f64::INFINITY),
            max: sum.unwrap_or(f64::NEG_INFINITY),
            first: sum,
            last: sum,
        })
    }

    fn not_read(&mut self, why: &str) {
        let times = self.unread.as_ref().map_or(0, |(times, _)| *times);
        self.unread = Some((times + 1, why.to_owned()));
    }
}

impl Record {
    /// Folds a scrape that answered into what the plan's probes read of its service.
    pub(super) fn read(&mut self, at: u64, sample: &ProbeSample) {
        if sample.error.is_some() {
            return;
        }
        let at = sample.taken_us.unwrap_or(at);
        let of = |s: &Selector| {
            s.service
                .as_ref()
                .is_some_and(|name| name.as_str() == sample.service)
        };
        for (selector, followed) in self.followed.iter_mut().filter(|(s, _)| of(s)) {
            let reading = followed.next(at, selector, sample);
            let scenario = self.scenarios.last_mut().filter(|s| s.concerns(at));
            if let (Some(reading), Some(scenario)) = (reading, scenario) {
                scenario.take_reading(selector, reading);
            }
        }
    }
}

impl ScenarioRecord {
    /// Whether a scrape lies in this scenario, or so close to it that it tells of its begin or end.
    fn concerns(&self, at: u64) -> bool {
        let ended = self
            .end
            .map_or(u64::MAX, |(end, _)| end.saturating_add(SCRAPE_EVERY_US));
        (self.t0_us.saturating_sub(SCRAPE_EVERY_US)..=ended).contains(&at)
    }

    fn take_reading(&mut self, selector: &Selector, reading: Reading) {
        if !self.readings.contains_key(selector) {
            self.readings.insert(selector.clone(), Vec::new());
        }
        let window = u64::from(self.window_s) * 1_000_000;
        let edges: Vec<u64> = self.epochs.iter().map(|epoch| epoch.from_us).collect();
        let (t0, Some(readings)) = (self.t0_us, self.readings.get_mut(selector)) else {
            return;
        };
        readings.push(reading);
        if window > SCRAPE_EVERY_US && readings.len() > FRESH + 1 {
            let at = readings.len() - FRESH - 1;
            join(readings, at, |a, b| {
                place(a.last_us, t0, window) == place(b.last_us, t0, window) && !cut(&edges, a, b)
            });
        }
        let mut window = window;
        while readings.len() > MAX_READINGS {
            window *= 2;
            let mut at = 1;
            while at < readings.len() {
                at += 1 - join(readings, at, |a, b| {
                    place(a.last_us, t0, window) == place(b.last_us, t0, window)
                });
            }
        }
    }
}

/// The window a scrape ends; one that comes on its edge, or a little late, ends the one before. None for the first,
/// which ends nothing.
fn place(at: u64, t0: u64, window: u64) -> Option<u64> {
    let since = at.checked_sub(t0 + SCRAPE_EVERY_US / 2)?;
    Some(since / window)
}

/// Whether an edge lies inside two readings put together.
fn cut(edges: &[u64], a: &Reading, b: &Reading) -> bool {
    edges
        .iter()
        .any(|edge| (a.from_us + 1..b.last_us).contains(edge))
}

/// Puts a reading together with the one before it, where they are of one piece; how many were.
fn join(readings: &mut Vec<Reading>, at: usize, one: impl Fn(&Reading, &Reading) -> bool) -> usize {
    match readings.get(at.wrapping_sub(1)..=at) {
        Some([a, b]) if one(a, b) => {
            let later = readings.remove(at);
            if let Some(earlier) = readings.get_mut(at - 1) {
                earlier.add(&later);
            }
            1
        }
        _ => 0,
    }
}
