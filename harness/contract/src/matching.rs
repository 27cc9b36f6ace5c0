//! (method, path) → operation. Literal segments win over placeholders, base paths and trailing slashes are forgiven.
//! It must not know what an operation means.

use crate::document::{Document, Operation};
use harness_core::http::Method;
use percent_encoding::percent_decode_str;
use std::collections::HashMap;

/// Finds operations by path.
#[derive(Debug)]
pub struct Matcher {
    /// Longest first, ending with the empty one.
    bases: Vec<String>,
    /// Routes by method and number of segments, most specific first.
    routes: HashMap<(Method, usize), Vec<Route>>,
}

#[derive(Debug)]
struct Route {
    operation: usize,
    segments: Vec<Segment>,
    slash: bool,
}

/// Sorts by how specific it is.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    Literal(String),
    /// Text before and after one placeholder: `{name}.json`.
    Mixed(String, String, String),
    Placeholder(String),
}

/// An operation with what its path holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// Index into the document's operations.
    pub operation: usize,
    /// Path parameters in their order, decoded.
    pub values: Vec<(String, String)>,
}

impl Matcher {
    /// A matcher over a document's operations. Paths are tried without the path of `base_url` and without the
    /// document's own base path, whichever fits first, and as they are.
    pub fn new(document: &Document, base_url: Option<&str>) -> Self {
        let given = base_url.map(|url| path_of(url).trim_end_matches('/').to_owned());
        let mut bases = vec![document.base_path.clone(), String::new()];
        bases.extend(given);
        bases.sort_by_key(|base| std::cmp::Reverse(base.len()));
        bases.dedup();
        let mut routes: HashMap<_, Vec<Route>> = HashMap::new();
        for (index, operation) in document.operations.iter().enumerate() {
            let route = Route::new(index, operation);
            routes
                .entry((operation.method, route.segments.len()))
                .or_default()
                .push(route);
        }
        for list in routes.values_mut() {
            list.sort_by(|a, b| {
                a.segments
                    .iter()
                    .map(Segment::rank)
                    .cmp(b.segments.iter().map(Segment::rank))
            });
        }
        Self { bases, routes }
    }

    /// The operation a request is for; `url` may be absolute or a path.
    pub fn find(&self, method: Method, url: &str) -> Option<Match> {
        let path = path_of(url);
        self.bases.iter().find_map(|base| {
            let rest = path
                .strip_prefix(base.as_str())
                .filter(|rest| rest.is_empty() || rest.starts_with('/'))?;
            self.find_below(method, rest)
        })
    }

    fn find_below(&self, method: Method, path: &str) -> Option<Match> {
        let (parts, slash) = split(path);
        let parts: Vec<String> = parts
            .map(|p| percent_decode_str(p).decode_utf8_lossy().into_owned())
            .collect();
        let routes = self.routes.get(&(method, parts.len()))?;
        let mut fallback = None;
        for route in routes {
            let Some(values) = route.values(&parts) else {
                continue;
            };
            let found = Match {
                operation: route.operation,
                values,
            };
            if route.slash == slash {
                return Some(found);
            }
            fallback.get_or_insert(found);
        }
        fallback
    }
}

impl Route {
    fn new(index: usize, operation: &Operation) -> Self {
        // Some documents tell operations on one path apart by a fragment; it is never sent.
        let (parts, slash) = split(path_of(&operation.path));
        Self {
            operation: index,
            segments: parts.map(Segment::parse).collect(),
            slash,
        }
    }

    fn values(&self, parts: &[String]) -> Option<Vec<(String, String)>> {
        let mut values = Vec::new();
        for (segment, part) in self.segments.iter().zip(parts) {
            match segment {
                Segment::Literal(text) if text == part => {}
                Segment::Literal(_) => return None,
                Segment::Placeholder(name) if !part.is_empty() => {
                    values.push((name.clone(), part.clone()));
                }
                Segment::Placeholder(_) => return None,
                Segment::Mixed(before, name, after) => {
                    let inner = part
                        .strip_prefix(before.as_str())?
                        .strip_suffix(after.as_str())?;
                    if inner.is_empty() {
                        return None;
                    }
                    values.push((name.clone(), inner.to_owned()));
                }
            }
        }
        Some(values)
    }
}

impl Segment {
    fn parse(text: &str) -> Self {
        let Some((before, rest)) = text.split_once('{') else {
            return Self::Literal(text.to_owned());
        };
        match rest.split_once('}') {
            Some((name, "")) if before.is_empty() => Self::Placeholder(name.to_owned()),
            Some((name, after)) => {
                Self::Mixed(before.to_owned(), name.to_owned(), after.to_owned())
            }
            None => Self::Literal(text.to_owned()),
        }
    }

    const fn rank(&self) -> u8 {
        match self {
            Self::Literal(_) => 0,
            Self::Mixed(..) => 1,
            Self::Placeholder(_) => 2,
        }
    }
}

/// The names of the placeholders in a path template, in order.
pub(crate) fn placeholders(path: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut rest = path;
    while let Some((_, after)) = rest.split_once('{') {
        let Some((name, after)) = after.split_once('}') else {
            break;
        };
        names.push(name.to_owned());
        rest = after;
    }
    names
}

/// The path of a URL, or of what is only a path: without scheme, host, query and fragment.
pub(crate) fn path_of(url: &str) -> &str {
    let end = url.find(['?', '#']).unwrap_or(url.len());
    let url = url.get(..end).unwrap_or(url);
    match url.split_once("://") {
        Some((_, rest)) => rest
            .find('/')
            .and_then(|slash| rest.get(slash..))
            .unwrap_or_default(),
        None => url,
    }
}

/// A path's segments, and whether it ends in a slash.
fn split(path: &str) -> (impl Iterator<Item = &str>, bool) {
    let inner = path.strip_prefix('/').unwrap_or(path);
    let slash = inner.ends_with('/');
    let inner = inner.strip_suffix('/').unwrap_or(inner);
    (
        inner
            .split('/')
            .filter(move |part| !(inner.is_empty() && part.is_empty())),
        slash,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matcher(base: &str, paths: &[&str]) -> Matcher {
        let paths: serde_json::Map<_, _> = paths
            .iter()
            .map(|p| {
                (
                    (*p).to_owned(),
                    serde_json::json!({ "get": { "responses": { "200": { "description": "" } } } }),
                )
            })
            .collect();
        let text =
            serde_json::json!({ "openapi": "3.0.0", "servers": [{ "url": base }], "paths": paths })
                .to_string();
        Matcher::new(
            &Document::load("t", &text).unwrap(),
            Some("http://h:1/edge/"),
        )
    }

    #[test]
    fn literal_segments_win_whatever_the_order() {
        let m = matcher(
            "/",
            &[
                "/orders/{id}",
                "/orders/mine",
                "/orders/{id}.pdf",
                "/{any}/mine",
            ],
        );
        let at = |url| m.find(Method::Get, url).map(|found| found.operation);
        assert_eq!(at("http://h/orders/mine"), Some(1));
        assert_eq!(at("http://h/orders/7.pdf?x=1#y"), Some(2));
        assert_eq!(at("http://h/orders/7"), Some(0));
        assert_eq!(at("http://h/other/mine"), Some(3));
        assert_eq!(at("http://h/orders/7/lines"), None);
        assert_eq!(m.find(Method::Post, "http://h/orders/7"), None);
        let found = m.find(Method::Get, "/orders/a%2Fb").unwrap();
        assert_eq!(found.values, [("id".to_owned(), "a/b".to_owned())]);
    }

    #[test]
    fn base_paths_and_trailing_slashes_are_forgiven() {
        let m = matcher(
            "https://api.example.com/v1/",
            &["/", "/orders", "/both", "/both/"],
        );
        let at = |url| m.find(Method::Get, url).map(|found| found.operation);
        for url in [
            "http://h/v1/orders",
            "http://h/orders/",
            "http://h/edge/orders",
            "/v1/orders/?q",
        ] {
            assert_eq!(at(url), Some(1), "{url}");
        }
        assert_eq!(
            (at("http://h"), at("http://h/v1"), at("http://h/")),
            (Some(0), Some(0), Some(0))
        );
        assert_eq!(
            (at("http://h/both"), at("http://h/both/")),
            (Some(2), Some(3))
        );
        assert_eq!(at("http://h/v1orders"), None);
    }
}
