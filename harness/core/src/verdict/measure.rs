//! A gate's figure, taken from what was seen of a phase or a window, and the judgement of it. Knows nothing of
//! faults, of the generator or of classes.

use super::Grade;
use super::limits::{
    ALPHA, ALPHA_LIVE, AVAILABILITY_WINDOWS, MEAN_ALL_BAD, MEAN_SAMPLES, RATE_SECONDS,
    WINDOW_SAMPLES,
};
use super::share::{self, Rigour};
use crate::expr::gate::{Comparison, GateExpr, GateSubject, Stat, Unit};
use crate::hist::Hist;
use crate::http::FailureKind;
use crate::record::{Tally, WindowPoint};
use crate::units::human_us;

/// What is judged: some load and how long it lasted.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    pub tally: Tally,
    pub seconds: f64,
    /// Windows with arrivals, and how many of them were available.
    pub windows: (u64, u64),
}

impl Seen {
    /// Takes in the windows' availability: a window is available when at least half of what ended in it ended well;
    /// one with arrivals of which none ended is not.
    pub(super) fn count_windows<'p>(&mut self, points: impl IntoIterator<Item = &'p WindowPoint>) {
        for point in points.into_iter().filter(|p| arrivals(&p.tally) > 0) {
            let ended = finished(&point.tally);
            self.windows.0 += 1;
            self.windows.1 += u64::from(ended > 0 && point.tally.ok >= ended.div_ceil(2));
        }
    }

    /// Adds what was seen elsewhere.
    pub(super) fn add(&mut self, other: &Self) {
        self.tally.add(&other.tally);
        self.seconds += other.seconds;
        self.windows = (
            self.windows.0 + other.windows.0,
            self.windows.1 + other.windows.1,
        );
    }
}

/// The moment of asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    /// The load has ended.
    Final,
    /// It still runs: only what is sure now counts.
    Live,
}

impl When {
    fn rigour(self) -> Rigour {
        match self {
            Self::Final => Rigour {
                alpha: ALPHA,
                observed_decides: true,
            },
            Self::Live => Rigour {
                alpha: ALPHA_LIVE,
                observed_decides: false,
            },
        }
    }
}

/// A judgement: the grade, the figure and the samples it rests on, and what is missing where it is inconclusive.
#[derive(Debug, Clone)]
pub(super) struct Judged {
    pub grade: Grade,
    pub observed: Option<f64>,
    pub samples: u64,
    pub missing: String,
}

fn local(tally: &Tally) -> u64 {
    tally
        .errors
        .get(FailureKind::Local.as_str())
        .copied()
        .unwrap_or(0)
}

/// What ended by the target's doing: failures for want of local ports or memory say nothing about it.
pub(crate) fn finished(tally: &Tally) -> u64 {
    tally.finished() - local(tally)
}

/// Failures of the target.
pub(crate) fn failed(tally: &Tally) -> u64 {
    tally.failed() - local(tally)
}

/// Share of what ended by the target's doing that ended badly, 0 to 1; `None` where nothing did.
pub fn error_rate(tally: &Tally) -> Option<f64> {
    share_of(failed(tally), finished(tally))
}

fn share_of(part: u64, of: u64) -> Option<f64> {
    (of > 0).then(|| part as f64 / of as f64)
}

/// Arrivals of a name: planned ones of a journey, begun ones of a step.
pub(super) fn arrivals(tally: &Tally) -> u64 {
    tally.planned.max(tally.started).max(tally.finished())
}

/// The distribution a latency subject looks at.
fn latencies<'t>(subject: &GateSubject, tally: &'t Tally) -> &'t Hist {
    if matches!(subject, GateSubject::Service { .. }) {
        &tally.service
    } else {
        &tally.response
    }
}

/// A subject's figure in its unit; `None` when there is nothing to take it from.
pub(super) fn observe(subject: &GateSubject, seen: &Seen) -> Option<f64> {
    let tally = &seen.tally;
    match subject {
        GateSubject::Latency { stat, .. } | GateSubject::Service { stat, .. } => {
            let hist = latencies(subject, tally);
            match stat {
                Stat::Quantile(q) => hist.quantile(q.get()).map(|us| us as f64),
                Stat::Mean => hist.mean(),
                Stat::Max => hist.max().map(|us| us as f64),
            }
        }
        GateSubject::Rate(_) => {
            (seen.seconds > 0.0 && !tally.is_empty()).then(|| tally.ok as f64 / seen.seconds)
        }
        GateSubject::ErrorRate(_) => error_rate(tally),
        GateSubject::Lost(_) => (finished(tally) > 0).then(|| failed(tally) as f64),
        GateSubject::Availability(_) => share_of(seen.windows.1, seen.windows.0),
        GateSubject::Dropped(_) => share_of(tally.dropped, tally.planned),
        GateSubject::RateMissed => {
            let missed = tally.planned.saturating_sub(tally.begun);
            // One that came due at the very end goes out in the next second.
            share_of(missed.saturating_sub(1), tally.planned)
        }
        GateSubject::OfFault { .. }
        | GateSubject::OfLink { .. }
        | GateSubject::Capacity
        | GateSubject::Effect(_)
        | GateSubject::Regression { .. }
        | GateSubject::Headroom { .. }
        | GateSubject::Probe { .. } => None,
    }
}

/// Samples a subject's figure rests on.
pub(super) fn samples(subject: &GateSubject, seen: &Seen) -> u64 {
    match subject {
        GateSubject::Latency { .. } | GateSubject::Service { .. } => {
            latencies(subject, &seen.tally).count()
        }
        GateSubject::Rate(_) => arrivals(&seen.tally),
        GateSubject::ErrorRate(_) | GateSubject::Lost(_) => finished(&seen.tally),
        GateSubject::Availability(_) => seen.windows.0,
        GateSubject::Dropped(_) | GateSubject::RateMissed => seen.tally.planned,
        GateSubject::OfFault { .. }
        | GateSubject::OfLink { .. }
        | GateSubject::Capacity
        | GateSubject::Effect(_)
        | GateSubject::Regression { .. }
        | GateSubject::Headroom { .. }
        | GateSubject::Probe { .. } => 0,
    }
}

/// Judges what was seen of a whole phase.
pub(super) fn judge(expr: &GateExpr, seen: &Seen, when: When) -> Judged {
    let samples = samples(&expr.subject, seen);
    let Some(observed) = observe(&expr.subject, seen) else {
        let missing = "there was no load to judge".to_owned();
        return Judged {
            grade: Grade::Inconclusive,
            observed: None,
            samples,
            missing,
        };
    };
    let (grade, missing) = grade(expr, seen, observed, samples, when);
    Judged {
        grade,
        observed: Some(observed),
        samples,
        missing,
    }
}

fn grade(expr: &GateExpr, seen: &Seen, observed: f64, n: u64, when: When) -> (Grade, String) {
    let holds = expr.holds(observed);
    let upper = matches!(expr.op, Comparison::Less | Comparison::AtMost);
    let plain = |enough: bool, missing: String| match (enough, holds) {
        (true, true) => (Grade::Pass, String::new()),
        (true, false) => (Grade::Fail, String::new()),
        (false, _) => (Grade::Inconclusive, missing),
    };
    match &expr.subject {
        GateSubject::Latency { stat, .. } | GateSubject::Service { stat, .. } => {
            let bad = violations(expr, latencies(&expr.subject, &seen.tally));
            match stat {
                Stat::Quantile(q) if q.get() < 1.0 => {
                    let allowed = if upper { 1.0 - q.get() } else { q.get() };
                    by_share(holds, bad, unseen(seen, upper), n, allowed, when)
                }
                Stat::Quantile(_) | Stat::Max if !holds && upper => (Grade::Fail, String::new()),
                Stat::Quantile(_) | Stat::Max => {
                    plain(n >= WINDOW_SAMPLES, of_needed(n, WINDOW_SAMPLES, "samples"))
                }
                Stat::Mean if n >= MEAN_ALL_BAD && bad == n => (Grade::Fail, String::new()),
                Stat::Mean => plain(n >= MEAN_SAMPLES, of_needed(n, MEAN_SAMPLES, "samples")),
            }
        }
        GateSubject::ErrorRate(_) if upper => by_share(
            holds,
            failed(&seen.tally),
            unseen(seen, upper),
            n,
            expr.limit,
            when,
        ),
        GateSubject::ErrorRate(_) => {
            by_share(holds, n - failed(&seen.tally), 0, n, 1.0 - expr.limit, when)
        }
        GateSubject::Lost(_) => lost(expr, &seen.tally, n, when),
        GateSubject::Dropped(_) if upper => {
            by_share(holds, seen.tally.dropped, 0, n, expr.limit, when)
        }
        GateSubject::Dropped(_) => by_share(
            holds,
            n - seen.tally.dropped.min(n),
            0,
            n,
            1.0 - expr.limit,
            when,
        ),
        GateSubject::Availability(_) => {
            // With every window that is missing counted in the gate's favour: if it fails then, it fails.
            let (windows, good) = seen.windows;
            let favour = if upper {
                good
            } else {
                good + AVAILABILITY_WINDOWS.saturating_sub(windows)
            };
            let best = favour as f64 / windows.max(AVAILABILITY_WINDOWS) as f64;
            let missing = of_needed(windows, AVAILABILITY_WINDOWS, "windows with arrivals");
            if expr.holds(best) {
                plain(windows >= AVAILABILITY_WINDOWS, missing)
            } else {
                (Grade::Fail, String::new())
            }
        }
        GateSubject::Rate(_) | GateSubject::RateMissed => {
            let missing = format!(
                "it rests on {:.1} s and needs {RATE_SECONDS} s",
                seen.seconds
            );
            plain(seen.seconds >= RATE_SECONDS, missing)
        }
        GateSubject::OfFault { .. }
        | GateSubject::OfLink { .. }
        | GateSubject::Capacity
        | GateSubject::Effect(_)
        | GateSubject::Regression { .. }
        | GateSubject::Headroom { .. }
        | GateSubject::Probe { .. } => (Grade::Inconclusive, "load says nothing of it".to_owned()),
    }
}

/// A count only grows: what it has passed is known at once, that it stays below only at the end, and only if what nobody knows
/// the end of would change nothing.
fn lost(expr: &GateExpr, tally: &Tally, n: u64, when: When) -> (Grade, String) {
    let upper = matches!(expr.op, Comparison::Less | Comparison::AtMost);
    let (seen, unknown) = (failed(tally), tally.dropped + tally.cancelled);
    let holds = expr.holds(seen as f64);
    let sure = if holds { Grade::Pass } else { Grade::Fail };
    if holds != upper {
        return (sure, String::new());
    }
    let missing = if when == When::Live {
        "the load has not ended".to_owned()
    } else if n < WINDOW_SAMPLES {
        of_needed(n, WINDOW_SAMPLES, "samples")
    } else if expr.holds((seen + unknown) as f64) != holds {
        format!("{unknown} never began or never ended")
    } else {
        return (sure, String::new());
    };
    (Grade::Inconclusive, missing)
}

/// Samples whose latency alone would not hold.
fn violations(expr: &GateExpr, hist: &Hist) -> u64 {
    let one = |(value, n): &(u64, u64)| {
        let top = Hist::from_counts([(*value, 1)]).max().unwrap_or(*value);
        if expr.holds(top as f64) { 0 } else { *n }
    };
    hist.buckets().iter().map(one).sum()
}

/// Arrivals that never began: they have no latency and no outcome, and must not help a gate that limits from above.
fn unseen(seen: &Seen, upper: bool) -> u64 {
    if upper { seen.tally.dropped } else { 0 }
}

fn by_share(
    holds: bool,
    bad: u64,
    unseen: u64,
    n: u64,
    allowed: f64,
    when: When,
) -> (Grade, String) {
    let grade = share::judge(holds, bad, n, allowed, when.rigour());
    let all = n + unseen;
    if grade == Grade::Pass && unseen > 0 && (bad + unseen) as f64 > allowed * all as f64 {
        return (
            Grade::Inconclusive,
            format!("{unseen} of {all} arrivals never began, more than the limit leaves room for"),
        );
    }
    let needed = share::enough(allowed).ceil();
    let missing = if needed < 1e9 {
        format!("{n} samples can't decide it either way; {needed} always can")
    } else {
        format!("{n} samples can't decide it: no number proves a share of zero, allow a small one")
    };
    (grade, missing)
}

fn of_needed(have: u64, need: u64, what: &str) -> String {
    format!("it rests on {have} {what} and needs {need}")
}

/// Whether a sliding window says enough to be judged.
pub(super) fn window_counts(subject: &GateSubject, seen: &Seen) -> bool {
    match subject {
        GateSubject::Rate(_) => arrivals(&seen.tally) >= WINDOW_SAMPLES,
        GateSubject::Availability(_) => seen.windows.0 > 0,
        _ => samples(subject, seen) >= WINDOW_SAMPLES,
    }
}

/// A figure as people read it: `41.0 ms`, `0.12 %`, `812/s`, `64.2 MB`, `17 orders`.
pub fn show(value: f64, unit: &Unit) -> String {
    match unit {
        Unit::Micros => human_us(value.max(0.0).round() as u64),
        Unit::Share => {
            let percent = (value * 100_000.0).round() / 1000.0;
            format!("{percent} %")
        }
        Unit::PerSecond if value >= 100.0 => format!("{value:.0}/s"),
        Unit::PerSecond => format!("{value:.1}/s"),
        Unit::Seconds if value < 0.0 => format!("-{}", human_us((value * -1e6).round() as u64)),
        Unit::Seconds => human_us((value * 1e6).round() as u64),
        Unit::Bytes => bytes(value),
        Unit::Plain => plain(value),
        Unit::Named(word) => format!("{} {word}", plain(value)),
    }
}

/// Four significant digits, whole numbers whole.
fn plain(value: f64) -> String {
    if value.fract() == 0.0 || value.abs() >= 1000.0 {
        return format!("{value:.0}");
    }
    let before = value.abs().log10().floor() as i32;
    let digits = (3 - before).clamp(0, 12) as usize;
    let text = format!("{value:.digits$}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn bytes(value: f64) -> String {
    let steps = [(1e9, "GB"), (1e6, "MB"), (1e3, "kB")];
    let step = steps.iter().find(|(size, _)| value.abs() >= *size);
    step.map_or_else(
        || format!("{value:.0} B"),
        |(size, unit)| format!("{:.1} {unit}", value / size),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a recording says may be any number.
    #[test]
    fn half_of_what_ended_must_have_ended_well_however_much_that_is() {
        let available = |ok: u64, errors: u64| {
            let mut tally = Tally::default();
            (tally.started, tally.ok) = (1, ok);
            tally.errors.insert("expectation".to_owned(), errors);
            let mut seen = Seen::default();
            seen.count_windows([&WindowPoint { second: 0, tally }]);
            seen.windows == (1, 1)
        };
        assert!(available(u64::MAX, 0));
        assert!(available(2, 2) && available(2, 1) && available(1, 0));
        assert!(!available(1, 2) && !available(2, 3) && !available(0, 0));
    }

    #[test]
    fn figures_are_readable() {
        let shown = [
            (41_200.0, Unit::Micros),
            (0.0, Unit::Share),
            (0.001_234, Unit::Share),
            (998.4, Unit::PerSecond),
            (0.0412, Unit::Seconds),
            (-1.5, Unit::Seconds),
            (67_108_864.0, Unit::Bytes),
            (12.0, Unit::Bytes),
            (0.012_345_6, Unit::Plain),
            (-17.0, Unit::Named("orders".into())),
        ]
        .map(|(value, unit)| show(value, &unit));
        assert_eq!(
            shown,
            [
                "41.2 ms",
                "0 %",
                "0.123 %",
                "998/s",
                "41.2 ms",
                "-1.50 s",
                "67.1 MB",
                "12 B",
                "0.01235",
                "-17 orders"
            ]
        );
    }
}
