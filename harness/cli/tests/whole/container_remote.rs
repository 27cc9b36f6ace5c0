//! An engine that is reached over TCP: on this machine, where ports are published on its loopback, and on another one, as which an
//! address of this machine's that is not its loopback stands. What is made there is broken, found by name and removed as
//! everywhere.

use crate::support::compose::plugin;
use crate::support::containers::{
    abandoned, bridge, engine, left, nothing_left, over_tcp, until_nothing_left,
};
use crate::support::engine::ready;
use crate::support::{Ran, Running, Suite, unless_invalid};
use serde_json::Value;

/// One fault of each hand: a link's, the engine's on a life and on a network, the helper's in a container, and a deployment.
const BREAKS: &str = r#"
title = "What is elsewhere is broken"
settle = "1s"
[load]
rate = "20/s"
for = "28s"
mix = { look = 1 }
[[fault]]
name = "slow"
link = "catalogue"
at = "1s"
for = "2s"
latency = { delay = "300ms" }
[[fault]]
name = "killed"
service = "inventory"
at = "5s"
for = "1s"
kill = true
[[fault]]
name = "cut off"
service = "inventory"
at = "9s"
for = "2s"
disconnect = true
[[fault]]
name = "parted"
service = "gateway"
at = "14s"
for = "2s"
partition = { from = "inventory" }
[[fault]]
name = "new"
service = "gateway"
at = "19s"
for = "4s"
deploy = { env = { SHOP_VERSION = "next" }, drain = "1s" }
[[gate]]
expect = "p50 >= 300ms"
during = "slow"
[[gate]]
expect = "error_rate > 30%"
during = "killed"
[[gate]]
expect = "error_rate > 30%"
during = "cut off"
[[gate]]
expect = "error_rate > 30%"
during = "parted"
[[gate]]
expect = "lost < 1"
during = "new"
[[gate]]
expect = "error_rate < 60%"
"#;

/// Plays it to its end at an engine; what was said, the summary, and the run's id.
fn played(suite: &Suite, host: &str) -> (Ran, Value, String) {
    let (ran, ()) = unless_invalid(|| {
        let mut command = suite.command(&["run", "--format", "json"]);
        (Ran::to_the_end(command.env("DOCKER_HOST", host)), ())
    });
    let summary = ran.json();
    let id = summary["run"]["id"].as_str().unwrap().to_owned();
    (ran, summary, id)
}

/// The small target with something of each kind that is put into containers: a file, a volume.
fn small() -> Suite {
    let suite = Suite::small(&[("scenarios/breaks.toml", BREAKS), ("given", "laid down\n")]);
    let more =
        r#""/tmp/inventory.db"], files = { "/etc/given" = "given" }, volumes = { "/kept" = {} }"#;
    let toml = suite.read("harness.toml");
    let toml = toml.replace(r#""/tmp/inventory.db"]"#, more);
    let asked = r#"ready = { command = ["grep", "laid down", "/etc/given"], within = "60s" }"#;
    let toml = toml.replacen(
        r#"ready = { get = "/health/ready", within = "60s" }"#,
        asked,
        1,
    );
    suite.write("harness.toml", toml);
    suite
}

#[track_caller]
fn is_broken_and_left_clean(host: &str) {
    let suite = small();
    let (ran, summary, id) = played(&suite, host);
    let gates = &summary["verdict"]["gates"];
    assert_eq!(ran.code, 0, "{gates:#}\n{}", ran.stderr);
    nothing_left(&id);
    assert_eq!(suite.events_of(&id, "fault_lifted").len(), 5);
    assert_eq!(suite.events_of(&id, "fault_failed").len(), 0);
    let journal = suite.read(&format!("reports/runs/{id}/undo.ndjson"));
    assert!(journal.contains(host), "{journal}");
    assert!(journal.ends_with("{\"entry\":\"clean\"}\n"), "{journal}");
}

#[test]
fn what_runs_at_an_engine_over_tcp_is_broken_and_leaves_nothing() {
    if engine() {
        is_broken_and_left_clean(&over_tcp("127.0.0.1"));
    }
}

#[test]
fn an_engine_on_another_machine_publishes_there() {
    if !engine() {
        return;
    }
    let lacks = || "the engine's bridge is not this machine's".to_owned();
    let address = bridge().ok_or_else(lacks);
    if ready(address.as_ref().map(drop).map_err(String::clone)) {
        is_broken_and_left_clean(&over_tcp(&address.unwrap()));
    }
}

const SHORT: &str = r#"
title = "Looks"
settle = "1s"
[load]
rate = "20/s"
for = "4s"
mix = { look = 1 }
[[fault]]
name = "slow"
link = "catalogue"
at = "1s"
for = "2s"
latency = { delay = "300ms" }
[[gate]]
expect = "p50 >= 300ms"
during = "slow"
"#;

#[test]
fn a_compose_file_is_played_at_an_engine_over_tcp() {
    if !plugin() {
        return;
    }
    let suite = Suite::composed(&[("scenarios/short.toml", SHORT)]);
    let (ran, summary, id) = played(&suite, &over_tcp("127.0.0.1"));
    let gates = &summary["verdict"]["gates"];
    assert_eq!(ran.code, 0, "{gates:#}\n{}", ran.stderr);
    nothing_left(&id);
}

/// A run of a long load at an engine, once that is under way.
fn under_load(suite: &Suite, host: &str) -> (Running, String) {
    let mut command = suite.command(&["run"]);
    command.env("DOCKER_HOST", host);
    let running = suite.start_as(command);
    let id = suite.run_id();
    suite.until_event(&id, "fault_effective");
    assert!(left(&id).len() >= 5, "two services, a proxy, two networks");
    (running, id)
}

/// A load that goes on, and a link that stays slow.
fn long() -> Suite {
    let long = SHORT.replace("for = \"4s\"", "for = \"10m\"");
    let long = long.replace("for = \"2s\"", "for = \"9m\"");
    Suite::small(&[("scenarios/long.toml", &long)])
}

#[test]
fn whatever_ends_a_run_at_an_engine_over_tcp_it_is_undone_there() {
    if !engine() {
        return;
    }
    let host = over_tcp("127.0.0.1");
    let interrupted = long();
    let (running, id) = under_load(&interrupted, &host);
    running.signal("INT");
    running.ends().exits(130);
    nothing_left(&id);

    let killed = long();
    let (running, id) = under_load(&killed, &host);
    running.signal("KILL");
    running.ends().exits(-1);
    until_nothing_left(&id);

    // Neither the run nor its guardian: by hand, from a shell that knows no engine but this machine's, or none.
    let (id, orphaned) = abandoned(5, || {
        let orphaned = long();
        let (running, id) = under_load(&orphaned, &host);
        running.orphan();
        (id, orphaned)
    });
    let mut heal = orphaned.command(&["heal"]);
    heal.env("DOCKER_HOST", "unix:///no/such/engine.sock");
    Ran::to_the_end(&mut heal).exits(0);
    nothing_left(&id);
}
