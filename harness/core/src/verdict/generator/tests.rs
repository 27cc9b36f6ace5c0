//! What makes a load degraded or invalid, each just below its limit and just above it.

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
