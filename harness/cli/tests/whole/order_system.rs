//! The order system, row by row: the repository's own suite, file by file, against the demo system. Without a defect
//! every part is green; each planted defect turns exactly what is meant for it red. `docs/order-system.md` is the list.

use crate::support::Suite;
use crate::support::bundled::{expect, leave_room, red, rows as suite};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Runs of a table that are under way at once: they wait more than they compute, and their loads take turns.
const AT_ONCE: usize = 6;

/// What must hold, in words, and the runs that show it.
type Row<'r> = (&'r str, &'r (dyn Fn() + Sync));

/// Checks all rows, some at a time, and tells all that do not hold.
fn all_hold(rows: &[Row<'_>]) {
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        while let Some((what, shown)) = rows.get(next.fetch_add(1, Ordering::Relaxed)) {
            if catch_unwind(AssertUnwindSafe(shown)).is_err() {
                failed.lock().unwrap().push(*what);
            }
        }
    };
    std::thread::scope(|scope| (0..AT_ONCE).for_each(|_| _ = scope.spawn(work)));
    let failed = failed.into_inner().unwrap();
    assert!(
        failed.is_empty(),
        "above is why these do not hold: {failed:#?}"
    );
}

/// Walks journeys, each in its file under scenarios/journeys or features, with a defect planted.
#[track_caller]
fn walks(defect: &str, files: &[&str], wanted: &[&str]) {
    let suite = suite(files, &[]);
    let ran = suite.run_with(defect, &["run", "--format", "json"]);
    expect(&ran, &ran.json(), wanted);
}

/// Walks one journey with a defect planted that turns it red.
#[track_caller]
fn turns_red(defect: &str, journey: &str) {
    let file = format!("scenarios/journeys/{journey}.toml");
    walks(defect, &[&file], &[&format!("journey {journey}")]);
}

/// Plays one scenario, without the walks, with a defect planted.
#[track_caller]
fn plays(defect: &str, scenario: &str, arguments: &[&str], wanted: &[&str]) {
    let file = format!("scenarios/{scenario}.toml");
    let mixed = ["browse", "checkout", "repeat-order"];
    let walked = ["order-is-settled"];
    let journeys = mixed.iter().chain(
        walked
            .iter()
            .filter(|_| ["conserved", "parts-die"].contains(&scenario)),
    );
    let journeys: Vec<_> = journeys
        .map(|name| format!("scenarios/journeys/{name}.toml"))
        .collect();
    let files: Vec<&str> = std::iter::once(&file)
        .chain(&journeys)
        .map(String::as_str)
        .collect();
    let suite = suite(&files, &[]);
    if scenario == "steady" {
        leave_room(&suite, defect);
    }
    let arguments = [&["run", scenario, "--tags", "load or chaos"], arguments].concat();
    // How soon it comes back, and how fast it is, hangs on what else the machine does; what was done does not.
    let (ran, summary, _) = match scenario {
        "steady" | "orders-hangs" | "orders-refuses" => {
            suite.judged_alone(defect, &arguments, |summary| red(summary) == wanted)
        }
        _ => suite.judged(defect, &arguments),
    };
    expect(&ran, &summary, wanted);
}

/// Exercises one document with a defect planted.
#[track_caller]
fn exercises(defect: &str, contract: &str, wanted: &[&str]) {
    let suite = suite(&["scenarios/journeys/checkout.toml"], &[contract]);
    let ran = suite.run_with(defect, &["run", "--format", "json"]);
    expect(&ran, &ran.json(), wanted);
}

#[test]
fn without_a_defect_every_walk_is_green() {
    let mut journeys = Suite::files("scenarios/journeys");
    journeys.retain(|file| !Suite::text(file).contains("load-only"));
    let features = Suite::files("features");
    let all: Vec<&str> = journeys
        .iter()
        .chain(&features)
        .map(String::as_str)
        .collect();
    walks("", &all, &[]);
}

fn the_same_key_makes_one_order() {
    let files = ["order-twice", "order-at-once", "order-after-timeout"]
        .map(|name| format!("scenarios/journeys/{name}.toml"));
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    let wanted = [
        "journey order-after-timeout",
        "journey order-at-once",
        "journey order-twice",
    ];
    walks("lost-idempotency", &files, &wanted);
}

#[test]
fn a_defect_turns_its_walk_red() {
    all_hold(&[
        ("a payment without an answer is seen through", &|| {
            turns_red("payment-timeout-unhandled", "payment-timeout");
        }),
        ("a poison message is a dead letter", &|| {
            turns_red("dead-letters-dropped", "dead-letter");
        }),
        ("a notification falls back", &|| {
            turns_red("no-fallback", "fallback");
        }),
        ("a declined payment gives the stock back", &|| {
            turns_red("leaked-stock", "declined");
        }),
        (
            "the same key makes one order",
            &the_same_key_makes_one_order,
        ),
        ("pages show everything once", &|| {
            turns_red("page-skips", "pages");
        }),
        ("every route asks for a key", &|| {
            turns_red("missing-auth", "access");
        }),
        ("a refusal says when to come back", &|| {
            turns_red("no-retry-after", "rate-limit");
        }),
        ("a change is seen at once", &|| {
            turns_red("stale-cache", "caching");
        }),
    ]);
}

#[test]
fn documents_hold_for_what_is_answered() {
    exercises("", "orders", &[]);
    exercises("wrong-schema", "orders", &["contract body-schema"]);
}

#[test]
fn documents_hold_for_the_status_too() {
    exercises(
        "undocumented-status",
        "inventory",
        &["contract undocumented-status"],
    );
}

const SETTLED: &str = "conserved#every acknowledged order is settled and told once fail";
const TOLD: &str = "suite@conserved#one notification for each order fail";
const KEYED: &str = "conserved#one order for one key fail";
const PAID: &str = "suite@conserved#money is conserved fail";

/// In this order, because what is settled only in vain is waited for to the end, beside the loads of the others.
#[test]
fn a_defect_turns_its_invariant_red() {
    let conserved = |defect: &str, wanted: &[&str]| plays(defect, "conserved", &[], wanted);
    all_hold(&[
        ("an order is told", &|| {
            conserved("lost-notification", &[SETTLED, TOLD]);
        }),
        ("an order is told once", &|| {
            conserved("duplicate-notification", &[SETTLED, TOLD]);
        }),
        ("an acknowledged order is stored", &|| {
            conserved("lost-order", &[SETTLED, KEYED]);
        }),
        ("an order is paid once", &|| {
            conserved("double-charge", &[PAID]);
        }),
        ("one key is one order under load", &|| {
            conserved("lost-idempotency", &[KEYED]);
        }),
        ("without a defect everything adds up", &|| {
            conserved("", &[]);
        }),
    ]);
}

const LIGHTLY: &[&str] = &["--profile", "light"];

#[test]
fn without_a_defect_a_light_load_is_green() {
    plays("", "steady", LIGHTLY, &[]);
}

#[test]
fn a_slow_query_is_a_slow_answer() {
    plays(
        "slow-query",
        "steady",
        LIGHTLY,
        &["steady#1 fail", "steady#2 fail"],
    );
}

#[test]
fn errors_that_come_with_load_are_seen() {
    plays("errors-under-load", "steady", LIGHTLY, &["suite#1 fail"]);
}

#[test]
fn memory_that_grows_with_requests_is_seen() {
    let wanted = ["suite#the gateway's memory does not grow with its requests fail"];
    plays("memory-leak", "steady", LIGHTLY, &wanted);
}

const HANGS: [&str; 2] = ["orders-hangs#3 fail", "orders-hangs#comes back fail"];
const STORM: &str = "orders-refuses#retries are no storm fail";

#[test]
fn a_defect_turns_the_gates_on_faults_red() {
    let hangs = |defect: &str, wanted: &[&str]| {
        plays(defect, "orders-hangs", &["--profile", "short"], wanted);
    };
    let refuses = |defect: &str, wanted: &[&str]| {
        plays(
            defect,
            "orders-refuses",
            &["--variant", "no-breaker"],
            wanted,
        );
    };
    all_hold(&[
        ("a breaker that never opens lets everybody wait", &|| {
            hangs("breaker-never-opens", &["orders-hangs#2 fail"]);
        }),
        ("whatever dies, nothing acknowledged is lost", &|| {
            plays("", "parts-die", &[], &[]);
        }),
        (
            "a breaker that never tries again does not come back",
            &|| hangs("breaker-never-half-opens", &HANGS),
        ),
        (
            "without a defect the shop outlives a hanging service",
            &|| hangs("", &[]),
        ),
        ("a storm of retries is seen", &|| {
            refuses("retry-storm", &[STORM]);
        }),
        ("without a defect retries are few", &|| refuses("", &[])),
    ]);
}
