//! The target in containers: it comes up, is walked and goes with nothing left; everything that keeps it from coming up is told
//! with the container's last lines; faults strike it under load; and whatever ends a run, the engine is as it was.

use crate::support::containers::{
    Way, abandoned, all_struck, by, engine, left, nothing_left, until_nothing_left,
};
use crate::support::{Suite, until, until_nothing_lives};

#[test]
fn a_target_in_containers_is_walked_over_its_links_and_leaves_nothing() {
    if !engine() {
        return;
    }
    let short = LOAD.replace("10m", "2s");
    let suite = Suite::small(&[("scenarios/short.toml", &short)]);
    let ran = suite.plays(&["run", "--format", "json"]).exits(0);
    let run = suite.only_run();
    let id = suite.run_id();
    nothing_left(&id);
    assert_eq!(ran.json()["readiness"]["decision"], "go");
    let carried = suite.events_of(&id, "link_tick");
    let through = |link: &str| {
        let ticks = carried.iter().filter(|tick| tick["link"] == link);
        ticks
            .map(|tick| tick["bytes_down"].as_u64().unwrap_or(0))
            .sum::<u64>()
    };
    assert!(
        through("edge") > 0 && through("catalogue") > 0,
        "{carried:?}"
    );
    let log = std::fs::read_to_string(run.join("services/gateway.log")).unwrap();
    assert!(log.contains("listening"), "{log}");
    let journal = std::fs::read_to_string(run.join("undo.ndjson")).unwrap();
    assert!(
        journal.trim_end().ends_with("{\"entry\":\"clean\"}"),
        "{journal}"
    );
}

/// Runs it: exit 3, these words in the terminal and the page, and nothing left on the engine.
#[track_caller]
fn fails_to_start(suite: &Suite, words: &[&str]) {
    let ran = suite.run(&["run"]).exits(3);
    nothing_left(&suite.run_id());
    let page = std::fs::read_to_string(suite.only_run().join("report.html")).unwrap();
    let said = format!("{}{}", ran.stdout, ran.stderr);
    for word in words {
        assert!(said.contains(word), "no `{word}` in\n{said}");
        assert!(page.contains(word), "no `{word}` in the page");
    }
}

#[test]
fn a_container_that_ends_at_once_is_told_with_its_last_lines() {
    if engine() {
        let suite = Suite::contained("echo no licence found; exit 7", "", "within = \"60s\"");
        fails_to_start(&suite, &["web", "exit code 7", "no licence found"]);
    }
}

#[test]
fn a_container_that_is_never_ready_is_told_with_its_last_lines() {
    if engine() {
        let suite = Suite::contained(
            "echo waiting for a database; exec sleep 600",
            "",
            "within = \"5s\"",
        );
        fails_to_start(
            &suite,
            &[
                "web",
                "was not ready within 5s",
                "port 8080",
                "waiting for a database",
            ],
        );
    }
}

#[test]
fn a_container_that_is_out_of_memory_is_told() {
    if engine() {
        let hog = "echo taking it all; x=x; while :; do x=$x$x; done";
        let suite = Suite::contained(hog, ", memory = \"16MB\"", "within = \"60s\"");
        fails_to_start(&suite, &["web", "out of memory", "taking it all"]);
    }
}

#[test]
fn a_command_that_is_not_in_the_image_is_told() {
    if engine() {
        let suite = Suite::contained("", "", "within = \"60s\"");
        let toml = suite.read("harness.toml");
        suite.write(
            "harness.toml",
            toml.replace("\"sh\", \"-c\"", "\"no-such-program\""),
        );
        fails_to_start(&suite, &["web", "no-such-program"]);
    }
}

#[test]
fn a_port_that_is_taken_is_told_with_the_last_lines() {
    if engine() {
        let suite = Suite::small(&[]);
        let toml = suite.read("harness.toml");
        // Both at once on one port: whoever comes second ends, and with it the container. No path tells that it is ready.
        let serve = "shop inventory --host 0.0.0.0 --port ${port} --db /tmp";
        let twice =
            format!(r#"command = ["bash", "-c", "{serve}/a.db & {serve}/b.db & wait -n; exit 9"]"#);
        let once = r#"command = ["shop", "inventory", "--host", "0.0.0.0", "--port", "${port}", "--db", "/tmp/inventory.db"]"#;
        let toml = toml
            .replace(once, &twice)
            .replace("/health/ready", "/never");
        suite.write("harness.toml", toml);
        fails_to_start(&suite, &["inventory", "in use"]);
    }
}

#[test]
fn an_image_that_does_not_build_is_told_with_the_builders_last_lines() {
    if engine() {
        let suite = Suite::small(&[]);
        let broken = "FROM debian:bookworm-slim\nRUN echo it does not compile && exit 4\n";
        suite.write("Dockerfile", broken);
        fails_to_start(&suite, &["harness-test-shop:dev", "it does not compile"]);
    }
}

#[test]
fn an_image_that_no_registry_gives_is_told() {
    if engine() {
        let suite = Suite::contained("true", "", "within = \"60s\"");
        let toml = suite.read("harness.toml");
        // A registry that nobody can reach: the port is reserved.
        let absent = "localhost:1/no/such:image";
        suite.write("harness.toml", toml.replace("debian:bookworm-slim", absent));
        fails_to_start(&suite, &["web", absent, "no registry was reached"]);
    }
}

#[test]
fn an_engine_that_does_not_run_is_told() {
    let suite = Suite::contained("true", "", "within = \"60s\"");
    let mut command = suite.command(&["run"]);
    let nowhere = suite.path().join("no.sock").display().to_string();
    command.env("DOCKER_HOST", format!("unix://{nowhere}"));
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(
        said.contains("no container engine answers") && said.contains(&nowhere),
        "{said}"
    );
}

const LOAD: &str = r#"
title = "Looks"
settle = "1s"
[load]
rate = "20/s"
for = "10m"
mix = { look = 1 }
"#;

/// A run of a long load, once that is under way.
fn under_load(suite: &Suite) -> (crate::support::Running, String) {
    let running = suite.start(&["run"]);
    let id = suite.run_id();
    suite.until_event(&id, "load_tick");
    assert!(left(&id).len() >= 5, "two services, a proxy, two networks");
    (running, id)
}

#[test]
fn however_a_run_is_ended_its_containers_go() {
    if !engine() {
        return;
    }
    for (signal, code) in [("INT", 130), ("TERM", 130)] {
        let suite = Suite::small(&[("scenarios/long.toml", LOAD)]);
        let (running, id) = under_load(&suite);
        running.signal(signal);
        running.ends().exits(code);
        nothing_left(&id);
    }
}

#[test]
fn a_killed_runs_containers_are_removed_by_its_guardian() {
    if !engine() {
        return;
    }
    let suite = Suite::small(&[("scenarios/long.toml", LOAD)]);
    let (running, id) = under_load(&suite);
    running.signal("KILL");
    running.ends().exits(-1);
    until_nothing_left(&id);
}

#[test]
fn what_nobody_removed_the_next_run_does_and_it_touches_no_live_one() {
    if !engine() {
        return;
    }
    let live = Suite::small(&[("scenarios/long.toml", LOAD)]);
    let (lives, live_id) = under_load(&live);
    let (dead_id, _dead) = abandoned(5, || {
        let dead = Suite::small(&[("scenarios/long.toml", LOAD)]);
        let (dies, dead_id) = under_load(&dead);
        dies.orphan();
        (dead_id, dead)
    });
    let before = left(&live_id);
    Suite::small(&[]).run(&["run"]).exits(0);
    nothing_left(&dead_id);
    assert_eq!(left(&live_id), before, "a live run's was touched");
    lives.signal("INT");
    lives.ends().exits(130);
    nothing_left(&live_id);
}

/// Runs a load, has the engine go once it is under way, and gives back the run's id and what was said: exit 3, words that say
/// what is left where, and `harness heal` that removes it when the engine is back.
fn loses_its_engine(go: impl Fn(&Way)) -> (String, String) {
    let suite = Suite::small(&[("scenarios/long.toml", LOAD)]);
    let way = Way::at(&suite.path().join("engine.sock"));
    let out = suite.path().join("said");
    let mut command = suite.command(&["run"]);
    command
        .env("DOCKER_HOST", way.host())
        .stdout(std::fs::File::create(&out).unwrap())
        .stderr(std::fs::File::create(suite.path().join("talk")).unwrap());
    let mut child = command.spawn().unwrap();
    let id = suite.run_id();
    suite.until_event(&id, "load_tick");
    go(&way);
    let status = until("its end", || child.try_wait().unwrap());
    let said = suite.read("said") + &suite.read("talk");
    assert_eq!(status.code(), Some(3), "{said}");
    for word in [
        "the target was lost: its container engine went ",
        &format!("with the label harness.run={id} may be left on it"),
        "`harness heal` removes them once it is back",
    ] {
        assert!(said.contains(word), "no `{word}` in\n{said}");
    }
    assert!(!said.contains("did not come up"), "{said}");
    let events = suite.events(&id);
    assert!(events.contains("`harness heal` tries again"), "{events}");
    assert!(!left(&id).is_empty());
    if way.stands() {
        way.cut();
    }
    way.mend();
    suite.run(&["heal"]).exits(0);
    until_nothing_lives(&id);
    nothing_left(&id);
    (id, said)
}

#[test]
fn an_engine_that_dies_mid_run_is_told_and_what_it_held_is_healed() {
    if engine() {
        loses_its_engine(Way::cut);
    }
}

#[test]
fn an_engine_that_hangs_mid_run_is_told_and_keeps_nobody() {
    if engine() {
        let begun = std::sync::OnceLock::new();
        let (_, said) = loses_its_engine(|way| {
            way.hold_up();
            let _ = begun.set(std::time::Instant::now());
        });
        assert!(said.contains("it said nothing for 30s"), "{said}");
        // Three questions of ten seconds and one of whoever looks for the rest; stopping what does not answer takes minutes.
        let took = std::time::Instant::now() - *begun.get().unwrap();
        assert!(took.as_secs() < 100, "{took:?}");
    }
}

#[test]
fn connections_to_the_engine_that_break_are_made_again() {
    if !engine() {
        return;
    }
    let words = "echo begun; sleep 5; echo now it serves; exec sleep 600";
    let ready = "log = \"now it serves\", within = \"60s\"";
    let suite = Suite::contained(words, "", ready);
    let way = Way::at(&suite.path().join("engine.sock"));
    let mut command = suite.command(&["run"]);
    command
        .env("DOCKER_HOST", way.host())
        .stdout(std::process::Stdio::null());
    let mut child = command.spawn().unwrap();
    let id = suite.run_id();
    let log = suite.only_run().join("services/web.log");
    let said = || std::fs::read_to_string(&log).unwrap_or_default();
    until("its first word", || said().contains("begun").then_some(()));
    way.break_off();
    child.wait().unwrap();
    let events = suite.events(&id);
    assert!(events.contains("target_ready"), "{events}");
    assert_eq!(said(), "begun\nnow it serves\n");
    nothing_left(&id);
}

/// Every fault that the engine does, one after another, on the service behind the link.
const BREAKS: &str = r#"
title = "The engine breaks what is behind the link"
settle = "2s"
[load]
rate = "20/s"
for = "28s"
mix = { look = 1 }
[[fault]]
name = "killed"
service = "inventory"
at = "1s"
for = "1s"
kill = true
[[fault]]
name = "stopped"
service = "inventory"
at = "4s"
for = "1s"
stop = true
[[fault]]
name = "paused"
service = "inventory"
at = "7s"
for = "1s"
pause = true
[[fault]]
name = "cut off"
service = "inventory"
at = "10s"
for = "3s"
disconnect = true
[[fault]]
name = "restarted"
service = "inventory"
at = "15s"
for = "1s"
restart = true
[[fault]]
name = "held"
service = "inventory"
at = "18s"
for = "1s"
cpu = { share = "10%" }
[[fault]]
name = "limited"
service = "inventory"
at = "20s"
for = "1s"
memory = { bytes = "200MB" }
[[gate]]
expect = "error_rate > 30%"
during = "killed"
[[gate]]
expect = "error_rate > 30%"
during = "stopped"
[[gate]]
expect = "error_rate > 30%"
during = "cut off"
[[gate]]
expect = "error_rate < 10%"
"#;

#[test]
fn faults_on_containers_strike_are_named_and_undone_and_addresses_stay() {
    if !engine() {
        return;
    }
    let suite = Suite::small(&[("scenarios/breaks.toml", BREAKS)]);
    let (_, id) = suite.holds();
    nothing_left(&id);
    let struck = all_struck(&suite, &id);
    assert_eq!(
        by(&struck),
        [
            "container engine: KILL",
            "container engine: stop",
            "container engine: freezer",
            "container engine: network",
            "container engine: KILL and start",
            "container engine: processor quota",
            "container engine: memory limit",
        ]
    );
}
