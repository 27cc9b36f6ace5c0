//! A run in a few figures: what the list of runs shows of it, some hundred bytes instead of its events.

use crate::figures;
use crate::headline::Headline;
use crate::text::one_line;
use harness_core::event::{RunEnd, ScenarioEnd};
use harness_core::name::{Name, RunId};
use harness_core::plan::gate::During;
use harness_core::readiness::{Decision, Readiness};
use harness_core::record::{Record, ScenarioRecord, Tally};
use harness_core::verdict::{Verdict, error_rate};
use serde::{Deserialize, Serialize};

/// Version of the card's shape; one of another version is not read.
pub const FORMAT: u32 = 1;
/// Scenarios told of a run: those of a chaos matrix are many.
const SCENARIOS: usize = 60;
/// How the kind of a replay begins: see [`harness_core::event::Replayed`].
const REPLAYS: &str = "replays run ";

/// What the list shows of a run. Times in microseconds, shares of one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Card {
    /// [`FORMAT`].
    pub format: u32,
    /// The run.
    pub run: RunId,
    /// The project.
    pub project: String,
    /// When it began, RFC 3339.
    pub date: String,
    /// Its length.
    pub took_us: u64,
    /// The release that was run.
    pub release: Option<Name>,
    /// The variant.
    pub variant: Option<Name>,
    /// The profile.
    pub profile: Option<Name>,
    /// How the target was brought up.
    pub mode: String,
    /// What it is besides a plain run: of which it is a replay, or a chaos matrix; empty for nothing.
    pub kind: String,
    /// Digest over what changes a measurement: runs of one workload can be compared.
    pub workload: String,
    /// How it ended; absent when the record was cut short.
    pub end: Option<RunEnd>,
    /// Can it ship?
    pub decision: Decision,
    /// 0 to 100; means nothing without a decision.
    pub score: f64,
    /// What decided, with what became of it; empty for a GO.
    pub decided: String,
    /// Why.
    pub reason: String,
    /// Functional walks that passed, and all.
    pub walks: (u64, u64),
    /// Response time of undisturbed load, all scenarios and journeys together.
    pub p95_us: Option<u64>,
    /// Share of that load that failed.
    pub error_rate: Option<f64>,
    /// Its scenarios, in order.
    pub scenarios: Vec<ScenarioCard>,
}

/// A scenario's load outside faults and recovery, journeys together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScenarioCard {
    /// The scenario.
    pub name: Name,
    /// How it ended; absent when cut short.
    pub end: Option<ScenarioEnd>,
    /// Response time.
    pub p95_us: Option<u64>,
    /// Share that failed.
    pub error_rate: Option<f64>,
}

impl Card {
    /// Of a run; `None` where the events do not say what was run.
    pub fn of(record: &Record, verdict: &Verdict, readiness: &Readiness) -> Option<Self> {
        let run = record.run.as_deref()?;
        let plan = &run.plan;
        let headline = Headline::of(readiness);
        let (decided, reason) = match headline.decided {
            Some(by) => (
                one_line(&format!("{}: {}", by.word, by.title), 160),
                one_line(by.reason, 300),
            ),
            None => {
                let first = headline.reasons.first();
                (
                    String::new(),
                    first.map_or_else(String::new, |r| one_line(r, 300)),
                )
            }
        };
        let mut calm = Tally::default();
        let undisturbed = |s: &ScenarioRecord| s.select(None, &During::Undisturbed);
        let scenarios = record.scenarios.iter().map(|scenario| {
            let tally = undisturbed(scenario);
            calm.add(&tally);
            ScenarioCard {
                name: scenario.name.clone(),
                end: scenario.end.map(|(_, end)| end),
                p95_us: tally.response.quantile(0.95),
                error_rate: error_rate(&tally),
            }
        });
        let mut scenarios: Vec<_> = scenarios.collect();
        scenarios.truncate(SCENARIOS);
        let kind = match &run.replays {
            Some(of) => one_line(&of.to_string(), 120),
            None if plan.matrix.is_some() => "chaos matrix".to_owned(),
            None => String::new(),
        };
        let walks = &verdict.journeys;
        Some(Self {
            format: FORMAT,
            run: run.run.clone(),
            project: one_line(&plan.project, 80),
            date: one_line(&run.date, 40),
            took_us: record.last_us,
            release: run.release.clone(),
            variant: plan.variant.clone(),
            profile: plan.profile.clone(),
            mode: plan.target.mode.as_str().to_owned(),
            kind,
            workload: plan.workload_digest.clone(),
            end: record.end,
            decision: readiness.decision,
            score: readiness.score,
            decided,
            reason,
            walks: (walks.total.saturating_sub(walks.failed), walks.total),
            p95_us: calm.response.quantile(0.95),
            error_rate: error_rate(&calm),
            scenarios,
        })
    }

    /// As JSON, ending in a line break.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self).map(|text| text + "\n")
    }

    /// Whether it is a replay of another run: no further evidence, and of another day's suite.
    pub fn is_replay(&self) -> bool {
        self.kind.starts_with(REPLAYS)
    }

    /// Whether it came to its end with nothing but its answer to tell.
    pub fn is_complete(&self) -> bool {
        self.end == Some(RunEnd::Completed)
    }

    /// What must be told beside the answer of a run that did not come to its end; empty for one that did.
    pub fn ending(&self) -> &'static str {
        match self.end {
            Some(RunEnd::Completed) => "",
            Some(RunEnd::Cancelled) => "interrupted",
            Some(RunEnd::TargetFailed) => "the target did not come up, or was lost",
            Some(RunEnd::Broken) => "the harness itself failed",
            None => "cut short: its record ends before it did",
        }
    }

    /// The answer's sign and word.
    pub fn answer(&self) -> (&'static str, &'static str) {
        (
            figures::decision_sign(self.decision),
            self.decision.as_str(),
        )
    }
}
