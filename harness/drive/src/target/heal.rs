//! Undoes what a run left behind: works through its journal and ends every process that carries its label. Used by the
//! guardian, by `harness heal`, and by the end of a run; doing it twice does nothing more.

use super::journal::{self, Entry, LABEL};
use crate::procfs;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What was undone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Healed {
    /// Processes and groups that were ended.
    pub processes: Vec<i32>,
    /// Folders removed.
    pub folders: Vec<PathBuf>,
    /// What could not be undone, a sentence each.
    pub failed: Vec<String>,
}

impl Healed {
    /// Whether there was nothing to do.
    pub fn is_empty(&self) -> bool {
        self.processes.is_empty() && self.folders.is_empty() && self.failed.is_empty()
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

/// Heals a run that is dead. A live one holds a lock on its journal and is left alone.
pub fn heal_dead(path: &Path, grace: Duration) -> std::io::Result<Outcome> {
    let journal = std::fs::OpenOptions::new().append(true).open(path)?;
    match journal.try_lock() {
        Ok(()) => {}
        Err(std::fs::TryLockError::WouldBlock) => return Ok(Outcome::Live),
        Err(std::fs::TryLockError::Error(error)) => return Err(error),
    }
    let healed = heal(path, grace)?;
    if !healed.is_empty() && healed.failed.is_empty() {
        let mut line = serde_json::to_vec(&Entry::Clean)?;
        line.push(b'\n');
        std::io::Write::write_all(&mut &journal, &line)?;
    }
    Ok(Outcome::Healed(healed))
}

/// Works through a journal: TERM, a moment's grace, KILL, folders, and a last sweep by label.
pub fn heal(path: &Path, grace: Duration) -> std::io::Result<Healed> {
    let entries = journal::read(path)?;
    let mut healed = Healed::default();
    if entries.last() == Some(&Entry::Clean) {
        return Ok(healed);
    }
    let leaders = living(&entries);
    for pid in &leaders {
        signal_group(*pid, Signal::TERM);
    }
    let run = entries.iter().find_map(|e| {
        if let Entry::Run { run } = e {
            Some(run.as_str())
        } else {
            None
        }
    });
    let labelled = || run.map_or_else(Vec::new, |run| procfs::labelled(LABEL, run));
    await_end(
        || leaders.iter().all(|pid| procfs::ended(*pid)) && labelled().is_empty(),
        grace,
    );
    for pid in &leaders {
        signal_group(*pid, Signal::KILL);
    }
    healed.processes.extend(&leaders);
    // A process may fork while it is being swept; a few rounds end a tree, endless forking is said.
    for _ in 0..20 {
        let left = labelled();
        if left.is_empty() {
            break;
        }
        left.iter()
            .filter_map(|pid| Pid::from_raw(*pid))
            .for_each(|pid| _ = kill_process(pid, Signal::KILL));
        healed
            .processes
            .extend(left.iter().filter(|pid| !leaders.contains(pid)));
        await_end(|| labelled().is_empty(), Duration::from_millis(500));
    }
    healed.failed.extend(
        labelled()
            .iter()
            .map(|pid| format!("process {pid} does not end")),
    );
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
    healed.processes.sort_unstable();
    healed.processes.dedup();
    Ok(healed)
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
fn await_end(done: impl Fn() -> bool, limit: Duration) {
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
