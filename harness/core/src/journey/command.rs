//! Steps that command the run itself. The interpreter only hands them on; whoever drives a functional run obeys.

use crate::plan::fault::{FaultKind, Reach, Site};
use serde::{Deserialize, Serialize};

/// A command to the run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Command {
    /// Breaks a link or a service until it is lifted or the journey ends.
    Arm {
        /// Names the fault within the journey.
        fault: String,
        /// What breaks.
        #[serde(flatten)]
        on: Site,
        /// How.
        kind: FaultKind,
        /// Which connections it meets.
        #[serde(flatten)]
        reach: Reach,
    },
    /// Lifts a fault armed earlier in the journey, by its name.
    Lift {
        /// The fault's name.
        fault: String,
    },
}
