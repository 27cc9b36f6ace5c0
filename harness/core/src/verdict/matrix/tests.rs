//! Cells of a matrix over made streams: the fault is from second 10 to 15, and the load ends at 30.

use super::*;
use crate::event::LoadTick;
use crate::hist::Hist;
use crate::plan::Plan;
use crate::plan::fault::FaultKind;
use crate::record::testing::{Stream, name, plan, tick, tick_of};
use crate::verdict::evaluate;

/// The scenario `peak` as the only cell of a matrix.
fn of_one_cell() -> Plan {
    let mut plan = plan(30, Vec::new());
    plan.matrix = Some(MatrixPlan {
        cells: vec![Cell {
            scenario: name("peak"),
            journey: name("checkout"),
            link: name("edge"),
            fault: FaultKind::Down,
        }],
        unused: Vec::new(),
        left_out: Vec::new(),
    });
    plan
}

fn record(load: impl Fn(u32) -> LoadTick) -> Record {
    let play = |stream: Stream, seconds: std::ops::Range<u32>| {
        seconds.fold(stream, |s, second| {
            s.at(f64::from(second) + 1.0)
                .tick(load(second))
                .health(100, 0.3)
        })
    };
    let before = play(Stream::new(of_one_cell()).peak(), 0..10);
    play(before.fault(), 10..30).done(30)
}

fn cell(load: impl Fn(u32) -> LoadTick) -> CellResult {
    matrix(&record(load)).unwrap().cells.remove(0)
}

fn epoch(second: u32) -> u32 {
    match second {
        0..10 => 0,
        10..15 => 1,
        15..25 => 2,
        _ => 3,
    }
}

fn struck(bad: u64, us: u64, until: u32) -> CellResult {
    cell(|second| match second {
        10.. if second < until => tick_of(second, epoch(second), 100 - bad, bad, us),
        _ => tick(second, epoch(second), 20_000),
    })
}

#[test]
fn each_outcome_is_told_from_the_others() {
    assert_eq!(struck(0, 21_000, 15).outcome, Outcome::Survived);
    assert_eq!(struck(0, 90_000, 15).outcome, Outcome::Degraded);
    assert_eq!(struck(10, 20_000, 15).outcome, Outcome::Degraded);
    let broke = struck(50, 20_000, 17);
    assert_eq!(broke.outcome, Outcome::Broke);
    assert_eq!(
        (broke.errors_during, broke.recovery_us),
        (Some(0.5), Some(2_000_000))
    );
    assert_eq!(struck(0, 90_000, 30).outcome, Outcome::NeverRecovered);
    assert_eq!(struck(100, 20_000, 30).outcome, Outcome::NeverRecovered);
    // Single windows that leave the band by chance are no proof.
    let uneven = cell(|second| match (epoch(second), second % 3) {
        (1, _) => tick(second, 1, 90_000),
        (epoch @ 2.., 0) => LoadTick {
            response: Hist::from_counts([(20_000, 94), (90_000, 6)]),
            ..tick(second, epoch, 20_000)
        },
        (epoch, _) => tick(second, epoch, 20_000),
    });
    assert_eq!(
        (uneven.outcome, uneven.recovery_us),
        (Outcome::Degraded, None)
    );
    let silent = cell(|second| match epoch(second) {
        1 => LoadTick {
            planned: 100,
            started: 100,
            ..tick_of(second, 1, 0, 0, 1)
        },
        epoch => tick(second, epoch, 20_000),
    });
    assert_eq!(silent.outcome, Outcome::Broke);
}

#[test]
fn a_journey_that_failed_before_the_fault_says_nothing() {
    let result = cell(|second| tick_of(second, epoch(second), 80, 20, 20_000));
    assert_eq!(result.outcome, Outcome::Unclear);
    assert!(
        result.reason.contains("20 % failed before"),
        "{}",
        result.reason
    );
}

#[test]
fn a_cell_that_was_not_played_is_not_done_and_leaves_the_check_open() {
    let record = Stream::new(of_one_cell()).record();
    assert_eq!(matrix(&record).unwrap().cells[0].outcome, Outcome::NotDone);
    assert_eq!(check(&record).unwrap().grade, Grade::Inconclusive);
}

/// From second 10 on, so many of 100 journeys of each second take 90 ms instead of 20.
fn slow_to_the_end(slow: u64) -> Record {
    record(|second| match second {
        10.. => LoadTick {
            response: Hist::from_counts([(20_000, 100 - slow), (90_000, slow)]),
            ..tick(second, epoch(second), 20_000)
        },
        _ => tick(second, 0, 20_000),
    })
}

#[test]
fn what_is_neither_back_nor_proven_not_to_be_is_unclear_and_leaves_the_check_open() {
    // A p95 is outside with 6 slow ones of 100; 18 of 300 come about by chance where 15 are usual, and 30 do not.
    let hardly = slow_to_the_end(6);
    let told = matrix(&hardly).unwrap().cells.remove(0);
    assert_eq!(told.outcome, Outcome::Unclear);
    assert!(
        told.reason.contains("not seen to be itself again"),
        "{}",
        told.reason
    );
    assert_eq!(check(&hardly).unwrap().grade, Grade::Inconclusive);

    let clearly = check(&slow_to_the_end(10)).unwrap();
    assert_eq!((clearly.grade, clearly.failed), (Grade::Fail, 1));
    let back = check(&slow_to_the_end(4)).unwrap();
    assert_eq!(
        (back.grade, back.reason.as_str()),
        (
            Grade::Pass,
            "after each of 1 faults the journey was itself again"
        )
    );
}

#[test]
fn a_fault_that_touched_nothing_is_not_told_as_one_recovered_from() {
    let mut record = slow_to_the_end(0);
    record.faults[0].effective_us = None;
    let told = matrix(&record).unwrap().cells.remove(0);
    assert_eq!(told.outcome, Outcome::Untouched);
    let alone = check(&record).unwrap();
    assert_eq!(
        (alone.grade, alone.reason.as_str()),
        (Grade::Inconclusive, "none of 1 faults touched anything")
    );

    // Beside one that was played and recovered from.
    let mut two = slow_to_the_end(0);
    let mut other = two.scenarios[0].clone();
    other.name = name("idle");
    two.scenarios.push(other);
    let mut fault = record.faults.remove(0);
    fault.scenario = Some(name("idle"));
    two.faults.push(fault);
    let cells = &mut two
        .run
        .as_mut()
        .unwrap()
        .plan
        .matrix
        .as_mut()
        .unwrap()
        .cells;
    let cell = Cell {
        scenario: name("idle"),
        ..cells[0].clone()
    };
    cells.push(cell);
    let both = check(&two).unwrap();
    assert_eq!(
        (both.grade, both.reason.as_str()),
        (
            Grade::Pass,
            "after each of 1 faults the journey was itself again; 1 more touched nothing"
        )
    );
}

#[test]
fn only_the_matrix_says_what_an_idle_a_failed_or_an_unplayed_cell_is_worth() {
    let judged = |record: &Record| {
        let verdict = evaluate(record);
        let matrix = verdict.matrix.unwrap();
        (verdict.run.grade, verdict.run.reason, matrix.grade)
    };
    let done = || "everything planned was done".to_owned();
    let open = || (Grade::Pass, done(), Grade::Inconclusive);

    let mut idle = slow_to_the_end(0);
    idle.faults[0].effective_us = None;
    assert_eq!(judged(&idle), open());

    let mut failed = slow_to_the_end(0);
    failed.faults[0].failed = Some("the proxy is gone".into());
    assert_eq!(judged(&failed), open());

    let mut unplayed = slow_to_the_end(0);
    unplayed.scenarios[0].end = None;
    assert_eq!(judged(&unplayed), open());
}
