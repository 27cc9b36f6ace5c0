//! The `http` toxics of a connection: which of them are for a request, and what they want done with it.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use httparse::Request;
use tokio::time::Instant;

use crate::armed::Armed;
use crate::connections::Entry;
use crate::dice::{Dice, LinkKey};
use crate::stats::Meter;
use crate::toxic::{HttpAction, HttpAnswer, HttpToxic, ToxicKind};

/// What the toxics make of one request. Delays add up; of the others, the first that is for it decides.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    /// The toxics that delay its answer, by id.
    pub(super) delays: Vec<u64>,
    pub(super) fate: Fate,
}

/// What becomes of a request.
#[derive(Debug, Default)]
pub(super) enum Fate {
    /// The service answers.
    #[default]
    Pass,
    /// The service answers, and the toxic of this id works on what it says.
    Edit(u64, Dice),
    /// The proxy answers.
    Own(HttpAnswer),
    /// Nobody answers: the connection is reset.
    Drop,
}

/// A toxic on this connection.
struct Rule {
    armed: Armed,
    meter: Meter,
}

impl Rule {
    /// At toxicity 0 it does nothing; that it has been counted is remembered, for an update may raise it again.
    fn works(&self) -> bool {
        self.armed.toxic.toxicity > 0.0
    }
}

/// The toxics on this connection, in order.
pub(super) struct Rules {
    key: LinkKey,
    entry: Arc<Entry>,
    all: Vec<Rule>,
    /// Requests of this connection so far.
    asked: u64,
}

impl Rules {
    pub(super) fn new(key: LinkKey, entry: Arc<Entry>) -> Self {
        Self {
            key,
            entry,
            all: Vec::new(),
            asked: 0,
        }
    }

    /// Takes over the proxy's toxics.
    pub(super) fn apply(&mut self, toxics: &[Armed]) {
        let mut before = std::mem::take(&mut self.all);
        let client = self.entry.client.ip();
        let ours = toxics.iter().filter(|armed| {
            matches!(armed.toxic.kind, ToxicKind::Http(_)) && armed.toxic.concerns(client)
        });
        self.all = ours
            .map(|armed| {
                let known = before.iter().position(|rule| rule.armed.id == armed.id);
                let meter = match known {
                    Some(index) => before.swap_remove(index).meter,
                    None => Meter::new(armed.id, armed.hits.clone(), self.entry.clone()),
                };
                Rule {
                    armed: armed.clone(),
                    meter,
                }
            })
            .collect();
    }

    /// None does anything to this connection.
    pub(super) fn is_empty(&self) -> bool {
        !self.all.iter().any(Rule::works)
    }

    /// What becomes of the connection's next request.
    pub(super) fn judge(&mut self, request: &Request<'_, '_>, now: Instant) -> Verdict {
        let number = self.asked;
        self.asked += 1;
        let mut verdict = Verdict::default();
        for rule in &mut self.all {
            let Some(toxic) = now_of(&rule.armed, now) else {
                continue;
            };
            let delays = matches!(toxic.action, HttpAction::Delay { .. });
            if !(delays || matches!(verdict.fate, Fate::Pass)) || !takes(&toxic, request) {
                continue;
            }
            let armed = &rule.armed;
            let mut dice = Dice::of_request(&self.key, &armed.toxic.name, armed.roll, number);
            if !dice.hits(armed.toxic.toxicity) {
                continue;
            }
            verdict.fate = match toxic.action.clone() {
                HttpAction::Delay { .. } => {
                    verdict.delays.push(armed.id);
                    continue;
                }
                HttpAction::Status(answer) => Fate::Own(answer),
                HttpAction::Drop => Fate::Drop,
                HttpAction::FailFirst { requests, answer } => {
                    match armed.tally.fetch_add(1, Ordering::Relaxed) < requests {
                        true => Fate::Own(answer),
                        false => continue,
                    }
                }
                HttpAction::Rate { rate, answer } => {
                    match admit(&armed.tally, rate, armed.born, now) {
                        Ok(()) => continue,
                        Err(wait) => Fate::Own(HttpAnswer {
                            retry_after: answer.retry_after.or(Some(whole_seconds(wait))),
                            ..answer
                        }),
                    }
                }
                HttpAction::Replace { .. } | HttpAction::Truncate { .. } | HttpAction::Corrupt => {
                    verdict.fate = Fate::Edit(armed.id, dice);
                    continue;
                }
            };
            rule.meter.chunk(now);
        }
        verdict
    }

    /// How long these toxics hold an answer back together; those that have gone hold nothing any more.
    pub(super) fn delay(&self, ids: &[u64], now: Instant) -> Duration {
        let delays = ids.iter().filter_map(|id| match self.action(*id, now)? {
            HttpAction::Delay { delay } => Some(Duration::from_millis(delay)),
            _ => None,
        });
        delays.fold(Duration::ZERO, Duration::saturating_add)
    }

    /// What the toxic of this id does at present; none if it has gone.
    pub(super) fn action(&self, id: u64, now: Instant) -> Option<HttpAction> {
        let ours = |rule: &&Rule| rule.armed.id == id && rule.works();
        let rule = self.all.iter().find(ours)?;
        Some(now_of(&rule.armed, now)?.action.clone())
    }

    /// The toxic of this id does something to an exchange.
    pub(super) fn touch(&mut self, id: u64, now: Instant) {
        if let Some(rule) = self.all.iter_mut().find(|rule| rule.armed.id == id) {
            rule.meter.chunk(now);
        }
    }
}

/// What an `http` toxic is at `now`; others are none.
fn now_of(armed: &Armed, now: Instant) -> Option<Cow<'_, HttpToxic>> {
    match (&armed.toxic.kind, &armed.course) {
        (ToxicKind::Http(toxic), None) => Some(Cow::Borrowed(toxic)),
        _ => match armed.kind(now) {
            ToxicKind::Http(toxic) => Some(Cow::Owned(toxic)),
            _ => None,
        },
    }
}

fn takes(toxic: &HttpToxic, request: &Request<'_, '_>) -> bool {
    let headers = request
        .headers
        .iter()
        .map(|header| (header.name, header.value));
    let method = request.method.unwrap_or_default();
    toxic
        .requests
        .takes(method, request.path.unwrap_or_default(), headers)
}

/// A token bucket in one number (the generic cell rate algorithm): `due` is when it will be full again, ns since `born`.
/// It holds a second's worth. Refused, it says how long until the next token.
fn admit(due: &AtomicU64, rate: u64, born: Instant, now: Instant) -> Result<(), Duration> {
    const SECOND: u64 = 1_000_000_000;
    let since = now.saturating_duration_since(born);
    let now = u64::try_from(since.as_nanos()).unwrap_or(u64::MAX);
    let cost = (SECOND / rate.max(1)).max(1);
    let taken = due.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |due| {
        let next = due.max(now).saturating_add(cost);
        // A whole second for one token must not be refused for a rounding.
        (next - now <= SECOND.max(cost)).then_some(next)
    });
    match taken {
        Ok(_) => Ok(()),
        Err(due) => Err(Duration::from_nanos(
            due.saturating_add(cost)
                .saturating_sub(now)
                .saturating_sub(SECOND.max(cost)),
        )),
    }
}

/// Rounded up, and at least 1: a client that comes back at once is refused again.
fn whole_seconds(wait: Duration) -> u64 {
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_gives_a_seconds_worth_at_once_and_then_its_rate() {
        let (due, start) = (AtomicU64::new(0), Instant::now());
        let admitted = |ms: u64| admit(&due, 10, start, start + Duration::from_millis(ms)).is_ok();
        let at_once = (0..50).filter(|_| admitted(0)).count();
        assert_eq!(at_once, 10);
        let later = (1..=5_000).filter(|ms| admitted(*ms)).count();
        assert_eq!(later, 50);
        assert!((0..9).all(|_| admitted(100_000)), "it has filled up again");
        let one = AtomicU64::new(0);
        assert_eq!(admit(&one, 1, start, start), Ok(()));
        assert_eq!(admit(&one, 1, start, start), Err(Duration::from_secs(1)));
        assert_eq!(whole_seconds(Duration::from_millis(1_001)), 2);
        assert_eq!(whole_seconds(Duration::ZERO), 1);
    }
}
