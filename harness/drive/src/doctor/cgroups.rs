//! Control groups: their version, and which of their controllers this user may write.

use rustix::fs::{Access, access};
use serde::Serialize;
use std::path::Path;

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cgroups {
    /// 1 or 2; `None` where there are none.
    pub version: Option<u8>,
    /// The controllers that are looked for here and there, in the order of their names.
    pub controllers: Vec<Controller>,
}

/// A controller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Controller {
    /// Its name.
    pub name: String,
    /// Whether groups of it may be made.
    pub writable: bool,
}

/// What limits processor time and memory, and what counts processes.
const LOOKED_FOR: [&str; 3] = ["cpu", "memory", "pids"];

pub(super) fn look(root: &Path) -> Cgroups {
    let writable = |path: &Path| access(path, Access::WRITE_OK).is_ok();
    let unified = std::fs::read_to_string(root.join("cgroup.controllers"));
    let named = |name: &str, writable| Controller {
        name: name.to_owned(),
        writable,
    };
    if let Ok(there) = unified {
        // A controller is passed on only by a group whose own switch may be written.
        let may = writable(&root.join("cgroup.subtree_control"));
        let there: Vec<_> = there.split_whitespace().collect();
        let found = LOOKED_FOR.into_iter().filter(|name| there.contains(name));
        return Cgroups {
            version: Some(2),
            controllers: found.map(|name| named(name, may)).collect(),
        };
    }
    let folders = LOOKED_FOR.map(|name| (name, root.join(name)));
    let found = folders.iter().filter(|(_, folder)| folder.is_dir());
    let controllers: Vec<_> = found
        .map(|(name, folder)| named(name, writable(folder)))
        .collect();
    Cgroups {
        version: (!controllers.is_empty()).then_some(1),
        controllers,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(found: &Cgroups) -> Vec<&str> {
        found.controllers.iter().map(|c| c.name.as_str()).collect()
    }

    #[test]
    fn versions_are_told_apart_by_what_lies_there() {
        let folder = tempfile::tempdir().unwrap();
        let none = look(folder.path());
        assert_eq!((none.version, names(&none)), (None, vec![]));
        for name in ["cpu", "memory", "blkio"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        let first = look(folder.path());
        assert_eq!(
            (first.version, names(&first)),
            (Some(1), vec!["cpu", "memory"])
        );
        std::fs::write(folder.path().join("cgroup.controllers"), "io memory pids\n").unwrap();
        std::fs::write(folder.path().join("cgroup.subtree_control"), "").unwrap();
        let second = look(folder.path());
        assert_eq!(
            (second.version, names(&second)),
            (Some(2), vec!["memory", "pids"])
        );
        assert!(second.controllers.iter().all(|c| c.writable));
    }
}
