//! Values that a later request repeats exactly from an earlier JSON answer: made by the target, so captured there and filled
//! in where they are repeated. What a request had already sent is the client's own.

use super::{Body, Step, each_text};
use percent_encoding::percent_decode_str;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Values looked at in all answers together.
const MOST_VALUES: usize = 200_000;

/// Where a value was first seen.
struct Seen {
    step: usize,
    path: String,
    key: String,
    /// What it is called, once a request repeats it.
    variable: Option<String>,
}

/// Finds them and writes captures and holes; answers with the captures in words. `answers` are those of the steps.
pub(super) fn find(steps: &mut [Step], answers: &[Option<Value>]) -> Vec<String> {
    let mut seen: BTreeMap<String, Seen> = BTreeMap::new();
    let mut sent: BTreeSet<String> = BTreeSet::new();
    let mut names: BTreeSet<String> = BTreeSet::new();
    let mut captures: Vec<(usize, String, String)> = Vec::new();
    for (at, step) in steps.iter_mut().enumerate() {
        let mut instead = |text: &str| -> Option<String> {
            let found = seen.get_mut(text).filter(|found| found.step < at)?;
            if found.variable.is_none() {
                let name = name(&found.key, &mut names);
                captures.push((found.step, name.clone(), found.path.clone()));
                found.variable = Some(name);
            }
            found
                .variable
                .as_ref()
                .map(|name| format!("{{{{ {name} }}}}"))
        };
        let own = fill(step, &mut instead);
        sent.extend(own);
        if let Some(answer) = answers.get(at).and_then(Option::as_ref) {
            look(answer, "$", "", &mut |value, path, key| {
                if seen.len() < MOST_VALUES && !sent.contains(&value) {
                    seen.entry(value).or_insert_with(|| Seen {
                        step: at,
                        path: path.to_owned(),
                        key: key.to_owned(),
                        variable: None,
                    });
                }
            });
        }
    }
    let mut told = Vec::new();
    for (step, name, path) in captures {
        told.push(format!("{name} ({path} of {})", steps[step].name));
        steps[step].capture.insert(name, path);
    }
    told
}

/// Fills what is repeated into a step's texts; answers with the texts that are its own.
fn fill(step: &mut Step, instead: &mut dyn FnMut(&str) -> Option<String>) -> Vec<String> {
    let mut own = Vec::new();
    let mut one = |text: &str| -> String {
        let plain = percent_decode_str(text).decode_utf8_lossy();
        match instead(text).or_else(|| instead(&plain)) {
            Some(hole) => hole,
            None => {
                own.push(plain.into_owned());
                text.to_owned()
            }
        }
    };
    let (path, query) = match step.path.split_once('?') {
        Some((path, query)) => (path.to_owned(), Some(query.to_owned())),
        None => (step.path.clone(), None),
    };
    let path: Vec<_> = path.split('/').map(&mut one).collect();
    step.path = path.join("/");
    if let Some(query) = query {
        step.path = format!("{}?{}", step.path, pairs(&query, &mut one));
    }
    for value in step.headers.values_mut() {
        *value = match value.split_once(' ') {
            Some((scheme, rest)) => format!("{scheme} {}", one(rest)),
            None => one(value),
        };
    }
    let form = step
        .headers
        .get("content-type")
        .is_some_and(|kind| kind.contains("x-www-form-urlencoded"));
    match &mut step.body {
        Body::Json(value) => {
            let texts = std::cell::RefCell::new(one);
            *value = each_text(value, &|text| (texts.borrow_mut())(text));
        }
        Body::Text(text) if form => *text = pairs(text, &mut one),
        Body::Text(_) | Body::None => {}
    }
    own
}

fn pairs(text: &str, one: &mut dyn FnMut(&str) -> String) -> String {
    let pair = |pair: &str| match pair.split_once('=') {
        Some((name, value)) => format!("{name}={}", one(value)),
        None => pair.to_owned(),
    };
    text.split('&').map(pair).collect::<Vec<_>>().join("&")
}

/// Every value of an answer that may be worth it, with its path and its key.
fn look(value: &Value, path: &str, key: &str, found: &mut dyn FnMut(String, &str, &str)) {
    match value {
        Value::Object(all) => {
            for (key, value) in all {
                let plain = !key.is_empty()
                    && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
                    && !key.starts_with(|c: char| c.is_ascii_digit());
                let path = match plain {
                    true => format!("{path}.{key}"),
                    // RFC 9535 takes what JSON escapes.
                    false => format!("{path}[{}]", Value::from(key.as_str())),
                };
                look(value, &path, key, found);
            }
        }
        Value::Array(all) => {
            for (at, value) in all.iter().enumerate() {
                look(value, &format!("{path}[{at}]"), key, found);
            }
        }
        Value::String(text) if telling(text, key) => found(text.clone(), path, key),
        Value::Number(number) if number.is_u64() && identifies(key) => {
            found(number.to_string(), path, key);
        }
        _ => {}
    }
}

fn identifies(key: &str) -> bool {
    let lower = key.to_ascii_lowercase();
    lower == "id" || key.ends_with("Id") || key.ends_with("ID") || lower.ends_with("_id")
}

/// Whether a text is one that nobody writes by chance.
fn telling(text: &str, key: &str) -> bool {
    let length = text.chars().count();
    let named = identifies(key)
        || ["token", "code", "csrf", "nonce", "cursor"]
            .iter()
            .any(|word| key.to_ascii_lowercase().contains(word));
    let mixed = text.contains(|c: char| c.is_ascii_digit()) && length >= 6;
    length <= 4096
        && !text.contains(char::is_control)
        && (mixed || length >= 20 && !text.contains(' ') || named && length >= 3)
}

/// A variable's name after a key, not yet taken.
fn name(key: &str, names: &mut BTreeSet<String>) -> String {
    let mut base = String::new();
    for c in key.chars() {
        if c.is_ascii_uppercase() && base.ends_with(|c: char| c.is_ascii_lowercase()) {
            base.push('_');
        }
        base.push(if c.is_ascii_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            '_'
        });
    }
    if !base.starts_with(|c: char| c.is_ascii_alphabetic()) {
        base = format!("value_{base}");
    }
    // `row` and the like mean something else in a hole.
    if base == "row" {
        base = "row_value".into();
    }
    let mut name = base.clone();
    let mut n = 2;
    while !names.insert(name.clone()) {
        name = format!("{base}_{n}");
        n += 1;
    }
    name
}
