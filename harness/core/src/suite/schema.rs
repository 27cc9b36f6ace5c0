//! The JSON Schemas of the files people write, made from the raw types, so that what `check` accepts and what an
//! editor suggests are the same thing.

use super::raw::{ConfigFile, JourneyFile, ScenarioFile};
use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform};
use schemars::{JsonSchema, Schema};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// The schemas by file name: `harness.schema.json`, `scenario.schema.json`, `journey.schema.json`.
pub fn schema() -> BTreeMap<&'static str, Value> {
    BTreeMap::from([
        ("harness.schema.json", generate::<ConfigFile>()),
        ("journey.schema.json", generate::<JourneyFile>()),
        ("scenario.schema.json", generate::<ScenarioFile>()),
    ])
}

/// A schema and its validator; compiled once, when the first file of the kind is read.
pub(super) struct Compiled {
    pub(super) schema: Value,
    pub(super) validator: Result<jsonschema::Validator, String>,
}

impl Compiled {
    fn new(schema: Value) -> Self {
        let validator = jsonschema::validator_for(&schema).map_err(|error| error.to_string());
        Self { schema, validator }
    }
}

/// A kind of file with a schema.
pub(super) trait File: JsonSchema + serde::de::DeserializeOwned {
    fn compiled() -> &'static Compiled;
}

macro_rules! files {
    ($($type:ty),*) => {$(
        impl File for $type {
            fn compiled() -> &'static Compiled {
                static COMPILED: LazyLock<Compiled> = LazyLock::new(|| Compiled::new(generate::<$type>()));
                &COMPILED
            }
        }
    )*};
}
files!(ConfigFile, ScenarioFile, JourneyFile);

/// Everything inline, so that an error's path in the schema leads straight to the keys that are known there.
fn generate<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|s| s.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    RecursiveTransform(no_null).transform(&mut schema);
    schema.to_value()
}

/// TOML has no null: an optional value is one that is left out.
fn no_null(schema: &mut Schema) {
    let Some(object) = schema.as_object_mut() else {
        return;
    };
    object.remove("default");
    object.remove("format");
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|t| t != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            object.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(options)) = object.get_mut("enum") {
        options.retain(|option| !option.is_null());
    }
    let Some(Value::Array(branches)) = object.get("anyOf") else {
        return;
    };
    let real: Vec<&Value> = branches
        .iter()
        .filter(|b| b.get("type").is_none_or(|t| t != "null"))
        .collect();
    if let [Value::Object(only)] = real.as_slice() {
        let only = only.clone();
        object.remove("anyOf");
        for (key, value) in only {
            object.entry(key).or_insert(value);
        }
        // The branch taken up may hold a null of its own.
        no_null(schema);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_schemas_are_current() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/schema");
        for (name, schema) in schema() {
            let current = serde_json::to_string_pretty(&schema).unwrap() + "\n";
            let path = format!("{folder}/{name}");
            if std::env::var_os("UPDATE_SCHEMAS").is_some() {
                std::fs::write(&path, &current).unwrap();
            }
            let committed = std::fs::read_to_string(&path).unwrap_or_default();
            assert!(
                committed == current,
                "{path} is stale: run this test with UPDATE_SCHEMAS=1"
            );
        }
    }

    #[test]
    fn the_schemas_compile_and_know_no_null() {
        for compiled in [
            ConfigFile::compiled(),
            ScenarioFile::compiled(),
            JourneyFile::compiled(),
        ] {
            assert!(compiled.validator.is_ok());
            let text = compiled.schema.to_string();
            for odd in ["\"null\"", "$ref", "oneOf", "anyOf"] {
                assert!(!text.contains(odd), "{odd} in {text}");
            }
        }
    }
}
