//! One arrival: walks its journey through core's interpreter on the worker's connections, and counts what happens.
//! What a step means is decided in core; what a connection is, in the pool.

use crate::evidence::Place;
use crate::exchange::{Exchanged, exchange};
use crate::meter::{Key, Late, Sample};
use crate::mix::Choice;
use crate::worker::Worker;
use harness_core::event::Outcome;
use harness_core::journey::walk::{Answer, Context, Next, Outgoing, StepEnd, Walk};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// Begun later than this after its intended time counts as late: well above what a timer and a scheduler need, well
/// below what would change a verdict. The lag histogram has the whole picture.
pub(crate) const LATE: Duration = Duration::from_millis(5);

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

/// An arrival on its way through its journey.
pub(crate) struct Walker {
    worker: Rc<Worker>,
    journey: Open,
    choice: Choice,
    arrival: u64,
    intended: Duration,
    /// When the first request was sent.
    sent: Option<Duration>,
    /// When the last step ended.
    ended: Duration,
    /// The class of the step that failed.
    class: Option<String>,
    step: Option<OpenStep>,
    bytes_in: u64,
}

struct OpenStep {
    index: usize,
    open: Open,
    intended: Duration,
    bytes_in: u64,
}

impl Walker {
    /// The walk of an arrival; `journey` has been counted as started.
    pub(crate) fn new(
        worker: Rc<Worker>,
        journey: Open,
        choice: Choice,
        arrival: u64,
        intended: Duration,
    ) -> Self {
        Self {
            worker,
            journey,
            choice,
            arrival,
            intended,
            sent: None,
            ended: intended,
            class: None,
            step: None,
            bytes_in: 0,
        }
    }

    /// Walks to the end.
    pub(crate) async fn walk(mut self) {
        let worker = Rc::clone(&self.worker);
        let Some(journey) = worker.journeys.get(self.choice.journey) else {
            return;
        };
        let context = Context {
            seed: worker.seed,
            run: worker.run.clone(),
            iteration: self.choice.iteration,
            row: self.choice.row,
            wall_ms_at_zero: worker.clock.wall_ms(Duration::ZERO),
            traceparent: worker.traceparent,
        };
        let mut walk = Walk::new(Arc::clone(journey), &context, self.intended);
        loop {
            match walk.next(worker.clock.now()) {
                Next::Send(outgoing) => {
                    if let Some(end) = walk.answer(self.send(outgoing).await) {
                        if end.passed {
                            let mut keeper = worker.keeper.borrow_mut();
                            keeper.step_passed(self.choice.journey, end.step, &walk);
                        }
                        self.step_ended(end);
                    }
                }
                Next::Wait { until } => {
                    worker.pacer.until(until).await;
                    worker
                        .meter
                        .borrow_mut()
                        .lag(worker.clock.now().saturating_sub(until));
                }
                Next::Failed(end) => {
                    self.open_step(end.step, end.intended);
                    self.step_ended(end);
                }
                // A pause is the journey's time; it has no figures of its own.
                Next::Paused(end) => self.ended = end.ended,
                Next::Command { .. } => {
                    return worker.fail("a step commands the run, which load can't do");
                }
                Next::Done(Outcome::Cancelled) => return,
                Next::Done(outcome) => return self.end(outcome),
            }
        }
    }

    async fn send(&mut self, outgoing: Outgoing) -> Answer {
        let Outgoing {
            step,
            request,
            timeout,
            intended,
            ..
        } = outgoing;
        let first_try = self.open_step(step, intended);
        let worker = &self.worker;
        let exchanged = exchange(
            &worker.pool,
            &worker.pacer,
            worker.clock,
            &request,
            intended,
            timeout,
        )
        .await;
        if first_try {
            self.judge_lateness(intended, &exchanged);
        }
        let Exchanged {
            sent,
            ended,
            timing,
            result,
            ..
        } = exchanged;
        self.sent.get_or_insert(sent);
        if let (Some(open), Ok(response)) = (&mut self.step, &result) {
            open.bytes_in += response.body_len;
        }
        Answer {
            sent,
            ended,
            timing,
            result,
        }
    }

    /// Counts a step as started, unless it is under way already (a poll, a redirect).
    fn open_step(&mut self, index: usize, intended: Duration) -> bool {
        if self.step.as_ref().is_some_and(|step| step.index == index) {
            return false;
        }
        let name = self.worker.names.step(self.choice.journey, index);
        let open = Open::start(&self.worker, self.worker.key(intended, name), false);
        self.step = Some(OpenStep {
            index,
            open,
            intended,
            bytes_in: 0,
        });
        true
    }

    /// Tells whose fault a late start was: the generator's, if it asked late, else that of the target, if every
    /// connection was busy with it.
    fn judge_lateness(&self, intended: Duration, exchanged: &Exchanged) {
        let late = if exchanged.asked.saturating_sub(intended) > LATE {
            Late::Generator
        } else if exchanged.sent.saturating_sub(exchanged.asked) > LATE {
            Late::Target
        } else {
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
            ..
        }) = self.step.take()
        else {
            return;
        };
        let key = open.key;
        self.ended = end.ended;
        self.bytes_in += bytes_in;
        self.class = self.class.take().or_else(|| end.class.clone());
        open.end(Sample {
            class: end.class.as_deref(),
            response: end.ended.saturating_sub(end.intended),
            service: end.ended.saturating_sub(end.sent),
            bytes_in,
        });
        if let Some(name) = self.worker.names.name(key.name) {
            let place = Place {
                name,
                arrival: self.arrival,
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
            response: self.ended.saturating_sub(self.intended),
            service: self
                .ended
                .saturating_sub(self.sent.unwrap_or(self.intended)),
            bytes_in: self.bytes_in,
        });
    }
}
