//! Each kind of fault shows in the client's figures while it lasts and not before, several at once are all lifted, and a
//! gate that may abort ends a load early.

use crate::support::events;
use crate::support::journeys::{BROWSE_SHORTLY as BROWSE, VISIT};
use crate::support::{Suite, server};
use serde_json::{Value, json};

/// A load of six seconds with a fault on the way in during the middle two, and gates for the figures before and during.
fn scenario(fault: &str, before: &str, during: &str) -> String {
    format!(
        r#"
title = "A fault on the way in"
settle = "1s"
[load]
rate = "30/s"
for = "6s"
mix = {{ browse = 1 }}
[[fault]]
name = "broken"
at = "2s"
for = "2s"
{fault}
[[gate]]
expect = "{before}"
[[gate]]
expect = "{during}"
during = "broken"
"#
    )
}

/// The gate holds with the fault, and the same gate fails without it: what it sees is the fault.
#[track_caller]
fn shows(fault: &str, before: &str, during: &str) -> String {
    let suite = Suite::shop(&[
        ("scenarios/journeys/browse.toml", BROWSE),
        ("scenarios/fault.toml", &scenario(fault, before, during)),
    ]);
    let (_, id) = suite.holds();
    let events = suite.events(&id);
    assert_eq!(events::of(&events, "fault_armed").count(), 1);
    assert_eq!(
        events::of(&events, "fault_effective").count(),
        1,
        "{events}"
    );
    assert_eq!(events::of(&events, "fault_lifted").count(), 1);
    assert_eq!(events::of(&events, "fault_failed").count(), 0, "{events}");
    events
}

/// The classes of errors that were counted.
fn errors(events: &str) -> Vec<String> {
    let mut classes: Vec<_> = events::of(events, "load_tick")
        .filter_map(|tick| Some(tick["errors"].as_object()?.clone()))
        .flat_map(|errors| errors.into_iter().map(|(class, _)| class))
        .collect();
    classes.sort();
    classes.dedup();
    classes
}

/// The fault shows in the share of errors, and there are such of a class.
#[track_caller]
fn fails_with(fault: &str, during: &str, class: &str) -> String {
    let events = shows(fault, "error_rate < 5%", during);
    let errors = errors(&events);
    assert!(errors.contains(&class.to_owned()), "{errors:?}");
    events
}

#[test]
fn latency_makes_answers_late() {
    let events = shows(
        "link = \"edge\"\nlatency = { delay = \"400ms\", jitter = \"100ms\" }",
        "p50 < 250ms",
        "p50 > 290ms",
    );
    assert_eq!(errors(&events), Vec::<String>::new());
}

#[test]
fn timeout_swallows_answers() {
    fails_with(
        "link = \"edge\"\ntimeout = { after = \"0s\" }",
        "error_rate > 60%",
        "first-byte-timeout",
    );
}

#[test]
fn reset_breaks_connections() {
    fails_with(
        "link = \"edge\"\nreset = { after = \"0s\" }",
        "error_rate > 60%",
        "reset",
    );
}

#[test]
fn bandwidth_makes_answers_crawl() {
    shows(
        "link = \"edge\"\nbandwidth = { rate = \"4kB/s\" }",
        "p50 < 250ms",
        "p50 > 300ms",
    );
}

#[test]
fn a_link_that_is_down_refuses() {
    fails_with(
        "link = \"edge\"\ndown = true",
        "error_rate > 60%",
        "refused",
    );
}

#[test]
fn a_delay_ramps_while_the_fault_lasts() {
    let fault = "link = \"edge\"\nlatency = { delay = \"0ms..900ms\" }";
    let text = scenario(fault, "p50 < 250ms", "max > 500ms");
    // It did not begin there.
    let slowly = "[[gate]]\nexpect = \"p25 < 400ms\"\nduring = \"broken\"\n";
    let suite = Suite::shop(&[
        ("scenarios/journeys/browse.toml", BROWSE),
        ("scenarios/fault.toml", &(text + slowly)),
    ]);
    let (_, id) = suite.holds();
    let events = suite.events(&id);
    let armed = events::of(&events, "fault_armed").next().unwrap();
    assert_eq!(armed["what"], "latency 0s to 900ms on edge");
}

#[test]
fn lost_chunks_stall_answers() {
    shows(
        "link = \"edge\"\nloss = { share = \"80%\", stall = \"300ms\" }",
        "p50 < 250ms",
        "p50 > 290ms",
    );
}

/// Only an answer that its connection's end ends is late by it.
#[test]
fn an_answers_end_comes_late() {
    let fault = "link = \"edge\"\nslow_close = { delay = \"400ms\" }";
    let suite = Suite::new(&[
        ("scenarios/journeys/browse.toml", VISIT),
        (
            "scenarios/fault.toml",
            &scenario(fault, "p50 < 250ms", "p50 > 390ms"),
        ),
    ]);
    let (target, port) = (
        server::target(),
        format!("{} = \"${{port}}\"", server::PORT),
    );
    let closing = target.replace(&port, &format!("{port}, {} = \"1\"", server::CLOSES));
    assert_ne!(closing, target);
    suite.write(
        "harness.toml",
        format!("[project]\nname = \"closing\"\n{closing}"),
    );
    let (_, id) = suite.holds();
    let events = suite.events(&id);
    assert_eq!(errors(&events), Vec::<String>::new());
    assert_eq!(
        events::of(&events, "fault_effective").count(),
        1,
        "{events}"
    );
}

#[test]
fn a_limit_cuts_answers() {
    shows(
        "link = \"edge\"\nlimit = { bytes = \"60B\" }",
        "error_rate < 5%",
        "error_rate > 60%",
    );
}

#[test]
fn slices_make_answers_trickle() {
    shows(
        "link = \"edge\"\nslice = { size = \"40B\", variation = \"10B\", delay = \"60ms\" }",
        "p50 < 250ms",
        "p50 > 290ms",
    );
}

#[test]
fn corrupt_bytes_break_answers() {
    let fault = "link = \"edge\"\ncorrupt = { share = \"100%\" }";
    shows(fault, "error_rate < 5%", "error_rate > 5%");
}

#[test]
fn the_first_connections_fail_and_all_after_them_pass() {
    let fault = "link = \"edge\"\nfail_first = { connections = 7 }";
    let text = scenario(fault, "error_rate < 5%", "error_rate < 30%");
    let text = text.replace("mix =", "http = { reuse = \"never\" }\nmix =");
    let suite = Suite::shop(&[
        ("scenarios/journeys/browse.toml", BROWSE),
        ("scenarios/fault.toml", &text),
    ]);
    let (_, id) = suite.holds();
    let journeys = suite.events(&id);
    let journeys = events::of(&journeys, "load_tick").filter(|tick| tick["name"] == "browse");
    let failed = journeys.filter_map(|tick| tick["errors"]["reset"].as_u64());
    assert_eq!(failed.sum::<u64>(), 7);
}

#[test]
fn a_fault_meets_the_clients_it_is_meant_for_and_no_others() {
    let latency = "link = \"edge\"\nlatency = { delay = \"400ms\" }";
    let loopback = format!("{latency}\nclients = [\"127.0.0.0/8\"]");
    shows(&loopback, "p50 < 250ms", "p50 > 290ms");
    let other = format!("{latency}\nclients = [\"10.1.2.3\"]");
    let suite = Suite::shop(&[
        ("scenarios/journeys/browse.toml", BROWSE),
        (
            "scenarios/fault.toml",
            &scenario(&other, "p50 < 250ms", "p50 < 250ms"),
        ),
    ]);
    let (ran, summary, _) = suite.judged("", &["run"]);
    assert_eq!(ran.code, 4, "{:#}", summary["verdict"]["gates"]);
    let reason = &summary["verdict"]["run"]["reason"];
    assert!(
        reason.as_str().unwrap().contains("touched nothing"),
        "{reason}"
    );
}

#[test]
fn a_share_of_connections_is_met() {
    let fault = "link = \"edge\"\nreset = { after = \"0s\" }\nshare = \"50%\"";
    let text = scenario(fault, "error_rate < 5%", "error_rate < 80%");
    let text = text.replace("mix =", "http = { reuse = \"never\" }\nmix =")
        + "[[gate]]\nexpect = \"error_rate > 20%\"\nduring = \"broken\"\n";
    let suite = Suite::shop(&[
        ("scenarios/journeys/browse.toml", BROWSE),
        ("scenarios/fault.toml", &text),
    ]);
    let (summary, _) = suite.holds();
    // Every connection that it touched failed, and no other: what it touched is told apart.
    let phases = &phases(&summary)["broken"]["phases"];
    let [during, affected, spared] =
        ["during", "affected", "spared"].map(|word| phases[word].clone());
    assert_eq!(
        affected["errors"]["any"], during["errors"]["reset"],
        "{phases:#}"
    );
    assert_eq!(
        (&affected["ok"], &spared["errors"]),
        (&json!(0), &json!({})),
        "{phases:#}"
    );
    assert_eq!(spared["ok"], during["ok"]);
}

/// The faults' figures of the only scenario.
fn phases(summary: &Value) -> Value {
    let scenarios = summary["scenarios"].as_array();
    scenarios.unwrap()[0]["faults"].clone()
}

#[test]
fn percentiles_of_what_a_fault_touched_and_of_what_it_spared_are_told_apart() {
    // Two steps are walked, not sent from a template: the other way through the generator.
    let journey = format!("{BROWSE}[[step]]\nname = \"again\"\nget = \"/v1/products\"\n");
    let fault = "link = \"edge\"\nlatency = { delay = \"400ms\" }\nshare = \"30%\"";
    let text = scenario(fault, "p50 < 250ms", "p99 > 390ms");
    let text = text.replace("mix =", "http = { reuse = \"never\" }\nmix =");
    let suite = Suite::shop(&[
        ("scenarios/journeys/browse.toml", &journey),
        ("scenarios/fault.toml", &text),
    ]);
    let (summary, id) = suite.holds();
    let faults = phases(&summary);
    let phases = &faults["broken"]["phases"];
    let median = |word: &str| phases[word]["response"]["p50"].as_f64().unwrap();
    assert!(
        median("affected") >= 390e3 && median("spared") < 390e3,
        "{phases:#}"
    );
    let ended = |word: &str| phases[word]["ok"].as_u64().unwrap();
    assert_eq!(ended("affected") + ended("spared"), ended("during"));
    let events = suite.events(&id);
    let touched = events::of(&events, "load_tick").filter(|tick| tick.get("affected").is_some());
    let seconds: Vec<_> = touched.filter_map(|tick| tick["second"].as_u64()).collect();
    // What was asked before the fault is not affected, unless it was under way when it began.
    assert!(
        seconds.iter().min().is_some_and(|first| *first >= 1),
        "{seconds:?}"
    );
}

#[test]
fn requests_are_answered_by_the_proxy_and_those_of_other_paths_are_not() {
    let fault = "link = \"edge\"\nhttp = { method = \"GET\", path = \"/v1/{what}\", status = 503, retry_after = \"2s\" }";
    let events = fails_with(fault, "error_rate > 60%", "status-503");
    let armed = events::of(&events, "fault_armed").next().unwrap();
    assert_eq!(armed["what"], "status 503 of GET /v1/{what} on edge");
    let other = "link = \"edge\"\nhttp = { path = \"/v2/products\", drop = true }";
    let suite = Suite::shop(&[
        ("scenarios/journeys/browse.toml", BROWSE),
        (
            "scenarios/fault.toml",
            &scenario(other, "error_rate < 5%", "error_rate < 5%"),
        ),
    ]);
    let (ran, summary, _) = suite.judged("", &["run"]);
    assert_eq!(ran.code, 4, "{:#}", summary["verdict"]["gates"]);
}

#[test]
fn requests_are_held() {
    let fault = "link = \"edge\"\nhttp = { delay = \"400ms\" }";
    shows(fault, "p50 < 250ms", "p50 > 290ms");
}

/// Services that became ready, by name, the first start included.
fn ready(events: &str, service: &str) -> usize {
    events::of(events, "service_ready")
        .filter(|ready| ready["service"] == service)
        .count()
}

#[test]
fn a_killed_service_is_gone_until_it_is_started_again() {
    let events = shows(
        "service = \"gateway\"\nkill = true",
        "error_rate < 5%",
        "error_rate > 60%",
    );
    assert_eq!(ready(&events, "gateway"), 2, "{events}");
    assert_eq!(events::of(&events, "service_died").count(), 0, "{events}");
}

#[test]
fn a_paused_service_holds_what_it_is_asked_until_it_goes_on() {
    let events = fails_with(
        "service = \"gateway\"\npause = true",
        "error_rate > 30%",
        "first-byte-timeout",
    );
    assert_eq!(ready(&events, "gateway"), 1, "{events}");
}

#[test]
fn a_service_is_restarted_at_once() {
    let fault = "service = \"gateway\"\nrestart = true";
    let events = shows(fault, "error_rate < 5%", "error_rate < 90%");
    assert_eq!(ready(&events, "gateway"), 2, "{events}");
    assert_eq!(events::of(&events, "service_died").count(), 0, "{events}");
    let at = |event: &str| events.rfind(&format!("\"event\":\"{event}\""));
    assert!(at("service_ready") < at("fault_lifted"), "{events}");
}

#[test]
fn a_service_in_a_crash_loop_comes_back_when_it_is_lifted() {
    let fault = "service = \"gateway\"\ncrash_loop = { every = \"400ms\" }";
    let events = shows(fault, "error_rate < 5%", "error_rate < 100%");
    assert!(ready(&events, "gateway") >= 4, "{events}");
    assert_eq!(events::of(&events, "service_died").count(), 0, "{events}");
}

const KILL_WALK: &str = r#"
title = "The gateway dies and comes back"
tags = ["chaos"]
[[step]]
name = "it dies"
fault = { service = "gateway", kill = true }
[[step]]
name = "it comes back"
lift = "it dies"
[[step]]
name = "it answers at once"
get = "/health/live"
expect = ["status == 200"]
[[step]]
name = "it dies / for good"
fault = { service = "gateway", kill = true }
"#;

const NEXT_WALK: &str = r#"
title = "The walk after it meets a whole system"
[[step]]
name = "it answers"
get = "/health/live"
expect = ["status == 200"]
"#;

#[test]
fn a_walk_kills_a_service_and_leaves_it_running() {
    let suite = Suite::shop(&[
        ("scenarios/journeys/kill.toml", KILL_WALK),
        ("scenarios/journeys/next.toml", NEXT_WALK),
        (
            "features/pause.feature",
            "Feature: a paused service\n  Scenario: it goes on\n    Given the service \"gateway\" is paused\n    And the service \"gateway\" is healed\n    When I GET \"/health/live\"\n    Then the status is 200\n  Scenario: it comes back\n    Given the service \"gateway\" is killed\n    And the service \"gateway\" is healed\n",
        ),
        // What a feature file started again is still watched, and steady, when the walks are long over.
        (
            "scenarios/after.toml",
            "title = \"After\"\n[load]\nrate = \"30/s\"\nfor = \"2s\"\nmix = { next = 1 }\n[[gate]]\nexpect = \"error_rate < 10%\"\n",
        ),
    ]);
    let (ran, summary, id) = suite.judged("", &["run"]);
    assert_eq!(ran.code, 0, "{summary:#}\n{}", ran.stderr);
    let events = suite.events(&id);
    let names = |event| -> Vec<Value> {
        let told = events::of(&events, event);
        told.map(|told| told["fault"].clone()).collect()
    };
    assert_eq!(names("fault_lifted").len(), 4, "{events}");
    assert_eq!(names("fault_lifted"), names("fault_armed"));
    assert_eq!(ready(&events, "gateway"), 4, "{events}");
    assert_eq!(events::of(&events, "service_died").count(), 0, "{events}");
}

/// The demo system with a worker beside it that nobody asks and that starts only once: from then on, this instead.
fn with_worker(instead: &str) -> Suite {
    let suite = Suite::shop(&[("scenarios/journeys/browse.toml", BROWSE)]);
    let (shop, toml) = (crate::support::shop().display(), suite.read("harness.toml"));
    let run = format!(
        "if mkdir ${{run.dir}}/worker; then exec {shop} payments --port ${{port}}; else {instead}; fi"
    );
    let worker = format!(
        "[target.service.worker]\nprocess = {{ command = [\"sh\", \"-c\", \"{run}\"] }}\n\
         ready = {{ get = \"/health/ready\", within = \"5s\" }}\n"
    );
    suite.write("harness.toml", toml + &worker);
    suite
}

const PORT_TAKEN: &str = "echo address already in use; exit 1";
const KILL_WORKER: &str = r#"
title = "The worker dies"
tags = ["chaos"]
[[step]]
name = "it dies"
fault = { service = "worker", kill = true }
"#;

/// Nobody asks the worker, so no gate sees that it is gone.
#[test]
fn a_killed_service_that_does_not_start_again_has_died() {
    let suite = with_worker(PORT_TAKEN);
    let fault = "service = \"worker\"\nkill = true";
    let scenario = scenario(fault, "error_rate < 50%", "error_rate < 50%");
    suite.write("scenarios/fault.toml", scenario);
    let (ran, summary, id) = suite.judged("", &["run"]);
    assert_eq!(ran.code, 1, "{summary:#}");
    let events = suite.events(&id);
    assert_eq!(events::of(&events, "service_died").count(), 1, "{events}");
    assert!(events.contains("address already in use"), "{events}");
}

#[test]
fn a_service_that_a_walk_killed_and_that_does_not_start_again_has_died() {
    let suite = with_worker(PORT_TAKEN);
    suite.write("scenarios/journeys/kill.toml", KILL_WORKER);
    let (ran, summary, _) = suite.judged("", &["run"]);
    assert_eq!(ran.code, 1, "{summary:#}");
    assert!(ran.stdout.contains("`worker` died"), "{}", ran.stdout);
}

/// It lives, and is not ready when the load is over.
#[test]
fn a_killed_service_that_is_never_ready_again_makes_the_run_invalid() {
    let suite = with_worker("exec sleep 606");
    let fault = "service = \"worker\"\nkill = true";
    let scenario = scenario(fault, "error_rate < 50%", "error_rate < 50%");
    suite.write(
        "scenarios/fault.toml",
        scenario.replace("at = \"2s\"", "at = \"4s\""),
    );
    let (ran, summary, _) = suite.judged("", &["run"]);
    assert_eq!(ran.code, 4, "{summary:#}");
    assert!(
        ran.stdout
            .contains("did not come back: worker: it was not ready"),
        "{}",
        ran.stdout
    );
}

#[test]
fn a_service_that_a_walk_killed_and_that_is_never_ready_again_makes_the_run_invalid() {
    let suite = with_worker("exec sleep 606");
    suite.write("scenarios/journeys/kill.toml", KILL_WORKER);
    let (ran, summary, _) = suite.judged("", &["run"]);
    assert_eq!(ran.code, 4, "{summary:#}");
    assert!(
        ran.stdout.contains("worker: it was not ready within 5s"),
        "{}",
        ran.stdout
    );
}

/// Lifting the one would find the other.
#[test]
fn a_service_is_struck_once_at_a_time() {
    let suite = with_worker(PORT_TAKEN);
    let feature = "Feature: a worker\n  Scenario: twice\n    Given the service \"worker\" is paused\n    \
                   And the service \"worker\" is killed\n    When I GET \"/health/live\"\n    Then the status is 200\n";
    suite.write("features/twice.feature", feature);
    let ran = suite.run(&["run"]).exits(1);
    let told = "service `worker` is paused already: heal it first";
    assert!(ran.stdout.contains(told), "{}", ran.stdout);
}

#[test]
fn several_faults_at_once_are_all_applied_and_all_lifted() {
    let more = r#"
[[fault]]
name = "slow catalogue"
link = "catalogue"
at = "1s"
for = "4s"
latency = { delay = "20ms" }
[[fault]]
name = "until the very end"
link = "edge"
at = "3s"
for = "3s"
bandwidth = { rate = "1MB/s" }
"#;
    let fault = "link = \"edge\"\nlatency = { delay = \"300ms\" }";
    let suite = Suite::shop(&[
        ("scenarios/journeys/browse.toml", BROWSE),
        (
            "scenarios/1-faults.toml",
            &(scenario(fault, "error_rate < 50%", "p50 > 290ms") + more),
        ),
        (
            "scenarios/2-after.toml",
            "title = \"After\"\n[load]\nrate = \"30/s\"\nfor = \"3s\"\nmix = { browse = 1 }\n[[gate]]\nexpect = \"error_rate < 5%\"\n",
        ),
    ]);
    let (ran, summary, id) = suite.judged("", &["run"]);
    assert_eq!(ran.code, 0, "{:#}", summary["verdict"]);
    let events = suite.events(&id);
    for event in ["fault_armed", "fault_lifted"] {
        let mut names: Vec<_> = events::of(&events, event)
            .map(|e| e["fault"].as_str().unwrap().to_owned())
            .collect();
        names.sort();
        assert_eq!(
            names,
            ["broken", "slow catalogue", "until the very end"],
            "{event}"
        );
    }
    let together = events::of(&events, "epoch_started")
        .any(|epoch| epoch["faults"].as_array().is_some_and(|f| f.len() == 3));
    assert!(together, "{events}");
    let last_lift = events.rfind("\"event\":\"fault_lifted\"").unwrap();
    assert!(last_lift < events.find("\"scenario\":\"2-after\",\"t0_us\"").unwrap());
}

#[test]
fn a_repeated_fault_strikes_in_turns_from_an_event_on() {
    let text = r#"
title = "The way in is slow again and again"
settle = "500ms"
[load]
stages = [{ rate = "20/s..60/s", for = "1s" }, { rate = "60/s", for = "7s" }]
mix = { browse = 1 }
[[fault]]
name = "slow"
link = "edge"
when = "ramp ends"
at = "500ms..800ms"
for = "1s..1500ms"
every = "2500ms"
times = 2
latency = { delay = "400ms" }
[[gate]]
expect = "p50 < 250ms"
[[gate]]
expect = "p50 > 290ms"
during = "slow"
"#;
    let suite = Suite::shop(&[
        ("scenarios/journeys/browse.toml", BROWSE),
        ("scenarios/turns.toml", text),
    ]);
    let (_, id) = suite.holds();
    let events = suite.events(&id);
    for event in ["fault_armed", "fault_effective", "fault_lifted"] {
        let turns: Vec<_> = events::of(&events, event)
            .map(|told| told["turn"].as_u64().unwrap_or(1))
            .collect();
        assert_eq!(turns, [1, 2], "{event}");
    }
    let starts: Vec<_> = events::of(&events, "fault_armed")
        .map(|told| told["at_us"].as_u64().unwrap())
        .collect();
    assert!(starts[1] - starts[0] >= 2_500_000 - 100_000, "{starts:?}");
}

#[test]
fn a_gate_that_may_abort_ends_the_load_early() {
    let long = r#"
title = "It would last ten minutes"
[load]
rate = "60/s"
for = "10m"
mix = { wrong = 1 }
[[gate]]
expect = "error_rate < 10%"
abort = true
"#;
    let wrong = "title = \"Never right\"\ntags = [\"load-only\"]\n[[step]]\nname = \"s\"\nget = \"/v1/products\"\nexpect = [\"status == 299\"]\n";
    let suite = Suite::shop(&[
        ("scenarios/journeys/wrong.toml", wrong),
        ("scenarios/long.toml", long),
    ]);
    let (ran, summary, id) = suite.judged("", &["run"]);
    ran.exits(1);
    let events = suite.events(&id);
    assert_eq!(events::of(&events, "gate_tripped").count(), 1, "{events}");
    assert!(events.contains("\"end\":\"aborted\""), "{events}");
    assert_eq!(summary["readiness"]["decision"], "no-go");
    assert_eq!(summary["verdict"]["gates"][0]["grade"], "fail");
}
