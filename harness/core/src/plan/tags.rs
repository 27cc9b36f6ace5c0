//! Tag expressions: `smoke and not (soak or slow)`. Parsed once; knows tags as plain words without `@`.

use std::ops::Range;

/// Which things a set of tags takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TagExpr {
    /// Has the tag.
    Tag(String),
    /// The other way round.
    Not(Box<TagExpr>),
    /// Both.
    And(Box<TagExpr>, Box<TagExpr>),
    /// At least one.
    Or(Box<TagExpr>, Box<TagExpr>),
}

/// Why a text is no tag expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a tag expression: {message}")]
pub struct TagError {
    /// What is wrong.
    pub message: String,
    /// Bytes of the expression.
    pub span: Range<usize>,
}

/// Parentheses and `not` at most this deep: far above what a person writes, far below the stack.
const DEPTH: usize = 64;

impl TagExpr {
    /// Whether it takes a thing with these tags.
    pub fn takes(&self, tags: &[String]) -> bool {
        match self {
            Self::Tag(tag) => tags.iter().any(|t| t == tag),
            Self::Not(inner) => !inner.takes(tags),
            Self::And(a, b) => a.takes(tags) && b.takes(tags),
            Self::Or(a, b) => a.takes(tags) || b.takes(tags),
        }
    }

    /// Every tag named in it.
    pub fn tags(&self) -> Vec<&str> {
        match self {
            Self::Tag(tag) => vec![tag],
            Self::Not(inner) => inner.tags(),
            Self::And(a, b) | Self::Or(a, b) => [a.tags(), b.tags()].concat(),
        }
    }
}

impl std::str::FromStr for TagExpr {
    type Err = TagError;

    fn from_str(text: &str) -> Result<Self, TagError> {
        let mut parser = Parser { text, at: 0 };
        let expr = parser.or(0)?;
        match parser.word() {
            None => Ok(expr),
            Some((span, word)) => Err(TagError {
                message: format!("`{word}` is one too many here"),
                span,
            }),
        }
    }
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Parser<'t> {
    /// The next word or parenthesis, without taking it.
    fn peek(&self) -> Option<(Range<usize>, &'t str)> {
        let rest = self.text.get(self.at..)?;
        let start = self.at + rest.len() - rest.trim_start().len();
        let rest = rest.trim_start();
        let first = rest.chars().next()?;
        let length = match first {
            '(' | ')' => 1,
            _ => rest
                .find(|c: char| c.is_whitespace() || c == '(' || c == ')')
                .unwrap_or(rest.len()),
        };
        Some((start..start + length, rest.get(..length)?))
    }

    fn word(&mut self) -> Option<(Range<usize>, &'t str)> {
        let word = self.peek()?;
        self.at = word.0.end;
        Some(word)
    }

    fn take(&mut self, wanted: &str) -> bool {
        let found = self.peek().filter(|(_, word)| *word == wanted);
        if let Some((span, _)) = &found {
            self.at = span.end;
        }
        found.is_some()
    }

    fn or(&mut self, depth: usize) -> Result<TagExpr, TagError> {
        let mut left = self.and(depth)?;
        while self.take("or") {
            left = TagExpr::Or(Box::new(left), Box::new(self.and(depth)?));
        }
        Ok(left)
    }

    fn and(&mut self, depth: usize) -> Result<TagExpr, TagError> {
        let mut left = self.one(depth)?;
        while self.take("and") {
            left = TagExpr::And(Box::new(left), Box::new(self.one(depth)?));
        }
        Ok(left)
    }

    fn one(&mut self, depth: usize) -> Result<TagExpr, TagError> {
        let end = self.text.len()..self.text.len();
        let Some((span, word)) = self.word() else {
            return Err(TagError {
                message: "a tag is missing at the end".to_owned(),
                span: end,
            });
        };
        match word {
            _ if depth > DEPTH => Err(TagError {
                message: "too deep".to_owned(),
                span,
            }),
            "not" => Ok(TagExpr::Not(Box::new(self.one(depth + 1)?))),
            "(" => {
                let inner = self.or(depth + 1)?;
                match self.take(")") {
                    true => Ok(inner),
                    false => Err(TagError {
                        message: "this parenthesis is never closed".to_owned(),
                        span,
                    }),
                }
            }
            ")" | "and" | "or" => Err(TagError {
                message: format!("a tag is missing before `{word}`"),
                span,
            }),
            tag => match tag.strip_prefix('@').unwrap_or(tag) {
                "" => Err(TagError {
                    message: "a tag is missing after `@`".to_owned(),
                    span,
                }),
                tag => Ok(TagExpr::Tag(tag.to_owned())),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn takes(expr: &str, tags: &[&str]) -> bool {
        let tags: Vec<String> = tags.iter().map(|t| (*t).to_owned()).collect();
        expr.parse::<TagExpr>().unwrap().takes(&tags)
    }

    #[test]
    fn not_binds_closer_than_and_than_or() {
        assert!(takes("smoke and not (soak or slow)", &["smoke"]));
        assert!(!takes("smoke and not (soak or slow)", &["smoke", "slow"]));
        assert!(takes("a or b and c", &["a"]));
        assert!(!takes("(a or b) and c", &["a"]));
        assert!(takes("not @a and b", &["b"]));
    }

    #[test]
    fn errors_point_into_the_text() {
        let span = |text: &str| text.parse::<TagExpr>().unwrap_err().span;
        assert_eq!(span(""), 0..0);
        assert_eq!(span("a and"), 5..5);
        assert_eq!(span("a b"), 2..3);
        assert_eq!(span("(a or b"), 0..1);
        assert_eq!(span("or a"), 0..2);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "(a|b|@|and|or|not|\\(|\\)| |ä){0,200}") {
            let _ = text.parse::<TagExpr>();
        }
    }
}
