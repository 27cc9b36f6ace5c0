//! Walks `paths` and reads each operation, leniently.

use super::forms::FORM;
use super::model::{
    Dialect, Lack, Media, Operation, Parameter, Place, RequestBody, ResponseSpec, StatusPattern,
    Style,
};
use super::problems::Problems;
use super::step;
use crate::matching::placeholders;
use crate::schema::{Direction, SchemaId, Translator, cut};
use harness_core::http::Method;
use serde_json::{Map, Value};

/// Reads one document; problems gather on the way.
pub(super) struct Reader<'d> {
    pub(super) root: &'d Value,
    pub(super) dialect: Dialect,
    pub(super) problems: Problems,
    translator: Translator<'d>,
}

type Shared = Vec<(Map<String, Value>, String)>;

impl<'d> Reader<'d> {
    pub(super) fn new(root: &'d Value, dialect: Dialect) -> Self {
        Self {
            root,
            dialect,
            problems: Problems::default(),
            translator: Translator::new(root, dialect),
        }
    }

    pub(super) fn into_parts(self) -> (Translator<'d>, Problems) {
        (self.translator, self.problems)
    }

    pub(super) fn intern(&mut self, pointer: &str, way: Direction) -> SchemaId {
        self.translator.intern(pointer, way, &mut self.problems)
    }

    /// All operations, in the order of the document.
    pub(super) fn operations(&mut self) -> Vec<Operation> {
        let mut all = Vec::new();
        let paths = match self.root.get("paths") {
            Some(Value::Object(paths)) => paths,
            Some(other) => {
                let what = format!("`paths` must be an object, this is {}", kind_of(other));
                self.problems.lack(&what, "#/paths", Lack::Operations);
                return all;
            }
            // 3.1 allows a document of webhooks or components alone.
            None => {
                let what = "the document has no `paths`";
                self.problems.lack(what, "#", Lack::Operations);
                return all;
            }
        };
        for (path, item) in paths.iter().filter(|(path, _)| !path.starts_with("x-")) {
            let at = step("#/paths", path);
            if !path.starts_with('/') {
                self.problems
                    .add("a path must start with a slash; left out", &at);
                continue;
            }
            let Some((item, at)) = self.resolve(item, &at) else {
                continue;
            };
            let shared = self.raw_parameters(item.get("parameters"), &at);
            for (name, raw) in &item {
                // Only lower-case names are methods; Method::parse would take both.
                let method =
                    Method::parse(name).filter(|_| !name.bytes().any(|b| b.is_ascii_uppercase()));
                if let Some(method) = method {
                    let at = step(&at, name);
                    match raw {
                        Value::Object(raw) => {
                            all.push(self.operation(method, path, raw, &shared, &at));
                        }
                        _ => self
                            .problems
                            .add("an operation must be an object; left out", &at),
                    }
                }
            }
        }
        if all.is_empty() {
            let what = "the document describes no operation";
            self.problems.lack(what, "#/paths", Lack::Operations);
        }
        all
    }

    fn operation(
        &mut self,
        method: Method,
        path: &str,
        raw: &Map<String, Value>,
        shared: &Shared,
        at: &str,
    ) -> Operation {
        let own = self.raw_parameters(raw.get("parameters"), at);
        let same = |a: &Map<String, Value>, b: &Map<String, Value>| {
            a.get("name") == b.get("name") && a.get("in") == b.get("in")
        };
        let inherited = shared
            .iter()
            .filter(|(s, _)| !own.iter().any(|(o, _)| same(s, o)))
            .cloned();
        let raws: Shared = inherited.chain(own.iter().cloned()).collect();
        let in_body = |raw: &Map<String, Value>| {
            matches!(
                raw.get("in").and_then(Value::as_str),
                Some("body" | "formData")
            )
        };
        let (bodies, plain): (Shared, Shared) = raws.into_iter().partition(|(raw, _)| in_body(raw));
        let mut parameters: Vec<Parameter> = Vec::new();
        for (raw, at) in &plain {
            if let Some(parameter) = self.parameter(raw, at) {
                parameters.push(parameter);
            }
        }
        self.agree_with_path(path, &mut parameters, at);
        let body = match raw.get("requestBody") {
            Some(body) => self.body(body, at),
            None => self.swagger_body(&bodies, raw, at),
        };
        Operation {
            name: format!("{method} {path}"),
            method,
            path: path.to_owned(),
            operation_id: raw
                .get("operationId")
                .and_then(Value::as_str)
                .map(str::to_owned),
            parameters,
            body,
            responses: self.responses(raw, at),
            security: self.security(raw),
        }
    }

    fn raw_parameters(&mut self, list: Option<&Value>, at: &str) -> Shared {
        match list {
            None => Vec::new(),
            Some(Value::Array(items)) => {
                let at = step(at, "parameters");
                let each = items.iter().enumerate();
                each.filter_map(|(index, raw)| self.resolve(raw, &step(&at, &index.to_string())))
                    .collect()
            }
            Some(_) => {
                self.problems
                    .add("`parameters` must be a list; left out", at);
                Vec::new()
            }
        }
    }

    /// Every `{placeholder}` has a parameter, and every path parameter a placeholder.
    fn agree_with_path(&mut self, path: &str, parameters: &mut Vec<Parameter>, at: &str) {
        let names = placeholders(path);
        for name in &names {
            if !parameters
                .iter()
                .any(|p| p.place == Place::Path && p.name == *name)
            {
                self.problems.add(
                    "a placeholder of the path has no parameter; taken as any text",
                    at,
                );
                parameters.push(Parameter {
                    name: name.clone(),
                    place: Place::Path,
                    required: true,
                    schema: None,
                    examples: Vec::new(),
                    style: Style::Joined(','),
                });
            }
        }
        let before = parameters.len();
        parameters.retain(|p| p.place != Place::Path || names.contains(&p.name));
        if parameters.len() < before {
            self.problems.add(
                "a path parameter has no placeholder in the path; left out",
                at,
            );
        }
    }

    fn body(&mut self, raw: &Value, at: &str) -> Option<RequestBody> {
        let (raw, at) = self.resolve(raw, &step(at, "requestBody"))?;
        let content = self.content(raw.get("content"), &at, Direction::Request);
        if content.is_empty() {
            self.problems
                .add("a request body describes no content; left out", &at);
            return None;
        }
        Some(RequestBody {
            required: raw.get("required") == Some(&Value::Bool(true)),
            content,
        })
    }

    /// 2.0: the parameter in `body`, or the form fields gathered before.
    fn swagger_body(
        &mut self,
        bodies: &Shared,
        operation: &Map<String, Value>,
        at: &str,
    ) -> Option<RequestBody> {
        let consumes = self.media_types(operation, "consumes");
        if operation.contains_key(FORM) {
            let form = |range: &&String| range.contains("form");
            let range = consumes
                .iter()
                .find(form)
                .map_or("application/x-www-form-urlencoded", String::as_str)
                .to_owned();
            let schema = Some(self.intern(&step(at, FORM), Direction::Request));
            return Some(RequestBody {
                required: true,
                content: vec![Media {
                    range,
                    schema,
                    examples: Vec::new(),
                }],
            });
        }
        let (raw, at) = bodies
            .iter()
            .find(|(raw, _)| raw.get("in").and_then(Value::as_str) == Some("body"))?;
        let schema = raw
            .get("schema")
            .map(|_| self.intern(&step(at, "schema"), Direction::Request));
        let examples = self.examples(raw, at);
        let range = consumes
            .into_iter()
            .next()
            .unwrap_or_else(|| "application/json".to_owned());
        let required = raw.get("required") == Some(&Value::Bool(true));
        Some(RequestBody {
            required,
            content: vec![Media {
                range,
                schema,
                examples,
            }],
        })
    }

    /// 2.0: what an operation, or else the whole document, consumes or produces.
    fn media_types(&self, operation: &Map<String, Value>, key: &str) -> Vec<String> {
        let list = operation
            .get(key)
            .or_else(|| self.root.get(key))
            .and_then(Value::as_array);
        list.into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(super::media::essence)
            .collect()
    }

    fn responses(
        &mut self,
        operation: &Map<String, Value>,
        at: &str,
    ) -> Vec<(StatusPattern, ResponseSpec)> {
        let Some(Value::Object(raws)) = operation.get("responses") else {
            self.problems.add(
                "an operation has no `responses`; its statuses are not checked",
                at,
            );
            return Vec::new();
        };
        let mut all = Vec::new();
        for (status, raw) in raws.iter().filter(|(status, _)| !status.starts_with("x-")) {
            let here = step(&step(at, "responses"), status);
            let Some(pattern) = pattern(status) else {
                self.problems
                    .add(&format!("`{}` is no status; left out", cut(status)), &here);
                continue;
            };
            // A response that can't be resolved still documents its status.
            let content = match self.resolve(raw, &here) {
                Some((raw, here)) if self.dialect == Dialect::Swagger2 => {
                    self.swagger_content(operation, &raw, &here)
                }
                Some((raw, here)) => self.content(raw.get("content"), &here, Direction::Response),
                None => Vec::new(),
            };
            all.push((pattern, ResponseSpec { content }));
        }
        if all.is_empty() {
            self.problems.add(
                "an operation has no `responses`; its statuses are not checked",
                at,
            );
        }
        all.sort_by_key(|(pattern, _)| *pattern);
        all
    }

    fn swagger_content(
        &mut self,
        operation: &Map<String, Value>,
        raw: &Map<String, Value>,
        at: &str,
    ) -> Vec<Media> {
        if !raw.contains_key("schema") {
            return Vec::new();
        }
        let schema = Some(self.intern(&step(at, "schema"), Direction::Response));
        let mut ranges = self.media_types(operation, "produces");
        if ranges.is_empty() {
            ranges.push("*/*".to_owned());
        }
        let examples = |range: &str| {
            raw.get("examples")
                .and_then(|e| e.get(range))
                .cloned()
                .into_iter()
                .collect()
        };
        ranges
            .into_iter()
            .map(|range| Media {
                schema,
                examples: examples(&range),
                range,
            })
            .collect()
    }

    fn security(&self, operation: &Map<String, Value>) -> Vec<String> {
        let list = operation
            .get("security")
            .or_else(|| self.root.get("security"))
            .and_then(Value::as_array);
        let schemes = list
            .into_iter()
            .flatten()
            .filter_map(Value::as_object)
            .flat_map(|one| one.keys().cloned());
        let mut names: Vec<String> = schemes.collect();
        names.sort();
        names.dedup();
        names
    }
}

/// A value's type, as a person would call it.
fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn pattern(status: &str) -> Option<StatusPattern> {
    if status.eq_ignore_ascii_case("default") {
        return Some(StatusPattern::Default);
    }
    let hundred = status
        .chars()
        .next()
        .and_then(|c| c.to_digit(10))
        .filter(|d| (1..=5).contains(d));
    if status.len() == 3 && status.to_ascii_lowercase().ends_with("xx") {
        return hundred
            .and_then(|d| u16::try_from(d).ok())
            .map(StatusPattern::Range);
    }
    status
        .parse()
        .ok()
        .filter(|s| (100..1000).contains(s))
        .map(StatusPattern::Exact)
}
