//! Think time as typed: a duration, a range, or a table with an exponential's mean.

use super::super::at::{At, Named, Node, Str};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error as _};
use serde_json::Value;
use std::borrow::Cow;

/// A think time.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Think {
    /// `500ms`, or `1s..3s`.
    Text(String),
    /// `{ exponential = "2s", at_most = "20s" }`.
    Exponential {
        /// The mean; what is missing is an error of form already.
        mean: Option<Str>,
        /// Where it is cut.
        at_most: Option<Str>,
    },
}

impl<'de> Deserialize<'de> for Think {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = |table: &Named<Node>, key: &str| match table.get(key) {
            Some(At {
                value: Node::Leaf(Value::String(text)),
                span,
            }) => Some(At {
                value: text.clone(),
                span: span.clone(),
            }),
            _ => None,
        };
        match Node::deserialize(deserializer)? {
            Node::Leaf(Value::String(text)) => Ok(Self::Text(text)),
            Node::Table(table) => Ok(Self::Exponential {
                mean: text(&table, "exponential"),
                at_most: text(&table, "at_most"),
            }),
            Node::Leaf(_) | Node::List(_) => Err(D::Error::custom("expected a string or a table")),
        }
    }
}

impl JsonSchema for Think {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Think".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["string", "object"],
            "properties": {
                "exponential": {
                    "description": "The mean of exponential think times: mostly short, now and then long.",
                    "type": "string"
                },
                "at_most": {
                    "description": "A longer one is cut to this; default ten times the mean.",
                    "type": "string"
                }
            },
            "required": ["exponential"],
            "additionalProperties": false
        })
    }
}
