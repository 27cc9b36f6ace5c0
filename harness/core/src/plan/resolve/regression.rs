//! `[regression]`: the constants by which runs are held against each other, each wrong one told where it stands.

use super::findings::Findings;
use crate::diagnostic::Place;
use crate::suite::Suite;
use crate::suite::document::Document;
use crate::suite::raw::ConfigFile;
use crate::verdict::regression::Settings;
use std::ops::Range;

/// The constants by which runs are held against each other; a wrong one is an error where they stand.
pub(super) fn resolve(suite: &Suite, found: &mut Findings) -> Settings {
    let Some(typed) = &suite.config.raw.regression else {
        return Settings::default();
    };
    for error in typed.value.errors() {
        let hint = "docs/regression.md lists every constant and its default";
        let place = key_of(&suite.config, &typed.span, error.name);
        found.error_with(place, error.to_string(), hint);
    }
    typed.value.clone()
}

/// The line of a key in the table that begins at a span, or else the table.
fn key_of(doc: &Document<ConfigFile>, table: &Range<usize>, key: &str) -> Place {
    let mut from = table.start;
    let text = doc.source.text.get(from..).unwrap_or("");
    for (nth, line) in text.split_inclusive('\n').enumerate() {
        let typed = line.trim_start();
        if nth > 0 && typed.starts_with('[') {
            break;
        }
        let rest = typed.strip_prefix(key).map(str::trim_start);
        if rest.is_some_and(|rest| rest.starts_with('=')) {
            let begin = from + line.len() - typed.len();
            return doc.place(&(begin..begin + typed.trim_end().len()));
        }
        from += line.len();
    }
    doc.place(table)
}
