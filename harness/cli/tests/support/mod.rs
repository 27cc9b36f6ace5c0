//! What the whole-binary tests share: the real `harness`, the real demo system, suites written into a folder of each
//! test's own, and waiting that never sleeps blindly.

#![allow(dead_code, reason = "each test binary uses its part")]

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// The binary under test.
pub const HARNESS: &str = env!("CARGO_BIN_EXE_harness");

/// Nothing here takes this long; a test that waits longer hangs.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// The demo system's binary, built beside the tests if the command that runs them has not built it.
pub fn shop() -> &'static Path {
    static SHOP: OnceLock<PathBuf> = OnceLock::new();
    SHOP.get_or_init(|| {
        let path = Path::new(HARNESS).with_file_name("shop");
        let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
        let built = Command::new(cargo)
            .args(["build", "--quiet", "-p", "shop"])
            .status()
            .unwrap();
        assert!(
            built.success() && path.is_file(),
            "the demo system is not at {}",
            path.display()
        );
        path
    })
}

/// The repository's root.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

/// A suite in a folder of its own.
pub struct Suite {
    folder: tempfile::TempDir,
}

impl Suite {
    /// A folder with these files.
    pub fn new(files: &[(&str, &str)]) -> Self {
        let suite = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        files
            .iter()
            .for_each(|(name, text)| suite.write(name, text));
        suite
    }

    /// The demo system in process mode, with its documents, and these files beside.
    pub fn shop(files: &[(&str, &str)]) -> Self {
        let suite = Self::new(&[("harness.toml", &shop_toml())]);
        for name in ["gateway", "orders", "payments"] {
            let file = format!("fixtures/openapi/{name}.json");
            suite.write(
                &file,
                &std::fs::read_to_string(repository().join(&file)).unwrap(),
            );
        }
        files
            .iter()
            .for_each(|(name, text)| suite.write(name, text));
        suite
    }

    /// Writes a file, its folders too.
    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Adds to a file.
    pub fn append(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        let old = std::fs::read_to_string(&path).unwrap_or_default();
        self.write(name, old + text);
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// `harness` in this folder, not started.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(HARNESS);
        command
            .args(arguments)
            .current_dir(self.path())
            .stdin(Stdio::null());
        command
            .env_remove("DEFECT")
            .env_remove("HARNESS_RUN")
            .env("NO_COLOR", "1");
        command
    }

    /// Runs `harness` to its end.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.command(arguments).output().unwrap())
    }

    /// The same with a planted defect.
    pub fn run_with(&self, defect: &str, arguments: &[&str]) -> Ran {
        Ran::of(
            self.command(arguments)
                .env("DEFECT", defect)
                .output()
                .unwrap(),
        )
    }

    /// Folders of the runs made here.
    pub fn runs(&self) -> Vec<PathBuf> {
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

    /// The folder of the only run made here.
    pub fn only_run(&self) -> PathBuf {
        let runs = self.runs();
        assert_eq!(runs.len(), 1, "{runs:?}");
        runs[0].clone()
    }
}

/// What a finished `harness` left.
#[derive(Debug)]
pub struct Ran {
    /// The exit code; -1 when a signal ended it.
    pub code: i32,
    /// Its data.
    pub stdout: String,
    /// Its talk.
    pub stderr: String,
}

impl Ran {
    fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// The data as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|e| panic!("no JSON ({e}) on stdout: {self:#?}"))
    }

    /// Asserts the exit code, showing everything otherwise.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
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
pub fn until<T>(what: &str, mut holds: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(value) = holds() {
            return value;
        }
        assert!(begun.elapsed() < PATIENCE, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Pids of processes that carry a run's label.
pub fn labelled(run: &str) -> Vec<u32> {
    let wanted = format!("HARNESS_RUN={run}");
    let entries = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| {
        let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment
            .split(|b| *b == 0)
            .any(|entry| entry == wanted.as_bytes())
    })
    .collect()
}

fn shop_toml() -> String {
    format!(
        r#"[project]
name = "shop"
[target]
mode = "process"
[target.service.payments]
process = {{ command = ["{shop}", "payments", "--port", "${{port}}"] }}
ready = {{ get = "/health/ready", within = "60s" }}
metrics = "/metrics"
[target.service.orders]
process = {{ command = ["{shop}", "orders", "--port", "${{port}}", "--db", "${{run.dir}}/orders.db"] }}
env = {{ PAYMENTS_URL = "${{link.payments.url}}" }}
ready = {{ get = "/health/ready", within = "60s" }}
metrics = "/metrics"
[target.service.gateway]
process = {{ command = ["{shop}", "gateway", "--port", "${{port}}"] }}
env = {{ ORDERS_URL = "${{link.orders.url}}", SHOP_API_KEY = "${{secret.api_key}}" }}
ready = {{ get = "/health/ready", within = "60s" }}
metrics = "/metrics"
[target.link.payments]
from = "orders"
to = "payments"
[target.link.orders]
from = "gateway"
to = "orders"
[target.link.edge]
to = "gateway"
[http]
headers = {{ x-api-key = "${{secret.api_key}}" }}
[secret]
api_key = {{ env = "SHOP_API_KEY", default = "test-key-1234" }}
"#,
        shop = shop().display()
    )
}
