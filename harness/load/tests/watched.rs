//! What invariants count of a load: every capture when it was made, also if a later step fails, and every variable with
//! the acknowledged request that carried it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "in a test a panic is the report"
)]

mod support;

use harness_core::expr::step::{Expectation, StepSubject, Test, Value};
use harness_core::http::Method;
use harness_core::journey::{Action, Capture, Journey};
use harness_core::plan::invariant::Watched;
use harness_core::template::{Escape, Text};
use std::sync::Arc;
use support::server::Server;
use support::{GENEROUS, attack, journey, play, rate, request};

fn text(text: &str) -> Text {
    Text::parse(text, Escape::None).unwrap()
}

fn watched(captured: &str, values: bool) -> Watched {
    Watched {
        captured: captured.parse().unwrap(),
        values,
    }
}

/// Captures the status under `seen` while it sends a key; then fails.
fn keyed(url: &str) -> Arc<Journey> {
    let mut first = request(Method::Get, url, GENEROUS);
    first.headers = vec![("x-key".into(), text("{{ key }}"))];
    first.captures = vec![Capture {
        name: "seen".into(),
        from: StepSubject::Status,
    }];
    let mut second = request(Method::Get, url, GENEROUS);
    second.expect = vec![Expectation {
        subject: StepSubject::Status,
        test: Test::Equal(Value::Number(500.0)),
    }];
    second.headers = vec![("x-other".into(), text("{{ other }}"))];
    let steps = [first, second].map(|request| Action::Request(Box::new(request)));
    let mut journey = Arc::unwrap_or_clone(journey("keyed", steps.to_vec()));
    for variable in ["key", "other"] {
        let value = text("{{ uuid() }}");
        journey.variables.insert(variable.into(), value);
    }
    Arc::new(journey)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn captures_count_when_they_are_made() {
    let server = Server::ok().await;
    let mut attack = attack(vec![keyed(&server.url)], vec![rate(200.0, 200.0, 500)]);
    attack.watched = vec![
        watched("keyed.key", true),
        watched("keyed.other", true),
        watched("keyed.seen", false),
    ];
    let tally = play(attack).await;
    tally.assert_accounted();
    let n = tally.of("keyed").started;
    assert!(n > 50 && tally.of("keyed").ok == 0, "{n}");
    let [key, other, seen] = tally.kept.as_slice() else {
        panic!("{:?}", tally.kept)
    };
    assert_eq!((key.count, key.values.len() as u64), (n, n));
    assert_eq!(key.not_numbers, n);
    assert_eq!((other.count, other.values.len()), (0, 0));
    assert_eq!(
        (seen.count, seen.sum, seen.values.len()),
        (n, 200.0 * n as f64, 0)
    );
    assert!(!key.full);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_kept_unless_it_is_watched() {
    let server = Server::ok().await;
    let attack = attack(vec![keyed(&server.url)], vec![rate(100.0, 100.0, 200)]);
    assert!(play(attack).await.kept.is_empty());
}
