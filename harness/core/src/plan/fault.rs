//! Faults as planned: what breaks, how, from when and for how long. Applying them is the driver's work.

mod http;
mod words;

pub use http::{HttpAction, HttpAnswer, HttpFault};
use words::percent;
pub(crate) use words::size;

use crate::expr::gate::{GateExpr, Unit};
use crate::name::Name;
use crate::template::Text;
use crate::units;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
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
    /// Whom it meets, and what it becomes.
    #[serde(flatten)]
    pub reach: Reach,
    /// What must hold while it grows: as far as they do, it is tolerated.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tolerates: Vec<GateExpr>,
}

impl FaultPlan {
    /// What the fault does, for people: `latency 800ms on payments`, `payments killed`.
    pub fn what(&self) -> String {
        self.on.broken(&self.kind, &self.reach)
    }

    /// The fault as it is applied.
    pub const fn strike(&self) -> Strike<'_> {
        Strike {
            on: &self.on,
            kind: &self.kind,
            reach: &self.reach,
            over: self.lasts,
        }
    }
}

/// A number of a fault that goes from one end to the other while it lasts.
#[derive(Debug, Clone, PartialEq)]
pub struct Ramp {
    /// At its begin.
    pub from: f64,
    /// At its end.
    pub to: f64,
    /// The unit of both: seconds, bytes, a share, bytes per second.
    pub unit: Unit,
}

impl Ramp {
    /// The unit of bandwidths.
    pub const PER_SECOND: &'static str = "B/s";

    /// A magnitude of it, as people write one: `180ms`, `64 kB/s`.
    pub fn show(&self, magnitude: f64) -> String {
        match &self.unit {
            // A time on a ramp is known to the windows' second, not to the nanosecond.
            Unit::Seconds => units::format_duration(Duration::from_millis(
                (magnitude * 1e3).round().max(0.0) as u64,
            )),
            Unit::Named(word) if word == Self::PER_SECOND => {
                format!("{} kB/s", (magnitude / 100.0).round() / 10.0)
            }
            unit => crate::verdict::show(magnitude, unit),
        }
    }
}

impl FaultPlan {
    /// The one number of it that goes from one end to the other; `None` where none does, or several do.
    pub fn ramp(&self) -> Option<Ramp> {
        let to = self.reach.to.as_ref()?;
        let numbers = self.kind.numbers().into_iter().zip(to.numbers());
        let mut moving = numbers.filter(|((from, _), (to, _))| from != to);
        let ((from, unit), (to, _)) = moving.next()?;
        moving.next().is_none().then_some(Ramp { from, to, unit })
    }
}

/// Whom a fault on a link meets, and what it becomes while it lasts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reach {
    /// What it is at its end: the same kind, its numbers gone there in a straight line. `None` for one that stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<FaultKind>,
    /// Share of connections it works on, above 0 to 1; drawn for each connection.
    #[serde(default = "whole", skip_serializing_if = "is_whole")]
    pub share: f64,
    /// Only connections from these addresses and networks; empty for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clients: Vec<String>,
}

impl Default for Reach {
    fn default() -> Self {
        Self {
            to: None,
            share: whole(),
            clients: Vec::new(),
        }
    }
}

const fn whole() -> f64 {
    1.0
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde's skip_serializing_if passes a reference"
)]
fn is_whole(share: &f64) -> bool {
    *share >= 1.0
}

impl std::fmt::Display for Reach {
    /// What follows the fault in a sentence; nothing for all connections.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if !is_whole(&self.share) {
            write!(f, ", {} of connections", percent(self.share))?;
        }
        match self.clients.as_slice() {
            [] => Ok(()),
            clients => write!(f, ", from {}", clients.join(" and ")),
        }
    }
}

/// A fault as it is applied.
#[derive(Debug, Clone, Copy)]
pub struct Strike<'f> {
    /// What breaks.
    pub on: &'f Site,
    /// How.
    pub kind: &'f FaultKind,
    /// Whom it meets, and what it becomes.
    pub reach: &'f Reach,
    /// How long it takes to become that.
    pub over: Duration,
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
    pub fn broken(&self, kind: &FaultKind, reach: &Reach) -> String {
        let to = reach.to.as_ref().map_or_else(String::new, |to| {
            let to = to.to_string();
            let same = format!("{} ", kind.word());
            format!(" to {}", to.strip_prefix(&same).unwrap_or(&to))
        });
        match self {
            Self::Link(link) => format!("{kind}{to} on {link}{reach}"),
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
    /// An answer's end, and the close after it, come this much later than the rest.
    SlowClose {
        /// Time until the close.
        #[serde(with = "units::duration")]
        delay: Duration,
    },
    /// The connection closes once this much of answers has passed.
    Limit {
        /// Bytes of answers on one connection.
        bytes: u64,
    },
    /// Answers come in slices.
    Slice {
        /// Bytes of a slice on average, above zero.
        size: u64,
        /// By how much it varies; below `size`.
        variation: u64,
        /// Time between two slices.
        #[serde(with = "units::duration")]
        delay: Duration,
    },
    /// Chunks of answers are lost as TCP feels it: one that is, and all behind it, wait; twice as long if it is lost again.
    Loss {
        /// Share of chunks, above 0 to 1.
        share: f64,
        /// How long the first wait is.
        #[serde(with = "units::duration")]
        stall: Duration,
    },
    /// One byte of a chunk of an answer is another.
    Corrupt {
        /// Share of chunks, above 0 to 1.
        share: f64,
    },
    /// The first connections opened under it are reset; all after them pass.
    FailFirst {
        /// How many.
        connections: u64,
    },
    /// Something becomes of requests, on a link that carries plain HTTP.
    Http(Box<HttpFault>),
    /// The service is killed (KILL to its process group), and started again when the fault is lifted.
    Kill,
    /// The service is stopped where it stands (STOP to its process group), and goes on (CONT) when the fault is lifted.
    Pause,
    /// The service is killed and started again at once.
    Restart,
    /// The service is killed and started, again and again, until the fault is lifted.
    CrashLoop {
        /// From each start to the next kill.
        #[serde(with = "units::duration")]
        every: Duration,
    },
    /// The service is held to a share of its time.
    Cpu {
        /// The share it runs for, 0.05 to 0.95.
        share: f64,
    },
    /// The service is asked to end (TERM, and KILL when its time for that is over), and started again when the fault is
    /// lifted.
    Stop,
    /// The service's container is cut off from the run's network, and connected again under its names when the fault is lifted.
    Disconnect,
    /// Packets between the service and others are dropped without a word; the links between them swallow theirs too.
    Partition {
        /// The other services; not empty.
        from: Vec<Name>,
        /// Which packets.
        direction: Direction,
    },
    /// Packets that the service's container sends are lost or delayed.
    Packets {
        /// Share of packets that are lost, 0 to 1.
        loss: f64,
        /// How much later they are sent.
        #[serde(with = "units::duration")]
        delay: Duration,
        /// Half the width of the draw around `delay`; zero for a constant one.
        #[serde(with = "units::duration")]
        jitter: Duration,
    },
    /// A volume of the service's is full.
    DiskFull {
        /// Its path in the container.
        path: String,
    },
    /// A volume of the service's takes no writes.
    ReadOnly {
        /// Its path in the container.
        path: String,
    },
    /// The service's container can resolve no names.
    Dns,
    /// The service is replaced while load runs: a new one is started, waited for, switched to, the old one drained and
    /// stopped. When the fault is lifted the same is done backwards: a roll-back.
    Deploy(Box<Deployment>),
    /// The service may have no more memory than this; what is counted is the affair of who limits it.
    Memory {
        /// Bytes.
        bytes: u64,
    },
}

/// Which packets of a partition are dropped, as the service named by the fault sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// All.
    Both,
    /// Those it is sent.
    In,
    /// Those it sends.
    Out,
}

/// What a service is replaced by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Deployment {
    /// The new image; `None`: the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// The new program and arguments; empty: the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<Text>,
    /// Environment that differs.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, Text>,
    /// How long the old one still serves the connections it has, before it is stopped.
    #[serde(with = "units::duration")]
    pub drain: Duration,
}

impl FaultKind {
    /// Its numbers in the order they are declared, each in its base unit.
    fn numbers(&self) -> Vec<(f64, Unit)> {
        let time = |time: &Duration| (time.as_secs_f64(), Unit::Seconds);
        let bytes = |bytes: &u64| (*bytes as f64, Unit::Bytes);
        match self {
            Self::Latency { delay, jitter } => vec![time(delay), time(jitter)],
            Self::Timeout { after } | Self::Reset { after } => vec![time(after)],
            Self::Bandwidth { bytes_per_second } => {
                let unit = Unit::Named(Ramp::PER_SECOND.to_owned());
                vec![(*bytes_per_second as f64, unit)]
            }
            Self::SlowClose { delay } => vec![time(delay)],
            Self::Limit { bytes: limit } => vec![bytes(limit)],
            Self::Slice {
                size,
                variation,
                delay,
            } => vec![bytes(size), bytes(variation), time(delay)],
            Self::Loss { share, stall } => vec![(*share, Unit::Share), time(stall)],
            Self::Corrupt { share } => vec![(*share, Unit::Share)],
            Self::FailFirst { connections } => vec![(*connections as f64, Unit::Plain)],
            Self::CrashLoop { every } => vec![time(every)],
            Self::Cpu { share } => vec![(*share, Unit::Share)],
            Self::Memory { bytes: limit } => vec![bytes(limit)],
            Self::Http(http) => match &http.action {
                HttpAction::Delay { delay } => vec![time(delay)],
                HttpAction::Truncate { bytes: body } => vec![bytes(body)],
                HttpAction::Rate { rate, .. } => vec![(*rate as f64, Unit::PerSecond)],
                _ => Vec::new(),
            },
            Self::Packets {
                loss,
                delay,
                jitter,
            } => vec![(*loss, Unit::Share), time(delay), time(jitter)],
            Self::Down
            | Self::Kill
            | Self::Pause
            | Self::Restart
            | Self::Stop
            | Self::Disconnect
            | Self::Partition { .. }
            | Self::DiskFull { .. }
            | Self::ReadOnly { .. }
            | Self::Dns
            | Self::Deploy(_) => Vec::new(),
        }
    }

    /// Whether it needs the service to run in a container.
    pub const fn of_container(&self) -> bool {
        matches!(
            self,
            Self::Disconnect
                | Self::Partition { .. }
                | Self::Packets { .. }
                | Self::DiskFull { .. }
                | Self::ReadOnly { .. }
                | Self::Dns
        )
    }

    /// Whether it breaks a service; the others break a link.
    pub const fn of_service(&self) -> bool {
        matches!(
            self,
            Self::Kill
                | Self::Pause
                | Self::Restart
                | Self::CrashLoop { .. }
                | Self::Cpu { .. }
                | Self::Memory { .. }
                | Self::Stop
                | Self::Deploy(_)
        ) || self.of_container()
    }
}
