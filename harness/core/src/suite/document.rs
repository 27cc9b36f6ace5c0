//! One file of the suite: its text, and places in it down to a byte inside a quoted string.

use super::at::{At, Str};
use crate::diagnostic::{Place, Source};
use crate::journey::Origin;
use std::ops::Range;
use std::sync::Arc;

/// A file as typed.
#[derive(Debug, Clone)]
pub(crate) struct Document<T> {
    /// The text.
    pub(crate) source: Arc<Source>,
    /// What it says.
    pub(crate) raw: T,
    /// Values of the wrong type were left out: what seems to be missing may be there.
    pub(crate) incomplete: bool,
}

impl<T> Document<T> {
    /// The place of some bytes.
    pub(crate) fn place(&self, span: &Range<usize>) -> Place {
        Place {
            source: Arc::clone(&self.source),
            span: first_line(&self.source.text, span),
        }
    }

    /// The place of a value.
    pub(crate) fn at<V>(&self, value: &At<V>) -> Place {
        self.place(&value.span)
    }

    /// The place of a part of a string: `inner` counts bytes of the string's value.
    pub(crate) fn inside(&self, text: &Str, inner: &Range<usize>) -> Place {
        self.within(&text.span, inner)
    }

    /// The place of a part of the string typed at `span`.
    pub(crate) fn within(&self, span: &Range<usize>, inner: &Range<usize>) -> Place {
        Place {
            source: Arc::clone(&self.source),
            span: within(&self.source.text, span, inner),
        }
    }

    /// The line of some bytes, for reports.
    pub(crate) fn origin(&self, span: &Range<usize>) -> Origin {
        let line = self.place(span).line_column().0;
        Origin {
            file: self.source.name.clone(),
            line: u32::try_from(line).unwrap_or(u32::MAX),
        }
    }

    /// The place of a file as a whole: its first line.
    pub(crate) fn top(&self) -> Place {
        self.place(&(0..self.source.text.len()))
    }
}

/// A span cut at the end of its first line: a caret under a whole table helps nobody.
pub(crate) fn first_line(text: &str, span: &Range<usize>) -> Range<usize> {
    let start = span.start.min(text.len());
    let end = span.end.clamp(start, text.len());
    let line = text
        .get(start..end)
        .unwrap_or("")
        .lines()
        .next()
        .unwrap_or("");
    start..start + line.len()
}

/// Where in a TOML text the bytes `inner` of a string's value stand, if the string's token is at `span`.
pub(crate) fn within(text: &str, span: &Range<usize>, inner: &Range<usize>) -> Range<usize> {
    let Some(token) = text.get(span.clone()) else {
        return span.clone();
    };
    let offsets = Offsets::of(token);
    let start = offsets.of_decoded(token, inner.start);
    let end = offsets.of_decoded(token, inner.end).max(start);
    span.start + start..span.start + end
}

/// How a string's token is quoted.
struct Offsets {
    body: usize,
    end: usize,
    escapes: bool,
}

impl Offsets {
    fn of(token: &str) -> Self {
        let quote = ["\"\"\"", "'''", "\"", "'"]
            .into_iter()
            .find(|q| token.len() >= 2 * q.len() && token.starts_with(q) && token.ends_with(q));
        let Some(quote) = quote else {
            return Self {
                body: 0,
                end: token.len(),
                escapes: false,
            };
        };
        let newline = match token.get(quote.len()..) {
            Some(rest) if quote.len() == 3 && rest.starts_with("\r\n") => 2,
            Some(rest) if quote.len() == 3 && rest.starts_with('\n') => 1,
            _ => 0,
        };
        let end = token.len() - quote.len();
        Self {
            body: (quote.len() + newline).min(end),
            end,
            escapes: quote.starts_with('"'),
        }
    }

    /// The offset in the token of the byte `wanted` of the decoded value.
    fn of_decoded(&self, token: &str, wanted: usize) -> usize {
        let body = token.get(self.body..self.end).unwrap_or("");
        let (mut typed, mut decoded) = (0, 0);
        while decoded < wanted {
            let Some(rest) = body.get(typed..).filter(|rest| !rest.is_empty()) else {
                break;
            };
            let (took, gave) = match rest.strip_prefix('\\').filter(|_| self.escapes) {
                Some(escape) => escaped(escape),
                None => rest
                    .chars()
                    .next()
                    .map_or((1, 1), |c| (c.len_utf8(), c.len_utf8())),
            };
            typed += took;
            decoded += gave;
        }
        self.body + typed.min(body.len())
    }
}

/// Bytes typed (with the backslash) and bytes meant by an escape sequence.
fn escaped(after: &str) -> (usize, usize) {
    let digits = match after.chars().next() {
        Some('u') => 4,
        Some('U') => 8,
        Some('x') => 2,
        Some(c) if c.is_whitespace() => {
            return (1 + after.len() - after.trim_start().len(), 0);
        }
        Some(c) => return (1 + c.len_utf8(), 1),
        None => return (1, 0),
    };
    let code = after
        .get(1..=digits)
        .and_then(|hex| u32::from_str_radix(hex, 16).ok());
    (
        2 + digits,
        code.and_then(char::from_u32).map_or(1, char::len_utf8),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found(token: &str, inner: Range<usize>) -> &str {
        let span = within(token, &(0..token.len()), &inner);
        &token[span]
    }

    #[test]
    fn offsets_look_through_quotes_and_escapes() {
        assert_eq!(found("\"status == 2\"", 7..9), "==");
        assert_eq!(found("'a b'", 2..3), "b");
        assert_eq!(found(r#""\"x\" y""#, 4..5), "y");
        assert_eq!(found(r#""\u00e4z""#, 2..3), "z");
        assert_eq!(found("\"\"\"\nline\"\"\"", 0..4), "line");
        assert_eq!(found("12", 0..2), "12");
    }

    proptest! {
        #[test]
        fn no_token_panics(token in "[\"'\\\\uxU0-9a\nä ]{0,20}", a in 0usize..30, b in 0usize..30) {
            let span = within(&token, &(0..token.len()), &(a..b));
            prop_assert!(span.start <= span.end && span.end <= token.len());
        }

        #[test]
        fn a_printed_string_leads_back(value in "\\PC{1,12}") {
            let token = toml::Value::String(value.clone()).to_string();
            for (index, c) in value.char_indices() {
                let at = within(&token, &(0..token.len()), &(index..index + c.len_utf8()));
                let piece = format!("\"{}\"", &token[at]);
                let escapes = token.starts_with('"');
                if escapes && token.matches('"').count() == 2 {
                    let back: toml::Table = format!("x = {piece}").parse().unwrap();
                    prop_assert_eq!(back["x"].as_str().map(str::to_owned), Some(c.to_string()));
                }
            }
        }
    }
}
