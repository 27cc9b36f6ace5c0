//! The same parts of the same suite against processes and against containers: without a defect both are green, and planted
//! defects, one of each class of `docs/order-system.md` at least, turn exactly the same red.

use crate::support::Suite;
use crate::support::bundled::{STEADY, expect, in_containers, leave_room, red, rows};
use crate::support::containers::{engine, nothing_left};

#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Processes,
    Containers,
}

/// Parts of the suite in a mode; `None`, and a visible line, where that can't be.
fn parts(mode: Mode, files: &[String], contracts: &[&str]) -> Option<Suite> {
    if mode == Mode::Containers && !engine() {
        return None;
    }
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    let suite = rows(&files, contracts);
    if mode == Mode::Containers {
        in_containers(&suite);
    }
    Some(suite)
}

fn journeys(names: &[&str]) -> Vec<String> {
    let file = |name: &&str| format!("scenarios/journeys/{name}.toml");
    names.iter().map(file).collect()
}

/// What is walked once, whatever the load: each is red by a defect of its own.
const WALKS: [(&str, &str); 8] = [
    ("leaked-stock", "declined"),
    ("lost-idempotency", "order-twice"),
    ("payment-timeout-unhandled", "payment-timeout"),
    ("dead-letters-dropped", "dead-letter"),
    ("no-fallback", "fallback"),
    ("page-skips", "pages"),
    ("no-retry-after", "rate-limit"),
    ("stale-cache", "caching"),
];

/// All at once: one start of the target, and each walk and the document are red by their own defect.
fn what_is_walked(mode: Mode, defective: bool) {
    let walks = WALKS.map(|(_, journey)| journey);
    let Some(suite) = parts(mode, &journeys(&walks), &["orders"]) else {
        return;
    };
    let (mut defects, mut wanted) = (Vec::new(), Vec::new());
    if defective {
        defects.extend(WALKS.map(|(defect, _)| defect));
        defects.push("wrong-schema");
        wanted.extend(walks.map(|journey| format!("journey {journey}")));
        wanted.push("contract body-schema".to_owned());
        wanted.sort();
    }
    let ran = suite.run_with(&defects.join(","), &["run", "--format", "json"]);
    let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
    expect(&ran, &ran.json(), &wanted);
    nothing_left_of(&suite, mode);
}

/// Nothing of any run is left on the engine; those that had to be judged again too.
fn nothing_left_of(suite: &Suite, mode: Mode) {
    if mode == Mode::Containers {
        for run in suite.runs() {
            nothing_left(run.file_name().unwrap().to_str().unwrap());
        }
    }
}

/// The load whose orders, money and notifications add up.
fn what_is_conserved(mode: Mode, defect: &str, wanted: &[&str]) {
    let mut files = journeys(&["browse", "checkout", "repeat-order", "order-is-settled"]);
    files.push("scenarios/conserved.toml".to_owned());
    let Some(suite) = parts(mode, &files, &[]) else {
        return;
    };
    let (ran, summary, _) = suite.judged(defect, &["run", "conserved", "--tags", "load"]);
    expect(&ran, &summary, wanted);
    nothing_left_of(&suite, mode);
}

const DISHONEST: &str = "duplicate-notification,double-charge";
const NOT_CONSERVED: [&str; 3] = [
    "conserved#every acknowledged order is settled and told once fail",
    "suite@conserved#money is conserved fail",
    "suite@conserved#one notification for each order fail",
];

const REFUSES: &str = "scenarios/orders-refuses.toml";

/// A light load, and a service that refuses under it.
fn what_is_judged_under_load(mode: Mode, defect: &str, wanted: &[&str]) {
    let mut files = journeys(&["browse", "checkout", "repeat-order"]);
    files.extend([STEADY, REFUSES].map(str::to_owned));
    let Some(suite) = parts(mode, &files, &[]) else {
        return;
    };
    let light = suite.read(STEADY);
    let light = light
        .replace("1000/s", "150/s")
        .replace("for = \"15s\"", "for = \"5s\"");
    suite.write(STEADY, light);
    leave_room(&suite, defect);
    let arguments = ["run", "steady", "orders-refuses", "--tags", "load or chaos"];
    let arguments = [&arguments[..], &["--variant", "no-breaker"]].concat();
    let (ran, summary, _) =
        suite.judged_alone(defect, &arguments, |summary| red(summary) == wanted);
    expect(&ran, &summary, wanted);
    nothing_left_of(&suite, mode);
}

const SLUGGISH: &str = "slow-query,memory-leak,retry-storm";
const MISSED: [&str; 5] = [
    "orders-refuses#2 fail",
    "orders-refuses#retries are no storm fail",
    "steady#1 fail",
    "steady#2 fail",
    "suite#the gateway's memory does not grow with its requests fail",
];

#[test]
fn walks_and_documents_are_green_in_containers() {
    what_is_walked(Mode::Containers, false);
}

#[test]
fn each_defect_turns_its_walk_red_in_containers() {
    what_is_walked(Mode::Containers, true);
}

#[test]
fn each_defect_turns_its_walk_red_as_processes() {
    what_is_walked(Mode::Processes, true);
}

#[test]
fn everything_adds_up_in_containers() {
    what_is_conserved(Mode::Containers, "", &[]);
}

#[test]
fn what_does_not_add_up_is_seen_in_containers() {
    what_is_conserved(Mode::Containers, DISHONEST, &NOT_CONSERVED);
}

#[test]
fn what_does_not_add_up_is_seen_as_processes() {
    what_is_conserved(Mode::Processes, DISHONEST, &NOT_CONSERVED);
}

#[test]
fn a_light_load_and_a_refusal_are_green_in_containers() {
    what_is_judged_under_load(Mode::Containers, "", &[]);
}

#[test]
fn figures_and_storms_are_seen_in_containers() {
    what_is_judged_under_load(Mode::Containers, SLUGGISH, &MISSED);
}

#[test]
fn figures_and_storms_are_seen_as_processes() {
    what_is_judged_under_load(Mode::Processes, SLUGGISH, &MISSED);
}
