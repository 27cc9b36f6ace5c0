//! Baselines on disk: one small file for each scenario of an accepted run, meant to be committed. Knows paths and files,
//! not what runs mean. `SCENARIO/KEY/RUN.baseline` under the folder, where KEY is the digest of workload and machine, so
//! that a laptop's and CI's lie side by side; a zstd frame of what [`Accepted::to_bytes`] makes. Whatever else lies there
//! is told, never skipped in silence; what begins with a dot is other tools' business, files in `calibration` have a reader
//! of their own.

mod part;

use crate::store::read_small;
use harness_core::verdict::regression::{Accepted, AcceptedError};
use part::{Half, part};
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// How a baseline's file ends.
const EXTENSION: &str = "baseline";
/// The folder whose files are calibrations.
const CALIBRATION: &str = "calibration";
/// zstd's level: files are written once and committed for good.
const LEVEL: i32 = 19;
/// The most that a file may hold once it is unpacked: far more than any run leaves.
const LARGEST: u64 = 64 << 20;
/// The most that it may be as it lies there, bytes: ours have some hundred thousand at most.
const LARGEST_PACKED: u64 = 16 << 20;

/// Why the folder of baselines can't be used.
#[derive(Debug, thiserror::Error)]
#[error("failed to {action} {}: {source}", path.display())]
pub struct BaselinesError {
    /// `read`, `write` …
    action: &'static str,
    /// What.
    path: PathBuf,
    /// Why.
    source: io::Error,
}

/// Something in the folder that can't be used.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Problem {
    /// Where.
    pub path: PathBuf,
    /// What is wrong with it.
    pub wrong: String,
    /// What to do.
    pub hint: String,
    /// Whether it may have been a baseline: what is compared without it may come out otherwise.
    pub broken: bool,
}

/// A baseline's file.
#[derive(Debug, Clone, PartialEq)]
pub struct Kept {
    /// Where.
    pub path: PathBuf,
    /// Its size, bytes.
    pub bytes: u64,
    /// What it holds.
    pub accepted: Accepted,
}

/// All that lies in the folder.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Found {
    /// Baselines, by scenario, key and run, which is by time.
    pub kept: Vec<Kept>,
    /// What can't be used.
    pub problems: Vec<Problem>,
}

/// The folder of baselines.
#[derive(Debug, Clone)]
pub struct Baselines {
    root: PathBuf,
}

impl Baselines {
    /// Those at a folder, `reports/baselines` by convention. Touches nothing yet.
    pub fn open(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Reads all. An absent folder has none.
    pub fn read(&self) -> Result<Found, BaselinesError> {
        let mut found = Found::default();
        for scenario in entries(&self.root)? {
            let name = file_name(&scenario);
            if !scenario.is_dir() {
                self.one(scenario, &mut found);
                continue;
            }
            for key in entries(&scenario)? {
                if !key.is_dir() {
                    // Files in there are calibrations; folders may be of a scenario of that name.
                    if name != CALIBRATION || is_ours(&key) {
                        self.one(key, &mut found);
                    }
                    continue;
                }
                for file in entries(&key)? {
                    self.one(file, &mut found);
                }
            }
        }
        found.kept.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(found)
    }

    fn one(&self, path: PathBuf, found: &mut Found) {
        if !is_ours(&path) || path.is_dir() {
            found.problems.push(foreign(path));
            return;
        }
        match read(&path) {
            Ok((bytes, accepted)) => {
                let meant = self.path(&accepted);
                if meant == path {
                    found.kept.push(Kept {
                        path,
                        bytes,
                        accepted,
                    });
                } else {
                    found.problems.push(Problem {
                        wrong: "it does not lie where it would be looked for".to_owned(),
                        hint: format!("move it to {}", meant.display()),
                        path,
                        broken: true,
                    });
                }
            }
            Err((wrong, hint)) => found.problems.push(Problem {
                path,
                wrong,
                hint,
                broken: true,
            }),
        }
    }

    /// Where a run's scenario is kept.
    pub fn path(&self, accepted: &Accepted) -> PathBuf {
        let place = accepted.sample.conditions();
        let file = format!("{}.{EXTENSION}", accepted.sample.run);
        self.root
            .join(place.scenario.as_str())
            .join(place.mark())
            .join(file)
    }

    /// Writes these, all of them or none; one of the same run is replaced. Of the same run the same bytes.
    pub fn write(&self, accepted: &[&Accepted]) -> Result<Vec<Kept>, BaselinesError> {
        self.sweep();
        let mut halves: Vec<Half> = Vec::new();
        let begun = accepted.iter().try_for_each(|one| {
            halves.push(self.begin(one)?);
            halves.last_mut().map_or(Ok(()), Half::write)
        });
        let mut done = 0;
        let written = begun.and_then(|()| {
            halves.iter().try_for_each(|half| {
                fs::rename(&half.part, &half.path).map_err(failed("write", &half.path))?;
                done += 1;
                Ok(())
            })
        });
        if let Err(error) = written {
            for (nth, half) in halves.iter().enumerate() {
                half.undo(nth < done);
                self.prune_above(&half.path);
            }
            return Err(error);
        }
        let kept = halves.into_iter().zip(accepted);
        let kept = kept.map(|(half, accepted)| Kept {
            bytes: half.bytes.len() as u64,
            path: half.path,
            accepted: (*accepted).clone(),
        });
        Ok(kept.collect())
    }

    /// Makes room for one, and its bytes.
    fn begin(&self, accepted: &Accepted) -> Result<Half, BaselinesError> {
        let path = self.path(accepted);
        let bytes = pack(&accepted.to_bytes()).map_err(failed("pack", &path))?;
        let folder = path.parent().unwrap_or(&self.root);
        fs::create_dir_all(folder).map_err(failed("create", folder))?;
        Ok(Half {
            part: part(&path),
            before: path.is_file().then(|| fs::read(&path).ok()).flatten(),
            path,
            bytes,
            held: None,
        })
    }

    /// Removes what a write that was killed left, in all folders of baselines.
    fn sweep(&self) {
        let within = |folder: &Path| entries(folder).unwrap_or_default();
        let scenarios = within(&self.root).into_iter();
        for key in scenarios.flat_map(|scenario| within(&scenario)) {
            part::sweep(&key);
        }
    }

    /// Removes one, and the folders that it leaves empty.
    pub fn remove(&self, kept: &Kept) -> Result<(), BaselinesError> {
        self.sweep();
        fs::remove_file(&kept.path).map_err(failed("remove", &kept.path))?;
        self.prune_above(&kept.path);
        Ok(())
    }

    /// Removes the folders above a file, of its scenario at most, that hold nothing.
    fn prune_above(&self, path: &Path) {
        let above = path.ancestors().skip(1).take(2);
        for folder in above {
            // One that holds something else stays.
            if fs::remove_dir(folder).is_err() {
                break;
            }
        }
    }
}

/// Whether a file is called as baselines are.
fn is_ours(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == EXTENSION)
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> BaselinesError {
    let path = path.to_owned();
    move |source| BaselinesError {
        action,
        path,
        source,
    }
}

/// What lies in a folder, sorted, hidden things aside.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, BaselinesError> {
    let list = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        list => list.map_err(failed("list", folder))?,
    };
    let paths = list.map(|entry| Ok(entry?.path()));
    let paths: io::Result<Vec<PathBuf>> = paths.collect();
    let mut paths = paths.map_err(failed("list", folder))?;
    paths.retain(|path| !file_name(path).starts_with('.'));
    paths.sort();
    Ok(paths)
}

fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

fn foreign(path: PathBuf) -> Problem {
    Problem {
        path,
        wrong: "it is no baseline".to_owned(),
        hint: "keep it elsewhere: only `harness baseline accept` writes here".to_owned(),
        broken: false,
    }
}

fn pack(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = zstd::Encoder::new(Vec::new(), LEVEL)?;
    encoder.include_checksum(true)?;
    io::Write::write_all(&mut encoder, bytes)?;
    encoder.finish()
}

/// A file's size and what it holds, or what is wrong with it and what to do.
fn read(path: &Path) -> Result<(u64, Accepted), (String, String)> {
    let again = "take it from version control again, or remove it and accept the run once more";
    let fail = |error: io::Error| (format!("it can't be read: {error}"), again.to_owned());
    let packed = read_small(path, LARGEST_PACKED).map_err(fail)?;
    let mut bytes = Vec::new();
    let unpacked = zstd::Decoder::new(packed.as_slice())
        .and_then(|decoder| decoder.take(LARGEST + 1).read_to_end(&mut bytes));
    unpacked.map_err(fail)?;
    if bytes.len() as u64 > LARGEST {
        let wrong = format!("it holds more than {} MiB", LARGEST >> 20);
        return Err((wrong, again.to_owned()));
    }
    match Accepted::from_bytes(&bytes) {
        Ok(accepted) => Ok((packed.len() as u64, accepted)),
        Err(error) => {
            let hint = match error {
                AcceptedError::Format { .. } => {
                    "use the version of harness that wrote it, or a newer one"
                }
                _ => again,
            };
            Err((error.to_string(), hint.to_owned()))
        }
    }
}

#[cfg(test)]
mod tests;
