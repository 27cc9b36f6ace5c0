//! A JSONPath within an expression: where it ends, the holes in it, and what is wrong with it.

use crate::expr::scan::{ExprError, Scan};
use crate::expr::step::{Open, Path};
use serde_json_path::JsonPath;
use std::borrow::Cow;

fn open(text: &str, from: usize) -> Result<Option<Open>, ExprError> {
    let Some((head, mut rest)) = text.split_once("{{") else {
        return Ok(None);
    };
    let mut holes = Vec::new();
    loop {
        let begin = from + text.len() - rest.len();
        let Some((inner, after)) = rest.split_once("}}") else {
            let unclosed = ExprError::new("`{{` is never closed", begin - 2..from + text.len());
            return Err(unclosed.hint("a variable is written `{{ name }}`"));
        };
        let name = inner.trim();
        let word = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
        if name.is_empty() || !name.chars().all(word) {
            let wrong = ExprError::new(
                "in a path a variable's name is expected here",
                begin - 2..begin + inner.len() + 2,
            );
            return Err(wrong.hint("other values become variables in `variables` or by a capture"));
        }
        let (tail, more) = after
            .split_once("{{")
            .map_or((after, None), |(tail, more)| (tail, Some(more)));
        holes.push((name.to_owned(), tail.to_owned()));
        match more {
            Some(more) => rest = more,
            None => return Ok(Some((head.to_owned(), holes))),
        }
    }
}

/// A JSONPath: to the first space, `)`, comparison or one of `ends` outside brackets and quotes; a `*` after a dot is
/// the path's own.
pub(in crate::expr) fn path(
    scan: &mut Scan<'_>,
    from: usize,
    ends: &str,
) -> Result<Path, ExprError> {
    let (mut depth, mut quote, mut escaped) = (0u32, None, false);
    let mut before = ' ';
    let rest = scan.rest();
    let end = rest.char_indices().find_map(|(at, c)| {
        let member = c == '*' && before == '.';
        before = c;
        match (quote, c) {
            _ if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(q), c) if c == q => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '[' | '(') => depth += 1,
            (None, ')') if depth == 0 => return Some(at),
            (None, ']' | ')') => depth = depth.saturating_sub(1),
            (None, c) if depth == 0 && (c.is_whitespace() || "=!<>".contains(c)) => {
                return Some(at);
            }
            (None, c) if depth == 0 && ends.contains(c) && !member => return Some(at),
            _ => {}
        }
        None
    });
    let text = &rest[..end.unwrap_or(rest.len())];
    scan.at += text.len();
    let open = open(text, from)?;
    let whole = open.as_ref().map_or(Cow::Borrowed(text), |(head, holes)| {
        let tails = holes.iter().map(|(_, tail)| format!("0{tail}"));
        Cow::Owned(std::iter::once(head.clone()).chain(tails).collect())
    });
    let compiled = JsonPath::parse(&whole).map(|compiled| Path::new(text, compiled, open));
    compiled.map_err(|error| {
        let at = (from + error.position())
            .min(scan.at.saturating_sub(1))
            .max(from);
        // The parser counts bytes; a place inside a character is moved to its begin.
        let at = (from..=at)
            .rev()
            .find(|at| scan.text.is_char_boundary(*at))
            .unwrap_or(from);
        ExprError::new(
            format!("`{text}` is not a JSONPath: {}", error.message()),
            at..scan.at.max(at),
        )
        .hint("paths follow RFC 9535, such as `$.items[0].id` or `$['odd name']`")
    })
}
