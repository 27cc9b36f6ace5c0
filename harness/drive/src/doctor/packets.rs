//! What the kernel can do to packets: tried, not guessed from its configuration. The engine's containers use this kernel
//! where the engine runs beside; elsewhere it says nothing of them.

use crate::target::hands::{self, order::Shaper};
use serde::Serialize;
use std::io::ErrorKind;

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Packets {
    /// The queueing discipline that loses and delays.
    pub netem: Tried,
    /// Rules on an interface's way out, which lose.
    pub nftables: Tried,
}

/// What came of a trial.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", content = "reason", rename_all = "kebab-case")]
pub enum Tried {
    /// It was done.
    Works,
    /// The kernel can't.
    Missing(String),
    /// It could not be tried.
    Unknown(String),
}

impl Packets {
    pub(super) fn unknown(reason: &str) -> Self {
        Self {
            netem: Tried::Unknown(reason.to_owned()),
            nftables: Tried::Unknown(reason.to_owned()),
        }
    }
}

pub(super) fn look() -> Packets {
    let tried = match hands::tried(&[Shaper::Netem, Shaper::Nftables]) {
        Ok(tried) => tried,
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            return Packets::unknown("only root may try");
        }
        Err(error) => return Packets::unknown(&error.to_string()),
    };
    let mut tried = tried.into_iter().map(|why_not| match why_not {
        None => Tried::Works,
        Some(reason) => Tried::Missing(reason),
    });
    let mut next = || {
        let next = tried.next();
        next.unwrap_or_else(|| Tried::Unknown("it was not tried".to_owned()))
    };
    Packets {
        netem: next(),
        nftables: next(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_tried_is_known_or_said_why_not_and_nothing_is_left() {
        // Of this thread, and what is in it.
        let network = || {
            let space = std::fs::read_link("/proc/thread-self/ns/net").unwrap();
            let links = std::fs::read_to_string("/proc/thread-self/net/dev").unwrap();
            let names = links.lines().filter_map(|line| line.split_once(':'));
            let own: Vec<String> = names.map(|(name, _)| name.trim().to_owned()).collect();
            (space, own.contains(&"lo".to_owned()))
        };
        let before = network();
        let found = look();
        for one in [&found.netem, &found.nftables] {
            match one {
                Tried::Works => {}
                Tried::Missing(reason) | Tried::Unknown(reason) => assert!(!reason.is_empty()),
            }
        }
        assert_eq!(network(), before, "it moved who asked");
        if rustix::process::geteuid().is_root() {
            let unknown = |tried: &Tried| matches!(tried, Tried::Unknown(_));
            assert_eq!(unknown(&found.netem), unknown(&found.nftables));
        }
    }
}
