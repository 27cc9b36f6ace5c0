//! Invariants, end to end: a small order service of this file's own that can lose what it acknowledged, make two orders
//! for one key, miscount, or refuse to tell. Each wrong makes exactly its gates red; what can't be asked is inconclusive.

use crate::support::Suite;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// An order is pending for so long.
const SETTLES: Duration = Duration::from_millis(700);

/// What is wrong with the service.
#[derive(Clone, Copy, PartialEq)]
enum Wrong {
    Nothing,
    /// One in ten acknowledged orders is not kept.
    Loses,
    /// Every request makes an order, whatever its key.
    Doubles,
    /// Confirmed orders are counted one short.
    Miscounts,
    /// The summary answers 500.
    Silent,
    /// The summary tells a text where a number should be.
    Mumbles,
}

#[derive(Default)]
struct Book {
    /// Orders by id: when they were placed.
    orders: BTreeMap<String, Instant>,
    /// Ids by key.
    keys: BTreeMap<String, String>,
    acknowledged: u64,
}

/// The service; gone when dropped.
struct Orders {
    address: SocketAddr,
    over: Arc<AtomicBool>,
}

impl Drop for Orders {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Release);
        // Wakes the thread that accepts.
        drop(TcpStream::connect(self.address));
    }
}

impl Orders {
    fn start(wrong: Wrong) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let over = Arc::new(AtomicBool::new(false));
        let (book, stop) = (Arc::new(Mutex::new(Book::default())), Arc::clone(&over));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if stop.load(Ordering::Acquire) {
                    return;
                }
                let book = Arc::clone(&book);
                std::thread::spawn(move || converse(stream, &book, wrong));
            }
        });
        Self { address, over }
    }
}

/// Answers a connection's requests until it ends.
fn converse(stream: TcpStream, book: &Mutex<Book>, wrong: Wrong) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut stream = stream;
    loop {
        let mut first = String::new();
        if reader.read_line(&mut first).ok()? == 0 {
            return None;
        }
        let (mut key, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            match line.trim().split_once(": ") {
                Some(("idempotency-key", value)) => key = value.to_owned(),
                Some(("content-length", value)) => length = value.parse().ok()?,
                Some(_) => {}
                None => break,
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let mut words = first.split(' ');
        let (method, path) = (words.next()?, words.next()?);
        let (status, answer) = answer(method, path, &key, &mut book.lock().unwrap(), wrong);
        let text = answer.to_string();
        let head = format!(
            "HTTP/1.1 {status} x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            text.len()
        );
        stream.write_all((head + &text).as_bytes()).ok()?;
    }
}

#[expect(clippy::disallowed_methods, reason = "a service has no run's clock")]
fn answer(method: &str, path: &str, key: &str, book: &mut Book, wrong: Wrong) -> (u16, Value) {
    match (method, path) {
        ("POST", "/orders") => {
            let known = book.keys.get(key).filter(|_| wrong != Wrong::Doubles);
            if let Some(id) = known {
                return (201, json!({ "id": id }));
            }
            book.acknowledged += 1;
            let id = format!("o-{:05}", book.acknowledged);
            book.keys.insert(key.to_owned(), id.clone());
            if wrong != Wrong::Loses || !book.acknowledged.is_multiple_of(10) {
                book.orders.insert(id.clone(), Instant::now());
            }
            (201, json!({ "id": id }))
        }
        ("GET", "/orders/summary") if wrong == Wrong::Silent => (500, json!({ "error": "no" })),
        ("GET", "/orders/summary") => {
            let placed = book.orders.len();
            let settled = |placed: &&Instant| placed.elapsed() > SETTLES;
            let confirmed = book.orders.values().filter(settled).count();
            let told = confirmed - usize::from(wrong == Wrong::Miscounts && confirmed > 0);
            let mut summary = json!({
                "placed": placed, "confirmed": told, "cancelled": 0, "pending": placed - confirmed,
            });
            if wrong == Wrong::Mumbles {
                summary["placed"] = json!("many");
            }
            (200, summary)
        }
        ("GET", _) => match book.orders.get(path.trim_start_matches("/orders/")) {
            Some(placed) if placed.elapsed() > SETTLES => (200, json!({ "status": "CONFIRMED" })),
            Some(_) => (200, json!({ "status": "PENDING" })),
            None => (404, json!({ "error": "there is no such order" })),
        },
        _ => (405, json!({})),
    }
}

const CONFIG: &str = r#"
[project]
name = "orders"
[target]
mode = "external"
url = "http://ADDRESS"
[query.orders]
get = "/orders/summary"
[[gate]]
name = "conserved"
invariant = "orders.$.placed == orders.$.confirmed + orders.$.cancelled + orders.$.pending"
within = "2s"
"#;

const SCENARIO: &str = r#"
title = "orders are placed, some of them twice"
[load]
rate = "40/s"
for = "2s"
mix = { order = 3, repeat = 1 }
[[gate]]
name = "none lost"
invariant = "delta(orders.$.placed) >= distinct(order.order) + distinct(repeat.order)"
within = "2s"
[[gate]]
name = "one for a key"
invariant = "distinct(repeat.order) == distinct(repeat.key)"
[[gate]]
name = "settled"
each = "order.order"
walk = "order-is-settled"
within = "5s"
"#;

const ORDER: &str = r#"
title = "an order"
[[step]]
name = "place it"
post = "/orders"
headers = { idempotency-key = "{{ uuid() }}" }
json = { sku = "a" }
expect = ["status == 201"]
capture = { order = "$.id" }
"#;

const REPEAT: &str = r#"
title = "the same order twice"
variables = { key = "{{ uuid() }}" }
[[step]]
name = "place it"
post = "/orders"
headers = { idempotency-key = "{{ key }}" }
json = { sku = "a" }
capture = { order = "$.id" }
[[step]]
name = "place it again"
post = "/orders"
headers = { idempotency-key = "{{ key }}" }
json = { sku = "a" }
capture = { order = "$.id" }
"#;

const SETTLED: &str = r#"
title = "the order is confirmed"
[[step]]
name = "it is confirmed"
get = "/orders/{{ order }}"
expect = ["status == 200", "$.status == 'CONFIRMED'"]
"#;

fn suite(orders: &Orders) -> Suite {
    let config = CONFIG.replace("ADDRESS", &orders.address.to_string());
    Suite::new(&[
        ("harness.toml", &config),
        ("scenarios/steady.toml", SCENARIO),
        ("scenarios/journeys/order.toml", ORDER),
        ("scenarios/journeys/repeat.toml", REPEAT),
        ("scenarios/journeys/order-is-settled.toml", SETTLED),
    ])
}

/// Runs the suite against a service that has something wrong, and the suite's folder.
struct Run {
    suite: Suite,
    summary: Value,
    code: i32,
}

impl Run {
    fn of(wrong: Wrong) -> Self {
        let orders = Orders::start(wrong);
        let suite = suite(&orders);
        let (ran, summary, _) = suite.judged("", &["run"]);
        Self {
            suite,
            summary,
            code: ran.code,
        }
    }

    /// The invariant whose id ends so.
    #[track_caller]
    fn invariant(&self, name: &str) -> &Value {
        let all = self.summary["verdict"]["invariants"].as_array().unwrap();
        let found = all.iter().find(|one| {
            let id = one["gate"]["id"].as_str().unwrap();
            id.ends_with(&format!("#{name}"))
        });
        found.unwrap_or_else(|| panic!("no {name} in {:#}", self.summary))
    }

    /// Those of a grade, by name.
    fn graded(&self, grade: &str) -> Vec<&'static str> {
        let names = ["none lost", "one for a key", "settled", "conserved"];
        let is = |name: &&str| self.invariant(name)["grade"] == grade;
        names.into_iter().filter(is).collect()
    }
}

#[test]
fn a_sound_service_holds_them_all() {
    let run = Run::of(Wrong::Nothing);
    assert_eq!(run.graded("pass").len(), 4, "{:#}", run.summary);
    assert_eq!(run.code, 0, "{:#}", run.summary);
    let settled = run.invariant("settled")["samples"].as_u64().unwrap();
    assert!(settled > 20, "{settled} orders were walked with");
    // Only the gate can walk it.
    let walks = run.summary["journeys"].to_string();
    assert!(!walks.contains("order-is-settled"), "{walks}");
}

#[test]
fn lost_orders_are_told_with_their_evidence() {
    let run = Run::of(Wrong::Loses);
    assert_eq!(
        run.graded("fail"),
        ["none lost", "settled"],
        "{:#}",
        run.summary
    );
    assert_eq!(run.graded("pass"), ["one for a key", "conserved"]);
    assert_eq!(run.code, 1);
    let seen = run.invariant("none lost")["seen"].as_str().unwrap();
    assert!(
        seen.contains("delta(placed) ") && seen.contains(" < distinct(order.order) "),
        "{seen}"
    );
    let reason = run.invariant("settled")["reason"].as_str().unwrap();
    for part in ["values failed", "step `it is confirmed` failed", "was 404"] {
        assert!(reason.contains(part), "{part} is not in {reason}");
    }
    let id = run.summary["run"]["id"].as_str().unwrap();
    let events = run.suite.events(id);
    assert!(events.contains("there is no such order"), "no exchange");
    let page = run.suite.runs().pop().unwrap().join("report.html");
    let page = std::fs::read_to_string(page).unwrap();
    let section = page.split(">Invariants <a").nth(1).unwrap();
    assert!(
        section.contains("there is no such order"),
        "not on the page"
    );
}

#[test]
fn two_orders_for_one_key_are_seen() {
    let run = Run::of(Wrong::Doubles);
    assert_eq!(run.graded("fail"), ["one for a key"], "{:#}", run.summary);
    assert_eq!(run.graded("pass").len(), 3);
    assert_eq!(run.code, 1);
}

#[test]
fn what_does_not_add_up_is_told_with_its_numbers() {
    let run = Run::of(Wrong::Miscounts);
    assert_eq!(run.graded("fail"), ["conserved"], "{:#}", run.summary);
    let reason = run.invariant("conserved")["reason"].as_str().unwrap();
    assert!(reason.contains("≠ confirmed "), "{reason}");
    assert!(reason.contains("looks in "), "it was polled: {reason}");
}

#[test]
fn what_can_not_be_asked_is_inconclusive() {
    for (wrong, why) in [
        (Wrong::Silent, "expected status < 400, was 500"),
        (Wrong::Mumbles, "`\"many\"` is there, which is not a number"),
    ] {
        let run = Run::of(wrong);
        assert_eq!(
            run.graded("inconclusive"),
            ["none lost", "conserved"],
            "{:#}",
            run.summary
        );
        assert_eq!(run.graded("pass"), ["one for a key", "settled"]);
        let reason = run.invariant("conserved")["reason"].as_str().unwrap();
        assert!(reason.contains(why), "{reason}");
        assert_eq!(run.code, 5);
    }
}

#[test]
fn bad_names_are_told_before_anything_runs() {
    let orders = Orders::start(Wrong::Nothing);
    let suite = suite(&orders);
    let wrong = SCENARIO
        .replace("delta(orders.$", "delta(order.$")
        .replace("distinct(repeat.key)", "distinct(repeat.kye)")
        .replace("walk = \"order-is-settled\"", "walk = \"order-is-setled\"");
    suite.write("scenarios/steady.toml", wrong);
    let ran = suite.run(&["check"]).exits(2);
    let told = ran.stdout + &ran.stderr;
    for part in [
        "there is no query `order`",
        "did you mean `orders`?",
        "there is no capture of `repeat` called `kye`",
        "did you mean `key`?",
        "there is no journey `order-is-setled`",
        "did you mean `order-is-settled`?",
    ] {
        assert!(told.contains(part), "{part} is not in {told}");
    }
}
