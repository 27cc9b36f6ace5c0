//! Responses of all framings, whole, cut and broken: the decoder says what hyper's client says.

use crate::http1::decode::{Asked, BODY, DecodeError, Decoder, Event, HEADERS, INTERIM};
use crate::http1::oracle::{Heard, Said, compare, hypers, ours};
use proptest::prelude::*;
use proptest::sample::{Index, select};

fn said(head: bool, bytes: &[u8], cuts: &[usize], closes: bool) -> Said {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
    cuts.sort_unstable();
    let (mut pieces, mut from) = (Vec::new(), 0);
    for cut in cuts.into_iter().chain([bytes.len()]) {
        if cut > from {
            pieces.push(bytes[from..cut].to_vec());
            from = cut;
        }
    }
    Said {
        head,
        pieces,
        closes,
    }
}

fn get(bytes: &[u8]) -> Said {
    said(false, bytes, &[], true)
}

/// Status and body of a whole response; whether it left the connection usable.
fn heard(said: &Said) -> (u16, Vec<u8>, bool) {
    match ours(said) {
        Heard::Response {
            status,
            body,
            reusable,
            ..
        } => (status, body, reusable),
        other => panic!("{other:?}"),
    }
}

fn error(said: &Said) -> DecodeError {
    match ours(said) {
        Heard::Error(error) => error,
        other => panic!("{other:?}"),
    }
}

/// Responses that are right, one of each kind, and whether each may leave the connection open.
const RIGHT: [(&[u8], &[u8], bool); 15] = [
    (b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello", b"hello", true),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b"", true),
    (b"HTTP/1.1 200 OK\r\ncontent-length: 2, 2\r\nContent-length:  2 \r\n\r\nok", b"ok", true),
    (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n", b"hello!", true),
    (b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, Chunked\r\n\r\n3 ;a=\"b\"\r\nabc\r\n00000000000000000000;x\r\n\r\n", b"abc", true),
    (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nA\r\n0123456789\r\n0\r\nx-sum: 7\r\ny: z\r\n\r\n", b"0123456789", true),
    (b"HTTP/1.1 204 No Content\r\nserver: a\r\n\r\n", b"", true),
    (b"HTTP/1.1 304 Not Modified\r\ncontent-length: 900\r\n\r\n", b"", true),
    (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 201 Created\r\ncontent-length: 1\r\n\r\nx", b"x", true),
    (b"HTTP/1.1 200 OK\r\n\r\nto the end", b"to the end", false),
    (b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\nto the end", b"to the end", false),
    (b"HTTP/1.1 200 OK\r\nconnection: x, Close\r\ncontent-length: 2\r\n\r\nok", b"ok", false),
    (b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok", b"ok", false),
    (b"HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\nok", b"ok", true),
    (b"HTTP/1.1 200\nconnection: keep-alive\ncontent-length: 2\n\nok", b"ok", true),
];

#[test]
fn every_framing_is_read_wherever_it_is_cut() {
    for (bytes, body, stays) in RIGHT {
        for cut in 0..bytes.len() {
            let closing = said(false, bytes, &[cut], true);
            let (status, found, _) = heard(&closing);
            assert!(status >= 200);
            assert_eq!(found, body, "{}", bytes.escape_ascii());
            let open = said(false, bytes, &[cut], false);
            match ours(&open) {
                Heard::Response {
                    body: found,
                    reusable,
                    ..
                } => {
                    assert_eq!((found.as_slice(), reusable), (body, stays));
                }
                // Only what ends with the connection waits for it.
                other => assert_eq!((other, stays), (Heard::Waiting, false)),
            }
            // Cut off there, it is cut off, and never a response; but what has no length can't tell.
            let part = get(&bytes[..cut]);
            match ours(&part) {
                Heard::Error(error) => assert!(error.is_cut(), "{error}"),
                Heard::Response { .. } => assert!(!stays),
                Heard::Waiting => panic!("waits on a closed connection"),
            }
        }
    }
}

#[test]
fn hyper_says_the_same_of_each_wherever_it_is_cut() {
    for (bytes, ..) in RIGHT {
        for cut in 0..bytes.len() {
            for closes in [false, true] {
                compare(&said(false, bytes, &[cut], closes));
                compare(&said(false, &bytes[..cut], &[], closes));
            }
        }
        compare(&said(true, bytes, &[], false));
    }
}

#[test]
fn a_connection_with_anything_left_on_it_is_not_used_again() {
    let twice = [RIGHT[0].0, RIGHT[0].0].concat();
    assert_eq!(
        heard(&said(false, &twice, &[], false)),
        (200, b"hello".to_vec(), false)
    );
    // A length beside chunks: somebody between here and there may have taken the other one.
    let both = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n";
    assert_eq!(
        heard(&said(false, both, &[], false)),
        (200, b"x".to_vec(), false)
    );
    let to_head = said(true, RIGHT[0].0, &[], false);
    assert_eq!(heard(&to_head), (200, Vec::new(), false));
    let to_head = said(
        true,
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n",
        &[],
        false,
    );
    assert_eq!(heard(&to_head), (200, Vec::new(), true));
}

#[test]
fn what_is_no_response_is_named() {
    use DecodeError::*;
    let chunked =
        |rest: &str| format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{rest}");
    let long = "x".repeat(20_000);
    let cases = [
        ("".to_owned(), NoResponse),
        ("HTTP/1.1 200 O".to_owned(), HeadCut),
        ("HTTP/1.1 100 Continue\r\n\r\n".to_owned(), HeadCut),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nfour".to_owned(),
            BodyCut(4),
        ),
        ("hello".to_owned(), Head(httparse::Error::Version)),
        (
            "HTTP/2.0 200 OK\r\n\r\n".to_owned(),
            Head(httparse::Error::Version),
        ),
        (
            "HTTP/1.1 2x0 OK\r\n\r\n".to_owned(),
            Head(httparse::Error::Status),
        ),
        ("HTTP/1.1 099 Low\r\n\r\n".to_owned(), Status(99)),
        (
            "HTTP/1.1 200 OK\r\na b: c\r\n\r\n".to_owned(),
            Head(httparse::Error::HeaderName),
        ),
        (
            "HTTP/1.1 200 OK\r\na: b\r\n c\r\n\r\n".to_owned(),
            Head(httparse::Error::HeaderName),
        ),
        (
            "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n".to_owned(),
            Switched,
        ),
        (
            "HTTP/1.1 100 C\r\n\r\n".repeat(usize::from(INTERIM) + 1),
            TooManyInterim,
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n".to_owned(),
            Length,
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: +1\r\n\r\n".to_owned(),
            Length,
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 1,\r\n\r\n".to_owned(),
            Length,
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999\r\n\r\n".to_owned(),
            Length,
        ),
        (
            format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", BODY + 1),
            BodyTooLarge,
        ),
        (
            "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_owned(),
            EncodedHttp10,
        ),
        (
            format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(HEADERS + 1)),
            TooManyHeaders,
        ),
        (
            format!("HTTP/1.1 200 OK\r\na: {}\r\n\r\n", "x".repeat(65_536)),
            HeadTooLong,
        ),
        (chunked("xyz\r\n"), ChunkSize),
        (chunked("\r\n"), ChunkSize),
        (chunked("11111111111111111\r\n"), ChunkSize),
        (
            chunked(&format!("{}5\r\nhello", "0".repeat(20_000))),
            BesideTooLong,
        ),
        (chunked("5\nhello"), ChunkSize),
        (chunked("5;a\nb\r\nhello"), ChunkSize),
        (chunked("1\r\nab\r\n"), ChunkEnd),
        (chunked("1\r\na\rb"), ChunkEnd),
        (chunked("0\r\n\rx"), ChunkEnd),
        (chunked("1\r\na"), BodyCut(1)),
        (chunked("1\r\na\r\n0\r\n"), BodyCut(1)),
        (chunked(&format!("1;{long}\r\n")), BesideTooLong),
        (chunked(&format!("0\r\na: {long}\r\n\r\n")), BesideTooLong),
    ];
    for (bytes, expected) in cases {
        let said = get(bytes.as_bytes());
        assert_eq!(error(&said), expected, "{}", bytes.escape_debug());
        // In whatever pieces it comes.
        let apart: Vec<usize> = (0..bytes.len()).step_by(bytes.len() / 50 + 1).collect();
        let apart = error(&self::said(false, bytes.as_bytes(), &apart, true));
        assert_eq!(apart, expected, "in pieces: {}", bytes.escape_debug());
    }
}

#[test]
fn a_head_that_trickles_in_is_not_parsed_for_each_byte() {
    // 60 kB byte by byte: parsed anew each time this would take minutes.
    let head = format!(
        "HTTP/1.1 200 OK\r\na: {}\r\ncontent-length: 0\r\n\r\n",
        "x".repeat(60_000)
    );
    let mut decoder = Decoder::new(Asked::default());
    for end in 1..head.len() {
        assert_eq!(decoder.next(&head.as_bytes()[..end]), Ok((0, Event::More)));
    }
    assert!(decoder.parses() < 30, "{}", decoder.parses());
    assert!(matches!(
        decoder.next(head.as_bytes()),
        Ok((_, Event::Head(_)))
    ));
}

#[test]
fn what_is_compared_with_hyper_can_fail() {
    let here = get(RIGHT[0].0);
    let Heard::Response { body, .. } = hypers(&here) else {
        panic!("hyper heard nothing")
    };
    assert_eq!(body, b"hello");
    let Heard::Error(error) = hypers(&get(b"nonsense\r\n\r\n")) else {
        panic!("hyper took it")
    };
    assert!(error.contains("Parse"), "{error}");
    assert_eq!(
        hypers(&said(false, b"HTTP/1.1 200 OK\r\n", &[], false)),
        Heard::Waiting
    );
}

/// The lines that say how a body is framed, right and wrong ones.
fn framing() -> impl Strategy<Value = &'static str> {
    select(
        &[
            "content-length: 0\r\n",
            "content-length: 5\r\n",
            "Content-Length: 11\r\n",
            "content-length: 5, 5\r\n",
            "content-length: 5\r\ncontent-length: 5\r\n",
            "content-length: 5\r\ncontent-length: 6\r\n",
            "content-length: -1\r\n",
            "content-length:\r\n",
            "transfer-encoding: chunked\r\n",
            "Transfer-Encoding: gzip, chunked\r\n",
            "transfer-encoding: chunked\r\ntransfer-encoding: gzip\r\n",
            "transfer-encoding: chunked, identity\r\n",
            "transfer-encoding:\r\n",
            "transfer-encoding: chunked\r\ncontent-length: 5\r\n",
            "content-length: x\r\ntransfer-encoding: chunked\r\n",
            "",
        ][..],
    )
}

fn other_header() -> impl Strategy<Value = &'static str> {
    select(
        &[
            "connection: close\r\n",
            "Connection: Keep-Alive\r\n",
            "connection: keep-alive, close\r\n",
            "connection: close\r\nconnection: keep-alive\r\n",
            "server: a\r\n",
            "set-cookie: a=b\r\nset-cookie: c=d\r\n",
            "x: \u{e9}\t\"\r\n",
            "y:\r\n",
            "date: a\n",
            "\u{1}: a\r\n",
            " folded\r\n",
        ][..],
    )
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        Just(b"hello".to_vec()),
        Just(b"hello world".to_vec()),
        prop::collection::vec(any::<u8>(), 0..40),
        (
            prop::collection::vec((1usize..300, select(&["", ";a", " ; b=c", "\t"][..])), 0..4),
            select(&["", "x: y\r\n", "bad\r\n"][..])
        )
            .prop_map(|(chunks, trailers)| {
                let mut body = Vec::new();
                for (length, extension) in chunks {
                    body.extend_from_slice(format!("{length:x}{extension}\r\n").as_bytes());
                    body.resize(body.len() + length, b'.');
                    body.extend_from_slice(b"\r\n");
                }
                body.extend_from_slice(format!("0\r\n{trailers}\r\n").as_bytes());
                body
            }),
    ]
}

fn response() -> impl Strategy<Value = Vec<u8>> {
    let start = select(
        &[
            "HTTP/1.1 ",
            "HTTP/1.1 ",
            "HTTP/1.1 ",
            "HTTP/1.0 ",
            "\r\nHTTP/1.1 ",
        ][..],
    );
    let status = select(
        &[
            "200 OK",
            "200 OK",
            "204 No Content",
            "304 Not Modified",
            "404",
            "599 Ü",
            "999 x",
            "100 Continue",
            "101 Switching",
            "199 x",
            "098 x",
        ][..],
    );
    let interim = select(
        &[
            "",
            "",
            "",
            "HTTP/1.1 100 Continue\r\n\r\n",
            "HTTP/1.1 103 Hints\r\nlink: a\r\n\r\n",
        ][..],
    );
    let others = prop::collection::vec(other_header(), 0..3);
    (
        interim,
        start,
        status,
        framing(),
        others,
        body(),
        any::<bool>(),
    )
        .prop_map(|(interim, start, status, framing, others, body, first)| {
            let others = others.concat();
            let headers = if first {
                [framing, &others]
            } else {
                [&others, framing]
            }
            .concat();
            let mut bytes = format!("{interim}{start}{status}\r\n{headers}\r\n").into_bytes();
            bytes.extend_from_slice(&body);
            bytes
        })
}

/// Bytes changed, left out and put in at places of their own.
fn broken(bytes: Vec<u8>, edits: Vec<(Index, u8, u8)>) -> Vec<u8> {
    let mut bytes = bytes;
    for (at, how, byte) in edits {
        let at = at.index(bytes.len().max(1));
        match how % 4 {
            0 if at < bytes.len() => drop(bytes.remove(at)),
            1 => bytes.truncate(at),
            2 if at < bytes.len() => bytes[at] = byte,
            _ => bytes.insert(at.min(bytes.len()), byte),
        }
    }
    bytes
}

proptest! {
    #[test]
    fn generated_responses_are_heard_as_by_hyper(
        bytes in response(),
        head in prop::bool::weighted(0.1),
        cuts in prop::collection::vec(any::<usize>(), 0..5),
        closes: bool,
    ) {
        compare(&said(head, &bytes, &cuts, closes));
    }

    #[test]
    fn broken_responses_are_heard_as_by_hyper(
        bytes in response(),
        edits in prop::collection::vec((any::<Index>(), any::<u8>(), prop_oneof![select(&b"\r\n\0 :,;0f\xff"[..]), any::<u8>()]), 1..4),
        cuts in prop::collection::vec(any::<usize>(), 0..3),
        closes: bool,
    ) {
        compare(&said(false, &broken(bytes, edits), &cuts, closes));
    }

    #[test]
    fn where_it_is_cut_changes_nothing(bytes in response(), cuts in prop::collection::vec(any::<usize>(), 0..9)) {
        let (whole, pieces) = (ours(&get(&bytes)), ours(&said(false, &bytes, &cuts, true)));
        prop_assert_eq!(whole, pieces);
    }
}
