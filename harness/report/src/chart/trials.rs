//! The trials of a capacity search: the rate of each against what decided it, the answer's interval shaded. Trials that
//! held, that broke and that were not made are told apart by shape. The figures themselves are the table's.

use super::scale::Scale;
use super::timeline::anchor;
use super::{Tick, tidy};
use crate::capacity::word;
use crate::text;
use harness_core::capacity::{Answer, Fate, Limit};
use harness_core::expr::gate::{GateExpr, GateSubject, Unit};
use harness_core::record::{Record, ScenarioRecord};
use harness_core::verdict::capacity::{found, observed, search};
use harness_core::verdict::show;
use serde::Serialize;

/// Height of the plot, and of the lane above it for the answer's words, pixels.
const HEIGHT: f64 = 190.0;
const LANE: f64 = 20.0;
/// The answer's interval is at least so wide, percent: one of two near rates must still be seen.
const NARROWEST: f64 = 0.8;

/// The chart, ready for its template. Horizontal places are percentages and vertical ones pixels.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Trials {
    /// Unique on the page.
    pub id: String,
    /// For people, and the SVG's `title`.
    pub title: String,
    /// What it shows: the SVG's `desc`.
    pub desc: String,
    /// What the vertical axis counts, where that needs words.
    pub unit: &'static str,
    /// Height of the plot.
    pub height: f64,
    /// Height above it.
    pub lane: f64,
    /// Rates along the bottom.
    pub x_ticks: Vec<Tick>,
    /// Figures along the left.
    pub y_ticks: Vec<Tick>,
    /// Where the answer lies.
    pub answer: Option<Span>,
    /// The condition's limit: pixels from the top, and its words.
    pub limit: (f64, String),
    /// The shapes there are, each once: (look, words).
    pub keys: Vec<(&'static str, &'static str)>,
    /// The trials that have a figure.
    pub marks: Vec<Mark>,
    /// Of trials without one.
    pub note: String,
}

/// The interval of the answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Span {
    /// Percent from the left.
    pub x: f64,
    /// Percent.
    pub width: f64,
    /// `700/s to 725/s`.
    pub label: String,
    /// Percent from the left of the words.
    pub label_x: f64,
    /// Where the words lie to their place.
    pub anchor: &'static str,
}

/// A trial.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Mark {
    /// Percent from the left.
    pub x: f64,
    /// Pixels from the top.
    pub y: f64,
    /// Its shape: `held`, `broke` or `unmade`.
    pub look: &'static str,
    /// For pointing at it.
    pub tip: String,
}

/// A scenario's trials; `None` where it is no search, or none has a figure to draw.
pub fn chart(id: String, record: &Record, scenario: &ScenarioRecord) -> Option<Trials> {
    let plan = search(record, scenario.name.as_str())?;
    let answer = found(record, scenario)?;
    let condition = leading(&plan.goal.conditions)?;
    let unit = condition.unit();
    let seen = scenario.trials.iter().filter_map(|trial| {
        let figure = observed(record, scenario, condition, trial.trial)?;
        Some((trial, figure))
    });
    let seen: Vec<_> = seen.collect();
    let figures = || seen.iter().map(|(_, figure)| *figure);
    let rates = || scenario.trials.iter().map(|t| t.tried.rate.get());
    (!seen.is_empty()).then_some(())?;
    let x = Scale::from_zero(rates().fold(0.0, f64::max));
    let largest = figures().chain([condition.limit]).fold(0.0, f64::max);
    let y = match unit {
        Unit::Micros => Scale::latency(typical(figures()), largest),
        _ => Scale::from_zero(largest),
    };
    let at = |figure: f64| tidy(HEIGHT * (1.0 - y.at(figure)));
    let marks = seen.iter().map(|(trial, figure)| Mark {
        x: tidy(x.at(trial.tried.rate.get()) * 100.0),
        y: at(*figure),
        look: look(&trial.tried.fate),
        tip: format!(
            "trial {}, {}: {}, {} {}",
            trial.trial,
            text::rate(trial.tried.rate.get()),
            word(&trial.tried.fate),
            condition.subject,
            show(*figure, &unit)
        ),
    });
    let marks: Vec<Mark> = marks.collect();
    let shapes = [("held", "held"), ("broke", "broke"), ("unmade", "not made")];
    let without = scenario.trials.len() - marks.len();
    Some(Trials {
        id,
        title: format!("{} at each rate tried", condition.subject),
        desc: format!(
            "Each trial by its rate and its {}; the limit is {}. The shaded rates are those between which the capacity lies.",
            condition.subject,
            show(condition.limit, &unit)
        ),
        unit: if y.is_log() { "log scale" } else { "" },
        height: HEIGHT,
        lane: LANE,
        x_ticks: x
            .ticks()
            .into_iter()
            .map(|rate| Tick {
                at: tidy(x.at(rate) * 100.0),
                label: text::rate(rate),
                anchor: anchor(x.at(rate)),
            })
            .collect(),
        y_ticks: y
            .ticks()
            .into_iter()
            .map(|figure| Tick {
                at: at(figure),
                label: show(figure, &unit),
                anchor: "end",
            })
            .collect(),
        answer: span(&x, &answer),
        limit: (at(condition.limit), show(condition.limit, &unit)),
        keys: shapes
            .into_iter()
            .filter(|(look, _)| marks.iter().any(|mark| mark.look == *look))
            .collect(),
        marks,
        note: match without {
            0 => String::new(),
            n => format!("{} saw nothing to draw.", text::plural(n as u64, "trial")),
        },
    })
}

/// The condition whose figure is drawn: the first on a latency, for those bend before they break; else the first.
fn leading(conditions: &[GateExpr]) -> Option<&GateExpr> {
    let latency = |c: &&GateExpr| {
        matches!(
            c.subject,
            GateSubject::Latency { .. } | GateSubject::Service { .. }
        )
    };
    conditions.iter().find(latency).or(conditions.first())
}

/// A figure that a target has at ease: of the lowest quarter.
fn typical(figures: impl Iterator<Item = f64>) -> f64 {
    let mut all: Vec<f64> = figures.collect();
    all.sort_by(f64::total_cmp);
    all.get(all.len() / 4).copied().unwrap_or(0.0)
}

const fn look(fate: &Fate) -> &'static str {
    match fate {
        Fate::Held => "held",
        Fate::Broke {
            limit: Limit::Target,
            ..
        } => "broke",
        Fate::Broke { .. } => "unmade",
    }
}

/// From the rate that holds to the next one that does not; to the edge where one of them is not known.
fn span(x: &Scale, answer: &Answer) -> Option<Span> {
    let rate = |rate: harness_core::units::Rate| text::rate(rate.get());
    let own = matches!(answer.limit, None | Some(Limit::Target));
    let (from, to, label) = match (answer.holds, answer.breaks) {
        (Some(holds), Some(breaks)) if own => (
            holds.get(),
            Some(breaks.get()),
            format!("{} to {}", rate(holds), rate(breaks)),
        ),
        (Some(holds), _) => (holds.get(), None, format!("at least {}", rate(holds))),
        (None, Some(breaks)) if own => (0.0, Some(breaks.get()), format!("below {}", rate(breaks))),
        (None, _) => return None,
    };
    let from = x.at(from) * 100.0;
    let to = to.map_or(100.0, |to| x.at(to) * 100.0);
    let width = (to - from).max(NARROWEST);
    // A span at the right edge is widened to the left.
    let from = from.min(100.0 - width);
    let middle = from + width / 2.0;
    let (label_x, anchor) = match middle {
        m if m < 25.0 => (from, "start"),
        m if m > 75.0 => (from + width, "end"),
        m => (m, "middle"),
    };
    Some(Span {
        x: tidy(from),
        width: tidy(width),
        label,
        label_x: tidy(label_x),
        anchor,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use harness_core::units::Rate;

    fn answer(holds: Option<f64>, breaks: Option<f64>, limit: Option<Limit>) -> Answer {
        let rate = |rate| Rate::per_second(rate).unwrap();
        Answer {
            holds: holds.map(rate),
            breaks: breaks.map(rate),
            why: None,
            limit,
            complete: true,
        }
    }

    fn told(holds: Option<f64>, breaks: Option<f64>, limit: Option<Limit>) -> (f64, f64, String) {
        let span = span(&Scale::linear(0.0, 1000.0), &answer(holds, breaks, limit));
        span.map_or_else(Default::default, |s| (s.x, s.width, s.label))
    }

    #[test]
    fn the_interval_ends_where_the_answer_does() {
        let target = Some(Limit::Target);
        assert_eq!(
            told(Some(200.0), Some(400.0), target),
            (20.0, 20.0, "200/s to 400/s".to_owned())
        );
        assert_eq!(
            told(None, Some(50.0), target),
            (0.0, 5.0, "below 50/s".to_owned())
        );
        assert_eq!(
            told(Some(900.0), None, None),
            (90.0, 10.0, "at least 900/s".to_owned())
        );
        // Too narrow to be seen, and at the edge.
        assert_eq!(told(Some(500.0), Some(501.0), target).1, 0.8);
        assert_eq!(told(Some(1000.0), None, None).0, 99.2);
    }

    #[test]
    fn what_the_generator_could_not_make_bounds_nothing() {
        let own = Some(Limit::Generator);
        let at_least = (20.0, 80.0, "at least 200/s".to_owned());
        assert_eq!(told(Some(200.0), Some(400.0), own), at_least);
        assert_eq!(told(None, Some(400.0), own), Default::default());
    }

    #[test]
    fn a_latency_is_drawn_before_a_share() {
        let parse = |text: &str| text.parse::<GateExpr>().unwrap();
        let all = ["error_rate < 1%", "p99 < 200ms", "p50 < 20ms"].map(parse);
        assert_eq!(leading(&all), Some(&all[1]));
        assert_eq!(leading(&all[..1]), Some(&all[0]));
        assert_eq!(leading(&[]), None);
    }
}
