//! Capacity searches: `find` with the rates it may try and the time it may take.

use super::{Doc, MAX_RATE};
use crate::capacity::SearchPlan;
use crate::expr::goal::Goal;
use crate::plan::resolve::findings::Findings;
use crate::plan::resolve::texts::expression_error;
use crate::suite::at::{At, Str};
use crate::suite::raw::Load;
use crate::units::{Rate, Share, format_duration};
use std::ops::Range;
use std::time::Duration;

const FROM: f64 = 50.0;
const WITHIN: Duration = Duration::from_secs(300);
const TRIAL: Duration = Duration::from_secs(10);
/// The part of a trial's length for which a rate is held before it is judged.
const SETTLE: f64 = 0.2;
const PRECISION: f64 = 0.05;
/// A trial shorter than this says more about its first connections than about the target.
const SHORTEST: Duration = Duration::from_secs(1);

/// A search; `None` after noting why there is none.
pub(super) fn resolve(
    doc: &Doc,
    raw: &At<Load>,
    find: &Str,
    found: &mut Findings,
) -> Option<SearchPlan> {
    let load = &raw.value;
    if others(doc, load, found) {
        return None;
    }
    let goal = match find.value.parse::<Goal>() {
        Ok(goal) => Some(goal),
        Err(error) => {
            let place = |inner: &Range<usize>| doc.inside(find, inner);
            found.out.push(expression_error(&error, &place));
            None
        }
    };
    let from = rate(doc, load.from.as_ref(), FROM, found);
    let up_to = rate(doc, load.up_to.as_ref(), MAX_RATE, found);
    let within = length(doc, load.within.as_ref(), WITHIN, found);
    let trial = length(doc, load.trial.as_ref(), TRIAL, found);
    let precision = precision(doc, load.precision.as_ref(), found);
    let (from, up_to, within, trial) = (from?, up_to?, within?, trial?);
    if from > up_to {
        let place = load.from.as_ref().or(load.up_to.as_ref()).unwrap_or(find);
        let message =
            format!("the search begins at {from}, above the highest rate it may try, {up_to}");
        found.error_with(doc.at(place), message, "write `from` below `up_to`");
        return None;
    }
    let plan = SearchPlan {
        goal: goal?,
        spacing: super::open::spacing(load),
        from,
        up_to,
        within,
        trial,
        settle: trial.mul_f64(SETTLE),
        precision: precision?,
    };
    if plan.one() > within {
        let place = load.within.as_ref().or(load.trial.as_ref()).unwrap_or(find);
        let message = format!(
            "a trial takes {} with the time before it is judged, and the search has only {}",
            format_duration(plan.one()),
            format_duration(within)
        );
        let hint = "give it more time with `within` (ten to twenty trials are usual), or shorter trials with `trial`";
        found.error_with(doc.at(place), message, hint);
        return None;
    }
    Some(plan)
}

/// Notes keys that give a load a shape, which a search finds itself; whether there are any.
fn others(doc: &Doc, load: &Load, found: &mut Findings) -> bool {
    let spans = [
        ("rate", load.rate.as_ref().map(|at| &at.span)),
        ("rates", load.rates.as_ref().map(|at| &at.span)),
        ("users", load.users.as_ref().map(|at| &at.span)),
        ("for", load.lasts.as_ref().map(|at| &at.span)),
        ("stages", load.stages.first().map(|at| &at.span)),
        ("steps", load.steps.as_ref().map(|at| &at.span)),
        ("preset", load.preset.as_ref().map(|at| &at.span)),
        ("iterations", load.iterations.as_ref().map(|at| &at.span)),
        (
            "iterations_per_user",
            load.iterations_per_user.as_ref().map(|at| &at.span),
        ),
        ("pacing", load.pacing.as_ref().map(|at| &at.span)),
        ("cookies", load.cookies.as_ref().map(|at| &at.span)),
        ("engine", load.engine.as_ref().map(|at| &at.span)),
        ("warm_up", load.warm_up.as_ref().map(|at| &at.span)),
    ];
    let typed = spans
        .into_iter()
        .filter_map(|(key, span)| Some((key, span?)));
    let mut any = false;
    for (key, span) in typed {
        any = true;
        let message = format!("`{key}` says what the load is like, and `find` looks for it");
        let hint = "a search takes `find`, `from`, `up_to`, `within`, `trial`, `precision`, and what every open load takes: \
                    `mix`, `think`, `arrivals`, `connections`, `http`";
        found.error_with(doc.place(span), message, hint);
    }
    any
}

/// Notes keys of a search in a load that is none; whether there are any.
pub(super) fn stray(doc: &Doc, load: &Load, found: &mut Findings) -> bool {
    let keys = [
        ("from", &load.from),
        ("up_to", &load.up_to),
        ("within", &load.within),
        ("trial", &load.trial),
        ("precision", &load.precision),
    ];
    let hint = "write `find = \"max rate where p99 < 200ms\"` too, or leave it out";
    let typed = keys
        .into_iter()
        .filter_map(|(key, text)| Some((key, text.as_ref()?)));
    let mut any = false;
    for (key, text) in typed {
        any = true;
        let message = format!("`{key}` belongs to a capacity search");
        found.error_with(doc.at(text), message, hint);
    }
    any
}

fn rate(doc: &Doc, typed: Option<&Str>, default: f64, found: &mut Findings) -> Option<Rate> {
    let Some(text) = typed else {
        return Rate::per_second(default);
    };
    let rate = found.ramp(doc, text);
    match rate? {
        (from, to) if from != to => {
            let message = "a search tries one rate at a time, this is a ramp";
            found.error_with(doc.at(text), message, "write one rate, such as `100/s`");
            None
        }
        (rate, _) if rate.get() == 0.0 => {
            let message = "at a rate of zero there is nothing to find";
            found.error_with(doc.at(text), message, "write a rate such as `100/s`");
            None
        }
        (rate, _) => Some(rate),
    }
}

fn length(
    doc: &Doc,
    typed: Option<&Str>,
    default: Duration,
    found: &mut Findings,
) -> Option<Duration> {
    let Some(text) = typed else {
        return Some(default);
    };
    let length = found.positive(doc, text)?;
    if length < SHORTEST {
        let message = format!("{} is too short to judge a rate", format_duration(length));
        found.error_with(doc.at(text), message, "write a second at least");
        return None;
    }
    Some(length)
}

fn precision(doc: &Doc, typed: Option<&Str>, found: &mut Findings) -> Option<f64> {
    let Some(text) = typed else {
        return Some(PRECISION);
    };
    match text.value.parse::<Share>().map(Share::get) {
        Ok(share) if (0.01..=1.0).contains(&share) => Some(share),
        Ok(_) => {
            let message = "the precision lies between 1% and 100%";
            let hint = "trials of one rate differ by a few percent: `5%` is usual";
            found.error_with(doc.at(text), message, hint);
            None
        }
        Err(error) => {
            found.error(doc.at(text), error.to_string());
            None
        }
    }
}
