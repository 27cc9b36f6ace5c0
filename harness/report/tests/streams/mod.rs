//! Streams of events as a run would write them, made by rule: a healthy run, a broken one whose target says hostile
//! things, and a long one to measure with. Beside the real recordings; shares nothing with the code it tests.
#![allow(
    unreachable_pub,
    dead_code,
    unused_imports,
    reason = "included by tests and examples, each of which uses a part"
)]
#![allow(
    clippy::expect_used,
    reason = "everything in here is made up: what does not parse is a mistake in here"
)]

mod functional;
mod load;
mod plan;

use functional::{contract, walks};
use harness_core::event::{
    Broken, ContractCheck, ContractCoverage, ContractFinding, Envelope, Epoch, Event, Excerpt,
    Exchange, Exemplar, FORMAT, JourneyFinished, LinkTick, LoadTick, Outcome, Phase, ProbeSample,
    RunEnd, RunStarted, ScenarioEnd, SeenIn, SelfHealth, StepFinished,
};
use harness_core::hist::Hist;
use harness_core::http::{Failure, FailureKind, Method, Timing};
use harness_core::name::{Name, RequestName};
use harness_core::plan::Plan;
use load::load;
use plan::plan;
use serde_json::json;
use std::collections::BTreeMap;

/// What a target could say to break a report.
pub const HOSTILE: &str = "<script>alert(1)</script> ]]> \x1b[31mred\x1b[0m \u{202e}gnp.exe | `x` [a](javascript:alert(2)) \" onload='x' & </pre> @everyone";

const WALL_MS: i64 = 1_767_225_600_000;

fn name(text: &str) -> Name {
    text.parse().expect("a name")
}

/// Repeats itself on every machine.
struct Dice(u64);

impl Dice {
    /// Uniform from 0 to 1.
    fn roll(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A latency around `median` microseconds with a long tail.
    fn latency(&mut self, median: f64) -> u64 {
        let normal: f64 = (0..6).map(|_| self.roll()).sum::<f64>() - 3.0;
        let tail = if self.roll() > 0.985 {
            3.0 + 4.0 * self.roll()
        } else {
            1.0
        };
        (median * (0.38 * normal).exp() * tail) as u64
    }
}

/// What a stream is made of.
pub struct Shape {
    /// The run's id.
    pub run: &'static str,
    /// Seconds of load.
    pub seconds: u32,
    /// Journey starts a second.
    pub rate: f64,
    /// Journeys under load.
    pub journeys: Vec<(&'static str, Vec<&'static str>)>,
    /// Whether things break.
    pub broken: bool,
    /// Decides what the dice say.
    pub seed: u64,
    /// What every latency is multiplied by.
    pub slower: f64,
    /// Whether the generator wakes up too late.
    pub lags: bool,
}

impl Shape {
    /// A load of the shop's journeys in which all is well.
    pub fn of(run: &'static str, seconds: u32, rate: f64) -> Self {
        Self {
            run,
            seconds,
            rate,
            journeys: shop(),
            broken: false,
            seed: 7,
            slower: 1.0,
            lags: false,
        }
    }
}

/// A run in which all is well, a fault included.
pub fn healthy() -> Vec<Envelope> {
    make(&Shape::of("20260101-000000-good", 24, 40.0))
}

/// A run in which most things go wrong.
pub fn broken() -> Vec<Envelope> {
    make(&Shape {
        broken: true,
        ..Shape::of("20260101-001000-bad0", 24, 40.0)
    })
}

fn shop() -> Vec<(&'static str, Vec<&'static str>)> {
    vec![
        ("browse", vec!["list the catalogue", "open a product"]),
        (
            "checkout",
            vec!["place the order", "the payment is confirmed"],
        ),
    ]
}

/// Builds a stream.
pub struct Stream {
    events: Vec<Envelope>,
    at_us: u64,
}

impl Stream {
    fn say(&mut self, event: Event) {
        let seq = self.events.len() as u64;
        self.events.push(Envelope {
            seq,
            at_us: self.at_us,
            wall_ms: WALL_MS + (self.at_us / 1000) as i64,
            event,
        });
    }

    fn after(&mut self, us: u64) -> &mut Self {
        self.at_us += us;
        self
    }
}

/// Makes a stream of a shape.
pub fn make(shape: &Shape) -> Vec<Envelope> {
    let mut s = Stream {
        events: Vec::new(),
        at_us: 0,
    };
    begin(&mut s, shape);
    walks(&mut s, shape);
    contract(&mut s, shape);
    load(&mut s, shape);
    s.after(20_000).say(Event::TargetStopped);
    s.after(1_000).say(Event::RunFinished {
        end: RunEnd::Completed,
    });
    s.events
}

fn begin(s: &mut Stream, shape: &Shape) {
    let environment = [
        ("os", "Linux"),
        ("kernel", "6.12.0"),
        ("cpu", "4 × x86-64"),
        ("cores", "4"),
        ("memory", "16 GB"),
        ("git", "3d5a92d (clean)"),
    ];
    let run = RunStarted {
        format: FORMAT,
        run: shape.run.parse().expect("an id"),
        date: "2026-01-01T01:00:00+01:00".to_owned(),
        version: "0.1.0".to_owned(),
        environment: environment
            .into_iter()
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .collect(),
        plan: plan(shape),
        replays: None,
        release: None,
        baselines: Vec::new(),
    };
    s.say(Event::RunStarted(Box::new(run)));
    s.after(900).say(Event::TargetStarting);
    for (service, us) in [
        ("payments", 84_000),
        ("orders", 121_000),
        ("gateway", 96_000),
    ] {
        s.after(us).say(Event::ServiceReady {
            service: service.to_owned(),
            took_us: us,
        });
    }
    s.after(100).say(Event::TargetReady {
        entry: "http://127.0.0.1:40001".to_owned(),
    });
}

fn exchange(method: Method, url: &str, status: Option<u16>, body: &str) -> Exchange {
    let header = |n: &str, v: &str| (n.to_owned(), v.to_owned());
    Exchange {
        method,
        url: url.to_owned(),
        request_headers: vec![
            header("accept", "application/json"),
            header("x-api-key", "[redacted: api_key]"),
            header(
                "traceparent",
                "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            ),
        ],
        request_body: Excerpt::of(br#"{"sku":"tea-01","quantity":2}"#, 29),
        status,
        failure: status.is_none().then(|| Failure {
            kind: FailureKind::Timeout,
            detail: "no complete response within 5s".to_owned(),
        }),
        response_headers: status.map_or_else(Vec::new, |_| {
            vec![
                header("content-type", "application/json"),
                header("x-note", body),
            ]
        }),
        response_body: Excerpt::of(body.as_bytes(), body.len() as u64),
        timing: Timing {
            dns_us: 0,
            tls_us: 0,
            queue_us: 210,
            connect_us: 0,
            first_byte_us: 41_200,
            body_us: 300,
            total_us: 41_500,
        },
        curl: format!(
            "curl -sS -X {method} '{url}' -H 'accept: application/json' -H \"x-api-key: $SHOP_API_KEY\" --data '{{\"sku\":\"tea-01\",\"quantity\":2}}'"
        ),
    }
}

/// A long run of many names, to measure with: up to 25 journeys of one step each.
pub fn long(seconds: u32, journeys: usize) -> Vec<Envelope> {
    const NAMES: [&str; 25] = [
        "browse",
        "checkout",
        "search",
        "login",
        "cart",
        "profile",
        "returns",
        "reviews",
        "wishlist",
        "stock",
        "prices",
        "vouchers",
        "addresses",
        "invoices",
        "refunds",
        "messages",
        "ratings",
        "bundles",
        "gifts",
        "stores",
        "hours",
        "parcels",
        "claims",
        "staff",
        "exports",
    ];
    let journeys = NAMES
        .into_iter()
        .take(journeys)
        .map(|j| (j, vec!["the request"]))
        .collect();
    make(&Shape {
        journeys,
        broken: true,
        ..Shape::of("20260101-002000-long", seconds, 1000.0)
    })
}

/// A stream as plain lines.
pub fn lines(events: &[Envelope]) -> String {
    events
        .iter()
        .map(|e| serde_json::to_string(e).expect("an event serialises") + "\n")
        .collect()
}
