//! A recording as a browser saves it, made by hand, and what comes of it.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use super::*;
use serde_json::json;

fn header(name: &str, value: &str) -> Value {
    json!({ "name": name, "value": value })
}

fn entry(
    at: &str,
    method: &str,
    url: &str,
    headers: Value,
    body: Value,
    status: u16,
    answer: &str,
) -> Value {
    let mut request = json!({ "method": method, "url": url, "headers": headers });
    if !body.is_null() {
        request["postData"] = body;
    }
    json!({
        "startedDateTime": at, "time": 120.0, "request": request,
        "response": { "status": status, "headers": [], "content": { "mimeType": "application/json", "text": answer } },
    })
}

pub(crate) fn shop() -> Value {
    let json_body = |text: &str| json!({ "mimeType": "application/json", "text": text });
    let bearer = header("Authorization", "Bearer tok-12345");
    let mut login = entry(
        "2026-01-01T00:00:00.000Z",
        "POST",
        "http://shop.test/login",
        json!([
            header("Content-Type", "application/json"),
            header("User-Agent", "Browser"),
            header("Cookie", "consent=yes-1234")
        ]),
        json_body(r#"{"user":"ada","password":"hunter2!"}"#),
        200,
        r#"{"token":"tok-12345","user":{"id":77}}"#,
    );
    login["response"]["headers"] = json!([header("Set-Cookie", "sid=s3cr3t; Path=/")]);
    let mut picture = entry(
        "2026-01-01T00:00:00.500Z",
        "GET",
        "http://shop.test/logo.png",
        json!([]),
        Value::Null,
        200,
        "",
    );
    picture["response"]["content"]["mimeType"] = "image/png".into();
    let order = entry(
        "2026-01-01T00:00:03.120Z",
        "POST",
        "http://shop.test/orders",
        json!([
            bearer,
            header("Content-Type", "application/json"),
            header("Cookie", "sid=s3cr3t; consent=yes-1234")
        ]),
        json_body(r#"{"sku":"SKU-001","note":"{{ no hole }}","quantity":2}"#),
        201,
        r#"{"id":"ord-98765","sku":"SKU-001"}"#,
    );
    let look = entry(
        "2026-01-01T00:00:03.300Z",
        "GET",
        "http://shop.test/orders/ord-98765?user=77",
        json!([bearer, header("If-None-Match", "x")]),
        Value::Null,
        304,
        "",
    );
    let other = entry(
        "2026-01-01T00:00:04Z",
        "GET",
        "https://cdn.test/prices?sku=SKU-001",
        json!([]),
        Value::Null,
        200,
        "{}",
    );
    let preflight = entry(
        "2026-01-01T00:00:04Z",
        "OPTIONS",
        "https://cdn.test/prices",
        json!([]),
        Value::Null,
        204,
        "",
    );
    let data = entry(
        "2026-01-01T00:00:04Z",
        "GET",
        "data:text/plain,x",
        json!([]),
        Value::Null,
        200,
        "",
    );
    json!({ "log": { "version": "1.2", "pages": [{ "title": "Shop" }], "entries": [login, picture, order, look, other, preflight, data] } })
}

fn written(wanted: Wanted) -> String {
    let mut imported = import(&shop().to_string(), "shop", wanted).unwrap();
    super::super::hide(&mut imported);
    let notes = imported.notes.join("\n# ");
    let journey = super::super::journey(&imported.journeys[0], "har");
    format!(
        "# {notes}\n{}\n{journey}",
        super::super::config(&imported, "shop", true)
    )
}

#[test]
fn a_recording_becomes_a_journey() {
    let written = written(Wanted {
        with_static: false,
        think: true,
    });
    for secret in ["hunter2", "tok-12345", "s3cr3t", "yes-1234"] {
        assert!(!written.contains(secret), "{secret}: {written}");
    }
    insta::assert_snapshot!("har-shop", written);
}

#[test]
fn what_is_left_out_is_told_and_can_be_had() {
    let without = written(Wanted::default());
    assert!(
        without.contains("1 pictures, styles, scripts and fonts"),
        "{without}"
    );
    assert!(
        without.contains("1 CORS preflights") && without.contains("1 not http"),
        "{without}"
    );
    assert!(
        !without.contains("logo.png") && !without.contains("think"),
        "{without}"
    );
    let with = written(Wanted {
        with_static: true,
        think: false,
    });
    assert!(with.contains("/logo.png"), "{with}");
}

#[test]
fn a_client_s_own_value_is_no_capture() {
    let imported = import(&shop().to_string(), "shop", Wanted::default()).unwrap();
    // SKU-001 was sent before it came back.
    let text = super::super::journey(&imported.journeys[0], "har");
    assert!(text.contains("/prices?sku=SKU-001"), "{text}");
}

#[test]
fn a_bad_archive_is_told_with_its_place() {
    for (text, wanted) in [
        ("{\"log\":", "line 1, column 7: the archive is not JSON"),
        ("{}", "the top: there is no list `log.entries`"),
        (
            r#"{"log":{"entries":[{}]}}"#,
            "log.entries[0]: the entry has no request.method",
        ),
        (
            r#"{"log":{"entries":[{"request":{"method":"GET"}}]}}"#,
            "log.entries[0]: the entry has no request.url",
        ),
        (
            r#"{"log":{"entries":[]}}"#,
            "log.entries: nothing is left of 0 entries",
        ),
    ] {
        let told = import(text, "x", Wanted::default())
            .unwrap_err()
            .to_string();
        assert!(told.starts_with(wanted), "{text}: {told}");
    }
}
