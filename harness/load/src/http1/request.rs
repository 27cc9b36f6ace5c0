//! Requests written as HTTP/1.1: a core request into a buffer of bytes, with what a message must have and nothing that
//! could be read as two. Sends nothing.

use crate::wire::Address;
use bytes::Bytes;
use harness_core::http::{Method, Request};

/// A body up to this length goes out in one piece with its head: copying it costs less than a second buffer.
const JOINED: usize = 8 << 10;

/// What ends a body sent in chunks: the data's end and the last chunk.
const LAST_CHUNK: &[u8] = b"\r\n0\r\n\r\n";

/// A request as it goes over the wire; may be sent any number of times.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Written {
    /// The head, with the body behind it if that is small.
    pub(crate) head: Vec<u8>,
    /// A body too large to be joined to the head, else empty.
    pub(crate) body: Bytes,
    /// What follows the body.
    pub(crate) tail: &'static [u8],
    /// The method was HEAD: the response will have no body.
    pub(crate) is_head: bool,
    /// It says `connection: close`.
    pub(crate) closes: bool,
}

/// Why a request can't be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the request can't be written: {0}")]
pub(crate) enum Unwritable {
    /// A control character in path or query.
    #[error("its path has a control character, {0:?}")]
    Path(char),
    /// A host that is no header value.
    #[error("its host is not one: {0:?}")]
    Host(String),
    /// A header name that is no token.
    #[error("header name {0:?}")]
    Name(String),
    /// A control character in a header's value.
    #[error("the value of header {0}")]
    Value(String),
    /// More than one host, of which different readers would take different ones.
    #[error("it has more than one host header")]
    Hosts,
    /// A length that is not the body's.
    #[error("its content-length is {said:?}, its body has {has} bytes")]
    Length {
        /// The header's value.
        said: String,
        /// The body's length.
        has: usize,
    },
    /// A transfer coding that isn't ours to apply.
    #[error("its transfer-encoding is {0:?}; only chunked can be sent")]
    Encoding(String),
    /// Two framings, of which different readers would take different ones.
    #[error("it has a content-length and a transfer-encoding")]
    TwoFramings,
}

/// What the request's own headers say that matters for writing it.
#[derive(Debug, Default)]
struct Said {
    host: bool,
    length: bool,
    chunked: bool,
    close: bool,
}

/// Writes a request into `buffer`, which is emptied first. Host and content-length are added where they are missing;
/// all other headers go out as they are, in their order.
pub(crate) fn write(
    mut buffer: Vec<u8>,
    request: &Request,
    address: Address<'_>,
) -> Result<Written, Unwritable> {
    buffer.clear();
    let said = examine(request)?;
    buffer.extend_from_slice(request.method.as_str().as_bytes());
    buffer.push(b' ');
    target(&mut buffer, address.path)?;
    buffer.extend_from_slice(b" HTTP/1.1\r\n");
    if !said.host {
        if !address
            .authority
            .bytes()
            .all(|byte| byte.is_ascii_graphic())
        {
            return Err(Unwritable::Host(address.authority.to_owned()));
        }
        header(&mut buffer, "host", address.authority.as_bytes());
    }
    for (name, value) in &request.headers {
        // Once is enough, and it is written below.
        if !name.eq_ignore_ascii_case("content-length") {
            header(&mut buffer, name, value.as_bytes());
        }
    }
    let length = request.body.len();
    if !said.chunked && (length > 0 || said.length || has_body(request.method)) {
        header(&mut buffer, "content-length", length.to_string().as_bytes());
    }
    buffer.extend_from_slice(b"\r\n");
    let tail: &'static [u8] = match (said.chunked, length) {
        (false, _) => b"",
        (true, 0) => b"0\r\n\r\n",
        (true, _) => {
            buffer.extend_from_slice(format!("{length:x}\r\n").as_bytes());
            LAST_CHUNK
        }
    };
    let mut written = Written {
        head: buffer,
        body: Bytes::new(),
        tail,
        is_head: request.method == Method::Head,
        closes: said.close,
    };
    if length > JOINED {
        written.body = request.body.clone();
    } else {
        written.head.extend_from_slice(&request.body);
        written.head.extend_from_slice(written.tail);
        written.tail = b"";
    }
    Ok(written)
}

/// Refuses headers that can't be sent, and notes those that matter.
fn examine(request: &Request) -> Result<Said, Unwritable> {
    let mut said = Said::default();
    for (name, value) in &request.headers {
        if name.is_empty() || !name.bytes().all(is_token) {
            return Err(Unwritable::Name(name.clone()));
        }
        // A tab is the one control character that a value may have.
        if value
            .bytes()
            .any(|byte| byte.is_ascii_control() && byte != b'\t')
        {
            return Err(Unwritable::Value(name.clone()));
        }
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        if is("host") {
            if std::mem::replace(&mut said.host, true) {
                return Err(Unwritable::Hosts);
            }
        } else if is("content-length") {
            said.length = true;
            let has = request.body.len();
            if value.trim() != has.to_string() {
                let said = value.clone();
                return Err(Unwritable::Length { said, has });
            }
        } else if is("transfer-encoding") {
            if said.chunked || !value.trim().eq_ignore_ascii_case("chunked") {
                return Err(Unwritable::Encoding(value.clone()));
            }
            said.chunked = true;
        } else if is("connection") {
            let close = |option: &str| option.trim().eq_ignore_ascii_case("close");
            said.close |= value.split(',').any(close);
        }
    }
    if said.length && said.chunked {
        return Err(Unwritable::TwoFramings);
    }
    Ok(said)
}

/// Writes path and query. What would end the request line, or isn't ASCII, is percent-encoded as the client of
/// functional runs does it.
fn target(buffer: &mut Vec<u8>, path: &str) -> Result<(), Unwritable> {
    if !path.starts_with('/') {
        buffer.push(b'/');
    }
    // Nearly all are fit to go out as they are.
    if path
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && !is_encoded(byte))
    {
        buffer.extend_from_slice(path.as_bytes());
        return Ok(());
    }
    if let Some(control) = path.chars().find(char::is_ascii_control) {
        return Err(Unwritable::Path(control));
    }
    for byte in path.bytes() {
        if is_encoded(byte) {
            buffer.extend_from_slice(format!("%{byte:02X}").as_bytes());
        } else {
            buffer.push(byte);
        }
    }
    Ok(())
}

const fn is_encoded(byte: u8) -> bool {
    matches!(byte, b' ' | b'"' | b'<' | b'>' | 0x80..)
}

fn header(buffer: &mut Vec<u8>, name: &str, value: &[u8]) {
    buffer.extend_from_slice(name.as_bytes());
    buffer.extend_from_slice(b": ");
    buffer.extend_from_slice(value);
    buffer.extend_from_slice(b"\r\n");
}

/// Methods whose requests say how long their body is even if it is empty (RFC 9110, 8.6).
const fn has_body(method: Method) -> bool {
    matches!(method, Method::Post | Method::Put | Method::Patch)
}

/// RFC 9110, 5.6.2.
const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~'
        )
}
