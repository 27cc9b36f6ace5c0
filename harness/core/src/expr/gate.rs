//! Gate expressions: `p99(checkout) < 2s`, `error_rate < 0.1%`, `recovery < 5s`, `rate >= 950/s`.

use crate::name::{Name, RequestName};
use crate::units::Quantile;

/// A parsed gate expression.
#[derive(Debug, Clone, PartialEq)]
pub struct GateExpr {
    /// What is measured.
    pub subject: GateSubject,
    /// How it is compared.
    pub op: Comparison,
    /// Against what, in the subject's base unit: microseconds, a share of one, or per second.
    pub limit: f64,
}

/// What a gate measures. Without a name: all journeys of the load together.
#[derive(Debug, Clone, PartialEq)]
pub enum GateSubject {
    /// `p99`, `p99(checkout)`, `p99(checkout/pay)`, `mean(…)`, `max(…)`: response time, from the intended time.
    Latency {
        /// Which figure of the distribution.
        stat: Stat,
        /// Of which journey or step.
        name: Option<RequestName>,
    },
    /// `service_p99(…)`: the same of service time, from the send.
    Service {
        /// Which figure of the distribution.
        stat: Stat,
        /// Of which journey or step.
        name: Option<RequestName>,
    },
    /// `rate`: completed without error, per second.
    Rate(Option<RequestName>),
    /// `error_rate`: share of transport failures and failed expectations.
    ErrorRate(Option<RequestName>),
    /// `availability`: share of one-second windows with arrivals in which at least half of them succeeded.
    Availability(Option<RequestName>),
    /// `dropped`: share of planned arrivals that never started.
    Dropped(Option<RequestName>),
    /// `rate_missed`: by what share fewer journeys went out than the schedule meant to, all journeys together. An arrival
    /// that waits for a connection has not gone out; one that goes out later counts then.
    RateMissed,
    /// `recovery`, `recovery(fault name)`: from the fault's lifting until the tail is back inside the band it had
    /// before; without a name the slowest of the scenario's faults.
    Recovery(Option<String>),
    /// `capacity`: the highest rate that a search found the target to carry, journey starts per second.
    Capacity,
    /// `effect(p95(checkout))`: how many times the figure of the control's same seconds it is; of an `error_rate`, by how
    /// much the share is higher.
    Effect(Box<GateSubject>),
    /// `probe.NAME`: the value of a probe of the target's own metrics.
    Probe {
        /// Which.
        name: Name,
        /// The unit of its figures, as the limit is written.
        unit: Unit,
    },
}

/// A figure of a distribution.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Stat {
    /// A quantile.
    Quantile(Quantile),
    /// The mean.
    Mean,
    /// The largest.
    Max,
}

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
}

/// The unit of a subject's figures.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Microseconds; written as a duration.
    Micros,
    /// A share of one; written as a percentage.
    Share,
    /// Per second; written as a rate.
    PerSecond,
    /// Seconds; written as a duration.
    Seconds,
    /// Bytes.
    Bytes,
    /// No unit.
    Plain,
    /// Anything else, by its word.
    Named(String),
}
