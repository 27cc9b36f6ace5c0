//! Responses as they come off a connection: a decoder that is fed bytes and says head, pieces of the body, and the end.
//! It opens nothing, reads nothing and knows no clock. Framing follows RFC 9112, section 6; what it refuses it names.

mod chunked;

use chunked::{Chunked, Step};
use httparse::{Header, ParserConfig, Status};
use std::mem::MaybeUninit;

/// Bytes of a head at most, its blank line included.
pub(crate) const HEAD: usize = 64 << 10;

/// Headers of a response at most.
pub(crate) const HEADERS: usize = 100;

/// Interim responses (1xx) before the real one at most.
pub(crate) const INTERIM: u8 = 16;

/// A body longer than this is given up: nothing a journey asks for is that large, and reading it for ever would hide
/// the target's mistake.
pub(crate) const BODY: u64 = 64 << 20;

/// Room for headers while a head is read; not initialised, so that it costs nothing.
type Room<'b> = [MaybeUninit<Header<'b>>; HEADERS];

/// Decodes one response.
#[derive(Debug)]
pub(crate) struct Decoder {
    asked: Asked,
    state: State,
    /// Interim responses skipped so far.
    interim: u8,
    /// Bytes of the body so far.
    body: u64,
    /// Whether the connection can carry another exchange after this one.
    reusable: bool,
}

/// What of the request decides how its response is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    /// It was HEAD: the response has no body, whatever its headers say.
    pub(crate) head: bool,
    /// It said `connection: close`.
    pub(crate) close: bool,
    /// Whether anybody wants the headers. Those of a status from 400 up are always told, as evidence.
    pub(crate) headers: bool,
}

#[derive(Debug)]
enum State {
    /// Before the end of the head.
    Head(Sought),
    /// So many bytes of the body to come.
    Sized(u64),
    Chunked(Chunked),
    /// The body ends with the connection.
    ToClose,
    Ended,
}

/// How far the end of the head was looked for, so that a head that trickles in is not parsed anew for each byte.
#[derive(Debug, Default)]
struct Sought {
    /// Bytes looked through.
    seen: usize,
    /// Bytes there were when they were last parsed.
    parsed: usize,
    /// Times they were parsed.
    times: u32,
}

/// What the bytes say.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event<'b> {
    /// Nothing before more bytes come.
    More,
    /// The head of the response; interim ones are skipped.
    Head(Head),
    /// A piece of the body, never empty.
    Body(&'b [u8]),
    /// The response is complete.
    End {
        /// Whether the connection can carry another exchange, if nothing is left unread.
        reusable: bool,
    },
}

/// The head of a response.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Head {
    /// Three digits, from 200 up.
    pub(crate) status: u16,
    /// Names lower case, in the order received, values lossily decoded; empty if nobody wants them.
    pub(crate) headers: Vec<(String, String)>,
}

/// Why bytes are no response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DecodeError {
    /// The status line or a header is malformed.
    #[error("the response's head is malformed: {0}")]
    Head(httparse::Error),
    /// The head does not end.
    #[error("the response's head is longer than {HEAD} bytes")]
    HeadTooLong,
    /// More headers than are read.
    #[error("the response has more than {HEADERS} headers")]
    TooManyHeaders,
    /// A status below 100.
    #[error("the status {0} is none")]
    Status(u16),
    /// 101, though no request asks for it.
    #[error("the server switched protocols (status 101), which nobody asked for")]
    Switched,
    /// Interim responses without end.
    #[error("more than {INTERIM} interim responses (status 1xx)")]
    TooManyInterim,
    /// Not a number, or numbers that differ.
    #[error("content-length is not one number")]
    Length,
    /// RFC 9112, 6.1: its framing can't be trusted.
    #[error("an HTTP/1.0 response with a transfer-encoding")]
    EncodedHttp10,
    /// A chunk whose size is none.
    #[error("the size of a chunk is not a hexadecimal number")]
    ChunkSize,
    /// A chunk longer or shorter than it says.
    #[error("a chunk does not end where its size says")]
    ChunkEnd,
    /// Extensions of chunks, or trailers, without end.
    #[error("chunk extensions or trailers of more than {} bytes", chunked::BESIDE)]
    BesideTooLong,
    /// A body without end.
    #[error("body too large: more than {BODY} bytes")]
    BodyTooLarge,
    /// The connection was closed before the first byte.
    #[error("the connection was closed before the response began")]
    NoResponse,
    /// The connection was closed within the head.
    #[error("the connection was closed within the response's head")]
    HeadCut,
    /// The connection was closed within the body.
    #[error("the connection was closed within the response's body, {0} bytes into it")]
    BodyCut(u64),
}

impl DecodeError {
    /// Whether the bytes were right as far as they went, but the connection ended.
    pub(crate) const fn is_cut(self) -> bool {
        matches!(self, Self::NoResponse | Self::HeadCut | Self::BodyCut(_))
    }
}

impl Decoder {
    /// A decoder of the response to a request.
    pub(crate) fn new(asked: Asked) -> Self {
        Self {
            asked,
            state: State::Head(Sought::default()),
            interim: 0,
            body: 0,
            reusable: !asked.close,
        }
    }

    /// Reads the next event off the front of `bytes`, and says how many of them it took. The rest must come again, with
    /// more behind it after [`Event::More`].
    pub(crate) fn next<'b>(&mut self, bytes: &'b [u8]) -> Result<(usize, Event<'b>), DecodeError> {
        match &mut self.state {
            State::Head(_) => self.head(bytes),
            State::Sized(0) => self.end(0),
            State::Sized(_) | State::ToClose if bytes.is_empty() => Ok((0, Event::More)),
            State::Sized(left) => {
                let piece = take(bytes, *left);
                *left -= piece.len() as u64;
                self.piece(piece.len(), piece)
            }
            State::ToClose => self.piece(bytes.len(), bytes),
            State::Chunked(chunked) => match chunked.next(bytes)? {
                (used, Step::More) => Ok((used, Event::More)),
                (used, Step::Data(piece)) => self.piece(used, piece),
                (used, Step::End) => self.end(used),
            },
            State::Ended => self.end(0),
        }
    }

    /// What the end of the connection means here, with `left` bytes not taken.
    pub(crate) fn closed(&mut self, left: usize) -> Result<Event<'static>, DecodeError> {
        match self.state {
            State::Head(_) if left == 0 && self.interim == 0 => Err(DecodeError::NoResponse),
            State::Head(_) => Err(DecodeError::HeadCut),
            State::ToClose | State::Ended | State::Sized(0) => {
                self.state = State::Ended;
                Ok(Event::End { reusable: false })
            }
            State::Sized(_) | State::Chunked(_) => Err(DecodeError::BodyCut(self.body)),
        }
    }

    /// Bytes of the body that are known to come, if a length was given.
    pub(crate) const fn to_come(&self) -> u64 {
        match &self.state {
            State::Sized(left) => *left,
            State::Chunked(chunked) => chunked.to_come(),
            _ => 0,
        }
    }

    /// Times the head was parsed so far.
    #[cfg(test)]
    pub(crate) const fn parses(&self) -> u32 {
        match &self.state {
            State::Head(sought) => sought.times,
            _ => 0,
        }
    }

    fn end<'b>(&mut self, used: usize) -> Result<(usize, Event<'b>), DecodeError> {
        self.state = State::Ended;
        let reusable = self.reusable;
        Ok((used, Event::End { reusable }))
    }

    fn piece<'b>(
        &mut self,
        used: usize,
        piece: &'b [u8],
    ) -> Result<(usize, Event<'b>), DecodeError> {
        self.body += piece.len() as u64;
        if self.body > BODY {
            return Err(DecodeError::BodyTooLarge);
        }
        Ok((used, Event::Body(piece)))
    }

    /// Reads heads until one is not interim.
    fn head<'b>(&mut self, bytes: &'b [u8]) -> Result<(usize, Event<'b>), DecodeError> {
        let mut used = 0;
        loop {
            let State::Head(sought) = &mut self.state else {
                return Ok((used, Event::More));
            };
            let rest = &bytes[used..];
            if !sought.worth_parsing(rest) {
                return if rest.len() > HEAD {
                    Err(DecodeError::HeadTooLong)
                } else {
                    Ok((used, Event::More))
                };
            }
            let mut room: Room<'_> = [const { MaybeUninit::uninit() }; HEADERS];
            let mut response = httparse::Response::new(&mut []);
            let length = match ParserConfig::default().parse_response_with_uninit_headers(
                &mut response,
                rest,
                &mut room,
            ) {
                Ok(Status::Complete(length)) if length <= HEAD => length,
                Ok(Status::Partial) if rest.len() <= HEAD => return Ok((used, Event::More)),
                Ok(_) => return Err(DecodeError::HeadTooLong),
                Err(httparse::Error::TooManyHeaders) => return Err(DecodeError::TooManyHeaders),
                Err(error) => return Err(DecodeError::Head(error)),
            };
            used += length;
            // A complete status line has both.
            let status = response.code.unwrap_or(0);
            match status {
                0..100 => return Err(DecodeError::Status(status)),
                101 => return Err(DecodeError::Switched),
                100..200 if self.interim == INTERIM => return Err(DecodeError::TooManyInterim),
                100..200 => {
                    self.interim += 1;
                    self.state = State::Head(Sought::default());
                }
                _ => {
                    let http11 = response.version == Some(1);
                    let head = self.understand(status, http11, response.headers)?;
                    return Ok((used, Event::Head(head)));
                }
            }
        }
    }

    /// Takes from a complete head how its body is framed and whether the connection stays.
    fn understand(
        &mut self,
        status: u16,
        http11: bool,
        headers: &[Header<'_>],
    ) -> Result<Head, DecodeError> {
        let framing = Framing::of(headers);
        let kept = !framing.close && (http11 || framing.keep_alive);
        self.reusable &= kept && !framing.length_wrong;
        self.state = if self.asked.head || matches!(status, 204 | 304) {
            State::Sized(0)
        } else {
            match (framing.encoding, framing.length) {
                (Some(_), _) if !http11 => return Err(DecodeError::EncodedHttp10),
                (Some(Encoding::Chunked), length) => {
                    // RFC 9112, 6.3: with a length beside it, somebody may have been deceived; the connection goes.
                    self.reusable &= length.is_none();
                    State::Chunked(Chunked::default())
                }
                (None, _) if framing.length_wrong => return Err(DecodeError::Length),
                (None, Some(length)) if length > BODY => return Err(DecodeError::BodyTooLarge),
                (None, Some(length)) => State::Sized(length),
                (Some(Encoding::Other), _) | (None, None) => {
                    self.reusable = false;
                    State::ToClose
                }
            }
        };
        let wanted = self.asked.headers || status >= 400;
        Ok(Head {
            status,
            headers: if wanted { texts(headers) } else { Vec::new() },
        })
    }
}

impl Sought {
    /// Whether parsing `bytes` can tell anything new: the blank line has come, or a first look at what is there, so that
    /// what is no HTTP at all is told at once.
    fn worth_parsing(&mut self, bytes: &[u8]) -> bool {
        // Two bytes back: the blank line may lie across two reads.
        let fresh = &bytes[self.seen.saturating_sub(2).min(bytes.len())..];
        self.seen = bytes.len();
        let ended = fresh.windows(2).any(|pair| pair == b"\n\n")
            || fresh.windows(3).any(|three| three == b"\n\r\n");
        let worth = ended || bytes.len() > 2 * self.parsed;
        if worth {
            self.parsed = bytes.len();
            self.times += 1;
        }
        worth
    }
}

/// What the headers say of the body's framing and of the connection.
#[derive(Debug, Default)]
struct Framing {
    length: Option<u64>,
    /// It is no number, or there are several that differ. Of no harm where a response has no body or a transfer coding.
    length_wrong: bool,
    /// The last transfer coding named.
    encoding: Option<Encoding>,
    close: bool,
    keep_alive: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Chunked,
    Other,
}

impl Framing {
    fn of(headers: &[Header<'_>]) -> Self {
        let mut framing = Self::default();
        for Header { name, value } in headers {
            // By length first: nearly all headers are told apart by it.
            match name.len() {
                10 if name.eq_ignore_ascii_case("connection") => {
                    framing.close |= lists(value, b"close");
                    framing.keep_alive |= is_text(value) && lists(value, b"keep-alive");
                }
                14 if name.eq_ignore_ascii_case("content-length") => {
                    for length in value.split(|byte| *byte == b',') {
                        let length = digits(length.trim_ascii());
                        framing.length_wrong |= length.is_none()
                            || framing.length.is_some_and(|before| Some(before) != length);
                        framing.length = framing.length.or(length);
                    }
                }
                17 if name.eq_ignore_ascii_case("transfer-encoding") => {
                    let last = value.rsplit(|byte| *byte == b',').next().unwrap_or(value);
                    let chunked =
                        is_text(value) && last.trim_ascii().eq_ignore_ascii_case(b"chunked");
                    framing.encoding = Some(if chunked {
                        Encoding::Chunked
                    } else {
                        Encoding::Other
                    });
                }
                _ => {}
            }
        }
        framing
    }
}

/// Whether a comma-separated list has a word, in any case.
fn lists(value: &[u8], word: &[u8]) -> bool {
    value
        .split(|byte| *byte == b',')
        .any(|item| item.trim_ascii().eq_ignore_ascii_case(word))
}

/// Whether a value is of bytes that every reader takes alike. Any others are allowed in a header, but words between them
/// are not to be built on.
fn is_text(value: &[u8]) -> bool {
    value.iter().all(|byte| matches!(byte, b'\t' | b' '..=b'~'))
}

/// A decimal number without a sign.
fn digits(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0u64, |number, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}

fn texts(headers: &[Header<'_>]) -> Vec<(String, String)> {
    let text = |header: &Header<'_>| {
        (
            header.name.to_ascii_lowercase(),
            String::from_utf8_lossy(header.value).into_owned(),
        )
    };
    headers.iter().map(text).collect()
}

/// At most `most` bytes off the front.
fn take(bytes: &[u8], most: u64) -> &[u8] {
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    &bytes[..bytes.len().min(most)]
}
