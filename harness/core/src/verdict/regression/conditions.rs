//! Under what runs were measured: the workload and the machine. Figures of other conditions differ for that reason alone, so
//! runs, baselines and calibrations are matched by it.

use super::Sample;
use crate::name::Name;
use crate::plan::Plan;
use crate::plan::gate::During;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What a scenario's figures depend on besides the build.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Conditions {
    /// The scenario.
    pub scenario: Name,
    /// The part of its load.
    pub during: During,
    /// [`Plan::scenario_digest`](crate::plan::Plan::scenario_digest): load, journeys, data, faults, target mode, variant.
    pub workload: String,
    /// The environment's fingerprint: processor, cores, memory, system.
    pub machine: BTreeMap<String, String>,
}

/// A way in which conditions differ, in words for people. The other ones are told, not these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// The scenario, the phase or both.
    Scenario {
        /// The other scenario.
        there: Name,
    },
    /// Something in the workload.
    Workload,
    /// A fact of the machine.
    Machine {
        /// Which.
        fact: String,
        /// Here; absent where it is unknown.
        here: Option<String>,
        /// There.
        there: Option<String>,
    },
}

impl Sample {
    /// Under what it was measured.
    pub fn conditions(&self) -> Conditions {
        Conditions {
            scenario: self.scenario.clone(),
            during: self.during.clone(),
            workload: self.workload.clone(),
            machine: self.machine.clone(),
        }
    }
}

impl Conditions {
    /// Those of a scenario of a run that is about to be made: of its load outside of faults.
    pub fn ahead(plan: &Plan, environment: &BTreeMap<String, String>, scenario: &Name) -> Self {
        Self {
            scenario: scenario.clone(),
            during: During::Undisturbed,
            workload: plan.scenario_digest(scenario),
            machine: super::sample::machine(environment),
        }
    }

    /// Whether they are of the machine of an environment.
    pub fn is_on(&self, environment: &BTreeMap<String, String>) -> bool {
        self.machine == super::sample::machine(environment)
    }

    /// The machine in a line: `8 cores of AMD EPYC, 16 GiB, Debian 12`.
    pub fn machine(&self) -> String {
        let fact = |name: &str| self.machine.get(name).cloned();
        let cores = fact("cores").map(|n| format!("{n} cores"));
        let cpu = match (cores, fact("cpu")) {
            (Some(cores), Some(cpu)) => Some(format!("{cores} of {cpu}")),
            (cores, cpu) => cores.or(cpu),
        };
        let facts = [cpu, fact("memory"), fact("system")];
        let facts: Vec<String> = facts.into_iter().flatten().collect();
        match facts.is_empty() {
            true => "an unknown machine".to_owned(),
            false => facts.join(", "),
        }
    }

    /// A short mark that other conditions don't have: twelve hexadecimal digits of SHA-256, fit for a file's name.
    pub fn mark(&self) -> String {
        let mut hash = Sha256::new();
        let during = serde_json::to_string(&self.during).unwrap_or_default();
        let facts = self.machine.iter().flat_map(|(key, value)| [key, value]);
        let parts = [&self.workload, &during].into_iter().chain(facts);
        for part in parts {
            hash.update(part.len().to_le_bytes());
            hash.update(part.as_bytes());
        }
        let digits = hash.finalize();
        digits.iter().take(6).map(|b| format!("{b:02x}")).collect()
    }

    /// In what others differ from these; empty where figures can be held against each other.
    pub fn differences(&self, other: &Self) -> Vec<Difference> {
        let mut found = Vec::new();
        if other.scenario != self.scenario || other.during != self.during {
            found.push(Difference::Scenario {
                there: other.scenario.clone(),
            });
        } else if other.workload != self.workload {
            found.push(Difference::Workload);
        }
        let facts: BTreeSet<&String> = self.machine.keys().chain(other.machine.keys()).collect();
        let differ = facts
            .into_iter()
            .filter(|fact| self.machine.get(*fact) != other.machine.get(*fact));
        found.extend(differ.map(|fact| Difference::Machine {
            fact: fact.clone(),
            here: self.machine.get(fact).cloned(),
            there: other.machine.get(fact).cloned(),
        }));
        found
    }
}

impl Difference {
    /// Whether it is one of machines only.
    pub const fn of_machine(&self) -> bool {
        matches!(self, Self::Machine { .. })
    }

    /// The difference in words, with whose these conditions are: `the candidate's`.
    pub fn told(&self, whose: &str) -> String {
        match self {
            Self::Scenario { there } => {
                format!("it is of the scenario {there}, another phase or both")
            }
            Self::Workload => {
                "its workload is another one (load, journeys, data, faults, target mode or variant changed)"
                    .to_owned()
            }
            Self::Machine { fact, here, there } => {
                let known = |value: &Option<String>| value.as_deref().unwrap_or("unknown").to_owned();
                let (here, there) = (known(here), known(there));
                format!("another machine ({fact}: {there}, {whose} {here})")
            }
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.told("here"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some() -> Conditions {
        let fact = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        Conditions {
            scenario: "peak".parse().unwrap(),
            during: During::Undisturbed,
            workload: "abc".to_owned(),
            machine: [fact("cores", "4"), fact("cpu", "one")].into(),
        }
    }

    #[test]
    fn differences_are_told_one_by_one() {
        let told = |change: fn(&mut Conditions)| -> Vec<String> {
            let mut other = some();
            change(&mut other);
            let found = some().differences(&other);
            assert_eq!(found.is_empty(), other.mark() == some().mark());
            found.iter().map(|d| d.told("the candidate's")).collect()
        };
        assert_eq!(told(|_| {}), Vec::<String>::new());
        assert_eq!(
            told(|c| drop(c.machine.insert("cpu".to_owned(), "two".to_owned()))),
            ["another machine (cpu: two, the candidate's one)"]
        );
        assert_eq!(
            told(|c| drop(c.machine.remove("cores"))),
            ["another machine (cores: unknown, the candidate's 4)"]
        );
        let workload = told(|c| c.workload = "x".to_owned());
        assert!(workload[0].contains("workload is another"), "{workload:?}");
        let during = told(|c| c.during = During::All);
        assert!(during[0].contains("another phase"), "{during:?}");
    }

    /// What one part loses another may not win: `ab` and `c` are not `a` and `bc`.
    #[test]
    fn a_mark_tells_parts_apart() {
        let with = |cores: &str, cpu: &str| {
            let mut conditions = some();
            conditions
                .machine
                .insert("cores".to_owned(), cores.to_owned());
            conditions.machine.insert("cpu".to_owned(), cpu.to_owned());
            conditions.mark()
        };
        assert_ne!(with("4", "cpux"), with("4cpu", "x"));
        assert_eq!(some().mark().len(), 12);
    }
}
