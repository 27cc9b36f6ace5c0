//! Clocks of planted streams: each is read where it was planted, and is not where nothing was.

use super::*;
use crate::event::{Event, ProbeSample};
use crate::expr::gate::Unit;
use crate::journey::Origin;
use crate::plan::Plan;
use crate::plan::probe::ProbePlan;
use crate::record::testing::{FAULT, Stream, T0, gate, name, plan};
use crate::verdict::evaluate;
use std::ops::RangeInclusive;

fn epoch(second: u32) -> u32 {
    match second {
        0..10 => 0,
        10..15 => 1,
        15..25 => 2,
        _ => 3,
    }
}

/// 40 s of load that takes 20 ms, but from one second to another 90 ms; the fault strikes at 10 and is lifted at 15.
fn slow(plan: Plan, from: u32, to: u32) -> Stream {
    let stream = Stream::new(plan)
        .peak()
        .load(0..10, 0, 20_000)
        .fault()
        .at(15.0);
    (10..40).fold(stream, |s, second| {
        let us = if (from..to).contains(&second) {
            90_000
        } else {
            20_000
        };
        s.load(second..second + 1, epoch(second), us)
    })
}

fn read(record: &Record, figure: FaultFigure) -> Clocked {
    clock(record, &record.scenarios[0], &record.faults[0], figure).unwrap()
}

fn health(stream: Stream, second: f64, healthy: bool) -> Stream {
    stream.at(second).event(Event::HealthChanged {
        service: "orders".into(),
        healthy,
    })
}

#[test]
fn effective_counts_from_the_arming() {
    let record = slow(plan(40, Vec::new()), 0, 0).done(40);
    assert_eq!(
        read(&record, FaultFigure::Effective),
        Clocked::After(0, String::new())
    );
    let mut record = record;
    record.faults[0].effective_us = Some(T0 + 10_040_000);
    assert_eq!(
        read(&record, FaultFigure::Effective),
        Clocked::After(40_000, String::new())
    );
    record.faults[0].assumed = true;
    let Clocked::After(40_000, by) = read(&record, FaultFigure::Effective) else {
        panic!("the time is told all the same")
    };
    assert!(by.starts_with("assumed: "), "{by}");
    let expr = "effective < 1s".parse().unwrap();
    let fault = &record.faults[0];
    let judged = judge(
        (&record, &record.scenarios[0]),
        &expr,
        FaultFigure::Effective,
        fault,
        Clocked::After(40_000, by),
        1,
    );
    assert_eq!(judged.grade, Grade::Inconclusive);
    record.faults[0].effective_us = None;
    assert_eq!(
        read(&record, FaultFigure::Effective),
        Clocked::Never(5_000_000)
    );
}

#[test]
fn impact_is_the_first_window_outside_the_band() {
    let at = |from, to| {
        read(
            &slow(plan(40, Vec::new()), from, to).done(40),
            FaultFigure::Impact,
        )
    };
    let told = "p95 90.1 ms, usual is up to 30.1 ms".to_owned();
    assert_eq!(at(12, 14), Clocked::After(2_000_000, told.clone()));
    assert_eq!(at(10, 11), Clocked::After(0, told.clone()));
    // What comes after the lifting is an impact too; what came before the arming is none.
    assert_eq!(at(18, 19), Clocked::After(8_000_000, told));
    assert_eq!(at(3, 4), Clocked::Never(30_000_000));
    let short = Stream::new(plan(40, Vec::new()))
        .peak()
        .load(0..2, 0, 20_000);
    let record = short.fault().load(15..40, 2, 20_000).done(40);
    assert!(matches!(
        read(&record, FaultFigure::Impact),
        Clocked::Unknown(_)
    ));
}

#[test]
fn a_service_that_stops_being_well_has_noticed() {
    let asked = || health(slow(plan(40, Vec::new()), 0, 0), 0.2, true);
    assert_eq!(
        read(&asked().done(40), FaultFigure::Detection),
        Clocked::Never(30_000_000)
    );
    let record = health(asked(), 11.2, false).done(40);
    assert_eq!(
        read(&record, FaultFigure::Detection),
        Clocked::After(1_200_000, "`orders` stopped saying that it is well".into())
    );
    // Before the arming it can't be the fault that was noticed, and getting well is no noticing.
    let early = health(health(asked(), 9.0, false), 11.0, true).done(40);
    assert_eq!(
        read(&early, FaultFigure::Detection),
        Clocked::Never(30_000_000)
    );
    let nobody = slow(plan(40, Vec::new()), 0, 0).done(40);
    assert!(matches!(
        read(&nobody, FaultFigure::Detection),
        Clocked::Unknown(_)
    ));
}

/// A run with `detected = "probe.breaker >= 1"`, whose breaker opens and closes at these seconds.
fn breaker(opens: u32, closes: u32) -> Record {
    scraped(0..=40, opens, closes)
}

/// The same with scrapes in some seconds only.
fn scraped(seconds: RangeInclusive<u32>, opens: u32, closes: u32) -> Record {
    let mut plan = plan(40, Vec::new());
    plan.probes = vec![ProbePlan {
        name: name("breaker"),
        title: "Breaker".into(),
        value: "max(shop.breaker_state)".parse().unwrap(),
        unit: Unit::Plain,
        chart: true,
        origin: Origin {
            file: "harness.toml".into(),
            line: 1,
        },
    }];
    let condition = "probe.breaker >= 1".parse().unwrap();
    plan.scenarios[0].detected = [(FAULT.to_owned(), condition)].into();
    let stream = slow(plan, 0, 0);
    let scrapes = seconds.fold(stream, |s, second| {
        let open = (opens..closes).contains(&second);
        s.at(f64::from(second))
            .event(Event::ProbeSample(ProbeSample {
                service: "shop".into(),
                values: [("breaker_state".to_owned(), f64::from(u8::from(open)))].into(),
                unread: Default::default(),
                error: None,
                taken_us: Some(T0 + u64::from(second) * 1_000_000),
            }))
    });
    scrapes.done(40)
}

#[test]
fn a_condition_that_begins_to_hold_has_noticed() {
    let at = |opens, closes| read(&breaker(opens, closes), FaultFigure::Detection);
    let by = "`probe.breaker >= 1` began to hold".to_owned();
    assert_eq!(at(13, 16), Clocked::After(3_000_000, by.clone()));
    assert_eq!(at(11, 12), Clocked::After(1_000_000, by));
    assert_eq!(at(0, 0), Clocked::Never(30_000_000));
    // One that held all along says nothing; one that lets go and comes back does.
    assert_eq!(at(0, 41), Clocked::Never(30_000_000));
    let unscraped = {
        let mut record = breaker(13, 16);
        record.scenarios[0].readings.clear();
        record
    };
    assert!(matches!(
        read(&unscraped, FaultFigure::Detection),
        Clocked::Unknown(_)
    ));
}

#[test]
fn what_nobody_scraped_neither_began_to_hold_nor_did_not() {
    let of =
        |seconds, opens, closes| read(&scraped(seconds, opens, closes), FaultFigure::Detection);
    let why = |clocked| match clocked {
        Clocked::Unknown(why) => why,
        other => panic!("{other:?}"),
    };
    // It held all along, and nobody had asked before the arming.
    let before = "scrapes do not tell `probe.breaker` before the arming";
    assert_eq!(why(of(12..=40, 0, 41)), before);
    // A step that was seen is one all the same.
    let by = "`probe.breaker >= 1` began to hold".to_owned();
    assert_eq!(of(12..=40, 20, 41), Clocked::After(10_000_000, by));
    let little = "scrapes tell `probe.breaker` in too little of the time after the arming";
    assert_eq!(why(of(0..=16, 0, 0)), little);
    assert_eq!(of(0..=30, 0, 0), Clocked::Never(30_000_000));
}

#[test]
fn what_ended_the_watch_over_a_recovery_is_told() {
    let reason = |next: bool| {
        let mut record = slow(plan(40, vec![gate("recovery < 60s")]), 10, 40).done(40);
        if next {
            let later = FaultRecord {
                turn: 2,
                armed_us: T0 + 20_000_000,
                ..record.faults[0].clone()
            };
            record.faults.push(later);
        }
        let (scenario, fault) = (&record.scenarios[0], &record.faults[0]);
        let clocked = read(&record, FaultFigure::Recovery);
        assert!(matches!(clocked, Clocked::Never(_)), "{clocked:?}");
        let expr = "recovery < 60s".parse().unwrap();
        let watch = (&record, scenario);
        judge(watch, &expr, FaultFigure::Recovery, fault, clocked, 1).missing
    };
    let of = format!("before it recovered from `{FAULT}`");
    assert_eq!(reason(false), format!("the load ended {of}"));
    let turn = crate::plan::fault::told(FAULT, 2);
    assert_eq!(reason(true), format!("{turn} was armed {of}"));
}

#[test]
fn gates_take_the_worst_and_missing_data_never_passes() {
    let grade = |expect: &str, stream: &dyn Fn(Plan) -> Stream| {
        let record = stream(plan(40, vec![gate(expect)])).done(40);
        let verdict = evaluate(&record);
        let result = &verdict.gates[0];
        (result.grade, result.reason.clone())
    };
    let noticed = |plan: Plan| health(health(slow(plan, 12, 14), 0.1, true), 11.5, false);
    let of = |expect: &str| grade(expect, &noticed).0;
    assert_eq!(of("effective < 100ms"), Grade::Pass);
    assert_eq!(of("impact < 3s"), Grade::Pass);
    assert_eq!(of("impact < 1s"), Grade::Fail);
    assert_eq!(of(&format!("impact({FAULT}) > 1s")), Grade::Pass);
    assert_eq!(of("detection < 2s"), Grade::Pass);
    assert_eq!(of("detection < 1s"), Grade::Fail);
    let unseen = |plan: Plan| health(slow(plan, 0, 0), 0.1, true);
    let (failed, reason) = grade("detection < 5s", &unseen);
    assert_eq!(failed, Grade::Fail, "{reason}");
    assert_eq!(reason, "`detection < 5s`: saw at least 30.0 s");
    assert_eq!(grade("detection < 60s", &unseen).0, Grade::Inconclusive);
    assert_eq!(grade("impact > 1s", &unseen).0, Grade::Inconclusive);
    let nobody = |plan: Plan| slow(plan, 0, 0);
    assert_eq!(grade("detection < 5s", &nobody).0, Grade::Inconclusive);
}
