//! What a toxic does: the kinds with their attributes, and which attributes are possible.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{HttpToxic, ToxicError};

/// What a toxic does, with its attributes in Toxiproxy's units. Missing attributes read as 0, unknown ones are ignored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "attributes", rename_all = "snake_case")]
pub enum ToxicKind {
    /// Delays every chunk; chunks overlap, so throughput is not cut.
    Latency {
        /// The delay, ms.
        #[serde(default)]
        latency: u64,
        /// The delay is drawn from `latency ± jitter`, ms.
        #[serde(default)]
        jitter: u64,
    },
    /// Limits the rate.
    Bandwidth {
        /// KB/s, 1 KB = 1000 bytes; 0 lets nothing through.
        #[serde(default)]
        rate: u64,
    },
    /// Holds the end of the stream back.
    SlowClose {
        /// How long, ms.
        #[serde(default)]
        delay: u64,
    },
    /// Drops all data and closes the connection.
    Timeout {
        /// After so long without data, ms; 0 never closes.
        #[serde(default)]
        timeout: u64,
    },
    /// Resets the connection (RST).
    ResetPeer {
        /// So long after the first data or the end of the stream, ms.
        #[serde(default)]
        timeout: u64,
    },
    /// Splits chunks into small ones.
    Slicer {
        /// The mean size of a slice, bytes, at least 1.
        #[serde(default)]
        average_size: u64,
        /// The size is drawn from `average_size ± size_variation`, bytes.
        #[serde(default)]
        size_variation: u64,
        /// The pause after each slice, µs.
        #[serde(default)]
        delay: u64,
    },
    /// Closes the connection after so many bytes.
    LimitData {
        /// Bytes per link.
        #[serde(default)]
        bytes: u64,
    },
    /// Passes everything.
    Noop {},
    /// Loses chunks as TCP feels it: a lost one, and all behind it, waits until it has been sent again.
    Loss {
        /// The share of chunks lost, 0 to 1; each sending again is lost as often.
        #[serde(default)]
        share: f64,
        /// The wait until a lost chunk is sent again, ms; it doubles each time the chunk is lost once more.
        #[serde(default = "default_stall")]
        stall: u64,
    },
    /// Changes one byte of a chunk.
    Corrupt {
        /// The share of chunks, 0 to 1.
        #[serde(default)]
        share: f64,
    },
    /// Fails the first connections that are opened after it was added; those after them pass.
    FailFirst {
        /// How many.
        #[serde(default)]
        connections: u64,
        /// How they end.
        #[serde(default)]
        how: FailHow,
    },
    /// Works on HTTP/1.1 exchanges.
    Http(HttpToxic),
}

/// How a connection fails that `fail_first` picks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FailHow {
    /// With a reset (RST).
    #[default]
    Reset,
    /// With an orderly end (FIN).
    Close,
}

/// What Linux waits at the least before it sends a segment again, ms.
fn default_stall() -> u64 {
    200
}

impl ToxicKind {
    /// The names of Toxiproxy's kinds, as `type` spells them.
    pub const TYPES: [&'static str; 8] = [
        "latency",
        "bandwidth",
        "slow_close",
        "timeout",
        "reset_peer",
        "slicer",
        "limit_data",
        "noop",
    ];

    /// The names of the kinds that Toxiproxy has not.
    pub const OURS: [&'static str; 4] = ["loss", "corrupt", "fail_first", "http"];

    /// The names of all kinds; those of Toxiproxy alone if `strict`.
    pub(crate) fn names(strict: bool) -> impl Iterator<Item = &'static str> {
        let ours = Self::OURS.into_iter().filter(move |_| !strict);
        Self::TYPES.into_iter().chain(ours)
    }

    /// `type` in the JSON.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Latency { .. } => "latency",
            Self::Bandwidth { .. } => "bandwidth",
            Self::SlowClose { .. } => "slow_close",
            Self::Timeout { .. } => "timeout",
            Self::ResetPeer { .. } => "reset_peer",
            Self::Slicer { .. } => "slicer",
            Self::LimitData { .. } => "limit_data",
            Self::Noop {} => "noop",
            Self::Loss { .. } => "loss",
            Self::Corrupt { .. } => "corrupt",
            Self::FailFirst { .. } => "fail_first",
            Self::Http(_) => "http",
        }
    }

    /// A kind from its `type` and `attributes` (absent ones are 0, or what the kind says).
    ///
    /// # Errors
    /// For an unknown type, an attribute that is no number of its kind, and a slicer that can't slice.
    pub fn from_parts(type_name: &str, attributes: Map<String, Value>) -> Result<Self, ToxicError> {
        if !Self::names(false).any(|name| name == type_name) {
            return Err(ToxicError::UnknownType(type_name.to_owned()));
        }
        let kind: Self =
            serde_json::from_value(json!({ "type": type_name, "attributes": attributes }))
                .map_err(|error| match type_name {
                    "http" => ToxicError::Http(error.to_string()),
                    _ => ToxicError::Attributes {
                        kind: type_name.to_owned(),
                        reason: error.to_string(),
                    },
                })?;
        kind.validate()?;
        Ok(kind)
    }

    /// The attributes as the JSON has them.
    pub(crate) fn attributes(&self) -> Map<String, Value> {
        // A kind is plain data: it always is an object with its attributes, if it has any.
        match serde_json::to_value(self) {
            Ok(Value::Object(mut fields)) => match fields.remove("attributes") {
                Some(Value::Object(attributes)) => attributes,
                _ => Map::new(),
            },
            _ => Map::new(),
        }
    }

    /// The same with those attributes replaced that `changes` names.
    pub(crate) fn merged(&self, changes: Map<String, Value>) -> Result<Self, ToxicError> {
        let mut attributes = self.attributes();
        let changes = changes.into_iter().filter(|(_, value)| !value.is_null());
        attributes.extend(changes);
        Self::from_parts(self.type_name(), attributes)
    }

    pub(crate) fn validate(&self) -> Result<(), ToxicError> {
        match *self {
            Self::Http(ref http) => http.validate().map_err(ToxicError::Http),
            Self::Slicer {
                average_size: 0, ..
            } => Err(ToxicError::AverageSize),
            Self::Slicer {
                average_size: average,
                size_variation: variation,
                ..
            } if variation > average => Err(ToxicError::SizeVariation { variation, average }),
            Self::Loss { share, .. } | Self::Corrupt { share } if !(0.0..=1.0).contains(&share) => {
                Err(ToxicError::Share(share))
            }
            _ => Ok(()),
        }
    }
}
