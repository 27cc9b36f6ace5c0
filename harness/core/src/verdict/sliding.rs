//! Gates with `over`: each sliding window is judged for itself, and the worst is told with its first second.

use super::gates::{Found, subject_name};
use super::limits::LIVE_WINDOWS;
use super::measure::{self, Judged, Seen, When};
use crate::expr::gate::GateSubject;
use crate::plan::gate::Gate;
use crate::record::{ScenarioRecord, WindowPoint};

/// Judges every sliding window: each must hold by what was observed in it. A window needs
/// [`super::limits::WINDOW_SAMPLES`], else it is skipped; if all hold, the whole must still rest on enough to pass.
pub(super) fn sliding(
    gate: &Gate,
    over_s: f64,
    scenarios: &[&ScenarioRecord],
    whole: Judged,
    when: When,
) -> Found {
    let windows = scenarios
        .iter()
        .flat_map(|s| sliding_windows(gate, over_s, s, when));
    Found::worst(gate, over_s, windows, whole, "samples")
}

/// The figures of a scenario's sliding windows that say enough: (first second, figure).
pub(super) fn sliding_windows(
    gate: &Gate,
    over_s: f64,
    scenario: &ScenarioRecord,
    when: When,
) -> Vec<(u32, f64)> {
    let subject = &gate.expect.subject;
    let points = scenario.series_in(subject_name(subject), &gate.during);
    let step = scenario.window_s;
    let length = (over_s / f64::from(step)).ceil().max(1.0) as u32;
    let last = points.last().map_or(0, |p| p.second / step);
    let from = if when == When::Live {
        last.saturating_sub(LIVE_WINDOWS + length)
    } else {
        0
    };
    let mut found = Vec::new();
    for (first, end) in ranges(gate, scenario) {
        let first = first.max(from);
        for begin in first..(end + 1).saturating_sub(length).max(first) {
            let within = |p: &&WindowPoint| (begin..begin + length).contains(&(p.second / step));
            let start = points.partition_point(|p| p.second / step < begin);
            let inside: Vec<&WindowPoint> = points.iter().skip(start).take_while(within).collect();
            let mut seen = Seen {
                seconds: f64::from(length * step),
                ..Seen::default()
            };
            inside.iter().for_each(|p| seen.tally.add(&p.tally));
            seen.count_windows(inside.iter().copied());
            if measure::window_counts(subject, &seen)
                && let Some(figure) = measure::observe(subject, &seen)
            {
                found.push((begin * step, figure));
            }
        }
    }
    found
}

/// The windows of each unbroken stretch of a phase: (first, one past the last). Windows cut by an edge are in, with
/// the phase's part of them; for a rate, which they would distort, they are not.
fn ranges(gate: &Gate, scenario: &ScenarioRecord) -> Vec<(u32, u32)> {
    let whole = matches!(
        gate.expect.subject,
        GateSubject::Rate(_) | GateSubject::RateMissed
    );
    let step = u64::from(scenario.window_s) * 1_000_000;
    let window = |(from, to): (u64, u64)| {
        let (from, to) = (from - scenario.t0_us, to - scenario.t0_us);
        let range = if whole {
            (from.div_ceil(step), to / step)
        } else {
            (from / step, to.div_ceil(step))
        };
        (range.0 as u32, range.1 as u32)
    };
    scenario
        .intervals(&gate.during)
        .into_iter()
        .map(window)
        .collect()
}
