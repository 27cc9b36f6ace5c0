//! The interpreter against scripted answers: no socket, no clock.

use super::*;
use crate::http::Method;
use crate::http::{Failure, Response};
use crate::journey::command::Command;
use crate::journey::{Capture, Origin, Step};
use crate::template::{Escape, Text};
use bytes::Bytes;
use serde_json::json;

mod more_than_once;

const MS: Duration = Duration::from_millis(1);

fn text(text: &str) -> Text {
    Text::parse(text, Escape::Percent).unwrap()
}

fn get(path: &str, expect: &[&str]) -> RequestStep {
    RequestStep {
        method: Method::Get,
        url: text(&format!("http://a{path}")),
        link: None,
        query: vec![],
        headers: vec![],
        body: Text::default(),
        expect: expect.iter().map(|e| e.parse().unwrap()).collect(),
        captures: vec![],
        collect: Vec::new(),
        repeat: None,
        copies: None,
        eventually: None,
        every: 100 * MS,
        timeout: 1000 * MS,
        redirects: 0,
        think: None,
    }
}

fn walk(steps: Vec<Action>) -> Walk {
    let origin = Origin {
        file: "j.toml".into(),
        line: 1,
    };
    let steps = steps.into_iter().enumerate();
    let steps = steps
        .map(|(n, action)| Step {
            name: format!("s{n}"),
            origin: origin.clone(),
            action,
        })
        .collect();
    let journey = Journey {
        name: "j".parse().unwrap(),
        title: String::new(),
        tags: vec![],
        origin,
        rows: json!({ "sku": "S" })
            .as_object()
            .cloned()
            .into_iter()
            .collect(),
        feed: crate::data::Feed::default(),
        variables: BTreeMap::from([("key".into(), text("{{ uuid() }}"))]),
        steps,
    };
    Walk::new(Arc::new(journey), &context("r1"), 10 * MS)
}

fn context(run: &str) -> Context {
    Context {
        seed: 1,
        run: run.parse().unwrap(),
        iteration: 0,
        row: Some(0),
        wall_ms_at_zero: 0,
        traceparent: true,
    }
}

fn request(step: RequestStep) -> Action {
    Action::Request(Box::new(step))
}

fn sent(walk: &mut Walk, now: Duration) -> Outgoing {
    match walk.next(now) {
        Next::Send(outgoing) => outgoing,
        other => panic!("{other:?}"),
    }
}

fn answered(
    walk: &mut Walk,
    sent: Duration,
    status: u16,
    headers: &[(&str, &str)],
    body: &str,
) -> Option<StepEnd> {
    let headers = headers
        .iter()
        .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
        .collect();
    let body = Bytes::from(body.to_owned());
    let result = Ok(Response {
        status,
        headers,
        body_len: body.len() as u64,
        body,
    });
    walk.answer(Answer {
        sent,
        ended: sent + 5 * MS,
        timing: Timing::default(),
        result,
    })
}

#[test]
fn captures_flow_and_the_next_step_is_intended_after_the_last_and_its_think_time() {
    let mut first = get("/orders", &["status == 201"]);
    first.captures = vec![Capture {
        name: "order".into(),
        from: "$.id".parse().unwrap(),
    }];
    first.think = Some(Think::Fixed(20 * MS));
    let mut second = get("/orders/{{ order }}", &[]);
    second.query = vec![("a b".into(), text("{{ row.sku }}&"))];
    let mut walk = walk(vec![request(first), request(second)]);
    assert!(matches!(walk.next(9 * MS), Next::Wait { until } if until == 10 * MS));
    let outgoing = sent(&mut walk, 12 * MS);
    assert_eq!(outgoing.intended, 10 * MS);
    let end = answered(&mut walk, 12 * MS, 201, &[], r#"{"id":"x/1"}"#).unwrap();
    assert!(end.passed && end.intended == 10 * MS && end.ended == 17 * MS);
    assert!(matches!(walk.next(17 * MS), Next::Wait { until } if until == 37 * MS));
    let outgoing = sent(&mut walk, 38 * MS);
    assert_eq!(
        (outgoing.request.url.as_str(), outgoing.intended),
        ("http://a/orders/x%2F1?a%20b=S%26", 37 * MS)
    );
    answered(&mut walk, 38 * MS, 200, &[], "").unwrap();
    assert!(matches!(walk.next(43 * MS), Next::Done(Outcome::Passed)));
}

/// The waits after each step of a journey that draws data and thinks by `think`, and the bodies it sent.
fn thought(think: Option<Think>) -> (Vec<Duration>, Vec<String>) {
    let step = || {
        let mut step = get("/", &[]);
        step.body = Text::parse("{{ int(1, 1000000) }} {{ uuid() }}", Escape::None).unwrap();
        step.think = think;
        request(step)
    };
    let mut walk = walk(vec![step(), step(), step()]);
    let (mut now, mut waits, mut bodies) = (10 * MS, Vec::new(), Vec::new());
    loop {
        match walk.next(now) {
            Next::Send(outgoing) => {
                bodies.push(String::from_utf8_lossy(&outgoing.request.body).into_owned());
                now = answered(&mut walk, now, 200, &[], "").unwrap().ended;
            }
            Next::Wait { until } => {
                waits.push(until - now);
                now = until;
            }
            // The last think time is waited by whoever walks, not by the walk.
            Next::Done(_) => {
                let last = walk.free() - now;
                waits.extend((!last.is_zero()).then_some(last));
                return (waits, bodies);
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn think_times_are_drawn_from_the_seed_and_move_no_other_draw() {
    let (from, to) = (10 * MS, 30 * MS);
    let (waits, bodies) = thought(Some(Think::Uniform { from, to }));
    assert_eq!(waits.len(), 3);
    assert!(waits.iter().all(|wait| (from..=to).contains(wait)) && waits[0] != waits[1]);
    assert_eq!(
        thought(Some(Think::Uniform { from, to })),
        (waits, bodies.clone())
    );
    assert_eq!(thought(None), (vec![], bodies.clone()));
    let (mean, at_most) = (20 * MS, 200 * MS);
    assert_eq!(
        thought(Some(Think::Exponential { mean, at_most })).1,
        bodies
    );
}

#[test]
fn a_loads_think_time_goes_to_steps_without_one() {
    let mut own = get("/", &[]);
    own.think = Some(Think::Fixed(Duration::ZERO));
    let steps = vec![request(get("/", &[])), request(own), request(get("/", &[]))];
    let journey = Arc::clone(walk(steps).journey());
    let load = Think::Fixed(5 * MS);
    let thinks = |after_last| -> Vec<_> {
        let steps = journey.thinking(load, after_last).steps.into_iter();
        steps
            .map(|step| match step.action {
                Action::Request(request) => request.think,
                _ => None,
            })
            .collect()
    };
    let own = Some(Think::Fixed(Duration::ZERO));
    assert_eq!(thinks(true), [Some(load), own, Some(load)]);
    assert_eq!(thinks(false), [Some(load), own, None]);
}

/// Whoever walks thinks after the last step too, held or not, and the walk is over meanwhile.
#[test]
fn a_walk_is_over_before_whoever_walks_is_free() {
    for (status, outcome) in [(200, Outcome::Passed), (500, Outcome::Failed)] {
        let mut only = get("/", &["status == 200"]);
        only.think = Some(Think::Fixed(20 * MS));
        let mut walk = walk(vec![request(only)]);
        assert!(matches!(walk.next(10 * MS), Next::Send(_)));
        let ended = answered(&mut walk, 11 * MS, status, &[], "").unwrap().ended;
        assert!(matches!(walk.next(ended), Next::Done(done) if done == outcome));
        assert_eq!(walk.free(), ended + 20 * MS);
    }
    let mut unfillable = walk(vec![request(get("/{{ nothing }}", &[]))]);
    assert!(matches!(unfillable.next(15 * MS), Next::Failed(_)));
    assert_eq!(unfillable.free(), 15 * MS);
}

#[test]
fn cookies_are_handed_from_walk_to_walk() {
    let steps = || vec![request(get("/", &[]))];
    let mut first = walk(steps());
    assert!(matches!(first.next(10 * MS), Next::Send(_)));
    answered(
        &mut first,
        11 * MS,
        200,
        &[("set-cookie", "id=7; Max-Age=1")],
        "",
    );
    let jar = first.into_jar();
    let sent = |at: Duration| {
        let mut second = walk(steps());
        second.take_jar(jar.clone());
        match second.next(at) {
            Next::Send(outgoing) => outgoing.request.header("cookie").map(str::to_owned),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(sent(500 * MS).as_deref(), Some("id=7"));
    assert_eq!(sent(2000 * MS), None);
}

#[test]
fn a_step_that_does_not_hold_ends_the_walk() {
    let mut walk = walk(vec![
        request(get("/", &["$.a == 1"])),
        request(get("/never", &[])),
    ]);
    sent(&mut walk, 10 * MS);
    let end = answered(&mut walk, 10 * MS, 200, &[], r#"{"a":2}"#).unwrap();
    assert_eq!(
        (
            end.passed,
            end.class.as_deref(),
            end.failures[0].actual.as_str()
        ),
        (false, Some("expectation"), "2")
    );
    assert!(matches!(walk.next(20 * MS), Next::Done(Outcome::Failed)));
}

#[test]
fn without_a_word_on_the_status_an_error_status_fails() {
    let mut silent = walk(vec![request(get("/", &[]))]);
    sent(&mut silent, 10 * MS);
    let end = answered(&mut silent, 10 * MS, 503, &[], "").unwrap();
    assert_eq!(
        (end.class.as_deref(), end.failures[0].expected.as_str()),
        (Some("status-503"), "status < 400")
    );
    let mut meant = walk(vec![request(get("/", &["status == 503"]))]);
    sent(&mut meant, 10 * MS);
    assert!(answered(&mut meant, 10 * MS, 503, &[], "").unwrap().passed);
}

#[test]
fn polling_counts_in_the_journey_and_not_in_the_steps_latency() {
    let mut step = get("/", &["$.done == true"]);
    step.eventually = Some(250 * MS);
    let mut passing = walk(vec![request(step.clone())]);
    sent(&mut passing, 10 * MS);
    assert!(answered(&mut passing, 10 * MS, 200, &[], r#"{"done":false}"#).is_none());
    assert!(matches!(passing.next(15 * MS), Next::Wait { until } if until == 115 * MS));
    sent(&mut passing, 116 * MS);
    let end = answered(&mut passing, 116 * MS, 200, &[], r#"{"done":true}"#).unwrap();
    assert_eq!(
        (end.passed, end.attempts, end.intended),
        (true, 2, 115 * MS)
    );

    let mut failing = walk(vec![request(step)]);
    let mut now = 10 * MS;
    let end = loop {
        match failing.next(now) {
            Next::Wait { until } => now = until,
            Next::Send(_) => {
                if let Some(end) = answered(&mut failing, now, 500, &[], "") {
                    break end;
                }
            }
            other => panic!("{other:?}"),
        }
    };
    assert!(
        !end.passed && end.attempts == 3 && end.ended <= 260 * MS,
        "{end:?}"
    );
}

#[test]
fn redirects_and_cookies_are_followed_within_the_limit() {
    let mut step = get("/login", &["status == 200"]);
    step.redirects = 1;
    let mut walk = walk(vec![request(step), request(get("/home", &[]))]);
    sent(&mut walk, 10 * MS);
    assert!(
        answered(
            &mut walk,
            10 * MS,
            302,
            &[("location", "/home"), ("set-cookie", "s=1; Path=/")],
            ""
        )
        .is_none()
    );
    let onward = sent(&mut walk, 15 * MS);
    assert_eq!(
        (onward.request.url.as_str(), onward.request.header("cookie")),
        ("http://a/home", Some("s=1"))
    );
    assert!(answered(&mut walk, 15 * MS, 200, &[], "").unwrap().passed);
    assert_eq!(
        sent(&mut walk, 20 * MS).request.header("cookie"),
        Some("s=1")
    );
    let end = answered(&mut walk, 20 * MS, 302, &[("location", "/x")], "").unwrap();
    assert!(
        end.passed,
        "a redirect that is not followed is an answer like any other"
    );
}

#[test]
fn every_request_of_a_walk_carries_one_trace_and_a_span_of_its_own() {
    let mut walk = walk(vec![request(get("/", &[])), request(get("/", &[]))]);
    let first = sent(&mut walk, 10 * MS)
        .request
        .header("traceparent")
        .unwrap()
        .to_owned();
    answered(&mut walk, 10 * MS, 200, &[], "").unwrap();
    let second = sent(&mut walk, 20 * MS)
        .request
        .header("traceparent")
        .unwrap()
        .to_owned();
    assert_eq!((first.len(), &first[..3], &first[52..]), (55, "00-", "-01"));
    assert_eq!(first[..36], second[..36]);
    assert_ne!(first[36..], second[36..]);
}

#[test]
fn the_same_plan_repeats_and_another_run_does_not() {
    let url = |run: &str| {
        let journey = Arc::clone(walk(vec![request(get("/{{ key }}", &[]))]).journey());
        sent(
            &mut Walk::new(journey, &context(run), Duration::ZERO),
            Duration::ZERO,
        )
        .request
        .url
        .clone()
    };
    assert_eq!(url("r1"), url("r1"));
    assert_ne!(url("r1"), url("r2"));
}

#[test]
fn what_cannot_be_built_is_told_and_what_is_cancelled_is_no_failure() {
    let mut unbuilt = walk(vec![request(get("/{{ nobody }}", &[]))]);
    let Next::Failed(end) = unbuilt.next(10 * MS) else {
        panic!("it was built")
    };
    assert!(end.failures[0].actual.contains("nobody") && end.request.is_none());
    assert!(matches!(unbuilt.next(10 * MS), Next::Done(Outcome::Failed)));

    let mut cancelled = walk(vec![request(get("/", &[]))]);
    sent(&mut cancelled, 10 * MS);
    let result = Err(Failure {
        kind: FailureKind::Cancelled,
        detail: String::new(),
    });
    cancelled.answer(Answer {
        sent: 10 * MS,
        ended: 11 * MS,
        timing: Timing::default(),
        result,
    });
    assert!(matches!(
        cancelled.next(11 * MS),
        Next::Done(Outcome::Cancelled)
    ));
}

#[test]
fn pauses_and_commands_take_their_turn() {
    let lift = Command::Lift { fault: "f".into() };
    let mut walk = walk(vec![
        Action::Pause(30 * MS),
        Action::Command(lift),
        request(get("/", &[])),
    ]);
    assert!(matches!(walk.next(10 * MS), Next::Wait { until } if until == 40 * MS));
    assert!(matches!(walk.next(40 * MS), Next::Paused(end) if end.passed));
    assert!(matches!(walk.next(40 * MS), Next::Command { step: 1, .. }));
    assert!(walk.commanded(41 * MS, Ok(())).passed);
    sent(&mut walk, 41 * MS);
    answered(&mut walk, 41 * MS, 200, &[], "").unwrap();
    assert!(matches!(walk.next(50 * MS), Next::Done(Outcome::Passed)));
}

#[test]
fn a_redirect_that_cannot_be_followed_fails_the_step() {
    for (location, expected) in [
        ("/again", "at most 1 redirects"),
        ("mailto:x", "a redirect that can be followed"),
    ] {
        let mut step = get("/", &[]);
        step.redirects = 1;
        let mut walk = walk(vec![request(step)]);
        sent(&mut walk, 10 * MS);
        let mut end = answered(&mut walk, 10 * MS, 302, &[("location", location)], "");
        if end.is_none() {
            sent(&mut walk, 15 * MS);
            end = answered(&mut walk, 15 * MS, 302, &[("location", location)], "");
        }
        let end = end.unwrap();
        assert!(!end.passed, "{location}");
        assert_eq!(end.failures[0].expected, expected);
    }
}

#[test]
fn a_redirected_step_took_as_long_as_all_its_hops() {
    let mut step = get("/", &["duration >= 15ms"]);
    step.redirects = 2;
    let mut walk = walk(vec![request(step)]);
    sent(&mut walk, 12 * MS);
    assert!(answered(&mut walk, 12 * MS, 302, &[("location", "/b")], "").is_none());
    sent(&mut walk, 22 * MS);
    let end = answered(&mut walk, 22 * MS, 200, &[], "").unwrap();
    assert_eq!(
        (end.passed, end.intended, end.sent, end.ended),
        (true, 10 * MS, 12 * MS, 27 * MS)
    );
}

#[test]
fn a_query_is_encoded_as_a_whole() {
    let mut step = get("/", &[]);
    step.query = vec![
        ("a b".into(), text("x&y {{ row.sku }}")),
        ("c".into(), text("ü")),
    ];
    let mut walk = walk(vec![request(step)]);
    let url = sent(&mut walk, 10 * MS).request.url.clone();
    assert_eq!(url, "http://a/?a%20b=x%26y%20S&c=%C3%BC");
}

#[test]
fn symbols_are_bound_wherever_they_stand_and_for_what_stands_around() {
    use crate::template::{Symbol, Symbols};
    let mut step = get(
        "/",
        &["$.who == '${secret.key}'", "$.who in ['${secret.key}']"],
    );
    step.headers = vec![("content-type".into(), Text::literal("application/json"))];
    step.body = Text::from_json(&json!({ "key": "${secret.key}" })).unwrap();
    let mut journey = walk(vec![request(step.clone())]).journey().as_ref().clone();
    let mut symbols = Symbols::default();
    symbols.insert(Symbol::Secret("key".parse().unwrap()), "a\"b".into());
    let bound = |journey: &Journey| {
        Walk::new(
            Arc::new(journey.bind(&symbols).unwrap()),
            &context("r1"),
            10 * MS,
        )
    };
    let mut json_walk = bound(&journey);
    let body = sent(&mut json_walk, 10 * MS).request.body.clone();
    assert_eq!(std::str::from_utf8(&body).unwrap(), r#"{"key":"a\"b"}"#);
    let end = answered(&mut json_walk, 10 * MS, 200, &[], r#"{"who":"a\"b"}"#).unwrap();
    assert_eq!(end.failures, []);
    step.headers = vec![(
        "content-type".into(),
        Text::literal("application/x-www-form-urlencoded"),
    )];
    step.body = text("k=${secret.key}");
    journey.steps[0].action = request(step);
    assert_eq!(sent(&mut bound(&journey), 10 * MS).request.body, "k=a%22b");
}

#[test]
fn drawn_data_repeats_from_run_to_run_and_identifiers_do_not() {
    let body = |run: &str, template: &str| {
        let mut step = get("/", &[]);
        step.body = text(template);
        let journey = walk(vec![request(step)]).journey().clone();
        sent(&mut Walk::new(journey, &context(run), 10 * MS), 10 * MS)
            .request
            .body
            .clone()
    };
    let data = "{{ int(1, 1000000000) }}";
    assert_eq!(body("r1", data), body("r2", data));
    for id in ["{{ uuid() }}", "{{ alnum(12) }}"] {
        assert_eq!(body("r1", id), body("r1", id));
        assert_ne!(body("r1", id), body("r2", id), "{id}");
    }
}
