//! Faults in words: the suite's for each kind, and a sentence's for people.

use super::{Direction, FaultKind};
use crate::name::Name;
use crate::units;
use std::fmt;

impl FaultKind {
    /// The kind's word, as in the suite.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Latency { .. } => "latency",
            Self::Timeout { .. } => "timeout",
            Self::Reset { .. } => "reset",
            Self::Bandwidth { .. } => "bandwidth",
            Self::Down => "down",
            Self::SlowClose { .. } => "slow_close",
            Self::Limit { .. } => "limit",
            Self::Slice { .. } => "slice",
            Self::Loss { .. } => "loss",
            Self::Corrupt { .. } => "corrupt",
            Self::FailFirst { .. } => "fail_first",
            Self::Http(_) => "http",
            Self::Kill => "kill",
            Self::Pause => "pause",
            Self::Restart => "restart",
            Self::CrashLoop { .. } => "crash_loop",
            Self::Cpu { .. } => "cpu",
            Self::Memory { .. } => "memory",
            Self::Stop => "stop",
            Self::Disconnect => "disconnect",
            Self::Partition { .. } => "partition",
            Self::Packets { .. } => "packets",
            Self::DiskFull { .. } => "disk_full",
            Self::ReadOnly { .. } => "read_only",
            Self::Dns => "dns",
            Self::Deploy(_) => "deploy",
        }
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
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
            Self::SlowClose { delay } => {
                write!(f, "close after {}", units::format_duration(*delay))
            }
            Self::Limit { bytes } => write!(f, "limit {}", size(*bytes)),
            Self::Slice {
                size: bytes,
                variation,
                delay,
            } => {
                let vary = match variation {
                    0 => String::new(),
                    by => format!(" ± {}", size(*by)),
                };
                let delay = units::format_duration(*delay);
                write!(f, "slices of {}{vary} every {delay}", size(*bytes))
            }
            Self::Loss { share, stall } => write!(
                f,
                "loss {}, stalls of {}",
                percent(*share),
                units::format_duration(*stall)
            ),
            Self::Corrupt { share } => write!(f, "corrupt {}", percent(*share)),
            Self::Http(http) => http.fmt(f),
            Self::FailFirst { connections: 1 } => f.write_str("first connection reset"),
            Self::FailFirst { connections } => {
                write!(f, "first {connections} connections reset")
            }
            Self::Kill => f.write_str("killed"),
            Self::Pause => f.write_str("paused"),
            Self::Restart => f.write_str("restarted"),
            Self::Stop => f.write_str("stopped"),
            Self::Disconnect => f.write_str("disconnected"),
            Self::Partition { from, direction } => {
                let names: Vec<&str> = from.iter().map(Name::as_str).collect();
                let way = match direction {
                    Direction::Both => "",
                    Direction::In => ", packets to it",
                    Direction::Out => ", packets from it",
                };
                write!(f, "partitioned from {}{way}", names.join(" and "))
            }
            Self::Packets {
                loss,
                delay,
                jitter,
            } => {
                let delay = match (delay.is_zero(), jitter.is_zero()) {
                    (true, _) => None,
                    (false, true) => Some(units::format_duration(*delay)),
                    (false, false) => Some(format!(
                        "{} ± {}",
                        units::format_duration(*delay),
                        units::format_duration(*jitter)
                    )),
                };
                match (delay, *loss > 0.0) {
                    (Some(delay), true) => {
                        write!(f, "sends packets {delay} late and loses {}", percent(*loss))
                    }
                    (Some(delay), false) => write!(f, "sends packets {delay} late"),
                    (None, _) => write!(f, "loses {} of packets it sends", percent(*loss)),
                }
            }
            Self::DiskFull { path } => write!(f, "with {path} full"),
            Self::ReadOnly { path } => write!(f, "with {path} read-only"),
            Self::Dns => f.write_str("without name resolution"),
            Self::Deploy(deployment) => match &deployment.image {
                Some(image) => write!(f, "redeployed as {image}"),
                None => f.write_str("redeployed"),
            },
            Self::CrashLoop { every } => {
                write!(
                    f,
                    "killed {} after each start",
                    units::format_duration(*every)
                )
            }
            Self::Cpu { share } => {
                write!(f, "held to {} of its time", percent(*share))
            }
            Self::Memory { bytes } => {
                write!(f, "held to {} of memory", size(*bytes))
            }
        }
    }
}

/// `64 kB`.
pub(crate) fn size(bytes: u64) -> String {
    match bytes {
        0..1000 => format!("{bytes} B"),
        1000..1_000_000 => format!("{} kB", bytes as f64 / 1e3),
        _ => format!("{} MB", bytes as f64 / 1e6),
    }
}

/// `2%`.
pub(super) fn percent(share: f64) -> String {
    units::Share::of_one(share).map_or_else(String::new, |share| share.to_string())
}
