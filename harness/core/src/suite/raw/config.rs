//! `harness.toml` as typed.

use super::super::at::{At, Named, Scalar, Str};
use super::scenario::Gate;
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
}

/// What the suite is about.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Project {
    /// The project's name, for the report's title.
    #[schemars(required)]
    pub(crate) name: Option<Str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum TargetMode {
    Process,
    External,
}

/// The system under test.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Target {
    /// How it is brought up: `process` (default) starts the services here, `external` uses what runs at `url`.
    pub(crate) mode: Option<At<TargetMode>>,
    /// Where it runs, in mode `external`.
    pub(crate) url: Option<Str>,
    /// The link or service that journeys and load go in by; default: the link without `from`, else the only service.
    pub(crate) entry: Option<Str>,
    /// Path of a Unix socket that every request goes through, in mode `external`; the URL's host still goes into `Host`.
    pub(crate) socket: Option<Str>,
    /// How an `https://` target's certificate is judged, and what is shown to it.
    pub(crate) tls: Option<At<Tls>>,
    /// Metrics endpoints scraped beside the services' own: URLs.
    #[serde(default)]
    pub(crate) metrics: Vec<Str>,
    /// Who serves the links, instead of the proxy in the harness itself.
    pub(crate) proxy: Option<At<ProxyServer>>,
    /// The services, by name.
    #[serde(default)]
    pub(crate) service: Named<Service>,
    /// Edges of the network that run through the fault proxy, by name.
    #[serde(default)]
    pub(crate) link: Named<Link>,
}

/// Certificates of journeys, contract checks, probes and load alike; files are PEM, by their path from the suite's root.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Tls {
    /// The authorities trusted, and no others; default: those that this machine trusts.
    pub(crate) ca: Option<Str>,
    /// The client's certificate, with those that vouch for it behind it.
    pub(crate) cert: Option<Str>,
    /// The client's private key, without a passphrase; it shows up in no event and no report.
    pub(crate) key: Option<Str>,
    /// The name asked for (SNI) and expected in the server's certificate; default: the URL's host.
    pub(crate) server_name: Option<Str>,
    /// Accept any certificate, and say so in every report; default false.
    pub(crate) insecure: Option<At<bool>>,
}

/// A service of the system under test.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Service {
    /// Where it runs in mode `external`, for steps and contracts that ask this service.
    pub(crate) url: Option<Str>,
    /// How it is run as a process.
    pub(crate) process: Option<At<Process>>,
    /// Environment added to the harness's own, which it inherits.
    #[serde(default)]
    pub(crate) env: Named<Scalar>,
    /// Working directory, from the suite's root.
    pub(crate) dir: Option<Str>,
    /// How it says that it is ready; default: its port accepts a connection within 30s.
    pub(crate) ready: Option<Ready>,
    /// Path of its Prometheus endpoint, such as `/metrics`.
    pub(crate) metrics: Option<Str>,
    /// Services that must be ready first, beside those its environment and command refer to.
    #[serde(default)]
    pub(crate) needs: Vec<Str>,
    /// Time between TERM and KILL; default 10s.
    pub(crate) stop_within: Option<Str>,
}

/// A program to run.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Process {
    /// A command run once, in the suite's root, before anything starts; equal ones run once.
    #[serde(default)]
    pub(crate) prepare: Vec<Str>,
    /// Program and arguments; `${port}` is the port to listen on.
    #[serde(default)]
    #[schemars(required, length(min = 1))]
    pub(crate) command: Vec<Str>,
}

/// How a service says that it is ready.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Ready {
    /// A path that answers 2xx, such as `/health/ready`.
    pub(crate) get: Option<Str>,
    /// Time limit, from the start of the process; default 30s.
    pub(crate) within: Option<Str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Scheme {
    Http,
    Https,
    Tcp,
}

/// A Toxiproxy server that runs already, or `harness proxy`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct ProxyServer {
    /// Where its API answers, such as `http://127.0.0.1:8474`. In mode `process` it gets a proxy for every link while the
    /// run lasts, and must reach this machine's services on loopback.
    #[schemars(required)]
    pub(crate) external: Option<Str>,
}

/// An edge of the network that runs through the fault proxy.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Link {
    /// The service that uses it; left out for the way in.
    pub(crate) from: Option<Str>,
    /// The service it leads to.
    #[schemars(required)]
    pub(crate) to: Option<Str>,
    /// What `${link.NAME.url}` starts with: `http` (default), `https` or `tcp`. `https` says so of the service it leads to.
    pub(crate) scheme: Option<At<Scheme>>,
    /// Whether the proxy reads its bytes as HTTP/1.1, and counts requests and answers. Left out, it does where a fault of
    /// the run strikes the link or the service it leads to. Only links of scheme `http` can be watched.
    pub(crate) watch: Option<At<bool>>,
    /// In mode `external`: the proxy on the server of `[target.proxy]` that this edge is routed through already. It gets
    /// toxics while faults last, and is never deleted.
    pub(crate) proxy: Option<Str>,
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
    /// Program and arguments instead of the service's own.
    #[schemars(length(min = 1))]
    pub(crate) command: Option<Vec<Str>>,
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
