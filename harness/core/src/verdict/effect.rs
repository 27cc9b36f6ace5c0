//! What a fault changes: a part of a scenario's load beside the same seconds of its control, which was the same load under
//! the same draws without the faults. Compared are whole windows (a second long on runs up to ten minutes) that lie wholly
//! in the part and that both loads came to the end of; latencies are at the windows' two significant digits.

use super::gates::{Found, subject_name};
use super::limits::WINDOW_SAMPLES;
use super::measure::{self, Seen, When};
use super::{Grade, limits};
use crate::expr::gate::{GateExpr, GateSubject, Stat, Unit};
use crate::plan::Plan;
use crate::plan::gate::{During, Gate};
use crate::record::{NameRecord, Record, ScenarioRecord, Tally, WindowPoint};
use std::collections::BTreeSet;

/// The same seconds of both loads.
#[derive(Debug, Clone, PartialEq)]
pub struct Effect {
    /// Their number.
    pub seconds: f64,
    /// What was seen in them without the fault.
    pub control: Tally,
    /// What was seen in them with it.
    pub faulted: Tally,
}

/// The record of a scenario's control; `None` where it has none or it was not played.
pub fn control<'r>(record: &'r Record, scenario: &ScenarioRecord) -> Option<&'r ScenarioRecord> {
    let plan = &record.run.as_ref()?.plan;
    record.scenario(plan.control(&scenario.name)?.name.as_str())
}

/// Whether a scenario is a control: what judges the whole run leaves it out.
pub(super) fn is_control(plan: &Plan, scenario: &ScenarioRecord) -> bool {
    let planned = plan.scenario(scenario.name.as_str());
    planned.is_some_and(|planned| planned.control_of.is_some())
}

/// A part of a scenario's load beside the same seconds of its control, of one name or of all whole journeys together; the
/// error says why it can't be had.
pub fn effect(
    record: &Record,
    scenario: &ScenarioRecord,
    name: Option<&str>,
    during: &During,
) -> Result<Effect, String> {
    let (control, within) = compared(record, scenario, during)?;
    Ok(Effect {
        seconds: within.len() as f64 * f64::from(scenario.window_s),
        control: tally(control, name, &within),
        faulted: tally(scenario, name, &within),
    })
}

/// The control and the whole windows of a part of the load that both came to the end of.
fn compared<'r>(
    record: &'r Record,
    scenario: &ScenarioRecord,
    during: &During,
) -> Result<(&'r ScenarioRecord, BTreeSet<u32>), String> {
    let control = control(record, scenario).ok_or("the control was not played")?;
    if control.window_s != scenario.window_s {
        return Err("the two loads are counted in windows of different length".to_owned());
    }
    let whole = |s: &ScenarioRecord| {
        let us = s.load_end_us().saturating_sub(s.t0_us);
        (us / 1_000_000) as u32 / s.window_s.max(1)
    };
    let ended = whole(control).min(whole(scenario));
    let mut within = windows(scenario, |epoch| scenario.in_phase(epoch, during));
    within.retain(|window| *window < ended);
    if within.is_empty() {
        return Err("no whole second of both loads lies in it".to_owned());
    }
    Ok((control, within))
}

/// The control's windows that [`effect`] compares with, in order of time, all journeys together; none where it can't.
pub(super) fn control_series(
    record: &Record,
    scenario: &ScenarioRecord,
    during: &During,
) -> Vec<WindowPoint> {
    let Ok((control, within)) = compared(record, scenario, during) else {
        return Vec::new();
    };
    let mut points = control.series(None);
    points.retain(|point| within.contains(&(point.second / control.window_s.max(1))));
    points
}

fn named<'s>(
    scenario: &'s ScenarioRecord,
    name: Option<&'s str>,
) -> impl Iterator<Item = &'s NameRecord> {
    let wanted = move |n: &str| name.map_or(!n.contains('/'), |name| n == name);
    let names = scenario.names.iter();
    names.filter(move |(n, _)| wanted(n)).map(|(_, r)| r)
}

/// The windows with load of whose epochs a filter keeps every one.
fn windows(scenario: &ScenarioRecord, keep: impl Fn(u32) -> bool) -> BTreeSet<u32> {
    let (mut within, mut beyond) = (BTreeSet::new(), BTreeSet::new());
    for (window, epoch) in named(scenario, None).flat_map(|r| r.windows.keys()) {
        let side = if keep(*epoch) {
            &mut within
        } else {
            &mut beyond
        };
        side.insert(*window);
    }
    within.difference(&beyond).copied().collect()
}

fn tally(scenario: &ScenarioRecord, name: Option<&str>, windows: &BTreeSet<u32>) -> Tally {
    let mut sum = Tally::default();
    for record in named(scenario, name) {
        let inside = record
            .windows
            .iter()
            .filter(|((w, _), _)| windows.contains(w));
        inside.for_each(|(_, held)| sum.add(&held.tally()));
    }
    sum
}

/// By how much one figure of the load with the fault is more than that of the control: a factor, or a difference of shares;
/// `None` where nothing is a multiple of the control's.
pub fn change(unit: &Unit, control: f64, faulted: f64) -> Option<f64> {
    match unit {
        Unit::Share => Some(faulted - control),
        _ => (control > 0.0).then(|| faulted / control),
    }
}

/// A gate on an effect: what the control came to, times the limit, is the limit of the load with the fault, which is judged
/// as any load is.
pub(super) fn judge(
    record: &Record,
    gate: &Gate,
    of: &GateSubject,
    scenarios: &[&ScenarioRecord],
) -> Found {
    let [scenario] = scenarios else {
        return Found::inconclusive(0, "an effect is that of one scenario");
    };
    let effect = match effect(record, scenario, subject_name(of), &gate.during) {
        Ok(effect) => effect,
        Err(why) => return Found::inconclusive(0, why),
    };
    let seen = |tally| Seen {
        tally,
        seconds: effect.seconds,
        windows: (0, 0),
    };
    let (control, faulted) = (seen(effect.control), seen(effect.faulted));
    let samples = measure::samples(of, &control);
    let Some(usual) = measure::observe(of, &control).filter(|_| samples >= needed(of)) else {
        let missing = format!(
            "the control has {samples} samples in these seconds and needs {}",
            needed(of)
        );
        return Found::inconclusive(samples, missing);
    };
    let unit = of.unit();
    if unit != Unit::Share && usual <= 0.0 {
        return Found::inconclusive(
            samples,
            "the control's figure is zero: nothing is a multiple of it",
        );
    }
    let limit = match unit {
        Unit::Share => (usual + gate.expect.limit).min(1.0),
        _ => usual * gate.expect.limit,
    };
    let against = GateExpr {
        subject: of.clone(),
        op: gate.expect.op,
        limit,
    };
    let mut judged = measure::judge(&against, &faulted, When::Final);
    judged.observed = judged
        .observed
        .and_then(|figure| change(&unit, usual, figure));
    if judged.observed.is_none() {
        judged.grade = Grade::Inconclusive;
    }
    Found {
        judged,
        worst_second: None,
    }
}

/// Samples that a control's figure rests on at least: enough for one beyond a quantile.
fn needed(of: &GateSubject) -> u64 {
    match of {
        GateSubject::Latency { stat, .. } | GateSubject::Service { stat, .. } => match stat {
            Stat::Quantile(q) => {
                let rarer = q.get().min(1.0 - q.get()).max(1e-6);
                WINDOW_SAMPLES.max((1.0 / rarer).ceil() as u64)
            }
            Stat::Mean => limits::MEAN_SAMPLES,
            Stat::Max => WINDOW_SAMPLES,
        },
        _ => WINDOW_SAMPLES,
    }
}

#[cfg(test)]
mod tests;
