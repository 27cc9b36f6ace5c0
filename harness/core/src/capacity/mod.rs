//! Capacity search: which rate to try next, and what the rates tried so far come to. Pure: whoever plays the trials
//! hands in what became of them, and the same trials give the same answer, so that a report needs no more than them.

mod next;

pub use next::next;

use crate::expr::goal::Goal;
use crate::plan::load::Spacing;
use crate::units::{self, Rate};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A search for the highest rate at which a goal holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SearchPlan {
    /// What must hold.
    pub goal: Goal,
    /// How arrivals lie between each other.
    #[serde(default)]
    pub spacing: Spacing,
    /// The first rate tried, above zero.
    pub from: Rate,
    /// The highest rate tried.
    pub up_to: Rate,
    /// How long the whole search may take. A trial that would end later is not begun.
    #[serde(with = "units::duration")]
    pub within: Duration,
    /// How long a rate is judged for.
    #[serde(with = "units::duration")]
    pub trial: Duration,
    /// How long a rate is held before that, unjudged: connections open, caches fill.
    #[serde(with = "units::duration")]
    pub settle: Duration,
    /// How close the answer's two ends shall come: the upper at most this share above the lower. Above zero.
    pub precision: f64,
}

impl SearchPlan {
    /// How long one trial takes, when the target keeps up with it.
    pub fn one(&self) -> Duration {
        self.settle + self.trial
    }
}

/// What became of a rate that was tried.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tried {
    /// The rate.
    pub rate: Rate,
    /// What became of it.
    pub fate: Fate,
}

/// What became of a trial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// Every condition held.
    Held,
    /// A condition did not hold, or the target did not keep up.
    Broke {
        /// What, with what was seen, for people.
        why: String,
        /// Who set the limit.
        limit: Limit,
    },
}

impl Fate {
    /// Whether it held.
    pub fn held(&self) -> bool {
        matches!(self, Self::Held)
    }
}

/// What set a limit to the rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Limit {
    /// The target.
    Target,
    /// A link: the fault proxy on it had no processor time left.
    Link,
    /// The generator: it could not make the load.
    Generator,
}

impl Limit {
    /// Who it is, in a sentence.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Target => "the target",
            Self::Link => "a link's proxy",
            Self::Generator => "the generator",
        }
    }
}

/// What a search has come to.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The highest rate at which the goal held, twice at least if the search had the time; `None` if at none.
    pub holds: Option<Rate>,
    /// The lowest rate at which it did not; `None` if at none.
    pub breaks: Option<Rate>,
    /// Why it did not there, for people.
    pub why: Option<String>,
    /// Who set the limit; `None` where none was met.
    pub limit: Option<Limit>,
    /// Whether the search went to its end: the two ends are as close as asked, or nothing is left to try.
    pub complete: bool,
}

/// What some trials come to.
pub fn answer(plan: &SearchPlan, tried: &[Tried]) -> Answer {
    let standing = next::Standing::of(tried);
    let breaks = standing.breaks();
    let at = |rate: f64| {
        let broke = tried.iter().filter(|t| t.rate.get() == rate);
        broke
            .filter_map(|t| match &t.fate {
                Fate::Held => None,
                Fate::Broke { why, limit } => Some((why.clone(), *limit)),
            })
            .next_back()
    };
    let why = breaks.and_then(at);
    Answer {
        holds: standing.holds().and_then(Rate::per_second),
        breaks: breaks.and_then(Rate::per_second),
        limit: why.as_ref().map(|(_, limit)| *limit),
        why: why.map(|(why, _)| why),
        complete: next(plan, tried).is_none(),
    }
}

#[cfg(test)]
mod tests;
