//! Steps that command the run itself. The interpreter only hands them on; whoever drives a functional run obeys.

use crate::name::Name;
use crate::plan::fault::FaultKind;
use serde::{Deserialize, Serialize};

/// A command to the run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Command {
    /// Breaks a link until it is lifted or the journey ends.
    Arm {
        /// Names the fault within the journey.
        fault: String,
        /// The link that breaks.
        link: Name,
        /// How.
        kind: FaultKind,
    },
    /// Lifts a fault armed earlier in the journey, by its name.
    Lift {
        /// The fault's name.
        fault: String,
    },
}
