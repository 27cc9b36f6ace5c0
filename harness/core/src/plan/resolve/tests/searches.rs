//! Capacity searches as typed, and every error one can have.

use super::super::Choice;
use super::{findings, sources, told};
use crate::plan::Plan;
use crate::plan::describe::describe;
use std::fmt::Write as _;

fn with(load: &str, rest: &str) -> (Option<Plan>, String) {
    let scenario = format!("title = \"carries\"\n[load]\n{load}\nmix = {{ visit = 1 }}\n{rest}");
    let (plan, found) = findings(
        &sources(&[("scenarios/steady.toml", &scenario)]),
        &Choice::default(),
    );
    (plan, told(&found))
}

const FIND: &str = "find = \"max rate where p99 < 200ms\"";

#[test]
fn searches_of_every_form() {
    let gate = "[[gate]]\nexpect = \"capacity >= 500/s\"";
    let forms = [
        "find = \"max rate where p99 < 200ms and error_rate(visit) < 0.1%\"",
        "find = \"max rate where p99(visit/open) < 200ms\"\nfrom = \"10/s\"\nup_to = \"900/s\"\nwithin = \"2m\"\ntrial = \"5s\"\nprecision = \"10%\"\narrivals = \"poisson\"",
    ];
    let mut all = String::new();
    for form in forms {
        let (plan, said) = with(form, gate);
        let plan = plan.unwrap_or_else(|| panic!("{said}"));
        let text = serde_json::to_string(&plan).unwrap();
        assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), plan);
        let lines = describe(&plan);
        let begin = lines.find("Scenario steady").unwrap();
        _ = writeln!(all, "# {form}\n{}", &lines[begin..]);
    }
    insta::assert_snapshot!("searches of every form", all);
}

#[test]
fn errors_of_searches() {
    let capacity = "[[gate]]\nexpect = \"capacity >= 500/s\"";
    let cases = [
        ("find = \"the most\"", ""),
        ("find = \"max rate where p99 < 200\"", ""),
        ("find = \"max rate where p99(vist) < 200ms\"", ""),
        ("find = \"max rate where p99(visit/opn) < 200ms\"", ""),
        ("find = \"max rate where probe.cpu < 1\"", ""),
        (FIND_AND, ""),
        ("FIND\nmodel = \"closed\"", ""),
        ("FIND\nfrom = \"0/s\"", ""),
        ("FIND\nfrom = \"5/s..9/s\"", ""),
        ("FIND\nfrom = \"9/s\"\nup_to = \"5/s\"", ""),
        ("FIND\nfrom = \"many\"", ""),
        ("FIND\nwithin = \"5s\"", ""),
        ("FIND\ntrial = \"100ms\"", ""),
        ("FIND\nprecision = \"0%\"", ""),
        ("FIND\nprecision = \"half\"", ""),
        (
            "rate = \"5/s\"\nfor = \"10s\"\nfrom = \"5/s\"\ntrial = \"5s\"",
            "",
        ),
        ("FIND", "[[gate]]\nexpect = \"p99 < 1s\""),
        ("FIND", "[[gate]]\nexpect = \"capacity(visit) > 5/s\""),
        ("FIND", "[[gate]]\nexpect = \"capacity > 5s\""),
        (
            "FIND",
            "[[gate]]\nexpect = \"capacity > 5/s\"\nover = \"5s\"\nabort = true",
        ),
        (
            "FIND",
            "[[fault]]\nname = \"slow\"\nlink = \"back\"\nat = \"1s\"\nfor = \"1s\"\ndown = true",
        ),
        ("rate = \"5/s\"\nfor = \"10s\"", capacity),
    ];
    let mut all = String::new();
    for (load, rest) in cases {
        let load = load.replace("FIND", FIND);
        let (_, said) = with(&load, rest);
        assert!(said != "nothing is wrong\n", "{load} was accepted");
        let typed = format!("{load}\n{rest}");
        _ = writeln!(all, "# {}\n{said}", typed.trim().replace('\n', "; "));
    }
    insta::assert_snapshot!("errors of searches", all);
}

const FIND_AND: &str = "FIND\nrate = \"5/s\"\nfor = \"10s\"\nwarm_up = \"1s\"\npacing = \"1s\"";
