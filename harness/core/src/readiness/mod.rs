//! Readiness: the verdict turned into GO, CONDITIONAL GO or NO-GO, with the gate that decided, the score and the
//! conditions. Pure. A missing result closes, it never opens.

mod decide;

pub use decide::{CONDITIONAL_SCORE, GO_SCORE, exit_code, readiness};

use crate::verdict::Grade;
use serde::{Deserialize, Serialize};

/// The answer to "can this build ship?".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// Every key gate passed and the score is at least 90.
    Go,
    /// No key failure, but a score from 75 to 90 or something undecided.
    ConditionalGo,
    /// A key gate failed, is missing, or the score is below 75.
    NoGo,
}

impl Decision {
    /// As printed: `GO`, `CONDITIONAL GO`, `NO-GO`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Go => "GO",
            Self::ConditionalGo => "CONDITIONAL GO",
            Self::NoGo => "NO-GO",
        }
    }
}

/// A release's readiness, from one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Readiness {
    /// The answer.
    pub decision: Decision,
    /// 0 to 100: weight of passed items over weight of all items that score.
    pub score: f64,
    /// The item that decided, by id; `None` for a GO, where all did.
    pub decided_by: Option<String>,
    /// Three sentences at most, the weightiest first.
    pub reasons: Vec<String>,
    /// What must still be done; empty unless conditional.
    pub conditions: Vec<Condition>,
    /// Everything that was weighed.
    pub items: Vec<Item>,
}

/// Something to be done before the answer is a plain GO.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// What, one sentence.
    pub statement: String,
    /// The command or gate that closes it.
    pub closes_with: String,
}

/// One weighed thing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Item {
    /// `journeys`, `contract`, `target`, or a gate's id.
    pub id: String,
    /// For people.
    pub title: String,
    /// Whether it decides.
    pub key: bool,
    /// Its weight; zero for information.
    pub weight: f64,
    /// How it went.
    pub grade: Grade,
    /// Why.
    pub reason: String,
}
