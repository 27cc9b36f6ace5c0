//! A release's readiness on the page, in Markdown and on a terminal: all say the same, and nothing gets out of its place.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "in a test a panic is the report"
)]

mod releases;

use harness_core::readiness::{Decision, Release};
use harness_report::terminal::Style;
use harness_report::{html, markdown, terminal};
use std::path::Path;

fn words(release: &Release) -> String {
    let mut out = Vec::new();
    let page = Some(Path::new("reports/readiness/1.4.0/readiness.html"));
    terminal::render_release(&mut out, Style::PLAIN, release, page).unwrap();
    String::from_utf8(out).unwrap()
}

/// What a page says, a line a cell.
fn text(page: &str) -> String {
    let body = page.split("<body").nth(1).unwrap();
    let body = body.split("<script>").next().unwrap();
    let mut out = String::new();
    for part in body.split('<').skip(1) {
        let said = part.split_once('>').map_or("", |(_, said)| said).trim();
        if !said.is_empty() {
            out.push_str(said);
            out.push('\n');
        }
    }
    out
}

#[test]
fn a_release_in_words() {
    assert_eq!(releases::no_go().readiness.decision, Decision::NoGo);
    let conditional = releases::conditional();
    assert_eq!(conditional.readiness.decision, Decision::ConditionalGo);
    for (name, release) in [("no-go", releases::no_go()), ("conditional", conditional)] {
        insta::assert_snapshot!(format!("release-terminal-{name}"), words(&release));
        insta::assert_snapshot!(
            format!("release-markdown-{name}"),
            markdown::render_release(&release)
        );
        let page = html::release(&release).unwrap();
        if let Ok(folder) = std::env::var("WRITE_PAGES") {
            std::fs::write(format!("{folder}/release-{name}.html"), &page).unwrap();
        }
        insta::assert_snapshot!(format!("release-page-{name}"), text(&page));
    }
}

#[test]
fn everything_a_manager_needs_is_said_by_each() {
    let release = releases::conditional();
    let page = html::release(&release).unwrap();
    let markdown = markdown::render_release(&release);
    for (what, said) in [
        ("page", text(&page)),
        ("markdown", markdown),
        ("terminal", words(&release)),
    ] {
        let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
        for needed in [
            "CONDITIONAL GO",
            "Without waivers: NO-GO",
            "the payments team",
            "after the deployment",
            "2026-11-30",
            "counts, and expires in 8 days",
            "it can be taken out",
            "expired, counts no more",
            "signed by the release manager on 2026-11-20: rolled back in 40 s",
            "Somebody watches the orders",
            "1 day old",
            "5f1d3c0c",
            "1.3.11",
        ] {
            assert!(said.contains(needed), "{what} lacks {needed:?}: {said}");
        }
    }
}

#[test]
fn hostile_words_are_text() {
    let page = html::release(&releases::no_go()).unwrap();
    assert!(page.contains("orders were &lt;late&gt;") && !page.contains("<late>"));
    assert!(page.contains("&lt;broken&gt;") && !page.contains("<broken>"));
    let markdown = markdown::render_release(&releases::no_go());
    assert!(!markdown.contains("<late>") && !markdown.contains("<broken>"));
}

/// A run's own page.
fn page_of(run: &harness_core::readiness::Run) -> String {
    let verdict = harness_core::verdict::evaluate(&run.record);
    let readiness = harness_core::readiness::readiness(&run.record, &verdict);
    html::render(&run.record, &verdict, &readiness).unwrap()
}

#[test]
fn the_gate_nearest_to_its_limit_is_one_gate() {
    let page = text(&page_of(&releases::run("go", "2026-11-21T06:16:28+00:00")));
    let after = |words: &str| {
        let rest = page.split_once(words).unwrap().1.trim_start();
        rest.split_whitespace().next().unwrap().to_owned()
    };
    let reason = after("nearest to its limit: p");
    let headroom = after("to spare on the key gate nearest to its limit:\np");
    assert_eq!(reason, headroom, "{page}");
}

#[test]
fn a_run_says_when_its_release_needs_more_than_it_gives() {
    use harness_core::plan::readiness::{Need, Needed};
    let mut run = releases::run("go", "2026-11-21T06:16:28+00:00");
    assert!(!page_of(&run).contains("needs more evidence"));
    let need = |what: Needed| Need {
        what,
        fresh_days: 7,
        owner: None,
    };
    let needs = |run: &mut harness_core::readiness::Run, needs: Vec<Need>| {
        run.record.run.as_mut().unwrap().plan.readiness.needs = needs;
    };
    let own = Needed::Scenario("payments-slow".parse().unwrap());
    needs(&mut run, vec![need(own.clone())]);
    assert!(!page_of(&run).contains("needs more evidence"));
    let soak = Needed::Scenario("soak".parse().unwrap());
    let nightly = Needed::Profile("nightly".parse().unwrap());
    needs(&mut run, vec![need(own), need(soak), need(nightly)]);
    let page = page_of(&run);
    let line = page.split_once("class=\"needs\">").unwrap().1;
    let line = line.split_once("</p>").unwrap().0;
    assert!(line.contains("soak") && line.contains("nightly"), "{line}");
    assert!(
        !line.contains("payments-slow") && line.contains("harness readiness"),
        "{line}"
    );
    for (what, said) in elsewhere(&run) {
        let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            said.contains("than this run gives: scenario `soak`, profile `nightly`."),
            "{what}: {said}"
        );
    }
}

/// A run for a job's page, a pull request and a terminal.
fn elsewhere(run: &harness_core::readiness::Run) -> [(&'static str, String); 3] {
    let verdict = harness_core::verdict::evaluate(&run.record);
    let readiness = harness_core::readiness::readiness(&run.record, &verdict);
    let mut out = Vec::new();
    terminal::render(
        &mut out,
        Style::PLAIN,
        &run.record,
        &verdict,
        &readiness,
        None,
    )
    .unwrap();
    [
        (
            "summary",
            markdown::render(&run.record, &verdict, &readiness),
        ),
        (
            "comment",
            markdown::comment(&run.record, &verdict, &readiness),
        ),
        ("terminal", String::from_utf8(out).unwrap()),
    ]
}

#[test]
fn a_failed_gate_is_told_by_its_name_and_what_it_asks_and_never_by_a_number() {
    let mut run = releases::run("go", "2026-11-21T06:16:28+00:00");
    let plan = &mut run.record.run.as_mut().unwrap().plan;
    let gate = &mut plan.scenarios[0].gates[0];
    gate.id = "payments-slow#nobody waits".to_owned();
    gate.expect = "p50 < 1us".parse().unwrap();
    let mut other = gate.clone();
    other.id = "payments-slow#77".to_owned();
    other.expect = "p50 < 2us".parse().unwrap();
    plan.scenarios[0].gates.push(other);
    let page = page_of(&run);
    let first = page.split_once("class=\"tiles\"").unwrap().0;
    let first = first.split_once("<main").unwrap().1;
    let mut all = elsewhere(&run).to_vec();
    all.push(("page", text(&format!("<body><main{first}<script>"))));
    for (what, said) in all {
        let said = said.replace("&lt;", "<");
        let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
        for part in ["Failed: payments-slow: nobody waits", "p50 < 2us"] {
            assert!(said.contains(part), "{what} lacks {part}: {said}");
        }
        assert!(!said.contains("77 failed"), "{what}: {said}");
        assert!(!said.contains("Headroom"), "{what}: {said}");
    }
    assert!(text(&page).contains("nobody waits\n"));
}

#[test]
fn the_scorecard_says_what_is_missing() {
    let page = html::release(&releases::no_go()).unwrap();
    let card = page.split_once("id=\"scorecard\"").unwrap().1;
    let card = card.split_once("</figure>").unwrap().0;
    for words in [
        "Key, decides",
        "Scored, weighs",
        "<title",
        "<desc",
        "class=\"b-lost\"",
        "soak",
        "(missing)",
        "<details class=\"data\">",
    ] {
        assert!(card.contains(words), "{words}: {card}");
    }
}
