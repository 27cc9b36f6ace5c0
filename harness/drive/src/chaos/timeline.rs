//! A scenario's edges in order: stages begin, faults are armed, lifted and settled. Pure; whoever has a clock plays it.

use harness_core::plan::ScenarioPlan;
use std::time::Duration;

/// A fault's window opens this long before it is applied, so that requests which it catches in flight are charged to
/// it and not to undisturbed load. Requests slower than this stay where they began.
pub const LEAD: Duration = Duration::from_millis(250);

/// Something that changes what samples mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// The warm-up is over.
    Warm,
    /// A settled fault stops being told apart.
    Settled(usize),
    /// A fault is lifted.
    Lift(usize),
    /// A stage begins, by index.
    Stage(u32),
    /// A fault's window opens.
    Open(usize),
    /// A fault is applied.
    Arm(usize),
}

/// A change at a time since the first intended arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edge {
    /// When.
    pub at: Duration,
    /// What.
    pub change: Change,
}

/// Every edge of a scenario, in order. What lies after the load's end is left out, except that every fault that is
/// armed is also lifted: at the end at the latest.
pub fn edges(scenario: &ScenarioPlan) -> Vec<Edge> {
    let end = scenario.load.duration();
    let mut edges = Vec::new();
    for (at, number) in scenario.load.stage_edges().into_iter().zip(1..) {
        edges.push(Edge {
            at,
            change: Change::Stage(number),
        });
    }
    let warm_up = scenario.load.warm_up;
    if !warm_up.is_zero() && warm_up < end {
        edges.push(Edge {
            at: warm_up,
            change: Change::Warm,
        });
    }
    for (index, fault) in scenario
        .faults
        .iter()
        .enumerate()
        .filter(|(_, fault)| fault.at < end)
    {
        let lifted = (fault.at + fault.lasts).min(end);
        edges.push(Edge {
            at: fault.at.saturating_sub(LEAD),
            change: Change::Open(index),
        });
        edges.push(Edge {
            at: fault.at,
            change: Change::Arm(index),
        });
        edges.push(Edge {
            at: lifted,
            change: Change::Lift(index),
        });
        let settled = lifted + scenario.settle;
        if settled < end {
            edges.push(Edge {
                at: settled,
                change: Change::Settled(index),
            });
        }
    }
    edges.sort();
    edges
}

/// What holds between two edges.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State {
    /// The stage's index.
    pub stage: u32,
    /// Whether the load warms up.
    pub warm_up: bool,
    /// Faults whose window is open.
    pub open: Vec<usize>,
    /// Faults lifted and settling.
    pub settling: Vec<usize>,
}

impl State {
    /// What holds at a scenario's begin.
    pub fn begin(scenario: &ScenarioPlan) -> Self {
        Self {
            warm_up: !scenario.load.warm_up.is_zero(),
            ..Self::default()
        }
    }

    /// Applies a change; `true` when samples mean something else from here on.
    pub fn apply(&mut self, change: Change) -> bool {
        match change {
            Change::Stage(stage) => self.stage = stage,
            Change::Warm => self.warm_up = false,
            Change::Open(fault) => self.open.push(fault),
            Change::Arm(_) => return false,
            Change::Lift(fault) => {
                self.open.retain(|f| *f != fault);
                self.settling.push(fault);
            }
            Change::Settled(fault) => self.settling.retain(|f| *f != fault),
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use harness_core::journey::Origin;
    use harness_core::plan::fault::{FaultKind, FaultPlan, Site};
    use harness_core::plan::load::{HttpPlan, LoadPlan, Model, OpenPlan, Stage};
    use harness_core::units::Rate;
    use proptest::prelude::*;

    fn scenario(stages: &[u64], faults: &[(u64, u64)], settle: u64) -> ScenarioPlan {
        let rate = Rate::per_second(1.0).unwrap();
        let seconds = Duration::from_secs;
        ScenarioPlan {
            name: "s".parse().unwrap(),
            title: String::new(),
            tags: vec![],
            origin: Origin {
                file: String::new(),
                line: 1,
            },
            fresh: false,
            control_of: None,
            load: LoadPlan {
                model: Model::Open(OpenPlan::of(
                    stages
                        .iter()
                        .map(|s| Stage {
                            from: rate,
                            to: rate,
                            lasts: seconds(*s),
                        })
                        .collect(),
                )),
                mix: vec![],
                http: HttpPlan::default(),
                sample: 0.0,
                warm_up: Duration::ZERO,
                think: None,
            },
            faults: faults
                .iter()
                .enumerate()
                .map(|(n, (at, lasts))| FaultPlan {
                    name: format!("f{n}"),
                    turn: 1,
                    on: Site::Link("l".parse().unwrap()),
                    at: seconds(*at),
                    lasts: seconds(*lasts),
                    kind: FaultKind::Down,
                })
                .collect(),
            detected: Default::default(),
            gates: vec![],
            invariants: vec![],
            settle: seconds(settle),
        }
    }

    #[test]
    fn a_fault_opens_before_it_is_armed_and_settles_after() {
        let order: Vec<_> = edges(&scenario(&[10, 20], &[(12, 5)], 3))
            .into_iter()
            .map(|e| e.change)
            .collect();
        assert_eq!(
            order,
            [
                Change::Stage(1),
                Change::Open(0),
                Change::Arm(0),
                Change::Lift(0),
                Change::Settled(0)
            ]
        );
    }

    #[test]
    fn a_warm_up_ends_once_and_before_what_begins_with_it() {
        let mut scenario = scenario(&[10, 20], &[(12, 5)], 3);
        assert!(!State::begin(&scenario).warm_up);
        scenario.load.warm_up = Duration::from_secs(10);
        let mut state = State::begin(&scenario);
        assert!(state.warm_up);
        let all = edges(&scenario);
        let first: Vec<_> = all.iter().take(2).map(|e| (e.at, e.change)).collect();
        let at = Duration::from_secs(10);
        assert_eq!(first, [(at, Change::Warm), (at, Change::Stage(1))]);
        assert!(state.apply(Change::Warm) && !state.warm_up);
        assert_eq!(all.iter().filter(|e| e.change == Change::Warm).count(), 1);
    }

    proptest! {
        #[test]
        fn every_armed_fault_is_lifted_within_the_load(
            stages in prop::collection::vec(1u64..30, 1..4),
            faults in prop::collection::vec((0u64..100, 1u64..50), 0..6),
            settle in 0u64..20,
        ) {
            let scenario = scenario(&stages, &faults, settle);
            let (mut state, mut armed) = (State::default(), Vec::new());
            let all = edges(&scenario);
            prop_assert!(all.is_sorted_by_key(|e| e.at));
            prop_assert!(all.iter().all(|e| e.at <= scenario.load.duration()));
            for edge in all {
                match edge.change {
                    Change::Arm(f) => { prop_assert!(state.open.contains(&f)); armed.push(f); }
                    Change::Lift(f) => { prop_assert!(armed.contains(&f)); armed.retain(|a| *a != f); }
                    _ => {}
                }
                state.apply(edge.change);
            }
            prop_assert!(armed.is_empty() && state.open.is_empty());
        }
    }
}
