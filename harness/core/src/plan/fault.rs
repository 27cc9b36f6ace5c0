//! Faults as planned: what breaks, how, from when and for how long. Applying them is the driver's work.

use crate::name::Name;
use crate::units;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A fault on a scenario's timeline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FaultPlan {
    /// Names it in gates (`during = "…"`) and in the report; unique within the scenario.
    pub name: String,
    /// The link that breaks.
    pub link: Name,
    /// Start, from the scenario's first intended arrival.
    #[serde(with = "units::duration")]
    pub at: Duration,
    /// How long it lasts.
    #[serde(rename = "for", with = "units::duration")]
    pub lasts: Duration,
    /// How it breaks.
    pub kind: FaultKind,
}

/// How a link breaks. Both directions carry the fault where it makes sense; latency delays answers only, so that
/// `delay` is what a round trip gains.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// Each chunk of an answer is delayed by a uniform draw from `delay ± jitter`.
    Latency {
        /// The mean delay.
        #[serde(with = "units::duration")]
        delay: Duration,
        /// Half the width of the draw; zero for a constant delay.
        #[serde(with = "units::duration")]
        jitter: Duration,
    },
    /// Data is swallowed; the connection closes after this long (zero: never, until the fault is lifted).
    Timeout {
        /// Time until the close.
        #[serde(with = "units::duration")]
        after: Duration,
    },
    /// The connection is reset (RST) this long after its first data.
    Reset {
        /// Time until the reset.
        #[serde(with = "units::duration")]
        after: Duration,
    },
    /// Answers pass at this many bytes per second.
    Bandwidth {
        /// Bytes per second, at least 1000.
        bytes_per_second: u64,
    },
    /// The link is down: connections are refused, open ones end.
    Down,
}

impl FaultKind {
    /// The kind's word, as in the suite: `latency`, `timeout`, `reset`, `bandwidth`, `down`.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Latency { .. } => "latency",
            Self::Timeout { .. } => "timeout",
            Self::Reset { .. } => "reset",
            Self::Bandwidth { .. } => "bandwidth",
            Self::Down => "down",
        }
    }
}

impl std::fmt::Display for FaultKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Latency { delay, jitter } if jitter.is_zero() => {
                write!(f, "latency {}", units::format_duration(*delay))
            }
            Self::Latency { delay, jitter } => {
                write!(
                    f,
                    "latency {} ± {}",
                    units::format_duration(*delay),
                    units::format_duration(*jitter)
                )
            }
            Self::Timeout { after } if after.is_zero() => f.write_str("black hole"),
            Self::Timeout { after } => {
                write!(f, "timeout after {}", units::format_duration(*after))
            }
            Self::Reset { after } => write!(f, "reset after {}", units::format_duration(*after)),
            Self::Bandwidth { bytes_per_second } => {
                write!(f, "bandwidth {} kB/s", *bytes_per_second as f64 / 1000.0)
            }
            Self::Down => f.write_str("link down"),
        }
    }
}
