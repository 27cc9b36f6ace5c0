//! What breaks around a service in a container, and what one is replaced by, as typed.

use super::super::at::{At, Named, Scalar, Str};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserializer, Error};
use std::borrow::Cow;

use super::super::at::Node;
use serde::Deserialize;

/// One name, or a list of them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Names {
    /// A string.
    One(String),
    /// A list of strings.
    Several(Vec<Str>),
}

impl At<Names> {
    /// Each with its place.
    pub(crate) fn all(&self) -> Vec<Str> {
        match &self.value {
            Names::One(name) => vec![At {
                value: name.clone(),
                span: self.span.clone(),
            }],
            Names::Several(names) => names.clone(),
        }
    }
}

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wrong = || D::Error::custom("expected a name or a list of names");
        match Node::deserialize(deserializer)? {
            Node::Leaf(serde_json::Value::String(name)) => Ok(Self::One(name)),
            Node::List(items) => {
                let name = |item: At<Node>| match item.value {
                    Node::Leaf(serde_json::Value::String(value)) => Ok(At {
                        value,
                        span: item.span,
                    }),
                    _ => Err(wrong()),
                };
                items
                    .into_iter()
                    .map(name)
                    .collect::<Result<_, _>>()
                    .map(Self::Several)
            }
            _ => Err(wrong()),
        }
    }
}

impl JsonSchema for Names {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Names".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "array"], "items": { "type": "string" } })
    }
}

/// Packets between the service and others are dropped without a word.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Partition {
    /// The other services: a name or a list of them.
    #[schemars(required)]
    pub(crate) from: Option<At<Names>>,
    /// Which packets, as the service that breaks sees it: `both` (default), `in` for those it is sent, `out` for those it
    /// sends.
    pub(crate) direction: Option<At<Way>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Way {
    Both,
    In,
    Out,
}

/// Packets that the service's container sends are lost or late; at least one of `loss` and `delay`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Packets {
    /// Share of them that are lost: `5%`; default 0%.
    pub(crate) loss: Option<Str>,
    /// How much later they are sent; default 0.
    pub(crate) delay: Option<Str>,
    /// Half the width of the draw around `delay`; default 0.
    pub(crate) jitter: Option<Str>,
}

/// One of the service's volumes.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct OnVolume {
    /// Its path in the container, as in `volumes`.
    #[schemars(required)]
    pub(crate) path: Option<Str>,
}

/// The service is replaced while load runs, and rolled back at the end; by another `image`, `command` or `env`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Deploy {
    /// The new image; in containers.
    pub(crate) image: Option<Str>,
    /// The new program and arguments, or what the new container is given.
    #[serde(default)]
    pub(crate) command: Vec<Str>,
    /// Environment that differs.
    #[serde(default)]
    pub(crate) env: Named<Scalar>,
    /// How long the old one still serves the connections it has; default 5s.
    pub(crate) drain: Option<Str>,
}
