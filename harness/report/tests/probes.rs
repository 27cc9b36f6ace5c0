//! Probes in every report: drawn on the scenario's axis, told before, during and after each fault, judged as gates.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "in a test a panic is the report"
)]

mod streams;

use harness_core::event::Event;
use harness_core::readiness::readiness;
use harness_core::record::{Record, fold};
use harness_core::verdict::evaluate;
use harness_report::terminal::{self, Style};
use harness_report::{html, json as summary, markdown};
use serde_json::{Value, json};

/// What lies between two marks, tags taken off and what they held set apart.
fn words(page: &str, from: &str, to: &str) -> String {
    let start = page.find(from).expect(from);
    let end = page[start..].find(to).expect(to) + start;
    let mut out = String::new();
    for part in page[start..end].split('<').skip(1) {
        let (tag, text) = part.split_once('>').unwrap_or(("", part));
        if tag.starts_with("tr") || tag.starts_with("h3") {
            out.push('\n');
        }
        if !text.trim().is_empty() {
            out.push_str(text.trim());
            out.push_str(" | ");
        }
    }
    out
}

/// The healthy run, had its plan asked for these.
fn record() -> Record {
    let mut events = streams::healthy();
    let Some(Event::RunStarted(run)) = events.first_mut().map(|e| &mut e.event) else {
        panic!("a stream begins with its run");
    };
    let origin = json!({ "file": "harness.toml", "line": 40 });
    let probe = |name: &str, title: &str, value: &str, unit: Value| {
        let probe = json!({ "name": name, "title": title, "value": value, "unit": unit, "chart": true, "origin": origin });
        serde_json::from_value(probe).unwrap()
    };
    run.plan.probes = vec![
        probe(
            "hit_rate",
            "Cache hit rate",
            "rate(gateway.cache_hits_total) / rate(gateway.http_requests_total)",
            json!("share"),
        ),
        probe(
            "accepted",
            "Orders accepted",
            "rate(orders.http_requests_total{code=\"201\"})",
            json!("per-second"),
        ),
        probe(
            "pool",
            "Connections in use",
            "max(orders.db_pool_in_use)",
            json!({ "named": "conns" }),
        ),
        probe(
            "lost",
            "Lost <orders>",
            "increase(orders.orders_lost_total)",
            json!("plain"),
        ),
    ];
    let gate = |n: u32, expect: &str, during: Value| {
        let gate = json!({ "id": format!("payments-slow#p{n}"), "expect": expect, "class": "scored", "weight": 1.0, "scenario": "payments-slow", "during": during, "origin": origin });
        serde_json::from_value(gate).unwrap()
    };
    run.plan.scenarios[0].gates.extend([
        gate(1, "probe.hit_rate > 60%", json!("all")),
        gate(
            2,
            "probe.pool < 10 conns",
            json!({ "fault": "provider is slow" }),
        ),
        gate(3, "probe.lost < 1", json!("undisturbed")),
    ]);
    fold(events).unwrap()
}

#[test]
fn probes_are_shown_everywhere() {
    let record = record();
    let verdict = evaluate(&record);
    let readiness = readiness(&record, &verdict);

    let page = html::render(&record, &verdict, &readiness).unwrap();
    assert!(!page.contains("Lost <orders>") && page.contains("Lost &lt;orders&gt;"));
    insta::assert_snapshot!(
        "probes-table",
        words(&page, ">The target's own figures <a", "</table>")
    );
    let figure = |title: &str| {
        let at = page.find(&format!(">{title}<")).expect(title);
        let start = page[..at].rfind("<figure").unwrap();
        page[start..start + page[start..].find("</figure>").unwrap()].to_owned()
    };
    for title in ["Cache hit rate", "Orders accepted", "Connections in use"] {
        let chart = figure(title);
        assert!(
            chart.contains("band-fault") && chart.contains("s-spark"),
            "{chart}"
        );
    }
    insta::assert_snapshot!("probes-chart", figure("Cache hit rate"));
    assert!(
        !page.contains("class=\"c-title\">Lost"),
        "what has no value is not drawn"
    );

    let mut out = Vec::new();
    terminal::render(&mut out, Style::PLAIN, &record, &verdict, &readiness, None).unwrap();
    let lines = |text: &str| {
        let told = text.lines().filter(|line| line.contains("probe."));
        told.collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!("probes-summary", lines(std::str::from_utf8(&out).unwrap()));
    insta::assert_snapshot!(
        "probes-markdown",
        lines(&markdown::render(&record, &verdict, &readiness))
    );
    let told = serde_json::to_value(summary::Summary::of(&record, &verdict, &readiness)).unwrap();
    let gates = told["verdict"]["gates"].as_array().unwrap();
    let told: Vec<_> = gates
        .iter()
        .filter(|g| g["gate"]["expect"].as_str().unwrap().starts_with("probe."))
        .map(|g| (g["grade"].clone(), g["unit"].clone()))
        .collect();
    insta::assert_debug_snapshot!("probes-json", told);
}
