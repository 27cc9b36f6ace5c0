//! The instrument, judged before the target is: whether the load was the one intended, by the generator's own doing.
//! What a slow target causes (busy connections, late and dropped arrivals behind them) never counts here.

mod played;
mod rules;

pub use rules::{Rule, rules};

use super::limits::{
    BAD_SECONDS, CPU, LAG_DEGRADED_US, LAG_INVALID_US, LATE_DEGRADED, LATE_INVALID, LOCAL_FAILURES,
    NEARLY_OUT, SHORTFALL, UNMEASURED_INVALID, UNMEASURED_SECONDS,
};
use super::{GeneratorFigures, GeneratorResult, Trust, capacity};
use crate::capacity::Limit;
use crate::event::ScenarioEnd;
use crate::hist::Hist;
use crate::http::FailureKind;
use crate::plan::gate::During;
use crate::record::{Record, ScenarioRecord, Tally};
use crate::units::human_us;
use played::played;

/// Judges the generator for one scenario.
pub fn generator(record: &Record, scenario: &ScenarioRecord) -> GeneratorResult {
    // What the target needs to warm up is no shortfall, and is not judged; that it was recorded is.
    let (load, judged) = (scenario.whole(None), scenario.select(None, &During::All));
    let figures = figures(scenario, &judged);
    let mut reasons: Vec<(Trust, String)> = Vec::new();
    reasons.extend(played(record, scenario, &load));
    reasons.extend(lag(scenario));
    reasons.extend(late(&figures));
    reasons.extend(dropped(&figures));
    reasons.extend(local(&figures));
    reasons.extend(cpu(record, scenario));
    reasons.extend(nearly_out(&figures));
    reasons.extend(unmeasured(scenario, &figures));
    reasons.extend(shortfall(scenario, &judged, !reasons.is_empty()));
    if let Some(own) = searched(record, scenario) {
        reasons = own;
    }
    reasons.sort_by_key(|(trust, _)| std::cmp::Reverse(*trust));
    let trust = reasons.first().map_or(Trust::Valid, |(trust, _)| *trust);
    GeneratorResult {
        scenario: scenario.name.clone(),
        trust,
        reasons: reasons.into_iter().map(|(_, r)| r).collect(),
        figures,
    }
}

/// What a capacity search says of the generator, unless its load could not be made: every trial was judged by itself,
/// and one that the generator could not make was counted as its limit, not as the target's.
fn searched(record: &Record, scenario: &ScenarioRecord) -> Option<Vec<(Trust, String)>> {
    let (_, end) = scenario.end?;
    let answer = capacity::found(record, scenario).filter(|_| end != ScenarioEnd::Broken)?;
    let limited = answer.limit == Some(Limit::Generator);
    let why = answer.why.filter(|_| limited);
    Some(why.map(|why| (Trust::Degraded, why)).into_iter().collect())
}

fn figures(scenario: &ScenarioRecord, load: &Tally) -> GeneratorFigures {
    let instrument = &scenario.instrument;
    let lag = |q| instrument.lag.quantile(q);
    let thousandths = |us: Option<u64>| us.map(|n| n as f64 / 1000.0);
    let length = scenario.load_end_us().saturating_sub(scenario.t0_us);
    let local = load.errors.get(FailureKind::Local.as_str());
    GeneratorFigures {
        seconds: length / 1_000_000,
        measured: instrument.seconds,
        lag_p50_us: lag(0.5),
        lag_p99_us: lag(0.99),
        lag_max_us: instrument.lag.max(),
        cpu: thousandths(instrument.cpu_millis.quantile(0.5)).unwrap_or(0.0),
        cpu_max: thousandths(instrument.cpu_millis.max()).unwrap_or(0.0),
        cpu_share_max: thousandths(instrument.cpu_share.max()),
        memory: instrument.memory,
        planned: load.planned,
        started: load.started,
        late_generator: load.late_generator,
        late_target: load.late_target,
        dropped: load.dropped,
        dropped_generator: load.dropped_generator,
        descriptors: instrument.descriptors.0,
        descriptors_limit: instrument.descriptors.1,
        ports: instrument.ports,
        local: instrument.local,
        local_errors: local.copied().unwrap_or(0),
        not_kept: instrument.drops,
    }
}

fn late(figures: &GeneratorFigures) -> Option<(Trust, String)> {
    let share = share_of(figures.late_generator, figures);
    let trust = if share > LATE_INVALID {
        Trust::Invalid
    } else if share > LATE_DEGRADED {
        Trust::Degraded
    } else {
        return None;
    };
    let words = format!(
        "{} of {} arrivals ({:.1} %) began late by the generator's own doing",
        figures.late_generator,
        figures.planned,
        share * 100.0
    );
    Some((trust, words))
}

fn dropped(figures: &GeneratorFigures) -> Option<(Trust, String)> {
    let own = figures.dropped_generator;
    let trust = if share_of(own, figures) > SHORTFALL {
        Trust::Invalid
    } else {
        Trust::Degraded
    };
    (own > 0).then(|| {
        let words = format!(
            "{own} of {} arrivals were dropped by the generator: it came to them late, with too many under way",
            figures.planned
        );
        (trust, words)
    })
}

fn share_of(n: u64, figures: &GeneratorFigures) -> f64 {
    n as f64 / figures.planned.max(figures.started).max(1) as f64
}

fn nearly_out(figures: &GeneratorFigures) -> Vec<(Trust, String)> {
    let of = |used: u64, all: u64, what: &str| {
        (all > 0 && used as f64 > all as f64 * NEARLY_OUT).then(|| {
            let words = format!("{used} of {all} {what} were in use");
            (Trust::Degraded, words)
        })
    };
    let descriptors = of(
        figures.descriptors,
        figures.descriptors_limit,
        "file descriptors",
    );
    let ports = of(
        figures.ports.used,
        figures.ports.available,
        "ephemeral ports",
    );
    descriptors.into_iter().chain(ports).collect()
}

/// Seconds of the load in which the generator said nothing of itself. While a scenario runs, the last is on its way.
fn unmeasured(scenario: &ScenarioRecord, figures: &GeneratorFigures) -> Option<(Trust, String)> {
    let nothing_done = figures.planned + figures.started == 0;
    if scenario.end.is_none() || nothing_done {
        return None;
    }
    let missing = figures.seconds.saturating_sub(figures.measured);
    let share = missing as f64 / figures.seconds.max(1) as f64;
    let trust = match missing {
        _ if figures.measured == 0 && figures.seconds < UNMEASURED_SECONDS => Trust::Degraded,
        n if n < UNMEASURED_SECONDS => return None,
        _ if share > UNMEASURED_INVALID => Trust::Invalid,
        _ if share > BAD_SECONDS => Trust::Degraded,
        _ => return None,
    };
    let words = format!(
        "the generator did not measure itself in {missing} of {} seconds",
        figures.seconds
    );
    Some((trust, words))
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

fn local(figures: &GeneratorFigures) -> Option<(Trust, String)> {
    // The ticks count all of them; the seconds tell them apart.
    let failures = figures.local_errors.max(figures.local.total());
    let trust = if failures as f64 > figures.started as f64 * LOCAL_FAILURES {
        Trust::Invalid
    } else {
        Trust::Degraded
    };
    let of = [
        (figures.local.descriptors, "file descriptors"),
        (figures.local.ports, "ephemeral ports"),
        (figures.local.memory, "memory"),
        (figures.local.other, "something else"),
    ];
    let of: Vec<String> = of
        .iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, what)| format!("{n} for want of {what}"))
        .collect();
    let of = if of.is_empty() {
        "for want of ports, descriptors or memory".to_owned()
    } else {
        of.join(", ")
    };
    (failures > 0).then(|| {
        let words = format!("{failures} requests failed on this machine: {of}");
        (trust, words)
    })
}

/// The workers' cores are told with each second; in records without that they are `workers` of the run's environment,
/// else its `cores`. Without any the rule is silent.
fn cpu(record: &Record, scenario: &ScenarioRecord) -> Option<(Trust, String)> {
    let instrument = &scenario.instrument;
    if !instrument.cpu_share.is_empty() {
        let busy = above(&instrument.cpu_share, (CPU * 1000.0) as u64);
        return saturated(busy, instrument.seconds, "its");
    }
    let environment = &record.run.as_ref()?.environment;
    let number = |key: &str| {
        environment
            .get(key)
            .and_then(|text| text.parse::<f64>().ok())
    };
    let cores = number("workers").or_else(|| number("cores"))?;
    let busy = above(&instrument.cpu_millis, (cores * CPU * 1000.0) as u64);
    saturated(busy, instrument.seconds, &format!("its {cores}"))
}

fn saturated(busy: u64, seconds: u64, whose: &str) -> Option<(Trust, String)> {
    (busy as f64 > seconds as f64 * BAD_SECONDS).then(|| {
        let share = CPU * 100.0;
        let words = format!(
            "the generator used more than {share:.0} % of {whose} cores in {busy} of {seconds} seconds"
        );
        (Trust::Degraded, words)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Envelope, Event, LoadTick, LocalFailures, Ports, ScenarioEnd, SelfHealth};
    use crate::record::testing::{Stream, health, plan, tick};

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
        assert_eq!(
            [local(0), local(1), local(2), local(3)],
            [
                Trust::Valid,
                Trust::Degraded,
                Trust::Degraded,
                Trust::Invalid
            ]
        );
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
    fn what_did_not_begin_in_the_warm_up_is_no_shortfall() {
        let of = |begin: fn(Stream) -> Stream| {
            let stream = begin(Stream::new(plan(20, Vec::new())));
            let all = (0..20).fold(stream, |s, n| {
                let tick = tick(n, u32::from(n >= 5), 1000);
                let tick = match n < 5 {
                    true => LoadTick {
                        started: 50,
                        dropped: 50,
                        late_generator: 50,
                        ..tick
                    },
                    false => tick,
                };
                s.at(f64::from(n) + 1.0).tick(tick).health(500, 0.5)
            });
            completed(all).0
        };
        assert_eq!(of(|s| s.warming(5)), Trust::Valid);
        assert_eq!(of(|s| s.peak().epoch(1, 5, &[], &[])), Trust::Invalid);
    }

    /// 20 s at 100/s with a share of the arrivals recorded, under a plan changed in some way.
    fn recorded(arrivals: u64, change: impl Fn(&mut crate::plan::load::LoadPlan)) -> Trust {
        let mut plan = plan(20, Vec::new());
        change(&mut plan.scenarios[0].load);
        let stream = (0..20).fold(Stream::new(plan).peak(), |s, n| {
            let tick = LoadTick {
                users: 10,
                ..crate::record::testing::tick_of(n, 0, arrivals / 20, 0, 1000)
            };
            s.at(f64::from(n) + 1.0).tick(tick).health(500, 0.5)
        });
        completed(stream).0
    }

    #[test]
    fn drawn_arrivals_may_be_fewer_and_iterations_may_not() {
        use crate::plan::load::{ClosedPlan, Iterations, Model, Spacing, UserStage};
        let poisson = |load: &mut crate::plan::load::LoadPlan| {
            if let Model::Open(open) = &mut load.model {
                open.spacing = Spacing::Poisson;
            }
        };
        // 2000 intended: five standard deviations are 224.
        assert_eq!(recorded(1800, poisson), Trust::Valid);
        assert_eq!(recorded(1800, |_| {}), Trust::Invalid);
        assert_eq!(recorded(1700, poisson), Trust::Invalid);
        let users = |iterations: Option<Iterations>| {
            move |load: &mut crate::plan::load::LoadPlan| {
                load.model = Model::Closed(ClosedPlan {
                    users: vec![UserStage {
                        from: 10,
                        to: 10,
                        lasts: std::time::Duration::from_secs(20),
                    }],
                    iterations,
                    pacing: std::time::Duration::ZERO,
                    cookies: Default::default(),
                    engine: Default::default(),
                });
            }
        };
        let count = |n| std::num::NonZeroU64::new(n).unwrap();
        assert_eq!(recorded(1000, users(None)), Trust::Valid);
        let shared = Some(Iterations::Shared(count(1000)));
        assert_eq!(recorded(1000, users(shared)), Trust::Valid);
        assert_eq!(recorded(900, users(shared)), Trust::Invalid);
        let each = Some(Iterations::PerUser(count(100)));
        assert_eq!(recorded(1000, users(each)), Trust::Valid);
        assert_eq!(recorded(900, users(each)), Trust::Invalid);
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
        let aborted = peak().load(0..5, 0, 1).ended(5, ScenarioEnd::Aborted);
        let record = aborted.record();
        assert_eq!(generator(&record, &record.scenarios[0]).trust, Trust::Valid);
    }

    /// Twenty healthy seconds, each changed.
    fn measured(change: impl Fn(u32, SelfHealth) -> SelfHealth) -> (Trust, String) {
        completed((0..20).fold(peak(), |s, second| {
            s.at(f64::from(second) + 1.0)
                .tick(tick(second, 0, 1000))
                .second(change(second, health(500, 0.5)))
        }))
    }

    #[test]
    fn local_failures_say_what_ran_out() {
        let (trust, words) = measured(|second, h| SelfHealth {
            local: LocalFailures {
                descriptors: u64::from(second == 3) * 7,
                ports: u64::from(second == 4),
                ..LocalFailures::default()
            },
            ..h
        });
        assert_eq!(trust, Trust::Invalid);
        assert_eq!(
            words,
            "8 requests failed on this machine: 7 for want of file descriptors, 1 for want of ephemeral ports"
        );
    }

    #[test]
    fn processor_time_is_a_share_of_the_workers_cores() {
        let with = |workers: u64, cpu: f64| {
            let busy = |_, h: SelfHealth| SelfHealth {
                workers,
                cpu_generator: cpu,
                ..h
            };
            measured(busy).0
        };
        assert_eq!(with(1, 0.94), Trust::Valid);
        assert_eq!(with(1, 0.96), Trust::Degraded);
        assert_eq!(with(2, 0.96), Trust::Valid);
    }

    #[test]
    fn what_has_nearly_run_out_degrades() {
        let with = |descriptors: u64, ports: u64| {
            measured(|second, h| SelfHealth {
                descriptors: if second == 9 { descriptors } else { 40 },
                descriptors_limit: 1000,
                ports: Ports {
                    used: if second == 9 { ports } else { 40 },
                    available: 2000,
                    time_wait: 0,
                },
                ..h
            })
        };
        assert_eq!(with(900, 1800).0, Trust::Valid);
        let (trust, words) = with(901, 1800);
        assert_eq!(
            (trust, words.as_str()),
            (Trust::Degraded, "901 of 1000 file descriptors were in use")
        );
        let (trust, words) = with(40, 1801);
        assert_eq!(
            (trust, words.as_str()),
            (Trust::Degraded, "1801 of 2000 ephemeral ports were in use")
        );
    }

    #[test]
    fn late_and_dropped_count_only_where_the_generator_was_the_cause() {
        let of = |late_generator: u64, late_target: u64, dropped: u64, dropped_generator: u64| {
            let load = move |_, t: LoadTick| LoadTick {
                late_generator,
                late_target,
                dropped,
                dropped_generator,
                ..t
            };
            completed(seconds(load, |_| 500, 0.5)).0
        };
        assert_eq!(of(0, 100, 100, 0), Trust::Valid, "the target's doing");
        assert_eq!(of(5, 0, 0, 0), Trust::Valid);
        assert_eq!(of(6, 0, 0, 0), Trust::Degraded);
        assert_eq!(of(51, 0, 0, 0), Trust::Invalid);
        assert_eq!(of(0, 0, 1, 1), Trust::Degraded);
        assert_eq!(of(0, 0, 3, 3), Trust::Invalid);
    }

    #[test]
    fn what_did_not_measure_itself_is_not_vouched_for() {
        let without = |missing: u32| {
            let stream = (0..20).fold(peak(), |s, second| {
                let s = s.at(f64::from(second) + 1.0).tick(tick(second, 0, 1000));
                if second < missing {
                    s
                } else {
                    s.health(500, 0.5)
                }
            });
            completed(stream)
        };
        assert_eq!(without(1).0, Trust::Valid);
        assert_eq!(without(2).0, Trust::Degraded);
        assert_eq!(without(5).0, Trust::Degraded);
        let (trust, words) = without(6);
        assert_eq!(trust, Trust::Invalid);
        assert_eq!(
            words,
            "the generator did not measure itself in 6 of 20 seconds"
        );
        assert_eq!(without(20).0, Trust::Invalid);
    }

    #[test]
    fn a_verdict_holds_the_figures_it_rests_on() {
        let stream = seconds(
            |_, t| LoadTick {
                late_target: 3,
                ..t
            },
            |second| u64::from(second) * 100,
            0.5,
        );
        let record = stream.ended(20, ScenarioEnd::Completed).record();
        let figures = generator(&record, &record.scenarios[0]).figures;
        assert_eq!((figures.seconds, figures.measured), (20, 20));
        assert_eq!((figures.planned, figures.late_target), (2000, 60));
        assert_eq!(figures.lag_max_us, Some(1900));
        assert!((figures.cpu - 0.5).abs() < 1e-9 && figures.cpu_share_max.is_none());
    }
}
