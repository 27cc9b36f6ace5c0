//! What became of a journey under each fault of a chaos matrix. Pure.
//!
//! *Survived*: while the fault lasted, p95 and the share of errors stayed inside the band of what was usual before it (the
//! recovery clock's band). *Broke*: at least half of what ended ended badly, or nothing ended. *Degraded*: anything between.
//! *Never recovered* goes before these: the journey was not back inside the band for three windows in a row, and the last
//! three of its load together prove it (one-sided, 5 %). A journey that failed before the fault says nothing.

use super::generator::generator;
use super::limits::{ALPHA, MATRIX_BEFORE, MATRIX_BROKEN, STEADY_WINDOWS};
use super::measure::{arrivals, failed, finished};
use super::recovery::{Band, Recovered, band, recovery};
use super::share::{self, Rigour};
use super::{CheckResult, Grade, Trust};
use crate::event::ScenarioEnd;
use crate::name::Name;
use crate::plan::gate::During;
use crate::plan::matrix::{Cell, LeftOut, MatrixPlan, Unused};
use crate::record::{FaultRecord, Record, ScenarioRecord, Tally};
use serde::Serialize;

/// What became of a journey under a fault, from best to worst; then what says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Nobody noticed.
    Survived,
    /// Slower, or some errors.
    Degraded,
    /// Hardly anything worked while it lasted.
    Broke,
    /// It was not itself again when the load ended.
    NeverRecovered,
    /// Nothing crossed the link while the fault lasted.
    Untouched,
    /// It can't be said.
    Unclear,
    /// It was not played to its end.
    NotDone,
}

impl Outcome {
    /// As people read it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Survived => "survived",
            Self::Degraded => "degraded",
            Self::Broke => "broke",
            Self::NeverRecovered => "never recovered",
            Self::Untouched => "untouched",
            Self::Unclear => "unclear",
            Self::NotDone => "not done",
        }
    }
}

/// A cell with its figures, microseconds and shares of one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CellResult {
    /// The scenario that played it.
    pub scenario: Name,
    /// The journey.
    pub journey: Name,
    /// The link.
    pub link: Name,
    /// The fault, for people.
    pub fault: String,
    /// What became of it.
    pub outcome: Outcome,
    /// p95 before.
    pub p95_before_us: Option<u64>,
    /// p95 while the fault lasted.
    pub p95_during_us: Option<u64>,
    /// Share of errors while it lasted.
    pub errors_during: Option<f64>,
    /// From the lifting until it was itself again; absent where it was not, or that is not known.
    pub recovery_us: Option<u64>,
    /// Why it can't be said; empty where it can.
    pub reason: String,
}

/// A matrix with its figures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Matrix {
    /// The cells, in the order they were played.
    pub cells: Vec<CellResult>,
    /// Links that journeys do not use.
    pub unused: Vec<Unused>,
    /// Journeys left out.
    pub left_out: Vec<LeftOut>,
}

/// The matrix of a run; `None` where it was none.
pub fn matrix(record: &Record) -> Option<Matrix> {
    let plan: &MatrixPlan = record.run.as_ref()?.plan.matrix.as_ref()?;
    Some(Matrix {
        cells: plan.cells.iter().map(|cell| judge(record, cell)).collect(),
        unused: plan.unused.clone(),
        left_out: plan.left_out.clone(),
    })
}

/// The matrix as a check: a journey that does not recover fails it, one of which nothing can be said leaves it open.
pub(super) fn check(record: &Record) -> Option<CheckResult> {
    let cells = matrix(record)?.cells;
    let count = |outcome| cells.iter().filter(|c| c.outcome == outcome).count() as u64;
    let never = count(Outcome::NeverRecovered);
    let open = count(Outcome::Unclear) + count(Outcome::NotDone);
    let (grade, reason) = match (never, open) {
        (0, 0) => (
            Grade::Pass,
            format!(
                "after each of {} faults the journey was itself again",
                cells.len()
            ),
        ),
        (0, open) => (
            Grade::Inconclusive,
            format!("of {open} of {} cells it can't be said", cells.len()),
        ),
        (never, _) => {
            let first = cells.iter().find(|c| c.outcome == Outcome::NeverRecovered);
            let first = first.map_or_else(String::new, |cell| {
                format!(
                    ", {} from {} on {} first",
                    cell.journey, cell.fault, cell.link
                )
            });
            (
                Grade::Fail,
                format!("{never} of {} cells never recovered{first}", cells.len()),
            )
        }
    };
    Some(CheckResult {
        grade,
        total: cells.len() as u64,
        failed: never,
        reason,
    })
}

fn judge(record: &Record, cell: &Cell) -> CellResult {
    let mut result = CellResult {
        scenario: cell.scenario.clone(),
        journey: cell.journey.clone(),
        link: cell.link.clone(),
        fault: cell.fault.to_string(),
        outcome: Outcome::NotDone,
        p95_before_us: None,
        p95_during_us: None,
        errors_during: None,
        recovery_us: None,
        reason: String::new(),
    };
    let Some(scenario) = record.scenario(cell.scenario.as_str()) else {
        return result;
    };
    if scenario.end.map(|(_, end)| end) != Some(ScenarioEnd::Completed) {
        return result;
    }
    let told = match record.faults_of(&scenario.name).next() {
        None => Err("its fault was never armed".to_owned()),
        Some(fault) => outcome(record, scenario, fault, &mut result),
    };
    match told {
        Ok(outcome) => result.outcome = outcome,
        Err(reason) => (result.outcome, result.reason) = (Outcome::Unclear, reason),
    }
    result
}

fn outcome(
    record: &Record,
    scenario: &ScenarioRecord,
    fault: &FaultRecord,
    result: &mut CellResult,
) -> Result<Outcome, String> {
    if let Some(why) = &fault.failed {
        return Err(format!("its fault failed: {why}"));
    }
    let before = scenario.select(None, &During::Before(fault.name.clone()));
    let during = scenario.select(None, &During::Fault(fault.name.clone()));
    result.p95_before_us = before.response.quantile(0.95);
    result.p95_during_us = during.response.quantile(0.95);
    result.errors_during = errors(&during);
    let generator = generator(record, scenario);
    if generator.trust == Trust::Invalid {
        let why = generator.reasons.first().map_or("", String::as_str);
        return Err(format!("the load can't be trusted: {why}"));
    }
    let failing = errors(&before).unwrap_or(1.0);
    if failing > MATRIX_BEFORE {
        return Err(format!(
            "{:.0} % failed before the fault already",
            failing * 100.0
        ));
    }
    if fault.effective_us.is_none() {
        return Ok(Outcome::Untouched);
    }
    let Some(band) = band(scenario, fault) else {
        return Err("too little load before the fault says what is usual".to_owned());
    };
    match recovery(record, scenario, fault) {
        Recovered::After(us) => result.recovery_us = Some(us),
        Recovered::NotWithin(_) if still_outside(scenario, fault, &band) => {
            return Ok(Outcome::NeverRecovered);
        }
        Recovered::NotWithin(_) => {}
        Recovered::Unknown(why) => return Err(why),
    }
    Ok(while_it_lasted(&during, &band))
}

/// Whether the last windows together prove that the band was not come back to: single windows of a light load leave it by
/// chance too. Of a p95, one in twenty may be above it.
fn still_outside(scenario: &ScenarioRecord, fault: &FaultRecord, band: &Band) -> bool {
    let last_epoch = scenario
        .epochs
        .iter()
        .rfind(|e| e.faults.contains(&fault.name));
    let after = scenario.series_where(None, |epoch| last_epoch.is_some_and(|e| epoch > e.epoch));
    let mut seen = Tally::default();
    let last = after.iter().rev().take(STEADY_WINDOWS);
    last.for_each(|window| seen.add(&window.tally));
    let ended = finished(&seen);
    if ended == 0 {
        return arrivals(&seen) > 0;
    }
    let above = seen.response.buckets().iter();
    let above = above
        .filter(|(us, _)| *us as f64 > band.p95_us)
        .map(|(_, n)| n)
        .sum();
    let proven = |bad, of, allowed| share::judge(false, bad, of, allowed, FINAL) == Grade::Fail;
    proven(above, seen.response.count(), 0.05) || proven(failed(&seen), ended, band.errors)
}

/// Nothing but significance decides: a few seconds are never a large sample.
const FINAL: Rigour = Rigour {
    alpha: ALPHA,
    observed_decides: false,
};

fn while_it_lasted(during: &Tally, band: &Band) -> Outcome {
    let (Some(errors), Some(p95)) = (errors(during), during.response.quantile(0.95)) else {
        return match arrivals(during) {
            0 => Outcome::Untouched,
            _ => Outcome::Broke,
        };
    };
    if errors >= MATRIX_BROKEN {
        Outcome::Broke
    } else if p95 as f64 <= band.p95_us && errors <= band.errors {
        Outcome::Survived
    } else {
        Outcome::Degraded
    }
}

/// Share of what ended that ended badly; `None` where nothing ended.
fn errors(tally: &Tally) -> Option<f64> {
    let ended = finished(tally);
    (ended > 0).then(|| failed(tally) as f64 / ended as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::LoadTick;
    use crate::hist::Hist;
    use crate::plan::fault::FaultKind;
    use crate::record::testing::{Stream, name, plan, tick, tick_of};

    /// The fault is from second 10 to 15, and the load ends at 30.
    fn cell(load: impl Fn(u32) -> LoadTick) -> CellResult {
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
        let play = |stream: Stream, seconds: std::ops::Range<u32>| {
            seconds.fold(stream, |s, second| {
                s.at(f64::from(second) + 1.0)
                    .tick(load(second))
                    .health(100, 0.3)
            })
        };
        let record = play(play(Stream::new(plan).peak(), 0..10).fault(), 10..30).done(30);
        matrix(&record).unwrap().cells.remove(0)
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
        let record = Stream::new(plan).record();
        assert_eq!(matrix(&record).unwrap().cells[0].outcome, Outcome::NotDone);
        assert_eq!(check(&record).unwrap().grade, Grade::Inconclusive);
    }
}
