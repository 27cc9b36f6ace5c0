//! Step expressions as text: parser and printer.

use super::scan::{ExprError, Scan, as_text};
use super::step::{Expectation, Many, Open, Path, Pattern, StepSubject, Test, Value};
use crate::diagnostic::nearest;
use crate::template::{Escape, Text};
use crate::units;
use serde_json_path::JsonPath;
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

const SUBJECTS: [&str; 7] = [
    "status",
    "duration",
    "header.NAME",
    "body",
    "$.path",
    "count($.path)",
    "distinct($.path)",
];
const OPERATORS: &str =
    "one of `==`, `!=`, `<`, `<=`, `>`, `>=`, `in`, `contains`, `matches`, `exists`, `absent`";
/// Bytes a compiled regular expression may take.
const REGEX_LIMIT: usize = 1 << 20;

as_text!(Expectation, StepSubject);

impl FromStr for Expectation {
    type Err = ExprError;

    fn from_str(text: &str) -> Result<Self, ExprError> {
        let mut scan = Scan::new(text);
        let subject = subject(&mut scan)?;
        let test = test(&mut scan, &subject)?;
        scan.end()?;
        Ok(Self { subject, test })
    }
}

impl FromStr for StepSubject {
    type Err = ExprError;

    fn from_str(text: &str) -> Result<Self, ExprError> {
        let mut scan = Scan::new(text);
        let subject = subject(&mut scan)?;
        scan.end()?;
        Ok(subject)
    }
}

fn subject(scan: &mut Scan<'_>) -> Result<StepSubject, ExprError> {
    scan.space();
    let from = scan.at;
    if scan.rest().starts_with('$') {
        return path(scan, from, "").map(StepSubject::Json);
    }
    let word = scan.run(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    match word {
        "status" => Ok(StepSubject::Status),
        "duration" => Ok(StepSubject::Duration),
        "body" => Ok(StepSubject::Body),
        "count" if scan.take("(") => many(scan, from, word).map(StepSubject::Count),
        "distinct" if scan.take("(") => many(scan, from, word).map(StepSubject::Distinct),
        _ => match word.strip_prefix("header.").filter(|name| !name.is_empty()) {
            Some(name) => Ok(StepSubject::Header(name.to_ascii_lowercase())),
            None => Err(unknown(word, scan.since(from))),
        },
    }
}

/// What stands between the parentheses of a count: a path, or a variable's name.
fn many(scan: &mut Scan<'_>, from: usize, word: &str) -> Result<Many, ExprError> {
    scan.space();
    let at = scan.at;
    let many = if scan.rest().starts_with('$') {
        Many::Path(path(scan, at, "")?)
    } else {
        let name = scan.run(|c| c.is_alphanumeric() || c == '_' || c == '-');
        if name.is_empty() {
            let wrong = ExprError::new("here a path or a variable's name is expected", scan.here());
            return Err(wrong.hint(format!("write `{word}($.items)` or `{word}(seen)`")));
        }
        Many::Variable(name.to_owned())
    };
    scan.space();
    if scan.take(")") {
        return Ok(many);
    }
    let message = format!("`{word}(` is never closed");
    Err(ExprError::new(message, from..scan.text.len()).hint(format!("write `{word}($.items)`")))
}

fn unknown(word: &str, span: std::ops::Range<usize>) -> ExprError {
    let near = nearest(
        word,
        ["status", "duration", "body", "header", "count", "distinct"],
    )
    .filter(|_| !word.is_empty());
    let hint = match near {
        Some("header") => "did you mean `header.NAME`?".to_owned(),
        Some(near @ ("count" | "distinct")) => format!("write `{near}($.path)`"),
        Some(near) => format!("did you mean `{near}`?"),
        None => format!(
            "an answer has {}",
            SUBJECTS.map(|s| format!("`{s}`")).join(", ")
        ),
    };
    let message = if word.is_empty() {
        "here a part of the answer is expected".to_owned()
    } else {
        format!("an answer has no `{word}`")
    };
    ExprError::new(message, span).hint(hint)
}

fn open(text: &str, from: usize) -> Result<Option<Open>, ExprError> {
    let Some((head, mut rest)) = text.split_once("{{") else {
        return Ok(None);
    };
    let mut holes = Vec::new();
    loop {
        let begin = from + text.len() - rest.len();
        let Some((inner, after)) = rest.split_once("}}") else {
            let unclosed = ExprError::new("`{{` is never closed", begin - 2..from + text.len());
            return Err(unclosed.hint("a variable is written `{{ name }}`"));
        };
        let name = inner.trim();
        let word = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
        if name.is_empty() || !name.chars().all(word) {
            let wrong = ExprError::new(
                "in a path a variable's name is expected here",
                begin - 2..begin + inner.len() + 2,
            );
            return Err(wrong.hint("other values become variables in `variables` or by a capture"));
        }
        let (tail, more) = after
            .split_once("{{")
            .map_or((after, None), |(tail, more)| (tail, Some(more)));
        holes.push((name.to_owned(), tail.to_owned()));
        match more {
            Some(more) => rest = more,
            None => return Ok(Some((head.to_owned(), holes))),
        }
    }
}

/// A JSONPath: to the first space, `)`, comparison or one of `ends` outside brackets and quotes; a `*` after a dot is
/// the path's own.
pub(super) fn path(scan: &mut Scan<'_>, from: usize, ends: &str) -> Result<Path, ExprError> {
    let (mut depth, mut quote, mut escaped) = (0u32, None, false);
    let mut before = ' ';
    let rest = scan.rest();
    let end = rest.char_indices().find_map(|(at, c)| {
        let member = c == '*' && before == '.';
        before = c;
        match (quote, c) {
            _ if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(q), c) if c == q => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '[' | '(') => depth += 1,
            (None, ')') if depth == 0 => return Some(at),
            (None, ']' | ')') => depth = depth.saturating_sub(1),
            (None, c) if depth == 0 && (c.is_whitespace() || "=!<>".contains(c)) => {
                return Some(at);
            }
            (None, c) if depth == 0 && ends.contains(c) && !member => return Some(at),
            _ => {}
        }
        None
    });
    let text = &rest[..end.unwrap_or(rest.len())];
    scan.at += text.len();
    let open = open(text, from)?;
    let whole = open.as_ref().map_or(Cow::Borrowed(text), |(head, holes)| {
        let tails = holes.iter().map(|(_, tail)| format!("0{tail}"));
        Cow::Owned(std::iter::once(head.clone()).chain(tails).collect())
    });
    let compiled = JsonPath::parse(&whole).map(|compiled| Path::new(text, compiled, open));
    compiled.map_err(|error| {
        let at = (from + error.position())
            .min(scan.at.saturating_sub(1))
            .max(from);
        // The parser counts bytes; a place inside a character is moved to its begin.
        let at = (from..=at)
            .rev()
            .find(|at| scan.text.is_char_boundary(*at))
            .unwrap_or(from);
        ExprError::new(
            format!("`{text}` is not a JSONPath: {}", error.message()),
            at..scan.at.max(at),
        )
        .hint("paths follow RFC 9535, such as `$.items[0].id` or `$['odd name']`")
    })
}

fn test(scan: &mut Scan<'_>, subject: &StepSubject) -> Result<Test, ExprError> {
    scan.space();
    let from = scan.at;
    for (sign, make) in [
        ("==", Test::Equal as fn(Value) -> Test),
        ("!=", Test::NotEqual),
        ("<=", Test::AtMost),
        (">=", Test::AtLeast),
        ("<", Test::Less),
        (">", Test::Greater),
    ] {
        if scan.take(sign) {
            return value(scan, subject).map(make);
        }
    }
    let word = scan.run(|c| c.is_ascii_alphabetic());
    match word {
        "exists" => Ok(Test::Exists),
        "absent" => Ok(Test::Absent),
        "contains" => value(scan, subject).map(Test::Contains),
        "in" => list(scan, subject).map(Test::In),
        "matches" => pattern(scan).map(Test::Matches),
        _ => {
            let near = nearest(word, ["exists", "absent", "contains", "in", "matches"])
                .filter(|_| !word.is_empty());
            let hint = near.map_or_else(
                || OPERATORS.to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            let span = if word.is_empty() {
                scan.here()
            } else {
                from..scan.at
            };
            Err(ExprError::new("here a comparison is expected", span).hint(hint))
        }
    }
}

fn list(scan: &mut Scan<'_>, subject: &StepSubject) -> Result<Vec<Value>, ExprError> {
    scan.space();
    let wrong = |scan: &Scan<'_>| {
        ExprError::new("here a list is expected", scan.here()).hint("write it as `in [200, 201]`")
    };
    if !scan.take("[") {
        return Err(wrong(scan));
    }
    let mut values = Vec::new();
    loop {
        values.push(value(scan, subject)?);
        scan.space();
        if scan.take("]") {
            return Ok(values);
        }
        if !scan.take(",") {
            return Err(wrong(scan));
        }
    }
}

fn pattern(scan: &mut Scan<'_>) -> Result<Pattern, ExprError> {
    scan.space();
    let from = scan.at;
    let wrong = |scan: &Scan<'_>| {
        ExprError::new("here a regular expression is expected", scan.here())
            .hint("write it as `matches /^[a-z]+$/`")
    };
    if !scan.take("/") {
        return Err(wrong(scan));
    }
    let rest = scan.rest();
    let mut escaped = false;
    let end = rest.char_indices().find_map(|(at, c)| {
        let ends = c == '/' && !escaped;
        escaped = c == '\\' && !escaped;
        ends.then_some(at)
    });
    let Some(end) = end else {
        return Err(wrong(scan));
    };
    let source = rest[..end].replace("\\/", "/");
    scan.at += end + 1;
    let built = regex::RegexBuilder::new(&source)
        .size_limit(REGEX_LIMIT)
        .build();
    built.map(Pattern).map_err(|error| {
        let reason = error.to_string();
        let reason = reason
            .lines()
            .last()
            .unwrap_or_default()
            .trim_start_matches("error: ")
            .to_owned();
        ExprError::new(format!("not a regular expression: {reason}"), from..scan.at)
    })
}

fn value(scan: &mut Scan<'_>, subject: &StepSubject) -> Result<Value, ExprError> {
    scan.space();
    let from = scan.at;
    let value = match scan.rest().chars().next() {
        Some(quote @ ('\'' | '"')) => Value::Text(quoted(scan, quote)?),
        Some('{') => Value::Text(bare_hole(scan)?),
        Some(_) => word(scan)?,
        None => {
            return Err(
                ExprError::new("the value to compare with is missing", scan.here())
                    .hint("a text stands in quotes: `'PENDING'`"),
            );
        }
    };
    let fits = match subject {
        StepSubject::Status | StepSubject::Count(_) | StepSubject::Distinct(_) => {
            matches!(value, Value::Number(_) | Value::Text(_))
        }
        StepSubject::Duration => matches!(value, Value::Duration(_)),
        _ => !matches!(value, Value::Duration(_)),
    };
    if fits {
        return Ok(value);
    }
    let typed = &scan.text[from..scan.at];
    let (what, hint) = match subject {
        StepSubject::Status => ("not a status", "write a number, such as `201`"),
        StepSubject::Count(_) | StepSubject::Distinct(_) => {
            ("not a number", "a count is compared with a number")
        }
        StepSubject::Duration => (
            "not a duration",
            "write a number with its unit, such as `300ms`",
        ),
        _ => (
            "a duration, and only `duration` is one",
            "a text stands in quotes",
        ),
    };
    Err(ExprError::new(format!("`{typed}` is {what}"), from..scan.at).hint(hint))
}

/// A text in quotes with `\` before a quote or another `\`; holes may stand in it.
fn quoted(scan: &mut Scan<'_>, quote: char) -> Result<Text, ExprError> {
    let from = scan.at;
    scan.at += 1;
    let (mut text, mut escaped) = (String::new(), false);
    for (at, c) in scan.rest().char_indices() {
        match c {
            c if escaped => {
                text.push(c);
                escaped = false;
            }
            '\\' => escaped = true,
            c if c == quote => {
                scan.at += at + 1;
                return text_of(&text, from + 1..scan.at - 1);
            }
            c => text.push(c),
        }
    }
    Err(
        ExprError::new("this text is never closed", from..scan.text.len())
            .hint(format!("close it with `{quote}`")),
    )
}

fn bare_hole(scan: &mut Scan<'_>) -> Result<Text, ExprError> {
    let from = scan.at;
    let Some(end) = scan
        .rest()
        .find("}}")
        .filter(|_| scan.rest().starts_with("{{"))
    else {
        return Err(ExprError::new("here a value is expected", scan.here())
            .hint("a variable is written `{{ name }}`"));
    };
    scan.at += end + 2;
    text_of(&scan.text[from..scan.at], from..scan.at)
}

fn text_of(text: &str, span: std::ops::Range<usize>) -> Result<Text, ExprError> {
    Text::parse(text, Escape::None).map_err(|error| {
        let wrong = ExprError::new(error.message, span);
        error.hint.map_or(wrong.clone(), |hint| wrong.hint(hint))
    })
}

fn word(scan: &mut Scan<'_>) -> Result<Value, ExprError> {
    let from = scan.at;
    let word = scan.run(|c| !c.is_whitespace() && c != ',' && c != ']');
    match word {
        "null" => return Ok(Value::Null),
        "true" => return Ok(Value::Bool(true)),
        "false" => return Ok(Value::Bool(false)),
        _ => {}
    }
    let numeric = word.starts_with(|c: char| c.is_ascii_digit() || c == '-' || c == '.');
    if let Some(number) = word
        .parse::<f64>()
        .ok()
        .filter(|n| numeric && n.is_finite())
    {
        return Ok(Value::Number(number));
    }
    units::parse_duration(word)
        .map(Value::Duration)
        .map_err(|_| {
            ExprError::new(format!("`{word}` is not a value"), scan.since(from))
                .hint(format!("a text stands in quotes: `'{word}'`"))
        })
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FORMS: [&str; 21] = [
        "status == 201",
        "status in [200, 201]",
        "$.status == 'PENDING'",
        "count($.items[*]) >= 1",
        "duration < 300ms",
        "header.content-type contains 'json'",
        "body contains 'it\\'s'",
        "$.id matches /^[0-9a-f\\/-]+$/",
        "$.paid_at exists",
        "$.error absent",
        "$.id == '{{ order }}'",
        "$.items[?@.id == '{{ order }}' || @.n > {{n}}].id exists",
        "$.ok != false",
        "$.total == null",
        "$['odd name'][?@.a == 'x y'].b > -1.5",
        "$..id exists",
        "count($..[?@.n > 1 && length(@.s) == 2]) == 1",
        "$.a[?!@.b || @['c'] == \"x\"] absent",
        "count(seen) == 14",
        "distinct(seen) == '{{ total }}'",
        "distinct($.items[*].id) >= 3",
    ];

    #[test]
    fn expressions_read_as_written() {
        for text in FORMS {
            let read: Expectation = text.parse().unwrap_or_else(|e| panic!("{text}: {e}"));
            let printed = read.to_string();
            assert_eq!(
                printed.parse::<Expectation>().unwrap(),
                read,
                "{text} printed as {printed}"
            );
        }
        let (bare, quoted): (Expectation, Expectation) = (
            "$.id == {{ order }}".parse().unwrap(),
            "$.id == '{{ order }}'".parse().unwrap(),
        );
        assert_eq!(bare, quoted);
    }

    #[test]
    fn mistakes_are_told_with_their_place() {
        let mistake = |text: &str| {
            let error = text.parse::<Expectation>().unwrap_err();
            (text[error.span].to_owned(), error.hint.unwrap_or_default())
        };
        assert_eq!(
            mistake("staus == 1"),
            ("staus".into(), "did you mean `status`?".into())
        );
        assert_eq!(mistake("status = 1").0, "= 1");
        assert_eq!(
            mistake("distinct() == 1"),
            (
                ") == 1".into(),
                "write `distinct($.items)` or `distinct(seen)`".into()
            )
        );
        assert_eq!(mistake("count(seen == 1").0, "count(seen == 1");
        assert_eq!(mistake("distinc(seen) == 1").1, "write `distinct($.path)`");
        assert_eq!(
            mistake("$.a == PENDING"),
            (
                "PENDING".into(),
                "a text stands in quotes: `'PENDING'`".into()
            )
        );
        assert!(mistake("$.a[ == 1").1.contains("RFC 9535"));
        assert_eq!(mistake("$[?@.id == '{{ oné! }}'] exists").0, "{{ oné! }}");
        assert_eq!(mistake("$.a{{n == 1").0, "{{n");
        assert_eq!(mistake("status < 5s").0, "5s");
        assert_eq!(mistake("$.a == 'x").0, "'x");
        assert_eq!(mistake("$.a matches /(/").0, "/(/");
        assert_eq!(mistake("$.a == 1 2").0, "2");
        assert!("$.a in [1".parse::<Expectation>().is_err() && "".parse::<Expectation>().is_err());
    }

    proptest! {
        #[test]
        fn no_text_panics_and_what_reads_prints_back(form in prop::sample::select(FORMS.to_vec()), cut in 0usize..30, junk in "[ -~é]{0,8}") {
            let at = form.char_indices().map(|(i, _)| i).nth(cut).unwrap_or(form.len());
            let text = format!("{}{junk}{}", &form[..at], &form[at..]);
            match text.parse::<Expectation>() {
                Ok(read) => prop_assert_eq!(read.to_string().parse::<Expectation>().unwrap(), read),
                Err(error) => prop_assert!(text.get(error.span.clone()).is_some(), "{:?} in {text:?}", error.span),
            }
        }

        #[test]
        fn arbitrary_text_does_not_panic(text in ".{0,40}") {
            let _ = text.parse::<Expectation>();
        }
    }
}
