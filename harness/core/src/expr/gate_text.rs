//! Gate expressions as text: the parser of their subjects, with `limits` for what stands behind the comparison. `print` says
//! them again. What they mean is in `gate`.

mod limits;
mod print;

use super::gate::{Comparison, FaultFigure, GateExpr, GateSubject, LinkFigure, Stat, Unit};
use super::scan::{ExprError, Scan, as_text};
use crate::diagnostic::nearest;
use crate::name::RequestName;
use crate::units::Quantile;
use limits::{change, limit, magnitude, times};
use std::str::FromStr;

const SUBJECTS: [&str; 28] = [
    "p50",
    "p95",
    "p99",
    "p99.9",
    "mean",
    "max",
    "service_p99",
    "rate",
    "error_rate",
    "lost",
    "availability",
    "dropped",
    "rate_missed",
    "effective",
    "impact",
    "detection",
    "recovery",
    "amplification",
    "fallback",
    "breaker_opens",
    "breaker_closes",
    "gives_up",
    "capacity",
    "effect",
    "regression",
    "headroom",
    "service_max",
    "probe",
];

as_text!(GateExpr);

impl FromStr for GateExpr {
    type Err = ExprError;

    fn from_str(text: &str) -> Result<Self, ExprError> {
        let mut scan = Scan::new(text);
        let mut subject = subject(&mut scan)?;
        scan.space();
        let from = scan.at;
        let op = comparison(&mut scan)?;
        let upper = matches!(op, Comparison::Less | Comparison::AtMost);
        if !upper && matches!(subject, GateSubject::Regression { .. }) {
            let error = ExprError::new("a regression is limited from above", scan.since(from));
            return Err(error.hint("write `<`, such as `regression(p95(checkout)) < 10%`"));
        }
        let limit = match &mut subject {
            GateSubject::Probe { unit, .. } => {
                let (limit, typed) = super::unit::limit(&mut scan)?;
                *unit = typed;
                limit
            }
            GateSubject::Headroom { unit, .. } => {
                let (limit, typed) = magnitude(&mut scan)?;
                *unit = typed;
                limit
            }
            GateSubject::Effect(of) if of.unit() != Unit::Share => times(&mut scan)?,
            GateSubject::Regression { .. } => change(&mut scan)?,
            other => limit(&mut scan, &other.unit())?,
        };
        scan.end()?;
        Ok(Self { subject, op, limit })
    }
}

fn subject(scan: &mut Scan<'_>) -> Result<GateSubject, ExprError> {
    scan.space();
    let from = scan.at;
    let word = scan.run(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.');
    let span = scan.since(from);
    if word == "probe" || word.starts_with("probe.") {
        return probe(scan, from);
    }
    if word == "effect" {
        return effect(scan, span);
    }
    if word == "regression" {
        return regression(scan, span);
    }
    let argument = argument(scan)?;
    let name = |argument: Option<(&str, usize)>| match argument {
        None => Ok(None),
        Some((text, at)) => RequestName::parse(text).map(Some).map_err(|e| {
            ExprError::new(e.to_string(), at..at + text.len())
                .hint("name a journey, or `journey/step name`")
        }),
    };
    let latency = |stat: Stat| {
        Ok(GateSubject::Latency {
            stat,
            name: name(argument)?,
        })
    };
    let service = |stat: Stat| {
        Ok(GateSubject::Service {
            stat,
            name: name(argument)?,
        })
    };
    let whole = argument.map(|(text, _)| text.to_owned());
    if word == "headroom" {
        let hint =
            "name the fault whose number grows, such as `headroom(provider is slow) >= 180ms`";
        let fault =
            whole.ok_or_else(|| ExprError::new("headroom is that of a fault", span).hint(hint))?;
        let unit = Unit::Plain;
        return Ok(GateSubject::Headroom { fault, unit });
    }
    if let Some(figure) = FaultFigure::ALL.into_iter().find(|f| f.word() == word) {
        let fault = whole;
        return Ok(GateSubject::OfFault { figure, fault });
    }
    if let Some(figure) = LinkFigure::ALL.into_iter().find(|f| f.word() == word) {
        let link = whole;
        return Ok(GateSubject::OfLink { figure, link });
    }
    match word {
        "mean" => latency(Stat::Mean),
        "max" => latency(Stat::Max),
        "service_mean" => service(Stat::Mean),
        "service_max" => service(Stat::Max),
        "rate" => Ok(GateSubject::Rate(name(argument)?)),
        "error_rate" => Ok(GateSubject::ErrorRate(name(argument)?)),
        "lost" => Ok(GateSubject::Lost(name(argument)?)),
        "availability" => Ok(GateSubject::Availability(name(argument)?)),
        "dropped" => Ok(GateSubject::Dropped(name(argument)?)),
        "rate_missed" => of_all(word, argument, GateSubject::RateMissed),
        "capacity" => of_all(word, argument, GateSubject::Capacity),
        _ => {
            let (stat, of_service) = match word.strip_prefix("service_") {
                Some(stat) => (stat, true),
                None => (word, false),
            };
            let percentile = stat
                .strip_prefix('p')
                .is_some_and(|d| d.starts_with(|c: char| c.is_ascii_digit()));
            if !percentile {
                return Err(unknown(word, span));
            }
            let stat = stat
                .parse::<Quantile>()
                .map_err(|e| ExprError::new(e.to_string(), span.clone()))?;
            if of_service {
                service(Stat::Quantile(stat))
            } else {
                latency(Stat::Quantile(stat))
            }
        }
    }
}

/// A subject that takes no journey.
fn of_all(
    word: &str,
    argument: Option<(&str, usize)>,
    subject: GateSubject,
) -> Result<GateSubject, ExprError> {
    let Some((text, at)) = argument else {
        return Ok(subject);
    };
    let message = format!("`{word}` is that of the whole mix");
    Err(ExprError::new(message, at..at + text.len()).hint("leave the parentheses out"))
}

/// `effect(SUBJECT)`: of a latency, a rate or an error rate.
fn effect(scan: &mut Scan<'_>, span: std::ops::Range<usize>) -> Result<GateSubject, ExprError> {
    let hint = "name a figure, such as `effect(p95(checkout)) < 2x`";
    let (of, figure) = inner(scan, span, "an effect is that of a figure", hint)?;
    match of {
        GateSubject::Latency { .. }
        | GateSubject::Service { .. }
        | GateSubject::Rate(_)
        | GateSubject::ErrorRate(_) => Ok(GateSubject::Effect(Box::new(of))),
        _ => Err(
            ExprError::new("this figure has no control to be held against", figure)
                .hint("an effect is that of a latency, of `rate` or of `error_rate`"),
        ),
    }
}

/// `regression(SUBJECT)`: of a percentile of response times.
fn regression(scan: &mut Scan<'_>, span: std::ops::Range<usize>) -> Result<GateSubject, ExprError> {
    let hint = "name a percentile, such as `regression(p95(checkout)) < 10%`";
    let (of, figure) = inner(scan, span, "a regression is that of a figure", hint)?;
    match of {
        GateSubject::Latency {
            stat: Stat::Quantile(quantile),
            name,
        } if quantile.get() > 0.0 && quantile.get() < 1.0 => {
            Ok(GateSubject::Regression { quantile, name })
        }
        _ => {
            let message = "only percentiles of response times are held against accepted runs";
            Err(ExprError::new(message, figure).hint(hint))
        }
    }
}

/// A subject in parentheses, and where it stands. None of those that have one has one of its own.
fn inner(
    scan: &mut Scan<'_>,
    span: std::ops::Range<usize>,
    missing: &str,
    hint: &str,
) -> Result<(GateSubject, std::ops::Range<usize>), ExprError> {
    if !scan.take("(") {
        return Err(ExprError::new(missing, span).hint(hint));
    }
    scan.space();
    let from = scan.at;
    let word = scan.run(|c| c.is_ascii_alphanumeric() || c == '_');
    if word == "effect" || word == "regression" {
        let message = "in the parentheses stands a figure of the load itself";
        return Err(ExprError::new(message, scan.since(from)).hint(hint));
    }
    scan.at = from;
    let of = subject(scan)?;
    let figure = scan.since(from);
    scan.space();
    if !scan.take(")") {
        let open = span.end..scan.text.len();
        return Err(ExprError::new("`(` is never closed", open).hint("close it with `)`"));
    }
    Ok((of, figure))
}

/// `probe.NAME`; its unit comes with the limit.
fn probe(scan: &mut Scan<'_>, from: usize) -> Result<GateSubject, ExprError> {
    scan.at = from + "probe".len();
    scan.take(".");
    let begin = scan.at;
    let word = scan.run(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    let name = word.parse().map_err(|e: crate::name::NameError| {
        let span = if word.is_empty() {
            from..begin
        } else {
            begin..scan.at
        };
        ExprError::new(e.to_string(), span).hint("name a probe of harness.toml: `probe.NAME`")
    })?;
    Ok(GateSubject::Probe {
        name,
        unit: Unit::Plain,
    })
}

fn unknown(word: &str, span: std::ops::Range<usize>) -> ExprError {
    let known = format!(
        "a gate measures p50 … p99.99, mean, max, service_p99, {}, probe.NAME",
        SUBJECTS[7..25].join(", ")
    );
    if word.is_empty() {
        return ExprError::new("a gate begins with what it measures", span).hint(known);
    }
    let hint = nearest(word, SUBJECTS).map_or(known, |near| format!("did you mean `{near}`?"));
    ExprError::new(format!("`{word}` is not something a gate measures"), span).hint(hint)
}

/// `(text)` and where the text begins.
fn argument<'t>(scan: &mut Scan<'t>) -> Result<Option<(&'t str, usize)>, ExprError> {
    let open = scan.at;
    if !scan.take("(") {
        return Ok(None);
    }
    let inner = scan.run(|c| c != ')');
    let from = open + 1;
    if !scan.take(")") {
        return Err(
            ExprError::new("`(` is never closed", open..scan.text.len()).hint("close it with `)`")
        );
    }
    let text = inner.trim();
    if text.is_empty() {
        let empty = ExprError::new("nothing is named in the parentheses", open..scan.at);
        return Err(empty.hint("name a journey, or leave the parentheses out for all of them"));
    }
    Ok(Some((text, from + inner.len() - inner.trim_start().len())))
}

fn comparison(scan: &mut Scan<'_>) -> Result<Comparison, ExprError> {
    scan.space();
    let forms = [
        ("<=", Comparison::AtMost),
        (">=", Comparison::AtLeast),
        ("<", Comparison::Less),
        (">", Comparison::Greater),
    ];
    let found = forms.into_iter().find(|(text, _)| scan.take(text));
    let missing = || {
        ExprError::new("here a comparison is expected", scan.here())
            .hint("one of `<`, `<=`, `>`, `>=`")
    };
    found.map(|(_, op)| op).ok_or_else(missing)
}

#[cfg(test)]
mod tests;
