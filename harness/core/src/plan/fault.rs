//! Faults as planned: what breaks, how, from when and for how long. Applying them is the driver's work.

use crate::expr::gate::GateExpr;
use crate::name::Name;
use crate::units;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A fault on a scenario's timeline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FaultPlan {
    /// Names it in gates (`during = "…"`) and in the report; unique within the scenario but for its turns.
    pub name: String,
    /// Which time it strikes, from 1: a fault that is repeated is several of one name, one after another.
    #[serde(
        default = "crate::event::first",
        skip_serializing_if = "crate::event::is_first"
    )]
    pub turn: u32,
    /// What breaks: `"link": "payments"` or `"service": "payments"` in JSON.
    #[serde(flatten)]
    pub on: Site,
    /// What fires it, once, over the last seconds of load; all its turns are timed from then on. `None`: nothing needs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<GateExpr>,
    /// Start, from the scenario's first intended arrival, or from what fires it.
    #[serde(with = "units::duration")]
    pub at: Duration,
    /// How long it lasts.
    #[serde(rename = "for", with = "units::duration")]
    pub lasts: Duration,
    /// How it breaks.
    pub kind: FaultKind,
}

impl FaultPlan {
    /// What the fault does, for people: `latency 800ms on payments`, `payments killed`.
    pub fn what(&self) -> String {
        self.on.broken(&self.kind)
    }
}

/// A fault in a sentence: ``fault `slow` ``, ``turn 2 of fault `slow` ``.
pub fn told(name: &str, turn: u32) -> String {
    match turn {
        1 => format!("fault `{name}`"),
        turn => format!("turn {turn} of fault `{name}`"),
    }
}

/// What a fault breaks.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Site {
    /// A link, by name.
    Link(Name),
    /// A service, by name.
    Service(Name),
}

impl Site {
    /// What a fault of a kind does here, for people: `latency 800ms on payments`, `payments killed`.
    pub fn broken(&self, kind: &FaultKind) -> String {
        match self {
            Self::Link(link) => format!("{kind} on {link}"),
            Self::Service(service) => format!("{service} {kind}"),
        }
    }
}

impl std::fmt::Display for Site {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Link(name) => write!(f, "link `{name}`"),
            Self::Service(name) => write!(f, "service `{name}`"),
        }
    }
}

/// How a link or a service breaks. Links: both directions carry the fault where it makes sense; latency delays answers only, so that
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
    /// The service is killed (KILL to its process group), and started again when the fault is lifted.
    Kill,
    /// The service is stopped where it stands (STOP to its process group), and goes on (CONT) when the fault is lifted.
    Pause,
}

impl FaultKind {
    /// The kind's word, as in the suite: `latency`, `timeout`, `reset`, `bandwidth`, `down`, `kill`, `pause`.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Latency { .. } => "latency",
            Self::Timeout { .. } => "timeout",
            Self::Reset { .. } => "reset",
            Self::Bandwidth { .. } => "bandwidth",
            Self::Down => "down",
            Self::Kill => "kill",
            Self::Pause => "pause",
        }
    }

    /// Whether it breaks a service; the others break a link.
    pub const fn of_service(&self) -> bool {
        matches!(self, Self::Kill | Self::Pause)
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
            Self::Kill => f.write_str("killed"),
            Self::Pause => f.write_str("paused"),
        }
    }
}
