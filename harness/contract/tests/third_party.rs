//! What servers that nobody here wrote taught: false alarms that must not come back. Small servers stand in for them.

#![allow(
    clippy::unwrap_used,
    reason = "in a test a panic is the report, helpers included"
)]

use bytes::Bytes;
use harness_contract::{Document, Session};
use harness_core::http::{Failure, Method, Request, Response};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

const BASE: &str = "http://theirs.test";

fn answer(status: u16, body: &Value) -> Result<Response, Failure> {
    let body = Bytes::from(body.to_string());
    Ok(Response {
        status,
        headers: vec![("content-type".into(), "application/json".into())],
        body_len: body.len() as u64,
        body,
    })
}

/// Walks a document against a server; keys of the findings, and the operations in the order they were asked.
fn walk(
    paths: &Value,
    mut server: impl FnMut(&Request, &str) -> Result<Response, Failure>,
) -> (Vec<String>, Vec<String>) {
    let text =
        json!({ "openapi": "3.1.0", "info": { "title": "t", "version": "1" }, "paths": paths });
    let document = Arc::new(Document::load("theirs", &text.to_string()).unwrap());
    let mut session = Session::new(document, BASE, vec![], 1);
    let (mut found, mut asked) = (Vec::new(), Vec::new());
    while let Some(case) = session.next() {
        asked.push(case.operation.clone());
        let path = case.request.url.strip_prefix(BASE).unwrap();
        let answered = server(&case.request, path.split('?').next().unwrap());
        found.extend(session.observe(&case, &answered));
    }
    found.extend(session.finish().0);
    let keys = found.into_iter().map(|reported| reported.finding.key);
    (keys.collect(), asked)
}

fn ok(status: &str) -> Value {
    json!({ status: { "description": "" }, "404": { "description": "" } })
}

fn by_id(status: &str) -> Value {
    let id =
        json!({ "name": "id", "in": "path", "required": true, "schema": { "type": "string" } });
    json!({ "parameters": [id], "responses": ok(status) })
}

#[test]
fn what_goes_with_something_else_was_not_refused() {
    // Runs go with their flow, and a POST removes every flow.
    let paths = json!({
        "/flows": { "post": { "responses": ok("201") } },
        "/flows/bulk_delete": { "post": { "responses": ok("200") } },
        "/flows/{id}": { "get": by_id("200"), "delete": by_id("204") },
        "/runs": { "post": { "responses": ok("201") } },
        "/runs/{id}": { "get": by_id("200"), "delete": by_id("204") }
    });
    let (mut made, mut there) = (0, BTreeSet::new());
    let (found, asked) = walk(&paths, |request, path| {
        if path == "/flows/bulk_delete" {
            there.clear();
            return answer(200, &json!({}));
        }
        if request.method == Method::Post {
            made += 1;
            let id = format!("{path}/0b5ab6f5-0000-4000-8000-{made:012}");
            there.insert(id.clone());
            return answer(201, &json!({ "id": id.rsplit('/').next() }));
        }
        if !there.contains(path) {
            return answer(404, &json!({}));
        }
        if request.method == Method::Delete {
            there.clear();
            return answer(204, &Value::Null);
        }
        answer(200, &json!({ "id": path.rsplit('/').next() }))
    });
    assert_eq!(found, Vec::<String>::new(), "{asked:?}");
    let last = asked.last().unwrap();
    assert_eq!(last, "POST /flows/bulk_delete", "{asked:?}");
}

#[test]
fn a_thing_is_not_looked_for_by_its_old_name() {
    let name =
        json!({ "type": "object", "properties": { "name": { "type": "string", "minLength": 3 } } });
    let body = json!({ "content": { "application/json": { "schema": name } } });
    let with_body = |mut operation: Value| {
        operation["requestBody"] = body.clone();
        operation
    };
    let named = |status: &str| {
        let place = json!({ "name": "name", "in": "path", "required": true, "schema": { "type": "string" } });
        json!({ "parameters": [place], "responses": ok(status) })
    };
    let paths = json!({
        "/pools": { "post": with_body(json!({ "responses": ok("201") })) },
        "/pools/{name}": { "patch": with_body(named("204")), "delete": named("204") }
    });
    let mut there = BTreeSet::from(["/pools/first".to_owned()]);
    let (found, asked) = walk(&paths, |request, path| {
        let sent: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        if request.method == Method::Post {
            return answer(201, &json!({ "name": "first" }));
        }
        if !there.contains(path) {
            return answer(404, &json!({}));
        }
        if let Some(now) = sent["name"].as_str() {
            there.remove(path);
            there.insert(format!("/pools/{now}"));
        }
        answer(204, &Value::Null)
    });
    let refused: Vec<_> = found
        .iter()
        .filter(|key| key.starts_with("valid-refused"))
        .collect();
    assert!(refused.is_empty(), "{refused:?} {asked:?}");
}

#[test]
fn a_404_to_what_may_name_something_is_no_refusal_but_a_required_one_is() {
    let version = |required: bool| {
        let version = json!({ "name": "version", "in": "query", "required": required, "schema": { "type": "string" } });
        json!({ "/schema": { "get": { "parameters": [version], "responses": ok("200") } },
                "/alive": { "get": { "responses": ok("200") } } })
    };
    let server = |request: &Request, _: &str| match request.url.contains("version=") {
        true => answer(404, &json!({})),
        false => answer(200, &json!({})),
    };
    assert_eq!(walk(&version(false), server).0, Vec::<String>::new());
    assert_eq!(
        walk(&version(true), server).0,
        ["valid-refused:GET /schema:404"]
    );
}

#[test]
fn who_is_sent_on_was_not_refused() {
    let server = |request: &Request, path: &str| match path {
        "/alive" => answer(200, &json!({ "alive": request.method.as_str() })),
        _ => answer(302, &json!({})),
    };
    let mut sent_on = by_id("200");
    sent_on["responses"]["302"] = json!({ "description": "" });
    let paths =
        json!({ "/set/{id}": { "get": sent_on }, "/alive": { "get": { "responses": ok("200") } } });
    assert_eq!(walk(&paths, server).0, Vec::<String>::new());
}
