//! Every check has been seen to fail: the real binary, the real demo system, one short suite; each planted defect turns
//! exactly what is meant for it red, and without a defect everything is green.

#![allow(
    clippy::unwrap_used,
    reason = "in a test a panic is the report, helpers included"
)]

mod support;

use serde_json::Value;
use support::{DEAD_LETTER, Suite};

const BROWSE: &str = r#"
title = "A visitor looks at products"
[[step]]
name = "the list"
get = "/v1/products"
expect = ["status == 200", "count($.items) >= 1"]
[[step]]
name = "one product"
get = "/v1/products/SKU-00{{ int(1, 9) }}"
expect = ["status < 300", "$.sku exists"]
"#;

const CHECKOUT: &str = r#"
title = "A customer places an order and it is paid"
[[step]]
name = "place the order"
post = "/v1/orders"
headers = { idempotency-key = "{{ uuid() }}" }
json = { sku = "SKU-001", quantity = 2 }
expect = ["status == 201", "$.status == 'PENDING'"]
capture = { order = "$.id" }
[[step]]
name = "it is confirmed"
get = "/v1/orders/{{ order }}"
expect = ["status == 200", "$.status == 'CONFIRMED'"]
eventually = "20s"
"#;

const REPEAT: &str = r#"
title = "The same idempotency key makes one order"
variables = { key = "{{ uuid() }}" }
[[step]]
name = "place the order"
post = "/v1/orders"
headers = { idempotency-key = "{{ key }}" }
json = { sku = "SKU-002", quantity = 1 }
expect = ["status == 201"]
capture = { order = "$.id" }
[[step]]
name = "place it again"
post = "/v1/orders"
headers = { idempotency-key = "{{ key }}" }
json = { sku = "SKU-002", quantity = 1 }
expect = ["status == 201", "$.id == '{{ order }}'"]
"#;

/// 150 journeys a second of two requests each: above the threshold of `errors-under-load`, far below what the system can
/// do even on a busy machine.
const STEADY: &str = r#"
title = "A short steady load"
[load]
model = "open"
stages = [{ rate = "150/s", for = "5s" }]
mix = { browse = 1 }
[[gate]]
expect = "error_rate < 1%"
[[gate]]
expect = "p50(browse) < 150ms"
"#;

/// The link to the inventory goes down while products are asked for: an open breaker answers at once, a breaker that never opens
/// lets every request run into its retries.
const OUTAGE: &str = r#"
title = "The gateway answers fast while the inventory is gone"
settle = "1s"
[load]
model = "open"
stages = [{ rate = "60/s", for = "9s" }]
mix = { browse = 1 }
[[fault]]
name = "inventory hangs"
link = "catalogue"
at = "2s"
for = "6s"
timeout = { after = "0s" }
[[gate]]
expect = "p50(browse) < 700ms"
during = "inventory hangs"
"#;

/// Without its cache every read goes through the gateway's breaker to the store, so that nothing hides a slow one.
const CONTRACT: &str = r#"
[contract.gateway]
openapi = "fixtures/openapi/gateway.json"
service = "gateway"
headers = { x-api-key = "${secret.admin_key}" }
[variant.no-cache]
service.gateway.env = { CACHE = "off" }
"#;

fn suite() -> Suite {
    let suite = Suite::shop(&[
        ("scenarios/journeys/browse.toml", BROWSE),
        ("scenarios/journeys/checkout.toml", CHECKOUT),
        ("scenarios/journeys/dead-letter.toml", DEAD_LETTER),
        ("scenarios/journeys/repeat.toml", REPEAT),
        ("scenarios/1-steady.toml", STEADY),
        ("scenarios/2-outage.toml", OUTAGE),
    ]);
    suite.append("harness.toml", CONTRACT);
    suite
}

/// What is red: journeys, `contract:CHECK OPERATION`, gates by id.
fn red(summary: &Value) -> Vec<String> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let mut red = Vec::new();
    for walk in list(&summary["journeys"])
        .iter()
        .filter(|walk| walk["outcome"] != "passed")
    {
        red.push(format!("journey {}", walk["journey"].as_str().unwrap()));
    }
    for contract in summary["contracts"].as_object().unwrap().values() {
        let findings = list(&contract["findings"]);
        red.extend(
            findings
                .iter()
                .map(|f| format!("contract {}", f["check"].as_str().unwrap())),
        );
    }
    for gate in list(&summary["verdict"]["gates"])
        .iter()
        .filter(|gate| gate["grade"] != "pass")
    {
        red.push(format!(
            "gate {} {}",
            gate["gate"]["id"].as_str().unwrap(),
            gate["grade"].as_str().unwrap()
        ));
    }
    red.sort();
    red.dedup();
    red
}

#[track_caller]
fn turns_red(defect: &str, code: i32, decision: &str, wanted: &[&str]) {
    let suite = suite();
    let (ran, summary, _) = suite.judged(defect, &["run", "--variant", "no-cache"]);
    ran.exits(code);
    assert_eq!(
        summary["readiness"]["decision"], decision,
        "{:#}",
        summary["readiness"]
    );
    let red = red(&summary);
    let reasons = summary["verdict"]["gates"].as_array().unwrap().iter();
    let reasons: Vec<_> = reasons.map(|gate| &gate["reason"]).collect();
    assert_eq!(
        red, wanted,
        "{reasons:#?}\n{:#}",
        summary["verdict"]["generator"]
    );
}

#[test]
fn without_a_defect_everything_is_green() {
    turns_red("", 0, "go", &[]);
}

#[test]
fn a_slow_query_turns_the_latency_gate_red() {
    turns_red("slow-query", 1, "no-go", &["gate 1-steady#2 fail"]);
}

#[test]
fn lost_idempotency_turns_its_journey_red() {
    turns_red("lost-idempotency", 1, "no-go", &["journey repeat"]);
}

#[test]
fn a_wrong_schema_is_a_contract_finding() {
    turns_red("wrong-schema", 1, "no-go", &["contract body-schema"]);
}

#[test]
fn an_undocumented_status_is_a_contract_finding() {
    turns_red(
        "undocumented-status",
        1,
        "no-go",
        &["contract undocumented-status"],
    );
}

#[test]
fn errors_under_load_turn_the_error_gate_red() {
    turns_red("errors-under-load", 1, "no-go", &["gate 1-steady#1 fail"]);
}

#[test]
fn a_breaker_that_never_opens_turns_the_outage_gate_red() {
    turns_red("breaker-never-opens", 1, "no-go", &["gate 2-outage#1 fail"]);
}
