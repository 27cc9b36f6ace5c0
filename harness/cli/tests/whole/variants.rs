//! Variants measured side by side: each run is whole, the comparison holds what differs and by how much, and an interrupt
//! leaves a comparison of what was made.

use crate::support::server::{self, DELAY};
use crate::support::{Suite, part, until};
use serde_json::Value;
use std::path::PathBuf;

const JOURNEY: &str = r#"
title = "A visitor asks"
[[step]]
name = "asks"
get = "/"
expect = ["status == 200"]
"#;

/// A load of some seconds, whose gate the slow variant breaks.
fn suite(seconds: u32) -> Suite {
    let config = format!(
        r#"[project]
name = "one server"
{}[probe.delay]
value = "server.answer_delay"
unit = "millis"
[variant.slow.service.server.env]
{DELAY} = "300"
[variant.other.service.server.env]
{DELAY} = "1"
"#,
        server::target()
    );
    let scenario = format!(
        r#"
title = "Some visitors"
[load]
rate = "30/s"
for = "{seconds}s"
mix = {{ visit = 1 }}
[[gate]]
expect = "p50 < 150ms"
"#
    );
    Suite::new(&[
        ("harness.toml", &config),
        ("scenarios/journeys/visit.toml", JOURNEY),
        ("scenarios/peak.toml", &scenario),
    ])
}

/// Folders of runs and of comparisons.
fn folders(suite: &Suite) -> (Vec<PathBuf>, Vec<PathBuf>) {
    let is_run = |path: &PathBuf| path.join("events.ndjson.zst").is_file();
    suite.runs().into_iter().partition(is_run)
}

fn row<'c>(comparison: &'c Value, figure: &str) -> &'c Value {
    let rows = comparison["scenarios"][0]["rows"].as_array().unwrap();
    let wanted = |row: &&Value| row["figure"] == figure && row["of"].is_null();
    rows.iter().find(wanted).unwrap()
}

#[test]
fn variants_run_in_turn_and_stand_side_by_side() {
    let suite = suite(3);
    let arguments = ["run", "--variant", "default", "--variant", "slow"];
    let ran = suite
        .plays(&[&arguments[..], &["--format", "json"]].concat())
        .exits(1);
    let comparison = ran.json();
    let labels = |of: &str| -> Vec<&str> {
        let runs = comparison["runs"].as_array().unwrap();
        runs.iter().map(|run| run[of].as_str().unwrap()).collect()
    };
    assert_eq!(labels("label"), ["default", "slow"]);
    let settings = comparison["settings"].as_array().unwrap();
    assert_eq!(settings.len(), 1, "{settings:?}");
    assert_eq!(settings[0]["name"], DELAY);
    assert_eq!(settings[0]["values"], serde_json::json!([null, "300"]));

    let p50 = row(&comparison, "p50");
    let value = |run: usize| p50["cells"][run]["value"].as_f64().unwrap();
    assert!(value(1) >= 300_000.0 && value(0) < 300_000.0, "{p50}");
    assert_eq!(p50["cells"][1]["change"]["meaning"], "worse", "{p50}");
    // The same seed: as many arrivals in both.
    let samples = |run: usize| p50["cells"][run]["samples"].as_u64().unwrap();
    assert_eq!(samples(0), samples(1), "{p50}");
    let rows = comparison["scenarios"][0]["rows"].as_array().unwrap();
    let probe = rows.iter().find(|row| row["figure"] == "probe.delay");
    let probed: Vec<_> = probe.unwrap()["cells"]
        .as_array()
        .unwrap()
        .iter()
        .map(|cell| &cell["value"])
        .collect();
    assert_eq!(probed, [0.0, 300.0]);
    let items = comparison["items"].as_array().unwrap();
    let gate = items.iter().find(|item| item["id"] == "peak#1").unwrap();
    assert_eq!(gate["cells"][1]["grade"], "fail", "{gate}");

    let (runs, compared) = folders(&suite);
    assert_eq!((runs.len(), compared.len()), (2, 1));
    let read = |file: &str| std::fs::read_to_string(compared[0].join(file)).unwrap();
    assert_eq!(read("summary.json").trim_end(), ran.stdout.trim_end());
    assert!(read("summary.md").starts_with("## default · slow"));
    let page = read("report.html");
    for run in labels("run") {
        let href = format!("../{run}/report.html");
        assert!(page.contains(&href), "{href}");
        assert!(compared[0].join(&href).is_file(), "{href}");
    }
}

#[test]
fn the_terminal_shows_one_table_and_a_single_variant_none() {
    let suite = suite(1);
    let _turn = part();
    let three = ["default", "other", "slow"]
        .map(|name| ["--variant", name])
        .concat();
    let ran = suite.run(&[&["run"][..], &three].concat());
    let table = ran.stdout.split("\nComparison ").nth(1).unwrap();
    let head = table.lines().next().unwrap();
    let heads: Vec<_> = head.split_whitespace().collect();
    assert_eq!(heads, ["default", "other", "slow"]);
    assert!(
        table.contains(DELAY) && table.contains("p50 < 150ms"),
        "{table}"
    );
    assert!(table.contains(" worse") || table.contains('≈'), "{table}");
    assert!(ran.stderr.contains("slow, run 3 of 3"), "{}", ran.stderr);

    let before = suite.runs().len();
    let ran = suite.run(&["run", "--variant", "default"]);
    assert!(!ran.stdout.contains("Comparison"), "{}", ran.stdout);
    let (runs, compared) = folders(&suite);
    assert_eq!((runs.len(), compared.len()), (before, 1));
}

#[test]
fn an_interrupt_in_the_middle_compares_what_was_made() {
    let suite = suite(2);
    let three = ["other", "default", "slow"]
        .map(|name| ["--variant", name])
        .concat();
    // The second run is told to stop while its load goes on.
    suite.write(
        "scenarios/peak.toml",
        std::fs::read_to_string(suite.path().join("scenarios/peak.toml"))
            .unwrap()
            .replace("for = \"2s\"", "for = \"5s\""),
    );
    let running = suite.start(&[&["run", "--format", "json"][..], &three].concat());
    let second = until("the second run", || {
        let runs = suite.runs();
        let name = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
        let mut names = runs.iter().map(name).filter(|name| {
            suite
                .events(name)
                .contains("\"event\":\"scenario_started\"")
        });
        let (_first, second) = (names.next()?, names.next()?);
        Some(second)
    });
    assert!(!second.is_empty());
    running.signal("INT");
    let ran = running.ends().exits(130);
    let comparison = ran.json();
    assert_eq!(comparison["not_run"], serde_json::json!(["slow"]));
    let complete: Vec<_> = comparison["runs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|run| &run["complete"])
        .collect();
    assert_eq!(complete, [true, false]);
    let doubts = comparison["doubts"].to_string();
    assert!(doubts.contains("default is incomplete"), "{doubts}");
    let (_, compared) = folders(&suite);
    let page = std::fs::read_to_string(compared[0].join("report.html")).unwrap();
    assert!(page.contains("incomplete: slow was not run"));
}

#[test]
fn what_can_not_be_compared_is_refused_before_anything_starts() {
    let suite = suite(1);
    let many = ["a", "b", "c", "d", "e", "f", "g"]
        .map(|name| ["--variant", name])
        .concat();
    let cases = [
        (
            &["run", "--variant", "slow", "--variant", "slow"][..],
            "named twice",
        ),
        (
            &["run", "--variant", "default", "--variant", "slwo"],
            "did you mean `slow`?",
        ),
        (
            &["plan", "--variant", "default", "--variant", "slow"],
            "a plan is that of one variant",
        ),
        (&[&["run"][..], &many].concat(), "at most 6"),
    ];
    for (arguments, said) in cases {
        let ran = suite.run(arguments).exits(2);
        assert!(ran.stderr.contains(said), "{arguments:?}: {}", ran.stderr);
    }
    suite.append(
        "harness.toml",
        "[variant.default.service.server.env]\nA = \"1\"\n",
    );
    let ran = suite.run(&["check"]).exits(2);
    let told = format!("{}{}", ran.stdout, ran.stderr);
    assert!(told.contains("can't be called `default`"), "{told}");
    assert_eq!(suite.runs(), Vec::<PathBuf>::new());
}
