//! Heads of messages: where one ends, and what it says of its body and its connection (RFC 9112, sections 2, 3, 6 and 9).

use std::mem::MaybeUninit;

use httparse::{Error, Header, ParserConfig, Request, Response, Status};

use super::body::Body;

/// Bytes of a head at most, its blank line included.
pub(crate) const LONGEST: usize = 64 << 10;
/// Headers at most.
const HEADERS: usize = 128;

/// The bytes are no HTTP/1.1, or none that two readers would take alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Garbage;

/// Which kind of head is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Request,
    Answer,
}

/// What the front of a stream is, where a head is looked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Seek<'b> {
    /// Nothing yet: all bytes are taken and remembered.
    More,
    /// A whole head, and how many of the bytes given last are of it.
    Head(&'b [u8], usize),
}

/// Finds heads in a stream that comes in pieces. Bytes are remembered only where a head is cut.
#[derive(Debug)]
pub(crate) struct Seeker {
    kind: Kind,
    held: Vec<u8>,
    /// What was held before the last bytes.
    before: usize,
    /// The first line is whole, and one of its kind.
    begun: bool,
}

impl Seeker {
    pub(crate) fn new(kind: Kind) -> Self {
        Self {
            kind,
            held: Vec::new(),
            before: 0,
            begun: false,
        }
    }

    /// Looks for a head that begins at the front of the bytes since the last one. Blank lines before it count to it.
    ///
    /// # Errors
    /// As soon as the bytes can't be the beginning of one, or when it is too long.
    pub(crate) fn next<'b>(&'b mut self, bytes: &'b [u8]) -> Result<Seek<'b>, Garbage> {
        self.before = self.held.len();
        if self.held.is_empty() {
            if let Some(end) = end_of_head(bytes, 0).filter(|end| *end <= LONGEST) {
                return Ok(Seek::Head(&bytes[..end], end));
            }
            self.held.extend_from_slice(bytes);
        } else {
            let before = self.before;
            // Two bytes back: the blank line may lie across two pieces.
            let from = before.saturating_sub(2);
            let most = bytes.len().min(LONGEST);
            self.held.extend_from_slice(&bytes[..most]);
            if let Some(end) = end_of_head(&self.held, from).filter(|end| *end <= LONGEST) {
                self.held.truncate(end);
                return Ok(Seek::Head(&self.held, end - before));
            }
        }
        if self.held.len() >= LONGEST || !self.may_become() {
            return Err(Garbage);
        }
        Ok(Seek::More)
    }

    /// The head has been dealt with.
    pub(crate) fn clear(&mut self) {
        self.held.clear();
        self.begun = false;
        // One long head must not keep its room on a connection that lives for hours.
        self.held.shrink_to(4 << 10);
    }

    /// Forgets the bytes given last, for they are none of a head.
    pub(crate) fn unread(&mut self) {
        self.held.truncate(self.before);
    }

    /// What is remembered of a head that is not whole.
    pub(crate) fn held(&self) -> &[u8] {
        &self.held
    }

    /// Whether what is held may be the beginning of a head: looked at until its first line is whole, for that is where
    /// another protocol gives itself away.
    fn may_become(&mut self) -> bool {
        if self.begun {
            return true;
        }
        let text = trimmed(&self.held);
        let end = text.iter().position(|byte| *byte == b'\n');
        self.begun = end.is_some();
        let text = end.map_or(text, |end| &text[..=end]);
        let mut headers = [httparse::EMPTY_HEADER; 1];
        let parsed = match self.kind {
            Kind::Request => Request::new(&mut headers).parse(text).map(drop),
            Kind::Answer => Response::new(&mut headers).parse(text).map(drop),
        };
        matches!(parsed, Ok(()) | Err(Error::TooManyHeaders))
    }
}

/// Whether bytes begin with the whole first line of a request.
pub(crate) fn begins_request(bytes: &[u8]) -> bool {
    let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else {
        return false;
    };
    let mut headers = [httparse::EMPTY_HEADER; 1];
    let mut request = Request::new(&mut headers);
    request.parse(&bytes[..=end]).is_ok() && request.version == Some(1)
}

/// The bytes without blank lines before them.
fn trimmed(bytes: &[u8]) -> &[u8] {
    let blank = |byte: &&u8| matches!(byte, b'\r' | b'\n');
    &bytes[bytes.iter().take_while(blank).count()..]
}

/// Where the first blank line behind some text ends; `from` is known not to be behind it.
fn end_of_head(bytes: &[u8], from: usize) -> Option<usize> {
    let blank = bytes.len() - trimmed(bytes).len();
    let mut at = from.max(blank);
    while let Some(found) = bytes.get(at..)?.iter().position(|byte| *byte == b'\n') {
        at += found + 1;
        match bytes.get(at..)? {
            [b'\n', ..] => return Some(at + 1),
            [b'\r', b'\n', ..] => return Some(at + 2),
            _ => {}
        }
    }
    None
}

/// What a request asks of the one who reads its answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    /// Its answer has no body, whatever that says.
    pub(crate) head: bool,
    /// It asks for a tunnel: a 2xx opens one.
    pub(crate) connect: bool,
    /// It offers another protocol: 101 takes it up.
    pub(crate) upgrade: bool,
}

impl Asked {
    /// What follows may be no HTTP, as the answer will tell.
    pub(crate) fn may_switch(self) -> bool {
        self.connect || self.upgrade
    }
}

/// What a request's head says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RequestHead {
    pub(crate) body: Body,
    pub(crate) asked: Asked,
    /// The connection ends after the answer.
    pub(crate) close: bool,
    /// It waits for a 100 before it sends its body.
    pub(crate) expects: bool,
}

/// Reads a whole head of a request; `see` gets it as parsed.
pub(crate) fn request<T>(
    head: &[u8],
    see: impl FnOnce(&Request<'_, '_>) -> T,
) -> Result<(RequestHead, T), Garbage> {
    let mut room = [const { MaybeUninit::uninit() }; HEADERS];
    let mut request = Request::new(&mut []);
    if request.parse_with_uninit_headers(head, &mut room) != Ok(Status::Complete(head.len())) {
        return Err(Garbage);
    }
    let says = Says::of(request.headers)?;
    let http11 = request.version == Some(1);
    let body = match (says.coding, says.length) {
        (Some(Coding::Chunked), _) if http11 => Body::chunked(),
        (Some(_), _) => return Err(Garbage),
        (None, length) => Body::Sized(length.unwrap_or(0)),
    };
    let method = request.method.unwrap_or_default();
    let head = RequestHead {
        body,
        asked: Asked {
            head: method == "HEAD",
            connect: method == "CONNECT",
            upgrade: says.upgrade,
        },
        close: says.close || !(http11 || says.keep_alive),
        expects: says.expects && http11,
    };
    Ok((head, see(&request)))
}

/// What an answer's head says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AnswerHead {
    pub(crate) status: u16,
    pub(crate) body: Body,
    /// It has no body because of its status or its request, whatever its headers say.
    pub(crate) bodiless: bool,
}

/// What an answer is to its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Another one follows (1xx).
    Interim,
    /// The one.
    Final,
    /// The one, and what follows it is no HTTP.
    Switch,
}

impl AnswerHead {
    pub(crate) fn is_to(&self, asked: Asked) -> Answer {
        match self.status {
            101 => Answer::Switch,
            100..200 => Answer::Interim,
            200..300 if asked.connect => Answer::Switch,
            _ => Answer::Final,
        }
    }
}

/// Reads a whole head of an answer; `see` gets it as parsed.
pub(crate) fn answer<T>(
    head: &[u8],
    asked: Asked,
    see: impl FnOnce(&Response<'_, '_>) -> T,
) -> Result<(AnswerHead, T), Garbage> {
    let mut room = [const { MaybeUninit::uninit() }; HEADERS];
    let mut response = Response::new(&mut []);
    let config = ParserConfig::default();
    let parsed = config.parse_response_with_uninit_headers(&mut response, head, &mut room);
    if parsed != Ok(Status::Complete(head.len())) {
        return Err(Garbage);
    }
    let status = response
        .code
        .filter(|status| *status >= 100)
        .ok_or(Garbage)?;
    let none = asked.head || matches!(status, 100..200 | 204 | 304);
    let body = if none {
        Body::NONE
    } else {
        let says = Says::of(response.headers)?;
        match (says.coding, says.length) {
            (Some(Coding::Chunked), _) => Body::chunked(),
            (None, Some(length)) => Body::Sized(length),
            (Some(Coding::Other), _) | (None, None) => Body::ToClose,
        }
    };
    let head = AnswerHead {
        status,
        body,
        bodiless: none,
    };
    Ok((head, see(&response)))
}

/// What headers say of the body's framing and of the connection.
#[derive(Debug, Default)]
struct Says {
    length: Option<u64>,
    /// The last transfer coding named.
    coding: Option<Coding>,
    close: bool,
    keep_alive: bool,
    upgrade: bool,
    expects: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    Chunked,
    Other,
}

impl Says {
    fn of(headers: &[Header<'_>]) -> Result<Self, Garbage> {
        let mut says = Self::default();
        for Header { name, value } in headers {
            // By length first: nearly all headers are told apart by it.
            match name.len() {
                6 if name.eq_ignore_ascii_case("expect") => {
                    says.expects |= lists(value, b"100-continue");
                }
                7 if name.eq_ignore_ascii_case("upgrade") => says.upgrade = true,
                10 if name.eq_ignore_ascii_case("connection") => {
                    says.close |= lists(value, b"close");
                    says.keep_alive |= lists(value, b"keep-alive");
                }
                14 if name.eq_ignore_ascii_case("content-length") => {
                    for length in value.split(|byte| *byte == b',') {
                        let length = digits(length.trim_ascii()).ok_or(Garbage)?;
                        if says.length.is_some_and(|before| before != length) {
                            return Err(Garbage);
                        }
                        says.length = Some(length);
                    }
                }
                17 if name.eq_ignore_ascii_case("transfer-encoding") => {
                    let last = value.rsplit(|byte| *byte == b',').next().unwrap_or(value);
                    says.coding = Some(match last.trim_ascii().eq_ignore_ascii_case(b"chunked") {
                        true => Coding::Chunked,
                        false => Coding::Other,
                    });
                }
                _ => {}
            }
        }
        Ok(says)
    }
}

/// Whether a comma-separated list has a word, in any case.
fn lists(value: &[u8], word: &[u8]) -> bool {
    value
        .split(|byte| *byte == b',')
        .any(|item| item.trim_ascii().eq_ignore_ascii_case(word))
}

/// A decimal number without a sign.
fn digits(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0_u64, |number, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}
