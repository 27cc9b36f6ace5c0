//! Think time: how long a user waits after a step, as written and as drawn. Knows no clock and no step.

use crate::random::Draws;
use crate::units::{UnitError, format_duration, parse_duration};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// An exponential think time left without a limit is cut at so many times its mean: one in 22 000 is longer.
const TAIL: u32 = 10;

/// How long a user thinks after a step. As text: `500ms`, `1s..3s`, `exponential 2s at most 20s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Think {
    /// Always the same; zero for not at all.
    Fixed(Duration),
    /// Any time from one to another, each as likely.
    Uniform {
        /// The shortest.
        from: Duration,
        /// The longest; not below `from`.
        to: Duration,
    },
    /// Mostly short and now and then long, as people's pauses are.
    Exponential {
        /// The mean of the uncut distribution; above zero.
        mean: Duration,
        /// A longer draw is cut to this; not below `mean`.
        at_most: Duration,
    },
}

impl Think {
    /// Where an exponential one is cut if nobody says so.
    pub fn tail(mean: Duration) -> Duration {
        mean.saturating_mul(TAIL)
    }

    /// Whether each draw may be another.
    pub fn varies(&self) -> bool {
        match self {
            Self::Fixed(_) => false,
            Self::Uniform { from, to } => from != to,
            Self::Exponential { .. } => true,
        }
    }

    /// The longest it can be.
    pub fn longest(&self) -> Duration {
        match self {
            Self::Fixed(lasts) => *lasts,
            Self::Uniform { to, .. } => *to,
            Self::Exponential { at_most, .. } => *at_most,
        }
    }

    /// One think time. An exponential one by inversion, `-mean · ln(1 - u)`; a fixed one draws nothing.
    pub fn draw(&self, draws: &mut Draws) -> Duration {
        match self {
            Self::Fixed(lasts) => *lasts,
            Self::Uniform { from, to } => *from + to.saturating_sub(*from).mul_f64(draws.unit()),
            Self::Exponential { mean, at_most } => {
                // `unit` is below 1, so the logarithm is finite: at most 53 · ln 2 means.
                mean.mul_f64(-(1.0 - draws.unit()).ln()).min(*at_most)
            }
        }
    }
}

impl fmt::Display for Think {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |lasts: &Duration| format_duration(*lasts);
        match self {
            Self::Fixed(lasts) => f.write_str(&text(lasts)),
            Self::Uniform { from, to } => write!(f, "{}..{}", text(from), text(to)),
            Self::Exponential { mean, at_most } => {
                write!(f, "exponential {} at most {}", text(mean), text(at_most))
            }
        }
    }
}

impl FromStr for Think {
    type Err = UnitError;

    /// Reads what [`Display`](fmt::Display) writes.
    fn from_str(text: &str) -> Result<Self, UnitError> {
        if let Some((from, to)) = text.split_once("..") {
            let (from, to) = (parse_duration(from)?, parse_duration(to)?);
            return Ok(Self::Uniform { from, to });
        }
        let Some(exponential) = text.strip_prefix("exponential ") else {
            return parse_duration(text).map(Self::Fixed);
        };
        let (mean, at_most) = match exponential.split_once(" at most ") {
            Some((mean, at_most)) => (parse_duration(mean)?, Some(parse_duration(at_most)?)),
            None => (parse_duration(exponential)?, None),
        };
        let at_most = at_most.unwrap_or_else(|| Self::tail(mean));
        Ok(Self::Exponential { mean, at_most })
    }
}

impl TryFrom<String> for Think {
    type Error = UnitError;

    fn try_from(text: String) -> Result<Self, UnitError> {
        text.parse()
    }
}

impl From<Think> for String {
    fn from(think: Think) -> Self {
        think.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn mean_of(think: Think, draws: u32) -> f64 {
        let mut stream = Draws::at(7, &[]);
        let sum: Duration = (0..draws).map(|_| think.draw(&mut stream)).sum();
        sum.as_secs_f64() / f64::from(draws)
    }

    #[test]
    fn the_means_are_those_of_the_distributions() {
        let seconds = Duration::from_secs;
        let uniform = Think::Uniform {
            from: seconds(1),
            to: seconds(3),
        };
        assert!((mean_of(uniform, 100_000) - 2.0).abs() < 0.01);
        let (mean, at_most) = (seconds(2), seconds(20));
        let exponential = Think::Exponential { mean, at_most };
        assert!((mean_of(exponential, 100_000) - 2.0).abs() < 0.03);
        // Cut at its mean, an exponential time is 1 - 1/e of it.
        let at_most = mean;
        let cut = Think::Exponential { mean, at_most };
        assert!((mean_of(cut, 100_000) - 2.0 * (1.0 - (-1f64).exp())).abs() < 0.02);
    }

    #[test]
    fn a_fixed_one_draws_nothing() {
        let (mut draws, mut untouched) = (Draws::at(1, &[]), Draws::at(1, &[]));
        let fixed = Think::Fixed(Duration::from_millis(5));
        assert_eq!(fixed.draw(&mut draws), Duration::from_millis(5));
        assert_eq!(draws.bits(), untouched.bits());
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back(a in 0u64..10_000_000_000, b in 0u64..10_000_000_000) {
            let (from, to) = (Duration::from_nanos(a.min(b)), Duration::from_nanos(a.max(b)));
            for think in [
                Think::Fixed(from),
                Think::Uniform { from, to },
                Think::Exponential { mean: from, at_most: to },
            ] {
                prop_assert_eq!(think.to_string().parse::<Think>().unwrap(), think);
            }
        }

        #[test]
        fn draws_stay_within(a in 0u64..10_000_000_000, b in 0u64..10_000_000_000, seed in any::<u64>()) {
            let (from, to) = (Duration::from_nanos(a.min(b)), Duration::from_nanos(a.max(b)));
            let mut draws = Draws::at(seed, &[]);
            for _ in 0..50 {
                let uniform = Think::Uniform { from, to }.draw(&mut draws);
                prop_assert!(from <= uniform && uniform <= to);
                let exponential = Think::Exponential { mean: from, at_most: to }.draw(&mut draws);
                prop_assert!(exponential <= to);
            }
        }
    }
}
