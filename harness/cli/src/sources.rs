//! The only reader of a suite's files: finds the root, reads the texts, hands them to `core` with their names. What can't
//! be read becomes a finding there, not an error here.

use crate::error::CliError;
use crate::rows::{self, Unusable};
use harness_core::data::{Format, HELD_LIMIT};
use harness_core::suite::{Reference, Sources, references};
use std::path::{Path, PathBuf};

/// Files of one kind a suite may have; a folder with more is a mistake, not a suite.
const MANY: usize = 5_000;

/// A suite's texts and where they were found.
pub(crate) struct Found {
    /// The folder of harness.toml.
    pub(crate) root: PathBuf,
    /// The texts.
    pub(crate) sources: Sources,
}

/// Finds the suite's root: `-C`, or the nearest folder upwards with a harness.toml.
pub(crate) fn root(chosen: Option<&Path>) -> Result<PathBuf, CliError> {
    let from = match chosen {
        Some(folder) => folder.to_owned(),
        None => std::env::current_dir().map_err(|source| CliError::File {
            doing: "read",
            path: ".".into(),
            source,
        })?,
    };
    let from = std::path::absolute(&from).unwrap_or(from);
    if chosen.is_some() {
        if from.is_file() {
            let parent = from.parent().unwrap_or(&from).display();
            let message = format!("-C names a folder, and {} is a file", from.display());
            let hint = match from.ends_with("harness.toml") {
                true => format!("name the folder it lies in: -C {parent}"),
                false => "name the folder that harness.toml lies in".to_owned(),
            };
            return Err(CliError::usage(message, hint));
        }
        let there = from.join("harness.toml").exists();
        return if there {
            Ok(from)
        } else {
            let upwards = false;
            Err(CliError::NoSuite { from, upwards })
        };
    }
    let found = from
        .ancestors()
        .find(|folder| folder.join("harness.toml").exists())
        .map(Path::to_owned);
    let upwards = true;
    found.ok_or(CliError::NoSuite { from, upwards })
}

/// Reads a suite: harness.toml, scenarios, journeys, features, and what they refer to. Of large data files, where their
/// rows stand.
pub(crate) fn read(chosen: Option<&Path>) -> Result<Found, CliError> {
    let root = root(chosen)?;
    let mut names = vec!["harness.toml".to_owned()];
    collect(&root, "scenarios", "toml", 2, &mut names);
    collect(&root, "features", "feature", 8, &mut names);
    names.truncate(MANY);
    let mut sources = Sources::new();
    for name in &names {
        add(&root, name, &mut sources);
    }
    for (name, what) in references(&sources) {
        match Format::of(&name) {
            Some(format) if what == Reference::Data && large(&root.join(&name)) => {
                add_rows(&root, &name, format, &mut sources);
            }
            _ => add(&root, &name, &mut sources),
        }
    }
    Ok(Found { root, sources })
}

/// Reads harness.toml alone.
pub(crate) fn config(chosen: Option<&Path>) -> Result<Found, CliError> {
    let root = root(chosen)?;
    let mut sources = Sources::new();
    add(&root, "harness.toml", &mut sources);
    Ok(Found { root, sources })
}

/// Names of files with an extension under a folder, `/` separated, sorted, at most `depth` folders deep.
fn collect(root: &Path, folder: &str, extension: &str, depth: usize, names: &mut Vec<String>) {
    let Ok(entries) = std::fs::read_dir(root.join(folder)) else {
        return;
    };
    let mut entries: Vec<_> = entries.filter_map(Result::ok).collect();
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        let path = format!("{folder}/{name}");
        let ours = Path::new(&name).extension().is_some_and(|e| e == extension);
        // A folder that is named like a file is told as one that can't be read. A link is followed once, by the system;
        // a loop of links ends at the depth.
        if entry.path().is_dir() && !ours {
            if depth > 1 {
                collect(root, &path, extension, depth - 1, names);
            }
        } else if ours && names.len() < MANY {
            names.push(path);
        }
    }
}

/// Whether a data file's rows stay in it.
fn large(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|data| data.is_file() && data.len() > HELD_LIMIT)
}

fn add_rows(root: &Path, name: &str, format: Format, sources: &mut Sources) {
    match rows::open(&root.join(name), name, format) {
        Ok(found) => sources.add_streamed(name, Ok(found)),
        Err(Unusable::Broken(problems)) => sources.add_streamed(name, Err(problems)),
        Err(Unusable::Io(error)) => sources.unreadable(name, error),
    }
}

fn add(root: &Path, name: &str, sources: &mut Sources) {
    let path = root.join(name);
    match std::fs::metadata(&path) {
        // A document that is not there is told where the suite names it.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && name != "harness.toml" => {}
        Err(error) => sources.unreadable(name, error),
        Ok(data) if !data.is_file() => {
            sources.unreadable(name, "it is a folder or a device, not a file");
        }
        Ok(data) if data.len() > Sources::limit(name) => sources.too_large(name, data.len()),
        Ok(_) => match std::fs::read(&path) {
            Ok(bytes) => sources.add(name, bytes),
            Err(error) => sources.unreadable(name, error),
        },
    }
}
