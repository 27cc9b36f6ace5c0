//! Faults on a container's disks, names and life are felt by the service within, for as long as they last: it answers that it
//! can't, and comes back; what it acknowledged before is there.

use crate::support::Suite;
use crate::support::containers::{engine, nothing_left};

const LOOKUP: &str = r#"
title = "A name is looked up"
[[step]]
name = "it is known"
get = "/name/other"
expect = ["status == 200"]
"#;

/// What each is for the one path is nothing to the other, and both come back.
const BREAKS: &str = r#"
title = "Disks and names go, and come back"
settle = "3s"
[load]
rate = "90/s"
for = "40s"
mix = { note = 1, lookup = 2 }
[[fault]]
name = "full"
service = "notes"
at = "2s"
for = "2s"
disk_full = { path = "/data" }
[[fault]]
name = "frozen"
service = "notes"
at = "8s"
for = "2s"
read_only = { path = "/data" }
[[fault]]
name = "nameless"
service = "notes"
at = "14s"
for = "2s"
dns = true
[[fault]]
name = "crashing"
service = "notes"
at = "20s"
for = "10s"
crash_loop = { every = "800ms" }
[[gate]]
expect = "error_rate(note) > 60%"
during = "full"
[[gate]]
expect = "error_rate(lookup) < 20%"
during = "full"
[[gate]]
expect = "error_rate(note) > 60%"
during = "frozen"
[[gate]]
expect = "error_rate(lookup) < 20%"
during = "frozen"
[[gate]]
expect = "error_rate(lookup) > 60%"
during = "nameless"
[[gate]]
expect = "error_rate(note) < 20%"
during = "nameless"
[[gate]]
expect = "error_rate < 100%"
during = "crashing"
[[gate]]
expect = "error_rate > 5%"
during = "crashing"
# A thousand requests decide it.
[[gate]]
expect = "error_rate < 2%"
[[gate]]
name = "what was kept is there"
invariant = "delta(notes.$.is) >= distinct(note.file)"
"#;

#[test]
fn disks_names_and_crashes_are_felt_while_they_last_and_nothing_kept_is_lost() {
    if !engine() {
        return;
    }
    let suite = Suite::notes(&[
        ("scenarios/breaks.toml", BREAKS),
        ("scenarios/journeys/lookup.toml", LOOKUP),
    ]);
    let (ran, summary, id) = suite.judged("", &["run"]);
    let verdict = &summary["verdict"];
    assert_eq!(
        ran.code, 0,
        "{:#}\n{:#}\n{}",
        verdict["gates"], verdict["invariants"], ran.stderr
    );
    nothing_left(&id);
    assert_eq!(suite.events_of(&id, "fault_failed").len(), 0);
    assert_eq!(suite.events_of(&id, "fault_lifted").len(), 4);
    // Each crash is a start of its own, in the same container: the volume is still the one it had.
    let starts = suite.events_of(&id, "service_ready").into_iter();
    let starts = starts.filter(|event| event["service"] == "notes").count();
    // Its own, two in the loop, and one when that is lifted; how many more depends on how soon an engine starts one.
    assert!(starts >= 4, "{starts} starts");
    let said = suite.read(&format!("reports/runs/{id}/services/notes.log"));
    for word in [
        "No space left on device",
        "Read-only file system",
        "unknown",
    ] {
        assert!(
            said.contains(&format!("503 {word}")),
            "no `{word}` in\n{said}"
        );
    }
}
