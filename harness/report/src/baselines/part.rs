//! A baseline on its way to its file: what is written into first, and what of that a process that was killed left behind.

use super::{BaselinesError, EXTENSION, failed, file_name};
use std::fs::{self, File, Metadata};
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// How a part's name ends.
const PART: &str = ".part";

/// A baseline that is written, and not in its place yet.
pub(super) struct Half {
    pub(super) path: PathBuf,
    /// What it is written into first.
    pub(super) part: PathBuf,
    pub(super) bytes: Vec<u8>,
    /// What the file held before.
    pub(super) before: Option<Vec<u8>>,
    /// Its lock says that somebody is at the part.
    pub(super) held: Option<File>,
}

impl Half {
    pub(super) fn write(&mut self) -> Result<(), BaselinesError> {
        let written = locked(&self.part).and_then(|mut file| {
            file.write_all(&self.bytes)?;
            Ok(file)
        });
        self.held = Some(written.map_err(failed("write", &self.path))?);
        Ok(())
    }

    /// Leaves things as they were, as far as that goes: what failed before it is what is told.
    pub(super) fn undo(&self, renamed: bool) {
        let _ = match (renamed, &self.before) {
            (false, _) => fs::remove_file(&self.part),
            (true, None) => fs::remove_file(&self.path),
            (true, Some(before)) => fs::write(&self.path, before),
        };
    }
}

/// What a file is written into first. Two processes may write the same one; each has a part of its own.
pub(super) fn part(path: &Path) -> PathBuf {
    let name = file_name(path);
    path.with_file_name(format!(".{name}.{}{PART}", std::process::id()))
}

/// An empty part whose lock is held. Where there are no locks nothing is ever swept.
fn locked(part: &Path) -> io::Result<File> {
    loop {
        // Not emptied before it is locked: in a folder that two machines share, a process of the other may have this number too.
        let mut options = File::options();
        let file = options
            .write(true)
            .create(true)
            .truncate(false)
            .open(part)?;
        let _ = file.lock();
        // Between the two it may have been swept, or put in its place by another.
        if is_at(&file, part)? {
            file.set_len(0)?;
            return Ok(file);
        }
    }
}

/// Whether a path leads to this very file.
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let own = file.metadata()?;
    let same = |there: Metadata| (there.dev(), there.ino()) == (own.dev(), own.ino());
    match fs::metadata(path) {
        Ok(there) => Ok(same(there)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Removes the parts in a folder that nobody writes: the lock of one that was killed went with it.
pub(super) fn sweep(folder: &Path) {
    let list = fs::read_dir(folder).into_iter().flatten().flatten();
    for part in list.map(|entry| entry.path()).filter(|path| is_part(path)) {
        // Held until it is removed, so that nobody begins to write it meanwhile.
        if let Ok(file) = File::options().write(true).open(&part)
            && file.try_lock().is_ok()
        {
            let _ = fs::remove_file(&part);
        }
    }
}

fn is_part(path: &Path) -> bool {
    let name = file_name(path);
    let rest = name.strip_prefix('.').and_then(|n| n.strip_suffix(PART));
    let of = rest.and_then(|rest| rest.rsplit_once('.'));
    of.is_some_and(|(file, _)| Path::new(file).extension().is_some_and(|e| e == EXTENSION))
}
