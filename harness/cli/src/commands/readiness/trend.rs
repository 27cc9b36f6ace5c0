//! The file of releases, `reports/releases.ndjson`: read, added to, and told of incidents. People edit it too, so a line that
//! can't be read is an error and never dropped.

use crate::error::CliError;
use crate::printer::Printer;
use crate::sources;
use harness_core::readiness::{Past, Release, read_trend};
use harness_report::store::{read_small_text, write_scanned};
use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The most that is read of it, bytes: a release has some hundred.
const LARGEST: u64 = 16 << 20;

/// Who changes it holds a lock on this, beside it.
const LOCK: &str = ".releases.lock";

/// Where it lies.
pub(super) fn file(suite: Option<&Path>) -> PathBuf {
    let root = sources::root(suite).unwrap_or_default();
    root.join("reports").join("releases.ndjson")
}

/// Its releases, oldest first; none without a file.
pub(super) fn read(file: &Path) -> Result<Vec<Past>, CliError> {
    let text = match read_small_text(file, LARGEST) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => {
            return Err(CliError::File {
                doing: "read",
                path: file.to_owned(),
                source,
            });
        }
    };
    read_trend(&text).map_err(|error| {
        let message = format!("failed to read {}: {error}", file.display());
        CliError::usage(
            message,
            "mend the line, or restore the file from version control",
        )
    })
}

/// Adds a release; of one that was judged before, what is said of incidents stays.
pub(super) fn record(file: &Path, release: &Release, printer: Printer) -> Result<(), CliError> {
    let Some(mut this) = Past::of(release) else {
        let hint = "`harness run --release NAME` says of which release a run is";
        return Err(CliError::usage(
            "only a release with a name can be recorded",
            hint,
        ));
    };
    let lock = locked(file)?;
    // Read again: others may have recorded theirs meanwhile.
    let mut past = read(file)?;
    if let Some(before) = past.iter().rev().find(|past| past.release == this.release) {
        this.incident = before.incident;
        this.note.clone_from(&before.note);
    }
    past.push(this);
    write(file, &past)?;
    drop(lock);
    printer.say(&format!("recorded in {}", file.display()));
    Ok(())
}

/// Says that an incident followed a release.
pub(super) fn incident(
    file: &Path,
    release: &str,
    note: &str,
    printer: Printer,
) -> Result<(), CliError> {
    // Of no release nothing can be said: neither a folder nor a lock is made for that.
    let lock = file.is_file().then(|| locked(file)).transpose()?;
    let mut past = read(file)?;
    let known = past
        .iter_mut()
        .rev()
        .find(|past| past.release.as_str() == release);
    let Some(known) = known else {
        let message = format!("{} has no release {release}", file.display());
        let hint = format!("`harness readiness --release {release} --record` adds it");
        return Err(CliError::usage(message, hint));
    };
    known.incident = Some(true);
    known.note = Some(note.trim().to_owned()).filter(|note| !note.is_empty());
    write(file, &past)?;
    drop(lock);
    printer.say(&format!(
        "an incident of {release} is told in {}",
        file.display()
    ));
    Ok(())
}

/// A lock on the file, once nobody else has it: what is read under it and written before it is dropped, nobody else changes.
/// It lies beside the file, which is replaced as a whole.
fn locked(file: &Path) -> Result<File, CliError> {
    let path = file.with_file_name(LOCK);
    let lock = || {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let lock = File::options().create(true).append(true).open(&path)?;
        lock.lock()?;
        Ok(lock)
    };
    lock().map_err(|source| CliError::File {
        doing: "lock",
        path: path.clone(),
        source,
    })
}

fn write(file: &Path, past: &[Past]) -> Result<(), CliError> {
    let lines = past
        .iter()
        .map(|past| serde_json::to_string(past).map(|line| line + "\n"));
    let text: String = lines
        .collect::<Result<_, _>>()
        .map_err(|error| CliError::Report(error.to_string()))?;
    write_scanned(file, &text, &[]).map_err(|error| CliError::Report(error.to_string()))
}
