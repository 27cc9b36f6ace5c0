//! Faults on requests of a link that carries plain HTTP: which requests they meet, and what becomes of those.

use super::size;
use crate::units;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// A fault on requests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HttpFault {
    /// Only requests of this method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Only requests for this path; `{name}` in it stands for one segment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Only requests with these headers, of these values.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// What becomes of them.
    pub action: HttpAction,
}

/// What becomes of a request, or of its answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HttpAction {
    /// It is held this long before it goes on.
    Delay {
        /// How long.
        #[serde(with = "units::duration")]
        delay: Duration,
    },
    /// It is answered by the proxy, and reaches nobody.
    Status(HttpAnswer),
    /// Its answer has another body.
    Replace {
        /// The body.
        body: String,
    },
    /// Its answer ends after so many bytes of its body.
    Truncate {
        /// Bytes of the body.
        bytes: u64,
    },
    /// One byte of its answer's body is another.
    Corrupt,
    /// Its connection is reset instead of an answer.
    Drop,
    /// Those above a rate are answered by the proxy.
    Rate {
        /// Requests per second, at least 1.
        rate: u64,
        /// The answer.
        answer: HttpAnswer,
    },
    /// The first are answered by the proxy, all after them pass.
    FailFirst {
        /// How many.
        requests: u64,
        /// The answer.
        answer: HttpAnswer,
    },
}

/// An answer of the proxy's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpAnswer {
    /// Its status, 200 to 599.
    pub status: u16,
    /// Its body.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub body: String,
    /// What `Retry-After` says, whole seconds.
    #[serde(
        default,
        with = "units::duration::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub retry_after: Option<Duration>,
}

impl fmt::Display for HttpFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.action {
            HttpAction::Delay { delay } => {
                write!(f, "delay {}", units::format_duration(*delay))?;
            }
            HttpAction::Status(answer) => write!(f, "status {}", answer.status)?,
            HttpAction::Replace { .. } => f.write_str("another body")?,
            HttpAction::Truncate { bytes } => write!(f, "body cut to {}", size(*bytes))?,
            HttpAction::Corrupt => f.write_str("corrupt body")?,
            HttpAction::Drop => f.write_str("connection dropped")?,
            HttpAction::Rate { rate, answer } => {
                write!(f, "status {} above {rate}/s", answer.status)?;
            }
            HttpAction::FailFirst { requests, answer } => {
                write!(f, "status {} for the first {requests}", answer.status)?;
            }
        }
        let what = [self.method.as_deref(), self.path.as_deref()];
        let what: Vec<&str> = what.into_iter().flatten().collect();
        if !what.is_empty() {
            write!(f, " of {}", what.join(" "))?;
        }
        self.headers
            .iter()
            .try_for_each(|(name, value)| write!(f, " with {name}: {value}"))
    }
}
