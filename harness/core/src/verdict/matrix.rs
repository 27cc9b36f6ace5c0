//! What became of a journey under each fault of a chaos matrix. Pure.
//!
//! *Survived*: while the fault lasted, p95 and the share of errors stayed inside the band of what was usual before it (the
//! recovery clock's band). *Broke*: at least half of what ended ended badly, or nothing ended. *Degraded*: anything between.
//! *Never recovered* goes before these: the journey was not back inside the band for three windows in a row, and the last
//! three of its load together prove it (one-sided, 5 %). Where these three together are inside the band, single windows left
//! it by chance and the journey was back; where they are outside and prove nothing, it can't be said. A journey that failed
//! before the fault says nothing.

use super::generator::generator;
use super::limits::{ALPHA, MATRIX_BEFORE, MATRIX_BROKEN, STEADY_WINDOWS};
use super::measure::{arrivals, error_rate, failed, finished};
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

/// The matrix as a check: a journey that does not recover fails it, one of which nothing can be said leaves it open, and so
/// does it when no fault touched anything.
pub(super) fn check(record: &Record) -> Option<CheckResult> {
    let cells = matrix(record)?.cells;
    let count = |outcome| cells.iter().filter(|c| c.outcome == outcome).count() as u64;
    let (all, never) = (cells.len() as u64, count(Outcome::NeverRecovered));
    let open = count(Outcome::Unclear) + count(Outcome::NotDone);
    let touched = all - count(Outcome::Untouched);
    let (grade, reason) = match (never, open, touched) {
        (0, 0, 0) => (
            Grade::Inconclusive,
            format!("none of {all} faults touched anything"),
        ),
        (0, 0, touched) => {
            let back = format!("after each of {touched} faults the journey was itself again");
            let reason = match all - touched {
                0 => back,
                untouched => format!("{back}; {untouched} more touched nothing"),
            };
            (Grade::Pass, reason)
        }
        (0, open, _) => (
            Grade::Inconclusive,
            format!("of {open} of {all} cells it can't be said"),
        ),
        (never, ..) => {
            let first = cells.iter().find(|c| c.outcome == Outcome::NeverRecovered);
            let first = first.map_or_else(String::new, |cell| {
                format!(
                    ", {} from {} on {} first",
                    cell.journey, cell.fault, cell.link
                )
            });
            (
                Grade::Fail,
                format!("{never} of {all} cells never recovered{first}"),
            )
        }
    };
    Some(CheckResult {
        grade,
        total: all,
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
    result.errors_during = error_rate(&during);
    let generator = generator(record, scenario);
    if generator.trust == Trust::Invalid {
        let why = generator.reasons.first().map_or("", String::as_str);
        return Err(format!("the load can't be trusted: {why}"));
    }
    let failing = error_rate(&before).unwrap_or(1.0);
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
        Recovered::NotWithin(_) => match at_the_end(scenario, fault, &band) {
            AtTheEnd::Inside => {}
            AtTheEnd::Outside => return Ok(Outcome::NeverRecovered),
            AtTheEnd::Unproven => return Err(UNPROVEN.to_owned()),
        },
        Recovered::Unknown(why) => return Err(why),
    }
    Ok(while_it_lasted(&during, &band))
}

/// Why nothing is said of a journey that was outside the band when its load ended, but hardly.
const UNPROVEN: &str =
    "it was not seen to be itself again, and too little was seen to prove that it was not";

/// Where a journey was when its load ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AtTheEnd {
    Inside,
    Outside,
    Unproven,
}

/// Where the last windows together are, for single windows of a light load leave the band by chance too. That they are outside
/// must be proven: of a p95, one in twenty may be above it.
fn at_the_end(scenario: &ScenarioRecord, fault: &FaultRecord, band: &Band) -> AtTheEnd {
    let last_epoch = scenario
        .epochs
        .iter()
        .rfind(|e| e.faults.contains(&fault.name));
    let after = scenario.series_where(None, |epoch| last_epoch.is_some_and(|e| epoch > e.epoch));
    let mut seen = Tally::default();
    let last = after.iter().rev().take(STEADY_WINDOWS);
    last.for_each(|window| seen.add(&window.tally));
    match band.holds(&seen, false) {
        Some(true) if after.len() >= STEADY_WINDOWS => return AtTheEnd::Inside,
        Some(true) | None => return AtTheEnd::Unproven,
        Some(false) => {}
    }
    let ended = finished(&seen);
    let above = seen.response.buckets().iter();
    let above = above
        .filter(|(us, _)| *us as f64 > band.p95_us)
        .map(|(_, n)| n)
        .sum();
    let proven = |bad, of, allowed| share::judge(false, bad, of, allowed, FINAL) == Grade::Fail;
    let slow = || proven(above, seen.response.count(), 0.05);
    if ended == 0 || slow() || proven(failed(&seen), ended, band.errors) {
        AtTheEnd::Outside
    } else {
        AtTheEnd::Unproven
    }
}

/// Nothing but significance decides: a few seconds are never a large sample.
const FINAL: Rigour = Rigour {
    alpha: ALPHA,
    observed_decides: false,
};

fn while_it_lasted(during: &Tally, band: &Band) -> Outcome {
    let (Some(errors), Some(p95)) = (error_rate(during), during.response.quantile(0.95)) else {
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

#[cfg(test)]
mod tests;
