//! One connection and one exchange at a time on it: a request written, its response read to the end. Generic over the
//! stream, so that TCP, TLS, Unix sockets and a test's pipe are one. Knows no pool, no journey and no clock.
//!
//! An exchange is given up by dropping its future; the connection is then in the middle of something and must be
//! dropped too. Only what [`Answer::reusable`] says may carry another exchange.

use super::content;
use super::decode::{Asked, DecodeError, Decoder, Event, Head};
use super::request::Written;
use crate::wire;
use bytes::{Buf, Bytes, BytesMut};
use harness_core::http::{Failure, FailureKind, Response};
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

/// Bytes read at once while little comes. With the stream this is what an idle connection holds.
const READ: usize = 4 << 10;

/// Bytes read at once while much comes.
const READ_MOST: usize = 64 << 10;

/// What of a response anybody wants. All of it is always read and counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wants {
    /// The headers.
    pub(crate) headers: bool,
    /// Bytes of the body that are kept.
    pub(crate) body: usize,
    /// Whether a content coding is taken off the body.
    pub(crate) unpacked: bool,
}

impl Wants {
    /// Bytes of a body that are kept as evidence.
    const EVIDENCE_BYTES: usize = 4 << 10;

    /// The status alone; of a status from 400 up, the evidence. No step asks for so little yet.
    #[cfg(test)]
    pub(crate) const STATUS: Self = Self {
        headers: false,
        body: 0,
        unpacked: false,
    };

    /// What can be shown of an exchange: headers, and how the body begins.
    pub(crate) const EVIDENCE: Self = Self {
        headers: true,
        body: Self::EVIDENCE_BYTES,
        unpacked: false,
    };

    /// All that an expectation or a capture can ask for: headers, and the body without its coding.
    pub(crate) const WHOLE: Self = Self {
        headers: true,
        body: 1 << 20,
        unpacked: true,
    };

    /// Bytes of the body kept for a status.
    const fn kept(self, status: u16) -> usize {
        if status >= 400 && self.body < Self::EVIDENCE_BYTES {
            Self::EVIDENCE_BYTES
        } else {
            self.body
        }
    }
}

/// A connection.
#[derive(Debug)]
pub(crate) struct Connection<S> {
    stream: S,
    /// Read and not yet taken; empty between exchanges.
    unread: BytesMut,
    /// Where it comes from.
    port: Option<u16>,
}

/// A response read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The response, with as much of it as was wanted.
    pub(crate) response: Response,
    /// Bytes of the body as they came over the wire, without their framing.
    pub(crate) received: u64,
    /// Whether the connection can carry another exchange.
    pub(crate) reusable: bool,
}

/// An exchange that came to nothing. The connection is of no more use.
#[derive(Debug)]
pub(crate) struct Broken {
    /// Why.
    pub(crate) failure: Failure,
    /// Whether any byte of the request was written.
    pub(crate) written: bool,
    /// Whether any byte came back.
    pub(crate) answered: bool,
}

/// The request on its way out.
struct Sending<'m> {
    parts: [&'m [u8]; 3],
    written: usize,
    state: SendState,
}

enum SendState {
    Writing,
    Flushing,
    Done,
    Failed(io::Error),
}

/// The response on its way in, by whichever protocol.
#[derive(Debug)]
pub(crate) struct Receiving {
    wants: Wants,
    head: Head,
    body: Vec<u8>,
    keep: usize,
    received: u64,
    /// Bytes read at once.
    at_once: usize,
    answered: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// A connection on an open stream.
    pub(crate) fn new(stream: S) -> Self {
        Self {
            stream,
            unread: BytesMut::new(),
            port: None,
        }
    }

    /// The same, known to come from a port.
    pub(crate) fn on_port(self, port: Option<u16>) -> Self {
        Self { port, ..self }
    }

    /// The port it comes from, if that is known.
    pub(crate) const fn port(&self) -> Option<u16> {
        self.port
    }

    /// Whether the connection, idle, is as it was left: neither closed nor with bytes that nobody asked for. Costs no
    /// system call unless something has happened.
    pub(crate) fn is_open(&mut self) -> bool {
        let mut byte = [0];
        let mut context = Context::from_waker(Waker::noop());
        self.unread.is_empty()
            && Pin::new(&mut self.stream)
                .poll_read(&mut context, &mut ReadBuf::new(&mut byte))
                .is_pending()
    }

    /// Bytes of memory held for reading.
    #[cfg(test)]
    pub(crate) fn held(&self) -> usize {
        self.unread.capacity()
    }

    /// Sends a request and reads its response to the end. `on_head` is called once, when the head has come.
    pub(crate) async fn exchange(
        &mut self,
        request: &Written,
        wants: Wants,
        on_head: impl FnOnce(),
    ) -> Result<Answer, Broken> {
        let mut sending = Sending::new(request);
        let mut receiving = Receiving::new(wants);
        let read = self.read(request, &mut sending, &mut receiving, on_head);
        match read.await {
            Ok(reusable) => {
                let sent = matches!(sending.state, SendState::Done);
                let reusable = reusable && sent && self.unread.is_empty();
                self.unread.clear();
                if self.unread.capacity() > READ {
                    self.unread = BytesMut::new();
                }
                receiving.finish(reusable)
            }
            Err(failure) => Err(receiving.broken(failure, &sending)),
        }
    }

    /// Reads until the response ends; says whether the connection may stay.
    async fn read(
        &mut self,
        request: &Written,
        sending: &mut Sending<'_>,
        receiving: &mut Receiving,
        on_head: impl FnOnce(),
    ) -> Result<bool, Failure> {
        let mut on_head = Some(on_head);
        let mut decoder = Decoder::new(Asked {
            head: request.is_head,
            close: request.closes,
            headers: receiving.wants.headers,
        });
        loop {
            // Nothing has come yet the first time.
            while !self.unread.is_empty() || receiving.answered {
                let (used, event) = decoder
                    .next(&self.unread)
                    .map_err(|error| undecodable(&error))?;
                let more = matches!(event, Event::More);
                match event {
                    Event::More => {}
                    Event::Head(head) => {
                        receiving.begin(head, decoder.to_come());
                        if let Some(on_head) = on_head.take() {
                            on_head();
                        }
                    }
                    Event::Body(piece) => receiving.add(piece),
                    Event::End { reusable } => {
                        self.unread.advance(used);
                        return Ok(reusable);
                    }
                }
                self.unread.advance(used);
                if more {
                    break;
                }
            }
            if self.fill(sending, receiving).await? == 0 {
                let closed = decoder.closed(self.unread.len());
                return match (closed, std::mem::take(&mut sending.state)) {
                    (Ok(_), _) => Ok(false),
                    // The cause, where the closed connection is the effect.
                    (Err(_), SendState::Failed(error)) => Err(wire::of_io(&error)),
                    (Err(error), _) => Err(undecodable(&error)),
                };
            }
            receiving.answered = true;
        }
    }

    /// Reads some bytes, at least one unless the connection has ended, and writes meanwhile what of the request is left:
    /// a server may answer before it has read all, and then read no more.
    async fn fill(
        &mut self,
        sending: &mut Sending<'_>,
        receiving: &mut Receiving,
    ) -> Result<usize, Failure> {
        let Self { stream, unread, .. } = self;
        unread.reserve(receiving.at_once);
        let read = poll_fn(|context| {
            sending.poll(Pin::new(&mut *stream), context);
            if sending.written == 0 {
                // What came before the request can't be its answer.
                return match std::mem::take(&mut sending.state) {
                    SendState::Failed(error) => Poll::Ready(Err(error)),
                    state => {
                        sending.state = state;
                        Poll::Pending
                    }
                };
            }
            pin!(stream.read_buf(unread)).poll(context)
        });
        let count = read.await.map_err(|error| wire::of_io(&error))?;
        if count >= receiving.at_once {
            receiving.at_once = READ_MOST;
        }
        Ok(count)
    }
}

/// What bytes that are no response come to.
pub(crate) fn undecodable(error: &DecodeError) -> Failure {
    let kind = if error.is_cut() {
        FailureKind::Closed
    } else {
        FailureKind::Protocol
    };
    wire::failure(kind, error.to_string())
}

impl<'m> Sending<'m> {
    fn new(request: &'m Written) -> Self {
        Self {
            parts: [&request.head, &request.body, request.tail],
            written: 0,
            state: SendState::Writing,
        }
    }

    /// Writes as much as can be written now. An error waits for what the other side has to say about it.
    fn poll<S: AsyncWrite>(&mut self, mut stream: Pin<&mut S>, context: &mut Context<'_>) {
        while matches!(self.state, SendState::Writing) {
            let [head, body, tail] = self.parts;
            let wrote = if body.is_empty() && tail.is_empty() {
                stream.as_mut().poll_write(context, head)
            } else {
                let slices = [head, body, tail].map(IoSlice::new);
                stream.as_mut().poll_write_vectored(context, &slices)
            };
            match wrote {
                Poll::Pending => return,
                Poll::Ready(Ok(0)) => {
                    self.state = SendState::Failed(io::ErrorKind::WriteZero.into());
                }
                Poll::Ready(Ok(count)) => self.advance(count),
                Poll::Ready(Err(error)) => self.state = SendState::Failed(error),
            }
        }
        if matches!(self.state, SendState::Flushing) {
            match stream.poll_flush(context) {
                Poll::Pending => {}
                Poll::Ready(Ok(())) => self.state = SendState::Done,
                Poll::Ready(Err(error)) => self.state = SendState::Failed(error),
            }
        }
    }

    fn advance(&mut self, mut count: usize) {
        self.written += count;
        for part in &mut self.parts {
            let taken = part.len().min(count);
            *part = &part[taken..];
            count -= taken;
        }
        if self.parts.iter().all(|part| part.is_empty()) {
            self.state = SendState::Flushing;
        }
    }
}

impl Default for SendState {
    /// What is left behind where the state was taken: nothing more is written.
    fn default() -> Self {
        Self::Done
    }
}

impl Receiving {
    pub(crate) fn new(wants: Wants) -> Self {
        Self {
            wants,
            head: Head::default(),
            body: Vec::new(),
            keep: 0,
            received: 0,
            at_once: READ,
            answered: false,
        }
    }

    pub(crate) fn begin(&mut self, head: Head, to_come: u64) {
        self.keep = self.wants.kept(head.status);
        self.head = head;
        if to_come > READ as u64 {
            self.at_once = READ_MOST;
        }
        let expected = usize::try_from(to_come).unwrap_or(usize::MAX);
        self.body.reserve_exact(expected.min(self.keep));
    }

    pub(crate) fn add(&mut self, piece: &[u8]) {
        self.received += piece.len() as u64;
        let room = self.keep.saturating_sub(self.body.len()).min(piece.len());
        self.body.extend_from_slice(&piece[..room]);
    }

    pub(crate) fn finish(self, reusable: bool) -> Result<Answer, Broken> {
        let received = self.received;
        let unpacked = self.unpacked();
        let (body, body_len) = match unpacked {
            Ok(Some(body)) => {
                let length = body.len() as u64;
                (body, length)
            }
            Ok(None) => (self.body, received),
            Err(failure) => {
                return Err(Broken {
                    failure,
                    written: true,
                    answered: true,
                });
            }
        };
        Ok(Answer {
            response: Response {
                status: self.head.status,
                headers: self.head.headers,
                body: Bytes::from(body),
                body_len,
            },
            received,
            reusable,
        })
    }

    /// The body without its content coding, if it has one, is there in full and somebody wants to read it.
    fn unpacked(&self) -> Result<Option<Vec<u8>>, Failure> {
        let whole = self.received == self.body.len() as u64;
        if !self.wants.unpacked || !whole || self.body.is_empty() {
            return Ok(None);
        }
        let mut codings = self
            .head
            .headers
            .iter()
            .filter(|(name, _)| name == "content-encoding");
        match (codings.next(), codings.next()) {
            (Some((_, coding)), None) => content::unpack(coding, &self.body, self.keep)
                .map_err(|error| wire::failure(FailureKind::Protocol, error.to_string())),
            _ => Ok(None),
        }
    }

    fn broken(self, failure: Failure, sending: &Sending<'_>) -> Broken {
        Broken {
            failure,
            written: sending.written > 0,
            answered: self.answered,
        }
    }
}
