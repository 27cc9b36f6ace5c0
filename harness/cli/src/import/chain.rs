//! What one operation makes and others ask for: where an answer to `POST /x` has an id and there are operations on `/x/{id}`, the
//! id is captured and filled in there. Knows the document; what steps are written as is not its affair.

use super::Step;
use harness_contract::{Document, Generator, Operation, StatusPattern, Variant};
use harness_core::http::Method;
use harness_core::random::{Draws, coordinate};
use serde_json::Value;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// An operation and the step made of it.
pub(super) struct Made<'d> {
    pub(super) operation: &'d Operation,
    pub(super) step: Step,
}

/// What one operation makes for others.
struct Link {
    maker: usize,
    /// What the paths of those begin with: `/orders/{orderId}`.
    under: String,
    variable: String,
    /// Where the answer has it.
    place: String,
}

/// Captures what a group's operations make, and puts makers before those who ask for it and deletions last. Answers with the
/// captures in words. What is captured is no variable of the journey any more.
pub(super) fn chain(
    document: &Document,
    group: &mut [Made<'_>],
    variables: &mut BTreeMap<String, String>,
) -> Vec<String> {
    let mut links: Vec<Link> = Vec::new();
    for maker in 0..group.len() {
        for link in links_of(document, group, maker) {
            if links.iter().all(|known| known.variable != link.variable) {
                links.push(link);
            }
        }
    }
    if links.is_empty() {
        return Vec::new();
    }
    let mut told = Vec::new();
    for link in &links {
        let made = &mut group[link.maker];
        let capture = &mut made.step.capture;
        capture.insert(link.variable.clone(), link.place.clone());
        told.push(format!(
            "{} ({} of {})",
            link.variable, link.place, made.step.name
        ));
        variables.remove(&link.variable);
    }
    let makers: Vec<String> = links
        .iter()
        .map(|link| group[link.maker].operation.name.clone())
        .collect();
    group.sort_by_key(|made| {
        let depth = path(made.operation).matches('/').count();
        let within = links
            .iter()
            .any(|link| path(made.operation).starts_with(&link.under));
        if makers.contains(&made.operation.name) {
            (0, depth, Reverse(0))
        } else if within && made.operation.method == Method::Delete {
            (2, 0, Reverse(depth))
        } else {
            (1, 0, Reverse(0))
        }
    });
    told
}

/// What an operation makes that others of its group ask for.
fn links_of(document: &Document, group: &[Made<'_>], maker: usize) -> Vec<Link> {
    let operation = group[maker].operation;
    if operation.method != Method::Post {
        return Vec::new();
    }
    let collection = path(operation).trim_end_matches('/');
    let mut parameters: Vec<&str> = group
        .iter()
        .filter_map(|made| {
            let rest = path(made.operation).strip_prefix(collection)?;
            let (parameter, rest) = rest.strip_prefix("/{")?.split_once('}')?;
            (rest.is_empty() || rest.starts_with('/')).then_some(parameter)
        })
        .collect();
    parameters.sort_unstable();
    parameters.dedup();
    let Some(answer) = (!parameters.is_empty())
        .then(|| answer(document, operation))
        .flatten()
    else {
        return Vec::new();
    };
    let link = |parameter: &str| {
        let under = format!("{collection}/{{{parameter}}}");
        let variable = variable(parameter);
        // The same name for another thing, elsewhere in the group, would be filled with this one.
        let elsewhere = group.iter().any(|made| {
            let own = path(made.operation);
            let rest = own.strip_prefix(&under).unwrap_or(own);
            holes(rest).any(|hole| self::variable(hole) == variable)
        });
        let key = [parameter, "id"].into_iter().find(|key| {
            let there = answer.get(key);
            is_plain(key) && there.is_some_and(|value| value.is_string() || value.is_number())
        })?;
        (!elsewhere).then(|| Link {
            maker,
            under,
            variable,
            place: format!("$.{key}"),
        })
    };
    parameters.into_iter().filter_map(link).collect()
}

/// The path as requests have it.
fn path(operation: &Operation) -> &str {
    operation.path.split('#').next().unwrap_or_default()
}

/// The parameters of a path template.
fn holes(path: &str) -> impl Iterator<Item = &str> {
    let parts = path.split('{').skip(1);
    parts.filter_map(|part| Some(part.split_once('}')?.0))
}

/// What a path parameter's variable is called.
pub(super) fn variable(parameter: &str) -> String {
    let variable = super::slug(parameter).replace('-', "_");
    match variable.starts_with(|c: char| c.is_ascii_alphabetic()) && variable != "row" {
        true => variable,
        false => format!("path_{variable}"),
    }
}

/// What the lowest success of an operation looks like: the document's example, or made by its schema.
fn answer(document: &Document, operation: &Operation) -> Option<Value> {
    let success = operation
        .responses
        .iter()
        .find(|(pattern, _)| match pattern {
            StatusPattern::Exact(status) => (200..300).contains(status),
            StatusPattern::Range(hundred) => *hundred == 2,
            StatusPattern::Default => false,
        });
    let media = success?.1.content.iter();
    let media = media.clone().find(|media| media.range.contains("json"))?;
    let mut draws = Draws::at(1, &[coordinate(&operation.name)]);
    let made = media.schema.and_then(|schema| {
        let generator = Generator::new(&document.schemas);
        generator.instance(schema, Variant::Full, &mut draws).ok()
    });
    made.map(|made| made.value)
        .or_else(|| media.examples.first().cloned())
}

fn is_plain(key: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    !key.is_empty() && key.chars().all(word) && !key.starts_with(|c: char| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::super::openapi::import;

    /// A document with these operations: method, path, and the properties that its answer has.
    fn document(operations: &[(&str, &str, &str)]) -> String {
        let mut paths = serde_json::Map::new();
        for (method, path, answer) in operations {
            let properties: serde_json::Map<_, _> = answer
                .split_whitespace()
                .map(|name| (name.to_owned(), serde_json::json!({ "type": "string" })))
                .collect();
            let parameters: Vec<_> = super::holes(path)
                .map(|name| serde_json::json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" }, "example": "seen" }))
                .collect();
            let schema = serde_json::json!({ "type": "object", "properties": properties });
            let operation = serde_json::json!({ "parameters": parameters, "responses": { "200": {
                "description": "it", "content": { "application/json": { "schema": schema } } } } });
            let entry = paths.entry(*path).or_insert_with(|| serde_json::json!({}));
            entry[*method] = operation;
        }
        let info = serde_json::json!({ "title": "t", "version": "1" });
        serde_json::json!({ "openapi": "3.0.3", "info": info, "paths": paths }).to_string()
    }

    fn written(operations: &[(&str, &str, &str)]) -> String {
        let imported = import(&document(operations), "api.json", "http://x", None).unwrap();
        let journeys = imported.journeys.iter();
        let journeys = journeys.map(|journey| super::super::journey(journey, "openapi"));
        format!("{}\n{:?}\n", journeys.collect::<String>(), imported.notes)
    }

    #[test]
    fn what_is_made_is_asked_for_and_removed_last() {
        let all = written(&[
            ("delete", "/orders/{orderId}", ""),
            ("get", "/orders", "items"),
            ("get", "/orders/{orderId}", "id"),
            ("get", "/orders/{orderId}/lines/{lineId}", "lineId"),
            ("delete", "/orders/{orderId}/lines/{lineId}", ""),
            ("post", "/orders/{orderId}/lines", "lineId id"),
            ("post", "/orders", "id state"),
        ]);
        insta::assert_snapshot!("openapi-chained", all);
    }

    #[test]
    fn what_may_be_another_thing_is_left_alone() {
        for operations in [
            // No id in the answer; nobody asks for it; the maker is no POST.
            &[("post", "/a", "state"), ("get", "/a/{id}", "")][..],
            &[("post", "/a", "id"), ("get", "/a/latest", "")],
            &[("put", "/a", "id"), ("get", "/a/{id}", "")],
            // The same name stands for something else too.
            &[
                ("post", "/a", "id"),
                ("get", "/a/{id}", ""),
                ("get", "/a/by-customer/{id}", ""),
            ],
        ] {
            let all = written(operations);
            assert!(!all.contains("capture"), "{all}");
        }
    }
}
