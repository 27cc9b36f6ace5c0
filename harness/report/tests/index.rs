//! The list of all runs: what each folder is told as, that it is whole whoever rebuilds it, and what its page shows.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "in a test a panic is the report"
)]

mod devtools;

use devtools::{Tab, browser};
use harness_core::readiness::readiness;
use harness_core::verdict::evaluate;
use harness_report::index::{self, CARD, Card, PAGE, State};
use harness_report::{html, store};
use proptest::prelude::*;
use std::fs;
use std::path::{Path, PathBuf};

const DEAD: &dyn Fn(&Path) -> bool = &|_| false;

fn theme() -> html::Theme {
    html::Theme::builtin().unwrap()
}

fn fixture(run: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../fixtures/runs/{run}.ndjson"))
}

fn card(run: &str) -> Card {
    let record = store::record(&fixture(run)).unwrap().record;
    let verdict = evaluate(&record);
    Card::of(&record, &verdict, &readiness(&record, &verdict)).unwrap()
}

/// A folder of runs.
struct Runs {
    dir: tempfile::TempDir,
}

impl Runs {
    fn new() -> Self {
        let runs = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        fs::create_dir_all(runs.path()).unwrap();
        runs
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("reports/runs")
    }

    fn write(&self, file: &str, text: impl AsRef<[u8]>) {
        let path = self.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// A judged run that looks like a recorded one.
    fn add(&self, id: &str, like: &Card, slower: f64) {
        let mut card = like.clone();
        card.run = id.parse().unwrap();
        let slow = |us: &mut Option<u64>| *us = us.map(|us| (us as f64 * slower) as u64);
        slow(&mut card.p95_us);
        card.scenarios.iter_mut().for_each(|s| slow(&mut s.p95_us));
        self.write(&format!("{id}/{CARD}"), card.to_json().unwrap());
        self.write(&format!("{id}/{}", store::EVENTS), "");
        self.write(&format!("{id}/report.html"), "a page");
    }

    fn page(&self, n: usize) -> String {
        let path = self.dir.path().join("reports").join(index::page_name(n));
        fs::read_to_string(path).unwrap()
    }

    fn rebuild(&self) -> String {
        index::rebuild(&self.path(), &theme(), DEAD, false, &[]).unwrap();
        self.page(0)
    }
}

/// A folder with a run of each kind.
fn every_kind() -> Runs {
    let runs = Runs::new();
    let (go, no_go) = (card("go"), card("no-go"));
    runs.add("20260101-000000-0001", &go, 1.0);
    runs.add("20260102-000000-0002", &go, 1.1);
    runs.add("20260103-000000-0003", &no_go, 1.0);
    let mut stopped = go;
    stopped.end = Some(harness_core::event::RunEnd::Cancelled);
    runs.add("20260104-000000-0004", &stopped, 1.0);
    // Killed before it was judged; a card that is no card; events that are none; nothing at all; somebody's notes.
    let cut = fs::read(fixture("cut-short")).unwrap();
    runs.write("20260105-000000-0005/events.ndjson.zst", &cut);
    runs.write("20260106-000000-0006/events.ndjson.zst", &cut);
    runs.write("20260106-000000-0006/card.json", "{\"format\":");
    runs.write("20260107-000000-0007/events.ndjson.zst", "junk\n");
    runs.write("20260108-000000-0008/undo.ndjson", "");
    runs.write("notes/mine.txt", "mine");
    runs.write("compare-20260102-000000-0002/report.html", "a page");
    runs.write(
        "compare-20260102-000000-0002/summary.json",
        r#"{"runs":[{"label":"default","run":"20260101-000000-0001"},{"label":"no-cache","run":"20260102-000000-0002"}],"more":1}"#,
    );
    runs
}

/// What a reader sees, a line a block.
fn words(page: &str) -> String {
    let body = page.split("<main").nth(1).unwrap();
    let body = body.split("<script>").next().unwrap();
    let parts = body
        .split('<')
        .map(|part| part.split_once('>').map_or("", |(_, text)| text));
    let parts: Vec<&str> = parts
        .map(str::trim)
        .filter(|text| !text.is_empty())
        .collect();
    parts.join("\n")
}

#[test]
fn every_kind_of_run_is_told_as_what_it_is() {
    let runs = every_kind();
    insta::assert_snapshot!("index", words(&runs.rebuild()));
}

#[test]
fn a_replay_is_told_as_one_and_is_no_further_answer() {
    let runs = Runs::new();
    let go = card("go");
    runs.add("20260101-000000-0001", &go, 1.0);
    let mut replay = go;
    replay.kind = "replays run 20260101-000000-0001 of 2026-01-01 00:00:00 UTC".to_owned();
    runs.add("20260102-000000-0002", &replay, 1.0);
    let page = runs.rebuild();
    let words = words(&page);
    assert!(words.contains("GO\n1\n"), "{words}");
    assert!(words.contains("Replays\n1\n"), "{words}");
    assert!(words.contains("Without an answer\n0\n"), "{words}");
    let row = page
        .split("<tr id=\"run-20260102-000000-0002\"")
        .nth(1)
        .unwrap();
    let answer = row.split("</td>").next().unwrap();
    assert!(answer.contains("a replay"), "{answer}");
    let row = page
        .split("<tr id=\"run-20260101-000000-0001\"")
        .nth(1)
        .unwrap();
    assert!(
        !row.split("</td>").next().unwrap().contains("replay"),
        "{row}"
    );
    assert!(
        words.contains("Replays and chaos matrices are left out"),
        "{words}"
    );
}

#[test]
fn a_run_that_somebody_is_at_is_going_on_and_no_other() {
    let runs = every_kind();
    let live = |folder: &Path| folder.ends_with("20260105-000000-0005");
    let list = index::read(&runs.path(), &live).unwrap();
    let state = |id: &str| {
        let entry = list.entries.iter().find(|e| e.run.as_str() == id);
        &entry.unwrap().state
    };
    assert!(
        matches!(state("20260105-000000-0005"), State::GoingOn(Some(run)) if run.plan.project == "shop")
    );
    assert!(
        matches!(state("20260106-000000-0006"), State::Unjudged(Some(_), why) if why.contains("card.json"))
    );
    assert!(matches!(state("20260107-000000-0007"), State::Broken(_)));
    assert!(matches!(state("20260108-000000-0008"), State::Broken(_)));
    assert!(matches!(state("20260101-000000-0001"), State::Judged(_)));
}

#[test]
fn what_was_judged_of_a_run_that_has_not_ended_is_no_answer() {
    let runs = Runs::new();
    runs.add("20260105-000000-0005", &card("cut-short"), 1.0);
    let list = index::read(&runs.path(), &|_| true).unwrap();
    assert!(
        matches!(list.entries[0].state, State::GoingOn(_)),
        "{list:?}"
    );
    let page = runs.rebuild();
    for there in ["NO DECISION", "cut short: its record ends before it did"] {
        assert!(page.contains(there), "{there}");
    }
    // No answer, no score, and no bar beside those of runs that ended.
    for absent in ["NO-GO</span>", "/100", "id=\"trends\""] {
        assert!(!page.contains(absent), "{absent}");
    }
}

#[test]
fn by_hand_what_is_there_of_a_run_is_judged_and_stays_so() {
    let runs = every_kind();
    let made = index::rebuild(&runs.path(), &theme(), DEAD, true, &[]).unwrap();
    assert_eq!((made.runs, made.judged), (8, 2));
    assert!(
        runs.page(0)
            .contains("cut short: its record ends before it did")
    );
    let again = index::rebuild(&runs.path(), &theme(), DEAD, true, &[]).unwrap();
    assert_eq!(again.judged, 0);
}

#[test]
fn a_card_of_another_format_is_not_believed_and_a_renamed_folder_says_so() {
    let runs = Runs::new();
    runs.add("20260101-000000-0001", &card("go"), 1.0);
    let text = fs::read_to_string(runs.path().join("20260101-000000-0001").join(CARD)).unwrap();
    runs.write(&format!("from-ci/{CARD}"), &text);
    runs.write(&format!("from-ci/{}", store::EVENTS), "junk");
    let newer = text.replacen("\"format\":1", "\"format\":2", 1);
    runs.write(&format!("20260101-000000-0001/{CARD}"), newer);
    let list = index::read(&runs.path(), DEAD).unwrap();
    let judged = list.entries.iter();
    let judged: Vec<&str> = judged
        .filter(|e| matches!(e.state, State::Judged(_)))
        .map(|e| e.run.as_str())
        .collect();
    assert_eq!(judged, ["from-ci"]);
    assert!(runs.rebuild().contains("recorded as 20260101-000000-0001"));
}

#[test]
fn the_compare_line_names_the_run_before_of_the_same_workload_that_ended() {
    let runs = every_kind();
    let page = runs.rebuild();
    let lines: Vec<&str> = page
        .split("<code>harness compare ")
        .skip(1)
        .map(|rest| rest.split('<').next().unwrap())
        .collect();
    // The third is of a suite of its own; the fourth was stopped, and can be judged against the second all the same.
    assert!(
        lines.contains(&"20260102-000000-0002 20260101-000000-0001"),
        "{lines:?}"
    );
    assert!(page.contains("href=\"runs/compare-20260102-000000-0002/report.html\""));
    let mut later = card("go");
    later.end = None;
    runs.add("20260110-000000-0010", &later, 1.0);
    runs.add("20260111-000000-0011", &card("go"), 1.0);
    let page = runs.rebuild();
    assert!(
        !page.contains(" 20260110-000000-0010</code>"),
        "it never ended"
    );
}

#[test]
fn older_runs_are_on_pages_of_their_own_and_pages_without_runs_go() {
    let runs = Runs::new();
    let go = card("go");
    for n in 0..PAGE * 2 + 1 {
        runs.add(&format!("20260101-000000-{n:04}"), &go, 1.0);
    }
    runs.rebuild();
    let rows = |n: usize| runs.page(n).matches("<tr id=\"run-").count();
    assert_eq!([rows(0), rows(1), rows(2)], [PAGE, PAGE, 1]);
    assert!(runs.page(0).contains("href=\"index-3.html\""));
    assert!(
        runs.page(2).contains("20260101-000000-0000")
            && runs.page(2).contains("href=\"index.html\"")
    );
    fs::remove_dir_all(runs.path().join("20260101-000000-0000")).unwrap();
    runs.rebuild();
    assert!(!runs.dir.path().join("reports/index-3.html").exists());
    assert_eq!(
        runs.page(0).matches("<rect class=\"x-go\"").count(),
        index::STRIP_RUNS * go.scenarios.len()
    );
}

#[test]
fn of_many_that_rebuild_at_once_the_last_has_seen_every_run() {
    let runs = Runs::new();
    let go = card("go");
    let barrier = std::sync::Barrier::new(8);
    std::thread::scope(|scope| {
        for n in 0..8 {
            let (runs, go, barrier) = (&runs, &go, &barrier);
            scope.spawn(move || {
                barrier.wait();
                runs.add(&format!("20260101-000000-{n:04}"), go, 1.0);
                index::rebuild(&runs.path(), &theme(), DEAD, false, &[]).unwrap();
                // Whoever opens it meanwhile has a whole page with this run in it.
                let page = runs.page(0);
                assert!(
                    page.contains(&format!("run-20260101-000000-{n:04}"))
                        && page.ends_with("</html>\n")
                );
            });
        }
    });
    assert_eq!(runs.page(0).matches("<tr id=\"run-").count(), 8);
}

#[test]
fn elsewhere_than_in_reports_the_list_lies_among_the_runs() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("kept");
    let made = index::rebuild(&folder, &theme(), DEAD, false, &[]).unwrap();
    assert_eq!(made.page, folder.join("index.html"));
    let page = fs::read_to_string(made.page).unwrap();
    assert!(page.contains("There is no run yet"));
    assert!(!dir.path().join("index.html").exists());
}

#[test]
fn the_policy_allows_its_own_style_and_script_alone() {
    use base64::Engine as _;
    use sha2::Digest as _;
    let page = every_kind().rebuild();
    let between = |from: &str, to: &str| page.split(from).nth(1).unwrap().split(to).next().unwrap();
    let policy = between("Content-Security-Policy\" content=\"", "\"").replace("&#39;", "'");
    for kind in ["style", "script"] {
        let text = between(&format!("<{kind}>"), &format!("</{kind}>"));
        let hash =
            base64::engine::general_purpose::STANDARD.encode(sha2::Sha256::digest(text.as_bytes()));
        assert!(
            policy.contains(&format!("{kind}-src 'sha256-{hash}'")),
            "{policy}"
        );
    }
    for outside in [" src=", " style=", "<link", "href=\"http", "onclick"] {
        assert!(!page.contains(outside), "{outside}");
    }
}

#[test]
fn the_page_opens_silently_fits_a_phone_and_makes_the_line_of_two_picked_runs() {
    let Some(browser) = browser() else { return };
    let runs = every_kind();
    let mut tab = Tab::new(&browser, 360);
    for scheme in ["light", "dark"] {
        tab.scheme(scheme);
        tab.open(&runs.rebuild());
        let wide = tab.number("document.documentElement.scrollWidth");
        assert!(wide <= 360.0, "{scheme}: {wide}");
    }
    let print = serde_json::json!({"media": "print"});
    tab.call("Emulation.setEmulatedMedia", print);
    let after = tab.text("getComputedStyle(document.querySelector('.one')).breakAfter");
    assert_eq!(after, "auto", "the runs follow on the first printed page");
    let screen = serde_json::json!({"media": ""});
    tab.call("Emulation.setEmulatedMedia", screen);
    tab.wide(1280);
    assert_eq!(
        tab.asked
            .iter()
            .filter(|url| !url.starts_with("file:"))
            .count(),
        0
    );
    let pick = |tab: &mut Tab, run: &str| {
        tab.eval(&format!(
            "document.querySelector('#run-{run} .x-pick').click()"
        ));
    };
    pick(&mut tab, "20260101-000000-0001");
    pick(&mut tab, "20260103-000000-0003");
    let line = "document.querySelector('.x-bar code').textContent";
    assert_eq!(
        tab.text(line),
        "harness compare 20260103-000000-0003 20260101-000000-0001"
    );
    // A third takes the place of the first.
    pick(&mut tab, "20260102-000000-0002");
    assert_eq!(
        tab.text(line),
        "harness compare 20260103-000000-0003 20260102-000000-0002"
    );
    let shown = "[...document.querySelectorAll('.x-runs tbody tr')].filter(r => !r.hidden).length";
    assert_eq!(tab.number(shown), 8.0);
    tab.eval("(() => { const s = document.querySelector('.x-tools select'); s.value = 'none'; s.dispatchEvent(new Event('change')) })()");
    assert_eq!(tab.number(shown), 4.0);
    assert!(tab.said.is_empty(), "{:?}", tab.said);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn whatever_a_run_is_called_stays_in_its_place(text in "[<>&\"'`a-z/=\u{202e}\u{1b} ]{0,30}") {
        let mut one = card("go");
        let marked = format!("<i>{text}\" onload=x");
        one.project.clone_from(&marked);
        one.decided.clone_from(&marked);
        one.reason = marked;
        let runs = Runs::new();
        runs.add("20260101-000000-0001", &one, 1.0);
        let page = runs.rebuild();
        let raw = page.contains("<i>") || page.contains(['\u{202e}', '\u{1b}']);
        prop_assert!(!raw);
        let list = index::read(&runs.path(), DEAD).unwrap();
        prop_assert_eq!(html::index(&list).unwrap().len(), 1);
    }
}

#[test]
fn a_card_that_is_too_large_or_no_file_is_told_and_the_list_goes_on() {
    let runs = Runs::new();
    runs.add("20260101-000000-0001", &card("go"), 1.0);
    runs.add("20260102-000000-0002", &card("go"), 1.0);
    let path = runs.path().join("20260101-000000-0001").join(CARD);
    let large = fs::File::options().write(true).open(path).unwrap();
    large.set_len((64 << 10) + 1).unwrap();
    let cut = fs::read(fixture("cut-short")).unwrap();
    runs.write("20260103-000000-0003/events.ndjson.zst", &cut);
    runs.write(&format!("20260103-000000-0003/{CARD}/in-the-way"), "");
    let state = |id: &str| {
        let list = index::read(&runs.path(), DEAD).unwrap();
        let entry = list.entries.into_iter().find(|e| e.run.as_str() == id);
        format!("{:?}", entry.unwrap().state)
    };
    let (large, folder) = (state("20260101-000000-0001"), state("20260103-000000-0003"));
    assert!(!large.starts_with("Judged"), "{large}");
    assert!(folder.contains("card.json can't be read: it is no regular file"));
    assert!(state("20260102-000000-0002").starts_with("Judged"));
    // Of the one whose card can't be written the list shows what was judged all the same.
    let made = index::rebuild(&runs.path(), &theme(), DEAD, true, &[]).unwrap();
    assert_eq!((made.runs, made.judged), (3, 1));
    let [error] = made.unwritten.as_slice() else {
        panic!("{:?}", made.unwritten)
    };
    assert!(error.contains("20260103-000000-0003/card.json"), "{error}");
    assert!(
        runs.page(0)
            .contains("cut short: its record ends before it did")
    );
}
