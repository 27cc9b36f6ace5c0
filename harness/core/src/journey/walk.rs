//! The one interpreter of journeys, sans I/O: it yields a request, is given the answer, checks, captures, and yields the
//! next. Functional runs drive it with a rich client, load with its own connections; it knows neither, nor a clock:
//! all times are handed in, as distances from the run's begin.

mod build;
mod judge;
mod keep;
mod terms;

pub use terms::{Answer, Context, Next, Outgoing, StepEnd};

use super::jar::Jar;
use super::{Action, Journey, RequestStep, redirect};
use crate::event::{Broken, Outcome, error_class};
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

/// A request under way.
#[derive(Debug)]
struct Pending {
    request: Request,
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
    /// Draws for trace identifiers; none when switched off.
    trace: Option<(u128, Draws)>,
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
        let trace = context.traceparent.then(|| {
            let mut draws = Draws::at(context.seed, &[at[0], at[1], at[2], coordinate("trace")]);
            (
                u128::from(draws.bits()) << 64 | u128::from(draws.bits()) | 1,
                draws,
            )
        });
        let mut scope = Scope {
            variables: preset,
            row: context.row.and_then(|row| journey.rows.get(row).cloned()),
            iteration: context.iteration,
            data: Draws::at(context.seed, &[at[1], at[2], coordinate("data")]),
            ids: Draws::at(context.seed, &at),
            wall_ms: context.wall_ms_at_zero,
        };
        let mut unfilled = None;
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
        if now < self.intended {
            return Next::Wait {
                until: self.intended,
            };
        }
        let journey = Arc::clone(&self.journey);
        let Some(step) = journey.steps.get(self.at) else {
            self.outcome = Some(Outcome::Passed);
            return Next::Done(Outcome::Passed);
        };
        if let Some(error) = self.unfilled.take() {
            return Next::Failed(self.unbuilt(unfillable(&error), now));
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
            self.jar.keep(&request.url, &response.headers);
            if redirects < step.redirects
                && let Some(next) = redirect::follow(&request, response)
            {
                self.onward = Some(Pending {
                    request: next,
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
        match (passed, cancelled) {
            (true, _) => self.go(verdict.back.unwrap_or(self.at + 1), ended + step.think),
            (false, true) => self.outcome = Some(Outcome::Cancelled),
            (false, false) => self.outcome = Some(Outcome::Failed),
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
            self.outcome = Some(Outcome::Failed);
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
        self.outcome = Some(Outcome::Failed);
        Next::Failed(end)
    }

    /// On to a step, or back to one.
    fn go(&mut self, at: usize, intended: Duration) {
        self.at = at;
        self.intended = intended;
        self.deadline = None;
        self.attempts = 0;
    }

    fn unbuilt(&mut self, broken: Broken, now: Duration) -> StepEnd {
        self.outcome = Some(Outcome::Failed);
        self.silent(false, vec![broken], now)
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
