//! Goals of a capacity search: `max rate where p99 < 200ms and error_rate < 0.1%`. Parser and printer; how the rate is
//! looked for is `capacity`'s.

use super::gate::{GateExpr, GateSubject};
use super::scan::{ExprError, as_text};
use std::fmt;
use std::ops::Range;
use std::str::FromStr;

/// What must hold at a rate for it to be one that the target carries.
#[derive(Debug, Clone, PartialEq)]
pub struct Goal {
    /// Every one of them; not empty.
    pub conditions: Vec<GateExpr>,
}

const FORM: &str = "write `max rate where` and conditions joined by `and`, such as `max rate where p99 < 200ms and error_rate < 0.1%`";
const START: [&str; 3] = ["max", "rate", "where"];

as_text!(Goal);

impl FromStr for Goal {
    type Err = ExprError;

    fn from_str(text: &str) -> Result<Self, ExprError> {
        let from = start(text)?;
        let conditions = parts(text, from)
            .into_iter()
            .map(|part| condition(text, part))
            .collect::<Result<_, _>>()?;
        Ok(Self { conditions })
    }
}

/// Reads `max rate where`; where the conditions begin.
fn start(text: &str) -> Result<usize, ExprError> {
    let mut at = 0;
    for wanted in START {
        let rest = &text[at..];
        let begin = at + (rest.len() - rest.trim_start().len());
        let word = text[begin..]
            .split(char::is_whitespace)
            .next()
            .unwrap_or_default();
        if word != wanted {
            let (message, span) = match word {
                "" => (format!("here `{wanted}` is expected"), last(text)),
                _ => (
                    format!("`{word}` stands where `{wanted}` is expected"),
                    begin..begin + word.len(),
                ),
            };
            return Err(ExprError::new(message, span).hint(FORM));
        }
        at = begin + word.len();
    }
    Ok(at)
}

/// The conditions' places: what lies between `and`s, those in parentheses aside, which are names.
fn parts(text: &str, from: usize) -> Vec<Range<usize>> {
    let (mut parts, mut begin, mut depth) = (Vec::new(), from, 0u32);
    for (at, c) in text.char_indices().filter(|(at, _)| *at >= from) {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ if depth == 0 && c.is_whitespace() && at >= begin => {
                let after = at + c.len_utf8();
                let rest = &text[after..];
                if rest
                    .strip_prefix("and")
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace))
                {
                    parts.push(begin..at);
                    begin = after + "and".len();
                }
            }
            _ => {}
        }
    }
    parts.push(begin..text.len());
    parts
}

fn condition(text: &str, part: Range<usize>) -> Result<GateExpr, ExprError> {
    let typed = &text[part.clone()];
    if typed.trim().is_empty() {
        let span = if part.start < text.trim_end().len() {
            part
        } else {
            last(text)
        };
        return Err(ExprError::new("a condition is missing here", span).hint(FORM));
    }
    let offset = part.start + (typed.len() - typed.trim_start().len());
    let moved = |error: ExprError| ExprError {
        span: error.span.start + offset..error.span.end + offset,
        ..error
    };
    let expr: GateExpr = typed.trim().parse().map_err(moved)?;
    let refused = match &expr.subject {
        GateSubject::Rate(_) => Some("the rate is what is looked for"),
        GateSubject::Effect(_) | GateSubject::Headroom { .. } => Some("a search has no faults"),
        GateSubject::Regression { .. } => Some("a search is held against nothing"),
        GateSubject::Capacity => Some("it is what is looked for"),
        GateSubject::OfFault { .. } | GateSubject::OfLink { .. } => Some("a search breaks nothing"),
        _ => None,
    };
    match refused {
        None => Ok(expr),
        Some(why) => {
            let span = offset..offset + typed.trim().len();
            let message = format!("`{}` is no condition of a search: {why}", expr.subject);
            let hint = "use latencies, `error_rate`, `availability`, `dropped` or `probe.NAME`";
            Err(ExprError::new(message, span).hint(hint))
        }
    }
}

/// The last character, as an error's place.
fn last(text: &str) -> Range<usize> {
    let end = text.trim_end().len();
    let begin = text[..end].char_indices().last().map_or(0, |(at, _)| at);
    begin..end
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("max rate where ")?;
        for (n, condition) in self.conditions.iter().enumerate() {
            let and = if n == 0 { "" } else { " and " };
            write!(f, "{and}{condition}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn goals_read_as_written() {
        for text in [
            "max rate where p99 < 200ms and error_rate < 0.1%",
            "max rate where p95(checkout/find and pay) <= 1s",
            "max rate where probe.cpu < 80 and max < 2s and dropped < 1%",
        ] {
            assert_eq!(text.parse::<Goal>().unwrap().to_string(), text);
        }
        let spaced: Goal = "  max  rate where p99<200ms   and  max<1s "
            .parse()
            .unwrap();
        assert_eq!(
            spaced.to_string(),
            "max rate where p99 < 200ms and max < 1s"
        );
    }

    #[test]
    fn what_is_no_goal_is_pointed_at() {
        let told = |text: &str| {
            let error = text.parse::<Goal>().unwrap_err();
            assert!(error.hint.is_some(), "{text}");
            (error.message.clone(), text[error.span].to_owned())
        };
        insta::assert_debug_snapshot!(
            [
                "",
                "max",
                "min rate where p99 < 1s",
                "max rate when p99 < 1s",
                "max rate where",
                "max rate where p99 < 1s and",
                "max rate where p99 < 1s and and max < 2s",
                "max rate where p99 < 1s or max < 2s",
                "max rate where p99 < 10%",
                "max rate where rate > 5/s",
                "max rate where p99 < 1s and recovery < 5s",
            ]
            .map(told)
        );
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "(max|rate|where|and|p99|<|1s|\\(|\\)| |é){0,12}") {
            if let Err(error) = text.parse::<Goal>() {
                prop_assert!(text.get(error.span.clone()).is_some(), "{:?} of {:?}", error, text);
            }
        }
    }
}
