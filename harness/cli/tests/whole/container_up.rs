//! A target in containers that is held: it answers where it is said to, in front and in the background, two at once, and
//! however it ends the engine is as it was.

use crate::support::containers::{abandoned, engine, left, nothing_left, until_nothing_left};
use crate::support::held::{answers, asked, detached, get, holder, id, until_let_go};
use crate::support::{Suite, guardian_of, signal, until};
use serde_json::Value;

#[test]
fn in_front_it_answers_at_what_is_printed_until_it_is_interrupted() {
    if !engine() {
        return;
    }
    let suite = Suite::notes(&[]);
    let running = suite.start(&["up"]);
    let printed = until("the addresses", || {
        let text = suite.read(".stdout");
        text.contains("link.edge.url").then_some(text)
    });
    let run = suite.run_id();
    let held: Value =
        serde_json::from_str(&suite.read(&format!("reports/runs/{run}/target.json"))).unwrap();
    let addresses = held["addresses"].as_object().unwrap();
    for name in ["service.notes.url", "link.edge.url"] {
        let address = addresses[name].as_str().unwrap();
        assert!(printed.contains(address), "{address} in\n{printed}");
        answers(&addresses[name], "/live");
    }
    // Two services, two networks, a volume, and the proxy that holds it.
    assert_eq!(left(&run).len(), 6);
    running.signal("INT");
    running.ends().exits(0);
    nothing_left(&run);
    assert!(get(held["entry"].as_str().unwrap(), "/live").is_err());
}

#[test]
fn two_in_the_background_stand_side_by_side_and_each_goes_when_it_is_told() {
    if !engine() {
        return;
    }
    let suite = Suite::notes(&[]);
    let (first, second) = (detached(&suite), detached(&suite));
    answers(&first["entry"], "/live");
    answers(&second["entry"], "/live");
    // What one keeps the other does not see.
    answers(&first["entry"], "/note");
    for (held, kept) in [(&first, "{\"is\":1}"), (&second, "{\"is\":0}")] {
        let count = asked(held["entry"].as_str().unwrap(), "/count").unwrap();
        assert!(count.ends_with(kept), "{count}");
    }
    let before = left(id(&second));
    let ended = suite.run(&["down", id(&first)]).exits(0);
    assert!(ended.stderr.contains(id(&first)), "{}", ended.stderr);
    nothing_left(id(&first));
    assert_eq!(left(id(&second)), before);
    answers(&second["entry"], "/live");
    suite.run(&["down"]).exits(0);
    nothing_left(id(&second));
}

#[test]
fn a_kill_of_who_holds_it_leaves_nothing_and_of_its_guardian_too_what_down_removes() {
    if !engine() {
        return;
    }
    let suite = Suite::notes(&[]);
    let first = detached(&suite);
    signal(holder(&first), "KILL");
    until_nothing_left(id(&first));
    // Two services, two networks, a volume, and the proxy.
    let (second, ()) = abandoned(6, || {
        let held = detached(&suite);
        let guardian = guardian_of(holder(&held));
        signal(guardian, "STOP");
        signal(holder(&held), "KILL");
        signal(guardian, "KILL");
        until_let_go(&held);
        (id(&held).to_owned(), ())
    });
    let ended = suite.run(&["down", &second]).exits(0);
    let told = "its holder was gone";
    assert!(ended.stderr.contains(told), "{}", ended.stderr);
    nothing_left(&second);
}

#[test]
fn one_that_does_not_come_up_in_the_background_says_why_and_leaves_nothing() {
    if !engine() {
        return;
    }
    let suite = Suite::contained("echo no licence found; exit 7", "", "within = \"60s\"");
    let ran = suite.run(&["up", "--detach"]).exits(3);
    for word in ["web", "exit code 7", "no licence found"] {
        assert!(ran.stderr.contains(word), "no `{word}` in\n{}", ran.stderr);
    }
    nothing_left(&suite.run_id());
    assert!(!suite.only_run().join("target.json").exists());
}
