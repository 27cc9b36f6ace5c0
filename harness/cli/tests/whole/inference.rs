//! What is inferred of the demo system is what it does: with each of its features on the report says so, with it off it
//! says that instead; and the clocks of the fault run.

use crate::support::Suite;
use serde_json::Value;

/// A request that the gateway passes to the orders service each time, and may try again.
const ORDERS: &str = r#"
title = "Somebody looks at the orders"
[[step]]
name = "the orders"
get = "/v1/orders"
timeout = "20s"
expect = ["status == 200"]
"#;

/// A request that the gateway may answer from its cache.
const PRODUCTS: &str = r#"
title = "A visitor looks at products"
[[step]]
name = "the list"
get = "/v1/products"
timeout = "20s"
expect = ["status == 200"]
"#;

/// A request to a service that the gateway can be ready without.
const NOTIFICATIONS: &str = r#"
title = "Somebody looks at what customers were told"
[[step]]
name = "the notifications"
get = "/v1/notifications"
timeout = "20s"
expect = ["status == 200"]
"#;

/// 40 looks a second; from 6 s on nothing comes through a link for 6 s.
fn scenario(link: &str, journey: &str, gates: &[&str]) -> String {
    let gates = gates
        .iter()
        .map(|gate| format!("[[gate]]\nexpect = \"{gate}\"\n"));
    format!(
        r#"
title = "A link swallows everything"
settle = "2s"
[load]
rate = "40/s"
for = "19s"
mix = {{ {journey} = 1 }}
[[fault]]
name = "swallowed"
link = "{link}"
at = "6s"
for = "6s"
timeout = {{ after = "0s" }}
detected = "probe.breaker >= 1"
{}"#,
        gates.collect::<String>()
    )
}

const PROBE: &str = r#"
[probe.breaker]
title = "Worst breaker"
value = "max(gateway.breaker_state{upstream=\"orders\"}) + max(gateway.breaker_state{upstream=\"notifications\"})"
"#;

/// Plays a scenario against a gateway with this environment: the fault's part of the summary. Every gate must hold, and
/// the load have been what it was meant to be.
#[track_caller]
fn played(gateway: &str, link: &str, journey: &str, gates: &[&str]) -> Value {
    let suite = Suite::shop(&[
        ("scenarios/journeys/orders.toml", ORDERS),
        ("scenarios/journeys/products.toml", PRODUCTS),
        ("scenarios/journeys/notifications.toml", NOTIFICATIONS),
        ("scenarios/swallowed.toml", &scenario(link, journey, gates)),
    ]);
    let toml = suite.read("harness.toml");
    let key = r#"SHOP_ADMIN_KEY = "${secret.admin_key}" }"#;
    assert_eq!(toml.matches(key).count(), 1, "{toml}");
    let with = key.replace(" }", &format!(", POOL = \"500\", {gateway} }}"));
    suite.write("harness.toml", toml.replace(key, &with) + PROBE);
    let (ran, summary, _) = suite.should_hold();
    let (fault, verdict) = (&summary["faults"][0], &summary["verdict"]["gates"]);
    assert_eq!(ran.code, 0, "{verdict:#}\n{fault:#}\n{}", ran.stderr);
    assert!(ran.stdout.contains("detection"), "{}", ran.stdout);
    fault.clone()
}

fn told<'f>(fault: &'f Value, topic: &str) -> &'f Value {
    let all = fault["inferred"].as_array().unwrap().iter();
    let mut about = all.filter(|one| one["topic"] == topic);
    about.next().unwrap()
}

#[track_caller]
fn says(fault: &Value, topic: &str, words: &str) {
    let told = told(fault, topic);
    let said = told["says"].as_str().unwrap_or_default();
    assert!(said.starts_with(words), "{told:#}");
    assert_ne!(told["confidence"], "low", "{told:#}");
    assert!(!told["evidence"].as_str().unwrap().is_empty(), "{told:#}");
}

#[test]
fn retries_are_seen_on_the_link_and_so_is_a_time_out() {
    let fault = played(
        "BREAKER = \"off\", RETRIES = \"on\"",
        "orders",
        "orders",
        &[
            "amplification(orders) > 1.05",
            "gives_up(orders) > 900ms",
            "gives_up(orders) < 1200ms",
            "effective < 2s",
            "impact < 3s",
            "detection(swallowed) < 4s",
        ],
    );
    says(&fault, "retries", "retries: 1.");
    says(&fault, "breaker", "no circuit breaker seen");
    says(&fault, "time-out", "`gateway` gives up on `orders` after");
    says(&fault, "fallback", "no cache or fallback for `orders`");
    let by = fault["clocks"]["detection"]["by"].as_str().unwrap();
    assert!(
        by.contains("`gateway` stopped saying that it is well"),
        "{by}"
    );
}

#[test]
fn without_retries_and_time_outs_there_are_none() {
    let fault = played(
        "BREAKER = \"off\", RETRIES = \"off\", TRY_LIMIT = \"0\"",
        "orders",
        "orders",
        &["amplification(orders) < 1.05"],
    );
    says(&fault, "retries", "no retries seen");
    says(&fault, "breaker", "no circuit breaker seen");
    let waits = told(&fault, "time-out");
    assert_eq!(waits["says"], Value::Null, "{waits:#}");
}

#[test]
fn a_breaker_is_seen_to_open_and_to_close() {
    let fault = played(
        "BREAKER = \"on\", RETRIES = \"off\", TRY_LIMIT = \"400\"",
        "notifications",
        "notifications",
        &[
            "breaker_opens(swallowed) < 4s",
            "breaker_closes < 5s",
            "gives_up(notifications) < 700ms",
            "amplification(notifications) < 0.7",
            "detection < 5s",
        ],
    );
    says(
        &fault,
        "breaker",
        "a circuit breaker on `notifications`: opened",
    );
    says(&fault, "retries", "fewer requests than usual");
    // No service's health depends on this link: the metric tells.
    let noticed = &fault["clocks"]["detection"];
    assert_eq!(noticed["by"], "`probe.breaker >= 1` began to hold");
}

#[test]
fn a_cache_shows_in_what_clients_still_get() {
    let fault = played(
        "CACHE = \"on\", CACHE_LIFE = \"60\"",
        "catalogue",
        "products",
        &["fallback(swallowed) > 95%"],
    );
    says(&fault, "fallback", "served without `catalogue`");
    // What clients don't see the target may notice all the same.
    let noticed = &fault["clocks"]["detection"];
    assert!(noticed["us"].as_u64().unwrap() < 5_000_000, "{noticed:#}");
}

#[test]
fn without_a_cache_clients_get_nothing() {
    let fault = played(
        "CACHE = \"off\"",
        "catalogue",
        "products",
        &["fallback < 20%"],
    );
    says(&fault, "fallback", "no cache or fallback for `catalogue`");
}
