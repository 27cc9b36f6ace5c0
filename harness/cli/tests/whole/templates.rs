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

#[test]
fn the_list_of_runs_is_made_by_the_templates_that_were_named() {
    let suite = suite("[report]\ntemplates = \"own\"\n");
    let rows = "{% for r in page.rows %}{{ r.run }} {% endfor %}";
    suite.write("own/index.html", format!("OUR LIST {rows}"));
    suite.write("own/gate.html", "x");
    let ran = suite.run(&["run", "--quiet"]);
    let run = suite.only_run();
    let run = run.file_name().unwrap().to_str().unwrap();
    let list = || suite.read("reports/index.html");
    assert_eq!(
        list().trim_end(),
        format!("OUR LIST {run}"),
        "{}",
        ran.stderr
    );
    // A file that replaces nothing is told once, with the name that may be meant.
    for command in ["run", "report", "check"] {
        let ran = suite.run(&[command]);
        let said = ran.stdout + &ran.stderr;
        let told = said.matches("gate.html: did you mean gates.html?").count();
        assert_eq!(told, 1, "{command}: {said}");
    }
    std::fs::remove_file(suite.path().join("own/gate.html")).unwrap();
    suite.write("other/index.html", "OTHER LIST");
    suite.run(&["report", "--templates", "other"]).exits(0);
    assert_eq!(list(), "OTHER LIST");
    suite.run(&["report", "--index"]).exits(0);
    assert!(list().starts_with("OUR LIST"), "{}", list());
    suite
        .run(&["report", "--index", "--templates", "other"])
        .exits(0);
    assert_eq!(list(), "OTHER LIST");
    // One that fails on what only these runs hold costs no list.
    let late = "{% if page.title != \"shop\" %}{{ page.nothing }}{% endif %}";
    suite.write("own/index.html", late);
    let ran = suite.run(&["report"]).exits(0);
    let warned = "the list of runs is made by the built-in templates";
    assert!(ran.stderr.contains(warned), "{}", ran.stderr);
    assert!(list().contains("<tr id=\"run-"), "{}", list());
    let ran = suite.run(&["report", "--index"]).exits(2);
    assert!(
        ran.stderr.contains("own/index.html, line 1"),
        "{}",
        ran.stderr
    );
    suite.write("own/index.html", "{{ page.nothing }}");
    let ran = suite.run(&["run"]).exits(2);
    assert!(
        ran.stderr.contains("own/index.html, line 1"),
        "{}",
        ran.stderr
    );
}

/// What fails on what a real run holds costs its page and nothing else: runs of hours are not lost for a template.
#[test]
fn a_template_that_fails_on_a_real_run_costs_only_its_own_page() {
    let variant = "[variant.slow.service.server.env]\nHARNESS_TEST_SERVER_DELAY_MS = \"5\"\n";
    let suite = suite("[report]\ntemplates = \"own\"\n");
    suite.append("harness.toml", variant);
    // Sample events are of another project, so that the trial finds nothing wrong.
    let text = "{% if page.project == \"moment <b>\" %}{{ page.nothing }}{% endif %}OURS";
    for page in ["page", "compare", "regression", "release"] {
        suite.write(&format!("own/{page}.html"), text);
    }
    let told = |ran: &crate::support::Ran, page: &str| {
        assert!(
            ran.stderr.contains(&format!("own/{page}.html, line 1"))
                && ran
                    .stderr
                    .contains("the page is made by the built-in templates"),
            "{page}: {}",
            ran.stderr
        );
        assert_ne!(ran.code, 2, "{page}: {}", ran.stderr);
    };
    let compared = || {
        let mut folders = suite.runs().into_iter().filter(|path| {
            path.file_name()
                .unwrap()
                .to_str()
                .unwrap()
                .starts_with("compare-")
        });
        folders.next_back().unwrap()
    };
    let both = ["run", "--variant", "default", "--variant", "slow"];
    told(&suite.run(&both), "compare");
    for file in ["summary.json", "summary.md", "report.html"] {
        assert!(compared().join(file).is_file(), "{file}");
    }
    let first = compared();
    told(
        &suite.run(&[&both[..], &["--repeats", "2"]].concat()),
        "regression",
    );
    assert_ne!(first, compared());
    let page = std::fs::read_to_string(compared().join("report.html")).unwrap();
    assert!(page.contains("Did it get slower?"), "the built-in page");
    told(&suite.run(&["report"]), "page");
    let run = suite.runs()[0]
        .file_name()
        .unwrap()
        .to_str()
        .unwrap()
        .to_owned();
    told(&suite.run(&["readiness", &run]), "release");
    let runs = suite.runs();
    let other = runs[1].file_name().unwrap().to_str().unwrap();
    told(
        &suite.run(&["compare", other, &run, "--variants", "--format", "html"]),
        "regression",
    );
}

/// Templates are read once for all runs of a command: an edit that breaks one meanwhile costs neither runs nor pages.
#[test]
fn a_template_that_is_broken_while_runs_are_played_costs_none_of_them() {
    let suite = suite("[report]\ntemplates = \"own\"\n");
    let text = suite.read("harness.toml");
    // The first run's own preparations break it, after it was read.
    let breaks = "prepare = [\"sh\", \"-c\", \"echo '{% if %}' > own/gates.html\"], command";
    suite.write("harness.toml", text.replacen("command", breaks, 1));
    suite.append(
        "harness.toml",
        "[regression]\nshort_trim_s = 0.5\n[variant.slow]\nservice = {}\n",
    );
    let both = ["run", "--variant", "default", "--variant", "slow"];
    let rows: [(Vec<&str>, usize); 3] = [
        (both.to_vec(), 2),
        ([&both[..], &["--repeats", "2"]].concat(), 4),
        (vec!["calibrate", "--runs", "3"], 3),
    ];
    for (row, runs) in rows {
        suite.write("own/gates.html", GATES);
        let before = suite.runs();
        let ran = suite.run(&row);
        let made = suite.runs().into_iter().filter(|run| !before.contains(run));
        let pages: Vec<String> = made
            .map(|run| run.join("report.html"))
            .filter(|page| {
                !page
                    .parent()
                    .unwrap()
                    .to_string_lossy()
                    .contains("compare-")
            })
            .map(|page| std::fs::read_to_string(page).unwrap())
            .collect();
        assert_eq!(pages.len(), runs, "{row:?}: {}", ran.stderr);
        assert!(
            pages.iter().all(|page| page.contains("OUR GATES")),
            "{row:?}: {}",
            ran.stderr
        );
        assert!(
            !ran.stderr.contains("built-in templates"),
            "{row:?}: {}",
            ran.stderr
        );
    }
}

/// What no page uses is told of each folder, and of each once.
#[test]
fn what_no_page_uses_is_told_of_the_suites_folder_and_of_the_one_that_was_named() {
    let suite = suite("[report]\ntemplates = \"own\"\n");
    for folder in ["own", "other"] {
        suite.write(&format!("{folder}/gates.html"), GATES);
        suite.write(&format!("{folder}/gate.html"), "x");
    }
    let ran = suite.run(&["run", "--templates", "other"]);
    for folder in ["own", "other"] {
        let told = ran.stderr.matches(&format!("{folder}/gate.html")).count();
        assert_eq!(told, 1, "{folder}: {}", ran.stderr);
    }
    let ran = suite.run(&["run", "--templates", "own"]);
    let told = ran.stderr.matches("own/gate.html").count();
    assert_eq!(told, 1, "{}", ran.stderr);
}
