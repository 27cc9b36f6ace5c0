//! Every journey under every fault of every link it uses: links it does not use are left out, a system that comes back is
//! told from one that does not, and a row that is interrupted still makes a table.

use crate::support::journeys::BROWSE_SHORTLY as BROWSE;
use crate::support::{Pressure, Ran, Suite, Turn, part, turn, until};
use serde_json::Value;

const LIST: &str = r#"
title = "A customer looks at orders"
[[step]]
name = "the list"
get = "/v1/orders"
timeout = "1s"
expect = ["status == 200"]
"#;

const BREAKS: &str = r#"
title = "A journey that needs what is not there"
[[step]]
name = "nothing"
get = "/v1/nothing"
expect = ["status == 200"]
"#;

fn suite() -> Suite {
    Suite::shop(&[
        ("scenarios/journeys/browse.toml", BROWSE),
        ("scenarios/journeys/list.toml", LIST),
        ("scenarios/journeys/breaks.toml", BREAKS),
    ])
}

const MATRIX: [&str; 10] = [
    "chaos",
    "matrix",
    "--links",
    "orders,catalogue,payments",
    "--faults",
    "down",
    "--rate",
    "30/s",
    "--format",
    "json",
];

/// Makes the matrix with a part of the machine, from the third time on with all of it: again when the instrument did not keep its
/// schedule, or the answer is not as it should be and others wanted the cores.
fn made(suite: &Suite, defect: &str, as_it_should: impl Fn(&Value) -> bool) -> (Ran, Value) {
    const LAST: usize = 4;
    for nth in 0..=LAST {
        let turn: fn() -> Turn = if nth < 2 { part } else { turn };
        let turn = turn();
        let pressure = Pressure::now();
        let ran = suite.run_with(defect, &MATRIX);
        drop(turn);
        let summary = ran.json();
        if nth == LAST || !pressure.spoiled(&summary, &as_it_should) {
            return (ran, summary);
        }
    }
    unreachable!("the last answer is returned")
}

fn outcomes(summary: &Value) -> Vec<(String, String, String)> {
    let cells = summary["matrix"]["cells"].as_array().unwrap();
    let word = |cell: &Value, key: &str| cell[key].as_str().unwrap().to_owned();
    cells
        .iter()
        .map(|cell| {
            (
                word(cell, "journey"),
                word(cell, "link"),
                word(cell, "outcome"),
            )
        })
        .collect()
}

#[test]
fn a_system_that_comes_back_passes_and_unused_links_are_left_out() {
    let suite = suite();
    let (ran, summary) = made(&suite, "", |summary| {
        summary["verdict"]["matrix"]["grade"] == "pass"
    });
    let matrix = &summary["matrix"];
    let told = outcomes(&summary);
    let of = |journey: &str, link: &str| {
        let found = told
            .iter()
            .find(|(j, l, _)| (j.as_str(), l.as_str()) == (journey, link));
        found.map(|(_, _, outcome)| outcome.as_str())
    };
    assert_eq!(of("list", "orders"), Some("broke"), "{matrix:#}");
    assert!(of("browse", "catalogue").is_some(), "{matrix:#}");
    assert_eq!(of("browse", "payments"), None, "{matrix:#}");
    let unused = matrix["unused"].as_array().unwrap();
    let pair = serde_json::json!({ "journey": "browse", "link": "payments" });
    assert!(unused.contains(&pair), "{matrix:#}");
    assert_eq!(matrix["left_out"][0]["journey"], "breaks", "{matrix:#}");
    assert!(
        ran.stderr.contains("browse does not use "),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("cells of 13s"), "{}", ran.stderr);
    assert_eq!(ran.code, 0, "{matrix:#}\n{}", ran.stderr);
    assert_eq!(summary["verdict"]["matrix"]["grade"], "pass");

    let id = summary["run"]["id"].as_str().unwrap();
    let folder = format!("reports/runs/{id}");
    assert!(
        suite
            .read(&format!("{folder}/report.html"))
            .contains("Chaos matrix")
    );
    let markdown = suite.read(&format!("{folder}/summary.md"));
    assert!(
        markdown.contains("| list | orders | ✗ broke |"),
        "{markdown}"
    );
    let text = suite.run(&["report", id, "--kind", "text"]).stdout;
    assert!(
        text.contains("Chaos matrix") && text.contains("✗ broke"),
        "{text}"
    );
    assert!(text.contains("browse does not use"), "{text}");
}

#[test]
fn a_breaker_that_never_half_opens_turns_its_cell_red() {
    let suite = suite();
    let (ran, summary) = made(&suite, "breaker-never-half-opens", |summary| {
        summary["readiness"]["decision"] == "no-go"
    });
    let told = outcomes(&summary);
    let red: Vec<_> = told
        .iter()
        .filter(|(_, _, outcome)| outcome == "never-recovered")
        .collect();
    assert!(
        red.iter()
            .any(|(journey, link, _)| journey == "list" && link == "orders"),
        "{told:?}"
    );
    assert_eq!(ran.code, 1, "{told:?}");
    assert_eq!(summary["readiness"]["decision"], "no-go");
    assert_eq!(summary["readiness"]["decided_by"], "matrix");
}

#[test]
fn an_interrupt_leaves_a_table_of_what_was_done() {
    let suite = suite();
    suite.append(
        "harness.toml",
        "[query.orders]\nservice = \"orders\"\nget = \"/orders/summary\"\n\
         [[gate]]\nname = \"something is placed\"\ninvariant = \"orders.$.placed >= 0\"\n",
    );
    let arguments = ["chaos", "matrix", "--journeys", "list", "--links", "orders"];
    let turn = part();
    let running = suite.start(&[&arguments[..], &["--faults", "latency,down"]].concat());
    let second = until("the second run", || {
        let runs = suite.runs();
        (runs.len() == 2).then(|| runs[1].clone())
    });
    let id = second.file_name().unwrap().to_str().unwrap().to_owned();
    suite.until_event(&id, "fault_lifted");
    until("the second cell", || {
        let events = suite.events(&id);
        (events.matches("\"event\":\"scenario_started\"").count() == 2).then_some(())
    });
    running.signal("INT");
    let ran = running.ends().exits(130);
    drop(turn);
    assert!(ran.stdout.contains("Chaos matrix"), "{}", ran.stdout);
    assert!(ran.stdout.contains("– not done"), "{}", ran.stdout);
    let summary: Value =
        serde_json::from_str(&std::fs::read_to_string(second.join("summary.json")).unwrap())
            .unwrap();
    let told = outcomes(&summary);
    // What else the suite asks for is judged by its own runs.
    let events = suite.events(&id);
    let begun: Value = serde_json::from_str(events.lines().next().unwrap()).unwrap();
    assert!(begun["plan"]["matrix"].is_object(), "{begun:#}");
    assert!(begun["plan"].get("queries").is_none(), "{begun:#}");
    assert!(!events.contains("something is placed"), "{events}");
    assert_eq!(told[1].2, "not-done", "{told:?}");
    assert_ne!(told[0].2, "not-done", "{told:?}");
}

#[test]
fn what_there_is_not_is_told_before_anything_starts() {
    let suite = suite();
    let refused = |arguments: &[&str], words: &[&str]| {
        let ran = suite
            .run(&[&["chaos", "matrix"], arguments].concat())
            .exits(2);
        for word in words {
            assert!(ran.stderr.contains(word), "no {word:?} in {}", ran.stderr);
        }
        assert!(suite.runs().is_empty());
    };
    refused(
        &["--journeys", "brows"],
        &["there is no journey `brows`", "browse"],
    );
    refused(
        &["--links", "edge,nowhere"],
        &["there is no link `nowhere`", "payments"],
    );
    refused(
        &["--faults", "fire"],
        &["`fire` is no fault", "latency=500ms"],
    );
    refused(&["--rate", "fast"], &["--rate", "20/s"]);
}
