//! When a load gives up: `rate missed by 5% for 10s`. Parser only; what comes of it is a gate.

use super::gate::{Comparison, GateExpr, GateSubject};
use super::scan::{ExprError, Scan};
use crate::units::{self, Share};
use std::time::Duration;

const FORM: &str = "write by how much and for how long, such as `rate missed by 5% for 10s`";

/// An `abort` as far as it can be read, and all that is wrong with it.
#[derive(Debug, Default)]
pub(crate) struct Read {
    /// What must hold in every window of that length for the load to go on.
    pub(crate) expect: Option<GateExpr>,
    /// The window: above zero.
    pub(crate) over: Option<Duration>,
    /// In the order of the text.
    pub(crate) errors: Vec<ExprError>,
}

/// Reads when a load gives up.
pub(crate) fn read(text: &str) -> Read {
    let mut read = Read::default();
    if let Err(error) = parts(&mut Scan::new(text), &mut read) {
        read.errors.push(error);
    }
    read
}

/// The parts in turn; ends with the first error behind which nothing can be told any more.
fn parts(scan: &mut Scan<'_>, read: &mut Read) -> Result<(), ExprError> {
    for wanted in ["rate", "missed", "by"] {
        expected(scan, wanted)?;
    }
    let before = scan.at;
    match share(scan) {
        Ok(limit) => {
            read.expect = Some(GateExpr {
                subject: GateSubject::RateMissed,
                op: Comparison::Less,
                limit,
            });
        }
        // Without a share at all the next word is none that is wrong.
        Err(error) if scan.text.get(before..scan.at).unwrap_or("").trim() == "for" => {
            scan.at = before;
            read.errors.push(error);
        }
        Err(error) => read.errors.push(error),
    }
    if let Err(error) = expected(scan, "for") {
        return match read.errors.is_empty() {
            true => Err(error),
            // It may follow from what stands before it.
            false => Ok(()),
        };
    }
    read.over = Some(length(scan)?);
    scan.end().map_err(|error| error.hint(FORM))
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
        let abort = read(" rate missed  by 5% for 10s");
        assert!(abort.errors.is_empty());
        assert_eq!(abort.expect.unwrap().to_string(), "rate_missed < 5%");
        assert_eq!(abort.over, Some(Duration::from_secs(10)));
    }

    #[test]
    fn mistakes_are_told_with_their_places_all_of_them() {
        let mistakes = |text: &str| {
            let errors = read(text).errors.into_iter();
            let place = |error: ExprError| {
                assert!(error.hint.is_some(), "{text}");
                text[error.span].to_owned()
            };
            errors.map(place).collect::<Vec<_>>()
        };
        for (text, places) in [
            ("", &[""][..]),
            ("rate", &["e"]),
            ("rate misst by 5% for 10s", &["misst"]),
            ("rate missed by five for 10s", &["five"]),
            ("rate missed by 0% for 10s", &["0%"]),
            ("rate missed by 100% for 10s", &["100%"]),
            ("rate missed by 5% for a while", &["a"]),
            ("rate missed by 5% for 0s", &["0s"]),
            ("rate missed by 5% for 10s or so", &["or so"]),
            ("rate missed by 200% for 0s", &["200%", "0s"]),
            ("rate missed by for 0s", &["for", "0s"]),
            ("rate missed by five percent for 10s", &["five"]),
        ] {
            assert_eq!(mistakes(text), places, "{text}");
        }
        // What can be read beside a mistake is.
        assert_eq!(
            read("rate missed by 200% for 1s").over,
            Some(Duration::from_secs(1))
        );
    }
}
