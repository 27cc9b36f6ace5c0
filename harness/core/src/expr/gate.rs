//! Gate expressions: `p99(checkout) < 2s`, `error_rate < 0.1%`, `recovery < 5s`, `rate >= 950/s`.

use crate::name::{Name, RequestName};
use crate::units::Quantile;

/// The word of a factor's unit.
pub(super) const TIMES: &str = "x";

/// A parsed gate expression.
#[derive(Debug, Clone, PartialEq)]
pub struct GateExpr {
    /// What is measured.
    pub subject: GateSubject,
    /// How it is compared.
    pub op: Comparison,
    /// Against what, in the subject's base unit: microseconds, a share of one, per second, or a count.
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
    /// `lost`: how many ended badly, by a transport failure or a failed expectation.
    Lost(Option<RequestName>),
    /// `availability`: share of one-second windows with arrivals in which at least half of them succeeded.
    Availability(Option<RequestName>),
    /// `dropped`: share of planned arrivals that never started.
    Dropped(Option<RequestName>),
    /// `rate_missed`: by what share fewer journeys went out than the schedule meant to, all journeys together. An arrival
    /// that waits for a connection has not gone out; one that goes out later counts then.
    RateMissed,
    /// `recovery`, `detection(fault name)` …: a figure of a fault; without a name the worst of the scenario's faults.
    OfFault {
        /// Which figure.
        figure: FaultFigure,
        /// Of which fault.
        fault: Option<String>,
    },
    /// `amplification(link)`, `gives_up(link)`: what the service that uses a link did while a fault struck it; without a
    /// name the worst of the links struck.
    OfLink {
        /// Which figure.
        figure: LinkFigure,
        /// Of which link.
        link: Option<String>,
    },
    /// `capacity`: the highest rate that a search found the target to carry, journey starts per second.
    Capacity,
    /// `headroom(fault name)`: how far the fault's number went before what it says it is tolerated under did not hold.
    Headroom {
        /// The fault.
        fault: String,
        /// The unit of its number, as the limit is written.
        unit: Unit,
    },
    /// `effect(p95(checkout))`: how many times the figure of the control's same seconds it is; of an `error_rate`, by how
    /// much the share is higher.
    Effect(Box<GateSubject>),
    /// `regression(p95(checkout))`: how much slower it is than in the accepted runs, a share. The limit is the change that
    /// matters.
    Regression {
        /// Which quantile of the response time, above 0 and below 1.
        quantile: Quantile,
        /// Of which journey or step.
        name: Option<RequestName>,
    },
    /// `probe.NAME`: the value of a probe of the target's own metrics.
    Probe {
        /// Which.
        name: Name,
        /// The unit of its figures, as the limit is written.
        unit: Unit,
    },
}

impl GateExpr {
    /// Whether an observed figure, in the subject's unit, satisfies the limit.
    pub fn holds(&self, observed: f64) -> bool {
        match self.op {
            Comparison::Less => observed < self.limit,
            Comparison::AtMost => observed <= self.limit,
            Comparison::Greater => observed > self.limit,
            Comparison::AtLeast => observed >= self.limit,
        }
    }

    /// The unit of its figures.
    pub fn unit(&self) -> Unit {
        self.subject.unit()
    }
}

impl GateSubject {
    /// The unit of its figures.
    pub fn unit(&self) -> Unit {
        match self {
            Self::Latency { .. } | Self::Service { .. } => Unit::Micros,
            Self::OfFault { figure, .. } => figure.unit(),
            Self::OfLink { figure, .. } => figure.unit(),
            Self::ErrorRate(_)
            | Self::Availability(_)
            | Self::Dropped(_)
            | Self::RateMissed
            | Self::Regression { .. } => Unit::Share,
            Self::Rate(_) | Self::Capacity => Unit::PerSecond,
            Self::Lost(_) => Unit::Plain,
            Self::Headroom { unit, .. } => unit.clone(),
            Self::Effect(of) if of.unit() == Unit::Share => Unit::Share,
            Self::Effect(_) => Unit::Named(TIMES.to_owned()),
            Self::Probe { unit, .. } => unit.clone(),
        }
    }

    /// The journey or step it looks at; `None` for all journeys together, and where a gate looks at something else.
    pub fn name(&self) -> Option<&RequestName> {
        match self {
            Self::Latency { name, .. }
            | Self::Service { name, .. }
            | Self::Regression { name, .. } => name.as_ref(),
            Self::Rate(name)
            | Self::ErrorRate(name)
            | Self::Lost(name)
            | Self::Availability(name)
            | Self::Dropped(name) => name.as_ref(),
            Self::Effect(of) => of.name(),
            Self::OfFault { .. }
            | Self::OfLink { .. }
            | Self::RateMissed
            | Self::Capacity
            | Self::Headroom { .. }
            | Self::Probe { .. } => None,
        }
    }
}

/// A figure of a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FaultFigure {
    /// `effective`: from the arming to the first connection or byte touched.
    Effective,
    /// `impact`: from the arming to the first change that clients see.
    Impact,
    /// `detection`: from the arming until the target noticed.
    Detection,
    /// `recovery`: from the lifting until the tail is back inside the band it had before.
    Recovery,
    /// `fallback`: the share of journeys that ended well while what they depend on did not answer, against before.
    Fallback,
    /// `breaker_opens`: from the first effect until a circuit breaker stopped the calls.
    BreakerOpens,
    /// `breaker_closes`: from the lifting until it let them through again.
    BreakerCloses,
}

impl FaultFigure {
    /// All, clocks first.
    pub const ALL: [Self; 7] = [
        Self::Effective,
        Self::Impact,
        Self::Detection,
        Self::Recovery,
        Self::Fallback,
        Self::BreakerOpens,
        Self::BreakerCloses,
    ];

    /// Its word in a gate.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Effective => "effective",
            Self::Impact => "impact",
            Self::Detection => "detection",
            Self::Recovery => "recovery",
            Self::Fallback => "fallback",
            Self::BreakerOpens => "breaker_opens",
            Self::BreakerCloses => "breaker_closes",
        }
    }

    /// The unit of its figures.
    pub const fn unit(self) -> Unit {
        match self {
            Self::Fallback => Unit::Share,
            _ => Unit::Micros,
        }
    }
}

/// A figure of a link that a fault struck.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LinkFigure {
    /// `amplification`: requests seen on the link for each journey started, during the fault divided by before it.
    Amplification,
    /// `gives_up`: how long its client waits for an answer.
    GivesUp,
}

impl LinkFigure {
    /// All.
    pub const ALL: [Self; 2] = [Self::Amplification, Self::GivesUp];

    /// Its word in a gate.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Amplification => "amplification",
            Self::GivesUp => "gives_up",
        }
    }

    /// The unit of its figures.
    pub const fn unit(self) -> Unit {
        match self {
            Self::Amplification => Unit::Plain,
            Self::GivesUp => Unit::Micros,
        }
    }
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
