//! Reads answers. Nearly all answers of a load have the same head as the one before, byte for byte, and a body that
//! came with it; of those nothing is read but whether that is so. All others go through the codec.

use crate::http1::connection::{Answer, Broken, Receiving, Wants, undecodable};
use crate::http1::decode::{Asked, DecodeError, Decoder, Event, Head};

/// What has come.
#[derive(Debug)]
pub(super) enum Read {
    /// A whole answer in one piece that leaves its connection open.
    Simple {
        status: u16,
        /// Bytes of its body.
        body: u64,
    },
    /// A whole answer.
    Whole(Box<Answer>),
    /// No answer.
    Broken(Box<Broken>),
    /// A part of one.
    More,
}

/// The head of the last answer that came in one piece with a body of known length, and what the codec made of it. What
/// the codec makes of bytes depends on nothing else, so it needs not be asked of equal ones again.
#[derive(Debug, Default)]
pub(super) struct Heads {
    head: Vec<u8>,
    status: u16,
    body: usize,
    asked: Asked,
}

/// An answer that came in several pieces, so far.
#[derive(Debug)]
pub(super) struct Partial {
    decoder: Decoder,
    has_head: bool,
    /// Come and not yet taken.
    untaken: Vec<u8>,
    receiving: Receiving,
}

impl Heads {
    /// Reads what has come, on top of what had come before; no bytes are the end of the connection.
    pub(super) fn read(
        &mut self,
        bytes: &[u8],
        asked: Asked,
        partial: &mut Option<Box<Partial>>,
        wants: impl FnOnce() -> Wants,
    ) -> Read {
        if partial.is_none() && (self.is_like_the_last(bytes, asked) || self.learn(bytes, asked)) {
            return Read::Simple {
                status: self.status,
                body: self.body as u64,
            };
        }
        let answer = partial.get_or_insert_with(|| Box::new(Partial::new(asked, wants())));
        match answer.read(bytes) {
            Ok(None) => Read::More,
            Ok(Some(reusable)) => match partial.take() {
                Some(answer) => finished(answer.receiving.finish(reusable)),
                None => Read::More,
            },
            Err(error) => Read::Broken(Box::new(broken(&error))),
        }
    }

    /// All of an answer that was simple.
    pub(super) fn whole(bytes: &[u8], asked: Asked, wants: Wants) -> Read {
        let mut answer = Partial::new(asked, wants);
        match answer.read(bytes) {
            Ok(reusable) => finished(answer.receiving.finish(reusable.unwrap_or(false))),
            Err(error) => Read::Broken(Box::new(broken(&error))),
        }
    }

    fn is_like_the_last(&self, bytes: &[u8], asked: Asked) -> bool {
        !self.head.is_empty()
            && bytes.len() == self.head.len() + self.body
            && bytes.starts_with(&self.head)
            && asked == self.asked
    }

    /// Takes note of an answer if it is simple.
    fn learn(&mut self, bytes: &[u8], asked: Asked) -> bool {
        let Some((status, head, body)) = simple(bytes, asked) else {
            return false;
        };
        self.head.clear();
        self.head.extend_from_slice(head);
        (self.status, self.body, self.asked) = (status, body, asked);
        true
    }
}

fn finished(answer: Result<Answer, Broken>) -> Read {
    match answer {
        Ok(answer) => Read::Whole(Box::new(answer)),
        Err(broken) => Read::Broken(Box::new(broken)),
    }
}

fn broken(error: &DecodeError) -> Broken {
    Broken {
        failure: undecodable(error),
        written: true,
        answered: *error != DecodeError::NoResponse,
    }
}

/// Status, head and length of the body of an answer that is all there is, has a length and leaves its connection open.
fn simple(bytes: &[u8], asked: Asked) -> Option<(u16, &[u8], usize)> {
    let mut decoder = Decoder::new(Asked {
        headers: false,
        ..asked
    });
    let Ok((head, Event::Head(Head { status, .. }))) = decoder.next(bytes) else {
        return None;
    };
    let body = usize::try_from(decoder.to_come()).ok()?;
    let mut at = head;
    loop {
        match decoder.next(&bytes[at..]).ok()? {
            (used, Event::Body(_)) => at += used,
            (used, Event::End { reusable: true }) => {
                let all = at + used == bytes.len() && head + body == bytes.len();
                return all.then_some((status, &bytes[..head], body));
            }
            _ => return None,
        }
    }
}

impl Partial {
    fn new(asked: Asked, wants: Wants) -> Self {
        Self {
            decoder: Decoder::new(asked),
            has_head: false,
            untaken: Vec::new(),
            receiving: Receiving::new(wants),
        }
    }

    /// Whether its head has come.
    pub(super) const fn has_head(&self) -> bool {
        self.has_head
    }

    /// Takes more; says at the end whether the connection can carry another exchange.
    fn read(&mut self, bytes: &[u8]) -> Result<Option<bool>, DecodeError> {
        if bytes.is_empty() {
            return self.decoder.closed(self.untaken.len()).map(|_| Some(false));
        }
        let mut joined = std::mem::take(&mut self.untaken);
        let mut rest = bytes;
        if !joined.is_empty() {
            joined.extend_from_slice(bytes);
            rest = &joined;
        }
        loop {
            let (used, event) = self.decoder.next(rest)?;
            rest = &rest[used..];
            match event {
                Event::More => {
                    self.untaken = rest.to_vec();
                    return Ok(None);
                }
                Event::Head(head) => {
                    self.has_head = true;
                    self.receiving.begin(head, self.decoder.to_come());
                }
                Event::Body(piece) => self.receiving.add(piece),
                // What is left belongs to no request.
                Event::End { reusable } => return Ok(Some(reusable && rest.is_empty())),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use harness_core::http::Failure;
    use proptest::prelude::*;

    const ASKED: Asked = Asked {
        head: false,
        close: false,
        headers: true,
    };

    fn answer() -> impl Strategy<Value = Vec<u8>> {
        let head = prop::sample::select(vec![
            "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n",
            "HTTP/1.1 503 No\r\nContent-Length: 5\r\nx: y\r\n\r\n",
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n",
            "HTTP/1.1 204 None\r\n\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 5\r\n\r\n",
            "HTTP/1.0 200 OK\r\ncontent-length: 5\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n",
            "HTTP/1.1 2000 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\n\r\n",
        ]);
        let body = prop::sample::select(vec!["", "abc", "abcde", "abcdeHTTP/1.1 200 OK\r\n"]);
        (head, body).prop_map(|(head, body)| [head, body].concat().into_bytes())
    }

    /// What the codec alone says: status, bytes of the body, whether the connection stays.
    fn told(read: Read) -> Option<Result<(u16, u64, bool), Failure>> {
        match read {
            Read::Simple { status, body } => Some(Ok((status, body, true))),
            Read::Whole(answer) => Some(Ok((
                answer.response.status,
                answer.received,
                answer.reusable,
            ))),
            Read::Broken(broken) => Some(Err(broken.failure)),
            Read::More => None,
        }
    }

    proptest! {
        #[test]
        fn what_is_remembered_changes_no_answer(answers in prop::collection::vec((answer(), 1usize..40), 1..20)) {
            let mut heads = Heads::default();
            for (bytes, cut) in answers {
                let whole = told(heads.read(&bytes, ASKED, &mut None, || Wants::WHOLE));
                let again = told(heads.read(&bytes, ASKED, &mut None, || Wants::WHOLE));
                let fresh = told(Heads::default().read(&bytes, ASKED, &mut None, || Wants::WHOLE));
                prop_assert_eq!(&whole, &again);
                prop_assert_eq!(&whole, &fresh);
                // In two pieces it says the same.
                let (mut partial, cut) = (None, cut.min(bytes.len()));
                let first = told(heads.read(&bytes[..cut], ASKED, &mut partial, || Wants::WHOLE));
                let pieces = match first {
                    None if cut < bytes.len() => told(heads.read(&bytes[cut..], ASKED, &mut partial, || Wants::WHOLE)),
                    first => first,
                };
                let same = pieces == whole || cut < bytes.len() && matches!((&pieces, &whole), (Some(_), Some(_)));
                prop_assert!(same, "{pieces:?} {whole:?}");
                // And what a simple answer is in full is what the codec makes of it.
                if let Some(Ok((status, length, true))) = whole {
                    let full = told(Heads::whole(&bytes, ASKED, Wants::WHOLE));
                    prop_assert_eq!(full, Some(Ok((status, length, true))));
                }
            }
        }
    }
}
