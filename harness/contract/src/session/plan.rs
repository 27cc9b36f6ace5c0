//! In which order operations are exercised: producers before consumers, changes after reads, deletions last.

use crate::document::{Document, Operation, Place};
use crate::generate::refers;
use crate::schema::Schemas;
use harness_core::http::Method;
use serde_json::Value;
use std::cmp::Reverse;

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
        let delete = operation.method == Method::Delete;
        // Children go before their parents.
        let deepest_first = Reverse(if delete { parameters } else { 0 });
        // By path, so that a list is read after something was added to it.
        let same = document
            .operations
            .iter()
            .filter(|other| other.path == operation.path);
        let references = same.map(|other| references(document, other)).max();
        (
            delete,
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
