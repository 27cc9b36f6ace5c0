//! What a toxic is: its kind with attributes, its direction, its toxicity, in Toxiproxy's JSON. Says what is valid;
//! knows nothing of how a toxic is carried out.

mod http;
mod kind;
mod network;
mod ramp;

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use thiserror::Error;

use crate::name::{NameError, ToxicName};

pub use http::{HttpAction, HttpAnswer, HttpRequests, HttpToxic};
pub use kind::{FailHow, ToxicKind};
pub use network::{Network, NetworkError};
pub use ramp::Ramp;

pub(crate) use ramp::Course;

/// A toxic that can't be: the message says what is wrong and what would be right.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum ToxicError {
    /// There is no such type.
    #[error("invalid toxic type `{0}`; it is one of {types}", types = types())]
    UnknownType(String),
    /// The stream is neither of the two.
    #[error("stream was invalid, can be either upstream or downstream, not `{0}`")]
    UnknownStream(String),
    /// An attribute has the wrong type or is negative.
    #[error(
        "failed to read the attributes of a {kind} toxic: {reason}; they are whole numbers, not negative, and shares are numbers from 0 to 1"
    )]
    Attributes {
        /// The toxic's type.
        kind: String,
        /// What the reader of the attributes found.
        reason: String,
    },
    /// The share of connections is not a share.
    #[error("toxicity {0} is not a share of connections; give a number from 0 to 1")]
    Toxicity(f64),
    /// A slicer without a size would slice for ever.
    #[error("a slicer needs an average_size of at least 1 byte")]
    AverageSize,
    /// A slice would have less than no bytes.
    #[error(
        "size_variation {variation} is larger than average_size {average}; it must not exceed it"
    )]
    SizeVariation {
        /// `size_variation`, bytes.
        variation: u64,
        /// `average_size`, bytes.
        average: u64,
    },
    /// The share of chunks is not a share.
    #[error("share {0} is not a share of chunks; give a number from 0 to 1")]
    Share(f64),
    /// The attributes of an `http` toxic are wrong, or do not go together.
    #[error("failed to read the attributes of an http toxic: {0}")]
    Http(String),
    /// An `http` toxic has no direction of its own.
    #[error(
        "an http toxic works on requests and their answers at once; leave `stream` out, or say downstream"
    )]
    HttpStream,
    /// A ramp that leads nowhere.
    #[error("failed to read the ramp: {0}")]
    Ramp(String),
    /// The clients are no list.
    #[error("failed to read the clients: {0}; they are a list of IP addresses and networks")]
    Clients(String),
    /// One of the clients is none.
    #[error(transparent)]
    Client(#[from] NetworkError),
    /// The name is none.
    #[error(transparent)]
    Name(#[from] NameError),
}

fn types() -> String {
    ToxicKind::names(false).collect::<Vec<_>>().join(", ")
}

/// A direction of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Stream {
    /// From the client to the service.
    Upstream,
    /// From the service to the client.
    Downstream,
}

impl Stream {
    /// `upstream` or `downstream`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Upstream => "upstream",
            Self::Downstream => "downstream",
        }
    }
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Stream {
    type Err = ToxicError;

    /// Any case, as Toxiproxy has it.
    fn from_str(text: &str) -> Result<Self, ToxicError> {
        [Self::Upstream, Self::Downstream]
            .into_iter()
            .find(|stream| text.eq_ignore_ascii_case(stream.as_str()))
            .ok_or_else(|| ToxicError::UnknownStream(text.to_owned()))
    }
}

/// What Toxiproxy itself tells of a toxic.
const KNOWN: [&str; 5] = ["name", "type", "attributes", "stream", "toxicity"];

/// A fault on one direction of a proxy's links.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawToxic")]
pub struct Toxic {
    /// Unique within the proxy.
    pub name: ToxicName,
    /// What it does.
    #[serde(flatten)]
    pub kind: ToxicKind,
    /// The direction it works on.
    pub stream: Stream,
    /// The share of connections it works on, 0 to 1; rolled once per connection. Of an `http` toxic: the share of the
    /// requests it is for, rolled for each.
    pub toxicity: f64,
    /// Only connections from these addresses are affected; none: all are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub clients: Vec<Network>,
    /// Where its numbers go from what `kind` says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ramp: Option<Ramp>,
}

impl Toxic {
    /// A toxic on every connection, named as Toxiproxy does: `<type>_<stream>`.
    #[must_use]
    pub fn new(kind: ToxicKind, stream: Stream) -> Self {
        Self {
            name: default_name(&kind, stream),
            kind,
            stream,
            toxicity: 1.0,
            clients: Vec::new(),
            ramp: None,
        }
    }

    /// The same under another name.
    #[must_use]
    pub fn named(self, name: ToxicName) -> Self {
        Self { name, ..self }
    }

    /// The same on a share of connections only, 0 to 1.
    #[must_use]
    pub fn with_toxicity(self, toxicity: f64) -> Self {
        Self { toxicity, ..self }
    }

    /// The same on connections from these addresses only.
    #[must_use]
    pub fn only_for(self, clients: Vec<Network>) -> Self {
        Self { clients, ..self }
    }

    /// The same with its numbers on the way to those of `to`, which is of its type, from when it is added.
    #[must_use]
    pub fn ramping(self, to: ToxicKind, over: Duration) -> Self {
        let ramp = Some(Ramp { to, over });
        Self { ramp, ..self }
    }

    /// The same with what Toxiproxy has not, as a body has it: `clients` and `ramp`.
    pub(crate) fn with_more(self, more: More) -> Result<Self, ToxicError> {
        let clients = match more.clients {
            Some(clients) => networks(clients)?,
            None => self.clients,
        };
        let ramp = match more.ramp {
            Some(ramp) => Some(Ramp::read(&self.kind, ramp)?),
            None => self.ramp,
        };
        Ok(Self {
            clients,
            ramp,
            ..self
        })
    }

    /// Whether it works on connections from this address.
    pub(crate) fn concerns(&self, client: IpAddr) -> bool {
        self.clients.is_empty() || self.clients.iter().any(|network| network.contains(client))
    }

    /// What of it Toxiproxy does not know: its kind, or what it is told beside the kind; `None` where any server does as
    /// it says.
    #[must_use]
    pub fn beyond(&self) -> Option<String> {
        let kind = self.kind.type_name();
        if !ToxicKind::names(true).any(|name| name == kind) {
            return Some(format!("`{kind}`"));
        }
        let written = serde_json::to_value(self).unwrap_or_default();
        let fields = written.as_object()?.keys();
        let beyond = |field: &&String| !KNOWN.contains(&field.as_str());
        fields.into_iter().find(beyond).map(|f| format!("`{f}`"))
    }

    /// # Errors
    /// When the toxicity is outside 0 to 1, or the attributes or the ramp are impossible.
    pub fn validate(&self) -> Result<(), ToxicError> {
        if !(0.0..=1.0).contains(&self.toxicity) {
            return Err(ToxicError::Toxicity(self.toxicity));
        }
        self.kind.validate()?;
        if matches!(self.kind, ToxicKind::Http(_)) && self.stream == Stream::Upstream {
            return Err(ToxicError::HttpStream);
        }
        match &self.ramp {
            Some(ramp) => ramp.validate(&self.kind),
            None => Ok(()),
        }
    }
}

/// What a body may say of a toxic beyond what Toxiproxy reads.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub(crate) struct More {
    clients: Option<Value>,
    ramp: Option<Value>,
}

fn networks(json: Value) -> Result<Vec<Network>, ToxicError> {
    let texts: Vec<String> =
        serde_json::from_value(json).map_err(|error| ToxicError::Clients(error.to_string()))?;
    texts.iter().map(|text| Ok(text.parse()?)).collect()
}

fn default_name(kind: &ToxicKind, stream: Stream) -> ToxicName {
    let name = ToxicName::new(format!("{}_{stream}", kind.type_name()));
    #[expect(
        clippy::unwrap_used,
        reason = "proof: two of this file's own words joined by an underscore"
    )]
    name.unwrap()
}

/// A toxic as typed: everything but the type may be missing.
#[derive(Deserialize)]
struct RawToxic {
    #[serde(default)]
    name: Option<String>,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    stream: Option<String>,
    #[serde(default)]
    toxicity: Option<f64>,
    #[serde(default)]
    attributes: Option<Map<String, Value>>,
    #[serde(flatten)]
    more: More,
}

impl TryFrom<RawToxic> for Toxic {
    type Error = ToxicError;

    fn try_from(raw: RawToxic) -> Result<Self, ToxicError> {
        let stream = match raw.stream.as_deref() {
            None | Some("") => Stream::Downstream,
            Some(text) => text.parse()?,
        };
        let kind = ToxicKind::from_parts(&raw.kind, raw.attributes.unwrap_or_default())?;
        let name = match raw.name {
            Some(name) if !name.is_empty() => ToxicName::new(name)?,
            _ => default_name(&kind, stream),
        };
        let toxic = Self::new(kind, stream).named(name);
        let toxic = toxic
            .with_toxicity(raw.toxicity.unwrap_or(1.0))
            .with_more(raw.more)?;
        toxic.validate()?;
        Ok(toxic)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(json: &str) -> Result<Toxic, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn reads_what_toxiproxy_clients_send() {
        let toxic = read(r#"{"type":"latency","attributes":{"latency":100,"extra":"x"}}"#).unwrap();
        assert_eq!(
            toxic.kind,
            ToxicKind::Latency {
                latency: 100,
                jitter: 0
            }
        );
        assert_eq!(
            (toxic.name.as_str(), toxic.stream, toxic.toxicity),
            ("latency_downstream", Stream::Downstream, 1.0)
        );
        let toxic =
            read(r#"{"name":"t","type":"noop","stream":"UpStream","toxicity":0.5}"#).unwrap();
        assert_eq!(
            (toxic.kind, toxic.stream, toxic.toxicity),
            (ToxicKind::Noop {}, Stream::Upstream, 0.5)
        );
    }

    #[test]
    fn what_toxiproxy_does_not_know_is_told() {
        let known = r#"{"type":"slicer","attributes":{"average_size":2},"toxicity":0.5}"#;
        assert_eq!(read(known).unwrap().beyond(), None);
        let lost = r#"{"type":"loss","attributes":{"share":0.1,"stall":9}}"#;
        assert_eq!(read(lost).unwrap().beyond().as_deref(), Some("`loss`"));
        let some = r#"{"type":"noop","clients":["10.0.0.0/8"]}"#;
        assert_eq!(read(some).unwrap().beyond().as_deref(), Some("`clients`"));
    }

    #[test]
    fn writes_what_toxiproxy_writes() {
        let toxic = Toxic::new(ToxicKind::Bandwidth { rate: 5 }, Stream::Upstream);
        let expected = json!({"name":"bandwidth_upstream","type":"bandwidth","attributes":{"rate":5},
                              "stream":"upstream","toxicity":1.0});
        assert_eq!(serde_json::to_value(&toxic).unwrap(), expected);
        let noop = serde_json::to_value(Toxic::new(ToxicKind::Noop {}, Stream::Upstream)).unwrap();
        assert_eq!(noop["attributes"], json!({}));
    }

    #[test]
    fn clients_and_a_ramp_survive_their_own_json() {
        let json = json!({
            "name": "t", "type": "latency", "stream": "upstream", "toxicity": 1.0,
            "attributes": {"latency": 5, "jitter": 1},
            "clients": ["127.0.0.2", "10.0.0.0/8"], "ramp": {"to": {"latency": 50, "jitter": 1}, "over": 20_000}
        });
        let toxic: Toxic = serde_json::from_value(json.clone()).unwrap();
        assert_eq!(serde_json::to_value(&toxic).unwrap(), json);
        let to = ToxicKind::Latency {
            latency: 50,
            jitter: 1,
        };
        let over = Duration::from_secs(20);
        assert_eq!(toxic.clone().ramping(to, over), toxic);
        assert!(toxic.concerns([127, 0, 0, 2].into()) && !toxic.concerns([127, 0, 0, 1].into()));
        let other = toxic.ramping(ToxicKind::Noop {}, over);
        assert!(matches!(other.validate(), Err(ToxicError::Ramp(_))));
    }

    #[test]
    fn every_kind_survives_its_own_json() {
        for name in ToxicKind::names(false) {
            let attributes = json!({"average_size": 9, "size_variation": 3, "delay": 7, "timeout": 1, "rate": 2,
                                    "share": 0.25, "stall": 5, "connections": 3, "how": "close"});
            let attributes = if name == "http" {
                json!({"status": 503})
            } else {
                attributes
            };
            let kind =
                ToxicKind::from_parts(name, attributes.as_object().unwrap().clone()).unwrap();
            assert_eq!(kind.type_name(), name);
            let toxic = Toxic::new(kind, Stream::Downstream);
            let again: Toxic =
                serde_json::from_value(serde_json::to_value(&toxic).unwrap()).unwrap();
            assert_eq!(again, toxic);
        }
    }

    #[test]
    fn refuses_what_crashes_the_real_server() {
        let cases = [
            (
                r#"{"type":"bandwidth","attributes":{"rate":-1}}"#,
                "not negative",
            ),
            (
                r#"{"type":"latency","attributes":{"latency":1.5}}"#,
                "whole numbers",
            ),
            (
                r#"{"type":"slicer","attributes":{}}"#,
                "average_size of at least 1",
            ),
            (r#"{"type":"slicer"}"#, "average_size of at least 1"),
            (
                r#"{"type":"slicer","attributes":{"average_size":2,"size_variation":3}}"#,
                "size_variation 3 is larger",
            ),
            (r#"{"type":"latenzy"}"#, "invalid toxic type `latenzy`"),
            (
                r#"{"type":"noop","stream":"sideways"}"#,
                "stream was invalid",
            ),
            (
                r#"{"type":"loss","attributes":{"share":1.5}}"#,
                "share 1.5 is not a share",
            ),
            (
                r#"{"type":"corrupt","attributes":{"share":"all"}}"#,
                "numbers from 0 to 1",
            ),
            (
                r#"{"type":"fail_first","attributes":{"how":"slowly"}}"#,
                "unknown variant `slowly`",
            ),
            (
                r#"{"type":"noop","clients":["localhost"]}"#,
                "`localhost` is no address",
            ),
            (
                r#"{"type":"noop","clients":"127.0.0.1"}"#,
                "a list of IP addresses",
            ),
            (r#"{"type":"noop","toxicity":1.5}"#, "toxicity 1.5"),
            (r#"{"type":"noop","name":"a\u0007"}"#, "control character"),
            (r#"{"name":"x"}"#, "missing field `type`"),
        ];
        for (json, expected) in cases {
            let error = read(json).unwrap_err();
            assert!(error.contains(expected), "{json}: {error}");
        }
        let toxic = Toxic::new(ToxicKind::Noop {}, Stream::Upstream).with_toxicity(f64::NAN);
        assert!(matches!(toxic.validate(), Err(ToxicError::Toxicity(_))));
    }
}
