//! What both kinds of expression share: the error with its place, and a small scanner over the text.

use std::ops::Range;

/// What is wrong with an expression, and where in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ExprError {
    /// What is wrong.
    pub message: String,
    /// Where, in bytes of the expression.
    pub span: Range<usize>,
    /// What to do.
    pub hint: Option<String>,
}

impl ExprError {
    /// An error at a place.
    pub(super) fn new(message: impl Into<String>, span: Range<usize>) -> Self {
        Self {
            message: message.into(),
            span,
            hint: None,
        }
    }

    /// The same with a hint.
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// A text and how far it has been read.
#[derive(Debug, Clone)]
pub(super) struct Scan<'t> {
    pub(super) text: &'t str,
    pub(super) at: usize,
}

impl<'t> Scan<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, at: 0 }
    }

    pub(super) fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or("")
    }

    pub(super) fn space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    pub(super) fn done(&mut self) -> bool {
        self.space();
        self.rest().is_empty()
    }

    /// Takes a prefix if it is there.
    pub(super) fn take(&mut self, prefix: &str) -> bool {
        let there = self.rest().starts_with(prefix);
        if there {
            self.at += prefix.len();
        }
        there
    }

    /// Takes what satisfies, as far as it goes.
    pub(super) fn run(&mut self, satisfies: impl Fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        let end = rest.find(|c| !satisfies(c)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    /// What is left, as an error's place; never empty while there is text.
    pub(super) fn here(&self) -> Range<usize> {
        let end = self.text.trim_end().len().max(self.at);
        if end > self.at {
            self.at..end
        } else {
            self.text.char_indices().last().map_or(0, |(at, _)| at)..self.text.len()
        }
    }

    /// What was read since `from`, or the next character if nothing was.
    pub(super) fn since(&self, from: usize) -> Range<usize> {
        let next = self.rest().chars().next().map_or(0, char::len_utf8);
        from..if self.at > from {
            self.at
        } else {
            self.at + next
        }
    }

    /// An error unless everything was read.
    pub(super) fn end(&mut self) -> Result<(), ExprError> {
        if self.done() {
            return Ok(());
        }
        let message = format!("`{}` is left over", self.rest().trim_end());
        Err(ExprError::new(message, self.here())
            .hint("an expression is a subject, an operator and one value"))
    }
}

/// Serialises a type as the text it prints and parses.
macro_rules! as_text {
    ($($type:ty),*) => {$(
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                <String as serde::Deserialize>::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}
pub(super) use as_text;
