//! Undoes what a run left behind: works through its journal and ends every process that carries its label. Used by the
//! guardian, by `harness heal`, and by the end of a run; doing it twice does nothing more.

mod cgroups;
mod containers;
mod proxies;

use super::journal::{self, Entry, LABEL};
use crate::procfs;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What was undone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Healed {
    /// Processes and groups that were ended.
    pub processes: Vec<i32>,
    /// Folders removed.
    pub folders: Vec<PathBuf>,
    /// What was undone on Toxiproxy servers, in words.
    pub proxies: Vec<String>,
    /// What was removed from container engines, in words.
    pub containers: Vec<String>,
    /// What could not be undone, a sentence each.
    pub failed: Vec<String>,
}

impl Healed {
    /// Whether there was nothing to do.
    pub fn is_empty(&self) -> bool {
        self.processes.is_empty()
            && self.folders.is_empty()
            && self.proxies.is_empty()
            && self.containers.is_empty()
            && self.failed.is_empty()
    }
}

/// What a sweep found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The run is live; nothing was touched.
    Live,
    /// It was dead, and this was undone.
    Healed(Healed),
}

/// Whether somebody is at the run of a folder: its journal is locked. Nothing is touched, and nobody is kept waiting.
pub fn is_live(folder: &Path) -> bool {
    let journal = std::fs::File::open(folder.join("undo.ndjson"));
    journal.is_ok_and(|file| {
        matches!(
            file.try_lock_shared(),
            Err(std::fs::TryLockError::WouldBlock)
        )
    })
}

/// Heals a run that is dead, and closes its journal unless something could not be undone. A live one holds a lock on its
/// journal: it is left alone when it still does after `patience`.
pub fn heal_dead(path: &Path, grace: Duration, patience: Duration) -> std::io::Result<Outcome> {
    heal_dead_opened(&journal::open(path)?, grace, patience)
}

/// The same of a journal that is open, wherever it lies by now.
pub(super) fn heal_dead_opened(
    journal: &File,
    grace: Duration,
    patience: Duration,
) -> std::io::Result<Outcome> {
    let mut locked = journal.try_lock();
    let mut taken = || {
        if matches!(locked, Err(std::fs::TryLockError::WouldBlock)) {
            locked = journal.try_lock();
        }
        !matches!(locked, Err(std::fs::TryLockError::WouldBlock))
    };
    await_end(&mut taken, patience);
    match locked {
        Ok(()) => {}
        Err(std::fs::TryLockError::WouldBlock) => return Ok(Outcome::Live),
        Err(std::fs::TryLockError::Error(error)) => return Err(error),
    }
    let healed = heal_opened(journal, grace)?;
    if healed.failed.is_empty() && journal::read(journal)?.last() != Some(&Entry::Clean) {
        journal::close(journal)?;
    }
    Ok(Outcome::Healed(healed))
}

/// Works through a journal: TERM, a moment's grace, KILL, a last sweep by label, control groups, what is on Toxiproxy
/// servers and container engines, and folders. Must not be called where an executor runs.
pub fn heal(path: &Path, grace: Duration) -> std::io::Result<Healed> {
    heal_opened(&journal::open(path)?, grace)
}

/// The same of a journal that is open.
pub(super) fn heal_opened(journal: &File, grace: Duration) -> std::io::Result<Healed> {
    let entries = journal::read(journal)?;
    let mut healed = Healed::default();
    if entries.last() == Some(&Entry::Clean) {
        return Ok(healed);
    }
    cgroups::release(&entries);
    end_processes(&entries, grace, &mut healed);
    cgroups::remove(&entries, &mut healed);
    proxies::undo(&entries, &mut healed);
    containers::undo(&entries, &mut healed);
    for folder in entries.iter().filter_map(|e| {
        if let Entry::Folder { path } = e {
            Some(path)
        } else {
            None
        }
    }) {
        match std::fs::remove_dir_all(folder) {
            Ok(()) => healed.folders.push(folder.clone()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => healed
                .failed
                .push(format!("failed to remove {}: {error}", folder.display())),
        }
    }
    Ok(healed)
}

/// Where what is asked of others over sockets runs, for healing has no executor; `None`, and noted, if there can't be one.
fn runtime(whom: &str, healed: &mut Healed) -> Option<tokio::runtime::Runtime> {
    let built = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let noted = built.inspect_err(|error| {
        let text = format!("failed to ask {whom} of the run: {error}");
        healed.failed.push(text);
    });
    noted.ok()
}

/// TERM to the groups of services and to what left them, a moment's grace, KILL, and a last sweep by label.
fn end_processes(entries: &[Entry], grace: Duration, healed: &mut Healed) {
    let leaders = living(entries);
    for pid in &leaders {
        signal_group(*pid, Signal::TERM);
        // One that a fault stopped hears it only when it goes on.
        signal_group(*pid, Signal::CONT);
    }
    let run = entries.iter().find_map(|entry| match entry {
        Entry::Run { run } => Some(run.as_str()),
        _ => None,
    });
    let labelled = || run.map_or_else(Vec::new, |run| procfs::labelled(LABEL, run));
    let strays: Vec<i32> = labelled()
        .into_iter()
        .filter(|pid| !leaders.contains(&group_of(*pid)))
        .collect();
    signal_each(&strays, Signal::TERM);
    await_end(
        || leaders.iter().all(|pid| procfs::ended(*pid)) && labelled().is_empty(),
        grace,
    );
    for pid in &leaders {
        signal_group(*pid, Signal::KILL);
    }
    healed.processes.extend(leaders.iter().chain(&strays));
    // A process may fork while it is being swept; a few rounds end a tree, endless forking is said.
    for _ in 0..20 {
        let left = labelled();
        if left.is_empty() {
            break;
        }
        signal_each(&left, Signal::KILL);
        healed.processes.extend(&left);
        await_end(|| labelled().is_empty(), Duration::from_millis(500));
    }
    healed.failed.extend(
        labelled()
            .iter()
            .map(|pid| format!("process {pid} does not end")),
    );
    healed.processes.sort_unstable();
    healed.processes.dedup();
}

/// Leaders that were started, are not known to be gone, and still are who they were.
fn living(entries: &[Entry]) -> Vec<i32> {
    let mut started = BTreeMap::new();
    for entry in entries {
        match entry {
            Entry::Process {
                pid, started: at, ..
            } => drop(started.insert(*pid, *at)),
            Entry::Gone { pid } => drop(started.remove(pid)),
            _ => {}
        }
    }
    started
        .into_iter()
        .filter(|(pid, at)| procfs::start_time(*pid) == Some(*at))
        .map(|(pid, _)| pid)
        .collect()
}

/// The process group of a process; 0 if it is gone.
fn group_of(pid: i32) -> i32 {
    let group = Pid::from_raw(pid).and_then(|pid| rustix::process::getpgid(Some(pid)).ok());
    group.map_or(0, Pid::as_raw_pid)
}

fn signal_each(pids: &[i32], signal: Signal) {
    for pid in pids.iter().filter_map(|pid| Pid::from_raw(*pid)) {
        // Gone already is what was wanted.
        let _ = kill_process(pid, signal);
    }
}

fn signal_group(leader: i32, signal: Signal) {
    // A group that is gone already is what was wanted.
    if let Some(pid) = Pid::from_raw(leader) {
        let _ = kill_process_group(pid, signal);
    }
}

/// Waits until a condition holds, at most so long. Runs where there is no executor: in the guardian.
#[expect(
    clippy::disallowed_methods,
    reason = "the guardian is a process of its own without an executor to block"
)]
fn await_end(mut done: impl FnMut() -> bool, limit: Duration) {
    let step = Duration::from_millis(20);
    let rounds = limit.as_millis() / step.as_millis();
    for _ in 0..=rounds {
        if done() {
            return;
        }
        std::thread::sleep(step);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::journal::Journal;
    use std::os::unix::process::CommandExt as _;
    use std::process::{Command, Stdio};

    #[test]
    fn whatever_carries_the_label_is_ended_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let run = format!("test-{}", std::process::id());
        let journal = Journal::create(&folder.path().join("undo"), &run).unwrap();
        let scratch = folder.path().join("scratch");
        std::fs::create_dir(&scratch).unwrap();
        journal
            .write(&Entry::Folder {
                path: scratch.clone(),
            })
            .unwrap();
        // A child that ignores TERM and leaves a grandchild in a session of its own.
        let mut child = Command::new("sh")
            .args(["-c", "trap '' TERM; setsid sleep 300 & echo up; wait; wait"])
            .env(LABEL, &run)
            .process_group(0)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut bystander = Command::new("sleep")
            .arg("300")
            .process_group(0)
            .spawn()
            .unwrap();
        let mut line = [0; 3];
        std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut line).unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        let started = procfs::start_time(pid).unwrap();
        journal
            .write(&Entry::Process {
                service: "s".into(),
                pid,
                started,
            })
            .unwrap();

        let healed = heal(journal.path(), Duration::from_millis(200)).unwrap();
        assert!(
            healed.failed.is_empty() && healed.processes.contains(&pid),
            "{healed:?}"
        );
        assert!(procfs::labelled(LABEL, &run).is_empty());
        assert!(!scratch.exists());
        assert!(
            bystander.try_wait().unwrap().is_none(),
            "a process of somebody else was ended"
        );
        bystander.kill().unwrap();
        bystander.wait().unwrap();
        child.wait().unwrap();
        assert!(
            heal(journal.path(), Duration::ZERO)
                .unwrap()
                .folders
                .is_empty(),
            "healing twice did more"
        );
    }

    #[test]
    fn a_reused_pid_is_left_alone() {
        let entries = [Entry::Process {
            service: "s".into(),
            pid: i32::try_from(std::process::id()).unwrap(),
            started: 1,
        }];
        assert_eq!(living(&entries), Vec::<i32>::new());
    }
}
