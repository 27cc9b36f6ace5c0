//! Loops, collections and copies against a small model of a target, with defects planted in the model.

use super::*;
use crate::expr::step::StepSubject;
use crate::journey::{Copies, Repeat};
use proptest::prelude::*;

/// How the model turns pages.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Paging {
    /// By the last item seen: what is inserted meanwhile moves nothing.
    ByKey,
    /// By a number of items: what is inserted meanwhile moves the rest.
    ByOffset,
    /// By key, and one item more is passed over.
    Skips,
    /// The first page again and again.
    Endless,
}

/// A list, newest first, to which one item comes before each page.
struct Model {
    paging: Paging,
    newest: u64,
    limit: u64,
}

impl Model {
    fn answer(&mut self, request: &Request) -> String {
        if request.method == Method::Post {
            self.newest += 1;
            return "{}".into();
        }
        let after: Option<u64> = request
            .url
            .split_once("after=")
            .map(|(_, number)| number.parse().unwrap());
        let from = match (self.paging, after) {
            (_, None) | (Paging::Endless, _) => self.newest,
            (Paging::ByKey, Some(key)) => key - 1,
            (Paging::Skips, Some(key)) => key.saturating_sub(2),
            (Paging::ByOffset, Some(offset)) => self.newest.saturating_sub(offset),
        };
        let ids: Vec<u64> = (1..=from).rev().take(self.limit as usize).collect();
        let items: Vec<_> = ids.iter().map(|id| json!({ "id": id })).collect();
        let mut page = json!({ "items": items });
        let last = ids.last().copied().unwrap_or(0);
        if last > 1 || self.paging == Paging::Endless {
            let after = match self.paging {
                Paging::ByOffset => after.unwrap_or(0) + self.limit,
                _ => last,
            };
            page["next"] = json!(format!("/list?after={after}"));
        }
        page.to_string()
    }
}

fn capture(name: &str, from: &str) -> Capture {
    Capture {
        name: name.into(),
        from: from.parse().unwrap(),
    }
}

fn linked(expect: &[&str]) -> RequestStep {
    let mut step = get("", expect);
    step.url = Text::parse("{{ next }}", Escape::None).unwrap();
    step.link = Some(Text::literal("http://a"));
    step
}

/// Inserts an item, asks for a page, and so on to the last one; then `expect`.
fn paging(expect: &[&str], at_most: u32) -> Walk {
    let mut insert = get("/list", &[]);
    insert.method = Method::Post;
    let mut page = linked(&["status == 200"]);
    page.collect = vec![capture("seen", "$.items[*].id")];
    page.repeat = Some(Repeat {
        from: 0,
        condition: "$.next exists".parse().unwrap(),
        captures: vec![capture("next", "$.next")],
        at_most,
    });
    let check = Action::Check(expect.iter().map(|e| e.parse().unwrap()).collect());
    let begun = walk(vec![request(insert), request(page), check]);
    let mut journey = begun.journey().as_ref().clone();
    journey
        .variables
        .insert("next".into(), Text::literal("/list"));
    Walk::new(Arc::new(journey), &context("r1"), 10 * MS)
}

/// Walks to the end; every step that ended.
fn run(
    walk: &mut Walk,
    mut answer: impl FnMut(&Request, usize) -> (u16, String),
) -> (Vec<StepEnd>, Outcome) {
    let mut now = 10 * MS;
    let mut ends = Vec::new();
    loop {
        match walk.next(now) {
            Next::Send(outgoing) => {
                let mut answers = (0..outgoing.copies).map(|copy| {
                    let (status, body) = answer(&outgoing.request, usize::from(copy));
                    given(now, now + (1 + u32::from(copy)) * MS, status, &body)
                });
                let first = answers.next().unwrap();
                ends.extend(walk.answers(first, answers.collect()));
                now += 100 * MS;
            }
            Next::Wait { until } => now = until,
            Next::Paused(end) | Next::Failed(end) => ends.push(end),
            Next::Command { .. } => panic!("there are no commands here"),
            Next::Done(outcome) => return (ends, outcome),
        }
    }
}

fn given(sent: Duration, ended: Duration, status: u16, body: &str) -> Answer {
    let body = Bytes::from(body.to_owned());
    let result = match status {
        0 => Err(Failure {
            kind: crate::http::FailureKind::Refused,
            detail: "refused".into(),
        }),
        _ => Ok(Response {
            status,
            headers: vec![],
            body_len: body.len() as u64,
            body,
        }),
    };
    Answer {
        sent,
        ended,
        timing: Timing::default(),
        result,
    }
}

fn paged(paging_by: Paging, items: u64, limit: u64, expect: &[&str]) -> (Vec<StepEnd>, Outcome) {
    let mut model = Model {
        paging: paging_by,
        newest: items,
        limit,
    };
    run(&mut paging(expect, 50), |request, _| {
        (200, model.answer(request))
    })
}

fn broken(ends: &[StepEnd]) -> (usize, &str, &str) {
    let end = ends.last().unwrap();
    let failure = end.failures.first().unwrap();
    (end.step, &failure.expected, &failure.actual)
}

#[test]
fn every_item_is_seen_once_while_items_are_inserted() {
    // Thirteen and the one inserted before the first page.
    let expect = ["count(seen) == 14", "distinct(seen) == 14"];
    let (ends, outcome) = paged(Paging::ByKey, 13, 3, &expect);
    assert_eq!(outcome, Outcome::Passed, "{:?}", ends.last());
    let steps: Vec<usize> = ends.iter().map(|end| end.step).collect();
    assert_eq!(steps, [0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 2]);
    assert!(ends.iter().all(|end| end.passed && end.attempts == 1));
    assert!(ends.is_sorted_by_key(|end| end.intended));
}

#[test]
fn a_page_that_repeats_an_item_is_found_and_the_item_named() {
    let (ends, outcome) = paged(Paging::ByOffset, 9, 3, &["distinct(seen) == 13"]);
    assert_eq!(outcome, Outcome::Failed);
    assert_eq!(
        broken(&ends),
        (
            2,
            "distinct(seen) == 13",
            "10 of 14; more than once: 8, 6, 4, …"
        )
    );
}

#[test]
fn an_item_that_is_passed_over_is_found() {
    let (ends, outcome) = paged(Paging::Skips, 13, 3, &["count(seen) == 14"]);
    assert_eq!(outcome, Outcome::Failed);
    assert_eq!(broken(&ends), (2, "count(seen) == 14", "11"));
}

#[test]
fn a_list_without_end_fails_the_step() {
    let (ends, outcome) = paged(Paging::Endless, 13, 3, &[]);
    assert_eq!(outcome, Outcome::Failed);
    assert_eq!(
        broken(&ends),
        (
            1,
            "to go back at most 50 times while $.next exists",
            "it still holds"
        )
    );
    assert_eq!(ends.iter().filter(|end| end.step == 1).count(), 51);
    assert_eq!(ends.last().unwrap().class.as_deref(), Some("expectation"));
}

proptest! {
    #[test]
    fn whatever_the_pages_only_paging_by_key_sees_every_item_once(items in 1u64..60, limit in 2u64..9) {
        let all = format!("distinct(seen) == {}", items + 1);
        let each = format!("count(seen) == {}", items + 1);
        let (ends, outcome) = paged(Paging::ByKey, items, limit, &[&all, &each]);
        prop_assert_eq!(outcome, Outcome::Passed, "{:?}", ends.last());
        // On one page nothing can be moved or passed over.
        if items + 1 > limit + 1 {
            for defect in [Paging::ByOffset, Paging::Skips] {
                prop_assert_eq!(paged(defect, items, limit, &[&all, &each]).1, Outcome::Failed, "{:?}", defect);
            }
        }
    }
}

/// A walk that follows what the first answer calls `next`.
fn following(link: &str) -> (Vec<StepEnd>, Vec<String>) {
    let mut first = get("/v1/list", &[]);
    first.captures = vec![capture("next", "$.next")];
    let mut walk = walk(vec![request(first), request(linked(&[]))]);
    let mut asked = Vec::new();
    let (ends, _) = run(&mut walk, |request, _| {
        asked.push(request.url.clone());
        (200, format!("{{\"next\":{link}}}"))
    });
    (ends, asked)
}

#[test]
fn links_are_followed_as_they_were_sent() {
    for (link, leads) in [
        (
            "\"/v1/list?after=a%2Fb&x=1\"",
            "http://a/v1/list?after=a%2Fb&x=1",
        ),
        ("\"http://a/v1/list?after=1\"", "http://a/v1/list?after=1"),
        ("\"HTTP://A:80/z#part\"", "HTTP://A:80/z"),
        ("\"z\"", "http://a/z"),
    ] {
        assert_eq!(following(link).1, ["http://a/v1/list", leads]);
    }
}

#[test]
fn a_link_to_another_origin_is_not_followed() {
    for link in [
        "\"http://b/v1/list\"",
        "\"https://a/v1/list\"",
        "\"//b/list\"",
        "\"http://a@b/list\"",
        "\"javascript:alert(1)\"",
        "\"\"",
    ] {
        let (ends, asked) = following(link);
        assert_eq!(asked, ["http://a/v1/list"], "{link}");
        assert_eq!(broken(&ends), (1, "a link that stays with http://a", link));
    }
    for link in ["null", "7", "[\"/a\",\"/b\"]"] {
        let (ends, asked) = following(link);
        assert_eq!(asked.len(), 1, "{link}");
        assert_eq!(broken(&ends), (1, "a link in `{{ next }}`", link));
    }
}

#[test]
fn a_loop_in_a_loop_counts_anew_each_time() {
    let mut inner = get("/inner", &[]);
    inner.collect = vec![capture("turns", "$.n")];
    inner.repeat = Some(Repeat {
        from: 0,
        condition: "$.n < 3".parse().unwrap(),
        captures: vec![],
        at_most: 2,
    });
    let mut outer = get("/outer", &[]);
    outer.repeat = Some(Repeat {
        from: 0,
        condition: "count(turns) < 9".parse().unwrap(),
        captures: vec![],
        at_most: 2,
    });
    let mut walk = walk(vec![request(inner), request(outer)]);
    let mut n = 0;
    let (ends, outcome) = run(&mut walk, |request, _| {
        n = if request.url.ends_with("inner") {
            n % 3 + 1
        } else {
            n
        };
        (200, format!("{{\"n\":{n}}}"))
    });
    assert_eq!(
        (ends.len(), outcome),
        (12, Outcome::Passed),
        "{:?}",
        ends.last()
    );
}

#[test]
fn an_answer_that_was_kept_is_not_asked_for_again() {
    let mut step = get("/", &["status == 200"]);
    step.eventually = Some(1000 * MS);
    step.collect = vec![capture("seen", "$.items")];
    step.captures = vec![capture("gone", "$.gone")];
    let (ends, outcome) = run(&mut walk(vec![request(step)]), |_, _| {
        (200, r#"{"items":[1,2]}"#.into())
    });
    assert_eq!((outcome, ends[0].attempts), (Outcome::Failed, 1));
}

#[test]
fn lists_are_bounded_and_empty_at_first() {
    let collecting = |body: String| {
        let mut step = get("/", &[]);
        step.collect = vec![capture("seen", "$.items")];
        step.repeat = Some(Repeat {
            from: 0,
            condition: "status == 200".parse().unwrap(),
            captures: vec![],
            at_most: 3,
        });
        let mut walk = walk(vec![request(step)]);
        run(&mut walk, |_, _| (200, body.clone())).0
    };
    let many = collecting(json!({ "items": vec![0; 60_000] }).to_string());
    assert_eq!(
        broken(&many),
        (0, "seen collects $.items", "more than 100000 values")
    );
    let large = collecting(json!({ "items": ["x".repeat(9 << 20)] }).to_string());
    assert_eq!(broken(&large).2, "more than 16 MiB of values");
    let none = collecting("{}".into());
    assert_eq!(
        broken(&none).1,
        "to go back at most 3 times while status == 200"
    );
    let mut walk = walk(vec![
        Action::Check(vec!["count(seen) == 0".parse().unwrap()]),
        request(RequestStep {
            collect: vec![capture("seen", "$.items")],
            ..get("/", &[])
        }),
        Action::Check(vec!["count(seen) == 0".parse().unwrap()]),
    ]);
    let (_, outcome) = run(&mut walk, |_, _| (200, r#"{"items":[]}"#.into()));
    assert_eq!(outcome, Outcome::Passed);
}

/// Four copies of an order under one key, with these answers.
fn ordered(answers: [(u16, &str); 4]) -> (StepEnd, Walk) {
    let mut step = get("/orders", &["status in [200, 201]"]);
    step.method = Method::Post;
    step.headers = vec![("idempotency-key".into(), text("{{ uuid() }}"))];
    step.captures = vec![capture("order", "$.id")];
    let same: StepSubject = "$.id".parse().unwrap();
    step.copies = Some(Copies {
        count: 4,
        same: vec![same],
        exactly: vec![("status == 201".parse().unwrap(), 1)],
    });
    let mut walk = walk(vec![
        request(step),
        request(get("/orders/{{ order }}", &[])),
    ]);
    let outgoing = sent(&mut walk, 10 * MS);
    assert_eq!(outgoing.copies, 4);
    let mut given = answers
        .iter()
        .zip(0u32..)
        .map(|((status, body), n)| given((10 + n) * MS, (20 - n) * MS, *status, body));
    let first = given.next().unwrap();
    let end = walk.answers(first, given.collect()).unwrap();
    (end, walk)
}

const ONE: (u16, &str) = (200, r#"{"id":"o-1"}"#);

#[test]
fn copies_that_agree_are_one_step() {
    let (end, mut walk) = ordered([ONE, (201, ONE.1), ONE, ONE]);
    assert!(end.passed && end.class.is_none(), "{:?}", end.failures);
    assert_eq!((end.sent, end.ended), (10 * MS, 20 * MS));
    let next = sent(&mut walk, 20 * MS);
    assert_eq!(
        (next.copies, next.request.url.as_str()),
        (1, "http://a/orders/o-1")
    );
}

#[test]
fn two_orders_for_one_key_are_found_and_both_named() {
    let (end, mut walk) = ordered([ONE, (201, ONE.1), (200, r#"{"id":"o-2"}"#), ONE]);
    let failure = &end.failures[0];
    assert_eq!(failure.expected, "$.id to be the same in all 4 answers");
    assert_eq!(failure.actual, "\"o-1\" in answer 1, \"o-2\" in answer 3");
    let shown = end.result.unwrap().unwrap();
    assert_eq!(&shown.body[..], br#"{"id":"o-2"}"#);
    assert!(matches!(walk.next(20 * MS), Next::Done(Outcome::Failed)));
    // What is in no answer is no agreement.
    let (end, _) = ordered([(200, "{}"), (201, "{}"), (200, "{}"), (200, "{}")]);
    assert_eq!(end.failures[0].actual, "answer 1: $.id: nothing there");
}

#[test]
fn every_copy_must_hold_and_the_one_that_does_not_is_shown() {
    let (end, _) = ordered([ONE, ONE, (503, "busy"), (0, "")]);
    let told: Vec<_> = end.failures.iter().map(|b| b.actual.as_str()).collect();
    assert_eq!(told, ["503 (answer 3)", "2 do not: 3, 4"]);
    assert_eq!(end.class.as_deref(), Some("status-503"));
    let (end, _) = ordered([(0, ""), (201, ONE.1), ONE, ONE]);
    assert_eq!(
        (end.failures[0].expected.as_str(), end.class.as_deref()),
        ("a response", Some("refused"))
    );
}

#[test]
fn so_many_answers_and_no_more() {
    for (answers, holding) in [
        ([ONE, ONE, ONE, ONE], "0 of them"),
        ([ONE, (201, ONE.1), (201, ONE.1), ONE], "2 of them"),
    ] {
        let (end, _) = ordered(answers);
        assert_eq!(end.failures.len(), 1);
        assert_eq!(
            (
                end.failures[0].expected.as_str(),
                end.failures[0].actual.as_str()
            ),
            ("exactly 1 of 4 answers: status == 201", holding)
        );
    }
}
