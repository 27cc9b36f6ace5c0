//! Probes of a target's own metrics, through the whole binary: a cache that works is green, one that is off is red,
//! and a metric that nobody has, or that is never told, is neither.

use crate::support::{Ran, Suite, unless_invalid};
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const SCENARIO: &str = r#"
title = "Visitors look around"
[load]
rate = "40/s"
for = "3s"
mix = { visit = 1 }

[[gate]]
name = "hit rate"
expect = "probe.hit_rate > 80%"
[[gate]]
name = "every second"
expect = "probe.hit_rate > 70%"
over = "1s"
[[gate]]
name = "asked"
expect = "probe.asked >= 1"
[[gate]]
name = "typo"
expect = "probe.typo > 80%"
"#;

const VISIT: &str = "title = \"visit\"\n[[step]]\nname = \"look\"\nget = \"/\"\n";

/// How the web server behaves.
#[derive(Clone, Copy, PartialEq)]
enum Web {
    /// Nine of ten visits are answered from its cache.
    Cached,
    /// None is.
    Uncached,
    /// It never answers who asks for its metrics.
    Silent,
}

/// A web server that counts, for as long as the test lasts; its port.
fn serve(web: Web) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = Arc::new(AtomicU64::new(0));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let asked = Arc::clone(&asked);
            // A client that hangs up ends its thread.
            std::thread::spawn(move || answer(&stream, web, &asked));
        }
    });
    port
}

fn answer(stream: &TcpStream, web: Web, asked: &AtomicU64) -> Option<()> {
    let mut lines = BufReader::new(stream.try_clone().ok()?).lines();
    loop {
        let request = lines.next()?.ok()?;
        while !lines.next()?.ok()?.is_empty() {}
        let body = match request.split(' ').nth(1)? {
            "/metrics" if web == Web::Silent => continue,
            "/metrics" => metrics(web, asked.load(Ordering::SeqCst)),
            _ => {
                asked.fetch_add(1, Ordering::SeqCst);
                "{}".to_owned()
            }
        };
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
        (&*stream).write_all((head + &body).as_bytes()).ok()?;
    }
}

fn metrics(web: Web, asked: u64) -> String {
    let hits = if web == Web::Cached {
        asked - asked / 10
    } else {
        0
    };
    format!(
        "# TYPE cache_hits_total counter\ncache_hits_total{{tier=\"a\"}} {}\ncache_hits_total{{tier=\"b\"}} {}\n\
         cache_requests_total {asked}\nnot a metric at all\n",
        hits / 2,
        hits - hits / 2
    )
}

fn suite(port: u16) -> Suite {
    let config = format!(
        r#"[project]
name = "web"
[target]
mode = "external"
url = "http://127.0.0.1:{port}"
[target.service.web]
url = "http://127.0.0.1:{port}"
metrics = "/metrics"
[probe.hit_rate]
value = "rate(cache_hits_total) / rate(web.cache_requests_total)"
unit = "%"
title = "Cache hit rate"
[probe.asked]
value = "increase(web.cache_requests_total)"
[probe.typo]
value = "rate(web.cache_hits) / rate(web.cache_requests_total)"
unit = "%"
"#
    );
    Suite::new(&[
        ("harness.toml", &config),
        ("scenarios/visits.toml", SCENARIO),
        ("scenarios/journeys/visit.toml", VISIT),
    ])
}

/// A run against the server: what it left, its suite, and its summary.
fn run(web: Web) -> (Ran, Suite, Value) {
    let (ran, suite) = unless_invalid(|| {
        let suite = suite(serve(web));
        (suite.run(&["run", "--format", "json"]), suite)
    });
    let summary = ran.json();
    (ran, suite, summary)
}

fn gate<'s>(summary: &'s Value, name: &str) -> &'s Value {
    let gates = summary["verdict"]["gates"].as_array().unwrap();
    let id = format!("visits#{name}");
    gates.iter().find(|g| g["gate"]["id"] == *id).unwrap()
}

#[test]
fn a_cache_that_works_is_green_and_a_metric_that_is_not_there_is_inconclusive() {
    let (_, suite, summary) = run(Web::Cached);
    let hit_rate = gate(&summary, "hit rate");
    assert_eq!(hit_rate["grade"], "pass", "{hit_rate}");
    assert!(
        (hit_rate["observed"].as_f64().unwrap() - 0.9).abs() < 0.03,
        "{hit_rate}"
    );
    assert_eq!(gate(&summary, "every second")["grade"], "pass");
    // One scrape before the load and one after: nothing it asked is missing, and the one walk before it is not in it.
    let visits = &summary["scenarios"][0]["names"]["visit"];
    assert_eq!(
        gate(&summary, "asked")["observed"].as_f64(),
        visits["started"].as_f64()
    );

    let typo = gate(&summary, "typo");
    assert_eq!(typo["grade"], "inconclusive");
    assert_eq!(
        typo["reason"],
        "no scrape of `web` ever held `web.cache_hits`; did you mean `cache_hits_total`?"
    );
    let notices = summary["notices"].as_array().unwrap();
    let said = |n: &&Value| {
        n.as_str()
            .unwrap()
            .contains("not all of the metrics of web can be read")
    };
    assert_eq!(notices.iter().filter(said).count(), 1, "{notices:?}");
    let page = std::fs::read_to_string(suite.only_run().join("report.html")).unwrap();
    assert!(page.contains("Cache hit rate"));
}

#[test]
fn a_cache_that_is_off_is_red() {
    let (ran, _, summary) = run(Web::Uncached);
    let hit_rate = gate(&summary, "hit rate");
    assert_eq!(
        (&hit_rate["grade"], &hit_rate["observed"]),
        (&"fail".into(), &0.0.into())
    );
    assert_eq!(gate(&summary, "every second")["grade"], "fail");
    ran.exits(1);
}

#[test]
fn metrics_that_are_never_told_neither_pass_nor_hold_up_the_run() {
    let (_, _, summary) = run(Web::Silent);
    let hit_rate = gate(&summary, "hit rate");
    assert_eq!(hit_rate["grade"], "inconclusive");
    let reason = hit_rate["reason"].as_str().unwrap();
    assert!(
        reason.starts_with("`web` never answered a scrape ("),
        "{reason}"
    );
    assert_eq!(summary["end"], "completed");
    assert!(summary["took_us"].as_u64().unwrap() < 60_000_000);
}
