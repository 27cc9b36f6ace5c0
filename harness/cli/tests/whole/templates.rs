//! Templates of somebody's own: used by every command that makes a page, and refused before anything is run where they are
//! broken.

use crate::streams::{self, Shape};
use crate::support::journeys::VISIT;
use crate::support::{Suite, server};

const SCENARIO: &str =
    "title = \"A moment\"\n[load]\nrate = \"20/s\"\nfor = \"1s\"\nmix = { visit = 1 }\n";
const GATES: &str = "<section id=\"gates\"><h2>OUR GATES</h2>{% for g in page.gates %}<p>{{ g.title }}</p>{% endfor %}</section>\n";

fn suite(report: &str) -> Suite {
    let suite = Suite::new(&[
        ("scenarios/journeys/visit.toml", VISIT),
        ("scenarios/moment.toml", SCENARIO),
    ]);
    let head = format!("[project]\nname = \"moment <b>\"\n{report}");
    suite.write("harness.toml", format!("{head}{}", server::target()));
    suite
}

#[test]
fn a_broken_template_is_told_before_a_run_begins() {
    let suite = suite("[report]\ntemplates = \"own\"\n");
    let begun = || suite.path().join("reports").exists();
    // A folder that is not there, one with nothing of use, one whose text is wrong, one that asks for what there is not.
    let ran = suite.run(&["run"]).exits(2);
    assert!(
        ran.stderr.contains("harness.toml:4") && ran.stderr.contains("own"),
        "{}",
        ran.stderr
    );
    suite.write("own/gate.html", "x");
    let ran = suite.run(&["run"]).exits(2);
    assert!(
        ran.stderr.contains("none of its files is called like")
            && ran.stderr.contains("gates.html by gate.html?"),
        "{}",
        ran.stderr
    );
    for (text, line, reason) in [
        ("<p>\n{% if %}", "own/gates.html, line 2", "Found"),
        ("\n\n{{ page.gatez }}", "own/gates.html, line 3", "gatez"),
    ] {
        suite.write("own/gates.html", text);
        for command in ["run", "check", "plan"] {
            let ran = suite.run(&[command]).exits(2);
            let said = ran.stdout + &ran.stderr;
            assert!(
                said.contains(line) && said.contains(reason),
                "{command}: {said}"
            );
            assert!(said.contains("harness.toml:4"), "{command}: {said}");
        }
    }
    assert!(!begun(), "nothing was begun");
    // The flag stands above the suite's own, and is looked at before anything is begun as well.
    suite.write("own/gates.html", GATES);
    suite.write("other/gates.html", "{% for %}");
    let ran = suite.run(&["run", "--templates", "other"]).exits(2);
    assert!(
        ran.stderr.contains("other/gates.html, line 1"),
        "{}",
        ran.stderr
    );
    assert!(!begun(), "nothing was begun");
}

#[test]
fn every_page_is_made_by_the_templates_that_were_named() {
    let suite = suite("[report]\ntemplates = \"own\"\n");
    suite.write("own/gates.html", GATES);
    let (_, _, run) = suite.judged("", &["run"]);
    let page = format!("reports/runs/{run}/report.html");
    let made = suite.read(&page);
    // What the folder has is used, escaped; what it lacks is built in.
    assert!(made.contains("OUR GATES") && made.contains("id=\"environment\""));
    assert!(made.contains("moment &lt;b&gt;") && !made.contains("moment <b>"));
    suite.run(&["report"]).exits(0);
    assert_eq!(suite.read(&page), made, "the same events, the same bytes");
    suite.write("other/gates.html", "<section id=\"gates\">OTHER</section>");
    suite.run(&["report", "--templates", "other"]).exits(0);
    assert!(suite.read(&page).contains("OTHER"));
    let words = ["readiness", &run, "--output", "out", "--templates", "other"];
    let ran = suite.run(&words);
    assert!(!ran.stdout.is_empty(), "{}", ran.stderr);
    assert!(suite.read("out/readiness.html").contains("OTHER"));
    let second = streams::make(&Shape::of("20260101-000000-base", 24, 40.0));
    suite.write("base.ndjson", streams::lines(&second));
    let first = streams::make(&Shape::of("20260102-000000-cand", 24, 40.0));
    suite.write("cand.ndjson", streams::lines(&first));
    suite.write("third/regression.html", "THIRD {{ page.answer }}");
    let words = ["compare", "cand.ndjson", "base.ndjson", "--format", "html"];
    let ran = suite.run(&[&words[..], &["--templates", "third"]].concat());
    assert_eq!(ran.stdout, "THIRD INCONCLUSIVE", "{}", ran.stderr);
    // Templates that are broken refuse these too, and so does a folder that is not there.
    suite.write("third/regression.html", "{{ page.anwser }}");
    for words in [&words[..], &["report"], &["readiness"]] {
        let ran = suite
            .run(&[words, &["--templates", "third"]].concat())
            .exits(2);
        assert!(
            ran.stderr.contains("regression.html, line 1"),
            "{}",
            ran.stderr
        );
        let ran = suite
            .run(&[words, &["--templates", "nowhere"]].concat())
            .exits(2);
        assert!(ran.stderr.contains("nowhere"), "{}", ran.stderr);
    }
}
