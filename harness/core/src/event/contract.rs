//! What was seen of a contract: breaches, and what was covered.

use super::Exchange;
use crate::name::Name;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A breach of the contract.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ContractFinding {
    /// The contract, by its name in the plan.
    pub contract: Name,
    /// The kind of check that found it.
    pub check: ContractCheck,
    /// `GET /orders/{id}`, or the document itself.
    pub operation: String,
    /// What is wrong, one sentence.
    pub message: String,
    /// Equal findings share this key; they are shown once, with a count.
    pub key: String,
    /// What exercised it.
    pub seen_in: SeenIn,
    /// The exchange, if one was made.
    #[serde(default)]
    pub exchange: Option<Exchange>,
}

/// The kinds of contract check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ContractCheck {
    /// The document can't be used as it is.
    Document,
    /// Nothing answers as the document says: wrong base path, no access.
    Preflight,
    /// 5xx without the document announcing it.
    ServerError,
    /// A status the document does not list.
    UndocumentedStatus,
    /// A content type the document does not list for that status.
    ContentType,
    /// A body that does not match its schema.
    BodySchema,
    /// Valid data was refused.
    ValidRefused,
    /// No response came.
    Unreachable,
    /// The operation could not be exercised (a needed value could not be had).
    NotExercised,
}

impl ContractCheck {
    /// Every kind.
    pub const ALL: [Self; 9] = [
        Self::Document,
        Self::Preflight,
        Self::ServerError,
        Self::UndocumentedStatus,
        Self::ContentType,
        Self::BodySchema,
        Self::ValidRefused,
        Self::Unreachable,
        Self::NotExercised,
    ];

    /// Its word, the first part of a finding's key.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Document => "document",
            Self::Preflight => "preflight",
            Self::ServerError => "server-error",
            Self::UndocumentedStatus => "undocumented-status",
            Self::ContentType => "content-type",
            Self::BodySchema => "body-schema",
            Self::ValidRefused => "valid-refused",
            Self::Unreachable => "unreachable",
            Self::NotExercised => "not-exercised",
        }
    }
}

/// What exercised an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SeenIn {
    /// A generated case.
    Case,
    /// A functional walk.
    Journey,
    /// A sample under load.
    Load,
}

/// What of a document was exercised.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ContractCoverage {
    /// The contract.
    pub contract: Name,
    /// Per operation: `GET /orders/{id}` → status → times seen, by what.
    #[serde(deserialize_with = "by_status")]
    pub operations: BTreeMap<String, BTreeMap<u16, BTreeMap<SeenIn, u64>>>,
}

type SeenByStatus<S> = BTreeMap<String, BTreeMap<S, BTreeMap<SeenIn, u64>>>;

/// Statuses are keys, and keys are texts in JSON: inside a flattened envelope serde hands them over as such.
fn by_status<'de, D: serde::Deserializer<'de>>(from: D) -> Result<SeenByStatus<u16>, D::Error> {
    let status = |(text, seen): (String, _)| match text.parse() {
        Ok(status) => Ok((status, seen)),
        Err(_) => Err(serde::de::Error::custom(format!("`{text}` is no status"))),
    };
    SeenByStatus::<String>::deserialize(from)?
        .into_iter()
        .map(|(operation, seen)| {
            let seen = seen
                .into_iter()
                .map(status)
                .collect::<Result<_, D::Error>>()?;
            Ok((operation, seen))
        })
        .collect()
}
