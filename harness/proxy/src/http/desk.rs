//! What stands in the service's place on a connection with `http` toxics: it takes requests in, passes them on or answers
//! them, and passes answers back in the order of their requests. It is told the bytes and the time, holds little, and
//! does no I/O.

mod reading;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::time::Instant;

use super::body::Body;
use super::edit::{self, Edit};
use super::head::{self, Asked, Garbage, Kind, Seeker};
use super::rule::{Fate, Rules};
use crate::armed::Armed;
use crate::connections::Entry;
use crate::dice::LinkKey;
use crate::queue::End;

/// Requests that may wait for their answers; while there are as many, no more are taken in.
const WAITING: usize = 32;

/// What the desk makes of the streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// No toxic asks for it: bytes pass.
    Idle,
    /// Bytes pass until a request begins: nobody has read what came before.
    Joining,
    /// Messages are read.
    Reading,
    /// They are no HTTP/1.1 (any more): bytes pass for good.
    Blind,
}

/// Who sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Client,
    Service,
}

/// Where a stream stands.
#[derive(Debug)]
enum At {
    Head(Seeker),
    Body(Body),
}

/// A request whose answer has not ended.
#[derive(Debug)]
struct Exchange {
    asked: Asked,
    /// The client wants the connection to end with the answer.
    close: bool,
    /// The client waits for a 100 before it sends the body that nobody but the desk will read.
    invite: bool,
    /// The whole request is there.
    whole: bool,
    delays: Vec<u64>,
    fate: Fate,
}

/// The first answer's beginning, held back until its delays are over.
#[derive(Debug)]
struct Held {
    since: Instant,
    bytes: Vec<u8>,
    /// It ends with these bytes; else its body follows.
    whole: bool,
}

/// See the module.
pub(super) struct Desk {
    mode: Mode,
    rules: Rules,
    requests: At,
    answers: At,
    /// In order; the first is the one that is answered next.
    exchanges: VecDeque<Exchange>,
    held: Option<Held>,
    /// What is done to the body of the first answer.
    edit: Edit,
    /// Whose bytes were the last to pass unread; none while there were none.
    last: Option<Side>,
    /// The service has ended its side; told to the client once what the desk answers itself has gone.
    service_end: Option<End>,
    /// How the stream to the client ends, behind `to_client`.
    end: Option<End>,
    /// What is to go to the service, and to the client: taken away by whoever has the sockets.
    pub(super) to_service: Vec<u8>,
    pub(super) to_client: Vec<u8>,
}

impl Desk {
    pub(super) fn new(key: LinkKey, entry: Arc<Entry>) -> Self {
        Self {
            mode: Mode::Idle,
            rules: Rules::new(key, entry),
            requests: At::Head(Seeker::new(Kind::Request)),
            answers: At::Head(Seeker::new(Kind::Answer)),
            exchanges: VecDeque::new(),
            held: None,
            edit: Edit::Pass,
            last: None,
            service_end: None,
            end: None,
            to_service: Vec::new(),
            to_client: Vec::new(),
        }
    }

    /// Takes over the proxy's toxics.
    pub(super) fn apply(&mut self, toxics: &[Armed]) {
        self.rules.apply(toxics);
        match (self.mode, self.rules.is_empty()) {
            (Mode::Idle, false) => self.mode = Mode::Joining,
            (Mode::Joining, true) => self.mode = Mode::Idle,
            _ => self.rest(),
        }
    }

    /// Bytes may go past the desk: nobody asks for them, and nothing lies here.
    pub(super) fn is_idle(&self) -> bool {
        let unread = matches!(self.mode, Mode::Idle | Mode::Blind) && self.end.is_none();
        unread
            && self.to_client.is_empty()
            && self.to_service.is_empty()
            && self.service_end.is_none()
    }

    /// Bytes went past the desk; the last of them were these.
    pub(super) fn passed(&mut self, last: Option<Side>) {
        self.last = last.or(self.last);
    }

    /// How the stream to the client ends, when `to_client` has gone.
    pub(super) fn end(&self) -> Option<End> {
        self.end
    }

    /// Without a toxic and with every request answered, there is nothing left to read; what is held of the next request
    /// goes on.
    fn rest(&mut self) {
        let At::Head(seeker) = &mut self.requests else {
            return;
        };
        let between = matches!(&self.answers, At::Head(seeker) if seeker.held().is_empty());
        let done = self.exchanges.is_empty() && between;
        if self.mode != Mode::Reading || !self.rules.is_empty() || !done {
            return;
        }
        self.mode = Mode::Idle;
        self.last = Some(match seeker.held() {
            [] => Side::Service,
            _ => Side::Client,
        });
        self.to_service.extend_from_slice(seeker.held());
        seeker.clear();
    }

    /// The client has sent these; answers how many of them were taken. What was not must come again.
    pub(super) fn client(&mut self, bytes: &[u8], now: Instant) -> usize {
        if self.mode == Mode::Joining {
            let begins = match self.last {
                None => true,
                Some(Side::Service) => head::begins_request(bytes),
                Some(Side::Client) => false,
            };
            if begins {
                self.mode = Mode::Reading;
            }
        }
        let mut taken = 0;
        while self.mode == Mode::Reading && taken < bytes.len() {
            match self.request(&bytes[taken..], now) {
                Ok(0) => return taken,
                Ok(more) => taken += more,
                Err(Garbage) => self.give_up(Side::Client),
            }
        }
        // Where an answer was promised and can't be kept, the rest of its request must not become one of its own.
        let cut = matches!(self.end, Some(End::Close | End::Reset));
        if self.mode != Mode::Reading && !cut {
            self.last = Some(Side::Client);
            self.to_service.extend_from_slice(&bytes[taken..]);
        }
        bytes.len()
    }

    /// The client sends no more.
    pub(super) fn client_ended(&mut self) {
        if let At::Head(seeker) = &mut self.requests {
            self.to_service.extend_from_slice(seeker.held());
            seeker.clear();
        }
        // A request that the desk was to answer will never be whole.
        if self
            .exchanges
            .back()
            .is_some_and(|last| !last.whole && last.is_own())
        {
            self.exchanges.pop_back();
            if self.exchanges.is_empty() {
                self.end.get_or_insert(End::Close);
            }
        }
    }

    /// The service has sent these; answers how many of them were taken. What was not must come again.
    pub(super) fn service(&mut self, bytes: &[u8], now: Instant) -> usize {
        let mut taken = 0;
        while self.mode == Mode::Reading && taken < bytes.len() && self.end.is_none() {
            match self.answer(&bytes[taken..], now) {
                Ok(0) if self.mode == Mode::Reading => return taken,
                Ok(more) => taken += more,
                Err(Garbage) => self.give_up(Side::Service),
            }
        }
        // Behind the end nothing goes to the client.
        if self.end.is_none() {
            self.last = Some(Side::Service);
            self.to_client.extend_from_slice(&bytes[taken..]);
        }
        bytes.len()
    }

    /// The service has ended its side.
    pub(super) fn service_ended(&mut self, end: End) {
        if let At::Head(seeker) = &mut self.answers {
            self.to_client.extend_from_slice(seeker.held());
            seeker.clear();
        }
        self.service_end.get_or_insert(end);
    }

    /// Whether the client's bytes are wanted: not while too many requests wait, or the last offers another protocol.
    pub(super) fn takes_client(&self) -> bool {
        let waits = |last: &Exchange| last.whole && last.asked.may_switch();
        self.exchanges.len() < WAITING && !self.exchanges.back().is_some_and(waits)
    }

    /// Whether the service's bytes are wanted: not while an answer is held back or is the desk's own.
    pub(super) fn wants_service(&self) -> bool {
        self.service_end.is_none()
            && self.held.is_none()
            && !self.exchanges.front().is_some_and(Exchange::is_own)
    }

    /// Does what is due at `now`; says when to call again at the latest.
    pub(super) fn advance(&mut self, now: Instant) -> Option<Instant> {
        while self.end.is_none() {
            if let Some(held) = &self.held {
                let delays = self.exchanges.front().map(|first| first.delays.as_slice());
                // On a ramp, what counts is when it came.
                let due = held.since + self.rules.delay(delays.unwrap_or_default(), held.since);
                if due > now {
                    return Some(due);
                }
                self.release();
                continue;
            }
            let Some(first) = self.exchanges.front_mut() else {
                break;
            };
            match &first.fate {
                Fate::Own(answer) if first.whole => {
                    let bytes = edit::own(answer, first.asked, first.close);
                    self.hold(bytes, true, now);
                }
                Fate::Own(_) => {
                    if std::mem::take(&mut first.invite) {
                        self.to_client
                            .extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
                    }
                    return None;
                }
                Fate::Drop => self.end = Some(End::Reset),
                Fate::Pass | Fate::Edit(..) => break,
            }
        }
        if self.end.is_none() {
            self.end = self.service_end;
        }
        None
    }

    /// The beginning of the first answer is ready to go.
    fn hold(&mut self, bytes: Vec<u8>, whole: bool, now: Instant) {
        for id in self
            .exchanges
            .front()
            .into_iter()
            .flat_map(|first| &first.delays)
        {
            if self.rules.delay(&[*id], now).as_nanos() > 0 {
                self.rules.touch(*id, now);
            }
        }
        self.held = Some(Held {
            since: now,
            bytes,
            whole,
        });
    }

    /// What was held back goes.
    fn release(&mut self) {
        let Some(held) = self.held.take() else { return };
        self.to_client.extend_from_slice(&held.bytes);
        if held.whole {
            self.answered();
        }
    }

    /// The first answer has ended.
    fn answered(&mut self) {
        let first = self.exchanges.pop_front();
        if first.is_some_and(|first| first.close && first.is_own()) {
            self.end = Some(End::Close);
        }
        self.edit = Edit::Pass;
        self.rest();
    }

    /// The streams can't be read on from the last bytes of `side`. What was promised to a toxic can't be kept then: only
    /// where nothing was does the connection go on.
    fn give_up(&mut self, side: Side) {
        let promised =
            !matches!(self.edit, Edit::Pass) || self.exchanges.iter().any(Exchange::is_own);
        if let Some(held) = self.held.take() {
            self.to_client.extend_from_slice(&held.bytes);
        }
        let at = match side {
            Side::Client => &mut self.requests,
            Side::Service => &mut self.answers,
        };
        if let At::Head(seeker) = at {
            seeker.unread();
        }
        if promised {
            self.end.get_or_insert(End::Close);
        }
        self.go_blind();
    }

    /// From here on bytes pass, first those that lie here.
    fn go_blind(&mut self) {
        let sides = [
            (&mut self.requests, &mut self.to_service),
            (&mut self.answers, &mut self.to_client),
        ];
        for (at, out) in sides {
            if let At::Head(seeker) = at {
                out.extend_from_slice(seeker.held());
                seeker.clear();
            }
        }
        self.exchanges.clear();
        self.mode = Mode::Blind;
    }
}

impl Exchange {
    /// The service never hears of it.
    fn is_own(&self) -> bool {
        matches!(self.fate, Fate::Own(_) | Fate::Drop)
    }
}
