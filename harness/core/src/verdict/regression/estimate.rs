//! One run's figures with their error: what is left after trimming, each quantile of it, and how far it would differ in
//! another stretch of the same run (circular block bootstrap). Knows nothing of other runs.

use super::grid::{ln_edge, ln_quantile, ln_quantile_of};
use super::shape::{Rhythm, rhythm};
use super::{Sample, Series, Settings, Window};
use crate::name::RunId;
use crate::plan::gate::During;
use crate::random::{Draws, coordinate};
use crate::stats::bootstrap::Blocks;
use crate::stats::{normal, robust};
use std::collections::{BTreeMap, BTreeSet};

/// A run's figures.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimate {
    /// The run.
    pub run: RunId,
    /// By name.
    pub names: BTreeMap<String, NameEstimate>,
}

/// A name's figures in a run.
#[derive(Debug, Clone, PartialEq)]
pub struct NameEstimate {
    /// The time they rest on.
    pub span: Span,
    /// Responses in it.
    pub samples: u64,
    /// In the order of [`Settings::quantiles`]; empty where nothing is left.
    pub quantiles: Vec<QuantileEstimate>,
    /// Errors in it.
    pub errors: ErrorEstimate,
    /// How it went over time.
    pub(super) rhythm: Rhythm,
}

/// A quantile of a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct QuantileEstimate {
    /// The quantile, 0 to 1.
    pub q: f64,
    /// Its natural logarithm, of µs.
    pub ln: f64,
    /// How far it may lie too high within the run, as a standard error: what a stall too many does. Inflated in a short run.
    pub se_low: f64,
    /// How far it may lie too low: what a stall too few does.
    pub se_high: f64,
}

impl QuantileEstimate {
    /// The mean square of both: a variance.
    pub(super) fn se2(&self) -> f64 {
        f64::midpoint(self.se_low * self.se_low, self.se_high * self.se_high)
    }
}

/// A run's errors.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ErrorEstimate {
    /// Share of all that ended.
    pub share: f64,
    /// Its standard error within the run.
    pub se: f64,
    /// What ended badly.
    pub failed: u64,
    /// What ended.
    pub ended: u64,
    /// Stretches of time with errors; one that lasts counts once for each block it fills.
    pub episodes: u32,
}

/// What is left of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Span {
    /// Seconds left.
    pub seconds: f64,
    /// The first second of them, from the scenario's begin.
    pub from_s: u32,
    /// Length of a block, windows.
    pub block: usize,
    /// How many blocks the rest holds.
    pub blocks: f64,
    /// Whether the rules of short runs apply.
    pub short: bool,
}

impl Estimate {
    /// A sample's figures. Reproducible: it draws from the sample's own seed, run and names.
    pub fn of(sample: &Sample, settings: &Settings) -> Self {
        Self::of_names(sample, settings, |_| true)
    }

    /// The same figures of some of the names.
    pub(super) fn of_names(
        sample: &Sample,
        settings: &Settings,
        wanted: impl Fn(&str) -> bool,
    ) -> Self {
        let times: BTreeSet<u32> = sample
            .names
            .values()
            .flat_map(|series| series.0.iter().map(|w| w.second))
            .collect();
        let times: Vec<u32> = times.into_iter().collect();
        let name = |(name, series): (&String, &Series)| {
            let coordinates = ["regression", sample.run.as_str(), name].map(coordinate);
            let mut draws = Draws::at(sample.seed, &coordinates);
            let estimate = named(sample, series, &times, settings, &mut draws);
            (name.clone(), estimate)
        };
        Self {
            run: sample.run.clone(),
            names: sample
                .names
                .iter()
                .filter(|(name, _)| wanted(name))
                .map(name)
                .collect(),
        }
    }

    /// A quantile of a name, by its place in [`Settings::quantiles`].
    pub(super) fn quantile(&self, name: &str, at: usize) -> Option<&QuantileEstimate> {
        self.names.get(name)?.quantiles.get(at)
    }
}

fn named(
    sample: &Sample,
    series: &Series,
    times: &[u32],
    settings: &Settings,
    draws: &mut Draws,
) -> NameEstimate {
    let span = span(sample, series, times, settings);
    let kept = along(series, times, span.from_s);
    let table = Table::of(&kept);
    let (quantiles, errors) = table.figures(&span, settings, draws);
    NameEstimate {
        span,
        samples: table.counts().0.iter().sum(),
        quantiles,
        errors: ErrorEstimate {
            episodes: episodes(&kept, span.block),
            ..errors
        },
        rhythm: rhythm(&table.rows, &table.edges, sample.window_s, settings),
    }
}

/// Windows by what is counted in them: a row for each, a column for each cell with responses, then what failed and what
/// ended.
pub(super) struct Table {
    /// (ln lower edge, ln upper edge) of each cell.
    edges: Vec<(f64, f64)>,
    rows: Vec<Vec<(usize, u64)>>,
    sums: Vec<u64>,
}

impl Table {
    /// The windows, in order of time.
    pub(super) fn of(windows: &[Window]) -> Self {
        let mut cells: Vec<u16> = windows
            .iter()
            .flat_map(|w| w.cells.iter().map(|c| c.0))
            .collect();
        cells.sort_unstable();
        cells.dedup();
        let edges = cells
            .iter()
            .map(|cell| (ln_edge(*cell), ln_edge(cell.saturating_add(1))));
        let rows: Vec<Vec<(usize, u64)>> = windows.iter().map(|w| row(w, &cells)).collect();
        Self {
            edges: edges.collect(),
            sums: sum(&rows, cells.len() + 2),
            rows,
        }
    }

    /// What all windows come to: responses by cell, and what failed and ended.
    fn counts(&self) -> (&[u64], &[u64]) {
        self.sums.split_at(self.edges.len())
    }

    /// Quantiles and share of errors with how far they would differ in another such stretch. Episodes are not counted.
    pub(super) fn figures(
        &self,
        span: &Span,
        settings: &Settings,
        draws: &mut Draws,
    ) -> (Vec<QuantileEstimate>, ErrorEstimate) {
        let blocks = Blocks::new(&self.rows, self.sums.len(), span.block);
        let inflation = if span.short {
            settings.short_inflation
        } else {
            1.0
        };
        let correction = blocks.correction() * inflation;
        let mut drawn: Vec<Vec<f64>> = vec![Vec::new(); settings.quantiles.len()];
        let mut shares = Vec::new();
        blocks.resample(settings.resamples, draws, |counts| {
            let (times, ends) = counts.split_at(self.edges.len());
            let total = times.iter().sum();
            for (values, q) in drawn.iter_mut().zip(&settings.quantiles) {
                values.extend(ln_quantile_of(total, times, &self.edges, *q));
            }
            shares.extend(share(ends));
        });
        let (times, ends) = self.counts();
        let quantile = |(q, values): (&f64, &mut Vec<f64>)| {
            let ln = ln_quantile(times, &self.edges, *q)?;
            let (se_low, se_high) = errors_of(ln, values);
            Some(QuantileEstimate {
                q: *q,
                ln,
                se_low: se_low * correction,
                se_high: se_high * correction,
            })
        };
        let quantiles = settings.quantiles.iter().zip(&mut drawn);
        let errors = ErrorEstimate {
            share: share(ends).unwrap_or(0.0),
            se: robust::deviation(&shares).unwrap_or(0.0) * correction,
            failed: ends.first().copied().unwrap_or(0),
            ended: ends.last().copied().unwrap_or(0),
            episodes: 0,
        };
        (quantiles.filter_map(quantile).collect(), errors)
    }
}

/// The distances of a value to the ends of the middle 95 % of its resamples, as standard errors of a normal distribution.
/// Each side by itself: a run with a stall too many has a p99 that is too high and resamples that reach far up, and one
/// error for both sides would be large just when it is not needed.
fn errors_of(value: f64, resamples: &mut [f64]) -> (f64, f64) {
    const TAIL: f64 = 0.025;
    resamples.sort_unstable_by(f64::total_cmp);
    let last = resamples.len().saturating_sub(1) as f64;
    let at = |share: f64| resamples.get((last * share).round() as usize).copied();
    let reach = -normal::quantile(TAIL);
    let of = |end: Option<f64>, sign: f64| {
        end.map_or(0.0, |end| (sign * (end - value)).max(0.0) / reach)
    };
    (of(at(TAIL), -1.0), of(at(1.0 - TAIL), 1.0))
}

/// A window's counts by column: the cells, then what failed, then what ended.
fn row(window: &Window, cells: &[u16]) -> Vec<(usize, u64)> {
    let column = |(cell, n): &(u16, u64)| Some((cells.binary_search(cell).ok()?, *n));
    let ends = [
        (cells.len(), window.failed),
        (cells.len() + 1, window.ended),
    ];
    window.cells.iter().filter_map(column).chain(ends).collect()
}

/// A sum at most: what a number that has fractions can tell apart.
const MOST: u64 = 1 << 53;

fn sum(rows: &[Vec<(usize, u64)>], columns: usize) -> Vec<u64> {
    let mut sum = vec![0; columns];
    for (column, n) in rows.iter().flatten() {
        if let Some(cell) = sum.get_mut(*column) {
            *cell = u64::saturating_add(*cell, *n).min(MOST);
        }
    }
    sum
}

/// Failed of ended.
fn share(ends: &[u64]) -> Option<f64> {
    let (failed, ended) = (ends.first()?, ends.last()?);
    (*ended > 0).then(|| *failed as f64 / *ended as f64)
}

/// A series' windows at all times from a second on, empty ones where it has none.
fn along(series: &Series, times: &[u32], from_s: u32) -> Vec<Window> {
    let mut own = series.0.iter().peekable();
    let mut kept = Vec::new();
    for second in times.iter().copied().filter(|second| *second >= from_s) {
        while own.next_if(|w| w.second < second).is_some() {}
        let empty = || Window {
            second,
            ..Window::default()
        };
        let found = own.next_if(|w| w.second == second);
        kept.push(found.cloned().unwrap_or_else(empty));
    }
    kept
}

/// What is left after trimming, by the rules of long runs or, where that leaves too little, of short ones. Only load
/// outside of faults is trimmed: a fault's phase begins where it begins.
fn span(sample: &Sample, series: &Series, times: &[u32], settings: &Settings) -> Span {
    let trimmed = matches!(sample.during, During::Undisturbed | During::All);
    let left = |least_s: f64| {
        let trim = (sample.schedule_s * settings.trim).max(least_s);
        let trim = if trimmed { trim.ceil() as u32 } else { 0 };
        let settles = if trimmed {
            settled(series, trim, sample.window_s, settings)
        } else {
            0
        };
        let from_s = trim.max(settles);
        let windows = times.iter().filter(|second| **second >= from_s).count();
        (from_s, windows as f64 * f64::from(sample.window_s))
    };
    let (mut from_s, mut seconds) = left(settings.trim_s);
    let short = seconds < settings.short_s;
    let mut block_s = settings.block_s;
    if short {
        (from_s, seconds) = left(settings.short_trim_s);
        block_s = (seconds / 10.0).max(settings.short_block_s);
    }
    let window_s = f64::from(sample.window_s.max(1));
    let block = (block_s / window_s).floor().max(1.0);
    Span {
        seconds,
        from_s,
        block: block as usize,
        blocks: seconds / (block * window_s),
        short,
    }
}

/// Stretches of a whole run whose medians are looked at, about ten seconds of 300.
const STRETCHES: usize = 24;
/// Samples a stretch needs for its median to say something.
const STRETCH_SAMPLES: u64 = 50;
/// A median that many deviations off is no accident.
const FAR: f64 = 4.0;

/// The second from which a name's medians are those of its second half: the end of the last stretch in the first half that
/// is off. How much is off goes with how far stretches of the second half differ among themselves, or a noisy name would
/// lose half of its run to noise.
fn settled(series: &Series, trim: u32, window_s: u32, settings: &Settings) -> u32 {
    let kept: Vec<&Window> = series.0.iter().filter(|w| w.second >= trim).collect();
    let stretch = (kept.len() / STRETCHES).max(1);
    let medians: Vec<(u32, f64)> = kept
        .chunks(stretch)
        .filter_map(|windows| {
            let end = windows.last()?.second + window_s;
            Some((end, median(windows)?))
        })
        .collect();
    let (first, second) = medians.split_at(medians.len() / 2);
    let second: Vec<f64> = second.iter().map(|(_, ln)| *ln).collect();
    // Neither deviation of a dozen values may be small by luck alone.
    let spreads = robust::deviation(&second).zip(robust::robust_deviation(&second));
    let (Some(middle), Some((plain, spread))) = (robust::median(&second), spreads) else {
        return 0;
    };
    let off = settings.settled.ln_1p().max(FAR * plain.max(spread));
    let last = first.iter().rev().find(|(_, ln)| (ln - middle).abs() > off);
    last.map_or(0, |(end, _)| *end)
}

/// ln of the median of some windows together.
fn median(windows: &[&Window]) -> Option<f64> {
    let mut cells: BTreeMap<u16, u64> = BTreeMap::new();
    for (cell, n) in windows.iter().flat_map(|w| &w.cells) {
        *cells.entry(*cell).or_default() += n;
    }
    let edges: Vec<(f64, f64)> = cells
        .keys()
        .map(|c| (ln_edge(*c), ln_edge(c.saturating_add(1))))
        .collect();
    let counts: Vec<u64> = cells.into_values().collect();
    let enough = counts.iter().sum::<u64>() >= STRETCH_SAMPLES;
    ln_quantile(&counts, &edges, 0.5).filter(|_| enough)
}

/// Stretches of windows with errors, each as often as it fills a block.
fn episodes(windows: &[Window], block: usize) -> u32 {
    let bad = windows.split(|w| w.failed == 0);
    bad.map(|run| run.len().div_ceil(block.max(1)) as u32).sum()
}

#[cfg(test)]
mod tests;
