//! What becomes of requests on a link, one fault after another in one load: each does what it says to those that it is for, as
//! the load saw it, and nothing to the others.

use crate::support::events;
use crate::support::{Suite, server};
use serde_json::Value;
use std::collections::BTreeMap;

/// Whom the faults are for.
const MEANT: &str = r#"
title = "A request that faults are for"
tags = ["load-only"]
[[step]]
name = "ask"
get = "/things/7"
headers = { x-tenant = "a" }
timeout = "5s"
expect = ["status == 200", "$ == \"ok\""]
"#;

/// The same in all but the method, the path, and the header's value.
const OTHERS: [(&str, &str, &str); 3] = [
    ("post", "post = \"/things/7\"", "a"),
    ("path", "get = \"/things/7/parts\"", "a"),
    ("tenant", "get = \"/things/7\"", "b"),
];

/// Faults, and what they do.
const FAULTS: [(&str, &str); 9] = [
    ("held", "delay = \"300ms\""),
    (
        "refused",
        "status = 503, retry_after = \"2s\", body = \"no\"",
    ),
    ("replaced", "replace = \"\\\"another\\\"\""),
    ("cut", "truncate = \"2B\""),
    ("spoilt", "corrupt = true"),
    ("dropped", "drop = true"),
    ("rated", "rate = \"5/s\""),
    ("first", "fail_first = 3"),
    ("some", "status = 500"),
];

fn scenario() -> String {
    let faults = FAULTS.iter().enumerate().map(|(nth, (name, what))| {
        let share = if *name == "some" { "share = \"50%\"\n" } else { "" };
        format!(
            "[[fault]]\nname = \"{name}\"\nlink = \"edge\"\nat = \"{}ms\"\nfor = \"1s\"\n{share}\
             http = {{ method = \"GET\", path = \"/things/{{id}}\", headers = {{ x-tenant = \"a\" }}, {what} }}\n",
            3_000 + nth * 1_500
        )
    });
    format!(
        "title = \"One after another\"\nsettle = \"250ms\"\n[load]\nrate = \"100/s\"\nfor = \"17s\"\n\
         mix = {{ meant = 4, post = 1, path = 1, tenant = 1 }}\n{}",
        faults.collect::<String>()
    )
}

/// A journey's samples: while each fault was active, by its name, and while none was, by no name.
#[derive(Debug, Default)]
struct Seen {
    ok: u64,
    errors: BTreeMap<String, u64>,
    slowest: u64,
}

fn seen(events: &str, journey: &str) -> BTreeMap<String, Seen> {
    let (mut active, mut seen) = (BTreeMap::new(), BTreeMap::<String, Seen>::new());
    for one in events::each(events) {
        if one["event"] == "epoch_started" {
            let name = one["faults"][0].as_str().unwrap_or_default().to_owned();
            active.insert(one["epoch"].as_u64().unwrap(), name);
        }
        if one["event"] == "load_tick" && one["name"] == journey {
            let fault = active[&one["epoch"].as_u64().unwrap_or(0)].clone();
            let seen = seen.entry(fault).or_default();
            seen.ok += one["ok"].as_u64().unwrap_or(0);
            for (class, count) in one["errors"].as_object().into_iter().flatten() {
                *seen.errors.entry(class.clone()).or_default() += count.as_u64().unwrap();
            }
            let response = one["response"].as_array().into_iter().flatten();
            let slowest = response.step_by(2).filter_map(Value::as_u64).max();
            seen.slowest = seen.slowest.max(slowest.unwrap_or(0));
        }
    }
    seen
}

#[test]
fn each_does_what_it_says_to_the_requests_that_it_is_for() {
    let suite = Suite::new(&[
        ("scenarios/journeys/meant.toml", MEANT),
        ("scenarios/faults.toml", &scenario()),
    ]);
    for (name, ask, tenant) in OTHERS {
        let journey = MEANT
            .replace("get = \"/things/7\"", ask)
            .replace("x-tenant = \"a\"", &format!("x-tenant = \"{tenant}\""));
        suite.write(&format!("scenarios/journeys/{name}.toml"), journey);
    }
    let target = server::target();
    suite.write(
        "harness.toml",
        format!("[project]\nname = \"http\"\n{target}"),
    );
    let (ran, summary, id) = suite.judged("", &["run"]);
    assert_eq!(ran.code, 0, "{:#}\n{}", summary["verdict"], ran.stderr);
    let events = suite.events(&id);
    for (name, _, _) in OTHERS {
        let seen = seen(&events, name);
        let failed: Vec<_> = seen.values().flat_map(|seen| seen.errors.keys()).collect();
        assert!(failed.is_empty(), "{name}: {seen:?}");
        assert!(seen["refused"].ok > 0 && seen["dropped"].ok > 0, "{seen:?}");
    }

    let seen = seen(&events, "meant");
    let all = |fault: &str, class: &str| {
        let seen = &seen[fault];
        let classes: Vec<_> = seen.errors.keys().map(String::as_str).collect();
        assert_eq!(classes, [class], "{fault}: {seen:?}");
        seen.errors[class]
    };
    assert!(seen[""].errors.is_empty() && seen[""].ok > 0, "{seen:?}");
    let held = &seen["held"];
    assert!(held.errors.is_empty(), "{held:?}");
    assert!((300_000..4_000_000).contains(&held.slowest), "{held:?}");
    for (fault, class) in [
        ("refused", "status-503"),
        ("replaced", "expectation"),
        ("cut", "closed"),
        ("dropped", "reset"),
    ] {
        assert!(all(fault, class) > 20, "{fault}: {:?}", seen[fault]);
    }
    // Another byte may make another text, or none at all.
    assert!(all("spoilt", "expectation") > 20, "{:?}", seen["spoilt"]);
    // It begins with what its rate lets through, and lets five a second through.
    let rated = &seen["rated"];
    assert!(
        all("rated", "status-429") > 20 && rated.ok >= 5,
        "{rated:?}"
    );
    assert_eq!(all("first", "status-503"), 3);
    let some = &seen["some"];
    assert!(all("some", "status-500") > 5 && some.ok > 5, "{some:?}");

    let examples = events
        .lines()
        .filter(|line| line.contains("\"event\":\"exemplar\""));
    let refused = examples.filter(|line| line.contains("\"class\":\"status-503\""));
    let refused: Vec<_> = refused.collect();
    assert!(
        refused.iter().any(|line| line.contains("retry-after")),
        "{refused:?}"
    );
}
