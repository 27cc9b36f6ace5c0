//! What `http` toxics do to an answer: the proxy's own answers, another body, a body that breaks off, a byte changed.

use httparse::Response;

use crate::dice::Dice;
use crate::toxic::HttpAnswer;

use super::head::Asked;

/// What is done to the body of the answer under way; the last number is the toxic's id.
#[derive(Debug)]
pub(super) enum Edit {
    /// Nothing.
    Pass,
    /// It is swallowed: another has gone out.
    Skip,
    /// So many bytes of it still pass, then the connection is closed.
    Truncate(u64, u64),
    /// One byte changes; where is drawn when the length of the body, or of its first chunk, is known.
    Corrupt(Dice, u64),
    /// The byte so many ahead is mixed with this one.
    Flip(u64, u8, u64),
}

impl Edit {
    /// What passes of `data`, a piece of the body of which `known` bytes are sure to come, this piece included. Says
    /// which toxic has worked on it, and whether the body breaks off behind it.
    pub(super) fn data(&mut self, data: &[u8], known: u64, out: &mut Vec<u8>) -> Done {
        let mut done = Done::default();
        if let Self::Corrupt(dice, id) = self {
            let at = dice.between(0, known.max(1) - 1);
            let mask = u8::try_from(dice.between(1, 255)).unwrap_or(1);
            *self = Self::Flip(at, mask, *id);
        }
        let length = data.len() as u64;
        match self {
            Self::Skip => {}
            Self::Truncate(left, id) if length > *left => {
                // proof: less than the length of a slice.
                out.extend_from_slice(&data[..*left as usize]);
                done = Done {
                    touched: Some(*id),
                    broken: true,
                };
            }
            Self::Truncate(left, _) => {
                *left -= length;
                out.extend_from_slice(data);
            }
            Self::Flip(ahead, mask, id) if *ahead < length => {
                // proof: less than the length of a slice.
                let at = out.len() + *ahead as usize;
                out.extend_from_slice(data);
                out[at] ^= *mask;
                done.touched = Some(*id);
                *self = Self::Pass;
            }
            Self::Flip(ahead, ..) => {
                *ahead -= length;
                out.extend_from_slice(data);
            }
            Self::Pass | Self::Corrupt(..) => out.extend_from_slice(data),
        }
        done
    }

    /// Bytes of the body's coding.
    pub(super) fn coding(&self, bytes: &[u8], out: &mut Vec<u8>) {
        if !matches!(self, Self::Skip) {
            out.extend_from_slice(bytes);
        }
    }
}

/// What came of a piece of a body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Done {
    /// The toxic that has worked on it.
    pub(super) touched: Option<u64>,
    pub(super) broken: bool,
}

/// An answer of the proxy's own, as it goes over the wire.
pub(super) fn own(answer: &HttpAnswer, asked: Asked, close: bool) -> Vec<u8> {
    let status = axum::http::StatusCode::from_u16(answer.status).ok();
    let reason = status.and_then(|status| status.canonical_reason());
    let mut text = format!(
        "HTTP/1.1 {} {}\r\n",
        answer.status,
        reason.unwrap_or("Status")
    );
    if let Some(seconds) = answer.retry_after {
        text.push_str(&format!("retry-after: {seconds}\r\n"));
    }
    if !answer.body.is_empty() {
        let json = serde_json::from_str::<serde::de::IgnoredAny>(&answer.body).is_ok();
        let kind = if json {
            "application/json"
        } else {
            "text/plain; charset=utf-8"
        };
        text.push_str(&format!("content-type: {kind}\r\n"));
    }
    if close {
        text.push_str("connection: close\r\n");
    }
    if !matches!(answer.status, 204 | 304) {
        text.push_str(&format!("content-length: {}\r\n", answer.body.len()));
    }
    text.push_str("\r\n");
    if !asked.head {
        text.push_str(&answer.body);
    }
    text.into_bytes()
}

/// The service's head with another body: what told of the old one is left out.
pub(super) fn replaced(head: &Response<'_, '_>, body: &str) -> Vec<u8> {
    const OF_THE_BODY: [&str; 8] = [
        "content-length",
        "transfer-encoding",
        "content-encoding",
        "content-range",
        "trailer",
        "etag",
        "content-md5",
        "digest",
    ];
    let (version, status) = (head.version.unwrap_or(1), head.code.unwrap_or(200));
    let reason = head.reason.unwrap_or_default();
    let mut text = format!("HTTP/1.{version} {status} {reason}\r\n").into_bytes();
    for header in head.headers.iter() {
        if !OF_THE_BODY
            .iter()
            .any(|name| header.name.eq_ignore_ascii_case(name))
        {
            text.extend_from_slice(header.name.as_bytes());
            text.extend_from_slice(b": ");
            text.extend_from_slice(header.value);
            text.extend_from_slice(b"\r\n");
        }
    }
    text.extend_from_slice(format!("content-length: {}\r\n\r\n{body}", body.len()).as_bytes());
    text
}
