//! Invariants in every report: what held with its figures, what did not with its walks, and nothing the target said out
//! of its place.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "in a test a panic is the report"
)]

mod streams;

use harness_core::event::{
    Broken, Envelope, Event, Excerpt, Exchange, FailedWalk, InvariantChecked, Walked,
};
use harness_core::http::{Method, Timing};
use harness_core::plan::invariant::InvariantPlan;
use harness_core::readiness::readiness;
use harness_core::record::fold;
use harness_core::verdict::evaluate;
use harness_report::terminal::{Live, Style};
use harness_report::{html, json, junit, markdown, terminal};
use serde_json::json;
use std::io::Write;
use std::sync::{Arc, Mutex};
use streams::HOSTILE;

const CONSERVED: &str = "orders.$.placed == orders.$.confirmed + orders.$.pending";

fn plans() -> Vec<InvariantPlan> {
    let plan = |n: u32, check: serde_json::Value| {
        json!({
            "id": format!("payments-slow#{n}"), "check": check, "class": "key", "weight": 1.0,
            "scenario": "payments-slow", "within": "10s",
            "origin": { "file": "scenarios/payments-slow.toml", "line": 40 + n },
        })
    };
    let each = json!({ "of": "checkout.order", "walk": "order-is-settled", "at_most": 2000 });
    let all = [
        plan(6, json!({ "holds": CONSERVED })),
        plan(
            7,
            json!({ "holds": "delta(orders.$.placed) >= distinct(checkout.order)" }),
        ),
        plan(8, json!({ "each": each })),
        plan(9, json!({ "holds": "stock.$.left >= 0" })),
    ];
    serde_json::from_value(all.into()).unwrap()
}

fn checked(n: u32, figures: &[(&str, f64)]) -> InvariantChecked {
    InvariantChecked {
        scenario: "payments-slow".parse().unwrap(),
        gate: format!("payments-slow#{n}"),
        figures: figures.iter().map(|(t, f)| ((*t).into(), *f)).collect(),
        missing: Vec::new(),
        captured: 812,
        attempts: 41,
        took_us: 10_100_000,
        walks: None,
    }
}

fn failed(value: &str) -> FailedWalk {
    FailedWalk {
        value: value.into(),
        step: "it is settled".into(),
        attempts: 3,
        failures: vec![Broken {
            expected: "status == 200".into(),
            actual: "404".into(),
        }],
        exchange: Some(Exchange {
            method: Method::Get,
            url: "http://shop/orders/o-17".into(),
            request_headers: Vec::new(),
            request_body: Excerpt::default(),
            status: Some(404),
            failure: None,
            response_headers: Vec::new(),
            response_body: Excerpt::of(HOSTILE.as_bytes(), HOSTILE.len() as u64),
            timing: Timing::default(),
            curl: "curl -sS 'http://shop/orders/o-17'".into(),
        }),
    }
}

/// A healthy run whose scenario ended with four invariants: one holds, two do not, one could not be asked.
fn events() -> Vec<Envelope> {
    let mut events = streams::healthy();
    if let Event::RunStarted(run) = &mut events[0].event {
        run.plan.scenarios[0].invariants = plans();
    }
    let orders = [
        ("orders.$.placed", 812.0),
        ("orders.$.confirmed", 790.0),
        ("orders.$.pending", 22.0),
    ];
    let lost = [
        ("delta(orders.$.placed)", 811.0),
        ("distinct(checkout.order)", 812.0),
    ];
    let mut walked = checked(8, &[]);
    walked.walks = Some(Walked {
        distinct: 812,
        walked: 812,
        failed: 2,
        evidence: vec![failed("\"o-17\""), failed(HOSTILE)],
    });
    let mut silent = checked(9, &[]);
    silent.missing = vec![format!("query `stock` gave no answer: {HOSTILE}")];
    let said = [checked(6, &orders), checked(7, &lost), walked, silent];
    let end = |e: &Envelope| matches!(e.event, Event::ScenarioFinished { .. });
    let at = events.iter().position(end).unwrap() + 1;
    for (n, checked) in said.into_iter().enumerate() {
        let mut envelope = events[at - 1].clone();
        envelope.event = Event::InvariantChecked(Box::new(checked));
        events.insert(at + n, envelope);
    }
    (0..).zip(&mut events).for_each(|(seq, e)| e.seq = seq);
    events
}

/// Lines that speak of one of the invariants.
fn about(text: &str) -> String {
    let lines = text.lines().filter(|line| {
        [
            "#6", "#7", "#8", "#9", "orders", "order-is", "stock", "placed",
        ]
        .iter()
        .any(|word| line.contains(word))
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, data: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(data);
        Ok(data.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn every_report_tells_them() {
    let record = fold(events()).unwrap();
    let verdict = evaluate(&record);
    let readiness = readiness(&record, &verdict);
    let mut out = Vec::new();
    terminal::render(&mut out, Style::PLAIN, &record, &verdict, &readiness, None).unwrap();
    let summary = String::from_utf8(out).unwrap();
    let wide = summary.lines().find(|line| line.chars().count() > 80);
    assert_eq!(wide, None);
    insta::assert_snapshot!("invariants-summary", summary);
    let kept = Kept::default();
    let mut live = Live::lines(kept.clone(), Style::PLAIN);
    events().iter().for_each(|event| live.hear(event));
    live.finish();
    let live = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
    insta::assert_snapshot!("invariants-live", about(&live));
    let markdown = markdown::render(&record, &verdict, &readiness);
    insta::assert_snapshot!("invariants-markdown", about(&markdown));
    let junit = junit::render(
        &record,
        &verdict,
        &harness_core::readiness::readiness(&record, &verdict),
    )
    .unwrap();
    insta::assert_snapshot!("invariants-junit", about(&junit));

    let summary = json::Summary::of(&record, &verdict, &readiness);
    let summary = serde_json::to_value(summary).unwrap();
    assert_eq!(summary["invariants"][0]["figures"][0][1], 812.0);
    assert_eq!(summary["verdict"]["invariants"][2]["grade"], "fail");
}

#[test]
fn the_page_shows_figures_and_failed_walks_in_their_place() {
    let record = fold(events()).unwrap();
    let verdict = evaluate(&record);
    let page = html::render(&record, &verdict, &readiness(&record, &verdict)).unwrap();
    let from = page.find(">Invariants <a").expect("the section");
    let section = &page[from..];
    let section = &section[..section.find("<div class=\"charts\">").unwrap()];
    for part in [
        "placed 812 = confirmed 790 + pending 22",
        "delta(placed) 811 &lt; distinct(checkout.order) 812",
        "2 of 812 values failed",
        "http://shop/orders/o-17",
        "&lt;script&gt;alert(1)",
    ] {
        assert!(section.contains(part), "{part} is not in {section}");
    }
    assert!(!section.contains("<script>"));
}
