//! A storm of retries that outlives its fault, by a front end that plants it: what it could not get it asks for again, once in
//! its turn, until it has got it. With that off there is none.

use crate::support::journeys::VISIT;
use crate::support::{Suite, server};
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const PORT: &str = "HARNESS_TEST_FRONT_PORT";
const BACK: &str = "HARNESS_TEST_FRONT_BACK";
/// How often what was not got is asked for again.
const AGAIN: &str = "HARNESS_TEST_FRONT_AGAIN";

/// Asks the back end once; whether it answered well.
fn ask(back: &str) -> bool {
    let answer = TcpStream::connect(back).and_then(|mut stream| {
        let request = format!("GET / HTTP/1.1\r\nhost: {back}\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes())?;
        let mut status = [0; 12];
        stream.read_exact(&mut status)?;
        Ok(status)
    });
    answer.is_ok_and(|status| status.ends_with(b"200"))
}

/// Says "ok" to everybody after having asked the back end. What failed is asked for again behind its clients' backs, twenty
/// times a second.
#[expect(
    clippy::disallowed_methods,
    reason = "a front end that tries again after a while"
)]
fn front(port: &str) {
    let back = std::env::var(BACK).unwrap();
    let back = back.trim_start_matches("http://").to_owned();
    let again: u64 = std::env::var(AGAIN).unwrap().parse().unwrap();
    let owed = Arc::new(AtomicU64::new(0));
    {
        let (back, owed) = (back.clone(), Arc::clone(&owed));
        std::thread::spawn(move || {
            loop {
                std::thread::sleep(Duration::from_millis(50));
                if owed.load(Ordering::SeqCst) > 0 && ask(&back) {
                    owed.fetch_sub(1, Ordering::SeqCst);
                }
            }
        });
    }
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).unwrap();
    for stream in listener.incoming().map_while(Result::ok) {
        let (back, owed) = (back.clone(), Arc::clone(&owed));
        std::thread::spawn(move || {
            let mut reader = BufReader::new(&stream);
            loop {
                let mut head = String::new();
                while !head.ends_with("\r\n\r\n") {
                    if reader.read_line(&mut head).unwrap_or(0) == 0 {
                        return;
                    }
                }
                if !ask(&back) {
                    owed.fetch_add(again, Ordering::SeqCst);
                }
                let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
                if (&mut &stream).write_all(answer).is_err() {
                    return;
                }
            }
        });
    }
}

#[test]
fn a_front_end_when_asked_to_be_one() {
    if let Ok(port) = std::env::var(PORT) {
        front(&port);
    }
}

/// 20 visits a second; from 5 s on the back end refuses all of them for 3 s.
const REFUSED: &str = r#"
title = "The back end refuses"
settle = "2s"
[load]
rate = "20/s"
for = "15s"
mix = { visit = 1 }
[[fault]]
name = "refused"
link = "back"
at = "5s"
for = "3s"
http = { status = 503 }
[[gate]]
"#;

/// What is told of retries, where each call that failed is made so many times more.
fn retries(again: u32, gate: &str) -> Value {
    let scenario = format!("{REFUSED}expect = \"{gate}\"\n");
    let suite = Suite::new(&[
        ("scenarios/journeys/visit.toml", VISIT),
        ("scenarios/refused.toml", &scenario),
    ]);
    let own = std::env::current_exe().unwrap();
    let (own, name, port) = (own.display(), server::NAME, server::PORT);
    let toml = format!(
        r#"[project]
name = "storm"
[target]
mode = "process"
[target.service.back]
process = {{ command = ["{own}", "--exact", "{name}"] }}
env = {{ {port} = "${{port}}" }}
ready = {{ within = "60s" }}
[target.service.front]
process = {{ command = ["{own}", "--exact", "storm::a_front_end_when_asked_to_be_one"] }}
env = {{ {PORT} = "${{port}}", {BACK} = "${{link.back.url}}", {AGAIN} = "{again}" }}
ready = {{ within = "60s" }}
[target.link.back]
from = "front"
to = "back"
[target.link.edge]
to = "front"
"#
    );
    suite.write("harness.toml", toml);
    let (ran, summary, _) = suite.judged("", &["run"]);
    let fault = &summary["faults"][0];
    let gates = &summary["verdict"]["gates"];
    assert_eq!(ran.code, 0, "{gates:#}\n{fault:#}\n{}", ran.stderr);
    let inferred = fault["inferred"].as_array().unwrap().iter();
    let mut told = inferred.filter(|one| one["topic"] == "retries");
    told.next().unwrap().clone()
}

#[test]
fn a_storm_that_outlives_its_fault_is_told() {
    let told = retries(3, "amplification(back) > 1.5");
    let says = told["says"].as_str().unwrap();
    assert!(says.starts_with("retries: "), "{told:#}");
    let (_, storm) = says.split_once("; a storm went on for ").unwrap();
    let (seconds, rest) = storm.split_once(' ').unwrap();
    assert_eq!(rest, "s after the lifting", "{told:#}");
    // 60 calls failed: 180 are made again, 20 a second, as long as the load lasts.
    assert!(seconds.parse::<f64>().unwrap() >= 3.0, "{told:#}");
    assert_ne!(told["confidence"], "low", "{told:#}");
}

#[test]
fn what_is_not_asked_for_again_is_no_storm() {
    let told = retries(0, "amplification(back) < 1.2");
    let says = told["says"].as_str().unwrap();
    assert!(says.starts_with("no retries seen"), "{told:#}");
    assert!(!says.contains("storm"), "{told:#}");
}
