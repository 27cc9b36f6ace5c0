//! Requests and headers between core's plain values and HTTP/2's: the pseudo-headers, and what HTTP/2 does not have.

use crate::wire;
use harness_core::http::{Failure, FailureKind, Request};
use http::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue};

/// Headers of a connection, which HTTP/2 has none of (RFC 9113, 8.2.2).
const OF_CONNECTIONS: [&str; 5] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "transfer-encoding",
    "upgrade",
];

/// The request as it is sent; `path` may be empty. A `host` among the headers becomes the authority.
pub(super) fn request(
    request: &Request,
    secure: bool,
    authority: &str,
    path: &str,
) -> Result<http::Request<()>, Failure> {
    let authority = request.header("host").unwrap_or(authority);
    let scheme = if secure { "https" } else { "http" };
    let slash = if path.starts_with('/') { "" } else { "/" };
    let uri = format!("{scheme}://{authority}{slash}{path}");
    let mut message = http::Request::new(());
    *message.method_mut() = http::Method::from_bytes(request.method.as_str().as_bytes())
        .map_err(|_| cannot("its method"))?;
    *message.uri_mut() = uri.parse().map_err(|_| cannot("its path or its host"))?;
    *message.version_mut() = http::Version::HTTP_2;
    let headers = message.headers_mut();
    for (name, value) in &request.headers {
        if name == "host" {
            continue;
        }
        if OF_CONNECTIONS.contains(&name.as_str()) || (name == "te" && value != "trailers") {
            return Err(cannot(&format!(
                "HTTP/2 has no header `{name}`; leave it out, or set `version = \"1.1\"` in [load.http]"
            )));
        }
        let key = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| cannot(&format!("header name {name:?}")))?;
        let value = HeaderValue::from_str(value)
            .map_err(|_| cannot(&format!("the value of header {name}")))?;
        headers.append(key, value);
    }
    if !request.body.is_empty() && !headers.contains_key(CONTENT_LENGTH) {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(request.body.len()));
    }
    Ok(message)
}

fn cannot(what: &str) -> Failure {
    wire::failure(
        FailureKind::Protocol,
        format!("the request can't be written: {what}"),
    )
}

/// A response's headers in order.
pub(super) fn headers(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), text(value)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use harness_core::http::Method;

    fn plain(headers: &[(&str, &str)], body: &'static str) -> Request {
        let text = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Request {
            method: Method::Post,
            url: "http://a:1/x?y".into(),
            headers: headers.iter().map(text).collect(),
            body: Bytes::from_static(body.as_bytes()),
        }
    }

    #[test]
    fn host_becomes_the_authority_and_a_body_has_its_length() {
        let message = request(&plain(&[("a", "b")], "xyz"), true, "a:1", "/x?y").unwrap();
        assert_eq!(message.uri(), "https://a:1/x?y");
        assert_eq!(message.headers()["content-length"], "3");
        let message = request(&plain(&[("host", "shop")], ""), false, "a:1", "?q").unwrap();
        assert_eq!(message.uri(), "http://shop/?q");
        assert!(message.headers().is_empty());
        assert_eq!(
            request(&plain(&[], ""), false, "a", "").unwrap().uri(),
            "http://a/"
        );
    }

    #[test]
    fn headers_of_connections_are_refused_by_name() {
        for (name, value) in [("connection", "close"), ("te", "gzip"), ("upgrade", "x")] {
            let failure = request(&plain(&[(name, value)], ""), false, "a", "/").unwrap_err();
            assert_eq!(failure.kind, FailureKind::Protocol);
            assert!(failure.detail.contains(name), "{failure}");
        }
        assert!(request(&plain(&[("te", "trailers")], ""), false, "a", "/").is_ok());
        assert!(request(&plain(&[("a b", "c")], ""), false, "a", "/").is_err());
        assert!(request(&plain(&[("a", "b\r\nc")], ""), false, "a", "/").is_err());
    }
}
