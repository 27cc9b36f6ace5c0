//! Requests written, and read again by an independent reader: what was asked for is what comes out, or it is refused.

use crate::http1::request::{Unwritable, Written, write};
use crate::wire::Address;
use bytes::Bytes;
use harness_core::http::{Method, Request};
use proptest::prelude::*;
use proptest::sample::select;

fn request(method: Method, url: &str, headers: &[(&str, &str)], body: &str) -> Request {
    Request {
        method,
        url: url.to_owned(),
        headers: headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        body: Bytes::copy_from_slice(body.as_bytes()),
    }
}

fn written(request: &Request) -> Result<Written, Unwritable> {
    // What an earlier request left in the buffer is no part of this one.
    write(
        b"left over".to_vec(),
        request,
        Address::of(&request.url).unwrap(),
    )
}

fn bytes(written: &Written) -> Vec<u8> {
    [&written.head, &written.body[..], written.tail].concat()
}

fn text(request: &Request) -> String {
    String::from_utf8(bytes(&written(request).unwrap())).unwrap()
}

#[test]
fn what_a_message_must_have_is_added() {
    let plain = request(Method::Get, "http://a:81/b?c=d#e", &[], "");
    assert_eq!(text(&plain), "GET /b?c=d HTTP/1.1\r\nhost: a:81\r\n\r\n");
    let root = request(Method::Delete, "http://a?q", &[("x-y", "z")], "");
    assert_eq!(
        text(&root),
        "DELETE /?q HTTP/1.1\r\nhost: a\r\nx-y: z\r\n\r\n"
    );
    let empty = request(Method::Post, "http://a", &[("Host", "b")], "");
    assert_eq!(
        text(&empty),
        "POST / HTTP/1.1\r\nHost: b\r\ncontent-length: 0\r\n\r\n"
    );
    let body = request(
        Method::Put,
        "http://a/",
        &[("Content-Length", "2"), ("content-length", " 2")],
        "ok",
    );
    assert_eq!(
        text(&body),
        "PUT / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nok"
    );
    let chunked = request(
        Method::Post,
        "http://a/",
        &[("transfer-encoding", "Chunked")],
        "0123456789abcdef",
    );
    assert_eq!(
        text(&chunked),
        "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: Chunked\r\n\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n"
    );
    let none = request(
        Method::Post,
        "http://a/",
        &[("transfer-encoding", "chunked")],
        "",
    );
    assert!(text(&none).ends_with("\r\n\r\n0\r\n\r\n"));
}

#[test]
fn a_path_goes_out_as_the_client_of_functional_runs_sends_it() {
    let odd = request(
        Method::Get,
        "http://a/ä b/\"<x>\"?q={\"a\":[1]}&r=%20|",
        &[],
        "",
    );
    let line = text(&odd).lines().next().unwrap().to_owned();
    assert_eq!(
        line,
        "GET /%C3%A4%20b/%22%3Cx%3E%22?q={%22a%22:[1]}&r=%20| HTTP/1.1"
    );
}

#[test]
fn a_large_body_is_not_copied() {
    let large = "x".repeat(100_000);
    let plain = request(Method::Post, "http://a/", &[], &large);
    let sent = written(&plain).unwrap();
    assert!(sent.head.len() < 200 && sent.body.as_ptr() == plain.body.as_ptr());
    let chunked = request(
        Method::Post,
        "http://a/",
        &[("transfer-encoding", "chunked")],
        &large,
    );
    let sent = bytes(&written(&chunked).unwrap());
    assert!(sent.ends_with(b"x\r\n0\r\n\r\n"));
}

#[test]
fn what_could_be_read_as_two_requests_is_refused() {
    let of =
        |headers: &[(&str, &str)]| written(&request(Method::Post, "http://a/", headers, "four"));
    let refused = |headers: &[(&str, &str)]| of(headers).unwrap_err();
    assert_eq!(refused(&[("a b", "c")]), Unwritable::Name("a b".into()));
    assert_eq!(refused(&[("", "c")]), Unwritable::Name(String::new()));
    assert_eq!(refused(&[("a:", "c")]), Unwritable::Name("a:".into()));
    assert_eq!(
        refused(&[("a", "c\r\nd: e")]),
        Unwritable::Value("a".into())
    );
    assert_eq!(refused(&[("a", "c\0")]), Unwritable::Value("a".into()));
    assert_eq!(refused(&[("host", "a"), ("Host", "b")]), Unwritable::Hosts);
    let length = |said: &str| Unwritable::Length {
        said: said.into(),
        has: 4,
    };
    assert_eq!(refused(&[("content-length", "5")]), length("5"));
    assert_eq!(refused(&[("content-length", "04")]), length("04"));
    assert_eq!(
        refused(&[("transfer-encoding", "gzip")]),
        Unwritable::Encoding("gzip".into())
    );
    let both = [("transfer-encoding", "chunked"), ("content-length", "4")];
    assert_eq!(refused(&both), Unwritable::TwoFramings);
    assert!(of(&[("a", "tab\tand \u{e9} are fine")]).is_ok());
    let path = |url| written(&request(Method::Get, url, &[], "")).map(|_| ());
    assert_eq!(path("http://a/b\r\nc: d"), Err(Unwritable::Path('\r')));
    assert_eq!(path("http://a/\u{7f}"), Err(Unwritable::Path('\u{7f}')));
    assert_eq!(path("http://a b/"), Err(Unwritable::Host("a b".into())));
    assert_eq!(
        path("http://a\r\nb/"),
        Err(Unwritable::Host("a\r\nb".into()))
    );
}

type Headers = Vec<(String, Vec<u8>)>;

/// Reads a request as a server does; every byte of it must be used.
fn read(bytes: &[u8]) -> (String, String, Headers, Vec<u8>) {
    let mut room = [httparse::EMPTY_HEADER; 64];
    let mut parsed = httparse::Request::new(&mut room);
    let head = parsed.parse(bytes).expect("it parses").unwrap();
    let headers: Vec<_> = parsed
        .headers
        .iter()
        .map(|header| (header.name.to_owned(), header.value.to_vec()))
        .collect();
    let of = |name: &str| {
        headers
            .iter()
            .filter(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| String::from_utf8(value.clone()).unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(of("host").len(), 1);
    let rest = &bytes[head..];
    let body = match (
        of("content-length").as_slice(),
        of("transfer-encoding").as_slice(),
    ) {
        ([], []) => rest[..0].to_vec(),
        ([length], []) => rest[..length.parse::<usize>().unwrap()].to_vec(),
        ([], [_]) if rest == b"0\r\n\r\n" => Vec::new(),
        ([], [_]) => {
            let (used, size) = httparse::parse_chunk_size(rest).unwrap().unwrap();
            let end = used + size as usize;
            assert_eq!(&rest[end..], b"\r\n0\r\n\r\n");
            rest[used..end].to_vec()
        }
        framings => panic!("{framings:?}"),
    };
    if of("transfer-encoding").is_empty() {
        assert_eq!(body.len(), rest.len(), "bytes behind the request");
    }
    let word = |word: Option<&str>| word.unwrap().to_owned();
    (
        word(parsed.method),
        word(parsed.path),
        headers.clone(),
        body,
    )
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(
        method in select(&Method::ALL[..]),
        path in "(/[!-~é ]{0,20}(\\?[!-~]{0,20})?)?",
        headers in prop::collection::vec(
            (
                prop_oneof![
                    "[a-z!#$%&'*+.^_`|~0-9-]{1,12}",
                    Just("host".to_owned()),
                    Just("content-length".to_owned()),
                    Just("Transfer-Encoding".to_owned()),
                    "[ -~]{0,6}",
                ],
                prop_oneof!["[ -~\té]{0,20}", Just("chunked".to_owned()), Just("5".to_owned()), any::<String>()],
            ),
            0..5,
        ),
        body in prop_oneof![Just(Vec::new()), Just(b"hello".to_vec()), prop::collection::vec(any::<u8>(), 0..20_000)],
    ) {
        let plain = Request { method, url: format!("http://a:1{path}"), headers, body: Bytes::from(body) };
        let Ok(address) = Address::of(&plain.url) else { return Ok(()) };
        let Ok(written) = write(Vec::new(), &plain, address) else { return Ok(()) };
        let (verb, target, found, content) = read(&bytes(&written));
        prop_assert_eq!(verb, method.as_str());
        prop_assert!(target.starts_with('/') && target.is_ascii() && !target.contains(' '));
        prop_assert_eq!(&content[..], &plain.body[..]);
        // Each header that was asked for is there, trimmed as every reader trims it, in its order.
        let asked: Vec<_> = plain
            .headers
            .iter()
            .filter(|(name, _)| !name.eq_ignore_ascii_case("content-length"))
            .map(|(name, value)| (name.clone(), value.trim_matches([' ', '\t']).as_bytes().to_vec()))
            .collect();
        let added = |name: &str| !plain.headers.iter().any(|(n, _)| n.eq_ignore_ascii_case(name));
        let kept: Vec<_> = found
            .into_iter()
            .filter(|(name, _)| name != "content-length" && !(name == "host" && added("host")))
            .collect();
        prop_assert_eq!(kept, asked);
    }
}
