//! A recorded run played again: the same plan, the same intended arrivals, the faults at the times they had, identifiers of
//! its own; told beside the recorded one; and what stands in its way is told before anything starts.

use crate::support::journeys::{BROWSE, LOST};
use crate::support::{Suite, part, until_nothing_lives};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

const STOCK: &str = r#"
title = "A visitor looks at one product"
data = { file = "fixtures/data/skus.csv", pick = "random" }
[[step]]
name = "the product"
get = "/v1/products/{{ row.sku }}"
expect = ["status == 200"]
"#;

const SCENARIO: &str = r#"
title = "Visitors come at random, and the way in is slow for a while"
settle = "1s"
[load]
rate = "20/s..40/s"
for = "5s"
arrivals = "poisson"
mix = { browse = 4, stock = 4, lost = 1 }
[[fault]]
name = "slow"
link = "edge"
at = "2s"
for = "1s"
latency = { delay = "60ms", jitter = "20ms" }
[[gate]]
expect = "error_rate < 50%"
"#;

const FEATURE: &str = r#"
Feature: Products
  Scenario: A visitor finds something
    When I GET "/v1/products"
    Then the status is 200
"#;

/// Rows above what is held in a plan: their place in it is taken by their digest.
fn skus() -> String {
    let rows = (0..60_000).map(|n| format!("SKU-{:03},row number {n}\n", n % 5 + 1));
    std::iter::once("sku,note\n".to_owned())
        .chain(rows)
        .collect()
}

fn suite() -> Suite {
    Suite::shop(&[
        ("scenarios/journeys/browse.toml", BROWSE),
        ("scenarios/journeys/lost.toml", LOST),
        ("scenarios/journeys/stock.toml", STOCK),
        ("scenarios/visitors.toml", SCENARIO),
        ("features/products.feature", FEATURE),
        ("fixtures/data/skus.csv", &skus()),
    ])
}

fn events(suite: &Suite, run: &str) -> Vec<Value> {
    let text = suite.events(run);
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn of<'e>(events: &'e [Value], kind: &'e str) -> impl Iterator<Item = &'e Value> {
    events.iter().filter(move |one| one["event"] == kind)
}

/// Walks intended, by journey and second.
fn arrivals(events: &[Value]) -> BTreeMap<(String, u64), u64> {
    let mut planned = BTreeMap::new();
    for tick in of(events, "load_tick") {
        let key = (
            tick["name"].as_str().unwrap().to_owned(),
            tick["second"].as_u64().unwrap(),
        );
        *planned.entry(key).or_default() += tick["planned"].as_u64().unwrap_or(0);
    }
    planned.retain(|_, n| *n > 0);
    planned
}

/// The identifiers that examples of slow exchanges show.
fn identifiers(events: &[Value]) -> BTreeSet<String> {
    let urls = of(events, "exemplar").map(|one| one["exchange"]["url"].to_string());
    urls.filter_map(|url| Some(url.split_once("products/")?.1.to_owned()))
        .filter(|sku| !sku.starts_with("SKU"))
        .collect()
}

#[test]
fn a_replay_repeats_arrivals_data_and_faults_and_stands_beside_the_run() {
    let suite = suite();
    suite
        .plays(&["run", "visitors", "--tags", "not load-only", "--seed", "77"])
        .exits(0);
    let recorded = suite
        .only_run()
        .file_name()
        .unwrap()
        .to_str()
        .unwrap()
        .to_owned();
    // What is typed now is no part of what was run.
    suite.write(
        "scenarios/visitors.toml",
        SCENARIO.replace("20/s..40/s", "5/s"),
    );
    suite.write("features/products.feature", FEATURE.replace("200", "404"));
    let ran = suite
        .plays(&["replay", &recorded[..15], "--format", "json"])
        .exits(0);

    let comparison = ran.json();
    assert_eq!(comparison["runs"][0]["run"], *recorded);
    assert_eq!(comparison["runs"][1]["label"], "replay");
    let id = comparison["runs"][1]["run"].as_str().unwrap();
    assert_ne!(id, recorded);
    let (was, is) = (events(&suite, &recorded), events(&suite, id));

    assert_eq!(is[0]["plan"]["plan_digest"], was[0]["plan"]["plan_digest"]);
    assert_eq!(is[0]["plan"], was[0]["plan"]);
    assert_eq!(is[0]["replays"]["run"], *recorded);
    assert!(was[0].get("replays").is_none());
    let planned = arrivals(&was);
    assert!(planned.values().sum::<u64>() > 100, "{planned:?}");
    assert_eq!(arrivals(&is), planned);
    for events in [&was, &is] {
        let t0 = of(events, "scenario_started").next().unwrap()["t0_us"]
            .as_u64()
            .unwrap();
        let armed: Vec<_> = of(events, "fault_armed").collect();
        assert_eq!((armed.len(), &armed[0]["fault"]), (1, &Value::from("slow")));
        assert!(
            armed[0]["at_us"].as_u64().unwrap() >= t0 + 2_000_000,
            "{armed:?}"
        );
        let walks: Vec<_> = of(events, "journey_finished")
            .map(|w| &w["outcome"])
            .collect();
        assert!(
            walks.len() >= 3 && walks.iter().all(|o| **o == "passed"),
            "{walks:?}"
        );
    }
    let (before, after) = (identifiers(&was), identifiers(&is));
    assert!(!before.is_empty() && !after.is_empty());
    assert!(before.is_disjoint(&after), "{before:?} {after:?}");

    let folder = format!("reports/runs/{id}");
    for file in ["report.html", "summary.md", "summary.json"] {
        assert!(
            suite.read(&format!("{folder}/{file}")).contains(&recorded),
            "{file}"
        );
    }
    let text = suite.run(&["report", id, "--kind", "text"]).exits(0).stdout;
    assert!(text.contains(&format!("replays run {recorded}")), "{text}");
    assert!(
        suite
            .read(&format!("reports/runs/compare-{id}/summary.md"))
            .contains("replay")
    );
}

#[test]
fn what_stands_in_the_way_of_a_replay_is_told_before_anything_starts() {
    let suite = suite();
    let scenario = SCENARIO.replace("for = \"5s\"", "for = \"1s\"").replace(
        "at = \"2s\"\nfor = \"1s\"",
        "at = \"200ms\"\nfor = \"200ms\"",
    );
    suite.write("scenarios/visitors.toml", scenario);
    // Its gate has too little to judge.
    let ran = suite
        .plays(&["run", "visitors", "--tags", "not load-only"])
        .exits(5);
    let why = "\nexit code 5  nothing failed, but inconclusive: visitors: error_rate < 50%\n";
    assert!(ran.stdout.ends_with(why), "{}", ran.stdout);
    let events = suite.events(suite.only_run().file_name().unwrap().to_str().unwrap());
    let refuses = |suite: &Suite, run: &str, words: &[&str]| {
        let ran = suite.run(&["replay", run]).exits(2);
        for word in words {
            assert!(ran.stderr.contains(word), "no {word:?} in {}", ran.stderr);
        }
        suite.only_run();
    };
    refuses(&suite, "1999", &["no run `1999`", "the latest is"]);
    suite.write(
        "newer.ndjson",
        events.replacen("\"format\":1", "\"format\":99", 1),
    );
    refuses(
        &suite,
        "newer.ndjson",
        &["event format 99", "use the version that wrote it"],
    );
    suite.write("no.ndjson", "{}\n");
    refuses(&suite, "no.ndjson", &["is not a recorded run"]);
    let written = events.replacen("A visitor looks", "[secret api_key]", 1);
    suite.write("written.ndjson", written);
    refuses(
        &suite,
        "written.ndjson",
        &["secret `api_key` written out", "${secret.api_key}"],
    );

    suite.write(
        "fixtures/data/skus.csv",
        skus().replacen("number 7", "number seven", 1),
    );
    refuses(
        &suite,
        "latest",
        &[
            "fixtures/data/skus.csv",
            "has changed since the run",
            "SHA-256",
        ],
    );
    std::fs::remove_file(suite.path().join("fixtures/data/skus.csv")).unwrap();
    refuses(&suite, "latest", &["fixtures/data/skus.csv", "put it back"]);
    suite.write("fixtures/data/skus.csv", skus());
    let config = suite.read("harness.toml");
    suite.write(
        "harness.toml",
        config.replace(", default = \"test-key-1234\"", ""),
    );
    refuses(&suite, "latest", &["secret `api_key`", "SHOP_API_KEY"]);
    suite.write("harness.toml", config.replace("\"shop\"", "\"another\""));
    refuses(&suite, "latest", &["of project \"shop\"", "-C"]);
    suite.write("harness.toml", &config);
    let ran = suite
        .run(&["replay", "latest", "--target", "external"])
        .exits(2);
    assert!(ran.stderr.contains("external"), "{}", ran.stderr);
}

#[test]
fn a_run_that_is_still_going_on_is_not_replayed() {
    let suite = suite();
    let long = SCENARIO.replace("for = \"5s\"", "for = \"120s\"");
    suite.write("scenarios/visitors.toml", long);
    let turn = part();
    let running = suite.start(&["run", "visitors", "--tags", "smoke"]);
    let id = suite.run_id();
    suite.until_event(&id, "load_tick");
    for named in ["latest", &id, &format!("reports/runs/{id}")] {
        let ran = suite.run(&["replay", named]).exits(2);
        for words in [
            format!("failed to replay run {id}: it is still going on"),
            format!(
                "wait for its end, or interrupt it; `harness report {named}` tells what it came to so far"
            ),
        ] {
            assert!(ran.stderr.contains(&words), "{}", ran.stderr);
        }
    }
    suite.only_run();
    running.signal("KILL");
    running.ends();
    drop(turn);
    // The folder goes with this test, and what its guardian has not ended yet would go on writing there.
    until_nothing_lives(&id);
}

/// The mode has no link of the harness, which a journey of the run broke; the suite's journey breaks nothing any more.
#[test]
fn a_journeys_own_fault_has_no_place_in_a_mode_without_its_link() {
    let suite = Suite::shop(&[("scenarios/journeys/browse.toml", BROWSE)]);
    let step =
        "[[step]]\nname = \"slow\"\nfault = { link = \"edge\", latency = { delay = \"1ms\" } }\n";
    suite.append("scenarios/journeys/browse.toml", step);
    suite.run(&["run"]).exits(0);
    suite.write("scenarios/journeys/browse.toml", BROWSE);
    let config = suite.read("harness.toml");
    suite.write(
        "harness.toml",
        config.replacen("[target]\n", "[target]\nurl = \"http://127.0.0.1:9\"\n", 1),
    );
    let ran = suite
        .run(&["replay", "latest", "--target", "external"])
        .exits(2);
    let told = "failed to replay the faults: there is no link `edge` in mode external";
    assert!(ran.stderr.contains(told), "{}", ran.stderr);
    suite.only_run();
}

#[test]
fn a_fault_that_a_condition_fired_strikes_again_at_the_time_it_did() {
    let scenario = SCENARIO
        .replace("at = \"2s\"", "when = \"error_rate < 90%\"")
        .replace("for = \"5s\"", "for = \"6s\"");
    let suite = suite();
    suite.write("scenarios/visitors.toml", scenario);
    let turn = part();
    suite.run(&["run", "visitors", "--tags", "smoke"]);
    let recorded = suite.only_run();
    let recorded = recorded.file_name().unwrap().to_str().unwrap().to_owned();
    let ran = suite.run(&["replay", &recorded, "--format", "json"]);
    drop(turn);
    let comparison = ran.json();
    let id = comparison["runs"][1]["run"].as_str().unwrap();
    let (was, is) = (events(&suite, &recorded), events(&suite, id));
    let armed = |events: &[Value]| {
        let t0 = of(events, "scenario_started").next().unwrap()["t0_us"]
            .as_u64()
            .unwrap();
        let armed: Vec<_> = of(events, "fault_armed").collect();
        assert_eq!(armed.len(), 1, "{armed:?}");
        armed[0]["at_us"].as_u64().unwrap() - t0
    };
    let faults = &is[0]["plan"]["scenarios"][0]["faults"];
    assert_eq!(
        was[0]["plan"]["scenarios"][0]["faults"][0]["when"],
        "error_rate < 90%"
    );
    assert!(faults[0].get("when").is_none(), "{faults:#}");
    assert!(
        armed(&is) >= armed(&was),
        "it strikes no sooner than it did"
    );
    let (was, is) = (arrivals(&was), arrivals(&is));
    assert!(!was.is_empty() && was == is);
}
