//! Where the figures of one stretch of load lie, such as a phase of a fault: how far they would differ in another stretch
//! like it. By the block bootstrap of whole runs ([`Table`]), of few blocks: so what is taken off the normal distribution there
//! is taken off Student's t of the blocks here, and made wider by what a short stretch can't see of itself. Shown, never
//! judged by.

use super::estimate::{Span, Table};
use super::sample::{MAX_WINDOWS, Window};
use super::{QuantileEstimate, Settings};
use crate::plan::gate::During;
use crate::random::{Draws, coordinate};
use crate::record::{Record, ScenarioRecord, Tally, WindowPoint};
use crate::stats::{student, wilson};
use crate::verdict::{effect, ended_badly, ended_by_target, error_rate};
use serde::Serialize;

/// The quantiles of which intervals are told.
pub const TOLD: [f64; 3] = [0.5, 0.95, 0.99];
/// Blocks that a stretch is cut into: few and long ones see more of what hangs together in time.
const BLOCKS: f64 = 5.0;
/// What wanders more slowly than a stretch is long does not show in it: its error is `1 + UNSEEN_S / seconds` times what its
/// blocks show. So much is needed in simulated phases of 10 s to 300 s (docs/benchmarks.md).
const UNSEEN_S: f64 = 15.0;
/// Length of a block at least, seconds.
const BLOCK_S: f64 = 2.0;
/// Blocks at least, 5.5 s: of fewer nobody knows how far they differ.
const LEAST_BLOCKS: f64 = 2.75;
/// Responses that must lie beyond a quantile on either side of it.
const LEAST_BEYOND: f64 = 5.0;
/// What is left out at either end.
const TAIL: f64 = 0.025;
/// The same as deviations of a normal distribution.
const Z: f64 = 1.959_964;

/// A part of a scenario's load.
#[derive(Debug, Clone, PartialEq)]
pub enum Stretch<'d> {
    /// A phase.
    Phase(&'d During),
    /// The same whole windows of its control.
    Control(&'d During),
}

/// Where a figure lies, with 95 %.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// Not below.
    pub low: f64,
    /// Not above.
    pub high: f64,
}

/// Where the figures of a stretch lie; `None` where it is too short or too little was seen to tell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Intervals {
    /// The median of response times, whole µs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p50: Option<Interval>,
    /// The same of p95.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p95: Option<Interval>,
    /// The same of p99.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p99: Option<Interval>,
    /// The share that ended badly of what ended by the target's doing, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_rate: Option<Interval>,
}

impl Intervals {
    /// Whether nothing can be told.
    pub fn none(&self) -> bool {
        *self == Self::default()
    }
}

/// The intervals of a stretch, all journeys together, around the figures of `whole`, which is all that was seen in it.
/// Reproducible: draws from the run's seed, its scenario and the stretch.
pub fn intervals(
    record: &Record,
    scenario: &ScenarioRecord,
    of: &Stretch<'_>,
    whole: &Tally,
) -> Intervals {
    let Some(run) = record.run.as_deref() else {
        return Intervals::default();
    };
    let (points, during, word) = match of {
        Stretch::Phase(during) => (scenario.series_in(None, during), during, "phase"),
        Stretch::Control(during) => {
            let points = effect::control_series(record, scenario, during);
            (points, during, "control")
        }
    };
    // As plans are written: a name in the code may change.
    let phase = serde_json::to_string(during).unwrap_or_default();
    let coordinates = ["intervals", scenario.name.as_str(), word, &phase].map(coordinate);
    let mut draws = Draws::at(run.plan.seed, &coordinates);
    // What drains after the schedule has no load beside it.
    let within = |point: &&WindowPoint| u64::from(point.second) * 1_000_000 < scenario.planned_us;
    let windows: Vec<&Tally> = points.iter().filter(within).map(|p| &p.tally).collect();
    let stretch = Windows {
        tallies: &windows,
        window_s: scenario.window_s,
        seconds: scenario.phase_seconds(during),
    };
    of_windows(stretch, whole, &mut draws)
}

/// A stretch in windows.
#[derive(Debug, Clone, Copy)]
pub struct Windows<'w> {
    /// What was seen in each, in order of time; those that an edge cuts hold the stretch's part.
    pub tallies: &'w [&'w Tally],
    /// How long one is, seconds.
    pub window_s: u32,
    /// How long the stretch is, seconds: less than its windows are together where edges cut some.
    pub seconds: f64,
}

/// The intervals of windows; `whole` is what they come to.
pub fn of_windows(stretch: Windows<'_>, whole: &Tally, draws: &mut Draws) -> Intervals {
    let Windows { tallies, .. } = stretch;
    let together = tallies.len().div_ceil(MAX_WINDOWS as usize).max(1);
    let windows: Vec<Window> = tallies.chunks(together).map(joined).collect();
    let span = span(&stretch, together, windows.len());
    if span.blocks < LEAST_BLOCKS {
        return Intervals::default();
    }
    // Whatever a suite says of comparisons: nothing is decided here.
    let settings = Settings {
        quantiles: TOLD.to_vec(),
        ..Settings::default()
    };
    let (quantiles, errors) = Table::of(&windows).figures(&span, &settings, draws);
    let t = student::quantile(1.0 - TAIL, span.blocks.round() - 1.0);
    let reach = t * (1.0 + UNSEEN_S / span.seconds);
    let samples = whole.response.count() as f64;
    let of = |q: f64| {
        let enough = samples * q.min(1.0 - q) >= LEAST_BEYOND;
        let found = quantiles.iter().find(|found| found.q.total_cmp(&q).is_eq());
        around(found.filter(|_| enough)?, reach, whole)
    };
    let [p50, p95, p99] = TOLD.map(of);
    let error_rate = error_rate(whole).map(|share| {
        // Of what never failed resamples show nothing; the count alone does.
        let (low, high) = wilson::interval(share, ended_by_target(whole) as f64, Z);
        Interval {
            low: low.min(share - reach * errors.se).clamp(0.0, share),
            high: high.max(share + reach * errors.se).clamp(share, 1.0),
        }
    });
    Intervals {
        p50,
        p95,
        p99,
        error_rate,
    }
}

/// The interval around a figure as it is told, which has more digits than windows have. Where seconds are of two kinds its
/// ends would lie anywhere; nobody knows more than that they lie among what was seen.
fn around(found: &QuantileEstimate, reach: f64, whole: &Tally) -> Option<Interval> {
    let (least, most) = (whole.response.min()?, whole.response.max()?);
    let figure = whole.response.quantile(found.q)? as f64;
    Some(Interval {
        low: (figure * (-reach * found.se_low).exp())
            .floor()
            .max(least as f64),
        high: (figure * (reach * found.se_high).exp())
            .ceil()
            .min(most as f64),
    })
}

/// Windows as one, by what ended of the target's doing.
fn joined(tallies: &[&Tally]) -> Window {
    let times = tallies.iter().flat_map(|t| t.response.buckets()).copied();
    let sum = |of: fn(&Tally) -> u64| tallies.iter().fold(0, |n: u64, t| n.saturating_add(of(t)));
    Window {
        ended: sum(ended_by_target),
        ..Window::of(0, sum(ended_badly), times)
    }
}

/// The blocks of a stretch: [`BLOCKS`] of them, or fewer where they would be too short to hold what hangs together.
fn span(stretch: &Windows<'_>, together: usize, windows: usize) -> Span {
    let window_s = f64::from(stretch.window_s.max(1)) * together as f64;
    let seconds = stretch.seconds.min(windows as f64 * window_s);
    let block = ((seconds / BLOCKS).max(BLOCK_S) / window_s).ceil().max(1.0);
    Span {
        seconds,
        from_s: 0,
        block: block as usize,
        blocks: seconds / (block * window_s),
        short: false,
    }
}

#[cfg(test)]
mod tests;
