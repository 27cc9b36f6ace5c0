//! Faults within containers under load: each is applied by its back end, felt or not as it should be, undone, and nothing of it
//! is left on the engine.

use crate::support::Suite;
use crate::support::containers::{engine, nothing_left};
use serde_json::Value;

/// One after another; the way in is broken by none of them.
const BREAKS: &str = r#"
title = "What the engine can't do"
settle = "2s"
[load]
rate = "20/s"
for = "23s"
mix = { look = 1 }
[[fault]]
name = "cut"
service = "gateway"
at = "1s"
for = "2s"
partition = { from = "inventory" }
[[fault]]
name = "deaf to answers"
service = "gateway"
at = "5s"
for = "2s"
partition = { from = "inventory", direction = "in" }
[[fault]]
name = "lost"
service = "gateway"
at = "9s"
for = "2s"
packets = { loss = "100%" }
[[fault]]
name = "nameless"
service = "gateway"
at = "13s"
for = "1s"
dns = true
[[fault]]
name = "full"
service = "inventory"
at = "15s"
for = "1s"
disk_full = { path = "/data" }
[[fault]]
name = "frozen"
service = "inventory"
at = "17s"
for = "1s"
read_only = { path = "/data" }
[[gate]]
expect = "error_rate > 30%"
during = "cut"
[[gate]]
expect = "error_rate > 30%"
during = "deaf to answers"
[[gate]]
expect = "error_rate > 30%"
during = "lost"
[[gate]]
expect = "error_rate < 10%"
"#;

#[test]
fn faults_within_containers_strike_are_named_and_undone() {
    if !engine() {
        return;
    }
    let suite = Suite::small(&[("scenarios/breaks.toml", BREAKS)]);
    let toml = suite.read("harness.toml");
    let sized = r#""/tmp/inventory.db"], volumes = { "/data" = { size = "8MB" } }"#;
    suite.write(
        "harness.toml",
        toml.replace(r#""/tmp/inventory.db"]"#, sized),
    );
    let (ran, summary, id) = suite.judged("", &["run"]);
    assert_eq!(
        ran.code, 0,
        "{:#}\n{}",
        summary["verdict"]["gates"], ran.stderr
    );
    nothing_left(&id);
    let events = suite.events(&id);
    let events: Vec<Value> = events
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    let of = |word: &str| {
        let these = events.iter().filter(|event| event["event"] == word);
        these.cloned().collect::<Vec<_>>()
    };
    assert!(of("fault_failed").is_empty(), "{events:?}");
    assert_eq!(of("fault_lifted").len(), 6);
    let by: Vec<String> = of("fault_effective")
        .iter()
        .map(|event| event["by"].as_str().unwrap().to_owned())
        .collect();
    let partition = "neighbour entries, black holes on the links between them";
    assert_eq!(by[..2], [partition, partition]);
    // Whichever this kernel has.
    assert!(["netem", "nftables"].contains(&by[2].as_str()), "{by:?}");
    assert_eq!(
        by[3..],
        [
            "unreachable routes to its name servers",
            "a file that fills it",
            "a read-only remount",
        ]
    );
}
