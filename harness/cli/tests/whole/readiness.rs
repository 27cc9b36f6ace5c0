//! `harness readiness` by the real binary: on recorded runs put into a folder of runs with another release, date and variant,
//! and once on a run made here.

#![allow(
    clippy::unwrap_used,
    reason = "in a test a panic is the report, helpers included"
)]

use crate::support::{Suite, repository, server};
use serde_json::Value;

/// The suite that the recordings were made with, its first gates named.
fn suite(more: &str) -> Suite {
    let text = |file: &str| Suite::text(&format!("fixtures/runs/suite/{file}"));
    let named = |text: String, first: &str| {
        text.replacen(
            "[[gate]]",
            &format!("[[gate]]\nname = \"{first}\"\nowner = \"the shop's team\""),
            1,
        )
    };
    let config = format!("{}\n{more}", named(text("harness.toml"), "few errors"));
    let load = named(text("scenarios/payments-slow.toml"), "browsing is fast");
    let suite = Suite::new(&[
        ("harness.toml", &config),
        ("scenarios/payments-slow.toml", &load),
    ]);
    for journey in ["browse", "checkout", "order-twice"] {
        let file = format!("scenarios/journeys/{journey}.toml");
        suite.write(&file, text(&file));
    }
    let document = repository().join("fixtures/openapi/gateway.json");
    suite.write(
        "fixtures/openapi/gateway.json",
        std::fs::read(document).unwrap(),
    );
    suite
}

/// Puts a recording into the folder of runs; `edit` changes what it says of itself.
fn put(suite: &Suite, recording: &str, run: &str, day: &str, edit: impl Fn(&mut Value)) {
    part_of(suite, recording, (run, day), edit, |_| true);
}

/// The same, of some of its events.
fn part_of(
    suite: &Suite,
    recording: &str,
    (run, day): (&str, &str),
    edit: impl Fn(&mut Value),
    keep: impl Fn(&Value) -> bool,
) {
    let text = Suite::text(&format!("fixtures/runs/{recording}.ndjson"));
    let text = text.replace("suite#1", "suite#few errors");
    let text = text.replace("payments-slow#1", "payments-slow#browsing is fast");
    let mut out = String::new();
    let mut seq = 0;
    for line in text.lines() {
        // A recording that was cut short ends in the middle of a line.
        let Ok(mut event) = serde_json::from_str::<Value>(line) else {
            out.push_str(line);
            break;
        };
        if seq == 0 {
            event["run"] = run.into();
            event["date"] = format!("{day}T12:00:00+00:00").into();
            event["release"] = "1.4.0".into();
            edit(&mut event);
        } else if !keep(&event) {
            continue;
        }
        event["seq"] = seq.into();
        seq += 1;
        out.push_str(&format!("{event}\n"));
    }
    suite.write(&format!("reports/runs/{run}/events.ndjson.zst"), out);
}

fn as_it_is(_: &mut Value) {}

/// A recording's walks and contract alone.
fn walks(suite: &Suite, recording: &str, run: &str, day: &str) {
    let edit = |first: &mut Value| first["plan"]["scenarios"] = Value::Array(Vec::new());
    part_of(suite, recording, (run, day), edit, |event| {
        event.get("scenario").is_none()
    });
}

/// A recording's load alone.
fn load(suite: &Suite, recording: &str, run: &str, day: &str) {
    let edit = |first: &mut Value| {
        first["plan"]["walks"] = Value::Array(Vec::new());
        first["plan"]["contracts"] = Value::Array(Vec::new());
    };
    let of_walks = [
        "step_finished",
        "journey_finished",
        "contract_coverage",
        "contract_finding",
    ];
    part_of(suite, recording, (run, day), edit, |event| {
        !of_walks.contains(&event["event"].as_str().unwrap())
    });
}

const ON: &str = "2026-11-22";

fn json(suite: &Suite, more: &[&str]) -> (i32, Value) {
    let ran = suite.run(&[&["readiness", "--on", ON, "--format", "json"], more].concat());
    assert!(ran.stdout.starts_with('{'), "{}{}", ran.stdout, ran.stderr);
    (ran.code, ran.json())
}

fn decision(answer: &Value) -> &str {
    answer["readiness"]["decision"].as_str().unwrap()
}

#[test]
fn a_good_run_is_go_with_its_evidence_and_every_file_is_written() {
    let suite = suite("");
    put(&suite, "go", "20261121-120000-good", "2026-11-21", as_it_is);
    let (code, answer) = json(&suite, &[]);
    assert_eq!((code, decision(&answer)), (0, "go"), "{answer:#}");
    assert_eq!(answer["release"], "1.4.0");
    let evidence = &answer["evidence"][0];
    assert_eq!(evidence["age_days"], 1);
    assert_eq!(
        evidence["path"],
        "reports/runs/20261121-120000-good/events.ndjson.zst"
    );
    assert_eq!(evidence["digest"].as_str().unwrap().len(), 64);
    assert_eq!(
        suite.run(&["readiness", "--on", "2026-11-28"]).code,
        0,
        "the seventh day counts"
    );
    let stale = suite.run(&["readiness", "--on", "2026-11-29"]).exits(1);
    assert!(
        words(&stale.stdout).contains("NO-GO")
            && words(&stale.stdout).contains("8 days ago, and 7 count"),
        "{}",
        stale.stdout
    );
    let command = "`harness run payments-slow --release 1.4.0` brings it";
    assert!(words(&stale.stdout).contains(command), "{}", stale.stdout);
    let folder = "reports/readiness/1.4.0";
    assert!(
        suite
            .read(&format!("{folder}/readiness.html"))
            .contains("Can this release ship?")
    );
    assert!(
        suite
            .read(&format!("{folder}/readiness.md"))
            .contains("NO-GO")
    );
    let whole: Value =
        serde_json::from_str(&suite.read(&format!("{folder}/readiness.json"))).unwrap();
    let abort: Value = serde_json::from_str(&suite.read(&format!("{folder}/abort.json"))).unwrap();
    assert_eq!(whole["readiness"]["abort"], abort);
    assert_eq!(abort[0]["metric"], "error_rate");
    assert!(abort[0]["above"].as_f64().unwrap() <= 0.01, "{abort:#}");
}

#[test]
fn walks_of_one_run_and_load_of_another_make_a_release_and_the_newest_counts() {
    let suite = suite("");
    walks(&suite, "go", "20261120-120000-walk", "2026-11-20");
    load(&suite, "go", "20261121-120000-load", "2026-11-21");
    let (code, answer) = json(&suite, &[]);
    assert_eq!((code, decision(&answer)), (0, "go"), "{answer:#}");
    assert_eq!(answer["evidence"].as_array().unwrap().len(), 2);
    // Newer walks fail: the older ones are no evidence any more.
    walks(&suite, "no-go", "20261122-120000-bad0", "2026-11-22");
    let (code, answer) = json(&suite, &[]);
    assert_eq!((code, decision(&answer)), (1, "no-go"), "{answer:#}");
    assert_eq!(answer["readiness"]["decided_by"], "journeys");
    assert_eq!(answer["evidence"].as_array().unwrap().len(), 2);
}

#[test]
fn runs_of_something_else_are_left_out_and_what_can_not_be_read_is_named() {
    let suite = suite("[variant.no-cache]\n");
    put(&suite, "go", "20261121-120000-good", "2026-11-21", as_it_is);
    put(
        &suite,
        "no-go",
        "20261121-130000-olda",
        "2026-11-21",
        |first| first["release"] = "1.3.0".into(),
    );
    put(
        &suite,
        "no-go",
        "20261121-140000-vary",
        "2026-11-21",
        |first| first["plan"]["variant"] = "no-cache".into(),
    );
    put(
        &suite,
        "no-go",
        "20261121-150000-bank",
        "2026-11-21",
        |first| first["plan"]["project"] = "bank".into(),
    );
    suite.write(
        "reports/runs/20261121-160000-torn/events.ndjson.zst",
        "{\"event\":",
    );
    let ran = suite
        .run(&[
            "readiness",
            "--release",
            "1.4.0",
            "--on",
            ON,
            "20261121-120000-good",
        ])
        .exits(0);
    assert!(ran.stdout.contains("GO"), "{}", ran.stdout);
    let refused = suite
        .run(&["readiness", "20261121-120000-good", "20261121-150000-bank"])
        .exits(2);
    assert!(
        refused
            .stderr
            .contains("it is of project `bank`, and this suite is of `shop`"),
        "{}",
        refused.stderr
    );
    let refused = suite
        .run(&["readiness", "20261121-120000-good", "20261121-140000-vary"])
        .exits(2);
    assert!(
        refused
            .stderr
            .contains("it is of variant no-cache, not of none"),
        "{}",
        refused.stderr
    );
    let refused = suite
        .run(&["readiness", "--release", "1.4.0", "20261121-130000-olda"])
        .exits(2);
    assert!(
        refused.stderr.contains("is not of release 1.4.0"),
        "{}",
        refused.stderr
    );
    let (code, answer) = json(&suite, &["--release", "1.4.0"]);
    let notices = answer["notices"].to_string();
    assert_eq!((code, decision(&answer)), (0, "go"), "{answer:#}");
    assert!(
        notices.contains("20261121-160000-torn can't be read"),
        "{notices}"
    );
    assert!(
        notices.contains("20261121-140000-vary is left out: it is of variant no-cache"),
        "{notices}"
    );
    assert!(!notices.contains("olda"), "{notices}");
    let left = "20261121-150000-bank is left out: it is of project `bank`";
    assert!(notices.contains(left), "{notices}");
    let alone = suite.run(&["readiness", "20261121-150000-bank"]).exits(2);
    assert!(
        alone.stderr.contains("is no evidence here"),
        "{}",
        alone.stderr
    );
    let none = suite.run(&["readiness", "--release", "2.0.0"]).exits(2);
    assert!(
        none.stderr.contains("harness run --release 2.0.0"),
        "{}",
        none.stderr
    );
}

#[test]
fn a_run_that_was_cut_short_is_named_and_passes_nothing() {
    let suite = suite("");
    put(
        &suite,
        "cut-short",
        "20261121-120000-torn",
        "2026-11-21",
        as_it_is,
    );
    let ran = suite.run(&["readiness", "--on", ON]);
    assert_ne!(ran.code, 0, "{}", ran.stdout);
    assert!(
        words(&ran.stdout).contains("run 20261121-120000-torn ends in the middle"),
        "{}",
        ran.stdout
    );
}

#[test]
fn a_half_copy_of_a_run_does_not_displace_the_whole_one() {
    let suite = suite("");
    let id = "20261121-120000-good";
    put(&suite, "go", id, "2026-11-21", as_it_is);
    let whole = suite.read(&format!("reports/runs/{id}/events.ndjson.zst"));
    let half = &whole[..whole.len() * 2 / 3];
    // Beside it under names that sort before and after its own.
    for copy in ["1-copy", "zz-copy"] {
        suite.write(&format!("reports/runs/{copy}/events.ndjson.zst"), half);
    }
    for named in [&[][..], &["zz-copy", id, "1-copy"]] {
        let (code, answer) = json(&suite, named);
        assert_eq!((code, decision(&answer)), (0, "go"), "{answer:#}");
        let evidence = answer["evidence"].as_array().unwrap();
        assert_eq!(evidence.len(), 1, "{answer:#}");
        let path = evidence[0]["path"].as_str().unwrap();
        assert!(path.contains(id), "{path}");
        let notices = answer["notices"].to_string();
        for copy in ["1-copy", "zz-copy"] {
            let said = format!(
                "the copy of run {id} in folder {copy} is left out: it ends in the middle, and the one in folder {id} does not"
            );
            assert!(notices.contains(&said), "{notices}");
        }
        assert!(
            !notices.contains("counts for what it had begun"),
            "{notices}"
        );
    }
    // A copy that can't be read is told by its folder: the run itself can be.
    let mut lines: Vec<&str> = whole.lines().collect();
    lines[5] = "no event";
    suite.write("reports/runs/zz-copy/events.ndjson.zst", lines.join("\n"));
    let (code, answer) = json(&suite, &[]);
    assert_eq!((code, decision(&answer)), (0, "go"), "{answer:#}");
    let notices = answer["notices"].to_string();
    let said = format!("run {id} in folder zz-copy can't be read");
    assert!(notices.contains(&said), "{notices}");
    assert!(
        !notices.contains(&format!("run {id} can't be read")),
        "{notices}"
    );
    // Two that are whole count once.
    suite.write("reports/runs/zz-copy/events.ndjson.zst", &whole);
    let (code, answer) = json(&suite, &[]);
    assert_eq!((code, decision(&answer)), (0, "go"), "{answer:#}");
    let notices = answer["notices"].to_string();
    let said =
        format!("the copy of run {id} in folder zz-copy is left out: that in folder {id} counts");
    assert!(notices.contains(&said), "{notices}");
}

#[test]
fn what_the_release_needs_must_be_there() {
    let needs = "[readiness]\n[[readiness.needs]]\nscenario = \"payments-slow\"\nowner = \"the load team\"\n";
    let suite = suite(needs);
    walks(&suite, "go", "20261120-120000-walk", "2026-11-20");
    let (code, answer) = json(&suite, &[]);
    assert_eq!((code, decision(&answer)), (1, "no-go"), "{answer:#}");
    assert_eq!(
        answer["readiness"]["decided_by"],
        "scenario `payments-slow`"
    );
    assert!(
        answer
            .to_string()
            .contains("harness run payments-slow --release 1.4.0"),
        "{answer:#}"
    );
    load(&suite, "go", "20261121-120000-load", "2026-11-21");
    let (code, answer) = json(&suite, &[]);
    assert_eq!((code, decision(&answer)), (0, "go"), "{answer:#}");
    // The suite asks for more load now than was played.
    let load = suite
        .read("scenarios/payments-slow.toml")
        .replace("for = \"8s\"", "for = \"80s\"");
    suite.write("scenarios/payments-slow.toml", load);
    let (code, answer) = json(&suite, &[]);
    assert_eq!(code, 1);
    assert!(
        answer
            .to_string()
            .contains("played it with another load than the suite has"),
        "{answer:#}"
    );
}

const WAIVER: &str = r#"
[[waiver]]
gate = "payments-slow#browsing is fast"
reason = "the catalogue is being moved"
owner = "the catalogue team"
approver = "the release manager"
created = 2026-11-01
expires = 2026-11-22
ticket = "SHOP-17"
[[checklist]]
phase = "before"
title = "the roll-back was tried"
signed = { by = "operations", on = 2026-11-20 }
[[checklist]]
phase = "after"
title = "the old version is taken down"
owner = "operations"
"#;

/// The recording's figures under a limit that they don't keep.
fn too_slow(first: &mut Value) {
    first["plan"]["scenarios"][0]["gates"][0]["expect"] = "p99(browse) < 1us".into();
}

#[test]
fn a_waived_failure_is_a_conditional_go_to_the_waivers_last_day() {
    let suite = suite(WAIVER);
    put(&suite, "go", "20261121-120000-slow", "2026-11-21", too_slow);
    let ran = suite.run(&["readiness", "--on", ON]).exits(0);
    let folder = suite.path().display().to_string();
    insta::assert_snapshot!("conditional", ran.stdout.replace(&folder, "FOLDER"));
    let strict = suite.run(&["readiness", "--on", ON, "--strict"]).exits(6);
    let why = "\nexit code 6  a CONDITIONAL GO is not enough with --strict\n";
    assert!(strict.stdout.ends_with(why), "{}", strict.stdout);
    let ran = suite.run(&["readiness", "--on", "2026-11-23"]).exits(1);
    assert!(
        ran.stdout.contains("expired, counts no more"),
        "{}",
        ran.stdout
    );
    let ran = suite
        .run(&["readiness", "--on", ON, "--format", "markdown"])
        .exits(0);
    assert!(
        ran.stdout.starts_with("## ! CONDITIONAL GO"),
        "{}",
        ran.stdout
    );
    // A suite's error is told before anything is judged.
    suite.append(
        "harness.toml",
        &WAIVER.replace("browsing is fast", "browsing is fats"),
    );
    let ran = suite.run(&["readiness", "--on", ON]).exits(2);
    assert!(
        ran.stderr
            .contains("did you mean `payments-slow#browsing is fast`?"),
        "{}",
        ran.stderr
    );
}

#[test]
fn releases_are_recorded_and_people_say_what_followed() {
    let suite = suite("");
    put(&suite, "go", "20261121-120000-good", "2026-11-21", as_it_is);
    suite.run(&["readiness", "--on", ON, "--record"]).exits(0);
    let line: Value = serde_json::from_str(&suite.read("reports/releases.ndjson")).unwrap();
    assert_eq!(
        (&line["release"], &line["decision"], &line["incident"]),
        (&"1.4.0".into(), &"go".into(), &Value::Null)
    );
    assert!(line["p95_ms"].as_f64().unwrap() > 0.0, "{line}");
    suite
        .run(&[
            "readiness",
            "--incident",
            "1.4.0",
            "orders were late for an hour",
        ])
        .exits(0);
    let none = suite
        .run(&["readiness", "--incident", "9.9", "what"])
        .exits(2);
    assert!(
        none.stderr.contains("has no release 9.9"),
        "{}",
        none.stderr
    );
    put(
        &suite,
        "go",
        "20261122-120000-next",
        "2026-11-22",
        |first| first["release"] = "1.5.0".into(),
    );
    let ran = suite.run(&["readiness", "--on", ON, "--record"]).exits(0);
    assert!(
        words(&ran.stdout).contains("yes: orders were late for an hour"),
        "{}",
        ran.stdout
    );
    assert_eq!(suite.read("reports/releases.ndjson").lines().count(), 2);
    suite.append("reports/releases.ndjson", "{\"release\": 3}\n");
    let torn = suite.run(&["readiness", "--on", ON, "--record"]).exits(2);
    assert!(
        torn.stderr.contains("line 3 is no release"),
        "{}",
        torn.stderr
    );
}

/// Without line breaks.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

const JOURNEY: &str =
    "title = \"visits\"\n[[step]]\nname = \"open\"\nget = \"/\"\nexpect = [\"status == 200\"]\n";

#[test]
fn a_run_made_here_says_its_release_and_is_found_by_it() {
    let config = format!("[project]\nname = \"here\"\n{}", server::target());
    let suite = Suite::new(&[
        ("harness.toml", &config),
        ("scenarios/journeys/visit.toml", JOURNEY),
    ]);
    let unnamed = suite.run(&["run"]).exits(0);
    assert!(unnamed.stdout.contains("GO"));
    let ran = suite.run(&["readiness"]).exits(2);
    assert!(
        ran.stderr.contains("does not say of which release"),
        "{}",
        ran.stderr
    );
    suite.run(&["run", "--release", "2026.47"]).exits(0);
    let ran = suite.run(&["readiness", "--format", "json"]).exits(0);
    let answer = ran.json();
    assert_eq!(
        (answer["release"].as_str(), decision(&answer)),
        (Some("2026.47"), "go"),
        "{answer:#}"
    );
    assert_eq!(answer["evidence"][0]["age_days"], 0);
    let wrong = suite.run(&["run", "--release", "../up"]).exits(2);
    assert!(
        wrong.stderr.contains("a name may not contain"),
        "{}",
        wrong.stderr
    );
}

#[test]
fn releases_that_are_recorded_at_once_are_all_there() {
    let suite = suite("");
    put(&suite, "go", "20261121-120000-good", "2026-11-21", as_it_is);
    let started: Vec<_> = (0..8)
        .map(|n| {
            let out = format!("out-{n}");
            let words = ["readiness", "--on", ON, "--record", "--output", &out];
            suite.command(&words).spawn().unwrap()
        })
        .collect();
    for mut one in started {
        assert!(one.wait().unwrap().success());
    }
    assert_eq!(suite.read("reports/releases.ndjson").lines().count(), 8);
}
