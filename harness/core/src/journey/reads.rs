//! Which variables a journey's steps read: in what they send, and in what they hold an answer against. Must not know what
//! the variables are for.

use super::{Action, Journey, RequestStep};
use crate::expr::step::{Expectation, Many, StepSubject};
use crate::template::{Hole, Text};

impl Journey {
    /// Whether any step, or a variable it is made of, reads a variable.
    pub(crate) fn reads(&self, variable: &str) -> bool {
        let set = || {
            self.variables
                .values()
                .any(|text| text_reads(text, variable))
        };
        let step = |action: &Action| match action {
            Action::Request(request) => request_reads(request, variable),
            Action::Check(expect) => expect.iter().any(|e| expectation_reads(e, variable)),
            Action::Pause(_) | Action::Command(_) => false,
        };
        set() || self.steps.iter().any(|s| step(&s.action))
    }
}

fn request_reads(request: &RequestStep, variable: &str) -> bool {
    let named = request.query.iter().chain(&request.headers);
    let texts = named.map(|(_, text)| text);
    let mut texts = texts
        .chain([&request.url, &request.body])
        .chain(&request.link);
    let copies = request.copies.iter();
    let exactly = copies.flat_map(|copies| copies.exactly.iter().map(|(e, _)| e));
    let repeat = request.repeat.iter().map(|repeat| &repeat.condition);
    let mut expected = request.expect.iter().chain(exactly).chain(repeat);
    texts.any(|text| text_reads(text, variable))
        || request
            .subjects()
            .any(|subject| subject_reads(subject, variable))
        || expected.any(|e| expectation_reads(e, variable))
}

fn expectation_reads(expectation: &Expectation, variable: &str) -> bool {
    subject_reads(&expectation.subject, variable)
        || expectation
            .test
            .texts()
            .any(|text| text_reads(text, variable))
}

fn subject_reads(subject: &StepSubject, variable: &str) -> bool {
    match subject {
        StepSubject::Json(path)
        | StepSubject::Count(Many::Path(path))
        | StepSubject::Distinct(Many::Path(path)) => path.variables().any(|name| name == variable),
        StepSubject::Count(Many::Variable(name)) | StepSubject::Distinct(Many::Variable(name)) => {
            name == variable
        }
        StepSubject::Status
        | StepSubject::Duration
        | StepSubject::Header(_)
        | StepSubject::Body => false,
    }
}

fn text_reads(text: &Text, variable: &str) -> bool {
    let mut holes = text.holes();
    holes.any(|hole| matches!(hole, Hole::Variable(name) if name == variable))
}
