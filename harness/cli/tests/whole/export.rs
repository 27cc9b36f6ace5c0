//! Recorded runs as metrics: written to a file and to stdout, sent to a collector, and what happens where the collector is
//! not there, says no, wants to be left alone for a while, or takes only a part.

use crate::support::server::Nobody;
use crate::support::{Ran, Suite, repository};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

fn fixture(name: &str) -> String {
    let path = repository().join(format!("fixtures/runs/{name}.ndjson"));
    path.to_str().unwrap().to_owned()
}

fn export(arguments: &[&str]) -> Ran {
    let folder = Suite::new(&[]);
    folder.run(&[&["export"], arguments].concat())
}

#[test]
fn a_file_and_stdout_hold_the_same() {
    let folder = Suite::new(&[]);
    let run = fixture("incident");
    for (format, first, end) in [
        (
            "prometheus",
            "# TYPE harness_journeys_total counter\n",
            "\n",
        ),
        (
            "openmetrics",
            "# TYPE harness_journeys counter\n",
            "\n# EOF\n",
        ),
        ("otlp", "{\"resourceMetrics\":[", "}\n"),
    ] {
        let told = folder.run(&["export", &run, "--format", format]).exits(0);
        assert!(
            told.stdout.starts_with(first) && told.stdout.ends_with(end),
            "{format}"
        );
        let ran = folder.run(&["export", &run, "--format", format, "--output", "run.out"]);
        let ran = ran.exits(0);
        assert!(
            ran.stdout.is_empty() && ran.stderr.contains("metrics: run.out"),
            "{}",
            ran.stderr
        );
        assert_eq!(folder.read("run.out"), told.stdout);
    }
    let last = folder
        .run(&["export", &run, "--format", "prometheus", "--last"])
        .exits(0);
    let times = last.stdout.lines().filter(|line| {
        !line.starts_with('#')
            && line
                .rsplit(' ')
                .nth(1)
                .is_some_and(|v| v.parse::<f64>().is_ok())
    });
    assert_eq!(times.count(), 0);
    assert!(
        last.stdout.contains("harness_readiness_decision{run=\"20"),
        "{}",
        last.stdout
    );
}

#[test]
fn a_link_leads_where_it_led_and_a_device_stays_one() {
    use std::os::unix::fs::symlink;
    let folder = Suite::new(&[]);
    let run = fixture("incident");
    let at = |name: &str| folder.path().join(name);
    let to = |name: &str| folder.run(&["export", &run, "--format", "prometheus", "-o", name]);
    let told = folder
        .run(&["export", &run, "--format", "prometheus"])
        .stdout;
    std::fs::create_dir(at("deep")).unwrap();
    folder.write("deep/there", "before");
    symlink("deep/there", at("link")).unwrap();
    symlink("deep/new", at("dangling")).unwrap();
    for (link, target) in [("link", "deep/there"), ("dangling", "deep/new")] {
        to(link).exits(0);
        assert!(at(link).is_symlink(), "{link}");
        assert_eq!(folder.read(target), told);
    }
    symlink("/dev/null", at("null")).unwrap();
    to("null").exits(0);
    symlink("/dev/full", at("full")).unwrap();
    let full = to("full").exits(3);
    assert!(
        full.stderr.contains("failed to write full"),
        "{}",
        full.stderr
    );
    assert!(full.stderr.contains("hint: -o names"), "{}", full.stderr);
    assert!(at("null").is_symlink() && at("full").is_symlink());
}

#[test]
fn times_are_those_of_the_recording() {
    let text = std::fs::read_to_string(fixture("incident")).unwrap();
    let first: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    let began = first["wall_ms"].as_i64().unwrap() - first["at_us"].as_i64().unwrap() / 1000;
    let armed = text
        .lines()
        .find(|line| line.contains("\"fault_armed\""))
        .unwrap();
    let armed: serde_json::Value = serde_json::from_str(armed).unwrap();
    let at = began + armed["at_us"].as_i64().unwrap() / 1000;
    let wanted = format!("fault=\"orders dies\"}} 1 {}.{:03}\n", at / 1000, at % 1000);
    let ran = export(&[&fixture("incident"), "--format", "openmetrics"]).exits(0);
    assert!(ran.stdout.contains(&wanted), "{wanted}");
}

#[test]
fn what_cannot_be_is_said() {
    let run = fixture("go");
    let cases: [(&[&str], &str); 9] = [
        (&[&run], "--format"),
        (
            &["nothing-of-that-name", "--format", "otlp"],
            "nothing-of-that-name",
        ),
        (
            &[&run, "--format", "openmetrics", "--last"],
            "--last is for --format prometheus",
        ),
        (&[&run, "--to", "localhost:4318"], "--to is not"),
        (
            &[&run, "--to", "http://me:hunter2@localhost"],
            "--to holds a user or a password",
        ),
        (
            &[&run, "--to", "http://localhost", "--format", "prometheus"],
            "--to sends OTLP",
        ),
        (
            &[&run, "--to", "http://localhost", "-H", "hunter2"],
            "a header has no `:`",
        ),
        (
            &[
                &run,
                "--to",
                "http://localhost",
                "-H",
                "content-type: text/plain",
            ],
            "the header content-type can't be chosen",
        ),
        (
            &[&run, "--to", "http://localhost", "--output", "x"],
            "cannot be used with",
        ),
    ];
    for (arguments, wanted) in cases {
        let ran = export(arguments).exits(2);
        assert!(ran.stderr.contains(wanted), "{arguments:?}: {}", ran.stderr);
        assert!(
            !ran.stderr.contains("hunter2") && ran.stdout.is_empty(),
            "{}",
            ran.stderr
        );
    }
    let ran = export(&[&run, "--format", "otlp", "--output", "no/such/folder/x"]).exits(3);
    assert!(
        ran.stderr.contains("failed to write no/such/folder/x"),
        "{}",
        ran.stderr
    );
}

/// What a collector does with a request.
#[derive(Clone)]
enum Manner {
    Answers(&'static str, &'static str, &'static str),
    Hangs,
}

const TAKES: Manner = Manner::Answers("200 OK", "", "{\"partialSuccess\":{}}");

/// What came, in order.
type Heard = Arc<Mutex<Vec<(String, String)>>>;

/// A collector that does this, and the last of it from then on.
fn collector(manners: &[Manner]) -> (String, Heard) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (heard, manners) = (Heard::default(), manners.to_vec());
    let kept = Arc::clone(&heard);
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let (heard, manners) = (Arc::clone(&kept), manners.clone());
            std::thread::spawn(move || serve(&stream, &heard, &manners));
        }
    });
    (url, heard)
}

fn serve(mut stream: &TcpStream, heard: &Heard, manners: &[Manner]) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).unwrap_or(0) == 0 {
                return;
            }
        }
        let mut lines = head.lines().filter_map(|line| line.split_once(": "));
        let length = lines.find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
        let mut body = vec![0; length.unwrap().1.parse().unwrap()];
        reader.read_exact(&mut body).unwrap();
        let nth = {
            let mut heard = heard.lock().unwrap();
            heard.push((head, String::from_utf8(body).unwrap()));
            heard.len() - 1
        };
        match manners.get(nth).unwrap_or(manners.last().unwrap()) {
            // The next read waits for the peer to go away.
            Manner::Hangs => {}
            Manner::Answers(status, headers, body) => {
                let length = body.len();
                let answer = format!(
                    "HTTP/1.1 {status}\r\ncontent-type: application/json\r\n{headers}content-length: {length}\r\n\r\n{body}"
                );
                let _ = stream.write_all(answer.as_bytes());
            }
        }
    }
}

/// The messages of OTLP that a run is told in, and not a member more: names and forms as Protocol Buffers' JSON has them.
mod otlp {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    pub(super) struct Request {
        pub(super) resource_metrics: Vec<ResourceMetrics>,
    }
    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    pub(super) struct ResourceMetrics {
        pub(super) resource: Resource,
        pub(super) scope_metrics: Vec<ScopeMetrics>,
    }
    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub(super) struct Resource {
        pub(super) attributes: Vec<KeyValue>,
    }
    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub(super) struct ScopeMetrics {
        pub(super) scope: Scope,
        pub(super) metrics: Vec<Metric>,
    }
    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub(super) struct Scope {
        pub(super) name: String,
        #[expect(dead_code, reason = "only that it is a text")]
        version: String,
    }
    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub(super) struct KeyValue {
        pub(super) key: String,
        pub(super) value: AnyValue,
    }
    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    pub(super) struct AnyValue {
        pub(super) string_value: String,
    }
    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub(super) struct Metric {
        pub(super) name: String,
        #[expect(dead_code, reason = "only that it is a text")]
        description: String,
        pub(super) unit: String,
        pub(super) sum: Option<Data>,
        pub(super) gauge: Option<Data>,
        pub(super) histogram: Option<Data>,
    }
    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    pub(super) struct Data {
        pub(super) aggregation_temporality: Option<u8>,
        pub(super) is_monotonic: Option<bool>,
        pub(super) data_points: Vec<Point>,
    }
    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    pub(super) struct Point {
        pub(super) attributes: Vec<KeyValue>,
        pub(super) start_time_unix_nano: Option<String>,
        pub(super) time_unix_nano: String,
        pub(super) as_double: Option<f64>,
        pub(super) count: Option<String>,
        pub(super) sum: Option<f64>,
        pub(super) bucket_counts: Option<Vec<String>>,
        pub(super) explicit_bounds: Option<Vec<f64>>,
    }

    /// Everything that came, by metric.
    pub(super) fn metrics(heard: &[(String, String)]) -> BTreeMap<String, Vec<Metric>> {
        let mut all: BTreeMap<String, Vec<Metric>> = BTreeMap::new();
        for (_, body) in heard {
            let request: Request = serde_json::from_str(body).unwrap();
            for resource in request.resource_metrics {
                let keys: Vec<&str> = resource
                    .resource
                    .attributes
                    .iter()
                    .map(|a| a.key.as_str())
                    .collect();
                for wanted in ["service.name", "service.instance.id", "harness.run.id"] {
                    assert!(keys.contains(&wanted), "{keys:?}");
                }
                for scope in resource.scope_metrics {
                    assert_eq!(scope.scope.name, "harness");
                    for metric in scope.metrics {
                        all.entry(metric.name.clone()).or_default().push(metric);
                    }
                }
            }
        }
        all
    }
}

#[test]
fn a_collector_is_told_all_of_it() {
    let (url, heard) = collector(&[TAKES]);
    let run = fixture("incident");
    let folder = Suite::new(&[]);
    let mut command = folder.command(&["export", &run, "--to", &url, "-H", "X-Tenant: shop"]);
    command
        .env(
            "OTEL_EXPORTER_OTLP_HEADERS",
            "authorization=Bearer%20abc,x-tenant=other",
        )
        .env(
            "OTEL_RESOURCE_ATTRIBUTES",
            "deployment%2Eenvironment=ci%20of%20main",
        );
    let ran = Ran::to_the_end(&mut command).exits(0);
    let heard = heard.lock().unwrap();
    assert!(heard.len() > 1, "as many requests as there are");
    for (head, body) in heard.iter() {
        let head = head.to_lowercase();
        assert!(head.starts_with("post /v1/metrics http/1.1\r\n"), "{head}");
        for wanted in [
            "content-type: application/json",
            "authorization: bearer abc",
            "x-tenant: shop",
        ] {
            assert_eq!(head.matches(wanted).count(), 1, "{wanted}: {head}");
        }
        assert!(!head.contains("x-tenant: other"), "{head}");
        let request: otlp::Request = serde_json::from_str(body).unwrap();
        let attributes = &request.resource_metrics[0].resource.attributes;
        let said = attributes
            .iter()
            .find(|a| a.key == "deployment.environment")
            .unwrap();
        assert_eq!(said.value.string_value, "ci of main");
    }
    let metrics = otlp::metrics(&heard);
    let mut points = 0;
    for (name, parts) in &metrics {
        for metric in parts {
            let (data, kind) = match (&metric.sum, &metric.gauge, &metric.histogram) {
                (Some(data), None, None) => (data, "sum"),
                (None, Some(data), None) => (data, "gauge"),
                (None, None, Some(data)) => (data, "histogram"),
                _ => panic!("{name} is of one kind"),
            };
            let temporality = if kind == "gauge" { None } else { Some(2) };
            assert_eq!(data.aggregation_temporality, temporality, "{name}");
            assert_eq!(data.is_monotonic, (kind == "sum").then_some(true), "{name}");
            points += data.data_points.len();
            for point in &data.data_points {
                let time: u64 = point.time_unix_nano.parse().unwrap();
                let start = point
                    .start_time_unix_nano
                    .as_ref()
                    .map(|s| s.parse::<u64>().unwrap());
                assert!(start.is_none_or(|start| start <= time), "{name}");
                assert!(point.attributes.iter().any(|a| a.key == "run"), "{name}");
                assert_eq!(point.as_double.is_some(), kind != "histogram", "{name}");
                if kind == "histogram" {
                    let buckets = point.bucket_counts.as_ref().unwrap();
                    let sum: u64 = buckets.iter().map(|n| n.parse::<u64>().unwrap()).sum();
                    assert_eq!(sum.to_string(), *point.count.as_ref().unwrap());
                    assert_eq!(
                        buckets.len(),
                        point.explicit_bounds.as_ref().unwrap().len() + 1
                    );
                    assert!(point.sum.is_some());
                }
            }
        }
    }
    let counted = format!(
        "{points} points sent to {url}/v1/metrics in {} requests",
        heard.len()
    );
    assert!(ran.stderr.contains(&counted), "{counted}: {}", ran.stderr);
    assert_eq!(metrics["http.client.request.duration"][0].unit, "s");
    assert_eq!(metrics["harness.requests"][0].unit, "{request}");
    // What it comes to is what the record says.
    let last = |name: &str, key: &str, value: &str| {
        let of = metrics[name]
            .iter()
            .flat_map(|metric| &metric.sum.as_ref().unwrap().data_points);
        let carries = |point: &&otlp::Point| {
            point
                .attributes
                .iter()
                .any(|a| a.key == key && a.value.string_value == value)
        };
        of.filter(carries)
            .filter_map(|point| point.as_double)
            .fold(0.0, f64::max)
    };
    let summary = folder
        .run(&["report", &run, "--kind", "json", "--output", "-"])
        .exits(0)
        .json();
    for journey in ["browse", "checkout"] {
        let names = &summary["scenarios"][0]["names"][journey];
        let errors = names["errors"].as_object().unwrap();
        let failed: u64 = errors.values().map(|n| n.as_u64().unwrap()).sum();
        let ended = names["ok"].as_u64().unwrap() + failed;
        assert!(ended > 100);
        assert_eq!(last("harness.journeys", "journey", journey), ended as f64);
    }
}

#[test]
fn what_a_line_of_the_file_says_is_what_is_sent() {
    let (url, heard) = collector(&[TAKES]);
    let run = fixture("go");
    export(&[&run, "--to", &format!("{url}/v1/metrics")]).exits(0);
    let file = export(&[&run, "--format", "otlp"]).exits(0);
    let lines: Vec<&str> = file.stdout.lines().collect();
    let heard = heard.lock().unwrap();
    let sent: Vec<&str> = heard.iter().map(|(_, body)| body.as_str()).collect();
    assert_eq!(sent, lines);
}

#[test]
fn a_collector_that_is_busy_is_asked_again() {
    let busy = Manner::Answers("503 Service Unavailable", "retry-after: 0\r\n", "");
    let slow = Manner::Answers(
        "429 Too Many Requests",
        "retry-after: Thu, 01 Jan 2026 00:00:00 GMT\r\n",
        "",
    );
    let (url, heard) = collector(&[busy, slow, TAKES]);
    let ran = export(&[&fixture("incident"), "--to", &url]).exits(0);
    let heard = heard.lock().unwrap();
    assert_eq!((&heard[0].1, &heard[1].1), (&heard[1].1, &heard[2].1));
    assert_ne!(heard[2].1, heard[3].1);
    assert!(
        ran.stderr
            .contains(&format!("in {} requests", heard.len() - 2)),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_collector_that_stays_busy_is_given_up() {
    let busy = Manner::Answers(
        "503 Service Unavailable",
        "retry-after: 0\r\n",
        "overloaded\n\u{1b}[31m",
    );
    let (url, heard) = collector(&[busy]);
    let ran = export(&[&fixture("go"), "--to", &url, "--retries", "2"]).exits(3);
    assert_eq!(heard.lock().unwrap().len(), 3);
    assert!(
        ran.stderr.contains("it answers status 503: overloaded"),
        "{}",
        ran.stderr
    );
    assert!(
        ran.stderr.contains(", 3 times; 0 of its") && !ran.stderr.contains('\u{1b}'),
        "{}",
        ran.stderr
    );
    // It asks for more patience than anybody has.
    let (url, heard) = collector(&[Manner::Answers(
        "503 Service Unavailable",
        "retry-after: 3600\r\n",
        "",
    )]);
    let ran = export(&[&fixture("go"), "--to", &url]).exits(3);
    assert_eq!(heard.lock().unwrap().len(), 1);
    assert!(
        ran.stderr.contains("it wants 3600 s until the next try"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_collector_that_refuses_is_asked_once_and_quoted() {
    let says = "{\"code\":3,\"message\":\"no such tenant\"}";
    let (url, heard) = collector(&[TAKES, Manner::Answers("400 Bad Request", "", says)]);
    let ran = export(&[&fixture("incident"), "--to", &url]).exits(3);
    assert_eq!(heard.lock().unwrap().len(), 2);
    assert!(
        ran.stderr
            .contains("it answers status 400: no such tenant; 2000 of its"),
        "{}",
        ran.stderr
    );
    let (url, _) = collector(&[Manner::Answers("404 Not Found", "", "")]);
    let ran = export(&[&fixture("go"), "--to", &format!("{url}/?key=hunter2")]).exits(3);
    assert!(
        ran.stderr.contains("/v1/metrics is added") && !ran.stderr.contains("hunter2"),
        "{}",
        ran.stderr
    );
}

/// Whatever takes a POST and says 200 has taken no points.
#[test]
fn a_page_that_greets_is_no_collector() {
    for greets in ["<html>sign in</html>", "\"ok\"", "[]", "not json at all"] {
        let (url, heard) = collector(&[Manner::Answers("200 OK", "", greets)]);
        let ran = export(&[&fixture("go"), "--to", &url]).exits(3);
        let said =
            format!("it answers status 200 and no answer of OTLP's (is it a collector?): {greets}");
        assert!(ran.stderr.contains(&said), "{}", ran.stderr);
        assert_eq!(heard.lock().unwrap().len(), 1);
    }
    let (url, _) = collector(&[Manner::Answers("200 OK", "", "")]);
    export(&[&fixture("go"), "--to", &url]).exits(0);
}

#[test]
fn a_part_that_was_not_taken_is_told() {
    let part = "{\"partialSuccess\":{\"rejectedDataPoints\":\"7\",\"errorMessage\":\"too old\"}}";
    let (url, heard) = collector(&[Manner::Answers("200 OK", "", part), TAKES]);
    let ran = export(&[&fixture("incident"), "--to", &url]).exits(3);
    assert!(
        ran.stderr.contains("did not take 7 of") && ran.stderr.contains("points: too old"),
        "{}",
        ran.stderr
    );
    assert!(
        heard.lock().unwrap().len() > 1,
        "the rest is sent all the same"
    );
    let warning = "{\"partialSuccess\":{\"errorMessage\":\"use gzip\"}}";
    let (url, _) = collector(&[Manner::Answers("200 OK", "", warning)]);
    let ran = export(&[&fixture("go"), "--to", &url]).exits(0);
    assert!(
        ran.stderr
            .contains("warning: it took all of them and says: use gzip"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_collector_that_is_not_there_or_hangs_is_told() {
    let nobody = Nobody::new();
    let gone = nobody.url();
    let ran = export(&[&fixture("go"), "--to", &gone, "--retries", "0"]).exits(3);
    assert!(
        ran.stderr
            .contains(&format!("failed to send the run to {gone}/v1/metrics: ")),
        "{}",
        ran.stderr
    );
    assert!(
        ran.stderr.to_lowercase().contains("refused"),
        "{}",
        ran.stderr
    );
    let (url, _) = collector(&[Manner::Hangs]);
    let ran = export(&[
        &fixture("go"),
        "--to",
        &url,
        "--retries",
        "0",
        "--timeout",
        "200ms",
    ])
    .exits(3);
    assert!(
        ran.stderr.contains("no complete response within 200ms"),
        "{}",
        ran.stderr
    );
}
