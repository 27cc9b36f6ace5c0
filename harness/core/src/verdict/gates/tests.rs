//! Gates against streams of events: each subject holds or not, and what spoils the answer.

use super::*;
use crate::event::{Event, LoadTick, ScenarioEnd};
use crate::hist::Hist;
use crate::plan::gate::Class;
use crate::plan::gate::During;
use crate::record::testing::{FAULT, Stream, gate, name, plan, tick, tick_of};
use proptest::prelude::*;
use std::time::Duration;

fn only(record: &Record) -> GateResult {
    evaluate(record).gates.into_iter().next().unwrap()
}

/// One gate over 20 s of 100 arrivals a second.
fn over_load(gate: Gate, second: impl Fn(u32) -> LoadTick) -> GateResult {
    let stream = Stream::new(plan(20, vec![gate])).peak();
    only(
        &(0..20)
            .fold(stream, |s, n| {
                s.at(f64::from(n) + 1.0).tick(second(n)).health(100, 0.3)
            })
            .done(20),
    )
}

/// Five seconds of `bad` in epoch 0 and fifteen good ones in epoch 1, as `begin` announces them.
fn warmed(gate: &Gate, begin: impl Fn(Stream) -> Stream, bad: &LoadTick) -> Record {
    let stream = begin(Stream::new(plan(20, vec![gate.clone()])));
    let second = |s: Stream, n: u32| {
        let tick = if n < 5 {
            LoadTick {
                second: n,
                ..bad.clone()
            }
        } else {
            tick(n, 1, 41_000)
        };
        s.at(f64::from(n) + 1.0).tick(tick).health(100, 0.3)
    };
    (0..20).fold(stream, second).done(20)
}

#[test]
fn what_warms_up_is_in_no_gate() {
    let bad = tick_of(0, 0, 10, 90, 900_000);
    for (expect, over) in [
        ("p99 < 250ms", None),
        ("max(checkout) < 250ms", None),
        ("error_rate < 1%", None),
        ("availability > 99%", None),
        ("rate > 99/s", None),
        ("p99 < 250ms", Some(Duration::from_secs(3))),
    ] {
        for during in [During::Undisturbed, During::All] {
            let gate = Gate {
                during,
                over,
                ..gate(expect)
            };
            let warm = only(&warmed(&gate, |s| s.warming(5), &bad));
            assert_eq!(warm.grade, Grade::Pass, "{}", warm.reason);
            // The same load without a warm-up is judged from its first second.
            let cold = only(&warmed(&gate, |s| s.peak().epoch(1, 5, &[], &[]), &bad));
            assert_eq!(cold.grade, Grade::Fail, "{}", cold.reason);
            assert!(cold.samples > warm.samples || over.is_some());
        }
    }
}

#[test]
fn nothing_but_warm_up_is_nothing_to_judge() {
    let stream = Stream::new(plan(20, vec![gate("p99 < 250ms")])).warming(20);
    let result = only(&stream.load(0..20, 0, 41_000).done(20));
    assert_eq!(result.grade, Grade::Inconclusive);
    assert!(result.is_missing(), "{}", result.reason);
}

#[test]
fn what_was_lost_is_counted_to_the_last_one() {
    let judged = |expect: &str, second: &dyn Fn(u32) -> LoadTick| {
        let result = over_load(gate(expect), second);
        (result.grade, result.observed)
    };
    let good = |n| tick(n, 0, 41_000);
    let one_lost = |n| match n {
        7 => tick_of(7, 0, 99, 1, 41_000),
        n => good(n),
    };
    assert_eq!(judged("lost < 1", &good), (Grade::Pass, Some(0.0)));
    assert_eq!(judged("lost < 1", &one_lost), (Grade::Fail, Some(1.0)));
    assert_eq!(judged("lost <= 1", &one_lost), (Grade::Pass, Some(1.0)));
    assert_eq!(judged("lost > 0", &good), (Grade::Fail, Some(0.0)));
    assert_eq!(judged("lost > 0", &one_lost), (Grade::Pass, Some(1.0)));
    // One of which nobody knows the end may be lost.
    let unknown = |n| LoadTick {
        cancelled: u64::from(n == 19),
        ..good(n)
    };
    assert_eq!(
        judged("lost < 1", &unknown),
        (Grade::Inconclusive, Some(0.0))
    );
    assert_eq!(judged("lost < 2", &unknown).0, Grade::Pass);
    assert_eq!(judged("lost(no-such) < 1", &good).0, Grade::Inconclusive);
}

#[test]
fn a_gate_that_stops_the_load_waits_for_the_warm_up() {
    let strict = Gate {
        abort: true,
        ..gate("error_rate < 1%")
    };
    let bad = tick_of(0, 0, 10, 90, 900_000);
    let trips = |begin: fn(Stream) -> Stream| {
        let stream = begin(Stream::new(plan(20, vec![strict.clone()])));
        let stream = (0..5).fold(stream, |s, n| {
            let tick = LoadTick {
                second: n,
                ..bad.clone()
            };
            s.at(f64::from(n) + 1.0).tick(tick).health(100, 0.3)
        });
        tripped(&stream.record(), &name("peak")).len()
    };
    assert_eq!(trips(|s| s.warming(10)), 0);
    assert_eq!(trips(Stream::peak), 1);
}

fn steady(expect: &str, us: u64) -> Grade {
    over_load(gate(expect), |n| tick(n, 0, us)).grade
}

#[test]
fn latencies_hold_or_not() {
    for subject in [
        "p50",
        "p99",
        "p99(checkout)",
        "service_p95(checkout)",
        "mean",
        "max",
    ] {
        assert_eq!(
            steady(&format!("{subject} < 250ms"), 41_000),
            Grade::Pass,
            "{subject}"
        );
        assert_eq!(
            steady(&format!("{subject} < 250ms"), 300_000),
            Grade::Fail,
            "{subject}"
        );
    }
    let result = over_load(gate("p99(checkout) < 250ms"), |n| tick(n, 0, 41_000));
    assert_eq!(
        (result.samples, result.observed),
        (2000, Some(41_023.0)),
        "{}",
        result.reason
    );
}

#[test]
fn a_name_without_samples_is_never_a_pass() {
    for expect in [
        "p99(browse) < 250ms",
        "error_rate(browse) < 1%",
        "rate(browse) >= 1/s",
        "availability(browse) > 1%",
        "dropped(browse) < 1%",
        "max(checkout/pay) < 1s",
    ] {
        let result = over_load(gate(expect), |n| tick(n, 0, 1000));
        assert_eq!(
            (result.grade, result.is_missing()),
            (Grade::Inconclusive, true),
            "{expect}: {}",
            result.reason
        );
    }
}

#[test]
fn a_tail_needs_samples() {
    // 2000 samples without a violation prove p99 (299 would) but not p99.9 (2995 would).
    assert_eq!(steady("p99.9 < 250ms", 1000), Grade::Inconclusive);
    assert_eq!(steady("p99.9 < 250ms", 300_000), Grade::Fail);
}

#[test]
fn errors_hold_or_not() {
    let with = |expect: &str, bad: u64| {
        over_load(gate(expect), move |n| tick_of(n, 0, 100 - bad, bad, 1000)).grade
    };
    assert_eq!(with("error_rate < 1%", 0), Grade::Pass);
    assert_eq!(with("error_rate < 1%", 2), Grade::Fail);
    assert_eq!(with("error_rate < 0.1%", 0), Grade::Inconclusive);
    assert_eq!(with("error_rate > 50%", 90), Grade::Pass);
    assert_eq!(with("error_rate > 50%", 10), Grade::Fail);
}

#[test]
fn a_local_failure_is_no_error_of_the_target() {
    let local = |t: LoadTick| LoadTick {
        errors: [("local".to_owned(), 50)].into(),
        ..t
    };
    let result = over_load(gate("error_rate < 1%"), |n| local(tick(n, 0, 1000)));
    assert_eq!((result.grade, result.observed), (Grade::Invalid, Some(0.0)));
}

#[test]
fn rate_availability_and_drops_hold_or_not() {
    assert_eq!(steady("rate >= 95/s", 1000), Grade::Pass);
    assert_eq!(steady("rate >= 105/s", 1000), Grade::Fail);
    let outage = |bad_seconds: u32| {
        over_load(gate("availability >= 90%"), move |n| {
            if n < bad_seconds {
                tick_of(n, 0, 40, 60, 1)
            } else {
                tick(n, 0, 1)
            }
        })
        .grade
    };
    assert_eq!((outage(2), outage(3)), (Grade::Pass, Grade::Fail));
    let dropping = |dropped: u64| {
        over_load(gate("dropped < 1%"), move |n| LoadTick {
            planned: 100,
            started: 100 - dropped,
            dropped,
            ..tick_of(n, 0, 100 - dropped, 0, 1)
        })
        .grade
    };
    assert_eq!((dropping(0), dropping(2)), (Grade::Pass, Grade::Fail));
}

#[test]
fn arrivals_that_never_began_do_not_help() {
    let result = over_load(gate("p99 < 250ms"), |n| LoadTick {
        planned: 100,
        started: 95,
        dropped: 5,
        ..tick_of(n, 0, 95, 0, 1000)
    });
    assert_eq!(result.grade, Grade::Inconclusive, "{}", result.reason);
}

#[test]
fn the_worst_sliding_window_is_told() {
    let sliding = |over: u64, expect: &str| Gate {
        over: Some(Duration::from_secs(over)),
        ..gate(expect)
    };
    let spike = |n: u32| tick(n, 0, if n == 13 { 400_000 } else { 1000 });
    let result = over_load(sliding(1, "p50 < 250ms"), spike);
    assert_eq!(
        (result.grade, result.worst_second),
        (Grade::Fail, Some(13)),
        "{}",
        result.reason
    );
    assert_eq!(over_load(gate("p50 < 250ms"), spike).grade, Grade::Pass);
    assert_eq!(
        over_load(sliding(3, "p50 < 250ms"), spike).grade,
        Grade::Pass
    );
    assert_eq!(
        over_load(sliding(3, "p95 < 250ms"), spike).worst_second,
        Some(11)
    );
    assert_eq!(
        over_load(sliding(30, "p50 < 250ms"), spike).grade,
        Grade::Inconclusive
    );
    let thin = |n: u32| LoadTick {
        planned: 100,
        started: 100,
        ..tick_of(n, 0, 10, 0, 1000)
    };
    assert_eq!(
        over_load(sliding(1, "p50 < 250ms"), thin).grade,
        Grade::Inconclusive
    );
    let dip = |n: u32| {
        if n == 7 {
            tick_of(n, 0, 30, 70, 1000)
        } else {
            tick(n, 0, 1000)
        }
    };
    let result = over_load(sliding(1, "rate > 90/s"), dip);
    assert_eq!(
        (result.grade, result.worst_second, result.observed),
        (Grade::Fail, Some(7), Some(30.0))
    );
}

/// 40 s with the fault, everything slow while it is active and 4 s longer.
fn faulted(gate: Gate, edit: impl Fn(Stream) -> Stream) -> GateResult {
    let stream = Stream::new(plan(40, vec![gate]))
        .peak()
        .load(0..10, 0, 20_000);
    let stream = edit(stream.fault())
        .load(10..15, 1, 900_000)
        .load(15..19, 2, 500_000);
    only(
        &stream
            .load(19..25, 2, 20_000)
            .load(25..40, 3, 20_000)
            .done(40),
    )
}

fn during(expect: &str, during: During) -> Gate {
    Gate {
        during,
        ..gate(expect)
    }
}

#[test]
fn each_phase_is_judged_by_itself() {
    let p50 = |during_: During| faulted(during("p50 < 250ms", during_), |s| s).grade;
    assert_eq!(p50(During::Undisturbed), Grade::Pass);
    assert_eq!(p50(During::Fault(FAULT.into())), Grade::Fail);
    assert_eq!(
        faulted(during("p95 < 250ms", During::Recovery(FAULT.into())), |s| s).grade,
        Grade::Fail
    );
    assert_eq!(
        faulted(during("p95 < 250ms", During::All), |s| s).grade,
        Grade::Fail
    );
}

#[test]
fn recovery_is_judged_against_its_limit() {
    let grade = |expect: &str| faulted(gate(expect), |s| s).grade;
    assert_eq!(
        (grade("recovery < 5s"), grade("recovery < 3s")),
        (Grade::Pass, Grade::Fail)
    );
    let cut = |expect: &str| {
        let stream = Stream::new(plan(20, vec![gate(expect)]))
            .peak()
            .load(0..10, 0, 20_000)
            .fault();
        only(
            &stream
                .load(10..15, 1, 900_000)
                .load(15..20, 2, 900_000)
                .done(20),
        )
        .grade
    };
    assert_eq!(
        (cut("recovery < 4s"), cut("recovery < 8s")),
        (Grade::Fail, Grade::Inconclusive)
    );
}

#[test]
fn a_fault_that_did_nothing_makes_its_gates_invalid() {
    let failed = |s: Stream| {
        s.event(Event::FaultFailed {
            fault: FAULT.into(),
            scenario: Some(name("peak")),
            reason: "link gone".into(),
            turn: 1,
        })
    };
    for gate in [
        gate("recovery < 5s"),
        during("p50 < 250ms", During::Fault(FAULT.into())),
    ] {
        let result = faulted(gate.clone(), failed);
        assert_eq!(result.grade, Grade::Invalid, "{}", result.reason);
        let stream = Stream::new(plan(40, vec![gate.clone()]))
            .peak()
            .load(0..40, 0, 1000);
        let unarmed = only(&stream.done(40));
        assert_eq!(
            (unarmed.grade, unarmed.is_missing()),
            (Grade::Inconclusive, true),
            "{}",
            unarmed.reason
        );
        let idle = Stream::new(plan(40, vec![gate]))
            .peak()
            .load(0..10, 0, 20_000)
            .fault()
            .load(10..40, 1, 20_000)
            .events();
        let idle = idle
            .into_iter()
            .filter(|e| !matches!(e.event, Event::FaultEffective { .. }));
        let result = only(&crate::record::fold(idle).unwrap());
        assert_eq!(result.grade, Grade::Invalid, "{}", result.reason);
    }
    assert_eq!(faulted(gate("p50 < 250ms"), failed).grade, Grade::Pass);
}

#[test]
fn an_invalid_generator_spoils_passes_but_not_the_targets_failures() {
    let lagging = |expect: &str, tick_: fn(u32) -> LoadTick| {
        let stream = Stream::new(plan(20, vec![gate(expect)])).peak();
        only(
            &(0..20)
                .fold(stream, |s, n| {
                    s.at(f64::from(n) + 1.0).tick(tick_(n)).health(400_000, 0.3)
                })
                .done(20),
        )
        .grade
    };
    assert_eq!(lagging("p50 < 250ms", |n| tick(n, 0, 1000)), Grade::Invalid);
    assert_eq!(lagging("p50 < 250ms", |n| tick(n, 0, 900_000)), Grade::Fail);
    // Slow by the generator's lag alone: from the send, the target was quick.
    let late = |n| LoadTick {
        service: Hist::from_counts([(1000, 100)]),
        ..tick(n, 0, 900_000)
    };
    assert_eq!(lagging("p50 < 250ms", late), Grade::Invalid);
    assert_eq!(
        lagging("error_rate < 1%", |n| tick_of(n, 0, 50, 50, 1)),
        Grade::Fail
    );
    assert_eq!(lagging("rate > 200/s", |n| tick(n, 0, 1)), Grade::Invalid);
}

#[test]
fn the_suites_gates_judge_all_load() {
    let mut all = plan(20, Vec::new());
    all.gates = vec![Gate {
        scenario: None,
        id: "suite#1".into(),
        ..gate("p50 < 250ms")
    }];
    assert_eq!(
        only(
            &Stream::new(all.clone())
                .peak()
                .load(0..20, 0, 1000)
                .done(20)
        )
        .grade,
        Grade::Pass
    );
    assert_eq!(
        only(
            &Stream::new(all.clone())
                .peak()
                .load(0..20, 0, 300_000)
                .done(20)
        )
        .grade,
        Grade::Fail
    );
    assert!(only(&Stream::new(all).record()).is_missing());
}

#[test]
fn only_what_decides_makes_the_grade() {
    let graded = |class| {
        let gate = Gate {
            class,
            ..gate("p50 < 1ms")
        };
        evaluate(
            &Stream::new(plan(20, vec![gate]))
                .peak()
                .load(0..20, 0, 5000)
                .done(20),
        )
        .grade
    };
    assert_eq!(
        [Class::Key, Class::Scored, Class::Info].map(graded),
        [Grade::Fail, Grade::Pass, Grade::Pass]
    );
}

#[test]
fn abort_trips_on_what_is_sure_and_on_nothing_else() {
    let trips = |expect: &str, seconds: u32, us: u64| {
        let aborting = Gate {
            abort: true,
            ..gate(expect)
        };
        let record = Stream::new(plan(20, vec![aborting]))
            .peak()
            .load(0..seconds, 0, us)
            .record();
        tripped(&record, &name("peak")).len()
    };
    assert_eq!(trips("p95 < 250ms", 10, 900_000), 1);
    assert_eq!(trips("p95 < 250ms", 10, 1000), 0);
    assert_eq!(trips("p95 < 250ms", 2, 900_000), 0);
    let quiet = Stream::new(plan(20, vec![gate("p95 < 250ms")]))
        .peak()
        .load(0..10, 0, 900_000)
        .record();
    assert!(tripped(&quiet, &name("peak")).is_empty());
    let spike = |bad: u64| {
        let aborting = Gate {
            abort: true,
            ..gate("error_rate < 1%")
        };
        let stream = Stream::new(plan(20, vec![aborting]))
            .peak()
            .load(0..4, 0, 1000);
        tripped(
            &stream.tick(tick_of(4, 0, 100 - bad, bad, 1000)).record(),
            &name("peak"),
        )
        .len()
    };
    assert_eq!((spike(8), spike(30)), (0, 1));
}

#[test]
fn a_scenario_that_stopped_early_is_judged_by_what_it_saw() {
    let gates = vec![gate("p50 < 250ms")];
    let record = Stream::new(plan(20, gates))
        .peak()
        .load(0..8, 0, 900_000)
        .ended(8, ScenarioEnd::Aborted)
        .record();
    assert_eq!(only(&record).grade, Grade::Fail);
}

proptest! {
    /// Making every latency worse never makes a grade better.
    #[test]
    fn grades_are_monotone(latencies in prop::collection::vec((0u32..20, 1u64..600_000, 1u64..60), 1..40), slower in 1u64..400_000, over in prop::option::of(1u64..6), subject in prop::sample::select(vec!["p50", "p90", "p99", "mean", "max"])) {
        let gate = Gate { over: over.map(Duration::from_secs), ..gate(&format!("{subject} < 250ms")) };
        let graded = |extra: u64| {
            let stream = Stream::new(plan(20, vec![gate.clone()])).peak();
            let ticks = latencies.iter().map(|(second, us, n)| tick_of(*second, 0, *n, 0, us + extra));
            let record = ticks.fold(stream, Stream::tick).ended(20, ScenarioEnd::Aborted).record();
            evaluate(&record).gates[0].grade
        };
        prop_assert!(graded(0) <= graded(slower));
    }
}
