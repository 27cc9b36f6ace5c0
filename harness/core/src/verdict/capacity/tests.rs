//! Trials and answers, each rule with the planted figure that turns it.

use super::*;
use crate::capacity::Tried;
use crate::event::{CapacityTrial, Epoch, Event, LoadTick, ScenarioEnd};
use crate::plan::Plan;
use crate::plan::load::Spacing;
use crate::record::testing::{Stream, gate, name, plan, tick};
use crate::units::Rate;

const SETTLED: f64 = 2.0;
const END: u32 = 12;

fn searching(gates: Vec<Gate>) -> Plan {
    let mut plan = plan(60, gates);
    let rate = |r| Rate::per_second(r).unwrap();
    plan.scenarios[0].faults.clear();
    plan.scenarios[0].load.model = Model::Search(SearchPlan {
        goal: "max rate where p99 < 100ms and error_rate < 5%"
            .parse()
            .unwrap(),
        spacing: Spacing::Even,
        from: rate(50.0),
        up_to: rate(800.0),
        within: Duration::from_secs(60),
        trial: Duration::from_secs(10),
        settle: Duration::from_secs(2),
        precision: 0.05,
    });
    plan
}

fn epoch(stream: Stream, epoch: u32, trial: u32, at: f64) -> Stream {
    let stream = stream.at(at);
    let from_us = stream.now();
    stream.event(Event::EpochStarted(Epoch {
        scenario: name("peak"),
        epoch,
        from_us,
        stage: 0,
        warm_up: false,
        faults: Vec::new(),
        settling: Vec::new(),
        trial: Some(trial),
    }))
}

/// A trial of ten seconds at 1000/s after two that are not judged, with its ticks and the generator's seconds changed.
fn trial_of(
    change: impl Fn(LoadTick) -> LoadTick,
    health: (u64, f64, f64),
    drained: Option<Duration>,
) -> Judgement {
    let begun = Stream::new(searching(Vec::new()))
        .at(0.0)
        .event(Event::ScenarioStarted {
            scenario: name("peak"),
            t0_us: crate::record::testing::T0,
        });
    let mut stream = epoch(begun, 0, 0, 0.0);
    for second in 0..2 {
        // What settles may be as bad as it likes.
        stream = stream.tick(tick(second, 0, 9_000_000));
    }
    stream = epoch(stream, 1, 1, SETTLED);
    for second in 2..END {
        stream = stream
            .at(f64::from(second) + 1.0)
            .tick(change(tick(second, 1, 20_000)))
            .health_of(health.0, health.1, health.2);
    }
    let record = epoch(stream, 2, 0, f64::from(END)).record();
    trial(&record, "peak", 1, drained).unwrap()
}

const WELL: (u64, f64, f64) = (200, 0.3, 0.1);
const AT_ONCE: Option<Duration> = Some(Duration::from_millis(40));

fn broke(judged: &Judgement) -> (Limit, &str) {
    match &judged.fate {
        Fate::Broke { why, limit } => (*limit, why),
        Fate::Held => panic!("it held: {:?}", judged.seen),
    }
}

#[test]
fn a_trial_holds_when_everything_does() {
    let judged = trial_of(|t| t, WELL, AT_ONCE);
    assert_eq!(judged.fate, Fate::Held, "{:?}", judged.seen);
    assert_eq!(judged.seen.len(), 2);
    assert!(
        judged.seen[0].starts_with("`p99 < 100ms`: saw 20."),
        "{:?}",
        judged.seen
    );
}

#[test]
fn a_condition_that_does_not_hold_breaks_it() {
    let slow = trial_of(
        |t| LoadTick {
            response: tick(0, 0, 300_000).response,
            ..t
        },
        WELL,
        AT_ONCE,
    );
    let (limit, why) = broke(&slow);
    assert_eq!(limit, Limit::Target);
    assert!(why.starts_with("`p99 < 100ms`: saw 3"), "{why}");
    let failing = |t: LoadTick| LoadTick {
        ok: 90,
        errors: [("status-503".to_owned(), 10)].into(),
        ..t
    };
    assert!(
        broke(&trial_of(failing, WELL, AT_ONCE))
            .1
            .contains("saw 10 %")
    );
}

#[test]
fn a_target_that_does_not_keep_up_breaks_it() {
    let late = trial_of(|t| t, WELL, Some(Duration::from_millis(1001)));
    assert!(broke(&late).1.contains("after the load's end"), "{late:?}");
    assert!(broke(&trial_of(|t| t, WELL, None)).1.contains("still busy"));
    assert_eq!(
        trial_of(|t| t, WELL, Some(Duration::from_secs(1))).fate,
        Fate::Held
    );
}

#[test]
fn what_the_generator_could_not_make_is_its_own_limit() {
    let late = |t: LoadTick| LoadTick {
        late_generator: 3,
        ..t
    };
    let local = |t: LoadTick| LoadTick {
        ok: 99,
        errors: [("local".to_owned(), 1)].into(),
        ..t
    };
    for judged in [
        trial_of(late, WELL, AT_ONCE),
        trial_of(local, WELL, AT_ONCE),
        trial_of(|t| t, (60_000, 0.3, 0.1), AT_ONCE),
        // The run's environment has two cores.
        trial_of(|t| t, (200, 1.95, 0.1), AT_ONCE),
    ] {
        assert_eq!(broke(&judged).0, Limit::Generator, "{judged:?}");
    }
}

#[test]
fn a_proxy_at_its_end_is_the_links_limit_only_when_something_breaks() {
    let busy = (200, 0.3, 0.99);
    assert_eq!(trial_of(|t| t, busy, AT_ONCE).fate, Fate::Held);
    assert_eq!(broke(&trial_of(|t| t, busy, None)).0, Limit::Link);
}

/// What gates on the capacity say of some trials.
fn grades(tried: &[(f64, Option<Limit>)], expects: &[&str]) -> Vec<Grade> {
    let gates = expects.iter().map(|expect| gate(expect)).collect();
    let mut stream = Stream::new(searching(gates)).peak();
    for ((rate, limit), trial) in tried.iter().zip(1..) {
        stream = stream.event(Event::CapacityTrial(Box::new(CapacityTrial {
            scenario: name("peak"),
            trial,
            tried: Tried {
                rate: Rate::per_second(*rate).unwrap(),
                fate: limit.map_or(Fate::Held, |limit| Fate::Broke {
                    why: "it broke".into(),
                    limit,
                }),
            },
            seen: Vec::new(),
        })));
    }
    let record = stream.ended(60, ScenarioEnd::Completed).record();
    let verdict = crate::verdict::evaluate(&record);
    verdict.gates.iter().map(|gate| gate.grade).collect()
}

#[test]
fn gates_go_by_the_end_that_says_least_for_them() {
    use Grade::{Fail, Inconclusive, Pass};
    let expects = [
        "capacity >= 200/s",
        "capacity > 300/s",
        "capacity >= 400/s",
        "capacity >= 401/s",
        "capacity < 200/s",
        "capacity < 401/s",
    ];
    let target = Some(Limit::Target);
    let tried = [
        (100.0, None),
        (200.0, None),
        (400.0, target),
        (400.0, target),
        (200.0, None),
    ];
    assert_eq!(
        grades(&tried, &expects),
        [Pass, Inconclusive, Inconclusive, Fail, Fail, Pass]
    );
    let generator = Some(Limit::Generator);
    let tried = [
        (100.0, None),
        (200.0, None),
        (400.0, generator),
        (400.0, generator),
        (200.0, None),
    ];
    assert_eq!(
        grades(&tried, &expects),
        [
            Pass,
            Inconclusive,
            Inconclusive,
            Inconclusive,
            Fail,
            Inconclusive
        ]
    );
    assert_eq!(grades(&[], &expects), [Inconclusive; 6]);
}
