//! The repository's own suite in parts, lighter than its profiles and without what is not asked for, as processes or in
//! containers; and what of a run is red. What is expected of a part is said elsewhere.

use super::{Ran, Suite, repository, shop};
use serde_json::Value;
use std::path::Path;

/// Documents that no test here asks for cost start-up time only.
const CONTRACTS: [&str; 5] = [
    "gateway",
    "orders",
    "inventory",
    "payments",
    "notifications",
];

pub(crate) const STEADY: &str = "scenarios/steady.toml";

/// Shorter and lighter than the bundled profiles: a shared machine must keep up with it.
const LIGHT: &str = "\n[profile.light]\nscale = { duration = 0.3, rate = 0.15 }\n[profile.short]\nscale = { duration = 0.75 }\n";

/// The repository's own suite with only these files and documents. Without a load there is nothing for its gates to judge.
pub(crate) fn rows(files: &[&str], contracts: &[&str]) -> Suite {
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

/// Gives the light load limits that a busy machine keeps. Where slowness is what is planted, the suite's own stand.
pub(crate) fn leave_room(suite: &Suite, defect: &str) {
    if !defect.contains("slow-query") {
        let steady = suite.read(STEADY);
        let roomy = steady
            .replace("p99(browse) < 100ms", "p99(browse) < 1s")
            .replace("p95(checkout) < 250ms", "p95(checkout) < 1s");
        assert_ne!(roomy, steady);
        suite.write(STEADY, roomy);
    }
}

fn load(file: &str) -> bool {
    file.starts_with("scenarios/") && !file.starts_with("scenarios/journeys/")
}

/// Takes out what stands from `begin` to before `end`, or to the text's end.
pub(crate) fn cut(text: &mut String, begin: &str, end: &str) {
    let begin = text.find(begin).unwrap();
    let length = text[begin..].find(end).unwrap_or(text.len() - begin);
    text.replace_range(begin..begin + length, "");
}

/// What is red: journeys, contract checks, gates by name or condition.
pub(crate) fn red(summary: &Value) -> Vec<String> {
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

/// Asserts that exactly this is red, and that the exit code says so.
#[track_caller]
pub(crate) fn expect(ran: &Ran, summary: &Value, wanted: &[&str]) {
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

/// What the demo's images are built from, besides its binary.
const IMAGES: [&str; 6] = [
    "fixtures/systems/shop/Dockerfile",
    "fixtures/images/postgres/Dockerfile",
    "fixtures/images/postgres/entrypoint.sh",
    "fixtures/images/redis/Dockerfile",
    "fixtures/images/redis/redis.conf",
    ".dockerignore",
];

/// Has the suite's target in containers, with its real stores; its image has the binary beside the tests.
pub(crate) fn in_containers(suite: &Suite) {
    for file in IMAGES {
        suite.write(file, std::fs::read(repository().join(file)).unwrap());
    }
    let binary = "target/debug/shop";
    suite.write(binary, "");
    let there = suite.path().join(binary);
    std::fs::remove_file(&there).unwrap();
    lay(shop(), &there);
    let built = r#"image = "shop:dev", build = { context = ".", dockerfile = "fixtures/systems/shop/Dockerfile" }"#;
    let config = suite.read("harness.toml");
    assert_eq!(config.matches(built).count(), 7, "{config}");
    let own = format!(
        r#"image = "harness-test-order-system:dev", build = {{ context = ".", dockerfile = "fixtures/systems/shop/Dockerfile", args = {{ SHOP = "{binary}" }} }}"#
    );
    let config = config
        .replace(built, &own)
        .replace("mode = \"process\"", "mode = \"container\"");
    assert!(config.contains("mode = \"container\""), "{config}");
    suite.write("harness.toml", config);
}

/// Lays a file that is only read at another place.
pub(crate) fn lay(from: &Path, to: &Path) {
    if std::fs::hard_link(from, to).is_err() {
        std::fs::copy(from, to).unwrap();
    }
}
