//! The instrument judged as a whole: a frozen target is not held against the generator, a frozen generator is, and the
//! self-test tells both.

use crate::support::{HARNESS, Ran, Suite, signal, turn, until};
use serde_json::Value;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// The server that the self-test loads.
struct Server {
    child: Child,
    url: String,
}

impl Server {
    fn start() -> Self {
        use std::io::BufRead as _;
        let mut child = Command::new(HARNESS)
            .arg("selftest-server")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let out = child.stdout.take().unwrap();
        let mut out = std::io::BufReader::new(out);
        out.read_line(&mut line).unwrap();
        // What it says later must find a reader.
        std::thread::spawn(move || out.lines().map_while(Result::ok).for_each(drop));
        let url = format!("http://{}/", line.trim());
        Self { child, url }
    }

    /// A load during which it freezes.
    fn frozen_under(&self, arguments: &[&str]) -> (Ran, Value) {
        load(&self.url, arguments, |_| freeze(self.child.id()))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How long a process is stopped.
const FREEZE: Duration = Duration::from_millis(1500);

/// Stops a process for [`FREEZE`].
#[expect(
    clippy::disallowed_methods,
    reason = "how long it stands still is what is tested, and nothing here waits for an event by it"
)]
fn freeze(pid: u32) {
    signal(pid, "STOP");
    std::thread::sleep(FREEZE);
    signal(pid, "CONT");
}

/// `harness load` in a folder of its own; `while_it_runs` is called once its load is under way. How it ended, and the
/// run's summary.
fn load(url: &str, arguments: &[&str], while_it_runs: impl FnOnce(u32)) -> (Ran, Value) {
    let suite = Suite::new(&[]);
    // A run without a suite is kept where the user's state is.
    let kept = suite.path().join(".state/harness/runs");
    std::fs::create_dir_all(&kept).unwrap();
    std::fs::create_dir(suite.path().join("reports")).unwrap();
    std::os::unix::fs::symlink(kept, suite.path().join("reports/runs")).unwrap();
    let running = suite.start(&[&["load", url], arguments].concat());
    let id = suite.run_id();
    suite.until_event(&id, "load_tick");
    while_it_runs(running.pid());
    let ran = running.ends();
    let summary = suite.read(&format!("reports/runs/{id}/summary.json"));
    (ran, serde_json::from_str(&summary).unwrap())
}

/// Plays it again, up to so many times in all, when the machine was busy with something else at the same time.
fn in_peace<T>(times: usize, play: impl Fn() -> T, was: impl Fn(&T) -> bool) -> T {
    let mut all_but_the_last = (1..times).map(|_| play());
    all_but_the_last.find(was).unwrap_or_else(&play)
}

fn generator(summary: &Value) -> &Value {
    &summary["verdict"]["generator"][0]
}

fn number(value: &Value) -> u64 {
    value
        .as_u64()
        .unwrap_or_else(|| panic!("no number: {value}"))
}

#[test]
fn the_selftest_passes_and_tells_both_freezes() {
    let _turn = turn();
    let folder = Suite::new(&[]);
    // On a machine that is busy with something else the honest answer is that it can't tell.
    let selftest = || folder.run(&["selftest", "--quick", "--format", "json"]);
    let ran = in_peace(5, selftest, |ran| ran.code != 4).exits(0);
    let answer = ran.json();
    assert_eq!(answer["passed"], true, "{answer:#}");
    let percentiles = answer["target_frozen"]["percentiles"].as_array().unwrap();
    assert_eq!(percentiles.len(), 6, "{answer:#}");
    assert_ne!(answer["target_frozen"]["generator"]["trust"], "invalid");
    assert_ne!(answer["generator_frozen"]["generator"]["trust"], "valid");
}

#[test]
fn a_frozen_generator_says_so_and_its_load_is_worth_nothing() {
    let _turn = turn();
    let server = Server::start();
    let arguments = ["--rate", "200/s", "--for", "6s", "--gate", "p99 < 60s"];
    let (ran, summary) = load(&server.url, &arguments, freeze);
    ran.exits(4);
    let generator = generator(&summary);
    assert_eq!(generator["trust"], "invalid", "{generator:#}");
    let figures = &generator["figures"];
    assert!(number(&figures["lag_max_us"]) > 1_300_000, "{figures:#}");
    assert!(number(&figures["late_generator"]) > 200, "{figures:#}");
    let (own, target) = (&figures["late_generator"], &figures["late_target"]);
    assert!(number(target) * 10 < number(own), "{figures:#}");
}

#[test]
fn a_frozen_target_fails_its_gate_and_is_not_held_against_the_generator() {
    let _turn = turn();
    let server = Server::start();
    let arguments = [
        "--rate",
        "400/s",
        "--for",
        "4s",
        "--connections",
        "16",
        "--gate",
        "p99 < 500ms",
    ];
    let frozen = || server.frozen_under(&arguments);
    let (ran, summary) = in_peace(4, frozen, |(_, summary)| {
        generator(summary)["trust"] != "invalid"
    });
    ran.exits(1);
    let generator = generator(&summary);
    let figures = &generator["figures"];
    assert_ne!(generator["trust"], "invalid", "{generator:#}");
    assert!(number(&figures["late_target"]) > 300, "{figures:#}");
    let (own, target) = (&figures["late_generator"], &figures["late_target"]);
    assert!(number(own) * 2 < number(target), "{figures:#}");
    let gates = &summary["verdict"]["gates"];
    assert_eq!(gates[0]["grade"], "fail", "{gates:#}");
}

/// A closed model has no schedule that could slip: that the generator stood still is told by its own looks at the clock.
#[test]
fn a_frozen_generator_says_so_under_a_closed_load_too() {
    let _turn = turn();
    let server = Server::start();
    for think in ["0s", "5ms"] {
        let arguments = [
            "-c",
            "8",
            "-z",
            "6s",
            "--think",
            think,
            "--gate",
            "p99 < 60s",
        ];
        let (ran, summary) = load(&server.url, &arguments, freeze);
        let generator = generator(&summary);
        assert_ne!(generator["trust"], "valid", "{generator:#}");
        let figures = &generator["figures"];
        assert!(number(&figures["lag_max_us"]) > 1_300_000, "{figures:#}");
        let reasons = generator["reasons"].to_string();
        assert!(reasons.contains("lagged"), "{reasons}");
        // The load was not what it should have been, and every gate holds.
        ran.exits(4);
    }
}

/// Its users wait as long as it takes, and that is in its figures, not held against the generator.
#[test]
fn a_slow_target_is_charged_with_the_wait_under_a_closed_load() {
    let _turn = turn();
    let server = Server::start();
    let arguments = [
        "-c",
        "8",
        "-z",
        "4s",
        "--think",
        "5ms",
        "--gate",
        "service_max < 500ms",
    ];
    let frozen = || server.frozen_under(&arguments);
    let (ran, summary) = in_peace(5, frozen, |(_, summary)| {
        generator(summary)["trust"] == "valid"
    });
    let generator = generator(&summary);
    let figures = &generator["figures"];
    // None of the second and a half is lag. Where something else kept the machine busy every time, that may be told, and no more.
    assert!(number(&figures["lag_max_us"]) < 1_000_000, "{generator:#}");
    assert_ne!(generator["trust"], "invalid", "{generator:#}");
    if generator["trust"] != "valid" {
        assert!(number(&figures["lag_max_us"]) > 50_000, "{generator:#}");
    }
    let names = summary["scenarios"][0]["names"].as_object().unwrap();
    for (name, figures) in names {
        for time in ["response", "service"] {
            let longest = number(&figures[time]["max"]);
            assert!(longest > 1_300_000, "{name}: {figures:#}");
        }
    }
    let gates = &summary["verdict"]["gates"];
    assert_eq!(gates[0]["grade"], "fail", "{gates:#}");
    ran.exits(1);
}

/// `harness load` under a limit of descriptors, `-Sn` for one that it may raise, `-n` for one that it may not; how it ended.
fn limited(flag: &str, arguments: &[&str]) -> Ran {
    let suite = Suite::new(&[]);
    let own = suite.command(arguments);
    let mut shell = Command::new("sh");
    shell
        .args(["-c", &format!("ulimit {flag} 100 && exec \"$0\" \"$@\"")])
        .arg(own.get_program())
        .args(own.get_args())
        .current_dir(suite.path())
        .stdin(Stdio::null());
    for (name, value) in own.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    let out = shell.output().unwrap();
    Ran {
        code: out.status.code().unwrap_or(-1),
        stdout: String::from_utf8(out.stdout).unwrap(),
        stderr: String::from_utf8(out.stderr).unwrap(),
    }
}

#[test]
fn connections_find_descriptors_or_it_is_said_what_to_do() {
    let _turn = turn();
    let server = Server::start();
    let users = [
        "-c", "300", "-n", "600", "--think", "1s", "--format", "json",
    ];
    let arguments = [&["load", &server.url], users.as_slice()].concat();
    let raised = limited("-Sn", &arguments);
    let summary = raised.json();
    assert_eq!(summary["error_rate"], 0.0, "{summary:#}");
    assert!(!raised.stdout.contains("ulimit"), "{summary:#}");
    let refused = limited("-n", &arguments);
    let summary = refused.json();
    assert!(
        summary["notices"].to_string().contains("`ulimit -n "),
        "{summary:#}"
    );
    assert!(
        summary["errors"].to_string().contains("local"),
        "{summary:#}"
    );
}

#[test]
fn the_selftests_server_ends_with_who_started_it() {
    let folder = Suite::new(&[]);
    let mut child = folder
        .command(&["selftest-server"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdin.take());
    let status = until("the server's end", || child.try_wait().unwrap());
    assert!(status.success());
}
