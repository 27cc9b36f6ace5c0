//! The API under requests that nobody would write: it always answers, it never breaks, and it can still be used afterwards.

use harness_proxy::ApiConfig;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use crate::api::serve;
use crate::{resting_tasks, until};

#[derive(Clone, Debug)]
struct Ask {
    method: &'static str,
    path: String,
    body: Vec<u8>,
}

/// Names as people, other people and nobody would choose them; few, so that requests meet.
fn name() -> impl Strategy<Value = String> {
    let strange = [
        "a", "b", "a/b", "\"q\"", "é→日", " ", "%", "..", "a\u{7}", "",
    ];
    prop_oneof![
        8 => select(strange.to_vec()).prop_map(str::to_owned),
        1 => "\\PC{1,12}",
        1 => Just("x".repeat(300)),
    ]
}

/// As a URL has it: everything but letters and digits is encoded.
fn encoded(text: &str) -> String {
    let byte = |byte: &u8| match byte.is_ascii_alphanumeric() {
        true => (*byte as char).to_string(),
        false => format!("%{byte:02X}"),
    };
    text.as_bytes().iter().map(byte).collect()
}

fn path() -> impl Strategy<Value = String> {
    let fixed = [
        "/proxies",
        "/populate",
        "/reset",
        "/version",
        "/metrics",
        "/",
        "/proxies/",
        "//",
        "/proxies/a%",
        "/proxies/%ff",
        "/proxies/%00",
        "*",
    ];
    prop_oneof![
        4 => select(fixed.to_vec()).prop_map(str::to_owned),
        3 => name().prop_map(|proxy| format!("/proxies/{}", encoded(&proxy))),
        3 => name().prop_map(|proxy| format!("/proxies/{}/toxics", encoded(&proxy))),
        1 => name().prop_map(|proxy| format!("/proxies/{}/connections", encoded(&proxy))),
        3 => (name(), name()).prop_map(|(p, t)| format!("/proxies/{}/toxics/{}", encoded(&p), encoded(&t))),
    ]
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        name().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((name(), inner), 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// Those of an `http` toxic: what it does, and sometimes for which requests or what it has not.
fn http_attributes() -> impl Strategy<Value = Value> {
    let does = prop_oneof![
        4 => (0..2_000_u64).prop_map(|delay| json!({"delay": delay})),
        2 => (190..610_u16).prop_map(|status| json!({"status": status, "body": "no"})),
        1 => (0..3_u64, 0..600_u16).prop_map(|(rate, status)| json!({"rate": rate, "status": status})),
        1 => (0..3_u64).prop_map(|first| json!({"fail_first": first, "retry_after": first})),
        1 => select(vec![json!({"replace": "x"}), json!({"truncate": 1}), json!({"CORRUPT": true}), json!({"drop": true})]),
    ];
    let more = prop_oneof![
        4 => Just(None),
        1 => select(vec![("method", json!("GET")), ("path", json!("/a/{id}")), ("Path", json!("a")),
                         ("headers", json!({"x-A": null, "b": "c"}))]).prop_map(Some),
        1 => (select(vec!["method", "path", "headers", "delay", "status", "other"]), json_value()).prop_map(Some),
    ];
    (does, more).prop_map(|(mut attributes, more)| {
        if let Some((name, value)) = more {
            attributes[name] = value;
        }
        attributes
    })
}

/// A proxy or a toxic that is one, but for what is put in place of some fields.
fn almost() -> impl Strategy<Value = Value> {
    let listens = [
        "127.0.0.1:0",
        "127.0.0.1:99999",
        "127.0.0.1",
        "[::1]:0",
        "::1:0",
        "127.0.0.1:x",
    ];
    let types = [
        "latency",
        "bandwidth",
        "slow_close",
        "timeout",
        "reset_peer",
        "slicer",
        "limit_data",
        "noop",
        "loss",
        "corrupt",
        "fail_first",
        "lag",
    ];
    let numbers = || prop_oneof![4 => (0..2_000_u64).prop_map(Value::from), 1 => json_value()];
    let attributes = || {
        (numbers(), numbers(), numbers()).prop_map(|(a, b, c)| {
        json!({"latency": a, "jitter": b, "rate": a, "delay": a, "timeout": a, "average_size": b, "size_variation": c,
               "bytes": c, "share": b, "stall": a, "connections": c})
    })
    };
    let toxic = (name(), select(types.to_vec()), attributes(), attributes(), numbers()).prop_map(|(name, kind, from, to, over)| {
        json!({"name": name, "type": kind, "attributes": from, "toxicity": 0.5, "ramp": {"to": to, "over": over},
               "clients": ["127.0.0.0/8"]})
    });
    let http = (name(), http_attributes(), http_attributes(), numbers()).prop_map(|(name, from, to, over)| {
        json!({"name": name, "type": "http", "attributes": from, "toxicity": 0.5, "ramp": {"to": to, "over": over}})
    });
    let toxic = prop_oneof![4 => toxic, 1 => http].boxed();
    let proxy = (name(), select(listens.to_vec()), any::<bool>(), prop::collection::vec(toxic.clone(), 0..3)).prop_map(
        |(name, listen, enabled, toxics)| {
            json!({"name": name, "listen": listen, "upstream": "127.0.0.1:9", "enabled": enabled, "toxics": toxics})
        },
    );
    let proxy = proxy.boxed();
    let one = prop_oneof![proxy.clone(), toxic];
    let spoilt = (
        one,
        select(
            &[
                "name",
                "listen",
                "upstream",
                "enabled",
                "toxics",
                "type",
                "attributes",
                "toxicity",
                "stream",
                "ramp",
                "clients",
                "none",
            ][..],
        ),
        json_value(),
        any::<bool>(),
    );
    let one = spoilt.prop_map(|(mut value, field, other, spoil)| {
        // A host that has to be looked up is not for a test.
        if spoil && field != "listen" {
            value[field] = other;
        }
        value
    });
    prop_oneof![4 => one, 1 => prop::collection::vec(proxy, 0..3).prop_map(Value::from)]
}

fn ask() -> impl Strategy<Value = Ask> {
    let methods = [
        "GET", "POST", "PATCH", "DELETE", "PUT", "HEAD", "OPTIONS", "BREW",
    ];
    let method = prop_oneof![5 => Just("POST"), 2 => Just("PATCH"), 3 => select(methods.to_vec())];
    let body = prop_oneof![
        1 => prop::collection::vec(any::<u8>(), 0..200),
        2 => json_value().prop_map(|value| value.to_string().into_bytes()),
        6 => almost().prop_map(|value| value.to_string().into_bytes()),
        1 => (almost(), any::<prop::sample::Index>()).prop_map(|(value, at)| {
            let mut text = value.to_string().into_bytes();
            text.truncate(at.index(text.len()));
            text
        }),
    ];
    (method, path(), body).prop_map(|(method, path, body)| Ask { method, path, body })
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 20, ..ProptestConfig::with_cases(48) })]
    #[test]
    fn every_request_is_answered(asks in prop::collection::vec(ask(), 1..40), strict in any::<bool>()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let api = serve(ApiConfig { strict, metrics: true, seed: 1 }).await;
            let tasks = tokio::runtime::Handle::current().metrics();
            assert_eq!(api.ask("GET", "/version", "").await.status, 200);
            let idle = resting_tasks().await;
            for ask in asks {
                let said = api.raw(&format!("{} {} HTTP/1.1", ask.method, ask.path), &ask.body).await;
                let broken = said.status >= 500 && !said.body.contains("listen tcp");
                assert!(!broken, "{ask:?}: {} {}", said.status, said.body);
                if said.body.starts_with("{\"error\"") {
                    assert_eq!(said.json()["status"], json!(said.status), "{ask:?}");
                }
            }
            let (status, all) = api.json("GET", "/proxies", &json!(null)).await;
            assert_eq!(status, 200);
            for (proxy, shown) in all.as_object().unwrap() {
                let path = format!("/proxies/{}", encoded(proxy));
                assert_eq!(api.json("GET", &path, &json!(null)).await, (200, shown.clone()));
                for toxic in shown["toxics"].as_array().unwrap() {
                    let toxic = format!("{path}/toxics/{}", encoded(toxic["name"].as_str().unwrap()));
                    assert_eq!(api.ask("DELETE", &toxic, "").await.status, 204);
                }
                assert_eq!(api.ask("DELETE", &path, "").await.status, 204);
            }
            until("the end of the proxies' tasks", || tasks.num_alive_tasks() <= idle).await;
        });
    }
}
