//! When a load gives up: `rate missed by 5% for 10s`. Parser only; what comes of it is a gate.

use super::gate::{Comparison, GateExpr, GateSubject};
use super::scan::{ExprError, Scan};
use crate::units::{self, Share};
use std::str::FromStr;
use std::time::Duration;

/// A share of the planned journeys that may not go out, for so long.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Abort {
    /// What must hold in every window of that length for the load to go on.
    pub(crate) expect: GateExpr,
    /// The window: above zero.
    pub(crate) over: Duration,
}

const FORM: &str = "write by how much and for how long, such as `rate missed by 5% for 10s`";

impl FromStr for Abort {
    type Err = ExprError;

    fn from_str(text: &str) -> Result<Self, ExprError> {
        let mut scan = Scan::new(text);
        for wanted in ["rate", "missed", "by"] {
            expected(&mut scan, wanted)?;
        }
        let limit = share(&mut scan)?;
        expected(&mut scan, "for")?;
        let over = length(&mut scan)?;
        scan.end().map_err(|error| error.hint(FORM))?;
        let expect = GateExpr {
            subject: GateSubject::RateMissed,
            op: Comparison::Less,
            limit,
        };
        Ok(Self { expect, over })
    }
}

fn word<'t>(scan: &mut Scan<'t>) -> (&'t str, usize) {
    scan.space();
    let from = scan.at;
    (scan.run(|c| !c.is_whitespace()), from)
}

fn expected(scan: &mut Scan<'_>, wanted: &str) -> Result<(), ExprError> {
    let (word, from) = word(scan);
    if word == wanted {
        return Ok(());
    }
    let message = match word {
        "" => format!("here `{wanted}` is expected"),
        _ => format!("`{word}` stands where `{wanted}` is expected"),
    };
    Err(wrong(scan, word, from, message))
}

fn share(scan: &mut Scan<'_>) -> Result<f64, ExprError> {
    let (word, from) = word(scan);
    let read = word.parse().map(Share::get);
    match read {
        Ok(share) if share > 0.0 && share < 1.0 => Ok(share),
        Ok(_) => {
            let message = format!("a rate that is missed by {word} says nothing");
            let error = wrong(scan, word, from, message);
            Err(error.hint("write a percentage above 0% and below 100%"))
        }
        Err(_) => {
            let message = format!("{word:?} is not a percentage");
            Err(wrong(scan, word, from, message))
        }
    }
}

fn length(scan: &mut Scan<'_>) -> Result<Duration, ExprError> {
    let (word, from) = word(scan);
    let read = units::parse_duration(word).ok();
    read.filter(|length| !length.is_zero()).ok_or_else(|| {
        let message = format!("{word:?} is not a length of time");
        wrong(scan, word, from, message)
    })
}

fn wrong(scan: &Scan<'_>, word: &str, from: usize, message: String) -> ExprError {
    let span = match word {
        "" => scan.here(),
        _ => from..from + word.len(),
    };
    ExprError::new(message, span).hint(FORM)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_on_what_is_missed_and_a_window_are_read() {
        let abort: Abort = " rate missed  by 5% for 10s".parse().unwrap();
        assert_eq!(abort.expect.to_string(), "rate_missed < 5%");
        assert_eq!(abort.over, Duration::from_secs(10));
    }

    #[test]
    fn mistakes_are_told_with_their_place() {
        let mistake = |text: &str| {
            let error = text.parse::<Abort>().unwrap_err();
            assert!(error.hint.is_some(), "{text}");
            text[error.span].to_owned()
        };
        for (text, place) in [
            ("", ""),
            ("rate", "e"),
            ("rate misst by 5% for 10s", "misst"),
            ("rate missed by five for 10s", "five"),
            ("rate missed by 0% for 10s", "0%"),
            ("rate missed by 100% for 10s", "100%"),
            ("rate missed by 5% for a while", "a"),
            ("rate missed by 5% for 0s", "0s"),
            ("rate missed by 5% for 10s or so", "or so"),
        ] {
            assert_eq!(mistake(text), place);
        }
    }
}
