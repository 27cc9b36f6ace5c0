//! However a run ends, nothing of it stays: interrupts at every moment, kills, and the sweep by hand.

use crate::support::journeys::BROWSE;
use crate::support::{Running, Suite, labelled, process_of, until, until_nothing_lives};

const LONG: &str = r#"
title = "A load that nobody waits for"
[load]
rate = "40/s"
for = "10m"
mix = { browse = 1 }
[[fault]]
name = "slow"
link = "orders"
at = "300ms"
for = "9m"
latency = { delay = "5ms" }
"#;

/// A group whose members ignore TERM, with a grandchild in a session of its own.
const STUBBORN: &str = r#"command = ["sh", "-c", "trap '' TERM; setsid sh -c 'trap \"\" TERM; sleep 601 & wait; wait' & sleep 602 & wait; wait"]"#;

fn long() -> Suite {
    Suite::shop(&[
        ("scenarios/journeys/browse.toml", BROWSE),
        ("scenarios/long.toml", LONG),
    ])
}

/// Starts a run and waits until its load and its fault are under way.
fn under_load(suite: &Suite) -> (Running, String) {
    let running = suite.start(&["run"]);
    let id = suite.run_id();
    suite.until_event(&id, "load_tick");
    suite.until_event(&id, "fault_armed");
    assert!(labelled(&id).len() >= 3);
    (running, id)
}

/// What holds after an orderly interrupt.
#[track_caller]
fn interrupted(suite: &Suite, running: Running, id: &str) -> String {
    let ran = running.ends().exits(130);
    assert_eq!(labelled(id), Vec::<u32>::new(), "{}", ran.stderr);
    let run = suite.only_run();
    assert!(run.join("report.html").is_file(), "{}", ran.stderr);
    assert!(!run.join("scratch").exists());
    let journal = std::fs::read_to_string(run.join("undo.ndjson")).unwrap();
    assert!(
        journal.trim_end().ends_with("{\"entry\":\"clean\"}"),
        "{journal}"
    );
    let events = suite.events(id);
    assert!(events.contains("cancel_requested"), "{events}");
    assert!(events.contains("\"end\":\"cancelled\""), "{events}");
    events
}

/// A suite whose target hangs: `prepare`, or the start of its only service.
fn hanging(prepare: &str, command: &str) -> Suite {
    let suite = Suite::new(&[(
        "scenarios/journeys/visit.toml",
        "title = \"v\"\n[[step]]\nname = \"s\"\nget = \"/\"\n",
    )]);
    let toml = format!(
        "[project]\nname = \"hanging\"\n[target]\nmode = \"process\"\n[target.service.web]\nstop_within = \"300ms\"\n\
         process = {{ {prepare} {command} }}\nready = {{ within = \"10m\" }}\n[target.link.edge]\nto = \"web\"\n"
    );
    suite.write("harness.toml", toml);
    suite
}

#[test]
fn an_interrupt_under_load_lifts_faults_stops_the_target_and_writes_the_report() {
    let suite = long();
    let (running, id) = under_load(&suite);
    running.signal("INT");
    let events = interrupted(&suite, running, &id);
    let at = |word: &str| events.find(&format!("\"event\":\"{word}\"")).unwrap();
    assert!(at("cancel_requested") < at("fault_lifted"), "{events}");
    assert!(at("fault_lifted") < at("run_finished"), "{events}");
}

#[test]
fn an_interrupt_is_the_exit_code_where_nobody_can_be_told_the_answer_too() {
    let suite = long();
    let out = suite.path().join(".stdout");
    std::os::unix::fs::symlink("/dev/full", &out).unwrap();
    let (running, id) = under_load(&suite);
    // The device reads as zeros without an end.
    std::fs::remove_file(&out).unwrap();
    suite.write(".stdout", "");
    running.signal("INT");
    interrupted(&suite, running, &id);
    let told = suite.read(".stderr");
    assert!(told.contains("failed to write to stdout"), "{told}");
}

#[test]
fn an_interrupt_while_preparing_ends_the_whole_group_of_the_command() {
    let suite = hanging(
        r#"prepare = ["sh", "-c", "sleep 603 & sleep 604; wait"],"#,
        r#"command = ["true"]"#,
    );
    let running = suite.start(&["run"]);
    let id = suite.run_id();
    process_of(&id, "sleep 603");
    process_of(&id, "sleep 604");
    running.signal("TERM");
    interrupted(&suite, running, &id);
}

#[test]
fn an_interrupt_while_a_service_starts_ends_even_what_ignores_it_and_left_its_group() {
    let suite = hanging("", STUBBORN);
    let running = suite.start(&["run"]);
    let id = suite.run_id();
    process_of(&id, "sleep 601");
    process_of(&id, "sleep 602");
    running.signal("HUP");
    let events = interrupted(&suite, running, &id);
    assert!(events.contains("outlived their services"), "{events}");
}

#[test]
fn an_interrupt_during_a_journey_stops_it_in_the_middle_of_a_wait() {
    let suite = Suite::shop(&[(
        "scenarios/journeys/wait.toml",
        r#"
title = "It never comes"
[[step]]
name = "what comes"
get = "/v1/products"
[[step]]
name = "what never comes"
get = "/v1/products"
expect = ["status == 299"]
eventually = "10m"
[[step]]
name = "later"
get = "/v1/products"
"#,
    )]);
    let running = suite.start(&["run"]);
    let id = suite.run_id();
    // Not the phase's begin: the walk may not have begun with it.
    suite.until_event(&id, "step_finished");
    running.signal("INT");
    let events = interrupted(&suite, running, &id);
    assert!(events.contains("\"outcome\":\"cancelled\""), "{events}");
}

#[test]
fn a_second_interrupt_ends_at_once_and_the_guardian_cleans_up() {
    // A service that ignores TERM and may take its time: an orderly stop would last ten minutes.
    let suite = hanging("", STUBBORN);
    let toml = std::fs::read_to_string(suite.path().join("harness.toml")).unwrap();
    suite.write("harness.toml", toml.replace("300ms", "10m"));
    let running = suite.start(&["run"]);
    let id = suite.run_id();
    process_of(&id, "sleep 601");
    running.signal("INT");
    suite.until_event(&id, "cancel_requested");
    running.signal("INT");
    let ran = running.ends().exits(130);
    assert!(ran.stderr.contains("guardian"), "{}", ran.stderr);
    until_nothing_lives(&id);
    let scratch = suite.only_run().join("scratch");
    until("the scratch folder is gone", || {
        (!scratch.exists()).then_some(())
    });
}

#[test]
fn the_guardian_cleans_up_after_a_kill_and_the_events_make_a_report() {
    let suite = long();
    let (running, id) = under_load(&suite);
    running.signal("KILL");
    running.ends().exits(-1);
    until_nothing_lives(&id);
    let scratch = suite.only_run().join("scratch");
    until("the scratch folder is gone", || {
        (!scratch.exists()).then_some(())
    });
    let again = suite.run(&["report", &id]).exits(0);
    assert!(again.stderr.contains("report:"), "{}", again.stderr);
    let page = std::fs::read_to_string(suite.only_run().join("report.html")).unwrap();
    assert!(page.contains("long") && !page.contains("No load was played"));
}

#[test]
fn heal_ends_what_killed_runs_left_and_never_touches_a_live_one() {
    let suite = long();
    let (dead, dead_id) = under_load(&suite);
    dead.orphan();
    let left = labelled(&dead_id);
    assert!(left.len() >= 3, "{left:?}");

    let live = suite.start(&["run"]);
    let live_id = until("a second run", || {
        let runs = suite.runs();
        let mut ids = runs
            .iter()
            .map(|run| run.file_name().unwrap().to_str().unwrap());
        ids.find(|id| *id != dead_id).map(str::to_owned)
    });
    suite.until_event(&live_id, "load_tick");
    let living = labelled(&live_id);

    let healed = suite.run(&["heal"]).exits(0);
    assert_eq!(labelled(&dead_id), Vec::<u32>::new(), "{}", healed.stderr);
    assert!(
        healed
            .stderr
            .contains(&format!("{live_id}: a live run, left alone")),
        "{}",
        healed.stderr
    );
    assert_eq!(labelled(&live_id), living);
    let scratch = format!("reports/runs/{dead_id}/scratch");
    assert!(!suite.path().join(scratch).exists());
    let again = suite.run(&["heal"]).exits(0);
    assert!(
        again.stderr.contains("nothing was left behind"),
        "{}",
        again.stderr
    );

    live.signal("INT");
    live.ends().exits(130);
    until_nothing_lives(&live_id);
}
