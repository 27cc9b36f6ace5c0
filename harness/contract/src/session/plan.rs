//! In which order operations are exercised: producers before consumers, changes after reads, deletions last.

use crate::document::{Document, Operation, Place};
use crate::generate::refers;
use crate::schema::Schemas;
use harness_core::http::Method;
use serde_json::Value;
use std::cmp::Reverse;

/// Words that say that an operation removes things, whatever its method.
const REMOVALS: [&str; 6] = ["delete", "remove", "purge", "clear", "destroy", "drop"];

/// Indexes of all operations, in the order to exercise them.
pub(super) fn order(document: &Document) -> Vec<usize> {
    let mut all: Vec<(usize, &Operation)> = document.operations.iter().enumerate().collect();
    all.sort_by_cached_key(|(index, operation)| {
        let parameters = operation
            .parameters
            .iter()
            .filter(|p| p.place == Place::Path)
            .count();
        let segments = operation.path.split('/').count();
        let removes = removes(operation);
        // Children go before their parents.
        let deepest_first = Reverse(if removes > 0 { parameters } else { 0 });
        // By path, so that a list is read after something was added to it.
        let same = document
            .operations
            .iter()
            .filter(|other| other.path == operation.path);
        let references = same.map(|other| references(document, other)).max();
        (
            removes,
            deepest_first,
            parameters,
            references,
            segments,
            rank(operation.method),
            *index,
        )
    });
    all.into_iter().map(|(index, _)| index).collect()
}

/// How much an operation takes away, by its method or, where a POST does it, by the last word of its path: nothing,
/// what belongs to one thing, the thing itself, any number of things at once.
pub(super) fn removes(operation: &Operation) -> u8 {
    let parameters = operation
        .parameters
        .iter()
        .filter(|p| p.place == Place::Path);
    let last = operation.path.trim_end_matches('/').rsplit('/').next();
    let word = |word: &str| REMOVALS.contains(&word.to_ascii_lowercase().as_str());
    let by_name = operation.method == Method::Post
        && last.is_some_and(|l| l.split(|c: char| !c.is_ascii_alphanumeric()).any(word));
    match (operation.method, by_name) {
        (Method::Delete, _) => 2,
        (_, true) if parameters.count() > 0 => 1,
        (_, true) => 3,
        _ => 0,
    }
}

/// Required things an operation refers to besides what its path names: others have to make them first.
fn references(document: &Document, operation: &Operation) -> usize {
    let query = operation
        .parameters
        .iter()
        .filter(|p| p.place != Place::Path && p.required && refers(&p.name))
        .count();
    let media = operation
        .body
        .as_ref()
        .and_then(|body| body.content.first());
    let schema = media
        .filter(|m| m.examples.is_empty())
        .and_then(|m| m.schema);
    query
        + schema.map_or(0, |id| {
            in_schema(&document.schemas, document.schemas.value(id), 4)
        })
}

fn in_schema(schemas: &Schemas, schema: &Value, depth: usize) -> usize {
    if depth == 0 {
        return 0;
    }
    let target = schema
        .get("$ref")
        .and_then(Value::as_str)
        .and_then(|r| schemas.target(r));
    let schema = target.unwrap_or(schema);
    let properties = schema.get("properties").and_then(Value::as_object);
    let own: usize = properties
        .into_iter()
        .flatten()
        .map(|(name, property)| usize::from(refers(name)) + in_schema(schemas, property, depth - 1))
        .sum();
    let parts = ["allOf", "oneOf", "anyOf"]
        .iter()
        .filter_map(|k| schema.get(*k)?.as_array())
        .flatten();
    own + parts
        .chain(schema.get("items"))
        .map(|part| in_schema(schemas, part, depth - 1))
        .sum::<usize>()
}

const fn rank(method: Method) -> u8 {
    match method {
        Method::Post => 0,
        Method::Get => 1,
        Method::Head => 2,
        Method::Options => 3,
        Method::Put => 4,
        Method::Patch => 5,
        Method::Trace => 6,
        Method::Delete => 7,
    }
}
