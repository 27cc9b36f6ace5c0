//! `[target]` of `harness.toml` as typed: services with a section for each mode, links, who serves them.

use super::super::at::{At, Named, Scalar, Str};
use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum TargetMode {
    Process,
    Container,
    Compose,
    External,
}

/// The system under test.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Target {
    /// How it is brought up: `process` (default) starts the services here, `container` each in a container, `compose` as a
    /// Compose file says, `external` uses what runs at `url`. `--target MODE` says otherwise.
    pub(crate) mode: Option<At<TargetMode>>,
    /// The Compose files of mode `compose`, by their paths from the suite's root; each overrides those before it.
    #[serde(default)]
    pub(crate) compose: Vec<Str>,
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
    /// How it is run as a process; without it, it is not part of mode `process`.
    pub(crate) process: Option<At<Process>>,
    /// How it is run in a container; without it, it is not part of mode `container`.
    pub(crate) container: Option<At<Container>>,
    /// Which service of the Compose file it is; without it, it is not part of mode `compose`.
    pub(crate) compose: Option<At<ComposeSection>>,
    /// Environment in every mode. A process has it beside the harness's own, which it inherits; a container inherits none.
    #[serde(default)]
    pub(crate) env: Named<Scalar>,
    /// Working directory of a process, from the suite's root.
    pub(crate) dir: Option<Str>,
    /// How it says that it is ready; default: its port accepts a connection within 30s.
    pub(crate) ready: Option<At<Ready>>,
    /// Path of its Prometheus endpoint, such as `/metrics`.
    pub(crate) metrics: Option<Str>,
    /// Services that must be ready first, beside those its environment and command refer to.
    #[serde(default)]
    pub(crate) needs: Vec<Str>,
    /// Time between being asked to stop and KILL; default 10s.
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
    /// Environment in this mode, over the service's own: what only a process can have, such as `${run.dir}`.
    #[serde(default)]
    pub(crate) env: Named<Scalar>,
}

/// A container to run.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Container {
    /// A command run once on this machine, in the suite's root, before anything starts; equal ones run once.
    #[serde(default)]
    pub(crate) prepare: Vec<Str>,
    /// Its image, `postgres:16`: present, pulled where it is not, or the name of what `build` makes.
    #[schemars(required)]
    pub(crate) image: Option<Str>,
    /// How its image is built; built again only where something in it has changed.
    pub(crate) build: Option<At<Build>>,
    /// What it is given instead of its image's own command; `${port}` is `port`.
    #[serde(default)]
    pub(crate) command: Vec<Str>,
    /// The port it listens on, within the container; left out if nobody connects to it.
    #[schemars(range(min = 1, max = 65535))]
    pub(crate) port: Option<At<u16>>,
    /// Environment in this mode, over the service's own.
    #[serde(default)]
    pub(crate) env: Named<Scalar>,
    /// Files put into it before it starts: absolute path there, path from the suite's root here.
    #[serde(default)]
    pub(crate) files: Named<String>,
    /// Folders that outlive its stop and start and go with the run, by their absolute path there.
    #[serde(default)]
    pub(crate) volumes: Named<Volume>,
    /// Memory it may have: `256MB`.
    pub(crate) memory: Option<Str>,
    /// Processors' time it may have, in processors: `1.5`.
    pub(crate) cpus: Option<At<f64>>,
}

/// An image built of a Dockerfile.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Build {
    /// The folder that is sent, from the suite's root; its `.dockerignore` is honoured. Default `.`.
    pub(crate) context: Option<Str>,
    /// The Dockerfile, from the suite's root; default `Dockerfile` in `context`.
    pub(crate) dockerfile: Option<Str>,
    /// Build arguments.
    #[serde(default)]
    pub(crate) args: Named<Scalar>,
}

/// A folder of a container that outlives its stop and start.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Volume {
    /// How much it holds, in memory: `64MB`. Only one with a size can be filled by a fault. Default: what the disk holds.
    pub(crate) size: Option<Str>,
}

/// A service of the Compose file.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct ComposeSection {
    /// Its name there; default: its name here.
    pub(crate) service: Option<Str>,
    /// The port it listens on, within the container; left out if nobody connects to it.
    #[schemars(range(min = 1, max = 65535))]
    pub(crate) port: Option<At<u16>>,
    /// Environment in this mode, over the service's own and over the file's.
    #[serde(default)]
    pub(crate) env: Named<Scalar>,
}

/// How a service says that it is ready: at most one of `get`, `log`, `command`, `healthy`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Ready {
    /// A path that answers 2xx, such as `/health/ready`.
    pub(crate) get: Option<Str>,
    /// What a line of its output contains.
    pub(crate) log: Option<Str>,
    /// A command that ends with exit code 0: in its container, or on this machine in its working directory.
    #[schemars(length(min = 1))]
    pub(crate) command: Option<Vec<Str>>,
    /// Its image's own health check says that it is healthy; in containers.
    pub(crate) healthy: Option<At<bool>>,
    /// Time limit, from the start of the process or container; default 30s.
    pub(crate) within: Option<Str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Scheme {
    Http,
    Https,
    Tcp,
}

/// Who serves the links instead of the harness's own proxy.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct ProxyServer {
    /// In modes `process` and `external`: a Toxiproxy server that runs already, or `harness proxy`; where its API answers,
    /// such as `http://127.0.0.1:8474`. In mode `process` it gets a proxy for every link while the run lasts, and must reach
    /// this machine's services on loopback.
    pub(crate) external: Option<Str>,
    /// In modes `container` and `compose`: the image of a Toxiproxy that serves the links between containers.
    pub(crate) image: Option<Str>,
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
