//! Flattens references, `allOf` and one branch each of `anyOf` and `oneOf` into one plain schema, so that a value can
//! be built from it. Lossy where keywords can't be merged: the validator has the last word.

use super::Trouble;
use super::make::Maker;
use serde_json::{Map, Value, json};

/// References followed at one place.
const HOPS: usize = 32;

impl Maker<'_> {
    pub(super) fn flatten(
        &mut self,
        schema: &Value,
        hops: usize,
    ) -> Result<Map<String, Value>, Trouble> {
        let members = match schema {
            Value::Object(members) => members,
            Value::Bool(false) => return Err(Trouble("the schema allows no value".to_owned())),
            _ => return Ok(Map::new()),
        };
        if hops > HOPS {
            return Err(Trouble(
                "the schema refers to itself at the same place".to_owned(),
            ));
        }
        let composed = ["$ref", "allOf", "anyOf", "oneOf"];
        let mut out: Map<_, _> = members
            .iter()
            .filter(|(k, _)| !composed.contains(&k.as_str()))
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect();
        if let Some(target) = members
            .get("$ref")
            .and_then(Value::as_str)
            .and_then(|r| self.schemas.target(r))
        {
            let target = self.flatten(target, hops + 1)?;
            merge(&mut out, target);
        }
        for part in members
            .get("allOf")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            let part = self.flatten(part, hops + 1)?;
            merge(&mut out, part);
        }
        for keyword in ["oneOf", "anyOf"] {
            let Some(branches) = members.get(keyword).and_then(Value::as_array) else {
                continue;
            };
            let null = |b: &&Value| {
                b.get("type").and_then(Value::as_str) == Some("null") || **b == Value::Bool(false)
            };
            let useful: Vec<&Value> = branches.iter().filter(|b| !null(b)).collect();
            let branch = useful
                .get(self.attempt % useful.len().max(1))
                .copied()
                .or(branches.first());
            if let Some(branch) = branch {
                let branch = self.flatten(branch, hops + 1)?;
                merge(&mut out, branch);
            }
        }
        Ok(out)
    }
}

/// Narrows `into` by another plain schema.
fn merge(into: &mut Map<String, Value>, other: Map<String, Value>) {
    for (keyword, theirs) in other {
        let Some(mine) = into.get_mut(&keyword) else {
            into.insert(keyword, theirs);
            continue;
        };
        match keyword.as_str() {
            "properties" | "patternProperties" => properties(mine, theirs),
            "required" => union(mine, theirs),
            "enum" => intersect(mine, &theirs),
            "type" => types(mine, &theirs),
            "minimum" | "exclusiveMinimum" | "minLength" | "minItems" | "minProperties"
                if theirs.as_f64() > mine.as_f64() =>
            {
                *mine = theirs;
            }
            "maximum" | "exclusiveMaximum" | "maxLength" | "maxItems" | "maxProperties"
                if theirs.as_f64() < mine.as_f64() =>
            {
                *mine = theirs;
            }
            "items" | "additionalProperties" => *mine = json!({ "allOf": [mine.take(), theirs] }),
            _ => {}
        }
    }
}

fn properties(mine: &mut Value, theirs: Value) {
    let (Value::Object(mine), Value::Object(theirs)) = (mine, theirs) else {
        return;
    };
    for (name, schema) in theirs {
        match mine.get_mut(&name) {
            Some(known) if *known == schema => {}
            Some(known) => *known = json!({ "allOf": [known.take(), schema] }),
            None => _ = mine.insert(name, schema),
        }
    }
}

fn union(mine: &mut Value, theirs: Value) {
    let (Value::Array(mine), Value::Array(theirs)) = (mine, theirs) else {
        return;
    };
    for name in theirs {
        if !mine.contains(&name) {
            mine.push(name);
        }
    }
}

fn intersect(mine: &mut Value, theirs: &Value) {
    let (Value::Array(mine), Value::Array(theirs)) = (mine, theirs) else {
        return;
    };
    mine.retain(|value| theirs.contains(value));
}

fn types(mine: &mut Value, theirs: &Value) {
    let list = |value: &Value| match value {
        Value::Array(names) => names.clone(),
        one => vec![one.clone()],
    };
    let theirs = list(theirs);
    // Every integer is a number.
    let fits = |name: &Value| {
        theirs.contains(name) || (*name == "integer" && theirs.contains(&json!("number")))
    };
    let mut both: Vec<Value> = list(mine).into_iter().filter(|name| fits(name)).collect();
    if both.is_empty()
        && list(mine).contains(&json!("number"))
        && theirs.contains(&json!("integer"))
    {
        both.push(json!("integer"));
    }
    *mine = Value::Array(both);
}
