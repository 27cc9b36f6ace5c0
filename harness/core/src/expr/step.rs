//! Step expressions: `status == 201`, `$.status == 'PENDING'`, `duration < 300ms`, `header.etag exists`.

use super::glimpse;
use super::step_check::shown;
use crate::template::{Text, plain};
use serde_json::Value as Json;
use serde_json_path::JsonPath;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

/// Whole numbers below are told apart by their floating point values: 2^53.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Something a step's answer must satisfy.
#[derive(Debug, Clone, PartialEq)]
pub struct Expectation {
    /// What is looked at.
    pub subject: StepSubject,
    /// How it is judged.
    pub test: Test,
}

/// What of an answer is looked at.
#[derive(Debug, Clone, PartialEq)]
pub enum StepSubject {
    /// The status code.
    Status,
    /// Service time of the exchange.
    Duration,
    /// A header, lower case; its first value.
    Header(String),
    /// The whole body as text.
    Body,
    /// An RFC 9535 JSONPath into the JSON body: one node is its value, several nodes are a list, none is absent.
    Json(Path),
    /// `count($…)`, `count(name)`: how many there are.
    Count(Many),
    /// `distinct($…)`, `distinct(name)`: how many different ones there are.
    Distinct(Many),
}

impl StepSubject {
    /// The path along which it looks into the body.
    pub(super) fn path(&self) -> Option<&Path> {
        match self {
            Self::Json(path) | Self::Count(Many::Path(path)) | Self::Distinct(Many::Path(path)) => {
                Some(path)
            }
            Self::Count(Many::Variable(_)) | Self::Distinct(Many::Variable(_)) => None,
            Self::Status | Self::Duration | Self::Header(_) | Self::Body => None,
        }
    }
}

/// What is counted: where one value that is a list is found, its members; else what is found.
#[derive(Debug, Clone, PartialEq)]
pub enum Many {
    /// The nodes a JSONPath finds in the body.
    Path(Path),
    /// A variable; it needs no answer.
    Variable(String),
}

/// How a subject is judged.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// `== value`
    Equal(Value),
    /// `!= value`
    NotEqual(Value),
    /// `< value`
    Less(Value),
    /// `<= value`
    AtMost(Value),
    /// `> value`
    Greater(Value),
    /// `>= value`
    AtLeast(Value),
    /// `in [a, b]`
    In(Vec<Value>),
    /// `contains 'text'`: a substring, or a member of a list.
    Contains(Value),
    /// `matches /regex/`
    Matches(Pattern),
    /// `exists`
    Exists,
    /// `absent`
    Absent,
}

impl Test {
    /// The texts on its right-hand side.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &Text> {
        let values = match self {
            Self::In(values) => values.as_slice(),
            Self::Equal(v) | Self::NotEqual(v) | Self::Contains(v) => std::slice::from_ref(v),
            Self::Less(v) | Self::AtMost(v) | Self::Greater(v) | Self::AtLeast(v) => {
                std::slice::from_ref(v)
            }
            Self::Matches(_) | Self::Exists | Self::Absent => &[],
        };
        values.iter().filter_map(|value| match value {
            Value::Text(text) => Some(text),
            _ => None,
        })
    }

    /// The same, to be changed.
    pub(crate) fn texts_mut(&mut self) -> impl Iterator<Item = &mut Text> {
        let values = match self {
            Self::In(values) => values.as_mut_slice(),
            Self::Equal(v) | Self::NotEqual(v) | Self::Contains(v) => std::slice::from_mut(v),
            Self::Less(v) | Self::AtMost(v) | Self::Greater(v) | Self::AtLeast(v) => {
                std::slice::from_mut(v)
            }
            Self::Matches(_) | Self::Exists | Self::Absent => &mut [],
        };
        values.iter_mut().filter_map(|value| match value {
            Value::Text(text) => Some(text),
            _ => None,
        })
    }
}

/// The right-hand side.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// A JSON number.
    Number(f64),
    /// `'text'`, may hold `{{ … }}`; a lone `{{ hole }}` keeps its value's type.
    Text(Text),
    /// `300ms`
    Duration(Duration),
}

/// A compiled JSONPath that compares and prints by its source: what the library prints of `$..id` does not read back.
/// Variables may stand in it, in a filter's text: `$.items[?@.id == '{{ order }}']`.
#[derive(Debug, Clone)]
pub struct Path {
    pub(super) source: String,
    /// With every variable a 0, where it has any.
    pub(super) compiled: JsonPath,
    /// Its variables, if it has any.
    open: Option<Box<Open>>,
    /// Its names, if it has nothing else.
    names: Option<Box<[Box<str>]>>,
}

/// A path that holds variables: the text before the first, and each with the text that follows it.
pub(super) type Open = (String, Vec<(String, String)>);

impl PartialEq for Path {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Path {
    pub(super) fn new(source: &str, compiled: JsonPath, open: Option<Open>) -> Self {
        Self {
            names: glimpse::names(source),
            source: source.to_owned(),
            compiled,
            open: open.map(Box::new),
        }
    }

    /// The names from the root down, of a plain path like `$.a.b`.
    pub(super) fn names(&self) -> Option<&[Box<str>]> {
        self.names.as_deref()
    }

    /// The variables that stand in it.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        let open = self.open.iter().flat_map(|open| &open.1);
        open.map(|(name, _)| name.as_str())
    }

    /// The path with its variables filled; the error says why it can't be looked along.
    pub(super) fn filled(
        &self,
        variables: &BTreeMap<String, Json>,
    ) -> Result<Cow<'_, JsonPath>, String> {
        let Some((head, holes)) = self.open.as_deref() else {
            return Ok(Cow::Borrowed(&self.compiled));
        };
        let mut text = head.clone();
        for (name, tail) in holes {
            let value = variables
                .get(name)
                .ok_or_else(|| format!("`{name}` has no value here"))?;
            // What a target sent stays a text: it can't end the quotes that it stands in.
            for c in plain(value).chars() {
                match c {
                    '\\' | '\'' | '"' => text.push_str(&format!("\\u{:04x}", u32::from(c))),
                    c if c.is_ascii_control() => text.push_str(&format!("\\u{:04x}", u32::from(c))),
                    c => text.push(c),
                }
            }
            text.push_str(tail);
        }
        let path = JsonPath::parse(&text);
        path.map(Cow::Owned)
            .map_err(|error| format!("`{text}` is not a JSONPath: {}", error.message()))
    }

    /// As it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The one number it finds; else what it finds instead, in words.
    pub fn number(&self, body: &serde_json::Value) -> Result<f64, String> {
        let found = self.compiled.query(body).all();
        let number = |value: &serde_json::Value| value.as_f64().filter(|n| n.is_finite());
        // Of whole numbers beyond, two that differ would look the same.
        let exact = |n: f64| n.fract() != 0.0 || n.abs() < EXACT;
        match found.as_slice() {
            [] => Err("nothing is there".to_owned()),
            [one] if number(one).is_some_and(|n| !exact(n)) => Err(format!(
                "{one} is there, which is too large to be compared exactly (2^53 and beyond)"
            )),
            [one] => number(one)
                .ok_or_else(|| format!("`{}` is there, which is not a number", shown(one))),
            several => Err(format!("{} values are there", several.len())),
        }
    }
}

impl std::fmt::Display for Path {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.source)
    }
}

/// A compiled regular expression that compares and prints by its source.
#[derive(Debug, Clone)]
pub struct Pattern(pub regex::Regex);

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_can_not_be_told_from_its_neighbour_is_none() {
        let path = Path::new("$.n", JsonPath::parse("$.n").unwrap(), None);
        let number = |text: &str| path.number(&serde_json::from_str(text).unwrap());
        assert_eq!(
            number("{\"n\": 9007199254740991}"),
            Ok(9_007_199_254_740_991.0)
        );
        for large in ["9007199254740993", "-18014398509481985", "1e300"] {
            let told = number(&format!("{{\"n\": {large}}}")).unwrap_err();
            assert!(told.contains("too large to be compared exactly"), "{told}");
        }
        assert_eq!(number("{\"n\": 0.1}"), Ok(0.1));
    }
}
