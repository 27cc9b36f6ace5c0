//! Step expressions as text: what the parser beside it reads back to the same value.

use crate::expr::step::{Expectation, Many, StepSubject, Test, Value};
use crate::units;
use std::fmt;

impl fmt::Display for Expectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let subject = &self.subject;
        match &self.test {
            Test::Equal(value) => write!(f, "{subject} == {value}"),
            Test::NotEqual(value) => write!(f, "{subject} != {value}"),
            Test::Less(value) => write!(f, "{subject} < {value}"),
            Test::AtMost(value) => write!(f, "{subject} <= {value}"),
            Test::Greater(value) => write!(f, "{subject} > {value}"),
            Test::AtLeast(value) => write!(f, "{subject} >= {value}"),
            Test::Contains(value) => write!(f, "{subject} contains {value}"),
            Test::Matches(pattern) => {
                write!(f, "{subject} matches /{}/", slashed(pattern.0.as_str()))
            }
            Test::Exists => write!(f, "{subject} exists"),
            Test::Absent => write!(f, "{subject} absent"),
            Test::In(values) => {
                write!(f, "{subject} in [")?;
                for (index, value) in values.iter().enumerate() {
                    write!(f, "{}{value}", if index > 0 { ", " } else { "" })?;
                }
                f.write_str("]")
            }
        }
    }
}

/// A pattern's source between slashes: slashes that are not escaped yet get a `\`.
fn slashed(source: &str) -> String {
    let (mut out, mut escaped) = (String::new(), false);
    for c in source.chars() {
        if c == '/' && !escaped {
            out.push('\\');
        }
        escaped = c == '\\' && !escaped;
        out.push(c);
    }
    out
}

impl fmt::Display for StepSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status => f.write_str("status"),
            Self::Duration => f.write_str("duration"),
            Self::Body => f.write_str("body"),
            Self::Header(name) => write!(f, "header.{name}"),
            Self::Json(path) => write!(f, "{path}"),
            Self::Count(many) => write!(f, "count({many})"),
            Self::Distinct(many) => write!(f, "distinct({many})"),
        }
    }
}

impl fmt::Display for Many {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => write!(f, "{path}"),
            Self::Variable(name) => f.write_str(name),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(truth) => write!(f, "{truth}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Duration(duration) => f.write_str(&units::format_duration(*duration)),
            Self::Text(text) => write!(
                f,
                "'{}'",
                text.to_string().replace('\\', "\\\\").replace('\'', "\\'")
            ),
        }
    }
}
