//! What a step keeps, and what it does more than once: captures and collections, going back, copies. A name is either
//! captured or collected, never both.

use super::findings::Findings;
use super::request::{Known, expectation, subject, variable_name};
use crate::diagnostic::nearest;
use crate::expr::step::{Many, StepSubject};
use crate::journey::{Action, Capture, Copies, Repeat};
use crate::plan::draft::{DraftRepeat, DraftRequest, DraftStep, Written};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

const COPIES: RangeInclusive<u8> = 2..=64;

/// What is captured; the names are known from then on.
pub(super) fn captures(
    drafts: &[(Written, Written)],
    known: &mut Known<'_>,
    found: &mut Findings,
) -> Vec<Capture> {
    let captures = kept(drafts, known, found);
    for (name, _) in drafts {
        if known.lists.contains(&name.text) {
            let message = format!("`{}` collects values in a step before", name.text);
            found.error_with(name.place(), message, "a capture needs a name of its own");
        }
        known.variables.insert(name.text.clone());
    }
    captures
}

/// What is collected; the names are known from then on.
pub(super) fn collections(
    drafts: &[(Written, Written)],
    known: &mut Known<'_>,
    found: &mut Findings,
) -> Vec<Capture> {
    let collect = kept(drafts, known, found);
    for (name, _) in drafts {
        let fresh = known.lists.insert(name.text.clone());
        if !known.variables.insert(name.text.clone()) && fresh {
            let message = format!("`{}` is a variable or a capture already", name.text);
            found.error_with(
                name.place(),
                message,
                "a collection needs a name of its own",
            );
        }
    }
    collect
}

fn kept(drafts: &[(Written, Written)], known: &Known<'_>, found: &mut Findings) -> Vec<Capture> {
    let kept = drafts.iter().filter_map(|(name, from)| {
        variable_name(name, found);
        let from = subject(from, known, found)?;
        let name = name.text.clone();
        Some(Capture { name, from })
    });
    kept.collect()
}

/// The step that is gone back to, by index: `begins` says where the steps before begin, `later` are those behind.
pub(super) fn from(
    repeat: &DraftRepeat,
    prefix: &str,
    own: (&str, usize),
    begins: &BTreeMap<String, usize>,
    later: &[DraftStep],
    found: &mut Findings,
) -> usize {
    let Some(from) = repeat.from.as_ref().filter(|from| from.text != own.0) else {
        return own.1;
    };
    if let Some(begin) = begins.get(&format!("{prefix}{}", from.text)) {
        return *begin;
    }
    if later.iter().any(|step| step.name.text == from.text) {
        found.error_with(
            from.place(),
            format!("step {:?} comes after this one", from.text),
            "`from` names a step before this one: a walk goes back, not ahead",
        );
        return own.1;
    }
    let before: Vec<&str> = begins
        .keys()
        .filter_map(|name| name.strip_prefix(prefix))
        .collect();
    let hint = match nearest(&from.text, before.iter().copied()) {
        Some(close) => format!("did you mean {close:?}?"),
        None => "name a step before this one, or leave `from` out to repeat this step".to_owned(),
    };
    found.error_with(
        from.place(),
        format!("there is no step {:?} before this one", from.text),
        hint,
    );
    own.1
}

/// A way back to the step at `from`.
pub(super) fn repeat(
    draft: Option<&DraftRepeat>,
    from: usize,
    known: &mut Known<'_>,
    found: &mut Findings,
) -> Option<Repeat> {
    let draft = draft?;
    let condition = expectation(&draft.condition, known, found);
    let captures = captures(&draft.captures, known, found);
    Some(Repeat {
        from,
        condition: condition?,
        captures,
        at_most: draft.at_most,
    })
}

/// Copies, and what they can't go with.
pub(super) fn copies(
    draft: &DraftRequest,
    known: &Known<'_>,
    found: &mut Findings,
) -> Option<Copies> {
    let copies = draft.copies.as_ref()?;
    let (count, place) = &copies.count;
    if !COPIES.contains(count) {
        found.error_with(
            place.clone(),
            format!("a request is sent 2 to 64 times at once, not {count} times"),
            "for one request leave the copies out; for more than 64 write a load",
        );
    }
    if draft.eventually.is_some() {
        found.error_with(
            place.clone(),
            "copies can't be asked again until something holds",
            "send the copies in one step and wait in the next one",
        );
    }
    if draft.redirects.is_some_and(|redirects| redirects > 0) {
        found.error_with(
            place.clone(),
            "copies don't follow redirects: their answers are compared as they come",
            "leave `redirects` out",
        );
    }
    let exactly = copies.exactly.iter().filter_map(|(written, times)| {
        if times > count {
            let message = format!("{times} of {count} answers are more than there are");
            found.error(written.place(), message);
        }
        Some((expectation(written, known, found)?, *times))
    });
    let exactly = exactly.collect();
    let same = copies.same.iter();
    Some(Copies {
        count: *count,
        same: same
            .filter_map(|from| subject(from, known, found))
            .collect(),
        exactly,
    })
}

/// The checks of a step that sends nothing: they look at what was collected.
pub(super) fn check(drafts: &[Written], known: &Known<'_>, found: &mut Findings) -> Action {
    let mut expect = Vec::new();
    for written in drafts {
        let errors = found.out.len();
        let read = expectation(written, known, found);
        let gathered = |subject: &StepSubject| {
            matches!(
                subject,
                StepSubject::Count(Many::Variable(_)) | StepSubject::Distinct(Many::Variable(_))
            )
        };
        if let Some(read) = read {
            if found.out.len() == errors && !gathered(&read.subject) {
                found.error_with(
                    written.place(),
                    format!("this step sends no request, so there is no `{}`", read.subject),
                    "add a method with its path (`get = \"/path\"`); without one a step checks what was collected: `count(seen) == 3`",
                );
            }
            expect.push(read);
        }
    }
    Action::Check(expect)
}
