//! A link whose requests are counted, in a whole run: what the proxy saw is what the load did, and who gave up is told apart.

use crate::support::{Suite, server};
use serde_json::Value;
use std::collections::BTreeMap;

const VISIT: &str = r#"
title = "A visit"
tags = ["load-only"]
[[step]]
name = "the page"
get = "/"
timeout = "400ms"
"#;

const SWALLOWED: &str = r#"
title = "Swallowed for a while"
settle = "500ms"
[load]
rate = "50/s"
for = "4s"
mix = { visit = 1 }
[[fault]]
name = "swallowed"
link = "edge"
at = "1s"
for = "1s"
timeout = { after = "0s" }
[[gate]]
expect = "error_rate > 60%"
during = "swallowed"
"#;

fn suite(link: &str) -> Suite {
    let suite = Suite::new(&[
        ("scenarios/journeys/visit.toml", VISIT),
        ("scenarios/swallowed.toml", SWALLOWED),
    ]);
    let target = server::target();
    let config = format!("[project]\nname = \"counted\"\n{target}{link}\n");
    suite.write("harness.toml", config);
    suite
}

/// The events of a kind that a run told.
fn told(suite: &Suite, event: &str) -> Vec<Value> {
    let (ran, _, id) = suite.judged("", &["run"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let mut all = suite.parsed_events(&id);
    all.retain(|one| {
        [event, "load_tick"]
            .iter()
            .any(|kind| one["event"] == *kind)
    });
    all
}

fn sum(events: &[Value], event: &str, figure: impl Fn(&Value) -> &Value) -> u64 {
    let of = events.iter().filter(|one| one["event"] == event);
    of.map(|one| figure(one).as_u64().unwrap_or(0)).sum()
}

/// A distribution's values, added up over the seconds of the link.
fn times(events: &[Value], name: &str) -> BTreeMap<u64, u64> {
    let mut times = BTreeMap::new();
    for pairs in events
        .iter()
        .filter_map(|one| one[name].as_array().filter(|_| one["event"] == "link_tick"))
    {
        for pair in pairs.chunks(2) {
            *times.entry(pair[0].as_u64().unwrap()).or_default() += pair[1].as_u64().unwrap();
        }
    }
    times
}

#[test]
fn a_link_that_a_fault_strikes_counts_what_the_load_does() {
    let events = told(&suite(""), "link_tick");
    let step = |one: &Value| one["name"] == "visit/the page";
    let steps: Vec<Value> = events.iter().filter(|one| step(one)).cloned().collect();
    assert!(!steps.is_empty(), "{events:#?}");
    let (started, ok) = (
        sum(&steps, "load_tick", |one| &one["started"]),
        sum(&steps, "load_tick", |one| &one["ok"]),
    );
    let links: Vec<&Value> = events
        .iter()
        .filter(|one| one["event"] == "link_tick")
        .collect();
    assert!(links.iter().all(|one| one["watched"] == true), "{links:#?}");
    // A request that meets a connection which has just been cut is sent once more.
    let requests = sum(&events, "link_tick", |one| &one["requests"]);
    assert!(
        (started..=started + 20).contains(&requests),
        "{requests} of {started}"
    );
    // An answer may come too late for who asked.
    let answers = sum(&events, "link_tick", |one| &one["answers"]["2xx"]);
    assert!((ok..=ok + 5).contains(&answers), "{answers} of {ok}");
    assert_eq!(times(&events, "response").values().sum::<u64>(), answers);
    // Those whose connection was cut when the fault was lifted have not given up.
    let abandoned = times(&events, "abandoned");
    let gave_up = abandoned.values().sum::<u64>();
    assert!(
        (10..=started - ok).contains(&gave_up),
        "{gave_up}: {abandoned:?}"
    );
    // At their time limit, less what a busy machine took from it before they had a connection.
    let late: u64 = abandoned.range(200_000..).map(|(_, n)| n).sum();
    assert!(late * 10 >= gave_up * 9, "{abandoned:?}");
}

#[test]
fn a_suite_may_forbid_it() {
    let events = told(&suite("watch = false"), "link_tick");
    let links = events.iter().filter(|one| one["event"] == "link_tick");
    let figures = ["watched", "requests", "answers", "response", "abandoned"];
    assert!(links.clone().count() > 0);
    for tick in links {
        assert!(
            figures.iter().all(|name| tick.get(name).is_none()),
            "{tick}"
        );
    }
}
