//! Four clocks of a fault, each from what was recorded.
//!
//! *Effective*: from the arming to the first connection or byte that the fault touched (of a service: to the signal), as
//! the proxy saw it; exact to its clock.
//!
//! *Impact*: from the arming to the begin of the first window outside the band of before (see [`super::recovery`]):
//! as exact as a window is long. That none was outside is a result: clients saw nothing.
//!
//! *Detection*: from the arming until the target noticed: a service's own health check stopped answering that it is
//! well, asked every half second, or the fault's `detected` condition began to hold, as exact as scrapes are apart. Of
//! both the earlier. A condition that held before, or of which nobody knows whether it did, says nothing until it has
//! stopped holding. That it did not begin to hold is said where scrapes cover at least half of the watch.
//!
//! *Recovery*: see [`super::recovery`].
//!
//! Impact and detection are watched for until the load ends or the next fault is armed.

use super::Grade;
use super::limits::PROBE_COVERAGE;
use super::measure::Judged;
use super::probes::probe_series;
use super::recovery::{
    Recovered, armed_next, band_of, bounds, first_epoch, recovery, watched_until,
};
use crate::expr::gate::{Comparison, FaultFigure, GateExpr, GateSubject};
use crate::plan::fault::told;
use crate::record::{FaultRecord, HealthChange, Record, ScenarioRecord};

/// How long before its second 0 a scenario may begin to ask.
const RUN_UP_US: u64 = 1_000_000;

/// What a clock says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Clocked {
    /// Microseconds, and by what it was told; empty where nothing needs to be said.
    After(u64, String),
    /// It did not happen while it was watched: it would take at least this many microseconds.
    Never(u64),
    /// It can't be said, and why.
    Unknown(String),
}

/// The figures that are clocks, in the order in which they run.
pub const CLOCKS: [FaultFigure; 4] = [
    FaultFigure::Effective,
    FaultFigure::Impact,
    FaultFigure::Detection,
    FaultFigure::Recovery,
];

/// Reads a clock of a fault; `None` for a figure that is none.
pub fn clock(
    record: &Record,
    scenario: &ScenarioRecord,
    fault: &FaultRecord,
    figure: FaultFigure,
) -> Option<Clocked> {
    match figure {
        FaultFigure::Effective => Some(effective(scenario, fault)),
        FaultFigure::Impact => Some(impact(record, scenario, fault)),
        FaultFigure::Detection => Some(detection(record, scenario, fault)),
        FaultFigure::Recovery => Some(match recovery(record, scenario, fault) {
            Recovered::After(us) => Clocked::After(us, String::new()),
            Recovered::NotWithin(us) => Clocked::Never(us),
            Recovered::Unknown(why) => Clocked::Unknown(why),
        }),
        FaultFigure::Fallback | FaultFigure::BreakerOpens | FaultFigure::BreakerCloses => None,
    }
}

fn effective(scenario: &ScenarioRecord, fault: &FaultRecord) -> Clocked {
    match fault.effective_us {
        Some(at) => {
            let by = match fault.assumed {
                true => {
                    "assumed: the proxy had confirmed the change, and does not tell what it touched"
                }
                false => "",
            };
            Clocked::After(at.saturating_sub(fault.armed_us), by.to_owned())
        }
        None => {
            let until = fault.lifted_us.unwrap_or_else(|| scenario.load_end_us());
            Clocked::Never(until.saturating_sub(fault.armed_us))
        }
    }
}

fn impact(record: &Record, scenario: &ScenarioRecord, fault: &FaultRecord) -> Clocked {
    let Some(band) = band_of(record, scenario, fault) else {
        let words = format!("too little undisturbed load lies before `{}`", fault.name);
        return Clocked::Unknown(words);
    };
    let until = watched_until(record, scenario, fault, fault.armed_us);
    // A window that the arming cuts counts with what the fault's own epochs saw of it.
    let since = first_epoch(scenario, fault);
    let windows = scenario.series_where(None, |epoch| {
        since.is_some_and(|first| epoch >= first) && scenario.touches(epoch, fault.armed_us, until)
    });
    let mut told = 0_u64;
    for point in &windows {
        let (begin, end) = bounds(scenario, point);
        if end <= fault.armed_us || begin >= until {
            continue;
        }
        let whole = begin >= fault.armed_us && end <= until;
        match band.holds(&point.tally, whole) {
            None => {}
            Some(true) => told += 1,
            Some(false) => {
                let after = begin.saturating_sub(fault.armed_us);
                return Clocked::After(after, band.broken_by(&point.tally));
            }
        }
    }
    if told == 0 {
        return Clocked::Unknown("no load was seen after it was armed".to_owned());
    }
    Clocked::Never(until.saturating_sub(fault.armed_us))
}

fn detection(record: &Record, scenario: &ScenarioRecord, fault: &FaultRecord) -> Clocked {
    let until = watched_until(record, scenario, fault, fault.armed_us);
    let sick = record
        .health_changes
        .iter()
        .find(|change| !change.healthy && (fault.armed_us..until).contains(&change.at_us))
        .map(|change| {
            let by = format!("`{}` stopped saying that it is well", change.service);
            (change.at_us, by)
        });
    let condition = condition(record, scenario, fault, until);
    let (by_metric, why) = match condition {
        None => (None, None),
        Some(Ok(at)) => (at, None),
        Some(Err(why)) => (None, Some(why)),
    };
    let first = sick.into_iter().chain(by_metric).min();
    match (first, why) {
        (Some((at, by)), _) => Clocked::After(at.saturating_sub(fault.armed_us), by),
        (None, Some(why)) => Clocked::Unknown(why),
        (None, None) if !asked(record, scenario) && detected(record, scenario, fault).is_none() => {
            let words = "no service says how it is (`ready.get`), and the fault has no `detected`";
            Clocked::Unknown(words.to_owned())
        }
        (None, None) => Clocked::Never(until.saturating_sub(fault.armed_us)),
    }
}

/// Whether services were asked how they are while the scenario ran: what each says first is told too.
fn asked(record: &Record, scenario: &ScenarioRecord) -> bool {
    let end = scenario.end.map_or(u64::MAX, |(at, _)| at);
    let of = |change: &HealthChange| {
        (scenario.t0_us.saturating_sub(RUN_UP_US)..=end).contains(&change.at_us)
    };
    record.health_changes.iter().any(of)
}

/// The condition that tells that a fault was noticed.
fn detected<'r>(
    record: &'r Record,
    scenario: &ScenarioRecord,
    fault: &FaultRecord,
) -> Option<&'r GateExpr> {
    let plan = &record.run.as_ref()?.plan;
    let planned = plan.scenario(scenario.name.as_str())?;
    planned.detected.get(&fault.name)
}

/// When the fault's condition began to hold, and the words for it; the error says why that can't be told. `None`
/// without a condition.
fn condition(
    record: &Record,
    scenario: &ScenarioRecord,
    fault: &FaultRecord,
    until: u64,
) -> Option<Result<Option<(u64, String)>, String>> {
    let expr = detected(record, scenario, fault)?;
    let GateSubject::Probe { name, .. } = &expr.subject else {
        return None;
    };
    let probe = record.run.as_ref()?.plan.probe(name.as_str())?;
    let step = u64::from(scenario.window_s) * 1_000_000;
    let windows = until.saturating_sub(scenario.t0_us).div_ceil(step.max(1));
    let windows = u32::try_from(windows).unwrap_or(u32::MAX);
    let series = probe_series(record, probe, scenario, windows, scenario.window_s);
    // Of a time without a figure nobody knows whether it held.
    let (mut held, mut before): (Option<bool>, bool) = (None, false);
    let (mut watched, mut told) = (0_u32, 0_u32);
    for (window, figure) in series.into_iter().enumerate() {
        let end = scenario.t0_us + (window as u64 + 1) * step;
        let since = end > fault.armed_us;
        watched += u32::from(since);
        let Some(figure) = figure else { continue };
        let holds = expr.holds(figure);
        if since && holds && held == Some(false) {
            let by = format!("`{expr}` began to hold");
            return Some(Ok(Some((end, by))));
        }
        told += u32::from(since);
        before |= !since;
        held = Some(holds);
    }
    let of = &expr.subject;
    Some(
        match f64::from(told) >= PROBE_COVERAGE * f64::from(watched) {
            _ if told == 0 => Err(format!("scrapes do not tell `{of}` after the arming")),
            _ if !before => Err(format!("scrapes do not tell `{of}` before the arming")),
            true => Ok(None),
            false => Err(format!(
                "scrapes tell `{of}` in too little of the time after the arming"
            )),
        },
    )
}

/// Holds a gate against what a clock says.
pub(super) fn judge(
    (record, scenario): (&Record, &ScenarioRecord),
    expr: &GateExpr,
    figure: FaultFigure,
    fault: &FaultRecord,
    clocked: Clocked,
    samples: u64,
) -> Judged {
    let (grade, observed, missing) = match clocked {
        // What nobody saw proves nothing.
        Clocked::After(us, by) if figure == FaultFigure::Effective && fault.assumed => {
            (Grade::Inconclusive, Some(us), by)
        }
        Clocked::After(us, _) if expr.holds(us as f64) => (Grade::Pass, Some(us), String::new()),
        Clocked::After(us, _) => (Grade::Fail, Some(us), String::new()),
        Clocked::Never(us) => {
            let upper = matches!(expr.op, Comparison::Less | Comparison::AtMost);
            let missed = upper && !expr.holds(us as f64);
            let grade = if missed {
                Grade::Fail
            } else {
                Grade::Inconclusive
            };
            (grade, Some(us), never(record, scenario, figure, fault))
        }
        Clocked::Unknown(why) => (Grade::Inconclusive, None, why),
    };
    Judged {
        grade,
        observed: observed.map(|us| us as f64),
        samples,
        missing,
    }
}

fn never(
    record: &Record,
    scenario: &ScenarioRecord,
    figure: FaultFigure,
    of: &FaultRecord,
) -> String {
    let fault = &of.name;
    match figure {
        FaultFigure::Effective => format!("`{fault}` touched nothing"),
        FaultFigure::Impact => format!("clients saw nothing of `{fault}` while it was watched"),
        FaultFigure::Detection => format!("nothing noticed `{fault}` while it was watched"),
        _ => {
            let next = armed_next(record, scenario, of, of.lifted_us.unwrap_or(u64::MAX));
            let what = next
                .filter(|next| next.armed_us < scenario.load_end_us())
                .map_or_else(
                    || "the load ended".to_owned(),
                    |next| format!("{} was armed", told(&next.name, next.turn)),
                );
            format!("{what} before it recovered from `{fault}`")
        }
    }
}

#[cfg(test)]
mod tests;
