//! Gate expressions as text: parser and printer.

use super::gate::{Comparison, FaultFigure, GateExpr, GateSubject, LinkFigure, Stat, Unit};
use super::scan::{ExprError, Scan, as_text};
use crate::diagnostic::nearest;
use crate::name::RequestName;
use crate::units::{self, Quantile, Rate, Share};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

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

/// The word of a factor's unit.
const TIMES: &str = "x";

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

/// A change that matters: a percentage above zero.
fn change(scan: &mut Scan<'_>) -> Result<f64, ExprError> {
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
fn magnitude(scan: &mut Scan<'_>) -> Result<(f64, Unit), ExprError> {
    let (limit, unit) = super::unit::limit(scan)?;
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
fn times(scan: &mut Scan<'_>) -> Result<f64, ExprError> {
    scan.space();
    let from = scan.at;
    let (factor, unit) = super::unit::limit(scan)?;
    if unit == Unit::Named(TIMES.to_owned()) && factor >= 0.0 {
        return Ok(factor);
    }
    let text = scan.text[from..scan.at].trim_end();
    let message = format!("`{text}` is not a factor");
    Err(ExprError::new(message, from..from + text.len())
        .hint("this is compared with a factor, such as `2x`"))
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

fn limit(scan: &mut Scan<'_>, unit: &Unit) -> Result<f64, ExprError> {
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
            Unit::Bytes => f.write_str(&super::unit::size(self.limit)),
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn gates_read_as_written() {
        for text in [
            "p99(checkout) < 2s",
            "p99.9(checkout/place the order) <= 300ms",
            "error_rate < 0.1%",
            "recovery < 5s",
            "recovery(provider is slow) < 5s",
            "rate >= 950/s",
            "lost < 1",
            "lost(checkout/pay it) <= 3",
            "rate_missed < 5%",
            "service_p50 < 10ms",
            "mean > 1us",
            "availability(browse) >= 99.9%",
            "max < 1m30s",
            "probe.cache_hit_rate > 80%",
            "probe.a-b.c <= -2.5",
            "probe.orders >= 5/s",
            "probe.wait < 250ms",
            "probe.memory < 64MiB",
            "probe.backlog < 100 orders",
            "effect(p95(checkout)) < 2 x",
            "effect(rate) >= 0.9 x",
            "headroom(provider is slow) >= 180ms",
            "headroom(thin) <= 64000 B/s",
            "headroom(lossy) > 2%",
            "effect(error_rate(checkout/pay it)) < 5%",
            "regression(p95(checkout)) < 10%",
            "regression(p99.9(checkout/pay it)) <= 2.5%",
            "regression(p50) < 5%",
        ] {
            assert_eq!(text.parse::<GateExpr>().unwrap().to_string(), text);
        }
        let gate: GateExpr = "p99 < 2s".parse().unwrap();
        assert!(gate.holds(1_999_999.0) && !gate.holds(2_000_000.0));
    }

    #[test]
    fn mistakes_are_told_with_their_place() {
        let mistake = |text: &str| {
            let error = text.parse::<GateExpr>().unwrap_err();
            (text[error.span].to_owned(), error.hint.unwrap_or_default())
        };
        assert_eq!(
            mistake("eror_rate < 1%"),
            ("eror_rate".into(), "did you mean `error_rate`?".into())
        );
        assert_eq!(mistake("p99(checkout) < 5%").0, "5%");
        assert!(mistake("p99 < 5").1.contains("a duration"));
        assert_eq!(mistake("p101 < 5s").0, "p101");
        assert_eq!(mistake("p99 = 5s").0, "= 5s");
        assert_eq!(mistake("rate_missed(browse) < 5%").0, "browse");
        assert_eq!(mistake("lost < 1%").0, "1%");
        assert_eq!(mistake("p99(checkout < 5s").0, "(checkout < 5s");
        assert_eq!(mistake("p99 < 5s or so").0, "or so");
        assert_eq!(mistake("p99(../x) < 5s").0, "../x");
        assert_eq!(mistake("prob < 5s").1, "did you mean `probe`?");
        assert_eq!(mistake("probe < 5s").0, "probe");
        assert_eq!(mistake("effect < 2x").0, "effect");
        assert_eq!(mistake("effect(p95 < 2x").0, "(p95 < 2x");
        assert_eq!(mistake("effect(recovery) < 2x").0, "recovery");
        assert_eq!(mistake("effect( effect(p95)) < 2x").0, "effect");
        assert_eq!(mistake(&"effect(".repeat(200_000)).0, "effect");
        assert_eq!(mistake("regression < 10%").0, "regression");
        assert_eq!(mistake("regression(mean) < 10%").0, "mean");
        assert_eq!(mistake("regression(p100) < 10%").0, "p100");
        assert_eq!(mistake("regression(error_rate) < 10%").0, "error_rate");
        assert_eq!(mistake("regression(p95) > 10%").0, ">");
        assert_eq!(mistake("regression(p95) < 0%").0, "0%");
        assert_eq!(mistake("regression(p95) < 10ms").0, "10ms");
        assert_eq!(mistake("regression(effect(p95)) < 10%").0, "effect");
        assert_eq!(mistake("effect(regression(p95)) < 2x").0, "regression");
        assert_eq!(mistake(&"regression(effect(".repeat(99_999)).0, "effect");
        assert_eq!(mistake("effect(p95) < 20ms").0, "20ms");
        assert_eq!(mistake("effect(error_rate) < 2x").0, "2x");
        assert_eq!(mistake("probe. < 5s").0, "probe.");
        assert_eq!(mistake("probe.x < five").0, "five");
        assert_eq!(mistake("probe.x < 5 / 2").0, "5 / 2");
        assert!("".parse::<GateExpr>().is_err() && "p99 <".parse::<GateExpr>().is_err());
    }

    fn gates() -> impl Strategy<Value = GateExpr> {
        let name = prop::option::of(
            "[a-z][a-z0-9-]{0,8}(/[a-z ]{1,10}[a-z])?"
                .prop_map(|n| RequestName::parse(&n).unwrap()),
        );
        let stat = prop_oneof![
            (0u32..=10_000)
                .prop_map(|q| Stat::Quantile(Quantile::of_one(f64::from(q) / 10_000.0).unwrap())),
            Just(Stat::Mean),
            Just(Stat::Max)
        ];
        let unit = prop_oneof![
            Just(Unit::Share),
            Just(Unit::PerSecond),
            Just(Unit::Seconds),
            Just(Unit::Bytes),
            Just(Unit::Plain),
            Just(Unit::Named("orders".into())),
        ];
        let subject =
            (0usize..18, name, stat, unit).prop_map(|(kind, name, stat, unit)| match kind {
                0 => GateSubject::Latency { stat, name },
                1 => GateSubject::Service { stat, name },
                2 => GateSubject::Rate(name),
                3 => GateSubject::ErrorRate(name),
                4 => GateSubject::Availability(name),
                5 => GateSubject::Dropped(name),
                6 => GateSubject::RateMissed,
                7 => GateSubject::Probe {
                    name: "cache.hit_rate-2".parse().unwrap(),
                    unit,
                },
                8 => GateSubject::OfLink {
                    figure: LinkFigure::Amplification,
                    link: name.map(|n| n.as_str().to_owned()),
                },
                9 => GateSubject::Lost(name),
                17 => GateSubject::Regression {
                    quantile: Quantile::of_one(0.95).unwrap(),
                    name,
                },
                kind => GateSubject::OfFault {
                    figure: FaultFigure::ALL[kind - 10],
                    fault: name.map(|n| n.as_str().to_owned()),
                },
            });
        let op = prop::sample::select(vec![
            Comparison::Less,
            Comparison::AtMost,
            Comparison::Greater,
            Comparison::AtLeast,
        ]);
        (subject, op, 1u32..1_000_000).prop_map(|(subject, op, n)| {
            let op = match (&subject, op) {
                (GateSubject::Regression { .. }, Comparison::Greater) => Comparison::Less,
                (GateSubject::Regression { .. }, Comparison::AtLeast) => Comparison::AtMost,
                (_, op) => op,
            };
            let limit = match subject.unit() {
                Unit::Micros => f64::from(n),
                Unit::Share => f64::from(n) / 1_000_000.0,
                Unit::Seconds => f64::from(n) / 1000.0,
                _ => f64::from(n) / 8.0,
            };
            GateExpr { subject, op, limit }
        })
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back(gate in gates()) {
            let text = gate.to_string();
            let back: GateExpr = text.parse().unwrap();
            prop_assert_eq!(&back.subject, &gate.subject);
            prop_assert!((back.limit - gate.limit).abs() <= gate.limit * 1e-9, "{} for {}", back.limit, gate.limit);
            prop_assert_eq!(back.to_string(), text);
        }

        #[test]
        fn no_text_panics(text in "(p99|error_rate|rate|recovery)?[ -~é]{0,30}") {
            if let Err(error) = text.parse::<GateExpr>() {
                prop_assert!(text.get(error.span.clone()).is_some(), "{:?} lies outside {text:?}", error.span);
            }
        }
    }
}
