//! The one mouth. Owns the run's record, gives every event its number and its time, lets the listener hear it, and
//! decides what it means for the run. Nothing here waits, and nothing else emits.

use crate::redact::Redactor;
use harness_core::event::{Envelope, Event, ScenarioEnd};
use harness_core::name::Name;
use harness_core::record::Record;
use harness_core::units::micros;
use harness_core::verdict;
use harness_load::Clock;
use std::fmt;
use tokio::sync::{mpsc, oneshot};

/// What reaches the dispatcher.
#[derive(Debug)]
pub enum Input {
    /// Something happened.
    Say(Event),
    /// Somebody wants to know what the record says by now.
    Ask(Question),
    /// A second passed: time to ask the gates that may stop a scenario.
    Second,
    /// Somebody pressed Ctrl-C, or sent TERM.
    Interrupt,
}

/// A question about the record, which answers whoever asked.
pub struct Question(Box<dyn FnOnce(&Record) + Send>);

impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Question")
    }
}

/// What the run must do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Response {
    /// Nothing.
    Continue,
    /// End this scenario's load now.
    StopScenario(Name, ScenarioEnd),
    /// Stop everything in good order.
    Cancel,
    /// Stop without order; the guardian cleans up.
    ExitNow,
    /// The stream is complete.
    Finished,
}

/// Clonable way to the dispatcher.
#[derive(Debug, Clone)]
pub struct Mouth(mpsc::Sender<Input>);

impl Mouth {
    /// A mouth and the ear it speaks to.
    pub fn pair() -> (Self, mpsc::Receiver<Input>) {
        let (sender, receiver) = mpsc::channel(4096);
        (Self(sender), receiver)
    }

    /// Says an event. Waits when the dispatcher is behind: events are never dropped. When the dispatcher is gone the
    /// run is over and there is nobody to tell.
    pub async fn say(&self, event: Event) {
        let _ = self.0.send(Input::Say(event)).await;
    }

    /// Asks something of the record, after everything that was said before. `None` when the dispatcher is gone.
    pub async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Record) -> T + Send + 'static,
    ) -> Option<T> {
        let (sender, answer) = oneshot::channel();
        // Who asked may have gone meanwhile.
        let ask = Question(Box::new(move |record| drop(sender.send(question(record)))));
        self.0.send(Input::Ask(ask)).await.ok()?;
        answer.await.ok()
    }

    /// Says an event from where one can't wait; `false` when the dispatcher is too far behind to take it, which the
    /// caller must count.
    pub fn try_say(&self, event: Event) -> bool {
        self.0.try_send(Input::Say(event)).is_ok()
    }
}

/// Owns the run's state.
pub struct Dispatcher<L> {
    clock: Clock,
    redactor: Redactor,
    listener: L,
    record: Record,
    next: u64,
    /// The scenario under load, until something ended it.
    loading: Option<Name>,
    interrupts: u32,
}

impl<L: FnMut(&Envelope, &Record)> Dispatcher<L> {
    /// A dispatcher at the begin of a run.
    pub fn new(clock: Clock, redactor: Redactor, listener: L) -> Self {
        Self {
            clock,
            redactor,
            listener,
            record: Record::default(),
            next: 0,
            loading: None,
            interrupts: 0,
        }
    }

    /// Takes one input: the only place where the run's state changes.
    pub fn handle(&mut self, input: Input) -> Response {
        match input {
            Input::Say(event) => self.say(event),
            Input::Ask(Question(question)) => {
                question(&self.record);
                Response::Continue
            }
            Input::Second => self.early_gates(),
            Input::Interrupt => self.interrupted(),
        }
    }

    /// What the events said, at the end.
    pub fn into_record(self) -> Record {
        self.record
    }

    fn say(&mut self, event: Event) -> Response {
        let response = match &event {
            Event::ScenarioStarted { scenario, .. } => {
                self.loading = Some(scenario.clone());
                Response::Continue
            }
            Event::ScenarioFinished { .. } => {
                self.loading = None;
                Response::Continue
            }
            Event::ServiceDied { .. } => self.stop(ScenarioEnd::TargetDied),
            Event::RunFinished { .. } => Response::Finished,
            _ => Response::Continue,
        };
        self.emit(event);
        response
    }

    fn early_gates(&mut self) -> Response {
        let Some(scenario) = self.loading.clone() else {
            return Response::Continue;
        };
        let tripped = verdict::tripped(&self.record, &scenario);
        if tripped.is_empty() {
            return Response::Continue;
        }
        for (gate, observed) in tripped {
            self.emit(Event::GateTripped { gate, observed });
        }
        self.stop(ScenarioEnd::Aborted)
    }

    fn interrupted(&mut self) -> Response {
        self.interrupts += 1;
        if self.interrupts > 1 {
            return Response::ExitNow;
        }
        self.emit(Event::CancelRequested);
        Response::Cancel
    }

    fn stop(&mut self, end: ScenarioEnd) -> Response {
        self.loading.take().map_or(Response::Continue, |scenario| {
            Response::StopScenario(scenario, end)
        })
    }

    fn emit(&mut self, event: Event) {
        let event = self.redactor.event(event);
        let now = self.clock.now();
        let at_us = micros(now);
        let envelope = Envelope {
            seq: self.next,
            at_us,
            wall_ms: self.clock.wall_ms(now),
            event,
        };
        self.next += 1;
        if let Err(error) = self.record.apply(&envelope) {
            // The record is unchanged, and its gap makes the verdict invalid: nothing passes on it unseen.
            tracing::error!(%error, "an event does not fit the record");
        }
        (self.listener)(&envelope, &self.record);
    }
}
