//! A capacity search as people read it: its answer in a sentence, and its trials. Words only; every reporter lays them
//! out itself.

use crate::text::{self, one_line};
use harness_core::capacity::{Answer, Fate, Limit};
use harness_core::event::CapacityTrial;
use harness_core::plan::gate::During;
use harness_core::record::{Record, ScenarioRecord};
use harness_core::verdict::capacity::{found, search};
use serde::Serialize;

/// A search and what it has come to.
#[derive(Debug, Clone, Serialize)]
pub struct Search {
    /// What was looked for.
    pub goal: String,
    /// What was found, a sentence.
    pub answer: String,
    /// The trials, in order.
    pub trials: Vec<Trial>,
}

/// A trial in words and figures.
#[derive(Debug, Clone, Serialize)]
pub struct Trial {
    /// Its number.
    pub number: u32,
    /// The rate.
    pub rate: String,
    /// Whether everything held.
    pub held: bool,
    /// `held`, or `broke`.
    pub fate: &'static str,
    /// Median of the response times of whole journeys.
    pub p50: String,
    /// Their 99th percentile.
    pub p99: String,
    /// Their errors.
    pub errors: String,
    /// Why it broke, or what each condition saw.
    pub why: String,
}

/// A scenario's search; `None` if it is none.
pub fn of(record: &Record, scenario: &ScenarioRecord) -> Option<Search> {
    let plan = search(record, scenario.name.as_str())?;
    let answer = found(record, scenario)?;
    Some(Search {
        goal: plan.goal.to_string(),
        answer: sentence(&answer, scenario.trials.len()),
        trials: scenario.trials.iter().map(|t| trial(scenario, t)).collect(),
    })
}

fn trial(scenario: &ScenarioRecord, trial: &CapacityTrial) -> Trial {
    let tally = scenario.select(None, &During::Trial(trial.trial));
    let q = |q: f64| text::micros(tally.response.quantile(q));
    Trial {
        number: trial.trial,
        rate: text::rate(trial.tried.rate.get()),
        held: trial.tried.fate.held(),
        fate: word(&trial.tried.fate),
        p50: q(0.5),
        p99: q(0.99),
        errors: text::count(tally.failed()),
        why: one_line(&why(trial), 300),
    }
}

/// `held`, `broke`, or that the load was not made.
pub const fn word(fate: &Fate) -> &'static str {
    match fate {
        Fate::Held => "held",
        Fate::Broke {
            limit: Limit::Target,
            ..
        } => "broke",
        Fate::Broke { .. } => "not made",
    }
}

/// Why a trial broke, or what each condition saw.
pub fn why(trial: &CapacityTrial) -> String {
    match &trial.tried.fate {
        Fate::Held => trial.seen.join(", "),
        Fate::Broke { why, .. } => why.clone(),
    }
}

/// The answer in a sentence: `The target carries 700/s and not 725/s, after 13 trials; …`.
pub fn sentence(answer: &Answer, trials: usize) -> String {
    let rate = |rate: harness_core::units::Rate| text::rate(rate.get());
    let after = text::plural(trials as u64, "trial");
    let because = answer
        .why
        .as_ref()
        .map_or_else(String::new, |why| format!(": {why}"));
    let found = match (answer.holds, answer.breaks, answer.limit) {
        (_, _, _) if trials == 0 => return "No rate was tried.".to_owned(),
        (Some(holds), Some(breaks), None | Some(Limit::Target)) => format!(
            "The target carries {} and not {}{because}",
            rate(holds),
            rate(breaks)
        ),
        (Some(holds), Some(breaks), Some(limit)) => format!(
            "The target carries {} at least; at {} {} met its own limit{because}",
            rate(holds),
            rate(breaks),
            limit.as_str()
        ),
        (Some(holds), None, _) => format!(
            "The target carries {} at least: no rate was found that it does not carry",
            rate(holds)
        ),
        (None, Some(breaks), Some(limit @ (Limit::Link | Limit::Generator))) => format!(
            "No rate could be judged: at {} {} met its own limit{because}",
            rate(breaks),
            limit.as_str()
        ),
        (None, Some(breaks), _) => {
            format!("The target does not carry even {}{because}", rate(breaks))
        }
        (None, None, _) => "No rate was found to hold".to_owned(),
    };
    let cut = if answer.complete {
        ""
    } else {
        " The search ended before the interval was as narrow as asked."
    };
    format!("{found} ({after}).{cut}")
}

/// The trials' words for a terminal's live lines.
pub fn line(trial: &CapacityTrial) -> String {
    format!(
        "  trial {}: {} {}, {}",
        trial.trial,
        text::rate(trial.tried.rate.get()),
        word(&trial.tried.fate),
        one_line(&why(trial), 160)
    )
}
