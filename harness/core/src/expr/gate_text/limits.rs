//! What a figure is compared with, in its unit. Knows no subject: which unit belongs to which is told by who asks.

use crate::expr::gate::{TIMES, Unit};
use crate::expr::scan::{ExprError, Scan};
use crate::expr::unit;
use crate::units::{self, Rate, Share};
use std::time::Duration;

/// A change that matters: a percentage above zero.
pub(super) fn change(scan: &mut Scan<'_>) -> Result<f64, ExprError> {
    scan.space();
    let from = scan.at;
    let change = limit(scan, &Unit::Share)?;
    if change > 0.0 {
        return Ok(change);
    }
    let span = from..from + scan.text[from..scan.at].trim_end().len();
    Err(
        ExprError::new("that nothing at all changed can't be proven", span)
            .hint("write the change that matters, such as `10%`"),
    )
}

/// A magnitude of a fault: what probes are compared with, and bandwidths.
pub(super) fn magnitude(scan: &mut Scan<'_>) -> Result<(f64, Unit), ExprError> {
    let (limit, unit) = unit::limit(scan)?;
    let factors = [("B/s", 1.0), ("kB/s", 1e3), ("MB/s", 1e6), ("GB/s", 1e9)];
    let factor = factors
        .iter()
        .find(|(word, _)| unit == Unit::Named((*word).to_owned()));
    Ok(match factor {
        Some((_, factor)) => (limit * factor, Unit::Named(factors[0].0.to_owned())),
        None => (limit, unit),
    })
}

/// A factor: `2x`, `1.5 x`.
pub(super) fn times(scan: &mut Scan<'_>) -> Result<f64, ExprError> {
    scan.space();
    let from = scan.at;
    let (factor, unit) = unit::limit(scan)?;
    if unit == Unit::Named(TIMES.to_owned()) && factor >= 0.0 {
        return Ok(factor);
    }
    let text = scan.text[from..scan.at].trim_end();
    let message = format!("`{text}` is not a factor");
    Err(ExprError::new(message, from..from + text.len())
        .hint("this is compared with a factor, such as `2x`"))
}

pub(super) fn limit(scan: &mut Scan<'_>, unit: &Unit) -> Result<f64, ExprError> {
    scan.space();
    let from = scan.at;
    let text = scan.run(|c| !c.is_whitespace());
    let (read, expected, example) = match unit {
        Unit::Micros => (
            units::parse_duration(text)
                .ok()
                .filter(|_| text != "0")
                .map(|d: Duration| d.as_nanos() as f64 / 1e3),
            "a duration",
            "`250ms` or `2s`",
        ),
        Unit::Share => (
            text.parse::<Share>().ok().map(Share::get),
            "a percentage from 0% to 100%",
            "`0.1%`",
        ),
        Unit::Plain => (
            text.parse()
                .ok()
                .filter(|n: &f64| n.is_finite() && *n >= 0.0),
            "a number from 0",
            "`1.5`",
        ),
        _ => (
            text.parse::<Rate>().ok().map(Rate::get),
            "a rate",
            "`950/s`",
        ),
    };
    let wrong = || {
        let message = match text {
            "" => "the value to compare with is missing".to_owned(),
            text => format!("`{text}` is not {expected}"),
        };
        let span = if text.is_empty() {
            scan.here()
        } else {
            from..from + text.len()
        };
        ExprError::new(message, span).hint(format!(
            "this is compared with {expected}, such as {example}"
        ))
    };
    read.ok_or_else(wrong)
}
