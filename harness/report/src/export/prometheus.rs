//! Prometheus' text format and OpenMetrics. Samples of a series are in order of time, those of a family together.

use super::{About, BOUNDS_US, Counts, Export, Kind, Point, Series, Unit, Value};
use std::fmt;
use std::io::{self, Write};

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Version 0.0.4: milliseconds.
    Text {
        /// Only each series' last value, and no time: what a gateway for jobs or a collector of text files takes.
        last: bool,
    },
    /// Version 1.0.0: seconds, and an end.
    OpenMetrics,
}

/// Writes a run.
///
/// # Errors
/// What `out` says.
pub fn write(export: &Export, dialect: Dialect, out: &mut impl Write) -> io::Result<()> {
    for family in &export.families {
        let names = Names::of(&family.about, dialect);
        head(&family.about, &names, dialect, out)?;
        for series in &family.series {
            let from = match dialect {
                Dialect::Text { last: true } => series.points.len().saturating_sub(1),
                _ => 0,
            };
            for point in series.points.iter().skip(from) {
                sample(&names, series, point, dialect, out)?;
            }
        }
    }
    match dialect {
        Dialect::OpenMetrics => writeln!(out, "# EOF"),
        Dialect::Text { .. } => Ok(()),
    }
}

/// What a family and its samples are called.
struct Names {
    family: String,
    sample: String,
}

impl Names {
    /// By the rules of the way from OpenTelemetry to Prometheus: dots become underscores, the unit follows, then `_total`.
    fn of(about: &About, dialect: Dialect) -> Self {
        let mut base: String = about
            .name
            .chars()
            .map(|c| match c {
                'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | ':' => c,
                _ => '_',
            })
            .collect();
        let (counts, tells) = (about.kind == Kind::Counter, about.kind == Kind::Info);
        if counts && let Some(bare) = base.strip_suffix("_total") {
            base = bare.to_owned();
        }
        if tells && let Some(bare) = base.strip_suffix("_info") {
            base = bare.to_owned();
        }
        if let Some(unit) = unit(about.unit).filter(|unit| !base.ends_with(&format!("_{unit}"))) {
            base = format!("{base}_{unit}");
        }
        let sample = match about.kind {
            Kind::Counter => format!("{base}_total"),
            Kind::Info => format!("{base}_info"),
            _ => base.clone(),
        };
        let family = match dialect {
            Dialect::OpenMetrics => base,
            Dialect::Text { .. } => sample.clone(),
        };
        Self { family, sample }
    }
}

const fn unit(unit: Unit) -> Option<&'static str> {
    match unit {
        Unit::None | Unit::Of(_) => None,
        Unit::Ratio => Some("ratio"),
        Unit::Seconds => Some("seconds"),
        Unit::Bytes => Some("bytes"),
    }
}

fn head(about: &About, names: &Names, dialect: Dialect, out: &mut impl Write) -> io::Result<()> {
    let open = dialect == Dialect::OpenMetrics;
    let word = match about.kind {
        Kind::Counter => "counter",
        Kind::Histogram => "histogram",
        Kind::Info if open => "info",
        Kind::Gauge | Kind::Info => "gauge",
        Kind::Unknown if open => "unknown",
        Kind::Unknown => "untyped",
    };
    let family = &names.family;
    writeln!(out, "# TYPE {family} {word}")?;
    if open && let Some(unit) = unit(about.unit) {
        writeln!(out, "# UNIT {family} {unit}")?;
    }
    let help = about.help.replace('\\', "\\\\").replace('\n', "\\n");
    match open {
        true => writeln!(out, "# HELP {family} {}", help.replace('"', "\\\"")),
        false => writeln!(out, "# HELP {family} {help}"),
    }
}

fn sample(
    names: &Names,
    series: &Series,
    point: &Point,
    dialect: Dialect,
    out: &mut impl Write,
) -> io::Result<()> {
    let name = &names.sample;
    let time = Time(point.at_ms, dialect);
    match &point.value {
        Value::Number(value) => {
            writeln!(
                out,
                "{name}{} {}{time}",
                Labels(series, None),
                Number(*value)
            )
        }
        Value::Counts(counts) => {
            let Counts { buckets, sum } = counts.as_ref();
            let bounds = BOUNDS_US.iter().map(|us| *us as f64 / 1e6);
            let mut below = 0;
            for (bound, n) in bounds.chain([f64::INFINITY]).zip(buckets) {
                below += n;
                let le = Bound(bound, dialect).to_string();
                let labels = Labels(series, Some(&le));
                writeln!(out, "{name}_bucket{labels} {below}{time}")?;
            }
            let labels = Labels(series, None);
            writeln!(out, "{name}_sum{labels} {}{time}", Number(*sum))?;
            writeln!(out, "{name}_count{labels} {below}{time}")
        }
    }
}

/// When, with the space before it.
struct Time(i64, Dialect);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(ms, dialect) = self;
        match dialect {
            Dialect::Text { last: true } => Ok(()),
            Dialect::Text { last: false } => write!(f, " {ms}"),
            Dialect::OpenMetrics => {
                let sign = if *ms < 0 { "-" } else { "" };
                let ms = ms.unsigned_abs();
                write!(f, " {sign}{}.{:03}", ms / 1000, ms % 1000)
            }
        }
    }
}

/// The upper bound of a bucket. OpenMetrics wants a point in it, Prometheus' clients write none.
struct Bound(f64, Dialect);

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self(bound, _) if bound.is_infinite() => f.write_str("+Inf"),
            Self(bound, Dialect::OpenMetrics) => write!(f, "{bound:?}"),
            Self(bound, Dialect::Text { .. }) => write!(f, "{bound}"),
        }
    }
}

struct Number(f64);

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            value if value.is_nan() => f.write_str("NaN"),
            f64::INFINITY => f.write_str("+Inf"),
            f64::NEG_INFINITY => f.write_str("-Inf"),
            value => write!(f, "{value}"),
        }
    }
}

/// Labels in braces, escaped, with a bucket's bound last.
struct Labels<'s>(&'s Series, Option<&'s str>);

impl fmt::Display for Labels<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let own = self
            .0
            .labels
            .iter()
            .map(|(name, value)| (name.as_ref(), value.as_str()));
        let all = own.chain(self.1.map(|le| ("le", le)));
        for (at, (name, value)) in all.enumerate() {
            f.write_str(if at == 0 { "{" } else { "," })?;
            f.write_str(&name.replace('.', "_"))?;
            f.write_str("=\"")?;
            escape(value, f)?;
            f.write_str("\"")?;
        }
        f.write_str("}")
    }
}

fn escape(value: &str, f: &mut impl fmt::Write) -> fmt::Result {
    for c in value.chars() {
        match c {
            '\\' => f.write_str("\\\\")?,
            '"' => f.write_str("\\\"")?,
            '\n' => f.write_str("\\n")?,
            c => f.write_char(c)?,
        }
    }
    Ok(())
}
