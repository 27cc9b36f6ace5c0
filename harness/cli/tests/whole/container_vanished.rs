//! A container that somebody removes in the middle of a fault, and an engine that answers an error when a fault is to be undone: the
//! run ends, what happened is told once, and nothing is left.

use crate::support::containers::{Way, engine, nothing_left, remove_by_hand};
use crate::support::{Ran, Suite, part, until};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Load over one fault on the service with a volume.
const SCENARIO: &str = r#"
title = "One fault"
settle = "1s"
[load]
rate = "10/s"
for = "8s"
mix = { note = 1 }
[[fault]]
name = "broken"
service = "notes"
at = "1s"
for = "4s"
KIND
[[gate]]
expect = "error_rate <= 100%"
during = "broken"
"#;

/// What becomes of a run whose service's container is removed meanwhile.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Told {
    /// It was to run: its end is told, and the target did not stay up.
    Died,
    /// It was down: that it can't be started again is told when it should be, and the fault's gates are invalid.
    Failed,
}

/// Every kind of fault on a service in a container.
const KINDS: [(&str, Told); 14] = [
    ("kill = true", Told::Failed),
    ("stop = true", Told::Failed),
    ("pause = true", Told::Died),
    ("restart = true", Told::Died),
    ("crash_loop = { every = \"300s\" }", Told::Died),
    ("cpu = { share = \"50%\" }", Told::Died),
    ("memory = { bytes = \"200MB\" }", Told::Died),
    ("disconnect = true", Told::Died),
    ("partition = { from = \"other\" }", Told::Died),
    ("packets = { loss = \"50%\" }", Told::Died),
    ("disk_full = { path = \"/data\" }", Told::Died),
    ("read_only = { path = \"/data\" }", Told::Died),
    ("dns = true", Told::Died),
    (
        "deploy = { env = { GREETING = \"new\" }, drain = \"0s\" }",
        Told::Failed,
    ),
];

fn suite(kind: &str) -> Suite {
    Suite::notes(&[("scenarios/one.toml", &SCENARIO.replace("KIND", kind))])
}

/// What was said of the service: its death, the fault that failed, and notices of either or of what was not undone.
fn told(suite: &Suite, id: &str) -> BTreeMap<&'static str, Vec<String>> {
    let of = |event: &str, member: &str| -> Vec<String> {
        let events = suite.events_of(id, event);
        let texts = events.iter().map(|event| event[member].to_string());
        texts.collect()
    };
    let mut notices = of("notice", "text");
    notices.retain(|text| text.contains("notes") || text.contains("not everything"));
    BTreeMap::from([
        ("died", of("service_died", "status")),
        ("failed", of("fault_failed", "reason")),
        ("noticed", notices),
    ])
}

/// A few at a time, each a run of its own.
fn each<T: Sync>(all: &[T], play: impl Fn(&T) + Sync) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(one) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                    play(one);
                }
            });
        }
    });
}

/// The run of a service that is removed once its fault is there: what was said, and its id.
fn removed(suite: &Suite, kind: &str) -> (Ran, String) {
    let running = suite.start(&["run"]);
    let id = suite.run_id();
    suite.until_event(&id, "fault_effective");
    // One that is started at once runs again: removed before, it is down.
    let lives = match kind.split(' ').next() {
        Some("restart" | "crash_loop") => 2,
        _ => 1,
    };
    until("its last life", || {
        let ready = suite.events_of(&id, "service_ready").into_iter();
        let ready = ready.filter(|event| event["service"] == "notes");
        (ready.count() >= lives).then_some(())
    });
    remove_by_hand(&format!("harness-{id}-notes"));
    (running.ends(), id)
}

#[test]
fn a_container_that_vanishes_in_the_middle_of_a_fault_is_told_once_and_nothing_is_left() {
    if !engine() {
        return;
    }
    let turn = part();
    each(&KINDS, |(kind, wanted)| {
        let suite = suite(kind);
        let (ran, id) = removed(&suite, kind);
        nothing_left(&id);
        let told = told(&suite, &id);
        let counts = ["died", "failed", "noticed"].map(|what| told[what].len());
        let (code, expected) = match wanted {
            Told::Died => (1, [1, 0, 0]),
            Told::Failed => (4, [0, 1, 0]),
        };
        assert_eq!(
            (ran.code, counts),
            (code, expected),
            "{kind}: {told:#?}\n{}",
            ran.stderr
        );
        if let [reason] = &told["failed"][..] {
            let words = "somebody removed its container";
            assert!(reason.contains(words), "{kind}: {reason}");
        }
    });
    drop(turn);
}

/// Kinds that are undone by a request to the engine, and the end of its path. The helper's conversation is broken off besides.
const UNDOINGS: [(&str, &str); 8] = [
    ("kill = true", "/start"),
    ("stop = true", "/start"),
    ("pause = true", "/unpause"),
    ("cpu = { share = \"50%\" }", "/update"),
    ("memory = { bytes = \"200MB\" }", "/update"),
    ("disconnect = true", "/connect"),
    ("dns = true", "/exec"),
    ("read_only = { path = \"/data\" }", "/exec"),
];

#[test]
fn an_engine_that_answers_an_error_at_the_undo_is_told_once_and_nothing_is_left() {
    if !engine() {
        return;
    }
    let turn = part();
    each(&UNDOINGS, |(kind, path)| {
        let suite = suite(kind);
        let way = Way::at(&suite.path().join("engine.sock"));
        let mut command = suite.command(&["run"]);
        command.env("DOCKER_HOST", way.host());
        let running = suite.start_as(command);
        let id = suite.run_id();
        suite.until_event(&id, "fault_effective");
        way.refuse(&[path]);
        if *path == "/exec" {
            way.break_off();
        }
        let ran = running.ends();
        nothing_left(&id);
        let told = told(&suite, &id);
        let counts = ["died", "failed"].map(|what| told[what].len());
        assert_eq!(
            (ran.code, counts),
            (4, [0, 1]),
            "{kind}: {told:#?}\n{}",
            ran.stderr
        );
        // A conversation that was broken off says so first.
        let said = [&told["failed"][..], &told["noticed"]].concat().join("\n");
        assert!(said.contains("the engine is unwell"), "{kind}: {told:#?}");
        // That it was tried again in vain, once.
        assert_eq!(told["noticed"].len(), 1, "{kind}: {told:#?}");
    });
    drop(turn);
}
