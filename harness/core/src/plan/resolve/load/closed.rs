//! Closed models: users who walk one journey after another, for a time or for a number of journeys.

use super::shape::{self, Shape, Words};
use super::{Doc, MAX_USERS, presets};
use crate::plan::load::{ClosedPlan, Cookies, Engine, Iterations, UserStage};
use crate::plan::resolve::findings::Findings;
use crate::suite::at::At;
use crate::suite::raw::{self, Level, Load, Preset, Steps};
use std::num::NonZeroU64;
use std::ops::Range;
use std::time::Duration;

const WORDS: Words = Words {
    level: "users",
    hint: "write `users = 50` and `for = \"2m\"`, or `stages = [{ users = …, for = … }]`, or `iterations = 1000`",
};
const USERS: &str = "write a number, `users = 50`, or a ramp, `users = \"1..50\"`";
/// How long a number of iterations may take unless somebody says otherwise.
const LIMIT: Duration = Duration::from_secs(600);

/// A closed model; `None` after noting why there is none.
pub(super) fn resolve(doc: &Doc, raw: &At<Load>, found: &mut Findings) -> Option<ClosedPlan> {
    let load = &raw.value;
    if of_the_open(doc, load, found) {
        return None;
    }
    let pacing = load.pacing.as_ref();
    let pacing = pacing.and_then(|pacing| found.positive(doc, pacing));
    let (users, iterations) = match iterations(doc, load, found)? {
        Some((iterations, at)) => {
            let users = of_iterations(doc, raw, iterations, at, found)?;
            (users, Some(iterations))
        }
        None => (stages(doc, raw, found)?, None),
    };
    if users.iter().all(|stage| stage.lasts.is_zero()) {
        let message = "the load is over before it begins: its length is zero";
        found.error(doc.place(&raw.span), message);
        return None;
    }
    if users.iter().all(|stage| stage.from.max(stage.to) == 0) {
        let place = load.users.as_ref().map_or(&raw.span, |users| &users.span);
        found.error_with(doc.place(place), "the load has no users at all", USERS);
        return None;
    }
    Some(ClosedPlan {
        users,
        iterations,
        pacing: pacing.unwrap_or(Duration::ZERO),
        cookies: match load.cookies.as_ref().map(|cookies| cookies.value) {
            None | Some(raw::Cookies::User) => Cookies::User,
            Some(raw::Cookies::Journey) => Cookies::Journey,
        },
        engine: match load.engine.as_ref().map(|engine| engine.value) {
            None | Some(raw::Engine::Native) => Engine::Native,
            Some(raw::Engine::Goose) => Engine::Goose,
        },
    })
}

/// Notes keys that only an open model has.
fn of_the_open(doc: &Doc, load: &Load, found: &mut Findings) -> bool {
    let staged = load.stages.iter().map(|stage| &stage.value);
    let rate = staged.clone().find_map(|stage| stage.rate.as_ref());
    let rates = staged.into_iter().find_map(|stage| stage.rates.as_ref());
    let rate = load.rate.as_ref().or(rate);
    let rates = load.rates.as_ref().or(rates);
    let arrivals = load.arrivals.as_ref();
    let keys = [
        ("rate", rate.map(|at| at.span.clone())),
        ("rates", rates.map(|at| at.span.clone())),
        ("arrivals", arrivals.map(|at| at.span.clone())),
    ];
    let hint = "in a closed load the target decides how often journeys start: say how many `users` there are, or leave \
                `model = \"closed\"` out";
    shape::stray(doc, &keys, "open model", hint, found)
}

type Counted<'l> = Option<(Iterations, &'l Range<usize>)>;

/// The number of iterations, and where it was typed; `None` after noting why it is none.
fn iterations<'l>(doc: &Doc, load: &'l Load, found: &mut Findings) -> Option<Counted<'l>> {
    let count = |at: &'l At<u64>, wrap: fn(NonZeroU64) -> Iterations| {
        Some((wrap(NonZeroU64::new(at.value)?), &at.span))
    };
    match (&load.iterations, &load.iterations_per_user) {
        (Some(_), Some(each)) => {
            found.error_with(
                doc.at(each),
                "either all users together walk a number of journeys, or each does",
                "leave `iterations` or `iterations_per_user` out",
            );
            None
        }
        // Zero is an error of form already.
        (Some(shared), None) => count(shared, Iterations::Shared).map(Some),
        (None, Some(each)) => count(each, Iterations::PerUser).map(Some),
        (None, None) => Some(None),
    }
}

/// The users of a load that ends with a number of journeys.
fn of_iterations(
    doc: &Doc,
    raw: &At<Load>,
    iterations: Iterations,
    at: &Range<usize>,
    found: &mut Findings,
) -> Option<Vec<UserStage>> {
    let load = &raw.value;
    let key = match iterations {
        Iterations::Shared(_) => "iterations",
        Iterations::PerUser(_) => "iterations_per_user",
    };
    let hint = "give `users` and, as a limit, `for`";
    let others = [
        ("stages", !load.stages.is_empty()),
        ("steps", load.steps.is_some()),
        ("preset", load.preset.is_some()),
    ];
    if let Some((other, _)) = others.iter().find(|(_, typed)| *typed) {
        let message = format!("`{key}` says when the load ends, and so does `{other}`");
        found.error_with(doc.place(at), message, hint);
        return None;
    }
    let Some(users) = &load.users else {
        shape::missing(doc, at, "users", &WORDS, found);
        return None;
    };
    let limit = load.lasts.as_ref();
    let limit = limit.map_or(Some(LIMIT), |limit| found.positive(doc, limit));
    let (from, to) = self::users(doc, users, found)?;
    if from != to {
        let message = format!("with `{key}` the number of users stays the same");
        found.error_with(doc.at(users), message, "write one number, `users = 50`");
        return None;
    }
    if let Iterations::Shared(all) = iterations
        && all.get() < u64::from(from)
    {
        let message = format!("{all} journeys are too few for {from} users: some would walk none");
        found.error_with(
            doc.place(at),
            message,
            "write fewer users or more iterations",
        );
        return None;
    }
    let lasts = limit?;
    Some(vec![UserStage { from, to, lasts }])
}

fn stages(doc: &Doc, raw: &At<Load>, found: &mut Findings) -> Option<Vec<UserStage>> {
    match shape::of(doc, raw, &WORDS, found)? {
        Shape::One => {
            let load = &raw.value;
            let lasts = shape::length(doc, load, found);
            match (&load.users, &load.lasts) {
                (None, Some(lasts)) => shape::missing(doc, &lasts.span, "users", &WORDS, found),
                (Some(users), None) => shape::missing(doc, &users.span, "for", &WORDS, found),
                _ => {}
            }
            let users = load.users.as_ref();
            let (from, to) = users.and_then(|users| self::users(doc, users, found))?;
            let lasts = lasts?;
            Some(vec![UserStage { from, to, lasts }])
        }
        Shape::Stages(stages) => {
            let read: Vec<Option<UserStage>> =
                stages.iter().map(|stage| one(doc, stage, found)).collect();
            read.into_iter().collect()
        }
        Shape::Steps(steps) => staircase(doc, steps, found),
        Shape::Preset(preset) => of_preset(doc, raw, preset, found),
    }
}

fn one(doc: &Doc, stage: &At<raw::Stage>, found: &mut Findings) -> Option<UserStage> {
    let lasts = stage.value.lasts.as_ref();
    let lasts = lasts.and_then(|lasts| found.positive(doc, lasts));
    let Some(users) = &stage.value.users else {
        if !doc.incomplete {
            let message = "the stage does not say how much: missing key `users`";
            found.error_with(doc.place(&stage.span), message, USERS);
        }
        return None;
    };
    let (from, to) = self::users(doc, users, found)?;
    let lasts = lasts?;
    Some(UserStage { from, to, lasts })
}

fn staircase(doc: &Doc, raw: &At<Steps>, found: &mut Findings) -> Option<Vec<UserStage>> {
    let steps = &raw.value;
    let mut height = |level: &Option<At<Level>>| -> Option<f64> {
        let level = level.as_ref()?;
        let (from, to) = users(doc, level, found)?;
        if from != to {
            found.error(doc.at(level), "a stair has one number of users");
            return None;
        }
        Some(f64::from(from))
    };
    let (from, to, by) = (height(&steps.from), height(&steps.to), height(&steps.by));
    let every = steps.every.as_ref();
    let every = every.and_then(|every| found.positive(doc, every));
    let heights = shape::stairs(doc, raw, (from?, to?, by?), found)?;
    let lasts = every?;
    let level = |height: f64| UserStage {
        from: height as u32,
        to: height as u32,
        lasts,
    };
    Some(heights.into_iter().map(level).collect())
}

fn of_preset(
    doc: &Doc,
    raw: &At<Load>,
    preset: &At<Preset>,
    found: &mut Findings,
) -> Option<Vec<UserStage>> {
    let load = &raw.value;
    let Some(typed) = &load.users else {
        if !doc.incomplete {
            let hint = "write the normal number beside it, such as `users = 50`";
            found.error_with(
                doc.at(preset),
                "the preset has no `users` to go around",
                hint,
            );
        }
        return None;
    };
    let outline = presets::outline(preset.value);
    let total = shape::preset_length(doc, load.lasts.as_ref(), outline.lasts, found);
    let (normal, to) = users(doc, typed, found)?;
    if normal != to {
        let hint = "write one number: the preset makes the ramps";
        let message = "a preset goes around one normal number of users, not a ramp";
        found.error_with(doc.at(typed), message, hint);
        return None;
    }
    let stages: Vec<UserStage> = presets::expand(preset.value, total?)
        .into_iter()
        .map(|(from, to, lasts)| UserStage {
            from: times(normal, from),
            to: times(normal, to),
            lasts,
        })
        .collect();
    let most = stages.iter().map(|s| s.from.max(s.to)).max().unwrap_or(0);
    if most > MAX_USERS {
        too_many(doc, &typed.span, most.into(), found);
        return None;
    }
    Some(stages)
}

/// A multiple of a number of users; of some at least one is left.
pub(super) fn times(users: u32, multiple: f64) -> u32 {
    if users == 0 || multiple == 0.0 {
        return 0;
    }
    // Saturates, which the limit on users catches.
    ((f64::from(users) * multiple).round() as u32).max(1)
}

/// A number of users, or a ramp from one to another.
fn users(doc: &Doc, level: &At<Level>, found: &mut Findings) -> Option<(u32, u32)> {
    let mut checked = |number: Option<i64>, place, typed: &str| match number {
        Some(number @ 0..) if number <= i64::from(MAX_USERS) => u32::try_from(number).ok(),
        Some(number @ 0..) => {
            too_many_at(place, number, found);
            None
        }
        _ => {
            let message = format!("`{typed}` is not a number of users");
            found.error_with(place, message, USERS);
            None
        }
    };
    match &level.value {
        Level::Number(number) => {
            let one = checked(Some(*number), doc.at(level), &number.to_string())?;
            Some((one, one))
        }
        Level::Text(text) => {
            let mut part = |part: Range<usize>| {
                let typed = text.get(part.clone()).unwrap_or("");
                let place = doc.within(&level.span, &part);
                checked(typed.trim().parse().ok(), place, typed)
            };
            match text.split_once("..") {
                None => {
                    let one = part(0..text.len())?;
                    Some((one, one))
                }
                Some((from, _)) => {
                    let (from, to) = (part(0..from.len()), part(from.len() + 2..text.len()));
                    Some((from?, to?))
                }
            }
        }
    }
}

fn too_many(doc: &Doc, at: &Range<usize>, users: i64, found: &mut Findings) {
    too_many_at(doc.place(at), users, found);
}

fn too_many_at(place: crate::diagnostic::Place, users: i64, found: &mut Findings) {
    found.error_with(
        place,
        format!("{users} users are more than a load can have: at most {MAX_USERS}"),
        "spread them over several machines' harnesses",
    );
}
