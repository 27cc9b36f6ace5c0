//! The list of all runs, by the real program: rebuilt after each run, whole whoever ends when, and by hand.

use crate::support::journeys::BROWSE;
use crate::support::{Suite, part, until};

const SHORT: &str = r#"
title = "A short load"
[load]
rate = "20/s"
for = "1s"
mix = { browse = 1 }
"#;

fn suite() -> Suite {
    Suite::shop(&[
        ("scenarios/journeys/browse.toml", BROWSE),
        ("scenarios/short.toml", SHORT),
    ])
}

/// The ids that the list has rows of, as it stands.
fn rows(suite: &Suite) -> Vec<String> {
    let page = suite.read("reports/index.html");
    assert!(page.ends_with("</html>\n"), "half a page");
    let rows = page.split("<tr id=\"run-").skip(1);
    rows.map(|rest| rest.split('"').next().unwrap().to_owned())
        .collect()
}

fn ids(suite: &Suite) -> Vec<String> {
    let mut ids: Vec<String> = suite
        .runs()
        .iter()
        .map(|run| run.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    ids.sort_unstable_by(|a, b| b.cmp(a));
    ids
}

#[test]
fn runs_that_end_together_and_a_broken_folder_are_all_in_the_list() {
    let suite = suite();
    suite.write(
        "reports/runs/20200101-000000-dead/events.ndjson.zst",
        "junk",
    );
    let turn = part();
    let running = [
        suite.start(&["run", "--quiet"]),
        suite.start(&["run", "--quiet"]),
    ];
    for run in running {
        run.ends();
    }
    drop(turn);
    let rows = rows(&suite);
    assert_eq!(rows.len(), 3, "{rows:?}");
    assert_eq!(rows, ids(&suite));
    let page = suite.read("reports/index.html");
    for run in &rows[..2] {
        let link = format!("href=\"runs/{run}/report.html\"");
        assert!(page.contains(&link), "{link}");
        assert!(
            suite
                .path()
                .join("reports/runs")
                .join(run)
                .join("report.html")
                .is_file()
        );
    }
    assert!(page.contains(">broken<"));
    // The two are of one workload, so that the newer can be held against the older.
    assert!(page.contains(&format!("harness compare {} {}", rows[0], rows[1])));
}

#[test]
fn a_run_under_way_is_listed_as_such_and_a_killed_one_is_judged_by_hand() {
    let suite = suite();
    let long = SHORT.replace("for = \"1s\"", "for = \"120s\"");
    suite.write("scenarios/short.toml", long);
    let turn = part();
    let running = suite.start(&["run"]);
    let id = suite.run_id();
    suite.until_event(&id, "load_tick");
    suite.run(&["report", "--index"]).exits(0);
    let page = suite.read("reports/index.html");
    assert!(page.contains(">going on<"), "{page}");
    // A report of it says what was seen so far and decides nothing, and the list does not take it for an answer.
    let told = suite.run(&["report", &id]).exits(0);
    assert!(told.stderr.contains("is still going on"), "{}", told.stderr);
    let made = suite.run(&["report", &id, "--kind", "text"]).exits(0);
    for words in ["? NO DECISION", "the run has not ended"] {
        assert!(made.stdout.contains(words), "{}", made.stdout);
    }
    assert!(!made.stdout.contains("NO-GO"), "{}", made.stdout);
    assert!(!suite.only_run().join("card.json").exists());
    let page = suite.read("reports/index.html");
    assert!(page.contains(">going on<"), "{page}");
    // Nothing is advised of it that would be refused now.
    let hint = format!("hint: run {id} is still going on; once it has ended, ");
    let told = suite.run(&["compare", &id]).exits(4);
    assert!(told.stderr.contains(&hint), "{}", told.stderr);
    let refused = format!(
        "refused: run {id}: it is still going on, and can be accepted once it has ended\nnothing was accepted\n"
    );
    let told = suite.run(&["baseline", "accept", &id]).exits(4);
    assert!(told.stderr.ends_with(&refused), "{}", told.stderr);
    running.signal("KILL");
    running.ends();
    drop(turn);
    // What holds its journal until it has undone what was left is the guardian.
    let page = until("nobody at it any more", || {
        let told = suite.run(&["report", "--index"]).exits(0);
        assert!(told.stderr.contains("1 run"), "{}", told.stderr);
        let page = suite.read("reports/index.html");
        (!page.contains(">going on<")).then_some(page)
    });
    for words in ["cut short", "NO DECISION"] {
        assert!(page.contains(words), "{page}");
    }
    assert!(!page.contains("NO-GO</span>"), "{page}");
    assert!(suite.only_run().join("card.json").is_file());
}

#[test]
fn a_list_that_cant_be_written_costs_the_run_nothing() {
    let suite = suite();
    // A folder stands where the page should.
    suite.write("reports/index.html/in-the-way", "");
    let ran = {
        let _turn = part();
        suite.run(&["run"])
    };
    assert!(
        ran.stderr
            .contains("warning: the list of runs is as it was"),
        "{}",
        ran.stderr
    );
    assert!(suite.only_run().join("report.html").is_file());
    let told = suite.run(&["report", "--index"]).exits(3);
    assert!(told.stderr.contains("index.html"), "{}", told.stderr);
}

/// A folder of runs that were recorded elsewhere and unpacked, as two of `fixtures/runs`.
fn unpacked() -> Suite {
    let suite = Suite::new(&[]);
    for (run, like) in [
        ("20260101-000000-aaaa", "go"),
        ("20260102-000000-bbbb", "cut-short"),
    ] {
        let events = Suite::text(&format!("fixtures/runs/{like}.ndjson"));
        suite.write(&format!("reports/runs/{run}/events.ndjson"), events);
    }
    suite
}

#[test]
fn a_folder_with_unpacked_events_is_reported_and_the_list_is_made_anew_however_it_is_named() {
    let suite = unpacked();
    let page = suite.path().join("reports/index.html");
    let whole = suite.path().join("reports/runs/20260101-000000-aaaa");
    for named in [
        "reports/runs/20260101-000000-aaaa",
        "./reports/../reports/runs/20260101-000000-aaaa/",
        "20260101",
        whole.to_str().unwrap(),
    ] {
        suite.run(&["report", named]).exits(0);
        assert!(
            rows(&suite).contains(&"20260101-000000-aaaa".to_owned()),
            "{named}"
        );
        std::fs::remove_file(&page).unwrap();
    }
    // A run that lies elsewhere is none of the list's.
    suite.write(
        "elsewhere/events.ndjson",
        Suite::text("fixtures/runs/go.ndjson"),
    );
    suite.run(&["report", "elsewhere"]).exits(0);
    assert!(!page.exists());
    suite.write("empty/notes.txt", "mine");
    let ran = suite.run(&["report", "empty"]).exits(2);
    assert!(
        ran.stderr
            .contains("no run in empty: it has no events.ndjson.zst"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_card_that_cant_be_written_costs_the_list_one_warning() {
    let suite = unpacked();
    suite.write("reports/runs/20260102-000000-bbbb/card.json/in-the-way", "");
    let ran = suite.run(&["report", "--index"]).exits(0);
    assert!(
        ran.stderr.contains("2 runs, 2 of them judged now"),
        "{}",
        ran.stderr
    );
    let warned = ran
        .stderr
        .lines()
        .filter(|line| line.starts_with("warning: "))
        .count();
    assert_eq!(warned, 1, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("20260102-000000-bbbb/card.json"),
        "{}",
        ran.stderr
    );
    assert_eq!(rows(&suite).len(), 2);
}
