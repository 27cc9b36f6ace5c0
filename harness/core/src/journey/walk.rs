//! The one interpreter of journeys, sans I/O: it yields a request, is given the answer, checks, captures, and yields the
//! next. Functional runs drive it with a rich client, load with its own connections; it knows neither, nor a clock:
//! all times are handed in, as distances from the run's begin.

mod build;
mod judge;
mod keep;
mod terms;
pub mod trace;

pub use terms::{Answer, Context, Next, Outgoing, StepEnd};

use super::jar::Jar;
use super::think::Think;
use super::{Action, Journey, RequestStep, redirect};
use crate::event::{Broken, DATA, Outcome, error_class};
use crate::expr::View;
use crate::expr::step::Expectation;
use crate::http::{FailureKind, Request, Timing};
use crate::random::{Draws, coordinate};
use crate::template::{RenderError, Scope};
use judge::Verdict;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use trace::{Trace, TraceSeed};

/// A request under way.
#[derive(Debug)]
struct Pending {
    request: Arc<Request>,
    intended: Duration,
    redirects: u8,
    /// When the first hop was sent.
    sent: Option<Duration>,
}

/// One walk of a journey.
#[derive(Debug)]
pub struct Walk {
    journey: Arc<Journey>,
    scope: Scope,
    jar: Jar,
    wall_ms_at_zero: i64,
    seed: u64,
    /// Its journey and iteration, as coordinates of draws.
    place: [u64; 2],
    /// Think times so far.
    thinks: u64,
    /// Draws for trace identifiers; none when switched off.
    trace: Option<Trace>,
    /// The step to do.
    at: usize,
    /// When it is meant to begin.
    intended: Duration,
    /// When polling gives up; set by the first attempt of a step with `eventually`.
    deadline: Option<Duration>,
    attempts: u32,
    pending: Option<Pending>,
    /// A redirected request, ready to go.
    onward: Option<Pending>,
    /// Set when variables could not be filled: the first step says it.
    unfilled: Option<RenderError>,
    gathered: keep::Gathered,
    outcome: Option<Outcome>,
}

impl Walk {
    /// Begins a walk at its intended time. The journey's symbols must be bound.
    pub fn new(journey: Arc<Journey>, context: &Context, now: Duration) -> Self {
        Self::with(BTreeMap::new(), journey, context, now)
    }

    /// The same with variables that are set already; the journey's own of these names are not.
    pub fn with(
        preset: BTreeMap<String, Value>,
        journey: Arc<Journey>,
        context: &Context,
        now: Duration,
    ) -> Self {
        let at = [
            coordinate(context.run.as_str()),
            coordinate(journey.name.as_str()),
            context.iteration,
        ];
        let trace = context
            .traceparent
            .then(|| TraceSeed::of(context, journey.name.as_str()).trace(context.iteration));
        let (row, mut unfilled) = match context.row.map(|row| journey.rows.get(row)) {
            None => (None, None),
            Some(Ok(row)) => (row, None),
            Some(Err(error)) => (None, Some(RenderError::Data(error))),
        };
        let mut scope = Scope {
            variables: preset,
            row,
            iteration: context.iteration,
            data: Draws::at(context.seed, &[at[1], at[2], coordinate("data")]),
            ids: Draws::at(context.seed, &at),
            wall_ms: context.wall_ms_at_zero,
        };
        for (name, text) in &journey.variables {
            if scope.variables.contains_key(name) {
                continue;
            }
            match text.value(&mut scope) {
                Ok(value) => drop(scope.variables.insert(name.clone(), value)),
                Err(error) => unfilled = unfilled.or(Some(error)),
            }
        }
        // A list is there, and empty, before anything is collected.
        for collect in journey.collections() {
            let empty = serde_json::Value::Array(Vec::new());
            scope.variables.insert(collect.name.clone(), empty);
        }
        Self {
            journey,
            scope,
            jar: Jar::default(),
            wall_ms_at_zero: context.wall_ms_at_zero,
            seed: context.seed,
            place: [at[1], at[2]],
            thinks: 0,
            trace,
            at: 0,
            intended: now,
            deadline: None,
            attempts: 0,
            pending: None,
            onward: None,
            unfilled,
            gathered: keep::Gathered::default(),
            outcome: None,
        }
    }

    /// Gives the walk cookies from an earlier one.
    pub fn take_jar(&mut self, jar: Jar) {
        self.jar = jar;
    }

    /// The cookies it leaves, for the next walk of the same user.
    pub fn into_jar(self) -> Jar {
        self.jar
    }

    /// When whoever walks is free again, once it is over: the end of its last step, held or not, and the think time after
    /// it.
    pub fn free(&self) -> Duration {
        self.intended
    }

    /// The journey.
    pub fn journey(&self) -> &Arc<Journey> {
        &self.journey
    }

    /// The step it does now or next, by index.
    pub fn at(&self) -> usize {
        self.at
    }

    /// A variable's value, if it has one by now.
    pub fn variable(&self, name: &str) -> Option<&Value> {
        self.scope.variables.get(name)
    }

    /// What it wants now.
    pub fn next(&mut self, now: Duration) -> Next {
        if let Some(outcome) = self.outcome {
            return Next::Done(outcome);
        }
        let journey = Arc::clone(&self.journey);
        // What is thought after the last step is the time of whoever walks, not the journey's.
        let Some(step) = journey.steps.get(self.at) else {
            self.outcome = Some(Outcome::Passed);
            return Next::Done(Outcome::Passed);
        };
        if now < self.intended {
            return Next::Wait {
                until: self.intended,
            };
        }
        if let Some(error) = self.unfilled.take() {
            let mut end = self.unbuilt(unfillable(&error), now);
            if matches!(error, RenderError::Data(_)) {
                end.class = Some(DATA.to_owned());
            }
            return Next::Failed(end);
        }
        match &step.action {
            Action::Request(request) => self.send(request, now),
            Action::Command(command) => Next::Command {
                step: self.at,
                command: command.clone(),
            },
            Action::Pause(pause) => {
                let ended = self.intended + *pause;
                if now < ended {
                    return Next::Wait { until: ended };
                }
                let end = self.silent(true, Vec::new(), ended);
                self.go(self.at + 1, ended);
                Next::Paused(end)
            }
            Action::Check(expect) => self.check(expect, now),
        }
    }

    /// Takes what came of a request. `None` while the step goes on: polling, or following a redirect.
    pub fn answer(&mut self, answer: Answer) -> Option<StepEnd> {
        self.answers(answer, Vec::new())
    }

    /// Takes what came of a request and of its further copies.
    pub fn answers(&mut self, first: Answer, others: Vec<Answer>) -> Option<StepEnd> {
        let Pending {
            request,
            intended,
            redirects,
            sent,
        } = self.pending.take()?;
        // Of a step that was redirected, all hops are judged and measured together; of copies, all of them.
        let all = || std::iter::once(&first).chain(&others);
        let sent = sent.or_else(|| all().map(|a| a.sent).min())?;
        let ended = all().map(|a| a.ended).max()?;
        let journey = Arc::clone(&self.journey);
        let Action::Request(step) = &journey.steps.get(self.at)?.action else {
            return None;
        };
        if let Ok(response) = &first.result {
            let wall_ms = self.wall_ms(ended);
            self.jar.keep(&request.url, &response.headers, wall_ms);
            if redirects < step.redirects
                && let Some(next) = redirect::follow(&request, response)
            {
                self.onward = Some(Pending {
                    request: Arc::new(next),
                    intended,
                    redirects: redirects + 1,
                    sent: Some(sent),
                });
                return None;
            }
        }
        self.attempts += 1;
        self.scope.wall_ms = self.wall_ms(ended);
        let verdict = match judge::stuck(step, redirects, &first) {
            Some(broken) => Verdict {
                failures: vec![broken],
                ..Verdict::default()
            },
            None => self.judge(step, &first, &others, sent),
        };
        let passed = verdict.failures.is_empty();
        let cancelled = all()
            .any(|a| matches!(&a.result, Err(failure) if failure.kind == FailureKind::Cancelled));
        if !passed && !cancelled && !verdict.settled && self.polls_on(step, ended) {
            return None;
        }
        let Answer { timing, result, .. } = shown(first, others, verdict.shown);
        let class = (!passed).then(|| match &result {
            Err(failure) => error_class(Some(failure.kind), None),
            Ok(response) => error_class(None, Some(response.status)),
        });
        let end = StepEnd {
            step: self.at,
            passed,
            failures: verdict.failures,
            attempts: self.attempts,
            intended,
            sent,
            ended,
            class,
            request: Some(request),
            result: Some(result),
            timing,
        };
        let think = step.think.map_or(Duration::ZERO, |think| self.think(think));
        match (passed, cancelled) {
            (true, _) => self.go(verdict.back.unwrap_or(self.at + 1), ended + think),
            (false, true) => self.outcome = Some(Outcome::Cancelled),
            (false, false) => self.fail(ended + think),
        }
        Some(end)
    }

    /// Takes what came of a command.
    pub fn commanded(&mut self, now: Duration, result: Result<(), String>) -> StepEnd {
        let failures: Vec<_> = result
            .err()
            .map(|actual| Broken {
                expected: "the command to be obeyed".into(),
                actual,
            })
            .into_iter()
            .collect();
        let end = self.silent(failures.is_empty(), failures, now);
        if end.passed {
            self.go(self.at + 1, now);
        } else {
            self.fail(now);
        }
        end
    }

    /// Whether a step that does not hold yet is tried again, and if so when.
    fn polls_on(&mut self, step: &RequestStep, ended: Duration) -> bool {
        let again = ended + step.every.max(Duration::from_millis(1));
        let polls = self.deadline.is_some_and(|deadline| again <= deadline);
        if polls {
            self.intended = again;
        }
        polls
    }

    /// A step that asks nothing.
    fn check(&mut self, expect: &[Expectation], now: Duration) -> Next {
        let nothing = View::nothing();
        let unmet = expect
            .iter()
            .filter_map(|e| e.check(&nothing, &mut self.scope).err());
        let failures: Vec<_> = unmet.collect();
        let end = self.silent(failures.is_empty(), failures, now);
        if end.passed {
            self.go(self.at + 1, now);
            return Next::Paused(end);
        }
        self.fail(now);
        Next::Failed(end)
    }

    /// The think time after a step. Each has draws of its own, by its place in the walk: no data and no identifier is
    /// another because somebody thinks.
    fn think(&mut self, think: Think) -> Duration {
        self.thinks += 1;
        if !think.varies() {
            return think.longest();
        }
        let [journey, iteration] = self.place;
        let place = [journey, iteration, coordinate("think"), self.thinks];
        think.draw(&mut Draws::at(self.seed, &place))
    }

    /// On to a step, or back to one.
    fn go(&mut self, at: usize, intended: Duration) {
        self.at = at;
        self.intended = intended;
        self.deadline = None;
        self.attempts = 0;
    }

    /// Over, and badly; whoever walks is free from a time on.
    fn fail(&mut self, free: Duration) {
        self.outcome = Some(Outcome::Failed);
        self.intended = free;
    }

    fn unbuilt(&mut self, broken: Broken, now: Duration) -> StepEnd {
        let end = self.silent(false, vec![broken], now);
        self.fail(now);
        end
    }

    /// The end of a step that sent nothing.
    fn silent(&self, passed: bool, failures: Vec<Broken>, ended: Duration) -> StepEnd {
        StepEnd {
            step: self.at,
            passed,
            failures,
            attempts: 1,
            intended: self.intended,
            sent: self.intended,
            ended,
            class: (!passed).then(|| error_class(None, None)),
            request: None,
            result: None,
            timing: Timing::default(),
        }
    }

    fn wall_ms(&self, now: Duration) -> i64 {
        self.wall_ms_at_zero
            .saturating_add(i64::try_from(now.as_millis()).unwrap_or(i64::MAX))
    }
}

fn unfillable(error: &RenderError) -> Broken {
    Broken {
        expected: "a request".into(),
        actual: error.to_string(),
    }
}

/// The answer to show of several.
fn shown(first: Answer, mut others: Vec<Answer>, index: usize) -> Answer {
    match index.checked_sub(1).filter(|other| *other < others.len()) {
        Some(other) => others.swap_remove(other),
        None => first,
    }
}

#[cfg(test)]
mod tests;
