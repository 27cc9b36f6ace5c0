//! Invariants and queries: what a sound one becomes, and every error they can have, as it is told.

use super::super::Choice;
use super::{CONFIG, findings, sources, told};
use crate::plan::Plan;
use crate::plan::describe::describe;
use crate::plan::invariant::Check;
use crate::plan::target::Mode;
use std::fmt::Write as _;

const QUERY: &str = r#"
[query.things]
service = "back"
get = "/things/summary"
headers = { accept = "application/json" }
[[gate]]
name = "conserved"
invariant = "things.$.placed == things.$.open + things.$.closed"
class = "scored"
"#;

const SCENARIO: &str = r#"
title = "steady"
[load]
rate = "10/s"
for = "10s"
mix = { visit = 1 }
[[gate]]
name = "none lost"
invariant = "delta(things.$.placed) >= distinct(visit.id)"
[[gate]]
name = "each is there"
each = "visit.id"
walk = "thing"
within = "15s"
"#;

const WALK: &str = r#"
title = "the thing is there"
[[step]]
name = "open it"
get = "/things/{{ id }}"
"#;

fn suite(edit: impl Fn(&str) -> String) -> (Option<Plan>, String) {
    let files = [
        ("harness.toml", edit(&format!("{CONFIG}{QUERY}"))),
        ("scenarios/steady.toml", edit(SCENARIO)),
        ("scenarios/journeys/thing.toml", edit(WALK)),
    ];
    let files: Vec<(&str, &str)> = files.iter().map(|(n, t)| (*n, t.as_str())).collect();
    let (plan, found) = findings(&sources(&files), &Choice::default());
    (plan, told(&found))
}

#[test]
fn sound_invariants_are_planned() {
    let (plan, told) = suite(str::to_owned);
    assert_eq!(told, "nothing is wrong\n");
    let plan = plan.unwrap();
    let steady = plan.scenario("steady").unwrap();
    let ids: Vec<&str> = steady.invariants.iter().map(|i| i.id.as_str()).collect();
    assert_eq!(
        ids,
        [
            "steady#none lost",
            "steady#each is there",
            "suite@steady#conserved"
        ]
    );
    // Only the gate can walk it, and it is in the plan for it.
    assert!(plan.journey("thing").is_some());
    assert!(!plan.walks.iter().any(|name| name.as_str() == "thing"));
    let watched = steady.watched();
    assert_eq!((watched.len(), watched[0].values), (1, true));
    assert!(matches!(&steady.invariants[1].check, Check::Each(each) if each.at_most == 2000));
    let text = serde_json::to_string(&plan).unwrap();
    assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), plan);
    let mut settings = insta::Settings::clone_current();
    settings.add_filter("plan [0-9a-f]{12}", "plan DIGEST");
    settings.bind(|| insta::assert_snapshot!("a plan with invariants", describe(&plan)));
}

#[test]
fn a_walk_that_sets_its_variable_is_a_test_of_its_own_too() {
    let set = |text: &str| {
        text.replace(
            "title = \"the thing is there\"",
            "title = \"the thing is there\"\nvariables = { id = \"7\" }",
        )
    };
    let (plan, told) = suite(set);
    assert_eq!(told, "nothing is wrong\n");
    let walks = plan.unwrap().walks;
    assert!(walks.iter().any(|name| name.as_str() == "thing"));
}

#[test]
fn plans_without_invariants_are_what_they_were() {
    let (plan, _) = findings(&sources(&[]), &Choice::default());
    let text = serde_json::to_string(&plan.unwrap()).unwrap();
    assert!(!text.contains("invariants") && !text.contains("queries"));
}

#[test]
fn errors_of_invariants() {
    let cases = [
        ("things.$.placed ==", "thinks.$.placed =="),
        ("things.$.placed ==", "things.$[ =="),
        ("things.$.placed ==", "things.$.placed ="),
        ("distinct(visit.id)", "distinct(vist.id)"),
        ("distinct(visit.id)", "distinct(visit.di)"),
        ("distinct(visit.id)", "distinkt(visit.id)"),
        ("each = \"visit.id\"", "each = \"visit\""),
        ("each = \"visit.id\"", "each = \"visit.di\""),
        ("walk = \"thing\"", "walk = \"thin\""),
        ("walk = \"thing\"", ""),
        ("each = \"visit.id\"\nwalk = \"thing\"", ""),
        ("within = \"15s\"", "during = \"slow\"\nat_most = 0"),
        ("within = \"15s\"", "abort = true"),
        ("within = \"15s\"", "within = \"soon\""),
        ("within = \"15s\"", "expect = \"p99 < 1s\""),
        (
            "invariant = \"delta",
            "walk = \"thing\"\ninvariant = \"delta",
        ),
        ("mix = { visit = 1 }", "mix = { visit = 1, thing = 1 }"),
        (
            "name = \"open it\"\nget = \"/things/{{ id }}\"",
            "name = \"again\"\nget = \"/{{ di }}\"",
        ),
        (
            "get = \"/things/{{ id }}\"",
            "get = \"/things\"\nexpect = [\"$.ids contains '{{ it }}'\"]\n[variables]\nit = \"1\"",
        ),
        (
            "title = \"the thing is there\"",
            "title = \"t\"\n[[step]]\nname = \"a\"\nfault = { link = \"back\", down = true }",
        ),
        ("service = \"back\"", "service = \"bcak\""),
        ("get = \"/things/summary\"", ""),
        ("get = \"/things/summary\"", "get = \"things\""),
        (
            "get = \"/things/summary\"",
            "get = \"/things/{{ id }}\"\npost = 1",
        ),
        (
            "things.$.placed == things.$.open",
            "count(order.id) == things.$.open",
        ),
        ("[query.things]", "[query.\"a b\"]"),
    ];
    let mut all = String::new();
    for (from, to) in cases {
        let whole = format!("{CONFIG}{QUERY}{SCENARIO}{WALK}");
        assert!(whole.contains(from), "{from:?} is nowhere");
        let (_, told) = suite(|text| text.replacen(from, to, 1));
        assert_ne!(told, "nothing is wrong\n", "{from:?} → {to:?}");
        _ = writeln!(all, "# {from:?} → {to:?}\n{told}");
    }
    insta::assert_snapshot!("errors of invariants", all);
}

#[test]
fn a_journey_that_runs_the_walk_must_give_it_its_value() {
    let run = "title = \"runs it\"\n[[step]]\nname = \"a\"\nrun = \"thing\"\n";
    let config = format!("{CONFIG}{QUERY}");
    let files = [
        ("harness.toml", config.as_str()),
        ("scenarios/steady.toml", SCENARIO),
        ("scenarios/journeys/thing.toml", WALK),
        ("scenarios/journeys/runs.toml", run),
    ];
    let (_, found) = findings(&sources(&files), &Choice::default());
    let told = told(&found);
    assert!(told.contains("nothing gives `id` a value"), "{told}");
}

#[test]
fn a_query_of_a_service_without_a_url_is_told_of_an_external_target() {
    let config = format!("{CONFIG}{QUERY}").replacen(
        "[target.service.front]",
        "[target]\nurl = \"http://localhost:1\"\n[target.service.front]",
        1,
    );
    let scenario = SCENARIO.to_owned();
    let files = [
        ("harness.toml", config.as_str()),
        ("scenarios/steady.toml", scenario.as_str()),
        ("scenarios/journeys/thing.toml", WALK),
    ];
    let choice = Choice {
        target: Some(Mode::External),
        ..Choice::default()
    };
    let (_, found) = findings(&sources(&files), &choice);
    let told = told(&found);
    assert!(
        told.contains("nothing says where service `back` runs"),
        "{told}"
    );
}
