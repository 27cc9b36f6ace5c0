//! Keywords of a schema that hold no other schema: limits, values, patterns, and what sloppy words mean. It must not
//! know references.

use super::cut;
use crate::document::Problems;
use serde_json::{Map, Value, json};

const COUNT: [&str; 8] = [
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
    "minContains",
    "maxContains",
];
const NUMBER: [&str; 2] = ["minimum", "maximum"];

/// What a word that is no type was probably meant to be.
pub(super) fn meant(name: &str) -> Option<&'static str> {
    Some(match name.to_ascii_lowercase().as_str() {
        "int" | "int32" | "int64" | "long" | "integer" => "integer",
        "float" | "double" | "decimal" | "number" => "number",
        "bool" | "boolean" => "boolean",
        "str" | "string" | "text" | "date" | "datetime" | "date-time" | "uuid" => "string",
        "dict" | "map" | "json" | "object" => "object",
        "list" | "array" => "array",
        "none" | "nil" => "null",
        _ => return None,
    })
}

pub(super) fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

pub(super) fn limits(
    members: &Map<String, Value>,
    at: &str,
    out: &mut Map<String, Value>,
    problems: &mut Problems,
) {
    let wrong = |k: &str, problems: &mut Problems| {
        problems.add(&format!("`{k}` has the wrong shape; left out"), at);
    };
    for keyword in COUNT {
        match members.get(keyword) {
            None => {}
            Some(value) => match value.as_u64() {
                Some(count) => _ = out.insert(keyword.to_owned(), json!(count)),
                None => wrong(keyword, problems),
            },
        }
    }
    for keyword in NUMBER {
        match members.get(keyword) {
            Some(value) if value.is_number() => _ = out.insert(keyword.to_owned(), value.clone()),
            Some(_) => wrong(keyword, problems),
            None => {}
        }
    }
    for (exclusive, plain) in [
        ("exclusiveMinimum", "minimum"),
        ("exclusiveMaximum", "maximum"),
    ] {
        match members.get(exclusive) {
            Some(value) if value.is_number() => _ = out.insert(exclusive.to_owned(), value.clone()),
            // Until 3.0 a flag that makes its neighbour exclusive.
            Some(Value::Bool(true)) => {
                if let Some(bound) = out.remove(plain) {
                    out.insert(exclusive.to_owned(), bound);
                }
            }
            Some(Value::Bool(false)) | None => {}
            Some(_) => wrong(exclusive, problems),
        }
    }
    match members.get("multipleOf") {
        Some(value) if value.as_f64().is_some_and(|m| m > 0.0) => {
            _ = out.insert("multipleOf".to_owned(), value.clone());
        }
        Some(_) => wrong("multipleOf", problems),
        None => {}
    }
}

pub(super) fn values(
    members: &Map<String, Value>,
    at: &str,
    out: &mut Map<String, Value>,
    problems: &mut Problems,
) {
    match members.get("enum") {
        Some(Value::Array(all)) if !all.is_empty() => {
            _ = out.insert("enum".to_owned(), Value::Array(all.clone()));
        }
        Some(_) => problems.add(
            "`enum` must be a list with at least one value; left out",
            at,
        ),
        None => {}
    }
    for keyword in ["const", "default"] {
        if let Some(value) = members.get(keyword) {
            out.insert(keyword.to_owned(), value.clone());
        }
    }
    let examples = match (members.get("examples"), members.get("example")) {
        (Some(Value::Array(all)), _) => Some(all.clone()),
        (_, Some(one)) => Some(vec![one.clone()]),
        _ => None,
    };
    if let Some(examples) = examples {
        out.insert("examples".to_owned(), Value::Array(examples));
    }
}

pub(super) fn pattern_and_format(
    members: &Map<String, Value>,
    at: &str,
    out: &mut Map<String, Value>,
    problems: &mut Problems,
) {
    match members.get("pattern") {
        Some(Value::String(pattern)) if compiles(pattern) => {
            _ = out.insert("pattern".to_owned(), json!(pattern));
        }
        Some(pattern) => problems.add(
            &format!(
                "pattern {} is no regular expression; left out",
                cut(&plain(pattern))
            ),
            at,
        ),
        None => {}
    }
    match members.get("format") {
        Some(Value::String(format)) => _ = out.insert("format".to_owned(), json!(format)),
        Some(_) => problems.add("`format` must be a text; left out", at),
        None => {}
    }
}

pub(super) fn compiles(pattern: &str) -> bool {
    jsonschema::options()
        .offline()
        .build(&json!({ "pattern": pattern }))
        .is_ok()
}

/// What 3.0 means by `nullable`: null is valid besides, also where an `enum` forgets to list it.
pub(super) fn allow_null(mut out: Map<String, Value>) -> Value {
    let simple = !["allOf", "anyOf", "oneOf", "$ref", "not", "const"]
        .iter()
        .any(|k| out.contains_key(*k));
    match out.get("type").cloned() {
        Some(Value::String(name)) if simple => {
            out.insert("type".to_owned(), json!([name, "null"]));
            if let Some(Value::Array(all)) = out.get_mut("enum")
                && !all.contains(&Value::Null)
            {
                all.push(Value::Null);
            }
            Value::Object(out)
        }
        _ => json!({ "anyOf": [Value::Object(out), { "type": "null" }] }),
    }
}
