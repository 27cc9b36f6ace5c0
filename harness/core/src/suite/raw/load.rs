//! `[load]` of a scenario as typed: which keys there are. Which of them go together is the plan's.

use super::super::at::{At, Named, Node, Str};
use super::think::Think;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};
use std::borrow::Cow;

/// When journeys start: by a schedule (`open`), or when a user is done with the one before (`closed`). With exactly one
/// shape: `rate`, `rates` or `users` with `for`; `stages`; `steps`; `preset`; or `users` with a number of iterations.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Load {
    /// `open`, the default, or `closed`.
    pub(crate) model: Option<At<Model>>,
    /// Journey starts per unit of time, `500/s` or a ramp `50/s..500/s`: for a load of one stage.
    pub(crate) rate: Option<Str>,
    /// The same for each journey by itself.
    pub(crate) rates: Option<At<Named<String>>>,
    /// Closed model: users, `50` or a ramp `"1..50"`: for a load of one stage.
    pub(crate) users: Option<At<Level>>,
    /// How long that stage, or the preset, lasts; with a number of iterations, its limit (default 10m).
    #[serde(rename = "for")]
    pub(crate) lasts: Option<Str>,
    /// Stages, one after another.
    #[serde(default)]
    pub(crate) stages: Vec<At<Stage>>,
    /// A staircase of stages.
    pub(crate) steps: Option<At<Steps>>,
    /// A shape with a name, around `rate` or `users` as what is normal.
    pub(crate) preset: Option<At<Preset>>,
    /// How arrivals lie between each other: `even`, the default, or `poisson`.
    pub(crate) arrivals: Option<At<Arrivals>>,
    /// Closed model: journeys walked in all; who is free takes the next.
    #[schemars(range(min = 1, max = 1_000_000_000_000_u64))]
    pub(crate) iterations: Option<At<u64>>,
    /// Closed model: journeys walked by each user.
    #[schemars(range(min = 1, max = 1_000_000_000_000_u64))]
    pub(crate) iterations_per_user: Option<At<u64>>,
    /// Closed model: a user starts no journey sooner than this after the last one started.
    pub(crate) pacing: Option<Str>,
    /// Closed model: how long cookies live, `user` (default) or `journey`.
    pub(crate) cookies: Option<At<Cookies>>,
    /// Closed model: who plays it, `native` (default) or `goose`.
    pub(crate) engine: Option<At<Engine>>,
    /// A capacity search instead of a shape: `max rate where p99 < 200ms and error_rate < 0.1%`.
    pub(crate) find: Option<Str>,
    /// Capacity search: the first rate tried; default 50/s.
    pub(crate) from: Option<Str>,
    /// Capacity search: the highest rate tried; default 200000/s.
    pub(crate) up_to: Option<Str>,
    /// Capacity search: how long it may take; default 5m.
    pub(crate) within: Option<Str>,
    /// Capacity search: how long a rate is judged for, after a fifth of that for it to settle; default 10s.
    pub(crate) trial: Option<Str>,
    /// Capacity search: how far the ends of the answer may lie apart; default 5%.
    pub(crate) precision: Option<Str>,
    /// Journeys and their weights; not with `rates`.
    pub(crate) mix: Option<At<Named<f64>>>,
    /// The first part of the load, shown and judged by no gate.
    pub(crate) warm_up: Option<Str>,
    /// Stop when the schedule can't be kept: `rate missed by 5% for 10s`.
    pub(crate) abort: Option<Str>,
    /// Think time after steps that have none of their own: `500ms`, `1s..3s`, or `{ exponential = "2s", at_most = "20s" }`.
    pub(crate) think: Option<At<Think>>,
    /// Connections at most; default 256, or as many as there are users.
    #[schemars(range(min = 1, max = 60000))]
    pub(crate) connections: Option<At<u32>>,
    /// Share of exchanges whose whole response is checked against the contract, 0 to 1; default 0.02.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub(crate) sample: Option<f64>,
    /// What requests travel over.
    pub(crate) http: Option<At<LoadHttp>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Model {
    Open,
    Closed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Arrivals {
    Even,
    Poisson,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Preset {
    Smoke,
    Load,
    Stress,
    Spike,
    Soak,
    Breakpoint,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Cookies {
    User,
    Journey,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Engine {
    Native,
    Goose,
}

/// A part of a load; with exactly one of `rate`, `rates`, `users`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Stage {
    /// Journey starts per unit of time: `500/s`, or a ramp `50/s..500/s`.
    pub(crate) rate: Option<Str>,
    /// The same for each journey by itself.
    pub(crate) rates: Option<At<Named<String>>>,
    /// Closed model: users, `50` or a ramp `"1..50"`.
    pub(crate) users: Option<At<Level>>,
    /// How long it lasts.
    #[serde(rename = "for")]
    #[schemars(required)]
    pub(crate) lasts: Option<Str>,
}

/// A staircase: from one rate or number of users to another.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Steps {
    /// The first stair: `100/s`, or users.
    #[schemars(required)]
    pub(crate) from: Option<At<Level>>,
    /// The last stair.
    #[schemars(required)]
    pub(crate) to: Option<At<Level>>,
    /// The height of a stair.
    #[schemars(required)]
    pub(crate) by: Option<At<Level>>,
    /// How long each stair lasts.
    #[schemars(required)]
    pub(crate) every: Option<Str>,
}

/// What requests travel over.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct LoadHttp {
    /// Connections at most; default 256, or as many as there are users.
    #[schemars(range(min = 1, max = 60000))]
    pub(crate) connections: Option<At<u32>>,
    /// When a connection is used again: `pool` (default), `user` or `never`.
    pub(crate) reuse: Option<At<Reuse>>,
    /// The protocol: `auto` (default), `1.1` or `2`.
    pub(crate) version: Option<At<Version>>,
    /// Requests at once on one HTTP/2 connection; default 100.
    #[schemars(range(min = 1, max = 1000))]
    pub(crate) streams: Option<At<u32>>,
    /// When names are looked up: `once` (default) or for each `connection`.
    pub(crate) lookup: Option<At<Lookup>>,
    /// Whether a new TLS connection may resume an earlier one's session; default true.
    pub(crate) resumption: Option<bool>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Reuse {
    Pool,
    User,
    Never,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
pub(crate) enum Version {
    #[serde(rename = "auto")]
    Auto,
    #[serde(rename = "1.1")]
    Http1,
    #[serde(rename = "2")]
    Http2,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Lookup {
    Once,
    Connection,
}

/// A number of users, or a text: a rate, a ramp.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Level {
    /// `50`.
    Number(i64),
    /// `"1..50"`, `"100/s"`.
    Text(String),
}

impl<'de> Deserialize<'de> for Level {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let odd = || D::Error::custom("expected a whole number or a string");
        match Node::deserialize(deserializer)? {
            Node::Leaf(serde_json::Value::String(text)) => Ok(Self::Text(text)),
            Node::Leaf(value) => value.as_i64().map(Self::Number).ok_or_else(odd),
            Node::List(_) | Node::Table(_) => Err(odd()),
        }
    }
}

impl JsonSchema for Level {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Level".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["integer", "string"] })
    }
}
