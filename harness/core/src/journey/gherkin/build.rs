//! Steps → a journey in the making: headers to the requests they are for, expectations to the request they speak of.
//! Knows steps by their meaning only.

use super::body::{Block, put};
use super::translate::{Values, filled};
use super::typed::{Line, Meaning};
use super::{steps, texts};
use crate::diagnostic::{Diagnostic, Place, Source};
use crate::http::Method;
use crate::journey::command::Command;
use crate::plan::draft::{DraftAction, DraftBody, DraftCopies, DraftRequest, DraftStep, Written};
use crate::plan::fault::{FaultKind, Reach, Site};
use gherkin::Step;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The answer that an expectation would speak of.
enum Answer {
    /// No request was sent yet.
    None,
    /// That of the request at this index of the steps.
    Of(usize),
    /// Other steps ran since.
    Past,
    /// A step before is not understood; it may have been a request.
    Unclear,
}

/// A journey in the making.
pub(super) struct Build<'b> {
    source: &'b Arc<Source>,
    findings: &'b mut Vec<Diagnostic>,
    variables: Vec<(Written, Written)>,
    steps: Vec<DraftStep>,
    /// Names of steps, each with the last number its text was given.
    names: BTreeMap<String, usize>,
    /// Headers of all requests from here on.
    standing: Vec<(Written, Written)>,
    /// Headers of the next request.
    once: Vec<(Written, Written)>,
    answer: Answer,
    /// Links that are broken: fault and link.
    armed: Vec<(String, Site)>,
}

impl<'b> Build<'b> {
    /// A journey without steps; what is wrong with those to come goes to `findings`.
    pub(super) fn new(source: &'b Arc<Source>, findings: &'b mut Vec<Diagnostic>) -> Self {
        Self {
            source,
            findings,
            variables: Vec::new(),
            steps: Vec::new(),
            names: BTreeMap::new(),
            standing: Vec::new(),
            once: Vec::new(),
            answer: Answer::None,
            armed: Vec::new(),
        }
    }

    fn error(&mut self, place: Place, message: impl Into<String>, hint: impl Into<String>) {
        self.findings
            .push(Diagnostic::error(Some(place), message).hint(hint));
    }

    /// Adds a step of the feature, with an example's values in it.
    pub(super) fn step(&mut self, step: &Step, values: Option<&Values<'_>>) {
        let source = self.source;
        let span = texts::step(&source.text, step.span.start..step.span.end);
        let place = Place {
            source: Arc::clone(source),
            span: span.clone(),
        };
        let text = filled(&step.value, values, &place, self.findings);
        let unchanged = text == step.value
            && source
                .text
                .get(span.clone())
                .is_some_and(|line| line.ends_with(&text));
        let begin = unchanged.then(|| span.end - text.len());
        let line = Line {
            text: &text,
            source,
            span,
            begin,
        };
        let (meaning, wants_block) = match steps::read(&line) {
            Ok(read) => read,
            Err(finding) => {
                self.findings.push(finding);
                self.answer = Answer::Unclear;
                return;
            }
        };
        if step.table.is_some() {
            self.error(
                place.clone(),
                "this step takes no table",
                "remove the table below it",
            );
        }
        let block = step.docstring.as_ref().map(|block| Block {
            source,
            span: texts::block(&source.text, step.span.end),
            text: filled(block, values, &place, self.findings),
        });
        match (&block, wants_block) {
            (Some(_), false) => self.error(
                place,
                "this step takes no text block",
                "a request with a body ends in `with:`; other steps have none",
            ),
            (None, true) => self.error(
                place,
                "the body is missing",
                "put it below, between two lines of `\"\"\"`",
            ),
            _ => {}
        }
        self.add(&line, meaning, block.filter(|_| wants_block));
    }

    fn add(&mut self, line: &Line<'_>, meaning: Meaning, block: Option<Block<'_>>) {
        match meaning {
            Meaning::Header { name, value, once } => put(
                if once {
                    &mut self.once
                } else {
                    &mut self.standing
                },
                name,
                value,
            ),
            Meaning::Variable { name, value } => {
                if self
                    .variables
                    .iter()
                    .any(|(known, _)| known.text == name.text)
                {
                    let message = format!("variable `{}` is set already", name.text);
                    self.error(
                        name.place(),
                        message,
                        "variables are set once, before the first step",
                    );
                }
                self.variables.push((name, value));
            }
            Meaning::Request {
                method,
                path,
                copies,
            } => {
                let copies = copies.map(|count| DraftCopies {
                    count,
                    same: Vec::new(),
                    exactly: Vec::new(),
                });
                self.request(line, (method, path), copies, block);
            }
            Meaning::Same(subject) => {
                if let Some(copies) = self.copies_before(line) {
                    copies.same.push(subject);
                }
            }
            Meaning::Exactly { expression, times } => {
                if let Some(copies) = self.copies_before(line) {
                    copies.exactly.push((expression, times));
                }
            }
            Meaning::Expect { expression, within } => {
                if let Some(request) = self.request_before(line) {
                    request.expect.push(expression);
                    request.eventually = request.eventually.max(within);
                }
            }
            Meaning::Keep { from, name } => {
                if let Some(request) = self.request_before(line) {
                    request.captures.push((name, from));
                }
            }
            Meaning::Pause(pause) => self.other(line, DraftAction::Pause(pause)),
            Meaning::Run(journey) => self.other(line, DraftAction::Run(journey)),
            Meaning::Break { on, at, kind } => {
                let (Site::Link(name) | Site::Service(name)) = &on;
                let fault = format!("{name}-{}", kind.word());
                self.armed.push((fault.clone(), on.clone()));
                self.other(line, DraftAction::Command(arm(fault, on, kind), at));
            }
            Meaning::Heal { on, at } => self.heal(line, &on, &at),
        }
    }

    fn heal(&mut self, line: &Line<'_>, on: &Site, at: &Written) {
        let (healed, armed) = std::mem::take(&mut self.armed)
            .into_iter()
            .partition(|(_, broken)| broken == on);
        self.armed = armed;
        let healed: Vec<(String, Site)> = healed;
        if healed.is_empty() && !matches!(self.answer, Answer::Unclear) {
            let hint = match on {
                Site::Link(link) => format!("the link \"{link}\" is down"),
                Site::Service(service) => format!("the service \"{service}\" is killed"),
            };
            self.error(
                at.place(),
                format!("nothing is broken on {on} here"),
                format!("a step before this one must break it: `{hint}`"),
            );
        }
        for (fault, _) in healed {
            self.other(
                line,
                DraftAction::Command(Command::Lift { fault }, at.clone()),
            );
        }
    }

    /// The request whose answer a step speaks of.
    fn request_before(&mut self, line: &Line<'_>) -> Option<&mut DraftRequest> {
        match self.answer {
            Answer::Of(index) => {
                return match self.steps.get_mut(index).map(|step| &mut step.action) {
                    Some(DraftAction::Request(request)) => Some(request),
                    _ => None,
                };
            }
            Answer::None => self.error(
                line.place(),
                "no request was sent before this step",
                "put it below a request such as `I GET \"/orders\"`",
            ),
            Answer::Past => self.error(
                line.place(),
                "the answer this step speaks of was judged before the step above ran",
                "put it directly below its request, or send another request first",
            ),
            Answer::Unclear => {}
        }
        None
    }

    /// The copies whose answers a step compares.
    fn copies_before(&mut self, line: &Line<'_>) -> Option<&mut DraftCopies> {
        let once = match self.request_before(line) {
            None => return None,
            Some(request) => request.copies.is_none(),
        };
        if once {
            self.error(
                line.place(),
                "the request before this step was sent once: there is one answer",
                "send it several times: `I POST \"/orders\" 8 times at once`",
            );
            return None;
        }
        self.request_before(line)
            .and_then(|request| request.copies.as_mut())
    }

    fn other(&mut self, line: &Line<'_>, action: DraftAction) {
        self.push(line, action);
        if !matches!(self.answer, Answer::Unclear | Answer::None) {
            self.answer = Answer::Past;
        }
    }

    /// Adds a step under its text, numbered where the text comes again.
    fn push(&mut self, line: &Line<'_>, action: DraftAction) {
        let mut name = line.text.to_owned();
        let mut number = self.names.get(&name).copied().unwrap_or(0);
        while self.names.contains_key(&name) {
            number += 1;
            name = format!("{} ({number})", line.text);
        }
        self.names.insert(name.clone(), 1);
        self.names.insert(line.text.to_owned(), number.max(1));
        self.steps.push(DraftStep {
            name: line.made(name),
            action,
        });
    }

    fn request(
        &mut self,
        line: &Line<'_>,
        (method, path): (Method, Written),
        copies: Option<DraftCopies>,
        block: Option<Block<'_>>,
    ) {
        let mut headers = self.standing.clone();
        let body = block.map_or(DraftBody::Empty, |block| {
            block.body(&mut headers, self.findings)
        });
        for (name, value) in std::mem::take(&mut self.once) {
            put(&mut headers, name, value);
        }
        let request = DraftRequest {
            method,
            path,
            service: None,
            query: Vec::new(),
            headers,
            body,
            expect: Vec::new(),
            captures: Vec::new(),
            collect: Vec::new(),
            repeat: None,
            copies,
            eventually: None,
            every: None,
            timeout: None,
            redirects: None,
            think: None,
        };
        self.answer = Answer::Of(self.steps.len());
        self.push(line, DraftAction::Request(Box::new(request)));
    }

    /// The variables and steps.
    pub(super) fn end(self) -> (Vec<(Written, Written)>, Vec<DraftStep>) {
        if let Some((name, _)) = self.once.first() {
            let message = "no request follows that could send this header";
            let finding = Diagnostic::error(Some(name.place()), message);
            self.findings.push(finding.hint("put a request below it"));
        }
        (self.variables, self.steps)
    }
}

/// A fault that meets every connection.
fn arm(fault: String, on: Site, kind: FaultKind) -> Command {
    Command::Arm {
        fault,
        on,
        kind,
        reach: Reach::default(),
    }
}
