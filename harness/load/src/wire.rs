//! Addresses, and what errors of sockets mean. Opens no connection and reads no clock.

use crate::net::tls_words;
use harness_core::http::{Failure, FailureKind};
use rustix::io::Errno;
use std::io;

/// The parts of a URL that matter for sending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Address<'u> {
    /// The URL up to its path: `http://host:port` or `https://host:port`. What is equal here shares connections.
    pub(crate) origin: &'u str,
    /// `host` or `host:port`, as it goes into `Host`.
    pub(crate) authority: &'u str,
    /// Path and query, possibly empty.
    pub(crate) path: &'u str,
}

impl<'u> Address<'u> {
    /// Splits an absolute URL; a fragment is cut off.
    pub(crate) fn of(url: &'u str) -> Result<Self, Failure> {
        let scheme = ["http://", "https://"]
            .into_iter()
            .find(|scheme| url.starts_with(scheme));
        let Some(scheme) = scheme else {
            return Err(failure(
                FailureKind::Protocol,
                format!("not an absolute http:// or https:// URL: {url}"),
            ));
        };
        let whole = url.split('#').next().unwrap_or(url);
        let rest = &whole[scheme.len()..];
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if authority.is_empty() || authority.contains('@') {
            return Err(failure(
                FailureKind::Protocol,
                format!("a URL needs a host, and no user before it: {url}"),
            ));
        }
        Ok(Self {
            origin: &whole[..scheme.len() + authority.len()],
            authority,
            path,
        })
    }
}

fn of_kind(error: &io::Error) -> FailureKind {
    io_failure(error).unwrap_or(FailureKind::Protocol)
}

/// What an error of a socket means.
pub(crate) fn of_io(error: &io::Error) -> Failure {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    let words = inner.map_or_else(|| error.to_string(), tls_words);
    failure(of_kind(error), words)
}

/// Files an error of a socket under its class; `None` for one that tells nothing of a connection. What times out is
/// [`FailureKind::Timeout`]: who knows that it was connecting says so.
pub fn io_failure(error: &io::Error) -> Option<FailureKind> {
    // What this machine has run out of says nothing about the target.
    let ours = [
        Errno::MFILE,
        Errno::NFILE,
        Errno::ADDRNOTAVAIL,
        Errno::NOBUFS,
        Errno::NOMEM,
    ];
    if Errno::from_io_error(error).is_some_and(|errno| ours.contains(&errno)) {
        return Some(FailureKind::Local);
    }
    // A server may judge the client's certificate only after the handshake.
    if error
        .get_ref()
        .is_some_and(|inner| inner.is::<rustls::Error>())
    {
        return Some(FailureKind::Tls);
    }
    Some(match error.kind() {
        io::ErrorKind::ConnectionRefused
        | io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkUnreachable => FailureKind::Refused,
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe => FailureKind::Reset,
        io::ErrorKind::UnexpectedEof | io::ErrorKind::NotConnected => FailureKind::Closed,
        io::ErrorKind::TimedOut => FailureKind::Timeout,
        _ => return None,
    })
}

/// A failure.
pub(crate) fn failure(kind: FailureKind, detail: impl Into<String>) -> Failure {
    Failure {
        kind,
        detail: detail.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn urls_split() {
        let split = |url| {
            Address::of(url)
                .map(|a| (a.origin, a.authority, a.path))
                .map_err(|f| f.kind)
        };
        assert_eq!(
            split("http://a:8080/b?c=d#e"),
            Ok(("http://a:8080", "a:8080", "/b?c=d"))
        );
        assert_eq!(split("http://a"), Ok(("http://a", "a", "")));
        assert_eq!(split("http://a?q"), Ok(("http://a", "a", "?q")));
        assert_eq!(split("https://[::1]/"), Ok(("https://[::1]", "[::1]", "/")));
        for bad in [
            "",
            "http://",
            "https://",
            "https:///x",
            "/path",
            "ftp://a",
            "http://user:word@a/",
        ] {
            assert_eq!(split(bad), Err(FailureKind::Protocol), "{bad}");
        }
    }

    #[test]
    fn running_out_is_our_own_fault() {
        let kind = |errno: Errno| of_kind(&errno.into());
        assert_eq!(
            (kind(Errno::MFILE), kind(Errno::ADDRNOTAVAIL)),
            (FailureKind::Local, FailureKind::Local)
        );
        assert_eq!(
            (kind(Errno::CONNREFUSED), kind(Errno::CONNRESET)),
            (FailureKind::Refused, FailureKind::Reset)
        );
    }

    proptest! {
        #[test]
        fn no_url_panics(url in ".*") {
            if let Ok(address) = Address::of(&url) {
                let _ = crate::net::dial::Origin::of(address.origin);
            }
        }
    }
}
