//! From events to gates: a struck link's seconds beside the load's, and what is judged by them.

use crate::event::{Event, LinkTick, LoadTick};
use crate::hist::Hist;
use crate::plan::Plan;
use crate::plan::fault::FaultPlan;
use crate::plan::target::LinkPlan;
use crate::record::Record;
use crate::record::testing::{FAULT, Stream, T0, gate, name, plan, tick};
use crate::verdict::inference::scene::{Ended, Scene};
use crate::verdict::{Grade, evaluate};

fn struck(expect: &str) -> Plan {
    let mut plan = plan(40, vec![gate(expect)]);
    plan.target.links = vec![LinkPlan {
        from: Some(name("gateway")),
        to: name("orders"),
        scheme: "http".into(),
        ..link()
    }];
    plan
}

fn link() -> LinkPlan {
    serde_json::from_value(serde_json::json!({ "name": "edge", "to": "orders", "scheme": "http" }))
        .unwrap()
}

/// 40 s of 100 journeys a second; the fault of the testing plan is there from 10 to 15. The link's seconds lie 0.4 s
/// behind the load's.
fn judged(expect: &str, of: impl Fn(u32) -> LinkTick) -> (Grade, String) {
    gate_of(&recorded(struck(expect), of, |_| 20_000))
}

fn gate_of(record: &Record) -> (Grade, String) {
    let verdict = evaluate(record);
    let gate = verdict.gates.first().unwrap();
    (gate.grade, gate.reason.clone())
}

/// The same with a plan, and with how long the journeys of each second take.
fn recorded(plan: Plan, of: impl Fn(u32) -> LinkTick, takes: impl Fn(u32) -> u64) -> Record {
    let stream = Stream::new(plan).peak().fault();
    let stream = (0..40).fold(stream, |s, second| {
        let epoch = match second {
            0..10 => 0,
            10..15 => 1,
            15..25 => 2,
            _ => 3,
        };
        let load = LoadTick {
            begun: 100,
            ..tick(second, epoch, takes(second))
        };
        let s = s.at(f64::from(second) + 1.0).tick(load).health(100, 0.3);
        s.at(f64::from(second) + 1.4)
            .event(Event::LinkTick(of(second)))
    });
    let record = stream.done(40);
    assert!(record.scenarios[0].t0_us == T0);
    record
}

fn second(requests: u64, answers: u64) -> LinkTick {
    LinkTick {
        watched: true,
        requests,
        answers: [("2xx".to_owned(), answers)].into(),
        ..LinkTick::quiet(name("edge"))
    }
}

/// Requests double while the fault is there, and nothing is answered.
fn doubled(at: u32) -> LinkTick {
    match at {
        // The ticks that an edge cuts hold a part of each.
        9 => second(140, 60),
        10..14 => LinkTick {
            abandoned: Hist::from_counts([(500_000, 150)]),
            ..second(200, 0)
        },
        14 => second(160, 40),
        _ => second(100, 100),
    }
}

#[test]
fn gates_hold_what_was_seen_on_the_link_against_their_limits() {
    let grade = |expect: &str| judged(expect, doubled).0;
    assert_eq!(grade("amplification(edge) < 2.1"), Grade::Pass);
    assert_eq!(grade("amplification(edge) < 1.5"), Grade::Fail);
    assert_eq!(grade("amplification > 1.8"), Grade::Pass);
    assert_eq!(grade("gives_up(edge) < 600ms"), Grade::Pass);
    assert_eq!(grade("gives_up < 400ms"), Grade::Fail);
    assert_eq!(grade(&format!("fallback({FAULT}) > 90%")), Grade::Pass);
    assert_eq!(grade("fallback < 50%"), Grade::Fail);
}

#[test]
fn what_did_not_happen_passes_nothing() {
    let (grade, reason) = judged("breaker_opens < 1s", doubled);
    assert_eq!(grade, Grade::Fail);
    assert_eq!(reason, "`breaker_opens < 1s`: saw at least 5.00 s");
    let (grade, reason) = judged("breaker_opens < 20s", doubled);
    assert_eq!(grade, Grade::Inconclusive);
    assert!(
        reason.ends_with("no circuit breaker seen on `edge`"),
        "{reason}"
    );
    assert_eq!(
        judged("breaker_closes < 20s", doubled).0,
        Grade::Inconclusive
    );
}

#[test]
fn what_is_not_known_decides_nothing() {
    let unread = |at| LinkTick {
        watched: false,
        requests: 0,
        ..doubled(at)
    };
    let (grade, reason) = judged("amplification(edge) < 1.5", unread);
    assert_eq!(grade, Grade::Inconclusive);
    assert_eq!(reason, "the proxy did not read `edge` as HTTP/1.1");
    let foreign = |at| LinkTick {
        unread: u64::from(at == 5),
        ..doubled(at)
    };
    assert_eq!(
        judged("amplification(edge) < 1.5", foreign).0,
        Grade::Inconclusive
    );
    let few = |at| second(u64::from(at % 2 == 0) * 3, 0);
    let (grade, reason) = judged("amplification(edge) < 9", few);
    assert_eq!(grade, Grade::Inconclusive, "{reason}");
    assert!(reason.contains("it is hardly known: "), "{reason}");
    let elsewhere = judged("amplification(payments) < 1.5", doubled);
    assert_eq!(elsewhere.0, Grade::Inconclusive);
}

fn scene(record: &Record) -> Scene {
    let link = &record.run.as_ref().unwrap().plan.target.links[0];
    Scene::of(record, &record.scenarios[0], &record.faults[0], link).unwrap()
}

#[test]
fn what_is_answered_after_the_lifting_was_not_served_without() {
    let expect = "fallback > 90%";
    // A pause: what comes while it lasts is answered when it is over.
    let held = |second: u32| match second {
        10..15 => u64::from(15 - second) * 1_000_000,
        _ => 20_000,
    };
    let paused = recorded(struck(expect), doubled, held);
    let (grade, reason) = gate_of(&paused);
    assert_eq!(grade, Grade::Fail, "{reason}");
    assert!(reason.contains("saw 0 %"), "{reason}");
    // A fallback that takes its time: of the second before the lifting nobody knows what it met.
    let slowly = |second: u32| {
        if (10..15).contains(&second) {
            400_000
        } else {
            20_000
        }
    };
    let slowly = recorded(struck(expect), doubled, slowly);
    let told = Ended {
        ended: 400,
        well: 400,
        unsure: 0,
    };
    assert_eq!(scene(&slowly).clients[1], told);
    assert_eq!(gate_of(&slowly).0, Grade::Pass);
}

#[test]
fn ticks_that_were_put_together_stand_where_they_were() {
    let mut record = recorded(struck("amplification < 2"), doubled, |_| 20_000);
    record.step_us = 2_000_000;
    let ticks = record.links.get_mut(&name("edge")).unwrap();
    ticks.retain(|(at, _)| (at - T0) / 1_000_000 % 2 == 1);
    let scene = scene(&record);
    let at = |seconds: &[super::Second]| -> Vec<(f64, f64)> {
        let since = |us: u64| (us - T0) as f64 / 1e6;
        let seconds = seconds.iter();
        seconds
            .map(|s| (since(s.from_us), since(s.to_us)))
            .collect()
    };
    assert_eq!(at(&scene.before)[..2], [(0.4, 2.4), (2.4, 4.4)]);
    assert_eq!(at(&scene.during), [(10.4, 12.4), (12.4, 14.4)]);
    assert!((scene.during[0].offered - 200.0).abs() < 1e-6);
    assert_eq!(at(&scene.after).last(), Some(&(38.4, 40.4)));
}

#[test]
fn a_fault_that_never_struck_its_link_leaves_the_worst_of_all_open() {
    let grade = |expect: &str, on: &str| {
        let mut plan = struck(expect);
        let another = LinkPlan {
            name: name("side"),
            ..plan.target.links[0].clone()
        };
        plan.target.links.push(another);
        let faults = &mut plan.scenarios[0].faults;
        faults.push(FaultPlan {
            name: "never armed".into(),
            on: crate::plan::fault::Site::Link(name(on)),
            ..faults[0].clone()
        });
        gate_of(&recorded(plan, doubled, |_| 20_000))
    };
    let (open, reason) = grade("amplification > 1.8", "side");
    assert_eq!(open, Grade::Inconclusive, "{reason}");
    assert_eq!(reason, "fault `never armed` was never armed");
    assert_eq!(
        grade("amplification(side) > 1.8", "side").0,
        Grade::Inconclusive
    );
    assert_eq!(
        grade("amplification(edge) > 1.8", "edge").0,
        Grade::Inconclusive
    );
    assert_eq!(grade("amplification(edge) > 1.8", "side").0, Grade::Pass);
    // The way in tells nothing of it.
    assert_eq!(grade("amplification > 1.8", "way-in").0, Grade::Pass);
}
