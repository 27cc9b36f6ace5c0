//! What streams come to, put together second by second; and what no order or cut of a stream may change.

use super::super::admit::MAX_EPOCHS;
use super::super::testing::{FAULT, Stream, T0, name, plan, tick, tick_of};
use super::super::thin::MAX_POINTS;
use super::super::{MAX_WINDOWS, SpanKind};
use super::*;
use crate::event::{FORMAT, LinkTick, Outcome, ProbeSample, RunEnd, ScenarioEnd};
use crate::hist::Hist;
use crate::plan::gate::During;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn faulted() -> Stream {
    Stream::new(plan(40, Vec::new())).peak().fault()
}

#[test]
fn a_stream_that_cannot_be_accounted_for_is_refused() {
    let good = Stream::new(plan(10, Vec::new()))
        .peak()
        .tick(tick(0, 0, 1))
        .events();
    assert!(fold(good.clone()).is_ok());

    let headless = good[1..].to_vec();
    assert_eq!(fold(headless), Err(FoldError::BeforeBegin { seq: 1 }));

    let mut newer = good.clone();
    let Event::RunStarted(run) = &mut newer[0].event else {
        panic!("no begin")
    };
    run.format = FORMAT + 1;
    assert_eq!(
        fold(newer),
        Err(FoldError::NewerFormat { found: FORMAT + 1 })
    );

    let twice = good.iter().chain(&good[..1]).cloned();
    assert_eq!(fold(twice), Err(FoldError::SecondBegin { seq: 0 }));

    let unbegun = Stream::new(plan(10, Vec::new()))
        .tick(tick(0, 0, 1))
        .events();
    assert!(matches!(
        fold(unbegun),
        Err(FoldError::UnknownScenario { .. })
    ));
    let endless = Stream::new(plan(10, Vec::new()))
        .peak()
        .tick(tick(0, MAX_EPOCHS, 1))
        .events();
    assert!(matches!(
        fold(endless),
        Err(FoldError::TooManyEpochs { .. })
    ));
}

#[test]
fn passes_of_a_step_are_one_line_that_adds_up() {
    let step = |step: &str, pass: u32, passed: bool| {
        Event::StepFinished(Box::new(StepFinished {
            journey: name("pages"),
            row: 0,
            step: step.to_owned(),
            pass,
            passed: Some(passed),
            failures: Vec::new(),
            attempts: 1,
            took_us: 10,
            exchange: None,
        }))
    };
    let record = Stream::new(plan(10, Vec::new()))
        .event(step("insert", 1, true))
        .event(step("page", 1, true))
        .event(step("insert", 2, true))
        .event(step("page", 2, false))
        .record();
    let told: Vec<_> = record
        .journeys
        .last()
        .unwrap()
        .steps
        .iter()
        .map(|s| (s.step.as_str(), s.pass, s.passed, s.took_us))
        .collect();
    assert_eq!(
        told,
        [("insert", 2, Some(true), 20), ("page", 2, Some(false), 20)]
    );
}

#[test]
fn a_stream_cut_short_gives_its_first_half() {
    let mut events = Stream::new(plan(10, Vec::new()))
        .peak()
        .load(0..10, 0, 1000)
        .events();
    events.truncate(events.len() - 10);
    let record = fold(events).unwrap();
    assert_eq!((record.end, record.lost()), (None, 0));
    assert_eq!(record.scenarios[0].total("checkout").ok, 500);
}

#[test]
fn events_missing_from_the_middle_are_counted() {
    let mut events = Stream::new(plan(10, Vec::new()))
        .peak()
        .load(0..10, 0, 1000)
        .events();
    events.drain(5..8);
    assert_eq!(fold(events).unwrap().lost(), 3);
}

#[test]
fn phases_follow_the_epochs() {
    let record = faulted()
        .tick(tick(3, 0, 1))
        .tick(tick(12, 1, 2))
        .tick(tick(16, 2, 3))
        .tick(tick(30, 3, 4))
        .done(40);
    let peak = &record.scenarios[0];
    let seen = |during: &During| (peak.select(None, during).ok, peak.phase_seconds(during));
    assert_eq!(seen(&During::All), (400, 40.0));
    assert_eq!(seen(&During::Undisturbed), (200, 25.0));
    assert_eq!(seen(&During::Fault(FAULT.into())), (100, 5.0));
    assert_eq!(seen(&During::Recovery(FAULT.into())), (100, 10.0));
    assert_eq!(seen(&During::Before(FAULT.into())), (100, 10.0));
    assert_eq!(seen(&During::After(FAULT.into())), (100, 15.0));
    assert_eq!(seen(&During::Fault("another".into())), (0, 0.0));
    assert_eq!(seen(&During::After("another".into())), (0, 0.0));
    let spans: Vec<_> = peak
        .spans()
        .into_iter()
        .map(|s| {
            (
                s.kind,
                (s.from_us - T0) / 1_000_000,
                (s.to_us - T0) / 1_000_000,
            )
        })
        .collect();
    assert_eq!(
        spans,
        [(SpanKind::Active, 10, 15), (SpanKind::Settling, 15, 25)]
    );
}

#[test]
fn turns_of_a_fault_have_one_before_and_one_after() {
    let record = Stream::new(plan(40, Vec::new()))
        .peak()
        .epoch(1, 5, &["other"], &[])
        .epoch(2, 7, &[], &["other"])
        .epoch(3, 9, &[], &[])
        .epoch(4, 10, &[FAULT], &[])
        .epoch(5, 12, &[], &[FAULT])
        .epoch(6, 14, &[FAULT], &[FAULT])
        .epoch(7, 15, &[FAULT], &[])
        .epoch(8, 16, &[], &[FAULT])
        .epoch(9, 20, &[], &[])
        .epoch(10, 22, &[FAULT], &[])
        .epoch(11, 24, &[], &[FAULT])
        .epoch(12, 30, &[], &[])
        .done(40);
    let peak = &record.scenarios[0];
    let seconds = |during: During| -> Vec<_> {
        let at = |us: u64| (us - T0) / 1_000_000;
        let all = peak.intervals(&during).into_iter();
        all.map(|(from, to)| (at(from), at(to))).collect()
    };
    let [before, active, recovering, after] = During::of_fault(FAULT).map(seconds);
    assert_eq!(
        before,
        [(0, 5), (9, 10)],
        "another fault's time is not usual"
    );
    assert_eq!(active, [(10, 12), (14, 16), (22, 24)]);
    assert_eq!(recovering, [(12, 14), (16, 20), (24, 30)]);
    assert_eq!(after, [(30, 40)], "between two turns is not after");
}

#[test]
fn an_unplanned_name_is_kept_apart_and_said_once() {
    let stray = |name: &str| LoadTick {
        name: name.into(),
        ..tick(1, 0, 1)
    };
    let step = LoadTick {
        name: "checkout/pay".into(),
        ..tick(1, 0, 1)
    };
    let record = Stream::new(plan(10, Vec::new()))
        .peak()
        .tick(stray("ghost"))
        .tick(stray("checkout/ghost"))
        .tick(step)
        .done(10);
    let peak = &record.scenarios[0];
    assert_eq!(peak.total(OTHER).ok, 200);
    assert_eq!(peak.total("checkout/pay").ok, 100);
    assert!(peak.select(None, &During::All).is_empty());
    assert_eq!(record.notices.len(), 1, "{:?}", record.notices);
}

#[test]
fn windows_stay_bounded_and_lose_nothing() {
    for (seconds, window_s) in [(600u32, 1u32), (601, 2), (3600, 6), (86_400, 144)] {
        let stream = Stream::new(plan(u64::from(seconds), Vec::new())).peak();
        let stream = (0..seconds)
            .step_by(7)
            .fold(stream, |s, second| s.tick(tick(second, 0, 5000)));
        let record = stream.done(seconds);
        let peak = &record.scenarios[0];
        let series = peak.series(None);
        assert_eq!(peak.window_s, window_s);
        assert!(series.len() <= MAX_WINDOWS as usize);
        assert_eq!(
            series.iter().map(|p| p.tally.ok).sum::<u64>(),
            peak.total("checkout").ok
        );
        assert_eq!(series[1].second % window_s, 0);
    }
    let late = Stream::new(plan(600, Vec::new()))
        .peak()
        .tick(tick(599, 0, 1))
        .tick(tick(4000, 0, 1))
        .done(600);
    let peak = &late.scenarios[0];
    assert_eq!(
        (
            peak.window_s,
            peak.series(None).len(),
            peak.total("checkout").ok
        ),
        (8, 2, 200)
    );
}

#[test]
fn lists_are_bounded_and_what_is_left_out_is_counted() {
    let notice = |s: Stream, n: usize| {
        s.event(Event::Notice {
            text: n.to_string(),
        })
    };
    let record = (0..MAX_NOTICES + 5)
        .fold(Stream::new(plan(10, Vec::new())), notice)
        .record();
    assert_eq!(record.notices.len(), MAX_NOTICES);
    assert_eq!(record.omitted, BTreeMap::from([("notices".to_owned(), 5)]));
}

#[test]
fn a_long_run_keeps_at_most_600_points_and_all_counts() {
    let link = |n: u64| LinkTick {
        opened: 1,
        open: n,
        bytes_up: n,
        ..LinkTick::quiet(name("edge"))
    };
    let mut stream = Stream::new(plan(10, Vec::new())).peak();
    for second in 0..2000u32 {
        let values = [("up".to_owned(), f64::from(second))].into();
        let sample = ProbeSample {
            service: "orders".into(),
            values,
            unread: std::collections::BTreeMap::new(),
            error: None,
            taken_us: None,
        };
        stream = stream
            .at(f64::from(second))
            .event(Event::LinkTick(link(u64::from(second))))
            .event(Event::ProbeSample(sample))
            .health(5, 0.1);
    }
    let record = stream.record();
    let (links, probes) = (&record.links["edge"], &record.probes["orders"]["up"]);
    assert!(
        links.len() <= MAX_POINTS
            && probes.len() <= MAX_POINTS
            && record.health.len() <= MAX_POINTS
    );
    assert_eq!(links.iter().map(|(_, t)| t.opened).sum::<u64>(), 2000);
    assert_eq!(
        links.iter().map(|(_, t)| t.bytes_up).sum::<u64>(),
        1999 * 1000
    );
    assert_eq!(
        record
            .health
            .iter()
            .map(|(_, h)| h.lag.count())
            .sum::<u64>(),
        200_000
    );
    assert_eq!(probes.last().map(|(_, v)| *v), Some(1999.0));
    assert_eq!(record.step_us, 4_000_000);
    assert_eq!(record.scenarios[0].instrument.seconds, 2000);
}

#[test]
fn walks_faults_and_ends_are_put_together() {
    let record = faulted()
        .walk("browse", Outcome::Failed)
        .ended(20, ScenarioEnd::Aborted)
        .event(Event::CancelRequested)
        .event(Event::RunFinished {
            end: RunEnd::Cancelled,
        })
        .record();
    assert_eq!(
        record
            .journeys
            .iter()
            .map(|w| w.outcome)
            .collect::<Vec<_>>(),
        [Some(Outcome::Passed), Some(Outcome::Failed)]
    );
    let fault = &record.faults[0];
    assert_eq!(
        (fault.armed_us, fault.lifted_us),
        (T0 + 10_000_000, Some(T0 + 15_000_000))
    );
    assert_eq!(
        (record.cancelled, record.end),
        (true, Some(RunEnd::Cancelled))
    );
    assert_eq!(record.scenarios[0].load_end_us(), T0 + 20_000_000);
}

fn arbitrary_tick() -> impl Strategy<Value = LoadTick> {
    (
        0u32..30,
        0u32..4,
        0u64..50,
        0u64..5,
        1u64..5_000_000,
        prop::sample::select(vec!["checkout", "browse", "checkout/pay", "ghost"]),
    )
        .prop_map(|(second, epoch, ok, bad, us, name)| LoadTick {
            name: name.into(),
            phases: crate::phases::Phases {
                queue: Hist::from_counts([(us / 2, ok)]),
                tls: Hist::from_counts([(us, bad)]),
                ..Default::default()
            },
            ..tick_of(second, epoch, ok, bad, us)
        })
}

/// A tick in two parts, as a late completion would split it.
fn split(tick: &LoadTick) -> [LoadTick; 2] {
    let key = |t: &LoadTick| LoadTick {
        scenario: t.scenario.clone(),
        second: t.second,
        epoch: t.epoch,
        name: t.name.clone(),
        ..LoadTick::default()
    };
    let begun = LoadTick {
        planned: tick.planned,
        started: tick.started,
        ..key(tick)
    };
    [
        begun,
        LoadTick {
            planned: 0,
            started: 0,
            ..tick.clone()
        },
    ]
}

fn record_of(ticks: &[LoadTick]) -> Record {
    let stream = ticks.iter().cloned().fold(faulted().at(30.0), Stream::tick);
    // How many events said it, and which stray name came first, is not what is compared.
    Record {
        events: 0,
        last_seq: 0,
        notices: Vec::new(),
        ..stream.record()
    }
}

proptest! {
    #[test]
    fn order_within_a_second_does_not_matter(ticks in prop::collection::vec(arbitrary_tick(), 0..40), seed in any::<u64>()) {
        let mut shuffled = ticks.clone();
        let mut draws = crate::random::Draws::at(seed, &[]);
        (1..shuffled.len()).rev().for_each(|i| shuffled.swap(i, draws.below(i as u64 + 1) as usize));
        prop_assert_eq!(record_of(&ticks), record_of(&shuffled));
    }

    #[test]
    fn events_of_a_second_may_come_in_any_order(order in Just((0..6usize).collect::<Vec<_>>()).prop_shuffle(), seconds in 1u32..700) {
        let fold_in = |order: &[usize]| {
            let mut stream = Stream::new(plan(10, Vec::new())).peak();
            for second in 0..seconds {
                for what in order {
                    let jitter = *what as f64 * 0.001;
                    stream = stream.at(f64::from(second) + jitter);
                    let link = |link| Event::LinkTick(LinkTick { opened: 1, open: u64::from(second), bytes_up: 3, bytes_down: 4, ..LinkTick::quiet(name(link)) });
                    stream = match what {
                        0 => stream.tick(tick(second, 0, 700)),
                        1 => stream.event(link("edge")),
                        2 => stream.event(link("payments")),
                        3 => stream.health(3, 0.2),
                        4 => stream.event(Event::ProbeSample(ProbeSample { service: "orders".into(), values: [("up".to_owned(), f64::from(second))].into(), unread: std::collections::BTreeMap::new(), error: None, taken_us: None })),
                        _ => stream.tick(LoadTick { name: "browse".into(), ..tick(second, 0, 900) }),
                    };
                }
            }
            stream.record()
        };
        prop_assert_eq!(fold_in(&order), fold_in(&[0, 1, 2, 3, 4, 5]));
    }

    #[test]
    fn amendments_add_up(ticks in prop::collection::vec(arbitrary_tick(), 0..40)) {
        let parts: Vec<_> = ticks.iter().flat_map(split).collect();
        prop_assert_eq!(record_of(&ticks), record_of(&parts));
    }

    #[test]
    fn windows_and_epochs_hold_the_same(ticks in prop::collection::vec(arbitrary_tick(), 1..40)) {
        let record = record_of(&ticks);
        let peak = &record.scenarios[0];
        for during in [During::All, During::Undisturbed, During::Before(FAULT.into()), During::Fault(FAULT.into()), During::Recovery(FAULT.into()), During::After(FAULT.into())] {
            let total = peak.select(None, &during);
            let mut windows = crate::record::Tally::default();
            peak.series_in(None, &during).iter().for_each(|p| windows.add(&p.tally));
            let coarse = |h: &Hist| h.coarsen();
            prop_assert_eq!((total.ok, total.failed(), coarse(&total.response)), (windows.ok, windows.failed(), windows.response));
        }
    }
}
