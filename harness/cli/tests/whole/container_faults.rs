//! Faults within containers under load: each is applied by its back end, felt or not as it should be, undone, and nothing of it
//! is left on the engine.

use crate::support::Suite;
use crate::support::containers::{all_struck, by, engine, nothing_left};

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
    let (_, id) = suite.holds();
    nothing_left(&id);
    let struck = all_struck(&suite, &id);
    let by = by(&struck);
    let partition = "neighbour entries, black holes on the links between them";
    assert_eq!(by[..2], [partition, partition]);
    // Whichever this kernel has.
    assert!(["netem", "nftables"].contains(&by[2]), "{by:?}");
    assert_eq!(
        by[3..],
        [
            "unreachable routes to its name servers",
            "a file that fills it",
            "a read-only remount",
        ]
    );
}
