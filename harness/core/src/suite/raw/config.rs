//! `harness.toml` as typed.

use super::super::at::{At, Named, Scalar, Str};
use super::readiness::{Entry, Readiness, Waiver};
use super::scenario::Gate;
use super::target::Target;
use crate::verdict::regression::Settings;
use schemars::JsonSchema;
use serde::Deserialize;

/// harness.toml: the system under test, its contracts, secrets, variants and profiles, and the gates of every run.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields, title = "harness.toml")]
pub(crate) struct Config {
    /// What the suite is about.
    #[schemars(required)]
    pub(crate) project: Option<Project>,
    /// The system under test.
    #[schemars(required)]
    pub(crate) target: Option<At<Target>>,
    /// Defaults of every request.
    pub(crate) http: Option<Http>,
    /// API documents that responses are checked against, by name.
    #[serde(default)]
    pub(crate) contract: Named<Contract>,
    /// Values that must not show up anywhere, by name: `${secret.NAME}`.
    #[serde(default)]
    pub(crate) secret: Named<Secret>,
    /// Questions to the target that invariants compare the answers of, by name: `NAME.$.path`.
    #[serde(default)]
    pub(crate) query: Named<Query>,
    /// The same suite against another configuration, by name: `--variant NAME`.
    #[serde(default)]
    pub(crate) variant: Named<Variant>,
    /// What a run takes of the suite, by name: `--profile NAME`; `default` is used when none is named.
    #[serde(default)]
    pub(crate) profile: Named<Profile>,
    /// Figures of the target's own metrics, by name: gates say `probe.NAME`.
    #[serde(default)]
    pub(crate) probe: Named<Probe>,
    /// Conditions that judge journeys, contract, and all load outside fault and recovery windows.
    #[serde(default)]
    pub(crate) gate: Vec<At<Gate>>,
    /// When a release is ready.
    pub(crate) readiness: Option<Readiness>,
    /// How the report's pages are made.
    pub(crate) report: Option<Report>,
    /// What makes a run slower than another: the constants of `harness compare`.
    pub(crate) regression: Option<At<Settings>>,
    /// Failures of gates that somebody answers for, for a time.
    #[serde(default)]
    pub(crate) waiver: Vec<At<Waiver>>,
    /// What people do before, during and after a deployment.
    #[serde(default)]
    pub(crate) checklist: Vec<At<Entry>>,
}

/// How the report's pages are made.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Report {
    /// A folder, from the suite's root, with templates of your own in place of the built-in ones of the same name.
    pub(crate) templates: Option<Str>,
}

/// What the suite is about.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Project {
    /// The project's name, for the report's title.
    #[schemars(required)]
    pub(crate) name: Option<Str>,
}

/// Defaults of every request; a step may say otherwise.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Http {
    /// Headers sent with every request.
    #[serde(default)]
    pub(crate) headers: Named<Scalar>,
    /// Limit for one exchange; default 10s.
    pub(crate) timeout: Option<Str>,
    /// Redirects followed at most; default 0.
    #[schemars(range(min = 0, max = 20))]
    pub(crate) redirects: Option<u8>,
    /// Send a W3C `traceparent` with every request; default true.
    pub(crate) traceparent: Option<bool>,
}

/// An API document that responses are checked against.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Contract {
    /// The OpenAPI document's path, from the suite's root.
    #[schemars(required)]
    pub(crate) openapi: Option<Str>,
    /// The service it describes; default: the service of the contract's name.
    pub(crate) service: Option<Str>,
    /// Path before every path of the document; default none.
    pub(crate) base: Option<Str>,
    /// Headers sent with every generated case.
    #[serde(default)]
    pub(crate) headers: Named<Scalar>,
    /// Make the same cases in every run: for a target that remembers nothing from one to the next; default false.
    pub(crate) repeat: Option<bool>,
    /// Findings that are known and accepted: told as such, and no breach.
    #[serde(default)]
    pub(crate) accept: Vec<At<Accept>>,
}

/// A finding that is known and accepted.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Accept {
    /// Its key, `check:operation:detail`, with `*` for any text: `undocumented-status:GET /status/{codes}:*`.
    #[schemars(required)]
    pub(crate) finding: Option<Str>,
    /// Why it is accepted, for whoever reads the report.
    #[schemars(required)]
    pub(crate) reason: Option<Str>,
}

/// A value that must not show up anywhere.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Secret {
    /// The environment variable that holds it.
    #[schemars(required)]
    pub(crate) env: Option<Str>,
    /// Its value when the variable is not set: for demo systems only.
    pub(crate) default: Option<Str>,
}

/// A question to the target whose answer is JSON; asked when a scenario begins and after it has ended.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Query {
    /// The service asked, instead of the way in.
    pub(crate) service: Option<Str>,
    /// Sends GET to this path.
    #[schemars(required)]
    pub(crate) get: Option<Str>,
    /// Request headers.
    #[serde(default)]
    pub(crate) headers: Named<Scalar>,
}

/// What a variant changes.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Variant {
    /// Changes to services, by name.
    #[serde(default)]
    pub(crate) service: Named<ServiceChange>,
}

/// What a variant changes in a service.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct ServiceChange {
    /// Environment added or replaced.
    #[serde(default)]
    pub(crate) env: Named<Scalar>,
    /// Program and arguments instead of the service's own, in mode `process`.
    #[schemars(length(min = 1))]
    pub(crate) command: Option<Vec<Str>>,
    /// Another image, in modes `container` and `compose`; it is not built.
    pub(crate) image: Option<Str>,
}

/// A figure of the target's own metrics.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Probe {
    /// What it is: `rate(gateway.cache_hits_total) / rate(gateway.cache_requests_total)`.
    #[schemars(required)]
    pub(crate) value: Option<Str>,
    /// How it is shown: `%` (a share of one), `/s`, `B`, `s`, or a short word; default: as it is.
    pub(crate) unit: Option<Str>,
    /// One line for people; default: its name.
    pub(crate) title: Option<Str>,
    /// The service of metrics without one; default: the only service that has metrics.
    pub(crate) service: Option<Str>,
    /// Draw it in the report; default true.
    pub(crate) chart: Option<bool>,
}

/// What a run takes of the suite.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Profile {
    /// Journeys and scenarios taken, by their tags: `smoke and not (soak or slow)`.
    pub(crate) tags: Option<Str>,
    /// The scenarios, in this order; default: all that the tags take, by name.
    pub(crate) scenarios: Option<Vec<Str>>,
    /// Makes loads shorter or smaller.
    pub(crate) scale: Option<Scale>,
    /// Decides arrivals, choices, data and fault rolls; default 1.
    #[schemars(range(min = 0))]
    pub(crate) seed: Option<i64>,
}

/// Factors on every load.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Scale {
    /// On the length of stages, and on the start and length of faults.
    pub(crate) duration: Option<At<f64>>,
    /// On rates.
    pub(crate) rate: Option<At<f64>>,
}
