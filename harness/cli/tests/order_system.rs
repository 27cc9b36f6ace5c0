//! The order system, row by row: the repository's own suite, file by file, against the demo system. Without a defect
//! every part is green; each planted defect turns exactly what is meant for it red. `docs/order-system.md` is the list.

#![allow(
    clippy::unwrap_used,
    reason = "in a test a panic is the report, helpers included"
)]

mod support;

use serde_json::Value;
use support::{Ran, Suite};

/// Documents that no test here asks for cost start-up time only.
const CONTRACTS: [&str; 5] = [
    "gateway",
    "orders",
    "inventory",
    "payments",
    "notifications",
];

const STEADY: &str = "scenarios/steady.toml";

/// Shorter and lighter than the bundled profiles: a shared machine must keep up with it.
const LIGHT: &str = "\n[profile.light]\nscale = { duration = 0.3, rate = 0.15 }\n[profile.short]\nscale = { duration = 0.75 }\n";

/// The repository's own suite with only these files and documents. Without a load there is nothing for its gates to judge.
fn suite(files: &[&str], contracts: &[&str]) -> Suite {
    let suite = Suite::bundled(files);
    let mut config = suite.read("harness.toml");
    for name in CONTRACTS.iter().filter(|name| !contracts.contains(name)) {
        cut(&mut config, &format!("[contract.{name}]"), "\n\n");
    }
    cut(&mut config, "[profile.default]", "# These judge journeys");
    // So short a load can't decide on one error in a thousand.
    cut(&mut config, "[[gate]]\nexpect = \"availability", "\n\n");
    if files.contains(&STEADY) {
        config = config.replace("error_rate < 0.1%", "error_rate < 1%");
        config = config.replace("gateway_growth < 64MB", "gateway_growth < 12MB");
        let steady = suite.read(STEADY).replace("rate >= 750/s", "rate >= 75/s");
        suite.write(STEADY, steady);
    } else {
        cut(&mut config, "[[gate]]\nexpect = \"error_rate", "\n\n");
    }
    if !files.iter().any(|file| load(file)) {
        cut(&mut config, "# These judge journeys", "\u{0}");
    }
    suite.write("harness.toml", config + LIGHT);
    suite
}

fn load(file: &str) -> bool {
    file.starts_with("scenarios/") && !file.starts_with("scenarios/journeys/")
}

/// Takes out what stands from `begin` to before `end`, or to the text's end.
fn cut(text: &mut String, begin: &str, end: &str) {
    let begin = text.find(begin).unwrap();
    let length = text[begin..].find(end).unwrap_or(text.len() - begin);
    text.replace_range(begin..begin + length, "");
}

/// What is red: journeys, contract checks, gates by name or condition.
fn red(summary: &Value) -> Vec<String> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let mut red = Vec::new();
    for walk in list(&summary["journeys"]) {
        if walk["outcome"] != "passed" {
            red.push(format!("journey {}", walk["journey"].as_str().unwrap()));
        }
    }
    for contract in summary["contracts"].as_object().unwrap().values() {
        for finding in list(&contract["findings"]) {
            red.push(format!("contract {}", finding["check"].as_str().unwrap()));
        }
    }
    let verdict = &summary["verdict"];
    for gate in list(&verdict["gates"])
        .iter()
        .chain(&list(&verdict["invariants"]))
    {
        if gate["grade"] != "pass" {
            let id = gate["gate"]["id"].as_str().or(gate["id"].as_str()).unwrap();
            red.push(format!("{id} {}", gate["grade"].as_str().unwrap()));
        }
    }
    red.sort();
    red.dedup();
    red
}

#[track_caller]
fn expect(ran: &Ran, summary: &Value, wanted: &[&str]) {
    let red = red(summary);
    let reasons = summary["verdict"]["gates"].as_array().unwrap().iter();
    let reasons: Vec<_> = reasons
        .map(|gate| (&gate["gate"]["id"], &gate["reason"], &gate["observed"]))
        .collect();
    assert_eq!(
        red, wanted,
        "{reasons:#?}\n{:#}\n{}",
        summary["verdict"]["generator"], ran.stderr
    );
    assert_eq!(ran.code, i32::from(!wanted.is_empty()), "{}", ran.stderr);
}

/// Walks journeys, each in its file under scenarios/journeys or features, with a defect planted.
#[track_caller]
fn walks(defect: &str, files: &[&str], wanted: &[&str]) {
    let suite = suite(files, &[]);
    let ran = suite.run_with(defect, &["run", "--format", "json"]);
    expect(&ran, &ran.json(), wanted);
}

/// Plays one scenario, without the walks, with a defect planted.
#[track_caller]
fn plays(defect: &str, scenario: &str, arguments: &[&str], wanted: &[&str]) {
    let file = format!("scenarios/{scenario}.toml");
    let mixed = ["browse", "checkout", "repeat-order"];
    let walked = ["order-is-settled"];
    let journeys = mixed.iter().chain(
        walked
            .iter()
            .filter(|_| ["conserved", "parts-die"].contains(&scenario)),
    );
    let journeys: Vec<_> = journeys
        .map(|name| format!("scenarios/journeys/{name}.toml"))
        .collect();
    let files: Vec<&str> = std::iter::once(&file)
        .chain(&journeys)
        .map(String::as_str)
        .collect();
    let suite = suite(&files, &[]);
    let arguments = [&["run", scenario, "--tags", "load or chaos"], arguments].concat();
    let (ran, summary, _) = suite.judged(defect, &arguments);
    expect(&ran, &summary, wanted);
}

/// Exercises one document with a defect planted.
#[track_caller]
fn exercises(defect: &str, contract: &str, wanted: &[&str]) {
    let suite = suite(&["scenarios/journeys/checkout.toml"], &[contract]);
    let ran = suite.run_with(defect, &["run", "--format", "json"]);
    expect(&ran, &ran.json(), wanted);
}

#[test]
fn without_a_defect_every_walk_is_green() {
    let mut journeys = Suite::files("scenarios/journeys");
    journeys.retain(|file| !Suite::text(file).contains("load-only"));
    let features = Suite::files("features");
    let all: Vec<&str> = journeys
        .iter()
        .chain(&features)
        .map(String::as_str)
        .collect();
    walks("", &all, &[]);
}

#[test]
fn the_same_key_makes_one_order() {
    let files = ["order-twice", "order-at-once", "order-after-timeout"]
        .map(|name| format!("scenarios/journeys/{name}.toml"));
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    let wanted = [
        "journey order-after-timeout",
        "journey order-at-once",
        "journey order-twice",
    ];
    walks("lost-idempotency", &files, &wanted);
}

#[test]
fn a_declined_payment_gives_the_stock_back() {
    walks(
        "leaked-stock",
        &["scenarios/journeys/declined.toml"],
        &["journey declined"],
    );
}

#[test]
fn a_payment_without_an_answer_is_seen_through() {
    let file = "scenarios/journeys/payment-timeout.toml";
    walks(
        "payment-timeout-unhandled",
        &[file],
        &["journey payment-timeout"],
    );
}

#[test]
fn pages_show_everything_once() {
    walks(
        "page-skips",
        &["scenarios/journeys/pages.toml"],
        &["journey pages"],
    );
}

#[test]
fn every_route_asks_for_a_key() {
    walks(
        "missing-auth",
        &["scenarios/journeys/access.toml"],
        &["journey access"],
    );
}

#[test]
fn a_refusal_says_when_to_come_back() {
    walks(
        "no-retry-after",
        &["scenarios/journeys/rate-limit.toml"],
        &["journey rate-limit"],
    );
}

#[test]
fn a_change_is_seen_at_once() {
    walks(
        "stale-cache",
        &["scenarios/journeys/caching.toml"],
        &["journey caching"],
    );
}

#[test]
fn a_poison_message_is_a_dead_letter() {
    walks(
        "dead-letters-dropped",
        &["scenarios/journeys/dead-letter.toml"],
        &["journey dead-letter"],
    );
}

#[test]
fn a_notification_falls_back() {
    walks(
        "no-fallback",
        &["scenarios/journeys/fallback.toml"],
        &["journey fallback"],
    );
}

#[test]
fn documents_hold_for_what_is_answered() {
    exercises("", "orders", &[]);
    exercises("wrong-schema", "orders", &["contract body-schema"]);
}

#[test]
fn documents_hold_for_the_status_too() {
    exercises(
        "undocumented-status",
        "inventory",
        &["contract undocumented-status"],
    );
}

const SETTLED: &str = "conserved#every acknowledged order is settled and told once fail";

#[test]
fn without_a_defect_everything_adds_up() {
    plays("", "conserved", &[], &[]);
}

#[test]
fn an_order_is_paid_once() {
    let wanted = ["suite@conserved#money is conserved fail"];
    plays("double-charge", "conserved", &[], &wanted);
}

#[test]
fn an_acknowledged_order_is_stored() {
    let wanted = [SETTLED, "conserved#one order for one key fail"];
    plays("lost-order", "conserved", &[], &wanted);
}

#[test]
fn an_order_is_told() {
    let wanted = [
        SETTLED,
        "suite@conserved#one notification for each order fail",
    ];
    plays("lost-notification", "conserved", &[], &wanted);
}

#[test]
fn an_order_is_told_once() {
    let wanted = [
        SETTLED,
        "suite@conserved#one notification for each order fail",
    ];
    plays("duplicate-notification", "conserved", &[], &wanted);
}

#[test]
fn one_key_is_one_order_under_load() {
    let wanted = ["conserved#one order for one key fail"];
    plays("lost-idempotency", "conserved", &[], &wanted);
}

const LIGHTLY: &[&str] = &["--profile", "light"];

#[test]
fn without_a_defect_a_light_load_is_green() {
    plays("", "steady", LIGHTLY, &[]);
}

#[test]
fn a_slow_query_is_a_slow_answer() {
    plays(
        "slow-query",
        "steady",
        LIGHTLY,
        &["steady#1 fail", "steady#2 fail"],
    );
}

#[test]
fn errors_that_come_with_load_are_seen() {
    plays("errors-under-load", "steady", LIGHTLY, &["suite#1 fail"]);
}

#[test]
fn memory_that_grows_with_requests_is_seen() {
    let wanted = ["suite#the gateway's memory does not grow with its requests fail"];
    plays("memory-leak", "steady", LIGHTLY, &wanted);
}

const SHORTLY: &[&str] = &["--profile", "short"];

#[test]
fn without_a_defect_the_shop_outlives_a_hanging_service() {
    plays("", "orders-hangs", SHORTLY, &[]);
}

#[test]
fn a_breaker_that_never_opens_lets_everybody_wait() {
    plays(
        "breaker-never-opens",
        "orders-hangs",
        SHORTLY,
        &["orders-hangs#2 fail"],
    );
}

#[test]
fn a_breaker_that_never_tries_again_does_not_come_back() {
    let wanted = ["orders-hangs#3 fail", "orders-hangs#comes back fail"];
    plays("breaker-never-half-opens", "orders-hangs", SHORTLY, &wanted);
}

const UNBROKEN: &[&str] = &["--variant", "no-breaker"];

#[test]
fn without_a_defect_retries_are_few() {
    plays("", "orders-refuses", UNBROKEN, &[]);
}

#[test]
fn a_storm_of_retries_is_seen() {
    plays(
        "retry-storm",
        "orders-refuses",
        UNBROKEN,
        &["orders-refuses#retries are no storm fail"],
    );
}

#[test]
fn whatever_dies_nothing_acknowledged_is_lost() {
    plays("", "parts-die", &[], &[]);
}
