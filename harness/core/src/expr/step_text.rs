//! Step expressions as text: the parser of subjects and tests, with `path` and `value` for what stands in them. `print` says
//! them again.

mod path;
mod print;
mod value;

use super::scan::{ExprError, Scan, as_text};
use super::step::{Expectation, Many, Pattern, StepSubject, Test, Value};
use crate::diagnostic::nearest;
use std::str::FromStr;
use value::value;

pub(super) use path::path;

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
