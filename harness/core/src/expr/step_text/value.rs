//! What a part of an answer is compared with: texts in quotes with their holes, numbers, durations, words; and whether it fits
//! that part.

use crate::expr::scan::{ExprError, Scan};
use crate::expr::step::{StepSubject, Value};
use crate::template::{Escape, Text};
use crate::units;

pub(super) fn value(scan: &mut Scan<'_>, subject: &StepSubject) -> Result<Value, ExprError> {
    scan.space();
    let from = scan.at;
    let value = match scan.rest().chars().next() {
        Some(quote @ ('\'' | '"')) => Value::Text(quoted(scan, quote)?),
        Some('{') => Value::Text(bare_hole(scan)?),
        Some(_) => word(scan)?,
        None => {
            return Err(
                ExprError::new("the value to compare with is missing", scan.here())
                    .hint("a text stands in quotes: `'PENDING'`"),
            );
        }
    };
    let fits = match subject {
        StepSubject::Status | StepSubject::Count(_) | StepSubject::Distinct(_) => {
            matches!(value, Value::Number(_) | Value::Text(_))
        }
        StepSubject::Duration => matches!(value, Value::Duration(_)),
        _ => !matches!(value, Value::Duration(_)),
    };
    if fits {
        return Ok(value);
    }
    let typed = &scan.text[from..scan.at];
    let (what, hint) = match subject {
        StepSubject::Status => ("not a status", "write a number, such as `201`"),
        StepSubject::Count(_) | StepSubject::Distinct(_) => {
            ("not a number", "a count is compared with a number")
        }
        StepSubject::Duration => (
            "not a duration",
            "write a number with its unit, such as `300ms`",
        ),
        _ => (
            "a duration, and only `duration` is one",
            "a text stands in quotes",
        ),
    };
    Err(ExprError::new(format!("`{typed}` is {what}"), from..scan.at).hint(hint))
}

/// A text in quotes with `\` before a quote or another `\`; holes may stand in it.
fn quoted(scan: &mut Scan<'_>, quote: char) -> Result<Text, ExprError> {
    let from = scan.at;
    scan.at += 1;
    let (mut text, mut escaped) = (String::new(), false);
    for (at, c) in scan.rest().char_indices() {
        match c {
            c if escaped => {
                text.push(c);
                escaped = false;
            }
            '\\' => escaped = true,
            c if c == quote => {
                scan.at += at + 1;
                return text_of(&text, from + 1..scan.at - 1);
            }
            c => text.push(c),
        }
    }
    Err(
        ExprError::new("this text is never closed", from..scan.text.len())
            .hint(format!("close it with `{quote}`")),
    )
}

fn bare_hole(scan: &mut Scan<'_>) -> Result<Text, ExprError> {
    let from = scan.at;
    let Some(end) = scan
        .rest()
        .find("}}")
        .filter(|_| scan.rest().starts_with("{{"))
    else {
        return Err(ExprError::new("here a value is expected", scan.here())
            .hint("a variable is written `{{ name }}`"));
    };
    scan.at += end + 2;
    text_of(&scan.text[from..scan.at], from..scan.at)
}

fn text_of(text: &str, span: std::ops::Range<usize>) -> Result<Text, ExprError> {
    Text::parse(text, Escape::None).map_err(|error| {
        let wrong = ExprError::new(error.message, span);
        error.hint.map_or(wrong.clone(), |hint| wrong.hint(hint))
    })
}

fn word(scan: &mut Scan<'_>) -> Result<Value, ExprError> {
    let from = scan.at;
    let word = scan.run(|c| !c.is_whitespace() && c != ',' && c != ']');
    match word {
        "null" => return Ok(Value::Null),
        "true" => return Ok(Value::Bool(true)),
        "false" => return Ok(Value::Bool(false)),
        _ => {}
    }
    let numeric = word.starts_with(|c: char| c.is_ascii_digit() || c == '-' || c == '.');
    if let Some(number) = word
        .parse::<f64>()
        .ok()
        .filter(|n| numeric && n.is_finite())
    {
        return Ok(Value::Number(number));
    }
    units::parse_duration(word)
        .map(Value::Duration)
        .map_err(|_| {
            ExprError::new(format!("`{word}` is not a value"), scan.since(from))
                .hint(format!("a text stands in quotes: `'{word}'`"))
        })
}
