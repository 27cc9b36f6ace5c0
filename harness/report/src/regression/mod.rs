//! Runs held against runs, for people: what got slower, how sure that is, and what would decide the rest. Says what the
//! comparison says; decides nothing.

pub mod markdown;
pub(crate) mod rows;
mod terminal;

pub use terminal::render;

use crate::text::{count, micros, plural, span};
use harness_core::verdict::regression::{
    ByCalibration, Class, Decide, Effect, Held, HistoryFigure, Shape, Why,
};

/// A class in a word.
pub(crate) fn word(class: &Class) -> &'static str {
    match class {
        Class::Regressed => "regressed",
        Class::Improved => "improved",
        Class::NoRegression => "no regression",
        Class::Inconclusive { .. } => "inconclusive",
        Class::Invalid { .. } => "invalid",
    }
}

/// How the sentence begins that says what would have been found.
const FOUND: &str = "this much would have been found four times in five";

/// `+9.0%`, of a share.
pub(crate) fn change(share: f64) -> String {
    let points = share * 100.0;
    match points.abs() {
        abs if abs < 10.0 => format!("{points:+.1}%"),
        _ => format!("{points:+.0}%"),
    }
}

/// `212 ms → 231 ms`.
fn from_to(effect: &Effect) -> String {
    let us = |value: f64| micros(Some(value.round().max(0.0) as u64));
    format!("{} → {}", us(effect.baseline_us), us(effect.candidate_us))
}

/// `+9.0% (+2.1% to +16%)`.
fn difference(effect: &Effect) -> String {
    let (low, high) = effect.relative_interval();
    let change_of = change(effect.relative());
    format!("{change_of} ({} to {})", change(low), change(high))
}

/// What matters: δ, or the floor where that is more.
fn margin(effect: &Effect) -> String {
    let share = change(effect.margin.exp_m1());
    match effect.floor {
        true => format!("{share} would matter: less is under the floor"),
        false => format!("{share} would matter"),
    }
}

/// Why a class is what it is, where that is not said by its numbers.
pub(crate) fn reasons(held: &Held) -> Vec<String> {
    match &held.class {
        Class::Invalid { why } => why.clone(),
        Class::Inconclusive {
            why,
            detectable,
            decide,
        } => {
            let mut told = vec![because(why)];
            let found = detectable.map(|share| format!("{FOUND}: {}", change(share)));
            told.extend(found);
            told.extend(held.effect.as_ref().and_then(below_noise));
            told.extend(decide.as_ref().and_then(decides));
            told
        }
        Class::Regressed | Class::Improved | Class::NoRegression => Vec::new(),
    }
}

/// Where what matters is less than chance alone makes of such runs: the noise floor.
fn below_noise(effect: &Effect) -> Option<String> {
    (effect.margin < effect.noise_floor).then(|| {
        format!(
            "{} is below the noise floor: less than {} can't be told from chance here",
            change(effect.margin.exp_m1()),
            change(effect.noise_floor.exp_m1())
        )
    })
}

/// How far runs of one build differ, and how that is known.
fn spread(effect: &Effect, calibration: Option<&ByCalibration>) -> String {
    let tau = &effect.tau;
    let value = format!("τ {:.1} %", tau.value * 100.0);
    match (tau.learned_from, calibration) {
        (None, _) => format!("{value}, assumed"),
        (Some(runs), Some(by)) if tau.calibrated => {
            format!("{value} from the calibration of {}, {runs} runs", by.day)
        }
        (Some(runs), _) => format!("{value} from {runs} runs of the baseline"),
    }
}

fn because(why: &Why) -> String {
    match why {
        Why::Undecided => "no change and one that matters are both possible".to_owned(),
        Why::OneOfMany { gates } => {
            format!("it looks slower, but of {gates} key figures one is expected to, by chance")
        }
        Why::TooFewSamples { have, need } => {
            format!("{} samples, {} are needed", count(*have), count(*need))
        }
        Why::TooShort { seconds, need } => format!(
            "{} of load are left after the beginning is cut off, {} are needed",
            span(*seconds),
            span(*need)
        ),
        Why::Absent { side } => format!("the {side} never saw it"),
        Why::TooFewEpisodes { have, need } => {
            format!(
                "{} of errors, {need} are needed",
                plural(u64::from(*have), "burst")
            )
        }
        Why::TooFewRuns { have, need } => {
            format!(
                "{} since the last change, {need} are needed",
                plural(u64::from(*have), "run")
            )
        }
    }
}

fn decides(decide: &Decide) -> Option<String> {
    let runs = decide.repeats.map(|runs| format!("{runs} runs a side"));
    let minutes = decide
        .minutes
        .map(|minutes| format!("runs of {}", span((minutes * 60.0).ceil())));
    let ways: Vec<String> = [runs, minutes].into_iter().flatten().collect();
    (!ways.is_empty()).then(|| format!("{} would decide it", ways.join(" or ")))
}

/// `against the median of the 7 runs before: no regression, +2.1% (-3.0% to +7.4%)`.
fn against_history(history: &HistoryFigure) -> String {
    let runs = plural(u64::from(history.runs), "run");
    let others = match &history.since {
        Some(since) => format!("the {runs} since {since}"),
        None => format!("the {runs} before"),
    };
    against_others(&others, &history.held)
}

/// `against the pinned release: regressed, +16% (+8.4% to +24%)`.
fn against_others(others: &str, held: &Held) -> String {
    let numbers = held.effect.as_ref().map(difference);
    let numbers = numbers.map_or_else(String::new, |numbers| format!(", {numbers}"));
    let why = match (&held.class, &held.effect) {
        (_, Some(_)) => String::new(),
        _ => format!(" ({})", reasons(held).join("; ")),
    };
    format!("against {others}: {}{numbers}{why}", word(&held.class))
}

/// What kind of slower it is. Of what is open the typical second may be slower, and of what is proven not to be slower, or
/// can't be compared, nothing is said of it: its share of a change is known no better than the change. Stalls are tested by
/// themselves.
fn kind(shape: &Shape, class: &Class) -> Option<String> {
    let (before, after) = shape.stalls;
    let stalls = format!("stalls a minute: {before:.1} → {after:.1}");
    let second = match class {
        _ if !shape.typical_slower => None,
        Class::Regressed => Some("the typical second got slower"),
        Class::Inconclusive { .. } => Some("the typical second may have got slower"),
        Class::Improved | Class::NoRegression | Class::Invalid { .. } => None,
    };
    match (second, shape.more_stalls) {
        (Some(second), true) => Some(format!("{second}, and there are more stalls ({stalls})")),
        (Some(second), false) => Some(second.to_owned()),
        (None, true) => Some(format!("stalls became more frequent ({stalls})")),
        (None, false) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typical_second_is_called_slower_where_that_is_decided_alone() {
        let shape = |more_stalls| Shape {
            typical: 0.1,
            stalls: (0.0, 2.0),
            typical_slower: true,
            more_stalls,
        };
        let open = Class::Inconclusive {
            why: Why::Undecided,
            detectable: None,
            decide: None,
        };
        let said = |class: &Class| kind(&shape(false), class);
        assert_eq!(
            said(&Class::Regressed).unwrap(),
            "the typical second got slower"
        );
        assert_eq!(
            said(&open).unwrap(),
            "the typical second may have got slower"
        );
        for class in [Class::NoRegression, Class::Improved] {
            assert_eq!(said(&class), None);
            // What was tested by itself stands.
            let stalls = kind(&shape(true), &class).unwrap();
            assert!(
                stalls.starts_with("stalls became more frequent"),
                "{stalls}"
            );
        }
    }
}
