//! Points with intervals over places that only have an order: the change of each quantile (the shift function), and a
//! quantile run by run.

use super::change::Changes;
use super::scale::Scale;
use super::{Table, Tick, tidy};
use crate::regression::rows::{interval, named};
use crate::text::{self, one_line};
use harness_core::verdict::regression::{Curves, Level, Point, Reach, Run, quantile, spoken};
use serde::Serialize;

/// Height of a plot, and of the lane above it for words, pixels.
const HEIGHT: f64 = 190.0;
const LANE: f64 = 20.0;

/// The chart, ready for its template. Horizontal places are percentages and vertical ones pixels.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Whiskers {
    /// Unique on the page.
    pub id: String,
    /// For people, and the SVG's `title`.
    pub title: String,
    /// What it shows: the SVG's `desc`.
    pub desc: String,
    /// What the vertical axis counts, where that needs words.
    pub unit: String,
    /// Height of the plot.
    pub height: f64,
    /// Height above it.
    pub lane: f64,
    /// Words along the bottom.
    pub x_ticks: Vec<Tick>,
    /// Figures along the left.
    pub y_ticks: Vec<Tick>,
    /// Where no change is, pixels from the top.
    pub zero: Option<f64>,
    /// What does not matter at each place: percent, percent, pixels, pixels.
    pub bands: Vec<(f64, f64, f64, f64)>,
    /// Where the level changed: percent, words, and where they lie to it.
    pub cuts: Vec<(f64, String, &'static str)>,
    /// The shapes there are: (look, words).
    pub keys: Vec<(&'static str, String)>,
    /// The points.
    pub marks: Vec<Mark>,
    /// What it comes to; empty for nothing.
    pub note: String,
    /// The points as a table.
    pub table: Table,
}

/// A point.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Mark {
    /// `slower`, `faster`, `even`, `unsure`; `before` or `now` for a run.
    pub look: &'static str,
    /// Percent from the left.
    pub x: f64,
    /// Pixels from the top.
    pub y: f64,
    /// Its interval's upper and lower end; the same as `y` where it has none.
    pub top: f64,
    /// See `top`.
    pub bottom: f64,
    /// All of it in words.
    pub tip: String,
}

/// The middle of one of `n` places.
fn middle(i: usize, n: usize) -> f64 {
    (i as f64 + 0.5) / n.max(1) as f64
}

/// The change of each quantile of a name; `None` where none can be told.
pub fn shift(id: String, curves: &Curves) -> Option<Whiskers> {
    let points: Vec<&Point> = curves.points.iter().filter(|p| p.shift && p.told).collect();
    if points.len() < 2 {
        return None;
    }
    let n = points.len();
    let axis = Changes::of(
        points
            .iter()
            .map(|p| (p.change.d, p.change.interval, p.change.margin)),
    );
    let at = |d: f64| tidy(HEIGHT * (1.0 - axis.at(d)));
    let marks = points.iter().enumerate().map(|(i, point)| {
        let (low, high) = point.change.interval;
        let (look, words) = meaning(point);
        Mark {
            look,
            x: tidy(middle(i, n) * 100.0),
            y: at(point.change.d),
            top: at(high),
            bottom: at(low),
            tip: format!(
                "{}: {}, {words}",
                quantile(point.quantile),
                difference(point)
            ),
        }
    });
    let wide = 100.0 / n as f64;
    let bands = points.iter().enumerate().map(|(i, point)| {
        let (top, bottom) = (at(point.change.margin), at(-point.change.margin));
        (tidy(i as f64 * wide), tidy(wide), top, tidy(bottom - top))
    });
    let x_ticks = points.iter().enumerate().map(|(i, point)| Tick {
        at: tidy(middle(i, n) * 100.0),
        label: quantile(point.quantile),
        anchor: "middle",
    });
    let marks: Vec<Mark> = marks.collect();
    let keys = ["slower", "faster", "even", "unsure"].into_iter();
    let keys = keys.filter(|look| marks.iter().any(|m| m.look == *look));
    let of = one_line(spoken(&curves.name), 120);
    Some(Whiskers {
        title: format!("Change at each quantile of {of}"),
        desc: format!(
            "How much slower or faster each quantile of {of} got, from the fastest answers on the left to the slowest on the right, each with its 95 % interval. Changes within the shaded stretch do not matter."
        ),
        unit: "change".to_owned(),
        height: HEIGHT,
        lane: 0.0,
        x_ticks: x_ticks.collect(),
        y_ticks: axis.y_ticks(HEIGHT),
        zero: Some(at(0.0)),
        bands: bands.collect(),
        cuts: Vec::new(),
        keys: keys.map(|look| (look, key(look).to_owned())).collect(),
        note: String::new(),
        table: changes(&points),
        marks,
        id,
    })
}

/// The points of [`shift`] as a table.
fn changes(points: &[&Point]) -> Table {
    let head = [
        "quantile",
        "baseline",
        "candidate",
        "change",
        "95 % interval",
        "",
    ];
    let row = |point: &&Point| {
        vec![
            quantile(point.quantile),
            micros(point.baseline.us),
            micros(point.candidate.us),
            crate::regression::change(point.change.relative()),
            interval(&point.change),
            meaning(point).1.to_owned(),
        ]
    };
    Table {
        head: head.map(str::to_owned).to_vec(),
        rows: points.iter().map(row).collect(),
        note: String::new(),
    }
}

fn micros(us: f64) -> String {
    text::micros(Some(us.round() as u64))
}

/// What a point's interval says by itself: no verdict, which only the quantiles of gates have.
fn meaning(point: &Point) -> (&'static str, &'static str) {
    let (low, high) = point.change.interval;
    let margin = point.change.margin;
    let look = match point.change.d {
        d if d > margin && low > 0.0 => "slower",
        d if d < -margin && high < 0.0 => "faster",
        _ if low > -margin && high < margin => "even",
        _ => "unsure",
    };
    (look, key(look))
}

fn key(look: &str) -> &'static str {
    match look {
        "slower" => "slower",
        "faster" => "faster",
        "even" => "no change that matters",
        _ => "can't tell",
    }
}

fn difference(point: &Point) -> String {
    let change = crate::regression::change(point.change.relative());
    format!("{change} ({})", interval(&point.change))
}

/// A quantile run by run, with the places where its level changed.
pub fn strip(id: String, name: &str, level: &Level) -> Option<Whiskers> {
    let n = level.runs.len();
    if n < 3 {
        return None;
    }
    let ends = |take: fn(&Reach) -> f64| level.runs.iter().map(move |run| take(&run.at));
    let largest = ends(|at| at.high_us).fold(0.0, f64::max);
    let mut typical: Vec<f64> = ends(|at| at.us).collect();
    typical.sort_by(f64::total_cmp);
    let scale = Scale::latency(typical.get(n / 2).copied().unwrap_or(0.0), largest);
    let at = |us: f64| tidy(HEIGHT * (1.0 - scale.at(us)));
    let marks = level.runs.iter().enumerate().map(|(i, run)| Mark {
        look: if run.candidate { "now" } else { "before" },
        x: tidy(middle(i, n) * 100.0),
        y: at(run.at.us),
        top: at(run.at.high_us),
        bottom: at(run.at.low_us),
        tip: format!(
            "{} {}: {} ({})",
            side(run),
            run.run,
            micros(run.at.us),
            reach(&run.at)
        ),
    });
    let of = named(name, level.quantile);
    Some(Whiskers {
        title: format!("{of}, run by run"),
        desc: format!(
            "{of} in each run of the baseline by date, the candidate last, each with the 95 % interval within the run. A line stands where the level changed."
        ),
        unit: if scale.is_log() {
            "log scale".to_owned()
        } else {
            String::new()
        },
        height: HEIGHT,
        lane: LANE,
        x_ticks: days(&level.runs),
        y_ticks: scale
            .ticks()
            .into_iter()
            .map(|value| Tick {
                at: at(value),
                label: micros(value),
                anchor: "end",
            })
            .collect(),
        zero: None,
        bands: Vec::new(),
        cuts: cuts(&level.runs),
        keys: vec![
            ("before", "baseline".to_owned()),
            ("now", "candidate".to_owned()),
        ],
        marks: marks.collect(),
        note: history(level),
        table: runs(&level.runs),
        id,
    })
}

/// The days of the first run and of the last.
fn days(runs: &[Run]) -> Vec<Tick> {
    let n = runs.len();
    let tick = |i: usize| {
        let day = runs.get(i).map(|run| text::moment(&run.date));
        let day = day.unwrap_or_default();
        let day = day.get(..10).unwrap_or(&day);
        Tick {
            at: tidy(middle(i, n) * 100.0),
            label: one_line(day, 12),
            // Words at the ends must not leave the chart, and those of two places must not meet.
            anchor: if i == 0 { "start" } else { "end" },
        }
    };
    [0, n.saturating_sub(1)].map(tick).to_vec()
}

/// Where the level changed, as [`Whiskers::cuts`] has it.
fn cuts(runs: &[Run]) -> Vec<(f64, String, &'static str)> {
    let cut = |i: usize| {
        let x = i as f64 / runs.len() as f64;
        let anchor = if x > 0.7 { "end" } else { "start" };
        (tidy(x * 100.0), "level changed".to_owned(), anchor)
    };
    let changed = runs.iter().enumerate().filter(|(_, run)| run.changed);
    changed.map(|(i, _)| cut(i)).collect()
}

/// The last runs of [`strip`] as a table.
fn runs(runs: &[Run]) -> Table {
    let head = [
        "run",
        "date",
        "side",
        "time",
        "95 % within the run",
        "level",
    ];
    let level = |run: &Run| match run.changed {
        true => "a new level begins".to_owned(),
        false => String::new(),
    };
    let row = |run: &Run| {
        vec![
            run.run.to_string(),
            text::moment(&run.date),
            side(run).to_owned(),
            micros(run.at.us),
            reach(&run.at),
            level(run),
        ]
    };
    let shown = runs.iter().rev().take(crate::regression::rows::ROWS).rev();
    Table {
        head: head.map(str::to_owned).to_vec(),
        rows: shown.map(row).collect(),
        note: String::new(),
    }
}

fn side(run: &Run) -> &'static str {
    if run.candidate {
        "candidate"
    } else {
        "baseline"
    }
}

fn reach(at: &Reach) -> String {
    format!("{} to {}", micros(at.low_us), micros(at.high_us))
}

/// What holding the candidate against the runs before came to.
fn history(level: &Level) -> String {
    let history = &level.history;
    let since = history.since.as_ref();
    let since = since.map_or_else(String::new, |run| {
        format!(", from run {run} on, where the level last changed")
    });
    let class = crate::regression::word(&history.held.class);
    let effect = history.held.effect.as_ref();
    let effect = effect.map_or_else(String::new, |effect| {
        format!(
            ": {} ({})",
            crate::regression::change(effect.relative()),
            interval(effect)
        )
    });
    let why = crate::regression::reasons(&history.held);
    let why = why.first().filter(|_| effect.is_empty());
    let why = why.map_or_else(String::new, |why| format!(": {why}"));
    format!(
        "Against the median of {}{since}: {class}{effect}{why}.",
        text::plural(u64::from(history.runs), "run")
    )
}
