//! What the whole-binary tests share: the real `harness`, the real demo system, suites written into a folder of each
//! test's own, and waiting that never sleeps blindly.

#![allow(
    clippy::unwrap_used,
    reason = "in a test a panic is the report, helpers included"
)]

pub(crate) mod bundled;
pub(crate) mod canned;
pub(crate) mod compose;
pub(crate) mod containers;
pub(crate) mod engine;
pub(crate) mod events;
pub(crate) mod held;
pub(crate) mod journeys;
pub(crate) mod notes;
pub(crate) mod server;
mod shop;
pub(crate) mod toxiproxy;
mod turns;

use serde_json::Value;
pub(crate) use shop::DEAD_LETTER;
use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};
pub(crate) use turns::{Pressure, Turn, part, turn};

/// The binary under test.
pub(crate) const HARNESS: &str = env!("CARGO_BIN_EXE_harness");

/// Nothing here takes this long; a test that waits longer hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(300);

/// The demo system's binary, built beside the tests if the command that runs them has not built it. It is asked for the
/// way `cargo test --workspace` builds it, for a test of its own: another way is another choice of features, for which all
/// it depends on would be built once more.
pub(crate) fn shop() -> &'static Path {
    static SHOP: OnceLock<PathBuf> = OnceLock::new();
    SHOP.get_or_init(|| {
        let path = Path::new(HARNESS).with_file_name("shop");
        let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
        let mut command = Command::new(cargo);
        command
            .args(["test", "--quiet", "--workspace", "--no-run"])
            .args(["--test", "access"]);
        // What cargo tells a test of its package looks like a change to `ring`'s build script: it, and all that is built
        // on it, would be built once more here, and again by the next `cargo test`.
        for (name, _) in std::env::vars_os() {
            let told = name.as_encoded_bytes();
            if told.starts_with(b"CARGO_PKG_") || told.starts_with(b"CARGO_MANIFEST_") {
                command.env_remove(name);
            }
        }
        let built = command.status().unwrap();
        assert!(
            built.success() && path.is_file(),
            "the demo system is not at {}",
            path.display()
        );
        path
    })
}

/// The repository's root.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

/// A suite in a folder of its own.
pub(crate) struct Suite {
    folder: tempfile::TempDir,
}

impl Suite {
    /// A folder with these files.
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let suite = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        files
            .iter()
            .for_each(|(name, text)| suite.write(name, text));
        suite
    }

    /// The demo system in process mode, with its documents, and these files beside.
    pub(crate) fn shop(files: &[(&str, &str)]) -> Self {
        let suite = Self::new(&[("harness.toml", &shop::toml())]);
        for file in std::fs::read_dir(repository().join("fixtures/openapi")).unwrap() {
            let file = file.unwrap();
            let name = file.file_name().into_string().unwrap();
            let text = std::fs::read_to_string(file.path()).unwrap();
            suite.write(&format!("fixtures/openapi/{name}"), text);
        }
        files
            .iter()
            .for_each(|(name, text)| suite.write(name, text));
        suite
    }

    /// The repository's own suite, with its services built beside the tests and only these of its scenarios, journeys and
    /// features.
    pub(crate) fn bundled(files: &[&str]) -> Self {
        let own = std::fs::read_to_string(repository().join("harness.toml")).unwrap();
        let prepare = r#"prepare = ["cargo", "build", "--release", "-p", "shop"], "#;
        let shop = shop().display().to_string();
        let config = own
            .replace(prepare, "")
            .replace("target/release/shop", &shop);
        assert!(config.matches(&shop).count() >= 7, "{config}");
        let suite = Self::new(&[("harness.toml", &config)]);
        let shared = ["fixtures/data", "fixtures/openapi"]
            .map(Self::files)
            .concat();
        for file in files
            .iter()
            .copied()
            .chain(shared.iter().map(String::as_str))
        {
            suite.write(file, std::fs::read(repository().join(file)).unwrap());
        }
        suite
    }

    /// The files of a folder of the repository, by their paths in it.
    pub(crate) fn files(folder: &str) -> Vec<String> {
        let entries = std::fs::read_dir(repository().join(folder)).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut files: Vec<_> = names.map(|name| format!("{folder}/{name}")).collect();
        files.sort();
        files
    }

    /// The text of a file of the repository.
    pub(crate) fn text(file: &str) -> String {
        std::fs::read_to_string(repository().join(file)).unwrap()
    }

    /// A file's text.
    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path().join(name)).unwrap()
    }

    /// Writes a file, its folders too.
    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Adds to a file.
    pub(crate) fn append(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        let old = std::fs::read_to_string(&path).unwrap_or_default();
        self.write(name, old + text);
    }

    /// The folder.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// `harness` in this folder, not started.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(HARNESS);
        command
            .args(arguments)
            .current_dir(self.path())
            .stdin(Stdio::null());
        command
            .env_remove("DEFECT")
            .env_remove("HARNESS_RUN")
            // Tests that run in CI are not the run that CI asks about.
            .env_remove("GITHUB_ACTIONS")
            .env_remove("GITHUB_STEP_SUMMARY")
            .env_remove("GITHUB_OUTPUT")
            .env_remove("GITHUB_WORKSPACE")
            .env("NO_COLOR", "1")
            .env("XDG_STATE_HOME", self.path().join(".state"));
        command
    }

    /// Runs `harness` to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        Ran::to_the_end(&mut self.command(arguments))
    }

    /// The same with a planted defect.
    pub(crate) fn run_with(&self, defect: &str, arguments: &[&str]) -> Ran {
        Ran::to_the_end(self.command(arguments).env("DEFECT", defect))
    }

    /// Starts `harness` in a process group of its own, as a shell would, without waiting for it.
    pub(crate) fn start(&self, arguments: &[&str]) -> Running {
        self.start_with("", arguments)
    }

    /// The same with a planted defect.
    fn start_with(&self, defect: &str, arguments: &[&str]) -> Running {
        let mut command = self.command(arguments);
        if !defect.is_empty() {
            command.env("DEFECT", defect);
        }
        self.start_as(command)
    }

    /// The same with a command of this folder's.
    pub(crate) fn start_as(&self, mut command: Command) -> Running {
        let out = self.path().join(".stdout");
        let err = self.path().join(".stderr");
        command
            .stdout(File::create(&out).unwrap())
            .stderr(File::create(&err).unwrap())
            .process_group(0);
        let child = command.spawn().unwrap();
        Running { child, out, err }
    }

    /// The id of the run that was started, as soon as it has one.
    pub(crate) fn run_id(&self) -> String {
        let run = until("a run folder", || self.runs().pop());
        run.file_name().unwrap().to_str().unwrap().to_owned()
    }

    /// A run whose gates all hold; its summary and its id.
    #[track_caller]
    pub(crate) fn holds(&self) -> (Value, String) {
        let (ran, summary, id) = self.should_hold();
        let gates = &summary["verdict"]["gates"];
        assert_eq!(ran.code, 0, "{gates:#}\n{}", ran.stderr);
        (summary, id)
    }

    /// A run whose gates should all hold: judged, and again also when they do not and others wanted the machine.
    pub(crate) fn should_hold(&self) -> (Ran, Value, String) {
        self.judged_in(&JUDGED, "", &["run"], |summary| {
            let gates = summary["verdict"]["gates"].as_array().unwrap();
            gates.iter().all(|gate| gate["grade"] == "pass")
        })
    }

    /// Runs `harness` to its end as it is typed: again, as [`unless_invalid`] says. What a run leaves of which nothing is
    /// known but that others disturbed it is taken away.
    #[track_caller]
    pub(crate) fn plays(&self, arguments: &[&str]) -> Ran {
        let before = self.runs();
        unless_invalid(|| {
            for run in self.runs().iter().filter(|run| !before.contains(run)) {
                std::fs::remove_dir_all(run).unwrap();
            }
            (self.run(arguments), ())
        })
        .0
    }

    /// Runs `harness` with `--format json` and a part of the machine, and again, up to five times in all and from the
    /// third on with the machine for itself, when the instrument says that it could not keep its schedule: on a machine that
    /// is busy with something else that is an honest answer, but not the one that is asked for. Returns the last answer,
    /// its summary and its run's id. What follows the last scenario's load runs beside other loads.
    pub(crate) fn judged(&self, defect: &str, arguments: &[&str]) -> (Ran, Value, String) {
        self.judged_in(&JUDGED, defect, arguments, |_| true)
    }

    /// The same with the machine for itself each time, where figures are judged that others' load would change: also
    /// when the answer is not as it should be and the instrument says that it was not at its best, or the kernel that
    /// others wanted the cores: a target that gets none is slow without a defect. Five times in all, since what others do
    /// outside of their turns, such as bringing targets up, takes cores too.
    pub(crate) fn judged_alone(
        &self,
        defect: &str,
        arguments: &[&str],
        as_it_should: impl Fn(&Value) -> bool,
    ) -> (Ran, Value, String) {
        self.judged_in(&[turn as fn() -> Turn; 5], defect, arguments, as_it_should)
    }

    fn judged_in(
        &self,
        turns: &[fn() -> Turn],
        defect: &str,
        arguments: &[&str],
        as_it_should: impl Fn(&Value) -> bool,
    ) -> (Ran, Value, String) {
        let arguments = [arguments, &["--format", "json"]].concat();
        for (nth, turn) in turns.iter().enumerate() {
            let turn = turn();
            let pressure = Pressure::now();
            let mut running = self.start_with(defect, &arguments);
            self.until_loaded(&mut running);
            drop(turn);
            let ran = running.ends();
            let summary = ran.json();
            if nth + 1 == turns.len() || !pressure.spoiled(&summary, &as_it_should) {
                let id = summary["run"]["id"].as_str().unwrap().to_owned();
                return (ran, summary, id);
            }
        }
        unreachable!("the last answer is returned")
    }

    /// Waits until the last scenario of a run under way has been played, or the run has ended. It has no limit of its
    /// own: who waits for the run's end has one.
    #[expect(
        clippy::disallowed_methods,
        reason = "a test has no executor to block and no run's clock"
    )]
    fn until_loaded(&self, running: &mut Running) {
        let before = self.runs();
        let mut seen = 0;
        while running.child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(50));
            let Some(run) = self.runs().into_iter().find(|run| !before.contains(run)) else {
                continue;
            };
            let length =
                std::fs::metadata(run.join("events.ndjson.zst")).map_or(0, |file| file.len());
            if length == seen {
                continue;
            }
            seen = length;
            let events = self.events(run.file_name().unwrap().to_str().unwrap());
            let wanted = scenarios(&events);
            let played = events.matches("\"event\":\"scenario_finished\"").count();
            if wanted.is_some_and(|wanted| played >= wanted) {
                return;
            }
        }
    }

    /// Folders of the runs made here.
    pub(crate) fn runs(&self) -> Vec<PathBuf> {
        let Ok(entries) = std::fs::read_dir(self.path().join("reports/runs")) else {
            return Vec::new();
        };
        let mut runs: Vec<_> = entries
            .map(|e| e.unwrap().path())
            .filter(|p| p.is_dir())
            .collect();
        runs.sort();
        runs
    }

    /// A run's folder.
    pub(crate) fn folder(&self, id: &str) -> PathBuf {
        self.path().join("reports/runs").join(id)
    }

    /// The folder of the only run made here. One that is judged may not be the only one: it is made again where others
    /// disturbed it.
    pub(crate) fn only_run(&self) -> PathBuf {
        let runs = self.runs();
        assert_eq!(runs.len(), 1, "{runs:?}");
        runs[0].clone()
    }
}

/// Plays a load with a part of the machine, and again, up to three times in all and the last time with the machine for itself,
/// when `harness` says that the load was not what it was meant to be: on a machine that is busy with something else that is an
/// honest answer, but not the one that is asked for. Returns the last try.
#[track_caller]
#[expect(
    clippy::print_stdout,
    reason = "a try that was thrown away may be what explains a failure"
)]
pub(crate) fn unless_invalid<T>(play: impl Fn() -> (Ran, T)) -> (Ran, T) {
    const INVALID: i32 = 4;
    for (nth, turn) in SHARING.iter().enumerate() {
        let _turn = turn();
        let played = play();
        if played.0.code != INVALID || nth + 1 == SHARING.len() {
            return played;
        }
        println!("played again, for it was no answer: {}", played.0.stderr);
    }
    unreachable!("the last answer is returned")
}

/// Beside others twice, and once without them.
const SHARING: [fn() -> Turn; 3] = [part, part, turn];
/// The same with two more tries for what may have been disturbed from outside of these tests, which no turn keeps away.
const JUDGED: [fn() -> Turn; 5] = [part, part, turn, turn, turn];

/// How many scenarios the run plays whose events these are; `None` before it says so.
fn scenarios(events: &str) -> Option<usize> {
    let begun: Value = serde_json::from_str(events.lines().next()?).ok()?;
    Some(begun["plan"]["scenarios"].as_array()?.len())
}

/// A `harness` under way.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    out: PathBuf,
    err: PathBuf,
}

impl Running {
    /// Sends it a signal by name.
    pub(crate) fn signal(&self, name: &str) {
        signal(self.child.id(), name);
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Kills it and its guardian, so that nobody undoes what it did; answers the guardian's pid.
    #[track_caller]
    pub(crate) fn orphan(self) -> u32 {
        let guardian = self.guardian();
        // Stopped, so that it can't see the harness vanish before it is killed itself.
        signal(guardian, "STOP");
        self.signal("KILL");
        signal(guardian, "KILL");
        self.ends().exits(-1);
        guardian
    }

    /// Pid of its guardian.
    pub(crate) fn guardian(&self) -> u32 {
        guardian_of(self.child.id())
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn ends(mut self) -> Ran {
        let status = until("its end", || self.child.try_wait().unwrap());
        let read = |path| String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned();
        Ran {
            code: status.code().unwrap_or(-1),
            stdout: read(&self.out),
            stderr: read(&self.err),
        }
    }
}

impl Drop for Running {
    /// A test that failed leaves no run behind: its guardian sees it vanish.
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Pid of a process's guardian: its child whose command line says so.
pub(crate) fn guardian_of(parent: u32) -> u32 {
    let parent = parent.to_string();
    until("the guardian", || {
        pids().into_iter().find(|pid| {
            let read =
                |file| std::fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default();
            let stat = read("stat");
            let after = stat.rsplit_once(')').map_or("", |(_, after)| after);
            after.split_whitespace().nth(1) == Some(&parent)
                && read("cmdline").contains("\0guardian\0")
        })
    })
}

/// Sends a signal by name.
pub(crate) fn signal(pid: u32, name: &str) {
    let sent = Command::new("kill")
        .args([format!("-{name}"), pid.to_string()])
        .status();
    assert!(sent.unwrap().success());
}

/// What a finished `harness` left.
#[derive(Debug)]
pub(crate) struct Ran {
    /// The exit code; -1 when a signal ended it.
    pub(crate) code: i32,
    /// Its data.
    pub(crate) stdout: String,
    /// Its talk.
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// What a command leaves that is run to its end. One that hangs is killed, and what it said until then is told.
    #[track_caller]
    pub(crate) fn to_the_end(command: &mut Command) -> Self {
        let piped = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = piped.spawn().unwrap();
        let pid = child.id();
        let (ended, end) = std::sync::mpsc::channel::<()>();
        let hung = std::thread::spawn(move || {
            let hung = end.recv_timeout(2 * PATIENCE) == Err(RecvTimeoutError::Timeout);
            if hung {
                signal(pid, "KILL");
            }
            hung
        });
        let ran = Self::of(child.wait_with_output().unwrap());
        drop(ended);
        assert!(!hung.join().unwrap(), "it hung: {ran:#?}");
        ran
    }

    /// The data as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|e| panic!("no JSON ({e}) on stdout: {self:#?}"))
    }

    /// Asserts the exit code, showing everything otherwise.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(
            self.code, code,
            "stdout:\n{}\nstderr:\n{}",
            self.stdout, self.stderr
        );
        self
    }
}

/// Waits until something holds; panics with `what` when it takes too long.
#[track_caller]
#[expect(
    clippy::disallowed_methods,
    reason = "a test has no executor to block and no run's clock"
)]
pub(crate) fn until<T>(what: &str, mut holds: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(value) = holds() {
            return value;
        }
        assert!(begun.elapsed() < PATIENCE, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Pids of live processes that carry a run's label.
pub(crate) fn labelled(run: &str) -> Vec<u32> {
    let wanted = format!("HARNESS_RUN={run}");
    let carries = |pid: &u32| {
        let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment
            .split(|b| *b == 0)
            .any(|entry| entry == wanted.as_bytes())
    };
    pids().into_iter().filter(carries).collect()
}

/// The labelled process that has these words as arguments of their own, one after another. A shell whose script only
/// mentions them is not meant: it may not have begun.
pub(crate) fn process_of(run: &str, words: &str) -> u32 {
    let words: Vec<&[u8]> = words.split(' ').map(str::as_bytes).collect();
    until("the process", || {
        labelled(run).into_iter().find(|pid| {
            let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let arguments: Vec<&[u8]> = line.split(|b| *b == 0).collect();
            arguments.windows(words.len()).any(|some| some == words)
        })
    })
}

/// Waits until nothing that carries a run's label lives.
#[track_caller]
pub(crate) fn until_nothing_lives(run: &str) {
    until("nothing labelled lives", || {
        labelled(run).is_empty().then_some(())
    });
}

/// Pids of all processes.
pub(crate) fn pids() -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
}
