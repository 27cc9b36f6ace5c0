//! The target in the containers of a Compose file: it is played and broken like one of the harness's own making, what the
//! suite does not name comes up as the file says, whatever ends a run leaves nothing, and every reason why the tool can't be
//! used is told.

use crate::support::compose::{NO_PLUGIN, plugin, program};
use crate::support::containers::{
    abandoned, all_struck, engine, left, nothing_left, until_nothing_left,
};
use crate::support::{Ran, Running, Suite, process_of, signal, until_nothing_lives};
use std::process::{Command, Stdio};

/// A link that is slow, a service that is killed, and one that is cut off, one after another.
const BROKEN: &str = r#"
title = "What the Compose file describes is broken"
settle = "1s"
[load]
rate = "20/s"
for = "20s"
mix = { look = 1 }
[[fault]]
name = "slow"
link = "catalogue"
at = "2s"
for = "2s"
latency = { delay = "300ms" }
[[fault]]
name = "killed"
service = "inventory"
at = "6s"
for = "1s"
kill = true
[[fault]]
name = "cut off"
service = "inventory"
at = "11s"
for = "1s"
disconnect = true
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
expect = "error_rate < 60%"
"#;

#[test]
fn a_compose_file_is_played_and_broken_and_leaves_nothing() {
    if !plugin() {
        return;
    }
    let suite = Suite::composed(&[("scenarios/broken.toml", BROKEN)]);
    let (summary, id) = suite.holds();
    assert_eq!(summary["readiness"]["decision"], "go");
    nothing_left(&id);
    let of = |word: &str| suite.events_of(&id, word);
    let bad = [of("fault_failed"), of("service_died")].concat();
    assert!(bad.is_empty(), "{bad:?}");
    let effective = of("fault_effective");
    let by = effective.iter().filter_map(|event| event["by"].as_str());
    let by: Vec<_> = by.collect();
    assert!(by.contains(&"container engine: KILL"), "{by:?}");
    assert!(by.contains(&"container engine: network"), "{by:?}");
    let log = |name: &str| suite.read(&format!("reports/runs/{id}/services/{name}.log"));
    assert!(log("prepared").contains("all is prepared"));
    assert!(log("clock").contains("tick"));
    assert!(log("gateway").contains("listening"));
    let journal = suite.read(&format!("reports/runs/{id}/undo.ndjson"));
    assert!(journal.ends_with("{\"entry\":\"clean\"}\n"), "{journal}");
}

/// The other faults on a service's life, its network, its limits and its disk, one after another.
const STRUCK: &str = r#"
title = "Everything that can be done to a service is done to one of the Compose file"
settle = "1s"
[load]
rate = "20/s"
for = "24s"
mix = { look = 1 }
[[fault]]
name = "parted"
service = "gateway"
at = "1s"
for = "1s"
partition = { from = "inventory" }
[[fault]]
name = "lossy"
service = "gateway"
at = "4s"
for = "1s"
packets = { loss = "100%" }
[[fault]]
name = "nameless"
service = "gateway"
at = "7s"
for = "1s"
dns = true
[[fault]]
name = "held"
service = "inventory"
at = "9s"
for = "1s"
cpu = { share = "50%" }
[[fault]]
name = "tight"
service = "inventory"
at = "11s"
for = "1s"
memory = { bytes = "200MB" }
[[fault]]
name = "frozen"
service = "inventory"
at = "13s"
for = "1s"
read_only = { path = "/state" }
[[fault]]
name = "standing"
service = "inventory"
at = "15s"
for = "1s"
pause = true
[[fault]]
name = "stopped"
service = "inventory"
at = "18s"
for = "1s"
stop = true
[[fault]]
name = "again"
service = "inventory"
at = "22s"
for = "1s"
restart = true
[[gate]]
expect = "error_rate > 30%"
during = "parted"
[[gate]]
expect = "error_rate > 30%"
during = "stopped"
[[gate]]
expect = "error_rate < 60%"
"#;

#[test]
fn every_other_fault_strikes_what_a_compose_file_describes_too() {
    if !plugin() {
        return;
    }
    let suite = Suite::composed(&[("scenarios/struck.toml", STRUCK)]);
    let (_, id) = suite.holds();
    nothing_left(&id);
    assert!(suite.events_of(&id, "service_died").is_empty());
    let struck: Vec<String> = all_struck(&suite, &id)
        .iter()
        .map(|event| {
            let of = |word: &str| event[word].as_str().unwrap();
            // Whichever this kernel has.
            let by = match of("by") {
                "netem" | "nftables" => "packets of its own",
                by => by,
            };
            format!("{}: {by}", of("fault"))
        })
        .collect();
    insta::assert_snapshot!(struck.join("\n"));
}

/// A service that is cut off for a while, and who finds it under a name that only the Compose file knows.
const CUT_OFF: &str = r#"
title = "It is found again"
settle = "3s"
[load]
rate = "20/s"
for = "12s"
mix = { look = 1 }
[[fault]]
name = "cut off"
service = "inventory"
at = "2s"
for = "2s"
disconnect = true
[[gate]]
expect = "error_rate > 30%"
during = "cut off"
[[gate]]
expect = "error_rate < 20%"
"#;

#[test]
fn what_was_cut_off_is_found_again_under_all_its_names() {
    if !plugin() {
        return;
    }
    for name in ["stock", "warehouse"] {
        let suite = Suite::composed(&[("scenarios/cut.toml", CUT_OFF)]);
        let toml = suite.read("harness.toml");
        let toml = toml.replace("${link.catalogue.url}", &format!("http://{name}:8080"));
        suite.write("harness.toml", toml);
        let (ran, summary, id) = suite.judged("", &["run"]);
        nothing_left(&id);
        let gates = &summary["verdict"]["gates"];
        assert_eq!(ran.code, 0, "{name}: {gates:#}\n{}", ran.stderr);
    }
}

const SHORT: &str = r#"
title = "Looks"
settle = "1s"
[load]
rate = "20/s"
for = "2s"
mix = { look = 1 }
"#;

#[test]
fn the_older_program_plays_it_too() {
    if !program() {
        return;
    }
    let suite = Suite::composed(&[("scenarios/short.toml", SHORT)]);
    // A key that it does not know.
    let file = suite.read("deploy/compose.yml");
    suite.write("deploy/compose.yml", file.replace("name: shop\n", ""));
    let ran = run(suite.command_with(&[NO_PLUGIN], &["run"]));
    assert_eq!(ran.code, 0, "{ran:#?}");
    nothing_left(&suite.run_id());
}

/// A run of a long load, once that is under way.
fn under_load(suite: &Suite) -> (Running, String) {
    let running = suite.start(&["run"]);
    let id = suite.run_id();
    suite.until_event(&id, "load_tick");
    let left = left(&id);
    assert!(
        left.len() >= 8,
        "five containers, two networks, a volume: {left:?}"
    );
    (running, id)
}

fn long() -> Suite {
    let long = SHORT.replace("2s", "10m");
    Suite::composed(&[("scenarios/long.toml", &long)])
}

#[test]
fn a_killed_runs_containers_are_removed_by_its_guardian_and_the_next_run() {
    if !plugin() {
        return;
    }
    let suite = long();
    let (running, id) = under_load(&suite);
    running.signal("KILL");
    running.ends().exits(-1);
    until_nothing_left(&id);
    let (id, orphaned) = abandoned(8, || {
        let orphaned = long();
        let (running, id) = under_load(&orphaned);
        running.orphan();
        (id, orphaned)
    });
    orphaned.run(&["heal"]).exits(0);
    nothing_left(&id);
}

#[test]
fn it_is_held_and_let_go() {
    if !plugin() {
        return;
    }
    let suite = Suite::composed(&[]);
    let held = suite.run(&["up", "--detach", "--format", "json"]).exits(0);
    let held = held.json();
    let id = held["run"].as_str().unwrap();
    assert!(left(id).len() >= 8);
    suite.run(&["down"]).exits(0);
    nothing_left(id);
}

#[test]
fn what_it_plans_is_told() {
    let suite = Suite::composed(&[]);
    let plan = suite.run(&["plan"]).exits(0).stdout;
    assert!(
        plan.contains("stock of the Compose file, port 8080"),
        "{plan}"
    );
}

fn run(mut command: Command) -> Ran {
    Ran::to_the_end(&mut command)
}

/// Exit 3, these words in the terminal, and nothing left.
#[track_caller]
fn fails(suite: &Suite, command: Command, words: &[&str]) {
    let ran = run(command);
    assert_eq!(ran.code, 3, "{ran:#?}");
    let id = suite.run_id();
    nothing_left(&id);
    until_nothing_lives(&id);
    let said = format!("{}{}", ran.stdout, ran.stderr);
    for word in words {
        assert!(said.contains(word), "no `{word}` in\n{said}");
    }
}

#[test]
fn without_a_tool_it_is_told_what_to_install() {
    if engine() {
        let suite = Suite::composed(&[]);
        let none = [NO_PLUGIN, ("docker-compose", "exit 1")];
        let words = [
            "neither `docker compose` nor `docker-compose` is here",
            "docker-compose-plugin",
        ];
        fails(&suite, suite.command_with(&none, &["run"]), &words);
    }
}

#[test]
fn a_tool_that_is_too_old_is_told() {
    if engine() {
        let suite = Suite::composed(&[]);
        let old = [NO_PLUGIN, ("docker-compose", "echo 1.8.0")];
        let words = ["`docker-compose` is version 1.8.0, and at least 1.27 is needed"];
        fails(&suite, suite.command_with(&old, &["run"]), &words);
    }
}

/// A tool that hangs. What it starts is in another group, as the plugin may be.
const HANGING: &str = "case \"$*\" in *version*) echo 2.40.3;; *) echo waiting for Godot >&2; setsid sleep 600 & wait;; esac";

#[test]
fn a_tool_that_hangs_is_ended_and_told_with_its_last_words() {
    if engine() {
        let suite = Suite::composed(&[]);
        let words = [
            "`docker compose` did not read the Compose file within 30s, and was ended",
            "waiting for Godot",
        ];
        let hanging = [("docker", HANGING)];
        fails(&suite, suite.command_with(&hanging, &["run"]), &words);
    }
}

#[test]
fn a_killed_run_leaves_no_tool_at_work() {
    if engine() {
        let suite = Suite::composed(&[]);
        let mut run = suite.command_with(&[("docker", HANGING)], &["run"]);
        let mut run = run
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let id = suite.run_id();
        process_of(&id, "sleep 600");
        signal(run.id(), "KILL");
        run.wait().unwrap();
        until_nothing_lives(&id);
        until_nothing_left(&id);
    }
}

#[test]
fn a_tool_that_says_no_version_in_time_is_told() {
    if engine() {
        let suite = Suite::composed(&[]);
        let hanging = [("docker", "exec sleep 600"), ("docker-compose", "exit 1")];
        let words = ["`docker compose version` does not end within 10s"];
        fails(&suite, suite.command_with(&hanging, &["run"]), &words);
    }
}

#[test]
fn a_file_that_can_not_be_played_is_told() {
    if !plugin() {
        return;
    }
    let changed = |name: &str, from: &str, to: &str, words: &[&str]| {
        let suite = Suite::composed(&[]);
        let file = suite.read(name);
        assert!(file.contains(from), "{from}");
        suite.write(name, file.replace(from, to));
        fails(&suite, suite.command(&["run"]), words);
    };
    let there = "the Compose file has no service `store`: it has";
    changed(
        "harness.toml",
        "\"stock\"",
        "\"store\"",
        &[there, "gateway"],
    );
    let told =
        |from: &str, to: &str, words: &[&str]| changed("deploy/compose.yml", from, to, words);
    let unread = "`docker compose` failed to read the Compose file";
    told("name: shop", "name: [shop", &[unread, "yaml"]);
    told("command: [shop", "comand: [shop", &[unread, "comand"]);
    told(
        "echo all is prepared",
        "echo no room; exit 4",
        &["prepared", "exit code 4", "no room"],
    );
    let unbuilt = "`docker compose` failed to build the images";
    told(
        "dockerfile: Dockerfile",
        "dockerfile: Dckerfile",
        &[unbuilt, "Dckerfile"],
    );
}

#[test]
fn a_file_that_is_not_there_is_told() {
    if engine() {
        let suite = Suite::composed(&[]);
        std::fs::remove_file(suite.path().join("deploy/compose.yml")).unwrap();
        let words = ["the Compose file", "deploy/compose.yml is not there"];
        fails(&suite, suite.command(&["run"]), &words);
    }
}
