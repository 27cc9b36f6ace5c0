//! Gates on probes against streams of scrapes: held, broken, missing, counters that restart, scrapes that fail.

use super::*;
use crate::event::{Event, ScenarioEnd};
use crate::expr::gate::Unit;
use crate::journey::Origin;
use crate::plan::Plan;
use crate::plan::gate::During;
use crate::record::fold;
use crate::record::testing::{FAULT, Stream, T0, gate, plan};
use crate::verdict::{GateResult, evaluate, tripped};
use proptest::prelude::*;
use std::time::Duration;

const HITS: &str = "rate(shop.hits_total) / rate(shop.requests_total)";

fn planned(seconds: u64, value: &str, gate: Gate) -> Plan {
    let mut plan = plan(seconds, vec![gate]);
    plan.probes = vec![ProbePlan {
        name: "x".parse().unwrap(),
        title: "x".into(),
        value: value.parse().unwrap(),
        unit: Unit::Share,
        chart: true,
        origin: Origin {
            file: "harness.toml".into(),
            line: 1,
        },
    }];
    plan
}

/// A scrape of `shop` at a second of the scenario.
fn scrape(stream: Stream, second: f64, values: &[(&str, f64)]) -> Stream {
    let values = values.iter().map(|(k, v)| ((*k).to_owned(), *v)).collect();
    stream
        .at(second)
        .event(Event::ProbeSample(crate::event::ProbeSample {
            service: "shop".into(),
            values,
            unread: std::collections::BTreeMap::new(),
            error: None,
            taken_us: Some(T0 + (second * 1e6) as u64),
        }))
}

fn failed(stream: Stream, second: f64) -> Stream {
    stream
        .at(second)
        .event(Event::ProbeSample(crate::event::ProbeSample {
            service: "shop".into(),
            values: Default::default(),
            unread: std::collections::BTreeMap::new(),
            error: Some("connection refused".into()),
            taken_us: None,
        }))
}

/// 20 s of load and a scrape at each second's end, of what `values` says; `None` fails.
fn judged(
    value: &str,
    gate: Gate,
    values: impl Fn(u32) -> Option<Vec<(&'static str, f64)>>,
) -> GateResult {
    let record = record(value, gate, values);
    evaluate(&record).gates.into_iter().next().unwrap()
}

fn record(
    value: &str,
    gate: Gate,
    values: impl Fn(u32) -> Option<Vec<(&'static str, f64)>>,
) -> Record {
    let stream = Stream::new(planned(20, value, gate)).peak();
    let step = |stream: Stream, n: u32| {
        let second = f64::from(n);
        let stream = match values(n) {
            Some(values) => scrape(stream, second, &values),
            None => failed(stream, second),
        };
        if n < 20 {
            stream.load(n..n + 1, 0, 1000)
        } else {
            stream
        }
    };
    (0..=20).fold(stream, step).done(20)
}

fn steady(n: u32) -> Option<Vec<(&'static str, f64)>> {
    Some(vec![
        ("hits_total", 1000.0 + 90.0 * f64::from(n)),
        ("requests_total", 5000.0 + 100.0 * f64::from(n)),
    ])
}

#[test]
fn a_ratio_holds_or_not() {
    let green = judged(HITS, gate("probe.x > 80%"), steady);
    assert_eq!(
        (green.grade, green.samples),
        (Grade::Pass, 20),
        "{}",
        green.reason
    );
    assert!((green.observed.unwrap() - 0.9).abs() < 1e-9);
    assert_eq!(green.reason, "`probe.x > 80%`: saw 90 % over 20 scrapes");
    assert_eq!(
        judged(HITS, gate("probe.x > 95%"), steady).grade,
        Grade::Fail
    );
}

#[test]
fn a_ratio_is_one_of_sums() {
    // One busy second of misses among quiet ones of hits: the mean of the ratios would be 95 %.
    let values = |n: u32| {
        let (hits, all) = if n >= 10 {
            (19.0, 1019.0)
        } else {
            (f64::from(n), f64::from(n))
        };
        Some(vec![("hits_total", hits), ("requests_total", all)])
    };
    let seen = judged(HITS, gate("probe.x > 50%"), values)
        .observed
        .unwrap();
    assert!((seen - 19.0 / 1019.0).abs() < 1e-9, "{seen}");
}

#[test]
fn functions_say_what_they_say() {
    let values = |n: u32| {
        Some(vec![
            ("queue{kind=\"a\"}", f64::from(n)),
            ("queue{kind=\"b\"}", 1.0),
        ])
    };
    let seen = |value: &str| {
        judged(value, gate("probe.x > -1"), values)
            .observed
            .unwrap()
    };
    assert_eq!(seen("first(shop.queue)"), 1.0);
    assert_eq!(seen("last(shop.queue)"), 21.0);
    assert_eq!(seen("min(shop.queue)"), 1.0);
    assert_eq!(seen("max(shop.queue{kind=\"b\"})"), 1.0);
    assert_eq!(seen("shop.queue"), 11.0);
    assert_eq!(seen("increase(shop.queue)"), 20.0);
    assert_eq!(seen("rate(shop.queue)"), 1.0);
}

#[test]
fn missing_data_never_passes_and_says_what_is_missing() {
    let reason = |value: &str, expect: &str| {
        let result = judged(value, gate(expect), steady);
        assert_eq!(
            (result.grade, result.is_missing()),
            (Grade::Inconclusive, true),
            "{value}"
        );
        result.reason
    };
    assert_eq!(
        reason("rate(shop.hitz_total)", "probe.x >= 0"),
        "no scrape of `shop` ever held `shop.hitz_total`; did you mean `hits_total`?"
    );
    assert_eq!(
        reason("rate(shop.hits_total{code=\"2\"})", "probe.x >= 0"),
        "no scrape of `shop` ever held `shop.hits_total{code=\"2\"}`; it has that metric, not with these labels"
    );
    assert_eq!(
        reason("rate(depot.hits_total)", "probe.x >= 0"),
        "`depot` was never scraped, so `depot.hits_total` is not known"
    );
    assert!(reason("rate(shop.hits)", "probe.x >= 0").ends_with("did you mean `hits_total`?"));
    let down = judged(HITS, gate("probe.x > 80%"), |_| None);
    assert_eq!(
        down.reason,
        "`shop` never answered a scrape (21 scrapes of `shop` failed, last: connection refused)"
    );
    let idle = judged(HITS, gate("probe.x > 80%"), |_| {
        Some(vec![("hits_total", 5.0), ("requests_total", 5.0)])
    });
    assert_eq!(
        (idle.grade, idle.is_missing()),
        (Grade::Inconclusive, false)
    );
    assert_eq!(
        idle.reason,
        "it divides by `rate(shop.requests_total)`, which was 0"
    );
}

#[test]
fn a_counter_of_a_service_that_restarted_counts_on() {
    let restarted = |n: u32| match n {
        0..=10 => steady(n),
        _ => Some(vec![
            ("hits_total", 90.0 * f64::from(n - 11)),
            ("requests_total", 100.0 * f64::from(n - 11)),
        ]),
    };
    let result = judged(HITS, gate("probe.x > 80%"), restarted);
    assert_eq!(result.grade, Grade::Pass, "{}", result.reason);
    let grown = judged(
        "increase(shop.requests_total)",
        gate("probe.x > 0"),
        restarted,
    );
    assert_eq!(grown.observed, Some(1900.0));
}

#[test]
fn a_label_that_goes_and_comes_is_no_restart() {
    let values = |n: u32| {
        let mut all = vec![("hits_total{code=\"200\"}", 1000.0 + 10.0 * f64::from(n))];
        if n >= 5 && n != 8 {
            all.push(("hits_total{code=\"500\"}", f64::from(n - 4)));
        }
        Some(all)
    };
    let grown = judged("increase(shop.hits_total)", gate("probe.x > 0"), values);
    assert_eq!(grown.observed, Some(216.0));
}

#[test]
fn scrapes_that_fail_leave_no_hole_in_counters_and_their_absence_is_told() {
    let some = |n: u32| if (3..9).contains(&n) { None } else { steady(n) };
    let result = judged("increase(shop.requests_total)", gate("probe.x > 0"), some);
    assert_eq!((result.grade, result.observed), (Grade::Pass, Some(2000.0)));
    let most = |n: u32| if n > 5 { None } else { steady(n) };
    let result = judged(HITS, gate("probe.x > 80%"), most);
    assert_eq!(result.grade, Grade::Inconclusive);
    assert_eq!(
        result.reason,
        "scrapes that tell `rate(shop.hits_total)` cover 5.0 s of the 20.0 s looked at (15 scrapes of `shop` failed, last: connection refused)"
    );
}

#[test]
fn a_scrape_heard_late_counts_where_it_was_taken_and_an_old_one_is_passed_over() {
    let expect = gate("probe.x > 0");
    let stream = Stream::new(planned(2, "increase(shop.n_total)", expect)).peak();
    let stream = scrape(stream, 0.0, &[("n_total", 5.0)]).load(0..2, 0, 1000);
    let stream = scrape(stream, 2.0, &[("n_total", 25.0)]);
    let record = scrape(stream, 1.0, &[("n_total", 15.0)]).done(2);
    assert_eq!(evaluate(&record).gates[0].observed, Some(20.0));
}

/// 40 s with the fault from 10 to 15 and the settling to 25; hits stop while it is active.
fn faulted(expect: &str, during: During) -> GateResult {
    let gate = Gate {
        during,
        ..gate(expect)
    };
    let stream = Stream::new(planned(40, HITS, gate))
        .peak()
        .load(0..10, 0, 1000)
        .fault();
    let hits = |n: u32| match n {
        0..=10 => 100.0 * f64::from(n),
        11..=15 => 1000.0,
        _ => 1000.0 + 50.0 * f64::from(n - 15),
    };
    let stream = stream
        .load(10..15, 1, 1000)
        .load(15..25, 2, 1000)
        .load(25..40, 3, 1000);
    let record = (0..=40).fold(stream, |s, n| {
        scrape(
            s,
            f64::from(n),
            &[
                ("hits_total", hits(n)),
                ("requests_total", 100.0 * f64::from(n)),
            ],
        )
    });
    evaluate(&record.done(40)).gates.into_iter().next().unwrap()
}

#[test]
fn each_phase_has_its_own_value() {
    let seen = |during: During| faulted("probe.x >= 0%", during).observed.unwrap();
    assert_eq!(seen(During::Fault(FAULT.into())), 0.0);
    assert_eq!(seen(During::Recovery(FAULT.into())), 0.5);
    assert!((seen(During::Undisturbed) - 1750.0 / 2500.0).abs() < 1e-9);
    assert!((seen(During::All) - 2250.0 / 4000.0).abs() < 1e-9);
}

#[test]
fn every_sliding_window_must_hold_and_the_worst_is_told() {
    let dip = |n: u32| {
        let hits = 90.0 * f64::from(n) - if n > 12 { 90.0 } else { 0.0 };
        Some(vec![
            ("hits_total", hits),
            ("requests_total", 100.0 * f64::from(n)),
        ])
    };
    let over = |seconds: u64, expect: &str| Gate {
        over: Some(Duration::from_secs(seconds)),
        ..gate(expect)
    };
    let one = judged(HITS, over(1, "probe.x > 50%"), dip);
    assert_eq!(
        (one.grade, one.worst_second, one.observed),
        (Grade::Fail, Some(12), Some(0.0))
    );
    assert_eq!(
        judged(HITS, over(5, "probe.x > 50%"), dip).grade,
        Grade::Pass
    );
    assert_eq!(judged(HITS, gate("probe.x > 80%"), dip).grade, Grade::Pass);
    let gap = |n: u32| if n % 2 == 1 { None } else { steady(n) };
    let holes = judged(HITS, over(1, "probe.x > 50%"), gap);
    assert_eq!(holes.grade, Grade::Inconclusive, "{}", holes.reason);
}

#[test]
fn a_window_behind_every_scrape_may_stop_the_scenario() {
    let trips = |until: u32, over: Option<u64>| {
        let aborting = Gate {
            abort: true,
            over: over.map(Duration::from_secs),
            ..gate("probe.x > 50%")
        };
        let stream = Stream::new(planned(20, HITS, aborting)).peak();
        let record = (0..=until).fold(stream, |s, n| {
            let values = [
                ("hits_total", 0.0),
                ("requests_total", 100.0 * f64::from(n)),
            ];
            scrape(s, f64::from(n), &values).load(n..n + 1, 0, 1000)
        });
        tripped(&record.record(), &"peak".parse().unwrap()).len()
    };
    assert_eq!(
        (trips(10, Some(5)), trips(3, Some(5)), trips(10, None)),
        (1, 0, 0)
    );
}

#[test]
fn a_short_scenario_has_both_ends() {
    let expect = gate("probe.x > 0");
    let stream = Stream::new(planned(1, "increase(shop.n_total)", expect)).peak();
    let stream = scrape(stream, 0.0, &[("n_total", 5.0)]).load(0..1, 0, 1000);
    let record = scrape(stream, 1.4, &[("n_total", 25.0)])
        .ended(2, ScenarioEnd::Completed)
        .record();
    let result = &evaluate(&record).gates[0];
    assert_eq!(result.observed, Some(20.0), "{}", result.reason);
}

#[test]
fn a_chart_has_a_value_a_second_and_gaps_where_nothing_is_known() {
    let gap = |n: u32| if n == 5 { None } else { steady(n) };
    let record = record(HITS, gate("probe.x > 0%"), gap);
    let probe = &record.run.as_ref().unwrap().plan.probes[0];
    let series = probe_series(&record, probe, &record.scenarios[0], 20, 1);
    let known: Vec<bool> = series.iter().map(Option::is_some).collect();
    let expected: Vec<bool> = (0..20).map(|n| n != 4 && n != 5).collect();
    assert_eq!(known, expected);
    assert!(series.iter().flatten().all(|v| (v - 0.9).abs() < 1e-9));
}

#[test]
fn hours_are_kept_in_few_readings_and_lose_nothing() {
    let seconds = 7200;
    let stream = Stream::new(planned(
        seconds,
        "increase(shop.n_total)",
        gate("probe.x > 0"),
    ))
    .peak();
    let events = (0..=seconds).fold(stream, |s, n| {
        scrape(s, n as f64, &[("n_total", 3.0 * n as f64)])
    });
    let record = fold(
        events
            .ended(seconds as u32, ScenarioEnd::Completed)
            .events(),
    )
    .unwrap();
    let readings = record.scenarios[0].readings.values().next().unwrap();
    assert!(readings.len() <= 620, "{}", readings.len());
    assert_eq!(
        readings.iter().map(|r| r.increase).sum::<f64>(),
        3.0 * seconds as f64
    );
    assert_eq!(readings.iter().map(|r| r.scrapes).sum::<u64>(), seconds + 1);
    assert_eq!(
        evaluate(&record).gates[0].observed,
        Some(3.0 * seconds as f64)
    );
}

#[test]
fn scrapes_a_little_late_tell_gauges_in_windows_of_any_length() {
    for (seconds, window_s) in [(20u32, 1), (1300, 3)] {
        let over = Gate {
            over: Some(Duration::from_secs(u64::from(window_s))),
            ..gate("probe.x < 5")
        };
        let stream = Stream::new(planned(u64::from(seconds), "max(shop.depth)", over)).peak();
        let stream = (0..=seconds).fold(stream, |s, n| {
            let s = scrape(s, f64::from(n) + 0.004, &[("depth", f64::from(n % 4))]);
            s.load(n..(n + 1).min(seconds), 0, 1000)
        });
        let record = stream.ended(seconds, ScenarioEnd::Completed).record();
        let scenario = &record.scenarios[0];
        assert_eq!(scenario.window_s, window_s);
        let probe = &record.run.as_ref().unwrap().plan.probes[0];
        let windows = seconds / window_s;
        let series = probe_series(&record, probe, scenario, windows, window_s);
        let expected = |window: u32| {
            let ends = window * window_s + 1..=(window + 1) * window_s;
            ends.map(|n| f64::from(n % 4)).reduce(f64::max)
        };
        assert_eq!(series, (0..windows).map(expected).collect::<Vec<_>>());
        let result = &evaluate(&record).gates[0];
        assert_eq!(
            (result.grade, result.observed),
            (Grade::Pass, Some(3.0)),
            "{}",
            result.reason
        );
    }
}

proptest! {
    /// However scrapes fall and fail, what a counter grew by is never more than what it grew by.
    #[test]
    fn growth_is_never_invented(steps in prop::collection::vec((0u32..50, any::<bool>()), 20..60), restart in 0usize..60) {
        let seconds = steps.len() as u64;
        let mut stream = Stream::new(planned(seconds, "increase(shop.n_total)", gate("probe.x >= 0"))).peak();
        let (mut value, mut grown) = (0.0, 0.0);
        for (n, (step, answers)) in steps.iter().enumerate() {
            if n == restart {
                value = 0.0;
            }
            value += f64::from(*step);
            grown += f64::from(*step);
            stream = if *answers { scrape(stream, n as f64, &[("n_total", value)]) } else { failed(stream, n as f64) };
        }
        let record = stream.ended(seconds as u32, ScenarioEnd::Completed).record();
        let seen = evaluate(&record).gates[0].observed;
        prop_assert!(seen.is_none_or(|seen| seen <= grown), "{:?} of {}", seen, grown);
    }
}

/// A sum over the series there was room for is not the sum.
#[test]
fn a_metric_that_is_not_told_in_full_is_inconclusive() {
    let sick = |second: u32| second >= 2;
    let partial = |second: u32, stream: Stream| {
        let at = f64::from(second);
        let unread = [(
            "shop.errors_total".to_owned(),
            "it has more than 500 series".to_owned(),
        )];
        let unread = unread.into_iter().filter(|_| sick(second)).collect();
        stream
            .at(at)
            .event(Event::ProbeSample(crate::event::ProbeSample {
                service: "shop".into(),
                values: [("errors_total".to_owned(), 0.0)].into(),
                unread,
                error: None,
                taken_us: Some(T0 + u64::from(second) * 1_000_000),
            }))
    };
    let plan = planned(20, "increase(shop.errors_total)", gate("probe.x < 1%"));
    let stream = Stream::new(plan).peak().load(0..20, 0, 5000);
    let record = (0..=20).fold(stream, |s, n| partial(n, s)).done(20);
    let judged = evaluate(&record).gates.into_iter().next().unwrap();
    assert_eq!(judged.grade, Grade::Inconclusive, "{}", judged.reason);
    assert!(
        judged
            .reason
            .ends_with("(19 scrapes of `shop` were not whole, last: it has more than 500 series)"),
        "{}",
        judged.reason
    );
}

#[test]
fn a_metric_of_too_many_series_is_inconclusive() {
    let plan = planned(20, "increase(shop.errors_total)", gate("probe.x < 1%"));
    let stream = Stream::new(plan).peak().load(0..20, 0, 5000);
    let names: Vec<String> = (0..501)
        .map(|n| format!("errors_total{{n=\"{n}\"}}"))
        .collect();
    let values: Vec<(&str, f64)> = names.iter().map(|name| (name.as_str(), 0.0)).collect();
    let whole = |n: u32, s: Stream| scrape(s, f64::from(n), &values);
    let record = (0..=20).fold(stream, |s, n| whole(n, s)).done(20);
    let judged = evaluate(&record).gates.into_iter().next().unwrap();
    assert_eq!(judged.grade, Grade::Inconclusive, "{}", judged.reason);
    assert_eq!(
        judged.reason,
        "no scrape of `shop` told all of `shop.errors_total` (21 scrapes of `shop` were not whole, last: it has had more than 500 series)"
    );
}
