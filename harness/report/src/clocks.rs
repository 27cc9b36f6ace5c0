//! The clocks of a fault, and what the target did about it, in words and figures that several reporters share.

use crate::figures::word;
use harness_core::expr::gate::FaultFigure;
use harness_core::record::{FaultRecord, Record, ScenarioRecord};
use harness_core::units::human_us;
use harness_core::verdict::clocks::{CLOCKS, Clocked, clock};
use harness_core::verdict::inference::{self, Confidence, Inferred, Topic, Value};
use serde::Serialize;
use std::collections::BTreeMap;

/// A clock of a fault. Exactly one of `us`, `at_least_us` and `unknown` is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Clock {
    /// Which.
    #[serde(skip)]
    pub figure: FaultFigure,
    /// Microseconds: from the arming, for recovery from the lifting.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub us: Option<u64>,
    /// It did not happen for so long.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_least_us: Option<u64>,
    /// Why it can't be said.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub unknown: String,
    /// By what it was told.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub by: String,
}

/// The clocks of a fault, in order.
pub fn of(record: &Record, scenario: &ScenarioRecord, fault: &FaultRecord) -> Vec<Clock> {
    let read = |figure: FaultFigure| {
        let mut read = Clock {
            figure,
            us: None,
            at_least_us: None,
            unknown: String::new(),
            by: String::new(),
        };
        match clock(record, scenario, fault, figure)? {
            Clocked::After(us, by) => (read.us, read.by) = (Some(us), by),
            Clocked::Never(us) => read.at_least_us = Some(us),
            Clocked::Unknown(why) => read.unknown = why,
        }
        Some(read)
    };
    CLOCKS.into_iter().filter_map(read).collect()
}

impl Clock {
    /// What it says: `1.20 s`, `at once`, `none seen in 30.0 s`, `not known`.
    pub fn words(&self) -> String {
        match (self.figure, self.us, self.at_least_us) {
            (_, Some(0), _) => "at once".to_owned(),
            (_, Some(us), _) => human_us(us),
            (FaultFigure::Impact, _, Some(us)) => format!("none seen in {}", human_us(us)),
            (FaultFigure::Detection, _, Some(us)) => format!("not noticed in {}", human_us(us)),
            (_, _, Some(us)) if us > 0 => format!("not within {}", human_us(us)),
            _ => "not known".to_owned(),
        }
    }

    /// What stands beside it: by what it was told, or why it is not known.
    pub fn note(&self) -> &str {
        if self.by.is_empty() {
            &self.unknown
        } else {
            &self.by
        }
    }
}

/// What the target did about a fault, as far as it can be told from outside.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Did {
    /// `retries`, `breaker`, `fallback` or `time-out`.
    pub topic: Topic,
    /// The link it was told from.
    pub link: String,
    /// In a few words; absent where nothing can be said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub says: Option<String>,
    /// The figures it rests on, or why nothing can be said.
    pub evidence: String,
    /// How sure it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confidence: Option<Confidence>,
    /// Why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
    /// Its figures by their words in gates: microseconds, shares of one, plain factors.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub figures: BTreeMap<&'static str, f64>,
    /// Those of them that only bound it from below: it did not happen for so long.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub at_least: Vec<&'static str>,
}

/// What the target did, by link and topic.
pub fn did(record: &Record, scenario: &ScenarioRecord, fault: &FaultRecord) -> Vec<Did> {
    let all = inference::of_fault(record, scenario, fault);
    all.into_iter().map(Did::of).collect()
}

impl Did {
    fn of(inferred: Inferred) -> Self {
        let (topic, link) = (inferred.topic, inferred.link.to_string());
        let nothing = Self {
            topic,
            link,
            says: None,
            evidence: String::new(),
            confidence: None,
            reasons: Vec::new(),
            figures: BTreeMap::new(),
            at_least: Vec::new(),
        };
        let told = match inferred.said {
            Err(why) => {
                return Self {
                    evidence: why,
                    ..nothing
                };
            }
            Ok(told) => told,
        };
        let bounds = told.figures.iter();
        let bounds = bounds.filter(|(_, value)| matches!(value, Value::AtLeast(_)));
        let figure = |value: &Value| match value {
            Value::Is(figure) | Value::AtLeast(figure) => *figure,
        };
        Self {
            says: Some(told.says),
            evidence: told.evidence,
            confidence: Some(told.confidence),
            reasons: told.reasons,
            at_least: bounds.map(|(figure, _)| figure.word()).collect(),
            figures: told
                .figures
                .iter()
                .map(|(f, v)| (f.word(), figure(v)))
                .collect(),
            ..nothing
        }
    }

    /// `high confidence`; empty where nothing is said.
    pub fn sure(&self) -> String {
        self.confidence.map_or_else(String::new, |confidence| {
            format!("{} confidence", word(&confidence))
        })
    }
}
