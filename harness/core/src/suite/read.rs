//! TOML text → what it says, with every error in it: syntax, then schema, in our own words. A value of the wrong
//! type is reported and left out, so that the checks after this one still see the rest of the file.

use super::document::{Document, first_line};
use super::schema::File;
use super::{syntax, violation};
use crate::diagnostic::{Diagnostic, Place, Source};
use serde_json::Value;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use toml::de::{DeTable, DeValue};

/// Where each value and its key stand, by JSON pointer.
pub(super) struct Spans {
    source: Arc<Source>,
    by_pointer: HashMap<String, Spot>,
}

#[derive(Clone)]
struct Spot {
    key: Option<Range<usize>>,
    value: Range<usize>,
}

impl Spans {
    /// The place of the value at a pointer.
    pub(super) fn value(&self, pointer: &str) -> Place {
        self.place(self.by_pointer.get(pointer).map(|spot| &spot.value))
    }

    /// The place of the key of the value at a pointer, or of the value where it has none.
    pub(super) fn key(&self, pointer: &str) -> Place {
        self.place(
            self.by_pointer
                .get(pointer)
                .map(|spot| spot.key.as_ref().unwrap_or(&spot.value)),
        )
    }

    fn place(&self, span: Option<&Range<usize>>) -> Place {
        let span = span.map_or(0..0, |span| first_line(&self.source.text, span));
        Place {
            source: Arc::clone(&self.source),
            span,
        }
    }
}

/// Reads a file of a kind that has a schema.
pub(super) fn read<T: File>(
    source: &Arc<Source>,
    out: &mut Vec<Diagnostic>,
) -> Option<Document<T>> {
    let place = |span: Range<usize>| Place {
        source: Arc::clone(source),
        span: first_line(&source.text, &span),
    };
    if let Some(at) = source.text.find('\0') {
        let finding = Diagnostic::error(
            Some(place(at..at + 1)),
            format!("byte {at} is NUL: this is no text file"),
        );
        out.push(finding.hint("write it anew, or restore it from version control"));
        return None;
    }
    if source.text.trim().is_empty() {
        out.push(
            Diagnostic::error(Some(place(0..0)), "the file is empty")
                .hint(violation::starts_with::<T>()),
        );
        return None;
    }
    let (mut table, errors) = DeTable::parse_recoverable(&source.text);
    let broken = !errors.is_empty();
    let syntax = syntax::findings(&errors, source);
    let told: Vec<usize> = syntax.iter().filter_map(line).collect();
    out.extend(syntax);

    let mut spans = Spans {
        source: Arc::clone(source),
        by_pointer: HashMap::new(),
    };
    spans.by_pointer.insert(
        String::new(),
        Spot {
            key: None,
            value: 0..source.text.len(),
        },
    );
    let value = table_value(table.get_ref(), &mut String::new(), &mut spans.by_pointer);
    // After a syntax error keys may be missing that are there: only what is seen to be wrong is told, and nothing is
    // concluded from the rest.
    let headless = syntax::headless(&errors, &source.text);
    let violations = violation::find::<T>(&value, &spans, broken, headless);
    let mut incomplete = false;
    for violation in violations {
        if let Some(pointer) = &violation.unusable {
            leave_out(table.get_mut(), pointer);
            incomplete = true;
        }
        // What a line with a syntax error seems to say is the parser's guess.
        if line(&violation.finding).is_none_or(|line| !told.contains(&line)) {
            out.push(violation.finding);
        }
    }
    if broken {
        return None;
    }
    match T::deserialize(toml::Deserializer::from(table)) {
        Ok(raw) => Some(Document {
            source: Arc::clone(source),
            raw,
            incomplete,
        }),
        Err(error) => {
            let message = error.message().trim().to_owned();
            out.push(Diagnostic::error(
                Some(place(error.span().unwrap_or(0..0))),
                message,
            ));
            None
        }
    }
}

fn line(finding: &Diagnostic) -> Option<usize> {
    finding.place.as_ref().map(|place| place.line_column().0)
}

fn table_value(
    table: &DeTable<'_>,
    pointer: &mut String,
    spots: &mut HashMap<String, Spot>,
) -> Value {
    let entries = table.iter().map(|(key, value)| {
        let token = key.get_ref().replace('~', "~0").replace('/', "~1");
        let value = child(&token, Some(key.span()), value, pointer, spots);
        (key.get_ref().to_string(), value)
    });
    Value::Object(entries.collect())
}

fn child(
    token: &str,
    key: Option<Range<usize>>,
    value: &toml::Spanned<DeValue<'_>>,
    pointer: &mut String,
    spots: &mut HashMap<String, Spot>,
) -> Value {
    let length = pointer.len();
    pointer.push('/');
    pointer.push_str(token);
    spots.insert(
        pointer.clone(),
        Spot {
            key,
            value: value.span(),
        },
    );
    let json = match value.get_ref() {
        DeValue::Table(table) => table_value(table, pointer, spots),
        DeValue::Array(items) => {
            let items = items.iter().enumerate();
            items
                .map(|(index, item)| child(&index.to_string(), None, item, pointer, spots))
                .collect()
        }
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Boolean(flag) => Value::Bool(*flag),
        DeValue::Integer(number) => {
            i64::from_str_radix(number.as_str(), number.radix()).map_or(Value::Null, Value::from)
        }
        DeValue::Float(number) => number
            .as_str()
            .parse::<f64>()
            .map_or(Value::Null, Value::from),
        DeValue::Datetime(date) => Value::String(date.to_string()),
    };
    pointer.truncate(length);
    json
}

/// Removes the innermost key on the way to a value; list elements stay where they are, so that places still fit.
fn leave_out(table: &mut DeTable<'_>, pointer: &str) {
    let tokens: Vec<String> = pointer
        .split('/')
        .skip(1)
        .map(|token| token.replace("~1", "/").replace("~0", "~"))
        .collect();
    leave_out_of_table(table, &tokens);
}

fn leave_out_of_table(table: &mut DeTable<'_>, tokens: &[String]) {
    let Some((first, rest)) = tokens.split_first() else {
        return;
    };
    let done = table
        .get_mut(first.as_str())
        .is_some_and(|value| leave_out_of_value(value.get_mut(), rest));
    if !done {
        table.remove(first.as_str());
    }
}

/// Whether something below this value was removed.
fn leave_out_of_value(value: &mut DeValue<'_>, tokens: &[String]) -> bool {
    match (value, tokens.split_first()) {
        (DeValue::Table(table), Some(_)) => {
            leave_out_of_table(table, tokens);
            true
        }
        (DeValue::Array(items), Some((index, rest))) => {
            let item = index
                .parse()
                .ok()
                .and_then(|index: usize| items.get_mut(index));
            item.is_some_and(|item| leave_out_of_value(item.get_mut(), rest))
        }
        _ => false,
    }
}
