//! A recorded run as metrics over time, for Prometheus and for OpenTelemetry: one model of families, series and points,
//! and a writer for each format. Everything comes from the record; nothing here sends anything.
//!
//! Names are OpenTelemetry's; Prometheus' follow from them by its own rules, so that both ways lead to the same series.

mod load;
mod otlp;
mod outcome;
mod prometheus;
mod state;
mod target;

pub use otlp::{Requests, requests};
pub use prometheus::{Dialect, write};

use harness_core::hist::Hist;
use harness_core::readiness::Readiness;
use harness_core::record::Record;
use harness_core::verdict::Verdict;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Upper bounds of the buckets of every duration, microseconds: what OpenTelemetry advises for HTTP durations, and more
/// at both ends.
pub const BOUNDS_US: [u64; 19] = [
    500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 75_000, 100_000, 250_000, 500_000, 750_000,
    1_000_000, 2_500_000, 5_000_000, 7_500_000, 10_000_000, 30_000_000, 60_000_000,
];

/// Points over time that a state, which has no windows of its own, is told at.
const MOMENTS: u64 = 600;

/// Kinds of failure a scenario tells apart; the rest is one more, `other`.
pub const MAX_KINDS: usize = 30;

/// Characters of a label's value; beyond, it is cut and ends in a mark of its whole.
pub const MAX_LABEL: usize = 200;

/// A run as metrics.
#[derive(Debug, Clone, PartialEq)]
pub struct Export {
    /// The families, each with its series.
    pub families: Vec<Family>,
    /// Who measured what: attributes of a resource.
    pub resource: Vec<(&'static str, String)>,
    /// Version of the harness that recorded it.
    pub version: String,
}

/// Series of one name.
#[derive(Debug, Clone, PartialEq)]
pub struct Family {
    /// What they are.
    pub about: About,
    /// Each with labels of its own.
    pub series: Vec<Series>,
}

/// A family's name and what it means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// OpenTelemetry's name, or what the target calls it.
    pub name: Cow<'static, str>,
    /// What is counted or measured in.
    pub unit: Unit,
    /// How values follow each other.
    pub kind: Kind,
    /// One line for people.
    pub help: Cow<'static, str>,
}

/// A unit, base units only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// None, or one that differs from series to series.
    None,
    /// A share of one.
    Ratio,
    /// Seconds.
    Seconds,
    /// Bytes.
    Bytes,
    /// Things, by their word in braces.
    Of(&'static str),
}

/// How a series' values follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Any value at any time.
    Gauge,
    /// Counts by bucket, each of which only grows.
    Histogram,
    /// Always 1: its labels tell.
    Info,
    /// The target's own, of which nobody said.
    Unknown,
}

/// One series.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Names and values; names as OpenTelemetry writes them.
    pub labels: Vec<(Cow<'static, str>, String)>,
    /// When counting began, milliseconds since the Unix epoch; `None` for what does not count or began unseen.
    pub since_ms: Option<i64>,
    /// In order of time, one for each time.
    pub points: Vec<Point>,
}

/// A value at a time.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// Milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// What was seen until then.
    pub value: Value,
}

/// What a point holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A number.
    Number(f64),
    /// A distribution.
    Counts(Box<Counts>),
}

/// A distribution over [`BOUNDS_US`].
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Counts {
    /// How many were in each bucket alone; the last is beyond every bound.
    pub buckets: [u64; BOUNDS_US.len() + 1],
    /// Their sum in seconds, each at the middle of what it is known to.
    pub sum: f64,
}

impl Counts {
    /// How many in all.
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// Adds a distribution of microseconds.
    pub fn add(&mut self, hist: &Hist) {
        let mut below = 0;
        let upto = BOUNDS_US.iter().map(|bound| hist.at_most(*bound));
        for (held, upto) in self.buckets.iter_mut().zip(upto.chain([hist.count()])) {
            *held += upto - below;
            below = upto;
        }
        self.sum += hist.mean().unwrap_or(0.0) * hist.count() as f64 / 1e6;
    }
}

/// A label of ours.
fn label(name: &'static str, value: impl ToString) -> (Cow<'static, str>, String) {
    (Cow::Borrowed(name), value.to_string())
}

/// A run as metrics. `began_ms`: when its clock was at zero, milliseconds since the Unix epoch.
pub fn export(record: &Record, verdict: &Verdict, readiness: &Readiness, began_ms: i64) -> Export {
    let run = record.run.as_ref();
    let id = run.map_or_else(String::new, |run| run.run.to_string());
    let mut all = Builder {
        run: id,
        began_ms,
        families: Vec::new(),
        places: BTreeMap::new(),
    };
    for scenario in &record.scenarios {
        load::add(&mut all, record, scenario);
    }
    state::add(&mut all, record);
    target::add(&mut all, record);
    outcome::add(&mut all, record, verdict, readiness);
    Export {
        families: all.families,
        resource: outcome::resource(record),
        version: run.map_or_else(String::new, |run| run.version.clone()),
    }
}

/// Puts series into their families.
struct Builder {
    run: String,
    began_ms: i64,
    families: Vec<Family>,
    /// Where each family is, by name.
    places: BTreeMap<Cow<'static, str>, usize>,
}

impl Builder {
    /// The time of a moment of the run.
    fn ms(&self, us: u64) -> i64 {
        self.began_ms.saturating_add((us / 1000) as i64)
    }

    /// Adds a series of values by time, in order; of several within a millisecond the last stays. `since_us`: when
    /// counting began.
    fn add(
        &mut self,
        about: &About,
        labels: Vec<(Cow<'static, str>, String)>,
        since_us: Option<u64>,
        values: impl IntoIterator<Item = (u64, Value)>,
    ) {
        let mut points: Vec<Point> = Vec::new();
        for (at_us, value) in values {
            let point = Point {
                at_ms: self.ms(at_us),
                value,
            };
            match points.last_mut() {
                Some(last) if last.at_ms >= point.at_ms => last.value = point.value,
                _ => points.push(point),
            }
        }
        if points.is_empty() {
            return;
        }
        let labels = [label("run", &self.run)].into_iter().chain(labels);
        let series = Series {
            labels: labels.map(|(name, value)| (name, cut(value))).collect(),
            since_ms: since_us.map(|us| self.ms(us)),
            points,
        };
        let at = *self.places.entry(about.name.clone()).or_insert_with(|| {
            self.families.push(Family {
                about: about.clone(),
                series: Vec::new(),
            });
            self.families.len() - 1
        });
        if let Some(family) = self.families.get_mut(at) {
            family.series.push(series);
        }
    }

    /// The same of plain numbers.
    fn numbers(
        &mut self,
        about: &About,
        labels: Vec<(Cow<'static, str>, String)>,
        since_us: Option<u64>,
        values: impl IntoIterator<Item = (u64, f64)>,
    ) {
        let values = values.into_iter();
        let values = values.map(|(at, value)| (at, Value::Number(value)));
        self.add(about, labels, since_us, values);
    }
}

/// A label's value without what no format can carry, and not longer than [`MAX_LABEL`]: two that are cut stay two.
fn cut(value: String) -> String {
    let value = if value.contains('\0') {
        value.replace('\0', "\u{fffd}")
    } else {
        value
    };
    let Some((end, _)) = value.char_indices().nth(MAX_LABEL) else {
        return value;
    };
    use sha2::Digest as _;
    let digest = sha2::Sha256::digest(value.as_bytes());
    let mark: String = digest.iter().take(4).map(|b| format!("{b:02x}")).collect();
    format!("{}…{mark}", &value[..end])
}

#[cfg(test)]
mod tests;
