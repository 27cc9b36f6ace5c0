//! Reads texts with holes. `$${` writes a literal `${`, and `{{{{` a literal `{{`; everything else is itself.

use super::{Escape, Hole, Part, Symbol, Text};
use crate::diagnostic::nearest;
use crate::name::Name;
use serde_json::Value;
use std::fmt;
use std::ops::Range;

/// What is wrong with a text, and where in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TemplateError {
    /// What is wrong.
    pub message: String,
    /// Where, in bytes of the text.
    pub span: Range<usize>,
    /// What to do.
    pub hint: Option<String>,
}

const FUNCTIONS: [&str; 7] = [
    "uuid()",
    "iteration()",
    "int(1, 10)",
    "alnum(8)",
    "now()",
    "now_ms()",
    "row.COLUMN",
];
const SYMBOLS: [&str; 10] = [
    "port",
    "service.NAME.url",
    "service.NAME.port",
    "link.NAME.url",
    "link.NAME.address",
    "secret.NAME",
    "env.NAME",
    "env.NAME:-TEXT",
    "run.id",
    "run.dir",
];

fn error(message: impl Into<String>, span: Range<usize>) -> TemplateError {
    TemplateError {
        message: message.into(),
        span,
        hint: None,
    }
}

impl Text {
    /// Reads a text as a person typed it; `escape` says how the value of each hole is written.
    pub fn parse(text: &str, escape: Escape) -> Result<Self, TemplateError> {
        read(text, escape)
    }

    /// Reads what [`fmt::Display`] prints: holes carry their own escape.
    pub fn from_plan(text: &str) -> Result<Self, TemplateError> {
        read(text, Escape::None)
    }

    /// A JSON value with holes in its strings and keys, as one text: a string that is one hole becomes its value with
    /// its own type, a hole inside a longer string is escaped for it. The error's span lies within the string at fault.
    pub fn from_json(value: &Value) -> Result<Self, TemplateError> {
        let mut parts = Vec::new();
        json(value, &mut parts)?;
        Ok(merged(parts))
    }
}

fn json(value: &Value, out: &mut Vec<Part>) -> Result<(), TemplateError> {
    let raw = |text: &str, out: &mut Vec<Part>| out.push(Part::Literal(text.to_owned()));
    match value {
        Value::Object(map) => {
            raw("{", out);
            for (index, (key, item)) in map.iter().enumerate() {
                raw(if index > 0 { "," } else { "" }, out);
                string(key, false, out)?;
                raw(":", out);
                json(item, out)?;
            }
            raw("}", out);
        }
        Value::Array(items) => {
            raw("[", out);
            for (index, item) in items.iter().enumerate() {
                raw(if index > 0 { "," } else { "" }, out);
                json(item, out)?;
            }
            raw("]", out);
        }
        Value::String(text) => string(text, true, out)?,
        other => raw(&other.to_string(), out),
    }
    Ok(())
}

fn string(text: &str, own_type: bool, out: &mut Vec<Part>) -> Result<(), TemplateError> {
    let parsed = Text::parse(text, Escape::JsonString)?;
    if let ([Part::Hole { expr, .. }], true) = (parsed.parts.as_slice(), own_type) {
        out.push(Part::Hole {
            expr: expr.clone(),
            escape: Escape::JsonValue,
        });
        return Ok(());
    }
    out.push(Part::Literal("\"".into()));
    for part in parsed.parts {
        out.push(match part {
            Part::Literal(text) => Part::Literal(super::render::json_escaped(&text)),
            other => other,
        });
    }
    out.push(Part::Literal("\"".into()));
    Ok(())
}

/// Joins adjacent literals and drops empty ones.
pub(super) fn merged(parts: impl IntoIterator<Item = Part>) -> Text {
    let mut out: Vec<Part> = Vec::new();
    for part in parts {
        match (out.last_mut(), part) {
            (_, Part::Literal(text)) if text.is_empty() => {}
            (Some(Part::Literal(before)), Part::Literal(text)) => before.push_str(&text),
            (_, part) => out.push(part),
        }
    }
    Text { parts: out }
}

fn read(text: &str, escape: Escape) -> Result<Text, TemplateError> {
    let mut parts = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let (part, used) = if let Some(after) = rest.strip_prefix("$${") {
            (Part::Literal("${".into()), rest.len() - after.len())
        } else if let Some(after) = rest.strip_prefix("{{{{") {
            (Part::Literal("{{".into()), rest.len() - after.len())
        } else if rest.starts_with("${") {
            let end = rest
                .find('}')
                .ok_or_else(|| unclosed("${", "}", at, text.len()))?;
            (Part::Symbol(symbol(&rest[2..end], at + 2)?), end + 1)
        } else if rest.starts_with("{{") {
            let end = rest
                .find("}}")
                .ok_or_else(|| unclosed("{{", "}}", at, text.len()))?;
            (hole(&rest[2..end], at + 2, escape)?, end + 2)
        } else {
            let next = rest.char_indices().skip(1).find(|(i, c)| {
                let here = &rest[*i..];
                (*c == '$' && (here.starts_with("${") || here.starts_with("$${")))
                    || here.starts_with("{{")
            });
            let end = next.map_or(rest.len(), |(i, _)| i);
            (Part::Literal(rest[..end].to_owned()), end)
        };
        parts.push(part);
        at += used;
    }
    Ok(merged(parts))
}

fn unclosed(open: &str, close: &str, at: usize, end: usize) -> TemplateError {
    let hint = Some(format!(
        "close it with `{close}`, or write `{}` for the characters themselves",
        doubled(open)
    ));
    TemplateError {
        hint,
        ..error(format!("`{open}` is never closed"), at..end)
    }
}

fn doubled(open: &str) -> &'static str {
    if open == "${" { "$${" } else { "{{{{" }
}

/// A literal as it must be written so that it is read back as itself.
pub(super) fn quote_literal(text: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(first) = rest.chars().next() {
        // From left to right, as it is read: one pair's quoting must not begin another.
        let pair = ["${", "{{"].into_iter().find(|pair| rest.starts_with(pair));
        match pair {
            Some(pair) => out.push_str(doubled(pair)),
            None => out.push(first),
        }
        rest = &rest[pair.map_or(first.len_utf8(), str::len)..];
    }
    out
}

fn name(text: &str, span: Range<usize>) -> Result<Name, TemplateError> {
    text.parse().map_err(|e| error(format!("{e}"), span))
}

fn symbol(inner: &str, from: usize) -> Result<Symbol, TemplateError> {
    let text = inner.trim();
    let span = from..from + inner.len();
    let parts: Vec<&str> = text.split('.').collect();
    let unknown = || {
        let near = nearest(text, SYMBOLS);
        let known = near.map_or_else(
            || SYMBOLS.map(|s| format!("${{{s}}}")).join(", "),
            |s| format!("${{{s}}}"),
        );
        let hint = if near.is_some() {
            format!("did you mean `{known}`?")
        } else {
            format!("one of {known}")
        };
        TemplateError {
            hint: Some(hint),
            ..error(format!("`${{{text}}}` is not known here"), span.clone())
        }
    };
    // A name may hold dots; what follows the last one says what is asked of it.
    let middle = |prefix: &str, suffix: &str| {
        text.strip_prefix(prefix)
            .and_then(|rest| rest.strip_suffix(suffix))
    };
    Ok(match parts.as_slice() {
        ["port"] => Symbol::Port,
        ["run", "id"] => Symbol::RunId,
        ["run", "dir"] => Symbol::RunDir,
        ["secret", ..] if parts.len() > 1 => Symbol::Secret(name(&text["secret.".len()..], span)?),
        ["env", ..] if parts.len() > 1 => {
            let (name, default) = match text["env.".len()..].split_once(":-") {
                Some((name, default)) => (name, Some(default.to_owned())),
                None => (&text["env.".len()..], None),
            };
            let sound = |c: char| c.is_alphanumeric() || c == '_';
            if name.is_empty() || !name.chars().all(sound) {
                return Err(error(
                    format!("`{name}` is no name of an environment variable"),
                    span,
                ));
            }
            let name = name.to_owned();
            Symbol::Env { name, default }
        }
        ["service", .., "url"] if parts.len() > 2 => {
            Symbol::ServiceUrl(name(middle("service.", ".url").unwrap_or_default(), span)?)
        }
        ["service", .., "port"] if parts.len() > 2 => {
            Symbol::ServicePort(name(middle("service.", ".port").unwrap_or_default(), span)?)
        }
        ["link", .., "url"] if parts.len() > 2 => {
            Symbol::LinkUrl(name(middle("link.", ".url").unwrap_or_default(), span)?)
        }
        ["link", .., "address"] if parts.len() > 2 => {
            Symbol::LinkAddress(name(middle("link.", ".address").unwrap_or_default(), span)?)
        }
        _ => return Err(unknown()),
    })
}

fn hole(inner: &str, from: usize, escape: Escape) -> Result<Part, TemplateError> {
    let (expr, escape) = match inner.split_once('|') {
        None => (inner, escape),
        Some((expr, word)) => {
            let found = [Escape::JsonString, Escape::JsonValue, Escape::Percent]
                .into_iter()
                .find(|e| e.word() == word.trim());
            let at = from + expr.len() + 1;
            let unknown = || {
                TemplateError {
                hint: Some("a hole is filled with a variable, `row.COLUMN` or a function; there are no filters".into()),
                ..error(format!("`| {}` is not known", word.trim()), at..from + inner.len())
            }
            };
            (expr, found.ok_or_else(unknown)?)
        }
    };
    let lead = expr.len() - expr.trim_start().len();
    let text = expr.trim();
    let span = from + lead..from + lead + text.len();
    Ok(Part::Hole {
        expr: filling(text, span)?,
        escape,
    })
}

fn filling(text: &str, span: Range<usize>) -> Result<Hole, TemplateError> {
    if text.is_empty() {
        return Err(TemplateError {
            hint: Some("name a variable, such as `{{ order }}`".into()),
            ..error("nothing is named here", span)
        });
    }
    if let Some((function, arguments)) = text.split_once('(') {
        let Some(arguments) = arguments.strip_suffix(')') else {
            return Err(error(format!("`{function}(` is never closed"), span));
        };
        return call(function.trim(), arguments, span);
    }
    let word = |t: &str| {
        !t.is_empty()
            && t.chars()
                .all(|c| c.is_alphanumeric() || c == '_' || c == '-' || c == ' ')
    };
    match text.strip_prefix("row.") {
        Some(column) if word(column) => Ok(Hole::Row(column.to_owned())),
        None if word(text) && !text.contains(' ') => Ok(Hole::Variable(text.to_owned())),
        _ => Err(TemplateError {
            hint: Some("a name has letters, digits, `_` and `-`; a column is `row.NAME`".into()),
            ..error(
                format!("`{text}` is not a variable, a column or a function"),
                span,
            )
        }),
    }
}

fn call(function: &str, arguments: &str, span: Range<usize>) -> Result<Hole, TemplateError> {
    let given: Vec<&str> = arguments
        .split(',')
        .map(str::trim)
        .filter(|a| !a.is_empty())
        .collect();
    let usage = |form: &str| TemplateError {
        hint: Some(format!("write `{{{{ {form} }}}}`")),
        ..error(format!("`{function}` takes other arguments"), span.clone())
    };
    match (function, given.as_slice()) {
        ("uuid", []) => Ok(Hole::Uuid),
        ("iteration", []) => Ok(Hole::Iteration),
        ("now", []) => Ok(Hole::Now),
        ("now_ms", []) => Ok(Hole::NowMs),
        ("int", [low, high]) => match (low.parse::<i64>(), high.parse::<i64>()) {
            (Ok(low), Ok(high)) if low <= high => Ok(Hole::Int(low, high)),
            _ => Err(usage("int(1, 10)")),
        },
        ("alnum", [length]) => match length.parse() {
            Ok(length @ 1..=1000) => Ok(Hole::Alnum(length)),
            _ => Err(usage("alnum(8)")),
        },
        ("uuid" | "iteration" | "now" | "now_ms", _) => Err(usage(&format!("{function}()"))),
        ("int", _) => Err(usage("int(1, 10)")),
        ("alnum", _) => Err(usage("alnum(8)")),
        _ => {
            let words = FUNCTIONS.map(|f| f.split('(').next().unwrap_or(f));
            let hint = match nearest(function, words) {
                Some(near) => format!("did you mean `{near}()`?"),
                None => format!("the functions are {}", FUNCTIONS[..6].join(", ")),
            };
            Err(TemplateError {
                hint: Some(hint),
                ..error(format!("there is no function `{function}`"), span)
            })
        }
    }
}

impl Escape {
    /// The word printed behind a hole in a plan.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::JsonString => "json-string",
            Self::JsonValue => "json-value",
            Self::Percent => "percent",
        }
    }
}

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Port => f.write_str("port"),
            Self::ServiceUrl(name) => write!(f, "service.{name}.url"),
            Self::ServicePort(name) => write!(f, "service.{name}.port"),
            Self::LinkUrl(name) => write!(f, "link.{name}.url"),
            Self::LinkAddress(name) => write!(f, "link.{name}.address"),
            Self::Secret(name) => write!(f, "secret.{name}"),
            Self::Env { name, default } => match default {
                Some(default) => write!(f, "env.{name}:-{default}"),
                None => write!(f, "env.{name}"),
            },
            Self::RunId => f.write_str("run.id"),
            Self::RunDir => f.write_str("run.dir"),
        }
    }
}

impl fmt::Display for Hole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) => f.write_str(name),
            Self::Row(column) => write!(f, "row.{column}"),
            Self::Uuid => f.write_str("uuid()"),
            Self::Iteration => f.write_str("iteration()"),
            Self::Int(low, high) => write!(f, "int({low}, {high})"),
            Self::Alnum(length) => write!(f, "alnum({length})"),
            Self::Now => f.write_str("now()"),
            Self::NowMs => f.write_str("now_ms()"),
        }
    }
}
