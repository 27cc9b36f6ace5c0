//! A connection that speaks HTTP/2: requests at once on streams of their own, as many as the server allows, flow control
//! kept in both directions. Says of a request that was not answered whether the server can have acted on it. Opens no
//! connection and decides nothing about trying again.

mod message;

use crate::http1::connection::{Answer, Broken, Receiving, Wants};
use crate::http1::decode::{BODY, Head};
use crate::net::stream::Stream;
use crate::wire;
use bytes::Bytes;
use h2::client::{Builder, ResponseFuture, SendRequest};
use h2::{Reason, RecvStream, SendStream};
use harness_core::http::{Failure, FailureKind, Request};
use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::rc::Rc;
use tokio::task::AbortHandle;

/// Bytes of one response that may be on their way unread. Reading is as fast as the worker, so this bounds what a fast
/// server can make it hold.
const STREAM_WINDOW: u32 = 1 << 20;
/// The same for all responses of a connection.
const CONNECTION_WINDOW: u32 = 8 << 20;
/// Bytes that the headers of a response may have, unpacked.
const HEADERS: u32 = 64 << 10;

/// An open connection; closed when dropped.
#[derive(Debug)]
pub(crate) struct Connection {
    send: SendRequest<Bytes>,
    driver: AbortHandle,
    /// The driver has ended: nothing can be sent or read.
    ended: Rc<Cell<bool>>,
    /// The server takes no further requests here.
    draining: Cell<bool>,
    /// An answer has come, so the server's settings have too.
    settled: Cell<bool>,
    secure: bool,
    port: Option<u16>,
}

/// Why a request has no answer.
#[derive(Debug)]
pub(crate) struct Unanswered {
    pub(crate) failure: Failure,
    /// The server has surely not acted on it: it may be sent again, whatever it asks for.
    pub(crate) unprocessed: bool,
    /// Nothing of an answer has come.
    pub(crate) unanswered: bool,
}

impl From<Failure> for Unanswered {
    fn from(failure: Failure) -> Self {
        Self {
            failure,
            unprocessed: false,
            unanswered: false,
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Connection {
    /// Begins HTTP/2 on a stream.
    pub(crate) async fn open(stream: Stream, secure: bool) -> Result<Self, Failure> {
        let port = stream.port();
        let mut builder = Builder::new();
        builder
            .enable_push(false)
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_header_list_size(HEADERS)
            // Until the server has said how many it allows, one request goes out and the others wait in the library:
            // a server that allows one must not have to refuse.
            .initial_max_send_streams(1);
        let (send, connection) = builder
            .handshake(stream)
            .await
            .map_err(|error| unanswered(&error).failure)?;
        let ended = Rc::new(Cell::new(false));
        let end = Rc::clone(&ended);
        let driver = tokio::task::spawn_local(async move {
            // What goes wrong here is told to whoever waits for a response.
            let _ = connection.await;
            end.set(true);
        });
        Ok(Self {
            send,
            driver: driver.abort_handle(),
            ended,
            draining: Cell::new(false),
            settled: Cell::new(false),
            secure,
            port,
        })
    }

    /// The port it comes from.
    pub(crate) const fn port(&self) -> Option<u16> {
        self.port
    }

    /// Whether it takes another request.
    pub(crate) fn usable(&self) -> bool {
        !self.ended.get() && !self.draining.get()
    }

    /// Requests at once: what the plan wants, or fewer if the server allows fewer; at least one.
    pub(crate) fn streams(&self, wanted: usize) -> usize {
        let allowed = if self.settled.get() {
            self.send.current_max_send_streams()
        } else {
            wanted
        };
        wanted.min(allowed).max(1)
    }

    /// Sends a request and reads its answer to the end; `head` is called when the answer's head is there.
    pub(crate) async fn exchange(
        &self,
        request: &Request,
        authority: &str,
        path: &str,
        wants: Wants,
        head: impl FnOnce(),
    ) -> Result<Answer, Unanswered> {
        let message = message::request(request, self.secure, authority, path)?;
        let mut send = self.send.clone();
        let unsent = |error: h2::Error| {
            self.draining.set(true);
            Unanswered {
                unprocessed: true,
                ..unanswered(&error)
            }
        };
        poll_fn(|context| send.poll_ready(context))
            .await
            .map_err(unsent)?;
        let (answer, body) = send
            .send_request(message, request.body.is_empty())
            .map_err(unsent)?;
        let mut sent = request.body.is_empty();
        let mut sending = pin!(send_body(body, request.body.clone()));
        let mut answer = pin!(self.answer(answer, wants, head));
        loop {
            tokio::select! {
                biased;
                done = &mut answer => return done,
                // A server may answer without reading all; what fails here fails the answer too, if there is none.
                () = &mut sending, if !sent => sent = true,
            }
        }
    }

    async fn answer(
        &self,
        answer: ResponseFuture,
        wants: Wants,
        head: impl FnOnce(),
    ) -> Result<Answer, Unanswered> {
        let failed = |error: h2::Error| {
            let why = unanswered(&error);
            if error.is_go_away() || error.is_io() {
                self.draining.set(true);
            }
            why
        };
        let answer = answer.await.map_err(failed)?;
        self.settled.set(true);
        head();
        let (parts, mut incoming) = answer.into_parts();
        let mut receiving = Receiving::new(wants);
        let headers = if wants.headers {
            message::headers(&parts.headers)
        } else {
            Vec::new()
        };
        let status = parts.status.as_u16();
        receiving.begin(Head { status, headers }, 0);
        // From here on the server has acted, whatever becomes of the rest.
        let acted = |error: h2::Error| Unanswered {
            unprocessed: false,
            unanswered: false,
            ..failed(error)
        };
        read(&mut incoming, &mut receiving, acted).await?;
        receiving
            .finish(self.usable())
            .map_err(|Broken { failure, .. }| failure.into())
    }
}

/// Reads a body to its end, telling the server at once that there is room for more.
async fn read(
    incoming: &mut RecvStream,
    receiving: &mut Receiving,
    failed: impl Fn(h2::Error) -> Unanswered,
) -> Result<(), Unanswered> {
    let mut length = 0u64;
    while let Some(data) = incoming.data().await {
        let data = data.map_err(&failed)?;
        let room = incoming.flow_control().release_capacity(data.len());
        room.map_err(&failed)?;
        length += data.len() as u64;
        if length > BODY {
            let words = format!("body too large: more than {BODY} bytes");
            return Err(wire::failure(FailureKind::Protocol, words).into());
        }
        receiving.add(&data);
    }
    if !incoming.is_end_stream() {
        incoming.trailers().await.map_err(&failed)?;
    }
    Ok(())
}

/// Sends a body as fast as the server gives room for it.
async fn send_body(mut stream: SendStream<Bytes>, mut body: Bytes) {
    while !body.is_empty() {
        stream.reserve_capacity(body.len());
        let Some(Ok(room)) = poll_fn(|context| stream.poll_capacity(context)).await else {
            return;
        };
        let part = body.split_to(room.min(body.len()));
        if stream.send_data(part, body.is_empty()).is_err() {
            return;
        }
    }
}

/// What an error of HTTP/2 means.
fn unanswered(error: &h2::Error) -> Unanswered {
    let reason = error.reason();
    let refused = error.is_reset() && error.is_remote() && reason == Some(Reason::REFUSED_STREAM);
    // The library tells a stream of the server's farewell only if the server says that it did not begin with it.
    let left = error.is_go_away() && error.is_remote();
    let why = reason.map_or_else(String::new, |reason| format!(": {}", reason.description()));
    let failure = if let Some(io) = error.get_io() {
        of_io(io)
    } else if refused {
        wire::failure(FailureKind::Refused, "the server refused the HTTP/2 stream")
    } else if error.is_reset() && error.is_remote() {
        wire::failure(
            FailureKind::Reset,
            format!("the server reset the HTTP/2 stream{why}"),
        )
    } else if left {
        wire::failure(
            FailureKind::Closed,
            format!("the server is closing the HTTP/2 connection (GOAWAY){why}"),
        )
    } else {
        wire::failure(FailureKind::Protocol, format!("HTTP/2: {error}"))
    };
    Unanswered {
        failure,
        unprocessed: refused || left,
        unanswered: true,
    }
}

fn of_io(error: &io::Error) -> Failure {
    // The library's own words for a connection that ended.
    if error.kind() == io::ErrorKind::BrokenPipe {
        let words = "the HTTP/2 connection ended before the response did";
        return wire::failure(FailureKind::Closed, words);
    }
    wire::of_io(error)
}
