//! `harness baseline` and `harness compare` without a baseline named, on made-up runs whose truth is known; and gates on
//! regressions on short live ones.

use crate::streams::{self, Shape};
use crate::support::journeys::VISIT;
use crate::support::{Ran, Suite, server};
use serde_json::Value;

const EMPTY: &str = "[project]\nname = \"shop\"\n";

/// A suite with these runs' events, by the names of their files.
fn suite(shapes: &[Shape]) -> (Suite, Vec<String>) {
    let suite = Suite::new(&[("harness.toml", EMPTY)]);
    let files = shapes
        .iter()
        .map(|shape| written(&suite, shape, |text| text));
    let files = files.collect();
    (suite, files)
}

/// Writes a run's events, changed as a whole; the file's name.
fn written(suite: &Suite, shape: &Shape, change: impl FnOnce(String) -> String) -> String {
    let file = format!("{}.ndjson", shape.run);
    suite.write(&file, change(streams::lines(&streams::make(shape))));
    file
}

fn brief(run: &'static str, seed: u64) -> Shape {
    Shape {
        seed,
        ..Shape::of(run, 120, 20.0)
    }
}

fn files(suite: &Suite) -> Vec<String> {
    let mut all = Vec::new();
    let mut open = vec![suite.path().join("reports/baselines")];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => open.push(path),
                false => all.push(
                    path.strip_prefix(suite.path())
                        .unwrap()
                        .display()
                        .to_string(),
                ),
            }
        }
    }
    all.sort();
    all
}

fn json(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap()
}

#[test]
fn a_run_that_another_machine_left_is_accepted_from_its_folder() {
    let shape = brief("20260101-000000-aaaa", 1);
    let (suite, runs) = suite(std::slice::from_ref(&shape));
    let downloaded = format!("artifacts/{}", shape.run);
    suite.write(
        &format!("{downloaded}/events.ndjson.zst"),
        suite.read(&runs[0]),
    );
    suite.run(&["baseline", "accept", &downloaded]).exits(0);
    let list = json(
        &suite
            .run(&["baseline", "list", "--format", "json"])
            .exits(0),
    );
    let accepted = &list["baselines"][0]["runs"];
    assert_eq!(accepted.as_array().map(Vec::len), Some(1), "{list:#}");
    assert_eq!(accepted[0]["run"], shape.run, "{list:#}");
    // An artefact that lacks the events says which file it wants.
    suite.write("artifacts/half/summary.json", "{}");
    let ran = suite.run(&["baseline", "accept", "artifacts/half"]);
    assert_ne!(ran.code, 0, "{}", ran.stdout);
    assert!(
        ran.stderr.contains("events.ndjson.zst"),
        "{}{}",
        ran.stdout,
        ran.stderr
    );
}

#[test]
fn runs_are_accepted_listed_shown_pinned_and_pruned() {
    const RUNS: [&str; 3] = [
        "20260101-000000-aaaa",
        "20260102-000000-bbbb",
        "20260103-000000-cccc",
    ];
    let shapes = [brief(RUNS[0], 1), brief(RUNS[1], 2), brief(RUNS[2], 3)];
    let (suite, runs) = suite(&shapes);
    let none = suite.run(&["baseline", "list"]).exits(0);
    assert!(
        none.stderr.contains("nothing is accepted"),
        "{}",
        none.stderr
    );
    let ran = suite
        .run(&["baseline", "accept", &runs[0], "--release", "1.4.0"])
        .exits(0);
    assert!(
        ran.stdout.contains("begins a new baseline"),
        "{}",
        ran.stdout
    );
    let first = files(&suite);
    assert_eq!(first.len(), 1, "{first:?}");
    let bytes = std::fs::read(suite.path().join(&first[0])).unwrap();
    assert!(bytes.len() < 20_000, "{} bytes", bytes.len());
    let ran = suite
        .run(&["baseline", "accept", &runs[0], &runs[1], &runs[2]])
        .exits(0);
    assert!(ran.stdout.contains("is accepted already"), "{}", ran.stdout);
    assert!(ran.stdout.contains("3 runs in it"), "{}", ran.stdout);
    // A release that is told later is kept, and one that the run says itself stays.
    let ran = suite
        .run(&["baseline", "accept", &runs[1], "--release", "1.4.1"])
        .exits(0);
    assert!(
        ran.stdout.contains("is of release 1.4.1 now"),
        "{}",
        ran.stdout
    );
    let list = json(
        &suite
            .run(&["baseline", "list", "--format", "json"])
            .exits(0),
    );
    assert_eq!(
        list["baselines"][0]["runs"][1]["release"], "1.4.1",
        "{list:#}"
    );
    let again = suite
        .run(&["baseline", "accept", &runs[1], "--release", "1.4.1"])
        .exits(0);
    assert!(
        again.stdout.contains("is accepted already"),
        "{}",
        again.stdout
    );
    // The same run makes the same file.
    std::fs::remove_file(suite.path().join(&first[0])).unwrap();
    suite
        .run(&["baseline", "accept", &runs[0], "--release", "1.4.0"])
        .exits(0);
    assert_eq!(std::fs::read(suite.path().join(&first[0])).unwrap(), bytes);

    let list = json(
        &suite
            .run(&["baseline", "list", "--format", "json"])
            .exits(0),
    );
    let baseline = &list["baselines"][0];
    assert_eq!(baseline["scenario"], "payments-slow", "{list:#}");
    assert_eq!(baseline["runs"].as_array().unwrap().len(), 3, "{list:#}");
    assert_eq!(baseline["runs"][0]["release"], "1.4.0", "{list:#}");
    assert_eq!(baseline["this_machine"], false, "{list:#}");
    let pin = suite
        .run(&["baseline", "pin", "1.4.0", "20260101"])
        .exits(0);
    assert!(
        pin.stdout.contains("1.4.0 is pinned in payments-slow/"),
        "{}",
        pin.stdout
    );
    assert!(!pin.stderr.contains("note"), "{}", pin.stderr);
    suite.run(&["baseline", "unpin", "1.4.0"]).exits(0);
    let other = suite
        .run(&["baseline", "pin", "1.3.9", "20260101"])
        .exits(0);
    let note = "says that it is of release 1.4.0; `harness baseline unpin 1.3.9`";
    assert!(other.stderr.contains(note), "{}", other.stderr);
    suite.run(&["baseline", "unpin", "1.3.9"]).exits(0);
    suite
        .run(&["baseline", "pin", "1.4.0", "20260101"])
        .exits(0);
    let other = suite.run(&["baseline", "pin", "1.5.0", RUNS[1]]).exits(2);
    assert!(other.stderr.contains("unpin 1.4.0"), "{}", other.stderr);
    let unknown = suite.run(&["baseline", "pin", "1.4.0", "2027"]).exits(2);
    assert!(
        unknown.stderr.contains("no run `2027` is accepted"),
        "{}",
        unknown.stderr
    );

    insta::assert_snapshot!("list", suite.run(&["baseline", "list"]).exits(0).stdout);
    let show = suite.run(&["baseline", "show", "payments-slow"]).exits(0);
    insta::assert_snapshot!("show", show.stdout);
    let unknown = suite.run(&["baseline", "show", "soak"]).exits(2);
    assert!(
        unknown.stderr.contains("there are: payments-slow/"),
        "{}",
        unknown.stderr
    );

    let dry = suite
        .run(&["baseline", "prune", "--keep", "1", "--dry-run"])
        .exits(0);
    assert!(
        dry.stdout.contains(&format!("run {}", RUNS[1])),
        "{}",
        dry.stdout
    );
    assert_eq!(files(&suite).len(), 3);
    let prune = suite.run(&["baseline", "prune", "--keep", "1"]).exits(0);
    assert!(prune.stderr.contains("1.4.0 is pinned"), "{}", prune.stderr);
    let left = files(&suite);
    assert_eq!(left.len(), 2, "{left:?}");
    assert!(
        left[0].contains(RUNS[0]) && left[1].contains(RUNS[2]),
        "{left:?}"
    );
    suite.run(&["baseline", "unpin", "1.4.0"]).exits(0);
    suite.run(&["baseline", "unpin", "1.4.0"]).exits(2);
    suite.run(&["baseline", "prune", "--keep", "1"]).exits(0);
    assert_eq!(files(&suite).len(), 1);
    suite.run(&["baseline", "prune"]).exits(2);
}

#[test]
fn accepting_is_advised_of_no_run_that_would_be_refused() {
    let (suite, _) = suite(&[]);
    let short = Shape::of("20260102-000000-tiny", 24, 20.0);
    let short = written(&suite, &short, |text| text);
    let stopped = brief("20260102-000000-stop", 3);
    let stopped = written(&suite, &stopped, |text| {
        text.replace("\"end\":\"completed\"", "\"end\":\"cancelled\"")
    });
    let cut = written(&suite, &brief("20260102-000000-half", 4), |text| {
        text[..text.len() / 2].to_owned()
    });
    for (run, why) in [
        (&short, "less than 30 s decide nothing"),
        (&stopped, "the run was interrupted"),
        (
            &cut,
            "its record ends in the middle, and one that came to its end can be",
        ),
    ] {
        let ran = suite.run(&["compare", run]).exits(4);
        let hint = ran.stderr.lines().find(|line| line.starts_with("hint: "));
        let hint = hint.unwrap_or_default();
        assert!(
            hint.contains("can't be accepted itself: "),
            "{}",
            ran.stderr
        );
        assert!(hint.contains(why), "{}", ran.stderr);
        assert!(!hint.contains("harness baseline accept"), "{}", ran.stderr);
        suite.run(&["baseline", "accept", run, "--new"]).exits(4);
    }
    let good = written(&suite, &brief("20260101-000000-good", 1), |text| text);
    let ran = suite.run(&["compare", &good]).exits(4);
    let (_, command) = ran.stderr.split_once("`harness ").unwrap();
    let (command, _) = command.split_once('`').unwrap();
    let words: Vec<&str> = command.split(' ').collect();
    suite.run(&words).exits(0);
}

#[test]
fn what_is_not_fit_is_refused_by_reason_and_nothing_is_written() {
    let (suite, _) = suite(&[]);
    let refused = |file: &str, flags: &[&str], reason: &str| {
        let ran = suite
            .run(&[&["baseline", "accept", file], flags].concat())
            .exits(4);
        assert!(ran.stderr.contains(reason), "{}", ran.stderr);
    };
    let good = written(&suite, &brief("20260101-000000-good", 1), |text| text);
    let lags = Shape {
        lags: true,
        ..brief("20260102-000000-lags", 2)
    };
    let lags = written(&suite, &lags, |text| text);
    refused(&lags, &[], "its load can't be trusted");
    let cut = brief("20260102-000000-stop", 3);
    let cut = written(&suite, &cut, |text| {
        text.replace("\"end\":\"completed\"", "\"end\":\"cancelled\"")
    });
    refused(&cut, &[], "the run was interrupted");
    refused(&cut, &[], "its schedule was not played to the end");
    let short = Shape::of("20260102-000000-tiny", 24, 20.0);
    let short = written(&suite, &short, |text| text);
    refused(
        &short,
        &[],
        "of load are left after the beginning is cut off",
    );
    // A run has one scenario here: there is no other to be taken alone.
    let ran = suite.run(&["baseline", "accept", &short]).exits(4);
    assert!(
        ran.stderr.ends_with("nothing was accepted\n"),
        "{}",
        ran.stderr
    );
    // One of several that is not fit keeps all of them out.
    let ran = suite.run(&["baseline", "accept", &good, &lags]).exits(4);
    let said = format!("nothing was accepted; the rest can be, without {lags}\n");
    assert!(ran.stderr.ends_with(&said), "{}", ran.stderr);
    assert!(!suite.path().join("reports/baselines").exists());

    suite.run(&["baseline", "accept", &good]).exits(0);
    let machine = brief("20260103-000000-else", 4);
    let machine = written(&suite, &machine, |text| {
        text.replace("4 × x86-64", "8 × arm")
    });
    refused(
        &machine,
        &[],
        "another machine (cpu: 4 × x86-64, here 8 × arm)",
    );
    refused(&machine, &[], "--new begins a new baseline");
    let load = Shape {
        rate: 30.0,
        ..brief("20260103-000000-load", 5)
    };
    let load = written(&suite, &load, |text| text);
    refused(&load, &[], "its workload is another one");
    suite
        .run(&["baseline", "accept", &machine, "--new"])
        .exits(0);
    suite.run(&["baseline", "accept", &load, "--new"]).exits(0);
    assert_eq!(files(&suite).len(), 3);
    let list = json(
        &suite
            .run(&["baseline", "list", "--format", "json"])
            .exits(0),
    );
    assert_eq!(list["baselines"].as_array().unwrap().len(), 3, "{list:#}");
    let ran = suite
        .run(&["baseline", "accept", &good, "--scenario", "soak"])
        .exits(2);
    assert!(
        ran.stderr.contains("it played: payments-slow"),
        "{}",
        ran.stderr
    );
}

#[test]
fn what_can_not_be_read_is_told_by_its_path_and_decides_nothing_in_silence() {
    let (suite, runs) = suite(&[
        brief("20260101-000000-aaaa", 1),
        brief("20260102-000000-bbbb", 2),
    ]);
    suite.run(&["baseline", "accept", &runs[0]]).exits(0);
    let file = files(&suite).remove(0);
    let bytes = std::fs::read(suite.path().join(&file)).unwrap();
    suite.write("reports/baselines/notes.txt", "mine");
    suite.write("reports/baselines/calibration/x.json", "{}");
    let list = suite.run(&["baseline", "list"]).exits(0);
    assert!(
        list.stderr.contains("notes.txt: it is no baseline"),
        "{}",
        list.stderr
    );
    assert!(!list.stderr.contains("calibration"), "{}", list.stderr);
    suite.write(&file, &bytes[..bytes.len() / 2]);
    let list = suite.run(&["baseline", "list"]).exits(2);
    assert!(list.stderr.contains(&file), "{}", list.stderr);
    assert!(
        list.stderr.contains("accept the run once more"),
        "{}",
        list.stderr
    );
    let compare = suite.run(&["compare", &runs[1]]).exits(2);
    assert!(compare.stderr.contains(&file), "{}", compare.stderr);
}

#[test]
fn a_run_is_compared_with_what_was_accepted() {
    let shape = |run, seed| Shape {
        seed,
        ..Shape::of(run, 600, 160.0)
    };
    let base = [
        shape("20260101-000000-aaaa", 41),
        shape("20260102-000000-bbbb", 42),
        shape("20260103-000000-cccc", 43),
        shape("20260104-000000-dddd", 44),
        shape("20260105-000000-eeee", 45),
    ];
    let (suite, runs) = suite(&base);
    let slow = Shape {
        slower: 1.3,
        ..shape("20260110-000000-slow", 51)
    };
    let slow = written(&suite, &slow, |text| text);
    let nothing = suite.run(&["compare", &slow]).exits(4);
    assert!(
        nothing
            .stdout
            .contains("payments-slow is held against nothing"),
        "{}",
        nothing.stdout
    );
    let hint = "`harness baseline accept 20260110-000000-slow.ndjson --new`";
    assert!(nothing.stderr.contains(hint), "{}", nothing.stderr);
    let runs: Vec<&str> = runs.iter().map(String::as_str).collect();
    suite
        .run(&[&["baseline", "accept"], &runs[..]].concat())
        .exits(0);
    suite
        .run(&["baseline", "pin", "1.4.0", "20260101"])
        .exits(0);
    let ran = suite.run(&["compare", &slow]).exits(1);
    insta::assert_snapshot!("accepted", ran.stdout);

    let same = written(&suite, &shape("20260111-000000-same", 52), |text| text);
    let ran = suite.run(&["compare", &same, "--format", "json"]);
    assert!([0, 5].contains(&ran.code), "{}", ran.stderr);
    let of = json(&ran);
    let figures = of["scenarios"][0]["figures"].as_array().unwrap();
    assert!(figures.iter().all(|f| f["class"] != "regressed"), "{of:#}");
    assert_eq!(figures[0]["history"]["runs"], 5, "{of:#}");
    assert_eq!(figures[0]["effect"]["tau"]["learned_from"], 5, "{of:#}");

    // A run that is accepted is not held against itself, and of another machine nothing fits.
    let own = json(&suite.run(&["compare", runs[4], "--format", "json"]));
    let baseline = own["scenarios"][0]["baseline"].as_array().unwrap();
    assert_eq!(baseline.len(), 4, "{own:#}");
    let other = written(&suite, &shape("20260112-000000-else", 53), |text| {
        text.replace("4 × x86-64", "8 × arm")
    });
    let none = suite.run(&["compare", &other]).exits(4);
    assert!(
        none.stdout
            .contains("5 runs up to 20260105-000000-eeee: another machine"),
        "{}",
        none.stdout
    );
    let none = suite.run(&["compare", &other, "--format", "json"]).exits(4);
    assert!(
        none.stderr
            .contains("accept 20260112-000000-else.ndjson --new`"),
        "{}",
        none.stderr
    );
    let of = json(&none);
    assert_eq!(of["grade"], "invalid", "{of:#}");
    assert!(
        of["scenarios"][0]["invalid"]
            .to_string()
            .contains("another machine"),
        "{of:#}"
    );
}

/// A suite whose one gate is on a regression, and whose server takes so long.
fn gated(delay_ms: u32) -> Suite {
    let scenario = r#"
title = "Some seconds"
[load]
rate = "60/s"
for = "8s"
mix = { visit = 1 }
[[gate]]
name = "not slower"
expect = "regression(p50(visit)) < 100%"
"#;
    let suite = Suite::new(&[
        ("scenarios/journeys/visit.toml", VISIT),
        ("scenarios/short.toml", scenario),
    ]);
    set_delay(&suite, delay_ms);
    suite
}

/// So short a run is no measure of anything but eight times as slow a server.
const SHORT: &str = "[project]\nname = \"moment\"\n[regression]\nleast_s = 2\nblocks = 2\nsettled = 0.9\nshort_block_s = 1\nshort_trim_s = 1\nsamples_beyond = 10\n";

fn set_delay(suite: &Suite, delay_ms: u32) {
    let slow = format!("env = {{ {} = \"{delay_ms}\",", server::DELAY);
    let target = server::target().replace("env = {", &slow);
    suite.write("harness.toml", format!("{SHORT}{target}"));
}

fn gate(summary: &Value) -> &Value {
    &summary["verdict"]["gates"][0]
}

#[test]
fn a_gate_waits_for_a_baseline_passes_the_same_build_and_fails_a_slower_one() {
    let suite = gated(20);
    let (ran, summary, first) = suite.judged("", &["run", "--release", "1.4.0"]);
    assert_eq!(ran.code, 5, "{summary:#}");
    let reason = gate(&summary)["reason"].as_str().unwrap();
    let command = format!("`harness baseline accept {first} --scenario short`");
    assert!(reason.contains(&command), "{reason}");
    let all = suite.read(&format!("reports/runs/{first}/summary.json"));
    let closes = format!(
        "{}, then harness run short, until gate",
        command.trim_matches('`')
    );
    assert!(all.contains(&closes), "{all}");
    suite
        .run(&["baseline", "accept", &first, "--scenario", "short"])
        .exits(0);
    let list = json(
        &suite
            .run(&["baseline", "list", "--format", "json"])
            .exits(0),
    );
    assert_eq!(list["baselines"][0]["this_machine"], true, "{list:#}");
    assert_eq!(
        list["baselines"][0]["runs"][0]["release"], "1.4.0",
        "{list:#}"
    );

    let (ran, summary, same) = suite.judged("", &["run"]);
    assert_eq!(ran.code, 0, "{:#}", gate(&summary));
    assert_eq!(gate(&summary)["grade"], "pass");

    // The server is told to be slow by its environment, which is no part of the workload.
    set_delay(&suite, 160);
    let (ran, summary, slow) = suite.judged("", &["run"]);
    assert_eq!(ran.code, 1, "{:#}", gate(&summary));
    let reason = gate(&summary)["reason"].as_str().unwrap();
    assert!(reason.contains("against 1 accepted run"), "{reason}");
    let folder = format!("reports/runs/{slow}");
    for (report, word) in [
        ("summary.md", "regression(p50(visit)) &lt; 100%"),
        ("junit.xml", "against 1 accepted run"),
        ("report.html", "against 1 accepted run"),
        ("summary.json", "against 1 accepted run"),
    ] {
        let text = suite.read(&format!("{folder}/{report}"));
        let plain = word.replace("&lt;", "<");
        assert!(
            text.contains(word) || text.contains(&plain),
            "{report}: {text}"
        );
    }

    // What is accepted later changes nothing of a report that is made again.
    let before = suite.read(&format!("{folder}/summary.json"));
    let page = suite.read(&format!("{folder}/report.html"));
    suite.run(&["baseline", "accept", &same]).exits(0);
    suite.run(&["report", &slow]).exits(0);
    assert_eq!(suite.read(&format!("{folder}/summary.json")), before);
    assert_eq!(suite.read(&format!("{folder}/report.html")), page);

    // `compare` goes by the same gate, and a file that can't be read starts nothing.
    suite.run(&["compare", &slow]).exits(1);
    let file = files(&suite).remove(0);
    suite.write(&file, "broken");
    let ran = suite.run(&["run"]).exits(2);
    assert!(ran.stderr.contains(&file), "{}", ran.stderr);
}

#[test]
fn a_gate_on_a_regression_that_can_not_be_meant_is_told() {
    let suite = gated(1);
    let text = suite.read("scenarios/short.toml");
    let told = |line: &str| {
        suite.write(
            "scenarios/short.toml",
            text.replace("name = \"not slower\"", line),
        );
        let ran = suite.run(&["check"]).exits(2);
        ran.stdout + &ran.stderr
    };
    let said = told("abort = true");
    assert!(
        said.contains("a regression is known when the load has ended"),
        "{said}"
    );
    let said = told("over = \"2s\"");
    assert!(
        said.contains("that of the whole load outside of faults"),
        "{said}"
    );
    suite.write("scenarios/short.toml", text.replace("p50(visit)", "mean"));
    let ran = suite.run(&["check"]).exits(2);
    let said = ran.stdout + &ran.stderr;
    assert!(
        said.contains("only percentiles of response times"),
        "{said}"
    );
    assert!(said.contains("regression(p95(checkout)) < 10%"), "{said}");
}

#[cfg(target_os = "linux")]
#[test]
fn data_that_can_not_be_written_is_told_and_a_reader_that_went_away_is_not() {
    let (suite, runs) = suite(&[
        brief("20260101-000000-aaaa", 1),
        brief("20260102-000000-bbbb", 2),
    ]);
    suite.run(&["baseline", "accept", &runs[0]]).exits(0);
    let compare = ["compare", &runs[1], "--format", "json"];
    for arguments in [&compare[..], &["baseline", "list"]] {
        let full = std::fs::OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .unwrap();
        let ran = suite.command(arguments).stdout(full).output().unwrap();
        let told = String::from_utf8_lossy(&ran.stderr);
        assert_eq!(ran.status.code(), Some(3), "{told}");
        let lines = told.matches("failed to write to stdout").count();
        assert_eq!(lines, 1, "{told}");
    }
    let ran = suite
        .run(&["compare", &runs[1], "-o", "/dev/null/x"])
        .exits(3);
    assert!(ran.stderr.contains("hint: -o names"), "{}", ran.stderr);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut list = suite.command(&["baseline", "list"]);
    let ran = list.stdout(writer).output().unwrap();
    assert_eq!(ran.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&ran.stderr), "");
}

/// What a recording says of commit and machine reaches no terminal raw.
#[test]
fn control_characters_of_a_recording_are_written_out() {
    let suite = Suite::new(&[("harness.toml", EMPTY)]);
    let file = written(&suite, &brief("20260101-000000-aaaa", 1), |text| {
        assert!(text.contains("4 × x86-64"));
        text.replace("4 × x86-64", "4 × \\u001b[31mred")
    });
    suite.run(&["baseline", "accept", &file]).exits(0);
    for arguments in [
        &["baseline", "list"][..],
        &["baseline", "show", "payments-slow"],
    ] {
        let ran = suite.run(arguments).exits(0);
        assert!(ran.stdout.contains("\\x1b[31mred"), "{}", ran.stdout);
        assert!(!ran.stdout.contains('\u{1b}'), "{}", ran.stdout);
    }
}

#[test]
fn runs_that_are_accepted_at_once_are_all_taken() {
    let ids = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let ids = ids.map(|last| &*format!("20260101-000000-000{last}").leak());
    let shapes: Vec<Shape> = ids
        .iter()
        .zip(1..)
        .map(|(id, seed)| brief(id, seed))
        .collect();
    let (suite, runs) = suite(&shapes);
    // Each takes the first too: all write its file.
    let started: Vec<_> = runs
        .iter()
        .map(|run| {
            let mut command = suite.command(&["baseline", "accept", &runs[0], run]);
            command
                .stderr(std::process::Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    for one in started {
        let ended = one.wait_with_output().unwrap();
        let told = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(ended.status.success(), "{told}");
    }
    assert_eq!(files(&suite).len(), ids.len());
    suite.run(&["baseline", "list"]).exits(0);
}
