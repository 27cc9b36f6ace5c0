//! Functional walks: drives the interpreter with a real client, one walk at a time, obeys the commands a journey may
//! give, and says how every step went. What a step means is decided in `core`, not here.

pub mod cucumber;

use crate::dispatcher::Mouth;
use crate::http_client::Client;
use crate::ports::{Faults, Watch};
use harness_core::event::{Event, JourneyFinished, Outcome, SeenIn, StepFinished};
use harness_core::journey::command::Command;
use harness_core::journey::walk::{Answer, Context, Next, StepEnd, Walk};
use harness_core::journey::{Journey, evidence};
use harness_core::name::RunId;
use harness_load::Clock;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// A journey's own fault lapses after this long, whatever happens to the walk.
const LEASE: Duration = Duration::from_secs(600);

/// Everything a walk needs of the run around it.
#[derive(Clone)]
pub struct Walker {
    /// Sends requests.
    pub client: Client,
    /// The run's clock.
    pub clock: Clock,
    /// Where events go.
    pub mouth: Mouth,
    /// Breaks and heals links for journeys that command it.
    pub faults: Arc<dyn Faults>,
    /// Sees every exchange.
    pub watch: Arc<dyn Watch>,
    /// The run.
    pub run: RunId,
    /// The plan's seed.
    pub seed: u64,
    /// Whether requests carry `traceparent`.
    pub traceparent: bool,
}

impl Walker {
    /// Walks a journey once for each of its rows; the outcome is the worst.
    pub async fn walk_all(&self, journey: &Arc<Journey>, stop: &CancellationToken) -> Outcome {
        let rows = u32::try_from(journey.rows.len()).unwrap_or(u32::MAX).max(1);
        let mut worst = Outcome::Passed;
        for row in 0..rows {
            match self.walk(journey, row, stop).await {
                Outcome::Passed => {}
                Outcome::Failed => worst = Outcome::Failed,
                Outcome::Cancelled => return Outcome::Cancelled,
            }
        }
        worst
    }

    /// Walks a journey with one row and says every step.
    pub async fn walk(&self, journey: &Arc<Journey>, row: u32, stop: &CancellationToken) -> Outcome {
        let begun = self.clock.now();
        let mut armed = Vec::new();
        let outcome = tokio::select! {
            biased;
            () = stop.cancelled() => Outcome::Cancelled,
            outcome = self.steps(journey, row, begun, &mut armed) => outcome,
        };
        for id in armed {
            if let Err(reason) = self.faults.lift(&id).await {
                let fault = id.rsplit('/').next().unwrap_or(&id).to_owned();
                self.mouth.say(Event::FaultFailed { fault, scenario: None, reason }).await;
            }
        }
        let took_us = micros(self.clock.now().saturating_sub(begun));
        let finished = JourneyFinished { journey: journey.name.clone(), row, outcome, took_us };
        self.mouth.say(Event::JourneyFinished(finished)).await;
        outcome
    }

    async fn steps(&self, journey: &Arc<Journey>, row: u32, begun: Duration, armed: &mut Vec<String>) -> Outcome {
        let context = Context {
            seed: self.seed,
            run: self.run.clone(),
            iteration: u64::from(row),
            row: (!journey.rows.is_empty()).then_some(row as usize),
            wall_ms_at_zero: self.clock.wall_ms(Duration::ZERO),
            traceparent: self.traceparent,
        };
        let mut walk = Walk::new(Arc::clone(journey), &context, begun);
        let mut done = 0;
        let outcome = loop {
            let end = match walk.next(self.clock.now()) {
                Next::Send(outgoing) => {
                    let exchanged = self.client.send(&outgoing.request, outgoing.timeout).await;
                    if let Ok(response) = &exchanged.result {
                        self.watch.saw(SeenIn::Journey, &outgoing.request, response);
                    }
                    walk.answer(Answer {
                        sent: exchanged.sent,
                        ended: exchanged.ended,
                        timing: exchanged.timing,
                        result: exchanged.result,
                    })
                }
                Next::Wait { until } => {
                    tokio::time::sleep_until(self.clock.instant(until).into()).await;
                    None
                }
                Next::Command { command, .. } => {
                    let result = self.obey(journey, &command, armed).await;
                    Some(walk.commanded(self.clock.now(), result))
                }
                Next::Failed(end) => Some(end),
                Next::Done(outcome) => break outcome,
            };
            if let Some(end) = end {
                done = end.step + 1;
                self.say_step(journey, row, end).await;
            }
        };
        for step in journey.steps.iter().skip(done) {
            self.mouth.say(Event::StepFinished(Box::new(skipped(journey, row, &step.name)))).await;
        }
        outcome
    }

    async fn say_step(&self, journey: &Journey, row: u32, end: StepEnd) {
        let step = journey.steps.get(end.step).map_or_else(String::new, |step| step.name.clone());
        let exchange =
            end.request.as_ref().map(|request| evidence::exchange(request, end.result.as_ref(), end.timing));
        let finished = StepFinished {
            journey: journey.name.clone(),
            row,
            step,
            passed: Some(end.passed),
            failures: end.failures,
            attempts: end.attempts,
            took_us: micros(end.ended.saturating_sub(end.intended)),
            // A passed step's evidence would only make the record grow.
            exchange: if end.passed { None } else { exchange },
        };
        self.mouth.say(Event::StepFinished(Box::new(finished))).await;
    }

    async fn obey(&self, journey: &Journey, command: &Command, armed: &mut Vec<String>) -> Result<(), String> {
        let id = |fault: &str| format!("{}/{fault}", journey.name);
        match command {
            Command::Arm { fault, link, kind } => {
                let what = format!("{kind} on {link}");
                self.mouth.say(Event::FaultArmed { fault: fault.clone(), scenario: None, what }).await;
                armed.push(id(fault));
                self.faults.arm(&id(fault), link, kind, LEASE).await
            }
            Command::Lift { fault } => {
                armed.retain(|armed| *armed != id(fault));
                let lifted = self.faults.lift(&id(fault)).await;
                if lifted.is_ok() {
                    self.mouth.say(Event::FaultLifted { fault: fault.clone(), scenario: None }).await;
                }
                lifted
            }
        }
    }
}

fn skipped(journey: &Journey, row: u32, step: &str) -> StepFinished {
    StepFinished {
        journey: journey.name.clone(),
        row,
        step: step.to_owned(),
        passed: None,
        failures: Vec::new(),
        attempts: 0,
        took_us: 0,
        exchange: None,
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
