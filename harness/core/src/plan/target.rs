//! The system under test as planned: services, links between them, and the way in.

use crate::name::Name;
use crate::template::Text;
use crate::tls::TlsPlan;
use crate::units;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// What the proxy between containers is called in their network: no service may be.
pub const PROXY_HOST: &str = "harness-proxy";

/// The system under test.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TargetPlan {
    /// How it is brought up.
    pub mode: Mode,
    /// Services in the order they start (dependencies first). Empty for an external target.
    #[serde(default)]
    pub services: Vec<ServicePlan>,
    /// Links through the fault proxy.
    #[serde(default)]
    pub links: Vec<LinkPlan>,
    /// The Compose files, from the suite's root, in the order in which one overrides another; in mode `compose`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub compose: Vec<String>,
    /// The image of a Toxiproxy that serves the links between containers; `None`: the harness's own proxy does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy_image: Option<String>,
    /// Where the API of the Toxiproxy server answers that serves the links; `None`: the proxy in the harness does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy: Option<Text>,
    /// Base address of journeys and load, symbolic: `${link.edge.url}`, `${service.NAME.url}` or a URL.
    pub entry: Text,
    /// Metrics endpoints scraped during the run beside the services' own: for an external target.
    #[serde(default)]
    pub metrics: Vec<Text>,
    /// Metrics endpoints of services that were not started here, in mode `external`.
    #[serde(default)]
    pub scrapes: Vec<Scrape>,
    /// The Unix socket that every request goes through, from the suite's root; only in mode `external`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub socket: Option<String>,
    /// How certificates are judged and what is shown; `None`: as this machine does, and nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsPlan>,
}

impl TargetPlan {
    /// What a service speaks on its port: `https` where a link that leads to it says so, for links change no byte; else
    /// `http`.
    pub fn scheme_of(&self, service: &Name) -> &'static str {
        let mut links = self.links.iter().filter(|link| link.to == *service);
        match links.any(|link| link.scheme == "https") {
            true => "https",
            false => "http",
        }
    }

    /// Whether any certificate is accepted, so that nothing is known of who answered.
    pub fn insecure(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.insecure)
    }
}

/// A service's metrics endpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scrape {
    /// The service.
    pub service: Name,
    /// The whole URL.
    pub url: Text,
}

/// How the target is brought up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// As processes of this machine.
    Process,
    /// In containers, each from an image that is there, is built or is pulled.
    Container,
    /// In containers that a Compose file describes.
    Compose,
    /// It runs already, at a URL.
    External,
}

impl Mode {
    /// The word in the suite.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::Container => "container",
            Self::Compose => "compose",
            Self::External => "external",
        }
    }

    /// Whether services run in containers.
    pub const fn in_containers(self) -> bool {
        matches!(self, Self::Container | Self::Compose)
    }
}

/// One service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServicePlan {
    /// Its name.
    pub name: Name,
    /// Run once before anything starts, in the suite's root; equal commands of several services run once.
    #[serde(default)]
    pub prepare: Option<Vec<Text>>,
    /// Program and arguments. Of a process not empty; of a container what it is given instead of its image's own, empty
    /// for that.
    pub command: Vec<Text>,
    /// What it runs in; `None`: it is a process of this machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vessel: Option<Vessel>,
    /// Environment added to the harness's own.
    #[serde(default)]
    pub env: BTreeMap<String, Text>,
    /// Working directory, from the suite's root.
    #[serde(default)]
    pub dir: Option<String>,
    /// How it says that it is ready.
    pub ready: Ready,
    /// Path of its Prometheus endpoint.
    #[serde(default)]
    pub metrics: Option<String>,
    /// Services that must be ready first: those it names, and those its environment or command refers to.
    #[serde(default)]
    pub needs: Vec<Name>,
    /// Time between TERM and KILL.
    #[serde(with = "units::duration")]
    pub stop_within: Duration,
}

impl ServicePlan {
    /// The port it listens on within its container; `None` for a process, whose port is chosen when it starts, and for one
    /// that serves nobody.
    pub fn inner_port(&self) -> Option<u16> {
        self.vessel.as_ref().and_then(|vessel| match vessel {
            Vessel::Container(container) => container.port,
            Vessel::Compose(compose) => compose.port,
        })
    }
}

/// What a service runs in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Vessel {
    /// A container of the harness's own making.
    Container(Box<ContainerPlan>),
    /// A container that the Compose file describes.
    Compose(ComposeService),
}

/// A container as it is made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ContainerPlan {
    /// The image, with its tag: `shop:dev`. Present, pulled where it is not, or the name of what is built.
    pub image: String,
    /// How the image is built; `None` for one that is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<BuildPlan>,
    /// The port it listens on; `None` if nobody connects to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Files put into it before it starts: absolute path there, path from the suite's root here.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, String>,
    /// Folders that outlive its stop and start, and go with the run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub volumes: Vec<VolumePlan>,
    /// Bytes of memory it may have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<u64>,
    /// Processors' time it may have, in processors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpus: Option<f64>,
}

/// How an image is built.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BuildPlan {
    /// The folder that is sent, from the suite's root; its `.dockerignore` is honoured.
    pub context: String,
    /// The Dockerfile, from the suite's root.
    pub dockerfile: String,
    /// Build arguments.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub args: BTreeMap<String, Text>,
}

/// A folder of a container that outlives its stop and start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumePlan {
    /// Absolute path in the container.
    pub path: String,
    /// Bytes it holds, in memory; `None`: what the engine's disk holds. Only one with a size can be filled by a fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
}

/// A service of the Compose file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComposeService {
    /// Its name there.
    pub service: String,
    /// The port it listens on; `None` if nobody connects to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// The image it has instead of the file's; `None`: the file's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
}

/// How a service says that it is ready: at most one of these; none: its port accepts a connection, and one without a port
/// runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ready {
    /// Path that must answer 2xx.
    #[serde(default)]
    pub get: Option<String>,
    /// What a line of its output must contain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
    /// A command that must end with exit code 0: in its container, or on this machine in its working directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<Vec<Text>>,
    /// Whether its image's own health check must say that it is healthy; in containers.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub healthy: bool,
    /// Time limit, from the start of the process.
    #[serde(with = "units::duration")]
    pub within: Duration,
}

/// An edge of the network that runs through the fault proxy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkPlan {
    /// Its name.
    pub name: Name,
    /// The service that uses it; `None` for the way in.
    #[serde(default)]
    pub from: Option<Name>,
    /// The service it leads to.
    pub to: Name,
    /// `http`, `https` or `tcp`: what `${link.NAME.url}` starts with.
    pub scheme: String,
    /// Whether the proxy reads its bytes as HTTP/1.1 and counts requests and answers.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub watch: bool,
    /// The proxy that serves it, where the user made it: in mode `external`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy: Option<String>,
}
