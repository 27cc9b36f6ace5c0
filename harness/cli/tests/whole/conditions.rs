//! What is looked at beside the faults: a condition fires one once, another lifts all of them at once, and nothing is broken
//! that was not steady before.

use crate::support::events;
use crate::support::journeys::{BROWSE_SHORTLY as BROWSE, VISIT};
use crate::support::{Suite, server};
use serde_json::Value;

/// A suite of one scenario: a load of so many seconds, and what is typed beside it.
fn suite(seconds: u32, top: &str, rest: &str) -> Suite {
    let text = format!(
        "title = \"Conditions\"\nsettle = \"1s\"\n{top}\n[load]\nrate = \"40/s\"\nfor = \"{seconds}s\"\nmix = {{ browse = 1 }}\n{rest}"
    );
    Suite::shop(&[
        ("scenarios/journeys/browse.toml", BROWSE),
        ("scenarios/conditions.toml", &text),
    ])
}

/// Events of a kind about a fault: when, in seconds.
fn times(events: &str, event: &str, fault: &str) -> Vec<f64> {
    let all = events::each(events);
    all.filter(|one| one["event"] == event && one["fault"] == fault)
        .map(|one| one["at_us"].as_f64().unwrap() / 1e6)
        .collect()
}

fn grades(summary: &Value) -> Vec<(String, String)> {
    let gates = summary["verdict"]["gates"].as_array().unwrap();
    let word = |value: &Value| value.as_str().unwrap().to_owned();
    gates
        .iter()
        .map(|g| (word(&g["gate"]["id"]), word(&g["grade"])))
        .collect()
}

#[test]
fn a_condition_fires_a_fault_once_and_one_that_never_comes_about_fires_none() {
    let suite = suite(
        14,
        "",
        r#"
[[fault]]
name = "slow"
link = "edge"
at = "6s"
for = "7s"
latency = { delay = "400ms" }
[[fault]]
name = "then"
link = "edge"
when = "p50(browse) > 250ms"
for = "1s"
bandwidth = { rate = "1MB/s" }
[[fault]]
name = "never"
link = "edge"
when = "p50 > 10s"
for = "1s"
down = true
[[gate]]
expect = "p50 > 250ms"
during = "then"
[[gate]]
expect = "error_rate < 5%"
during = "never"
"#,
    );
    let (ran, summary, id) = suite.judged("", &["run"]);
    let events = suite.events(&id);
    let grades = grades(&summary);
    assert_eq!(ran.code, 5, "{grades:?}\n{}", ran.stderr);
    let words: Vec<_> = grades.iter().map(|(_, grade)| grade.as_str()).collect();
    assert_eq!(words, ["pass", "inconclusive"]);
    let slow = times(&events, "fault_armed", "slow")[0];
    let fired = times(&events, "fault_triggered", "then");
    let armed = times(&events, "fault_armed", "then");
    assert_eq!((fired.len(), armed.len()), (1, 1), "{events}");
    // Half of the last five seconds must be slow.
    assert!(
        slow + 2.0 < fired[0] && fired[0] < armed[0],
        "{slow} {fired:?} {armed:?}"
    );
    assert_eq!(times(&events, "fault_armed", "never"), Vec::<f64>::new());
    let reason = &summary["verdict"]["gates"][1]["reason"];
    let told = "fault `never` never struck: `p50 > 10s` did not come about";
    assert!(reason.as_str().unwrap().contains(told), "{reason}");
    assert!(events.contains("never struck"), "{events}");
}

const BROKEN: &str = r#"
[[fault]]
name = "down"
link = "edge"
at = "6s"
for = "11s"
down = true
[[fault]]
name = "later"
link = "edge"
at = "15s"
for = "1s"
latency = { delay = "400ms" }
"#;

#[test]
fn a_stop_lifts_every_fault_and_the_load_goes_on() {
    let suite = suite(18, "stop = [\"error_rate > 50%\"]", BROKEN);
    let (ran, summary, id) = suite.judged("", &["run"]);
    let events = suite.events(&id);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    let stop = ("conditions#stop 1".to_owned(), "fail".to_owned());
    assert_eq!(grades(&summary), [stop]);
    let reason = summary["verdict"]["gates"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("`error_rate <= 50%`: saw "), "{reason}");
    assert!(reason.ends_with("every fault was lifted"), "{reason}");
    let (armed, lifted) = (
        times(&events, "fault_armed", "down"),
        times(&events, "fault_lifted", "down"),
    );
    assert!(lifted[0] - armed[0] < 9.0, "{armed:?} {lifted:?}");
    assert_eq!(times(&events, "fault_armed", "later"), Vec::<f64>::new());
    assert!(events.contains("\"end\":\"completed\""), "{events}");
    let after = summary["verdict"]["run"]["grade"].as_str();
    assert_eq!(after, Some("pass"), "{:#}", summary["verdict"]["run"]);
}

#[test]
fn nothing_is_broken_that_was_not_steady_before() {
    let steady = "steady = { expect = [\"error_rate < 5%\", \"p50 < 250ms\"] }";
    let fault = "[[fault]]\nname = \"slow\"\nlink = \"edge\"\nat = \"3s\"\nfor = \"2s\"\nlatency = { delay = \"400ms\" }\n";
    let healthy = suite(9, steady, fault);
    let (ran, summary, _) = healthy.judged("", &["run"]);
    let all = grades(&summary);
    assert_eq!(ran.code, 0, "{all:?}\n{}", ran.stderr);
    let failed: Vec<_> = all.iter().filter(|(_, grade)| grade != "pass").collect();
    // It is told, and nothing more.
    let during = all
        .iter()
        .find(|(id, _)| id == "conditions#steady 2 during slow");
    assert_eq!(failed, during.into_iter().collect::<Vec<_>>());
    assert_eq!(during.unwrap().1, "fail");

    let wrong = suite(9, steady, fault);
    wrong.write(
        "scenarios/journeys/browse.toml",
        BROWSE
            .replace("status == 200", "status == 299")
            .replace("title", "tags = [\"load-only\"]\ntitle"),
    );
    let (ran, summary, id) = wrong.judged("", &["run"]);
    let events = wrong.events(&id);
    assert!(events.contains("\"end\":\"unsteady\""), "{events}");
    assert_eq!(times(&events, "fault_armed", "slow"), Vec::<f64>::new());
    let before = grades(&summary)
        .into_iter()
        .find(|(id, _)| id == "conditions#steady 1 before");
    assert_eq!(before.unwrap().1, "fail");
    assert_ne!(ran.code, 0);
}

/// The server counts its answers: it has given more than 80 after two seconds at the soonest.
#[test]
fn what_the_target_says_of_itself_fires_a_fault() {
    let scenario = r#"
title = "A probe fires"
settle = "500ms"
[load]
rate = "40/s"
for = "12s"
mix = { visit = 1 }
[[fault]]
name = "then"
link = "edge"
when = "probe.answers > 80"
for = "3s"
latency = { delay = "300ms" }
[[fault]]
name = "never"
link = "edge"
when = "probe.answers > 1000000"
for = "1s"
down = true
[[gate]]
expect = "p50 > 250ms"
during = "then"
"#;
    let suite = Suite::new(&[
        ("scenarios/journeys/visit.toml", VISIT),
        ("scenarios/fired.toml", scenario),
    ]);
    let probe = "[probe.answers]\nvalue = \"max(server.answers)\"\n";
    let target = server::target();
    suite.write(
        "harness.toml",
        format!("[project]\nname = \"fired\"\n{target}{probe}"),
    );
    let (ran, summary, id) = suite.judged("", &["run"]);
    let events = suite.events(&id);
    assert_eq!(ran.code, 0, "{:?}\n{}", grades(&summary), ran.stderr);
    let fired = times(&events, "fault_triggered", "then");
    let armed = times(&events, "fault_armed", "then");
    assert_eq!((fired.len(), armed.len()), (1, 1), "{events}");
    assert!(fired[0] < armed[0], "{fired:?} {armed:?}");
    let all: Vec<Value> = events::each(&events).collect();
    let of = |word: &'static str| all.iter().filter(move |one| one["event"] == word);
    let t0 = of("scenario_started").next().unwrap()["t0_us"]
        .as_f64()
        .unwrap()
        / 1e6;
    assert!(fired[0] - t0 > 2.0, "{t0} {fired:?}");
    let seen = of("fault_triggered").next().unwrap()["seen"]
        .as_str()
        .unwrap();
    let figure = seen.split_once("saw ").unwrap().1.split(' ').next();
    let figure: f64 = figure.unwrap().parse().unwrap();
    assert!(figure > 80.0, "{seen}");
    assert_eq!(times(&events, "fault_armed", "never"), Vec::<f64>::new());
}
