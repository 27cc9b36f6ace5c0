//! How the target comes up, or not, and what of the suite a run takes: services that fail in every way, variants,
//! profiles, tags, an address that runs already.

use crate::support::{Suite, labelled, process_of, signal};
use serde_json::Value;

const BROWSE: &str = r#"
title = "A visitor looks at products"
tags = ["smoke"]
[[step]]
name = "the list"
get = "/v1/products"
expect = ["status == 200"]
"#;

const MORE: &str = r#"
title = "A visitor looks at one product"
tags = ["deep"]
[[step]]
name = "one"
get = "/v1/products/SKU-001"
expect = ["status == 200"]
"#;

fn load(title: &str, tags: &str, more: &str) -> String {
    format!(
        "title = \"{title}\"\ntags = [{tags}]\n{more}\n[load]\nrate = \"20/s\"\nfor = \"2s\"\nmix = {{ browse = 1 }}\n"
    )
}

/// A target of one service, run by a command.
fn one(command: &str, within: &str) -> Suite {
    let suite = Suite::new(&[("scenarios/journeys/browse.toml", BROWSE)]);
    let toml = format!(
        "[project]\nname = \"one\"\n[target]\nmode = \"process\"\n[target.service.web]\n\
         process = {{ command = {command} }}\nready = {{ get = \"/\", within = \"{within}\" }}\n\
         [target.link.edge]\nto = \"web\"\n"
    );
    suite.write("harness.toml", toml);
    suite
}

/// Runs it: exit 3, nothing left, and these words in the terminal and in the report.
#[track_caller]
fn fails_to_start(suite: &Suite, words: &[&str]) {
    let ran = suite.run(&["run"]).exits(3);
    let run = suite.only_run();
    assert_eq!(
        labelled(run.file_name().unwrap().to_str().unwrap()),
        Vec::<u32>::new()
    );
    let page = std::fs::read_to_string(run.join("report.html")).unwrap();
    let said = format!("{}{}", ran.stdout, ran.stderr);
    for word in words {
        assert!(
            said.contains(word),
            "no `{word}` in\n{}\n{}",
            ran.stdout,
            ran.stderr
        );
        assert!(page.contains(word), "no `{word}` in the page");
    }
}

#[test]
fn a_service_that_is_never_ready_is_told_with_its_last_lines() {
    fails_to_start(
        &one(
            r#"["sh", "-c", "echo waiting for a database; exec sleep 605"]"#,
            "3s",
        ),
        &["web", "was not ready within 3s", "waiting for a database"],
    );
}

#[test]
fn a_service_that_fails_to_start_is_told_with_its_last_lines() {
    fails_to_start(
        &one(
            r#"["sh", "-c", "echo no licence found >&2; exit 7"]"#,
            "60s",
        ),
        &["web", "exit code 7", "no licence found"],
    );
}

#[test]
fn a_variable_of_the_environment_that_is_not_set_is_told_and_a_default_stands_for_it() {
    let missing = one(r#"["sh", "-c", "${env.NO_SUCH_VARIABLE}"]"#, "60s");
    fails_to_start(&missing, &["NO_SUCH_VARIABLE is not set"]);
    let default = one(
        r#"["sh", "-c", "echo ${env.NO_SUCH_VARIABLE:-no licence found}; exit 7"]"#,
        "60s",
    );
    fails_to_start(&default, &["no licence found"]);
}

#[test]
fn a_program_that_does_not_exist_is_told() {
    fails_to_start(
        &one(r#"["./no-such-program"]"#, "60s"),
        &["web", "./no-such-program", "No such file"],
    );
}

#[test]
fn a_prepare_command_that_fails_is_told_with_its_last_lines() {
    let suite = one(r#"["true"]"#, "60s");
    let toml = std::fs::read_to_string(suite.path().join("harness.toml")).unwrap();
    let prepare = r#"process = { prepare = ["sh", "-c", "echo it does not compile; exit 4"], "#;
    suite.write("harness.toml", toml.replace("process = { ", prepare));
    fails_to_start(&suite, &["web", "exit code 4", "it does not compile"]);
}

#[test]
fn a_service_that_dies_under_load_ends_the_scenario_and_fails_the_run() {
    let suite = Suite::shop(&[
        ("scenarios/journeys/browse.toml", BROWSE),
        (
            "scenarios/a.toml",
            &load("Long", "", "").replace("2s", "10m"),
        ),
        ("scenarios/b.toml", &load("Never begun", "", "")),
    ]);
    let running = suite.start(&["run", "--format", "json"]);
    let id = suite.run_id();
    suite.until_event(&id, "load_tick");
    signal(process_of(&id, "orders --port"), "KILL");
    let ran = running.ends().exits(1);
    let summary = ran.json();
    assert_eq!(summary["readiness"]["decision"], "no-go");
    let events = suite.events(&id);
    assert!(events.contains("\"end\":\"target-died\""), "{events}");
    assert!(events.contains("\"status\":\"signal 9\""), "{events}");
    assert!(!events.contains("\"scenario\":\"b\",\"t0_us\""), "{events}");
    assert_eq!(labelled(&id), Vec::<u32>::new());
}

#[test]
fn a_service_that_dies_between_phases_is_never_a_go() {
    let suite = Suite::shop(&[
        (
            "scenarios/journeys/browse.toml",
            &format!("{BROWSE}eventually = \"10m\"\n").replace("== 200", "== 401"),
        ),
        ("scenarios/a.toml", &load("Never begun", "", "")),
    ]);
    // No gate, no load, and the journey passes once the way to it is broken: only the death is left to judge.
    let running = suite.start(&["run", "--format", "json"]);
    let id = suite.run_id();
    suite.until_event(&id, "phase_started");
    signal(process_of(&id, "gateway --port"), "KILL");
    suite.until_event(&id, "service_died");
    running.signal("INT");
    let ran = running.ends().exits(130);
    assert_ne!(ran.json()["readiness"]["decision"], "go");
}

fn many() -> Suite {
    let suite = Suite::shop(&[
        ("scenarios/journeys/browse.toml", BROWSE),
        ("scenarios/journeys/more.toml", MORE),
        ("scenarios/plain.toml", &load("Plain", "\"smoke\"", "")),
        (
            "scenarios/fresh.toml",
            &load("Fresh", "\"deep\"", "fresh = true"),
        ),
    ]);
    suite.append(
        "harness.toml",
        "[variant.locked]\nservice.gateway.env = { SHOP_API_KEY = \"another-key\" }\n\
         [profile.half]\ntags = \"smoke\"\nscale = { duration = 0.5 }\n\
         [profile.turned]\nscenarios = [\"plain\", \"fresh\"]\n",
    );
    suite
}

fn names(list: &Value, key: &str) -> Vec<String> {
    let list = list.as_array().unwrap().iter();
    list.map(|one| one[key].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_variant_changes_the_target_it_names() {
    let suite = many();
    let ran = suite
        .plays(&["run", "plain", "--variant", "locked", "--format", "json"])
        .exits(1);
    let failed = ran.json()["journeys"].as_array().unwrap().clone();
    assert!(
        !failed.is_empty() && failed.iter().all(|walk| walk["outcome"] == "failed"),
        "{failed:?}"
    );
}

#[test]
fn a_profile_chooses_and_scales_and_tags_choose() {
    let suite = many();
    let ran = suite
        .plays(&["run", "--profile", "half", "--format", "json"])
        .exits(0)
        .json();
    assert_eq!(names(&ran["journeys"], "journey"), ["browse"]);
    let ticks = suite.events_of(&suite.run_id(), "load_tick");
    let planned: u64 = ticks
        .iter()
        .filter(|tick| tick["scenario"] == "plain")
        .map(|tick| tick["planned"].as_u64().unwrap_or(0))
        .sum();
    assert_eq!(planned, 20, "20/s for half of 2 s");
    let ran = suite
        .plays(&["run", "--tags", "deep", "--format", "json"])
        .exits(0)
        .json();
    assert_eq!(names(&ran["journeys"], "journey"), ["more"]);
}

#[test]
fn a_fresh_scenario_gets_a_target_that_was_started_again() {
    let suite = many();
    suite.plays(&["run", "--profile", "turned"]).exits(0);
    let id = suite.run_id();
    let events = suite.events(&id);
    let ready = events.matches("\"event\":\"service_ready\"").count();
    assert_eq!(ready, 14, "seven services, started twice: {events}");
    let begun = |name: &str| {
        events
            .find(&format!("\"scenario\":\"{name}\",\"t0_us\""))
            .unwrap()
    };
    let again = events.rfind("\"event\":\"service_ready\"").unwrap();
    assert!(begun("plain") < again && again < begun("fresh"), "{events}");
    assert!(!events.contains("service_died"), "{events}");
    let journal = std::fs::read_to_string(suite.only_run().join("undo.ndjson")).unwrap();
    assert_eq!(journal.matches("\"entry\":\"process\"").count(), 14);
}

/// Two services, each with its command and how it says that it is ready.
fn two(services: [(&str, &str, &str); 2]) -> Suite {
    let suite = Suite::new(&[("scenarios/journeys/browse.toml", BROWSE)]);
    let mut toml = "[project]\nname = \"two\"\n[target]\nmode = \"process\"\n".to_owned();
    for (name, command, ready) in services {
        toml += &format!(
            "[target.service.{name}]\nprocess = {{ command = [\"sh\", \"-c\", '{command}'] }}\nready = {{ {ready} }}\n"
        );
    }
    suite.write("harness.toml", toml + "[target.link.edge]\nto = \"left\"\n");
    suite
}

#[test]
fn services_that_do_not_need_each_other_start_beside_each_other() {
    let suite = two([
        (
            "left",
            "touch left; exec sleep 606",
            "command = [\"test\", \"-e\", \"right\"], within = \"60s\"",
        ),
        (
            "right",
            "touch right; exec sleep 606",
            "command = [\"test\", \"-e\", \"left\"], within = \"60s\"",
        ),
    ]);
    // Nobody listens, so the journey fails; that it is walked says that both were ready.
    suite.run(&["run"]).exits(1);
    let events = suite.events(&suite.run_id());
    assert_eq!(events.matches("service_ready").count(), 2, "{events}");
}

#[test]
fn a_service_that_fails_ends_the_start_of_the_others() {
    let suite = two([
        (
            "left",
            "exec sleep 607",
            "log = \"never said\", within = \"10m\"",
        ),
        (
            "right",
            "echo no space left; exit 9",
            "log = \"never said\", within = \"10m\"",
        ),
    ]);
    fails_to_start(&suite, &["right", "exit code 9", "no space left"]);
}

#[test]
fn a_line_of_output_or_a_command_says_that_a_service_is_ready_and_what_was_missing_is_told() {
    let never = |ready: &str| {
        let left = ("left", "echo now serving; exec sleep 608", ready);
        two([
            left,
            (
                "right",
                "echo now serving; exec sleep 608",
                "log = \"now serving\", within = \"60s\"",
            ),
        ])
    };
    fails_to_start(
        &never("log = \"never said\", within = \"3s\""),
        &[
            "left",
            "no line of its output has",
            "never said",
            "now serving",
        ],
    );
    fails_to_start(
        &never("command = [\"sh\", \"-c\", \"echo still busy; exit 3\"], within = \"3s\""),
        &["left", "ends with exit code 3", "still busy"],
    );
}
