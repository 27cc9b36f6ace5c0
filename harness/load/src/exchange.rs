//! One exchange: a connection from the pool, a request on it, the response read to its end, all within the time
//! limit, and where the time went. Knows nothing of journeys or figures.

use crate::clock::Clock;
use crate::pacer::Pacer;
use crate::pool::{Lease, Pool};
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
    /// The response, or why there is none.
    pub(crate) result: Result<Response, Failure>,
}

/// What an exchange has come to, seen from outside: it may be given up at any moment.
#[derive(Debug, Default)]
struct Progress {
    connecting: Cell<bool>,
    timing: Cell<Timing>,
}

/// Sends a request and reads its response. `limit` holds for the wait for a free connection, and again for the
/// exchange from then on, its connect included; so a target that answers nothing delays nobody for ever.
pub(crate) async fn exchange(
    pool: &Rc<Pool>,
    pacer: &Pacer,
    clock: Clock,
    request: &Request,
    intended: Duration,
    limit: Duration,
) -> Exchanged {
    let asked = clock.now();
    let progress = Progress::default();
    let leased = lease(pool, pacer, request, limit).await;
    let sent = clock.now();
    let result = match leased {
        Err(failure) => Err(failure),
        Ok((address, lease)) => {
            // Boxed, so that the many that wait for a connection don't each hold room for a whole exchange.
            let attempt = Box::pin(attempt(lease, address, request, clock, sent, &progress));
            pacer
                .within(limit, attempt)
                .await
                .unwrap_or_else(|| Err(timed_out(limit, &progress)))
        }
    };
    let ended = clock.now();
    let mut timing = progress.timing.get();
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
        result,
    }
}

async fn lease<'r>(
    pool: &Rc<Pool>,
    pacer: &Pacer,
    request: &'r Request,
    limit: Duration,
) -> Result<(Address<'r>, Lease), Failure> {
    let address = Address::of(&request.url)?;
    if let Some(lease) = pool.try_lease(address.authority) {
        return Ok((address, lease));
    }
    match pacer.within(limit, pool.lease(address.authority)).await {
        Some(Some(lease)) => Ok((address, lease)),
        _ => Err(wire::failure(
            FailureKind::Timeout,
            format!("no connection was free within {limit:?}"),
        )),
    }
}

/// The exchange on a leased connection. A connection that was kept alive may turn out closed: if nothing was written,
/// or writing it twice does no harm, the request goes out once more on a new one, and counts as one.
async fn attempt(
    mut lease: Lease,
    address: Address<'_>,
    request: &Request,
    clock: Clock,
    sent: Duration,
    progress: &Progress,
) -> Result<Response, Failure> {
    let since_sent = || micros(clock.now().saturating_sub(sent));
    let mut message = wire::request(request, address)?;
    let mut reused = lease.reuse().await;
    loop {
        let stale = reused.is_some();
        let mut connection = match reused.take() {
            Some(connection) => connection,
            None => {
                progress.connecting.set(true);
                let before = since_sent();
                let connection = lease.dial().await?;
                progress.connecting.set(false);
                progress.note(|timing| timing.connect_us = since_sent() - before);
                connection
            }
        };
        match connection.sender.try_send_request(message).await {
            Ok(head) => {
                progress.note(|timing| timing.first_byte_us = since_sent().max(1));
                let response = wire::response(head).await?;
                lease.keep(connection);
                return Ok(response);
            }
            Err(mut error) => {
                let unsent = error.take_message();
                let failure = wire::of_hyper(error.error());
                message = match unsent {
                    Some(unsent) if stale => unsent,
                    None if stale && gone(&failure) && idempotent(request.method) => {
                        wire::request(request, address)?
                    }
                    _ => return Err(failure),
                };
            }
        }
    }
}

impl Progress {
    fn note(&self, change: impl FnOnce(&mut Timing)) {
        let mut timing = self.timing.get();
        change(&mut timing);
        self.timing.set(timing);
    }
}

fn timed_out(limit: Duration, progress: &Progress) -> Failure {
    if progress.connecting.get() {
        return wire::failure(
            FailureKind::ConnectTimeout,
            format!("no connection within {limit:?}"),
        );
    }
    let what = if progress.timing.get().first_byte_us > 0 {
        "the response did not end"
    } else {
        "no response"
    };
    wire::failure(FailureKind::Timeout, format!("{what} within {limit:?}"))
}

const fn gone(failure: &Failure) -> bool {
    matches!(failure.kind, FailureKind::Closed | FailureKind::Reset)
}

/// RFC 9110, 9.2.2.
const fn idempotent(method: Method) -> bool {
    !matches!(method, Method::Post | Method::Patch)
}
