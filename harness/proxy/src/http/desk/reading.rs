//! How the desk reads the two streams, part by part: what each part is, and where it goes.

use tokio::time::Instant;

use super::{At, Desk, Edit, Exchange, Fate};
use crate::http::body::Part;
use crate::http::edit;
use crate::http::head::{self, Answer, AnswerHead, Garbage, Kind, RequestHead, Seek, Seeker};
use crate::queue::End;
use crate::toxic::HttpAction;

impl Desk {
    /// Reads one part of the client's stream; answers how many bytes it took, 0 where it has to wait.
    pub(super) fn request(&mut self, bytes: &[u8], now: Instant) -> Result<usize, Garbage> {
        let sinks = self
            .exchanges
            .back()
            .is_some_and(|last| !last.whole && last.is_own());
        let takes = self.takes_client();
        let seeker = match &mut self.requests {
            At::Head(_) if !takes => return Ok(0),
            At::Head(seeker) => seeker,
            At::Body(body) => {
                let part = body.next(bytes)?;
                let over = matches!(part, Part::End(_)) || body.is_over();
                if !sinks {
                    self.to_service.extend_from_slice(&bytes[..part.len()]);
                }
                if over {
                    self.requests = At::Head(Seeker::new(Kind::Request));
                    if let Some(last) = self.exchanges.back_mut() {
                        last.whole = true;
                    }
                }
                return Ok(part.len());
            }
        };
        let Seek::Head(bytes, taken) = seeker.next(bytes)? else {
            return Ok(bytes.len());
        };
        let rules = &mut self.rules;
        let (head, verdict) = head::request(bytes, |request| rules.judge(request, now))?;
        let RequestHead {
            body,
            asked,
            close,
            expects,
        } = head;
        let exchange = Exchange {
            asked,
            close,
            invite: expects && !body.is_over(),
            whole: body.is_over(),
            delays: verdict.delays,
            fate: verdict.fate,
        };
        if !exchange.is_own() {
            self.to_service.extend_from_slice(bytes);
        }
        seeker.clear();
        if !body.is_over() {
            self.requests = At::Body(body);
        }
        self.exchanges.push_back(exchange);
        Ok(taken)
    }

    /// Reads one part of the service's stream; answers how many bytes it took, 0 where it has to wait.
    pub(super) fn answer(&mut self, bytes: &[u8], now: Instant) -> Result<usize, Garbage> {
        if !self.wants_service() {
            return Ok(0);
        }
        let Some(first) = self.exchanges.front() else {
            // A word that nobody asked for, such as 408 before an idle connection ends.
            self.go_blind();
            return Ok(0);
        };
        let seeker = match &mut self.answers {
            At::Head(seeker) => seeker,
            At::Body(body) => {
                let known = body.known();
                let part = body.next(bytes)?;
                let over = matches!(part, Part::End(_)) || body.is_over();
                self.piece(part, &bytes[..part.len()], known, now);
                if over {
                    self.answers = At::Head(Seeker::new(Kind::Answer));
                    self.answered();
                }
                return Ok(part.len());
            }
        };
        let Seek::Head(bytes, taken) = seeker.next(bytes)? else {
            return Ok(bytes.len());
        };
        let action = match first.fate {
            Fate::Edit(id, _) => self.rules.action(id, now),
            _ => None,
        };
        let (head, replaced) = head::answer(bytes, first.asked, |response| match &action {
            Some(HttpAction::Replace { body }) => Some(edit::replaced(response, body)),
            _ => None,
        })?;
        let raw = bytes.to_vec();
        let kind = head.is_to(first.asked);
        seeker.clear();
        match kind {
            Answer::Interim => self.to_client.extend_from_slice(&raw),
            Answer::Switch => {
                self.to_client.extend_from_slice(&raw);
                self.go_blind();
            }
            Answer::Final => self.begin(head, action, raw, replaced, now),
        }
        Ok(taken)
    }

    /// A final answer begins: what its toxic does to it is settled.
    fn begin(
        &mut self,
        head: AnswerHead,
        action: Option<HttpAction>,
        raw: Vec<u8>,
        replaced: Option<Vec<u8>>,
        now: Instant,
    ) {
        let mut bytes = raw;
        let fate = self
            .exchanges
            .front_mut()
            .map(|first| std::mem::take(&mut first.fate));
        if let Some(Fate::Edit(id, dice)) = fate.filter(|_| !head.bodiless) {
            self.edit = match action {
                Some(HttpAction::Replace { .. }) => {
                    bytes = replaced.unwrap_or(bytes);
                    self.rules.touch(id, now);
                    Edit::Skip
                }
                Some(HttpAction::Truncate { bytes }) => Edit::Truncate(bytes, id),
                Some(HttpAction::Corrupt) => Edit::Corrupt(dice, id),
                _ => Edit::Pass,
            };
        }
        let whole = head.body.is_over();
        if !whole {
            self.answers = At::Body(head.body);
        }
        self.hold(bytes, whole, now);
    }

    /// A piece of the first answer's body.
    fn piece(&mut self, part: Part, bytes: &[u8], known: u64, now: Instant) {
        match part {
            Part::Data(_) => {
                let done = self.edit.data(bytes, known, &mut self.to_client);
                if let Some(id) = done.touched {
                    self.rules.touch(id, now);
                }
                if done.broken {
                    self.end = Some(End::Close);
                }
            }
            Part::Coding(_) | Part::End(_) => self.edit.coding(bytes, &mut self.to_client),
        }
    }
}
