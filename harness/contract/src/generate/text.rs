//! Texts: by format, by pattern, or plain letters of a fitting length.

use super::make::count;
use super::{Trouble, pattern};
use harness_core::random::Draws;
use serde_json::{Map, Value};

/// Longest text made, in characters, whatever a lower bound asks for.
const LONGEST: u64 = 10_000;
/// Length of a text nothing is asked of.
const USUAL: u64 = 8;

pub(super) fn text(
    schema: &Map<String, Value>,
    attempt: usize,
    draws: &mut Draws,
) -> Result<Value, Trouble> {
    let least = count(schema, "minLength").unwrap_or(0);
    let most = count(schema, "maxLength").unwrap_or(u64::MAX);
    if least > LONGEST {
        return Err(Trouble(format!(
            "a text of {least} characters is longer than is made"
        )));
    }
    let format = schema
        .get("format")
        .and_then(Value::as_str)
        .and_then(|format| formatted(format, draws));
    // Where both are given either may be the narrower: take turns.
    if let Some(pattern) = schema.get("pattern").and_then(Value::as_str)
        && (format.is_none() || attempt.is_multiple_of(2))
    {
        return pattern::matching(pattern, least, most, attempt, draws).map(Value::String);
    }
    Ok(Value::String(format.unwrap_or_else(|| {
        letters(least.max(USUAL).min(most), draws)
    })))
}

/// So many lower-case letters.
pub(super) fn letters(length: u64, draws: &mut Draws) -> String {
    (0..length)
        .map(|_| char::from(b'a' + draws.below(26) as u8))
        .collect()
}

fn formatted(format: &str, draws: &mut Draws) -> Option<String> {
    let word = letters(USUAL, draws);
    let (day, hour, minute) = (draws.below(28) + 1, draws.below(24), draws.below(60));
    Some(match format {
        "uuid" => uuid(draws),
        "date-time" => format!("2026-01-{day:02}T{hour:02}:{minute:02}:00Z"),
        "date" => format!("2026-01-{day:02}"),
        "time" => format!("{hour:02}:{minute:02}:00Z"),
        "duration" => format!("PT{}M", minute + 1),
        "email" | "idn-email" => format!("{word}@example.com"),
        "hostname" | "idn-hostname" => format!("{word}.example.com"),
        "ipv4" => format!("192.0.2.{day}"),
        "ipv6" => format!("2001:db8::{day:x}"),
        "uri" | "url" | "iri" | "uri-reference" | "iri-reference" => {
            format!("https://example.com/{word}")
        }
        "uri-template" => format!("https://example.com/{word}/{{id}}"),
        "json-pointer" => format!("/{word}"),
        "relative-json-pointer" => "0".to_owned(),
        "regex" => "^[a-z]+$".to_owned(),
        // Base64 of eight letters.
        "byte" => "aGFybmVzcy4=".to_owned(),
        _ => return None,
    })
}

/// A random UUID, version 4.
pub(crate) fn uuid(draws: &mut Draws) -> String {
    let (high, low) = (draws.bits(), draws.bits());
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xfff,
        0x8000 | (low >> 48 & 0x3fff),
        low & 0xffff_ffff_ffff
    )
}
