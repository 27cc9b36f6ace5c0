//! Journeys whose every walk is the same: one request that no data, draw, cookie or answer changes, but for its
//! `traceparent`, and an answer judged by its status and its time alone. Such a walk can be played without the
//! interpreter, from bytes made once.
//!
//! What is sent and what passes is not written again here: both are asked of [`Walk`], when the load starts. An answer
//! that does not pass is given to a real walk, which tells what failed.

use super::walk::{Answer, Context, Next, Walk};
use super::{Action, Journey, RequestStep};
use crate::expr::step::{Expectation, StepSubject, Test};
use crate::expr::took_holds;
use crate::http::{Request, Response, Timing};
use crate::template::Text;
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;

/// Status codes looked at; a response line has three digits.
const CODES: usize = 1000;

/// What every walk of a journey does.
#[derive(Debug, Clone)]
pub struct Plain {
    request: Request,
    timeout: Duration,
    passing: Box<[bool]>,
    /// Expectations of the time it took.
    times: Vec<Expectation>,
}

impl Plain {
    /// What every walk of this journey does, if they all do the same. Its symbols must be bound.
    pub fn of(journey: &Journey, context: &Context) -> Option<Self> {
        let [step] = journey.steps.as_slice() else {
            return None;
        };
        let Action::Request(step) = &step.action else {
            return None;
        };
        let constant = journey.variables.values().all(|t| t.as_literal().is_some());
        if !constant || !journey.rows.is_empty() || !is_constant(step) || !by_status_and_time(step)
        {
            return None;
        }
        // Judged by its status alone; the times are held against it when they are known.
        let (times, others) = step.expect.iter().cloned().partition(is_of_time);
        let mut untimed = journey.clone();
        if let Some(Action::Request(step)) = untimed.steps.first_mut().map(|s| &mut s.action) {
            step.expect = others;
        }
        let untimed = Arc::new(untimed);
        let context = Context {
            traceparent: false,
            ..context.clone()
        };
        let outgoing =
            match Walk::new(Arc::clone(&untimed), &context, Duration::ZERO).next(Duration::ZERO) {
                Next::Send(outgoing) => outgoing,
                _ => return None,
            };
        let passing = (0..CODES as u16).map(|status| passes(&untimed, &context, status));
        Some(Self {
            request: Arc::unwrap_or_clone(outgoing.request),
            timeout: outgoing.timeout,
            passing: passing.collect(),
            times,
        })
    }

    /// What is sent; a `traceparent` comes as its last header.
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// Limit for the exchange, connect included.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Whether an answer with this status that took so long from being sent passes. Where it doesn't, a walk tells why.
    pub fn passes(&self, status: u16, took: Duration) -> bool {
        self.passing.get(usize::from(status)).is_some_and(|p| *p)
            && self.times.iter().all(|e| took_holds(&e.test, took))
    }
}

/// Whether it holds depends on the time it took; that there is such a time always holds.
fn is_of_time(expectation: &Expectation) -> bool {
    expectation.subject == StepSubject::Duration
        && !matches!(expectation.test, Test::Exists | Test::Absent)
}

fn is_constant(step: &RequestStep) -> bool {
    let literal = |text: &Text| text.as_literal().is_some();
    let same_each_time = literal(&step.url)
        && literal(&step.body)
        && step.query.iter().all(|(_, text)| literal(text))
        && step
            .headers
            .iter()
            .all(|(name, text)| name != "traceparent" && literal(text));
    // Anything that asks again, follows, keeps or waits is the interpreter's.
    let once = step.link.is_none()
        && step.captures.is_empty()
        && step.collect.is_empty()
        && step.repeat.is_none()
        && step.copies.is_none()
        && step.eventually.is_none()
        && step.redirects == 0
        && step.think.is_none();
    same_each_time && once
}

fn by_status_and_time(step: &RequestStep) -> bool {
    step.expect.iter().all(|e| {
        matches!(e.subject, StepSubject::Status | StepSubject::Duration)
            && e.test.texts().all(|text| text.as_literal().is_some())
    })
}

fn passes(journey: &Arc<Journey>, context: &Context, status: u16) -> bool {
    let mut walk = Walk::new(Arc::clone(journey), context, Duration::ZERO);
    let Next::Send(_) = walk.next(Duration::ZERO) else {
        return false;
    };
    let response = Response {
        status,
        headers: Vec::new(),
        body: Bytes::new(),
        body_len: 0,
    };
    let end = walk.answer(Answer {
        sent: Duration::ZERO,
        ended: Duration::ZERO,
        timing: Timing::default(),
        result: Ok(response),
    });
    end.is_some_and(|end| end.passed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Method;
    use crate::journey::walk::trace::TraceSeed;
    use crate::journey::{Capture, Origin, Step};
    use crate::template::Escape;
    use proptest::prelude::*;

    fn step(url: &str, expect: &[&str]) -> RequestStep {
        RequestStep {
            method: Method::Post,
            url: Text::parse(url, Escape::Percent).unwrap(),
            link: None,
            query: vec![("q".into(), Text::literal("a b"))],
            headers: vec![("x".into(), Text::literal("y"))],
            body: Text::literal("body"),
            expect: expect.iter().map(|e| e.parse().unwrap()).collect(),
            captures: Vec::new(),
            collect: Vec::new(),
            repeat: None,
            copies: None,
            eventually: None,
            every: Duration::from_millis(100),
            timeout: Duration::from_secs(3),
            redirects: 0,
            think: None,
        }
    }

    fn journey(steps: Vec<RequestStep>) -> Journey {
        let origin = Origin {
            file: "j.toml".into(),
            line: 1,
        };
        let named = |(n, step): (usize, RequestStep)| Step {
            name: format!("s{n}"),
            origin: origin.clone(),
            action: Action::Request(Box::new(step)),
        };
        Journey {
            name: "j".parse().unwrap(),
            title: String::new(),
            tags: Vec::new(),
            origin: origin.clone(),
            rows: Default::default(),
            feed: Default::default(),
            variables: Default::default(),
            steps: steps.into_iter().enumerate().map(named).collect(),
        }
    }

    fn context(iteration: u64) -> Context {
        Context {
            seed: 1,
            run: "r1".parse().unwrap(),
            iteration,
            row: None,
            wall_ms_at_zero: 0,
            traceparent: true,
        }
    }

    fn is_plain(change: impl FnOnce(&mut RequestStep)) -> bool {
        let mut step = step("http://a/", &["status == 200"]);
        change(&mut step);
        Plain::of(&journey(vec![step]), &context(0)).is_some()
    }

    #[test]
    fn only_what_nothing_changes_is_plain() {
        let text = |text: &str| Text::parse(text, Escape::None).unwrap();
        assert!(is_plain(|_| ()));
        assert!(is_plain(
            |s| s.expect = vec!["duration < 1s".parse().unwrap()]
        ));
        assert!(!is_plain(|s| s.url = text("http://a/{{ uuid() }}")));
        assert!(!is_plain(|s| s.body = text("{{ iteration() }}")));
        assert!(!is_plain(|s| s.query[0].1 = text("{{ int(1, 2) }}")));
        assert!(!is_plain(|s| s.headers[0].1 = text("{{ now() }}")));
        assert!(!is_plain(|s| s.headers[0].0 = "traceparent".into()));
        assert!(!is_plain(
            |s| s.expect = vec!["body contains 'a'".parse().unwrap()]
        ));
        assert!(!is_plain(|s| s.expect = vec!["$.a == 1".parse().unwrap()]));
        assert!(!is_plain(
            |s| s.expect = vec!["header.a exists".parse().unwrap()]
        ));
        assert!(!is_plain(
            |s| s.expect = vec!["status == '{{ a }}'".parse().unwrap()]
        ));
        assert!(!is_plain(|s| s.redirects = 1));
        assert!(!is_plain(|s| s.eventually = Some(Duration::from_secs(1))));
        assert!(!is_plain(|s| {
            s.captures = vec![Capture {
                name: "a".into(),
                from: "$.a".parse().unwrap(),
            }];
        }));
        let twice = journey(vec![step("http://a/", &[]), step("http://a/", &[])]);
        assert!(Plain::of(&twice, &context(0)).is_none());
    }

    proptest! {
        #[test]
        fn it_sends_and_passes_what_a_walk_does(
            expect in prop::collection::vec(prop::sample::select(vec![
                "status == 200", "status < 500", "status in [200, 404]", "status != 503", "status exists",
                "duration < 20ms", "duration >= 5ms", "duration exists", "duration absent",
            ]), 0..4),
            iteration: u64,
            answers in prop::collection::vec((100u16..700, 0u64..40, prop::bool::ANY), 1..20),
        ) {
            let journey = Arc::new(journey(vec![step("http://a/b?c=d", &expect)]));
            let context = context(iteration);
            let plain = Plain::of(&journey, &context).unwrap();
            for (status, took, with_headers) in answers {
                let took = Duration::from_millis(took);
                let mut walk = Walk::new(Arc::clone(&journey), &context, Duration::ZERO);
                let Next::Send(outgoing) = walk.next(Duration::ZERO) else { panic!("it sends nothing") };
                let mut request = plain.request().clone();
                let parent = TraceSeed::of(&context, "j").trace(iteration).parent();
                request.headers.push(("traceparent".into(), String::from_utf8(parent.to_vec()).unwrap()));
                prop_assert_eq!(&*outgoing.request, &request);
                prop_assert_eq!(outgoing.timeout, plain.timeout());
                let headers = if with_headers { vec![("location".into(), "/x".into()), ("set-cookie".into(), "a=b".into())] } else { Vec::new() };
                let end = walk.answer(Answer {
                    sent: Duration::ZERO,
                    ended: took,
                    timing: Timing::default(),
                    result: Ok(Response { status, headers, body: "{}".into(), body_len: 2 }),
                }).unwrap();
                prop_assert_eq!(plain.passes(status, took), end.passed, "{} {:?}", status, took);
                prop_assert!(matches!(walk.next(took), Next::Done(_)));
            }
        }
    }
}
