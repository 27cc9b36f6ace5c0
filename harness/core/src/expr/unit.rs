//! Units of probes: the word that declares one, and limits written in one.

use super::gate::Unit;
use super::scan::{ExprError, Scan};
use crate::units::{self, Share};
use std::fmt;

/// The longest unit, characters: it stands behind every figure.
const LONGEST: usize = 12;
const BYTES: [(&str, f64); 7] = [
    ("B", 1.0),
    ("kB", 1e3),
    ("MB", 1e6),
    ("GB", 1e9),
    ("KiB", 1024.0),
    ("MiB", 1_048_576.0),
    ("GiB", 1_073_741_824.0),
];

impl Unit {
    /// The unit that a probe's `unit = "…"` declares; what is wrong with it where it declares none.
    pub fn declared(word: &str) -> Result<Self, String> {
        match word {
            "%" => Ok(Self::Share),
            "/s" => Ok(Self::PerSecond),
            "s" => Ok(Self::Seconds),
            "B" => Ok(Self::Bytes),
            _ if units::parse_duration(&format!("1{word}")).is_ok() => {
                Err(format!("durations are in `s`, not in `{word}`"))
            }
            _ if BYTES.iter().any(|(known, _)| *known == word) => {
                Err(format!("sizes are in `B`, not in `{word}`"))
            }
            _ if is_word(word) => Ok(Self::Named(word.to_owned())),
            _ => Err(format!(
                "{word:?} is no unit: `%`, `/s`, `s`, `B`, or a word of at most {LONGEST} letters"
            )),
        }
    }

    /// A limit in this unit, as an example.
    pub fn example(&self) -> String {
        match self {
            Self::Share => "80%".to_owned(),
            Self::PerSecond => "5/s".to_owned(),
            Self::Micros | Self::Seconds => "250ms".to_owned(),
            Self::Bytes => "64MB".to_owned(),
            Self::Plain => "5".to_owned(),
            Self::Named(word) => format!("5 {word}"),
        }
    }
}

/// The word that declares it.
impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Share => "%",
            Self::PerSecond => "/s",
            Self::Micros => "us",
            Self::Seconds => "s",
            Self::Bytes => "B",
            Self::Plain => "",
            Self::Named(word) => word,
        })
    }
}

/// A size as it may be written, in the largest unit that leaves it whole: it reads back as the same number.
pub(super) fn size(bytes: f64) -> String {
    let whole = BYTES
        .iter()
        .filter(|(_, factor)| bytes % factor == 0.0 && bytes >= *factor);
    let largest = whole.max_by(|(_, a), (_, b)| a.total_cmp(b));
    let (word, factor) = largest.unwrap_or(&BYTES[0]);
    format!("{}{word}", bytes / factor)
}

fn is_word(word: &str) -> bool {
    let first = word.starts_with(|c: char| c.is_alphabetic());
    let rest = |c: char| c.is_alphanumeric() || "-_/".contains(c);
    first && word.chars().all(rest) && word.chars().count() <= LONGEST
}

/// The rest of an expression: a number and its unit. The limit is in the unit's base: a share of one, seconds, bytes.
pub(super) fn limit(scan: &mut Scan<'_>) -> Result<(f64, Unit), ExprError> {
    scan.space();
    let from = scan.at;
    let here = scan.here();
    let text = scan.rest().trim_end();
    scan.at = scan.text.len();
    let wrong = || {
        let message = match text {
            "" => "the value to compare with is missing".to_owned(),
            text => format!("`{text}` is not a number with a unit"),
        };
        let span = if text.is_empty() {
            here.clone()
        } else {
            from..from + text.len()
        };
        ExprError::new(message, span).hint(
            "this is compared with a number in the probe's unit, such as `80%`, `5/s`, `250ms`, `64MB`, `5`",
        )
    };
    let sign = usize::from(text.starts_with('-'));
    let unsigned = text.get(sign..).unwrap_or("");
    let digits = unsigned
        .find(|c: char| !(c.is_ascii_digit() || c == '.'))
        .unwrap_or(unsigned.len());
    let (number, unit) = text.split_at(sign + digits);
    let number = number
        .parse::<f64>()
        .ok()
        .filter(|n| n.is_finite())
        .ok_or_else(wrong)?;
    let unit = unit.trim();
    if let Some((_, factor)) = BYTES.iter().find(|(word, _)| *word == unit) {
        return Ok((number * factor, Unit::Bytes));
    }
    match unit {
        "" => Ok((number, Unit::Plain)),
        "%" => match text.parse::<Share>() {
            Ok(share) => Ok((share.get(), Unit::Share)),
            // A probe's ratio may be above one or below zero.
            Err(_) => Ok((number / 100.0, Unit::Share)),
        },
        "/s" => Ok((number, Unit::PerSecond)),
        word => match units::parse_duration(text) {
            Ok(duration) => Ok((duration.as_secs_f64(), Unit::Seconds)),
            Err(_) => match Unit::declared(word) {
                Ok(unit @ Unit::Named(_)) => Ok((number, unit)),
                _ => Err(wrong()),
            },
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_declared_by_short_words() {
        for word in ["%", "/s", "s", "B", "orders", "req/s"] {
            assert_eq!(Unit::declared(word).unwrap().to_string(), word);
        }
        for word in ["", "ms", "h", "MB", "5", "%%", "a b", "abcdefghijklm"] {
            assert!(Unit::declared(word).is_err(), "{word}");
        }
    }

    #[test]
    fn sizes_are_told_in_the_largest_unit_that_leaves_them_whole() {
        let told = [64e6, 67_108_864.0, 1500.0, 0.0, 0.5, 2e9].map(size);
        assert_eq!(told, ["64MB", "64MiB", "1500B", "0B", "0.5B", "2GB"]);
    }

    #[test]
    fn limits_are_in_the_base_of_their_unit() {
        let read = |text: &str| limit(&mut Scan::new(text)).unwrap();
        assert_eq!(read("80%"), (0.8, Unit::Share));
        assert_eq!(read("250%"), (2.5, Unit::Share));
        assert_eq!(read("1m30s"), (90.0, Unit::Seconds));
        assert_eq!(read("64 MiB"), (67_108_864.0, Unit::Bytes));
        assert_eq!(read("-0.5 orders "), (-0.5, Unit::Named("orders".into())));
        assert_eq!(read("0"), (0.0, Unit::Plain));
        for wrong in ["", "five", "5 / 2", "-5s", "1.2.3", "5!"] {
            assert!(limit(&mut Scan::new(wrong)).is_err(), "{wrong}");
        }
    }
}
