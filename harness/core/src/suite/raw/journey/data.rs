//! `data` of a journey as typed: a file's path, or a table with it.

use crate::data::{AtEnd, Pick};
use crate::suite::at::{At, Str};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use std::borrow::Cow;
use std::fmt;

/// A data file, and how load takes its rows.
#[derive(Debug, Clone)]
pub(crate) enum Data {
    /// The path alone.
    Path(String),
    /// More of it.
    Table(Box<Table>),
}

/// `data = { file = "users.csv", pick = "unique" }`.
#[derive(Debug, Clone, Default, serde::Deserialize)]
pub(crate) struct Table {
    pub(crate) file: Option<Str>,
    pub(crate) pick: Option<At<Pick>>,
    pub(crate) at_end: Option<At<AtEnd>>,
}

impl At<Data> {
    /// The file's path; none if it was left out, which the schema tells.
    pub(crate) fn file(&self) -> Option<Str> {
        match &self.value {
            Data::Path(path) => Some(At {
                value: path.clone(),
                span: self.span.clone(),
            }),
            Data::Table(table) => table.file.clone(),
        }
    }

    /// The table, if it is one.
    pub(crate) fn table(&self) -> Option<&Table> {
        match &self.value {
            Data::Path(_) => None,
            Data::Table(table) => Some(table),
        }
    }
}

impl<'de> Deserialize<'de> for Data {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Data;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a path or a table")
            }

            fn visit_str<E>(self, path: &str) -> Result<Data, E> {
                Ok(Data::Path(path.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Data, A::Error> {
                let table = Table::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Data::Table(Box::new(table)))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for Data {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Data".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["string", "object"],
            "properties": {
                "file": {
                    "description": "The data file (.csv, .json or .jsonl).",
                    "type": "string",
                },
                "pick": {
                    "description": "Which row an iteration takes under load: in turn (`sequential`, the default), one drawn (`random`), each at most once (`unique`), or each user of a closed model its own (`shared`).",
                    "enum": ["sequential", "random", "unique", "shared"],
                },
                "at_end": {
                    "description": "After the last row: `wrap` begins again, `stop` starts nothing more.",
                    "enum": ["wrap", "stop"],
                },
            },
            "required": ["file"],
            "additionalProperties": false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_or_a_table_is_read() {
        let read = |text: &str| {
            #[derive(serde::Deserialize)]
            struct File {
                data: At<Data>,
            }
            toml::from_str::<File>(text).unwrap().data
        };
        assert_eq!(read("data = 'a.csv'").file().unwrap().value, "a.csv");
        let table = read("data = { file = 'a.csv', pick = 'unique' }");
        assert_eq!(table.file().unwrap().span, 16..23);
        assert_eq!(
            table.table().unwrap().pick.as_ref().unwrap().value,
            Pick::Unique
        );
    }
}
