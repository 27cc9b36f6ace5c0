//! The releases before this one: a line of JSON each in a small file that is committed with the suite, and that people
//! edit to say whether an incident followed. Reads and makes lines; knows no file.

use super::{Decision, Release};
use crate::date::Date;
use crate::name::Name;
use serde::{Deserialize, Serialize};

/// Releases shown at most.
pub const TREND: usize = 10;

/// A release that was judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Past {
    /// The release.
    pub release: Name,
    /// The day it was judged.
    pub on: Date,
    /// The variant judged, if one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<Name>,
    /// The answer.
    pub decision: Decision,
    /// 0 to 100.
    pub score: f64,
    /// The item that decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<String>,
    /// p95 of response times of undisturbed load, milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p95_ms: Option<f64>,
    /// Share of errors of undisturbed load.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_rate: Option<f64>,
    /// Waivers that counted.
    pub waivers: u64,
    /// Whether an incident followed; absent until somebody says.
    pub incident: Option<bool>,
    /// What happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Why a line is no release.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} is no release: {reason}")]
pub struct TrendError {
    /// From 1.
    pub line: usize,
    /// What is wrong with it.
    pub reason: String,
}

impl Past {
    /// What is kept of a release that has a name.
    pub fn of(release: &Release) -> Option<Self> {
        let readiness = &release.readiness;
        let waived = readiness.items.iter().filter(|item| item.waived.is_some());
        Some(Self {
            release: release.release.clone()?,
            on: release.on,
            variant: release.variant.clone(),
            decision: readiness.decision,
            score: readiness.score,
            decided_by: readiness.decided_by.clone(),
            p95_ms: release.figures.p95_us.map(|us| us as f64 / 1e3),
            error_rate: release.figures.error_rate,
            waivers: waived.count() as u64,
            incident: None,
            note: None,
        })
    }
}

/// Reads the file's lines, oldest first; empty ones are passed over.
pub fn read(text: &str) -> Result<Vec<Past>, TrendError> {
    let lines = text.lines().enumerate();
    let lines = lines.filter(|(_, line)| !line.trim().is_empty());
    let read = lines.map(|(n, line)| {
        serde_json::from_str(line).map_err(|error| TrendError {
            line: n + 1,
            reason: error.to_string(),
        })
    });
    read.collect()
}

/// The last releases but this one, the newest first: of a release judged several times the last line counts.
pub fn recent(past: &[Past], but: Option<&Name>) -> Vec<Past> {
    let mut recent: Vec<Past> = Vec::new();
    for line in past.iter().rev() {
        let told = recent.iter().any(|known| known.release == line.release);
        if !told && but != Some(&line.release) {
            recent.push(line.clone());
        }
    }
    recent.truncate(TREND);
    recent
}

#[cfg(test)]
mod tests {
    use super::*;

    fn past(release: &str, on: &str, incident: Option<bool>) -> Past {
        Past {
            release: release.parse().unwrap(),
            on: on.parse().unwrap(),
            variant: None,
            decision: Decision::Go,
            score: 100.0,
            decided_by: None,
            p95_ms: Some(41.0),
            error_rate: Some(0.0),
            waivers: 0,
            incident,
            note: None,
        }
    }

    #[test]
    fn lines_are_read_back_and_a_wrong_one_is_named() {
        let lines = [
            past("1.0", "2026-01-01", None),
            past("1.1", "2026-02-01", Some(true)),
        ];
        let text: String = lines
            .iter()
            .map(|line| serde_json::to_string(line).unwrap() + "\n\n")
            .collect();
        assert_eq!(read(&text).unwrap(), lines);
        let error = read(&format!("{text}{{\"release\": 3}}\n")).unwrap_err();
        assert_eq!(error.line, 5);
        let typo = text.replace("\"incident\"", "\"incidnet\"");
        assert!(read(&typo).unwrap_err().to_string().contains("incidnet"));
    }

    #[test]
    fn the_last_ten_are_told_once_each() {
        let mut all: Vec<Past> = (1..=12)
            .map(|n| past(&format!("1.{n}"), "2026-01-01", None))
            .collect();
        all.push(past("1.11", "2026-03-01", Some(false)));
        let told = |but: Option<&str>| -> Vec<String> {
            let but = but.map(|text| text.parse().unwrap());
            let recent = recent(&all, but.as_ref());
            recent.iter().map(|past| past.release.to_string()).collect()
        };
        assert_eq!(told(None).len(), TREND);
        assert_eq!(told(None)[..3], ["1.11", "1.12", "1.10"]);
        assert_eq!(told(Some("1.11"))[..2], ["1.12", "1.10"]);
    }
}
