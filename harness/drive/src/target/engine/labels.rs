//! What everything that a run makes on the engine carries: the run's id, and who made it, told so that the next run can say
//! whether that process still lives. Pure but for reading /proc.

use crate::procfs::{self, Life};
use std::collections::HashMap;
use std::fmt;

/// The label with the run's id.
pub const RUN: &str = "harness.run";
/// The label with the process that owns it.
pub const OWNER: &str = "harness.owner";

/// The labels of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labels {
    run: String,
    owner: String,
}

impl Labels {
    /// Of a run that this process owns.
    pub fn of(run: &str) -> Self {
        Self {
            run: run.to_owned(),
            owner: Owner::this().to_string(),
        }
    }

    /// Of a run that another owns.
    #[cfg(test)]
    pub(super) fn owned(run: &str, owner: &Owner) -> Self {
        Self {
            run: run.to_owned(),
            owner: owner.to_string(),
        }
    }

    /// The run.
    pub fn run(&self) -> &str {
        &self.run
    }

    /// Name and value of each: also for what others make for this run, a Compose file's services.
    pub fn pairs(&self) -> [(&'static str, &str); 2] {
        [(RUN, &self.run), (OWNER, &self.owner)]
    }

    /// As the engine takes them.
    pub(super) fn to_map(&self) -> HashMap<String, String> {
        let pairs = self.pairs().into_iter();
        pairs
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }
}

/// A process, told so that another can say whether it lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The machine's id and its name: machines that were copied share the id.
    machine: String,
    /// The kernel's id of this boot.
    boot: String,
    /// The number of the pid namespace.
    pids: String,
    pid: i32,
    /// Clock ticks from the boot to its start.
    started: u64,
}

/// Whether an owner lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Liveness {
    /// It lives.
    Lives,
    /// It is dead, for certain.
    Dead,
    /// It can't be seen from here: another machine's, of another pid namespace, or another user's where those are hidden.
    Elsewhere,
}

impl Owner {
    /// This process.
    pub fn this() -> Self {
        let read = |path| {
            let text = std::fs::read_to_string(path).unwrap_or_default();
            text.split_whitespace().collect::<String>()
        };
        let pid = i32::try_from(std::process::id()).unwrap_or(0);
        let pids = std::fs::read_link("/proc/self/ns/pid").unwrap_or_default();
        let digits = |c: char| c.is_ascii_digit();
        Self {
            machine: format!(
                "{}@{}",
                read("/etc/machine-id"),
                read("/proc/sys/kernel/hostname")
            ),
            boot: read("/proc/sys/kernel/random/boot_id"),
            pids: pids
                .to_string_lossy()
                .chars()
                .filter(|c| digits(*c))
                .collect(),
            pid,
            started: procfs::start_time(pid).unwrap_or(0),
        }
    }

    /// Another process of this machine.
    #[cfg(test)]
    pub(super) fn with_process(self, pid: i32) -> Self {
        let started = procfs::start_time(pid).unwrap_or(0);
        Self {
            pid,
            started,
            ..self
        }
    }

    /// The same process of another machine.
    #[cfg(test)]
    pub(super) fn elsewhere(&self) -> Self {
        Self {
            machine: "another@machine".to_owned(),
            boot: "another".to_owned(),
            ..self.clone()
        }
    }

    /// Reads a label.
    pub fn parse(label: &str) -> Option<Self> {
        let mut fields = label.split(' ');
        let mut field = |name: &str| fields.next()?.strip_prefix(name)?.strip_prefix('=');
        let owner = Self {
            machine: field("machine")?.to_owned(),
            boot: field("boot")?.to_owned(),
            pids: field("pids")?.to_owned(),
            pid: field("pid")?.parse().ok()?,
            started: field("started")?.parse().ok()?,
        };
        Some(owner)
    }

    /// Whether it lives, as seen by another process. What is not known for certain is not called dead.
    pub fn seen_by(&self, me: &Self, life_of: impl Fn(i32) -> Life) -> Liveness {
        // A boot's id is random: who shares it runs on this kernel.
        if self.boot.is_empty() || self.boot != me.boot {
            let same = self.machine == me.machine && !self.machine.starts_with('@');
            let dead = same && !self.boot.is_empty() && !me.boot.is_empty();
            return if dead {
                Liveness::Dead
            } else {
                Liveness::Elsewhere
            };
        }
        if self.pids.is_empty() || self.pids != me.pids {
            return Liveness::Elsewhere;
        }
        match life_of(self.pid) {
            Life::Since(started) if started == self.started => Liveness::Lives,
            // Somebody else got its pid.
            Life::Since(_) | Life::Ended => Liveness::Dead,
            Life::Hidden => Liveness::Elsewhere,
        }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "machine={} boot={} pids={} pid={} started={}",
            self.machine, self.boot, self.pids, self.pid, self.started
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner() -> Owner {
        Owner {
            machine: "m@host".into(),
            boot: "b".into(),
            pids: "4026531836".into(),
            pid: 7,
            started: 99,
        }
    }

    #[test]
    fn an_owner_survives_its_label() {
        assert_eq!(Owner::parse(&owner().to_string()), Some(owner()));
        let this = Owner::this();
        assert_eq!(Owner::parse(&this.to_string()), Some(this.clone()));
        assert_eq!(this.seen_by(&this, procfs::life), Liveness::Lives);
        assert_eq!(Owner::parse("somebody"), None);
    }

    #[test]
    fn only_what_is_certainly_dead_is_called_dead() {
        let me = owner();
        let seen = |owner: &Owner, life: Life| owner.seen_by(&me, |_| life);
        assert_eq!(seen(&owner(), Life::Since(99)), Liveness::Lives);
        assert_eq!(
            seen(&owner(), Life::Since(100)),
            Liveness::Dead,
            "a reused pid"
        );
        assert_eq!(seen(&owner(), Life::Ended), Liveness::Dead);
        assert_eq!(seen(&owner(), Life::Hidden), Liveness::Elsewhere);
        let with = |change: fn(&mut Owner)| {
            let mut other = owner();
            change(&mut other);
            seen(&other, Life::Ended)
        };
        assert_eq!(
            with(|o| o.boot = "c".into()),
            Liveness::Dead,
            "booted since"
        );
        assert_eq!(with(|o| o.pids = "1".into()), Liveness::Elsewhere);
        let elsewhere = |o: &mut Owner| {
            o.boot = "c".into();
            o.machine = "m@other".into();
        };
        assert_eq!(with(elsewhere), Liveness::Elsewhere);
        let unknown = |o: &mut Owner| o.boot.clear();
        assert_eq!(with(unknown), Liveness::Elsewhere);
    }
}
