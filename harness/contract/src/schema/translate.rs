//! Translates schemas as documents have them (OpenAPI 2.0, 3.0, 3.1; sloppy) into JSON Schema 2020-12. Only known
//! keywords of the right type pass; the rest is left out and told. It must not know operations.

use super::cycles::break_cycles;
use super::keywords::{allow_null, compiles, limits, meant, pattern_and_format, plain, values};
use super::{Direction, SchemaId, Schemas, cut};
use crate::document::{Dialect, Problems, follow, pointer_of, step};
use serde_json::{Map, Value, json};
use std::collections::{HashMap, VecDeque};

const SCHEMA: [&str; 9] = [
    "items",
    "additionalProperties",
    "not",
    "contains",
    "propertyNames",
    "if",
    "then",
    "else",
    "unevaluatedProperties",
];
const SCHEMAS: [&str; 4] = ["allOf", "anyOf", "oneOf", "prefixItems"];
const SCHEMA_MAP: [&str; 3] = ["properties", "patternProperties", "dependentSchemas"];
const TYPES: [&str; 7] = [
    "string", "number", "integer", "boolean", "object", "array", "null",
];

/// Interns schemas by where they stand and which way their data goes, then translates them all.
pub(crate) struct Translator<'d> {
    root: &'d Value,
    dialect: Dialect,
    ids: HashMap<(Direction, String), SchemaId>,
    queue: VecDeque<(SchemaId, Direction, String)>,
    defs: Vec<(String, Value)>,
}

impl<'d> Translator<'d> {
    pub(crate) fn new(root: &'d Value, dialect: Dialect) -> Self {
        Self {
            root,
            dialect,
            ids: HashMap::new(),
            queue: VecDeque::new(),
            defs: Vec::new(),
        }
    }

    /// The schema that stands at a pointer (`#/…`), plain references followed.
    pub(crate) fn intern(
        &mut self,
        pointer: &str,
        way: Direction,
        problems: &mut Problems,
    ) -> SchemaId {
        let target = self.alias_end(pointer, problems);
        let next = SchemaId(self.defs.len());
        let known = *self.ids.entry((way, target.clone())).or_insert(next);
        if known == next {
            self.defs.push((target.clone(), Value::Bool(true)));
            self.queue.push_back((next, way, target));
        }
        known
    }

    /// Translates all that was interned and all that those refer to.
    pub(crate) fn finish(mut self, problems: &mut Problems) -> Schemas {
        while let Some((id, way, pointer)) = self.queue.pop_front() {
            let value = match follow(self.root, &pointer) {
                Some(schema) => self.schema(schema, &pointer, way, problems),
                None => Value::Bool(true),
            };
            if let Some(def) = self.defs.get_mut(id.0) {
                def.1 = value;
            }
        }
        for pointer in break_cycles(&mut self.defs) {
            problems.add("a schema contains itself at the same place; the reference that closes the circle is left out", &pointer);
        }
        Schemas::new(self.defs)
    }

    /// Follows schemas that are nothing but a reference, so that equal schemas are compiled once.
    fn alias_end(&self, pointer: &str, problems: &mut Problems) -> String {
        let mut seen = vec![pointer.to_owned()];
        loop {
            let at = seen.last().cloned().unwrap_or_default();
            let Some(Value::Object(members)) = follow(self.root, &at) else {
                return at;
            };
            let alone = self.dialect != Dialect::OpenApi31 || members.len() == 1;
            let Some(target) = members
                .get("$ref")
                .and_then(Value::as_str)
                .filter(|_| alone)
            else {
                return at;
            };
            match pointer_of(target).filter(|p| follow(self.root, p).is_some()) {
                Some(target) if seen.contains(&target) => return at,
                Some(target) => seen.push(target),
                None => {
                    problems.unresolved(self.root, target, &at);
                    return at;
                }
            }
        }
    }

    fn schema(
        &mut self,
        schema: &Value,
        at: &str,
        way: Direction,
        problems: &mut Problems,
    ) -> Value {
        let members = match schema {
            Value::Bool(any) => return Value::Bool(*any),
            Value::Object(members) => members,
            _ => {
                problems.add("a schema must be an object", at);
                return Value::Bool(true);
            }
        };
        let mut out = Map::new();
        if let Some(reference) = members.get("$ref") {
            self.reference(reference, at, way, &mut out, problems);
            if self.dialect != Dialect::OpenApi31 {
                return Value::Object(out);
            }
        }
        self.type_keyword(members, at, &mut out, problems);
        self.nested(members, at, way, &mut out, problems);
        self.required(members, at, way, &mut out, problems);
        limits(members, at, &mut out, problems);
        values(members, at, &mut out, problems);
        pattern_and_format(members, at, &mut out, problems);
        for flag in ["readOnly", "writeOnly", "uniqueItems"] {
            if members.get(flag) == Some(&Value::Bool(true)) {
                out.insert(flag.to_owned(), Value::Bool(true));
            }
        }
        let nullable = self.dialect != Dialect::OpenApi31
            && ["nullable", "x-nullable"]
                .iter()
                .any(|k| members.get(*k) == Some(&Value::Bool(true)));
        if nullable {
            allow_null(out)
        } else {
            Value::Object(out)
        }
    }

    fn reference(
        &mut self,
        reference: &Value,
        at: &str,
        way: Direction,
        out: &mut Map<String, Value>,
        problems: &mut Problems,
    ) {
        let text = reference.as_str().unwrap_or_default();
        match pointer_of(text).filter(|pointer| follow(self.root, pointer).is_some()) {
            Some(pointer) => {
                let id = self.intern(&pointer, way, problems);
                out.insert("$ref".to_owned(), json!(format!("#/$defs/{}", id.0)));
            }
            None => problems.unresolved(self.root, text, at),
        }
    }

    fn type_keyword(
        &self,
        members: &Map<String, Value>,
        at: &str,
        out: &mut Map<String, Value>,
        problems: &mut Problems,
    ) {
        let mut known = Vec::new();
        let mut read = |name: &Value, problems: &mut Problems| match name.as_str() {
            Some(name) if TYPES.contains(&name) => known.push(name.to_owned()),
            Some("file") if self.dialect == Dialect::Swagger2 => {}
            other => match other.and_then(meant) {
                Some(meant) => {
                    problems.add(
                        &format!(
                            "`type: {}` is no type; read as `{meant}`",
                            name.as_str().unwrap_or("?")
                        ),
                        at,
                    );
                    known.push(meant.to_owned());
                }
                None => problems.add(
                    &format!("`type: {}` is no type; left out", cut(&plain(name))),
                    at,
                ),
            },
        };
        match members.get("type") {
            None => return,
            Some(Value::Array(names)) => names.iter().for_each(|name| read(name, problems)),
            Some(name) => read(name, problems),
        }
        known.sort();
        known.dedup();
        match known.as_slice() {
            [] => None,
            [one] => out.insert("type".to_owned(), json!(one)),
            several => out.insert("type".to_owned(), json!(several)),
        };
    }

    fn nested(
        &mut self,
        members: &Map<String, Value>,
        at: &str,
        way: Direction,
        out: &mut Map<String, Value>,
        problems: &mut Problems,
    ) {
        for (keyword, value) in members {
            let here = step(at, keyword);
            match (keyword.as_str(), value) {
                // Draft 4 wrote tuples as an array of `items`.
                ("items", Value::Array(items)) => {
                    let items = self.list(items, &here, way, problems);
                    out.insert("prefixItems".to_owned(), items);
                }
                (k, Value::Object(_) | Value::Bool(_)) if SCHEMA.contains(&k) => {
                    let nested = self.schema(value, &here, way, problems);
                    out.insert(keyword.clone(), nested);
                }
                (k, Value::Array(items)) if SCHEMAS.contains(&k) && !items.is_empty() => {
                    let items = self.list(items, &here, way, problems);
                    out.insert(keyword.clone(), items);
                }
                (k, Value::Object(named)) if SCHEMA_MAP.contains(&k) => {
                    let named = named
                        .iter()
                        .filter(|(name, _)| k != "patternProperties" || compiles(name));
                    let nested: Map<_, _> = named
                        .map(|(name, one)| {
                            (
                                name.clone(),
                                self.schema(one, &step(&here, name), way, problems),
                            )
                        })
                        .collect();
                    out.insert(keyword.clone(), Value::Object(nested));
                }
                (k, _)
                    if SCHEMA.contains(&k) || SCHEMAS.contains(&k) || SCHEMA_MAP.contains(&k) =>
                {
                    problems.add(&format!("`{k}` has the wrong shape; left out"), at);
                }
                _ => {}
            }
        }
    }

    fn list(
        &mut self,
        items: &[Value],
        at: &str,
        way: Direction,
        problems: &mut Problems,
    ) -> Value {
        let each = items.iter().enumerate();
        Value::Array(
            each.map(|(i, one)| self.schema(one, &step(at, &i.to_string()), way, problems))
                .collect(),
        )
    }

    /// `required`, without the properties that don't travel this way.
    fn required(
        &self,
        members: &Map<String, Value>,
        at: &str,
        way: Direction,
        out: &mut Map<String, Value>,
        problems: &mut Problems,
    ) {
        let names = match members.get("required") {
            None => return,
            Some(Value::Array(names)) => names,
            // In 2.0 a parameter is its own schema, and its `required` is a flag.
            Some(Value::Bool(_))
                if self.dialect == Dialect::Swagger2 && members.contains_key("in") =>
            {
                return;
            }
            Some(_) => return problems.add("`required` must be a list of names; left out", at),
        };
        let flag = if way == Direction::Request {
            "readOnly"
        } else {
            "writeOnly"
        };
        let stays = |name: &str| {
            let property = members.get("properties").and_then(|p| p.get(name));
            !property.is_some_and(|property| self.flagged(property, flag))
        };
        let mut kept: Vec<&str> = names
            .iter()
            .filter_map(Value::as_str)
            .filter(|name| stays(name))
            .collect();
        kept.sort_unstable();
        kept.dedup();
        out.insert("required".to_owned(), json!(kept));
    }

    fn flagged(&self, property: &Value, flag: &str) -> bool {
        let direct = |schema: &Value| schema.get(flag) == Some(&Value::Bool(true));
        let target = property
            .get("$ref")
            .and_then(Value::as_str)
            .and_then(pointer_of);
        direct(property)
            || target
                .and_then(|pointer| follow(self.root, &pointer))
                .is_some_and(direct)
    }
}
