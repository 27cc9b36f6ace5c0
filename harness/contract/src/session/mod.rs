//! The state machine that exercises every operation with valid data: it yields a case, is told what came back, and
//! asks again before it reports. It must not know how requests are sent or what time it is.

mod build;
mod case;
mod confirm;
mod encode;
mod judge;
mod plan;
mod pool;
mod uniform;

use crate::check::Checker;
use crate::coverage::Coverage;
use crate::document::{Document, Operation, Place};
use crate::finding::Finding;
use crate::generate::Variant;
use build::{Builder, Built};
pub use case::{Case, Evidence, Purpose, Reported};
use confirm::Suspect;
use harness_core::event::{ContractCheck, SeenIn};
use harness_core::http::{Failure, FailureKind, Method, Response};
use pool::Pool;
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use uniform::Uniform;

/// Failures to get any response, one after another, after which the rest is not asked.
const DEAD: u32 = 4;

#[derive(Debug, Clone)]
struct Planned {
    index: usize,
    variant: Variant,
    purpose: Purpose,
    /// A confirmation that repeats the same bytes.
    again: Option<Built>,
    suspect: Option<usize>,
}

#[derive(Debug, Clone, Default)]
struct Progress {
    succeeded: bool,
    answered: bool,
    /// The 401 or 403 it answered last.
    denied: Option<u16>,
    made_up: Vec<String>,
    impossible: Option<String>,
}

/// One walk through a document. Call [`Session::next`], send, [`Session::observe`], until `next` gives `None`; one
/// case at a time, since later ones are built from earlier answers.
#[derive(Debug)]
pub struct Session {
    checker: Checker,
    base_url: String,
    headers: Vec<(String, String)>,
    seed: u64,
    queue: VecDeque<Planned>,
    pool: Pool,
    progress: Vec<Progress>,
    coverage: Coverage,
    suspects: Vec<Suspect>,
    keys: BTreeSet<String>,
    uniform: Uniform,
    /// The same over the answers of operations that ask for access.
    access: Uniform,
    rooted: bool,
    /// Whether something was taken away.
    removed: bool,
    dead: u32,
    last_failure: String,
    cancelled: bool,
    round: u64,
}

impl Session {
    /// A walk through all operations of a document at `base_url` (with its base path, without a trailing slash needed).
    /// `headers` go with every request, and win over generated ones. The same seed makes the same requests to the same
    /// answers; vary it from run to run where the server remembers, since idempotency keys come from it too.
    pub fn new(
        document: Arc<Document>,
        base_url: &str,
        headers: Vec<(String, String)>,
        seed: u64,
    ) -> Self {
        let mut queue = VecDeque::new();
        for index in plan::order(&document) {
            let plan = |variant, purpose| Planned {
                index,
                variant,
                purpose,
                again: None,
                suspect: None,
            };
            queue.push_back(plan(Variant::Required, Purpose::Exercise));
            if document.operations.get(index).is_some_and(has_options) {
                queue.push_back(plan(Variant::Full, Purpose::Optional));
            }
        }
        Self {
            base_url: base_url.trim_end_matches('/').to_owned(),
            headers,
            seed,
            queue,
            pool: Pool::default(),
            progress: vec![Progress::default(); document.operations.len()],
            coverage: Coverage::new(&document),
            suspects: Vec::new(),
            keys: BTreeSet::new(),
            uniform: Uniform::Nothing,
            access: Uniform::Nothing,
            rooted: false,
            removed: false,
            dead: 0,
            last_failure: String::new(),
            cancelled: false,
            round: 0,
            checker: Checker::new(document, Some(base_url)),
        }
    }

    /// The next case, or `None` when the walk is over.
    #[expect(
        clippy::should_implement_trait,
        reason = "answers are fed in between; an iterator would hide that"
    )]
    pub fn next(&mut self) -> Option<Case> {
        loop {
            let Some(planned) = self.queue.pop_front() else {
                // Made-up ids alone explain a 404 everywhere: then these are findings like any other.
                let explained = self.cancelled
                    || self.dead >= DEAD
                    || self.preflight().is_some()
                    || self.uniform == Uniform::Broken;
                if explained || self.suspects.iter().all(|s| s.settled) {
                    return None;
                }
                self.uniform = Uniform::Broken;
                self.plan_confirmations();
                continue;
            };
            if planned.purpose == Purpose::Confirm
                && planned
                    .suspect
                    .and_then(|s| self.suspects.get(s))
                    .is_none_or(|s| s.settled)
            {
                continue;
            }
            if let Some(case) = self.case(planned) {
                return Some(case);
            }
        }
    }

    fn case(&mut self, planned: Planned) -> Option<Case> {
        let document = Arc::clone(self.checker.document());
        let operation = document.operations.get(planned.index)?;
        self.round +=
            u64::from(planned.purpose != Purpose::Exercise && planned.purpose != Purpose::Optional);
        let built = match planned.again {
            Some(built) => Ok(built),
            None => {
                let round = if planned.purpose < Purpose::Prepare {
                    0
                } else {
                    self.round
                };
                self.builder(&document)
                    .build(operation, planned.variant, round)
            }
        };
        match built {
            Ok(built) => Some(Case {
                operation: operation.name.clone(),
                request: built.request.clone(),
                purpose: planned.purpose,
                index: planned.index,
                built,
                suspect: planned.suspect,
            }),
            Err(reason) => {
                if let Some(progress) = self.progress.get_mut(planned.index) {
                    progress.impossible.get_or_insert(reason);
                }
                None
            }
        }
    }

    fn builder<'b>(&'b self, document: &'b Document) -> Builder<'b> {
        Builder {
            document,
            pool: &self.pool,
            base_url: &self.base_url,
            headers: &self.headers,
            seed: self.seed,
        }
    }

    /// Takes what came back for a case; returns the findings that are now certain.
    pub fn observe(&mut self, case: &Case, answer: &Result<Response, Failure>) -> Vec<Reported> {
        let document = Arc::clone(self.checker.document());
        let Some(operation) = document.operations.get(case.index) else {
            return Vec::new();
        };
        if answer
            .as_ref()
            .is_err_and(|failure| failure.kind == FailureKind::Cancelled)
        {
            self.cancelled = true;
            self.queue.clear();
            return Vec::new();
        }
        let findings = self.judge(case, operation, answer);
        let evidence = Evidence {
            request: case.request.clone(),
            answer: answer.clone(),
        };
        if let Some(suspect) = case.suspect {
            return self.settle(suspect, findings, evidence);
        }
        self.uniform.take(answer, &findings);
        if answer.is_ok() && !operation.security.is_empty() {
            self.access.take(answer, &findings);
        }
        let findings: Vec<Finding> = findings
            .into_iter()
            .filter(|f| self.keys.insert(f.key.clone()))
            .collect();
        if !findings.is_empty() {
            let optional = case.purpose == Purpose::Optional;
            self.suspects.push(Suspect {
                index: case.index,
                variant: if optional {
                    Variant::Full
                } else {
                    Variant::Required
                },
                built: case.built.clone(),
                findings,
                evidence,
                planned: false,
                settled: false,
            });
        }
        self.plan_confirmations();
        Vec::new()
    }

    /// Counts an answer, learns from it, and says what is wrong with it.
    fn judge(
        &mut self,
        case: &Case,
        operation: &Operation,
        answer: &Result<Response, Failure>,
    ) -> Vec<Finding> {
        let response = match answer {
            Ok(response) => response,
            Err(failure) => {
                self.dead += 1;
                self.last_failure = failure.to_string();
                if self.dead >= DEAD {
                    self.queue.clear();
                }
                return vec![judge::unreachable(operation, failure)];
            }
        };
        self.dead = 0;
        self.rooted |= case.built.path.is_empty();
        self.coverage
            .record(&operation.name, response.status, SeenIn::Case);
        let success = (200..300).contains(&response.status);
        if let Some(progress) = self.progress.get_mut(case.index) {
            progress.answered = true;
            // Who is sent on was not refused.
            progress.succeeded |= (200..400).contains(&response.status);
            progress.denied = Some(response.status).filter(|s| matches!(s, 401 | 403));
            progress.made_up.clone_from(&case.built.made_up);
        }
        if success {
            let operations = &self.checker.document().operations;
            self.pool.learn(
                operation,
                &case.built.path,
                response,
                self.checker.matcher(),
                operations,
            );
        }
        if success && matches!(operation.method, Method::Put | Method::Patch) {
            self.pool
                .renamed(operation, &case.built.path, &case.request.body);
        }
        let mut findings = self.checker.check_operation(operation, response);
        if let Some(refused) = judge::refused(operation, response.status, &case.built, self.removed)
        {
            // One breach, one finding: the refusal says that the status is not listed.
            findings.retain(|f| f.check != ContractCheck::UndocumentedStatus);
            findings.push(refused);
        }
        self.removed |= success && plan::removes(operation) > 0;
        findings
    }

    fn preflight(&self) -> Option<Finding> {
        let asked = self.progress.iter().filter(|p| p.answered).count();
        self.uniform.finding(
            self.checker.document(),
            &self.base_url,
            asked,
            self.rooted,
            &self.last_failure,
        )
    }

    /// Ends the walk: what is left to say, and what was covered.
    pub fn finish(self) -> (Vec<Reported>, Coverage) {
        if let Some(finding) = self.preflight() {
            let first = self.suspects.into_iter().next().map(|s| s.evidence);
            return (
                vec![Reported {
                    finding,
                    evidence: first,
                }],
                self.coverage,
            );
        }
        let mut reported = Vec::new();
        let (locked, open): (Vec<_>, Vec<_>) = {
            let locked: Vec<bool> = self.suspects.iter().map(|s| self.locked_out(s)).collect();
            let mut locked = locked.into_iter();
            self.suspects
                .into_iter()
                .partition(|_| locked.next().unwrap_or(false))
        };
        let all_denied = self.access.denies();
        if let Some(finding) = Some(&self.access).filter(|a| a.denies()) {
            let secured = self
                .checker
                .document()
                .operations
                .iter()
                .zip(&self.progress);
            let asked = secured
                .filter(|(o, p)| p.answered && !o.security.is_empty())
                .count();
            let finding =
                finding.finding(self.checker.document(), &self.base_url, asked, false, "");
            let evidence = locked.into_iter().next().map(|s| s.evidence);
            reported.extend(finding.map(|finding| Reported { finding, evidence }));
        }
        for suspect in open.into_iter().filter(|s| !s.settled) {
            for mut finding in suspect.findings {
                finding.message.push_str(" (seen once, not asked again)");
                reported.push(Reported {
                    finding,
                    evidence: Some(suspect.evidence.clone()),
                });
            }
        }
        for (operation, progress) in self.checker.document().operations.iter().zip(self.progress) {
            // What was stopped is not judged.
            if self.cancelled {
                break;
            }
            let told = all_denied && progress.denied.is_some() && !operation.security.is_empty();
            if let Some(message) = left_out(operation, &progress).filter(|_| !told) {
                let finding = Finding::new(
                    ContractCheck::NotExercised,
                    &operation.name,
                    "success",
                    message,
                );
                reported.push(Reported {
                    finding,
                    evidence: None,
                });
            }
        }
        (reported, self.coverage)
    }
}

/// Why an operation was not exercised, if it was not and nothing else has been said of it.
fn left_out(operation: &Operation, progress: &Progress) -> Option<String> {
    if progress.succeeded {
        return None;
    }
    if let Some(reason) = &progress.impossible {
        return Some(format!("not exercised: {reason}"));
    }
    if !progress.answered {
        return Some("not exercised: it was never answered".to_owned());
    }
    if let Some(status) = progress.denied {
        return Some(format!(
            "not exercised: it answers {status} with the headers given"
        ));
    }
    if progress.made_up.is_empty() || !operation.announces_success() {
        return None;
    }
    let names = progress
        .made_up
        .iter()
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ");
    Some(format!(
        "not exercised: no existing value for {names} was seen in any answer or example, and made-up ones fail"
    ))
}

fn has_options(operation: &Operation) -> bool {
    operation.body.is_some()
        || operation
            .parameters
            .iter()
            .any(|p| p.place != Place::Path && !p.required)
}
