//! One walk: a user goes through a journey by core's interpreter on the worker's connections, and what happens is
//! counted. What a step means is decided in core; what a connection is, in the pool; when a walk begins, in the executor.

use crate::evidence::Place;
use crate::exchange::{self, Exchanged, exchange};
use crate::http1::connection::Wants;
use crate::meter::{Key, Late, Sample};
use crate::pool::Own;
use crate::user::{Turn, User};
use crate::worker::Worker;
use harness_core::event::Outcome;
use harness_core::http::Timing;
use harness_core::journey::Action;
use harness_core::journey::walk::{Answer, Next, Outgoing, StepEnd, Walk};
use harness_core::units::micros;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// Something that was counted as started and is not yet counted as ended. Dropped in that state, it was cancelled.
pub(crate) struct Open {
    worker: Rc<Worker>,
    key: Key,
    journey: bool,
    ended: bool,
}

impl Open {
    /// Counts a start.
    pub(crate) fn start(worker: &Rc<Worker>, key: Key, journey: bool) -> Self {
        worker.meter.borrow_mut().started(key);
        if journey {
            worker.in_flight.set(worker.in_flight.get() + 1);
        }
        Self {
            worker: Rc::clone(worker),
            key,
            journey,
            ended: false,
        }
    }

    fn end(mut self, sample: Sample<'_>) {
        self.ended = true;
        self.worker.meter.borrow_mut().ended(self.key, sample);
    }

    fn late(&self, late: Late) {
        self.worker.meter.borrow_mut().late(self.key, late);
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if !self.ended {
            if std::thread::panicking() {
                self.worker.fail("a journey panicked under load");
            }
            // Borrowed only while a panic unwinds out of the meter itself.
            if let Ok(mut meter) = self.worker.meter.try_borrow_mut() {
                meter.cancelled(self.key);
            }
        }
        if self.journey {
            self.worker.left();
        }
    }
}

/// What a walk leaves its user with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Walked {
    /// When the user is free again: the last step's end and the think time after it.
    pub(crate) free: Duration,
    /// Whether anything was asked and answered.
    pub(crate) answered: bool,
}

/// A walk on its way through its journey.
pub(crate) struct Walker {
    worker: Rc<Worker>,
    journey: Open,
    turn: Turn,
    /// When the first request was sent.
    sent: Option<Duration>,
    /// When the last step ended.
    ended: Duration,
    answered: bool,
    /// The class of the step that failed.
    class: Option<String>,
    step: Option<OpenStep>,
    bytes_in: u64,
    /// A fault has touched a connection that it used.
    affected: bool,
}

struct OpenStep {
    index: usize,
    open: Open,
    intended: Duration,
    bytes_in: u64,
    affected: bool,
}

impl Walker {
    /// A walk; `journey` has been counted as started.
    pub(crate) fn new(worker: Rc<Worker>, journey: Open, turn: Turn) -> Self {
        Self {
            worker,
            journey,
            turn,
            sent: None,
            answered: false,
            ended: turn.intended,
            class: None,
            step: None,
            bytes_in: 0,
            affected: false,
        }
    }

    /// Walks to the end, with the cookies and the connection of a user.
    pub(crate) async fn walk(mut self, user: &mut User) -> Walked {
        let worker = Rc::clone(&self.worker);
        let choice = self.turn.choice;
        let Some(journey) = worker.journeys.get(choice.journey) else {
            return self.walked(self.turn.free);
        };
        let context = worker.context(choice.iteration, choice.row.row());
        let mut walk = Walk::new(Arc::clone(journey), &context, self.turn.intended);
        walk.take_jar(std::mem::take(&mut user.jar));
        let walked = loop {
            match walk.next(worker.clock.now()) {
                Next::Send(outgoing) => {
                    let answer = self.send(outgoing, &mut user.own).await;
                    if let Some(end) = walk.answer(answer) {
                        if end.passed {
                            let mut keeper = worker.keeper.borrow_mut();
                            keeper.step_passed(choice.journey, end.step, &walk);
                        }
                        self.step_ended(end);
                    }
                }
                Next::Wait { until } => {
                    worker.pacer.until(until).await;
                    worker.woke(until, worker.clock.now());
                }
                Next::Failed(end) => {
                    self.open_step(end.step, end.intended);
                    self.step_ended(end);
                }
                // A pause is the journey's time; it has no figures of its own.
                Next::Paused(end) => self.ended = end.ended,
                Next::Command { .. } => {
                    worker.fail("a step commands the run, which load can't do");
                    break self.walked(worker.clock.now());
                }
                Next::Done(Outcome::Cancelled) => break self.walked(walk.free()),
                Next::Done(outcome) => {
                    let walked = self.walked(walk.free());
                    self.end(outcome);
                    break walked;
                }
            }
        };
        user.jar = walk.into_jar();
        walked
    }

    const fn walked(&self, free: Duration) -> Walked {
        Walked {
            free,
            answered: self.answered,
        }
    }

    async fn send(&mut self, outgoing: Outgoing, own: &mut Own) -> Answer {
        let Outgoing {
            step,
            request,
            timeout,
            intended,
            ..
        } = outgoing;
        let first_try = self.open_step(step, intended);
        let worker = &self.worker;
        let catching_up = worker.catching_up();
        let begins = self.sent.is_none();
        let exchanged = exchange(
            &worker.pool,
            own,
            &worker.pacer,
            worker.clock,
            &request,
            intended,
            timeout,
            self.wants(step),
            |sent| {
                if begins {
                    let name = worker.names.journey(self.turn.choice.journey);
                    worker.meter.borrow_mut().begun(worker.key(sent, name));
                }
            },
        )
        .await;
        if let Err(failure) = &exchanged.result {
            worker.meter.borrow_mut().failed(failure);
        }
        if first_try {
            self.judge_lateness(intended, &exchanged, catching_up);
        }
        let Exchanged {
            asked,
            sent,
            ended,
            timing,
            received,
            port,
            result,
        } = exchanged;
        self.sent.get_or_insert(sent);
        self.answered |= result.is_ok();
        if let Some(step) = &mut self.step {
            let queue_us = if first_try {
                timing.queue_us
            } else {
                // A poll or a redirect has no intended time of its own.
                micros(sent.saturating_sub(asked))
            };
            let spent = Timing { queue_us, ..timing };
            worker.meter.borrow_mut().exchanged(step.open.key, &spent);
            step.bytes_in += received;
            step.affected |= worker.touched.is(|| port);
        }
        Answer {
            sent,
            ended,
            timing,
            result,
        }
    }

    /// What of a step's answers anybody will read: the step itself, the contract checks, or whoever looks at evidence.
    fn wants(&self, step: usize) -> Wants {
        let worker = &self.worker;
        let read = worker
            .journeys
            .get(self.turn.choice.journey)
            .and_then(|journey| journey.steps.get(step))
            .is_some_and(|step| match &step.action {
                Action::Request(request) => request.reads_body(),
                _ => false,
            });
        if read || worker.evidence.borrow().sampled(self.turn.number, step) {
            Wants::WHOLE
        } else {
            Wants::EVIDENCE
        }
    }

    /// Counts a step as started, unless it is under way already (a poll, a redirect).
    fn open_step(&mut self, index: usize, intended: Duration) -> bool {
        if self.step.as_ref().is_some_and(|step| step.index == index) {
            return false;
        }
        let name = self.worker.names.step(self.turn.choice.journey, index);
        let open = Open::start(&self.worker, self.worker.key(intended, name), false);
        self.step = Some(OpenStep {
            index,
            open,
            intended,
            bytes_in: 0,
            affected: false,
        });
        true
    }

    /// Tells whose fault a late start was.
    fn judge_lateness(&self, intended: Duration, exchanged: &Exchanged, catching_up: bool) {
        let (free, asked, sent) = (self.turn.free, exchanged.asked, exchanged.sent);
        let Some(late) = exchange::late(intended, free, asked, sent, catching_up) else {
            return;
        };
        if let Some(step) = &self.step {
            step.open.late(late);
        }
        if self.sent.is_none() {
            self.journey.late(late);
        }
    }

    fn step_ended(&mut self, end: StepEnd) {
        let Some(OpenStep {
            open,
            intended,
            bytes_in,
            affected,
            ..
        }) = self.step.take()
        else {
            return;
        };
        let key = open.key;
        self.ended = end.ended;
        self.bytes_in += bytes_in;
        self.affected |= affected;
        self.class = self.class.take().or_else(|| end.class.clone());
        open.end(Sample {
            class: end.class.as_deref(),
            response: end.ended.saturating_sub(end.intended),
            service: end.ended.saturating_sub(end.sent),
            bytes_in,
            affected,
        });
        if let Some(name) = self.worker.names.name(key.name) {
            let place = Place {
                name,
                arrival: self.turn.number,
                second: key.second,
                intended,
            };
            self.worker.evidence.borrow_mut().step_ended(place, end);
        }
    }

    fn end(self, outcome: Outcome) {
        let class = match outcome {
            Outcome::Passed => None,
            _ => Some(self.class.as_deref().unwrap_or("expectation")),
        };
        self.journey.end(Sample {
            class,
            response: self.ended.saturating_sub(self.turn.intended),
            service: self
                .ended
                .saturating_sub(self.sent.unwrap_or(self.turn.intended)),
            bytes_in: self.bytes_in,
            affected: self.affected,
        });
    }
}
