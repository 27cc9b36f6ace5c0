//! Whole runs that go their way: what they leave behind, what they print, and what they never print.

use crate::support::journeys::BROWSE;
use crate::support::{HARNESS, Suite, labelled, part};
use std::process::{Command, Stdio};

const SHORT: &str = r#"
title = "A short load"
[load]
rate = "40/s"
for = "3s"
mix = { browse = 1 }
[[gate]]
expect = "error_rate < 5%"
"#;

fn short() -> Suite {
    Suite::shop(&[
        ("scenarios/journeys/browse.toml", BROWSE),
        ("scenarios/short.toml", SHORT),
    ])
}

/// Every file under a folder.
fn files(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().path());
    entries
        .flat_map(|path| {
            if path.is_dir() {
                files(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

#[test]
fn a_run_leaves_its_reports_and_nothing_else() {
    let suite = short();
    let ran = suite.plays(&["run"]).exits(0);
    assert!(ran.stdout.contains("GO"), "{}", ran.stdout);
    let run = suite.only_run();
    let wanted = [
        "events.ndjson.zst",
        "report.html",
        "junit.xml",
        "summary.md",
        "summary.json",
    ];
    for file in wanted {
        assert!(
            run.join(file).metadata().is_ok_and(|m| m.len() > 100),
            "{file} is missing"
        );
    }
    // The whole series of each scenario, where the page says it lies.
    let page = std::fs::read_to_string(run.join("report.html")).unwrap();
    let link = page.split("href=\"series/").nth(1).expect("a link");
    let file = link.split('"').next().unwrap();
    let series = std::fs::read_to_string(run.join("series").join(file)).unwrap();
    assert!(series.starts_with("second,window_s,name,planned,started,completed,failed,p50_us,"));
    let journeys: Vec<Vec<&str>> = series
        .lines()
        .skip(1)
        .map(|line| line.split(',').collect())
        .filter(|cells: &Vec<&str>| !cells[2].contains('/'))
        .collect();
    let completed: u64 = journeys.iter().map(|c| c[5].parse::<u64>().unwrap()).sum();
    assert!(
        completed > 0 && journeys.iter().all(|cells| cells.len() >= 11),
        "{series}"
    );
    let id = run.file_name().unwrap().to_str().unwrap();
    assert_eq!(labelled(id), Vec::<u32>::new());
    assert!(!run.join("scratch").exists());
    let started = suite.events(id);
    assert!(started.contains("\"workers\":\"1\""), "{started}");
}

#[test]
fn reports_rendered_again_are_the_same_bytes() {
    let suite = short();
    suite.plays(&["run"]).exits(0);
    let run = suite.only_run();
    let kinds = [
        ("html", "report.html"),
        ("junit", "junit.xml"),
        ("markdown", "summary.md"),
        ("json", "summary.json"),
    ];
    let before = kinds.map(|(_, file)| std::fs::read_to_string(run.join(file)).unwrap());
    for ((kind, file), before) in kinds.iter().zip(&before) {
        let arguments = ["report", "latest", "--kind", kind, "--output", "-"];
        let again = suite.run(&arguments).exits(0);
        assert_eq!(again.stdout, *before, "{file} differs");
    }
    suite.run(&["report"]).exits(0);
    let after = kinds.map(|(_, file)| std::fs::read_to_string(run.join(file)).unwrap());
    assert_eq!(after, before);
}

#[test]
fn json_on_stdout_is_the_summary_on_the_disk_and_talk_stays_on_stderr() {
    let suite = short();
    let ran = suite.plays(&["run", "--format", "json"]).exits(0);
    let disk = std::fs::read_to_string(suite.only_run().join("summary.json")).unwrap();
    assert_eq!(ran.stdout.trim_end(), disk.trim_end());
    assert_eq!(ran.json()["readiness"]["decision"], "go");
    assert!(ran.stderr.contains("short"), "{}", ran.stderr);
    let quiet = suite
        .plays(&["run", "--format", "json", "--quiet"])
        .exits(0);
    assert_eq!(quiet.stderr, "");
}

#[test]
fn a_reader_that_goes_away_changes_neither_the_run_nor_its_exit_code() {
    let suite = short();
    suite.append(
        "scenarios/short.toml",
        "[[gate]]\nexpect = \"error_rate > 50%\"\n",
    );
    // Both streams end at once; the gate fails, so only a run that went its whole way exits with 1.
    let script = format!("{{ {HARNESS} run; echo $? >code; }} 2>&1 | head -c 1 >/dev/null");
    let mut command = Command::new("bash");
    command.args(["-c", &script]).current_dir(suite.path());
    command.stdin(Stdio::null()).env_remove("DEFECT");
    assert!(command.status().unwrap().success());
    let code = std::fs::read_to_string(suite.path().join("code")).unwrap();
    assert_eq!(code.trim(), "1");
    assert!(suite.only_run().join("report.html").is_file());
}

#[test]
fn a_disk_that_is_full_costs_the_files_not_the_answer() {
    let suite = short();
    // A soft limit on the size of files stands in for a full disk: writing fails in the middle of the run. The services
    // lift it for themselves.
    let toml = std::fs::read_to_string(suite.path().join("harness.toml")).unwrap();
    let lifted = r#"command = ["sh", "-c", "ulimit -S -f unlimited; exec \"$0\" \"$@\"", "#;
    suite.write("harness.toml", toml.replace("command = [", lifted));
    let script = format!("trap '' XFSZ; ulimit -S -f 2; exec {HARNESS} run");
    let mut command = Command::new("bash");
    command.args(["-c", &script]).current_dir(suite.path());
    command.stdin(Stdio::null()).env_remove("DEFECT");
    let output = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(stderr.contains("events.ndjson.zst"), "{stderr}");
    assert!(stderr.contains("report.html"), "{stderr}");
    assert!(
        stdout.contains("GO") && !stdout.contains("NO-GO"),
        "{stdout}"
    );
    // Nothing failed but the machine.
    assert_eq!(output.status.code(), Some(3), "{stdout}\n{stderr}");
}

#[test]
fn a_secret_is_in_no_file_and_on_no_stream() {
    const KEY: &str = "s3cr3t key/42+x";
    let suite = short();
    // It is sent in headers, a query and a body, stands in expectations, and is printed by a service, in base64 too.
    suite.write(
        "scenarios/journeys/leak.toml",
        r#"
title = "A key goes everywhere"
[[step]]
name = "in the query"
get = "/v1/products"
query = { key = "${secret.api_key}", mail = "${secret.api_key}@example.org" }
expect = ["status == 299"]
[[step]]
name = "never reached"
get = "/v1/products"
"#,
    );
    suite.write(
        "scenarios/journeys/body.toml",
        r#"
title = "A key in a body"
[[step]]
name = "in the body"
post = "/v1/orders"
json = { sku = "${secret.api_key}", quantity = 1 }
expect = ["status == 299", "body == '${secret.api_key}'"]
"#,
    );
    suite.append(
        "harness.toml",
        r#"
[target.service.loud]
process = { command = ["sh", "-c", "echo key is \"$KEY\"; printf 'me:%s' \"$KEY\" | base64; exit 1"] }
env = { KEY = "${secret.api_key}" }
"#,
    );
    let leaks = |what: &str, text: &str| {
        use base64::Engine as _;
        let engine = &base64::engine::general_purpose::STANDARD;
        let forms = [
            KEY.to_owned(),
            "s3cr3t%20key%2F42%2Bx".to_owned(),
            "s3cr3t+key%2F42%2Bx".to_owned(),
            engine.encode(KEY),
            engine.encode(format!("me:{KEY}"))[4..].to_owned(),
        ];
        for form in forms {
            assert!(!text.contains(&form), "{what} holds {form}");
        }
    };
    let mut red = 0;
    // Once with a service that tells it and does not start, once with journeys that fail on it.
    for code in [3, 1] {
        let mut command = suite.command(&["run"]);
        let output = command.env("SHOP_API_KEY", KEY).output().unwrap();
        let (stdout, stderr) = (
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
        assert_eq!(output.status.code(), Some(code), "{stdout}\n{stderr}");
        leaks("stdout", &stdout);
        leaks("stderr", &stderr);
        red += stderr.matches("[secret api_key]").count();
        let toml = std::fs::read_to_string(suite.path().join("harness.toml")).unwrap();
        let without = toml.split("[target.service.loud]").next().unwrap();
        suite.write("harness.toml", without);
    }
    for run in suite.runs() {
        let id = run.file_name().unwrap().to_str().unwrap().to_owned();
        leaks("the events", &suite.events(&id));
        for file in files(&run) {
            let text = std::fs::read(&file).unwrap();
            leaks(&file.display().to_string(), &String::from_utf8_lossy(&text));
            red += String::from_utf8_lossy(&text)
                .matches("[secret api_key]")
                .count();
        }
    }
    assert!(
        red > 5,
        "the key was hardly ever replaced: nothing was shown"
    );
}

#[test]
fn two_runs_at_once_share_nothing() {
    let _turn = part();
    let suite = short();
    let both = [suite.start(&["run"]), suite.start(&["run"])];
    for one in both {
        one.ends().exits(0);
    }
    assert_eq!(suite.runs().len(), 2);
}
