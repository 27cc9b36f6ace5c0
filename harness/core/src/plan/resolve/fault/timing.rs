//! When a fault strikes: a time or an event of the load, a draw between two times, once or in turns. What is checked is
//! what may come of any seed, so that no seed makes a suite wrong.

use super::{Around, Timeline};
use crate::expr::gate::GateExpr;
use crate::plan::resolve::findings::Findings;
use crate::plan::resolve::texts;
use crate::random::{Draws, coordinate};
use crate::suite::at::{At, Str};
use crate::suite::document::Document;
use crate::suite::raw::{Fault, ScenarioFile};
use crate::units::{format_duration, parse_duration};
use std::ops::Range;
use std::time::Duration;

type Doc = Document<ScenarioFile>;

/// Between two turns of a fault, so that what is seen of one is not taken for the other.
const REST: Duration = Duration::from_secs(1);

/// One turn of a fault, from the load's start.
#[derive(Debug, Clone, Copy)]
pub(super) struct Turn {
    pub(super) at: Duration,
    pub(super) lasts: Duration,
    /// From the first moment at which it may begin to the last at which it may end, whatever the seed.
    within: (Duration, Duration),
}

impl Turn {
    /// Whether two may be there at the same time.
    pub(super) fn meets(&self, other: &Self) -> bool {
        self.within.0 < other.within.1 && other.within.0 < self.within.1
    }
}

/// A time, or two to draw one between.
#[derive(Debug, Clone, Copy)]
struct Between {
    least: Duration,
    most: Duration,
}

impl Between {
    const ZERO: Self = Self {
        least: Duration::ZERO,
        most: Duration::ZERO,
    };

    /// A draw, to the millisecond.
    fn draw(self, seed: u64, of: &[u64]) -> Duration {
        let width = u64::try_from((self.most - self.least).as_millis()).unwrap_or(u64::MAX - 1);
        self.least + Duration::from_millis(Draws::at(seed, of).below(width + 1))
    }
}

/// When a fault strikes.
pub(super) struct Times {
    /// What fires it, if that is no time.
    pub(super) when: Option<GateExpr>,
    /// In order; not empty.
    pub(super) turns: Vec<Turn>,
}

/// What a fault's `at` counts from.
enum Since {
    /// A time from the load's start.
    Time(Duration),
    /// What fires it.
    Condition(GateExpr),
}

/// When a fault strikes; `None` after noting why nobody knows.
pub(super) fn resolve(
    doc: &Doc,
    raw: &At<Fault>,
    around: &Around<'_>,
    found: &mut Findings,
) -> Option<Times> {
    let fault = &raw.value;
    let at = match &fault.at {
        Some(text) => between(doc, text, found),
        None => Some(Between::ZERO),
    };
    let lasts = fault.lasts.as_ref().and_then(|text| {
        let lasts = between(doc, text, found)?;
        positive(doc, text, lasts, found)
    });
    let since = match &fault.when {
        Some(when) if when.value.contains(['<', '>']) => condition(doc, when, found),
        Some(when) => {
            let event = around.load.and_then(|load| event(doc, when, load, found));
            event.map(Since::Time)
        }
        None => Some(Since::Time(Duration::ZERO)),
    };
    if fault.at.is_none() && fault.when.is_none() && !doc.incomplete {
        found.error_with(
            doc.place(&raw.span),
            "this fault does not say when it begins",
            "give it a time, `at = \"40s\"`, or something to wait for, `when = \"ramp ends\"`",
        );
        return None;
    }
    let repeated = repeated(doc, fault, lasts, found);
    let (at, lasts) = (at?, lasts?);
    let (from, when) = match since? {
        Since::Time(from) => (from, None),
        Since::Condition(when) => (Duration::ZERO, Some(when)),
    };
    let (every, times) = repeated?;
    let draw = |what: &str, between: Between, turn: u32| {
        let name = fault.name.as_ref().map_or("", |name| name.value.as_str());
        let of = ["fault", around.scenario, name, what].map(coordinate);
        let [a, b, c, d] = of;
        between.draw(around.seed, &[a, b, c, d, u64::from(turn)])
    };
    let (mut begin, mut least, mut most) =
        (from + draw("at", at, 1), from + at.least, from + at.most);
    let mut turns = Vec::new();
    for turn in 1..=times {
        turns.push(Turn {
            at: begin,
            lasts: draw("for", lasts, turn),
            within: (least, most + lasts.most),
        });
        begin += draw("every", every, turn);
        (least, most) = (least + every.least, most + every.most);
    }
    if let Some(load) = around.load {
        within(doc, fault, &turns, load, found);
    }
    if when.is_some() {
        // Then it may be there at any time.
        let always = (Duration::ZERO, Duration::MAX);
        turns.iter_mut().for_each(|turn| turn.within = always);
    }
    Some(Times { when, turns })
}

/// Notes the first turn that may end after the load.
fn within(doc: &Doc, fault: &Fault, turns: &[Turn], load: &Timeline, found: &mut Findings) {
    let late = |turn: &&(usize, &Turn)| turn.1.within.1 > load.length;
    let turns: Vec<(usize, &Turn)> = turns.iter().enumerate().collect();
    let Some((index, turn)) = turns.iter().find(late) else {
        return;
    };
    let text = match fault.times.as_ref().filter(|_| *index > 0) {
        Some(times) => doc.at(times),
        None => match fault.lasts.as_ref().or(fault.at.as_ref()) {
            Some(text) => doc.at(text),
            None => return,
        },
    };
    let who = match turns.len() {
        1 => "this fault".to_owned(),
        _ => format!("turn {} of this fault", index + 1),
    };
    let ends = match turn.at + turn.lasts == turn.within.1 {
        true => "ends",
        false => "may end",
    };
    let (end, length) = (format_duration(turn.within.1), format_duration(load.length));
    found.error_with(
        text,
        format!("{who} {ends} at {end}, after the load, which ends at {length}"),
        "a fault is measured by the load around it: start it sooner, or load longer",
    );
}

/// From start to start, and how many; once for a fault that is not repeated.
fn repeated(
    doc: &Doc,
    fault: &Fault,
    lasts: Option<Between>,
    found: &mut Findings,
) -> Option<(Between, u32)> {
    let (text, times) = match (&fault.every, &fault.times) {
        (None, None) => return Some((Between::ZERO, 1)),
        (Some(every), Some(times)) => (every, times),
        // One that could not be read is there all the same.
        (Some(_), None) | (None, Some(_)) if doc.incomplete => return None,
        (Some(every), None) => {
            let message = "a fault that is repeated says how often";
            found.error_with(doc.at(every), message, "add `times = 3`");
            return None;
        }
        (None, Some(times)) => {
            let message = "a fault that is repeated says how long it is from start to start";
            found.error_with(doc.at(times), message, "add `every = \"30s\"`");
            return None;
        }
    };
    let every = between(doc, text, found)?;
    let needed = lasts?.most + REST;
    if every.least < needed {
        let (least, needed) = (format_duration(every.least), format_duration(needed));
        let message = format!(
            "turns of this fault may run into each other: the next may begin {least} after the last, and needs {needed}"
        );
        let hint = "`every` is from start to start: at least `for` and a second between them";
        found.error_with(doc.at(text), message, hint);
        return None;
    }
    Some((every, times.value))
}

/// What fires a fault: whether the load has what it names is looked at where gates are.
fn condition(doc: &Doc, text: &Str, found: &mut Findings) -> Option<Since> {
    let parsed = text.value.parse().map_err(|error| {
        let place = |inner: &_| doc.inside(text, inner);
        found.out.push(texts::expression_error(&error, &place));
    });
    parsed.ok().map(Since::Condition)
}

/// When an event of the load comes, from its start.
fn event(doc: &Doc, text: &Str, load: &Timeline, found: &mut Findings) -> Option<Duration> {
    let words: Vec<&str> = text.value.split_whitespace().collect();
    match words.as_slice() {
        ["ramp", "ends"] => {
            if load.ramp_ends.is_none() {
                let hint = "give it one, such as `rate = \"50/s..500/s\"`, or the fault a time, `at = \"40s\"`";
                found.error_with(doc.at(text), "this load has no ramp that could end", hint);
            }
            load.ramp_ends
        }
        ["stage", number, edge @ ("begins" | "ends")] => {
            let stages = load.edges.len() + 1;
            let start = number.as_ptr() as usize - text.value.as_ptr() as usize;
            let place = doc.inside(text, &(start..start + number.len()));
            match number.parse::<usize>() {
                Ok(number) if (1..=stages).contains(&number) => {
                    let begins = |stage: usize| match stage {
                        0 => Duration::ZERO,
                        later => load.edges.get(later - 1).copied().unwrap_or(load.length),
                    };
                    Some(begins(number - usize::from(*edge == "begins")))
                }
                Ok(_) => {
                    let message = match stages {
                        1 => "this load has one stage".to_owned(),
                        _ => format!("this load has {stages} stages"),
                    };
                    found.error_with(place, message, "stages count from 1");
                    None
                }
                Err(_) => {
                    let message = format!("`{number}` is no stage");
                    found.error_with(place, message, "stages count from 1: `stage 2 begins`");
                    None
                }
            }
        }
        _ => {
            found.error_with(
                doc.at(text),
                format!("`{}` is no event of a load", text.value),
                "write `ramp ends`, `stage 2 begins`, `stage 2 ends`, or a condition such as `p95 > 300ms`",
            );
            None
        }
    }
}

/// Reads `40s`, or `30s..50s`.
fn between(doc: &Doc, text: &Str, found: &mut Findings) -> Option<Between> {
    let Some((least, most)) = text.value.split_once("..") else {
        let one = found.duration(doc, text)?;
        return Some(Between {
            least: one,
            most: one,
        });
    };
    let mut read = |part: Range<usize>| {
        let typed = text.value.get(part.clone())?;
        let read = parse_duration(typed);
        read.map_err(|error| found.error(doc.inside(text, &part), error.to_string()))
            .ok()
    };
    let first = read(0..least.len());
    let second = read(text.value.len() - most.len()..text.value.len());
    let (least, most) = (first?, second?);
    if least > most {
        let message = "the first of these is the longer one: nothing lies between them";
        found.error_with(
            doc.at(text),
            message,
            "write the shorter one first: `5s..20s`",
        );
        return None;
    }
    Some(Between { least, most })
}

fn positive(doc: &Doc, text: &Str, between: Between, found: &mut Findings) -> Option<Between> {
    if between.least.is_zero() {
        found.error(doc.at(text), "this must be longer than zero");
        return None;
    }
    Some(between)
}
