//! Where a redirect leads and what the next request looks like (RFC 9110, 15.4), and where a link leads. Pure.

use super::jar::Parts;
use crate::http::{Method, Request, Response};
use bytes::Bytes;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

/// What a server may send in a `Location` and no URL may hold.
const UNFIT: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>');

/// Where a response redirects to, as it says so itself; `None` if it does not.
pub(super) fn location(response: &Response) -> Option<&str> {
    let redirects = matches!(response.status, 301 | 302 | 303 | 307 | 308);
    response.header("location").filter(|_| redirects)
}

/// The request that follows a redirect; `None` when the answer is not one, or leads out of HTTP.
pub(super) fn follow(request: &Request, response: &Response) -> Option<Request> {
    let url = resolve(&request.url, location(response)?)?;
    let mut next = Request {
        url,
        ..request.clone()
    };
    let rewritten = match (response.status, request.method) {
        (303, method) => method != Method::Head,
        (301 | 302, method) => method == Method::Post,
        _ => false,
    };
    if rewritten {
        next.method = Method::Get;
        next.body = Bytes::new();
        next.headers
            .retain(|(name, _)| !name.starts_with("content-"));
    }
    // Cookies are chosen anew for the new address; credentials stay with the origin they were meant for.
    let same = Parts::of(&request.url).same_origin(&Parts::of(&next.url));
    next.headers
        .retain(|(name, _)| name != "cookie" && (same || name != "authorization"));
    Some(next)
}

/// Where a link leads that an answer held, against a base address; `None` when it is no link of the web or leads to
/// another origin than the base's.
pub(super) fn link(base: &str, link: &str) -> Option<String> {
    let url = resolve(base, link)?;
    Parts::of(base).same_origin(&Parts::of(&url)).then_some(url)
}

/// A `Location` against the URL it came from.
fn resolve(base: &str, location: &str) -> Option<String> {
    let location = location.trim().split('#').next().unwrap_or("");
    let parts = Parts::of(base);
    let origin = format!("{}://{}", parts.scheme, parts.authority);
    let lower = location.to_ascii_lowercase();
    let location = utf8_percent_encode(location, UNFIT).to_string();
    let location = location.as_str();
    let scheme = lower
        .split(['/', '?'])
        .next()
        .filter(|first| first.contains(':'));
    if location.is_empty() || scheme.is_some_and(|s| s != "http:" && s != "https:") {
        None
    } else if lower.starts_with("http://") || lower.starts_with("https://") {
        Some(location.to_owned())
    } else if location.starts_with("//") {
        Some(format!("{}:{location}", parts.scheme))
    } else if location.starts_with('/') {
        Some(origin + &normal(location))
    } else {
        let path = parts.rest.split(['?', '#']).next().unwrap_or("");
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        Some(
            origin
                + &normal(&if location.starts_with('?') {
                    format!("{path}{location}")
                } else {
                    format!("{folder}/{location}")
                }),
        )
    }
}

/// Removes `.` and `..` from a path.
fn normal(path: &str) -> String {
    let (path, query) = path.find('?').map_or((path, ""), |at| path.split_at(at));
    let mut kept: Vec<&str> = Vec::new();
    for part in path.split('/').skip(1) {
        match part {
            "." => {}
            ".." => drop(kept.pop()),
            part => kept.push(part),
        }
    }
    if path.ends_with("/.") || path.ends_with("/..") {
        kept.push("");
    }
    format!("/{}{query}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(method: Method, status: u16, location: &str) -> Option<Request> {
        let request = Request {
            method,
            url: "http://a:1/x/y?q=1".into(),
            headers: vec![
                ("authorization".into(), "s".into()),
                ("content-type".into(), "t".into()),
                ("cookie".into(), "c".into()),
            ],
            body: Bytes::from_static(b"body"),
        };
        let headers = vec![("Location".into(), location.into())];
        follow(
            &request,
            &Response {
                status,
                headers,
                body: Bytes::new(),
                body_len: 0,
            },
        )
    }

    #[test]
    fn locations_resolve() {
        let to = |location: &str| next(Method::Get, 302, location).map(|r| r.url);
        assert_eq!(to("/z?p=2#f").as_deref(), Some("http://a:1/z?p=2"));
        assert_eq!(to("z").as_deref(), Some("http://a:1/x/z"));
        assert_eq!(to("../z/./w").as_deref(), Some("http://a:1/z/w"));
        assert_eq!(to("?p=2").as_deref(), Some("http://a:1/x/y?p=2"));
        assert_eq!(to("//b/z").as_deref(), Some("http://b/z"));
        assert_eq!(to("https://b/z").as_deref(), Some("https://b/z"));
        assert_eq!(to("/ü z").as_deref(), Some("http://a:1/%C3%BC%20z"));
        for nowhere in ["", "mailto:x", "javascript:alert(1)", "ftp://b/"] {
            assert_eq!(to(nowhere), None, "{nowhere}");
        }
    }

    #[test]
    fn links_stay_with_their_origin() {
        let to = |to: &str| link("http://a:80/api", to);
        for (from, lead) in [
            ("/z?p=2", "http://a:80/z?p=2"),
            ("http://a/z", "http://a/z"),
            ("HTTP://A:80/z", "HTTP://A:80/z"),
            ("z", "http://a:80/z"),
        ] {
            assert_eq!(to(from).as_deref(), Some(lead), "{from}");
        }
        for away in [
            "https://a/z",
            "//b/z",
            "http://a:81/z",
            "http://b/z",
            "http://a@b/z",
            "http://a\\@b/z",
            "http://a.b/z",
            "http://u:p@a/z",
            "ftp://a/z",
            "javascript:x",
            "",
            "#z",
        ] {
            assert_eq!(to(away), None, "{away}");
        }
    }

    #[test]
    fn methods_bodies_and_credentials_follow_the_rules() {
        let post = next(Method::Post, 303, "/z").unwrap();
        assert_eq!((post.method, post.body.len()), (Method::Get, 0));
        assert_eq!(post.headers, [("authorization".to_owned(), "s".to_owned())]);
        let kept = next(Method::Post, 307, "http://b/z").unwrap();
        assert_eq!((kept.method, kept.body.len()), (Method::Post, 4));
        assert_eq!(kept.headers, [("content-type".to_owned(), "t".to_owned())]);
        assert!(next(Method::Get, 200, "/z").is_none() && next(Method::Get, 304, "/z").is_none());
    }
}
