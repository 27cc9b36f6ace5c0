//! A text block → a request's body, by the media type beside its opening quotes.

use super::texts;
use super::typed::{exact, whole};
use crate::diagnostic::{Diagnostic, Place, Source};
use crate::plan::draft::{DraftBody, Written};
use std::ops::Range;
use std::sync::Arc;

/// Sets a header; a later value takes an earlier one's place.
pub(super) fn put(headers: &mut Vec<(Written, Written)>, name: Written, value: Written) {
    headers.retain(|(known, _)| !known.text.eq_ignore_ascii_case(&name.text));
    headers.push((name, value));
}

/// A text block.
pub(super) struct Block<'b> {
    pub(super) source: &'b Arc<Source>,
    /// What stands between the fences, in the source.
    pub(super) span: Range<usize>,
    /// The same as the parser gives it, with an example's values in it.
    pub(super) text: String,
}

impl Block<'_> {
    /// The body; a media type becomes the content type.
    pub(super) fn body(
        &self,
        headers: &mut Vec<(Written, Written)>,
        findings: &mut Vec<Diagnostic>,
    ) -> DraftBody {
        let (kind, text) = texts::content(&self.text);
        let is_json = matches!(kind, "" | "json" | "application/json") || kind.ends_with("+json");
        if kind.contains('/') && kind != "application/json" {
            put(headers, self.written("content-type"), self.written(kind));
        }
        if is_json {
            return self.json(&text, findings);
        }
        if kind != "text" && !kind.contains('/') {
            let place = Place {
                source: Arc::clone(self.source),
                span: self.line(0),
            };
            let short: String = kind.chars().take(40).collect();
            findings.push(
                Diagnostic::error(Some(place), format!("`{short}` is not a media type"))
                    .hint("beside the opening quotes stands nothing for JSON, `text`, or a media type such as `text/csv`; the body begins on the next line"),
            );
        }
        DraftBody::Text(self.written(&text))
    }

    fn json(&self, text: &str, findings: &mut Vec<Diagnostic>) -> DraftBody {
        let error = match serde_json::from_str(text) {
            Ok(json) => {
                let mut strings = Vec::new();
                self.strings(&json, &mut strings);
                return DraftBody::Json(json, strings);
            }
            Err(error) => error,
        };
        let place = Place {
            source: Arc::clone(self.source),
            span: self.line(error.line()),
        };
        let reason = error.to_string();
        let reason = reason.split(" at line").next().unwrap_or_default();
        findings.push(
            Diagnostic::error(Some(place), format!("the body is not JSON: {reason}"))
                .hint("a variable stands in quotes: `\"{{ quantity }}\"` keeps its type; for other bodies write `\"\"\"text/plain`"),
        );
        DraftBody::Empty
    }

    fn written(&self, text: &str) -> Written {
        Written {
            text: text.to_owned(),
            source: Arc::clone(self.source),
            span: self.span.clone(),
            inward: whole,
        }
    }

    /// The bytes of a line of the body, counted from 1.
    fn line(&self, number: usize) -> Range<usize> {
        let typed = self.source.text.get(self.span.clone()).unwrap_or_default();
        let inner = texts::line(typed, number + 1);
        self.span.start + inner.start..self.span.start + inner.end
    }

    /// Every string in a value, keys included; with its place if it stands in the block just once.
    fn strings(&self, value: &serde_json::Value, out: &mut Vec<Written>) {
        match value {
            serde_json::Value::String(text) => out.push(self.string(text)),
            serde_json::Value::Array(items) => {
                items.iter().for_each(|item| self.strings(item, out));
            }
            serde_json::Value::Object(entries) => entries.iter().for_each(|(key, item)| {
                out.push(self.string(key));
                self.strings(item, out);
            }),
            _ => {}
        }
    }

    fn string(&self, text: &str) -> Written {
        let typed = self.source.text.get(self.span.clone()).unwrap_or_default();
        let quoted = format!("\"{text}\"");
        let mut found = typed.match_indices(&quoted);
        match (found.next(), found.next()) {
            (Some((at, _)), None) => {
                let start = self.span.start + at + 1;
                Written {
                    span: start..start + text.len(),
                    inward: exact,
                    ..self.written(text)
                }
            }
            _ => self.written(text),
        }
    }
}
