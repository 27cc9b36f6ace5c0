//! How much of a fault that grows a target tolerates: the magnitude at which a condition stops to hold, under the load of the
//! scenario. Pure.
//!
//! A fault whose number goes from one end to the other while it lasts has a magnitude at each moment. The windows (a second
//! long on runs up to ten minutes) that lie wholly within it are held against its conditions. *The knee* is the magnitude at
//! the begin of the first [`STEADY_WINDOWS`] windows in a row of which none holds every condition: one slow second is no knee.
//! A window with fewer than 20 samples says nothing, unless a condition is broken in it by others; as many in a row of which
//! none is known to hold leave the answer open, and never count as tolerated. Nothing beyond the last window that holds was
//! tolerated: where those at the end break, the knee is at their begin, and where one of them says nothing it is not known.

use super::Grade;
use super::gates::{Found, subject_name};
use super::limits::STEADY_WINDOWS;
use super::measure::{self, Judged, Seen, show};
use crate::expr::gate::{Comparison, GateExpr, Unit};
use crate::plan::fault::{FaultPlan, Ramp, Site};
use crate::record::{FaultRecord, Record, ScenarioRecord, Tally};

/// What a target tolerates of a fault.
#[derive(Debug, Clone, PartialEq)]
pub struct Headroom {
    /// The fault.
    pub fault: String,
    /// Which turn of it, from 1.
    pub turn: u32,
    /// The number that grows.
    pub ramp: Ramp,
    /// What was found.
    pub found: Tolerates,
    /// Journeys that ended in the windows it rests on.
    pub samples: u64,
    /// Journeys intended per second in them.
    pub rate: f64,
    /// What it strikes.
    pub on: Site,
}

impl Headroom {
    /// In words: `tolerates 180ms on payments at 500/s; from there …`, `tolerates all of it (≥ 500ms) on payments at 500/s`.
    pub fn words(&self) -> String {
        let (Site::Link(on) | Site::Service(on)) = &self.on;
        let load = format!("on {on} at {}", show(self.rate, &Unit::PerSecond));
        match &self.found {
            Tolerates::UpTo {
                magnitude, broke, ..
            } => {
                let magnitude = self.ramp.show(*magnitude);
                format!("tolerates {magnitude} {load}; from there `{broke}` does not hold")
            }
            Tolerates::All(reached) => {
                let sign = if self.ramp.to >= self.ramp.from {
                    "≥"
                } else {
                    "≤"
                };
                format!(
                    "tolerates all of it ({sign} {}) {load}",
                    self.ramp.show(*reached)
                )
            }
            Tolerates::Unknown(why) => format!("how much of it is tolerated can't be said: {why}"),
        }
    }
}

/// How much it tolerates.
#[derive(Debug, Clone, PartialEq)]
pub enum Tolerates {
    /// Up to this magnitude, in the ramp's unit; from then on this condition did not hold.
    UpTo {
        /// The knee.
        magnitude: f64,
        /// Seconds from the scenario's begin.
        second: f64,
        /// The condition that broke first.
        broke: GateExpr,
    },
    /// All that was reached, up to this magnitude.
    All(f64),
    /// It can't be said, and why.
    Unknown(String),
}

/// The faults of a scenario that say what they must be tolerated under, turn by turn.
pub fn headrooms(record: &Record, scenario: &ScenarioRecord) -> Vec<Headroom> {
    let plan = record.run.as_ref().map(|run| &run.plan);
    let planned = plan.and_then(|plan| plan.scenario(scenario.name.as_str()));
    let faults = planned.into_iter().flat_map(|planned| &planned.faults);
    let with = faults.filter(|fault| !fault.tolerates.is_empty());
    let of = |planned: &FaultPlan| {
        let mut struck = record.faults_of(&scenario.name);
        let struck = struck.find(|f| f.name == planned.name && f.turn == planned.turn);
        let ramp = planned.ramp()?;
        let (mut samples, mut rate) = (0, 0.0);
        let found = match struck {
            None => Tolerates::Unknown("it was never armed".to_owned()),
            Some(fault) => {
                let to = fault.lifted_us.unwrap_or(fault.armed_us);
                let windows: Vec<_> = windows(scenario, fault.armed_us, to).collect();
                let seen = windows.iter().map(|w| window_tally(scenario, None, *w));
                let seen: Vec<Tally> = seen.collect();
                samples = seen.iter().map(measure::finished).sum();
                let planned_of: u64 = seen.iter().map(measure::arrivals).sum();
                let seconds = windows.len() as f64 * f64::from(scenario.window_s);
                rate = planned_of as f64 / seconds.max(1.0);
                tolerates(scenario, planned, &ramp, fault, &windows)
            }
        };
        Some(Headroom {
            fault: planned.name.clone(),
            turn: planned.turn,
            ramp,
            found,
            samples,
            rate,
            on: planned.on.clone(),
        })
    };
    with.filter_map(of).collect()
}

/// What a window says of the conditions.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Said<'p> {
    Holds,
    Breaks(&'p GateExpr),
    Nothing,
}

fn tolerates(
    scenario: &ScenarioRecord,
    planned: &FaultPlan,
    ramp: &Ramp,
    fault: &FaultRecord,
    windows: &[u32],
) -> Tolerates {
    if let Some(why) = &fault.failed {
        return Tolerates::Unknown(format!("the fault failed: {why}"));
    }
    let Some(lifted) = fault.lifted_us else {
        return Tolerates::Unknown("it was not lifted".to_owned());
    };
    if fault.effective_us.is_none() {
        return Tolerates::Unknown("it touched nothing".to_owned());
    }
    let lasts = planned.lasts.as_secs_f64().max(1e-6);
    let at = |us: u64| {
        let part = us.saturating_sub(fault.armed_us) as f64 / 1e6 / lasts;
        ramp.from + (ramp.to - ramp.from) * part.min(1.0)
    };
    let knee = |begin: u64, broke: &GateExpr| Tolerates::UpTo {
        magnitude: at(begin),
        second: begin.saturating_sub(scenario.t0_us) as f64 / 1e6,
        broke: broke.clone(),
    };
    let unsaid =
        |begin: u64| Tolerates::Unknown(format!("too few samples around {}", ramp.show(at(begin))));
    let says = |window: &u32| (*window, says(scenario, &planned.tolerates, *window));
    let said: Vec<(u32, Said<'_>)> = windows.iter().map(says).collect();
    for some in said.windows(STEADY_WINDOWS) {
        let Some((first, begun)) = some.first() else {
            continue;
        };
        let broke = some.iter().all(|(_, said)| matches!(said, Said::Breaks(_)));
        let begin = begin_us(scenario, *first);
        if let (true, Said::Breaks(broke)) = (broke, begun) {
            return knee(begin, broke);
        }
        if some.iter().all(|(_, said)| *said != Said::Holds) {
            return unsaid(begin);
        }
    }
    if said.len() < STEADY_WINDOWS {
        let why = format!("fewer than {STEADY_WINDOWS} whole windows lie within it");
        return Tolerates::Unknown(why);
    }
    let holding = said.iter().rposition(|(_, said)| *said == Said::Holds);
    let rest = said
        .get(holding.map_or(0, |at| at + 1)..)
        .unwrap_or_default();
    if let Some((window, _)) = rest.iter().find(|(_, said)| *said == Said::Nothing) {
        return unsaid(begin_us(scenario, *window));
    }
    match rest.first() {
        Some((window, Said::Breaks(broke))) => knee(begin_us(scenario, *window), broke),
        _ => Tolerates::All(at(reached(scenario, windows, lifted))),
    }
}

/// How far what holds to the last window has come: to the lifting, unless whole windows are missing before it.
fn reached(scenario: &ScenarioRecord, windows: &[u32], lifted: u64) -> u64 {
    let end = windows
        .last()
        .map_or(0, |last| begin_us(scenario, last + 1));
    let length = u64::from(scenario.window_s) * 1_000_000;
    if lifted < end + length { lifted } else { end }
}

/// The windows that lie wholly within a stretch of time.
fn windows(scenario: &ScenarioRecord, from: u64, to: u64) -> impl Iterator<Item = u32> {
    let length = u64::from(scenario.window_s.max(1)) * 1_000_000;
    let since = |us: u64| us.saturating_sub(scenario.t0_us);
    let first = since(from).div_ceil(length);
    let end = since(to.min(scenario.load_end_us())) / length;
    first as u32..end as u32
}

fn begin_us(scenario: &ScenarioRecord, window: u32) -> u64 {
    scenario.t0_us + u64::from(window) * u64::from(scenario.window_s) * 1_000_000
}

fn window_tally(scenario: &ScenarioRecord, name: Option<&str>, window: u32) -> Tally {
    let wanted = |n: &str| name.map_or(!n.contains('/'), |name| n == name);
    let mut sum = Tally::default();
    for (_, record) in scenario.names.iter().filter(|(n, _)| wanted(n)) {
        let held = record.windows.range((window, 0)..=(window, u32::MAX));
        held.for_each(|(_, held)| sum.add(&held.tally()));
    }
    sum
}

/// A condition that is broken breaks a window, whatever the others say; one of which nothing is known leaves it open.
fn says<'p>(scenario: &ScenarioRecord, conditions: &'p [GateExpr], window: u32) -> Said<'p> {
    let mut said = Said::Holds;
    for condition in conditions {
        let seen = Seen {
            tally: window_tally(scenario, subject_name(&condition.subject), window),
            seconds: f64::from(scenario.window_s),
            windows: (0, 0),
        };
        let enough = measure::window_counts(&condition.subject, &seen);
        match measure::observe(&condition.subject, &seen).filter(|_| enough) {
            Some(figure) if !condition.holds(figure) => return Said::Breaks(condition),
            Some(_) => {}
            None => said = Said::Nothing,
        }
    }
    said
}

/// Judges a gate on what is tolerated of a fault: the least of its turns.
pub(super) fn judge(
    record: &Record,
    expr: &GateExpr,
    fault: &str,
    scenarios: &[&ScenarioRecord],
) -> Found {
    let all = scenarios.iter().flat_map(|s| headrooms(record, s));
    // Less is worse, and more of a number that falls; of what is not known nothing is less.
    let lack = |one: &Headroom| match &one.found {
        Tolerates::UpTo { magnitude: m, .. } | Tolerates::All(m)
            if one.ramp.to >= one.ramp.from =>
        {
            -m
        }
        Tolerates::UpTo { magnitude: m, .. } | Tolerates::All(m) => *m,
        Tolerates::Unknown(_) => f64::INFINITY,
    };
    let judged = all
        .filter(|one| one.fault == fault)
        .map(|one| (lack(&one), grade(expr, &one)));
    let worst =
        judged.max_by(|(a, one), (b, other)| one.grade.cmp(&other.grade).then(a.total_cmp(b)));
    worst.map(|(_, judged)| judged).map_or_else(
        || {
            Found::inconclusive(
                0,
                format!("nothing says how much of `{fault}` is tolerated"),
            )
        },
        |judged| Found {
            judged,
            worst_second: None,
        },
    )
}

fn grade(expr: &GateExpr, one: &Headroom) -> Judged {
    // Of a number that falls, less is more to tolerate.
    let wants_more = matches!(expr.op, Comparison::Greater | Comparison::AtLeast);
    let (grade, observed, missing) = match &one.found {
        Tolerates::UpTo { magnitude, .. } if expr.holds(*magnitude) => {
            (Grade::Pass, Some(*magnitude), String::new())
        }
        Tolerates::UpTo { magnitude, .. } => (Grade::Fail, Some(*magnitude), String::new()),
        Tolerates::All(reached) => {
            let towards = wants_more == (one.ramp.to >= one.ramp.from);
            let grade = match (expr.holds(*reached), towards) {
                (true, true) => Grade::Pass,
                (false, false) => Grade::Fail,
                _ => Grade::Inconclusive,
            };
            let missing = format!(
                "it tolerates all of it, and the fault went no further than {}",
                one.ramp.show(*reached)
            );
            (grade, Some(*reached), missing)
        }
        Tolerates::Unknown(why) => (Grade::Inconclusive, None, why.clone()),
    };
    Judged {
        grade,
        observed,
        samples: one.samples,
        missing,
    }
}

#[cfg(test)]
mod tests;
