//! Recorded runs held against each other, through every form in which a comparison is told.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "in a test a panic is the report"
)]

use harness_core::compare::{Comparison, compare};
use harness_core::record::Record;
use harness_report::compare::{markdown, terminal};
use harness_report::terminal::Style;
use harness_report::{html, store};
use std::path::{Path, PathBuf};

fn record(run: &str) -> Record {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path: PathBuf = path.join(format!("../../fixtures/runs/{run}.ndjson"));
    store::record(&path).unwrap().record
}

fn compared<'r>(records: &[(&str, &'r Record)], not_run: &[&str]) -> (Comparison, Vec<&'r Record>) {
    let not_run: Vec<String> = not_run.iter().map(|label| (*label).to_owned()).collect();
    let labelled: Vec<_> = records
        .iter()
        .map(|(label, record)| ((*label).to_owned(), *record))
        .collect();
    let records = records.iter().map(|(_, record)| *record).collect();
    (compare(&labelled, &not_run), records)
}

fn table(comparison: &Comparison, style: Style) -> String {
    let mut out = Vec::new();
    let page = Path::new("reports/runs/compare-x/report.html");
    terminal::render(&mut out, style, comparison, Some(page)).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn two_runs_in_a_terminal_and_in_markdown() {
    let (go, no_go) = (record("go"), record("no-go"));
    let (two, _) = compared(&[("default", &go), ("no-cache", &no_go)], &[]);
    insta::assert_snapshot!("compare-terminal", table(&two, Style::PLAIN));
    insta::assert_snapshot!("compare-markdown", markdown::render(&two));
}

#[test]
fn a_comparison_keeps_within_its_room_and_names_what_is_left_out() {
    let (go, no_go) = (record("go"), record("no-go"));
    let labels: Vec<String> = (0..6).map(|n| format!("variant-{n}")).collect();
    let runs = labels.iter().enumerate();
    let runs: Vec<_> = runs
        .map(|(n, label)| (label.as_str(), if n == 0 { &go } else { &no_go }))
        .collect();
    let (mut many, _) = compared(&runs, &[]);
    let scenario = many.scenarios[0].clone();
    many.scenarios = vec![scenario; 2_000];
    let whole = markdown::render(&many);
    assert!(
        whole.len() <= harness_report::markdown::LIMIT,
        "{}",
        whole.len()
    );
    for room in [4_000, 20_000, 200_000] {
        let text = markdown::within(room, &many);
        assert!(text.len() <= room, "{room}: {}", text.len());
        assert!(text.contains("| answer | "), "{text}");
        assert!(text.contains("Left out for want of room: "), "{text}");
        assert!(text.contains("Differences are to variant-0"), "{text}");
    }
    let (two, _) = compared(&[("one", &go), ("other", &no_go)], &[]);
    assert!(!markdown::render(&two).contains("Left out"));
}

#[test]
fn a_run_cut_short_and_one_not_run_are_told() {
    let (go, cut) = (record("go"), record("cut-short"));
    let (broken, _) = compared(&[("default", &go), ("slow", &cut)], &["late", "later"]);
    insta::assert_snapshot!("compare-terminal-incomplete", table(&broken, Style::PLAIN));
}

#[test]
fn colour_moves_no_column() {
    let (go, no_go) = (record("go"), record("no-go"));
    let (two, _) = compared(&[("a", &go), ("b", &no_go), ("c", &go)], &[]);
    let painted = table(
        &two,
        Style {
            color: true,
            width: 120,
        },
    );
    let plain = table(
        &two,
        Style {
            color: false,
            width: 120,
        },
    );
    assert_ne!(painted, plain);
    let codes = uncoloured(&painted);
    assert_eq!(codes, plain);
}

/// The text without its colour codes.
fn uncoloured(painted: &str) -> String {
    let mut parts = painted.split('\x1b');
    let first = parts.next().unwrap().to_owned();
    parts.fold(first, |text, part| {
        text + part.split_once('m').map_or("", |(_, rest)| rest)
    })
}

#[test]
fn the_page_holds_every_figure_the_ways_to_the_runs_and_no_foreign_markup() {
    let (go, no_go) = (record("go"), record("no-go"));
    let (two, records) = compared(&[("default", &go), ("<b>no</b>", &no_go)], &[]);
    let page = html::compare(&two, &records).unwrap();
    assert!(!page.contains("<b>no</b>") && page.contains("&lt;b&gt;no"));
    for run in [&go, &no_go] {
        let href = format!("../{}/report.html", run.run.as_ref().unwrap().run);
        assert!(page.contains(&format!("href=\"{href}\"")), "{href}");
    }
    let scenario = &two.scenarios[0];
    assert!(page.contains(&format!("id=\"scenario-{}\"", scenario.scenario)));
    assert_eq!(
        page.matches("class=\"s s-run1\"").count(),
        2 * two.scenarios.len()
    );
    for row in &scenario.rows {
        assert!(
            page.contains(&format!(">{}</th>", row.figure)),
            "{}",
            row.figure
        );
    }
    assert_eq!(page, html::compare(&two, &records).unwrap());
    if let Ok(path) = std::env::var("WRITE_PAGE") {
        std::fs::write(path, page).unwrap();
    }
}
