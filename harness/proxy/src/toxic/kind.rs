//! What a toxic does: the kinds with their attributes, and which attributes are possible.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::ToxicError;

/// What a toxic does, with its attributes in Toxiproxy's units. Missing attributes read as 0, unknown ones are ignored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
}

impl ToxicKind {
    /// The names of all kinds, as `type` spells them.
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
        }
    }

    /// A kind from its `type` and `attributes` (absent ones are 0).
    ///
    /// # Errors
    /// For an unknown type, an attribute that is no whole number or negative, and a slicer that can't slice.
    pub fn from_parts(type_name: &str, attributes: Map<String, Value>) -> Result<Self, ToxicError> {
        if !Self::TYPES.contains(&type_name) {
            return Err(ToxicError::UnknownType(type_name.to_owned()));
        }
        let kind: Self =
            serde_json::from_value(json!({ "type": type_name, "attributes": attributes }))
                .map_err(|error| ToxicError::Attributes {
                    kind: type_name.to_owned(),
                    reason: error.to_string(),
                })?;
        kind.validate()?;
        Ok(kind)
    }

    pub(crate) fn validate(&self) -> Result<(), ToxicError> {
        match *self {
            Self::Slicer {
                average_size: 0, ..
            } => Err(ToxicError::AverageSize),
            Self::Slicer {
                average_size: average,
                size_variation: variation,
                ..
            } if variation > average => Err(ToxicError::SizeVariation { variation, average }),
            _ => Ok(()),
        }
    }
}
