//! Holds an answer, and the values a walk has gathered, against an expectation. Pure; the body is parsed at most once
//! an answer.

use super::step::{Expectation, Many, StepSubject, Test, Value};
use crate::event::Broken;
use crate::http::Response;
use crate::template::{Scope, plain};
use crate::units;
use serde_json::Value as Json;
use serde_json_path::JsonPath;
use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

/// Characters of an actual value that are shown.
const SHOWN: usize = 200;

/// An answer, ready to be looked at.
#[derive(Debug)]
pub struct View<'r> {
    /// None where nothing was asked: then only variables can be looked at.
    response: Option<&'r Response>,
    took: Duration,
    json: OnceCell<Result<Json, String>>,
}

type Variables = BTreeMap<String, Json>;

const NO_ANSWER: &str = "nothing was asked, so there is no answer";

/// Repeated values named where not all are distinct.
const REPEATED: usize = 3;

/// What an expression's subject is in an answer.
enum Found<'v> {
    Absent(&'static str),
    Value(Cow<'v, Json>),
    Took(Duration),
    /// It can't be looked at, and why.
    Unreadable(String),
}

impl<'r> View<'r> {
    /// A view of a response that took so long to arrive.
    pub fn new(response: &'r Response, took: Duration) -> Self {
        Self {
            response: Some(response),
            took,
            json: OnceCell::new(),
        }
    }

    /// A view where there is no response.
    pub fn nothing() -> Self {
        Self {
            response: None,
            took: Duration::ZERO,
            json: OnceCell::new(),
        }
    }

    /// The value a capture takes; the error says why there is none.
    pub fn capture(&self, subject: &StepSubject, variables: &Variables) -> Result<Json, String> {
        match self.find(subject, variables) {
            Found::Value(value) => Ok(value.into_owned()),
            Found::Took(took) => Ok(Json::from(units::format_duration(took))),
            Found::Absent(what) => Err(format!("{subject}: {what}")),
            Found::Unreadable(why) => Err(why),
        }
    }

    /// The values a collection takes: each node of a path, the members of a lone list, nothing where nothing is there.
    pub fn collect(
        &self,
        subject: &StepSubject,
        variables: &Variables,
    ) -> Result<Vec<Json>, String> {
        match self.find(subject, variables) {
            Found::Value(Cow::Owned(Json::Array(items))) => Ok(items),
            Found::Value(value) => Ok(members(&value).to_vec()),
            Found::Took(took) => Ok(vec![Json::from(units::format_duration(took))]),
            Found::Absent(_) => Ok(Vec::new()),
            Found::Unreadable(why) => Err(why),
        }
    }

    fn json(&self) -> Result<&Json, &str> {
        let parsed = self.json.get_or_init(|| {
            let response = self.response.ok_or(NO_ANSWER)?;
            if response.truncated() {
                return Err(format!(
                    "the body has {} bytes, more than are kept",
                    response.body_len
                ));
            }
            serde_json::from_slice(&response.body).map_err(|error| match response.body.is_empty() {
                true => "the body is empty".to_owned(),
                false => format!("the body is not JSON: {error}"),
            })
        });
        parsed.as_ref().map_err(String::as_str)
    }

    fn find<'v>(&'v self, subject: &StepSubject, variables: &Variables) -> Found<'v> {
        let counted = |count: Result<usize, String>| match count {
            Ok(count) => Found::Value(Cow::Owned(count.into())),
            Err(why) => Found::Unreadable(why),
        };
        match (subject, self.response) {
            (StepSubject::Count(many), _) => {
                counted(self.many(many, variables).map(|items| items.len()))
            }
            (StepSubject::Distinct(many), _) => {
                let different = |items: Vec<&Json>| items.into_iter().collect::<HashSet<_>>().len();
                counted(self.many(many, variables).map(different))
            }
            (_, None) => Found::Unreadable(NO_ANSWER.to_owned()),
            (StepSubject::Status, Some(response)) => {
                Found::Value(Cow::Owned(response.status.into()))
            }
            (StepSubject::Duration, _) => Found::Took(self.took),
            (StepSubject::Header(name), Some(response)) => match response.header(name) {
                Some(value) => Found::Value(Cow::Owned(value.into())),
                None => Found::Absent("no such header"),
            },
            (StepSubject::Body, Some(response)) => {
                let text = String::from_utf8_lossy(&response.body).into_owned();
                Found::Value(Cow::Owned(text.into()))
            }
            (StepSubject::Json(path), _) => match self.json() {
                Ok(json) => match path.filled(variables) {
                    Ok(path) => nodes(&path, json),
                    Err(why) => Found::Unreadable(why),
                },
                Err(why) => Found::Unreadable(why.to_owned()),
            },
        }
    }

    /// What is counted.
    fn many<'v>(&'v self, many: &Many, variables: &'v Variables) -> Result<Vec<&'v Json>, String> {
        match many {
            Many::Path(path) => {
                let nodes = path.filled(variables)?.query(self.json()?).all();
                Ok(match nodes.as_slice() {
                    [node] => members(node).iter().collect(),
                    _ => nodes,
                })
            }
            Many::Variable(name) => variables
                .get(name)
                .map(|value| members(value).iter().collect())
                .ok_or_else(|| format!("`{name}` has no value here")),
        }
    }

    /// Which values come more than once, for a count of distinct or of collected ones that does not hold.
    fn repeated(&self, subject: &StepSubject, variables: &Variables) -> Option<String> {
        let many = match subject {
            StepSubject::Distinct(many) | StepSubject::Count(many @ Many::Variable(_)) => many,
            _ => return None,
        };
        let items = self.many(many, variables).ok()?;
        let (mut seen, mut again) = (HashSet::new(), Vec::new());
        for item in &items {
            if !seen.insert(*item) && !again.contains(item) && again.len() <= REPEATED {
                again.push(*item);
            }
        }
        let named = again.iter().take(REPEATED);
        let names: Vec<String> = named.map(|item| shown(item)).collect();
        let more = if again.len() > REPEATED { ", …" } else { "" };
        (!names.is_empty()).then(|| {
            let count = match subject {
                StepSubject::Distinct(_) => format!("{} of {}", seen.len(), items.len()),
                _ => items.len().to_string(),
            };
            format!("{count}; more than once: {}{more}", names.join(", "))
        })
    }
}

/// The members of a list; anything else is its own only member.
fn members(value: &Json) -> &[Json] {
    match value {
        Json::Array(items) => items,
        other => std::slice::from_ref(other),
    }
}

fn nodes<'v>(path: &JsonPath, json: &'v Json) -> Found<'v> {
    let mut nodes = path.query(json).all();
    match nodes.len() {
        0 => Found::Absent("nothing there"),
        1 => Found::Value(Cow::Borrowed(nodes.swap_remove(0))),
        _ => Found::Value(Cow::Owned(nodes.into_iter().cloned().collect())),
    }
}

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
        Test::Equal(value) => equal(actual, &fit(json(value, scope)?)),
        Test::NotEqual(value) => !equal(actual, &fit(json(value, scope)?)),
        Test::In(values) => {
            let values = values
                .iter()
                .map(|value| Ok(fit(json(value, scope)?)))
                .collect::<Result<Vec<_>, String>>()?;
            values.iter().any(|value| equal(actual, value))
        }
        Test::Contains(value) => contains(actual, &json(value, scope)?),
        Test::Matches(pattern) => pattern.0.is_match(&plain(actual)),
        Test::Exists | Test::Absent => false,
        Test::Less(value) | Test::AtMost(value) | Test::Greater(value) | Test::AtLeast(value) => {
            let limit = json(value, scope)?;
            ordered(test, |_| compare(actual, &limit)).unwrap_or(false)
        }
    })
}

/// How a right-hand side is fitted to what it is compared with.
type Fit = fn(Json) -> Json;

/// A header or a body is a text, so a number is the text that writes it; a count is a number, so a text that writes one
/// is that number: a variable set in the suite is a text.
fn compared_as(subject: &StepSubject) -> Fit {
    match subject {
        StepSubject::Header(_) | StepSubject::Body => |value| match value {
            Json::Number(number) => Json::String(
                number
                    .as_f64()
                    .map_or_else(|| number.to_string(), |n| n.to_string()),
            ),
            other => other,
        },
        StepSubject::Count(_) | StepSubject::Distinct(_) => |value| match &value {
            Json::String(text) => text.trim().parse::<f64>().map_or(value, Json::from),
            _ => value,
        },
        _ => |value| value,
    }
}

/// The right-hand side as JSON, its holes filled.
fn json(value: &Value, scope: &mut Scope) -> Result<Json, String> {
    Ok(match value {
        Value::Null => Json::Null,
        Value::Bool(truth) => Json::Bool(*truth),
        Value::Number(number) => Json::from(*number),
        Value::Duration(duration) => Json::from(units::format_duration(*duration)),
        Value::Text(text) => text.value(scope).map_err(|error| error.to_string())?,
    })
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
    use crate::random::Draws;

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
        text.parse::<Expectation>()
            .unwrap()
            .check(&View::new(&response, Duration::from_millis(20)), &mut scope)
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
