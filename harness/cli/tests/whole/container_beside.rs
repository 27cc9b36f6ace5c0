//! Two runs on one engine at the same time, each with faults on what is its own: neither feels the other's.

use crate::support::Suite;
use crate::support::containers::{engine, left, nothing_left};

const LOOKUP: &str = r#"
title = "A name is looked up"
tags = ["load-only"]
[[step]]
name = "it is known"
get = "/name/other"
expect = ["status == 200"]
"#;

/// Its volume takes no writes all the time, and its load needs none.
const LONG: &str = r#"
title = "Names are looked up for long"
settle = "1s"
[load]
rate = "20/s"
for = "10m"
mix = { lookup = 1 }
[[fault]]
name = "frozen"
service = "notes"
at = "1s"
for = "9m"
read_only = { path = "/data" }
"#;

/// One after another, what cuts, kills and fills.
const SHORT: &str = r#"
title = "Much is broken"
settle = "2s"
[load]
rate = "90/s"
for = "25s"
mix = { note = 1, lookup = 2 }
[[fault]]
name = "cut off"
service = "notes"
at = "1s"
for = "1s"
disconnect = true
[[fault]]
name = "silent"
service = "notes"
at = "5s"
for = "1s"
partition = { from = "other" }
[[fault]]
name = "nameless"
service = "notes"
at = "9s"
for = "1s"
dns = true
[[fault]]
name = "full"
service = "notes"
at = "13s"
for = "1s"
disk_full = { path = "/data" }
[[fault]]
name = "killed"
service = "notes"
at = "17s"
for = "1s"
kill = true
[[gate]]
expect = "error_rate > 20%"
during = "nameless"
[[gate]]
expect = "error_rate > 20%"
during = "full"
[[gate]]
expect = "error_rate > 20%"
during = "killed"
# Near a thousand requests decide it.
[[gate]]
expect = "error_rate < 2%"
"#;

#[test]
fn two_runs_on_one_engine_break_what_is_their_own_only() {
    if !engine() {
        return;
    }
    let scenario = |text| {
        Suite::notes(&[
            ("scenarios/journeys/lookup.toml", LOOKUP),
            ("scenarios/breaks.toml", text),
        ])
    };
    let (long, short) = (scenario(LONG), scenario(SHORT));
    let beside = long.start(&["run", "breaks"]);
    let long_id = long.run_id();
    long.until_event(&long_id, "fault_effective");
    let before = left(&long_id);

    let (ran, summary, short_id) = short.judged("", &["run", "breaks"]);
    let gates = &summary["verdict"]["gates"];
    assert_eq!(ran.code, 0, "{gates:#}\n{}", ran.stderr);
    assert_eq!(short.events_of(&short_id, "fault_lifted").len(), 5);
    nothing_left(&short_id);

    assert_eq!(left(&long_id), before, "a live run's was touched");
    assert_eq!(long.events_of(&long_id, "fault_lifted").len(), 0);
    let looked = |word: &str| -> u64 {
        let ticks = long.events_of(&long_id, "load_tick").into_iter();
        let ticks = ticks.filter(|tick| tick["name"] == "lookup");
        ticks.map(|tick| tick[word].as_u64().unwrap_or(0)).sum()
    };
    assert!(looked("started") > 100, "it looked nothing up meanwhile");
    let errors: Vec<_> = long.events_of(&long_id, "load_tick");
    let errors = errors.iter().filter(|tick| {
        tick["errors"]
            .as_object()
            .is_some_and(|errors| !errors.is_empty())
    });
    assert_eq!(errors.count(), 0, "it felt what was not its own");
    beside.signal("INT");
    beside.ends().exits(130);
    nothing_left(&long_id);
}
