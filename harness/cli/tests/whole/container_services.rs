//! What a service in a container is given is there: files, environment, volumes; and it counts as ready when it says so in the
//! way it was asked for, not before.

use crate::support::Suite;
use crate::support::containers::{BASE, engine, nothing_left};

const GIVEN: &str = r#"
title = "It has what it was given, and keeps its volume through its death"
[[step]]
name = "a file and a variable"
get = "/given"
expect = ["status == 200", "$.is == 'well laid down'"]
[[step]]
name = "a note"
get = "/note"
expect = ["status == 200"]
[[step]]
name = "there it is"
get = "/count"
expect = ["$.is == 1"]
[[step]]
name = "it dies"
fault = { service = "notes", kill = true }
[[step]]
name = "it comes back"
lift = "it dies"
[[step]]
name = "there it still is"
get = "/count"
expect = ["$.is == 1"]
"#;

#[test]
fn files_environment_and_volumes_are_there_and_a_volume_outlives_its_service() {
    if !engine() {
        return;
    }
    // A volume in memory, which would vanish with its last container, and one on the disk.
    for size in [r#"{ size = "16MB" }"#, "{}"] {
        let suite = Suite::notes(&[("scenarios/journeys/given.toml", GIVEN)]);
        std::fs::remove_file(suite.path().join("scenarios/journeys/note.toml")).unwrap();
        let toml = suite.read("harness.toml");
        suite.write("harness.toml", toml.replace(r#"{ size = "16MB" }"#, size));
        suite.run(&["run"]).exits(0);
        nothing_left(&suite.run_id());
    }
}

const WALK: &str = r#"
title = "It answers"
[[step]]
name = "it does"
get = "/live"
expect = ["status == 200"]
"#;

/// Ways to be ready, each a service's name, what it does when its time has come, and what is asked of it.
const WAYS: [(&str, &str, &str); 3] = [
    ("says", "echo all is well", "log = \"all is well\""),
    (
        "shows",
        "touch /there",
        "command = [\"test\", \"-e\", \"/there\"]",
    ),
    ("healthy", "touch /there", "healthy = true"),
];

/// The service of the notes, ready when its port accepts, a second after its begin; and one for each way, which is ready when
/// a shell's `wait` has ended.
fn ways(wait: &str, ways: &[(&str, &str, &str)], within: &str) -> Suite {
    let suite = Suite::notes(&[("scenarios/journeys/walk.toml", WALK)]);
    std::fs::remove_file(suite.path().join("scenarios/journeys/note.toml")).unwrap();
    suite.write(
        "Dockerfile",
        format!("FROM {BASE}\nHEALTHCHECK --interval=200ms --retries=1000 CMD test -e /there\n"),
    );
    suite.write(".dockerignore", "*\n");
    let toml = suite.read("harness.toml");
    let toml = toml.replace(
        "ready = { get = \"/live\", within = \"60s\" }",
        "ready = { within = \"60s\" }",
    );
    let toml = toml.replace(
        "command = [\"perl\", \"/srv/notes.pl\", \"${port}\"]",
        "command = [\"sh\", \"-c\", \"sleep 1; exec perl /srv/notes.pl ${port}\"]",
    );
    suite.write("harness.toml", toml);
    for (name, does, asked) in ways {
        suite.append(
            "harness.toml",
            &format!(
                "[target.service.{name}]\nstop_within = \"1s\"\nready = {{ {asked}, within = \"{within}\" }}\n\
                 container = {{ image = \"harness-test-health:dev\", build = {{ context = \".\", dockerfile = \"Dockerfile\" }}, \
                 command = [\"sh\", \"-c\", \"echo beginning; {wait}; {does}; exec sleep 600\"] }}\n"
            ),
        );
    }
    suite
}

#[test]
fn nobody_is_ready_before_it_says_so_in_its_way() {
    if !engine() {
        return;
    }
    let suite = ways("sleep 1", &WAYS, "60s");
    suite.run(&["run"]).exits(0);
    let id = suite.run_id();
    nothing_left(&id);
    let ready = suite.events_of(&id, "service_ready");
    for name in ["notes", "says", "shows", "healthy"] {
        let it = ready.iter().find(|event| event["service"] == name).unwrap();
        assert!(it["took_us"].as_u64().unwrap() >= 1_000_000, "{it}");
    }
    // Nothing says when one is that has no port and was asked for nothing: it runs.
    assert!(ready.iter().any(|event| event["service"] == "other"));
}

#[test]
fn who_never_says_so_is_told_with_what_was_asked_and_its_last_lines() {
    if !engine() {
        return;
    }
    for (way, words) in WAYS
        .into_iter()
        .zip(["all is well", "test -e /there", "health"])
    {
        let suite = ways("sleep 600", &[way], "5s");
        let ran = suite.run(&["run"]).exits(3);
        nothing_left(&suite.run_id());
        for word in [way.0, "was not ready within 5s", words, "beginning"] {
            assert!(ran.stderr.contains(word), "no `{word}` in\n{}", ran.stderr);
        }
    }
}

#[test]
fn a_volume_that_is_full_at_the_start_is_told_with_the_last_lines() {
    if !engine() {
        return;
    }
    let fill = "head -c 3000000 /dev/zero > /data/all || exit 28";
    let sized = ", volumes = { \"/data\" = { size = \"2MB\" } }";
    let suite = Suite::contained(fill, sized, "within = \"60s\"");
    let ran = suite.run(&["run"]).exits(3);
    nothing_left(&suite.run_id());
    let page = suite.read(&format!("reports/runs/{}/report.html", suite.run_id()));
    for word in ["web", "exit code 28", "No space left on device"] {
        assert!(ran.stderr.contains(word), "no `{word}` in\n{}", ran.stderr);
        assert!(page.contains(word), "no `{word}` in the page");
    }
}
