//! Attacks on servers of the tests' own, and the sum of what they report.

#![allow(dead_code, reason = "each test binary uses its part of it")]

pub(crate) mod server;

use harness_core::event::{Exemplar, LoadTick};
use harness_core::expr::step::{Expectation, StepSubject, Test, Value};
use harness_core::hist::Hist;
use harness_core::http::Method;
use harness_core::journey::{Action, Journey, Origin, RequestStep, Step};
use harness_core::plan::load::{HttpPlan, LoadPlan, MixEntry, Model, OpenPlan, Stage};
use harness_core::template::Text;
use harness_core::units::Rate;
use harness_load::{Attack, Clock, Handle, Kept, Report, Route, launch};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;
use tokio::sync::mpsc::{Receiver, channel};

/// Far beyond what anything here takes, so that a hang ends.
pub(crate) const GENEROUS: Duration = Duration::from_secs(60);

pub(crate) fn request(method: Method, url: &str, timeout: Duration) -> RequestStep {
    let ok = Expectation {
        subject: StepSubject::Status,
        test: Test::Equal(Value::Number(200.0)),
    };
    RequestStep {
        method,
        url: Text::literal(url),
        link: None,
        query: Vec::new(),
        headers: Vec::new(),
        body: Text::default(),
        expect: vec![ok],
        captures: Vec::new(),
        collect: Vec::new(),
        repeat: None,
        copies: None,
        eventually: None,
        every: Duration::from_millis(100),
        timeout,
        redirects: 0,
        think: None,
    }
}

pub(crate) fn journey(name: &str, actions: Vec<Action>) -> Arc<Journey> {
    let origin = Origin {
        file: "test".into(),
        line: 1,
    };
    let step = |(n, action)| Step {
        name: format!("step {n}"),
        origin: origin.clone(),
        action,
    };
    Arc::new(Journey {
        name: name.parse().unwrap(),
        title: String::new(),
        tags: Vec::new(),
        origin: origin.clone(),
        rows: harness_core::data::Rows::default(),
        feed: harness_core::data::Feed::default(),
        variables: BTreeMap::new(),
        steps: (1..).zip(actions).map(step).collect(),
    })
}

/// One GET.
pub(crate) fn get(name: &str, url: &str) -> Arc<Journey> {
    journey(
        name,
        vec![Action::Request(Box::new(request(
            Method::Get,
            url,
            GENEROUS,
        )))],
    )
}

pub(crate) fn rate(from: f64, to: f64, millis: u64) -> Stage {
    let rate = |r| Rate::per_second(r).unwrap();
    Stage {
        from: rate(from),
        to: rate(to),
        lasts: Duration::from_millis(millis),
    }
}

/// An attack of equal weights that begins a moment from now.
pub(crate) fn attack(journeys: Vec<Arc<Journey>>, stages: Vec<Stage>) -> Attack {
    let clock = Clock::start();
    let mix = journeys
        .iter()
        .map(|j| MixEntry {
            journey: j.name.clone(),
            weight: 1.0,
        })
        .collect();
    Attack {
        scenario: "test".parse().unwrap(),
        draws: "test".parse().unwrap(),
        plan: LoadPlan {
            model: Model::Open(OpenPlan::of(stages)),
            mix,
            http: HttpPlan {
                connections: 8,
                ..HttpPlan::default()
            },
            sample: 0.0,
            warm_up: Duration::ZERO,
            think: None,
        },
        journeys,
        seed: 42,
        run: "20260101-000000-test".parse().unwrap(),
        clock,
        t0: clock.now() + Duration::from_millis(50),
        epoch: Arc::new(AtomicU32::new(0)),
        workers: 2,
        traceparent: false,
        watched: Vec::new(),
        route: Route::default(),
        touched: Default::default(),
    }
}

/// Ten arrivals of a request with this time limit; what they came to. Played twice: the fast lane plays what is plain, the
/// walker what looks at a header, and whatever a server does, both must say the same of it.
pub(crate) async fn ten(method: Method, url: &str, limit: Duration) -> Tally {
    let lane = ten_once(method, url, limit).await;
    let mut walked = request(method, url, limit);
    walked.expect.push(Expectation {
        subject: StepSubject::Header("x-never".into()),
        test: Test::Absent,
    });
    let walker = ten_of(walked).await;
    for name in ["j", "j/step 1"] {
        let [by_lane, by_walker] = [lane.of(name), walker.of(name)];
        assert_eq!(by_lane.errors, by_walker.errors, "{name}");
        assert_eq!(
            (by_lane.started, by_lane.ok, by_lane.bytes_in),
            (by_walker.started, by_walker.ok, by_walker.bytes_in),
            "{name}"
        );
    }
    lane
}

/// The same played once, by the fast lane: where the server counts what comes.
pub(crate) async fn ten_once(method: Method, url: &str, limit: Duration) -> Tally {
    ten_of(request(method, url, limit)).await
}

async fn ten_of(step: RequestStep) -> Tally {
    let journey = journey("j", vec![Action::Request(Box::new(step))]);
    let mut attack = attack(vec![journey], vec![rate(100.0, 100.0, 100)]);
    // One for each of the ten, however they are shared out: who waited for one has less of its limit left.
    attack.plan.http.connections = 20;
    let tally = play(attack).await;
    tally.assert_accounted();
    tally
}

/// Fails unless all ten came to this class, with evidence of it.
pub(crate) fn assert_all(tally: &Tally, class: &str) {
    for name in ["j", "j/step 1"] {
        let sum = tally.of(name);
        assert_eq!(
            sum.errors,
            BTreeMap::from([(class.to_owned(), 10)]),
            "{name}: {:?}",
            tally.exemplars
        );
    }
    // The first and four more of each worker at most, and none without its failure.
    assert!(
        (1..=10).contains(&tally.exemplars.len()),
        "{:?}",
        tally.exemplars
    );
    assert!(
        tally
            .exemplars
            .iter()
            .all(|e| e.class == class && e.name.as_str() == "j/step 1")
    );
}

/// Everything an attack reported.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) ticks: Vec<LoadTick>,
    pub(crate) lag: Hist,
    pub(crate) cpu_seconds: f64,
    pub(crate) drops: u64,
    pub(crate) exemplars: Vec<Exemplar>,
    pub(crate) samples: u64,
    pub(crate) failures: Vec<String>,
    /// What was kept, over all workers.
    pub(crate) kept: Vec<Kept>,
}

pub(crate) fn start(attack: Attack) -> (Handle, Receiver<Report>) {
    let (sender, reports) = channel(100_000);
    (launch(attack, sender).unwrap(), reports)
}

/// Plays an attack to its end.
pub(crate) async fn play(attack: Attack) -> Tally {
    let (handle, mut reports) = start(attack);
    let tally = Tally::read(&mut reports).await;
    handle.join().await;
    tally
}

impl Tally {
    /// Reads until the attack has ended.
    pub(crate) async fn read(reports: &mut Receiver<Report>) -> Self {
        let mut tally = Self::default();
        let all = async {
            while let Some(report) = reports.recv().await {
                if !tally.add(report) {
                    return;
                }
            }
            panic!("the reports ended without saying so");
        };
        tokio::time::timeout(2 * GENEROUS, all)
            .await
            .expect("the load did not end");
        tally
    }

    /// Adds a report; says whether more will come.
    pub(crate) fn add(&mut self, report: Report) -> bool {
        match report {
            Report::Tick(tick) => self.ticks.push(tick),
            Report::Health {
                lag,
                cpu_seconds,
                drops,
                ..
            } => {
                self.lag.add(&lag);
                self.cpu_seconds += cpu_seconds;
                self.drops += drops;
            }
            Report::Exemplar(exemplar) => self.exemplars.push(exemplar),
            Report::Sample { .. } => self.samples += 1,
            Report::Unsent { .. } => {}
            Report::Kept(kept) => {
                self.kept.resize_with(kept.len(), Kept::default);
                let slots = self.kept.iter_mut().zip(kept);
                slots.for_each(|(sum, kept)| sum.add(kept));
            }
            Report::WorkerFailed(why) => self.failures.push(why),
            Report::Ended => return false,
        }
        true
    }

    /// The sum of all ticks of a name.
    pub(crate) fn of(&self, name: &str) -> LoadTick {
        let mut sum = LoadTick {
            name: name.to_owned(),
            ..LoadTick::default()
        };
        for tick in self.ticks.iter().filter(|tick| tick.name == name) {
            sum.users += tick.users;
            sum.planned += tick.planned;
            sum.started += tick.started;
            sum.late_generator += tick.late_generator;
            sum.late_target += tick.late_target;
            sum.dropped += tick.dropped;
            sum.ok += tick.ok;
            sum.cancelled += tick.cancelled;
            sum.bytes_in += tick.bytes_in;
            sum.response.add(&tick.response);
            sum.service.add(&tick.service);
            for (class, n) in &tick.errors {
                *sum.errors.entry(class.clone()).or_default() += n;
            }
        }
        sum
    }

    /// Fails unless all that was begun has one end, and nothing is said of a worker.
    pub(crate) fn assert_accounted(&self) {
        assert_eq!(self.failures, Vec::<String>::new());
        let names: std::collections::BTreeSet<_> =
            self.ticks.iter().map(|t| t.name.as_str()).collect();
        for name in names {
            let sum = self.of(name);
            let errors: u64 = sum.errors.values().sum();
            assert_eq!(sum.started, sum.ok + errors + sum.cancelled, "{sum:?}");
            assert_eq!(
                (sum.response.count(), sum.service.count()),
                (sum.ok + errors, sum.ok + errors),
                "{sum:?}"
            );
            if !name.contains('/') {
                assert_eq!(sum.planned, sum.started + sum.dropped, "{sum:?}");
            }
        }
    }
}
