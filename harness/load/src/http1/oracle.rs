//! What our decoder and hyper's client make of the same bytes, and where they may differ. For the property tests here
//! and the fuzz target in `harness/load/fuzz`, which takes this file as it is.

#![allow(clippy::unwrap_used, reason = "only tests and the fuzz target use it")]

use super::decode::{Asked, DecodeError, Decoder, Event};
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use std::fmt;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

/// How hyper complains of trailers, and of nothing else.
const TRAILERS: [&str; 8] = [
    "Partial header",
    "Invalid header name",
    "Invalid header value",
    "error: HeaderName",
    "error: HeaderValue",
    "error: NewLine",
    "error: Token",
    "error: TooManyHeaders",
];

/// What a server says, and how.
#[derive(Debug, Clone)]
pub(crate) struct Said {
    /// To a HEAD request.
    pub(crate) head: bool,
    /// The bytes, in the pieces in which they are written.
    pub(crate) pieces: Vec<Vec<u8>>,
    /// Whether the connection is closed behind them.
    pub(crate) closes: bool,
}

/// What a client makes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Heard<E> {
    /// A whole response.
    Response {
        /// The status code.
        status: u16,
        /// The headers, names lower case.
        headers: Vec<(String, Vec<u8>)>,
        /// The whole body.
        body: Vec<u8>,
        /// Whether the connection can carry another exchange.
        reusable: bool,
    },
    /// An error.
    Error(E),
    /// It waits for more.
    Waiting,
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for piece in &self.pieces {
            write!(f, "[{}]", piece.escape_ascii())?;
        }
        let (head, closes) = (self.head, self.closes);
        write!(f, ", to HEAD: {head}, closes: {closes}")
    }
}

/// Our decoder, fed as a connection feeds it.
pub(crate) fn ours(said: &Said) -> Heard<DecodeError> {
    let mut decoder = Decoder::new(Asked {
        head: said.head,
        close: false,
        headers: true,
    });
    let (mut unread, mut status, mut headers, mut body) = (Vec::new(), 0, Vec::new(), Vec::new());
    let mut pieces = said.pieces.iter();
    let reusable = loop {
        let event = decoder.next(&unread).map(|(used, event)| {
            let (mut more, mut end) = (false, None);
            match event {
                Event::More => more = true,
                Event::Head(head) => (status, headers) = (head.status, head.headers),
                Event::Body(piece) => body.extend_from_slice(piece),
                Event::End { reusable } => end = Some(reusable && used == unread.len()),
            }
            (used, more, end)
        });
        let (used, more, end) = match event {
            Ok(event) => event,
            Err(error) => return Heard::Error(error),
        };
        unread.drain(..used);
        if let Some(reusable) = end {
            // What comes later is as unasked for as what came already.
            break reusable && pieces.all(Vec::is_empty) && !said.closes;
        }
        if !more {
            continue;
        }
        match (pieces.next(), said.closes) {
            (Some(piece), _) => unread.extend_from_slice(piece),
            (None, false) => return Heard::Waiting,
            (None, true) => match decoder.closed(unread.len()) {
                Ok(_) => break false,
                Err(error) => return Heard::Error(error),
            },
        }
    };
    Heard::Response {
        status,
        headers: headers
            .into_iter()
            .map(|(name, value)| (name, value.into_bytes()))
            .collect(),
        body,
        reusable,
    }
}

/// hyper's client over a pipe in memory.
pub(crate) fn hypers(said: &Said) -> Heard<String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async {
        let (client, server) = tokio::io::duplex(1 << 20);
        let turns = 60 + 4 * said.pieces.len();
        let said = said.clone();
        let method = if said.head { "HEAD" } else { "GET" };
        let server = tokio::task::spawn_local(serve(server, said));
        let (mut sender, driver) = hyper::client::conn::http1::handshake(TokioIo::new(client))
            .await
            .unwrap();
        let driver = tokio::task::spawn_local(driver);
        let request = hyper::Request::builder()
            .method(method)
            .uri("/")
            .header("host", "a")
            .body(Empty::<Bytes>::new())
            .unwrap();
        let exchange = tokio::task::spawn_local(async move {
            let response = sender.send_request(request).await?;
            let (head, body) = response.into_parts();
            let body = body.collect().await?.to_bytes().to_vec();
            Ok::<_, hyper::Error>((head, body, sender))
        });
        // No clock: what has not ended after so many turns waits for more bytes.
        for _ in 0..turns {
            tokio::task::yield_now().await;
        }
        if !exchange.is_finished() {
            return Heard::Waiting;
        }
        let heard = match exchange.await.unwrap() {
            Err(error) => Heard::Error(format!("{error:?}")),
            Ok((head, body, sender)) => Heard::Response {
                status: head.status.as_u16(),
                headers: head
                    .headers
                    .iter()
                    .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
                    .collect(),
                body,
                reusable: sender.is_ready() && !driver.is_finished(),
            },
        };
        server.abort();
        heard
    })
}

async fn serve(mut stream: DuplexStream, said: Said) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
            return;
        }
    }
    for piece in &said.pieces {
        if stream.write_all(piece).await.is_err() {
            return;
        }
        tokio::task::yield_now().await;
    }
    if !said.closes {
        std::future::pending::<()>().await;
    }
}

/// Fails where the two differ and should not. The differences that are meant, each with its reason, are these.
pub(crate) fn compare(said: &Said) {
    let (mut ours, mut hypers) = (ours(said), hypers(said));
    if let (
        Heard::Response {
            headers: a,
            reusable: ours_reusable,
            ..
        },
        Heard::Response {
            headers: b,
            reusable: hypers_reusable,
            ..
        },
    ) = (&mut ours, &mut hypers)
    {
        // hyper's map keeps values of one name together; the order of names is not compared.
        let lossy = |value: &[u8]| String::from_utf8_lossy(value).into_owned().into_bytes();
        b.iter_mut().for_each(|(_, value)| *value = lossy(value));
        a.sort();
        b.sort();
        // Never reused where hyper would not. The other way round a connection is lost, no answer mixed up: hyper reuses
        // it after a response with both a length and a coding (RFC 9112, 6.3 says to close), and may not have looked
        // at bytes behind the response yet.
        assert!(
            !*ours_reusable || *hypers_reusable,
            "reused, but not by hyper: {said}"
        );
        *hypers_reusable = *ours_reusable;
    }
    let meant = match (&ours, &hypers) {
        (Heard::Response { .. }, Heard::Response { .. }) => ours_is(&ours, &hypers),
        (Heard::Waiting, Heard::Waiting) | (Heard::Error(_), Heard::Error(_)) => true,
        // Nobody asked for another protocol: hyper hands the connection on, where we have nobody to take it.
        (Heard::Error(DecodeError::Switched), _) => true,
        // hyper skips any number of interim responses.
        (Heard::Error(DecodeError::TooManyInterim), _) => true,
        // hyper's limits are higher: 400 kB of head, no limit of a body.
        (Heard::Error(DecodeError::HeadTooLong | DecodeError::BodyTooLarge), _) => true,
        // hyper reads trailers, which nobody here wants, and refuses those that are no headers.
        (Heard::Response { .. }, Heard::Error(error)) => {
            TRAILERS.iter().any(|words| error.contains(words))
        }
        // Neither parses a head anew for each byte of it, so either may tell only once it has ended what is wrong with it.
        (Heard::Waiting, Heard::Error(_)) => matches!(self::ours(&ended(said)), Heard::Error(_)),
        (Heard::Error(DecodeError::Head(_)), Heard::Waiting) => {
            matches!(self::hypers(&ended(said)), Heard::Error(_))
        }
        _ => false,
    };
    assert!(meant, "ours: {ours:?}\nhyper: {hypers:?}\nof: {said}");
}

fn ended(said: &Said) -> Said {
    let mut ended = said.clone();
    ended.pieces.push(b"\r\n\r\n".to_vec());
    ended
}

fn ours_is(ours: &Heard<DecodeError>, hypers: &Heard<String>) -> bool {
    match (ours, hypers) {
        (
            Heard::Response {
                status,
                headers,
                body,
                ..
            },
            Heard::Response {
                status: s,
                headers: h,
                body: b,
                ..
            },
        ) => (status, headers, body) == (s, h, b),
        _ => false,
    }
}
