//! An answer held against its step: what did not hold, and what is kept of it. Where the walk goes from there is not
//! known here.

use super::{Answer, Walk};
use crate::event::Broken;
use crate::expr::View;
use crate::expr::step::StepSubject;
use crate::journey::{RequestStep, redirect};
use std::time::Duration;

impl Walk {
    /// Checks and captures; what did not hold.
    pub(super) fn judge(
        &mut self,
        step: &RequestStep,
        answer: &Answer,
        sent: Duration,
    ) -> Vec<Broken> {
        let response = match &answer.result {
            Ok(response) => response,
            Err(failure) => {
                return vec![Broken {
                    expected: "a response".into(),
                    actual: failure.to_string(),
                }];
            }
        };
        let view = View::new(response, answer.ended.saturating_sub(sent));
        let mut failures: Vec<_> = step
            .expect
            .iter()
            .filter_map(|e| e.check(&view, &mut self.scope).err())
            .collect();
        if !says_status(step) && response.status >= 400 {
            failures.insert(
                0,
                Broken {
                    expected: "status < 400".into(),
                    actual: response.status.to_string(),
                },
            );
        }
        if failures.is_empty() {
            for capture in &step.captures {
                match view.capture(&capture.from) {
                    Ok(value) => drop(self.scope.variables.insert(capture.name.clone(), value)),
                    Err(actual) => failures.push(Broken {
                        expected: format!("{} = {}", capture.name, capture.from),
                        actual,
                    }),
                }
            }
        }
        failures
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
