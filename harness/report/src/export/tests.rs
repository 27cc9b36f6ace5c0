//! What a writer must not get wrong, whatever the names and figures are.

use super::*;
use harness_core::expr::probe::series as taken_apart;
use harness_core::hist::MAX_US;
use proptest::prelude::*;

fn builder() -> Builder {
    Builder {
        run: "r".to_owned(),
        began_ms: 1_000,
        families: Vec::new(),
        places: BTreeMap::new(),
    }
}

fn about(name: &'static str, unit: Unit, kind: Kind) -> About {
    About {
        name: Cow::Borrowed(name),
        unit,
        kind,
        help: Cow::Borrowed("A \\ and a \"quote\"."),
    }
}

fn written(all: Builder, dialect: Dialect) -> String {
    let export = Export {
        families: all.families,
        resource: Vec::new(),
        version: "0".to_owned(),
    };
    let mut out = Vec::new();
    write(&export, dialect, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

const TEXT: Dialect = Dialect::Text { last: false };

#[test]
fn names_are_those_that_prometheus_makes_of_opentelemetrys() {
    let cases = [
        (
            "harness.requests",
            Unit::Of("{request}"),
            Kind::Counter,
            "harness_requests_total",
        ),
        (
            "harness.request.received",
            Unit::Bytes,
            Kind::Counter,
            "harness_request_received_bytes_total",
        ),
        (
            "harness.readiness.score",
            Unit::Ratio,
            Kind::Gauge,
            "harness_readiness_score_ratio",
        ),
        (
            "harness.service.up",
            Unit::None,
            Kind::Gauge,
            "harness_service_up",
        ),
        (
            "harness.run.info",
            Unit::None,
            Kind::Info,
            "harness_run_info",
        ),
        ("retries_total", Unit::None, Kind::Counter, "retries_total"),
        (
            "db_seconds_sum",
            Unit::None,
            Kind::Unknown,
            "db_seconds_sum",
        ),
    ];
    for (name, unit, kind, wanted) in cases {
        for dialect in [TEXT, Dialect::OpenMetrics] {
            let mut all = builder();
            all.numbers(&about(name, unit, kind), Vec::new(), None, [(0, 1.0)]);
            let text = written(all, dialect);
            assert!(
                text.contains(&format!("\n{wanted}{{run=\"r\"}} 1 1")),
                "{text}"
            );
        }
    }
}

#[test]
fn each_dialect_has_its_own_head_time_and_end() {
    let head = |dialect| {
        let mut all = builder();
        let about = about("harness.request.received", Unit::Bytes, Kind::Counter);
        all.numbers(&about, Vec::new(), None, [(1_500, 1.0), (2_000_000, 2.5)]);
        written(all, dialect)
    };
    assert_eq!(
        head(TEXT),
        "# TYPE harness_request_received_bytes_total counter\n\
         # HELP harness_request_received_bytes_total A \\\\ and a \"quote\".\n\
         harness_request_received_bytes_total{run=\"r\"} 1 1001\n\
         harness_request_received_bytes_total{run=\"r\"} 2.5 3000\n"
    );
    assert_eq!(
        head(Dialect::Text { last: true }).lines().last(),
        Some("harness_request_received_bytes_total{run=\"r\"} 2.5")
    );
    assert_eq!(
        head(Dialect::OpenMetrics),
        "# TYPE harness_request_received_bytes counter\n\
         # UNIT harness_request_received_bytes bytes\n\
         # HELP harness_request_received_bytes A \\\\ and a \\\"quote\\\".\n\
         harness_request_received_bytes_total{run=\"r\"} 1 1.001\n\
         harness_request_received_bytes_total{run=\"r\"} 2.5 3.000\n# EOF\n"
    );
}

#[test]
fn what_happens_within_a_millisecond_is_one_point() {
    let mut all = builder();
    let gauge = about("g", Unit::None, Kind::Gauge);
    all.numbers(
        &gauge,
        Vec::new(),
        None,
        [(100, 1.0), (900, 0.0), (1_000, 2.0)],
    );
    let points: Vec<i64> = all.families[0].series[0]
        .points
        .iter()
        .map(|p| p.at_ms)
        .collect();
    assert_eq!(points, [1_000, 1_001]);
    assert_eq!(
        all.families[0].series[0].points[0].value,
        Value::Number(0.0)
    );
}

#[test]
fn long_names_are_cut_and_stay_apart() {
    let (a, b) = ("é".repeat(5_000) + "a", "é".repeat(5_000) + "b");
    let (a, b) = (cut(a), cut(b));
    assert_ne!(a, b);
    assert!(a.chars().count() < MAX_LABEL + 20, "{a}");
    assert_eq!(cut("é".repeat(MAX_LABEL)), "é".repeat(MAX_LABEL));
    assert_eq!(cut("a\0b".to_owned()), "a\u{fffd}b");
}

#[test]
fn what_is_no_number_is_told_in_text_and_left_out_of_otlp() {
    let mut all = builder();
    let gauge = about("g", Unit::None, Kind::Gauge);
    let values = [(0, f64::NAN), (1_000_000, f64::INFINITY), (2_000_000, 3.0)];
    all.numbers(&gauge, Vec::new(), None, values);
    let export = Export {
        families: all.families,
        resource: Vec::new(),
        version: String::new(),
    };
    let mut out = Vec::new();
    write(&export, TEXT, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(
        text.contains("} NaN 1000\n") && text.contains("} +Inf 2000\n"),
        "{text}"
    );
    assert_eq!(requests(&export, &[]).points(), 1);
}

#[test]
fn requests_are_cut_by_time_and_hold_every_point_once() {
    let mut all = builder();
    let gauge = about("g", Unit::None, Kind::Gauge);
    for series in 0..50 {
        let labels = vec![label("series", series)];
        all.numbers(
            &gauge,
            labels,
            None,
            (0..100).map(|second| (second * 1_000_000, 1.0)),
        );
    }
    let export = Export {
        families: all.families,
        resource: Vec::new(),
        version: String::new(),
    };
    let (mut points, mut before) = (0, 0);
    for (request, held) in requests(&export, &[]) {
        let data =
            &request["resourceMetrics"][0]["scopeMetrics"][0]["metrics"][0]["gauge"]["dataPoints"];
        let times: Vec<u64> = data
            .as_array()
            .unwrap()
            .iter()
            .map(|point| point["timeUnixNano"].as_str().unwrap().parse().unwrap())
            .collect();
        assert_eq!(times.len(), held);
        assert!(held <= 2000 && times.iter().all(|time| *time >= before));
        before = times.into_iter().max().unwrap();
        points += held;
    }
    assert_eq!(points, 5_000);
}

proptest! {
    #[test]
    fn a_label_reads_back_as_it_was(value in "\\PC{0,40}|[\\\\\"\n,{}= ]{0,40}") {
        let mut all = builder();
        let gauge = about("g", Unit::None, Kind::Gauge);
        all.numbers(&gauge, vec![label("said", &value)], None, [(0, 1.0)]);
        for dialect in [TEXT, Dialect::OpenMetrics] {
            let text = written(Builder { families: all.families.clone(), ..builder() }, dialect);
            let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
            prop_assert_eq!(lines.len(), 1);
            let (name, labels) = taken_apart(lines[0]).unwrap();
            prop_assert_eq!(name, "g");
            prop_assert_eq!(&labels[1], &("said".to_owned(), value.clone()));
        }
    }

    #[test]
    fn buckets_add_up_and_never_fall(
        windows in prop::collection::vec(prop::collection::vec(0u64..MAX_US, 0..40), 1..6),
    ) {
        let (mut counts, mut all) = (Counts::default(), Hist::new());
        let mut values = Vec::new();
        for (n, window) in (0u64..).zip(&windows) {
            let hist = Hist::from_counts(window.iter().map(|us| (*us, 1)));
            counts.add(&hist);
            all.add(&hist);
            values.push((n * 1_000_000, super::Value::Counts(Box::new(counts))));
        }
        prop_assert_eq!(counts.count(), all.count());
        let mut builder = builder();
        builder.add(&about("d", Unit::Seconds, Kind::Histogram), Vec::new(), None, values);
        let text = written(builder, TEXT);
        let read = |suffix: &str, le: &str| -> Vec<u64> {
            let head = format!("d_seconds_{suffix}{{run=\"r\"{le}}} ");
            text.lines().filter_map(|line| line.strip_prefix(&head)?.split(' ').next()?.parse().ok()).collect()
        };
        let mut before = vec![0; windows.len()];
        for bound in BOUNDS_US {
            let held = read("bucket", &format!(",le=\"{}\"", bound as f64 / 1e6));
            prop_assert_eq!(*held.last().unwrap(), all.at_most(bound));
            prop_assert!(held.is_sorted() && held.iter().zip(&before).all(|(a, b)| a >= b));
            before = held;
        }
        let whole = read("bucket", ",le=\"+Inf\"");
        prop_assert!(whole.iter().zip(&before).all(|(a, b)| a >= b));
        prop_assert_eq!(&whole, &read("count", ""));
        prop_assert_eq!(*whole.last().unwrap(), all.count());
        let exact: f64 = windows.iter().flatten().map(|us| *us as f64 / 1e6).sum();
        prop_assert!((counts.sum - exact).abs() <= exact / 1000.0 + 1e-6, "{} for {}", counts.sum, exact);
    }
}
