//! The plan of a run as it went, for whoever plays it again: faults that waited for an event strike at the times they were
//! armed. Pure.

use crate::plan::Plan;
use crate::record::{Record, ScenarioRecord};
use std::time::Duration;

/// The plan of a recorded run with its faults at the times they had. A fault that an event fired has the time it was armed,
/// and one that nothing fired in a scenario that was played is not there. The digests are the plan's own where nothing had to
/// be put down, so that a run and its replay are of one plan.
pub fn as_it_went(plan: &Plan, record: &Record) -> Plan {
    let mut went = plan.clone();
    let mut changed = false;
    for scenario in &mut went.scenarios {
        let Some(played) = record.scenario(scenario.name.as_str()) else {
            continue;
        };
        if scenario.faults.iter().all(|fault| fault.when.is_none()) {
            continue;
        }
        changed = true;
        scenario.faults.retain_mut(|fault| {
            if fault.when.take().is_none() {
                return true;
            }
            let armed = armed(record, played, &fault.name, fault.turn);
            fault.at = armed.unwrap_or(fault.at);
            armed.is_some()
        });
        scenario
            .faults
            .sort_by(|a, b| a.at.cmp(&b.at).then_with(|| a.name.cmp(&b.name)));
    }
    if changed { went.digested() } else { went }
}

/// When a turn of a fault was armed, from the scenario's first intended arrival.
fn armed(record: &Record, played: &ScenarioRecord, name: &str, turn: u32) -> Option<Duration> {
    let mut faults = record.faults_of(&played.name);
    let fault = faults.find(|fault| fault.name == name && fault.turn == turn)?;
    Some(Duration::from_micros(
        fault.armed_us.saturating_sub(played.t0_us),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::testing::{FAULT, Stream, plan};

    #[test]
    fn what_an_event_fired_strikes_at_the_time_it_did_and_what_nothing_fired_is_gone() {
        let mut waiting = plan(30, Vec::new());
        let mut never = waiting.scenarios[0].faults[0].clone();
        never.name = "never".into();
        waiting.scenarios[0].faults.push(never);
        for fault in &mut waiting.scenarios[0].faults {
            fault.at = Duration::ZERO;
            fault.when = Some("p95 > 300ms".parse().unwrap());
        }
        let record = Stream::new(waiting.clone())
            .peak()
            .load(0..10, 0, 20_000)
            .fault()
            .record();
        let went = as_it_went(&waiting, &record);
        let faults: Vec<_> = went.scenarios[0]
            .faults
            .iter()
            .map(|f| (f.name.as_str(), f.at, f.when.is_none()))
            .collect();
        assert_eq!(faults, [(FAULT, Duration::from_secs(10), true)]);
        assert_eq!(went.plan_digest, went.clone().digested().plan_digest);
    }

    #[test]
    fn a_plan_without_such_faults_is_the_same_plan() {
        let planned = plan(30, Vec::new());
        let record = Stream::new(planned.clone()).peak().fault().record();
        assert_eq!(as_it_went(&planned, &record), planned);
    }
}
