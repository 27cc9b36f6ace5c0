//! How many files this process may have open, which is how many connections a load may have.

use rustix::process::{Resource, getrlimit};
use serde::Serialize;

/// The limits; `None` for no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Files {
    /// The one that is in force.
    pub now: Option<u64>,
    /// What a load may raise it to by itself.
    pub at_most: Option<u64>,
}

pub(super) fn look() -> Files {
    let limit = getrlimit(Resource::Nofile);
    Files {
        now: limit.current,
        at_most: limit.maximum,
    }
}
