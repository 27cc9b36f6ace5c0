//! What is wrong with the API documents of a suite's contracts, told before anything is started: a run would find it out
//! after all its load, and it is no fault of the target's.

use harness_contract::{Defect, Document, Form, Lack};
use harness_core::diagnostic::{Diagnostic, Place, Source};
use harness_core::plan::Plan;
use harness_core::plan::accept::Accepted;
use harness_core::suite::Suite;
use std::ops::Range;
use std::sync::Arc;

/// Documents that can't be used, told where it shows in them; of a suite that was planned, those of its plan. Of what is only
/// not read it is warned.
pub(super) fn unusable(suite: &Suite, plan: Option<&Plan>) -> Vec<Diagnostic> {
    let planned = |name: &str| {
        let all = plan.map(|plan| &plan.contracts);
        all.is_none_or(|all| all.iter().any(|contract| contract.name.as_str() == name))
    };
    let documents = suite.documents().into_iter();
    documents
        .filter(|(name, ..)| planned(name))
        .flat_map(|(name, source, accepted)| of_one(name, source, &accepted))
        .collect()
}

fn of_one(name: &str, source: &Arc<Source>, accepted: &[Accepted]) -> Vec<Diagnostic> {
    let place = |span| {
        let source = Arc::clone(source);
        Some(Place { source, span })
    };
    let document = match Document::load(name, &source.text) {
        Ok(document) => document,
        Err(error) => {
            let hint = "it must be an OpenAPI document in JSON or YAML".to_owned();
            let message = format!("contract `{name}`: {error}");
            return vec![Diagnostic::error(place(begin(&source.text)), message).hint(hint)];
        }
    };
    let open = |defect: &Defect| {
        // Known and accepted, the rest is checked; without an operation there is none.
        let known = || accepted.iter().any(|one| one.covers(&defect.finding.key));
        defect.lack == Lack::Operations || !known()
    };
    let defects: Vec<_> = document.defects.into_iter().filter(open).collect();
    let dangling = |defect: &Defect| matches!(defect.lack, Lack::Reference(_));
    // What an operation is lost by is told; that none is left only follows.
    let one = defects.iter().any(dangling);
    let defects = defects
        .iter()
        .filter(|defect| !one || defect.lack != Lack::Operations);
    let all = defects.map(|defect| {
        let (span, hint) = mending(name, defect, &source.text);
        let (place, what) = (place(span), &defect.finding.message);
        let told = match defect.lack {
            Lack::Unread(..) => Diagnostic::warning(
                place,
                format!("contract `{name}`: part of the document is not checked: {what}"),
            ),
            Lack::Operations | Lack::Reference(_) => Diagnostic::error(
                place,
                format!("contract `{name}`: the document can't be used: {what}"),
            ),
        };
        told.hint(hint)
    });
    all.collect()
}

/// Where a defect shows in the text, and what to do about it.
fn mending(name: &str, defect: &Defect, text: &str) -> (Range<usize>, String) {
    let (span, hint) = match &defect.lack {
        Lack::Operations => (
            key(text, "paths"),
            "name another document, or describe under `paths` what the service answers: a contract without an operation \
             checks nothing"
                .to_owned(),
        ),
        Lack::Reference(reference) => {
            let mend = match reference.starts_with('#') {
                true => "set the reference right, or add what it stands for",
                false => "put what it stands for into the document itself: other files are not read",
            };
            let accept = acceptance(name, defect);
            let hint = format!("{mend}; or, to check the rest without it, {accept}");
            (whole(text, reference), hint)
        }
        Lack::Unread(form, reference) => {
            let mend = match form {
                Form::Anchor => "refer to it by its pointer, such as `#/components/schemas/NAME`",
                Form::Address => "put what it stands for into the document, and refer to it there",
            };
            let accept = acceptance(name, defect);
            let hint = format!(
                "{mend}; a run checks the rest, and counts this as a fault of the document unless you {accept}"
            );
            (whole(text, reference), hint)
        }
    };
    (span.unwrap_or_else(|| begin(text)), hint)
}

/// How what is known of a document is accepted.
fn acceptance(name: &str, defect: &Defect) -> String {
    let key = &defect.finding.key;
    format!("accept the finding {key:?} in [[contract.{name}.accept]] of a suite's harness.toml")
}

/// The text's first character.
fn begin(text: &str) -> Range<usize> {
    0..text.chars().next().map_or(0, char::len_utf8)
}

/// Where a reference stands first that is not part of a longer one.
fn whole(text: &str, reference: &str) -> Option<Range<usize>> {
    let ends = |c: char| c.is_whitespace() || "\"',}]".contains(c);
    let mut all = text
        .match_indices(reference)
        .map(|(at, _)| at..at + reference.len());
    let begins = |c: char| c.is_whitespace() || "\"'{[:".contains(c);
    all.find(|at| {
        let (before, rest) = (text.get(..at.start), text.get(at.end..));
        before.is_some_and(|before| before.chars().next_back().is_none_or(begins))
            && rest.is_some_and(|rest| rest.chars().next().is_none_or(ends))
    })
}

/// Where a key of the document itself stands, in JSON or in YAML's block style.
fn key(text: &str, name: &str) -> Option<Range<usize>> {
    if !text.trim_start().starts_with('{') {
        let mut from = 0;
        for line in text.split_inclusive('\n') {
            if line
                .strip_prefix(name)
                .is_some_and(|rest| rest.trim_start().starts_with(':'))
            {
                return Some(from..from + name.len());
            }
            from += line.len();
        }
        return None;
    }
    let (mut depth, mut open, mut escaped) = (0_usize, None, false);
    for (at, byte) in text.bytes().enumerate() {
        match (open, byte) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), b'\\') => escaped = true,
            (Some(from), b'"') => {
                let is_key = || {
                    text.get(at + 1..)
                        .is_some_and(|rest| rest.trim_start().starts_with(':'))
                };
                if depth == 1 && text.get(from..at) == Some(name) && is_key() {
                    return Some(from..at);
                }
                open = None;
            }
            (Some(_), _) => {}
            (None, b'"') => open = Some(at + 1),
            (None, b'{' | b'[') => depth += 1,
            (None, b'}' | b']') => depth = depth.saturating_sub(1),
            (None, _) => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_not_taken_for_a_longer_one() {
        let found = |text: &str| whole(text, "#/a/B").map(|at| at.start);
        let other = "y: \"other.yaml#/a/B\"\nz: \"#/a/B\"";
        assert_eq!(found(other), other.rfind("#/a/B"));
        assert_eq!(found("['#/a/Bc', '#/a/B']"), Some(12));
        assert_eq!(found("$ref: #/a/B"), Some(6));
        assert_eq!(found("#/a/B/c"), None);
    }

    #[test]
    fn a_key_of_the_document_itself_is_found_where_it_stands() {
        let found = |text: &str| key(text, "paths").map(|at| at.start);
        assert_eq!(found("openapi: 3.0.0\npaths:\n  x: 1\n"), Some(15));
        assert_eq!(found("info:\n  paths: 1\n"), None);
        assert_eq!(
            found(r#"{"a":{"paths":1},"b":"paths","paths":[]}"#),
            Some(31 - 1)
        );
        assert_eq!(found(r#"{"\"paths":1}"#), None);
    }
}
