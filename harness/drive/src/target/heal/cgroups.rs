//! Undoes the control groups that a journal names: sends what is in them back, and removes their folders.

use super::{Healed, await_end};
use crate::target::journal::Entry;
use crate::target::pressure::cgroup;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

/// How long a folder whose processes have ended may take to be free of them.
const PATIENCE: Duration = Duration::from_secs(5);

/// Folders with where their processes came from, each once.
fn all(entries: &[Entry]) -> BTreeMap<&Path, &Path> {
    let groups = entries.iter().filter_map(|entry| match entry {
        Entry::Cgroup { path, home } => Some((path.as_path(), home.as_path())),
        _ => None,
    });
    let name = |path: &Path| path.file_name().and_then(OsStr::to_str).map(str::to_owned);
    groups
        .filter(|(path, _)| name(path).is_some_and(|name| name.starts_with(cgroup::PREFIX)))
        .collect()
}

/// Sends all that is in them back, so that it has the time to end.
pub(super) fn release(entries: &[Entry]) {
    for (path, home) in all(entries) {
        cgroup::empty(path, home);
    }
}

/// Removes them; what can't be is noted.
pub(super) fn remove(entries: &[Entry], healed: &mut Healed) {
    for (path, home) in all(entries) {
        let mut removed = Ok(());
        let gone = || {
            removed = std::fs::remove_dir(path);
            // Something may have been started in it while it was emptied.
            let stays = |error: &std::io::Error| error.kind() == ErrorKind::ResourceBusy;
            let stays = removed.as_ref().is_err_and(stays);
            if stays {
                cgroup::empty(path, home);
            }
            !stays
        };
        await_end(gone, PATIENCE);
        match removed {
            Ok(()) => healed.folders.push(path.to_owned()),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => {
                let text = format!(
                    "failed to remove the control group {}: {error}",
                    path.display()
                );
                healed.failed.push(text);
            }
        }
    }
}
