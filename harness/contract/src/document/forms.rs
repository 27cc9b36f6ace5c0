//! 2.0 only: gathers an operation's `formData` parameters into one object schema, so that the rest of the loader
//! sees a body like any other.

use super::follow;
use serde_json::{Map, Value, json};

/// Where the gathered schema is put, inside its operation.
pub(super) const FORM: &str = "x-gathered-form";

/// Adds a schema to every operation that takes form fields.
pub(super) fn gather(root: &mut Value) {
    let mut found = Vec::new();
    if let Some(Value::Object(paths)) = root.get("paths") {
        for (path, item) in paths {
            let Value::Object(item) = item else { continue };
            for (name, operation) in item {
                let lists = [item.get("parameters"), operation.get("parameters")];
                let raws = lists
                    .into_iter()
                    .flatten()
                    .filter_map(Value::as_array)
                    .flatten();
                if let Some(schema) = form(root, raws) {
                    found.push((path.clone(), name.clone(), schema));
                }
            }
        }
    }
    for (path, name, schema) in found {
        let operation = root
            .get_mut("paths")
            .and_then(|p| p.get_mut(&path))
            .and_then(|item| item.get_mut(&name));
        if let Some(Value::Object(operation)) = operation {
            operation.insert(FORM.to_owned(), schema);
        }
    }
}

fn form<'v>(root: &Value, raws: impl Iterator<Item = &'v Value>) -> Option<Value> {
    let (mut properties, mut required) = (Map::new(), Vec::new());
    for raw in raws {
        let target = raw
            .get("$ref")
            .and_then(Value::as_str)
            .and_then(super::pointer_of);
        let raw = target
            .and_then(|pointer| follow(root, &pointer))
            .unwrap_or(raw);
        let name = raw.get("name").and_then(Value::as_str);
        if let (Some("formData"), Some(name)) = (raw.get("in").and_then(Value::as_str), name) {
            if raw.get("required") == Some(&Value::Bool(true)) {
                required.push(name.to_owned());
            }
            properties.insert(name.to_owned(), raw.clone());
        }
    }
    (!properties.is_empty())
        .then(|| json!({ "type": "object", "properties": properties, "required": required }))
}
