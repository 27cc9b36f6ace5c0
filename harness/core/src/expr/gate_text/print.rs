//! Gates as text: what the parser beside it reads back to the same value.

use crate::expr::gate::{Comparison, GateExpr, GateSubject, Stat, Unit};
use crate::expr::unit;
use crate::name::RequestName;
use crate::units;
use std::fmt;
use std::time::Duration;

impl fmt::Display for GateExpr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let op = match self.op {
            Comparison::Less => "<",
            Comparison::AtMost => "<=",
            Comparison::Greater => ">",
            Comparison::AtLeast => ">=",
        };
        write!(f, "{} {op} ", self.subject)?;
        match self.unit() {
            Unit::Micros => f.write_str(&units::format_duration(Duration::from_nanos(
                (self.limit * 1e3).round() as u64,
            ))),
            Unit::Share => write!(f, "{}%", units::round(self.limit * 100.0)),
            Unit::PerSecond => write!(f, "{}/s", self.limit),
            Unit::Seconds => f.write_str(&units::format_duration(Duration::from_nanos(
                (self.limit * 1e9).round() as u64,
            ))),
            Unit::Bytes => f.write_str(&unit::size(self.limit)),
            Unit::Plain => write!(f, "{}", self.limit),
            Unit::Named(word) => write!(f, "{} {word}", self.limit),
        }
    }
}

impl fmt::Display for GateSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let argument: Option<&str> = match self {
            Self::OfFault { fault: of, .. } | Self::OfLink { link: of, .. } => of.as_deref(),
            Self::Probe { name, .. } => return write!(f, "probe.{name}"),
            Self::Effect(of) => return write!(f, "effect({of})"),
            Self::Headroom { fault, .. } => return write!(f, "headroom({fault})"),
            Self::Regression { quantile, name } => {
                return match name {
                    Some(name) => write!(f, "regression({quantile}({name}))"),
                    None => write!(f, "regression({quantile})"),
                };
            }
            other => other.name().map(RequestName::as_str),
        };
        match self {
            Self::Latency { stat, .. } => write!(f, "{stat}")?,
            Self::Service { stat, .. } => write!(f, "service_{stat}")?,
            Self::Rate(_) => f.write_str("rate")?,
            Self::ErrorRate(_) => f.write_str("error_rate")?,
            Self::Lost(_) => f.write_str("lost")?,
            Self::Availability(_) => f.write_str("availability")?,
            Self::Dropped(_) => f.write_str("dropped")?,
            Self::OfFault { figure, .. } => f.write_str(figure.word())?,
            Self::OfLink { figure, .. } => f.write_str(figure.word())?,
            Self::RateMissed => f.write_str("rate_missed")?,
            Self::Capacity => f.write_str("capacity")?,
            Self::Headroom { .. }
            | Self::Effect(_)
            | Self::Regression { .. }
            | Self::Probe { .. } => {}
        }
        argument.map_or(Ok(()), |argument| write!(f, "({argument})"))
    }
}

impl fmt::Display for Stat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Quantile(q) => write!(f, "{q}"),
            Self::Mean => f.write_str("mean"),
            Self::Max => f.write_str("max"),
        }
    }
}
