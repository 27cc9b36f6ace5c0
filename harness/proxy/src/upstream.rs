//! Where a proxy forwards to: `host:port`, checked for its form only. It is resolved at each dial, not here.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;

use thiserror::Error;

/// A text that is no upstream address.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("`{0}` is not an upstream address; write host:port with a port from 1 to 65535")]
pub struct UpstreamError(String);

/// `host:port` of the service behind a proxy. The host may be a name, an IPv4 address, or an IPv6 address in brackets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream(Arc<str>);

impl Upstream {
    /// The address as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Upstream {
    type Err = UpstreamError;

    fn from_str(text: &str) -> Result<Self, UpstreamError> {
        let wrong = || UpstreamError(text.to_owned());
        let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
        let bare_v6 = host.contains(':') && !(host.starts_with('[') && host.ends_with(']'));
        let port: u16 = port.parse().map_err(|_| wrong())?;
        if host.is_empty() || bare_v6 || port == 0 || host.contains(char::is_whitespace) {
            return Err(wrong());
        }
        Ok(Self(text.into()))
    }
}

impl From<SocketAddr> for Upstream {
    fn from(address: SocketAddr) -> Self {
        Self(address.to_string().into())
    }
}

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        for good in ["localhost:80", "127.0.0.1:65535", "[::1]:8080"] {
            assert_eq!(good.parse::<Upstream>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            "localhost",
            ":80",
            "a:0",
            "a:65536",
            "::1:80",
            "a b:80",
            "http://a",
        ] {
            assert!(bad.parse::<Upstream>().is_err(), "{bad}");
        }
    }
}
