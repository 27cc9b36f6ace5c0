//! Headroom over made streams: a latency that grows from 0 to 500 ms between seconds 10 and 20, under 100 journeys/s.

use super::*;
use crate::event::{Event, LoadTick};
use crate::plan::fault::FaultKind;
use crate::plan::gate::Gate;
use crate::record::testing::{FAULT, Stream, gate, name, plan, tick, tick_of};
use crate::verdict::evaluate;
use std::time::Duration;

fn latency(ms: u64) -> FaultKind {
    FaultKind::Latency {
        delay: Duration::from_millis(ms),
        jitter: Duration::ZERO,
    }
}

/// A run of 30 s; `during` makes the seconds of the fault.
fn run(conditions: &[&str], gates: Vec<Gate>, during: impl Fn(u32) -> LoadTick) -> Record {
    let mut plan = plan(30, gates);
    let fault = &mut plan.scenarios[0].faults[0];
    fault.lasts = Duration::from_secs(10);
    fault.kind = latency(0);
    fault.reach.to = Some(latency(500));
    fault.tolerates = conditions
        .iter()
        .map(|text| text.parse().unwrap())
        .collect();
    let scenario = || Some(name("peak"));
    let (fault, turn) = (FAULT.to_owned(), 1);
    let stream = Stream::new(plan).peak().load(0..10, 0, 20_000).at(10.0);
    let stream = stream
        .event(Event::FaultArmed {
            fault: fault.clone(),
            turn,
            scenario: scenario(),
            what: String::new(),
        })
        .epoch(1, 10, &[FAULT], &[])
        .event(Event::FaultEffective {
            fault: fault.clone(),
            turn,
            scenario: scenario(),
            effective_us: 11_000_000,
            assumed: false,
            by: None,
        });
    let stream = (10..20).fold(stream, |s, second| {
        s.at(f64::from(second) + 1.0)
            .tick(during(second))
            .health(100, 0.3)
    });
    let stream = stream.at(20.0).event(Event::FaultLifted {
        fault,
        turn,
        scenario: scenario(),
    });
    stream
        .epoch(2, 20, &[], &[FAULT])
        .load(20..30, 2, 20_000)
        .done(30)
}

fn found(record: &Record) -> Tolerates {
    let mut all = headrooms(record, &record.scenarios[0]);
    assert_eq!(all.len(), 1);
    all.remove(0).found
}

/// As slow as the latency is in the middle of the second.
fn growing(second: u32) -> LoadTick {
    tick(second, 1, 20_000 + u64::from(second - 10) * 50_000 + 25_000)
}

fn up_to(found: &Tolerates) -> f64 {
    match found {
        Tolerates::UpTo { magnitude, .. } => *magnitude,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_knee_is_where_three_windows_in_a_row_begin_to_break() {
    let record = run(&["p95 < 200ms"], Vec::new(), growing);
    // Second 14 takes 245 ms, and second 13 took 195.
    let knee = found(&record);
    assert!((up_to(&knee) - 0.2).abs() < 1e-9, "{knee:?}");
    let Tolerates::UpTo { second, broke, .. } = knee else {
        unreachable!()
    };
    assert_eq!((second, broke.to_string().as_str()), (14.0, "p95 < 200ms"));
    let words = headrooms(&record, &record.scenarios[0])[0].words();
    assert_eq!(
        words,
        "tolerates 200ms on edge at 100/s; from there `p95 < 200ms` does not hold"
    );
    let spike = |second: u32| match second {
        11 | 12 | 14 | 15 => tick(second, 1, 900_000),
        _ => tick(second, 1, 20_000),
    };
    assert_eq!(
        found(&run(&["p95 < 200ms"], Vec::new(), spike)),
        Tolerates::All(0.5)
    );
}

#[test]
fn any_condition_that_breaks_is_the_knee() {
    let failing = |second: u32| match second {
        17.. => tick_of(second, 1, 90, 10, 20_000),
        _ => tick(second, 1, 20_000),
    };
    let knee = found(&run(&["p95 < 2s", "error_rate < 1%"], Vec::new(), failing));
    assert!((up_to(&knee) - 0.35).abs() < 1e-9, "{knee:?}");
}

#[test]
fn windows_that_say_too_little_are_never_tolerated() {
    let thin = |second: u32| match second {
        13..17 => tick_of(second, 1, 5, 0, 20_000),
        _ => tick(second, 1, 20_000),
    };
    let Tolerates::Unknown(why) = found(&run(&["p95 < 200ms"], Vec::new(), thin)) else {
        panic!("that is known");
    };
    assert!(why.contains("too few samples around 150ms"), "{why}");
    let silent = |second: u32| tick_of(second, 1, 0, 0, 20_000);
    assert!(matches!(
        found(&run(&["p95 < 200ms"], Vec::new(), silent)),
        Tolerates::Unknown(_)
    ));
}

#[test]
fn gates_hold_the_knee_and_prove_nothing_beyond_the_ramp() {
    let graded = |expect: &str, during: fn(u32) -> LoadTick| {
        let gates = vec![gate(expect)];
        evaluate(&run(&["p95 < 200ms"], gates, during))
            .gates
            .remove(0)
    };
    let at_least = |limit: &str, during| graded(&format!("headroom({FAULT}) >= {limit}"), during);
    let calm: fn(u32) -> LoadTick = |second| tick(second, 1, 20_000);
    assert_eq!(at_least("180ms", growing).grade, Grade::Pass);
    let fails = at_least("250ms", growing);
    assert_eq!((fails.grade, fails.unit), (Grade::Fail, Unit::Seconds));
    assert!(fails.reason.contains("saw 200 ms"), "{}", fails.reason);
    assert_eq!(at_least("500ms", calm).grade, Grade::Pass);
    let beyond = at_least("600ms", calm);
    assert_eq!(beyond.grade, Grade::Inconclusive);
    assert!(
        beyond.reason.contains("no further than 500ms"),
        "{}",
        beyond.reason
    );
    // All were sent, and hardly any was answered.
    let thin: fn(u32) -> LoadTick = |second| LoadTick {
        planned: 100,
        started: 100,
        ..tick_of(second, 1, 5, 0, 20_000)
    };
    assert_eq!(at_least("1ms", thin).grade, Grade::Inconclusive);
}

#[test]
fn what_comes_after_the_last_window_that_holds_is_not_tolerated() {
    let ends = |last: fn(u32) -> LoadTick| {
        found(&run(
            &["p95 < 200ms"],
            Vec::new(),
            move |second| match second {
                18.. => last(second),
                _ => tick(second, 1, 20_000),
            },
        ))
    };
    let slow = ends(|second| tick(second, 1, 900_000));
    assert!((up_to(&slow) - 0.4).abs() < 1e-9, "{slow:?}");
    let Tolerates::Unknown(why) = ends(|second| tick_of(second, 1, 5, 0, 20_000)) else {
        panic!("nobody knows");
    };
    assert_eq!(why, "too few samples around 400ms");
    // Only the last one is slow, and the one before it says nothing.
    let mixed = ends(|second| match second {
        18 => tick_of(second, 1, 5, 0, 20_000),
        _ => tick(second, 1, 900_000),
    });
    assert!(matches!(mixed, Tolerates::Unknown(_)), "{mixed:?}");
}

#[test]
fn a_fault_lifted_after_the_load_went_as_far_as_the_load() {
    let mut record = run(&["p95 < 200ms"], Vec::new(), |s| tick(s, 1, 20_000));
    record.scenarios[0].planned_us = 16_000_000;
    assert_eq!(found(&record), Tolerates::All(0.3));
}

#[test]
fn a_fault_that_touched_nothing_shows_no_tolerance() {
    let mut record = run(&["p95 < 200ms"], Vec::new(), growing);
    record.faults[0].effective_us = None;
    assert_eq!(
        found(&record),
        Tolerates::Unknown("it touched nothing".to_owned())
    );
}

#[test]
fn of_turns_of_one_grade_the_least_is_told() {
    // The first turn breaks from 200 ms on, the second at none.
    let gates = vec![gate(&format!("headroom({FAULT}) >= 600ms"))];
    let mut record = run(&["p95 < 200ms"], gates, growing);
    let mut plan = record.run.clone().unwrap();
    let second = FaultPlan {
        turn: 2,
        ..plan.plan.scenarios[0].faults[0].clone()
    };
    plan.plan.scenarios[0].faults.push(second);
    record.run = Some(plan);
    let later = FaultRecord {
        turn: 2,
        armed_us: record.faults[0].armed_us - 2_000_000,
        ..record.faults[0].clone()
    };
    record.faults.push(later);
    let knees: Vec<f64> = headrooms(&record, &record.scenarios[0])
        .iter()
        .map(|one| up_to(&one.found))
        .collect();
    assert_eq!(knees.len(), 2);
    assert!(knees[0] < knees[1], "{knees:?}");
    let told = evaluate(&record).gates.remove(0);
    assert_eq!(told.grade, Grade::Fail);
    assert_eq!(told.observed, Some(knees[0]));
}
