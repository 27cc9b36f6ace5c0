//! Where requests spent their time, and a run whose target could have been anybody: in every report that a person or a
//! program reads, and in none where it did not happen.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "in a test a panic is the report"
)]

mod streams;

use harness_core::event::{Envelope, Event};
use harness_core::hist::Hist;
use harness_core::phases::Phases;
use harness_core::readiness::readiness;
use harness_core::record::fold;
use harness_core::tls::TlsPlan;
use harness_core::verdict::evaluate;
use harness_report::terminal::Style;
use harness_report::{html, json, markdown, terminal};
use serde_json::Value;

/// The page, JSON, Markdown and the terminal's words.
fn reports(events: Vec<Envelope>) -> (String, Value, String, String) {
    let record = fold(events).unwrap();
    let verdict = evaluate(&record);
    let readiness = readiness(&record, &verdict);
    let summary = json::Summary::of(&record, &verdict, &readiness);
    let mut words = Vec::new();
    terminal::render(
        &mut words,
        Style::PLAIN,
        &record,
        &verdict,
        &readiness,
        None,
    )
    .unwrap();
    (
        html::render(&record, &verdict, &readiness).unwrap(),
        serde_json::from_str(&summary.to_json().unwrap()).unwrap(),
        markdown::render(&record, &verdict, &readiness),
        String::from_utf8(words).unwrap(),
    )
}

fn changed(change: impl Fn(&mut Event)) -> Vec<Envelope> {
    let mut events = streams::healthy();
    events
        .iter_mut()
        .for_each(|envelope| change(&mut envelope.event));
    events
}

/// The healthy run, had its steps been timed: one opens connections, another waits for them.
fn timed() -> Vec<Envelope> {
    changed(|event| {
        if let Event::LoadTick(tick) = event
            && tick.name.contains('/')
        {
            let busy = tick.name.starts_with("checkout");
            tick.phases = Phases {
                queue: Hist::from_counts([(if busy { 9_000 } else { 100 }, tick.ok)]),
                tls: Hist::from_counts([(3_000, 1)]),
                first_byte: Hist::from_counts([(4_000, tick.ok)]),
                body: Hist::from_counts([(50, tick.ok)]),
                ..Phases::default()
            };
        }
    })
}

/// The part of a text between two words.
fn between<'t>(text: &'t str, from: &str, to: &str) -> &'t str {
    let begin = text.find(from).unwrap_or_else(|| panic!("no `{from}`"));
    let part = &text[begin..];
    part.find(to).map_or(part, |end| &part[..end])
}

#[test]
fn phases_have_a_table_and_figures() {
    let (page, json, ..) = reports(timed());
    assert!(page.contains("Where requests spent their time"));
    assert!(page.contains(">TLS</td>") && !page.contains(">DNS</td>"));
    let names = json["scenarios"][0]["names"].as_object().unwrap();
    let (_, step) = names.iter().find(|(name, _)| name.contains('/')).unwrap();
    let phases = step["phases"].as_object().unwrap();
    let keys: Vec<_> = phases.keys().map(String::as_str).collect();
    assert_eq!(keys, ["queue", "tls", "first-byte", "body"]);
    assert_eq!(phases["first-byte"]["count"], step["ok"]);
    let p99 = phases["first-byte"]["p99"].as_u64().unwrap();
    assert!((4_000..=4_032).contains(&p99), "{p99}");
    let (_, journey) = names.iter().find(|(name, _)| !name.contains('/')).unwrap();
    assert!(journey.get("phases").is_none());
}

#[test]
fn phases_are_told_where_people_read_at_night_and_in_ci() {
    let (_, _, markdown, words) = reports(timed());
    insta::assert_snapshot!(
        "phases-markdown",
        between(
            &markdown,
            "\n### payments-slow: where requests",
            "\n### Load"
        )
    );
    insta::assert_snapshot!(
        "phases-terminal",
        between(&words, "\npayments-slow · response", "\nLoad generator")
    );
}

#[test]
fn bars_of_phases_have_words_and_stay_within_their_width() {
    let (page, ..) = reports(timed());
    let bars = between(
        &page,
        "<figure class=\"bars\" id=\"payments-slow-phases\"",
        "</figure>",
    );
    insta::assert_snapshot!("phases-bars", bars);
    let drawing = between(bars, "<svg", "</svg>");
    let begin = drawing.split_once('>').unwrap().1.trim_start();
    assert!(begin.starts_with("<title") && begin.contains("<desc"));
}

#[test]
fn a_run_recorded_before_there_were_phases_shows_none() {
    let (page, json, markdown, words) = reports(streams::healthy());
    assert!(!page.contains("Where requests spent their time"));
    assert!(!markdown.contains("where requests spent their time"));
    assert!(!words.contains("Time of requests"));
    let names = json["scenarios"][0]["names"].as_object().unwrap();
    assert!(!names.is_empty() && names.values().all(|name| name.get("phases").is_none()));
}

#[test]
fn who_accepted_every_certificate_is_told_everywhere() {
    let insecure = changed(|event| {
        if let Event::RunStarted(run) = event {
            run.plan.target.tls = Some(TlsPlan {
                insecure: true,
                ..TlsPlan::default()
            });
        }
    });
    let (page, json, markdown, words) = reports(insecure);
    assert_eq!(json["run"]["insecure"], true);
    for text in [&page, &markdown, &words] {
        assert!(
            text.contains("INSECURE: every certificate was accepted"),
            "{text}"
        );
    }
    // Before the answer itself, where nobody can scroll past it.
    assert!(page.find("INSECURE").unwrap() < page.find("Can this build ship?").unwrap());

    let judged = changed(|event| {
        if let Event::RunStarted(run) = event {
            run.plan.target.tls = Some(TlsPlan::default());
        }
    });
    let (page, json, markdown, words) = reports(judged);
    assert!(json["run"].get("insecure").is_none());
    for text in [&page, &markdown, &words] {
        assert!(!text.contains("INSECURE"));
    }
}
