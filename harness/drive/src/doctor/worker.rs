//! Whether the program is there that plays loads in a process of its own. It lies beside the harness.

use rustix::fs::{Access, access};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// The program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Worker {
    /// Where it has to lie.
    pub path: PathBuf,
    /// Whether it does, and can be run.
    pub there: bool,
}

pub(super) fn look(path: &Path) -> Worker {
    Worker {
        path: path.to_owned(),
        there: path.is_file() && access(path, Access::EXEC_OK).is_ok(),
    }
}
