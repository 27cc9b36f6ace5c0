//! Faults in every report: their clocks, what the target did about them, and the load in each phase.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "in a test a panic is the report"
)]

mod streams;

use harness_core::event::{Envelope, Event};
use harness_core::hist::Hist;
use harness_core::readiness::readiness;
use harness_core::record::fold;
use harness_core::verdict::evaluate;
use harness_report::terminal::{self, Style};
use harness_report::{html, json as summary, markdown};

/// The healthy run, had its proxy read `payments` and its services been asked how they are. During the fault, which is
/// from second 8 to 14, each payment is asked for three times, and given up after 600 ms.
fn events() -> Vec<Envelope> {
    let mut events = streams::healthy();
    let (mut t0, mut asked) = (0, Vec::new());
    for envelope in &mut events {
        let at_us = envelope.at_us;
        match &mut envelope.event {
            Event::ScenarioStarted { t0_us, .. } => {
                t0 = *t0_us;
                asked = vec![
                    (t0 + 200_000, true),
                    (t0 + 9_300_000, false),
                    (t0 + 14_900_000, true),
                ];
            }
            Event::LinkTick(tick) if tick.link.as_str() == "payments" => {
                let second = at_us.saturating_sub(t0) / 1_000_000;
                tick.watched = true;
                tick.requests = 8;
                if (9..=14).contains(&second) {
                    tick.requests = 24;
                    tick.abandoned = Hist::from_counts([(600_000, 22), (95_000, 1)]);
                } else {
                    tick.answers = [("2xx".to_owned(), 8)].into();
                }
            }
            Event::FaultEffective { by, .. } => *by = Some("a wizard".to_owned()),
            _ => {}
        }
    }
    for (at, healthy) in asked {
        let place = events.partition_point(|e| e.at_us <= at);
        let like = events[place - 1].clone();
        let service = "orders".to_owned();
        let event = Event::HealthChanged { service, healthy };
        events.insert(
            place,
            Envelope {
                at_us: at,
                event,
                ..like
            },
        );
    }
    (0..)
        .zip(&mut events)
        .for_each(|(seq, envelope)| envelope.seq = seq);
    events
}

/// The part between two marks.
fn between<'t>(text: &'t str, from: &str, to: &str) -> &'t str {
    let start = text.find(from).expect(from);
    let end = text[start..].find(to).expect(to) + start;
    &text[start..end]
}

/// The words of a part of the page, a line each.
fn words(page: &str) -> String {
    let texts = page.split('<').filter_map(|part| part.split_once('>'));
    let texts = texts
        .map(|(_, text)| text.trim())
        .filter(|text| !text.is_empty());
    texts.collect::<Vec<_>>().join("\n")
}

#[test]
fn every_report_tells_what_a_fault_did_and_what_was_done_about_it() {
    let record = fold(events()).unwrap();
    let verdict = evaluate(&record);
    let readiness = readiness(&record, &verdict);
    let page = html::render(&record, &verdict, &readiness).unwrap();
    insta::assert_snapshot!(
        "faults-page",
        words(between(&page, ">Faults <a", "<figure"))
    );
    let text = markdown::render(&record, &verdict, &readiness);
    insta::assert_snapshot!(
        "faults-markdown",
        between(&text, "### payments-slow: faults", "\n### ")
    );
    let json = summary::Summary::of(&record, &verdict, &readiness)
        .to_json()
        .unwrap();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let fault = serde_json::to_string_pretty(&json["faults"]).unwrap();
    insta::assert_snapshot!("faults-json", fault);
    let mut out = Vec::new();
    terminal::render(&mut out, Style::PLAIN, &record, &verdict, &readiness, None).unwrap();
    let out = String::from_utf8(out).unwrap();
    insta::assert_snapshot!(
        "faults-terminal",
        between(&out, "payments-slow · response time", "\nLoad generator")
    );
}
