//! Probes as planned, and every error they can have.

use super::super::Choice;
use super::{CONFIG, SCENARIO, findings, sources, told};
use crate::plan::describe::describe;
use crate::plan::target::Mode;
use std::fmt::Write as _;

const PROBES: &str = r#"
[probe.hit-rate]
value = "rate(front.hits_total) / rate(front.requests_total{code=\"200\"})"
unit = "%"
title = "Cache hit rate"
[probe.backlog]
value = "max(queue_depth) - 1"
service = "back"
unit = "orders"
chart = false
[[gate]]
expect = "probe.backlog < 100 orders"
"#;

fn config(more: &str) -> String {
    let metrics = |text: &str, service: &str| {
        let head = format!("[target.service.{service}]\n");
        text.replace(&head, &format!("{head}metrics = \"/metrics\"\n"))
    };
    let text = metrics(&metrics(CONFIG, "front"), "back");
    format!("{text}{more}")
}

fn scenario(gate: &str) -> String {
    format!("{SCENARIO}[[gate]]\n{gate}\n")
}

#[test]
fn probes_are_frozen_with_their_services() {
    let gate = scenario("expect = \"probe.hit-rate > 80%\"\nover = \"5s\"\nabort = true");
    let files = [
        ("harness.toml", config(PROBES)),
        ("scenarios/steady.toml", gate),
    ];
    let files: Vec<(&str, &str)> = files.iter().map(|(n, t)| (*n, t.as_str())).collect();
    let (plan, found) = findings(&sources(&files), &Choice::default());
    assert_eq!(told(&found), "nothing is wrong\n");
    let plan = plan.unwrap();
    assert_eq!(
        plan.probes[1].value.to_string(),
        "max(back.queue_depth) - 1"
    );
    let text = describe(&plan);
    let part = text.split("Probes").nth(1).unwrap();
    insta::assert_snapshot!("a plan with probes", format!("Probes{part}"));
    let json = serde_json::to_string(&plan).unwrap();
    assert_eq!(
        serde_json::from_str::<crate::plan::Plan>(&json).unwrap(),
        plan
    );
}

#[test]
fn an_external_target_is_scraped_where_its_services_say_they_are() {
    let text = config(PROBES).replace(
        "[target.service.front]\n",
        "[target]\nurl = \"http://shop:1\"\n[target.service.front]\nurl = \"http://shop:2/\"\n",
    );
    let choice = Choice {
        target: Some(Mode::External),
        scenarios: vec!["calm".into()],
        ..Choice::default()
    };
    let calm = "title = \"calm\"\n[load]\nrate = \"1/s\"\nfor = \"2s\"\nmix = { visit = 1 }\n";
    let files = [
        ("harness.toml", text.as_str()),
        ("scenarios/calm.toml", calm),
    ];
    let (plan, found) = findings(&sources(&files), &choice);
    let scrapes = plan.map(|plan| plan.target.scrapes).unwrap_or_default();
    let scrapes: Vec<String> = scrapes
        .iter()
        .map(|s| format!("{} at {}", s.service, s.url))
        .collect();
    assert_eq!(
        scrapes,
        ["front at http://shop:2/metrics"],
        "{}",
        told(&found)
    );
    insta::assert_snapshot!("a probe nobody can reach", told(&found));
}

#[test]
fn errors_of_probes() {
    let value = |value: &str| config(&format!("[probe.p]\nvalue = '{value}'\n"));
    let cases = [
        config("[probe.p]\nunit = \"%\"\n"),
        config("[probe.p]\nvalue = \"1 + 2\"\nunits = \"%\"\n"),
        value("1 + 2"),
        value("rat(front.x)"),
        value("rate(front.x) / rate(frnt.y)"),
        value("rate(x)"),
        value("rate(front.x"),
        value("front.x{code=~\"2..\"}"),
        config("[probe.p]\nvalue = \"x\"\nservice = \"depot\"\n"),
        config("[probe.p]\nvalue = \"front.x\"\nunit = \"ms\"\n"),
        config("[probe.p]\nvalue = \"front.x\"\nunit = \"a b\"\n"),
        format!("{CONFIG}[probe.p]\nvalue = \"rate(front.x)\"\n"),
        format!("{CONFIG}[probe.p]\nvalue = \"rate(x)\"\n"),
        config(&PROBES.replace("100 orders", "100")),
        config(&PROBES.replace("probe.backlog <", "probe.backlogs <")),
        config(&PROBES.replace("[[gate]]", "[[gate]]\nabort = true")),
        config("[[gate]]\nexpect = \"probe.x > 5\"\n"),
        config("[[gate]]\nexpect = \"probe. > 5\"\n"),
    ];
    let mut all = String::new();
    for text in &cases {
        let (_, found) = findings(&sources(&[("harness.toml", text)]), &Choice::default());
        let told = told(&found);
        assert!(told != "nothing is wrong\n", "{text} was accepted");
        _ = writeln!(all, "{told}");
    }
    insta::assert_snapshot!("errors of probes", all);
}
