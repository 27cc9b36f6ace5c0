//! Which shape a load was given: exactly one of those there are. Knows neither rates nor users.

use super::{Doc, MAX_STAGES};
use crate::plan::resolve::findings::Findings;
use crate::suite::at::{At, Str};
use crate::suite::raw::{Load, Preset, Stage, Steps};
use std::ops::Range;
use std::time::Duration;

/// A load's shape as typed.
pub(super) enum Shape<'r> {
    /// One stage, or as many journeys as there are iterations.
    One,
    /// Stages.
    Stages(&'r [At<Stage>]),
    /// A staircase.
    Steps(&'r At<Steps>),
    /// A shape with a name.
    Preset(&'r At<Preset>),
}

/// What the levels of a model are called, and how they are written.
pub(super) struct Words {
    /// `rate` or `users`.
    pub(super) level: &'static str,
    /// How a load is written down.
    pub(super) hint: &'static str,
}

/// The shape; `None` after noting that there is none, or more than one.
pub(super) fn of<'r>(
    doc: &Doc,
    raw: &'r At<Load>,
    words: &Words,
    found: &mut Findings,
) -> Option<Shape<'r>> {
    let load = &raw.value;
    let stages = load.stages.first().map(|stage| (&stage.span, "stages"));
    let steps = load.steps.as_ref().map(|steps| (&steps.span, "steps"));
    let preset = load.preset.as_ref().map(|preset| (&preset.span, "preset"));
    let named: Vec<(&Range<usize>, &str)> = [stages, steps, preset].into_iter().flatten().collect();
    if let [(_, first), (second, other), ..] = named.as_slice() {
        let message = format!("a load has one shape: either `{first}` or `{other}`");
        found.error_with(doc.place(second), message, words.hint);
        return None;
    }
    let (rate, lasts) = (level(load), load.lasts.as_ref().map(|text| &text.span));
    if let (Some((_, shape @ ("stages" | "steps"))), Some(one)) = (named.first(), rate.or(lasts)) {
        let message = format!(
            "a load has either `{shape}`, or `{}` and `for`",
            words.level
        );
        found.error_with(doc.place(one), message, words.hint);
        return None;
    }
    if let Some(preset) = &load.preset {
        return Some(Shape::Preset(preset));
    }
    if let Some(steps) = &load.steps {
        return Some(Shape::Steps(steps));
    }
    if !load.stages.is_empty() {
        if load.stages.len() > MAX_STAGES {
            too_many(doc, &raw.span, load.stages.len(), found);
            return None;
        }
        return Some(Shape::Stages(&load.stages));
    }
    if rate.is_some() || lasts.is_some() {
        return Some(Shape::One);
    }
    if !doc.incomplete {
        found.error_with(
            doc.place(&raw.span),
            "the load does not say how much and how long",
            words.hint,
        );
    }
    None
}

/// How long a load of one stage lasts; told at once if that is no time at all, whatever else is wrong with it.
pub(super) fn length(doc: &Doc, load: &Load, found: &mut Findings) -> Option<Duration> {
    let typed = load.lasts.as_ref()?;
    let lasts = found.duration(doc, typed)?;
    if lasts.is_zero() {
        let message = "the load is over before it begins: its length is zero";
        found.error(doc.at(typed), message);
        return None;
    }
    Some(lasts)
}

/// Where the level of a load of one stage was typed.
pub(super) fn level(load: &Load) -> Option<&Range<usize>> {
    let rate = load.rate.as_ref().map(|text| &text.span);
    let rates = load.rates.as_ref().map(|table| &table.span);
    let users = load.users.as_ref().map(|users| &users.span);
    rate.or(rates).or(users)
}

/// Notes that a load of one stage lacks a key, if that can be told.
pub(super) fn missing(
    doc: &Doc,
    at: &Range<usize>,
    key: &str,
    words: &Words,
    found: &mut Findings,
) {
    if !doc.incomplete {
        let message = format!("missing key `{key}` in `load`");
        found.error_with(doc.place(at), message, words.hint);
    }
}

/// Notes keys of the other model; whether there are any.
pub(super) fn stray(
    doc: &Doc,
    keys: &[(&str, Option<Range<usize>>)],
    whose: &str,
    hint: &str,
    found: &mut Findings,
) -> bool {
    let typed = keys
        .iter()
        .filter_map(|(key, span)| Some((key, span.as_ref()?)));
    let mut any = false;
    for (key, span) in typed {
        any = true;
        let message = format!("`{key}` belongs to a load of the {whose}");
        found.error_with(doc.place(span), message, hint);
    }
    any
}

/// The stairs from one height to another; the last one is `to`, however far it is from the one before. `None` after
/// noting why there are none.
pub(super) fn stairs(
    doc: &Doc,
    raw: &At<Steps>,
    (from, to, by): (f64, f64, f64),
    found: &mut Findings,
) -> Option<Vec<f64>> {
    if by <= 0.0 {
        let place = raw.value.by.as_ref().map_or(&raw.span, |by| &by.span);
        found.error_with(
            doc.place(place),
            "a stair of no height leads nowhere",
            "write how much more each stage is than the one before; from high to low works too",
        );
        return None;
    }
    let rises = ((to - from).abs() / by - 1e-9).ceil().max(0.0);
    if rises >= MAX_STAGES as f64 {
        too_many(doc, &raw.span, rises as usize + 1, found);
        return None;
    }
    let up = if to < from { -by } else { by };
    // A billionth is far below what a rate can be told by.
    let tidy = |height: f64| (height * 1e9).round() / 1e9;
    let heights = (0..rises as u32).map(|stair| tidy(from + up * f64::from(stair)));
    Some(heights.chain([to]).collect())
}

fn too_many(doc: &Doc, at: &Range<usize>, stages: usize, found: &mut Findings) {
    found.error_with(
        doc.place(at),
        format!("a load has at most {MAX_STAGES} stages, this has {stages}"),
        "a ramp, such as `100/s..1000/s`, rises without stages",
    );
}

/// How long a preset lasts; `None` after noting why not.
pub(super) fn preset_length(
    doc: &Doc,
    lasts: Option<&Str>,
    default: Duration,
    found: &mut Findings,
) -> Option<Duration> {
    match lasts {
        Some(text) => found.positive(doc, text),
        None => Some(default),
    }
}
