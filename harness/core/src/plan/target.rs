//! The system under test as planned: services, links between them, and the way in.

use crate::name::Name;
use crate::template::Text;
use crate::tls::TlsPlan;
use crate::units;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

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
    /// It runs already, at a URL.
    External,
}

impl Mode {
    /// The word in the suite.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::External => "external",
        }
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
    /// Program and arguments; not empty.
    pub command: Vec<Text>,
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

/// How a service says that it is ready.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ready {
    /// Path that must answer 2xx; `None`: the port must accept a connection.
    #[serde(default)]
    pub get: Option<String>,
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
