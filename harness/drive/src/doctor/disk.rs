//! How much room a folder's file system has.

use serde::Serialize;
use std::path::{Path, PathBuf};

/// A folder's file system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Space {
    /// The folder that was asked about; the one that is there, where it is not made yet.
    pub folder: PathBuf,
    /// Bytes that may be written there.
    pub free: u64,
    /// Bytes there are.
    pub total: u64,
}

/// `None` where nothing can be known.
pub(super) fn look(folder: &Path) -> Option<Space> {
    let folder = std::path::absolute(folder).ok()?;
    let there = folder.ancestors().find(|path| path.exists())?;
    let found = rustix::fs::statvfs(there).ok()?;
    Some(Space {
        folder: there.to_owned(),
        free: found.f_bavail.saturating_mul(found.f_frsize),
        total: found.f_blocks.saturating_mul(found.f_frsize),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_not_made_yet_has_the_room_of_the_one_it_will_lie_in() {
        let folder = tempfile::tempdir().unwrap();
        let found = look(&folder.path().join("reports/runs")).unwrap();
        assert_eq!(found.folder, folder.path());
        assert!(found.free <= found.total && found.total > 0, "{found:?}");
    }
}
