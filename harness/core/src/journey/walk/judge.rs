//! Answers held against their step: what did not hold, in one answer or among those of its copies. What is kept of an
//! answer that holds is told in [`super::keep`], where the walk goes from there in [`super`].

use super::{Answer, Walk};
use crate::event::Broken;
use crate::expr::step::StepSubject;
use crate::expr::{View, equal, shown};
use crate::journey::{Copies, RequestStep, redirect};
use serde_json::Value;
use std::time::Duration;

/// Copies named in a failure that many of them share.
const NAMED: usize = 8;

/// What a step's answers came to.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    /// What did not hold.
    pub(super) failures: Vec<Broken>,
    /// The answer to show for it: 0 is the first.
    pub(super) shown: usize,
    /// Asking again can't help, and would keep things twice.
    pub(super) settled: bool,
    /// Where the walk goes back to.
    pub(super) back: Option<usize>,
}

impl Walk {
    /// Checks, and keeps what the step wants of an answer that holds. `others` are those of further copies.
    pub(super) fn judge(
        &mut self,
        step: &RequestStep,
        first: &Answer,
        others: &[Answer],
        sent: Duration,
    ) -> Verdict {
        let view = view(step, first, sent);
        let (failures, shown) = match &step.copies {
            Some(copies) => self.compare(step, copies, first, others),
            None => (self.unmet(step, first, &view), 0),
        };
        if !failures.is_empty() {
            return Verdict {
                failures,
                shown,
                ..Verdict::default()
            };
        }
        self.keep(step, &view)
    }

    /// What one answer does not satisfy.
    fn unmet(&mut self, step: &RequestStep, answer: &Answer, view: &View<'_>) -> Vec<Broken> {
        let response = match &answer.result {
            Ok(response) => response,
            Err(failure) => {
                return vec![Broken {
                    expected: "a response".into(),
                    actual: failure.to_string(),
                }];
            }
        };
        let status = (!says_status(step) && response.status >= 400).then(|| Broken {
            expected: "status < 400".into(),
            actual: response.status.to_string(),
        });
        let unmet = step
            .expect
            .iter()
            .filter_map(|e| e.check(view, &mut self.scope).err());
        status.into_iter().chain(unmet).collect()
    }

    /// What the answers of copies do not satisfy, each and together; and the answer to show for it.
    fn compare(
        &mut self,
        step: &RequestStep,
        copies: &Copies,
        first: &Answer,
        others: &[Answer],
    ) -> (Vec<Broken>, usize) {
        let answers: Vec<(&Answer, View<'_>)> = std::iter::once(first)
            .chain(others)
            .map(|answer| (answer, view(step, answer, answer.sent)))
            .collect();
        let mut broken: Vec<(usize, Vec<Broken>)> = Vec::new();
        for (index, (answer, view)) in answers.iter().enumerate() {
            let unmet = self.unmet(step, answer, view);
            if !unmet.is_empty() {
                broken.push((index, unmet));
            }
        }
        if let Some((at, unmet)) = broken.first() {
            let numbers: Vec<String> = broken
                .iter()
                .take(NAMED)
                .map(|(index, _)| (index + 1).to_string())
                .collect();
            let more = if broken.len() > NAMED { ", …" } else { "" };
            let mut failures: Vec<Broken> = unmet
                .iter()
                .map(|b| Broken {
                    actual: format!("{} (answer {})", b.actual, at + 1),
                    ..b.clone()
                })
                .collect();
            failures.push(Broken {
                expected: format!("all {} answers to hold", answers.len()),
                actual: format!("{} do not: {}{more}", broken.len(), numbers.join(", ")),
            });
            return (failures, *at);
        }
        let mut failures = Vec::new();
        let mut at = 0;
        for subject in &copies.same {
            if let Some((differs, other)) = self.differing(subject, &answers) {
                at = if failures.is_empty() { other } else { at };
                failures.push(differs);
            }
        }
        for (expectation, times) in &copies.exactly {
            let holding = answers
                .iter()
                .filter(|(_, view)| expectation.check(view, &mut self.scope).is_ok())
                .count();
            if holding != usize::from(*times) {
                failures.push(Broken {
                    expected: format!(
                        "exactly {times} of {} answers: {expectation}",
                        answers.len()
                    ),
                    actual: format!("{holding} of them"),
                });
            }
        }
        (failures, at)
    }

    /// Where a subject is not the same in all answers: what to say, and the answer that differs.
    fn differing(
        &self,
        subject: &StepSubject,
        answers: &[(&Answer, View<'_>)],
    ) -> Option<(Broken, usize)> {
        let value = |view: &View<'_>| view.capture(subject, &self.scope.variables);
        let differs = |actual: String, other: usize| {
            let expected = format!("{subject} to be the same in all {} answers", answers.len());
            Some((Broken { expected, actual }, other))
        };
        let mut first: Option<Value> = None;
        for (index, (_, view)) in answers.iter().enumerate() {
            match (value(view), &first) {
                (Err(why), _) => return differs(format!("answer {}: {why}", index + 1), index),
                (Ok(value), None) => first = Some(value),
                (Ok(value), Some(first)) if !equal(first, &value) => {
                    let actual = format!(
                        "{} in answer 1, {} in answer {}",
                        shown(first),
                        shown(&value),
                        index + 1
                    );
                    return differs(actual, index);
                }
                (Ok(_), Some(_)) => {}
            }
        }
        None
    }
}

/// What can be looked at in an answer; where none came, nothing.
fn view<'a>(step: &'a RequestStep, answer: &'a Answer, sent: Duration) -> View<'a> {
    match &answer.result {
        Ok(response) => {
            let took = answer.ended.saturating_sub(sent);
            View::new(response, took, step.subjects())
        }
        Err(_) => View::nothing(),
    }
}

fn says_status(step: &RequestStep) -> bool {
    step.expect.iter().any(|e| e.subject == StepSubject::Status)
}

/// A redirect that should have been followed and can't be; a step that names a status judges the redirect itself.
pub(super) fn stuck(step: &RequestStep, redirects: u8, answer: &Answer) -> Option<Broken> {
    let location = redirect::location(answer.result.as_ref().ok()?)?;
    if step.redirects == 0 || says_status(step) {
        return None;
    }
    Some(if redirects == step.redirects {
        Broken {
            expected: format!("at most {redirects} redirects"),
            actual: format!("one more, to {location}"),
        }
    } else {
        Broken {
            expected: "a redirect that can be followed".into(),
            actual: location.to_owned(),
        }
    })
}
