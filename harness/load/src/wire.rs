//! Between core's plain exchanges and hyper's types: addresses, requests, responses, and what errors mean. Opens no
//! connection and reads no clock.

use bytes::{Bytes, BytesMut};
use harness_core::http::{Failure, FailureKind, Method, Request, Response};
use http::header::{HOST, HeaderName, HeaderValue};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use rustix::io::Errno;
use std::io;

/// Bytes of a body that are kept; what is beyond is read and counted.
const KEPT: usize = 1 << 20;

/// A body longer than this is given up: nothing a journey asks for is that large, and reading it for ever would hide
/// the target's mistake.
const LONGEST: u64 = 64 << 20;

/// The parts of an `http://` URL that matter for sending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Address<'u> {
    /// `host` or `host:port`, as it goes into `Host`.
    pub(crate) authority: &'u str,
    /// Path and query, possibly empty.
    pub(crate) path: &'u str,
}

impl<'u> Address<'u> {
    /// Splits an absolute URL; a fragment is cut off.
    pub(crate) fn of(url: &'u str) -> Result<Self, Failure> {
        let Some(rest) = url.strip_prefix("http://") else {
            return Err(if url.starts_with("https://") {
                failure(
                    FailureKind::Tls,
                    format!("the load engine speaks http:// only, not {url}"),
                )
            } else {
                failure(
                    FailureKind::Protocol,
                    format!("not an absolute http:// URL: {url}"),
                )
            });
        };
        let rest = rest.split('#').next().unwrap_or(rest);
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if authority.is_empty() || authority.contains('@') {
            return Err(failure(
                FailureKind::Protocol,
                format!("a URL needs a host, and no user before it: {url}"),
            ));
        }
        Ok(Self { authority, path })
    }

    /// Host and port to connect to.
    pub(crate) fn host_and_port(authority: &str) -> Option<(&str, u16)> {
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, port.parse().ok()?),
            _ => (authority, 80),
        };
        Some((
            host.strip_prefix('[')
                .and_then(|host| host.strip_suffix(']'))
                .unwrap_or(host),
            port,
        ))
    }
}

/// The request as hyper sends it. Fails on what can't be written as HTTP.
pub(crate) fn request(
    request: &Request,
    address: Address<'_>,
) -> Result<http::Request<Full<Bytes>>, Failure> {
    let cannot = |what: &str| {
        failure(
            FailureKind::Protocol,
            format!("the request can't be written: {what}"),
        )
    };
    let mut wire = http::Request::new(Full::new(request.body.clone()));
    *wire.method_mut() = method(request.method);
    *wire.uri_mut() = match address.path {
        "" => http::Uri::from_static("/"),
        path if path.starts_with('?') => format!("/{path}")
            .parse()
            .map_err(|_| cannot("its query"))?,
        path => path.parse().map_err(|_| cannot("its path"))?,
    };
    let headers = wire.headers_mut();
    for (name, value) in &request.headers {
        let key = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| cannot(&format!("header name {name:?}")))?;
        headers.append(
            key,
            HeaderValue::from_str(value)
                .map_err(|_| cannot(&format!("the value of header {name}")))?,
        );
    }
    if !headers.contains_key(HOST) {
        headers.insert(
            HOST,
            HeaderValue::from_str(address.authority).map_err(|_| cannot("its host"))?,
        );
    }
    Ok(wire)
}

const fn method(method: Method) -> http::Method {
    match method {
        Method::Get => http::Method::GET,
        Method::Head => http::Method::HEAD,
        Method::Post => http::Method::POST,
        Method::Put => http::Method::PUT,
        Method::Patch => http::Method::PATCH,
        Method::Delete => http::Method::DELETE,
        Method::Options => http::Method::OPTIONS,
        Method::Trace => http::Method::TRACE,
    }
}

/// Reads a response to its end.
pub(crate) async fn response(response: http::Response<Incoming>) -> Result<Response, Failure> {
    let (head, mut incoming) = response.into_parts();
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = head
        .headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), text(value)))
        .collect();
    let mut body = Body::default();
    while let Some(frame) = incoming.frame().await {
        if let Ok(data) = frame.map_err(|error| of_hyper(&error))?.into_data() {
            body.add(data)?;
        }
    }
    let (body, body_len) = body.finish();
    Ok(Response {
        status: head.status.as_u16(),
        headers,
        body,
        body_len,
    })
}

/// A body being read. The first piece is kept as it came, because mostly it is the only one.
#[derive(Debug, Default)]
struct Body {
    first: Bytes,
    more: BytesMut,
    length: u64,
}

impl Body {
    fn add(&mut self, data: Bytes) -> Result<(), Failure> {
        self.length += data.len() as u64;
        if self.length > LONGEST {
            return Err(failure(
                FailureKind::Protocol,
                format!("body too large: more than {LONGEST} bytes"),
            ));
        }
        if self.first.is_empty() {
            self.first = data;
            self.first.truncate(KEPT);
            return Ok(());
        }
        if self.more.is_empty() {
            self.more.extend_from_slice(&self.first);
        }
        let room = KEPT.saturating_sub(self.more.len()).min(data.len());
        self.more.extend_from_slice(&data[..room]);
        Ok(())
    }

    fn finish(self) -> (Bytes, u64) {
        (
            if self.more.is_empty() {
                self.first
            } else {
                self.more.freeze()
            },
            self.length,
        )
    }
}

/// What an error of hyper means.
pub(crate) fn of_hyper(error: &hyper::Error) -> Failure {
    let mut detail = error.to_string();
    let mut source = std::error::Error::source(error);
    let mut kind = None;
    while let Some(inner) = source {
        let said = inner.to_string();
        if !detail.ends_with(&said) {
            detail = format!("{detail}: {said}");
        }
        kind = kind.or_else(|| inner.downcast_ref::<io::Error>().map(of_kind));
        source = inner.source();
    }
    let kind = kind.unwrap_or(
        if error.is_incomplete_message() || error.is_closed() || error.is_canceled() {
            FailureKind::Closed
        } else {
            FailureKind::Protocol
        },
    );
    failure(kind, detail)
}

fn of_kind(error: &io::Error) -> FailureKind {
    io_failure(error).unwrap_or(FailureKind::Protocol)
}

/// What an error of a socket means.
pub(crate) fn of_io(error: &io::Error) -> Failure {
    failure(of_kind(error), error.to_string())
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
                .map(|a| (a.authority, a.path))
                .map_err(|f| f.kind)
        };
        assert_eq!(split("http://a:8080/b?c=d#e"), Ok(("a:8080", "/b?c=d")));
        assert_eq!(split("http://a"), Ok(("a", "")));
        assert_eq!(split("http://a?q"), Ok(("a", "?q")));
        assert_eq!(split("https://a/"), Err(FailureKind::Tls));
        for bad in ["", "http://", "/path", "ftp://a", "http://user:word@a/"] {
            assert_eq!(split(bad), Err(FailureKind::Protocol), "{bad}");
        }
        assert_eq!(Address::host_and_port("a"), Some(("a", 80)));
        assert_eq!(Address::host_and_port("[::1]:81"), Some(("::1", 81)));
        assert_eq!(Address::host_and_port("[::1]"), Some(("::1", 80)));
        assert_eq!(Address::host_and_port("a:99999"), None);
    }

    #[test]
    fn host_is_added_and_not_doubled() {
        let of = |headers: &[(&str, &str)]| {
            let headers = headers
                .iter()
                .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
                .collect();
            let plain = Request {
                method: Method::Get,
                url: "http://a:1/x".into(),
                headers,
                body: Bytes::new(),
            };
            let address = Address::of(&plain.url).unwrap();
            request(&plain, address).map(|r| {
                r.headers()
                    .get_all(HOST)
                    .iter()
                    .map(|v| v.as_bytes().to_vec())
                    .collect()
            })
        };
        assert_eq!(of(&[]), Ok(vec![b"a:1".to_vec()]));
        assert_eq!(of(&[("host", "b")]), Ok(vec![b"b".to_vec()]));
        assert_eq!(
            of(&[("a b", "c")]).map_err(|f| f.kind),
            Err(FailureKind::Protocol)
        );
        assert_eq!(
            of(&[("a", "c\r\nd: e")]).map_err(|f| f.kind),
            Err(FailureKind::Protocol)
        );
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
                let _ = Address::host_and_port(address.authority);
                let plain = Request { method: Method::Get, url: url.clone(), headers: vec![], body: Bytes::new() };
                let _ = request(&plain, address);
            }
        }

        #[test]
        fn bodies_are_counted_whole_and_kept_in_part(sizes in prop::collection::vec(0usize..400_000, 0..6)) {
            let mut body = Body::default();
            let whole: Vec<u8> = (0..sizes.iter().sum()).map(|n: usize| n as u8).collect();
            let mut at = 0;
            for size in sizes {
                body.add(Bytes::copy_from_slice(&whole[at..at + size])).unwrap();
                at += size;
            }
            let (kept, length) = body.finish();
            prop_assert_eq!(length, whole.len() as u64);
            prop_assert_eq!(&kept[..], &whole[..whole.len().min(KEPT)]);
        }
    }
}
