//! Where the time of requests went: a bar a step, a stretch a phase, all on one scale of time. What a phase adds to the
//! mean is drawn, for only means add up; the tails stand in the table beside it.

use super::scale::Scale;
use super::timeline::anchor;
use super::{Table, Tick, tidy};
use crate::phases::{Part, parts};
use crate::text::{self, one_line};
use harness_core::phases::{Phases, RequestPhase};
use serde::Serialize;

/// The most bars: those of the slowest steps.
pub(super) const BARS: usize = 20;
/// The longest name over a bar, characters: what a phone's width holds beside a figure.
const NAME: usize = 34;
/// Height of a bar with its name, and of the bar, pixels.
pub(super) const ROW: f64 = 48.0;
pub(super) const NAMED: f64 = 24.0;
/// From this share of the width on a stretch bears its phase's name: it fits on a phone.
const BEARS_NAME: f64 = 22.0;

/// Bars, ready for their template. Horizontal places are percentages and vertical ones pixels.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Bars {
    /// Unique on the page.
    pub id: String,
    /// For people, and the SVG's `title`.
    pub title: &'static str,
    /// What it shows: the SVG's `desc`.
    pub desc: String,
    /// Height of all bars, pixels.
    pub height: f64,
    /// The phases there are, each once: (look, words).
    pub keys: Vec<(&'static str, &'static str)>,
    /// The bars.
    pub bars: Vec<Bar>,
    /// Marks along the bottom.
    pub x_ticks: Vec<Tick>,
    /// Said where steps were left out.
    pub note: String,
    /// The data, where no table beside it holds them.
    pub table: Table,
}

/// A step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Bar {
    /// `journey/step`.
    pub name: String,
    /// The mean of a request, in words.
    pub mean: String,
    /// Pixels from the top: of the words' base line, and of the bar.
    pub label_y: f64,
    /// Of the bar.
    pub y: f64,
    /// What it is made of, in order.
    pub stretches: Vec<Stretch>,
}

/// A phase of a step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stretch {
    /// Its look, a class of the style sheet.
    pub look: &'static str,
    /// Percent from the left.
    pub x: f64,
    /// Percent.
    pub width: f64,
    /// Its words in the bar, empty where they don't fit.
    pub name: &'static str,
    /// For pointing at it: `first byte: 4.2 ms of 4.4 ms, 95%`.
    pub tip: String,
}

/// Bars of steps (`journey/step`), in the order given; `None` where nothing took time.
pub fn chart(id: String, steps: &[(&str, Phases)]) -> Option<Bars> {
    let mean = |parts: &[Part<'_>]| parts.iter().map(|part| part.adds_us).sum::<f64>();
    let mut all: Vec<(usize, &str, f64, Vec<Part<'_>>)> = steps
        .iter()
        .enumerate()
        .map(|(i, (name, phases))| (i, *name, parts(phases)))
        .map(|(i, name, parts)| (i, name, mean(&parts), parts))
        .collect();
    let count = all.len();
    all.sort_by(|a, b| b.2.total_cmp(&a.2));
    all.truncate(BARS);
    all.sort_by_key(|(i, ..)| *i);
    let largest = all.iter().map(|(_, _, mean, _)| *mean).fold(0.0, f64::max);
    if largest <= 0.0 {
        return None;
    }
    let x = Scale::linear(0.0, largest);
    let happened = |phase: &RequestPhase| {
        let mut all = all.iter().flat_map(|(.., parts)| parts);
        all.any(|part| part.phase == *phase)
    };
    let keys = RequestPhase::ALL.iter().filter(|phase| happened(phase));
    Some(Bars {
        id,
        title: "Mean time of a request by phase",
        desc: format!(
            "A bar for each step, as long as the mean of its requests, divided into what each phase adds to it. The longest is {}.",
            words(largest)
        ),
        height: ROW * all.len() as f64,
        keys: keys.map(|phase| (look(*phase), phase.as_str())).collect(),
        bars: all
            .iter()
            .enumerate()
            .map(|(row, (_, name, mean, parts))| bar(row, name, *mean, parts, &x))
            .collect(),
        x_ticks: x
            .ticks()
            .into_iter()
            .map(|at| Tick {
                at: tidy(x.at(at) * 100.0),
                label: words(at),
                anchor: anchor(x.at(at)),
            })
            .collect(),
        note: match count > BARS {
            true => format!("The {BARS} slowest of {count} steps; the table has them all."),
            false => String::new(),
        },
        table: Table::default(),
    })
}

fn bar(row: usize, name: &str, mean: f64, parts: &[Part<'_>], x: &Scale) -> Bar {
    let top = row as f64 * ROW;
    let mut before = 0.0;
    let stretches = parts.iter().filter_map(|part| {
        let (from, to) = (x.at(before) * 100.0, x.at(before + part.adds_us) * 100.0);
        before += part.adds_us;
        let width = tidy(to) - tidy(from);
        (part.adds_us > 0.0).then(|| Stretch {
            look: look(part.phase),
            x: tidy(from),
            width: tidy(width),
            name: match width >= BEARS_NAME {
                true => part.phase.as_str(),
                false => "",
            },
            tip: format!(
                "{}: {} of {}, {}",
                part.phase.as_str(),
                words(part.adds_us),
                words(mean),
                text::percent(part.share)
            ),
        })
    });
    Bar {
        stretches: stretches.collect(),
        name: one_line(name, NAME),
        mean: words(mean),
        label_y: top + NAMED - 6.0,
        y: top + NAMED,
    }
}

fn words(us: f64) -> String {
    text::micros(Some(us.round() as u64))
}

/// The class of a phase.
pub(super) const fn look(phase: RequestPhase) -> &'static str {
    match phase {
        RequestPhase::Queue => "queue",
        RequestPhase::Dns => "dns",
        RequestPhase::Connect => "connect",
        RequestPhase::Tls => "tls",
        RequestPhase::FirstByte => "wait",
        RequestPhase::Body => "body",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use harness_core::hist::Hist;

    fn phases(queue: u64, wait: u64) -> Phases {
        let hist = |us| Hist::from_counts([(us, 10)]);
        Phases {
            queue: hist(queue),
            first_byte: hist(wait),
            ..Phases::default()
        }
    }

    #[test]
    fn stretches_follow_one_another_and_the_longest_bar_fills_the_width() {
        let steps = [("a/slow", phases(50, 150)), ("a/fast", phases(0, 100))];
        let chart = chart("x".into(), &steps).unwrap();
        assert_eq!(chart.keys, [("queue", "queue"), ("wait", "first byte")]);
        let [slow, fast] = chart.bars.as_slice() else {
            panic!("{chart:?}");
        };
        let places = |bar: &Bar| {
            bar.stretches
                .iter()
                .map(|s| (s.x, s.width))
                .collect::<Vec<_>>()
        };
        assert_eq!(places(slow), [(0.0, 25.0), (25.0, 75.0)]);
        assert_eq!(places(fast), [(0.0, 50.0)]);
        assert_eq!(slow.stretches[1].tip, "first byte: 150 µs of 200 µs, 75%");
        assert_eq!(
            (slow.mean.as_str(), fast.mean.as_str()),
            ("200 µs", "100 µs")
        );
    }

    #[test]
    fn the_slowest_steps_are_drawn_in_the_order_of_the_table() {
        let names: Vec<String> = (0..30).map(|i| format!("a/{i:02}")).collect();
        let steps: Vec<_> = names
            .iter()
            .zip((1..31).rev())
            .map(|(name, us)| (name.as_str(), phases(0, us * 10)))
            .collect();
        let chart = chart("x".into(), &steps).unwrap();
        assert_eq!(chart.bars.len(), BARS);
        assert_eq!(
            (chart.bars[0].name.as_str(), chart.bars[19].name.as_str()),
            ("a/00", "a/19")
        );
        assert_eq!(
            chart.note,
            "The 20 slowest of 30 steps; the table has them all."
        );
    }

    #[test]
    fn nothing_that_took_no_time_is_drawn() {
        assert_eq!(chart(String::new(), &[]), None);
        assert_eq!(chart(String::new(), &[("a/b", phases(0, 0))]), None);
    }
}
