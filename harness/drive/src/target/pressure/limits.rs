//! Less memory by the limit of address space (`RLIMIT_AS`) of each process of a service's group. Needs no privilege for
//! processes of the same user. Knows process groups, and nothing of faults' times.

use crate::procfs;

/// Who it is, as events say it.
pub(super) const BY: &str = "RLIMIT_AS";

/// Walks of a group that are made to find who was forked while it was walked.
const WALKS: usize = 20;

/// A process whose limit was changed, and what it was.
#[derive(Debug)]
struct Limited {
    pid: i32,
    started: Option<u64>,
    /// The soft and the hard limit; `None` for none.
    before: Limit,
}

type Limit = (Option<u64>, Option<u64>);

/// A process group that was limited.
#[derive(Debug)]
pub(in crate::target) struct Limits {
    group: i32,
    bytes: u64,
    limited: Vec<Limited>,
}

/// Limits the address space of each process of a group to so many bytes, or less where it had less. What they start
/// inherits it. An error when none could be limited.
pub(super) fn limit(group: i32, bytes: u64) -> Result<Limits, String> {
    let mut limits = Limits {
        group,
        bytes,
        limited: Vec::new(),
    };
    for pid in procfs::group(group) {
        let started = procfs::start_time(pid);
        let Some(before) = procfs::address_space(pid) else {
            continue;
        };
        let least = |limit: Option<u64>| limit.map_or(bytes, |limit| limit.min(bytes));
        match set(pid, (Some(least(before.0)), before.1)) {
            Ok(()) => limits.limited.push(Limited {
                pid,
                started,
                before,
            }),
            // It ended meanwhile.
            Err(_) if procfs::ended(pid) => {}
            Err(error) => {
                lift(&limits);
                return Err(format!("process {pid} can't be limited: {error}"));
            }
        }
    }
    match limits.limited.is_empty() {
        true => Err("it has no process that could be limited".to_owned()),
        false => Ok(limits),
    }
}

/// Gives each process that still lives the limit it had, and what they started meanwhile that of the group's leader.
pub(super) fn lift(limits: &Limits) {
    let still = |one: &&Limited| procfs::start_time(one.pid) == one.started;
    for one in limits.limited.iter().filter(still) {
        // One that ends meanwhile needs none.
        let _ = set(one.pid, one.before);
    }
    let listed = |pid: i32| limits.limited.iter().find(|one| one.pid == pid);
    let Some(first) = listed(limits.group).or(limits.limited.first()) else {
        return;
    };
    // Nobody was limited to so much who had less.
    if first.before.0.is_some_and(|before| before <= limits.bytes) {
        return;
    }
    for _ in 0..WALKS {
        let heirs = procfs::group(limits.group).into_iter().filter_map(|pid| {
            let known = listed(pid).filter(|one| procfs::start_time(pid) == one.started);
            let (soft, hard) = procfs::address_space(pid)?;
            (known.is_none() && soft == Some(limits.bytes)).then_some((pid, hard))
        });
        let heirs: Vec<_> = heirs.collect();
        for (pid, hard) in &heirs {
            let _ = set(*pid, (first.before.0, *hard));
        }
        if heirs.is_empty() {
            break;
        }
    }
}

#[cfg(target_os = "linux")]
fn set(pid: i32, (current, maximum): Limit) -> std::io::Result<()> {
    use rustix::process::{Pid, Resource, Rlimit, prlimit};
    let pid = Pid::from_raw(pid).ok_or(std::io::ErrorKind::NotFound)?;
    prlimit(Some(pid), Resource::As, Rlimit { current, maximum })?;
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn set(_: i32, _: Limit) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::super::super::service::tests::started;
    use super::*;
    use std::time::Duration;

    fn address_space_of(pid: i32) -> String {
        let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
        let line = limits
            .lines()
            .find(|line| line.starts_with("Max address space"));
        line.unwrap().split_whitespace().nth(3).unwrap().to_owned()
    }

    #[tokio::test]
    async fn processes_of_a_group_are_limited_and_get_back_what_they_had() {
        let folder = tempfile::tempdir().unwrap();
        let service = started("sleep 300 & wait", folder.path()).await;
        let two = || async {
            while procfs::group(service.group()).len() < 2 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), two())
            .await
            .unwrap();
        let processes = procfs::group(service.group());
        let before: Vec<String> = processes.iter().map(|pid| address_space_of(*pid)).collect();
        let limited = limit(service.group(), 200_000_000).unwrap();
        for pid in &processes {
            assert_eq!(address_space_of(*pid), "200000000");
        }
        lift(&limited);
        let after: Vec<String> = processes.iter().map(|pid| address_space_of(*pid)).collect();
        assert_eq!(after, before);
        service.let_end();
        service.stop(Duration::from_secs(1)).await.unwrap();
        assert!(limit(service.group(), 200_000_000).is_err());
    }

    #[tokio::test]
    async fn what_was_started_under_a_limit_gets_what_its_parent_had() {
        let folder = tempfile::tempdir().unwrap();
        let script = "while [ ! -e go ]; do sleep 0.01; done; sleep 311 & wait";
        let service = started(script, folder.path()).await;
        let before = address_space_of(service.group());
        let limits = limit(service.group(), 200_000_000).unwrap();
        std::fs::write(folder.path().join("go"), "").unwrap();
        // Whom it is still about to start bears its parent's words.
        let is_child = |pid: &i32| {
            let told = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            told == b"sleep\x00311\x00"
        };
        let child = async {
            loop {
                let group = procfs::group(service.group());
                match group.into_iter().find(is_child) {
                    Some(pid) => break pid,
                    None => tokio::time::sleep(Duration::from_millis(5)).await,
                }
            }
        };
        let child = tokio::time::timeout(Duration::from_secs(60), child);
        let child = child.await.unwrap();
        assert_eq!(address_space_of(child), "200000000");
        lift(&limits);
        assert_eq!(address_space_of(service.group()), before);
        assert_eq!(address_space_of(child), before);
        service.let_end();
        service.stop(Duration::from_secs(1)).await.unwrap();
    }
}
