//! Attributes that go together and those that don't, and which requests a toxic is for.

use serde_json::{Value, json};

use super::*;

fn read(json: Value) -> Result<HttpToxic, String> {
    serde_json::from_value(json).map_err(|error| error.to_string())
}

#[test]
fn every_action_survives_its_own_json() {
    for (json, written) in [
        (json!({"delay": 5}), json!({"delay": 5})),
        (
            json!({"status": 500, "body": "b", "retry_after": 2}),
            json!({"status": 500, "body": "b", "retry_after": 2}),
        ),
        (json!({"replace": ""}), json!({"replace": ""})),
        (json!({"truncate": 0}), json!({"truncate": 0})),
        (json!({"corrupt": true}), json!({"corrupt": true})),
        (json!({"drop": true}), json!({"drop": true})),
        (json!({"rate": 5}), json!({"rate": 5, "status": 429})),
        (
            json!({"fail_first": 3, "status": 500}),
            json!({"fail_first": 3, "status": 500}),
        ),
        (
            json!({"delay": 1, "method": "post", "path": "/a/{id}", "headers": {"x-a": "1", "x-b": null}}),
            json!({"delay": 1, "method": "post", "path": "/a/{id}", "headers": {"x-a": "1", "x-b": null}}),
        ),
    ] {
        let toxic = read(json).unwrap();
        assert_eq!(serde_json::to_value(&toxic).unwrap(), written);
        assert_eq!(read(written).unwrap(), toxic);
    }
}

#[test]
fn what_can_not_be_is_told() {
    for (json, expected) in [
        (
            json!({}),
            "nothing says what it does; give one of delay, status",
        ),
        (json!({"method": "GET"}), "nothing says what it does"),
        (
            json!({"delay": 1, "drop": true}),
            "delay, drop are several actions",
        ),
        (
            json!({"status": 503, "truncate": 1}),
            "status, truncate are several",
        ),
        (
            json!({"rate": 1, "fail_first": 1}),
            "rate, fail_first are several",
        ),
        (
            json!({"delay": 1, "body": "x"}),
            "`body` belongs to an answer of the proxy's own",
        ),
        (
            json!({"drop": true, "retry_after": 1}),
            "`retry_after` belongs to",
        ),
        (json!({"retry_after": 1}), "nothing says what it does"),
        (json!({"corrupt": false}), "`corrupt` is true or left out"),
        (json!({"drop": false}), "`drop` is true or left out"),
        (json!({"delay": -1}), "invalid value: integer `-1`"),
        (json!({"delay": 1.5}), "invalid type: floating point `1.5`"),
        (json!({"delay": u64::MAX}), "at most a year"),
        (
            json!({"delay": 1, "dealy": 2}),
            "unknown field `dealy`, expected one of",
        ),
        (json!({"status": 100}), "status 100 can't end an exchange"),
        (json!({"status": 600}), "status 600 can't"),
        (
            json!({"status": 204, "body": "x"}),
            "status 204 has no body",
        ),
        (json!({"fail_first": 1, "status": 99}), "status 99 can't"),
        (
            json!({"fail_first": 0}),
            "`fail_first` is a count of requests, at least 1",
        ),
        (
            json!({"rate": 0}),
            "`rate` is in requests per second, at least 1",
        ),
        (
            json!({"rate": 2_000_000_000u64}),
            "at most a thousand million",
        ),
        (
            json!({"delay": 1, "method": "GET it"}),
            "`GET it` is no method",
        ),
        (json!({"delay": 1, "method": ""}), "`` is no method"),
        (
            json!({"delay": 1, "path": "a"}),
            "path `a` must begin with `/`",
        ),
        (json!({"delay": 1, "path": "/a?b=1"}), "without a query"),
        (json!({"delay": 1, "path": "/a b"}), "white space"),
        (
            json!({"delay": 1, "path": "/a/{id"}),
            "`{id` in path `/a/{id` is no segment",
        ),
        (json!({"delay": 1, "path": "/a/{id}.json"}), "is no segment"),
        (json!({"delay": 1, "path": "/{}"}), "is no segment"),
        (
            json!({"delay": 1, "headers": {"x y": "1"}}),
            "`x y` is no name of a header",
        ),
        (
            json!({"delay": 1, "headers": {"x": " 1"}}),
            "the value of header `x`",
        ),
        (
            json!({"delay": 1, "headers": {"x": "a\nb"}}),
            "the value of header `x`",
        ),
        (
            json!({"delay": 1, "headers": ["x"]}),
            "invalid type: sequence",
        ),
        (
            json!({"replace": "x".repeat(LONGEST + 1)}),
            "`replace` has more than 1048576 bytes",
        ),
        (json!({"replace": 5}), "invalid type: integer `5`"),
    ] {
        let error = read(json.clone()).unwrap_err();
        assert!(error.contains(expected), "{json}: {error}");
    }
}

#[test]
fn it_is_for_the_requests_it_names() {
    let takes = |json: Value, method: &str, target: &str, headers: &[(&str, &str)]| {
        let mut json = json;
        json["delay"] = 1.into();
        let requests = read(json).unwrap().requests;
        let headers = headers
            .iter()
            .map(|(name, value)| (*name, value.as_bytes()));
        requests.takes(method, target, headers)
    };
    assert!(takes(json!({}), "GET", "*", &[]));
    assert!(takes(json!({"method": "post"}), "POST", "/", &[]));
    assert!(!takes(json!({"method": "POST"}), "GET", "/", &[]));
    let path = json!({"path": "/payments/{id}"});
    for (target, expected) in [
        ("/payments/7", true),
        ("/payments/7?x=/y", true),
        ("http://host:1/payments/a%2Fb", true),
        ("/payments/", false),
        ("/payments", false),
        ("/payments/7/", false),
        ("/payments/7/refund", false),
        ("/Payments/7", false),
        ("http://host", false),
        ("*", false),
    ] {
        assert_eq!(
            takes(path.clone(), "GET", target, &[]),
            expected,
            "{target}"
        );
    }
    assert!(takes(json!({"path": "/"}), "GET", "http://host?x", &[]));
    let headers = json!({"headers": {"x-tenant": "a", "x-any": null}});
    assert!(takes(
        headers.clone(),
        "GET",
        "/",
        &[("X-Tenant", "b"), ("x-tenant", "a"), ("X-ANY", "")]
    ));
    assert!(!takes(
        headers.clone(),
        "GET",
        "/",
        &[("x-tenant", "A"), ("x-any", "")]
    ));
    assert!(!takes(headers, "GET", "/", &[("x-tenant", "a")]));
}
