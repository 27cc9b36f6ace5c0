//! Runs as metrics: totals are the record's own, a small run's text is kept as a snapshot, and what happened has its times.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "in a test a panic is the report"
)]

mod streams;

use harness_core::event::{Envelope, Event};
use harness_core::readiness::readiness;
use harness_core::record::{Record, fold};
use harness_core::verdict::evaluate;
use harness_report::export::{self, BOUNDS_US, Dialect, Export, MAX_KINDS, Series, Value};
use harness_report::store;
use proptest::prelude::*;
use std::path::Path;
use streams::Shape;

const BEGAN: i64 = 1_767_225_600_000;

fn recorded(run: &str) -> Record {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../fixtures/runs/{run}.ndjson"));
    let events: Vec<Envelope> = store::read(&path)
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    fold(events).unwrap()
}

fn exported(record: &Record) -> Export {
    let verdict = evaluate(record);
    export::export(record, &verdict, &readiness(record, &verdict), BEGAN)
}

fn text(export: &Export, dialect: Dialect) -> String {
    let mut out = Vec::new();
    export::write(export, dialect, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn series<'e>(export: &'e Export, family: &str, labels: &[(&str, &str)]) -> Vec<&'e Series> {
    let of = export.families.iter().filter(|f| f.about.name == family);
    let carries = |series: &&Series| {
        labels
            .iter()
            .all(|(name, value)| series.labels.iter().any(|(n, v)| n == name && v == value))
    };
    of.flat_map(|family| &family.series)
        .filter(carries)
        .collect()
}

/// What the only such series comes to.
fn last(export: &Export, family: &str, labels: &[(&str, &str)]) -> Value {
    let found = series(export, family, labels);
    assert_eq!(found.len(), 1, "{family} {labels:?}");
    found[0].points.last().unwrap().value.clone()
}

/// Its values at the times that lie between, microseconds since the run began.
fn between(export: &Export, family: &str, labels: &[(&str, &str)], from: u64, to: u64) -> Vec<f64> {
    let ms = |us: u64| BEGAN + (us / 1000) as i64;
    let found = series(export, family, labels);
    assert_eq!(found.len(), 1, "{family} {labels:?}");
    let points = found[0].points.iter();
    let inside = points.filter(|point| (ms(from)..ms(to)).contains(&point.at_ms));
    inside
        .map(|point| match point.value {
            Value::Number(value) => value,
            Value::Counts(_) => panic!("a number"),
        })
        .collect()
}

fn number(value: u64) -> Value {
    Value::Number(value as f64)
}

/// Every total of every name is the record's.
fn adds_up(record: &Record) {
    let export = exported(record);
    for scenario in &record.scenarios {
        for name in scenario.names.keys() {
            let whole = scenario.whole(Some(name));
            let mut labels = vec![("scenario", scenario.name.as_str())];
            let step = name.split_once('/');
            labels.push((
                "journey",
                step.map_or(name.as_str(), |(journey, _)| journey),
            ));
            labels.extend(step.map(|(_, step)| ("step", step)));
            let (all, failures, duration) = match step {
                None => (
                    "harness.journeys",
                    "harness.journey.failures",
                    "harness.journey.duration",
                ),
                Some(_) => (
                    "harness.requests",
                    "harness.request.failures",
                    "harness.request.duration",
                ),
            };
            assert_eq!(
                last(&export, all, &labels),
                number(whole.finished()),
                "{name}"
            );
            for (kind, n) in &whole.errors {
                let labels = [&labels[..], &[("kind", kind.as_str())]].concat();
                assert_eq!(
                    last(&export, failures, &labels),
                    number(*n),
                    "{name} {kind}"
                );
            }
            assert_eq!(series(&export, failures, &labels).len(), whole.errors.len());
            let Value::Counts(counts) = last(&export, duration, &labels) else {
                panic!("a distribution");
            };
            assert_eq!(counts.count(), whole.response.count(), "{name}");
            // Windows keep two digits and err upwards: none is in a bucket below its own, few in the one above.
            let mut held = 0;
            for (bound, n) in BOUNDS_US.iter().zip(counts.buckets) {
                held += n;
                assert!(held <= whole.response.at_most(*bound), "{name} {bound}");
                assert!(
                    held >= whole.response.at_most(bound - bound / 128 - 1),
                    "{name} {bound}"
                );
            }
            if step.is_none() {
                assert_eq!(
                    last(&export, "harness.journeys.planned", &labels),
                    number(whole.planned)
                );
                let by = |by| {
                    let labels = [&labels[..], &[("by", by)]].concat();
                    let Value::Number(n) = last(&export, "harness.journeys.dropped", &labels)
                    else {
                        panic!("a number");
                    };
                    n
                };
                assert_eq!(by("target") + by("generator"), whole.dropped as f64);
            }
        }
    }
}

#[test]
fn totals_of_recorded_runs_are_the_records() {
    for run in ["go", "no-go", "cut-short", "hostile", "incident"] {
        let record = recorded(run);
        assert!(!record.scenarios.is_empty(), "{run}");
        adds_up(&record);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn totals_of_any_run_are_the_records(seed in any::<u64>(), seconds in 6u32..40, rate in 1.0f64..80.0, broken in any::<bool>()) {
        let shape = Shape { seed, broken, ..Shape::of("20260101-000000-good", seconds, rate) };
        adds_up(&fold(streams::make(&shape)).unwrap());
    }
}

/// Beyond ten minutes a window is longer than a second, and there are not more of them.
#[test]
fn a_long_run_has_no_more_points_than_a_short_one() {
    let record = fold(streams::long(1_500, 2)).unwrap();
    adds_up(&record);
    let export = exported(&record);
    for family in &export.families {
        for series in &family.series {
            let points = series.points.len();
            assert!(points <= 700, "{}: {points}", family.about.name);
            assert!(
                series.points.is_sorted_by(|a, b| a.at_ms < b.at_ms),
                "{}",
                family.about.name
            );
        }
    }
}

#[test]
fn counting_begins_at_zero_with_the_load_and_a_window_is_known_at_its_end() {
    let record = recorded("go");
    let export = exported(&record);
    let t0 = record.scenarios[0].t0_us;
    for family in ["harness.journeys", "harness.requests"] {
        for series in series(&export, family, &[]) {
            let first = &series.points[0];
            assert_eq!(first.value, Value::Number(0.0));
            assert_eq!(first.at_ms, BEGAN + (t0 / 1000) as i64);
            assert_eq!(
                series.points[1].at_ms,
                BEGAN + ((t0 + 1_000_000) / 1000) as i64
            );
        }
    }
}

/// A target that answers with every status there is makes no series for each, and none is lost.
#[test]
fn kinds_of_failure_are_bounded_and_the_rest_is_other() {
    let mut events = streams::healthy();
    let ticks = events.iter_mut().filter_map(|one| match &mut one.event {
        Event::LoadTick(tick) if tick.name == "browse" => Some(tick),
        _ => None,
    });
    for tick in ticks {
        tick.errors = (0..50)
            .map(|n| (format!("status-{}", 500 + n), n + 1))
            .collect();
    }
    let record = fold(events).unwrap();
    let total = record.scenarios[0].whole(Some("browse")).failed();
    let export = exported(&record);
    let found = series(
        &export,
        "harness.journey.failures",
        &[("journey", "browse")],
    );
    assert_eq!(found.len(), MAX_KINDS + 1);
    let ends = found
        .iter()
        .map(|one| match one.points.last().unwrap().value {
            Value::Number(n) => n,
            Value::Counts(_) => panic!("a number"),
        });
    assert_eq!(ends.sum::<f64>(), total as f64);
    let kinds = |kind: &str| series(&export, "harness.journey.failures", &[("kind", kind)]).len();
    // The most frequent stay.
    assert_eq!(
        (kinds("other"), kinds("status-549"), kinds("status-500")),
        (1, 1, 0)
    );
}

#[test]
fn what_died_is_down_and_a_fault_is_active_while_it_lasts() {
    let record = recorded("incident");
    let export = exported(&record);
    let fault = record
        .faults
        .iter()
        .find(|f| f.name == "orders dies")
        .unwrap();
    let (armed, lifted) = (fault.armed_us, fault.lifted_us.unwrap());
    let active = |from, to| {
        between(
            &export,
            "harness.fault.active",
            &[("fault", "orders dies")],
            from,
            to,
        )
    };
    assert!(active(0, armed).iter().all(|v| *v == 0.0) && active(0, armed).len() > 3);
    assert!(active(armed, lifted).iter().all(|v| *v == 1.0) && active(armed, lifted).len() >= 3);
    assert!(
        active(lifted, u64::MAX).iter().all(|v| *v == 0.0) && active(lifted, u64::MAX).len() > 3
    );
    let up = |from, to| {
        between(
            &export,
            "harness.service.up",
            &[("service", "orders")],
            from,
            to,
        )
    };
    assert!(up(0, armed).iter().all(|v| *v == 1.0) && !up(0, armed).is_empty());
    // It is asked a few times a second.
    assert!(up(armed + 1_000_000, lifted).iter().all(|v| *v == 0.0));
    assert!(!up(armed + 1_000_000, lifted).is_empty());
    assert!(up(lifted + 2_000_000, u64::MAX).iter().all(|v| *v == 1.0));
    let payments = between(
        &export,
        "harness.service.up",
        &[("service", "payments")],
        0,
        u64::MAX,
    );
    assert!(payments.len() > 10 && payments.iter().all(|v| *v == 1.0));
}

#[test]
fn the_targets_own_series_keep_their_names_and_get_a_service() {
    let export = exported(&recorded("incident"));
    let memory = between(
        &export,
        "process_resident_memory_bytes",
        &[("service", "gateway")],
        0,
        u64::MAX,
    );
    assert!(
        memory.len() > 10 && memory.last() > memory.first(),
        "{memory:?}"
    );
    let requests = series(&export, "http_requests_total", &[("service", "gateway")]);
    assert!(
        requests
            .iter()
            .all(|s| s.labels.iter().any(|(name, _)| name == "route"))
    );
    // Its own label of that name says the same here.
    assert!(requests.iter().all(|s| {
        s.labels
            .iter()
            .filter(|(name, _)| name.contains("service"))
            .count()
            == 1
    }));
    let probe = between(
        &export,
        "harness.probe.value",
        &[("probe", "gateway_memory"), ("unit", "bytes")],
        0,
        u64::MAX,
    );
    assert!(
        probe.len() > 10 && probe.iter().all(|v| *v > 1e6),
        "{probe:?}"
    );
}

#[test]
fn the_outcome_is_told_once_at_the_end() {
    let record = recorded("no-go");
    let export = exported(&record);
    let decided = |word: &str| last(&export, "harness.readiness.decision", &[("decision", word)]);
    assert_eq!((decided("NO-GO"), decided("GO")), (number(1), number(0)));
    let gates = series(&export, "harness.gate.passed", &[]);
    let failed = series(&export, "harness.gate.passed", &[("grade", "fail")]);
    assert!(failed.len() >= 2 && gates.len() > failed.len());
    assert!(
        failed
            .iter()
            .all(|gate| gate.points.len() == 1 && gate.points[0].value == number(0))
    );
}

#[test]
fn a_run_that_has_not_ended_has_neither_score_nor_decision() {
    let export = exported(&recorded("cut-short"));
    assert!(series(&export, "harness.readiness.score", &[]).is_empty());
    for word in ["GO", "CONDITIONAL GO", "NO-GO"] {
        let decided = last(&export, "harness.readiness.decision", &[("decision", word)]);
        assert_eq!(decided, number(0), "{word}");
    }
}

/// One journey of one step for six seconds: small enough to read.
fn small() -> Export {
    let shape = Shape {
        journeys: vec![("browse", vec!["list \"all\""])],
        ..Shape::of("20260101-000000-good", 6, 4.0)
    };
    exported(&fold(streams::make(&shape)).unwrap())
}

#[test]
fn a_small_run_in_each_format() {
    let export = small();
    insta::assert_snapshot!(
        "export-prometheus-last",
        text(&export, Dialect::Text { last: true })
    );
    let open = text(&export, Dialect::OpenMetrics);
    let kept = [
        "harness_journeys{",
        "harness_journeys_total",
        "harness_fault",
        "harness_run",
        "# ",
    ];
    let short: String = open
        .lines()
        .filter(|line| kept.iter().any(|kept| line.starts_with(kept)))
        .map(|line| line.to_owned() + "\n")
        .collect();
    insta::assert_snapshot!("export-openmetrics", short);
}

#[test]
fn a_small_run_in_otlp() {
    let export = small();
    let (request, points) = export::requests(&export, &[("service.name".into(), "harness".into())])
        .next()
        .unwrap();
    let metrics = request["resourceMetrics"][0]["scopeMetrics"][0]["metrics"]
        .as_array()
        .unwrap();
    let kept = [
        "harness.journeys",
        "http.client.request.duration",
        "harness.readiness.score",
    ];
    let first = |metric: &serde_json::Value| {
        let mut metric = metric.clone();
        for kind in ["sum", "gauge", "histogram"] {
            if let Some(points) = metric[kind]["dataPoints"].as_array_mut() {
                points.truncate(2);
            }
            if metric[kind].is_null() {
                metric.as_object_mut().unwrap().remove(kind);
            }
        }
        metric
    };
    let short: Vec<_> = metrics
        .iter()
        .filter(|metric| kept.contains(&metric["name"].as_str().unwrap()))
        .map(first)
        .collect();
    insta::assert_snapshot!(
        "export-otlp",
        serde_json::to_string_pretty(&serde_json::json!({
            "points": points,
            "resource": request["resourceMetrics"][0]["resource"],
            "metrics": short,
        }))
        .unwrap()
    );
}
