//! harness's own log and trace: what a collector receives, what happens to a run whose collector does not answer, and
//! that neither lines nor spans show a secret.

use crate::support::server;
use crate::support::{Ran, Suite, part};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value;
use opentelemetry_proto::tonic::trace::v1::{Span, status::StatusCode};
use prost::Message as _;
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

const SECRET: &str = "test-key-1234";

const BROWSE: &str = r#"
title = "A visitor looks at products"
[[step]]
name = "the list"
get = "/products?key=${secret.api_key}"
expect = ["status < 500"]
[[step]]
name = "polls"
get = "/health/ready"
expect = ["status == 418"]
eventually = "1500ms"
"#;

const SHORT: &str = r#"
title = "A short load"
[load]
rate = "20/s"
for = "2s"
mix = { list = 1 }
[[fault]]
name = "slow"
link = "edge"
at = "500ms"
for = "500ms"
latency = { delay = "20ms" }
[[gate]]
expect = "error_rate < 50%"
"#;

const LIST: &str = r#"
title = "The list"
[[step]]
name = "all"
get = "/products"
"#;

/// Three operations, so that there is more than one.
const DOCUMENT: &str = r#"{
  "openapi": "3.0.3",
  "info": { "title": "server", "version": "1" },
  "paths": {
    "/products": { "get": { "responses": { "200": { "description": "ok" } } } },
    "/orders": { "get": { "responses": { "200": { "description": "ok" } } } },
    "/health": { "get": { "responses": { "200": { "description": "ok" } } } }
  }
}"#;

fn suite() -> Suite {
    let config = format!(
        r#"[project]
name = "one server"
{}[contract.server]
openapi = "api.json"
headers = {{ x-api-key = "${{secret.api_key}}" }}
[http]
headers = {{ x-api-key = "${{secret.api_key}}" }}
[secret]
api_key = {{ env = "LOGS_TEST_API_KEY", default = "{SECRET}" }}
"#,
        server::target()
    );
    Suite::new(&[
        ("harness.toml", &config),
        ("api.json", DOCUMENT),
        ("scenarios/journeys/browse.toml", BROWSE),
        ("scenarios/journeys/list.toml", LIST),
        ("scenarios/short.toml", SHORT),
    ])
}

/// How a collector treats who comes.
#[derive(Debug, Clone, Copy)]
enum Manner {
    Takes,
    Refuses,
    Hangs,
}

/// A collector of spans.
struct Collector {
    url: String,
    heads: Arc<Mutex<Vec<String>>>,
    spans: Arc<Mutex<Vec<Span>>>,
}

impl Collector {
    fn new(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let collector = Self {
            url,
            heads: Arc::default(),
            spans: Arc::default(),
        };
        let (heads, spans) = (Arc::clone(&collector.heads), Arc::clone(&collector.spans));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (heads, spans) = (Arc::clone(&heads), Arc::clone(&spans));
                std::thread::spawn(move || serve(&stream, manner, &heads, &spans));
            }
        });
        collector
    }

    /// Everything that came.
    fn spans(&self) -> Vec<Span> {
        self.spans.lock().unwrap().clone()
    }
}

fn serve(stream: &TcpStream, manner: Manner, heads: &Mutex<Vec<String>>, spans: &Mutex<Vec<Span>>) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).unwrap_or(0) == 0 {
                return;
            }
        }
        let length = head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
        let mut body = vec![0; length.unwrap().1.parse().unwrap()];
        reader.read_exact(&mut body).unwrap();
        heads.lock().unwrap().push(head);
        let status = match manner {
            Manner::Takes => "200 OK",
            Manner::Refuses => "503 Service Unavailable",
            // Never answers; the next read waits for the peer to go away.
            Manner::Hangs => continue,
        };
        let request = ExportTraceServiceRequest::decode(body.as_slice()).unwrap();
        let scopes = request.resource_spans.into_iter();
        let scopes = scopes.flat_map(|resource| resource.scope_spans);
        spans
            .lock()
            .unwrap()
            .extend(scopes.flat_map(|scope| scope.spans));
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
        if (&mut &*stream).write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

/// Names from a span up to the root, root first.
fn path(spans: &[Span], span: &Span) -> String {
    let parent = spans.iter().find(|one| one.span_id == span.parent_span_id);
    match parent {
        Some(parent) => format!("{} > {}", path(spans, parent), span.name),
        None => span.name.clone(),
    }
}

fn attribute(span: &Span, key: &str) -> Option<String> {
    let found = span.attributes.iter().find(|one| one.key == key)?;
    match found.value.as_ref()?.value.as_ref()? {
        any_value::Value::StringValue(text) => Some(text.clone()),
        any_value::Value::IntValue(number) => Some(number.to_string()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_collector_receives_the_runs_spans_as_one_tree_without_secrets() {
    let collector = Collector::new(Manner::Takes);
    let suite = suite();
    let _turn = part();
    let mut command = suite.command(&["run", "--otlp", &collector.url]);
    command.env(
        "OTEL_EXPORTER_OTLP_HEADERS",
        "authorization=Bearer%20collector-token",
    );
    let ran = Ran::to_the_end(&mut command);
    let stderr = ran.stderr.as_str();
    // The step that polls does not hold.
    assert_eq!(ran.code, 1, "{stderr}");
    assert!(!stderr.contains("warning: failed to send"), "{stderr}");
    let id = suite
        .only_run()
        .file_name()
        .unwrap()
        .to_str()
        .unwrap()
        .to_owned();

    let spans = collector.spans();
    let paths: Vec<_> = spans.iter().map(|span| path(&spans, span)).collect();
    let run = format!("run {id}");
    let wanted = [
        "",
        " > target start",
        " > target start > service server",
        " > target start > service server > spawn",
        " > target start > service server > ready",
        " > phase journeys > journey browse > step the list",
        " > phase journeys > journey browse > step polls",
        " > phase contract > contract server",
        " > phase scenarios > scenario short",
        " > phase scenarios > scenario short > steady",
        " > phase scenarios > scenario short > fault slow",
        " > target stop",
        " > report",
    ];
    for one in wanted {
        let wanted = format!("{run}{one}");
        let times = paths.iter().filter(|path| **path == wanted).count();
        assert_eq!(times, 1, "{wanted} in {paths:#?}");
    }
    let operations = paths.iter().filter(|path| {
        path.starts_with(&format!(
            "{run} > phase contract > contract server > operation "
        ))
    });
    assert!(operations.count() > 1, "{paths:#?}");
    // Forty requests under load, not one span of them.
    assert!(spans.len() < 60, "{}: {paths:#?}", spans.len());
    let trace = &spans[0].trace_id;
    assert!(spans.iter().all(|span| span.trace_id == *trace));

    let step = |name: &str| spans.iter().find(|span| span.name == name).unwrap();
    let list = step("step the list");
    let sent = attribute(list, "traceparent").unwrap();
    let linked = &list.links[0].trace_id;
    let linked: String = linked.iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(sent.contains(&linked), "{sent} {linked}");
    let polls = step("step polls");
    let attempts: usize = attribute(polls, "attempts").unwrap().parse().unwrap();
    assert!(attempts > 1 && polls.links.len() == attempts, "{polls:#?}");
    assert_eq!(polls.status.as_ref().unwrap().code(), StatusCode::Error);
    let fault = step("fault slow");
    let lasted = fault.end_time_unix_nano - fault.start_time_unix_nano;
    assert!((400_000_000..2_000_000_000).contains(&lasted), "{lasted}");

    let heads = collector.heads.lock().unwrap();
    assert!(
        heads[0].starts_with("POST /v1/traces HTTP/1.1"),
        "{heads:?}"
    );
    assert!(
        heads[0].contains("authorization: Bearer collector-token"),
        "{heads:?}"
    );
    assert!(!format!("{spans:?}").contains(SECRET));
    assert!(!stderr.contains("collector-token"));
}

#[test]
fn a_collector_that_refuses_or_hangs_costs_a_line_and_nothing_else() {
    let suite = suite();
    suite.write("scenarios/journeys/browse.toml", LIST);
    let nobody = server::Nobody::new();
    let cases = [
        (Collector::new(Manner::Refuses).url, "503"),
        (Collector::new(Manner::Hangs).url, "no answer within 2 s"),
        (nobody.url(), "refused"),
    ];
    for (url, reason) in cases {
        let mut command = suite.command(&["run"]);
        command.env("OTEL_EXPORTER_OTLP_ENDPOINT", &url);
        let ran = Ran::to_the_end(&mut command);
        let stderr = ran.stderr.as_str();
        assert!(matches!(ran.code, 0 | 4 | 5), "{stderr}");
        let told: Vec<_> = stderr
            .lines()
            .filter(|line| line.contains("failed to send"))
            .collect();
        assert_eq!(told.len(), 1, "{stderr}");
        let place = format!("{url}/v1/traces");
        assert!(
            told[0].contains(reason) && told[0].contains(&place),
            "{told:?}"
        );
    }
    for run in suite.runs() {
        assert!(run.join("report.html").is_file());
    }
}

#[test]
fn lines_are_json_objects_on_stderr_or_in_a_file_and_hold_no_secret() {
    let suite = suite();
    let _turn = part();
    let arguments = ["run", "--quiet", "--log", "trace", "--log-format", "json"];
    let objects = |text: &str| -> Vec<Value> {
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
            .collect()
    };
    let ran = suite.run(&arguments).exits(1);
    let lines = objects(&ran.stderr);
    let walked = |line: &&Value| line["span"]["step"] == "the list";
    let walked = lines.iter().find(walked).expect("the step's end");
    assert_eq!(walked["spans"][2]["journey"], "browse", "{walked}");
    assert!(
        lines
            .iter()
            .all(|line| line["timestamp"].is_string() && line["level"].is_string())
    );
    assert!(!ran.stderr.contains(SECRET));

    let file = [&arguments[..], &["--log-file", "own.log"]].concat();
    let ran = suite.run(&file).exits(1);
    assert_eq!(ran.stderr, "");
    let text = std::fs::read_to_string(suite.path().join("own.log")).unwrap();
    assert!(objects(&text).len() > 20, "{text}");
    assert!(!text.contains(SECRET));
}

#[test]
fn a_bad_filter_url_or_file_is_told_before_anything_starts() {
    let suite = suite();
    let cases = [
        (&["--log", "harness=loud"][..], "failed to read --log"),
        (
            &["--log", "info", "--log-file", "no/such/folder.log"],
            "failed to create the log",
        ),
        (&["--log-file", "own.log"], "--log"),
        (&["--log-format", "xml"], "invalid value 'xml'"),
        (
            &["--otlp", "localhost:4318"],
            "--otlp is not an http or https URL",
        ),
        (
            &["--otlp", "ftp://collector"],
            "--otlp is not an http or https URL",
        ),
        (
            &["--otlp", "http://me:hunter2@collector"],
            "holds a user or a password",
        ),
    ];
    for (arguments, said) in cases {
        let ran = suite.run(&[&["run"][..], arguments].concat()).exits(2);
        assert!(ran.stderr.contains(said), "{arguments:?}: {}", ran.stderr);
        assert!(!ran.stderr.contains("hunter2"), "{}", ran.stderr);
    }
    let mut command = suite.command(&["run"]);
    command.env("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "not a url");
    let ran = Ran::to_the_end(&mut command);
    assert_eq!(ran.code, 2);
    let stderr = ran.stderr.as_str();
    assert!(
        stderr.contains("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"),
        "{stderr}"
    );
    assert_eq!(suite.runs(), Vec::<std::path::PathBuf>::new());
}
