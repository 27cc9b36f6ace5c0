//! Was the load what it was meant to be? Intended, sent and completed starts a second, or the users of a closed model;
//! and how late the generator was.

use super::timeline::Timeline;
use super::{Chart, Line, POINTS, has_data, largest};
use crate::chart::scale::Scale;
use crate::text;
use harness_core::plan::ScenarioPlan;
use harness_core::plan::load::Model;
use harness_core::record::{Record, ScenarioRecord, Tally};
use std::collections::BTreeMap;
use std::time::Duration;

/// Journeys a second: intended by the schedule, begun, ended well. In a `closed` model the target decides how many are
/// begun, and nothing is intended beside that.
pub fn chart(
    id: String,
    timeline: &Timeline,
    windows: &BTreeMap<u32, Tally>,
    window_s: u32,
    closed: bool,
) -> Option<Chart> {
    let count = timeline.windows(window_s);
    let width = f64::from(window_s);
    let xs = timeline.middles(window_s);
    // A last window shorter than the others would look like a fall.
    let length = |w: u32| (timeline.seconds - f64::from(w) * width).clamp(width.min(0.5), width);
    let of = |figure: fn(&Tally) -> u64| {
        (0..count)
            .map(|w| {
                Some(
                    windows
                        .get(&w)
                        .map_or(0.0, |t| figure(t) as f64 / length(w)),
                )
            })
            .collect()
    };
    let mut lines = vec![
        Line {
            name: "completed",
            look: "completed",
            values: of(|t| t.ok),
            filled: true,
        },
        Line {
            name: "sent",
            look: "sent",
            values: of(|t| t.started),
            filled: false,
        },
    ];
    if !closed {
        lines.push(Line {
            name: "intended",
            look: "intended",
            values: of(|t| t.planned),
            filled: false,
        });
    }
    if windows.values().all(|t| t.planned + t.started == 0) {
        return None;
    }
    let largest = largest(&lines);
    let mut chart = timeline.chart(id, "Load", 150.0);
    chart.unit = "journeys a second".to_owned();
    chart.desc = match closed {
        true => "Journeys a second: begun by users as they became free, and completed without error, each by its intended start.",
        false => "Journeys a second: intended by the schedule, sent by the generator, and completed without error, each by its intended start.",
    }
    .to_owned();
    chart.draw(
        &timeline.scale,
        &Scale::from_zero(largest),
        &xs,
        &lines,
        super::timeline::second,
        text::number,
    );
    Some(chart)
}

/// Users of a closed model over time: planned, and there; `None` for an open one.
pub fn users(
    id: String,
    timeline: &Timeline,
    windows: &BTreeMap<u32, Tally>,
    window_s: u32,
    planned: &ScenarioPlan,
) -> Option<Chart> {
    let Model::Closed(closed) = &planned.load.model else {
        return None;
    };
    let xs = timeline.middles(window_s);
    let at = |second: &f64| Some(closed.users_at(Duration::from_secs_f64(second.max(0.0))));
    // Users are counted once a second, in its middle.
    let there = |w: u32| {
        let begin = f64::from(w) * f64::from(window_s);
        let looks = (timeline.seconds - begin)
            .round()
            .clamp(1.0, f64::from(window_s));
        Some(windows.get(&w).map_or(0.0, |t| t.users as f64 / looks))
    };
    let lines = [
        Line {
            name: "there",
            look: "sent",
            values: (0..timeline.windows(window_s)).map(there).collect(),
            filled: false,
        },
        Line {
            name: "planned",
            look: "intended",
            values: xs.iter().map(at).collect(),
            filled: false,
        },
    ];
    let largest = f64::from(planned.load.users().unwrap_or_default());
    let mut chart = timeline.chart(id, "Users", 80.0);
    chart.desc = "Users who walk one journey after another: as planned, and as they were there in the middle of each second.".to_owned();
    chart.draw(
        &timeline.scale,
        &Scale::from_zero(largest),
        &xs,
        &lines,
        super::timeline::second,
        text::number,
    );
    Some(chart)
}

/// The generator's own lateness during a scenario.
pub fn lag(
    id: String,
    timeline: &Timeline,
    record: &Record,
    scenario: &ScenarioRecord,
) -> Option<Chart> {
    let until = scenario.t0_us as f64 + timeline.seconds * 1e6;
    let during: Vec<_> = record
        .health
        .iter()
        .filter(|(at, h)| *at >= scenario.t0_us && (*at as f64) <= until + 1e6 && !h.lag.is_empty())
        .take(POINTS)
        .collect();
    let xs: Vec<f64> = during
        .iter()
        .map(|(at, _)| ((at - scenario.t0_us) as f64 / 1e6 - 0.5).clamp(0.0, timeline.seconds))
        .collect();
    let of = |q: f64| {
        during
            .iter()
            .map(|(_, h)| h.lag.quantile(q).map(|us| us as f64))
            .collect()
    };
    let lines = [
        Line {
            name: "lag p99",
            look: "p99",
            values: of(0.99),
            filled: false,
        },
        Line {
            name: "lag p50",
            look: "p50",
            values: of(0.5),
            filled: false,
        },
    ];
    if !has_data(&lines) {
        return None;
    }
    let largest = largest(&lines);
    let mut chart = timeline.chart(id, "Generator lag", 70.0);
    chart.desc = "How late the load generator woke against its own schedule: its doing, not the target's. Small beside the response times means that those can be trusted.".to_owned();
    chart.draw(
        &timeline.scale,
        &Scale::from_zero(largest),
        &xs,
        &lines,
        super::timeline::second,
        |v| text::micros(Some(v.round() as u64)),
    );
    Some(chart)
}
