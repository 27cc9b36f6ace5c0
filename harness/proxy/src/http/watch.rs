//! Watches the two streams of one connection as its client sees them and counts requests and answers. It is told the
//! bytes and the time; it changes nothing, delays nothing, and stops at what it can't read.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::time::Instant;

use super::body::{Body, Part};
use super::counts::HttpCounters;
use super::head::{self, Answer, Asked, Garbage, Kind, Seek, Seeker};

/// Requests that may wait for their answers on one connection; who sends more is not watched on.
const WAITING: usize = 1_024;

/// A request whose answer has not ended.
#[derive(Debug)]
struct Waiting {
    asked: Asked,
    /// When its head ended.
    at: Instant,
}

/// Where a stream stands.
#[derive(Debug)]
enum At {
    Head(Seeker),
    Body(Body),
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Watcher {
    counters: Arc<HttpCounters>,
    requests: At,
    answers: At,
    /// In order; the first is the one whose answer is awaited or under way.
    waiting: VecDeque<Waiting>,
    /// No more is read.
    off: bool,
}

impl Watcher {
    /// A watcher of a connection on which nothing has been sent yet.
    pub(crate) fn new(counters: Arc<HttpCounters>) -> Self {
        Self {
            counters,
            requests: At::Head(Seeker::new(Kind::Request)),
            answers: At::Head(Seeker::new(Kind::Answer)),
            waiting: VecDeque::new(),
            off: false,
        }
    }

    /// The client has sent these.
    pub(crate) fn client(&mut self, mut bytes: &[u8], now: Instant) {
        while !self.off && !bytes.is_empty() {
            match self.request(bytes, now) {
                Ok(taken) => bytes = bytes.get(taken..).unwrap_or_default(),
                Err(Garbage) => self.give_up(),
            }
        }
    }

    /// These have gone to the client.
    pub(crate) fn service(&mut self, mut bytes: &[u8], now: Instant) {
        while !self.off && !bytes.is_empty() {
            match self.answer(bytes, now) {
                Ok(taken) => bytes = bytes.get(taken..).unwrap_or_default(),
                Err(Garbage) => self.give_up(),
            }
        }
    }

    /// The client has closed or reset its side. Who only ends its sending and still reads can't be told from who has left.
    pub(crate) fn client_ended(&mut self, now: Instant) {
        for waiting in self.waiting.drain(..) {
            self.counters
                .abandoned(now.saturating_duration_since(waiting.at));
        }
        self.off = true;
    }

    /// The service's end has gone to the client: what has no answer by now gets none, and nobody has given it up.
    pub(crate) fn service_ended(&mut self) {
        self.waiting.clear();
        self.off = true;
    }

    fn give_up(&mut self) {
        self.counters.unread();
        self.waiting.clear();
        self.off = true;
    }

    /// Reads one part of the client's stream; answers how many bytes it took.
    fn request(&mut self, bytes: &[u8], now: Instant) -> Result<usize, Garbage> {
        let seeker = match &mut self.requests {
            At::Head(seeker) => seeker,
            At::Body(body) => {
                let part = body.next(bytes)?;
                if matches!(part, Part::End(_)) || body.is_over() {
                    self.requests = At::Head(Seeker::new(Kind::Request));
                }
                return Ok(part.len());
            }
        };
        // What follows an offer to switch can't be read before it is answered.
        let switching = self
            .waiting
            .back()
            .is_some_and(|last| last.asked.may_switch());
        if switching || self.waiting.len() >= WAITING {
            return Err(Garbage);
        }
        let Seek::Head(bytes, taken) = seeker.next(bytes)? else {
            return Ok(bytes.len());
        };
        let (head, ()) = head::request(bytes, |_| ())?;
        self.counters.request();
        self.waiting.push_back(Waiting {
            asked: head.asked,
            at: now,
        });
        if head.body.is_over() {
            seeker.clear();
        } else {
            self.requests = At::Body(head.body);
        }
        Ok(taken)
    }

    /// Reads one part of the service's stream; answers how many bytes it took.
    fn answer(&mut self, bytes: &[u8], now: Instant) -> Result<usize, Garbage> {
        let seeker = match &mut self.answers {
            At::Head(seeker) => seeker,
            At::Body(body) => {
                let part = body.next(bytes)?;
                if matches!(part, Part::End(_)) || body.is_over() {
                    self.answered();
                    self.answers = At::Head(Seeker::new(Kind::Answer));
                }
                return Ok(part.len());
            }
        };
        let Seek::Head(bytes, taken) = seeker.next(bytes)? else {
            return Ok(bytes.len());
        };
        let Some(first) = self.waiting.front() else {
            // A word that nobody asked for, such as 408 before an idle connection ends.
            head::answer(bytes, Asked::default(), |_| ())?;
            self.off = true;
            return Ok(taken);
        };
        let (head, ()) = head::answer(bytes, first.asked, |_| ())?;
        let kind = head.is_to(first.asked);
        if kind != Answer::Interim {
            let after = now.saturating_duration_since(first.at);
            self.counters.answer(head.status, after);
        }
        seeker.clear();
        match kind {
            Answer::Interim => {}
            Answer::Switch => {
                self.waiting.clear();
                self.off = true;
            }
            Answer::Final if head.body.is_over() => self.answered(),
            Answer::Final => self.answers = At::Body(head.body),
        }
        Ok(taken)
    }

    /// The first answer has ended.
    fn answered(&mut self) {
        self.waiting.pop_front();
    }
}

#[cfg(test)]
mod tests;
