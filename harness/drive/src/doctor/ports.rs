//! Ephemeral ports: each connection of a load to one address takes one.

use crate::ports_in_use;
use serde::Serialize;

/// How many there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Ports {
    /// In use now.
    pub used: u64,
    /// Of so many.
    pub available: u64,
}

/// `None` where nothing is known.
pub(super) fn look() -> Option<Ports> {
    let found = ports_in_use::now();
    (!found.unknown()).then_some(Ports {
        used: found.used,
        available: found.available,
    })
}
