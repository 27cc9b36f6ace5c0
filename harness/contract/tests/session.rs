//! Drives whole sessions against a service in memory: every operation covered, nothing found where it conforms, and
//! each planted breach found exactly once.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic in a test is its report"
)]

use bytes::Bytes;
use harness_contract::{Case, Checker, Coverage, Document, Purpose, Reported, Session};
use harness_core::event::ContractCheck;
use harness_core::http::{Failure, FailureKind, Method, Request, Response};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

const LIBRARY: &str = include_str!("data/library.yaml");
const BASE: &str = "http://library.test/v1";

/// What the service does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Breach {
    None,
    UndocumentedStatus,
    ServerError,
    ContentType,
    BodySchema,
    EmptyBody,
    RefusesValid,
    DeleteAnswers200,
    FailsOnce,
    RefusesOptional,
    KeyNeeded,
    KeyNeededButHealthIsOpen,
    WrongBase,
    Down,
    OneDown,
}

#[derive(Debug)]
struct Library {
    breach: Breach,
    next: i64,
    asked: BTreeMap<String, u32>,
    authors: BTreeMap<i64, Value>,
    books: BTreeMap<String, Value>,
    notes: BTreeMap<(i64, String), String>,
}

fn reply(status: u16, kind: &str, body: impl Into<Bytes>) -> Response {
    let body = body.into();
    let headers = if kind.is_empty() {
        vec![]
    } else {
        vec![("content-type".to_owned(), kind.to_owned())]
    };
    Response {
        status,
        headers,
        body_len: body.len() as u64,
        body,
    }
}

fn json_reply(status: u16, value: &Value) -> Response {
    reply(status, "application/json; charset=utf-8", value.to_string())
}

fn problem(status: u16) -> Response {
    reply(
        status,
        "application/problem+json",
        json!({ "title": "no" }).to_string(),
    )
}

impl Library {
    fn new(breach: Breach) -> Self {
        let (authors, books, notes) = Default::default();
        Self {
            breach,
            next: 40,
            asked: BTreeMap::new(),
            authors,
            books,
            notes,
        }
    }

    fn answer(&mut self, request: &Request) -> Result<Response, Failure> {
        let refused = || Failure {
            kind: FailureKind::Refused,
            detail: "nobody listens".to_owned(),
        };
        let path = request
            .url
            .strip_prefix(BASE)
            .expect("the base")
            .split('?')
            .next()
            .unwrap();
        let parts: Vec<&str> = path.split('/').skip(1).collect();
        let shape = format!("{} {}", request.method, parts.first().unwrap_or(&""));
        let asked = *self.asked.entry(shape).and_modify(|n| *n += 1).or_insert(1);
        match self.breach {
            Breach::Down => return Err(refused()),
            Breach::OneDown if request.method == Method::Patch => return Err(refused()),
            Breach::KeyNeeded => return Ok(problem(401)),
            Breach::KeyNeededButHealthIsOpen if request.url.ends_with("/health") => {
                return Ok(json_reply(200, &json!({})));
            }
            Breach::KeyNeededButHealthIsOpen => return Ok(problem(401)),
            Breach::WrongBase => return Ok(problem(404)),
            _ => {}
        }
        assert_eq!(request.header("x-api-key"), Some("k"));
        let body: Option<Value> = serde_json::from_slice(&request.body).ok();
        Ok(match (request.method, parts.as_slice()) {
            (Method::Post, ["authors"]) => self.add_author(body),
            (method, ["authors", id]) => self.author(method, id.parse().expect("an integer"), body),
            (Method::Post, ["authors", id, "notes"]) => self.add_note(id.parse().unwrap(), request),
            (Method::Get, ["authors", id, "notes", note]) => {
                match self.notes.get(&(id.parse().unwrap(), (*note).to_owned())) {
                    Some(text) => reply(200, "text/plain", text.clone()),
                    None => problem(404),
                }
            }
            (Method::Post, ["books"]) => self.add_book(request, body),
            (Method::Get, ["books"]) => self.list(request, asked),
            (method, ["books", isbn]) => self.book(method, isbn),
            other => panic!("no such route: {other:?}"),
        })
    }

    fn add_author(&mut self, body: Option<Value>) -> Response {
        let mut author = body.expect("JSON");
        assert!(
            author.get("id").is_none(),
            "read-only properties are not sent"
        );
        assert!(author["name"].as_str().is_some_and(|n| !n.is_empty()));
        assert!(author["born"].is_string());
        self.next += 1;
        author["id"] = json!(self.next);
        author.as_object_mut().unwrap().remove("password");
        author["mentor"] = Value::Null;
        self.authors.insert(self.next, author.clone());
        json_reply(201, &author)
    }

    fn author(&mut self, method: Method, id: i64, body: Option<Value>) -> Response {
        let breach = self.breach;
        let Some(author) = self.authors.get_mut(&id) else {
            return problem(404);
        };
        match method {
            Method::Get if breach == Breach::ServerError => reply(500, "text/plain", "boom"),
            Method::Get if breach == Breach::UndocumentedStatus => json_reply(203, author),
            Method::Get if breach == Breach::ContentType => reply(200, "text/html", "<p>hello"),
            Method::Get if breach == Breach::EmptyBody => reply(200, "application/json", ""),
            Method::Get => json_reply(200, author),
            Method::Patch if breach == Breach::RefusesValid => problem(400),
            Method::Patch => {
                if let Some(name) = body.and_then(|b| b.get("name").cloned()) {
                    author["name"] = name;
                }
                json_reply(200, author)
            }
            Method::Delete => {
                self.authors.remove(&id);
                reply(
                    if breach == Breach::DeleteAnswers200 {
                        200
                    } else {
                        204
                    },
                    "",
                    "",
                )
            }
            other => panic!("{other}"),
        }
    }

    fn add_note(&mut self, id: i64, request: &Request) -> Response {
        assert_eq!(
            request.header("content-type"),
            Some("application/x-www-form-urlencoded")
        );
        if !self.authors.contains_key(&id) {
            return problem(404);
        }
        let text = String::from_utf8(request.body.to_vec()).unwrap();
        let text = text.strip_prefix("text=").expect("the field").to_owned();
        self.next += 1;
        let key = format!("n{}", self.next);
        let mut made = reply(201, "", "");
        made.headers.push((
            "location".to_owned(),
            format!("/v1/authors/{id}/notes/{key}"),
        ));
        self.notes.insert((id, key), text);
        made
    }

    fn add_book(&mut self, request: &Request, body: Option<Value>) -> Response {
        assert!(
            request
                .header("idempotency-key")
                .is_some_and(|key| key.len() >= 8)
        );
        let mut book = body.expect("JSON");
        assert!(book.get("pages").is_some() || book.get("minutes").is_some());
        let author = book["author_id"].as_i64().expect("an author");
        if !self.authors.contains_key(&author)
            || (self.breach == Breach::RefusesOptional && book.get("year").is_some())
        {
            return problem(422);
        }
        self.next += 1;
        let isbn = format!("978-{:010}", self.next);
        book["isbn"] = json!(isbn);
        self.books.insert(isbn, book.clone());
        json_reply(201, &book)
    }

    fn list(&self, request: &Request, asked: u32) -> Response {
        assert!(
            !request.url.contains("cursor="),
            "only a server can make a cursor"
        );
        let mut items: Vec<Value> = self.books.values().cloned().collect();
        match self.breach {
            Breach::BodySchema => items.iter_mut().for_each(|book| book["title"] = json!(7)),
            Breach::FailsOnce if asked == 1 => {
                items.iter_mut().for_each(|book| book["title"] = json!(7));
            }
            _ => {}
        }
        json_reply(200, &json!({ "items": items, "next": null }))
    }

    fn book(&mut self, method: Method, isbn: &str) -> Response {
        let Some(book) = self.books.get(isbn) else {
            return problem(404);
        };
        match method {
            Method::Get => json_reply(200, book),
            Method::Head => reply(200, "application/json", ""),
            Method::Delete => {
                self.books.remove(isbn);
                reply(204, "", "")
            }
            other => panic!("{other}"),
        }
    }
}

fn walk(breach: Breach, seed: u64) -> (Vec<Reported>, Coverage, Vec<Case>) {
    let document = Arc::new(Document::load("library.yaml", LIBRARY).unwrap());
    assert_eq!(document.findings, []);
    let mut library = Library::new(breach);
    let mut session = Session::new(
        document,
        BASE,
        vec![("X-Api-Key".to_owned(), "k".to_owned())],
        seed,
    );
    let (mut reported, mut cases) = (Vec::new(), Vec::new());
    while let Some(case) = session.next() {
        assert!(cases.len() < 200, "the walk does not end");
        let answer = library.answer(&case.request);
        reported.extend(session.observe(&case, &answer));
        cases.push(case);
    }
    let (rest, coverage) = session.finish();
    reported.extend(rest);
    (reported, coverage, cases)
}

fn found(breach: Breach) -> Vec<(ContractCheck, String, String)> {
    let (reported, _, _) = walk(breach, 1);
    reported
        .into_iter()
        .map(|r| (r.finding.check, r.finding.operation, r.finding.message))
        .collect()
}

#[test]
fn a_conforming_service_is_covered_whole_and_nothing_is_found() {
    for seed in 0..20 {
        let (reported, coverage, cases) = walk(Breach::None, seed);
        assert!(reported.is_empty(), "{reported:#?}");
        assert_eq!(
            coverage.succeeded(),
            coverage.operations().len(),
            "{coverage:#?}"
        );
        assert_eq!(coverage.operations().len(), 11);
        assert!(cases.iter().all(|case| case.purpose != Purpose::Confirm));
    }
}

#[test]
fn each_planted_breach_is_found_exactly_once_and_confirmed() {
    let expected = [
        (
            Breach::UndocumentedStatus,
            ContractCheck::UndocumentedStatus,
            "GET /authors/{authorId}",
            "203",
        ),
        (
            Breach::ServerError,
            ContractCheck::ServerError,
            "GET /authors/{authorId}",
            "500",
        ),
        (
            Breach::ContentType,
            ContractCheck::ContentType,
            "GET /authors/{authorId}",
            "text/html",
        ),
        (
            Breach::EmptyBody,
            ContractCheck::BodySchema,
            "GET /authors/{authorId}",
            "empty",
        ),
        (
            Breach::BodySchema,
            ContractCheck::BodySchema,
            "GET /books",
            "/items/0/title",
        ),
        (
            Breach::RefusesValid,
            ContractCheck::ValidRefused,
            "PATCH /authors/{authorId}",
            "400",
        ),
        (
            Breach::RefusesOptional,
            ContractCheck::ValidRefused,
            "POST /books",
            "422",
        ),
        (
            Breach::DeleteAnswers200,
            ContractCheck::UndocumentedStatus,
            "DELETE /authors/{authorId}",
            "200",
        ),
        (
            Breach::OneDown,
            ContractCheck::Unreachable,
            "PATCH /authors/{authorId}",
            "refused",
        ),
    ];
    for (breach, check, operation, words) in expected {
        let mut all = found(breach);
        // What never answered is also said to be not exercised.
        all.retain(|(c, ..)| breach != Breach::OneDown || *c != ContractCheck::NotExercised);
        assert_eq!(all.len(), 1, "{breach:?}: {all:#?}");
        let (c, o, message) = &all[0];
        assert_eq!(
            (*c, o.as_str()),
            (check, operation),
            "{breach:?}: {message}"
        );
        assert!(
            message.contains(words) && message.ends_with("(reproduced 2 of 2)"),
            "{breach:?}: {message}"
        );
    }
}

#[test]
fn what_does_not_reproduce_is_reported_as_flaky_with_the_exchange_that_showed_it() {
    let (reported, _, _) = walk(Breach::FailsOnce, 1);
    assert_eq!(reported.len(), 1, "{reported:#?}");
    assert!(
        reported[0]
            .finding
            .message
            .ends_with("(reproduced 1 of 2, flaky)")
    );
    let answer = reported[0]
        .evidence
        .as_ref()
        .unwrap()
        .answer
        .as_ref()
        .unwrap();
    assert!(String::from_utf8_lossy(&answer.body).contains("\"title\":7"));
}

#[test]
fn one_thing_wrong_with_everything_is_said_once() {
    let denied = found(Breach::KeyNeeded);
    assert_eq!(denied.len(), 1, "{denied:#?}");
    assert_eq!(denied[0].0, ContractCheck::Preflight);
    assert!(
        denied[0].2.contains("answers 401") && denied[0].2.contains("header x-api-key"),
        "{}",
        denied[0].2
    );
    let wrong = found(Breach::WrongBase);
    assert_eq!(
        (wrong.len(), wrong[0].0),
        (1, ContractCheck::Preflight),
        "{wrong:#?}"
    );
    let down = found(Breach::Down);
    assert_eq!(
        (down.len(), down[0].0),
        (1, ContractCheck::Unreachable),
        "{down:#?}"
    );
    let (_, _, cases) = walk(Breach::Down, 1);
    assert!(
        cases.len() <= 4,
        "a dead service is not asked for every operation"
    );
}

#[test]
fn open_operations_do_not_hide_that_the_key_is_wrong() {
    let mut text: Value = serde_json::to_value(json!({
        "openapi": "3.1.0", "security": [{ "key": [] }],
        "components": { "securitySchemes": { "key": { "type": "apiKey", "in": "header", "name": "x-api-key" } } },
        "paths": { "/health": { "get": { "security": [], "responses": { "200": { "description": "" } } } } },
    }))
    .unwrap();
    for (name, documented) in [("a", "401"), ("b", "401"), ("c", "404")] {
        let responses = json!({ "200": { "description": "" }, documented: { "description": "" } });
        text["paths"][format!("/{name}/{{id}}")] = json!({ "get": { "responses": responses } });
    }
    let document = Arc::new(Document::load("d", &text.to_string()).unwrap());
    let mut library = Library::new(Breach::KeyNeededButHealthIsOpen);
    let mut session = Session::new(document, BASE, vec![], 1);
    let mut reported = Vec::new();
    while let Some(case) = session.next() {
        let answer = library.answer(&case.request);
        reported.extend(session.observe(&case, &answer));
    }
    reported.extend(session.finish().0);
    assert_eq!(reported.len(), 1, "{reported:#?}");
    assert_eq!(reported[0].finding.check, ContractCheck::Preflight);
    assert!(reported[0].finding.message.contains("(3) answers 401"));
}

#[test]
fn a_missing_base_path_is_suggested() {
    let document = Arc::new(Document::load("library.yaml", LIBRARY).unwrap());
    let mut session = Session::new(document, "http://library.test:80", vec![], 1);
    while let Some(case) = session.next() {
        session.observe(&case, &Ok(problem(404)));
    }
    let (reported, _) = session.finish();
    assert_eq!(reported.len(), 1);
    assert!(
        reported[0]
            .finding
            .message
            .contains("try http://library.test:80/v1"),
        "{}",
        reported[0].finding.message
    );
}

#[test]
fn a_stopped_walk_judges_nothing() {
    let document = Arc::new(Document::load("library.yaml", LIBRARY).unwrap());
    let mut session = Session::new(document, BASE, vec![], 1);
    let case = session.next().unwrap();
    let stopped = Failure {
        kind: FailureKind::Cancelled,
        detail: String::new(),
    };
    assert!(session.observe(&case, &Err(stopped)).is_empty());
    assert!(session.next().is_none());
    assert!(session.finish().0.is_empty());
}

#[test]
fn walks_repeat_by_their_seed() {
    let requests = |seed| {
        walk(Breach::None, seed)
            .2
            .into_iter()
            .map(|c| c.request)
            .collect::<Vec<_>>()
    };
    assert_eq!(requests(3), requests(3));
    assert_ne!(requests(3), requests(4));
}

#[test]
fn producers_come_first_and_deletions_last() {
    let (_, _, cases) = walk(Breach::None, 1);
    let order: Vec<&str> = cases
        .iter()
        .filter(|c| c.purpose == Purpose::Exercise)
        .map(|c| c.operation.as_str())
        .collect();
    let at = |name| {
        order
            .iter()
            .position(|o| *o == name)
            .unwrap_or_else(|| panic!("{name} is missing"))
    };
    assert!(at("POST /authors") < at("POST /books"), "{order:?}");
    assert!(at("POST /books") < at("GET /books/{isbn}"));
    assert!(at("POST /authors/{authorId}/notes") < at("GET /authors/{id}/notes/{note}"));
    assert!(
        order[order.len() - 2..]
            .iter()
            .all(|o| o.starts_with("DELETE")),
        "{order:?}"
    );
}

#[test]
fn foreign_exchanges_are_checked_by_path() {
    let document = Arc::new(Document::load("library.yaml", LIBRARY).unwrap());
    let checker = Checker::new(document, Some(BASE));
    let ask = |method, url: &str, response: &Response| {
        let request = Request {
            method,
            url: url.to_owned(),
            headers: vec![],
            body: Bytes::new(),
        };
        checker.check(&request, response)
    };
    let unmatched = ask(
        Method::Get,
        "http://library.test/v1/health",
        &reply(500, "", ""),
    );
    assert_eq!((unmatched.operation, unmatched.findings.len()), (None, 0));
    let author = json!({ "id": 1, "name": "", "born": "1900" });
    let bad = ask(
        Method::Get,
        "http://library.test/v1/authors/7",
        &json_reply(200, &author),
    );
    assert_eq!(bad.findings.len(), 1);
    let message = &bad.findings[0].message;
    assert!(
        message.contains("/name") && message.contains("/born") && message.contains("(format)"),
        "{message}"
    );
    assert_eq!(
        bad.findings[0].key,
        "body-schema:GET /authors/{authorId}:200:/name:minLength"
    );
    let mut cut = json_reply(200, &author);
    cut.body_len += 1;
    let cut = ask(Method::Get, "http://library.test/v1/authors/7", &cut);
    assert!(cut.truncated && cut.findings.is_empty());
    let ranged = ask(
        Method::Post,
        "/books",
        &reply(418, "application/problem+json", "{}"),
    );
    assert_eq!(
        ranged.findings.len(),
        1,
        "a range documents the status, and its schema holds"
    );
    assert!(
        ask(Method::Get, "/books", &problem(503))
            .findings
            .is_empty(),
        "default documents any status"
    );
}
