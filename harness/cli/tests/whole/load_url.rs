//! `harness load URL` as people type it: how much is sent, what is printed and where it lies, on a terminal and off it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "in a test a panic is the report, helpers included"
)]

use crate::support::{Ran, Suite};
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// A server in the test's own process that counts: requests, connections, and what the first request said.
struct Server {
    url: String,
    requests: Arc<AtomicU64>,
    connections: Arc<AtomicU64>,
    first: Arc<Mutex<String>>,
}

impl Server {
    /// Answers every request with this status line.
    fn start(status: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self {
            url: format!("http://{}/load", listener.local_addr().unwrap()),
            requests: Arc::default(),
            connections: Arc::default(),
            first: Arc::default(),
        };
        let (requests, connections) = (server.requests.clone(), server.connections.clone());
        let first = server.first.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (requests, connections) = (requests.clone(), connections.clone());
                let first = first.clone();
                std::thread::spawn(move || serve(&stream, status, &requests, &connections, &first));
            }
        });
        server
    }

    fn requests(&self) -> u64 {
        self.requests.load(Ordering::SeqCst)
    }
}

fn serve(
    stream: &TcpStream,
    status: &str,
    requests: &AtomicU64,
    connections: &AtomicU64,
    first: &Mutex<String>,
) {
    let mut reader = BufReader::new(stream);
    let mut begun = false;
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).unwrap_or(0) == 0 {
                return;
            }
        }
        let length = head
            .to_ascii_lowercase()
            .lines()
            .find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
        let mut body = vec![0; length.unwrap_or(0)];
        if reader.read_exact(&mut body).is_err() {
            return;
        }
        // What asks beforehand whether anything answers asks for the root.
        if head.contains(" /load") {
            if !begun {
                connections.fetch_add(1, Ordering::SeqCst);
                begun = true;
            }
            if requests.fetch_add(1, Ordering::SeqCst) == 0 {
                *first.lock().unwrap() = head + &String::from_utf8_lossy(&body);
            }
        }
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 2\r\n\r\nhi");
        if (&mut &*stream).write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

fn nowhere() -> Suite {
    Suite::new(&[])
}

fn json(folder: &Suite, arguments: &[&str]) -> (Ran, Value) {
    let ran = folder.run(&[&["load"][..], arguments, &["--format", "json"]].concat());
    let value = ran.json();
    (ran, value)
}

#[test]
fn so_many_requests_are_sent_and_no_more() {
    let server = Server::start("200 OK");
    for (arguments, wanted) in [
        (&["-n", "137", "-c", "7"][..], 137),
        (&["-n", "3", "-c", "50"], 3),
        (&["-n", "61", "-q", "300", "-c", "5"], 61),
        (&["-n", "40", "-c", "4", "-t", "2"], 40),
    ] {
        let before = server.requests();
        let (_, summary) = json(&nowhere(), &[arguments, &[&server.url]].concat());
        assert_eq!(
            server.requests() - before,
            wanted,
            "{arguments:?}: {summary:#}"
        );
        assert_eq!(
            summary["requests"]["ok"], wanted,
            "{arguments:?}: {summary:#}"
        );
        assert_eq!(summary["requests"]["started"], wanted, "{summary:#}");
        assert!(
            summary["bytes_in"].as_u64().unwrap() >= 2 * wanted,
            "{summary:#}"
        );
    }
}

#[test]
fn without_a_word_it_is_fifty_users_and_with_one_as_many_as_said() {
    let server = Server::start("200 OK");
    let (ran, summary) = json(&nowhere(), &["-z", "2s", &server.url]);
    assert_eq!(summary["load"]["model"], "closed", "{summary:#}");
    assert_eq!(summary["load"]["users"], 50);
    assert_eq!(
        server.connections.load(Ordering::SeqCst),
        50,
        "a connection each"
    );
    assert_eq!(summary["requests"]["failed"], 0, "{summary:#}");
    assert!(
        server.requests() > 50,
        "as fast as they get answers: {}",
        ran.stderr
    );
    let server = Server::start("200 OK");
    json(
        &nowhere(),
        &["-n", "30", "-c", "3", "--disable-keepalive", &server.url],
    );
    assert_eq!(
        server.connections.load(Ordering::SeqCst),
        30,
        "one for each request"
    );
}

#[test]
fn what_is_sent_is_what_the_flags_say() {
    let server = Server::start("200 OK");
    let url = format!("{}?a=b#top", server.url);
    let flags = [
        "-n",
        "1",
        "-m",
        "PUT",
        "-H",
        "X-One: 1",
        "-T",
        "application/json",
        "-d",
        r#"{"id":{{ int(5, 5) }}}"#,
    ];
    let more = [
        "--host",
        "shop.test",
        "-a",
        "ada:hunter2!",
        "--html",
        "page.html",
        &url,
    ];
    let folder = nowhere();
    let (ran, _) = json(&folder, &[&flags[..], &more].concat());
    let first = server.first.lock().unwrap().clone();
    let lower = first.to_ascii_lowercase();
    for wanted in [
        "put /load?a=b http/1.1\r\n",
        "\r\nx-one: 1\r\n",
        "\r\ncontent-type: application/json\r\n",
        "\r\nhost: shop.test\r\n",
        "\r\nauthorization: basic ywrhomh1bnrlcjih\r\n",
        "\r\n\r\n{\"id\":5}",
    ] {
        assert!(lower.contains(wanted), "{wanted:?}: {first}");
    }
    assert!(
        !lower.contains("traceparent"),
        "other tools send none: {first}"
    );
    let page = folder.read("page.html");
    let all = format!("{}{}{page}", ran.stdout, ran.stderr);
    assert!(page.contains("<html"), "{page}");
    for secret in ["hunter2", "YWRhOmh1bnRlcjIh"] {
        assert!(!all.contains(secret), "{secret} is told");
    }
    folder.write("body.json", "{\"from\":\"a file\"}");
    let server = Server::start("200 OK");
    json(
        &folder,
        &["-n", "1", "-D", "body.json", "--traceparent", &server.url],
    );
    let first = server.first.lock().unwrap().clone();
    assert!(first.starts_with("POST /load "), "{first}");
    assert!(
        first.ends_with("{\"from\":\"a file\"}") && first.contains("traceparent"),
        "{first}"
    );
}

#[test]
fn the_summary_follows_its_schema_and_errors_are_by_kind() {
    let folder = nowhere();
    let schema = folder
        .run(&["schema", "load-summary.schema.json"])
        .exits(0)
        .json();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let good = Server::start("200 OK");
    let (ran, summary) = json(&folder, &["-n", "200", "-c", "4", &good.url]);
    assert!(validator.is_valid(&summary), "{summary:#}");
    assert!([0, 4, 5].contains(&ran.code), "{summary:#}");
    let bins: u64 = summary["histogram"]
        .as_array()
        .unwrap()
        .iter()
        .map(|bin| bin["count"].as_u64().unwrap())
        .sum();
    assert_eq!(bins, 200, "{summary:#}");
    assert!(
        summary["response"]["p99"].as_f64().unwrap() < 60.0,
        "seconds"
    );
    let phases = &summary["phases"];
    let shares = phases.as_object().unwrap().values();
    let shares: f64 = shares.map(|phase| phase["share"].as_f64().unwrap()).sum();
    assert!((shares - 1.0).abs() < 1e-6, "{summary:#}");
    let wait = &phases["first_byte"];
    assert_eq!(wait["requests"], 200, "{summary:#}");
    assert!(wait["p99"].as_f64().unwrap() < 60.0, "seconds");
    assert!(phases["tls"].is_null() && phases["connect"]["requests"] != 200);
    let bad = Server::start("503 Service Unavailable");
    let (ran, summary) = json(&folder, &["-n", "20", "-c", "2", &bad.url]);
    assert!(validator.is_valid(&summary), "{summary:#}");
    assert_eq!(summary["errors"]["status-503"], 20, "{summary:#}");
    assert_eq!(
        (&summary["result"], ran.code),
        (&Value::from("fail"), 1),
        "{summary:#}"
    );
    // The schema is not one that takes anything.
    let mut wrong = summary;
    wrong["rate"] = "fast".into();
    assert!(!validator.is_valid(&wrong));
}

#[test]
fn a_folder_without_a_suite_stays_clean_and_one_with_a_suite_keeps_its_runs() {
    let server = Server::start("200 OK");
    let folder = nowhere();
    let ran = folder.run(&["load", "-n", "5", &server.url]);
    let entries = std::fs::read_dir(folder.path()).unwrap();
    let names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, [".state"], "only the user's state folder");
    let report = ran
        .stdout
        .lines()
        .find_map(|line| line.strip_prefix("report "))
        .unwrap();
    assert!(
        report.contains(".state/harness/runs/") && Path::new(report).is_file(),
        "{report}"
    );
    let again = folder.run(&["report", "latest", "--kind", "text"]).exits(0);
    assert!(again.stdout.contains("score"), "{}", again.stdout);
    let suite = Suite::new(&[(
        "harness.toml",
        "[project]\nname = \"x\"\n[target]\nmode = \"external\"\nurl = \"http://x\"\n",
    )]);
    suite.run(&["load", "-n", "5", &server.url]);
    assert_eq!(suite.runs().len(), 1);
}

#[test]
fn what_people_read_says_how_much_how_fast_and_what_failed() {
    let server = Server::start("503 Service Unavailable");
    let ran = nowhere()
        .run(&["load", "-n", "20", "-c", "2", &server.url])
        .exits(1);
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"127\.0\.0\.1:\d+", "[address]");
    settings.add_filter(r"\d+(\.\d+)? (µs|ms|s)\b", "[time]");
    settings.add_filter(r"[\d.,]+ ?(k|M)?B?/s", "[rate]");
    settings.add_filter(r"( *≤ *\[time\] +\d+ *█*\n)+", "  [bars]\n");
    settings.add_filter(
        r"(VALID|DEGRADED|INVALID)( \(lag p99 \[time\]\))?(\n {14}.*)*",
        "[trust]",
    );
    settings.add_filter(r"  [\d,]+ +begun late.*\n", "");
    settings.add_filter(
        r"(  (queue|connect|first byte|body) +[<.\d]+%.*\n)+",
        "  [phases]\n",
    );
    settings.add_filter(r"report .*", "report [path]");
    settings.add_filter(r" +(\[time\])", " $1");
    settings.bind(|| insta::assert_snapshot!("load-summary", ran.stdout));
}

#[test]
fn what_other_tools_call_otherwise_is_told_and_nothing_is_sent() {
    let server = Server::start("200 OK");
    let folder = nowhere();
    for (arguments, wanted) in [
        (&["-t2", "-c5", "-d30s"][..], "-z 30s"),
        (&["--latency", "-c5"], "percentiles are always shown"),
        (&["-h2"], "--http2"),
        (&["-x", "proxy:1"], "no proxy"),
        (&["-D", "none.json"], "none.json"),
        (&["-q", "quickly"], "`quickly` is not a rate"),
        (&["--expect", "status = 200"], "status = 200"),
        (&["--gate", "p99 is low"], "p99 is low"),
        (&["--think", "sometimes"], "sometimes"),
    ] {
        let ran = folder.run(&[&["load"][..], arguments, &[&server.url]].concat());
        assert!([2, 3].contains(&ran.code), "{arguments:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(wanted), "{arguments:?}: {}", ran.stderr);
    }
    assert_eq!(server.requests(), 0);
}

#[test]
fn a_rate_of_zero_is_said_to_be_no_limit() {
    let server = Server::start("200 OK");
    let note = "note: --rate 0 is no limit, as in oha and hey: each user sends as soon as it has its answer";
    for (rate, wanted) in [(&["--rate", "0"][..], true), (&[], false)] {
        let ran = nowhere().run(&[&["load", "-n", "5", &server.url], rate].concat());
        assert_eq!(ran.stderr.contains(note), wanted, "{}", ran.stderr);
    }
}
