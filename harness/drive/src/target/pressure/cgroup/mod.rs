//! Control groups: where this process may make one, a folder for a service in it, and who is in there. What a folder is told
//! is another for each version of the kernel's interface. Knows process groups, and nothing of services.

mod v1;
mod v2;

use crate::procfs;
use crate::target::journal::{Entry, Journal};
use std::io::{Error, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What the names of all folders begin with.
pub(in crate::target) const PREFIX: &str = "harness-";

/// Walks of a process group that are made to find who was forked while it was walked.
const WALKS: usize = 20;

/// What a control group controls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Controller {
    /// Processor time.
    Cpu,
    /// Memory.
    Memory,
}

impl Controller {
    const fn word(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
        }
    }
}

/// Which interface the kernel has mounted for a controller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    V1,
    V2,
}

/// Where a control group can be made.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    version: Version,
    /// The group that this process is in, and so whatever it starts.
    home: PathBuf,
    /// Where the hierarchy begins.
    root: PathBuf,
}

impl Place {
    /// This process's own place for a controller, from what the kernel says of mounts (`/proc/self/mountinfo`) and of it
    /// (`/proc/self/cgroup`). `None` where the controller is not mounted, or its place is not in sight.
    fn of(controller: Controller, mounts: &str, own: &str) -> Option<Self> {
        let among = |list: &str| list.split(',').any(|word| word == controller.word());
        let memberships = own.lines().filter_map(|line| {
            let mut parts = line.splitn(3, ':').skip(1);
            Some((parts.next()?, parts.next()?))
        });
        let (version, path) = memberships
            .filter_map(|(controllers, path)| match controllers {
                "" => Some((Version::V2, path)),
                some if among(some) => Some((Version::V1, path)),
                _ => None,
            })
            // A controller that the older interface has is not in the newer one.
            .min_by_key(|(version, _)| *version == Version::V2)?;
        mounts.lines().find_map(|line| {
            let (mount, file_system) = line.split_once(" - ")?;
            let mut mount = mount.split(' ').skip(3);
            let (within, at) = (mount.next()?, mount.next()?);
            let mut file_system = file_system.split(' ');
            let (kind, options) = (file_system.next()?, file_system.nth(1)?);
            let fits = match version {
                Version::V1 => kind == "cgroup" && among(options),
                Version::V2 => kind == "cgroup2",
            };
            let below = Path::new(path).strip_prefix(within).ok()?;
            let in_sight = below
                .components()
                .all(|part| matches!(part, std::path::Component::Normal(_)));
            (fits && in_sight).then(|| Self {
                version,
                home: Path::new(at).join(below),
                root: PathBuf::from(at),
            })
        })
    }

    /// The folder in which one can be made. With the newer interface groups that hand on a controller have no processes of
    /// their own: it is the first above that does.
    fn parent(&self, controller: Controller) -> Option<PathBuf> {
        match self.version {
            Version::V1 => Some(self.home.clone()),
            Version::V2 => {
                let up = self.home.ancestors();
                let mut up = up.take_while(|folder| folder.starts_with(&self.root));
                let hands_on = |folder: &&Path| {
                    std::fs::read_to_string(folder.join("cgroup.subtree_control"))
                        .is_ok_and(|on| on.split_whitespace().any(|c| c == controller.word()))
                };
                up.find(hands_on).map(Path::to_owned)
            }
        }
    }
}

/// A control group of a service's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::target) struct Folder {
    version: Version,
    controller: Controller,
    path: PathBuf,
}

impl Folder {
    /// Makes one, or takes the one that is there. The journal names it first.
    pub(super) fn make(
        controller: Controller,
        name: &str,
        journal: &Journal,
    ) -> Result<Self, String> {
        let read = |path| std::fs::read_to_string(path).map_err(|e| format!("{path}: {e}"));
        let (mounts, own) = (read("/proc/self/mountinfo")?, read("/proc/self/cgroup")?);
        let place = Place::of(controller, &mounts, &own);
        let place = place.ok_or_else(|| format!("no `{}` is mounted", controller.word()))?;
        let parent = place.parent(controller).ok_or_else(|| {
            let (word, home) = (controller.word(), place.home.display());
            format!("nobody above {home} hands on `{word}`")
        })?;
        Self::make_in(&place, &parent, controller, name, journal)
    }

    fn make_in(
        place: &Place,
        parent: &Path,
        controller: Controller,
        name: &str,
        journal: &Journal,
    ) -> Result<Self, String> {
        let path = parent.join(name);
        let say = |error: Error| format!("{}: {error}", path.display());
        // What can't be made need not be undone.
        rustix::fs::access(parent, rustix::fs::Access::WRITE_OK).map_err(|e| say(e.into()))?;
        let entry = Entry::Cgroup {
            path: path.clone(),
            home: place.home.clone(),
        };
        journal.write(&entry).map_err(|error| error.to_string())?;
        match std::fs::create_dir(&path) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(say(error)),
            _ => {}
        }
        let version = place.version;
        Ok(Self {
            version,
            controller,
            path,
        })
    }

    /// Takes the processes of a process group in, and with them what they start.
    pub(super) fn join(&self, group: i32) -> Result<(), String> {
        let file = self.path.join(PROCESSES);
        for _ in 0..WALKS {
            let inside = std::fs::read_to_string(&file).unwrap_or_default();
            let inside: Vec<i32> = inside.lines().filter_map(|pid| pid.parse().ok()).collect();
            let mut outside = procfs::group(group);
            outside.retain(|pid| !inside.contains(pid));
            if outside.is_empty() {
                break;
            }
            for pid in outside {
                match put(&file, &pid.to_string()) {
                    Err(error) if !procfs::ended(pid) => {
                        return Err(format!("process {pid} can't be moved: {error}"));
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// Lets all that is in it have a share of one core's time together; says who does it.
    pub(super) fn hold(&self, share: f64, period: Duration) -> Result<String, String> {
        let (share, period) = (period.mul_f64(share).as_micros(), period.as_micros());
        let held = match self.version {
            Version::V1 => v1::hold(&self.path, share, period),
            Version::V2 => v2::hold(&self.path, share, period),
        };
        held.map_err(|error| self.failed("take its share", &error))
    }

    /// Lets all that is in it have so much memory together; says who does it.
    pub(super) fn limit(&self, bytes: u64) -> Result<String, String> {
        let limited = match self.version {
            Version::V1 => v1::limit(&self.path, bytes),
            Version::V2 => v2::limit(&self.path, bytes),
        };
        limited.map_err(|error| self.failed("take its limit", &error))
    }

    /// Lets all that is in it have what there is.
    pub(super) fn let_go(&self) -> Result<(), String> {
        let gone = match (self.version, self.controller) {
            (Version::V1, Controller::Cpu) => v1::let_run(&self.path),
            (Version::V1, Controller::Memory) => v1::let_grow(&self.path),
            (Version::V2, Controller::Cpu) => v2::let_run(&self.path),
            (Version::V2, Controller::Memory) => v2::let_grow(&self.path),
        };
        gone.map_err(|error| self.failed("let go", &error))
    }

    fn failed(&self, what: &str, error: &Error) -> String {
        format!(
            "control group {} did not {what}: {error}",
            self.path.display()
        )
    }
}

/// The file that lists the processes of a group, and takes them in.
const PROCESSES: &str = "cgroup.procs";

/// Tells a file of a group something. One that is not there is not made.
fn put(file: &Path, text: &str) -> std::io::Result<()> {
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .truncate(true)
        .open(file)?;
    file.write_all(text.as_bytes())
}

/// Sends all that is in a group where it came from.
pub(in crate::target) fn empty(path: &Path, home: &Path) {
    let inside = std::fs::read_to_string(path.join(PROCESSES)).unwrap_or_default();
    for pid in inside.split_whitespace() {
        // One that has ended meanwhile is where it should be, and one that can't be sent shows when the folder stays.
        let _ = put(&home.join(PROCESSES), pid);
    }
}

#[cfg(test)]
mod tests;
