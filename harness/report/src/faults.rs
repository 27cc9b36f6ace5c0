//! Faults in figures: what the load was before, during and after each, for every reporter.

use crate::text;
use harness_core::expr::gate::Unit;
use harness_core::hist::Hist;
use harness_core::plan::gate::During;
use harness_core::record::{Record, ScenarioRecord, Tally};
use harness_core::units::human_us;
use harness_core::verdict::effect::{self, Effect as Held};
use harness_core::verdict::error_rate;
use harness_core::verdict::headroom::Headroom;
use harness_core::verdict::regression::{self, Interval, Intervals, Stretch};
use serde::Serialize;

/// What the load was in one phase of a fault, all journeys together.
#[derive(Debug, Clone, PartialEq)]
pub struct Phase {
    /// `before`, `during`, `recovering` or `after`; of what was `during`, `affected` and `spared`; `control`.
    pub word: &'static str,
    /// Its length, seconds, more than zero.
    pub seconds: f64,
    /// Its load.
    pub tally: Tally,
    /// What it is a part of, and so what its intervals are drawn from.
    pub of: Of,
}

/// Of which part of the load a phase is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Of {
    /// The scenario's own.
    Own(During),
    /// The same seconds of its control.
    Control(During),
    /// Some of the requests of a phase: windows don't tell them from the others, so nothing is known of how they differ.
    Some,
}

/// The headings of [`Phase::cells`].
pub const COLUMNS: [&str; 7] = ["lasted", "started", "rate", "errors", "p50", "p95", "p99"];

impl Phase {
    /// Journeys that ended well, per second.
    pub fn rate(&self) -> f64 {
        self.tally.ok as f64 / self.seconds
    }

    /// Share of the ended journeys that ended badly, as gates count them; `None` where none ended.
    pub fn error_rate(&self) -> Option<f64> {
        error_rate(&self.tally)
    }

    /// Its figures as people read them, under [`COLUMNS`].
    pub fn cells(&self) -> [String; 7] {
        let q = |q: f64| text::micros(self.tally.response.quantile(q));
        [
            human_us((self.seconds * 1e6).round() as u64),
            text::count(self.tally.started),
            text::rate(self.rate()),
            self.error_rate()
                .map_or_else(|| text::NONE.to_owned(), text::percent),
            q(0.5),
            q(0.95),
            q(0.99),
        ]
    }

    /// Where its figures lie.
    pub fn intervals(&self, record: &Record, scenario: &ScenarioRecord) -> Intervals {
        let stretch = match &self.of {
            Of::Own(during) => Stretch::Phase(during),
            Of::Control(during) => Stretch::Control(during),
            Of::Some => return Intervals::default(),
        };
        regression::intervals(record, scenario, &stretch, &self.tally)
    }
}

/// Intervals as people read them, under [`COLUMNS`]: `1.20 to 1.45 ms`; empty where there is none.
pub fn ranges(intervals: &Intervals) -> [String; 7] {
    let told = |of: Option<Interval>, show: fn(f64) -> String| {
        of.map_or_else(String::new, |of| {
            text::between(&show(of.low), &show(of.high))
        })
    };
    let time = |of| told(of, |us| text::micros(Some(us.round() as u64)));
    let none = String::new;
    [
        none(),
        none(),
        none(),
        told(intervals.error_rate, text::percent),
        time(intervals.p50),
        time(intervals.p95),
        time(intervals.p99),
    ]
}

/// A scenario's faults by name, in order of arming; several turns of one are told together.
pub fn names<'r>(record: &'r Record, scenario: &'r ScenarioRecord) -> Vec<&'r str> {
    let mut names = Vec::new();
    for fault in record.faults_of(&scenario.name) {
        if !names.contains(&fault.name.as_str()) {
            names.push(fault.name.as_str());
        }
    }
    names
}

/// The phases of a fault that lasted for some time, in order; after `during` the same seconds of the control, if there is
/// one.
pub fn phases(record: &Record, scenario: &ScenarioRecord, fault: &str) -> Vec<Phase> {
    let words = ["before", "during", "recovering", "after"];
    let phase = |(word, during): (&'static str, During)| Phase {
        word,
        seconds: scenario.phase_seconds(&during),
        tally: scenario.select(None, &during),
        of: Of::Own(during),
    };
    let all = words.into_iter().zip(During::of_fault(fault)).map(phase);
    let mut phases: Vec<Phase> = all.filter(|phase| phase.seconds > 0.0).collect();
    if let Some(at) = phases.iter().position(|phase| phase.word == "during")
        && let Some(parts) = parted(&phases[at])
    {
        phases.splice(at + 1..at + 1, parts);
    }
    if let Some(effect) = held_against(record, scenario, fault) {
        let control = Phase {
            word: CONTROL,
            seconds: effect.seconds,
            tally: effect.control,
            of: Of::Control(During::Fault(fault.to_owned())),
        };
        let during = phases.iter().position(|phase| phase.word == "during");
        phases.insert(during.map_or(phases.len(), |at| at + 1), control);
    }
    phases
}

/// What of a phase used a connection that the fault touched, and what did not; `None` where the fault is not on the way in, or
/// touched nothing.
fn parted(phase: &Phase) -> Option<[Phase; 2]> {
    let Phase { seconds, tally, .. } = phase;
    let part = |word, response: Hist, failed: u64| Phase {
        word,
        seconds: *seconds,
        of: Of::Some,
        tally: Tally {
            // What was begun and has not ended has no response to be told by.
            started: response.count(),
            ok: response.count().saturating_sub(failed),
            errors: (failed > 0)
                .then(|| (ANY.to_owned(), failed))
                .into_iter()
                .collect(),
            response,
            ..Tally::default()
        },
    };
    let spared = tally.failed().saturating_sub(tally.affected_errors);
    (!tally.affected.is_empty()).then(|| {
        [
            part("affected", tally.affected.clone(), tally.affected_errors),
            part("spared", tally.spared(), spared),
        ]
    })
}

/// The class of errors that are not told apart.
const ANY: &str = "any";

/// The word of the same seconds without the fault.
const CONTROL: &str = "control";

fn held_against(record: &Record, scenario: &ScenarioRecord, fault: &str) -> Option<Held> {
    let during = During::Fault(fault.to_owned());
    effect::effect(record, scenario, None, &during).ok()
}

/// What a fault changed against the same seconds of the control, all journeys together.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Effect {
    /// Seconds compared.
    pub seconds: f64,
    /// How many times the control's.
    pub p50: Option<f64>,
    /// The same.
    pub p95: Option<f64>,
    /// The same.
    pub p99: Option<f64>,
    /// The same of what ended well per second.
    pub rate: Option<f64>,
    /// By how much the share of errors is higher, 0 to 1; negative where it is lower.
    pub error_rate: Option<f64>,
}

/// The effect of a fault; `None` without a control to hold it against.
pub fn effect_of(record: &Record, scenario: &ScenarioRecord, fault: &str) -> Option<Effect> {
    held_against(record, scenario, fault).as_ref().map(changed)
}

/// What gates say of the two loads, all journeys together.
fn changed(held: &Held) -> Effect {
    let change = |unit: Unit, of: &dyn Fn(&Tally) -> Option<f64>| {
        effect::change(&unit, of(&held.control)?, of(&held.faulted)?)
    };
    let quantile = |q: f64| {
        let at = move |tally: &Tally| tally.response.quantile(q).map(|us| us as f64);
        change(Unit::Micros, &at)
    };
    Effect {
        seconds: held.seconds,
        p50: quantile(0.5),
        p95: quantile(0.95),
        p99: quantile(0.99),
        rate: change(Unit::PerSecond, &|tally| Some(tally.ok as f64)),
        error_rate: change(Unit::Share, &error_rate),
    }
}

/// What is tolerated of a fault whose number grows, a sentence a turn; empty where nothing asks. `all` are those of its
/// scenario: they are read from every window, once.
pub fn headroom_of(all: &[Headroom], fault: &str) -> Vec<String> {
    let of = all.iter().filter(|one| one.fault == fault);
    of.map(|one| match one.turn {
        1 => one.words(),
        turn => format!("turn {turn}: {}", one.words()),
    })
    .collect()
}

impl Effect {
    /// In one line: `p50 2.1x, p95 28x, p99 30x, rate 0.96x, errors +4.1 points`.
    pub fn in_short(&self) -> String {
        let factors = [
            ("p50", self.p50),
            ("p95", self.p95),
            ("p99", self.p99),
            ("rate", self.rate),
        ];
        let factor = |(word, factor): (&str, Option<f64>)| match factor {
            Some(factor) if factor >= 10.0 => format!("{word} {factor:.0}x"),
            Some(factor) => format!("{word} {factor:.2}x"),
            None => format!("{word} {}", text::NONE),
        };
        let told: Vec<String> = factors.into_iter().map(factor).collect();
        let errors = self.error_rate.map_or_else(
            || text::NONE.to_owned(),
            |points| format!("{:+.1} points", points * 100.0),
        );
        format!("{}, errors {errors}", told.join(", "))
    }
}

/// A fault's phases in one line: `p95 1.2 ms before, 700 ms during, 2.0 ms recovering; errors 0%, 4.1%, 0%`.
pub fn in_short(phases: &[Phase]) -> String {
    let each = |figure: &dyn Fn(&Phase) -> String| -> String {
        phases.iter().map(figure).collect::<Vec<_>>().join(", ")
    };
    let p95 = |phase: &Phase| {
        let p95 = text::micros(phase.tally.response.quantile(0.95));
        format!("{p95} {}", phase.word)
    };
    let errors = |phase: &Phase| {
        let share = phase.error_rate();
        share.map_or_else(|| text::NONE.to_owned(), text::percent)
    };
    format!("p95 {}; errors {}", each(&p95), each(&errors))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_fault_touched_is_told_beside_what_it_left_alone() {
        let whole = |affected, affected_errors| Phase {
            word: "during",
            seconds: 10.0,
            of: Of::Some,
            tally: Tally {
                started: 105,
                ok: 95,
                errors: [("status-503".to_owned(), 5)].into(),
                response: Hist::from_counts([(1_000, 60), (500_000, 40)]),
                affected,
                affected_errors,
                ..Tally::default()
            },
        };
        assert_eq!(parted(&whole(Hist::default(), 0)), None);
        let [affected, spared] = parted(&whole(Hist::from_counts([(500_000, 40)]), 4)).unwrap();
        let cells = |phase: Phase| (phase.word, phase.cells());
        assert_eq!(
            [cells(affected), cells(spared)].map(|(word, [_, ended, rate, errors, p50, ..])| {
                format!("{word}: {ended} {rate} {errors} {p50}")
            }),
            [
                "affected: 40 3.60/s 10% 500 ms",
                "spared: 60 5.90/s 1.7% 1.00 ms"
            ]
        );
    }

    #[test]
    fn what_failed_on_this_machine_is_no_effect_of_a_fault() {
        let load = |refused: u64, local: u64| Tally {
            ok: 90 - refused,
            errors: [
                ("status-503".to_owned(), refused),
                ("local".to_owned(), local),
            ]
            .into(),
            ..Tally::default()
        };
        let effect = changed(&Held {
            seconds: 1.0,
            control: load(0, 0),
            faulted: load(9, 10),
        });
        assert_eq!((effect.error_rate, effect.rate), (Some(0.1), Some(0.9)));
        let during = Phase {
            word: "during",
            seconds: 1.0,
            of: Of::Some,
            tally: load(9, 10),
        };
        assert_eq!(during.error_rate(), Some(0.1));
    }

    #[test]
    fn a_phase_without_an_answer_has_no_shares() {
        let silent = Phase {
            word: "during",
            seconds: 4.0,
            of: Of::Some,
            tally: Tally {
                started: 12,
                ..Tally::default()
            },
        };
        assert_eq!(silent.cells(), ["4.00 s", "12", "0/s", "–", "–", "–", "–"]);
        let usual = Phase {
            word: "before",
            seconds: 2.0,
            of: Of::Some,
            tally: Tally {
                started: 100,
                ok: 99,
                errors: [("status-503".to_owned(), 1)].into(),
                response: Hist::from_counts([(1000, 100)]),
                ..Tally::default()
            },
        };
        assert_eq!(
            in_short(&[usual, silent]),
            "p95 1.00 ms before, – during; errors 1.0%, –"
        );
    }
}
