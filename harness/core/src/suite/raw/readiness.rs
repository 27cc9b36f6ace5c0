//! What `harness.toml` says of a release, as typed.

use super::super::at::{At, Str};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;
use std::fmt;

/// When a release is ready.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Readiness {
    /// The score from which it is GO; default 90.
    #[schemars(range(min = 0, max = 100))]
    pub(crate) go: Option<At<f64>>,
    /// The score from which it is CONDITIONAL GO; default 75.
    #[schemars(range(min = 0, max = 100))]
    pub(crate) conditional: Option<At<f64>>,
    /// How old evidence may be, in whole days; default 7d.
    pub(crate) fresh: Option<Str>,
    /// Evidence that a release must have.
    #[serde(default)]
    pub(crate) needs: Vec<At<Need>>,
}

/// Evidence that a release must have; with exactly one of `scenario`, `profile`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Need {
    /// A scenario, played with the load it has in the suite.
    pub(crate) scenario: Option<Str>,
    /// All that a profile takes, in runs of that profile.
    pub(crate) profile: Option<Str>,
    /// How old it may be, in whole days; default: as all evidence.
    pub(crate) fresh: Option<Str>,
    /// Who brings it.
    pub(crate) owner: Option<Str>,
}

/// A gate's failure that somebody answers for, for at most 90 days: the answer is then CONDITIONAL GO at best.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Waiver {
    /// A named gate: `steady#checkout is fast`, `suite#no errors`; of an invariant of harness.toml `suite@steady#NAME`.
    #[schemars(required)]
    pub(crate) gate: Option<Str>,
    /// Where it counts; default: everywhere.
    pub(crate) scope: Option<Scope>,
    /// Why the failure is accepted.
    #[schemars(required)]
    pub(crate) reason: Option<Str>,
    /// Who sees to it that it goes away.
    #[schemars(required)]
    pub(crate) owner: Option<Str>,
    /// Who agreed.
    #[schemars(required)]
    pub(crate) approver: Option<Str>,
    /// The day it was written.
    #[schemars(required)]
    pub(crate) created: Option<At<Day>>,
    /// The last day on which it counts, at most 90 days after `created`.
    #[schemars(required)]
    pub(crate) expires: Option<At<Day>>,
    /// Where the work is tracked.
    pub(crate) ticket: Option<Str>,
}

/// Where a waiver counts: all that is named must fit.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Scope {
    /// Only runs of this variant; `default` is the suite without one.
    pub(crate) variant: Option<Str>,
    /// Only runs of this profile.
    pub(crate) profile: Option<Str>,
    /// Only this release.
    pub(crate) release: Option<Str>,
}

/// Something that people do around a deployment, closed by evidence (`closes_with`) or by a signature (`signed`).
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Entry {
    /// `before`, `during` or `after` the deployment.
    #[schemars(required)]
    pub(crate) phase: Option<Phase>,
    /// What.
    #[schemars(required)]
    pub(crate) title: Option<Str>,
    /// Who.
    pub(crate) owner: Option<Str>,
    /// What closes it by passing: a gate's id, `journeys`, `contract` or `target`. Without it, a signature does.
    pub(crate) closes_with: Option<Str>,
    /// That somebody saw it done.
    pub(crate) signed: Option<At<Signed>>,
}

/// When something is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Phase {
    Before,
    During,
    After,
}

/// That somebody saw it done.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Signed {
    /// Who.
    #[schemars(required)]
    pub(crate) by: Option<Str>,
    /// When; it counts as long as evidence of that day would.
    #[schemars(required)]
    pub(crate) on: Option<At<Day>>,
    /// Of which release; default: of any.
    pub(crate) release: Option<Str>,
    /// What was seen.
    pub(crate) note: Option<Str>,
}

/// A day, as a TOML date or as a string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Day(pub(crate) String);

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Typed;
        impl<'de> Visitor<'de> for Typed {
            type Value = Day;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a date")
            }

            fn visit_str<E>(self, text: &str) -> Result<Day, E> {
                Ok(Day(text.to_owned()))
            }

            /// A TOML date arrives as a table of one key.
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Day, A::Error> {
                match map.next_entry::<String, String>()? {
                    Some((_, text)) => Ok(Day(text)),
                    None => Err(serde::de::Error::invalid_length(0, &self)),
                }
            }
        }
        deserializer.deserialize_any(Typed)
    }
}

impl JsonSchema for Day {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Day".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}
