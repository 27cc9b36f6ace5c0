//! Streams to test with: whole exchanges of every framing, nearly HTTP, and ways to cut them.

use proptest::prelude::*;

/// A message's body as sent, and the header that frames it.
fn body() -> impl Strategy<Value = (String, Vec<u8>)> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..200);
    let coded = |chunks: Vec<Vec<u8>>| {
        let mut coded = Vec::new();
        for chunk in chunks.iter().filter(|chunk| !chunk.is_empty()) {
            coded.extend(format!("{:X}\r\n", chunk.len()).bytes());
            coded.extend_from_slice(chunk);
            coded.extend(b"\r\n");
        }
        coded.extend(b"0\r\nx-sum: 1\r\n\r\n");
        ("transfer-encoding: chunked\r\n".to_owned(), coded)
    };
    prop_oneof![
        Just((String::new(), Vec::new())),
        bytes().prop_map(|body| (format!("Content-Length: {}\r\n", body.len()), body)),
        prop::collection::vec(bytes(), 0..4).prop_map(coded),
    ]
}

/// An exchange as it goes over the wire.
#[derive(Clone, Debug)]
pub(super) struct Exchange {
    pub(super) head: bool,
    pub(super) path: &'static str,
    pub(super) request: Vec<u8>,
    pub(super) answer: Vec<u8>,
    pub(super) status: u16,
}

/// Exchanges of every framing.
pub(super) fn exchange() -> impl Strategy<Value = Exchange> {
    let path = prop_oneof![2 => Just("/x"), 1 => Just("/y")];
    let method = prop_oneof![Just("GET"), Just("HEAD"), Just("POST"), Just("DELETE")];
    let status = prop_oneof![Just(200u16), Just(204), Just(304), Just(404), Just(503)];
    (method, path, body(), body(), status, any::<bool>()).prop_map(
        |(method, path, asks, says, status, early)| {
            let mut request =
                format!("{method} {path} HTTP/1.1\r\nHost: a\r\n{}\r\n", asks.0).into_bytes();
            request.extend(asks.1);
            let bodiless = method == "HEAD" || matches!(status, 204 | 304);
            let framing = match says.0.as_str() {
                "" if !bodiless => "content-length: 0\r\n",
                framing => framing,
            };
            let early = if early {
                "HTTP/1.1 103 Early Hints\r\n\r\n"
            } else {
                ""
            };
            let mut answer =
                format!("{early}HTTP/1.1 {status} Reason\r\n{framing}\r\n").into_bytes();
            if !bodiless {
                answer.extend(says.1);
            }
            Exchange {
                head: method == "HEAD",
                path,
                request,
                answer,
                status,
            }
        },
    )
}

/// A stream cut at some of its bytes.
pub(super) fn pieces<'b>(mut stream: &'b [u8], cuts: &[usize]) -> Vec<&'b [u8]> {
    let mut pieces = Vec::new();
    for cut in cuts {
        let (piece, rest) = stream.split_at((*cut).min(stream.len()));
        pieces.push(piece);
        stream = rest;
    }
    pieces.push(stream);
    pieces
}

pub(super) fn cuts() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(1..60_usize, 0..80)
}

/// Bytes that are nearly HTTP: words of it in any order, with garbage between.
pub(super) fn stream() -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        8 => prop::sample::select(vec![
            "GET ", "/ ", "HTTP/1.1", "HTTP/1.1 200 OK\r\n", "\r\n", "\r\n\r\n", "\n", "content-length: 3\r\n", "abc",
            "transfer-encoding: chunked\r\n", "3\r\nabc\r\n", "0\r\n\r\n", "GET / HTTP/1.1\r\n", "upgrade: x\r\n", "A: b\r\n",
        ]).prop_map(|word| word.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..6),
    ];
    prop::collection::vec(word, 0..30).prop_map(|words| words.concat())
}
