//! What a report says of the machine and the moment: versions, cores, memory, the commit, the date. The only reader of
//! the calendar.

use harness_core::date::Date;
use harness_core::name::RunId;
use rand_core::{OsRng, TryRngCore as _};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

/// A fresh run id: `YYYYMMDD-HHMMSS-xxxx`, so that ids sort by time and two runs of one second differ. Six of its last sixteen
/// bits are of the second, so that those of one second sort by time too.
pub(crate) fn run_id(now: &jiff::Zoned) -> RunId {
    let random = OsRng.try_next_u32().unwrap_or_else(|_| std::process::id());
    let part = u32::try_from(now.subsec_nanosecond() / (1_000_000_000 / 64)).unwrap_or(0);
    let last = (part.min(63) << 10) | (random & 0x3ff);
    let text = format!("{}-{last:04x}", now.strftime("%Y%m%d-%H%M%S"));
    match text.parse() {
        Ok(id) => id,
        Err(error) => unreachable!("digits and dashes make a name: {error}"),
    }
}

/// What the calendar and the clock on the wall say here.
pub(crate) fn now() -> jiff::Zoned {
    jiff::Zoned::now()
}

/// The day it is here.
pub(crate) fn today() -> Date {
    let today = now().strftime("%Y-%m-%d").to_string();
    match today.parse() {
        Ok(date) => date,
        Err(error) => unreachable!("the calendar's own day is one: {error}"),
    }
}

/// Machine and software, for the report.
pub(crate) fn describe(root: &Path) -> BTreeMap<String, String> {
    let mut environment = BTreeMap::new();
    let mut add = |key: &str, value: Option<String>| {
        if let Some(value) = value.filter(|v| !v.is_empty()) {
            environment.insert(key.to_owned(), value);
        }
    };
    let uname = rustix::system::uname();
    add(
        "kernel",
        Some(format!(
            "{} {}",
            uname.sysname().to_string_lossy(),
            uname.release().to_string_lossy()
        )),
    );
    add("architecture", Some(std::env::consts::ARCH.to_owned()));
    add("system", os_name());
    add("cpu", line_of("/proc/cpuinfo", "model name"));
    add(
        "cores",
        std::thread::available_parallelism()
            .ok()
            .map(|n| n.to_string()),
    );
    add("memory", line_of("/proc/meminfo", "MemTotal"));
    add(
        "git commit",
        git(root, &["rev-parse", "--short=12", "HEAD"]),
    );
    add(
        "git branch",
        git(root, &["rev-parse", "--abbrev-ref", "HEAD"]),
    );
    let dirty = git(root, &["status", "--porcelain", "--untracked-files=no"]);
    add(
        "git state",
        dirty.map(|text| {
            if text.is_empty() {
                "clean".into()
            } else {
                "with uncommitted changes".into()
            }
        }),
    );
    add("ci", std::env::var("CI").ok());
    environment
}

fn os_name() -> Option<String> {
    let text = std::fs::read_to_string("/etc/os-release").ok()?;
    let name = text
        .lines()
        .find_map(|line| line.strip_prefix("PRETTY_NAME="))?;
    Some(name.trim_matches('"').to_owned())
}

fn line_of(path: &str, key: &str) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(key))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// What git says, or nothing where there is no git or no repository.
fn git(root: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git")
        .arg("-C")
        .arg(root)
        .args(arguments)
        .stderr(Stdio::null())
        .output()
        .ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
