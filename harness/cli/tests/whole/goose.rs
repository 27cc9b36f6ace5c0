//! The same journeys on the native engine and on Goose: the same work, counted alike. The worker process is built apart
//! (`cargo build --manifest-path harness/goose/Cargo.toml --target-dir target`); where it is not, these tests are skipped
//! with a line that says so, and `HARNESS_REQUIRE_GOOSE=1` makes that a failure.

use crate::support::{HARNESS, Suite, labelled, part, until};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

/// What was asked, in words, and how often.
type Asked = Arc<Mutex<BTreeMap<String, u32>>>;

#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn built() -> bool {
    let there = Path::new(HARNESS).with_file_name("harness-goose").is_file();
    if !there {
        assert!(
            std::env::var_os("HARNESS_REQUIRE_GOOSE").is_none(),
            "harness-goose is not built"
        );
        eprintln!("skipped: harness-goose is not built beside {HARNESS}");
    }
    there
}

/// Takes orders and shows them: every tenth is not found again, the answer on every 25th breaks off; an order for `hold` is
/// never answered.
fn shop() -> (u16, Asked) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (asked, next) = (Asked::default(), Arc::new(AtomicU32::new(1)));
    let seen = Arc::clone(&asked);
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let (seen, next) = (Arc::clone(&seen), Arc::clone(&next));
            std::thread::spawn(move || serve(&stream, &seen, &next));
        }
    });
    (port, asked)
}

fn serve(stream: &TcpStream, asked: &Asked, next: &AtomicU32) {
    let mut reader = BufReader::new(stream);
    loop {
        let (mut head, mut length) = (String::new(), 0);
        while !head.ends_with("\r\n\r\n") {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            head.push_str(&line);
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let path = head.split(' ').nth(1).unwrap().to_owned();
        let what = if head.starts_with("POST ") {
            format!("POST {path} {}", String::from_utf8(body).unwrap())
        } else {
            format!("GET {path}")
        };
        // Whether the target is there is asked at its root.
        if path != "/" {
            *asked.lock().unwrap().entry(what.clone()).or_default() += 1;
        }
        if what.contains("hold") {
            let _ = reader.read(&mut [0]);
            return;
        }
        let id = path
            .strip_prefix("/orders/")
            .map(|id| id.parse::<u32>().unwrap());
        let (status, answer) = match id {
            None if path == "/" => (200, json!("ready")),
            None => (201, json!({ "id": next.fetch_add(1, Ordering::Relaxed) })),
            Some(id) if id % 25 == 0 => {
                let half = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{";
                let _ = (&mut &*stream).write_all(half.as_bytes());
                return;
            }
            Some(id) if id % 10 == 0 => (503, json!({ "error": "gone" })),
            Some(id) => (200, json!({ "id": id, "padding": "x".repeat(3000) })),
        };
        let answer = answer.to_string();
        let head = format!(
            "HTTP/1.1 {status} Words\r\ncontent-length: {}\r\n\r\n",
            answer.len()
        );
        if (&mut &*stream)
            .write_all(format!("{head}{answer}").as_bytes())
            .is_err()
        {
            return;
        }
    }
}

fn suite(port: u16, load: &str) -> Suite {
    let config = format!(
        r#"[project]
name = "two-engines"
[target]
mode = "external"
url = "http://127.0.0.1:{port}"
[profile.default]
tags = "load"
"#
    );
    let scenario = format!(
        r#"title = "Orders"
tags = ["load"]
[load]
model = "closed"
{load}
mix = {{ order = 1 }}
[[gate]]
expect = "error_rate < 90%"
"#
    );
    Suite::new(&[
        ("harness.toml", &config),
        (
            "scenarios/journeys/order.toml",
            r#"title = "An order is placed and shown"
data = { file = "skus.csv", pick = "random" }
[[step]]
name = "place"
post = "/orders"
json = { sku = "{{ row.sku }}", n = "{{ iteration() }}" }
expect = ["status == 201"]
capture = { id = "$.id" }
[[step]]
name = "show"
get = "/orders/{{ id }}"
expect = ["status == 200", "$.id == {{ id }}"]
"#,
        ),
        ("scenarios/orders.toml", &scenario),
        ("skus.csv", "sku\nS-1\nS-2\nS-3\nS-4\nS-5\n"),
    ])
}

/// What a load of 200 walks did by an engine: what was asked, and its figures by name.
fn work(engine: &str) -> (BTreeMap<String, u32>, Value) {
    let (port, asked) = shop();
    let suite = suite(
        port,
        &format!("users = 5\niterations = 200\nfor = \"60s\"\nengine = \"{engine}\""),
    );
    let _turn = part();
    let ran = suite.run(&["run", "--format", "json"]);
    let names = ran.json()["scenarios"][0]["names"].clone();
    let counts = ["order", "order/place", "order/show"].map(|name| {
        let of = &names[name];
        let taken = ["planned", "started", "ok", "errors", "dropped", "cancelled"];
        taken.map(|key| of[key].clone())
    });
    assert!(
        names["order"]["response"]["p99"].as_f64().is_some(),
        "{names:#}"
    );
    (asked.lock().unwrap().clone(), json!(counts))
}

#[test]
fn both_engines_do_the_same_work() {
    if !built() {
        return;
    }
    let (native, native_counts) = work("native");
    let (goose, goose_counts) = work("goose");
    // The same orders, and each one's id in the path of the step after.
    assert_eq!(native, goose);
    assert_eq!(native.len(), 400);
    assert_eq!(native_counts, goose_counts);
    assert_eq!(
        native_counts[2],
        json!([0, 200, 176, { "closed": 8, "status-503": 16 }, 0, 0])
    );
}

#[test]
fn a_worker_process_that_dies_breaks_the_load_and_nothing_hangs() {
    if !built() {
        return;
    }
    let (port, asked) = shop();
    let suite = suite(port, "users = 2\nfor = \"60s\"\nengine = \"goose\"");
    let _turn = part();
    let running = suite.start(&["run", "--format", "json"]);
    until("some work", || {
        (asked.lock().unwrap().len() > 50).then_some(())
    });
    let worker = until("the worker process", || {
        labelled(&suite.run_id()).into_iter().find(|pid| {
            let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
            name.trim() == "harness-goose"
        })
    });
    crate::support::signal(worker, "KILL");
    let ran = running.ends();
    let id = ran.json()["run"]["id"].as_str().unwrap().to_owned();
    let told = "the worker process ended before its load did (signal: 9 (SIGKILL))";
    assert!(suite.events(&id).contains(told), "{ran:#?}");
    assert_ne!(ran.code, 0);
}

#[test]
fn a_stop_does_not_wait_for_answers_that_never_come() {
    if !built() {
        return;
    }
    let (port, asked) = shop();
    let suite = suite(port, "users = 3\nfor = \"200s\"\nengine = \"goose\"");
    suite.write("skus.csv", "sku\nhold\n");
    let running = suite.start(&["run", "--format", "json"]);
    until("three users", || {
        (asked.lock().unwrap().len() >= 3).then_some(())
    });
    running.signal("INT");
    let ran = running.ends();
    // Let go, and not waited for until their time limits.
    let names = &ran.json()["scenarios"][0]["names"];
    assert_eq!(names["order"]["cancelled"], 3, "{names:#}");
    assert!(labelled(ran.json()["run"]["id"].as_str().unwrap()).is_empty());
}

#[test]
fn what_goose_can_not_do_is_said_and_not_done_otherwise() {
    let (port, asked) = shop();
    let suite = suite(
        port,
        "stages = [{ users = \"1..3\", for = \"1s\" }]\nengine = \"goose\"",
    );
    for command in ["check", "run"] {
        let ran = suite.run(&[command]);
        let said = ran.stdout + &ran.stderr;
        assert!(said.contains("as many users from begin to end"), "{said}");
        assert_eq!(ran.code, 2, "{command}: {said}");
    }
    assert!(asked.lock().unwrap().is_empty());
}
