//! The forest plot of a comparison: every figure's change with its interval, beside the changes that matter. A class is a
//! word, a sign, a shape and a kind of line; colour only says it again.

use super::change::Changes;
use super::{Table, Tick, tidy};
use crate::regression::rows::{self, ROWS};
use crate::regression::word;
use crate::text;
use harness_core::verdict::regression::{Comparison, Effect, Figure};
use serde::Serialize;

/// Height of a figure: its words, and below them its interval, pixels.
const ROW: f64 = 40.0;

/// The plot, ready for its template. Horizontal places are percentages and vertical ones pixels.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Forest {
    /// Unique on the page.
    pub id: String,
    /// For people, and the SVG's `title`.
    pub title: String,
    /// What it shows: the SVG's `desc`.
    pub desc: String,
    /// Height of the plot.
    pub height: f64,
    /// Changes along the bottom.
    pub x_ticks: Vec<Tick>,
    /// Where no change is.
    pub zero: f64,
    /// The classes there are: (look, sign, word).
    pub keys: Vec<(&'static str, &'static str, &'static str)>,
    /// Whether an interval goes on beyond the axis: an arrow.
    pub beyond: bool,
    /// The figures.
    pub rows: Vec<Row>,
    /// Said of what is not drawn; empty for nothing.
    pub note: String,
    /// The figures as a table.
    pub table: Table,
}

/// A figure.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// `fail`, `pass` …
    pub look: &'static str,
    /// Its sign, word and name.
    pub name: String,
    /// Its change.
    pub value: String,
    /// Whether it decides.
    pub key: bool,
    /// Base line of the words, and middle of the interval, pixels from the top.
    pub label_y: f64,
    /// See `label_y`.
    pub y: f64,
    /// Where it lies, percent; absent without a figure.
    pub x: Option<f64>,
    /// From and to, percent.
    pub from: f64,
    /// See `from`.
    pub to: f64,
    /// Whether the interval goes on to the left and to the right.
    pub cut: (bool, bool),
    /// The changes that do not matter: percent from the left, and width.
    pub band: (f64, f64),
    /// All of it in words.
    pub tip: String,
}

/// Of a scenario; `None` where there is nothing to compare.
pub fn chart(id: String, held: &Comparison) -> Option<Forest> {
    let all = rows::by_severity(held);
    let shown: Vec<&Figure> = all.iter().copied().take(ROWS).collect();
    let effects = || {
        shown
            .iter()
            .filter_map(|figure| figure.held.effect.as_ref())
    };
    effects().next()?;
    let axis = Changes::of(effects().map(|e| (e.d, e.interval, e.margin)));
    let drawn = shown
        .iter()
        .enumerate()
        .map(|(i, figure)| row(i, figure, held, &axis));
    let rows: Vec<Row> = drawn.collect();
    let mut keys = Vec::new();
    for figure in &shown {
        let class = &figure.held.class;
        let key = (rows::look(class), rows::sign(class), word(class));
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    let height = rows.len() as f64 * ROW + 4.0;
    let note = match all.len() - shown.len() {
        0 => String::new(),
        n => format!("{} are in the JSON.", text::plural(n as u64, "more figure")),
    };
    Some(Forest {
        id,
        title: "Every verdict".to_owned(),
        desc: format!(
            "How much slower or faster each of {} got, with the interval in which the change lies with 95 % confidence, on a scale of logarithms. Changes within the shaded stretch do not matter; an arrow is where an interval goes on beyond the axis.",
            text::plural(shown.len() as u64, "figure")
        ),
        height,
        x_ticks: axis.x_ticks(),
        zero: tidy(axis.at(0.0) * 100.0),
        keys,
        table: table(held, &shown),
        beyond: rows.iter().any(|row| row.cut.0 || row.cut.1),
        rows,
        note,
    })
}

fn row(i: usize, figure: &Figure, held: &Comparison, axis: &Changes) -> Row {
    let told = rows::row(&rows::Place::of(held, figure));
    let top = i as f64 * ROW;
    let percent = |d: f64| tidy(axis.at(d) * 100.0);
    let of = |take: &dyn Fn(&Effect) -> f64| figure.held.effect.as_ref().map(|e| percent(take(e)));
    let (low, high) = (of(&|e| e.interval.0), of(&|e| e.interval.1));
    let (left, right) = (of(&|e| -e.margin), of(&|e| e.margin));
    let cut = figure.held.effect.as_ref();
    let cut = cut.map_or((false, false), |e| {
        (!axis.holds(e.interval.0), !axis.holds(e.interval.1))
    });
    let left = left.unwrap_or_default();
    Row {
        look: told.class,
        name: format!("{} {} · {}", told.sign, told.word, told.name),
        value: told.change.clone(),
        key: told.key,
        label_y: top + 14.0,
        y: top + 26.0,
        x: of(&|e| e.d),
        from: low.unwrap_or_default(),
        to: high.unwrap_or_default(),
        cut,
        band: (left, tidy(right.unwrap_or_default() - left)),
        tip: format!(
            "{}: {}, {} ({})",
            told.name, told.word, told.change, told.interval
        ),
    }
}

fn table(held: &Comparison, shown: &[&Figure]) -> Table {
    let head = ["figure", "class", "change", "95 % interval", "δ"];
    let row = |figure: &&Figure| {
        let told = rows::row(&rows::Place::of(held, figure));
        vec![
            told.name,
            told.word.to_owned(),
            told.change,
            told.interval,
            told.margin,
        ]
    };
    Table {
        head: head.map(str::to_owned).to_vec(),
        rows: shown.iter().map(row).collect(),
        note: String::new(),
    }
}
