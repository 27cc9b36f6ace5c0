//! An HTTP exchange as plain values: what a journey asks for, what came back, what went wrong, how long each
//! part took. No client type appears here, so that journeys, load and contract checks share one language.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A request, ready to be sent: absolute URL, headers in order, body bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The method, upper case.
    pub method: Method,
    /// Absolute URL, already percent-encoded where needed.
    pub url: String,
    /// Names lower case, in the order they are sent; a name may repeat.
    pub headers: Vec<(String, String)>,
    /// The body, empty for none.
    pub body: Bytes,
}

impl Request {
    /// The first value of a header, by lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }
}

/// A response with its body read to the end, or to the reader's limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Response {
    /// The status code, 100–599 for well-behaved servers; any three digits otherwise.
    pub status: u16,
    /// Names lower case, in the order received; values lossily decoded.
    pub headers: Vec<(String, String)>,
    /// The body as received, at most the reader's limit.
    pub body: Bytes,
    /// Bytes of the body that came over the wire; larger than `body.len()` when it was cut.
    pub body_len: u64,
}

impl Response {
    /// The first value of a header, by lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// Whether the body was longer than the reader's limit.
    pub fn truncated(&self) -> bool {
        self.body_len > self.body.len() as u64
    }
}

fn header<'h>(headers: &'h [(String, String)], name: &str) -> Option<&'h str> {
    headers
        .iter()
        .find(|(n, _)| n.eq_ignore_ascii_case(name))
        .map(|(_, v)| v.as_str())
}

/// An HTTP method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// GET
    Get,
    /// HEAD
    Head,
    /// POST
    Post,
    /// PUT
    Put,
    /// PATCH
    Patch,
    /// DELETE
    Delete,
    /// OPTIONS
    Options,
    /// TRACE
    Trace,
}

impl Method {
    /// Every method, in the order OpenAPI lists them.
    pub const ALL: [Self; 8] = [
        Self::Get,
        Self::Put,
        Self::Post,
        Self::Delete,
        Self::Options,
        Self::Head,
        Self::Patch,
        Self::Trace,
    ];

    /// The token sent on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Options => "OPTIONS",
            Self::Trace => "TRACE",
        }
    }

    /// Reads a method in either case.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|m| m.as_str().eq_ignore_ascii_case(text))
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why no response came, or why what came is not one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{kind}: {detail}")]
pub struct Failure {
    /// The class it is counted under.
    pub kind: FailureKind,
    /// What the operating system or the codec said.
    pub detail: String,
}

/// The classes of transport failure; a row each in the report, never a row per message. A time-out says in which phase
/// of the exchange the time ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// The name did not resolve.
    Resolve,
    /// Nobody listens there.
    Refused,
    /// The connection was reset.
    Reset,
    /// The connection ended before the response did.
    Closed,
    /// Every connection was taken for as long as the time limit: nothing was sent.
    PoolTimeout,
    /// The name was not looked up within the time limit.
    ResolveTimeout,
    /// No connection within the time limit.
    ConnectTimeout,
    /// TCP connected, but TLS was not agreed on within the time limit.
    TlsTimeout,
    /// Connected, but the response's head did not come, or not to its end, within the time limit.
    FirstByteTimeout,
    /// The response began, but its body did not end within the time limit.
    BodyTimeout,
    /// The time limit passed in a phase that the client can't see.
    Timeout,
    /// TLS failed.
    Tls,
    /// What came is not HTTP.
    Protocol,
    /// This machine ran out of ports, descriptors or memory: the instrument's fault, not the target's.
    Local,
    /// The run was stopped while the request was under way; counted, never judged.
    Cancelled,
}

impl FailureKind {
    /// Every class.
    pub const ALL: [Self; 15] = [
        Self::Resolve,
        Self::Refused,
        Self::Reset,
        Self::Closed,
        Self::PoolTimeout,
        Self::ResolveTimeout,
        Self::ConnectTimeout,
        Self::TlsTimeout,
        Self::FirstByteTimeout,
        Self::BodyTimeout,
        Self::Timeout,
        Self::Tls,
        Self::Protocol,
        Self::Local,
        Self::Cancelled,
    ];

    /// The word used in counts, reports and exemplars.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Resolve => "resolve",
            Self::Refused => "refused",
            Self::Reset => "reset",
            Self::Closed => "closed",
            Self::PoolTimeout => "pool-timeout",
            Self::ResolveTimeout => "resolve-timeout",
            Self::ConnectTimeout => "connect-timeout",
            Self::TlsTimeout => "tls-timeout",
            Self::FirstByteTimeout => "first-byte-timeout",
            Self::BodyTimeout => "body-timeout",
            Self::Timeout => "timeout",
            Self::Tls => "tls",
            Self::Protocol => "protocol",
            Self::Local => "local",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether a time limit passed, in whichever phase.
    pub const fn is_timeout(self) -> bool {
        matches!(
            self,
            Self::PoolTimeout
                | Self::ResolveTimeout
                | Self::ConnectTimeout
                | Self::TlsTimeout
                | Self::FirstByteTimeout
                | Self::BodyTimeout
                | Self::Timeout
        )
    }
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where the time of one exchange went, in microseconds; zero where a part did not happen (a reused connection
/// has no connect) or the client cannot see it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timing {
    /// From intended to sent: waiting for the generator or for a free connection.
    #[serde(default)]
    pub queue_us: u64,
    /// Looking up the host's name. A client that can't tell it apart counts it under `connect_us`.
    #[serde(default, skip_serializing_if = "zero")]
    pub dns_us: u64,
    /// TCP connect.
    #[serde(default)]
    pub connect_us: u64,
    /// TLS handshake.
    #[serde(default, skip_serializing_if = "zero")]
    pub tls_us: u64,
    /// From sent to the response's head; lookup, connect and handshake are part of it.
    #[serde(default)]
    pub first_byte_us: u64,
    /// From the head to the body's last byte.
    #[serde(default)]
    pub body_us: u64,
    /// From sent to the last byte: the service time.
    #[serde(default)]
    pub total_us: u64,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde's skip_serializing_if passes a reference"
)]
fn zero(n: &u64) -> bool {
    *n == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_of_a_class_is_the_one_in_records() {
        for kind in FailureKind::ALL {
            let recorded = serde_json::to_value(kind).unwrap();
            assert_eq!(recorded, kind.as_str());
            assert_eq!(kind.is_timeout(), kind.as_str().ends_with("timeout"));
        }
    }
}
