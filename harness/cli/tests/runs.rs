//! Whole runs: what they leave behind, how they end when somebody or something ends them, and that nothing stays.

mod support;

use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use support::{HARNESS, Suite, labelled, until};

const BROWSE: &str = r#"
title = "A visitor looks at products"
[[step]]
name = "the list"
get = "/products"
expect = ["status == 200"]
"#;

const SHORT: &str = r#"
title = "A short load"
[load]
model = "open"
stages = [{ rate = "40/s", for = "3s" }]
mix = { browse = 1 }
[[gate]]
expect = "error_rate < 5%"
"#;

const LONG: &str = r#"
title = "A load that nobody waits for"
[load]
model = "open"
stages = [{ rate = "40/s", for = "10m" }]
mix = { browse = 1 }
[[fault]]
name = "slow"
link = "orders"
at = "1s"
for = "9m"
latency = { delay = "5ms" }
"#;

fn short() -> Suite {
    Suite::shop(&[
        ("scenarios/journeys/browse.toml", BROWSE),
        ("scenarios/short.toml", SHORT),
    ])
}

fn long() -> Suite {
    Suite::shop(&[
        ("scenarios/journeys/browse.toml", BROWSE),
        ("scenarios/long.toml", LONG),
    ])
}

/// Starts a long run and waits until its load is under way.
fn under_load(suite: &Suite) -> (Child, String) {
    let mut command = suite.command(&["run"]);
    command
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0);
    let child = command.spawn().unwrap();
    let run = until("a run folder", || suite.runs().pop());
    let id = run.file_name().unwrap().to_str().unwrap().to_owned();
    let log = run.join("services/gateway.log");
    until("the gateway's output", || {
        std::fs::read_to_string(&log)
            .ok()
            .filter(|text| text.contains("listening"))
    });
    until("three services", || {
        (labelled(&id).len() >= 3).then_some(())
    });
    until("events of the load", || {
        events(suite, &id)
            .contains("\"event\":\"load_tick\"")
            .then_some(())
    });
    (child, id)
}

/// The events so far, as text.
fn events(suite: &Suite, id: &str) -> String {
    let path = suite
        .path()
        .join(format!("reports/runs/{id}/events.ndjson.zst"));
    let Ok(file) = std::fs::File::open(path) else {
        return String::new();
    };
    let mut text = Vec::new();
    // A stream that is still written ends in the middle; what is there is what is asked for.
    let _ = zstd::stream::read::Decoder::new(file)
        .and_then(|mut reader| std::io::copy(&mut reader, &mut text));
    String::from_utf8_lossy(&text).into_owned()
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill")
        .args([format!("-{name}"), child.id().to_string()])
        .status()
        .unwrap();
    assert!(sent.success());
}

#[test]
fn a_run_leaves_its_reports_and_nothing_else() {
    let suite = short();
    let ran = suite.run(&["run"]).exits(0);
    assert!(ran.stdout.contains("GO"), "{}", ran.stdout);
    let run = suite.only_run();
    for file in [
        "events.ndjson.zst",
        "report.html",
        "junit.xml",
        "summary.md",
        "summary.json",
    ] {
        assert!(
            run.join(file).metadata().is_ok_and(|m| m.len() > 100),
            "{file} is missing"
        );
    }
    let id = run.file_name().unwrap().to_str().unwrap();
    assert_eq!(labelled(id), Vec::<u32>::new());
    assert!(!run.join("scratch").exists());
}

#[test]
fn reports_rendered_again_are_the_same_bytes() {
    let suite = short();
    suite.run(&["run"]).exits(0);
    let run = suite.only_run();
    for (kind, file) in [
        ("html", "report.html"),
        ("junit", "junit.xml"),
        ("markdown", "summary.md"),
        ("json", "summary.json"),
    ] {
        let again = suite
            .run(&["report", "latest", "--kind", kind, "--output", "-"])
            .exits(0);
        assert_eq!(
            again.stdout,
            std::fs::read_to_string(run.join(file)).unwrap(),
            "{file} differs"
        );
    }
}

#[test]
fn an_interrupt_ends_the_load_undoes_everything_and_writes_the_report() {
    let suite = long();
    let (child, id) = under_load(&suite);
    signal(&child, "INT");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert_eq!(labelled(&id), Vec::<u32>::new());
    let text = events(&suite, &id);
    assert!(text.contains("cancel_requested") && text.contains("run_finished"));
    assert!(suite.only_run().join("report.html").is_file());
}

#[test]
fn a_second_interrupt_ends_at_once_and_the_guardian_cleans_up() {
    let suite = long();
    let (mut child, id) = under_load(&suite);
    // Stopped while both arrive, so that the second is there before the first has been dealt with.
    signal(&child, "INT");
    signal(&child, "TERM");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    until("nothing labelled lives", || {
        labelled(&id).is_empty().then_some(())
    });
}

#[test]
fn the_guardian_cleans_up_after_a_kill() {
    let suite = long();
    let (mut child, id) = under_load(&suite);
    signal(&child, "KILL");
    child.wait().unwrap();
    until("nothing labelled lives", || {
        labelled(&id).is_empty().then_some(())
    });
    until("the scratch folder is gone", || {
        (!suite.only_run().join("scratch").exists()).then_some(())
    });
    let again = suite.run(&["report", &id]).exits(0);
    assert!(again.stderr.contains("report:"), "{}", again.stderr);
}

#[test]
fn a_service_that_dies_in_the_middle_fails_the_run() {
    let suite = long();
    let (child, id) = under_load(&suite);
    let victim = labelled(&id).into_iter().find(|pid| {
        let line = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        line.contains("orders\0--port")
    });
    let killed = Command::new("kill")
        .args(["-KILL", &victim.unwrap().to_string()])
        .status()
        .unwrap();
    assert!(killed.success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stdout).contains("orders"));
    assert_eq!(labelled(&id), Vec::<u32>::new());
}

#[test]
fn events_that_cannot_be_written_cost_a_warning_not_the_run() {
    let suite = short();
    // A limit on the size of files stands in for a full disk: writing fails in the middle of the run.
    let script = format!("trap '' XFSZ; ulimit -f 2; exec {HARNESS} run");
    let mut command = Command::new("bash");
    command
        .args(["-c", &script])
        .current_dir(suite.path())
        .stdin(Stdio::null())
        .env_remove("DEFECT");
    let output = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("events"), "{stderr}");
    assert!(
        String::from_utf8_lossy(&output.stdout).contains("GO"),
        "{stderr}"
    );
}
