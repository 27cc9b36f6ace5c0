//! What is wrong with a text a person wrote: message, place, hint. Collected, never thrown one at a time; the
//! command line renders them. Nothing here knows TOML, Gherkin or a terminal.

use std::ops::Range;
use std::sync::Arc;

/// A text and the name people know it by (its path from the suite's root).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Path from the suite's root, `/` separated, or a pseudo name like `--gate`.
    pub name: String,
    /// The whole text.
    pub text: String,
}

/// A place in a [`Source`]: a byte range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The text it lies in.
    pub source: Arc<Source>,
    /// Byte offsets into the text.
    pub span: Range<usize>,
}

impl Place {
    /// The line (from 1) and the column (from 1, in characters) of the place's start.
    pub fn line_column(&self) -> (usize, usize) {
        let upto = self.span.start.min(self.source.text.len());
        let before = self.source.text.get(..upto).unwrap_or("");
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        (line, column)
    }
}

/// How bad it is: an error stops `check` (exit 2), a warning is only said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Said, not fatal.
    Warning,
    /// The suite can't be run.
    Error,
}

/// One finding about a text a person wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Error or warning.
    pub severity: Severity,
    /// What is wrong, one sentence, lower case.
    pub message: String,
    /// Where, if it has a place; a missing file has none.
    pub place: Option<Place>,
    /// The words under the caret; empty repeats nothing.
    pub label: String,
    /// What to do.
    pub hint: Option<String>,
}

impl Diagnostic {
    /// An error at a place.
    pub fn error(place: Option<Place>, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            message: message.into(),
            place,
            label: String::new(),
            hint: None,
        }
    }

    /// A warning at a place.
    pub fn warning(place: Option<Place>, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(place, message)
        }
    }

    /// The same with words under the caret.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// The same with a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// The closest of `known` to `typed`, if any is close enough to be what was meant.
pub fn nearest<'k>(typed: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    known
        .into_iter()
        .map(|k| {
            (
                strsim::damerau_levenshtein(&typed.to_lowercase(), &k.to_lowercase()),
                k,
            )
        })
        .filter(|(distance, k)| *distance <= 1 + typed.chars().count().min(k.chars().count()) / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, k)| k)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_counts_lines_and_characters() {
        let source = Arc::new(Source {
            name: "x".into(),
            text: "a = 1\nß = 2\n".into(),
        });
        let place = Place {
            source,
            span: 9..10,
        };
        assert_eq!(place.line_column(), (2, 3));
    }

    #[test]
    fn the_nearest_key_is_close_or_nothing() {
        assert_eq!(nearest("titel", ["title", "tags"]), Some("title"));
        assert_eq!(nearest("zzz", ["title", "tags"]), None);
    }
}
