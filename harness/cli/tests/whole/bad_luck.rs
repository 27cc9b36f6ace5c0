//! Targets, machines and terminals that misbehave: what happens is told, memory and time stay bounded, and what was
//! seen is kept.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "in a test a panic is the report, helpers included"
)]

mod bad;

use crate::support::server::Nobody;
use crate::support::{HARNESS, Suite, labelled, repository, shop};
use bad::{Manner, serve, watched};
use std::io::Read;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Whatever a target sends, the harness holds no more than this, kB.
const MEMORY: u64 = 300_000;

const DOCUMENT: &str = r#"{"openapi": "3.0.3", "info": {"title": "t", "version": "1"}, "paths": {
  "/a": {"get": {"responses": {"200": {"description": "ok", "content": {"application/json": {"schema": {"type": "object"}}}}}}}}}"#;

fn external(url: &str, tags: &str) -> Suite {
    let config = format!(
        "[project]\nname = \"odd\"\n[target]\nmode = \"external\"\nurl = \"{url}\"\n[http]\ntimeout = \"1s\"\nredirects = 5\n"
    );
    let journey = format!(
        "title = \"A visit\"\ntags = [\"{tags}\"]\n[[step]]\nname = \"open\"\nget = \"/x\"\nexpect = [\"status == 200\", \"$.id exists\"]\n"
    );
    Suite::new(&[
        ("harness.toml", &config),
        ("scenarios/journeys/visit.toml", &journey),
        ("api.json", DOCUMENT),
    ])
}

/// Runs every manner, some at a time; panics with everything that was not as it should be.
fn each(cases: &[(Manner, i32, &str)], go: impl Fn(Manner) -> (crate::support::Ran, u64) + Sync) {
    let wrong: Vec<String> = cases
        .chunks(3)
        .flat_map(|some| {
            std::thread::scope(|scope| {
                let running: Vec<_> = some
                    .iter()
                    .map(|case| (case, scope.spawn(|| go(case.0))))
                    .collect();
                running
                    .into_iter()
                    .filter_map(|((manner, code, words), running)| {
                        let (ran, peak) = running.join().unwrap();
                        let flat = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
                        let fine = ran.code == *code && flat.contains(words) && peak < MEMORY;
                        (!fine).then(|| {
                            format!(
                                "{manner:?}: exit {} (not {code}?), {words:?} missing?, {peak} kB\n{}\n{}",
                                ran.code, ran.stdout, ran.stderr
                            )
                        })
                    })
                    .collect::<Vec<_>>()
            })
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn a_journey_tells_how_the_target_misbehaved() {
    let cases = [
        (Manner::Garbage, 1, "invalid HTTP version"),
        (Manner::Large, 1, "larger than 64 MiB"),
        (Manner::Endless, 1, "larger than 64 MiB"),
        (Manner::NeverCloses, 1, "no complete response within 1s"),
        (Manner::Silent, 1, "no complete response within 1s"),
        (
            Manner::ClosesMidBody,
            1,
            "end of file before message length reached",
        ),
        (Manner::FloodsHeaders, 1, "message head is too large"),
        (Manner::Redirects, 1, "expected status == 200, was 302"),
        (Manner::Drips, 1, "no complete response within 1s"),
    ];
    each(&cases, |manner| {
        let suite = external(&serve(manner), "smoke");
        watched(suite.command(&["run"]))
    });
}

#[test]
fn a_contract_check_tells_how_the_target_misbehaved() {
    let cases = [
        (Manner::Garbage, 1, "invalid HTTP version"),
        (Manner::Large, 1, "larger than 64 MiB"),
        (Manner::Endless, 1, "larger than 64 MiB"),
        (Manner::NeverCloses, 1, "no complete response within 10s"),
        (Manner::Silent, 1, "no complete response within 10s"),
        (
            Manner::ClosesMidBody,
            1,
            "end of file before message length reached",
        ),
        (Manner::FloodsHeaders, 1, "message head is too large"),
        (Manner::Redirects, 1, "answered 302; the document lists 200"),
    ];
    each(&cases, |manner| {
        let suite = Suite::new(&[("api.json", DOCUMENT)]);
        let url = serve(manner);
        watched(suite.command(&["contract", &url, "api.json"]))
    });
}

#[test]
fn a_load_tells_how_the_target_misbehaved() {
    let scenario = "title = \"l\"\n[load]\nrate = \"20/s\"\nfor = \"3s\"\nmix = { visit = 1 }\n\
        [[gate]]\nexpect = \"error_rate < 5%\"\n";
    let cases = [
        (Manner::Garbage, 1, "saw 100 % over 60 samples"),
        (Manner::Large, 1, "saw 100 % over 60 samples"),
        (Manner::Endless, 1, "saw 100 % over 60 samples"),
        (Manner::NeverCloses, 1, "saw 100 % over 60 samples"),
        (Manner::Silent, 1, "saw 100 % over 60 samples"),
        (Manner::ClosesMidBody, 1, "saw 100 % over 60 samples"),
        (Manner::FloodsHeaders, 1, "saw 100 % over 60 samples"),
        (Manner::Redirects, 1, "saw 100 % over 60 samples"),
    ];
    each(&cases, |manner| {
        let suite = external(&serve(manner), "load-only");
        suite.write("scenarios/odd.toml", scenario);
        watched(suite.command(&["run", "--tags", "not load-only", "odd"]))
    });
}

#[test]
fn a_target_that_never_answers_is_told_before_anything_runs() {
    let nobody = Nobody::new();
    let ran = external(&nobody.url(), "smoke").run(&["run"]).exits(3);
    assert!(ran.stderr.contains("refused"), "{}", ran.stderr);
    // No network: a name that nobody knows, which `invalid` is for.
    let begun = Instant::now();
    let ran = external("http://nowhere.invalid", "smoke")
        .run(&["run"])
        .exits(3);
    assert!(ran.stderr.contains("nowhere.invalid"), "{}", ran.stderr);
    assert!(begun.elapsed() < Duration::from_secs(60));
}

/// A suite of one service: a shell script that is given a port and the demo system's program.
fn script(text: &str) -> Suite {
    let shop = shop().display();
    let config = format!(
        r#"[project]
name = "odd"
[target]
mode = "process"
[target.service.payments]
process = {{ command = ["bash", "service.sh", "${{port}}", "{shop}"] }}
ready = {{ get = "/health/ready", within = "60s" }}
"#
    );
    let journey = r#"title = "A visit"
[[step]]
name = "live"
get = "/health/live"
expect = ["status == 200"]
"#;
    Suite::new(&[
        ("harness.toml", &config),
        ("service.sh", text),
        ("scenarios/journeys/visit.toml", journey),
    ])
}

#[test]
fn a_service_that_floods_its_output_is_drained_and_kept_to_a_limit() {
    // A quarter of a gigabyte, in lines and in one line without end, while it serves.
    let suite = script(
        "(yes | head -c 128000000; head -c 128000000 /dev/zero) &\nexec $2 payments --port $1\n",
    );
    let (ran, peak) = watched(suite.command(&["run"]));
    let ran = ran.exits(0);
    assert!(peak < MEMORY, "{peak} kB\n{}", ran.stderr);
    let run = suite.only_run();
    let kept = run.join("services/payments.log").metadata().unwrap().len();
    assert!(kept < 40_000_000, "{kept} bytes kept");
    let id = run.file_name().unwrap().to_str().unwrap();
    assert_eq!(labelled(id), Vec::<u32>::new());
}

#[test]
fn a_port_that_is_taken_is_told_in_the_services_own_words() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let suite = script(&format!("exec $2 payments --port {port}\n"));
    let ran = suite.run(&["run"]).exits(3);
    assert!(ran.stderr.contains("payments"), "{}", ran.stderr);
    assert!(
        ran.stderr.to_lowercase().contains("in use"),
        "{}",
        ran.stderr
    );
}

#[test]
fn reports_that_cannot_be_written_are_told_before_anything_starts() {
    let suite = script("exec $2 payments --port $1\n");
    suite.write("file", "not a folder");
    for folder in ["file/runs", "/proc/harness-runs", "/dev/null"] {
        let ran = suite.run(&["run", "--reports", folder]).exits(3);
        let told = ran.stderr.contains("failed to") && ran.stderr.contains(folder);
        assert!(told, "{folder}: {}", ran.stderr);
        assert!(
            !ran.stderr.contains("starting the target"),
            "{folder}: {}",
            ran.stderr
        );
    }
}

#[test]
fn a_full_disk_costs_a_warning_not_the_verdict() {
    let suite = script("exec $2 payments --port $1\n");
    let disk = suite.path().join("disk");
    std::fs::create_dir(&disk).unwrap();
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=48k", "none"])
        .arg(&disk)
        .stderr(Stdio::null())
        .status();
    if !mounted.is_ok_and(|status| status.success()) {
        eprintln!("skipped: this user may not mount a small file system here");
        return;
    }
    let ran = suite.run(&["run", "--reports", "disk"]);
    let unmounted = Command::new("umount").arg("-l").arg(&disk).status();
    assert!(unmounted.unwrap().success());
    assert!(ran.stdout.contains("GO"), "{ran:#?}");
    assert!(ran.stderr.contains("No space left"), "{ran:#?}");
    assert!(!ran.stderr.contains("panicked"), "{ran:#?}");
}

#[test]
fn closed_streams_and_no_home_change_nothing_of_the_result() {
    let suite = external(&serve(Manner::Redirects), "smoke");
    for closed in [">&-", "2>&-", "<&-", ">&- 2>&- <&-"] {
        let line = format!("exec env -u HOME -u XDG_CACHE_HOME {HARNESS} run {closed}");
        let ran = Command::new("bash")
            .args(["-c", &line])
            .current_dir(suite.path())
            .output()
            .unwrap();
        let talk = String::from_utf8_lossy(&ran.stderr);
        assert_eq!(ran.status.code(), Some(1), "{closed}: {talk}");
        assert!(!talk.contains("panicked"), "{closed}: {talk}");
    }
    assert_eq!(suite.runs().len(), 4);
    for run in suite.runs() {
        assert!(run.join("report.html").is_file());
        let events = std::fs::File::open(run.join("events.ndjson.zst")).unwrap();
        let text = zstd::stream::decode_all(events).unwrap();
        assert!(String::from_utf8_lossy(&text).contains("run_finished"));
    }
    // A reader that goes away, as `head` does.
    let mut child = suite
        .command(&["schema"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut talk = String::new();
    let mut stderr = child.stderr.take().unwrap();
    stderr.read_to_string(&mut talk).unwrap();
    child.wait().unwrap();
    assert!(!talk.contains("panicked"), "{talk}");
}

/// A clock that jumps can't hurt who does not read it: wall time is read once to name a run and once to date the
/// monotonic clock that everything measured counts from.
#[test]
fn wall_time_is_read_in_two_places_only() {
    let root = repository().join("harness");
    let mut found = Vec::new();
    sources(&root, &mut found);
    assert!(found.len() > 100, "{}", found.len());
    let calls = [
        "SystemTime::now",
        "Zoned::now",
        "Timestamp::now",
        "Utc::now",
        "Local::now",
    ];
    let reads = |path: &&PathBuf| {
        let text = std::fs::read_to_string(path).unwrap();
        calls.iter().any(|call| text.contains(call))
    };
    let mut names: Vec<_> = found
        .iter()
        .filter(reads)
        .map(|path| path.strip_prefix(&root).unwrap().display().to_string())
        .collect();
    names.sort();
    assert_eq!(names, ["cli/src/environment.rs", "load/src/clock.rs"]);
}

/// Every source file below a folder, tests aside.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if !path.ends_with("tests") && !path.ends_with("benches") {
                sources(&path, found);
            }
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}
