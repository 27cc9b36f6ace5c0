//! One try at one instance: walks a schema and builds a value. Validity is judged by whoever asks.

use super::{Trouble, Variant, number, refers, text};
use crate::schema::Schemas;
use harness_core::random::Draws;
use serde_json::{Map, Value};

/// Nesting up to which optional properties are filled in.
const FILLED: usize = 3;
/// Nesting beyond which a schema counts as having no end.
const DEEPEST: usize = 16;
/// Values in one instance up to which optional parts are filled in.
const MANY: usize = 400;
/// Values in one instance, at most.
const MOST: usize = 5_000;
/// Items or properties that a lower bound may ask for.
const LONGEST: u64 = 1_000;

pub(super) struct Maker<'s> {
    pub(super) schemas: &'s Schemas,
    pub(super) draws: Draws,
    variant: Variant,
    /// Counts tries; rotates through branches, and turns examples off after two.
    pub(super) attempt: usize,
    depth: usize,
    made: usize,
    path: Vec<String>,
    invented: Vec<String>,
}

impl<'s> Maker<'s> {
    pub(super) fn new(
        schemas: &'s Schemas,
        draws: Draws,
        variant: Variant,
        attempt: usize,
    ) -> Self {
        Self {
            schemas,
            draws,
            variant,
            attempt,
            depth: 0,
            made: 0,
            path: Vec::new(),
            invented: Vec::new(),
        }
    }

    pub(super) fn invented(self) -> Vec<String> {
        self.invented
    }

    pub(super) fn make(&mut self, schema: &Value) -> Result<Value, Trouble> {
        self.made += 1;
        if self.depth > DEEPEST || self.made > MOST {
            return Err(Trouble(
                "the schema asks for itself without an end".to_owned(),
            ));
        }
        let schema = self.flatten(schema, 0)?;
        if let Some(given) = self.given(&schema) {
            return Ok(given);
        }
        self.depth += 1;
        let value = match self.kind(&schema) {
            "object" => self.object(&schema),
            "array" => self.array(&schema),
            "integer" => number::integer(&schema, self.wide(), &mut self.draws),
            "number" => number::number(&schema, self.wide(), &mut self.draws),
            "boolean" => Ok(Value::Bool(self.draws.below(2) == 1)),
            "null" => Ok(Value::Null),
            _ => text::text(&schema, self.attempt, &mut self.draws),
        };
        self.depth -= 1;
        let value = value?;
        if self.path.last().is_some_and(|name| refers(name))
            && (value.is_string() || value.is_number())
        {
            let escaped = self
                .path
                .iter()
                .map(|part| part.replace('~', "~0").replace('/', "~1"));
            self.invented
                .push(escaped.fold(String::new(), |at, part| format!("{at}/{part}")));
        }
        Ok(value)
    }

    fn wide(&self) -> bool {
        self.variant == Variant::Full || self.attempt > 0
    }

    /// A value the document gives: constant, enumeration, example, default.
    fn given(&mut self, schema: &Map<String, Value>) -> Option<Value> {
        if let Some(value) = schema.get("const") {
            return Some(value.clone());
        }
        let list = |key: &str| {
            schema
                .get(key)
                .and_then(Value::as_array)
                .filter(|all| !all.is_empty())
        };
        if let Some(all) = list("enum") {
            let useful: Vec<&Value> = all.iter().filter(|v| !v.is_null()).collect();
            let index = self.attempt
                + self
                    .draws
                    .below(if self.wide() { useful.len() as u64 } else { 1 })
                    as usize;
            return useful
                .get(index % useful.len().max(1))
                .copied()
                .or(all.first())
                .cloned();
        }
        if self.attempt >= 2 {
            return None;
        }
        let example = list("examples")
            .and_then(|all| all.get(self.attempt % all.len()))
            .or_else(|| schema.get("default"));
        // A whole object's example may hold what a client must not send or what already exists.
        example.filter(|value| !value.is_null()).cloned()
    }

    fn kind(&self, schema: &Map<String, Value>) -> &'static str {
        const KNOWN: [&str; 7] = [
            "object", "array", "string", "integer", "number", "boolean", "null",
        ];
        let known = |name: &str| KNOWN.into_iter().find(|k| *k == name);
        match schema.get("type") {
            Some(Value::String(name)) => known(name).unwrap_or("string"),
            Some(Value::Array(names)) => {
                let mut names = names
                    .iter()
                    .filter_map(Value::as_str)
                    .filter_map(known)
                    .collect::<Vec<_>>();
                // Null says the least about a server.
                names.sort_by_key(|name| *name == "null");
                let useful = names.iter().filter(|name| **name != "null").count().max(1);
                names
                    .get(self.attempt % useful)
                    .copied()
                    .unwrap_or("string")
            }
            _ => {
                let any = |keys: &[&str]| keys.iter().any(|k| schema.contains_key(*k));
                if any(&[
                    "properties",
                    "required",
                    "additionalProperties",
                    "minProperties",
                    "patternProperties",
                ]) {
                    "object"
                } else if any(&["items", "prefixItems", "minItems", "contains"]) {
                    "array"
                } else if any(&[
                    "minimum",
                    "maximum",
                    "exclusiveMinimum",
                    "exclusiveMaximum",
                    "multipleOf",
                ]) {
                    "number"
                } else {
                    "string"
                }
            }
        }
    }

    fn object(&mut self, schema: &Map<String, Value>) -> Result<Value, Trouble> {
        let none = Map::new();
        let properties = schema
            .get("properties")
            .and_then(Value::as_object)
            .unwrap_or(&none);
        let required: Vec<&str> = schema
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let least = count(schema, "minProperties").unwrap_or(0).min(LONGEST) as usize;
        let most = count(schema, "maxProperties").unwrap_or(u64::MAX);
        let fill = self.variant == Variant::Full && self.depth <= FILLED && self.made < MANY;
        let other = schema.get("additionalProperties");
        let mut out = Map::new();
        for (name, property) in properties {
            let asked = required.contains(&name.as_str());
            let optional = (fill || out.len() < least) && (out.len() as u64) < most;
            if !asked && (!optional || self.read_only(property)) {
                continue;
            }
            match self.named(name, property) {
                Ok(value) => _ = out.insert(name.clone(), value),
                Err(trouble) if asked => return Err(trouble),
                Err(_) => {}
            }
        }
        for name in required {
            if !out.contains_key(name) {
                let property = other
                    .filter(|s| s.is_object())
                    .unwrap_or(&Value::Bool(true));
                let value = self.named(name, property)?;
                out.insert(name.to_owned(), value);
            }
        }
        let names = schema.get("propertyNames").cloned();
        let extra = if fill && properties.is_empty() && other.is_some_and(Value::is_object) {
            1
        } else {
            0
        };
        for index in 0..least.max(extra).saturating_sub(out.len()) {
            let name = match &names {
                Some(names) => self.make(names)?.as_str().unwrap_or_default().to_owned(),
                None => format!("extra{index}"),
            };
            let value = self.named(&name, other.unwrap_or(&Value::Bool(true)))?;
            out.insert(name, value);
        }
        Ok(Value::Object(out))
    }

    fn named(&mut self, name: &str, schema: &Value) -> Result<Value, Trouble> {
        self.path.push(name.to_owned());
        let value = self.make(schema);
        self.path.pop();
        value
    }

    fn read_only(&self, property: &Value) -> bool {
        let direct = |schema: &Value| schema.get("readOnly") == Some(&Value::Bool(true));
        let target = property
            .get("$ref")
            .and_then(Value::as_str)
            .and_then(|r| self.schemas.target(r));
        direct(property) || target.is_some_and(direct)
    }

    fn array(&mut self, schema: &Map<String, Value>) -> Result<Value, Trouble> {
        let least = count(schema, "minItems").unwrap_or(0).min(LONGEST);
        let most = count(schema, "maxItems").unwrap_or(u64::MAX);
        let first = schema
            .get("prefixItems")
            .and_then(Value::as_array)
            .map_or(&[][..], Vec::as_slice);
        // An empty list is valid and says little, so one item even where none is asked for.
        let wished = if self.variant == Variant::Full && self.depth <= FILLED {
            2
        } else {
            1
        };
        let wished = if self.depth > FILLED || self.made > MANY {
            least
        } else {
            least.max(wished)
        };
        let length = wished.max(first.len() as u64).min(most.max(least));
        let rest = schema
            .get("items")
            .or_else(|| schema.get("contains"))
            .unwrap_or(&Value::Bool(true));
        let unique = schema.get("uniqueItems") == Some(&Value::Bool(true));
        let mut items: Vec<Value> = Vec::new();
        for index in 0..length {
            let item = first.get(index as usize).unwrap_or(rest);
            let mut made = self.named(&index.to_string(), item);
            for _ in 0..if unique { 8 } else { 0 } {
                match &made {
                    Ok(value) if items.contains(value) => {
                        self.attempt += 1;
                        made = self.named(&index.to_string(), item);
                    }
                    _ => break,
                }
            }
            match made {
                Ok(value) if unique && items.contains(&value) && index >= least => {}
                Ok(value) => items.push(value),
                Err(trouble) if index < least => return Err(trouble),
                Err(_) => break,
            }
        }
        Ok(Value::Array(items))
    }
}

/// A keyword's count.
pub(super) fn count(schema: &Map<String, Value>, keyword: &str) -> Option<u64> {
    schema.get(keyword).and_then(Value::as_u64)
}
