//! What is written about faults that says nothing of them: parts of the load beside figures of the whole fault, and
//! conditions that no second can tell.

use super::super::Choice;
use super::{SCENARIO, findings, sources, told};

/// What is said of the small suite with this scenario.
fn said(scenario: &str) -> String {
    let sources = sources(&[("scenarios/steady.toml", scenario)]);
    told(&findings(&sources, &Choice::default()).1)
}

#[test]
fn a_figure_of_a_fault_takes_no_part_of_the_load() {
    let with = |expect: &str, beside: &str| {
        said(&format!(
            "{SCENARIO}[[gate]]\nexpect = \"{expect}\"\n{beside}\n"
        ))
    };
    for figure in [
        "recovery",
        "detection",
        "impact",
        "fallback",
        "amplification",
        "gives_up(back)",
    ] {
        let limit = match figure {
            "fallback" => "50%",
            "amplification" => "2",
            _ => "2s",
        };
        let expect = format!("{figure} < {limit}");
        assert_eq!(with(&expect, ""), "nothing is wrong\n", "{expect}");
        let word = figure.split('(').next().unwrap();
        for beside in ["during = \"slow\"", "over = \"2s\""] {
            let told = with(&expect, beside);
            let text = beside.split(" = ").nth(1).unwrap();
            let column = beside.find('"').unwrap();
            let place = format!(
                "`{word}` is that of the whole fault\n  | {beside}\n  | {}{}\n  hint: leave",
                " ".repeat(column),
                "^".repeat(text.len())
            );
            assert!(told.contains(&place), "{told}\n{place}");
        }
        let told = with(&expect, "abort = true");
        let known = format!("`{word}` is known when the fault is over");
        assert!(told.contains(&known), "{told}");
    }
}

#[test]
fn what_no_second_tells_is_no_condition_of_tolerance() {
    let with = |condition: &str| {
        let grows = "latency = { delay = \"0ms..1s\" }";
        let fault = format!("{grows}\ntolerates = [\"{condition}\"]");
        said(&SCENARIO.replace("latency = { delay = \"1s\" }", &fault))
    };
    assert_eq!(with("dropped < 5%"), "nothing is wrong\n");
    let told = with("rate_missed < 5%");
    assert!(
        told.contains("says too little of a single second"),
        "{told}"
    );
}
