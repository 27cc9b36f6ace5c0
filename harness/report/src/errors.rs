//! Errors by kind: a row a kind, never a row a message, with when it was seen and a few examples. Counts what the record
//! holds; knows no format.

use crate::text::{self, one_line};
use harness_core::event::Exemplar;
use harness_core::http::FailureKind;
use harness_core::plan::gate::During;
use harness_core::record::ScenarioRecord;
use serde::Serialize;
use std::collections::BTreeMap;

/// Examples told of a kind.
const EXAMPLES: usize = 3;

/// A kind of error in a scenario.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ErrorRow {
    /// The class it is counted under: `refused`, `status-503`, `expectation`.
    pub class: String,
    /// The same in words.
    pub kind: String,
    /// Journeys that ended so.
    pub count: u64,
    /// Their share of all that ended.
    pub share: f64,
    /// Second of the intended start of the first, as exact as the record's windows.
    pub first_s: u32,
    /// The same of the last.
    pub last_s: u32,
    /// What a few of them were like, each once.
    pub examples: Vec<String>,
}

impl ErrorRow {
    /// Whether the count and the share read the same for a person: `12 (3.4%)`.
    pub fn amount(&self) -> String {
        format!(
            "{} ({})",
            text::count(self.count),
            text::percent(self.share)
        )
    }

    /// When it was seen.
    pub fn when(&self) -> String {
        let (first, last) = (
            text::clock(f64::from(self.first_s)),
            text::clock(f64::from(self.last_s)),
        );
        if first == last {
            format!("at {first}")
        } else {
            format!("{first} to {last}")
        }
    }
}

/// A scenario's kinds of error, the most frequent first.
pub fn rows(scenario: &ScenarioRecord) -> Vec<ErrorRow> {
    let all = scenario.select(None, &During::All);
    let mut seen: BTreeMap<String, (u32, u32)> = BTreeMap::new();
    for point in scenario.series(None) {
        for (class, _) in point.tally.errors.iter().filter(|(_, n)| **n > 0) {
            let times = seen
                .entry(class.clone())
                .or_insert((point.second, point.second));
            times.1 = point.second;
        }
    }
    let finished = all.finished().max(1) as f64;
    let mut rows: Vec<ErrorRow> = all
        .errors
        .iter()
        .filter(|(_, n)| **n > 0)
        .map(|(class, n)| {
            let (first_s, last_s) = seen.get(class).copied().unwrap_or_default();
            ErrorRow {
                class: class.clone(),
                kind: in_words(class),
                count: *n,
                share: *n as f64 / finished,
                first_s,
                last_s,
                examples: examples(scenario, class),
            }
        })
        .collect();
    rows.sort_by(|a, b| b.count.cmp(&a.count).then(a.class.cmp(&b.class)));
    rows
}

/// A class in words; one that is not known stays as it is.
pub fn in_words(class: &str) -> String {
    let kind = FailureKind::ALL.iter().find(|kind| kind.as_str() == class);
    let words = match kind {
        Some(kind) => failure(*kind),
        None if class == "expectation" => "an expectation did not hold",
        None if class == "slow" => "slow",
        None => {
            return match class.strip_prefix("status-") {
                Some(status) => format!("status {}", one_line(status, 10)),
                None => one_line(class, 80),
            };
        }
    };
    words.to_owned()
}

const fn failure(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::Resolve => "the name did not resolve",
        FailureKind::Refused => "connection refused",
        FailureKind::Reset => "connection reset",
        FailureKind::Closed => "connection closed before the response ended",
        FailureKind::PoolTimeout => "timed out waiting for a free connection",
        FailureKind::ResolveTimeout => "timed out looking up the name",
        FailureKind::ConnectTimeout => "timed out connecting",
        FailureKind::TlsTimeout => "timed out agreeing on TLS",
        FailureKind::FirstByteTimeout => "timed out waiting for the first byte",
        FailureKind::BodyTimeout => "timed out in the body",
        FailureKind::Timeout => "timed out",
        FailureKind::Tls => "TLS failed",
        FailureKind::Protocol => "not HTTP",
        FailureKind::Local => "failed on this machine, not on the target",
        FailureKind::Cancelled => "stopped",
    }
}

/// What went wrong in an example, in one line.
pub fn what(example: &Exemplar) -> String {
    let x = &example.exchange;
    let words = match (&x.failure, example.failures.first(), x.status) {
        (Some(failure), _, _) => failure.detail.clone(),
        (None, Some(broken), _) => format!("expected {}, was {}", broken.expected, broken.actual),
        (None, None, Some(status)) => format!("status {status}"),
        (None, None, None) => "no response".to_owned(),
    };
    one_line(&words, 140)
}

/// What examples of a class were like, each once, in order of time; of many the first, the last and what lies between.
fn examples(scenario: &ScenarioRecord, class: &str) -> Vec<String> {
    let alike = scenario.exemplars.iter().filter(|e| e.class == class);
    let mut alike: Vec<&Exemplar> = alike.collect();
    alike.sort_by_key(|example| example.second);
    let mut told: Vec<String> = Vec::new();
    for example in alike {
        let words = format!("{}: {}", one_line(example.name.as_str(), 80), what(example));
        if !told.contains(&words) {
            told.push(words);
        }
    }
    spread(told, EXAMPLES)
}

/// So many of them at most, evenly spread from the first to the last.
pub(crate) fn spread<T>(all: Vec<T>, most: usize) -> Vec<T> {
    let last = all.len().saturating_sub(1);
    let gaps = most.saturating_sub(1).max(1);
    if all.len() <= most {
        return all;
    }
    let taken = |place: usize| (0..most).any(|k| k * last / gaps == place);
    let places = all.into_iter().enumerate();
    places
        .filter_map(|(place, one)| taken(place).then_some(one))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_the_first_the_last_and_what_lies_between_are_told() {
        assert_eq!(spread((0..10).collect(), 3), [0, 4, 9]);
        assert_eq!(spread((0..100).collect(), 24).len(), 24);
        assert_eq!(spread((0..3).collect(), 3), [0, 1, 2]);
        assert!(spread(Vec::<u8>::new(), 3).is_empty());
    }

    #[test]
    fn every_kind_of_failure_has_words_of_its_own() {
        let mut words: Vec<String> = FailureKind::ALL
            .iter()
            .map(|kind| in_words(kind.as_str()))
            .collect();
        words.sort();
        let before = words.len();
        words.dedup();
        assert_eq!(words.len(), before);
        assert_eq!(in_words("status-503"), "status 503");
        assert_eq!(in_words("expectation"), "an expectation did not hold");
        assert_eq!(in_words("odd\nclass"), one_line("odd\nclass", 80));
    }
}
