//! Where a proxy listens, from the text that a client sends: `host:port`, `:port`, or nothing at all.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use socket2::{Domain, Socket, Type};

use super::error::ApiError;

/// Finds the address of a text. Names are looked up; without a host it is every interface, without a port a free one.
pub(super) async fn resolve(text: &str) -> Result<SocketAddr, ApiError> {
    if text.is_empty() {
        return Ok(everywhere(0));
    }
    let missing = || ApiError::listen(format_args!(": address {text}: missing port in address"));
    let (host, port) = text.rsplit_once(':').ok_or_else(missing)?;
    let bare_v6 = host.contains(':') && !(host.starts_with('[') && host.ends_with(']'));
    if bare_v6 {
        let why = format_args!(": address {text}: too many colons in address");
        return Err(ApiError::listen(why));
    }
    let number = match port {
        "" => Ok(0),
        port => port.parse::<u16>(),
    };
    let port =
        number.map_err(|_| ApiError::listen(format_args!(": address {port}: invalid port")))?;
    if host.is_empty() {
        return Ok(everywhere(port));
    }
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let found = tokio::net::lookup_host((host, port)).await;
    let no_host = || ApiError::listen(format_args!(": lookup {host}: no such host"));
    let mut found: Vec<SocketAddr> = found.map_err(|_| no_host())?.collect();
    // Of several, an IPv4 address, as the real server takes it.
    found.sort_by_key(SocketAddr::is_ipv6);
    found.first().copied().ok_or_else(no_host)
}

fn everywhere(port: u16) -> SocketAddr {
    // A kernel without IPv6 has no such socket.
    match Socket::new(Domain::IPV6, Type::STREAM, None) {
        Ok(_) => (Ipv6Addr::UNSPECIFIED, port).into(),
        Err(_) => (Ipv4Addr::UNSPECIFIED, port).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn texts_are_addresses_or_tell_why_not() {
        let found = resolve("127.0.0.1:80").await.unwrap();
        assert_eq!(found.to_string(), "127.0.0.1:80");
        assert_eq!(resolve("[::1]:80").await.unwrap().to_string(), "[::1]:80");
        assert!(resolve("localhost:80").await.unwrap().ip().is_loopback());
        for every in ["", ":0"] {
            let found = resolve(every).await.unwrap();
            assert!(found.ip().is_unspecified() && found.port() == 0);
        }
        for (text, why) in [
            ("host", "missing port in address"),
            ("::1:80", "too many colons in address"),
            ("127.0.0.1:http", "invalid port"),
            ("127.0.0.1:70000", "invalid port"),
        ] {
            let error = resolve(text).await.unwrap_err();
            assert!(error.message.ends_with(why), "{}", error.message);
        }
    }
}
