//! Texts with holes. `${…}` is known once, when the target starts, and stays a symbol in the plan; `{{ … }}` is
//! filled at each iteration. Parsed once, so that filling one under load walks a list and searches nothing.

mod parse;
mod render;

pub use parse::TemplateError;
pub(crate) use render::percent;
pub use render::{RenderError, Scope, Symbols, UnboundError, plain};

use crate::name::Name;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// A text with holes. Serialised as the text it was parsed from.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Text {
    /// The parts, in order; literals are never empty nor adjacent.
    pub parts: Vec<Part>,
}

/// A part of a [`Text`].
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// Passed through.
    Literal(String),
    /// `${…}`.
    Symbol(Symbol),
    /// `{{ … }}`.
    Hole {
        /// What fills it.
        expr: Hole,
        /// How its value is written.
        escape: Escape,
    },
}

/// What is known when the target starts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Symbol {
    /// `${port}`: the port chosen for the service whose text this is.
    Port,
    /// `${service.NAME.url}`: `http://host:port` of a service, without a link between.
    ServiceUrl(Name),
    /// `${service.NAME.port}`.
    ServicePort(Name),
    /// `${link.NAME.url}`: the proxy's listener for a link, with its scheme.
    LinkUrl(Name),
    /// `${link.NAME.address}`: the same as `host:port`.
    LinkAddress(Name),
    /// `${secret.NAME}`.
    Secret(Name),
    /// `${env.NAME}`: of the harness's own environment; `${env.NAME:-text}` is the text where the variable is not set, or
    /// empty.
    Env {
        /// The variable.
        name: String,
        /// What it is where nobody says.
        default: Option<String>,
    },
    /// `${run.id}`.
    RunId,
    /// `${run.dir}`: a folder of this run's own, removed with the target.
    RunDir,
}

/// What fills a `{{ … }}`.
#[derive(Debug, Clone, PartialEq)]
pub enum Hole {
    /// `{{ order }}`: a variable or a capture.
    Variable(String),
    /// `{{ row.sku }}`: a column of the iteration's data row.
    Row(String),
    /// `{{ uuid() }}`: a version 4 UUID from the seed and the run's id.
    Uuid,
    /// `{{ iteration() }}`: the number of this journey's iteration, from 0.
    Iteration,
    /// `{{ int(1, 10) }}`: uniform, both ends included.
    Int(i64, i64),
    /// `{{ alnum(8) }}`: that many lower-case letters and digits.
    Alnum(u16),
    /// `{{ now() }}`: RFC 3339, UTC, milliseconds.
    Now,
    /// `{{ now_ms() }}`: milliseconds since the Unix epoch.
    NowMs,
}

/// How a value is written into the text around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Escape {
    /// As it is.
    None,
    /// Inside a JSON string.
    JsonString,
    /// As a JSON value of its own type: a lone hole in a JSON body.
    JsonValue,
    /// Percent-encoded: a path segment or a query value.
    Percent,
}

impl Text {
    /// A text without holes.
    pub fn literal(text: impl Into<String>) -> Self {
        let text = text.into();
        Self {
            parts: if text.is_empty() {
                Vec::new()
            } else {
                vec![Part::Literal(text)]
            },
        }
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// The text, if it has no holes.
    pub fn as_literal(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [Part::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// Every symbol in it.
    pub fn symbols(&self) -> impl Iterator<Item = &Symbol> {
        self.parts.iter().filter_map(|part| match part {
            Part::Symbol(symbol) => Some(symbol),
            _ => None,
        })
    }

    /// Every hole in it.
    pub fn holes(&self) -> impl Iterator<Item = &Hole> {
        self.parts.iter().filter_map(|part| match part {
            Part::Hole { expr, .. } => Some(expr),
            _ => None,
        })
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_plan(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts.iter().try_for_each(|part| match part {
            Part::Literal(text) => f.write_str(&parse::quote_literal(text)),
            Part::Symbol(symbol) => write!(f, "${{{symbol}}}"),
            Part::Hole {
                expr,
                escape: Escape::None,
            } => write!(f, "{{{{ {expr} }}}}"),
            Part::Hole { expr, escape } => write!(f, "{{{{ {expr} | {} }}}}", escape.word()),
        })
    }
}
