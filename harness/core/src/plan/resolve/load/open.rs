//! Open models: rates, of all journeys together or of each by itself, as schedules.

use super::shape::{self, Shape, Words};
use super::{Against, Doc, MAX_RATE, mix, presets};
use crate::plan::load::{MixEntry, OpenPlan, Spacing, Stage, Stream};
use crate::plan::resolve::findings::Findings;
use crate::suite::at::{At, Named, Str};
use crate::suite::raw::{self, Arrivals, Level, Load, Preset, Steps};
use crate::units::Rate;
use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

const WORDS: Words = Words {
    level: "rate",
    hint: "write `rate = \"500/s\"` and `for = \"60s\"`, or `stages = [{ rate = …, for = … }]`",
};

/// An open model, and the mix where its rates make one; `None` after noting why there is none.
pub(super) fn resolve(
    doc: &Doc,
    raw: &At<Load>,
    against: &Against<'_>,
    found: &mut Findings,
) -> Option<(OpenPlan, Option<Vec<MixEntry>>)> {
    if of_the_closed(doc, &raw.value, found) {
        return None;
    }
    let (streams, mix) = match shape::of(doc, raw, &WORDS, found)? {
        Shape::One => {
            let parts = [one(doc, raw, found)?];
            streams(doc, raw, &parts, against, found)?
        }
        Shape::Stages(stages) => {
            let parts: Vec<Option<Part<'_>>> =
                stages.iter().map(|stage| part(doc, stage, found)).collect();
            let parts: Vec<Part<'_>> = parts.into_iter().collect::<Option<_>>()?;
            streams(doc, raw, &parts, against, found)?
        }
        Shape::Steps(steps) => (vec![all(staircase(doc, steps, found)?)], None),
        Shape::Preset(preset) => (vec![all(of_preset(doc, raw, preset, found)?)], None),
    };
    let spacing = spacing(&raw.value);
    let open = OpenPlan { spacing, streams };
    is_a_load(doc, raw, &open, found)?;
    Some((open, mix))
}

pub(super) fn spacing(load: &Load) -> Spacing {
    match load.arrivals.as_ref().map(|arrivals| arrivals.value) {
        None | Some(Arrivals::Even) => Spacing::Even,
        Some(Arrivals::Poisson) => Spacing::Poisson,
    }
}

/// Notes keys that only a closed model has.
fn of_the_closed(doc: &Doc, load: &Load, found: &mut Findings) -> bool {
    let staged = load.stages.iter().find_map(|s| s.value.users.as_ref());
    let users = load.users.as_ref().or(staged);
    let keys = [
        ("users", users.map(|at| at.span.clone())),
        (
            "iterations",
            load.iterations.as_ref().map(|at| at.span.clone()),
        ),
        (
            "iterations_per_user",
            load.iterations_per_user.as_ref().map(|at| at.span.clone()),
        ),
        ("pacing", load.pacing.as_ref().map(|at| at.span.clone())),
        ("cookies", load.cookies.as_ref().map(|at| at.span.clone())),
        ("engine", load.engine.as_ref().map(|at| at.span.clone())),
    ];
    let hint = "write `model = \"closed\"` for users who walk one journey after another, or leave it out: in an open load \
                every arrival is a user of its own";
    shape::stray(doc, &keys, "closed model", hint, found)
}

/// A stage as typed.
enum Part<'r> {
    All((Rate, Rate), Duration),
    Each(&'r At<Named<String>>, Duration),
}

/// The one stage of a load without `stages`.
fn one<'r>(doc: &Doc, raw: &'r At<Load>, found: &mut Findings) -> Option<Part<'r>> {
    let load = &raw.value;
    if let (Some(_), Some(rates)) = (&load.rate, &load.rates) {
        both(doc, &rates.span, found);
        return None;
    }
    let level = shape::level(load);
    let ramp = load.rate.as_ref().map(|rate| found.ramp(doc, rate));
    let lasts = shape::length(doc, load, found);
    match (level, &load.lasts) {
        (None, Some(lasts)) => shape::missing(doc, &lasts.span, "rate", &WORDS, found),
        (Some(level), None) => shape::missing(doc, level, "for", &WORDS, found),
        _ => {}
    }
    match (ramp, &load.rates) {
        (Some(ramp), _) => Some(Part::All(ramp?, lasts?)),
        (None, rates) => Some(Part::Each(rates.as_ref()?, lasts?)),
    }
}

fn part<'r>(doc: &Doc, stage: &'r At<raw::Stage>, found: &mut Findings) -> Option<Part<'r>> {
    let at = &stage.value;
    let lasts = at.lasts.as_ref();
    let lasts = lasts.and_then(|lasts| found.positive(doc, lasts));
    match (&at.rate, &at.rates) {
        (Some(_), Some(rates)) => {
            both(doc, &rates.span, found);
            None
        }
        (Some(rate), None) => Some(Part::All(found.ramp(doc, rate)?, lasts?)),
        (None, Some(rates)) => Some(Part::Each(rates, lasts?)),
        (None, None) => {
            if !doc.incomplete {
                let message = "the stage does not say how much: missing key `rate`";
                found.error_with(doc.place(&stage.span), message, WORDS.hint);
            }
            None
        }
    }
}

fn both(doc: &Doc, at: &Range<usize>, found: &mut Findings) {
    found.error_with(
        doc.place(at),
        "either all journeys arrive at one `rate`, or each at its own of `rates`",
        "leave one of the two out",
    );
}

type Streams = (Vec<Stream>, Option<Vec<MixEntry>>);

/// The schedules that stages make: one for all, or one for each journey.
fn streams(
    doc: &Doc,
    raw: &At<Load>,
    parts: &[Part<'_>],
    against: &Against<'_>,
    found: &mut Findings,
) -> Option<Streams> {
    let each = parts.iter().filter_map(|part| match part {
        Part::Each(rates, _) => Some(*rates),
        Part::All(..) => None,
    });
    let each: Vec<&At<Named<String>>> = each.collect();
    if each.is_empty() {
        let stages = parts.iter().filter_map(|part| match part {
            Part::All((from, to), lasts) => Some(stage(*from, *to, *lasts)),
            Part::Each(..) => None,
        });
        return Some((vec![all(stages.collect())], None));
    }
    if each.len() < parts.len() {
        let rates = each.first().map_or(&raw.span, |rates| &rates.span);
        found.error_with(
            doc.place(rates),
            "some stages have a `rate` for all journeys and some have `rates` for each",
            "who arrives must be said in one way throughout: by `mix`, or by `rates` in every stage",
        );
        return None;
    }
    per_journey(doc, parts, against, found)
}

fn per_journey(
    doc: &Doc,
    parts: &[Part<'_>],
    against: &Against<'_>,
    found: &mut Findings,
) -> Option<Streams> {
    let errors = found.out.len();
    let mut by_name: BTreeMap<&str, (&Str, Vec<Stage>)> = BTreeMap::new();
    for (index, part) in parts.iter().enumerate() {
        let Part::Each(rates, _) = part else { continue };
        if rates.value.0.is_empty() && !doc.incomplete {
            let hint = "name journeys with their rates: `rates = { browse = \"80/s\", checkout = \"5/s..20/s\" }`";
            found.error_with(doc.at(*rates), "no journey arrives in this stage", hint);
        }
        for (key, text) in rates.value.iter() {
            let Some((from, to)) = found.ramp(doc, text) else {
                continue;
            };
            let (_, stages) = by_name
                .entry(key.value.as_str())
                .or_insert_with(|| (key, silent(parts)));
            if let Some(stage) = stages.get_mut(index) {
                (stage.from, stage.to) = (from, to);
            }
        }
    }
    let (mut streams, mut mix) = (Vec::new(), Vec::new());
    for (key, stages) in by_name.into_values() {
        let Some(journey) = mix::arrives(doc, key, against, found) else {
            continue;
        };
        let stream = Stream {
            journey: Some(journey.clone()),
            stages,
        };
        let weight = stream.planned();
        if weight <= 0.0 {
            let message = format!("`{}` never arrives: its rate is zero throughout", key.value);
            found.error_with(doc.at(key), message, "leave it out, or give it a rate");
            continue;
        }
        mix.push(MixEntry { journey, weight });
        streams.push(stream);
    }
    (found.out.len() == errors && !streams.is_empty()).then_some((streams, Some(mix)))
}

/// The stages of a journey that does not arrive in any of them yet.
fn silent(parts: &[Part<'_>]) -> Vec<Stage> {
    let lengths = parts.iter().map(|part| match part {
        Part::All(_, lasts) | Part::Each(_, lasts) => *lasts,
    });
    let zero = Rate::default();
    lengths.map(|lasts| stage(zero, zero, lasts)).collect()
}

fn staircase(doc: &Doc, raw: &At<Steps>, found: &mut Findings) -> Option<Vec<Stage>> {
    let steps = &raw.value;
    let mut height = |level: &Option<At<Level>>| rate(doc, level.as_ref()?, found);
    let (from, to, by) = (height(&steps.from), height(&steps.to), height(&steps.by));
    let every = steps.every.as_ref();
    let every = every.and_then(|every| found.positive(doc, every));
    let heights = (from?.get(), to?.get(), by?.get());
    let heights = shape::stairs(doc, raw, heights, found)?;
    let every = every?;
    let rates = heights.into_iter().filter_map(Rate::per_second);
    Some(rates.map(|rate| stage(rate, rate, every)).collect())
}

/// One rate, where a number of users may stand in a closed model.
fn rate(doc: &Doc, level: &At<Level>, found: &mut Findings) -> Option<Rate> {
    match &level.value {
        Level::Text(text) => {
            let text = At {
                value: text.clone(),
                span: level.span.clone(),
            };
            let whole = 0..text.value.len();
            found.rate(doc, &text, whole)
        }
        Level::Number(number) => {
            let hint = format!("write `\"{number}/s\"`");
            found.error_with(doc.at(level), "a rate is per unit of time", hint);
            None
        }
    }
}

fn of_preset(
    doc: &Doc,
    raw: &At<Load>,
    preset: &At<Preset>,
    found: &mut Findings,
) -> Option<Vec<Stage>> {
    let load = &raw.value;
    if let Some(rates) = &load.rates {
        let hint = "give one `rate` and a `mix`, or write the stages out: `harness plan` shows those of a preset";
        found.error_with(
            doc.at(rates),
            "a preset goes around one normal `rate`",
            hint,
        );
        return None;
    }
    let Some(text) = &load.rate else {
        if !doc.incomplete {
            let hint = "write the normal rate beside it, such as `rate = \"100/s\"`";
            found.error_with(
                doc.at(preset),
                "the preset has no `rate` to go around",
                hint,
            );
        }
        return None;
    };
    let outline = presets::outline(preset.value);
    let total = shape::preset_length(doc, load.lasts.as_ref(), outline.lasts, found);
    let (normal, to) = found.ramp(doc, text)?;
    if normal != to {
        let hint = "write one rate: the preset makes the ramps";
        found.error_with(
            doc.at(text),
            "a preset goes around one normal rate, not a ramp",
            hint,
        );
        return None;
    }
    let times = |multiple: f64| Rate::per_second(normal.get() * multiple);
    let parts = presets::expand(preset.value, total?).into_iter();
    parts
        .map(|(from, to, lasts)| Some(stage(times(from)?, times(to)?, lasts)))
        .collect()
}

/// Whether there is something to play; notes why not.
fn is_a_load(doc: &Doc, raw: &At<Load>, open: &OpenPlan, found: &mut Findings) -> Option<()> {
    let stages = || open.streams.iter().flat_map(|stream| &stream.stages);
    if stages().all(|stage| stage.lasts.is_zero()) {
        found.error(
            doc.place(&raw.span),
            "the load is over before it begins: its length is zero",
        );
        return None;
    }
    if stages().all(|stage| stage.from.get() == 0.0 && stage.to.get() == 0.0) {
        found.error(
            doc.place(&raw.span),
            "the load never starts a journey: its rate is zero throughout",
        );
        return None;
    }
    let most = open.peak();
    if most > MAX_RATE {
        found.error_with(
            doc.place(&raw.span),
            format!("the load rises to {most}/s, and a load can be at most {MAX_RATE}/s"),
            "spread it over several machines' harnesses",
        );
        return None;
    }
    Some(())
}

fn all(stages: Vec<Stage>) -> Stream {
    Stream {
        journey: None,
        stages,
    }
}

const fn stage(from: Rate, to: Rate, lasts: Duration) -> Stage {
    Stage { from, to, lasts }
}
