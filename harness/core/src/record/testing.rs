//! Streams of events for tests, made in a few words. Second 0 of every scenario is at [`T0`].

use super::{Record, fold};
use crate::event::{
    Envelope, Epoch, Event, FORMAT, JourneyFinished, LoadTick, Outcome, RunEnd, RunStarted,
    ScenarioEnd, SelfHealth,
};
use crate::hist::Hist;
use crate::journey::{Action, Journey, Origin, Step};
use crate::name::Name;
use crate::plan::fault::{FaultKind, FaultPlan, Site};
use crate::plan::gate::{Class, During, Gate, Role};
use crate::plan::load::{HttpPlan, LoadPlan, MixEntry, Model, OpenPlan, Stage};
use crate::plan::target::{Mode, TargetPlan};
use crate::plan::{Plan, ScenarioPlan};
use crate::template::Text;
use crate::units::Rate;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

/// Microseconds of second 0.
pub(crate) const T0: u64 = 1_000_000;
/// The fault every scenario of these plans has: from second 10 to 15.
pub(crate) const FAULT: &str = "slow link";

pub(crate) fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn origin() -> Origin {
    Origin {
        file: "harness.toml".into(),
        line: 1,
    }
}

/// A key gate of the scenario `peak`, looking at undisturbed load.
pub(crate) fn gate(expect: &str) -> Gate {
    Gate {
        id: "peak#1".into(),
        expect: expect.parse().unwrap(),
        class: Class::Key,
        weight: 1.0,
        owner: None,
        scenario: Some(name("peak")),
        during: During::Undisturbed,
        over: None,
        abort: false,
        role: Role::Verdict,
        origin: origin(),
    }
}

fn journey(journey: &str, steps: &[&str]) -> Arc<Journey> {
    let step = |step: &&str| Step {
        name: (*step).to_owned(),
        origin: origin(),
        action: Action::Pause(Duration::ZERO),
    };
    Arc::new(Journey {
        name: name(journey),
        title: String::new(),
        tags: Vec::new(),
        origin: origin(),
        rows: crate::data::Rows::default(),
        feed: crate::data::Feed::default(),
        variables: BTreeMap::new(),
        steps: steps.iter().map(step).collect(),
    })
}

/// One scenario `peak` of `browse` and `checkout`, 100 arrivals a second, with one fault.
pub(crate) fn plan(seconds: u64, gates: Vec<Gate>) -> Plan {
    let rate = Rate::per_second(100.0).unwrap();
    let mix = |journey| MixEntry {
        journey: name(journey),
        weight: 1.0,
    };
    let peak = ScenarioPlan {
        name: name("peak"),
        title: String::new(),
        tags: Vec::new(),
        origin: origin(),
        fresh: false,
        control_of: None,
        load: LoadPlan {
            model: Model::Open(OpenPlan::of(vec![Stage {
                from: rate,
                to: rate,
                lasts: Duration::from_secs(seconds),
            }])),
            mix: vec![mix("browse"), mix("checkout")],
            http: HttpPlan::default(),
            sample: 0.0,
            warm_up: Duration::ZERO,
            think: None,
        },
        faults: vec![FaultPlan {
            name: FAULT.into(),
            turn: 1,
            when: None,
            on: Site::Link(name("edge")),
            at: Duration::from_secs(10),
            lasts: Duration::from_secs(5),
            kind: FaultKind::Down,
            reach: Default::default(),
            tolerates: Vec::new(),
        }],
        detected: Default::default(),
        gates,
        invariants: Vec::new(),
        settle: Duration::from_secs(10),
    };
    Plan {
        project: "shop".into(),
        profile: None,
        variant: None,
        seed: 1,
        traceparent: true,
        target: TargetPlan {
            compose: Vec::new(),
            proxy_image: None,
            mode: Mode::External,
            services: Vec::new(),
            links: Vec::new(),
            proxy: None,
            entry: Text::literal("http://127.0.0.1"),
            metrics: Vec::new(),
            scrapes: Vec::new(),
            socket: None,
            tls: None,
        },
        secrets: Vec::new(),
        journeys: vec![journey("browse", &["list"]), journey("checkout", &["pay"])],
        walks: vec![name("checkout")],
        contracts: Vec::new(),
        scenarios: vec![peak],
        probes: Vec::new(),
        queries: Vec::new(),
        gates: Vec::new(),
        left_out: Vec::new(),
        matrix: None,
        readiness: Default::default(),
        regression: Default::default(),
        plan_digest: String::new(),
        workload_digest: String::new(),
    }
}

/// A second of 100 `checkout` arrivals that all end well after `us`.
pub(crate) fn tick(second: u32, epoch: u32, us: u64) -> LoadTick {
    tick_of(second, epoch, 100, 0, us)
}

/// A second of `checkout`: `ok` end well, `bad` badly, all after `us`.
pub(crate) fn tick_of(second: u32, epoch: u32, ok: u64, bad: u64, us: u64) -> LoadTick {
    let all = Hist::from_counts([(us, ok + bad)]);
    LoadTick {
        scenario: "peak".into(),
        second,
        epoch,
        name: "checkout".into(),
        planned: ok + bad,
        started: ok + bad,
        ok,
        errors: [("status-503".to_owned(), bad)]
            .into_iter()
            .filter(|(_, n)| *n > 0)
            .collect(),
        response: all.clone(),
        service: all,
        ..LoadTick::default()
    }
}

/// A stream in the making.
pub(crate) struct Stream {
    at_us: u64,
    events: Vec<Envelope>,
}

impl Stream {
    /// A run whose target is up and whose one walk passed.
    pub(crate) fn new(plan: Plan) -> Self {
        let walks = plan.walks.clone();
        let started = Self::bare(plan).event(Event::TargetReady {
            entry: "http://127.0.0.1".into(),
        });
        walks.into_iter().fold(started, |stream, journey| {
            stream.walk(journey.as_str(), Outcome::Passed)
        })
    }

    /// A run that has only begun.
    pub(crate) fn bare(plan: Plan) -> Self {
        let run = RunStarted {
            format: FORMAT,
            run: "20260101-000000-test".parse().unwrap(),
            date: String::new(),
            version: String::new(),
            environment: [("cores".to_owned(), "2".to_owned())].into(),
            plan,
            replays: None,
            release: None,
            baselines: Vec::new(),
        };
        Self {
            at_us: 0,
            events: Vec::new(),
        }
        .event(Event::RunStarted(Box::new(run)))
    }

    pub(crate) fn event(mut self, event: Event) -> Self {
        let seq = self.events.len() as u64;
        self.events.push(Envelope {
            seq,
            at_us: self.at_us,
            wall_ms: 0,
            event,
        });
        self
    }

    /// The time now, microseconds since the run began.
    pub(crate) fn now(&self) -> u64 {
        self.at_us
    }

    /// What follows happens at a second of the scenario.
    pub(crate) fn at(mut self, second: f64) -> Self {
        self.at_us = T0 + (second * 1e6) as u64;
        self
    }

    pub(crate) fn walk(self, journey: &str, outcome: Outcome) -> Self {
        self.event(Event::JourneyFinished(JourneyFinished {
            journey: name(journey),
            row: 0,
            outcome,
            took_us: 1000,
        }))
    }

    /// The scenario begins, undisturbed.
    pub(crate) fn peak(self) -> Self {
        self.at(0.0)
            .event(Event::ScenarioStarted {
                scenario: name("peak"),
                t0_us: T0,
            })
            .epoch(0, 0, &[], &[])
    }

    /// The scenario begins and warms up for so many seconds, in epoch 0; epoch 1 comes after.
    pub(crate) fn warming(self, seconds: u64) -> Self {
        let begun = self.at(0.0).event(Event::ScenarioStarted {
            scenario: name("peak"),
            t0_us: T0,
        });
        let warming = begun.event(Event::EpochStarted(Epoch {
            scenario: name("peak"),
            epoch: 0,
            from_us: T0,
            stage: 0,
            warm_up: true,
            faults: Vec::new(),
            settling: Vec::new(),
            trial: None,
        }));
        warming.epoch(1, seconds, &[], &[])
    }

    pub(crate) fn epoch(self, epoch: u32, second: u64, faults: &[&str], settling: &[&str]) -> Self {
        let owned = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect();
        self.event(Event::EpochStarted(Epoch {
            warm_up: false,
            scenario: name("peak"),
            epoch,
            from_us: T0 + second * 1_000_000,
            stage: 0,
            faults: owned(faults),
            settling: owned(settling),
            trial: None,
        }))
    }

    pub(crate) fn tick(self, tick: LoadTick) -> Self {
        self.event(Event::LoadTick(Box::new(tick)))
    }

    /// Seconds of 100 arrivals that take `us`, each with a healthy second of the instrument.
    pub(crate) fn load(self, seconds: Range<u32>, epoch: u32, us: u64) -> Self {
        seconds.fold(self, |s, second| {
            s.at(f64::from(second) + 1.0)
                .tick(tick(second, epoch, us))
                .health(100, 0.3)
        })
    }

    pub(crate) fn health(self, lag_us: u64, cpu: f64) -> Self {
        self.second(health(lag_us, cpu))
    }

    /// A second of the generator with what the proxy cost.
    pub(crate) fn health_of(self, lag_us: u64, cpu: f64, proxy: f64) -> Self {
        self.second(SelfHealth {
            cpu_proxy: proxy,
            ..health(lag_us, cpu)
        })
    }

    /// A second of the instrument.
    pub(crate) fn second(self, health: SelfHealth) -> Self {
        self.event(Event::SelfHealth(Box::new(health)))
    }

    /// The fault of the plan: armed, effective and lifted at its seconds; epochs 1 (active), 2 (settling), 3 (after).
    pub(crate) fn fault(self) -> Self {
        let scenario = Some(name("peak"));
        let at = |second: u64| T0 + second * 1_000_000;
        self.at(10.0)
            .event(Event::FaultArmed {
                fault: FAULT.into(),
                scenario: scenario.clone(),
                what: "link down".into(),
                turn: 1,
            })
            .epoch(1, 10, &[FAULT], &[])
            .event(Event::FaultEffective {
                fault: FAULT.into(),
                scenario: scenario.clone(),
                effective_us: at(10),
                turn: 1,
                assumed: false,
                by: None,
            })
            .at(15.0)
            .event(Event::FaultLifted {
                fault: FAULT.into(),
                scenario,
                turn: 1,
            })
            .epoch(2, 15, &[], &[FAULT])
            .at(25.0)
            .epoch(3, 25, &[], &[])
    }

    /// The scenario and the run end well at a second. A fault that no event tells of was not planned.
    pub(crate) fn done(mut self, second: u32) -> Record {
        let told = |e: &Envelope| {
            matches!(
                e.event,
                Event::FaultArmed { .. } | Event::FaultFailed { .. }
            )
        };
        if !self.events.iter().any(told) {
            self = self.without_faults();
        }
        self.ended(second, ScenarioEnd::Completed)
            .event(Event::RunFinished {
                end: RunEnd::Completed,
            })
            .record()
    }

    pub(crate) fn ended(self, second: u32, end: ScenarioEnd) -> Self {
        self.at(f64::from(second)).event(Event::ScenarioFinished {
            scenario: name("peak"),
            end,
        })
    }

    /// The same with a plan that has no faults.
    fn without_faults(mut self) -> Self {
        for envelope in &mut self.events {
            if let Event::RunStarted(run) = &mut envelope.event {
                run.plan.scenarios.iter_mut().for_each(|s| s.faults.clear());
            }
        }
        self
    }

    pub(crate) fn events(self) -> Vec<Envelope> {
        self.events
    }

    pub(crate) fn record(self) -> Record {
        fold(self.events).unwrap()
    }
}

/// A second of the instrument with this lag and these processor seconds.
pub(crate) fn health(lag_us: u64, cpu_generator: f64) -> SelfHealth {
    SelfHealth {
        lag: Hist::from_counts([(lag_us, 100)]),
        cpu_generator,
        ..SelfHealth::default()
    }
}
