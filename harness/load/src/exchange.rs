//! One exchange: a connection from the pool, a request on it, the response read to its end, all within the time
//! limit, and where the time went. Knows nothing of journeys or figures.

use crate::clock::Clock;
use crate::http1::connection::{Answer, Broken, Wants};
use crate::http1::request::{self, Written};
use crate::http2::Unanswered;
use crate::meter::{LATE, Late};
use crate::net::dial;
use crate::pacer::Pacer;
use crate::pool::{Connection, Lease, Own, Pool};
use crate::wire::{self, Address};
use harness_core::http::{Failure, FailureKind, Method, Request, Response, Timing};
use harness_core::units::micros;
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

/// An exchange that has ended, one way or the other.
#[derive(Debug)]
pub(crate) struct Exchanged {
    /// When a connection was asked for.
    pub(crate) asked: Duration,
    /// When there was one to use or to open: the service time starts here.
    pub(crate) sent: Duration,
    /// When it ended.
    pub(crate) ended: Duration,
    /// Where the time went.
    pub(crate) timing: Timing,
    /// Bytes of the response's body as they came over the wire.
    pub(crate) received: u64,
    /// The port of the last connection it was on.
    pub(crate) port: Option<u16>,
    /// The response, or why there is none.
    pub(crate) result: Result<Response, Failure>,
}

/// Times a request that the server has surely not acted on goes out, the first included.
const TRIES: u32 = 3;

/// What an exchange has come to, seen from outside: it may be given up at any moment.
#[derive(Debug, Default)]
struct Progress {
    dialling: dial::Progress,
    phase: Cell<Phase>,
    timing: Cell<Timing>,
    port: Cell<Option<u16>>,
}

/// What an exchange is waiting for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Phase {
    /// A connection or a stream: another time, because the first was of no use.
    Lease,
    /// The response's head.
    #[default]
    Head,
    /// The end of the response's body.
    Body,
}

/// Sends a request and reads its response; `begun` hears when there is a connection for it. `limit` holds for the wait
/// for a free connection, and again for the exchange from then on, its connect included; so a target that answers
/// nothing delays nobody for ever.
#[expect(
    clippy::too_many_arguments,
    reason = "all of them are different things, and there is one caller"
)]
pub(crate) async fn exchange(
    pool: &Rc<Pool>,
    own: &mut Own,
    pacer: &Pacer,
    clock: Clock,
    request: &Request,
    intended: Duration,
    limit: Duration,
    wants: Wants,
    begun: impl FnOnce(Duration),
) -> Exchanged {
    let asked = clock.now();
    let progress = Progress::default();
    let leased = lease(pool, own, pacer, request, limit).await;
    let sent = clock.now();
    let result = match leased {
        Err(failure) => Err(failure),
        Ok((address, lease)) => {
            begun(sent);
            // Boxed, so that the many that wait for a connection don't each hold room for a whole exchange.
            let asked = Asked {
                address,
                request,
                wants,
            };
            let attempt = Box::pin(attempt(lease, own, asked, clock, sent, &progress));
            pacer
                .within(limit, attempt)
                .await
                .unwrap_or_else(|| Err(timed_out(limit, &progress)))
        }
    };
    let ended = clock.now();
    let received = result.as_ref().map_or(0, |answer| answer.received);
    let mut timing = progress.timing.get();
    progress.dialling.add_to(&mut timing);
    timing.queue_us = micros(sent.saturating_sub(intended));
    timing.total_us = micros(ended.saturating_sub(sent));
    if timing.first_byte_us > 0 {
        timing.body_us = timing.total_us.saturating_sub(timing.first_byte_us);
    }
    Exchanged {
        asked,
        sent,
        ended,
        timing,
        received,
        port: progress.port.get(),
        result: result.map(|answer| answer.response),
    }
}

async fn lease<'r>(
    pool: &Rc<Pool>,
    own: &mut Own,
    pacer: &Pacer,
    request: &'r Request,
    limit: Duration,
) -> Result<(Address<'r>, Lease), Failure> {
    let address = Address::of(&request.url)?;
    let held = own.take(address.origin);
    if let Some(lease) = held.or_else(|| pool.try_lease(address.origin)) {
        return Ok((address, lease));
    }
    match pacer.within(limit, pool.lease(address.origin)).await {
        Some(lease) => lease.map(|lease| (address, lease)),
        None => Err(none_free(limit)),
    }
}

/// What is asked, of whom, and what of the answer is wanted.
#[derive(Clone, Copy)]
struct Asked<'r> {
    address: Address<'r>,
    request: &'r Request,
    wants: Wants,
}

/// The exchange on a leased connection. A connection that was kept alive may turn out closed: if nothing was written,
/// or writing it twice does no harm, the request goes out once more on a new one, and counts as one. So does one that
/// an HTTP/2 server says it has not begun with.
async fn attempt(
    mut lease: Lease,
    own: &mut Own,
    asked: Asked<'_>,
    clock: Clock,
    sent: Duration,
    progress: &Progress,
) -> Result<Answer, Failure> {
    let Asked {
        address,
        request,
        wants,
    } = asked;
    let since_sent = || micros(clock.now().saturating_sub(sent));
    let mut written = None;
    let mut tries = 1;
    loop {
        let reused = lease.reuse();
        let stale = reused.is_some();
        let mut connection = match reused {
            Some(connection) => connection,
            None => lease.dial(&progress.dialling).await?,
        };
        progress.port.set(connection.port());
        progress.phase.set(Phase::Head);
        let on_head = || {
            progress.phase.set(Phase::Body);
            progress.note(|timing| timing.first_byte_us = since_sent().max(1));
        };
        match &mut connection {
            Connection::Http1(http1) => {
                let written = match &written {
                    Some(written) => written,
                    None => written.insert(write(request, address, lease.pool().closes())?),
                };
                match http1.exchange(written, wants, on_head).await {
                    Ok(answer) if stale && bids_farewell(&answer) && idempotent(request.method) => {
                    }
                    Ok(answer) => {
                        if answer.reusable {
                            own.keep(lease, connection);
                        }
                        return Ok(answer);
                    }
                    Err(broken) if stale && harmless(&broken, request.method) => {}
                    Err(broken) => return Err(broken.failure),
                }
            }
            Connection::Http2(http2) => {
                let (authority, path) = (address.authority, address.path);
                let exchange = http2
                    .connection
                    .exchange(request, authority, path, wants, on_head);
                match exchange.await {
                    Ok(answer) => {
                        own.keep(lease, connection);
                        return Ok(answer);
                    }
                    Err(why) if tries < TRIES && again(&why, stale, request.method) => {}
                    Err(why) => return Err(why.failure),
                }
            }
        }
        tries += 1;
        progress.note(|timing| timing.first_byte_us = 0);
        if lease.shared() {
            drop(connection);
            progress.phase.set(Phase::Lease);
            lease = lease.another().await?;
        }
    }
}

/// The request as HTTP/1.1 has it. On a connection that is used once it says so, so that the server closes it first and
/// the ports of this machine are not held.
fn write(request: &Request, address: Address<'_>, closes: bool) -> Result<Written, Failure> {
    let unwritable =
        |error: request::Unwritable| wire::failure(FailureKind::Protocol, error.to_string());
    let buffer = Vec::with_capacity(512);
    if !closes || request.header("connection").is_some() {
        return request::write(buffer, request, address).map_err(unwritable);
    }
    let mut once = request.clone();
    once.headers.push(("connection".into(), "close".into()));
    request::write(buffer, &once, address).map_err(unwritable)
}

impl Progress {
    fn note(&self, change: impl FnOnce(&mut Timing)) {
        let mut timing = self.timing.get();
        change(&mut timing);
        self.timing.set(timing);
    }
}

fn timed_out(limit: Duration, progress: &Progress) -> Failure {
    let dialling = progress.dialling.timed_out(limit);
    dialling.unwrap_or_else(|| over(limit, progress.phase.get()))
}

/// Why an exchange that took longer than its limit is given up, by what it was waiting for.
pub(crate) fn over(limit: Duration, phase: Phase) -> Failure {
    let (kind, what) = match phase {
        Phase::Lease => (FailureKind::PoolTimeout, "no other connection was free"),
        Phase::Head => (FailureKind::FirstByteTimeout, "no response"),
        Phase::Body => (FailureKind::BodyTimeout, "the response did not end"),
    };
    wire::failure(kind, format!("{what} within {limit:?}"))
}

/// Why an exchange that waited for a connection longer than its limit is given up.
pub(crate) fn none_free(limit: Duration) -> Failure {
    wire::failure(
        FailureKind::PoolTimeout,
        format!("no connection was free within {limit:?}"),
    )
}

/// Tells whose fault a late start was: the generator's, if it asked late though the user was free, or made up for a
/// stop of its own just then; else that of the target, if the user or every connection was busy with it.
pub(crate) fn late(
    intended: Duration,
    free: Duration,
    asked: Duration,
    sent: Duration,
    catching_up: bool,
) -> Option<Late> {
    if asked.saturating_sub(intended.max(free)) > LATE {
        return Some(Late::Generator);
    }
    if sent.saturating_sub(intended) <= LATE {
        return None;
    }
    let waited = sent.saturating_sub(asked) > LATE;
    Some(if catching_up && waited {
        Late::Generator
    } else {
        Late::Target
    })
}

/// Whether a request that an HTTP/2 connection did not answer may go out again.
const fn again(why: &Unanswered, stale: bool, method: Method) -> bool {
    let gone = matches!(why.failure.kind, FailureKind::Closed | FailureKind::Reset);
    why.unprocessed || (stale && gone && why.unanswered && idempotent(method))
}

/// Whether the request of an exchange that broke on a stale connection may go out again.
pub(crate) const fn harmless(broken: &Broken, method: Method) -> bool {
    let gone = matches!(
        broken.failure.kind,
        FailureKind::Closed | FailureKind::Reset
    );
    gone && (!broken.written || (!broken.answered && idempotent(method)))
}

/// Whether an answer is what a server says before it closes an idle connection (RFC 9110, 15.5.9): it crossed the
/// request on its way, and answers nothing.
pub(crate) const fn bids_farewell(answer: &Answer) -> bool {
    answer.response.status == 408 && !answer.reusable
}

/// RFC 9110, 9.2.2.
pub(crate) const fn idempotent(method: Method) -> bool {
    !matches!(method, Method::Post | Method::Patch)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_start_is_whose_doing_it_was() {
        let ms = Duration::from_millis;
        let late = |free, asked, sent, catching_up| {
            let late = late(ms(100), ms(free), ms(asked), ms(sent), catching_up);
            late.map(|late| matches!(late, Late::Generator))
        };
        let (generator, target) = (Some(true), Some(false));
        assert_eq!(late(0, 100, 105, false), None);
        assert_eq!(late(0, 105, 105, true), None);
        assert_eq!(late(0, 106, 106, false), generator);
        assert_eq!(late(0, 101, 150, false), target);
        // Behind what it sent late itself, it is the generator's; where there was nothing to wait for, it was the user.
        assert_eq!(late(0, 101, 150, true), generator);
        assert_eq!(late(150, 150, 151, true), target);
        assert_eq!(late(150, 156, 156, false), generator);
    }
}
