//! Readiness: verdicts turned into GO, CONDITIONAL GO or NO-GO, with the gate that decided, the score, the conditions, what
//! is waived and what people still have to do. Pure: over one run ([`readiness`]) or over the newest evidence of several
//! runs of one release ([`gather`]); the day is said from outside. A missing result closes, it never opens.

mod checklist;
mod decide;
mod exit;
mod gather;
mod items;
mod thresholds;
mod trend;
mod waivers;

pub use checklist::{EntryState, State};
pub use decide::{decide, readiness};
pub use exit::{Exit, exit};
pub use gather::{Asked, Evidence, FORMAT, Figures, Release, Run, Source, Wanted, gather, misfit};
pub use thresholds::{AbortThreshold, Basis, WINDOW_S, WINDOWS};
pub use trend::{Past, TREND, TrendError, read as read_trend, recent};
pub use waivers::{SOON_DAYS, WaiverState, Waiving};

pub use crate::plan::readiness::{CONDITIONAL_SCORE, Due, GO_SCORE};

use crate::date::Date;
use crate::expr::gate::Unit;
use crate::name::{Name, RunId};
use crate::verdict::Grade;
use serde::{Deserialize, Serialize};

/// The answer to "can this build ship?", from best to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// Every key gate passed and the score is high enough for GO.
    Go,
    /// No key failure that nobody answers for, but a lower score, something undecided, or a waiver that counts.
    ConditionalGo,
    /// A key gate failed, is missing or stale, or the score is too low.
    NoGo,
    /// There is none: the run did not come to its end, or is still going on. Only a report of such a run has it.
    #[serde(rename = "none")]
    Unmade,
}

impl Decision {
    /// As printed: `GO`, `CONDITIONAL GO`, `NO-GO`, `NO DECISION`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Go => "GO",
            Self::ConditionalGo => "CONDITIONAL GO",
            Self::NoGo => "NO-GO",
            Self::Unmade => "NO DECISION",
        }
    }
}

/// A release's readiness, from one run or from several.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Readiness {
    /// The answer.
    pub decision: Decision,
    /// 0 to 100: weight of passed items over weight of all items that score; what is waived is left out of both. Of what
    /// was seen until then where no decision was made: people are told none.
    pub score: f64,
    /// The scores that decide.
    #[serde(default)]
    pub limits: Limits,
    /// The item that decided, by id; `None` for a GO, where all did, and where no decision was made.
    pub decided_by: Option<String>,
    /// What the answer would be if no waiver counted; absent where none does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unwaived: Option<Unwaived>,
    /// Three sentences at most, the weightiest first.
    pub reasons: Vec<String>,
    /// What must still be done; empty unless conditional.
    pub conditions: Vec<Condition>,
    /// Everything that was weighed.
    pub items: Vec<Item>,
    /// The suite's waivers, each with what it does here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waivers: Vec<WaiverState>,
    /// The suite's checklist, each entry open or closed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checklist: Vec<EntryState>,
    /// From which figures the deployment is to be stopped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub abort: Vec<AbortThreshold>,
}

/// The scores that decide.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// From here on GO.
    pub go: f64,
    /// From here on CONDITIONAL GO.
    pub conditional: f64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            go: GO_SCORE,
            conditional: CONDITIONAL_SCORE,
        }
    }
}

/// The answer without waivers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Unwaived {
    /// The answer.
    pub decision: Decision,
    /// 0 to 100.
    pub score: f64,
    /// The item that would decide.
    pub decided_by: Option<String>,
}

/// Something to be done before the answer is a plain GO.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// What, one sentence.
    pub statement: String,
    /// Who.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// By when.
    pub due: Due,
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
    /// What its evidence is worth.
    #[serde(default, skip_serializing_if = "Standing::is_current")]
    pub standing: Standing,
    /// Who sees to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The waiver under which its failure is accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waived: Option<Waived>,
    /// What closes it; empty where it passed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub closes_with: String,
    /// What a gate saw, and what it asks for; absent for all else. For tables: its reason says it too.
    #[serde(skip)]
    pub figure: Option<Figure>,
    /// The scenario it is of, if of one.
    #[serde(skip)]
    pub scenario: Option<Name>,
    /// The runs it rests on, where there are several, the one it was judged by first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<RunId>,
}

/// What a gate saw beside its limit.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// Absent where nothing was seen.
    pub observed: Option<f64>,
    /// Its limit.
    pub limit: f64,
    /// The unit of both.
    pub unit: Unit,
}

/// What an item's evidence is worth.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// It counts.
    #[default]
    Current,
    /// The run looked and saw nothing at all.
    Unseen,
    /// It is too old.
    Stale,
    /// There is none.
    Absent,
}

impl Standing {
    fn is_current(&self) -> bool {
        *self == Self::Current
    }
}

/// That a failure is accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waived {
    /// The last day on which it is.
    pub expires: Date,
    /// Who sees to it that it goes away.
    pub owner: String,
    /// Why it is.
    pub reason: String,
    /// Where the work is tracked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
}

impl Item {
    /// Whether it forbids shipping by itself.
    pub fn closes(&self) -> bool {
        let against = self.grade >= Grade::Invalid || self.standing != Standing::Current;
        self.key && self.waived.is_none() && against
    }

    /// What became of it, as the verb of a sentence.
    pub fn became(&self) -> &'static str {
        match (self.standing, self.grade) {
            (Standing::Stale, _) => "is stale",
            (Standing::Absent, _) => "is missing",
            (_, Grade::Pass) => "passed",
            (_, Grade::Fail) if self.waived.is_some() => "failed and is waived",
            (_, Grade::Fail) => "failed",
            (_, Grade::Invalid) => "can't be trusted",
            (_, Grade::Inconclusive) => "is undecided",
        }
    }

    /// It as a reason of the answer. A gate is told by its name or by what it asks: an id like `suite#1` tells people
    /// nothing.
    pub fn sentence(&self) -> String {
        // Of all ids those of gates and invariants alone have this sign behind a name.
        let gate = self.id.split_once('#');
        let told = match gate.is_some_and(|(place, _)| !place.contains(' ')) {
            true => &self.title,
            false => &self.id,
        };
        format!("{told} {}: {}", self.became(), self.bare_reason())
    }

    /// Its reason, without the expression that this begins with where the title says that already.
    pub fn bare_reason(&self) -> &str {
        let parts = self.reason.strip_prefix('`');
        match parts.and_then(|reason| reason.split_once("`: ")) {
            Some((asked, rest)) if self.title.contains(asked) => rest,
            _ => &self.reason,
        }
    }

    /// Whether it stands against a plain GO, or takes something off the score.
    pub fn is_open(&self) -> bool {
        (self.key || self.weight > 0.0) && self.grade != Grade::Pass
    }
}

#[cfg(test)]
mod tests;
