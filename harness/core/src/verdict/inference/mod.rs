//! What the target did about a fault, told from outside: from the requests that the proxy saw on the struck links, second
//! by second, beside the load that was offered. Each answer has its evidence and how sure it is, or says why there is
//! none. Pure; knows nothing of how the target is made.
//!
//! Links are counted where the proxy reads them as HTTP/1.1 ([`crate::plan::target::LinkPlan::watch`]). The way in says
//! nothing here: its client is the load itself. *Usual* is the undisturbed load of the 30 s before the arming.

mod amplification;
mod breaker;
mod fallback;
mod scene;
#[cfg(test)]
mod tests;
mod time_out;

use crate::expr::gate::{FaultFigure, LinkFigure};
use crate::name::Name;
use crate::plan::Plan;
use crate::plan::fault::Site;
use crate::plan::target::LinkPlan;
use crate::record::{FaultRecord, Record, ScenarioRecord};
use scene::Scene;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Topic {
    /// Whether calls are made again, and whether that outlives the fault.
    Retries,
    /// Whether calls stop while they would fail.
    Breaker,
    /// Whether clients are served without what does not answer.
    Fallback,
    /// How long an answer is waited for.
    TimeOut,
}

/// How sure a conclusion is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confidence {
    /// It may as well be chance: no gate passes or fails by it.
    Low,
    /// It rests on enough to be believed.
    Medium,
    /// It rests on much, and stands out.
    High,
}

/// A figure that a gate can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Figure {
    /// Of the fault.
    OfFault(FaultFigure),
    /// Of the link.
    OfLink(LinkFigure),
}

impl Figure {
    /// Its word in a gate.
    pub const fn word(self) -> &'static str {
        match self {
            Self::OfFault(figure) => figure.word(),
            Self::OfLink(figure) => figure.word(),
        }
    }
}

/// A figure's value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value {
    /// As measured, in the figure's unit.
    Is(f64),
    /// It did not come to it while it was watched: at least this much.
    AtLeast(f64),
}

/// What can be said.
#[derive(Debug, Clone, PartialEq)]
pub struct Conclusion {
    /// In a few words: `retries: 1.8 times the usual requests`.
    pub says: String,
    /// One sentence with the figures it rests on.
    pub evidence: String,
    /// How sure it is.
    pub confidence: Confidence,
    /// What limits it, or what carries it: samples, seconds, contrast.
    pub reasons: Vec<String>,
    /// Its figures.
    pub figures: BTreeMap<Figure, Value>,
    /// Requests, or journeys, it rests on.
    pub samples: u64,
}

/// An answer about a link that a fault struck.
#[derive(Debug, Clone, PartialEq)]
pub struct Inferred {
    /// What was looked for.
    pub topic: Topic,
    /// The link.
    pub link: Name,
    /// The answer, or why there is none.
    pub said: Result<Conclusion, String>,
}

impl Topic {
    /// All, in the order in which they are told.
    pub const ALL: [Self; 4] = [Self::Retries, Self::Breaker, Self::Fallback, Self::TimeOut];

    /// What it is called.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Retries => "Retries",
            Self::Breaker => "Circuit breaker",
            Self::Fallback => "Cache or fallback",
            Self::TimeOut => "Time-out",
        }
    }

    /// The topic that has a figure; `None` where a clock does.
    pub const fn of(figure: Figure) -> Option<Self> {
        match figure {
            Figure::OfLink(LinkFigure::Amplification) => Some(Self::Retries),
            Figure::OfLink(LinkFigure::GivesUp) => Some(Self::TimeOut),
            Figure::OfFault(FaultFigure::Fallback) => Some(Self::Fallback),
            Figure::OfFault(FaultFigure::BreakerOpens | FaultFigure::BreakerCloses) => {
                Some(Self::Breaker)
            }
            Figure::OfFault(_) => None,
        }
    }
}

/// What the target did about a fault, on each link that it struck.
pub fn of_fault(record: &Record, scenario: &ScenarioRecord, fault: &FaultRecord) -> Vec<Inferred> {
    let of_link = |link: &LinkPlan| {
        let scene = Scene::of(record, scenario, fault, link);
        Topic::ALL.map(|topic| Inferred {
            topic,
            link: link.name.clone(),
            said: scene
                .as_ref()
                .map_err(Clone::clone)
                .and_then(|scene| match topic {
                    Topic::Retries => amplification::infer(scene),
                    Topic::Breaker => breaker::infer(scene),
                    Topic::Fallback => fallback::infer(scene),
                    Topic::TimeOut => time_out::infer(scene),
                }),
        })
    };
    struck(record, scenario, fault)
        .into_iter()
        .flat_map(of_link)
        .collect()
}

/// The links between services that a fault of a scenario strikes.
fn struck<'r>(
    record: &'r Record,
    scenario: &ScenarioRecord,
    fault: &FaultRecord,
) -> Vec<&'r LinkPlan> {
    let Some(plan) = record.run.as_ref().map(|run| &run.plan) else {
        return Vec::new();
    };
    let planned = plan.scenario(scenario.name.as_str());
    let mut faults = planned.into_iter().flat_map(|scenario| &scenario.faults);
    let planned = faults.find(|planned| planned.name == fault.name);
    planned.map_or_else(Vec::new, |planned| struck_by(plan, &planned.on).collect())
}

/// The links between services that something done to a place strikes: the link itself, or those that lead to the service.
pub(super) fn struck_by<'p>(
    plan: &'p Plan,
    on: &'p Site,
) -> impl Iterator<Item = &'p LinkPlan> + use<'p> {
    let links = plan.target.links.iter().filter(|link| link.from.is_some());
    links.filter(move |link| match on {
        Site::Link(name) => link.name == *name,
        Site::Service(name) => link.to == *name,
    })
}
