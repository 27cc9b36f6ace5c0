//! The undo journal: what a run started, written and flushed before it can be forgotten. Read by the guardian when
//! the harness vanishes, and by `harness heal`.

use super::engine::Reach;
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// The environment variable every child carries; its value is the run's id. Whoever carries it belongs to the run,
/// grandchildren that left their group included.
pub const LABEL: &str = "HARNESS_RUN";

/// Something to be undone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "kebab-case")]
pub enum Entry {
    /// The run begins; processes labelled with its id are its own.
    Run {
        /// The run's id.
        run: String,
    },
    /// A process group was started. Named by its leader's pid and start time, so that a reused pid is never hit.
    Process {
        /// The service.
        service: String,
        /// Pid of the leader, which is also the group.
        pid: i32,
        /// Start time of the leader, clock ticks since boot.
        started: u64,
    },
    /// A process group is gone.
    Gone {
        /// Pid of its leader.
        pid: i32,
    },
    /// Proxies of this run's own on a Toxiproxy server, to be deleted; written before the first is made.
    Proxies {
        /// Its API.
        api: String,
        /// Their names.
        proxies: Vec<String>,
    },
    /// Toxics on a proxy that the user made, to be removed; written before the first is added.
    Toxics {
        /// The server's API.
        api: String,
        /// The proxy.
        proxy: String,
        /// Their names.
        toxics: Vec<String>,
    },
    /// A proxy that the user made is about to be disabled, and is to be enabled again.
    Down {
        /// The server's API.
        api: String,
        /// The proxy.
        proxy: String,
    },
    /// A proxy that the user made was enabled again.
    Up {
        /// The server's API.
        api: String,
        /// The proxy.
        proxy: String,
    },
    /// A control group, to be emptied and removed; written before it is made.
    Cgroup {
        /// Its folder.
        path: PathBuf,
        /// The folder of the group that its processes came from.
        home: PathBuf,
    },
    /// Containers, networks and volumes with the run's label, to be removed; written before the first is made.
    Containers {
        /// The run whose label they carry.
        run: String,
        /// Where the engine is.
        engine: Reach,
    },
    /// A folder to be removed.
    Folder {
        /// Absolute path.
        path: PathBuf,
    },
    /// Everything was undone; nothing is left to do.
    Clean,
}

/// Why the journal can't be kept. A run without one is not started.
#[derive(Debug, thiserror::Error)]
#[error("failed to write the undo journal {}: {source}; nothing was started that it should have named", path.display())]
pub struct JournalError {
    path: PathBuf,
    source: std::io::Error,
}

/// An open journal, shared by all that start things.
#[derive(Debug, Clone)]
pub struct Journal {
    path: PathBuf,
    file: Arc<Mutex<File>>,
}

impl Journal {
    /// Creates the journal of a run.
    pub fn create(path: &Path, run: &str) -> Result<Self, JournalError> {
        let fail = |source| JournalError {
            path: path.to_owned(),
            source,
        };
        let file = OpenOptions::new()
            .create_new(true)
            .append(true)
            .open(path)
            .map_err(fail)?;
        // Held as long as this process lives: a sweep that can't take it knows that the run is live.
        file.lock().map_err(fail)?;
        let journal = Self {
            path: path.to_owned(),
            file: Arc::new(Mutex::new(file)),
        };
        journal.write(&Entry::Run {
            run: run.to_owned(),
        })?;
        Ok(journal)
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes an entry and waits until it is on the disk.
    pub fn write(&self, entry: &Entry) -> Result<(), JournalError> {
        let fail = |source| JournalError {
            path: self.path.clone(),
            source,
        };
        let mut line = serde_json::to_vec(entry).map_err(|e| fail(e.into()))?;
        line.push(b'\n');
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(&line).map_err(fail)?;
        file.sync_data().map_err(fail)
    }
}

/// Writes behind a journal whose run is dead that everything was undone. A line that was cut in half ends first.
pub(super) fn close(mut file: &File) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(&Entry::Clean)?;
    line.insert(0, b'\n');
    line.push(b'\n');
    file.write_all(&line)?;
    file.sync_data()
}

/// Opens a journal to work through it. Whoever has it open can read it, and close it, when its folder is gone.
pub(super) fn open(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().read(true).append(true).open(path)
}

/// Reads a journal from its begin; a last line cut in half is passed over.
pub(super) fn read(mut file: &File) -> std::io::Result<Vec<Entry>> {
    let mut text = String::new();
    file.rewind()?;
    file.read_to_string(&mut text)?;
    Ok(text
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect())
}
