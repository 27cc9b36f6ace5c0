//! The page in a real browser: it opens under its own policy without a word on the console, and fits a phone. Skipped,
//! with a line that says so, where there is no browser; `HARNESS_REQUIRE_CHROMIUM=1` makes that a failure.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "in a test a panic is the report"
)]

mod devtools;
mod releases;

use devtools::browser;
use harness_core::compare::compare;
use harness_core::readiness::readiness;
use harness_core::record::{Record, fold};
use harness_core::verdict::evaluate;
use harness_report::{html, store};
use std::path::Path;
use std::process::Command;

/// The narrowest phone, CSS pixels.
const PHONE: u32 = 360;

fn record(run: &str) -> Record {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../fixtures/runs/{run}.ndjson"));
    let events = store::read(&path)
        .unwrap()
        .collect::<Result<Vec<_>, _>>()
        .unwrap();
    fold(events).unwrap()
}

fn page(run: &str) -> String {
    let record = record(run);
    let verdict = evaluate(&record);
    html::render(&record, &verdict, &readiness(&record, &verdict)).unwrap()
}

/// A file as the browser has it after its scripts ran, and the lines of its console.
fn open(browser: &Path, file: &Path) -> (String, Vec<String>) {
    let profile = tempfile::tempdir().unwrap();
    let out = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"])
        .args(["--enable-logging=stderr", "--window-size=1280,900"])
        .args(["--virtual-time-budget=5000", "--timeout=60000"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("file://{}", file.display()))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&out.stderr)
        .lines()
        .filter(|line| line.contains("CONSOLE"))
        .map(str::to_owned)
        .collect();
    (String::from_utf8_lossy(&out.stdout).into_owned(), said)
}

/// The words on the console, and how far the page reaches beyond a phone's width, pixels.
fn seen(browser: &Path, page: &str) -> (Vec<String>, u32) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("page.html");
    std::fs::write(&file, page).unwrap();
    let (dom, said) = open(browser, &file);
    assert!(dom.contains("</main>"), "the page did not open: {said:?}");
    // A browser's window has a least width; a frame in it has none, and shares the origin of the page around it.
    let quoted = page.replace('&', "&amp;").replace('"', "&quot;");
    let around = format!(
        "<!doctype html><title>none</title><iframe width={PHONE} height=800 frameborder=0 srcdoc=\"{quoted}\"></iframe>\
         <script>onload = () => {{ const f = document.querySelector('iframe'); \
         document.title = f.contentWindow.innerWidth + ' ' + f.contentDocument.documentElement.scrollWidth }}</script>"
    );
    std::fs::write(&file, around).unwrap();
    let (dom, _) = open(browser, &file);
    let title = dom
        .split("<title>")
        .nth(1)
        .and_then(|rest| rest.split("</title>").next())
        .unwrap();
    let widths: Vec<u32> = title
        .split(' ')
        .map(|n| n.parse().expect("two widths as the title"))
        .collect();
    assert_eq!(widths[0], PHONE, "the frame is as wide as a phone");
    (said, widths[1].saturating_sub(PHONE))
}

#[test]
fn the_page_opens_silently_and_fits_a_phone() {
    let Some(browser) = browser() else { return };
    for run in ["go", "no-go", "cut-short", "hostile"] {
        let (said, beyond) = seen(&browser, &page(run));
        assert!(said.is_empty(), "{run}: {said:#?}");
        assert_eq!(beyond, 0, "{run} is {beyond} pixels wider than a phone");
    }
}

/// Pages that a document has on paper.
fn printed(browser: &Path, page: &str) -> usize {
    let dir = tempfile::tempdir().unwrap();
    let (file, pdf) = (dir.path().join("page.html"), dir.path().join("page.pdf"));
    std::fs::write(&file, page).unwrap();
    let ended = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu"])
        .args(["--no-pdf-header-footer", "--timeout=60000"])
        .arg(format!("--print-to-pdf={}", pdf.display()))
        .arg(format!(
            "--user-data-dir={}",
            dir.path().join("profile").display()
        ))
        .arg(format!("file://{}", file.display()))
        .output()
        .unwrap();
    let bytes = std::fs::read(&pdf).unwrap_or_else(|_| panic!("no paper: {ended:?}"));
    let text = String::from_utf8_lossy(&bytes);
    text.matches("/Type /Page\n").count()
}

#[test]
fn a_release_opens_silently_fits_a_phone_and_its_first_page_is_one_sheet() {
    let Some(browser) = browser() else { return };
    for release in [releases::no_go(), releases::conditional()] {
        let page = html::release(&release).unwrap();
        let (said, beyond) = seen(&browser, &page);
        assert!(said.is_empty(), "{said:#?}");
        assert_eq!(beyond, 0, "{beyond} pixels wider than a phone");
        // What follows the first page begins on a sheet of its own: without it there is one. Its style stays as it is, or
        // the page's policy would refuse it.
        let (first, rest) = page.split_once("<section id=\"gates\">").unwrap();
        let (_, script) = rest.split_once("</footer>").unwrap();
        assert_eq!(printed(&browser, &format!("{first}</main>{script}")), 1);
        assert!(printed(&browser, &page) > 1);
    }
}

#[test]
fn a_comparison_opens_silently_and_fits_a_phone() {
    let Some(browser) = browser() else { return };
    let (go, no_go) = (record("go"), record("no-go"));
    let long = "a-variant-with-a-long-name-".repeat(3);
    let mut runs = vec![("default".to_owned(), &go), (long, &no_go)];
    for more in 3..=6 {
        let page = {
            let records: Vec<_> = runs.iter().map(|(_, record)| *record).collect();
            html::compare(&compare(&runs, &["late".to_owned()]), &records).unwrap()
        };
        let (said, beyond) = seen(&browser, &page);
        assert!(said.is_empty(), "{said:#?}");
        assert_eq!(beyond, 0, "{more}: {beyond} pixels wider than a phone");
        runs.push((format!("run-{more}"), &go));
    }
}

#[test]
fn a_breach_of_the_policy_an_error_and_a_wide_thing_are_seen() {
    let Some(browser) = browser() else { return };
    let page = page("go");
    let spoilt = |what: &str| page.replace("</main>", &format!("{what}</main>"));
    let (said, _) = seen(&browser, &spoilt("<b style=\"color:red\">x</b>"));
    assert!(said.iter().any(|line| line.contains("style")), "{said:#?}");
    let (said, _) = seen(&browser, &spoilt("<script>alert(1)</script>"));
    assert!(said.iter().any(|line| line.contains("script")), "{said:#?}");
    let (_, beyond) = seen(&browser, &spoilt("<svg width=\"500\" height=\"1\"></svg>"));
    assert!(beyond > 100, "{beyond}");
}
