//! Errors of TOML's syntax, told once each: a key given twice by its name, and nothing that only follows from an
//! error before it. Knows no schema.

use super::document::first_line;
use crate::diagnostic::{Diagnostic, Place, Source};
use std::ops::Range;
use std::sync::Arc;
use toml::de::Error;

/// The findings of a parse, in the order of the text.
pub(super) fn findings(errors: &[Error], source: &Arc<Source>) -> Vec<Diagnostic> {
    let mut spans: Vec<(Range<usize>, &str)> = errors
        .iter()
        .map(|error| (error.span().unwrap_or(0..0), error.message().trim()))
        .collect();
    spans.sort_by_key(|(span, _)| span.start);
    let mut found = Vec::new();
    // Where the table of a header given twice ends: its keys are no second mistake.
    let mut repeated = 0;
    for (span, message) in spans {
        let place = Place {
            source: Arc::clone(source),
            span: first_line(&source.text, &span),
        };
        let duplicate = message == "duplicate key";
        if duplicate && span.start < repeated {
            continue;
        }
        if !duplicate {
            let finding = Diagnostic::error(Some(place), format!("not valid TOML: {message}"));
            found.push(match hint(message) {
                Some(hint) => finding.hint(hint),
                None => finding,
            });
            continue;
        }
        let header = header(&source.text, span.start);
        let (message, hint) = match header {
            Some(header) => {
                repeated = table_end(&source.text, span.end);
                let message = format!("`{header}` is there twice");
                (message, "join the two, or rename one")
            }
            None => {
                let key = source.text.get(span.clone()).unwrap_or("");
                let message = format!("key `{}` is there twice", key.trim_matches(['"', '\'']));
                (message, "remove one, or rename it")
            }
        };
        found.push(Diagnostic::error(Some(place), message).hint(hint));
    }
    found
}

/// Where the first table header stands that could not be read: whose the keys behind it are is not known.
pub(super) fn headless(errors: &[Error], text: &str) -> Option<usize> {
    let broken = errors
        .iter()
        .filter(|error| error.message().trim() != "duplicate key");
    let starts = broken.filter_map(|error| Some(error.span()?.start));
    // An error at a line's end may stand behind its line break.
    let headers = starts.filter(|at| header(text, *at).is_some());
    headers.min()
}

/// The table header that a byte stands in.
fn header(text: &str, at: usize) -> Option<&str> {
    let start = text.get(..at)?.rfind('\n').map_or(0, |newline| newline + 1);
    let line = text.get(start..)?.lines().next()?.trim();
    line.starts_with('[').then_some(line)
}

/// Where the next table header begins, or the text ends.
fn table_end(text: &str, from: usize) -> usize {
    let next = text.get(from..).and_then(|rest| rest.find("\n["));
    next.map_or(text.len(), |at| from + at)
}

/// What to do about the parser's commonest complaints.
fn hint(message: &str) -> Option<&'static str> {
    match message {
        _ if message.starts_with("string values must be quoted") => {
            Some("a text stands in quotes: `key = \"text\"`")
        }
        _ if message.starts_with("key with no value") => Some("write `key = value`"),
        _ if message.starts_with("invalid basic string") => {
            Some("close the text with `\"`; a `\"` inside it is written `\\\"`, a `\\` `\\\\`")
        }
        _ => None,
    }
}
