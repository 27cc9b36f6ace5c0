//! What came of a request on the lane: counted, shown if it is worth it, and told by a real walk unless it passed. Which
//! connection it came on, and what becomes of that, is the [lane](super)'s.

use super::answer::Read;
use super::{Ask, Lane, State};
use crate::evidence::Place;
use crate::exchange;
use crate::http1::connection::{Broken, Wants};
use crate::meter::Sample;
use crate::user::Turn;
use crate::wire;
use crate::worker::Worker;
use harness_core::http::{Failure, FailureKind, Response, Timing};
use harness_core::journey::walk::{Answer, Next, StepEnd, Walk};
use harness_core::units::micros;
use std::io;
use std::sync::Arc;
use std::time::Duration;

impl Lane {
    /// Whether a walk that passed is worth showing or handing on.
    pub(super) fn shown(&self, ask: &Ask, now: Duration) -> bool {
        let worker = &self.worker;
        let Some(name) = worker.names.name(ask.step.name) else {
            return false;
        };
        let place = Place {
            name,
            arrival: ask.turn.number,
            second: ask.step.second,
            intended: ask.turn.intended,
        };
        let response = now.saturating_sub(ask.turn.intended);
        worker.evidence.borrow().wants(place, 0, micros(response))
    }

    /// Whether a fault has touched the connection at this place.
    fn affected(&self, at: usize) -> bool {
        let port = || self.connections.get(at)?.port();
        self.worker.touched.is(port)
    }

    /// Counts a walk that passed and is not worth more.
    pub(super) fn passed(&mut self, at: usize, ask: &Ask, now: Duration, bytes_in: u64) {
        let sample = Sample {
            class: None,
            response: now.saturating_sub(ask.turn.intended),
            service: now.saturating_sub(ask.sent),
            bytes_in,
            affected: self.affected(at),
        };
        {
            let mut meter = self.worker.meter.borrow_mut();
            meter.exchanged(ask.step, &timing(ask, now));
            meter.ended(ask.step, sample);
            meter.ended(ask.journey, sample);
        }
        self.free(ask, now);
        self.rest(at);
    }

    /// Takes what came of a request, or asks once more: a connection that had answered before may have been closed while
    /// it rested, and if asking twice does no harm the request goes out on a new one.
    pub(super) fn answered(&mut self, at: usize, ask: &Ask, now: Duration, read: Read) {
        let Some((connection, script)) = self
            .connections
            .get(at)
            .zip(self.scripts.get(ask.turn.choice.journey))
        else {
            return;
        };
        let (stale, method) = (connection.answers > 0, script.method());
        match read {
            Read::Whole(answer) => {
                if stale && exchange::bids_farewell(&answer) && exchange::idempotent(method) {
                    return self.dial(at, ask.anew());
                }
                let (received, reusable) = (answer.received, answer.reusable);
                self.ended(at, ask, now, Ok(answer.response), received, reusable);
            }
            Read::Broken(broken) => {
                let broken = Broken {
                    written: connection.wrote,
                    answered: ask.answered,
                    ..*broken
                };
                if stale && exchange::harmless(&broken, method) {
                    return self.dial(at, ask.anew());
                }
                self.ended(at, ask, now, Err(broken.failure), 0, false);
            }
            Read::Simple { .. } | Read::More => {}
        }
    }

    /// What came on a connection had come before it was asked: an answer too many to somebody before. The connection is
    /// of no more use.
    pub(super) fn unasked(&mut self, at: usize, ask: &Ask) {
        let script = self.scripts.get(ask.turn.choice.journey);
        if script.is_some_and(|script| exchange::idempotent(script.method())) {
            return self.dial(at, ask.anew());
        }
        let failure = Failure {
            kind: FailureKind::Protocol,
            detail: "the server sent an answer too many before it was asked".to_owned(),
        };
        let now = self.worker.clock.now();
        self.ended(at, ask, now, Err(failure), 0, false);
    }

    /// A socket failed under its request.
    pub(super) fn broken(&mut self, at: usize, error: &io::Error) {
        let broken = Broken {
            failure: wire::of_io(error),
            written: false,
            answered: false,
        };
        if let Some(State::Busy(ask)) = self.connections.get(at).map(|c| c.state) {
            let now = self.worker.clock.now();
            self.answered(at, &ask, now, Read::Broken(Box::new(broken)));
        }
    }

    /// Takes an answer, or why there is none, to a real walk, and counts what that says.
    pub(super) fn ended(
        &mut self,
        at: usize,
        ask: &Ask,
        now: Duration,
        result: Result<Response, Failure>,
        received: u64,
        stays: bool,
    ) {
        self.walked(ask, now, result, received, self.affected(at));
        self.free(ask, now);
        if stays {
            self.rest(at);
        } else {
            self.close(at);
        }
    }

    /// The walk of an ask whose answer is known.
    pub(super) fn walked(
        &self,
        ask: &Ask,
        now: Duration,
        result: Result<Response, Failure>,
        bytes_in: u64,
        affected: bool,
    ) {
        let worker = &self.worker;
        let Turn { choice, .. } = ask.turn;
        let Some(journey) = worker.journeys.get(choice.journey) else {
            return;
        };
        let context = worker.context(choice.iteration, choice.row.row());
        let mut walk = Walk::new(Arc::clone(journey), &context, ask.turn.intended);
        let timing = timing(ask, now);
        let failed = result.as_ref().err().cloned();
        let sent = walk.next(ask.sent.max(ask.turn.intended));
        debug_assert!(matches!(sent, Next::Send(_)), "{sent:?}");
        let end = walk.answer(Answer {
            sent: ask.sent,
            ended: now,
            timing,
            result,
        });
        let class = end.as_ref().and_then(|end| end.class.clone());
        let sample = Sample {
            class: class.as_deref(),
            response: now.saturating_sub(ask.turn.intended),
            service: now.saturating_sub(ask.sent),
            bytes_in,
            affected,
        };
        {
            let mut meter = worker.meter.borrow_mut();
            if let Some(failure) = &failed {
                meter.failed(failure);
            }
            meter.exchanged(ask.step, &timing);
            meter.ended(ask.step, sample);
            meter.ended(ask.journey, sample);
        }
        if let Some(end) = end {
            self.show(ask, end);
        }
    }

    pub(super) fn show(&self, ask: &Ask, end: StepEnd) {
        if let Some(name) = self.worker.names.name(ask.step.name) {
            let place = Place {
                name,
                arrival: ask.turn.number,
                second: ask.step.second,
                intended: ask.turn.intended,
            };
            self.worker.evidence.borrow_mut().step_ended(place, end);
        }
    }

    /// The user of a walk that is over.
    pub(super) fn free(&mut self, ask: &Ask, now: Duration) {
        match ask.user {
            Some(user) => self.freed.push((user, now)),
            None => self.worker.users.left(ask.turn.choice.journey),
        }
        self.worker.left();
    }
}

/// What of an answer anybody will read: the contract checks, or whoever looks at evidence.
pub(super) fn wants(worker: &Worker, ask: &Ask) -> Wants {
    if worker.evidence.borrow().sampled(ask.turn.number, 0) {
        Wants::WHOLE
    } else {
        Wants::EVIDENCE
    }
}

fn timing(ask: &Ask, now: Duration) -> Timing {
    let since_sent = |at: Duration| micros(at.saturating_sub(ask.sent));
    let first_byte_us = if ask.head.is_zero() {
        0
    } else {
        since_sent(ask.head).max(1)
    };
    let total_us = since_sent(now);
    Timing {
        queue_us: micros(ask.sent.saturating_sub(ask.turn.intended)),
        connect_us: if ask.connected.is_zero() {
            0
        } else {
            since_sent(ask.connected).max(1)
        },
        first_byte_us,
        body_us: if first_byte_us > 0 {
            total_us.saturating_sub(first_byte_us)
        } else {
            0
        },
        total_us,
        ..Timing::default()
    }
}
