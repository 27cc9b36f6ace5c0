//! A scenario's edges in order: stages begin, faults are armed, lifted and settled, some of them once something fires
//! them. A state machine without a clock; whoever has one plays it.

use harness_core::expr::gate::GateExpr;
use harness_core::plan::ScenarioPlan;
use std::collections::BTreeSet;
use std::time::Duration;

/// A fault's window opens this long before it is applied, so that requests which it catches in flight are charged to
/// it and not to undisturbed load. Requests slower than this stay where they began.
pub const LEAD: Duration = Duration::from_millis(250);

/// Something that changes what samples mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// The warm-up is over.
    Warm,
    /// A fault is lifted.
    Lift(usize),
    /// A window closes whose fault was never applied.
    Close(usize),
    /// A settled fault stops being told apart; after its lifting, also where both come at once.
    Settled(usize),
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

/// A scenario's edges to come. Knows no clock: who has one takes each edge when it is due, and tells what fired a fault or
/// stopped them all. What lies after the load's end is left out, except that every fault that is armed is also lifted: at
/// the end at the latest.
#[derive(Debug)]
pub struct Timeline<'s> {
    scenario: &'s ScenarioPlan,
    end: Duration,
    edges: BTreeSet<Edge>,
    open: BTreeSet<usize>,
    armed: BTreeSet<usize>,
    /// Faults that wait for what fires them.
    waiting: BTreeSet<usize>,
}

impl<'s> Timeline<'s> {
    /// The edges of a scenario that nothing has fired yet.
    pub fn of(scenario: &'s ScenarioPlan) -> Self {
        let end = scenario.load.duration();
        let mut timeline = Self {
            scenario,
            end,
            edges: BTreeSet::new(),
            open: BTreeSet::new(),
            armed: BTreeSet::new(),
            waiting: BTreeSet::new(),
        };
        for (at, number) in scenario.load.stage_edges().into_iter().zip(1..) {
            timeline.add(at, Change::Stage(number));
        }
        let warm_up = scenario.load.warm_up;
        if !warm_up.is_zero() && warm_up < end {
            timeline.add(warm_up, Change::Warm);
        }
        for (index, fault) in scenario.faults.iter().enumerate() {
            match fault.when {
                Some(_) => _ = timeline.waiting.insert(index),
                None => timeline.schedule(index, fault.at.saturating_sub(LEAD), fault.at),
            }
        }
        timeline
    }

    /// The next edge.
    pub fn next(&self) -> Option<Edge> {
        self.edges.first().copied()
    }

    /// Takes the next edge; whoever takes it plays it.
    pub fn take(&mut self) -> Option<Edge> {
        let edge = self.edges.pop_first()?;
        match edge.change {
            Change::Open(fault) => _ = self.open.insert(fault),
            Change::Arm(fault) => _ = self.armed.insert(fault),
            Change::Lift(fault) => {
                self.open.remove(&fault);
                self.armed.remove(&fault);
            }
            Change::Close(fault) => _ = self.open.remove(&fault),
            Change::Warm | Change::Stage(_) | Change::Settled(_) => {}
        }
        Some(edge)
    }

    /// What is waited for: each fault once, by name, with what fires it.
    pub fn waiting(&self) -> Vec<(&'s str, &'s GateExpr)> {
        let faults = self.waiting.iter().filter_map(|index| {
            let fault = self.scenario.faults.get(*index)?;
            Some((fault.name.as_str(), fault.when.as_ref()?))
        });
        let mut waiting: Vec<_> = faults.collect();
        waiting.dedup_by_key(|(name, _)| *name);
        waiting
    }

    /// What fires a fault came about: its turns are timed from now. Applied a little later at the soonest, so that its
    /// window opens before it. Those that would begin after the load stay away.
    pub fn fire(&mut self, name: &str, now: Duration) {
        let faults = &self.scenario.faults;
        let mine = |index: &usize| faults.get(*index).is_some_and(|f| f.name == name);
        let fired: Vec<usize> = self.waiting.iter().copied().filter(mine).collect();
        for index in fired {
            self.waiting.remove(&index);
            let Some(fault) = faults.get(index) else {
                continue;
            };
            let at = now + fault.at.max(LEAD);
            self.schedule(index, at - LEAD, at);
        }
    }

    /// Every fault is to be lifted now, and none applied any more.
    pub fn stop(&mut self, now: Duration) {
        let now = now.min(self.end);
        self.waiting.clear();
        let of_none = |change: Change| matches!(change, Change::Warm | Change::Stage(_));
        let lifted = |fault| !self.edges.iter().any(|e| e.change == Change::Lift(fault));
        let kept = |edge: &&Edge| match edge.change {
            Change::Settled(fault) => lifted(fault),
            change => of_none(change),
        };
        self.edges = self.edges.iter().filter(kept).copied().collect();
        for fault in self.open.clone() {
            match self.armed.contains(&fault) {
                true => self.lift(fault, now),
                false => self.add(now, Change::Close(fault)),
            }
        }
    }

    /// A fault that is being lifted takes its time to: it has not settled before that is over.
    pub fn lifting(&mut self, fault: usize) {
        self.edges
            .retain(|edge| edge.change != Change::Settled(fault));
    }

    /// Such a fault is lifted, now: it settles from here on.
    pub fn lifted(&mut self, fault: usize, now: Duration) {
        self.settles(fault, now);
    }

    fn schedule(&mut self, index: usize, open: Duration, at: Duration) {
        let Some(fault) = self.scenario.faults.get(index).filter(|_| at < self.end) else {
            return;
        };
        self.add(open, Change::Open(index));
        self.add(at, Change::Arm(index));
        self.lift(index, (at + fault.lasts).min(self.end));
    }

    fn lift(&mut self, index: usize, at: Duration) {
        self.add(at, Change::Lift(index));
        self.settles(index, at);
    }

    fn settles(&mut self, index: usize, at: Duration) {
        let settled = at + self.scenario.settle;
        if settled < self.end {
            self.add(settled, Change::Settled(index));
        }
    }

    fn add(&mut self, at: Duration, change: Change) {
        self.edges.insert(Edge { at, change });
    }
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
            Change::Close(fault) => self.open.retain(|f| *f != fault),
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
                    when: None,
                    on: Site::Link("l".parse().unwrap()),
                    at: seconds(*at),
                    lasts: seconds(*lasts),
                    kind: FaultKind::Down,
                    reach: Default::default(),
                    tolerates: Vec::new(),
                })
                .collect(),
            detected: Default::default(),
            gates: vec![],
            invariants: vec![],
            settle: seconds(settle),
        }
    }

    fn all(scenario: &ScenarioPlan) -> Vec<Edge> {
        let mut timeline = Timeline::of(scenario);
        std::iter::from_fn(|| timeline.take()).collect()
    }

    fn changes(timeline: &mut Timeline<'_>) -> Vec<(u64, Change)> {
        let rest = std::iter::from_fn(|| timeline.take());
        rest.map(|e| (e.at.as_millis() as u64, e.change)).collect()
    }

    #[test]
    fn a_fault_opens_before_it_is_armed_and_settles_after() {
        let order: Vec<_> = all(&scenario(&[10, 20], &[(12, 5)], 3))
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
    fn a_fault_that_takes_its_time_to_be_lifted_settles_from_the_end_of_that() {
        let scenario = scenario(&[60], &[(5, 2), (20, 5)], 3);
        let mut timeline = Timeline::of(&scenario);
        while timeline
            .take()
            .is_some_and(|edge| edge.change != Change::Lift(0))
        {}
        timeline.lifting(0);
        let next = timeline.next().unwrap();
        assert_eq!(next.change, Change::Open(1), "the lifting is under way");
        timeline.lifted(0, Duration::from_secs(21));
        let settled = (24_000, Change::Settled(0));
        assert!(changes(&mut timeline).contains(&settled));
        timeline.lifted(1, Duration::from_secs(58));
        assert_eq!(timeline.next(), None, "nobody sees it settle");
    }

    #[test]
    fn a_warm_up_ends_once_and_before_what_begins_with_it() {
        let mut scenario = scenario(&[10, 20], &[(12, 5)], 3);
        assert!(!State::begin(&scenario).warm_up);
        scenario.load.warm_up = Duration::from_secs(10);
        let mut state = State::begin(&scenario);
        assert!(state.warm_up);
        let all = all(&scenario);
        let first: Vec<_> = all.iter().take(2).map(|e| (e.at, e.change)).collect();
        let at = Duration::from_secs(10);
        assert_eq!(first, [(at, Change::Warm), (at, Change::Stage(1))]);
        assert!(state.apply(Change::Warm) && !state.warm_up);
        assert_eq!(all.iter().filter(|e| e.change == Change::Warm).count(), 1);
    }

    #[test]
    fn a_fault_that_something_fires_waits_for_it() {
        let mut scenario = scenario(&[30], &[(0, 5), (10, 5)], 3);
        for (fault, turn) in scenario.faults.iter_mut().zip(1..) {
            fault.name = "f".into();
            fault.turn = turn;
            fault.when = Some("p95 > 300ms".parse().unwrap());
        }
        let mut timeline = Timeline::of(&scenario);
        assert_eq!((timeline.next(), timeline.waiting().len()), (None, 1));
        timeline.fire("f", Duration::from_secs(12));
        assert!(timeline.waiting().is_empty());
        let seen = changes(&mut timeline);
        let first = [(12_000, Change::Open(0)), (12_250, Change::Arm(0))];
        assert_eq!(seen[..2], first);
        let second = [(21_750, Change::Open(1)), (22_000, Change::Arm(1))];
        assert_eq!(seen[4..6], second);
        timeline.fire("f", Duration::from_secs(20));
        assert_eq!(timeline.next(), None, "it fires once");

        let mut late = Timeline::of(&scenario);
        late.fire("f", Duration::from_secs(28));
        let seen = changes(&mut late);
        assert_eq!(seen.last(), Some(&(30_000, Change::Lift(0))), "{seen:?}");
    }

    #[test]
    fn a_stop_lifts_what_is_armed_and_closes_what_is_open() {
        let scenario = scenario(&[60], &[(5, 2), (10, 20), (13, 20), (40, 5)], 10);
        let mut timeline = Timeline::of(&scenario);
        let until = Change::Open(2);
        while timeline.take().is_some_and(|edge| edge.change != until) {}
        timeline.stop(Duration::from_secs(13));
        let at = [
            (13_000, Change::Lift(1)),
            (13_000, Change::Close(2)),
            (17_000, Change::Settled(0)),
            (23_000, Change::Settled(1)),
        ];
        assert_eq!(changes(&mut timeline), at);
    }

    proptest! {
        /// Whatever fires and stops them, and when.
        #[test]
        fn every_armed_fault_is_lifted_within_the_load(
            stages in prop::collection::vec(1u64..30, 1..4),
            faults in prop::collection::vec((0u64..100, 1u64..50), 0..6),
            fired in prop::collection::vec(prop::option::of(0u64..110_000), 6),
            stop in prop::option::of(0u64..110_000),
            settle in 0u64..20,
        ) {
            let mut scenario = scenario(&stages, &faults, settle);
            for (fault, fired) in scenario.faults.iter_mut().zip(&fired) {
                fault.when = fired.map(|_| "p95 > 300ms".parse().unwrap());
            }
            let end = scenario.load.duration();
            let mut asked: Vec<(Duration, Option<usize>)> = Vec::new();
            let fires = fired.iter().take(faults.len()).enumerate();
            asked.extend(fires.filter_map(|(n, at)| Some((Duration::from_millis((*at)?), Some(n)))));
            asked.extend(stop.map(|at| (Duration::from_millis(at), None)));
            asked.retain(|(at, _)| *at < end);
            asked.sort();

            let mut timeline = Timeline::of(&scenario);
            let (mut state, mut armed, mut last) = (State::begin(&scenario), Vec::new(), Duration::ZERO);
            let mut asked = asked.into_iter().peekable();
            let mut stopped = false;
            loop {
                let due = timeline.next().map(|edge| edge.at);
                if let Some((at, what)) = asked.next_if(|(at, _)| due.is_none_or(|due| *at < due)) {
                    match what {
                        Some(fault) => timeline.fire(&format!("f{fault}"), at),
                        None => { timeline.stop(at); stopped = true; }
                    }
                    last = last.max(at);
                    continue;
                }
                let Some(edge) = timeline.take() else { break };
                prop_assert!(edge.at >= last && edge.at <= end, "{edge:?} after {last:?}");
                last = edge.at;
                match edge.change {
                    Change::Arm(f) => {
                        prop_assert!(!stopped && state.open.contains(&f));
                        armed.push(f);
                    }
                    Change::Lift(f) => {
                        prop_assert!(armed.contains(&f));
                        armed.retain(|a| *a != f);
                    }
                    Change::Close(f) => prop_assert!(stopped && !armed.contains(&f)),
                    Change::Open(_) => prop_assert!(!stopped),
                    Change::Settled(f) => prop_assert!(state.settling.contains(&f)),
                    Change::Warm | Change::Stage(_) => {}
                }
                state.apply(edge.change);
            }
            prop_assert!(armed.is_empty() && state.open.is_empty());
        }
    }
}
