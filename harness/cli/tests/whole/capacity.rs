//! A capacity search against a server of known capacity: what it answers, what its gate says, what people read of it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "in a test a panic is the report, helpers included"
)]

use crate::support::server::{self, LIMIT};
use crate::support::{Ran, Suite, turn};

/// The server answers 250 requests a second. Rates of 100/s and 200/s hold, whatever the machine does; 400/s can't.
fn suite(load: &str, gates: &str) -> Suite {
    let config = format!(
        "[project]\nname = \"limited\"\n{}",
        server::target().replace("env = { ", &format!("env = {{ {LIMIT} = \"250\", "))
    );
    let scenario =
        format!("title = \"What it carries\"\n[load]\n{load}\nmix = {{ visit = 1 }}\n{gates}");
    let journey = "title = \"A visitor asks\"\n[[step]]\nname = \"asks\"\nget = \"/\"\nexpect = [\"status == 200\"]\n";
    Suite::new(&[
        ("harness.toml", &config),
        ("scenarios/journeys/visit.toml", journey),
        ("scenarios/carries.toml", &scenario),
    ])
}

const FIND: &str = "find = \"max rate where error_rate < 10%\"\nfrom = \"100/s\"\ntrial = \"1s\"\nprecision = \"100%\"\nwithin = \"60s\"";

#[test]
fn the_capacity_of_a_limited_server_is_found_and_judged() {
    let gates = "[[gate]]\nexpect = \"capacity >= 150/s\"\n[[gate]]\nexpect = \"capacity >= 500/s\"\nclass = \"info\"\n[[gate]]\nexpect = \"capacity >= 300/s\"\nclass = \"info\"\n";
    let suite = suite(FIND, gates);
    let _turn = turn();
    // A machine with no time for the generator says so, and then it says nothing of the server.
    let mut tries = std::iter::repeat_with(|| suite.run(&["run", "--format", "json"])).take(4);
    let by_another = |ran: &Ran| ran.json()["scenarios"][0]["capacity"]["limit"] != "generator";
    let ran = tries.find(by_another);
    let ran = ran.expect("the generator had its time").exits(0);
    let summary = ran.json();
    let capacity = &summary["scenarios"][0]["capacity"];
    assert_eq!(capacity["holds"], 200.0, "{capacity}");
    assert_eq!(capacity["breaks"], 400.0, "{capacity}");
    assert_eq!(capacity["limit"], "target", "{capacity}");
    assert_eq!(capacity["complete"], true, "{capacity}");
    let trials = capacity["trials"].as_array().unwrap();
    // On a busy machine a rate may break once by chance; it is tried again then, and nothing comes of it.
    assert!(trials.len() >= 5, "{capacity}");
    let gates = summary["verdict"]["gates"].as_array().unwrap().iter();
    let grades: Vec<_> = gates.map(|gate| &gate["grade"]).collect();
    assert_eq!(grades, ["pass", "fail", "inconclusive"]);
    let folder = suite.runs().pop().unwrap();
    let read = |file: &str| std::fs::read_to_string(folder.join(file)).unwrap();
    assert!(read("report.html").contains("The target carries 200/s and not 400/s"));
    assert!(read("summary.md").contains("The target carries 200/s and not 400/s"));
}

#[test]
fn what_a_search_cannot_be_is_told_before_anything_starts() {
    let told = |load: &str, gates: &str| {
        let ran = suite(load, gates).run(&["check", "--format", "json"]);
        ran.exits(2).stdout
    };
    let shaped = told(&format!("{FIND}\nrate = \"5/s\""), "");
    assert!(shaped.contains("`find` looks for it"), "{shaped}");
    let gated = told(FIND, "[[gate]]\nexpect = \"p99 < 1s\"\n");
    assert!(gated.contains("too high on purpose"), "{gated}");
}
