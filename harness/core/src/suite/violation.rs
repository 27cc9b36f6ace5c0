//! What breaks a file's schema, told in our words: the unknown key with the nearest known one, what was expected
//! and found, which key is missing and where.

use super::read::Spans;
use super::schema::File;
use crate::diagnostic::{Diagnostic, Place, nearest};
use jsonschema::error::{TypeKind, ValidationError, ValidationErrorKind};
use serde_json::Value;

/// A finding, and the value that must not be read further.
pub(super) struct Violation {
    pub(super) finding: Diagnostic,
    /// JSON pointer.
    pub(super) unusable: Option<String>,
}

/// Everything in `value` that its schema forbids. With `partial`, missing keys are not told.
/// `headless` is where a table's header could not be read: the keys behind it seem to stand in the file itself.
pub(super) fn find<T: File>(
    value: &Value,
    spans: &Spans,
    partial: bool,
    headless: Option<usize>,
) -> Vec<Violation> {
    let compiled = T::compiled();
    let validator = match &compiled.validator {
        Ok(validator) => validator,
        Err(reason) => {
            let finding = Diagnostic::error(
                None,
                format!("failed to compile the built-in schema: {reason}"),
            );
            return vec![Violation {
                finding,
                unusable: None,
            }];
        }
    };
    let mut found = Vec::new();
    let errors: Vec<ValidationError<'_>> = validator.iter_errors(value).collect();
    let meant = meant_keys(&errors, &compiled.schema);
    for error in &errors {
        match error.kind() {
            ValidationErrorKind::AdditionalProperties { unexpected } => {
                let top = error.instance_path().as_str().is_empty();
                let known = known_keys(error, &compiled.schema);
                let typed = unexpected.iter().filter(|key| {
                    let meant = || nearest(key, known.iter().copied()).is_some();
                    let at = || spans.key(&format!("/{}", token(key))).span.start;
                    let astray = || headless.is_some_and(|header| header < at());
                    !(partial && key.is_empty() || top && partial && (astray() || !meant()))
                });
                let unknown = typed.map(|key| unknown_key(key, error, &compiled.schema, spans));
                found.extend(unknown.map(|finding| Violation {
                    finding,
                    unusable: None,
                }));
            }
            ValidationErrorKind::Required { property } => {
                let key = property.as_str().unwrap_or("?");
                let at = error.instance_path().as_str();
                // The unknown key beside it is what was meant: one mistake, one error.
                if !partial
                    && !meant
                        .iter()
                        .any(|(object, meant)| object == at && *meant == key)
                {
                    let finding = missing_key(key, error, &compiled.schema, spans);
                    found.push(Violation {
                        finding,
                        unusable: None,
                    });
                }
            }
            // Of a value of another type, that is the mistake.
            ValidationErrorKind::Enum { .. } if !error.instance().is_string() => {}
            kind => {
                let finding = wrong_value(kind, error, spans);
                found.push(Violation {
                    finding,
                    unusable: Some(error.instance_path().as_str().to_owned()),
                });
            }
        }
    }
    found
}

/// What a file of this kind can't do without, for someone who has an empty one.
pub(super) fn starts_with<T: File>() -> String {
    let schema = &T::compiled().schema;
    let title = schema["title"].as_str().unwrap_or("the file");
    let required = schema["required"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let keys: Vec<String> = required
        .iter()
        .filter_map(Value::as_str)
        .map(|key| format!("`{key}`"))
        .collect();
    format!("{title} needs at least {}", keys.join(" and "))
}

/// The known keys that unknown ones are closest to, by the objects they stand in.
fn meant_keys<'s>(errors: &[ValidationError<'_>], schema: &'s Value) -> Vec<(String, &'s str)> {
    let mut meant = Vec::new();
    for error in errors {
        let ValidationErrorKind::AdditionalProperties { unexpected } = error.kind() else {
            continue;
        };
        let known = known_keys(error, schema);
        let close = unexpected
            .iter()
            .filter_map(|key| nearest(key, known.iter().copied()));
        meant.extend(close.map(|key| (error.instance_path().as_str().to_owned(), key)));
    }
    meant
}

fn known_keys<'s>(error: &ValidationError<'_>, schema: &'s Value) -> Vec<&'s str> {
    let properties = owner(error, schema).and_then(|object| object.get("properties")?.as_object());
    properties
        .map(|properties| properties.keys().map(String::as_str).collect())
        .unwrap_or_default()
}

/// A key in a JSON pointer.
fn token(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

fn unknown_key(
    key: &str,
    error: &ValidationError<'_>,
    schema: &Value,
    spans: &Spans,
) -> Diagnostic {
    let at = error.instance_path().as_str();
    let token = token(key);
    let known = known_keys(error, schema);
    let hint = match nearest(key, known.iter().copied()) {
        Some(close) => format!("did you mean `{close}`?"),
        None => format!("known here: {}", known.join(", ")),
    };
    Diagnostic::error(
        Some(spans.key(&format!("{at}/{token}"))),
        format!("unknown key `{key}`{}", inside(at)),
    )
    .label("not known here")
    .hint(hint)
}

fn missing_key(
    key: &str,
    error: &ValidationError<'_>,
    schema: &Value,
    spans: &Spans,
) -> Diagnostic {
    let at = error.instance_path().as_str();
    let description = owner(error, schema)
        .and_then(|object| {
            object
                .get("properties")?
                .get(key)?
                .get("description")?
                .as_str()
        })
        .map(|text| format!("`{key}`: {}", text.trim_end_matches('.')));
    let finding = Diagnostic::error(
        Some(spans.key(at)),
        format!("missing key `{key}`{}", inside(at)),
    );
    match description {
        Some(hint) => finding.hint(hint),
        None => finding,
    }
}

fn wrong_value(
    kind: &ValidationErrorKind,
    error: &ValidationError<'_>,
    spans: &Spans,
) -> Diagnostic {
    let at = error.instance_path().as_str();
    let instance = error.instance();
    let place = spans.value(at);
    let name = at
        .rsplit('/')
        .find(|token| token.parse::<usize>().is_err())
        .unwrap_or("");
    match kind {
        ValidationErrorKind::Type { kind } => {
            let expected = match kind {
                TypeKind::Single(one) => type_word(&one.to_string()).to_owned(),
                TypeKind::Multiple(set) => {
                    let words: Vec<String> = set
                        .iter()
                        .map(|one| type_word(&one.to_string()).to_owned())
                        .collect();
                    words.join(" or ")
                }
            };
            let found = match instance.as_ref() {
                // JSON has no such number.
                Value::Null => out_of_json(&place),
                value => found_word(value),
            };
            let message = format!("`{name}` must be {expected}, this is {found}");
            Diagnostic::error(Some(place), message).label(format!("expected {expected}"))
        }
        ValidationErrorKind::Enum { options } => {
            let words: Vec<&str> = options
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect();
            let found = instance.as_str().unwrap_or("");
            let finding = Diagnostic::error(Some(place), format!("`{name}` can't be {instance}"));
            match nearest(found, words.iter().copied()) {
                Some(close) => finding.hint(format!(
                    "did you mean `{close}`? It is one of: {}",
                    words.join(", ")
                )),
                None => finding.hint(format!("it is one of: {}", words.join(", "))),
            }
        }
        ValidationErrorKind::Minimum { limit } => Diagnostic::error(
            Some(place),
            format!("`{name}` must be at least {limit}, this is {instance}"),
        ),
        ValidationErrorKind::Maximum { limit } => Diagnostic::error(
            Some(place),
            format!("`{name}` must be at most {limit}, this is {instance}"),
        ),
        ValidationErrorKind::MinItems { .. } => {
            Diagnostic::error(Some(place), format!("`{name}` must not be empty"))
        }
        _ => Diagnostic::error(Some(place), format!("`{name}` is not valid: {error}")),
    }
}

/// The schema of the object an `additionalProperties` or `required` error is about.
fn owner<'s>(error: &ValidationError<'_>, schema: &'s Value) -> Option<&'s Value> {
    let path = error.schema_path().as_str();
    let object = path.rsplit_once('/').map_or("", |(object, _)| object);
    schema.pointer(object.trim_end_matches("/required"))
}

/// ` in step 2`, ` in target.service.orders`; nothing for the file itself.
fn inside(pointer: &str) -> String {
    let mut words = String::new();
    for token in pointer.split('/').skip(1) {
        match token.parse::<usize>() {
            Ok(index) => words.push_str(&format!(" {}", index + 1)),
            Err(_) if words.is_empty() => words.push_str(token),
            Err(_) => words.push_str(&format!(".{token}")),
        }
    }
    if words.is_empty() {
        words
    } else {
        format!(" in `{words}`")
    }
}

fn type_word(json: &str) -> &'static str {
    match json {
        "string" => "a string",
        "integer" => "a whole number",
        "number" => "a number",
        "boolean" => "true or false",
        "array" => "a list",
        "object" => "a table",
        _ => "another type",
    }
}

/// A number of TOML's that JSON does not have: `nan` and `inf` by their names, another is too large.
fn out_of_json(place: &Place) -> String {
    let typed = place.source.text.get(place.span.clone()).unwrap_or("");
    match typed.trim_start_matches(['+', '-']) {
        "nan" | "inf" => format!("`{typed}`"),
        _ => found_word(&Value::Null),
    }
}

fn found_word(value: &Value) -> String {
    match value {
        Value::String(_) => "a string".to_owned(),
        Value::Number(_) | Value::Bool(_) => value.to_string(),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a table".to_owned(),
        Value::Null => "a number out of range".to_owned(),
    }
}
