//! A target that is held: where it answers, in front and in the background, two at once, and however it ends nothing of
//! it stays.

use crate::support::held::{answers, detached, get, holder, id, until_let_go};
use crate::support::journeys::BROWSE;
use crate::support::{Suite, labelled, process_of, signal, until, until_nothing_lives};
use serde_json::Value;
use std::io::ErrorKind;
use std::path::Path;

fn shop() -> Suite {
    Suite::shop(&[("scenarios/journeys/browse.toml", BROWSE)])
}

/// A target of one service that a shell plays.
fn one(script: &str, ready: &str) -> Suite {
    let suite = Suite::new(&[("scenarios/journeys/browse.toml", BROWSE)]);
    let toml = format!(
        "[project]\nname = \"one\"\n[target]\nmode = \"process\"\n[target.service.web]\n\
         process = {{ command = [\"sh\", \"-c\", {script:?}] }}\nready = {{ {ready} }}\n[target.link.edge]\nto = \"web\"\n"
    );
    suite.write("harness.toml", toml);
    suite
}

/// Nothing of a target is left but its folder.
#[track_caller]
fn is_gone(held: &Value) {
    assert_eq!(labelled(id(held)), Vec::<u32>::new());
    let entry = held["entry"].as_str().unwrap();
    assert!(
        get(entry, "/health/ready").is_err(),
        "{entry} still answers"
    );
    let folder = Path::new(held["folder"].as_str().unwrap());
    assert!(!folder.join("scratch").exists());
    assert!(!folder.join("target.json").exists());
    let journal = std::fs::read_to_string(folder.join("undo.ndjson")).unwrap();
    assert!(
        journal.trim_end().ends_with("{\"entry\":\"clean\"}"),
        "{journal}"
    );
}

#[test]
fn in_front_it_answers_at_what_is_printed_until_it_is_interrupted() {
    let suite = shop();
    let running = suite.start(&["up"]);
    let printed = until("the addresses", || {
        let text = suite.read(".stdout");
        text.contains("link.edge.url").then_some(text)
    });
    let held: Value =
        serde_json::from_str(&suite.read(&format!("reports/runs/{}/target.json", suite.run_id())))
            .unwrap();
    assert_eq!(held["ready"], true);
    assert_eq!(held["detached"], false);
    let addresses = held["addresses"].as_object().unwrap();
    for (name, address) in addresses {
        let line = printed
            .lines()
            .find(|line| line.starts_with(&format!("${{{name}}} ")))
            .unwrap_or_else(|| panic!("no {name} in\n{printed}"));
        assert!(line.ends_with(address.as_str().unwrap()), "{line}");
    }
    answers(&held["entry"], "/health/ready");
    answers(&addresses["service.orders.url"], "/health/ready");
    answers(&addresses["link.orders.url"], "/health/ready");

    // A run beside it disturbs neither, and ends nothing of it.
    let ran = suite.run(&["run", "--tags", "smoke or not smoke"]);
    assert!([0, 5].contains(&ran.code), "{}", ran.stderr);
    answers(&held["entry"], "/health/ready");
    let none = suite.run(&["down"]).exits(0);
    assert!(none.stderr.contains("left alone"), "{}", none.stderr);
    answers(&held["entry"], "/health/ready");

    running.signal("INT");
    let ran = running.ends().exits(0);
    assert!(ran.stderr.contains("stopping the target"), "{}", ran.stderr);
    is_gone(&held);
}

#[test]
fn a_kill_leaves_nothing() {
    let suite = shop();
    let running = suite.start(&["up"]);
    let id = suite.run_id();
    until("the addresses", || {
        suite
            .read(".stdout")
            .contains("link.edge.url")
            .then_some(())
    });
    assert!(labelled(&id).len() >= 7);
    running.signal("KILL");
    running.ends().exits(-1);
    until_nothing_lives(&id);
}

#[test]
fn a_kill_leaves_nothing_when_the_folder_goes_too() {
    let suite = shop();
    let running = suite.start(&["up"]);
    let id = suite.run_id();
    until("the addresses", || {
        suite
            .read(".stdout")
            .contains("link.edge.url")
            .then_some(())
    });
    // One that sees its folder go ends in good order: it is held still, and never goes on.
    running.signal("STOP");
    let folder = suite.only_run();
    until("the folder is gone", || {
        // Its services still write there.
        std::fs::remove_dir_all(&folder).ok()
    });
    assert!(labelled(&id).len() >= 7);
    running.signal("KILL");
    running.ends().exits(-1);
    until_nothing_lives(&id);
}

#[test]
fn two_in_the_background_stand_side_by_side_and_down_ends_the_one_that_is_meant() {
    let suite = shop();
    let (first, second) = (detached(&suite), detached(&suite));
    assert_ne!(first["entry"], second["entry"]);
    for held in [&*first, &*second] {
        answers(&held["entry"], "/health/ready");
        assert_eq!(held["ready"], true);
    }
    let told = suite.run(&["heal"]).exits(0);
    assert_eq!(
        told.stderr.matches("a live run, left alone").count(),
        2,
        "{}",
        told.stderr
    );

    let ambiguous = suite.run(&["down", "2"]).exits(2);
    assert!(
        ambiguous.stderr.contains(id(&first)) && ambiguous.stderr.contains(id(&second)),
        "{}",
        ambiguous.stderr
    );
    let unknown = suite.run(&["down", "nobody"]).exits(2);
    assert!(
        unknown.stderr.contains("no target `nobody` is held"),
        "{}",
        unknown.stderr
    );

    let ended = suite.run(&["down", id(&first)]).exits(0);
    assert!(
        ended.stderr.contains("ended 7 services"),
        "{}",
        ended.stderr
    );
    is_gone(&first);
    answers(&second["entry"], "/health/ready");
    let ended = suite.run(&["down"]).exits(0);
    assert!(ended.stderr.contains(id(&second)), "{}", ended.stderr);
    is_gone(&second);
    let none = suite.run(&["down"]).exits(0);
    assert!(none.stderr.contains("no target is held"), "{}", none.stderr);
}

#[test]
fn one_that_can_not_be_read_keeps_nobody_from_ending_another() {
    let suite = one("exec sleep 600", "command = [\"true\"]");
    let held = detached(&suite);
    suite.write("reports/runs/0-broken/target.json", "{");
    let ran = suite.run(&["down"]).exits(3);
    assert!(
        ran.stderr.contains("0-broken/target.json"),
        "{}",
        ran.stderr
    );
    assert_eq!(labelled(id(&held)), Vec::<u32>::new());
    suite.run(&["down"]).exits(3);
}

#[test]
fn the_streams_of_who_detached_it_are_let_go_and_the_death_of_a_service_is_kept() {
    // `run` reads both streams to their end: it would wait for the holder's.
    let suite = shop();
    let held = detached(&suite);
    let log = format!("reports/runs/{}/holder.log", id(&held));
    signal(process_of(id(&held), "payments"), "KILL");
    let kept = until("the death is told", || {
        let kept = suite.read(&log);
        kept.contains("ended by itself").then_some(kept)
    });
    assert!(
        kept.contains("✗ payments ended by itself at 2") && kept.contains("signal 9"),
        "{kept}"
    );
    // Out of reach of the terminal's signals.
    let pid = holder(&held);
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let session = stat.rsplit_once(')').unwrap().1;
    assert_eq!(session.split_whitespace().nth(3), Some(&*pid.to_string()));
    suite.run(&["down"]).exits(0);
    is_gone(&held);
}

#[test]
fn a_holder_that_was_killed_with_its_guardian_is_cleaned_up_by_down() {
    let suite = shop();
    let held = detached(&suite);
    let pid = holder(&held);
    let guardian = crate::support::guardian_of(pid);
    signal(guardian, "STOP");
    signal(pid, "KILL");
    signal(guardian, "KILL");
    until_let_go(&held);
    assert!(labelled(id(&held)).len() >= 7, "nothing was left behind");
    let ended = suite.run(&["down"]).exits(0);
    assert!(
        ended.stderr.contains("its holder was gone; ended") && ended.stderr.contains("processes"),
        "{}",
        ended.stderr
    );
    is_gone(&held);
}

/// Removes a folder in which others may still be making files.
fn remove(folder: &Path) {
    let removed = until("its removal", || {
        let removed = std::fs::remove_dir_all(folder);
        let refilled = |error: &std::io::Error| error.kind() == ErrorKind::DirectoryNotEmpty;
        (!removed.as_ref().is_err_and(refilled)).then_some(removed)
    });
    removed.unwrap();
}

/// `down` knows by the folder what is held: without it nobody could end the target.
#[test]
fn one_whose_folder_is_removed_ends_itself() {
    let suite = shop();
    let held = detached(&suite);
    assert!(labelled(id(&held)).len() >= 7);
    remove(&suite.path().join("reports"));
    until_let_go(&held);
    assert_eq!(labelled(id(&held)), Vec::<u32>::new());
    let entry = held["entry"].as_str().unwrap();
    assert!(get(entry, "/health/ready").is_err(), "{entry} answers");
}

#[test]
fn an_end_under_way_is_not_hurried_by_a_folder_that_is_removed() {
    let suite = one(
        "trap '' TERM; while :; do sleep 0.1; done",
        "command = [\"true\"]",
    );
    suite.write(
        "harness.toml",
        suite
            .read("harness.toml")
            .replace("ready =", "stop_within = \"5s\"\nready ="),
    );
    let held = detached(&suite);
    signal(holder(&held), "TERM");
    remove(&suite.path().join("reports"));
    until_let_go(&held);
    assert_eq!(labelled(id(&held)), Vec::<u32>::new());
}

#[test]
fn one_that_does_not_come_up_in_the_background_says_why_and_leaves_nothing() {
    let suite = one("echo no licence found >&2; exit 7", "within = \"60s\"");
    let ran = suite.run(&["up", "--detach"]).exits(3);
    assert!(
        ran.stderr.contains("web did not come up") && ran.stderr.contains("no licence found"),
        "{}",
        ran.stderr
    );
    assert_eq!(ran.stdout, "");
    assert!(!suite.only_run().join("target.json").exists());
    let quiet = suite.run(&["up", "--quiet"]).exits(3);
    assert!(
        quiet.stderr.contains("no licence found"),
        "{}",
        quiet.stderr
    );
}

#[test]
fn an_interrupt_of_who_waits_ends_what_was_started_in_the_background() {
    let suite = one("echo waiting; exec sleep 606", "within = \"10m\"");
    let running = suite.start(&["up", "--detach"]);
    let id = suite.run_id();
    process_of(&id, "sleep 606");
    running.signal("INT");
    running.ends().exits(130);
    assert_eq!(labelled(&id), Vec::<u32>::new());
    assert!(!suite.only_run().join("target.json").exists());
}

#[test]
fn a_suite_with_errors_is_told_once_and_holds_nothing() {
    let suite = shop();
    suite.append("harness.toml", "\n[nonsense]\nx = 1\n");
    let ran = suite.run(&["up", "--detach"]).exits(2);
    assert_eq!(
        ran.stderr.matches("nothing was started").count(),
        1,
        "{}",
        ran.stderr
    );
    assert_eq!(suite.runs(), Vec::<std::path::PathBuf>::new());
}
