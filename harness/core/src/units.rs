//! Quantities as people write them: durations, rates, percentages, quantiles, sizes. Each has one parser, one
//! printer and one error that says what was expected; the rest of the code holds typed values.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// Why a text is not a quantity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a {what}: {expected}")]
pub struct UnitError {
    text: String,
    what: &'static str,
    expected: &'static str,
}

const DURATION_FORM: &str = "write a number with a unit, such as `250ms`, `5s`, `1m30s` or `2h`";
const RATE_FORM: &str = "write a number per unit of time, such as `500/s`, `30/min` or `10/h`";
const PERCENT_FORM: &str = "write a percentage, such as `0.1%`";
const QUANTILE_FORM: &str = "write `p` and a number from 0 to 100, such as `p50`, `p99` or `p99.9`";

fn error(text: &str, what: &'static str, expected: &'static str) -> UnitError {
    let text = if text.chars().count() > 40 {
        text.chars().take(40).chain(['…']).collect()
    } else {
        text.to_owned()
    };
    UnitError {
        text,
        what,
        expected,
    }
}

/// Whole microseconds, as events carry them; the most that fits for longer ones.
pub fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// Splits `12.5ms` into its number and the rest. No sign, no exponent.
fn leading_number(text: &str) -> Option<(f64, &str)> {
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    let number: f64 = digits.parse().ok()?;
    number.is_finite().then_some((number, rest))
}

/// Reads `250ms`, `5s`, `1m30s`, `1.5h`; units `us`/`µs`, `ms`, `s`, `m`/`min`, `h`, `d`. A bare `0` is allowed,
/// any other number needs its unit. At most 366 days.
pub fn parse_duration(text: &str) -> Result<Duration, UnitError> {
    let fail = || error(text, "duration", DURATION_FORM);
    let mut rest = text.trim();
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    let mut nanos = 0.0f64;
    while !rest.is_empty() {
        let (number, after) = leading_number(rest).ok_or_else(fail)?;
        let end = after
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(after.len());
        let (unit, tail) = after.split_at(end);
        nanos += number * unit_nanos(unit.trim()).ok_or_else(fail)?;
        rest = tail;
    }
    let limit = 366.0 * 86_400e9;
    if text.trim().is_empty() {
        Err(fail())
    } else if nanos > limit {
        Err(error(
            text,
            "duration of at most 366 days",
            "nothing here takes longer",
        ))
    } else {
        Ok(Duration::from_nanos(nanos.round() as u64))
    }
}

fn unit_nanos(unit: &str) -> Option<f64> {
    Some(match unit {
        "ns" => 1.0,
        "us" | "µs" => 1e3,
        "ms" => 1e6,
        "s" => 1e9,
        "m" | "min" => 60e9,
        "h" => 3600e9,
        "d" => 86_400e9,
        _ => return None,
    })
}

/// Prints a duration so that [`parse_duration`] reads the same one back: `800ms`, `1m30s`, `12us`.
pub fn format_duration(duration: Duration) -> String {
    let mut nanos = duration.as_nanos();
    if nanos == 0 {
        return "0s".to_owned();
    }
    let mut out = String::new();
    let units = [
        (3_600_000_000_000, "h"),
        (60_000_000_000, "m"),
        (1_000_000_000, "s"),
        (1_000_000, "ms"),
        (1_000, "us"),
        (1, "ns"),
    ];
    for (size, unit) in units {
        let count = nanos / size;
        if count > 0 {
            out.push_str(&format!("{count}{unit}"));
            nanos %= size;
        }
    }
    out
}

/// A length of time in whole words, to the second: `42 s`, `10 min`, `1 min 30 s`, `2 h 5 min`.
pub fn human_span(seconds: f64) -> String {
    let s = seconds.max(0.0).round() as u64;
    match (s / 3600, s / 60 % 60, s % 60) {
        (0, 0, s) => format!("{s} s"),
        (0, m, 0) => format!("{m} min"),
        (0, m, s) => format!("{m} min {s} s"),
        (h, 0, _) => format!("{h} h"),
        (h, m, _) => format!("{h} h {m} min"),
    }
}

/// Microseconds as a person reads a latency: three significant digits, `843 µs`, `12.4 ms`, `1.53 s`, `2 min 5 s`.
pub fn human_us(us: u64) -> String {
    let three = |value: f64, unit: &str| {
        let digits = if value >= 99.95 {
            0
        } else if value >= 9.995 {
            1
        } else {
            2
        };
        format!("{value:.digits$} {unit}")
    };
    match us {
        0..1_000 => format!("{us} µs"),
        1_000..999_500 => three(us as f64 / 1e3, "ms"),
        999_500..60_000_000 => three(us as f64 / 1e6, "s"),
        _ => format!("{} min {} s", us / 60_000_000, us % 60_000_000 / 1_000_000),
    }
}

/// Serialises durations in the form people write, losslessly.
pub mod duration {
    use super::{Deserialize, Deserializer, Duration, Serializer, format_duration, parse_duration};

    /// Writes `1m30s`.
    pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format_duration(*duration))
    }

    /// Reads `1m30s`.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        parse_duration(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }

    /// The same for an optional duration.
    pub mod option {
        use super::{Deserialize, Deserializer, Duration, Serializer, parse_duration};

        /// Writes `1m30s` or null.
        pub fn serialize<S: Serializer>(
            duration: &Option<Duration>,
            serializer: S,
        ) -> Result<S::Ok, S::Error> {
            match duration {
                Some(duration) => super::serialize(duration, serializer),
                None => serializer.serialize_none(),
            }
        }

        /// Reads `1m30s` or null.
        pub fn deserialize<'de, D: Deserializer<'de>>(
            deserializer: D,
        ) -> Result<Option<Duration>, D::Error> {
            let text = Option::<String>::deserialize(deserializer)?;
            text.map(|t| parse_duration(&t).map_err(serde::de::Error::custom))
                .transpose()
        }
    }
}

/// Arrivals, requests or anything else per second; finite and not negative.
#[derive(Debug, Clone, Copy, Default, PartialEq, PartialOrd)]
pub struct Rate(f64);

impl Rate {
    /// A rate per second; `None` unless finite and not negative.
    pub fn per_second(rate: f64) -> Option<Self> {
        (rate.is_finite() && rate >= 0.0).then_some(Self(rate))
    }

    /// The rate per second.
    pub fn get(self) -> f64 {
        self.0
    }
}

impl FromStr for Rate {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let fail = || error(text, "rate", RATE_FORM);
        let (number, rest) = leading_number(text.trim()).ok_or_else(fail)?;
        let per = match rest.trim().strip_prefix('/').map(str::trim) {
            Some("s" | "sec" | "second") => 1.0,
            Some("m" | "min" | "minute") => 60.0,
            Some("h" | "hour") => 3600.0,
            _ => return Err(fail()),
        };
        Self::per_second(number / per)
            .filter(|r| r.0 <= 10_000_000.0)
            .ok_or_else(|| error(text, "rate of at most 10000000/s", "no load is larger"))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/s", self.0)
    }
}

/// A share of one, written as a percentage: `0.1%` is 0.001.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Share(f64);

impl Share {
    /// A share from 0 to 1; `None` outside.
    pub fn of_one(share: f64) -> Option<Self> {
        (0.0..=1.0).contains(&share).then_some(Self(share))
    }

    /// The share, 0 to 1.
    pub fn get(self) -> f64 {
        self.0
    }
}

impl FromStr for Share {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let fail = || error(text, "percentage", PERCENT_FORM);
        match leading_number(text.trim()) {
            Some((number, rest)) if rest.trim() == "%" => {
                Self::of_one(round(number / 100.0)).ok_or_else(fail)
            }
            _ => Err(fail()),
        }
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", round(self.0 * 100.0))
    }
}

/// A quantile of a distribution, written as a percentile: `p99.9` is 0.999. From 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Quantile(f64);

impl Quantile {
    /// A quantile from 0 to 1; `None` outside.
    pub fn of_one(q: f64) -> Option<Self> {
        (0.0..=1.0).contains(&q).then_some(Self(q))
    }

    /// The quantile, 0 to 1.
    pub fn get(self) -> f64 {
        self.0
    }
}

impl FromStr for Quantile {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let fail = || error(text, "percentile", QUANTILE_FORM);
        let digits = text.trim().strip_prefix('p').ok_or_else(fail)?;
        match leading_number(digits) {
            Some((number, "")) => Self::of_one(round(number / 100.0)).ok_or_else(fail),
            _ => Err(fail()),
        }
    }
}

impl fmt::Display for Quantile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p{}", round(self.0 * 100.0))
    }
}

/// Removes the dust that multiplying or dividing by 100 leaves (0.999 · 100 = 99.90000000000001).
pub(crate) fn round(number: f64) -> f64 {
    (number * 1e9).round() / 1e9
}

macro_rules! serde_as_text {
    ($($type:ty),*) => {$(
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}
serde_as_text!(Rate, Share, Quantile);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations_read_as_written() {
        let ms = |t: &str| parse_duration(t).map(|d| d.as_micros());
        assert_eq!(ms("250ms"), Ok(250_000));
        assert_eq!(ms("1m30s"), Ok(90_000_000));
        assert_eq!(ms("1.5h"), Ok(5_400_000_000));
        assert_eq!(ms("0"), Ok(0));
        for bad in [
            "",
            "5",
            "s",
            "-1s",
            "5 parsecs",
            "1e9s",
            "999999d",
            "1..2s",
            "nan",
        ] {
            assert!(parse_duration(bad).is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn rates_percentiles_and_shares_read_as_written() {
        assert_eq!("30/min".parse::<Rate>().map(Rate::get), Ok(0.5));
        assert_eq!(
            "p99.9".parse::<Quantile>().map(|q| q.to_string()),
            Ok("p99.9".to_owned())
        );
        assert_eq!("0.1%".parse::<Share>().map(Share::get), Ok(0.001));
        for bad in ["500", "500/y", "/s", "99999999999/s"] {
            assert!(bad.parse::<Rate>().is_err(), "{bad:?} was accepted");
        }
        for bad in ["p", "p101", "99", "p-1", "p9x"] {
            assert!(bad.parse::<Quantile>().is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn latencies_keep_three_digits() {
        let printed: Vec<_> = [843, 12_430, 999_600, 1_530_000, 125_000_000]
            .map(human_us)
            .into();
        assert_eq!(
            printed,
            ["843 µs", "12.4 ms", "1.00 s", "1.53 s", "2 min 5 s"]
        );
    }

    proptest! {
        #[test]
        fn durations_survive_the_round_trip(nanos in 0u64..366 * 86_400_000_000_000) {
            // Above a day, f64 keeps less than a nanosecond's precision per part; microseconds are what a suite holds.
            let duration = Duration::from_micros(nanos / 1000);
            prop_assert_eq!(parse_duration(&format_duration(duration)).unwrap().as_micros(), duration.as_micros());
        }

        #[test]
        fn no_text_panics(text in ".*") {
            let _ = (parse_duration(&text), text.parse::<Rate>(), text.parse::<Quantile>(), text.parse::<Share>());
        }
    }
}
