//! Nothing is reported on one sight: what looks wrong is asked once more, and told with how often it was so.

use super::build::Built;
use super::case::{Evidence, Purpose, Reported};
use super::uniform::Uniform;
use super::{Planned, Session};
use crate::document::{Document, Operation};
use crate::finding::Finding;
use crate::generate::Variant;
use harness_core::http::Method;
use std::sync::Arc;

/// Findings seen once, waiting for their confirmation.
#[derive(Debug)]
pub(super) struct Suspect {
    pub(super) index: usize,
    pub(super) variant: Variant,
    pub(super) built: Built,
    pub(super) findings: Vec<Finding>,
    pub(super) evidence: Evidence,
    pub(super) planned: bool,
    pub(super) settled: bool,
}

impl Session {
    /// Asks again what is suspect, unless one thing may still be wrong with everything.
    pub(super) fn plan_confirmations(&mut self) {
        if self.uniform != Uniform::Broken {
            return;
        }
        for suspect in 0..self.suspects.len() {
            let held = self
                .suspects
                .get(suspect)
                .is_none_or(|s| s.planned || self.locked_out(s));
            if !held {
                self.plan_confirmation(suspect);
            }
        }
    }

    /// Whether a suspect is only one more of the operations that all deny access.
    pub(super) fn locked_out(&self, suspect: &Suspect) -> bool {
        let secured = self.checker.document().operations.get(suspect.index);
        matches!((&self.access, &suspect.evidence.answer), (Uniform::Denied(all), Ok(answer)) if answer.status == *all)
            && secured.is_some_and(|o| !o.security.is_empty())
            && self.access.denies()
    }

    fn plan_confirmation(&mut self, suspect: usize) {
        let Some(seen) = self.suspects.get_mut(suspect) else {
            return;
        };
        seen.planned = true;
        let document = Arc::clone(self.checker.document());
        let Some(operation) = document.operations.get(seen.index) else {
            return;
        };
        // What is deleted or made cannot be deleted or made again as it was: these are built anew.
        let anew = matches!(operation.method, Method::Delete | Method::Post);
        let again = (!anew).then(|| seen.built.clone());
        let confirm = Planned {
            index: seen.index,
            variant: seen.variant,
            purpose: Purpose::Confirm,
            again,
            suspect: Some(suspect),
        };
        self.queue.push_front(confirm);
        if operation.method == Method::Delete
            && let Some(producer) = producer(&document, operation)
        {
            let variant = Variant::Required;
            self.queue.push_front(Planned {
                index: producer,
                variant,
                purpose: Purpose::Prepare,
                again: None,
                suspect: None,
            });
        }
    }

    /// Reports a suspect's findings with how often they were seen, and those only its repetition had.
    pub(super) fn settle(
        &mut self,
        suspect: usize,
        again: Vec<Finding>,
        evidence: Evidence,
    ) -> Vec<Reported> {
        let Some(seen) = self.suspects.get_mut(suspect) else {
            return Vec::new();
        };
        seen.settled = true;
        let flaky = |mut finding: Finding, evidence: &Evidence| {
            finding.message.push_str(" (reproduced 1 of 2, flaky)");
            Reported {
                finding,
                evidence: Some(evidence.clone()),
            }
        };
        let mut reported = Vec::new();
        for mut finding in std::mem::take(&mut seen.findings) {
            if again.iter().any(|other| other.key == finding.key) {
                finding.message.push_str(" (reproduced 2 of 2)");
                reported.push(Reported {
                    finding,
                    evidence: Some(evidence.clone()),
                });
            } else {
                reported.push(flaky(finding, &seen.evidence));
            }
        }
        let new: Vec<Finding> = again
            .into_iter()
            .filter(|f| self.keys.insert(f.key.clone()))
            .collect();
        reported.extend(new.into_iter().map(|finding| flaky(finding, &evidence)));
        reported
    }
}

/// The operation that makes what another one deletes: a POST on the collection, or a PUT on the same path.
fn producer(document: &Document, delete: &Operation) -> Option<usize> {
    let path = delete.path.trim_end_matches('/');
    let collection = path
        .rsplit_once('/')
        .map_or("", |(collection, _)| collection);
    let makes = |o: &Operation| {
        let theirs = o.path.trim_end_matches('/');
        (o.method == Method::Post && theirs == collection)
            || (o.method == Method::Put && theirs == path)
    };
    document.operations.iter().position(makes)
}
