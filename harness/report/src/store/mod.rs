//! Runs on disk: a folder a run, named by its id, never written twice. Knows paths and files, not what events mean.

mod calibrations;
mod line;
mod read;
mod recorded;
mod tick;
mod writer;

pub use calibrations::{CalibrationStore, Calibrations};
pub use read::{EventReader, ReadError, read};
pub use recorded::{Recorded, record};
pub use writer::{EventWriter, WriteError};

use crate::leak::{self, Leak, Secret};
use crate::series;
use harness_core::name::{Name, RunId};
use sha2::{Digest as _, Sha256};
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The events' file in a run's folder.
pub const EVENTS: &str = "events.ndjson.zst";
/// The same, unpacked by somebody.
const PLAIN: &str = "events.ndjson";

/// What was not written to for so long is not under way.
const RESTS: Duration = Duration::from_hours(1);

/// What went wrong with the folder of runs.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file system refused.
    #[error("failed to {action} {}: {source}", path.display())]
    Io {
        /// `create`, `write` …
        action: &'static str,
        /// What.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The run exists.
    #[error("failed to create the run {0}: its folder exists, and a run is never overwritten")]
    Exists(RunId),
    /// No run is meant by the text.
    #[error("no run `{text}` in {}: {known}", root.display())]
    Unknown {
        /// As typed.
        text: String,
        /// The folder of runs.
        root: PathBuf,
        /// What there is instead.
        known: String,
    },
    /// A folder is meant that is no run's.
    #[error("no run in {}: it has no {EVENTS}", .0.display())]
    NoEvents(PathBuf),
    /// Several runs are meant.
    #[error("`{text}` is the beginning of several runs: {}; write more of the id", several.join(", "))]
    Ambiguous {
        /// As typed.
        text: String,
        /// What it could be, at most five.
        several: Vec<String>,
    },
    /// A secret would be shown.
    #[error(transparent)]
    Leak(#[from] Leak),
}

fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    let path = path.to_owned();
    move |source| StoreError::Io {
        action,
        path,
        source,
    }
}

/// The events that a run's folder holds: as they were written, or unpacked where only that is there.
pub fn events_in(folder: &Path) -> PathBuf {
    let plain = folder.join(PLAIN);
    let written = folder.join(EVENTS);
    match !written.is_file() && plain.is_file() {
        true => plain,
        false => written,
    }
}

/// Reads a small file whole: nothing but a file, and none that is larger than it may be.
pub fn read_small(path: &Path, largest: u64) -> io::Result<Vec<u8>> {
    let refused = |why: String| Err(io::Error::new(io::ErrorKind::InvalidData, why));
    // Before it is opened: a pipe would be waited for.
    if !fs::metadata(path)?.is_file() {
        return refused(format!(
            "it is no regular file, and of those at most {largest} bytes are read"
        ));
    }
    let file = fs::File::open(path)?;
    let length = file.metadata()?.len();
    let mut bytes = Vec::new();
    if length <= largest {
        // It may grow meanwhile.
        file.take(largest + 1).read_to_end(&mut bytes)?;
    }
    match length.max(bytes.len() as u64) {
        length if length > largest => refused(format!(
            "it has {length} bytes, and at most {largest} are read"
        )),
        _ => Ok(bytes),
    }
}

/// The same of text.
pub fn read_small_text(path: &Path, largest: u64) -> io::Result<String> {
    let bytes = read_small(path, largest)?;
    String::from_utf8(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// The folder of runs.
#[derive(Debug, Clone)]
pub struct RunStore {
    root: PathBuf,
}

impl RunStore {
    /// The store at a folder, `reports/runs` by convention. Touches nothing yet.
    pub fn open(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Makes a new run's folder; refuses one that exists.
    pub fn create(&self, run: &RunId) -> Result<RunFolder, StoreError> {
        fs::create_dir_all(&self.root).map_err(io_error("create", &self.root))?;
        let folder = self.folder(run);
        match fs::create_dir(&folder.path) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                Err(StoreError::Exists(run.clone()))
            }
            made => made
                .map_err(io_error("create", &folder.path))
                .map(|()| folder),
        }
    }

    /// A run's folder, whether it exists or not. An id cannot name a path outside the store.
    pub fn folder(&self, run: &RunId) -> RunFolder {
        RunFolder {
            path: self.root.join(run.as_str()),
        }
    }

    /// The runs that have events, by id, which is by time. An absent store has none.
    pub fn list(&self) -> Result<Vec<RunId>, StoreError> {
        let entries = match fs::read_dir(&self.root) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(io_error("list", &self.root))?,
        };
        let mut runs: Vec<RunId> = entries
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .filter(|run| self.folder(run).recorded().is_file())
            .collect();
        runs.sort();
        Ok(runs)
    }

    /// Removes the oldest runs beyond a number, and answers with how many. Only folders that hold events count and go, and
    /// none that was written to within the last hour: it may be under way.
    pub fn keep(&self, newest: usize) -> Result<usize, StoreError> {
        let runs = self.list()?;
        let old = &runs[..runs.len().saturating_sub(newest)];
        let mut gone = 0;
        for folder in old.iter().map(|run| self.folder(run)) {
            let written = fs::metadata(folder.recorded()).and_then(|data| data.modified());
            let rests = written.is_ok_and(|at| at.elapsed().is_ok_and(|ago| ago > RESTS));
            if rests {
                fs::remove_dir_all(&folder.path).map_err(io_error("remove", &folder.path))?;
                gone += 1;
            }
        }
        Ok(gone)
    }

    /// Why no run can be meant.
    fn none(&self, hint: &str) -> String {
        let mut entries = fs::read_dir(&self.root).into_iter().flatten().flatten();
        match entries.any(|entry| entry.path().is_dir()) {
            true => format!("no run in it has an {EVENTS}"),
            false => format!("it is empty{hint}"),
        }
    }

    /// The newest run.
    pub fn latest(&self) -> Result<Option<RunId>, StoreError> {
        self.list().map(|mut runs| runs.pop())
    }

    /// The events meant by a `RUN` argument: `latest`, an id or a unique beginning of one, a run's folder, or a file
    /// of events.
    pub fn resolve(&self, text: &str) -> Result<PathBuf, StoreError> {
        let unknown = |known: String| StoreError::Unknown {
            text: text.to_owned(),
            root: self.root.clone(),
            known,
        };
        if text == "latest" {
            let latest = self
                .latest()?
                .ok_or_else(|| unknown(self.none("; `harness run` makes one")))?;
            return Ok(self.folder(&latest).recorded());
        }
        let path = Path::new(text);
        if path.is_file() {
            return Ok(path.to_owned());
        }
        let within = events_in(path);
        if !text.is_empty() && within.is_file() {
            return Ok(within);
        }
        let runs = self.list()?;
        let meant: Vec<_> = match runs.iter().find(|run| run.as_str() == text) {
            Some(exact) => vec![exact],
            None => runs
                .iter()
                .filter(|run| !text.is_empty() && run.as_str().starts_with(text))
                .collect(),
        };
        match meant.as_slice() {
            [run] => Ok(self.folder(run).recorded()),
            [] if !text.is_empty() && path.is_dir() => Err(StoreError::NoEvents(path.to_owned())),
            // Its folder is there by its id too.
            [] if text.parse::<RunId>().is_ok() && self.root.join(text).is_dir() => {
                Err(StoreError::NoEvents(self.root.join(text)))
            }
            [] => Err(unknown(runs.last().map_or_else(
                || self.none(""),
                |last| format!("the latest is {last}"),
            ))),
            several => Err(StoreError::Ambiguous {
                text: text.to_owned(),
                several: several.iter().take(5).map(ToString::to_string).collect(),
            }),
        }
    }
}

/// One run's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunFolder {
    path: PathBuf,
}

impl RunFolder {
    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder that holds a file of events, where its reports go.
    pub fn of(events: &Path) -> Self {
        Self {
            path: events.parent().unwrap_or(Path::new("")).to_owned(),
        }
    }

    /// The events that are there; of a run that is read.
    pub fn recorded(&self) -> PathBuf {
        events_in(&self.path)
    }

    /// The events as they are written.
    pub fn events(&self) -> PathBuf {
        self.path.join(EVENTS)
    }

    /// A report's file.
    pub fn report(&self, file: ReportFile) -> PathBuf {
        self.path.join(file.name())
    }

    /// Where the output of the target's services is kept; not made yet.
    pub fn output(&self) -> PathBuf {
        self.path.join("output")
    }

    /// A service's output.
    pub fn service_output(&self, service: &Name) -> PathBuf {
        self.output().join(format!("{service}.log"))
    }

    /// Writes the whole series of a scenario as a report is written, in their folder beside the page.
    pub fn write_series(
        &self,
        scenario: &str,
        text: &str,
        secrets: &[Secret],
    ) -> Result<PathBuf, StoreError> {
        let folder = self.path.join(series::FOLDER);
        fs::create_dir_all(&folder).map_err(io_error("create", &folder))?;
        let path = self.path.join(series::path(scenario));
        write_scanned(&path, text, secrets)?;
        Ok(path)
    }

    /// Writes a report whole or not at all, after the last scan for secrets; one that is there is replaced.
    pub fn write(
        &self,
        file: ReportFile,
        text: &str,
        secrets: &[Secret],
    ) -> Result<PathBuf, StoreError> {
        let path = self.report(file);
        write_scanned(&path, text, secrets)?;
        Ok(path)
    }
}

/// Writes a text anywhere, whole or not at all, after the last scan for secrets.
pub fn write_scanned(path: &Path, text: &str, secrets: &[Secret]) -> Result<(), StoreError> {
    leak::scan(text, secrets)?;
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    // Two processes may write the same file; each has a part of its own.
    let half = path.with_file_name(format!(".{name}.{}.part", std::process::id()));
    let written = fs::write(&half, text).and_then(|()| fs::rename(&half, path));
    written.map_err(|source| {
        // The cause is what counts; a part that cannot be removed either is overwritten by the next attempt.
        let _ = fs::remove_file(&half);
        io_error("write", path)(source)
    })
}

/// SHA-256 of a file's bytes, hex: what a report names its evidence by.
pub fn digest(path: &Path) -> Result<String, StoreError> {
    let fail = io_error("read", path);
    let mut hash = Sha256::new();
    let read = fs::File::open(path).and_then(|mut file| io::copy(&mut file, &mut hash));
    read.map_err(fail)?;
    Ok(hash
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

/// The reports of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportFile {
    /// The page.
    Html,
    /// For the CI server's test view.
    Junit,
    /// For a job's summary.
    Markdown,
    /// For programs.
    Json,
    /// For the list of runs.
    Card,
}

impl ReportFile {
    /// Its name in the run's folder.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Html => "report.html",
            Self::Junit => "junit.xml",
            Self::Markdown => "summary.md",
            Self::Json => "summary.json",
            Self::Card => crate::index::CARD,
        }
    }
}

#[cfg(test)]
mod tests;
