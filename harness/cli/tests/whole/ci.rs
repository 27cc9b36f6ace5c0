//! What a run tells GitHub Actions, and its action's own scripts, by the real program.

use crate::streams::{self, Shape};
use crate::support::journeys::BROWSE;
use crate::support::{HARNESS, Ran, Suite, part, repository, server};
use std::collections::BTreeMap;
use std::process::Command;

/// A gate on line 8 that can't hold.
const SHORT: &str = r#"title = "A short load"
[load]
rate = "40/s"
for = "3s"
mix = { browse = 1 }

[[gate]]
expect = "p50(browse) < 1us"
"#;

fn suite() -> Suite {
    Suite::shop(&[
        ("scenarios/journeys/browse.toml", BROWSE),
        ("scenarios/short.toml", SHORT),
    ])
}

/// Runs it as a step of a job.
fn step(suite: &Suite, arguments: &[&str]) -> Ran {
    let file = |name: &str| suite.path().join(name);
    let mut command = suite.command(arguments);
    command
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_STEP_SUMMARY", file("job.md"))
        .env("GITHUB_OUTPUT", file("outputs"))
        .env("GITHUB_WORKSPACE", suite.path().parent().unwrap());
    let _turn = part();
    Ran::to_the_end(&mut command)
}

#[test]
fn a_failed_gate_is_in_the_jobs_summary_and_points_at_its_line() {
    let suite = suite();
    suite.write("job.md", "what was there\n");
    let ran = step(&suite, &["run", "--format", "json", "--quiet"]).exits(1);
    ran.json();
    let folder = suite.path().file_name().unwrap().to_str().unwrap();
    let begins = format!(
        "::error file={folder}/scenarios/short.toml,line=8,title=fail short%3A p50(browse) < "
    );
    let there = ran.stderr.lines().filter(|line| line.starts_with(&begins));
    assert_eq!(there.count(), 1, "{begins}\n{}", ran.stderr);
    let summary = suite.read("job.md");
    let own = std::fs::read_to_string(suite.only_run().join("summary.md")).unwrap();
    assert_eq!(summary, format!("what was there\n{own}\n"));
    let outputs = suite.read("outputs");
    let outputs: BTreeMap<&str, &str> = outputs.lines().filter_map(|l| l.split_once('=')).collect();
    assert_eq!(outputs["verdict"], "NO-GO");
    assert_eq!(
        std::path::Path::new(outputs["report"]),
        suite.only_run().join("report.html")
    );
    assert_eq!(outputs["folder"], suite.only_run().to_str().unwrap());
    assert!(outputs["score"].parse::<u8>().is_ok(), "{outputs:?}");
    // What the action hands on is what is written here.
    let action = std::fs::read_to_string(repository().join("action.yml")).unwrap();
    let handed = action.split("steps.run.outputs.").skip(1);
    for name in handed.map(|rest| rest.split([' ', '}']).next().unwrap()) {
        assert!(
            outputs.contains_key(name),
            "{name} is not written: {outputs:?}"
        );
    }
}

#[test]
fn a_comparison_is_in_the_jobs_summary_whatever_is_printed() {
    let suite = suite();
    for (name, id) in [
        ("old", "20260101-000000-base"),
        ("new", "20260102-000000-cand"),
    ] {
        let events = streams::make(&Shape::of(id, 24, 40.0));
        suite.write(&format!("{name}.ndjson"), streams::lines(&events));
    }
    let words = ["compare", "new.ndjson", "old.ndjson", "--format"];
    let shown = suite.run(&[&words[..], &["markdown"]].concat()).stdout;
    assert!(shown.starts_with("## "), "{shown}");
    suite.write("job.md", "what was there\n");
    step(&suite, &[&words[..], &["json"]].concat()).json();
    assert_eq!(suite.read("job.md"), format!("what was there\n{shown}\n"));
    // Where there is little room, it has its first lines and says what it left out.
    suite.write("job.md", "x".repeat(893_000));
    step(&suite, &[&words[..], &["text"]].concat());
    let summary = suite.read("job.md");
    assert!(
        summary.len() > 893_000 && summary.len() <= 900_000,
        "{}",
        summary.len()
    );
    assert!(
        summary.contains("Left out for want of room"),
        "{}",
        &summary[893_000..]
    );
}

#[test]
fn a_summary_that_is_full_is_not_made_fuller_and_elsewhere_nothing_is_said() {
    let suite = suite();
    let full = "x".repeat(899_000);
    suite.write("job.md", &full);
    let ran = step(&suite, &["run"]).exits(1);
    assert!(
        ran.stderr.contains("the job's summary is full"),
        "{}",
        ran.stderr
    );
    assert_eq!(suite.read("job.md"), full);
    let ran = {
        let _turn = part();
        suite.run(&["run"]).exits(1)
    };
    assert!(!ran.stderr.contains("::"), "{}", ran.stderr);
}

#[test]
fn the_comment_begins_with_the_same_mark_for_every_run() {
    let suite = suite();
    let comment = || {
        let _turn = part();
        suite.run(&["run"]).exits(1);
        suite.run(&["report", "--kind", "comment"]).exits(0).stdout
    };
    let (first, second) = (comment(), comment());
    let mark = |text: &str| text.lines().next().unwrap().to_owned();
    assert_eq!(mark(&first), mark(&second));
    assert!(
        mark(&first).starts_with("<!-- harness project=shop "),
        "{first}"
    );
    assert!(first != second && first.contains("NO-GO"), "{first}");
}

/// A target that answers what a runner of workflows would obey.
fn hostile() -> Suite {
    let journey = r#"
title = "A body of somebody else's ##[error]pwned"
[[step]]
name = "it is asked for"
get = "/"
expect = ['$.a == "fine"', '$.b == 1']
"#;
    let suite = Suite::new(&[("scenarios/journeys/body.toml", journey)]);
    let words = ["::error::pwned by a body"; 12].join(" ");
    let body = format!(r###"{{"a":"{words}","b":"##[error]pwned"}}"###);
    let target = server::target().replace(
        "\nenv = {",
        &format!("\nenv = {{ {} = '{body}', ", server::BODY),
    );
    suite.write(
        "harness.toml",
        format!("[project]\nname = \"hostile\"\n{target}"),
    );
    suite
}

/// Lines that a runner of workflows obeys.
fn obeyed(text: &str) -> Vec<&str> {
    let obeyed = |line: &&str| line.trim_start().starts_with("::") || line.contains("##[");
    text.lines().filter(obeyed).collect()
}

/// Whether harness said it: its commands have a title of its own words.
fn is_own(line: &str) -> bool {
    let begins = ["::error ", "::warning "]
        .iter()
        .any(|word| line.starts_with(word));
    let properties = line.split("::").nth(1).unwrap();
    begins && properties.contains("title=") && !line.contains("##[")
}

#[test]
fn what_a_target_says_is_no_command_of_the_workflow() {
    let suite = hostile();
    let run = |step_of_a_job: bool, arguments: &[&str]| {
        if step_of_a_job {
            return step(&suite, arguments);
        }
        let _turn = part();
        suite.run(arguments)
    };
    // The summary wraps words, so that some begin a line.
    let elsewhere = run(false, &["run"]).exits(1);
    assert!(
        !obeyed(&elsewhere.stdout).is_empty(),
        "{}",
        elsewhere.stdout
    );
    let ran = run(true, &["run"]).exits(1);
    assert_eq!(obeyed(&ran.stdout), [""; 0]);
    assert!(ran.stdout.contains("· ::error::pwned"), "{}", ran.stdout);
    assert!(ran.stdout.contains("## [error]pwned"), "{}", ran.stdout);
    let commands = obeyed(&ran.stderr);
    assert!(!commands.is_empty(), "{}", ran.stderr);
    for line in commands {
        assert!(is_own(line), "{line}");
    }
    // Data says the same, in a form that nobody obeys.
    let words = ["plan", "--format", "json"];
    let (plain, data) = (suite.run(&words).exits(0), step(&suite, &words).exits(0));
    assert!(plain.stdout.contains("##[error]"), "{}", plain.stdout);
    assert_eq!(obeyed(&data.stdout), [""; 0]);
    assert_eq!(data.json(), plain.json());
    // A service that ends says its last words, first among talk and then in the report.
    let service = r#"
[target.service.dead]
process = { command = ["sh", "-c", "echo '  ::error::pwned'; echo '##[error]pwned'; exit 1"] }
ready = { within = "60s" }
"#;
    suite.append("harness.toml", service);
    let ran = run(true, &["run"]);
    assert_eq!(obeyed(&ran.stdout), [""; 0]);
    for line in obeyed(&ran.stderr) {
        assert!(is_own(line), "{line}");
    }
    let told = ran.stdout + &ran.stderr;
    assert!(told.contains("## [error]pwned"), "{told}");
}

/// The script of a step of the action, by the step's id.
fn script(id: &str) -> String {
    let action = std::fs::read_to_string(repository().join("action.yml")).unwrap();
    let step = action.split(&format!("- id: {id}\n")).nth(1).unwrap();
    let lines = step.split("run: |\n").nth(1).unwrap().lines();
    let lines = lines.take_while(|line| line.starts_with("        "));
    lines.map(|line| format!("{}\n", &line[8..])).collect()
}

#[test]
fn the_actions_scripts_find_the_program_and_run_the_suite_with_its_words() {
    let suite = suite();
    let run = |id: &str, variables: &[(&str, &str)]| {
        let mut command = Command::new("bash");
        command
            .args([
                "--noprofile",
                "--norc",
                "-eo",
                "pipefail",
                "-c",
                &script(id),
            ])
            .current_dir(suite.path())
            .env("GITHUB_OUTPUT", suite.path().join("outputs"))
            .env_remove("GITHUB_STEP_SUMMARY")
            .env_remove("GITHUB_ACTIONS")
            .env_remove("DEFECT")
            .envs(variables.iter().copied());
        Ran::to_the_end(&mut command)
    };
    run("install", &[("NAMED", HARNESS), ("SOURCE", "nowhere")]).exits(0);
    assert!(
        suite
            .read("outputs")
            .contains(&format!("program={HARNESS}\n"))
    );
    let _turn = part();
    // What would be a command in a shell is a word here.
    let words = "short --seed 7 --profile $(touch$IFS/owned)";
    let variables = [("PROGRAM", HARNESS), ("SUITE", "."), ("ARGUMENTS", words)];
    let refused = run("run", &variables).exits(2);
    assert!(
        refused.stderr.contains("$(touch$IFS/owned)"),
        "{}",
        refused.stderr
    );
    let variables = [
        ("PROGRAM", HARNESS),
        ("SUITE", "."),
        ("ARGUMENTS", "short\n--seed 7\n--profile nowhere\n"),
    ];
    // All lines count.
    let refused = run("run", &variables).exits(2);
    assert!(refused.stderr.contains("nowhere"), "{}", refused.stderr);
    let variables = [
        ("PROGRAM", HARNESS),
        ("SUITE", "."),
        ("ARGUMENTS", "short\n  --seed 7\n"),
    ];
    run("run", &variables).exits(1);
    assert!(suite.read("outputs").contains("verdict=NO-GO\n"));
}
