//! Less processor time and less memory for a service, through the whole binary: what clients see of it, who did it, and that
//! nothing of it stays. A control group does it where this machine permits one, and then the events must say so.

use crate::support::events;
use crate::support::journeys::VISIT;
use crate::support::{Suite, labelled, server};
use serde_json::Value;
use std::path::Path;

/// A load of six seconds on a server with this environment, and a fault on it during the middle two.
fn suite(env: &str, rate: u32, fault: &str, gates: &str) -> Suite {
    let scenario = format!(
        r#"
title = "A server under pressure"
settle = "1s"
[load]
rate = "{rate}/s"
for = "6s"
mix = {{ visit = 1 }}
[[fault]]
name = "pressed"
service = "server"
at = "2s"
for = "2s"
{fault}
{gates}"#
    );
    let suite = Suite::new(&[
        (
            "scenarios/journeys/visit.toml",
            &VISIT.replace("\"1s\"", "\"20s\""),
        ),
        ("scenarios/pressed.toml", &scenario),
    ]);
    let target = server::target();
    let port = format!("{} = \"${{port}}\"", server::PORT);
    assert_eq!(target.matches(&port).count(), 1, "{target}");
    let target = target.replace(&port, &format!("{port}, {env}"));
    suite.write(
        "harness.toml",
        format!("[project]\nname = \"pressed\"\n{target}"),
    );
    suite
}

fn told(events: &str, event: &str) -> Vec<Value> {
    events::of(events, event).collect()
}

/// Whether a group of the older interface can be made where this process is.
fn permits(controller: &str) -> bool {
    let own = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let named = format!(":{controller}:");
    let path = own
        .lines()
        .find_map(|line| Some(line.split_once(&named)?.1));
    path.is_some_and(|path| {
        let probe = format!(
            "/sys/fs/cgroup/{controller}{path}/harness-probe-{}",
            std::process::id()
        );
        std::fs::create_dir(&probe).is_ok() && std::fs::remove_dir(&probe).is_ok()
    })
}

/// Who did it is said, in the events and in the reports, and is who can; and nothing of it stays.
#[track_caller]
fn done_by(suite: &Suite, id: &str, summary: &Value, controller: &str, otherwise: &str) {
    let events = suite.events(id);
    let effective = told(&events, "fault_effective");
    assert_eq!(effective.len(), 1, "{events}");
    let by = effective[0]["by"].as_str().unwrap();
    match permits(controller) {
        true => assert!(by.starts_with("cgroup v1 ("), "{by}"),
        // What else is there this test does not know.
        false => assert!(by == otherwise || by.starts_with("cgroup v2 ("), "{by}"),
    }
    assert_eq!(summary["faults"][0]["by"], by);
    let run = suite.folder(id);
    let page = std::fs::read_to_string(run.join("report.html")).unwrap();
    assert!(page.contains(&format!(", by {by}")), "{by}");
    assert_eq!(told(&events, "fault_lifted").len(), 1, "{events}");
    assert_eq!(told(&events, "fault_failed").len(), 0, "{events}");
    let journal = std::fs::read_to_string(run.join("undo.ndjson")).unwrap();
    let groups = told(&journal.replace("\"entry\"", "\"event\""), "cgroup");
    assert_eq!(groups.is_empty(), !by.starts_with("cgroup"), "{journal}");
    for group in groups {
        assert!(!Path::new(group["path"].as_str().unwrap()).exists());
    }
    assert!(
        journal.trim_end().ends_with("{\"entry\":\"clean\"}"),
        "{journal}"
    );
    assert_eq!(labelled(id), Vec::<u32>::new());
}

/// An answer takes 20 ms of a processor: seven periods at least at a twentieth.
#[test]
fn a_service_held_to_a_share_of_its_time_answers_late() {
    let gates = "[[gate]]\nexpect = \"p50 < 300ms\"\n[[gate]]\nexpect = \"p50 > 350ms\"\nduring = \"pressed\"\n";
    let env = format!("{} = \"20\"", server::BURNS);
    let suite = suite(&env, 15, "cpu = { share = \"5%\" }", gates);
    let (summary, id) = suite.holds();
    let armed = &told(&suite.events(&id), "fault_armed")[0];
    assert_eq!(armed["what"], "server held to 5% of its time");
    done_by(&suite, &id, &summary, "cpu", "STOP and CONT");
}

#[test]
fn a_service_goes_on_with_less_memory_as_long_as_it_can() {
    let gates = "[[gate]]\nexpect = \"error_rate < 5%\"\nduring = \"pressed\"\n";
    let env = format!("{} = \"1000\"", server::GROWS);
    let suite = suite(&env, 30, "memory = { bytes = \"64GB\" }", gates);
    let (summary, id) = suite.holds();
    done_by(&suite, &id, &summary, "memory", "RLIMIT_AS");
}

/// It takes 80 MB more each second, and may have 250.
#[test]
fn a_service_that_can_not_live_with_less_memory_dies_and_the_run_says_so() {
    let env = format!("{} = \"4000000\"", server::GROWS);
    let suite = suite(&env, 20, "memory = { bytes = \"250MB\" }", "");
    let (ran, summary, id) = suite.judged("", &["run"]);
    assert_eq!(ran.code, 1, "{:#}\n{}", summary["verdict"], ran.stderr);
    let events = suite.events(&id);
    let died = told(&events, "service_died");
    assert_eq!(died.len(), 1, "{events}");
    assert_eq!(died[0]["service"], "server");
    // By the kernel, or by itself when it got nothing.
    let status = died[0]["status"].as_str().unwrap();
    assert!(["signal 9", "signal 6"].contains(&status), "{status}");
    let output = died[0]["output"].as_array().unwrap();
    let holds = |line: &Value| line.as_str().unwrap().starts_with("holds ");
    assert!(output.iter().any(holds), "{output:?}");
    assert!(ran.stdout.contains("`server` died"), "{}", ran.stdout);
    assert!(events.contains("\"end\":\"target-died\""), "{events}");
    done_by(&suite, &id, &summary, "memory", "RLIMIT_AS");
}
