//! Invariants as planned: what must hold of a scenario's whole history once its load has ended and its faults are
//! healed, and the queries that ask the target for its side of it.

use super::ScenarioPlan;
use super::gate::Class;
use crate::data::{Feed, Rows};
use crate::expr::invariant::{Asked, Captured, Invariant, Term};
use crate::journey::{Action, Journey, Origin, RequestStep, Step};
use crate::name::Name;
use crate::units;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// A question to the target whose answer is JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QueryPlan {
    /// The name in `[query.NAME]`.
    pub name: Name,
    /// Where it was written.
    pub origin: Origin,
    /// How it is asked.
    pub request: RequestStep,
}

impl QueryPlan {
    /// As a journey of one step: asked by the same interpreter as everything else.
    pub fn journey(&self) -> Journey {
        Journey {
            name: self.name.clone(),
            title: String::new(),
            tags: Vec::new(),
            origin: self.origin.clone(),
            rows: Rows::default(),
            feed: Feed::default(),
            variables: BTreeMap::new(),
            steps: vec![Step {
                name: self.name.to_string(),
                origin: self.origin.clone(),
                action: Action::Request(Box::new(self.request.clone())),
            }],
        }
    }
}

/// A gate over a scenario's history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InvariantPlan {
    /// Unique in the plan, like a gate's; one of the suite's that stands in scenario `peak` is `suite@peak#NAME`.
    pub id: String,
    /// What must hold.
    pub check: Check,
    /// What failing means.
    pub class: Class,
    /// Weight in the readiness score, above zero.
    pub weight: f64,
    /// Who sees to it when it does not hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The scenario it judges.
    pub scenario: Name,
    /// What does not hold yet is looked at again, at most so long: asynchronous systems settle.
    #[serde(with = "units::duration")]
    pub within: Duration,
    /// Where it was written.
    pub origin: Origin,
}

/// What an invariant says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Check {
    /// A comparison of amounts.
    Holds(Invariant),
    /// A journey that passes with each value the load captured.
    Each(Each),
}

/// Walks a journey with each distinct value that the load captured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Each {
    /// The values; the walk begins with the variable of the same name set.
    pub of: Captured,
    /// The journey walked.
    pub walk: Name,
    /// Values walked at most; of more, a seeded sample is.
    pub at_most: u32,
}

impl Check {
    /// What it needs of the load.
    pub fn captured(&self) -> Vec<&Captured> {
        match self {
            Self::Holds(invariant) => invariant.captured().collect(),
            Self::Each(each) => vec![&each.of],
        }
    }

    /// What it asks, and whether it must have been asked before the load too.
    pub fn asked(&self) -> Vec<(&Asked, bool)> {
        let Self::Holds(invariant) = self else {
            return Vec::new();
        };
        let terms = invariant.terms().into_iter();
        terms
            .filter_map(|term| Some((term.asked()?, matches!(term, Term::Delta(_)))))
            .collect()
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Holds(invariant) => write!(f, "{invariant}"),
            Self::Each(each) => write!(f, "{} with each {}", each.walk, each.of),
        }
    }
}

/// A value that load workers keep for a scenario's invariants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watched {
    /// Which.
    pub captured: Captured,
    /// Whether the values themselves are needed, not only how many there were and what they add up to.
    pub values: bool,
}

impl ScenarioPlan {
    /// What its invariants need of the load, each once, in order.
    pub fn watched(&self) -> Vec<Watched> {
        let mut watched: BTreeMap<&Captured, bool> = BTreeMap::new();
        for invariant in &self.invariants {
            match &invariant.check {
                Check::Each(each) => _ = watched.insert(&each.of, true),
                Check::Holds(invariant) => {
                    for term in invariant.terms() {
                        let Some(captured) = term.captured() else {
                            continue;
                        };
                        *watched.entry(captured).or_default() |= matches!(term, Term::Distinct(_));
                    }
                }
            }
        }
        let watched = watched.into_iter().map(|(captured, values)| Watched {
            captured: captured.clone(),
            values,
        });
        watched.collect()
    }
}
