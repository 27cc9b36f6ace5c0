//! `harness calibrate` and `--repeats`: what is published of made-up runs whose spread is known, what that does to a verdict,
//! and by live runs that it plays, keeps what it played when it is interrupted, and takes variants in turn.

use crate::streams::{self, Shape};
use crate::support::journeys::VISIT;
use crate::support::server::{self, DELAY};
use crate::support::{Suite, labelled, part, turn, until};
use serde_json::Value;
use std::path::PathBuf;

const IDS: [&str; 6] = [
    "20260101-000000-aaaa",
    "20260101-000100-bbbb",
    "20260101-000200-cccc",
    "20260101-000300-dddd",
    "20260101-000400-eeee",
    "20260102-000000-slow",
];

/// A run long enough for the p99 of its checkout, which its key gate asks for.
fn run(nth: usize, slower: f64) -> Shape {
    Shape {
        seed: 51 + nth as u64,
        slower,
        ..Shape::of(IDS[nth], 600, 160.0)
    }
}

/// Writes events; the files' names.
fn write(suite: &Suite, shapes: &[Shape]) -> Vec<String> {
    let name = |shape: &Shape| format!("{}-{}.ndjson", shape.run, shape.seed);
    for shape in shapes {
        suite.write(&name(shape), streams::lines(&streams::make(shape)));
    }
    shapes.iter().map(name).collect()
}

fn files(suite: &Suite) -> Vec<PathBuf> {
    let folder = suite.path().join("reports/baselines/calibration");
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    entries.map(|entry| entry.unwrap().path()).collect()
}

fn from<'f>(files: &'f [String], flags: &[&'f str]) -> Vec<&'f str> {
    let named = files.iter().map(String::as_str);
    ["calibrate", "--from"]
        .into_iter()
        .chain(named)
        .chain(flags.iter().copied())
        .collect()
}

/// Runs that differ by 8 %: a run 25 % slower than one of them is regressed by the τ assumed, and by theirs it is not.
#[test]
fn a_calibration_is_published_and_a_comparison_goes_by_it() {
    let suite = Suite::new(&[]);
    let spread = [0.92, 1.08, 1.0, 0.95, 1.07];
    let shapes: Vec<Shape> = spread
        .iter()
        .enumerate()
        .map(|(n, by)| run(n, *by))
        .collect();
    let files_of = write(&suite, &shapes);
    let slow = write(&suite, &[run(5, 1.25)]).remove(0);
    let compare = ["compare", &slow, &files_of[2]];
    let assumed = suite.run(&compare).exits(1);
    assert!(
        assumed.stdout.contains("τ 2.0 %, assumed"),
        "{}",
        assumed.stdout
    );

    let told = suite.run(&from(&files_of, &[])).exits(0);
    insta::assert_snapshot!("calibrated", told.stdout);
    let [file] = files(&suite).try_into().unwrap();
    assert!(
        told.stderr
            .contains("reports/baselines/calibration/payments-slow-"),
        "{}",
        told.stderr
    );
    let bytes = std::fs::read(&file).unwrap();
    let json = suite
        .run(&from(&files_of, &["--format", "json"]))
        .exits(0)
        .json();
    assert_eq!(
        std::fs::read(&file).unwrap(),
        bytes,
        "the same runs, the same bytes"
    );
    let written: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(json["scenarios"][0]["calibration"], written);
    let tau = written["names"]["checkout"][0]["deviation"]
        .as_f64()
        .unwrap();
    assert!((0.06..0.09).contains(&tau), "{tau}");

    let by_it = suite.run(&compare).exits(5);
    let says = |words: &str| assert!(by_it.stdout.contains(words), "{words}: {}", by_it.stdout);
    says("from the calibration of 2026-01-01, 5 runs");
    says("+10% is below the noise floor");
    says("self-test: +20% planted into the candidate would have been caught here");
    says("runs a side");
    let json = suite
        .run(&[&compare[..], &["--format", "json"]].concat())
        .exits(5)
        .json();
    let held = &json["scenarios"][0];
    assert_eq!(
        held["calibration"]["runs"].as_array().unwrap().len(),
        5,
        "{held:#}"
    );
    let figures = held["figures"].as_array().unwrap();
    let key = figures.iter().find(|figure| figure["key"] == true).unwrap();
    assert_eq!(key["effect"]["tau"]["calibrated"], true, "{key:#}");
    assert_eq!(
        (&key["self_test"]["slower"], &key["self_test"]["caught"]),
        (&0.2.into(), &true.into())
    );
    assert!(
        json["decide"]["repeats"].as_u64().is_some_and(|n| n > 1),
        "{:#}",
        json["decide"]
    );

    // Of another machine it is told and not taken; what can't be read is told by its path.
    let text = String::from_utf8(bytes).unwrap();
    std::fs::write(&file, text.replace("\"cores\": \"4\"", "\"cores\": \"96\"")).unwrap();
    let unfit = suite.run(&compare).exits(1);
    assert!(
        unfit
            .stdout
            .contains("does not fit: another machine (cores: 96, here 4)"),
        "{}",
        unfit.stdout
    );
    std::fs::write(&file, text.replace("\"format\": 1", "\"format\": 2")).unwrap();
    let newer = suite.run(&compare).exits(1);
    let name = file.file_name().unwrap().to_str().unwrap();
    assert!(
        newer.stderr.contains(name) && newer.stderr.contains("a newer harness wrote it"),
        "{}",
        newer.stderr
    );
    assert!(newer.stdout.contains("assumed"), "{}", newer.stdout);
}

#[test]
fn too_few_runs_calibrate_nothing_and_say_what_to_do() {
    let suite = Suite::new(&[]);
    let short = |nth: usize, lags| Shape {
        lags,
        ..Shape::of(IDS[nth], 24, 40.0)
    };
    let names = write(&suite, &[short(0, false), short(1, false), short(2, true)]);
    let lagged = suite.run(&from(&names, &[])).exits(4);
    for words in [
        "2 can be used of 3",
        IDS[2],
        "its load can't be trusted",
        "hint: make more runs",
    ] {
        assert!(lagged.stderr.contains(words), "{words}: {}", lagged.stderr);
    }
    assert_eq!(
        lagged.stdout.trim(),
        "exit code 4  no calibration of payments-slow"
    );
    assert_eq!(files(&suite), Vec::<PathBuf>::new());
    let two = suite.run(&from(&names[..2], &[])).exits(2);
    assert!(two.stderr.contains("at least 3"), "{}", two.stderr);
    let twice = [&names[0], &names[0], &names[1]].map(Clone::clone);
    let twice = suite.run(&from(&twice, &[])).exits(2);
    assert!(twice.stderr.contains("named twice"), "{}", twice.stderr);
    let unknown = suite.run(&[
        "calibrate",
        "elsewhere",
        "--from",
        &names[0],
        &names[1],
        &names[2],
    ]);
    let unknown = unknown.exits(2);
    assert!(unknown.stderr.contains("`elsewhere`"), "{}", unknown.stderr);
    suite.run(&["calibrate", "--runs", "2"]).exits(2);
}

/// A load of some seconds of which the method leaves something.
fn live(seconds: u32) -> Suite {
    let scenario = format!(
        "title = \"A moment\"\n[load]\nrate = \"40/s\"\nfor = \"{seconds}s\"\nmix = {{ visit = 1 }}\n"
    );
    let head = "[project]\nname = \"moment\"\n[regression]\nshort_trim_s = 0.0\n";
    let variant = format!("[variant.slow.service.server.env]\n{DELAY} = \"30\"\n");
    Suite::new(&[
        (
            "harness.toml",
            &format!("{head}{}{variant}", server::target()),
        ),
        ("scenarios/journeys/visit.toml", VISIT),
        ("scenarios/moment.toml", &scenario),
    ])
}

#[test]
fn loads_of_which_nothing_would_be_left_are_not_played() {
    let suite = live(4);
    let text = suite.read("harness.toml").replace("short_trim_s = 0.0", "");
    suite.write("harness.toml", text);
    let ran = suite.run(&["calibrate", "--runs", "3"]).exits(2);
    assert!(
        ran.stderr
            .contains("the first 5s of each are cut off, and the longest has 4s"),
        "{}",
        ran.stderr
    );
    assert_eq!(suite.runs(), Vec::<PathBuf>::new());
}

/// Of two versions one does not start: who reads the answer is told which, not only that nothing could be compared.
#[test]
fn a_variant_that_does_not_come_up_is_named_with_each_of_its_runs() {
    let suite = live(2);
    let _turn = part();
    let broken = "[variant.broken.service.server]\ncommand = [\"false\"]\n";
    suite.append("harness.toml", broken);
    let two = ["--variant", "default", "--variant", "broken"];
    let ran = suite.run(&[&["run"][..], &two, &["--repeats", "2"]].concat());
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    let ids = suite.runs();
    let ids = ids
        .iter()
        .map(|run| run.file_name().unwrap().to_str().unwrap());
    let left = ids.clone().find(|id| id.starts_with("compare-")).unwrap();
    let markdown = suite.read(&format!("reports/runs/{left}/summary.md"));
    let page = suite.read(&format!("reports/runs/{left}/report.html"));
    let of = |id: &str| suite.events_of(id, "run_started")[0]["plan"]["variant"].clone();
    let runs: Vec<&str> = ids.filter(|id| !id.starts_with("compare-")).collect();
    let (broken, sound): (Vec<&str>, Vec<&str>) = runs.iter().partition(|id| of(id) == "broken");
    assert_eq!((broken.len(), sound.len()), (2, 2), "{runs:?}");
    for id in broken {
        let words = format!("run {id} (broken) says nothing: its target did not come up");
        for told in [&ran.stdout, &markdown, &page] {
            assert!(told.contains(&words), "{words}: {told}");
        }
    }
    for id in sound {
        assert!(!ran.stdout.contains(&format!("run {id} says nothing")));
    }
}

#[test]
fn the_same_build_is_played_against_itself() {
    let suite = live(3);
    let mut code = 4;
    // On a machine that is busy with something else a run may be left out, and of three none can be spared.
    for turn in [part, part, turn] {
        let _turn = turn();
        let before = suite.runs().len();
        let ran = suite.run(&["calibrate", "--runs", "3", "--format", "json"]);
        assert_eq!(suite.runs().len(), before + 3, "{}", ran.stderr);
        assert!(
            ran.stderr.contains("3 runs with 3s of load each"),
            "{}",
            ran.stderr
        );
        code = ran.code;
        if code == 0 {
            let one = &ran.json()["scenarios"][0];
            let runs = one["calibration"]["runs"].as_array().unwrap();
            let ids: Vec<_> = runs
                .iter()
                .map(|run| run["run"].as_str().unwrap())
                .collect();
            for id in ids {
                assert!(suite.path().join("reports/runs").join(id).is_dir(), "{id}");
            }
            assert_eq!(files(&suite).len(), 1);
            assert_eq!(
                one["calibration"]["names"]["*"].as_array().unwrap().len(),
                3,
                "{one:#}"
            );
            break;
        }
        assert_eq!(code, 4, "{}", ran.stderr);
    }
    assert_eq!(code, 0);
}

#[test]
fn an_interrupt_keeps_what_was_played_and_says_how_to_use_it() {
    let suite = live(5);
    let running = suite.start(&["calibrate", "--runs", "4"]);
    until("the second run", || {
        let runs = suite.runs();
        let second = runs.get(1)?.file_name()?.to_str()?.to_owned();
        suite
            .events(&second)
            .contains("\"event\":\"scenario_started\"")
            .then_some(())
    });
    running.signal("INT");
    let ran = running.ends().exits(130);
    assert_eq!(
        ran.stdout.trim(),
        "exit code 130  the run was interrupted",
        "{}",
        ran.stderr
    );
    let runs = suite.runs();
    assert_eq!(runs.len(), 2, "{runs:?}");
    assert!(
        ran.stderr
            .contains("1 of the 4 runs were played to their end, and are kept"),
        "{}",
        ran.stderr
    );
    let first = runs[0].file_name().unwrap().to_str().unwrap();
    let hint = format!("harness calibrate --from {first}\n");
    assert!(ran.stderr.contains(&hint), "{hint}: {}", ran.stderr);
    for run in runs {
        let id = run.file_name().unwrap().to_str().unwrap();
        assert!(run.join("report.html").is_file(), "{id}");
        assert_eq!(labelled(id), Vec::<u32>::new(), "{id}");
    }
    assert_eq!(files(&suite), Vec::<PathBuf>::new());
}

#[test]
fn two_variants_are_played_in_turn_and_held_against_each_other() {
    let suite = live(2);
    let _turn = part();
    let two = ["--variant", "default", "--variant", "slow"];
    let ran = suite.run(&[&["run"][..], &two, &["--repeats", "2", "--format", "json"]].concat());
    let mut runs = suite.runs();
    runs.retain(|run| {
        !run.file_name()
            .unwrap()
            .to_str()
            .unwrap()
            .starts_with("compare-")
    });
    let id = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
    let ids: Vec<String> = runs.iter().map(id).collect();
    let variant = |id: &String| suite.events_of(id, "run_started")[0]["plan"]["variant"].clone();
    let variants: Vec<Value> = ids.iter().map(variant).collect();
    assert_eq!(
        variants,
        [Value::Null, "slow".into(), "slow".into(), Value::Null],
        "{ids:?}"
    );
    let json = ran.json();
    let words = json.to_string();
    // Two seconds are too short to tell, if the generator kept up; and another variant is no other workload here.
    let told = words.contains("too-short") || words.contains("can't be trusted");
    assert!(told && !words.contains("workload is another"), "{words}");
    let side = |of: &str| -> Vec<String> {
        let side = json["scenarios"][0][of].as_array().unwrap().iter();
        side.map(|one| one["run"].as_str().unwrap().to_owned())
            .collect()
    };
    // One whose generator lagged may be missing.
    assert!(
        side("candidate").iter().all(|run| ids[1..3].contains(run)),
        "{words}"
    );
    assert!(
        side("baseline")
            .iter()
            .all(|run| *run == ids[0] || *run == ids[3]),
        "{words}"
    );
    // What it says to ask again with is a command line that does.
    let line = ran
        .stderr
        .lines()
        .find_map(|line| line.split_once("in any form: harness "));
    let line = line.unwrap().1;
    let later = suite.run(&line.split(' ').collect::<Vec<_>>());
    assert!([4, 5].contains(&later.code), "{line}: {}", later.stderr);
    assert_eq!(ran.code, later.code, "{}", ran.stderr);
    assert!(
        !later.stdout.contains("workload is another"),
        "{}",
        later.stdout
    );
    let plain = suite.run(&["compare", &ids[1], &ids[0]]).exits(4);
    assert!(
        plain.stdout.contains("workload is another"),
        "{}",
        plain.stdout
    );

    // Beside the runs lies what `compare` would have written of them, and the list of runs leads there.
    let left = format!("reports/runs/compare-{}", ids[0]);
    let read = |file: &str| suite.read(&format!("{left}/{file}"));
    assert!(
        ran.stderr.contains(&format!("{left}/report.html")),
        "{}",
        ran.stderr
    );
    let flags = ["--format", "markdown"];
    let again: Vec<&str> = line.split(' ').chain(flags).collect();
    assert_eq!(read("summary.md"), suite.run(&again).stdout);
    assert!(read("report.html").contains("Did it get slower?"));
    let mut written: Value = serde_json::from_str(&read("summary.json")).unwrap();
    let listed = written.as_object_mut().unwrap().remove("runs").unwrap();
    assert_eq!(written, json);
    let listed: Vec<&str> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["run"].as_str().unwrap())
        .collect();
    assert_eq!(listed, ids);
    let index = suite.read("reports/index.html");
    let link = format!(
        "href=\"runs/compare-{}/report.html\">default · slow",
        ids[0]
    );
    assert!(index.contains(&link), "{link}");

    let alone = suite.run(&["run", "--repeats", "2"]).exits(2);
    assert!(alone.stderr.contains("two variants"), "{}", alone.stderr);
    assert_eq!(suite.runs().len(), 5, "four runs and their comparison");
}

#[test]
fn a_calibration_that_is_gone_by_is_not_replaced_by_one_that_would_not_be() {
    let suite = Suite::new(&[]);
    let shapes: Vec<Shape> = (0..5).map(|nth| run(nth, 1.0)).collect();
    let of = write(&suite, &shapes);
    suite.run(&from(&of, &[])).exits(0);
    let [file] = files(&suite).try_into().unwrap();
    let bytes = std::fs::read(&file).unwrap();
    let fewer = suite.run(&from(&of[..3], &[])).exits(0);
    assert!(
        fewer.stderr.contains(
            "the calibration of 2026-01-01, 5 runs, stays: comparisons would not go by one of 3"
        ),
        "{}",
        fewer.stderr
    );
    assert_eq!(std::fs::read(&file).unwrap(), bytes);
    // One that nobody goes by, or that can't be read, is replaced.
    std::fs::write(&file, "{").unwrap();
    suite.run(&from(&of[..3], &[])).exits(0);
    assert_ne!(std::fs::read(&file).unwrap(), bytes);
    suite.run(&from(&of, &[])).exits(0);
    assert_eq!(std::fs::read(&file).unwrap(), bytes);
}

/// Each run of a row is told with what it came to.
#[test]
fn runs_in_turn_say_what_each_came_to() {
    let suite = live(2);
    suite.append(
        "harness.toml",
        "[variant.broken.service.server]\ncommand = [\"/bin/false\"]\n",
    );
    let _turn = part();
    let two = [
        "run",
        "--variant",
        "default",
        "--variant",
        "broken",
        "--repeats",
        "2",
    ];
    let ran = suite.run(&two).exits(3);
    let last = ran.stdout.lines().next_back().unwrap_or_default();
    assert!(
        last.starts_with("exit code 3  broken: the target "),
        "{}",
        ran.stdout
    );
    let told = ran.stderr.lines().filter(|line| line.contains(" came to "));
    let told: Vec<&str> = told.collect();
    assert_eq!(told.len(), 4, "{}", ran.stderr);
    assert!(
        told[1].contains("NO-GO: ") && told[1].contains("did not come up"),
        "{told:?}"
    );
}
