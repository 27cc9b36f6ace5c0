//! Functional walks: drives the interpreter with a real client, one walk at a time, obeys the commands a journey may
//! give, and says how every step went. What a step means is decided in `core`, not here.

pub mod cucumber;

use crate::dispatcher::Mouth;
use crate::http_client::{Client, Exchanged};
use crate::ports::{Faults, Watch};
use crate::spans;
use harness_core::event::{Event, JourneyFinished, Outcome, SeenIn, StepFinished};
use harness_core::journey::command::Command;
use harness_core::journey::walk::{Answer, Context, Next, Outgoing, StepEnd, Walk};
use harness_core::journey::{Journey, evidence};
use harness_core::name::RunId;
use harness_core::plan::fault::{Site, Strike};
use harness_core::units::micros;
use harness_load::Clock;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, Span, field, info_span};

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
    /// What the walks' spans lie in: a walk may go on another thread.
    pub span: Span,
}

impl Walker {
    /// Walks a journey once for each of its rows; the outcome is the worst.
    pub async fn walk_all(&self, journey: &Arc<Journey>, stop: &CancellationToken) -> Outcome {
        let mut worst = Outcome::Passed;
        for row in 0..journey.walks() {
            let mut passage = Passage::begin(self.clone(), Arc::clone(journey), row);
            let cancelled = tokio::select! {
                biased;
                () = stop.cancelled() => true,
                () = passage.advance(None) => false,
            };
            match passage.finish(cancelled).await {
                Outcome::Passed => {}
                Outcome::Failed => worst = Outcome::Failed,
                Outcome::Cancelled => return Outcome::Cancelled,
            }
        }
        worst
    }
}

/// One walk under way.
pub struct Passage {
    walker: Walker,
    journey: Arc<Journey>,
    row: u32,
    walk: Walk,
    begun: Duration,
    /// Faults this walk has armed and not lifted.
    armed: Vec<(String, Site, Span)>,
    /// How often each step has ended, as far as the walk has come.
    passes: Vec<u32>,
    outcome: Option<Outcome>,
    span: Span,
    /// The span of the step under way.
    step: Option<Span>,
}

impl Passage {
    /// Begins a walk with one row.
    pub fn begin(walker: Walker, journey: Arc<Journey>, row: u32) -> Self {
        let begun = walker.clock.now();
        let context = Context {
            seed: walker.seed,
            run: walker.run.clone(),
            iteration: u64::from(row),
            row: (!journey.rows.is_empty()).then_some(row as usize),
            wall_ms_at_zero: walker.clock.wall_ms(Duration::ZERO),
            traceparent: walker.traceparent,
        };
        let walk = Walk::new(Arc::clone(&journey), &context, begun);
        let span = info_span!(
            parent: &walker.span,
            "journey",
            journey = %journey.name,
            row,
            outcome = field::Empty,
            otel.status_code = field::Empty,
        );
        Self {
            walker,
            journey,
            row,
            walk,
            begun,
            armed: Vec::new(),
            passes: Vec::new(),
            outcome: None,
            span,
            step: None,
        }
    }

    /// The journey.
    fn journey(&self) -> &Arc<Journey> {
        &self.journey
    }

    /// What it needs of the run.
    fn walker(&self) -> &Walker {
        &self.walker
    }

    /// How it went, once it is over.
    pub fn outcome(&self) -> Option<Outcome> {
        self.outcome
    }

    /// Goes on until this step (by index) has ended, or to the end.
    pub async fn advance(&mut self, through: Option<usize>) {
        while self.outcome.is_none() && through.is_none_or(|step| self.walk.at() <= step) {
            let end = match self.walk.next(self.walker.clock.now()) {
                Next::Send(outgoing) => self.send(&outgoing).await,
                Next::Wait { until } => {
                    tokio::time::sleep_until(self.walker.clock.instant(until).into()).await;
                    None
                }
                Next::Command { command, step } => {
                    let span = self.step_span(step);
                    let result = self.obey(&command).instrument(span).await;
                    Some(self.walk.commanded(self.walker.clock.now(), result))
                }
                Next::Failed(end) | Next::Paused(end) => Some(end),
                Next::Done(outcome) => {
                    self.outcome = Some(outcome);
                    None
                }
            };
            if let Some(end) = end {
                if let Some(span) = self.step.take() {
                    span.record("attempts", end.attempts);
                    if !end.passed {
                        spans::failed(&span);
                    }
                }
                self.say_step(end).await;
            }
        }
    }

    /// The span of a step, open until the step has ended: a step that polls has one for all its requests.
    fn step_span(&mut self, index: usize) -> Span {
        let open = self.step.get_or_insert_with(|| {
            let step = self.journey.steps.get(index);
            info_span!(
                parent: &self.span,
                "step",
                step = step.map_or("", |step| step.name.as_str()),
                attempts = field::Empty,
                traceparent = field::Empty,
                otel.status_code = field::Empty,
            )
        });
        open.clone()
    }

    /// Sends a request, all its copies at once.
    async fn send(&mut self, outgoing: &Outgoing) -> Option<StepEnd> {
        let span = self.step_span(outgoing.step);
        // What the target's own traces carry, so that they can be found from here.
        if let Some(sent) = outgoing.request.header("traceparent") {
            span.record("traceparent", sent);
        }
        let client = &self.walker.client;
        let copies = (0..outgoing.copies.max(1)).map(|_| {
            let send = client.send(&outgoing.request, outgoing.timeout);
            send.instrument(span.clone())
        });
        let mut answers = futures::future::join_all(copies)
            .await
            .into_iter()
            .map(|exchanged| {
                if let Ok(response) = &exchanged.result {
                    self.walker
                        .watch
                        .saw(SeenIn::Journey, &outgoing.request, response);
                }
                let Exchanged {
                    sent,
                    ended,
                    timing,
                    result,
                } = exchanged;
                Answer {
                    sent,
                    ended,
                    timing,
                    result,
                }
            });
        let first = answers.next()?;
        let others = answers.collect();
        self.walk.answers(first, others)
    }

    /// Lifts what it armed, says which steps were skipped and how it went.
    pub async fn finish(mut self, cancelled: bool) -> Outcome {
        let mouth = self.walker.mouth.clone();
        for (id, on, _span) in std::mem::take(&mut self.armed) {
            // A fault's name may hold a `/`; a journey's can't.
            let fault = id.split_once('/').map_or(id.as_str(), |(_, fault)| fault);
            let fault = fault.to_owned();
            if let Err(reason) = self.lift(&id, &on, &fault).await {
                let failed = Event::FaultFailed {
                    fault,
                    scenario: None,
                    reason,
                    turn: 1,
                };
                mouth.say(failed).await;
            }
        }
        for step in self.journey.steps.iter().skip(self.passes.len()) {
            mouth
                .say(Event::StepFinished(Box::new(skipped(
                    &self.journey,
                    self.row,
                    &step.name,
                ))))
                .await;
        }
        let outcome = match self.outcome {
            Some(outcome) => outcome,
            None if cancelled => Outcome::Cancelled,
            None => Outcome::Failed,
        };
        self.span.record("outcome", spans::word(outcome));
        if outcome == Outcome::Failed {
            spans::failed(&self.span);
        }
        let took_us = micros(self.walker.clock.now().saturating_sub(self.begun));
        let journey = self.journey.name.clone();
        mouth
            .say(Event::JourneyFinished(JourneyFinished {
                journey,
                row: self.row,
                outcome,
                took_us,
            }))
            .await;
        outcome
    }

    async fn say_step(&mut self, end: StepEnd) {
        if self.passes.len() <= end.step {
            self.passes.resize(end.step + 1, 0);
        }
        let pass = self.passes.get_mut(end.step).map_or(1, |passes| {
            *passes += 1;
            *passes
        });
        let step = self
            .journey
            .steps
            .get(end.step)
            .map_or_else(String::new, |step| step.name.clone());
        // A passed step's evidence would only make the record grow.
        let exchange = match &end.request {
            Some(request) if !end.passed => {
                Some(evidence::exchange(request, end.result.as_ref(), end.timing))
            }
            _ => None,
        };
        let finished = StepFinished {
            journey: self.journey.name.clone(),
            row: self.row,
            step,
            pass,
            passed: Some(end.passed),
            failures: end.failures,
            attempts: end.attempts,
            took_us: micros(end.ended.saturating_sub(end.intended)),
            exchange,
        };
        self.walker
            .mouth
            .say(Event::StepFinished(Box::new(finished)))
            .await;
    }

    async fn obey(&mut self, command: &Command) -> Result<(), String> {
        let (faults, mouth) = (Arc::clone(&self.walker.faults), self.walker.mouth.clone());
        let id = |fault: &str| format!("{}/{fault}", self.journey.name);
        match command {
            Command::Arm {
                fault,
                on,
                kind,
                reach,
            } => {
                let what = on.broken(kind, reach);
                mouth
                    .say(Event::FaultArmed {
                        fault: fault.clone(),
                        scenario: None,
                        what,
                        turn: 1,
                    })
                    .await;
                let id = id(fault);
                let span = info_span!(parent: &self.span, "fault", fault, %on, what = %kind);
                self.armed.push((id.clone(), on.clone(), span));
                let strike = Strike {
                    on,
                    kind,
                    reach,
                    over: LEASE,
                };
                faults.arm(&id, strike, LEASE).await?;
                // A walk has no time to wait for the first effect; who did it is told where that is known at once.
                if let Some(first) = faults.effective(&id)
                    && first.by.is_some()
                {
                    let effective = Event::FaultEffective {
                        fault: fault.clone(),
                        scenario: None,
                        effective_us: micros(first.at),
                        turn: 1,
                        assumed: first.assumed,
                        by: first.by,
                    };
                    mouth.say(effective).await;
                }
                Ok(())
            }
            Command::Lift { fault } => {
                let id = id(fault);
                let armed = self.armed.iter().position(|(armed, ..)| *armed == id);
                match armed.map(|at| self.armed.remove(at)) {
                    Some((id, on, _span)) => self.lift(&id, &on, fault).await,
                    // It could not be armed, and the walk went on: nothing is there to be lifted.
                    None => Ok(()),
                }
            }
        }
    }

    /// Lifts a fault, says so, and waits until what was broken is ready: the next step may need it.
    async fn lift(&self, id: &str, on: &Site, fault: &str) -> Result<(), String> {
        self.walker.faults.lift(id).await?;
        let lifted = Event::FaultLifted {
            fault: fault.to_owned(),
            scenario: None,
            turn: 1,
        };
        self.walker.mouth.say(lifted).await;
        self.walker.faults.ready(on).await
    }
}

fn skipped(journey: &Journey, row: u32, step: &str) -> StepFinished {
    StepFinished {
        journey: journey.name.clone(),
        row,
        step: step.to_owned(),
        pass: 1,
        passed: None,
        failures: Vec::new(),
        attempts: 0,
        took_us: 0,
        exchange: None,
    }
}
