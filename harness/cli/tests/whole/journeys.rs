//! Journeys that do a step more than once, over real sockets: pages are turned while items are inserted, links are
//! followed, one request is sent several times at once. Each is green against a sound service and red against one with
//! the defect it is for.

use crate::support::{PATIENCE, Suite};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};

/// What a service does wrong.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Defect {
    None,
    /// Pages by a number of items: an insertion moves the rest.
    PagesByOffset,
    /// The last item of each page but the last is left out.
    SkipsOne,
    /// Each page is followed by the first one.
    Endless,
    /// The next page lies with somebody else.
    LinksAway,
    /// Looks for the key, and notes it only once the order is made.
    TwoOrders,
}

/// Copies that `order.toml` sends: the service answers none of them before all have come.
const COPIES: usize = 8;

/// A list, newest first, and orders by idempotency key.
struct Service {
    defect: Defect,
    newest: Mutex<u64>,
    orders: Mutex<BTreeMap<String, u64>>,
    under_way: Mutex<usize>,
    all_here: Condvar,
}

struct Asked {
    method: String,
    path: String,
    key: String,
}

/// Serves on a port of its own for as long as the test lasts; its address.
fn serve(defect: Defect) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let service = Arc::new(Service {
        defect,
        newest: Mutex::new(13),
        orders: Mutex::default(),
        under_way: Mutex::new(0),
        all_here: Condvar::new(),
    });
    let own = address.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let (service, own) = (Arc::clone(&service), own.clone());
            std::thread::spawn(move || service.talk(stream, &own));
        }
    });
    address
}

impl Service {
    fn talk(&self, mut stream: TcpStream, own: &str) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        while let Some(asked) = read(&mut reader) {
            let (status, headers, body) = self.answer(&asked, own);
            let body = body.to_string();
            let head = format!(
                "HTTP/1.1 {status} x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n{headers}\r\n",
                body.len()
            );
            if stream.write_all((head + &body).as_bytes()).is_err() {
                return;
            }
        }
    }

    fn answer(&self, asked: &Asked, own: &str) -> (u16, &'static str, Value) {
        let (path, query) = asked.path.split_once('?').unwrap_or((&asked.path, ""));
        match (asked.method.as_str(), path) {
            ("POST", "/v1/items") => {
                let mut newest = self.newest.lock().unwrap();
                *newest += 1;
                (201, "", json!({ "id": *newest }))
            }
            ("GET", "/v1/items") => (200, "", self.page(query, own)),
            ("POST", "/v1/orders") => self.order(&asked.key),
            ("GET", "/v1/orders") => (
                200,
                "",
                json!({ "total": self.orders.lock().unwrap().len() }),
            ),
            _ => (404, "", json!({})),
        }
    }

    fn page(&self, query: &str, own: &str) -> Value {
        const LIMIT: u64 = 3;
        let newest = *self.newest.lock().unwrap();
        let after = query
            .split('&')
            .find_map(|pair| pair.strip_prefix("after="))
            .map(|number| number.parse::<u64>().unwrap());
        let from = match (self.defect, after) {
            (Defect::Endless, _) | (_, None) => newest,
            (Defect::PagesByOffset, Some(offset)) => newest.saturating_sub(offset),
            (Defect::SkipsOne, Some(key)) => key.saturating_sub(2),
            (_, Some(key)) => key - 1,
        };
        let ids: Vec<u64> = (1..=from).rev().take(LIMIT as usize).collect();
        let items: Vec<Value> = ids.iter().map(|id| json!({ "id": id })).collect();
        let last = ids.last().copied().unwrap_or(0);
        let more = last > 1 || self.defect == Defect::Endless;
        let next = match self.defect {
            Defect::PagesByOffset => after.unwrap_or(0) + LIMIT,
            _ => last,
        };
        // Now a path, now a whole URL: both are links.
        let base = match self.defect {
            Defect::LinksAway => "http://127.0.0.2:9",
            _ if next % 2 == 0 => own,
            _ => "",
        };
        let links = match more {
            true => json!({ "next": format!("{base}/v1/items?limit={LIMIT}&after={next}") }),
            false => json!({}),
        };
        json!({ "items": items, "_links": links })
    }

    /// Waits until all copies are here: only a request that is really sent so many times at once is answered.
    fn order(&self, key: &str) -> (u16, &'static str, Value) {
        let known = self.orders.lock().unwrap().contains_key(key);
        let mut under_way = self.under_way.lock().unwrap();
        *under_way += 1;
        self.all_here.notify_all();
        let (here, waited) = self
            .all_here
            .wait_timeout_while(under_way, PATIENCE / 10, |here| *here < COPIES)
            .unwrap();
        drop(here);
        if waited.timed_out() {
            return (500, "", json!({ "error": "not all copies came" }));
        }
        let mut orders = self.orders.lock().unwrap();
        let made = orders.len() as u64 + 1;
        if self.defect == Defect::TwoOrders && !known {
            orders.insert(format!("{key}/{made}"), made);
            return (201, "", json!({ "id": made }));
        }
        match orders.get(key) {
            Some(id) => (200, "replayed: true\r\n", json!({ "id": id })),
            None => {
                orders.insert(key.to_owned(), made);
                (201, "", json!({ "id": made }))
            }
        }
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Asked> {
    let mut line = || {
        let mut line = String::new();
        let read = reader.read_line(&mut line).ok()?;
        (read > 0).then(|| line.trim_end().to_owned())
    };
    let first = line()?;
    let mut words = first.split(' ').map(str::to_owned);
    let (method, path) = (words.next()?, words.next()?);
    let (mut length, mut key) = (0, String::new());
    loop {
        let header = line()?.to_ascii_lowercase();
        match header.split_once(": ") {
            None => break,
            Some(("content-length", value)) => length = value.parse().ok()?,
            Some(("idempotency-key", value)) => key = value.to_owned(),
            Some(_) => {}
        }
    }
    reader.read_exact(&mut vec![0; length]).ok()?;
    Some(Asked { method, path, key })
}

const PAGES: &str = r#"
title = "Every item is listed once, whatever is inserted meanwhile"
tags = ["pages"]
variables = { next = "/v1/items?limit=3", total = 14 }

[[step]]
name = "one more is inserted"
post = "/v1/items"
expect = ["status == 201"]

[[step]]
name = "a page"
get = "{{ next }}"
expect = ["status == 200"]
collect = { seen = "$.items[*].id" }

[step.repeat]
from = "one more is inserted"
while = "$._links.next exists"
capture = { next = "$._links.next" }
at_most = 20

[[step]]
name = "each was seen once"
expect = ["count(seen) == {{ total }}", "distinct(seen) == '{{ total }}'"]
"#;

const ORDER: &str = r#"
title = "One key makes one order"
tags = ["order"]

[[step]]
name = "the order"
service = "orders"
post = "/v1/orders"
headers = { idempotency-key = "{{ uuid() }}" }
json = { sku = "S-1" }
expect = ["status in [200, 201]"]
copies = 8
same = ["$.id"]
exactly = { "status == 201" = 1, "header.replayed exists" = 7 }

[[step]]
name = "there is one"
service = "orders"
get = "/v1/orders"
expect = ["$.total == 1"]
"#;

const FEATURE: &str = r#"
Feature: Lists and orders

  @pages
  Scenario: All pages
    When I run the journey "pages"

  @order
  Scenario: One order
    Given I send the header "idempotency-key" "{{ uuid() }}"
    When I POST "/v1/orders" 8 times at once with:
      """
      { "sku": "S-1" }
      """
    Then all answers have the same "$.id"
    And exactly 1 answer satisfies: status == 201
    And I keep "$.id" as "order"
    When I GET "/v1/orders"
    Then "$.total" is 1
"#;

/// A suite against two such services; orders are made at the second one.
fn suite(defect: Defect, files: &[(&str, &str)]) -> Suite {
    let suite = Suite::new(files);
    let (front, orders) = (serve(defect), serve(defect));
    suite.write(
        "harness.toml",
        format!(
            "[project]\nname = \"lists\"\n[target]\nmode = \"external\"\nurl = \"{front}\"\n\
             [target.service.orders]\nurl = \"{orders}\"\n"
        ),
    );
    suite
}

const IN_TOML: &[(&str, &str)] = &[
    ("scenarios/journeys/pages.toml", PAGES),
    ("scenarios/journeys/order.toml", ORDER),
];
const IN_GHERKIN: &[(&str, &str)] = &[
    ("scenarios/journeys/pages.toml", PAGES),
    ("features/lists.feature", FEATURE),
];

/// Runs what has a tag: exit 1, and these words in the terminal and in the report.
#[track_caller]
fn fails(defect: Defect, files: &[(&str, &str)], tag: &str, words: &[&str]) {
    let suite = suite(defect, files);
    let ran = suite.run(&["run", "--tags", tag]).exits(1);
    let said = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut page = std::fs::read_to_string(suite.only_run().join("report.html")).unwrap();
    for (written, meant) in [
        ("&#x27;", "'"),
        ("&#39;", "'"),
        ("&quot;", "\""),
        ("&#x2f;", "/"),
    ] {
        page = page.replace(written, meant);
    }
    for word in words {
        assert!(said.contains(word), "no {word:?} in\n{}", ran.stdout);
        assert!(page.contains(word), "no {word:?} in the page");
    }
}

/// The passes of a journey's step, as the events tell them.
fn passes(suite: &Suite, journey: &str, step: &str) -> Vec<u64> {
    let run = suite.only_run();
    let events = suite.events(run.file_name().unwrap().to_str().unwrap());
    events
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|e| e["event"] == "step_finished" && e["journey"] == journey && e["step"] == step)
        .map(|event| {
            assert_eq!(event["passed"], true, "{event}");
            event["pass"].as_u64().unwrap_or(1)
        })
        .collect()
}

#[test]
fn sound_services_pass_in_toml() {
    let suite = suite(Defect::None, IN_TOML);
    suite.run(&["run"]).exits(0);
    assert_eq!(passes(&suite, "pages", "a page"), [1, 2, 3, 4, 5]);
    assert_eq!(
        passes(&suite, "pages", "one more is inserted"),
        [1, 2, 3, 4, 5]
    );
    assert_eq!(passes(&suite, "pages", "each was seen once"), [1]);
    assert_eq!(passes(&suite, "order", "the order"), [1]);
    let page = std::fs::read_to_string(suite.only_run().join("report.html")).unwrap();
    assert_eq!(page.matches("5 passes").count(), 2, "one line a step");
}

#[test]
fn sound_services_pass_in_gherkin() {
    let suite = suite(Defect::None, &IN_GHERKIN[1..]);
    suite.write(
        "scenarios/journeys/pages.toml",
        PAGES.replace(r#"tags = ["pages"]"#, r#"tags = ["helper"]"#),
    );
    suite.run(&["run", "--tags", "pages or order"]).exits(0);
    let step = "I run the journey \"pages\": a page";
    assert_eq!(passes(&suite, "all-pages", step), [1, 2, 3, 4, 5]);
    assert_eq!(passes(&suite, "one-order", "I GET \"/v1/orders\""), [1]);
}

#[test]
fn items_that_come_twice_are_named() {
    for files in [IN_TOML, IN_GHERKIN] {
        fails(
            Defect::PagesByOffset,
            files,
            "pages",
            &["count(seen) == '14'", "more than once: "],
        );
    }
}

#[test]
fn items_that_are_left_out_are_missed() {
    fails(
        Defect::SkipsOne,
        IN_TOML,
        "pages",
        &["count(seen) == '14'", "11"],
    );
}

#[test]
fn a_list_without_end_ends() {
    fails(
        Defect::Endless,
        IN_TOML,
        "pages",
        &["to go back at most 20 times while $._links.next exists"],
    );
}

#[test]
fn a_link_that_leads_away_is_not_followed() {
    fails(
        Defect::LinksAway,
        IN_TOML,
        "pages",
        &[
            "a link that stays with http://127.0.0.1:",
            "http://127.0.0.2:9/v1/items",
        ],
    );
}

#[test]
fn two_orders_for_one_key_are_found() {
    for files in [IN_TOML, IN_GHERKIN] {
        fails(
            Defect::TwoOrders,
            files,
            "order",
            &["$.id to be the same in all 8 answers", "in answer 1,"],
        );
    }
}
