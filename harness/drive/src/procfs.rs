//! What the kernel says of processes, from /proc: start times, labels, processor time, memory. Linux only; elsewhere
//! everything is unknown, and callers treat unknown as "not ours".

use std::path::PathBuf;

/// A process's start time in clock ticks since boot (field 22 of `/proc/PID/stat`), if it lives.
pub fn start_time(pid: i32) -> Option<u64> {
    stat_field(&format!("/proc/{pid}/stat"), 22)?.parse().ok()
}

/// Whether a process is a zombie or gone.
pub fn ended(pid: i32) -> bool {
    stat_field(&format!("/proc/{pid}/stat"), 3).is_none_or(|state| state == "Z" || state == "X")
}

/// What can be seen of a process's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// It lives, since so many clock ticks after boot.
    Since(u64),
    /// It is there, and no more can be seen of it: `/proc` may show other users' processes to nobody else.
    Hidden,
    /// It is a zombie or gone.
    Ended,
}

/// What can be seen of a process's life.
pub fn life(pid: i32) -> Life {
    let path = format!("/proc/{pid}/stat");
    let state = stat_field(&path, 3);
    match (state.as_deref(), start_time(pid)) {
        (Some("Z" | "X"), _) => Life::Ended,
        (Some(_), Some(since)) => Life::Since(since),
        _ => unseen(pid),
    }
}

/// Whether a process is in a control group with a word in its name: a container's id.
pub fn is_within(pid: i32, word: &str) -> bool {
    let groups = std::fs::read_to_string(format!("/proc/{pid}/cgroup"));
    groups.is_ok_and(|groups| groups.contains(word))
}

/// Of a process that `/proc` does not show.
fn unseen(pid: i32) -> Life {
    let there = rustix::process::Pid::from_raw(pid).map(rustix::process::test_kill_process);
    match there {
        None | Some(Err(rustix::io::Errno::SRCH)) => Life::Ended,
        // It may be signalled, or may not: there it is.
        Some(_) => Life::Hidden,
    }
}

/// How much address space a process may have: its soft and its hard limit, `None` for no limit.
pub fn address_space(pid: i32) -> Option<(Option<u64>, Option<u64>)> {
    let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).ok()?;
    let line = limits
        .lines()
        .find_map(|l| l.strip_prefix("Max address space"))?;
    let mut limits = line.split_whitespace().map(|limit| limit.parse().ok());
    Some((limits.next()?, limits.next()?))
}

/// Live processes of a process group.
pub fn group(leader: i32) -> Vec<i32> {
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    let wanted = leader.to_string();
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok())
        .filter(|pid| stat_field(&format!("/proc/{pid}/stat"), 5).as_ref() == Some(&wanted))
        .filter(|pid| !ended(*pid))
        .collect()
}

/// A field of a stat file, counted from 1; the command name (field 2) may hold spaces and is skipped whole.
fn stat_field(path: &str, field: usize) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    let after = text.rsplit_once(')')?.1;
    after
        .split_whitespace()
        .nth(field.checked_sub(3)?)
        .map(str::to_owned)
}

/// Live processes whose environment says `variable=value`, the caller aside.
pub fn labelled(variable: &str, value: &str) -> Vec<i32> {
    let wanted = format!("{variable}={value}");
    let own = std::process::id();
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok())
        .filter(|pid| *pid != own)
        .filter(|pid| {
            let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environment
                .split(|b| *b == 0)
                .any(|entry| entry == wanted.as_bytes())
        })
        .filter_map(|pid| i32::try_from(pid).ok())
        .filter(|pid| !ended(*pid))
        .collect()
}

/// Figures of this process: (resident bytes, open descriptors).
pub fn own_figures() -> (u64, u64) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = resident
        .and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok())
        .unwrap_or(0);
    let descriptors = std::fs::read_dir(PathBuf::from("/proc/self/fd"))
        .map_or(0, |entries| entries.count() as u64);
    (kib * 1024, descriptors)
}
