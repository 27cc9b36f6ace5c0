//! Gates as planned: an expression, what load it looks at, and what failing it means.

use crate::expr::gate::GateExpr;
use crate::journey::Origin;
use crate::name::Name;
use crate::units;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A condition the run is judged by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gate {
    /// Unique in the plan: the scenario's name (or `suite`), `#`, and the gate's name or a number from 1; stable for a
    /// given suite.
    pub id: String,
    /// What must hold.
    pub expect: GateExpr,
    /// What failing means.
    pub class: Class,
    /// Weight in the readiness score, above zero.
    pub weight: f64,
    /// Who sees to it when it does not hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The scenario it judges; `None` for the whole run.
    #[serde(default)]
    pub scenario: Option<Name>,
    /// Which load it looks at.
    pub during: During,
    /// Must hold in every sliding window of this length, rather than over the whole of `during`.
    #[serde(
        default,
        with = "units::duration::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub over: Option<Duration>,
    /// Stop the scenario as soon as it fails.
    #[serde(default)]
    pub abort: bool,
    /// What else it is for.
    #[serde(default, skip_serializing_if = "Role::is_verdict")]
    pub role: Role,
    /// Where it was written.
    pub origin: Origin,
}

/// The name that an id ends with; `None` where that is only a number.
pub fn named(id: &str) -> Option<&str> {
    let (_, label) = id.split_once('#')?;
    let number = label.bytes().all(|b| b.is_ascii_digit());
    (!number).then_some(label)
}

/// The gate that `abort` of a load makes. Its name says what must not come about, so that it is no title.
pub(crate) const RATE_MISSED: &str = "rate missed";

impl Gate {
    /// The name that the suite gave it.
    pub fn name(&self) -> Option<&str> {
        named(&self.id).filter(|name| self.role == Role::Verdict && *name != RATE_MISSED)
    }

    /// A gate of no suite, to ask something of a scenario's load.
    pub(crate) fn asking(
        scenario: &Name,
        expect: &GateExpr,
        during: During,
        over: Option<Duration>,
    ) -> Self {
        Self {
            id: String::new(),
            expect: expect.clone(),
            class: Class::Info,
            weight: 1.0,
            owner: None,
            scenario: Some(scenario.clone()),
            during,
            over,
            abort: false,
            role: Role::Verdict,
            origin: Origin {
                file: String::new(),
                line: 1,
            },
        }
    }
}

/// What a gate is for beside the verdict.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Nothing else.
    #[default]
    Verdict,
    /// `stop`: should it not hold over the last seconds, every fault is lifted. It fails only by that.
    Stop,
    /// `[steady]`: should it not hold before the first fault, none is applied.
    Steady,
}

impl Role {
    fn is_verdict(&self) -> bool {
        *self == Self::Verdict
    }
}

/// What a failed gate means for the release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// Decides: failing is NO-GO.
    Key,
    /// Weighs in the score.
    Scored,
    /// Only told.
    Info,
}

/// The part of the load a gate looks at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum During {
    /// Load while no fault is active and none is settling: the default.
    Undisturbed,
    /// Everything, faults included: `during = "all"`.
    All,
    /// Before this fault's first turn, other faults and their settling left out: `during = "before NAME"`.
    Before(String),
    /// While this fault is active: `during = "NAME"`.
    Fault(String),
    /// From the moment this fault is lifted until it has settled: `during = "recovering NAME"`.
    Recovery(String),
    /// Once this fault's last turn has settled, other faults and their settling left out: `during = "after NAME"`.
    After(String),
    /// While a rate is judged in this trial of a capacity search, counted from 1. No gate of a suite looks at one alone.
    Trial(u32),
}

impl During {
    /// The phases of a fault, in order of time.
    pub fn of_fault(fault: &str) -> [Self; 4] {
        [Self::Before, Self::Fault, Self::Recovery, Self::After]
            .map(|phase| phase(fault.to_owned()))
    }

    /// What `during` of a gate says; whether there is such a fault is not looked at.
    pub(crate) fn parse(text: &str) -> Self {
        type Phase = fn(String) -> During;
        let words: [(&str, Phase); 3] = [
            ("before ", Self::Before),
            ("recovering ", Self::Recovery),
            ("after ", Self::After),
        ];
        let of_word = |(word, phase): (&str, Phase)| {
            text.strip_prefix(word).map(|fault| phase(fault.to_owned()))
        };
        match text {
            "all" => Self::All,
            text => words
                .into_iter()
                .find_map(of_word)
                .unwrap_or_else(|| Self::Fault(text.to_owned())),
        }
    }

    /// The fault whose phase it is.
    pub fn fault(&self) -> Option<&str> {
        match self {
            Self::Before(fault)
            | Self::Fault(fault)
            | Self::Recovery(fault)
            | Self::After(fault) => Some(fault),
            Self::Undisturbed | Self::All | Self::Trial(_) => None,
        }
    }

    /// What follows a figure in a sentence: ``, during `slow` ``; nothing for undisturbed load.
    pub(crate) fn aside(&self) -> String {
        match self {
            Self::Undisturbed => String::new(),
            Self::All => ", faults included".to_owned(),
            Self::Before(fault) => format!(", before `{fault}`"),
            Self::Fault(fault) => format!(", during `{fault}`"),
            Self::Recovery(fault) => format!(", recovering from `{fault}`"),
            Self::After(fault) => format!(", after `{fault}`"),
            Self::Trial(trial) => format!(", in trial {trial}"),
        }
    }
}
