//! The plan: everything a run will do, resolved and frozen. Made once from the suite, carried whole by
//! `RunStarted`, so a report needs nothing else. Secrets appear by name only; addresses stay symbols.

pub mod accept;
pub mod describe;
mod digest;
pub mod draft;
pub mod fault;
pub mod gate;
pub mod invariant;
pub mod load;
pub mod matrix;
pub mod probe;
pub mod readiness;
pub mod resolve;
pub mod shape;
pub mod tags;
pub mod target;

use crate::expr::gate::GateExpr;
use crate::journey::command::Command;
use crate::journey::{Action, Journey, Origin};
use crate::name::Name;
use crate::units;
use crate::verdict::regression::Settings;
use accept::Accepted;
use fault::{FaultPlan, Strike};
use gate::Gate;
use invariant::{InvariantPlan, QueryPlan};
use load::LoadPlan;
use probe::ProbePlan;
use readiness::ReadinessPlan;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use target::TargetPlan;

/// What a run will do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The project's name.
    pub project: String,
    /// The profile chosen, if any.
    #[serde(default)]
    pub profile: Option<Name>,
    /// The variant chosen, if any.
    #[serde(default)]
    pub variant: Option<Name>,
    /// Decides arrivals, choices, data and fault rolls.
    pub seed: u64,
    /// Whether every request carries a W3C `traceparent`.
    #[serde(default = "on")]
    pub traceparent: bool,
    /// The system under test.
    pub target: TargetPlan,
    /// Secrets, by name; the values never enter a plan.
    #[serde(default)]
    pub secrets: Vec<SecretPlan>,
    /// Every journey of the suite that this run can need, by name.
    pub journeys: Vec<Arc<Journey>>,
    /// The journeys walked once as end-to-end tests, in order.
    pub walks: Vec<Name>,
    /// The documents checked.
    #[serde(default)]
    pub contracts: Vec<ContractPlan>,
    /// The scenarios, in order.
    #[serde(default)]
    pub scenarios: Vec<ScenarioPlan>,
    /// Scenarios that would have been taken, and are not for the target's mode.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<LeftOut>,
    /// Figures of the target's own metrics.
    #[serde(default)]
    pub probes: Vec<ProbePlan>,
    /// What the scenarios' invariants ask of the target, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub queries: Vec<QueryPlan>,
    /// The gates that judge the whole run: journeys, contract, and load outside faults and recovery.
    #[serde(default)]
    pub gates: Vec<Gate>,
    /// Which scenarios are the cells of a chaos matrix, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matrix: Option<matrix::MatrixPlan>,
    /// What a release is judged by.
    #[serde(default, skip_serializing_if = "ReadinessPlan::is_default")]
    pub readiness: ReadinessPlan,
    /// The constants by which this run is held against others.
    #[serde(default, skip_serializing_if = "Settings::is_default")]
    pub regression: Settings,
    /// SHA-256 over everything, hex.
    pub plan_digest: String,
    /// SHA-256 over what changes a measurement: shapes, journeys, data, faults, target mode, variant. Hex.
    pub workload_digest: String,
}

/// A plan written before the switch existed sent it always.
const fn on() -> bool {
    true
}

impl Plan {
    /// With its digests computed anew, for whoever changed it.
    #[must_use]
    pub fn digested(mut self) -> Self {
        self.workload_digest = digest::workload(&self);
        self.plan_digest = digest::plan(&self);
        self
    }

    /// SHA-256 over what changes a measurement of one scenario, whatever else the run plays. Hex.
    pub fn scenario_digest(&self, scenario: &Name) -> String {
        digest::scenario(self, scenario)
    }

    /// Every fault that a run may arm, of scenarios and of journeys: its name, and what it does.
    pub fn faults(&self) -> impl Iterator<Item = (&str, Strike<'_>)> {
        let planned = self.scenarios.iter().flat_map(|scenario| &scenario.faults);
        let planned = planned.map(|fault| (fault.name.as_str(), fault.strike()));
        let steps = self.journeys.iter().flat_map(|journey| &journey.steps);
        let armed = steps.filter_map(|step| match &step.action {
            Action::Command(Command::Arm {
                fault,
                on,
                kind,
                reach,
            }) => {
                let over = Duration::ZERO;
                let strike = Strike {
                    on,
                    kind,
                    reach,
                    over,
                };
                Some((fault.as_str(), strike))
            }
            _ => None,
        });
        planned.chain(armed)
    }

    /// A journey by name.
    pub fn journey(&self, name: &str) -> Option<&Arc<Journey>> {
        self.journeys.iter().find(|j| j.name.as_str() == name)
    }

    /// A probe by name.
    pub fn probe(&self, name: &str) -> Option<&ProbePlan> {
        self.probes.iter().find(|p| p.name.as_str() == name)
    }

    /// The control of a scenario, if it has one.
    pub fn control(&self, of: &Name) -> Option<&ScenarioPlan> {
        self.scenarios
            .iter()
            .find(|s| s.control_of.as_ref() == Some(of))
    }

    /// A scenario by name.
    pub fn scenario(&self, name: &str) -> Option<&ScenarioPlan> {
        self.scenarios.iter().find(|s| s.name.as_str() == name)
    }
}

/// A scenario that does not run in the target's mode.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// The scenario.
    pub scenario: Name,
    /// Why, for people: `it is only for modes container and compose`.
    pub reason: String,
}

impl std::fmt::Display for LeftOut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "scenario {} is left out: {}", self.scenario, self.reason)
    }
}

/// Where a secret's value comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretPlan {
    /// Its name in `${secret.NAME}`.
    pub name: Name,
    /// The environment variable read.
    pub env: String,
    /// Whether the suite gives a default (for demo systems); the default itself is kept out of the plan.
    pub has_default: bool,
}

/// An API document and the base address it is checked against.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ContractPlan {
    /// The name in `[contract.NAME]`; the service's name unless `service` says otherwise.
    pub name: Name,
    /// The document's path, from the suite's root.
    pub document: String,
    /// The document's text, frozen with the plan so that a report or a replay never reads another one.
    pub text: Arc<str>,
    /// Base address of the operations.
    pub base: crate::template::Text,
    /// Headers sent with every generated case.
    #[serde(default)]
    pub headers: Vec<(String, crate::template::Text)>,
    /// Make the same cases in every run, by the seed alone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub repeat: bool,
    /// Findings that are known and accepted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accept: Vec<Accepted>,
}

/// Load, faults and gates on one timeline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScenarioPlan {
    /// The file's stem.
    pub name: Name,
    /// One sentence for people.
    pub title: String,
    /// Tags without `@`.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Where it was written.
    pub origin: Origin,
    /// Restart the target first.
    #[serde(default)]
    pub fresh: bool,
    /// The scenario that this one is the control of: the same load under the same draws, without the faults, just before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control_of: Option<Name>,
    /// The load; a scenario without load only walks its journeys while faults are active.
    pub load: LoadPlan,
    /// The faults, by start.
    #[serde(default)]
    pub faults: Vec<FaultPlan>,
    /// What tells that the target noticed a fault, by the fault's name: a condition on a probe.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub detected: BTreeMap<String, GateExpr>,
    /// The gates that judge this scenario.
    #[serde(default)]
    pub gates: Vec<Gate>,
    /// What must hold once it is over; the suite's that stand in it included.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub invariants: Vec<InvariantPlan>,
    /// How long after a fault is lifted its recovery window lasts: load in it is judged as recovery, not as
    /// undisturbed.
    #[serde(with = "units::duration")]
    pub settle: Duration,
}
