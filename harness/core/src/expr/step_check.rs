//! Holds what is found in an answer against an expectation. Pure.

use super::step::{Expectation, StepSubject, Test, Value};
use super::view::{Found, View};
use crate::event::Broken;
use crate::template::{Scope, plain};
use crate::units;
use serde_json::Value as Json;
use std::borrow::Cow;
use std::time::Duration;

/// Characters of an actual value that are shown.
const SHOWN: usize = 200;

impl Expectation {
    /// Checks an answer; the error says what was expected and what was there.
    pub fn check(&self, view: &View<'_>, scope: &mut Scope) -> Result<(), Broken> {
        let found = view.find(&self.subject, &scope.variables);
        let holds = match (&self.test, &found) {
            (Test::Exists, found) => Ok(matches!(found, Found::Value(_) | Found::Took(_))),
            (Test::Absent, found) => Ok(matches!(found, Found::Absent(_))),
            (_, Found::Absent(_) | Found::Unreadable(_)) => Ok(false),
            (test, Found::Took(took)) => Ok(took_holds(test, *took)),
            (test, Found::Value(value)) => judge(test, value, compared_as(&self.subject), scope),
        };
        let actual = match (&holds, found) {
            (Ok(true), _) => return Ok(()),
            (Err(why), _) => why.clone(),
            (_, Found::Absent(what)) => what.to_owned(),
            (_, Found::Unreadable(why)) => why,
            (_, Found::Took(took)) => units::human_us(units::micros(took)),
            (_, Found::Value(value)) => view
                .repeated(&self.subject, &scope.variables)
                .unwrap_or_else(|| value.to_string()),
        };
        Err(Broken {
            expected: self.expected(scope),
            actual: cut(&actual),
        })
    }

    /// The expectation with its holes filled, where they can be.
    fn expected(&self, scope: &mut Scope) -> String {
        let text = self.to_string();
        let read = crate::template::Text::parse(&text, crate::template::Escape::None);
        read.ok()
            .and_then(|text| text.rendered(scope).ok())
            .unwrap_or(text)
    }
}

/// A value as it is shown in a failure.
pub(crate) fn shown(value: &Json) -> String {
    cut(&value.to_string())
}

/// A text with at most [`SHOWN`] characters, and how many more there were.
fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        None => text.to_owned(),
        Some((at, _)) => format!("{}… ({} bytes in all)", &text[..at], text.len()),
    }
}

/// Whether a test of a time holds.
pub(crate) fn took_holds(test: &Test, took: Duration) -> bool {
    let against = |value: &Value| {
        if let Value::Duration(limit) = value {
            Some(took.cmp(limit))
        } else {
            None
        }
    };
    ordered(test, against).unwrap_or(false)
}

/// Judges by order, where the test is one of order.
fn ordered(test: &Test, against: impl Fn(&Value) -> Option<std::cmp::Ordering>) -> Option<bool> {
    Some(match test {
        Test::Less(value) => against(value)?.is_lt(),
        Test::AtMost(value) => against(value)?.is_le(),
        Test::Greater(value) => against(value)?.is_gt(),
        Test::AtLeast(value) => against(value)?.is_ge(),
        Test::Equal(value) => against(value)?.is_eq(),
        Test::NotEqual(value) => against(value)?.is_ne(),
        _ => return None,
    })
}

fn judge(test: &Test, actual: &Json, fit: Fit, scope: &mut Scope) -> Result<bool, String> {
    Ok(match test {
        Test::Equal(value) => equals(actual, value, fit, scope)?,
        Test::NotEqual(value) => !equals(actual, value, fit, scope)?,
        Test::In(values) => {
            // One that can't be filled is told, whether or not another would hold.
            let mut any = false;
            for value in values {
                any |= equals(actual, value, fit, scope)?;
            }
            any
        }
        Test::Contains(value) => {
            let wanted = json(value, scope)?;
            contains(actual, &wanted)
        }
        Test::Matches(pattern) => pattern.0.is_match(&plain(actual)),
        Test::Exists | Test::Absent => false,
        Test::Less(value) | Test::AtMost(value) | Test::Greater(value) | Test::AtLeast(value) => {
            let limit = json(value, scope)?;
            ordered(test, |_| compare(actual, &limit)).unwrap_or(false)
        }
    })
}

fn equals(actual: &Json, value: &Value, fit: Fit, scope: &mut Scope) -> Result<bool, String> {
    Ok(equal(actual, &fit(json(value, scope)?)))
}

/// How a right-hand side is fitted to what it is compared with.
type Fit = for<'v> fn(Cow<'v, Json>) -> Cow<'v, Json>;

/// A header or a body is a text, so a number is the text that writes it; a count is a number, so a text that writes one
/// is that number: a variable set in the suite is a text.
fn compared_as(subject: &StepSubject) -> Fit {
    match subject {
        StepSubject::Header(_) | StepSubject::Body => |value| match &*value {
            Json::Number(number) => Cow::Owned(Json::String(
                number
                    .as_f64()
                    .map_or_else(|| number.to_string(), |n| n.to_string()),
            )),
            _ => value,
        },
        StepSubject::Count(_) | StepSubject::Distinct(_) => |value| match &*value {
            Json::String(text) => match text.trim().parse::<f64>() {
                Ok(number) => Cow::Owned(Json::from(number)),
                Err(_) => value,
            },
            _ => value,
        },
        _ => |value| value,
    }
}

/// The right-hand side as JSON, its holes filled.
fn json<'s>(value: &Value, scope: &'s mut Scope) -> Result<Cow<'s, Json>, String> {
    Ok(Cow::Owned(match value {
        Value::Null => Json::Null,
        Value::Bool(truth) => Json::Bool(*truth),
        Value::Number(number) => Json::from(*number),
        Value::Duration(duration) => Json::from(units::format_duration(*duration)),
        Value::Text(text) => return text.read(scope).map_err(|error| error.to_string()),
    }))
}

/// Equal as JSON, where 1 equals 1.0 and 1 is not '1': a number that turns into a text is a defect worth seeing.
pub(crate) fn equal(actual: &Json, expected: &Json) -> bool {
    match (actual, expected) {
        (Json::Number(a), Json::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (a, b) => a == b,
    }
}

fn compare(actual: &Json, limit: &Json) -> Option<std::cmp::Ordering> {
    let number = |value: &Json| match value {
        Json::Number(number) => number.as_f64(),
        Json::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    match (number(actual), number(limit)) {
        (Some(a), Some(b)) => a.partial_cmp(&b),
        _ => actual.as_str()?.partial_cmp(limit.as_str()?),
    }
}

fn contains(actual: &Json, wanted: &Json) -> bool {
    match actual {
        Json::Array(items) => items.iter().any(|item| equal(item, wanted)),
        Json::Object(map) => wanted.as_str().is_some_and(|key| map.contains_key(key)),
        other => plain(other).contains(plain(wanted).as_ref()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Response;
    use crate::random::Draws;
    use std::collections::BTreeMap;

    fn check(text: &str) -> Result<(), Broken> {
        let response = Response {
            status: 201,
            headers: vec![
                ("content-type".into(), "application/json".into()),
                ("content-length".into(), "89".into()),
            ],
            body: br#"{"id":"o-1","n":3,"items":[{"a":1},{"a":2}],"none":null,"tags":["x","y"],"paid":true}"#.as_ref().into(),
            body_len: 86,
        };
        let response = Response {
            body_len: response.body.len() as u64,
            ..response
        };
        let mut scope = Scope {
            variables: BTreeMap::from([
                ("order".into(), Json::from("o-1")),
                ("quoted".into(), Json::from("it's \"\\ so\n")),
                ("key".into(), Json::from("id")),
                ("three".into(), Json::from(3)),
                ("two".into(), Json::from("2")),
                ("seen".into(), serde_json::json!(["a", "b", "a", 1])),
            ]),
            row: None,
            iteration: 0,
            data: Draws::at(0, &[]),
            ids: Draws::at(0, &[]),
            wall_ms: 0,
        };
        let expectation: Expectation = text.parse().unwrap();
        let took = Duration::from_millis(20);
        // Whether it is known beforehand what will be asked makes no difference.
        let unasked = View::new(&response, took, std::iter::empty());
        let asked = View::new(&response, took, std::iter::once(&expectation.subject));
        let judged = expectation.check(&unasked, &mut scope);
        assert_eq!(expectation.check(&asked, &mut scope), judged, "{text}");
        judged
    }

    #[test]
    fn what_holds_holds() {
        for text in [
            "status == 201",
            "status in [200, 201]",
            "$.items[?@.a == {{ three }} || @.a == {{two}}].a == 2",
            "count($.items[?@.a < {{ three }}]) == 2",
            "$['{{ key }}'] == 'o-1'",
            "$[?@ == '{{ quoted }}'] absent",
            "duration < 21ms",
            "header.Content-Type contains 'json'",
            "header.content-length == 89",
            "header.content-length in [88, 89]",
            "$.id == {{ order }}",
            "$.n == {{ three }}",
            "$.n >= 3",
            "count($.items) == 2",
            "count($.nothing) == 0",
            "count($.id) == 1",
            "distinct($.tags) == 2",
            "count($.items[*].a) == 2",
            "$.items[*].a contains 2",
            "$.none == null",
            "$.none exists",
            "$.nothing absent",
            "$.tags contains 'y'",
            "$.paid == true",
            "$.id matches /^o-\\d$/",
            "body contains 'o-1'",
            "$.id != 'o-2'",
            "count(seen) == 4",
            "distinct(seen) == {{ three }}",
            "distinct(seen) == '{{ three }}'",
            "distinct($.items) == {{ two }}",
            "distinct($.items[*].a) in [1, '{{ two }}']",
            "count(seen) > {{ two }}",
            "count(order) == 1",
        ] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn what_does_not_hold_says_what_was_there() {
        let actual = |text: &str| {
            check(text).map_or_else(
                |broken| (broken.expected, broken.actual),
                |()| panic!("{text} held"),
            )
        };
        assert_eq!(
            actual("status == 200"),
            ("status == 200".into(), "201".into())
        );
        assert_eq!(
            actual("$.id == '{{ three }}'"),
            ("$.id == '3'".into(), "\"o-1\"".into())
        );
        assert_eq!(actual("$.nothing == 1").1, "nothing there");
        assert_eq!(actual("duration < 20ms").1, "20.0 ms");
        assert_eq!(
            actual("$.id == '{{ nobody }}'").1,
            "`{{ nobody }}` has no value here; known are: key, order, quoted, seen, three, two"
        );
        assert_eq!(
            actual("distinct(seen) == 4").1,
            "3 of 4; more than once: \"a\""
        );
        assert_eq!(actual("count(seen) == 3").1, "4; more than once: \"a\"");
        assert_eq!(actual("count(nobody) == 0").1, "`nobody` has no value here");
        for text in [
            "$.n == '3'",
            "$.id absent",
            "header.etag exists",
            "$.n < 3",
            "$.tags contains 'z'",
            "$.id in ['o-1', '{{ nobody }}']",
            "$.items.a exists",
            "count($.tags) == 1",
            "count($.nothing) == 1",
            "$.id matches /x/",
            "status in [1]",
            "count(seen) == 3",
            "distinct(seen) != 3",
            "distinct(nobody) exists",
        ] {
            actual(text);
        }
    }
}
