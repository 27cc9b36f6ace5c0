//! The instrument, judged before the target is: whether the load was the one intended, by the generator's own doing.
//! What a slow target causes (busy connections, late and dropped arrivals behind them) never counts here.

use super::limits::{BAD_SECONDS, CPU, LAG_DEGRADED_US, LAG_INVALID_US, LOCAL_FAILURES, SHORTFALL};
use super::{GeneratorResult, Trust};
use crate::event::ScenarioEnd;
use crate::hist::Hist;
use crate::http::FailureKind;
use crate::plan::gate::During;
use crate::record::{Record, ScenarioRecord, Tally};
use crate::units::human_us;

/// Judges the generator for one scenario.
pub fn generator(record: &Record, scenario: &ScenarioRecord) -> GeneratorResult {
    let load = scenario.select(None, &During::All);
    let mut reasons: Vec<(Trust, String)> = Vec::new();
    reasons.extend(played(record, scenario, &load));
    reasons.extend(lag(scenario));
    reasons.extend(local(&load));
    reasons.extend(cpu(record, scenario));
    reasons.extend(shortfall(scenario, &load, !reasons.is_empty()));
    if scenario.instrument.seconds == 0 && !load.is_empty() {
        reasons.push((
            Trust::Degraded,
            "the generator's own lag was not measured".to_owned(),
        ));
    }
    reasons.sort_by_key(|(trust, _)| std::cmp::Reverse(*trust));
    let trust = reasons.first().map_or(Trust::Valid, |(trust, _)| *trust);
    GeneratorResult {
        scenario: scenario.name.clone(),
        trust,
        reasons: reasons.into_iter().map(|(_, r)| r).collect(),
    }
}

/// Whether the schedule was played, and all of it recorded.
fn played(record: &Record, scenario: &ScenarioRecord, load: &Tally) -> Option<(Trust, String)> {
    let end = scenario.end.map(|(_, end)| end)?;
    if end == ScenarioEnd::Broken {
        return Some((Trust::Invalid, "the load could not be made".to_owned()));
    }
    let plan = record.run.as_ref()?.plan.scenario(scenario.name.as_str())?;
    let area = plan
        .load
        .stages
        .iter()
        .map(|s| (s.from.get() + s.to.get()) / 2.0 * s.lasts.as_secs_f64());
    let intended: f64 = area.sum();
    // Each stage may round its arrivals down by one.
    let recorded = load.planned as f64 + plan.load.stages.len() as f64;
    (end == ScenarioEnd::Completed && recorded < intended * (1.0 - SHORTFALL)).then(|| {
        (
            Trust::Invalid,
            format!(
                "{} of {intended:.0} planned arrivals were recorded; figures are missing",
                load.planned
            ),
        )
    })
}

/// Arrivals that never began. The target's doing unless the generator shows a fault of its own, or nothing shows
/// that it had none.
fn shortfall(scenario: &ScenarioRecord, load: &Tally, guilty: bool) -> Option<(Trust, String)> {
    let missing = load.planned.saturating_sub(load.started);
    let share = missing as f64 / load.planned.max(1) as f64;
    let late = load.late_generator as f64 > load.planned as f64 * SHORTFALL;
    // While a scenario runs, the last arrivals are still on their way.
    let blamed = guilty || late || scenario.instrument.seconds == 0;
    (scenario.end.is_some() && share > SHORTFALL && blamed).then(|| {
        let words = format!(
            "{:.1} % of the planned arrivals never began, and the generator was not keeping up",
            share * 100.0
        );
        (Trust::Invalid, words)
    })
}

/// How many of the counted seconds lie above a limit.
fn above(seconds: &Hist, limit: u64) -> u64 {
    seconds
        .buckets()
        .iter()
        .filter(|(value, _)| *value > limit)
        .map(|(_, n)| n)
        .sum()
}

fn lag(scenario: &ScenarioRecord) -> Option<(Trust, String)> {
    let seconds = scenario.instrument.seconds;
    let too_many = |n: u64| n as f64 > seconds as f64 * BAD_SECONDS;
    let (slow, lost) = (
        above(&scenario.instrument.lag_p99, LAG_DEGRADED_US),
        above(&scenario.instrument.lag_p99, LAG_INVALID_US),
    );
    let words = |n: u64, limit: u64| {
        format!(
            "the generator lagged its schedule by more than {} (p99) in {n} of {seconds} seconds",
            human_us(limit)
        )
    };
    match (too_many(lost), too_many(slow), lost > 0) {
        (true, _, _) => Some((Trust::Invalid, words(lost, LAG_INVALID_US))),
        (_, true, _) => Some((Trust::Degraded, words(slow, LAG_DEGRADED_US))),
        (_, _, true) => Some((Trust::Degraded, words(lost, LAG_INVALID_US))),
        _ => None,
    }
}

fn local(load: &Tally) -> Option<(Trust, String)> {
    let failures = load
        .errors
        .get(FailureKind::Local.as_str())
        .copied()
        .unwrap_or(0);
    (failures as f64 > load.started as f64 * LOCAL_FAILURES).then(|| {
        let words =
            format!("{failures} requests failed for want of local ports, descriptors or memory");
        (Trust::Invalid, words)
    })
}

/// The workers' cores are `workers` of the run's environment, else its `cores`; without either the rule is silent.
fn cpu(record: &Record, scenario: &ScenarioRecord) -> Option<(Trust, String)> {
    let environment = &record.run.as_ref()?.environment;
    let number = |key: &str| {
        environment
            .get(key)
            .and_then(|text| text.parse::<f64>().ok())
    };
    let cores = number("workers").or_else(|| number("cores"))?;
    let (seconds, full) = (scenario.instrument.seconds, (cores * CPU * 1000.0) as u64);
    let busy = above(&scenario.instrument.cpu_millis, full);
    (busy as f64 > seconds as f64 * BAD_SECONDS).then(|| {
        let share = CPU * 100.0;
        (Trust::Degraded, format!("the generator used more than {share:.0} % of its {cores} cores in {busy} of {seconds} seconds"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Envelope, Event, LoadTick};
    use crate::record::testing::{Stream, plan, tick};

    fn judge(stream: Stream, end: ScenarioEnd) -> (Trust, String) {
        let record = stream.ended(20, end).record();
        let result = generator(&record, &record.scenarios[0]);
        (result.trust, result.reasons.join("; "))
    }

    fn completed(stream: Stream) -> (Trust, String) {
        judge(stream, ScenarioEnd::Completed)
    }

    fn peak() -> Stream {
        Stream::new(plan(20, Vec::new())).peak()
    }

    fn seconds(
        change: impl Fn(u32, LoadTick) -> LoadTick,
        lag: impl Fn(u32) -> u64,
        cpu: f64,
    ) -> Stream {
        (0..20).fold(peak(), |s, second| {
            s.at(f64::from(second) + 1.0)
                .tick(change(second, tick(second, 0, 1000)))
                .health(lag(second), cpu)
        })
    }

    #[test]
    fn a_healthy_generator_is_valid() {
        assert_eq!(
            completed(seconds(|_, t| t, |_| 500, 0.5)),
            (Trust::Valid, String::new())
        );
    }

    #[test]
    fn lag_degrades_and_then_invalidates() {
        let lagging = |n: u32, us: u64| {
            completed(seconds(
                |_, t| t,
                move |s| if s < n { us } else { 500 },
                0.5,
            ))
            .0
        };
        assert_eq!(lagging(1, 60_000), Trust::Valid);
        assert_eq!(lagging(2, 60_000), Trust::Degraded);
        assert_eq!(lagging(1, 300_000), Trust::Degraded);
        assert_eq!(lagging(2, 300_000), Trust::Invalid);
    }

    #[test]
    fn a_saturated_processor_degrades() {
        assert_eq!(completed(seconds(|_, t| t, |_| 500, 1.8)).0, Trust::Valid);
        assert_eq!(
            completed(seconds(|_, t| t, |_| 500, 1.95)).0,
            Trust::Degraded
        );
    }

    #[test]
    fn local_failures_invalidate() {
        let local = |n: u64| {
            completed(seconds(
                move |s, t| {
                    if s == 0 {
                        LoadTick {
                            errors: [("local".to_owned(), n)].into(),
                            ..t
                        }
                    } else {
                        t
                    }
                },
                |_| 500,
                0.5,
            ))
            .0
        };
        assert_eq!((local(2), local(3)), (Trust::Valid, Trust::Invalid));
    }

    #[test]
    fn missing_arrivals_are_the_targets_unless_the_generator_was_at_fault() {
        let dropping = |late_generator: u64, late_target: u64| {
            move |_, t: LoadTick| LoadTick {
                started: 90,
                dropped: 10,
                late_generator,
                late_target,
                ..t
            }
        };
        assert_eq!(
            completed(seconds(dropping(0, 50), |_| 500, 0.5)).0,
            Trust::Valid
        );
        assert_eq!(
            completed(seconds(dropping(30, 0), |_| 500, 0.5)).0,
            Trust::Invalid
        );
        assert_eq!(
            completed(seconds(dropping(0, 50), |_| 60_000, 0.5)).0,
            Trust::Invalid
        );
        let unmeasured = (0..20).fold(peak(), |s, second| {
            s.tick(dropping(0, 0)(second, tick(second, 0, 1)))
        });
        assert_eq!(completed(unmeasured).0, Trust::Invalid);
    }

    #[test]
    fn a_load_that_was_not_recorded_is_invalid() {
        let mut events = seconds(|_, t| t, |_| 500, 0.5)
            .ended(20, ScenarioEnd::Completed)
            .events();
        let late = |e: &Envelope| matches!(&e.event, Event::LoadTick(t) if t.second >= 19);
        events.retain(|e| !late(e));
        let record = crate::record::fold(events).unwrap();
        assert_eq!(
            generator(&record, &record.scenarios[0]).trust,
            Trust::Invalid
        );
        assert_eq!(judge(peak(), ScenarioEnd::Broken).0, Trust::Invalid);
        assert_eq!(
            judge(peak().load(0..5, 0, 1), ScenarioEnd::Aborted).0,
            Trust::Valid
        );
    }
}
