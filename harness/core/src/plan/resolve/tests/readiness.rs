//! What a suite says of releases: what a sound one becomes, and every error it can have, as it is told.

use super::super::Choice;
use super::{CONFIG, SCENARIO, findings, sources, told};
use crate::plan::Plan;
use crate::plan::readiness::{Closes, Needed};
use std::fmt::Write as _;

const SAID: &str = r#"
[variant.no-cache]
[profile.full]
[readiness]
go = 95
conditional = 80
fresh = "3d"
[[readiness.needs]]
scenario = "steady"
fresh = "14d"
owner = "the load team"
[[readiness.needs]]
profile = "full"
[[waiver]]
gate = "steady#fast"
scope = { variant = "default", profile = "full", release = "1.4.0" }
reason = "the provider mends it"
owner = "payments"
approver = "the release manager"
created = 2026-01-01
expires = "2026-04-01"
ticket = "T-1"
[[checklist]]
phase = "before"
title = "the roll-back was tried"
signed = { by = "ops", on = 2026-01-02, release = "1.4.0", note = "40 s" }
[[checklist]]
phase = "after"
title = "the journeys pass"
closes_with = "journeys"
[[checklist]]
phase = "during"
title = "somebody watches"
owner = "ops"
"#;

fn suite(edit: impl Fn(&str) -> String) -> (Option<Plan>, String) {
    let named = SCENARIO.replace(
        "[[gate]]",
        "[[gate]]\nname = \"fast\"\nowner = \"checkout\"",
    );
    let files = [
        ("harness.toml", edit(&format!("{CONFIG}{SAID}"))),
        (
            "scenarios/steady.toml",
            format!("{named}[[gate]]\nexpect = \"error_rate < 1%\"\n"),
        ),
    ];
    let files: Vec<(&str, &str)> = files.iter().map(|(n, t)| (*n, t.as_str())).collect();
    let (plan, found) = findings(&sources(&files), &Choice::default());
    (plan, told(&found))
}

#[test]
fn what_is_said_of_releases_is_planned() {
    let (plan, told) = suite(str::to_owned);
    assert_eq!(told, "nothing is wrong\n");
    let plan = plan.unwrap();
    assert_eq!(
        plan.scenarios[0].gates[0].owner.as_deref(),
        Some("checkout")
    );
    let said = &plan.readiness;
    assert_eq!(
        (said.go, said.conditional, said.fresh_days),
        (95.0, 80.0, 3)
    );
    let needs: Vec<_> = said
        .needs
        .iter()
        .map(|n| (n.what.command(), n.fresh_days))
        .collect();
    assert_eq!(
        needs,
        [
            ("harness run steady".to_owned(), 14),
            ("harness run --profile full".to_owned(), 3)
        ]
    );
    assert!(matches!(said.needs[0].what, Needed::Scenario(_)));
    let waiver = &said.waivers[0];
    assert_eq!(
        waiver.scope.to_string(),
        "variant default, profile full, release 1.4.0"
    );
    // Ninety days to the day.
    assert_eq!(waiver.expires.since(waiver.created), 90);
    assert_eq!(said.checklist.len(), 3);
    assert!(matches!(
        said.checklist[0].closes,
        Closes::Signature(Some(_))
    ));
    assert!(matches!(said.checklist[2].closes, Closes::Signature(None)));
    let again: Plan = serde_json::from_str(&serde_json::to_string(&plan).unwrap()).unwrap();
    assert_eq!(again, plan);
}

#[test]
fn a_suite_that_says_nothing_leaves_no_trace_in_its_plan() {
    let (plan, _) = suite(|_| CONFIG.to_owned());
    let plan = plan.unwrap();
    assert!(plan.readiness.is_default());
    assert!(
        !serde_json::to_string(&plan)
            .unwrap()
            .contains("\"readiness\"")
    );
}

#[test]
fn every_error_of_what_is_said_of_releases() {
    let mut all = String::new();
    let mut wrong = |name: &str, from: &str, to: &str| {
        assert!(SAID.contains(from), "{name}: nothing is replaced");
        let (_, told) = suite(|text| text.replacen(from, to, 1));
        assert_ne!(told, "nothing is wrong\n", "{name}");
        _ = writeln!(all, "# {name}\n{told}");
    };
    wrong(
        "limits the wrong way round",
        "conditional = 80",
        "conditional = 96",
    );
    wrong("a limit above 100", "go = 95", "go = 101");
    wrong("hours", "fresh = \"3d\"", "fresh = \"36h\"");
    wrong("no need", "scenario = \"steady\"\nfresh", "fresh");
    wrong(
        "two needs in one",
        "profile = \"full\"\n[[waiver]]",
        "profile = \"full\"\nscenario = \"steady\"\n[[waiver]]",
    );
    wrong(
        "an unknown scenario",
        "scenario = \"steady\"",
        "scenario = \"stedy\"",
    );
    wrong(
        "an unknown profile",
        "profile = \"full\"\n[[waiver]]",
        "profile = \"fulll\"\n[[waiver]]",
    );
    wrong("an unknown gate", "steady#fast", "steady#fats");
    wrong("a gate by its number", "steady#fast", "steady#2");
    wrong(
        "91 days",
        "expires = \"2026-04-01\"",
        "expires = 2026-04-02",
    );
    wrong(
        "before it began",
        "expires = \"2026-04-01\"",
        "expires = 2025-12-31",
    );
    wrong("no day", "created = 2026-01-01", "created = \"1 January\"");
    wrong(
        "a leap day that is none",
        "created = 2026-01-01",
        "created = \"2026-02-29\"",
    );
    wrong(
        "no reason",
        "reason = \"the provider mends it\"",
        "reason = \" \"",
    );
    wrong("no approver", "approver = \"the release manager\"\n", "");
    wrong(
        "an unknown variant",
        "variant = \"default\"",
        "variant = \"no-cash\"",
    );
    wrong(
        "closed twice",
        "closes_with = \"journeys\"",
        "closes_with = \"journeys\"\nsigned = { by = \"ops\", on = 2026-01-02 }",
    );
    wrong(
        "closed by nothing that is there",
        "closes_with = \"journeys\"",
        "closes_with = \"journey\"",
    );
    wrong(
        "a phase that is none",
        "phase = \"during\"",
        "phase = \"while\"",
    );
    insta::assert_snapshot!("readiness", all);
}
