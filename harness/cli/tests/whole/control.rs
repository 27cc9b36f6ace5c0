//! A scenario with a control is played twice under the same draws, first without its faults; what the faults changed is in
//! every report and in gates.

use crate::support::Suite;
use crate::support::journeys::{BROWSE, LOST};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

const SCENARIO: &str = r#"
title = "The way in is slow for a while"
fresh = true
control = true
settle = "1s"
[load]
rate = "40/s"
for = "8s"
arrivals = "poisson"
mix = { browse = 9, lost = 1 }
[[fault]]
name = "slow"
link = "edge"
at = "2s"
for = "4s"
latency = { delay = "300ms" }
[[gate]]
expect = "effect(p50(browse)) > 2x"
during = "slow"
[[gate]]
expect = "effect(p50(browse)) < 2x"
during = "slow"
class = "info"
[[gate]]
expect = "effect(error_rate) < 30%"
during = "slow"
"#;

fn suite() -> Suite {
    Suite::shop(&[
        ("scenarios/journeys/browse.toml", BROWSE),
        ("scenarios/journeys/lost.toml", LOST),
        ("scenarios/slow.toml", SCENARIO),
    ])
}

fn of<'e>(
    events: &'e [Value],
    kind: &'e str,
    scenario: &'e str,
) -> impl Iterator<Item = &'e Value> {
    let here = move |one: &&Value| one["event"] == kind && one["scenario"] == scenario;
    events.iter().filter(here)
}

fn arrivals(events: &[Value], scenario: &str) -> BTreeMap<(String, u64), u64> {
    let mut planned = BTreeMap::new();
    for tick in of(events, "load_tick", scenario) {
        let name = tick["name"].as_str().unwrap().to_owned();
        let second = tick["second"].as_u64().unwrap();
        *planned.entry((name, second)).or_default() += tick["planned"].as_u64().unwrap_or(0);
    }
    planned.retain(|_, n| *n > 0);
    planned
}

fn identifiers(events: &[Value], scenario: &str) -> BTreeSet<String> {
    let urls = of(events, "exemplar", scenario).map(|one| one["exchange"]["url"].to_string());
    urls.filter_map(|url| Some(url.split_once("products/")?.1.to_owned()))
        .collect()
}

#[test]
fn the_same_load_without_the_faults_tells_what_they_changed() {
    let suite = suite();
    let arguments = ["run", "slow", "--tags", "not load-only"];
    let (ran, summary, id) = suite.judged("", &arguments);
    let gates = summary["verdict"]["gates"].as_array().unwrap();
    let grades: Vec<_> = gates.iter().map(|gate| &gate["grade"]).collect();
    assert_eq!(
        grades,
        ["pass", "fail", "pass"],
        "{gates:#?}\n{}",
        ran.stderr
    );
    assert_eq!(gates.len(), 3, "no gate judges the control");
    assert!(gates[0]["observed"].as_f64().unwrap() > 2.0);

    let text = suite.events(&id);
    let events: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let planned = arrivals(&events, "slow");
    assert!(planned.values().sum::<u64>() > 200, "{planned:?}");
    assert_eq!(arrivals(&events, "slow.control"), planned);
    assert_eq!(of(&events, "fault_armed", "slow.control").count(), 0);
    assert_eq!(of(&events, "fault_armed", "slow").count(), 1);
    let (control, faulted) = (
        identifiers(&events, "slow.control"),
        identifiers(&events, "slow"),
    );
    assert!(
        !control.is_empty() && control.is_disjoint(&faulted),
        "{control:?} {faulted:?}"
    );
    // Fresh before each of the two: seven services, three times.
    let ready = events
        .iter()
        .filter(|one| one["event"] == "service_ready")
        .count();
    assert_eq!(ready, 21);

    let faults = |scenario: &str| {
        summary["scenarios"]
            .as_array()
            .unwrap()
            .iter()
            .find(|s| s["scenario"] == scenario)
            .unwrap()["faults"]
            .clone()
    };
    let slow = &faults("slow")["slow"];
    assert!(slow["effect"]["p95"].as_f64().unwrap() > 2.0, "{slow}");
    assert!(
        slow["phases"]["control"]["started"].as_u64().unwrap() > 50,
        "{slow}"
    );
    assert!(faults("slow.control").is_null());
    let folder = format!("reports/runs/{id}");
    for file in ["report.html", "summary.md"] {
        let text = suite.read(&format!("{folder}/{file}"));
        assert!(
            text.contains("of the control") || text.contains("against the control"),
            "{file}"
        );
    }
    let text = suite.run(&["report", &id, "--kind", "text"]).stdout;
    assert!(text.contains("effect against the control: p50 "), "{text}");
}

#[test]
fn a_control_that_says_nothing_and_an_effect_without_one_are_refused() {
    let suite = suite();
    let refused = |scenario: &str, words: &[&str]| {
        suite.write("scenarios/slow.toml", scenario);
        let ran = suite.run(&["check"]).exits(2);
        for word in words {
            assert!(ran.stdout.contains(word), "no {word:?} in {ran:?}");
        }
    };
    refused(
        &SCENARIO.replace("control = true", "control = false"),
        &["an effect is measured against a control", "control = true"],
    );
    refused(
        &SCENARIO.replacen("during = \"slow\"", "", 1),
        &["of which part of the load", "during = \"provider is slow\""],
    );
    let at = SCENARIO.find("[[fault]]").unwrap();
    refused(&SCENARIO[..at], &["without the faults, and there are none"]);
    refused(
        &SCENARIO.replace("< 30%", "< 3x"),
        &["`3x` is not a percentage"],
    );
    suite.write(
        "scenarios/slow.control.toml",
        SCENARIO.replace("control = true", ""),
    );
    refused(SCENARIO, &["`slow.control`, and so is another"]);
}
