//! Recorded runs through every reporter: what each shows is kept as a snapshot, and nothing the target said gets out
//! of its place.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "in a test a panic is the report"
)]

mod streams;

use harness_core::event::Envelope;
use harness_core::readiness::{Decision, Readiness, readiness};
use harness_core::record::{Record, fold};
use harness_core::verdict::{Verdict, evaluate};
use harness_report::terminal::{Live, Style};
use harness_report::{html, json, junit, markdown, store, terminal};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// Three real recordings, and a made-up one whose target says hostile things.
const RUNS: [&str; 4] = ["go", "no-go", "cut-short", "hostile"];

fn path(run: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../fixtures/runs/{run}.ndjson"))
}

fn events(run: &str) -> Vec<Envelope> {
    store::read(&path(run))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap()
}

fn record(run: &str) -> Record {
    fold(events(run)).unwrap()
}

/// What a run is worth, by the real judge.
fn judged(record: &Record) -> (Verdict, Readiness) {
    let verdict = evaluate(record);
    let readiness = readiness(record, &verdict);
    (verdict, readiness)
}

fn page(run: &str) -> String {
    let record = record(run);
    let (verdict, readiness) = judged(&record);
    html::render(&record, &verdict, &readiness).unwrap()
}

/// Output that can be looked at afterwards.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, data: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(data);
        Ok(data.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Kept {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

fn summary(run: &str, style: Style) -> String {
    let record = record(run);
    let (verdict, readiness) = judged(&record);
    let mut out = Vec::new();
    terminal::render(
        &mut out,
        style,
        &record,
        &verdict,
        &readiness,
        Some(Path::new("reports/runs/x/report.html")),
    )
    .unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn a_moment_and_a_length_are_told_one_way_wherever_people_read_them() {
    for run in RUNS {
        let mut record = record(run);
        let started = record.run.as_mut().unwrap();
        started.date = "2026-11-21T07:16:28+01:00".to_owned();
        started.replays = Some(harness_core::event::Replayed {
            run: "20260101-000000-aaaa".parse().unwrap(),
            date: "2026-01-01T00:00:00+00:00".to_owned(),
        });
        let (verdict, readiness) = judged(&record);
        let mut words = Vec::new();
        terminal::render(
            &mut words,
            Style::PLAIN,
            &record,
            &verdict,
            &readiness,
            None,
        )
        .unwrap();
        let words = String::from_utf8(words).unwrap();
        assert!(words.contains("of 2026-01-01 00:00:00 UTC"), "{words}");
        for told in [
            html::render(&record, &verdict, &readiness).unwrap(),
            markdown::render(&record, &verdict, &readiness),
            markdown::comment(&record, &verdict, &readiness),
        ] {
            assert!(told.contains("2026-11-21 06:16:28 UTC"), "{run}: {told}");
            assert!(!told.contains("T07:16"), "{run}: {told}");
        }
        if run == "cut-short" {
            let length = harness_report::text::span(record.last_us as f64 / 1e6);
            let said = format!("its record stops after {length}");
            assert_eq!(
                readiness.reasons[0].split(", and ").last(),
                Some(said.as_str())
            );
            assert!(words.contains(&format!("  {length}\n")), "{words}");
        }
    }
}

#[test]
fn the_recordings_are_what_they_are_named_after() {
    let decision = |run: &str| judged(&record(run)).1.decision;
    assert_eq!(decision("go"), Decision::Go);
    assert_eq!(decision("no-go"), Decision::NoGo);
    let cut = record("cut-short");
    assert!(cut.end.is_none() && !cut.scenarios.is_empty());
    assert_eq!(decision("cut-short"), Decision::Unmade);
    for run in RUNS {
        let text = std::fs::read_to_string(path(run)).unwrap();
        for trace in ["/tmp/", "/home/", "/root/", "/work/"] {
            assert!(!text.contains(trace), "{run} tells of its machine: {trace}");
        }
    }
}

#[test]
fn junit_of_every_run() {
    for run in RUNS {
        let record = record(run);
        let (verdict, readiness) = judged(&record);
        insta::assert_snapshot!(
            format!("junit-{run}"),
            junit::render(&record, &verdict, &readiness).unwrap()
        );
    }
}

#[test]
fn markdown_of_every_run() {
    for run in RUNS {
        let record = record(run);
        let (verdict, readiness) = judged(&record);
        insta::assert_snapshot!(
            format!("markdown-{run}"),
            markdown::render(&record, &verdict, &readiness)
        );
    }
}

#[test]
fn json_of_every_run() {
    for run in RUNS {
        let record = record(run);
        let (verdict, readiness) = judged(&record);
        insta::assert_snapshot!(
            format!("json-{run}"),
            json::Summary::of(&record, &verdict, &readiness)
                .to_json()
                .unwrap()
        );
    }
}

#[test]
fn terminal_summary_of_every_run() {
    for run in RUNS {
        insta::assert_snapshot!(format!("summary-{run}"), summary(run, Style::PLAIN));
    }
}

#[test]
fn the_terminal_summary_fits_eighty_columns_but_for_lines_to_copy() {
    for run in RUNS {
        let wide: Vec<_> = summary(run, Style::PLAIN)
            .lines()
            .filter(|line| line.chars().count() > 80 && !line.contains("curl "))
            .map(str::to_owned)
            .collect();
        assert!(wide.is_empty(), "{wide:#?}");
    }
    assert!(!summary("no-go", Style::PLAIN).contains('\x1b'));
    assert!(
        summary(
            "no-go",
            Style {
                color: true,
                width: 80
            }
        )
        .contains("\x1b[1;31m")
    );
}

#[test]
fn live_lines_of_every_run() {
    for run in RUNS {
        let kept = Kept::default();
        let mut live = Live::lines(kept.clone(), Style::PLAIN);
        events(run).iter().for_each(|event| live.hear(event));
        live.finish();
        insta::assert_snapshot!(format!("live-{run}"), kept.text());
    }
}

#[test]
fn live_bars_draw_to_what_they_are_given_and_nothing_else() {
    let mut live = Live::bars(indicatif::ProgressDrawTarget::hidden(), Style::PLAIN);
    events("no-go").iter().for_each(|event| live.hear(event));
    live.tick(u64::MAX);
    live.finish();
}

#[test]
fn a_log_nobody_reads_any_more_stops_nothing() {
    struct Gone;
    impl Write for Gone {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::Error::from(std::io::ErrorKind::BrokenPipe))
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Err(std::io::Error::from(std::io::ErrorKind::BrokenPipe))
        }
    }
    let mut live = Live::lines(Gone, Style::PLAIN);
    events("go").iter().for_each(|event| live.hear(event));
    live.finish();
}

/// What a reader sees, roughly: tags gone, paths and data attributes gone, one line a block.
fn words(page: &str) -> String {
    let body = page
        .split("<main")
        .nth(1)
        .unwrap()
        .split("<script>")
        .next()
        .unwrap();
    let mut out = String::new();
    let mut in_tag = false;
    for c in body.chars() {
        match c {
            '<' => {
                in_tag = true;
                out.push('\n');
            }
            '>' if in_tag => in_tag = false,
            c if !in_tag => out.push(c),
            _ => {}
        }
    }
    out.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn page_of_every_run() {
    for run in RUNS {
        insta::assert_snapshot!(format!("page-{run}"), words(&page(run)));
    }
}

#[test]
fn the_same_events_give_the_same_bytes() {
    let first = page("no-go");
    (0..5).for_each(|_| assert!(page("no-go") == first));
}

#[test]
fn the_page_holds_nothing_from_elsewhere_and_its_policy_fits_it() {
    use base64::Engine as _;
    use sha2::Digest as _;
    let page = page("no-go");
    assert!(page.len() < 1_500_000, "{}", page.len());
    let between = |from: &str, to: &str| {
        page.split(from)
            .nth(1)
            .unwrap()
            .split(to)
            .next()
            .unwrap()
            .to_owned()
    };
    let policy = between("Content-Security-Policy\" content=\"", "\"").replace("&#39;", "'");
    for (kind, text) in [
        ("style", between("<style>", "</style>")),
        ("script", between("<script>", "</script>")),
    ] {
        let hash =
            base64::engine::general_purpose::STANDARD.encode(sha2::Sha256::digest(text.as_bytes()));
        assert!(
            policy.contains(&format!("{kind}-src 'sha256-{hash}'")),
            "{policy}"
        );
    }
    assert!(policy.starts_with("default-src 'none'"));
    assert_eq!(
        (
            page.matches("<script").count(),
            page.matches("<style").count()
        ),
        (1, 1)
    );
    for outside in [
        " src=",
        " style=",
        "<link",
        "<img",
        "<iframe",
        "@import",
        "href=\"http",
        "onclick",
    ] {
        assert!(!page.contains(outside), "{outside}");
    }
}

#[test]
fn every_drawing_has_a_title_and_a_description_and_charts_their_data() {
    let page = page("no-go");
    // Drawings inside a drawing carry none of their own.
    for drawing in page.split("<svg").skip(1).filter(|d| {
        let begins = |with: &str| d.trim_start().starts_with(with);
        !["inner", "zoom", "lane"]
            .iter()
            .any(|of| begins(&format!("class=\"{of}\"")))
            && !begins("viewBox=\"0 0 1000")
    }) {
        let begin = drawing.split_once('>').unwrap().1.trim_start();
        assert!(
            begin.starts_with("<title") && begin.contains("<desc"),
            "{}",
            &drawing[..drawing.len().min(300)]
        );
    }
    for chart in page.split("<figure").skip(1) {
        let chart = chart.split("</figure>").next().unwrap();
        let rows = chart
            .split("<tbody>")
            .nth(1)
            .unwrap()
            .matches("<tr>")
            .count();
        assert!((1..=60).contains(&rows), "{rows} rows");
    }
    let ids: Vec<&str> = page
        .split(" id=\"")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap())
        .collect();
    let mut unique = ids.clone();
    unique.sort_unstable();
    unique.dedup();
    assert_eq!(ids.len(), unique.len(), "an id occurs twice");
    // What one chart draws for others is there to be shown again.
    let shown = page.split("class=\"bands\" href=\"#").skip(1);
    let shown: Vec<&str> = shown.map(|rest| rest.split('"').next().unwrap()).collect();
    assert!(!shown.is_empty() && shown.iter().all(|id| ids.contains(id)));
}

/// The tags of a page, each as a browser would see it: a quoted value may hold anything.
fn tags(page: &str) -> Vec<String> {
    let (mut all, mut tag, mut quoted) = (Vec::new(), None::<String>, false);
    for c in page.chars() {
        match (&mut tag, c) {
            (None, '<') => tag = Some(String::new()),
            (Some(_), '>') if !quoted => all.extend(tag.take()),
            (Some(inner), c) => {
                quoted ^= c == '"';
                inner.push(c);
            }
            (None, _) => {}
        }
    }
    all
}

/// A tag without the values of its attributes.
fn unquoted(tag: &str) -> String {
    tag.split('"').step_by(2).collect()
}

#[test]
fn nothing_the_target_says_gets_out_of_its_place() {
    let record = record("hostile");
    let (verdict, readiness) = judged(&record);
    let page = page("hostile");
    assert!(
        page.contains("&lt;script&gt;alert(1)"),
        "the hostile words are shown"
    );
    for text in [
        &page,
        &junit::render(&record, &verdict, &readiness).unwrap(),
        &summary("hostile", Style::PLAIN),
    ] {
        assert!(!text.contains(['\x1b', '\u{202e}']));
    }
    for raw in ["<script>alert", "</pre> @", "<b>"] {
        assert!(!page.contains(raw), "{raw}");
    }
    // Between tags a quote is a quote; within one it would end an attribute and begin another.
    let handlers = |page: &str| {
        let tags = tags(page).into_iter();
        tags.filter(|tag| unquoted(tag).contains("onload")).count()
    };
    assert_eq!(handlers(&page), 0);
    assert_eq!(handlers("<p title=\"a\" onload='x'>\" onload='x'</p>"), 1);
    let junit = junit::render(&record, &verdict, &readiness).unwrap();
    assert!(!junit.contains("<script>") && !junit.contains("]]>"));
    let markdown = markdown::render(&record, &verdict, &readiness);
    assert!(!markdown.contains(['\x1b', '\u{202e}']));
}

#[test]
fn markdown_is_cut_before_its_server_drops_it() {
    let mut record = record("no-go");
    let (verdict, mut readiness) = judged(&record);
    let item = readiness.items[0].clone();
    readiness.items = (0..20_000)
        .map(|i| harness_core::readiness::Item {
            id: format!("g{i}"),
            reason: "x".repeat(500),
            ..item.clone()
        })
        .collect();
    record.notices.clear();
    let text = markdown::render(&record, &verdict, &readiness);
    assert!(
        text.len() <= markdown::LIMIT && text.contains("Left out: the rest of the part above, "),
        "{}",
        text.len()
    );
}

#[test]
fn the_committed_streams_are_small_and_one_of_them_is_hostile() {
    for run in RUNS {
        assert!(
            std::fs::metadata(path(run)).unwrap().len() < 200_000,
            "{run}"
        );
    }
    let hostile = serde_json::to_string(streams::HOSTILE).unwrap();
    assert!(
        std::fs::read_to_string(path("hostile"))
            .unwrap()
            .contains(hostile.trim_matches('"'))
    );
}

#[test]
fn a_theme_of_ones_own_replaces_a_part_and_may_build_on_the_built_in_one() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(
        dir.path().join("contract.html"),
        "<p>{{ page.project }} & Co</p>{% include \"builtin/contract.html\" %}",
    )
    .unwrap();
    std::fs::write(dir.path().join("style.css"), "body{color:red}").unwrap();
    let record = record("hostile");
    let (verdict, readiness) = judged(&record);
    let page = html::Theme::from_folder(dir.path())
        .unwrap()
        .render(&record, &verdict, &readiness)
        .unwrap();
    assert!(
        page.contains("<p>shop & Co</p>")
            && page.contains("body{color:red}")
            && page.contains("undocumented-status")
    );
    assert!(!page.contains("<script>alert"));
}
