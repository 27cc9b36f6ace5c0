//! Words that spans share. Spans tell where a run's time goes, for the log and for a trace collector; they never carry
//! what a target or a secret says, and nothing under load opens one.

use std::fmt::Debug;
use tracing::Span;

/// A variant's name in lower case, for a field.
pub(crate) fn word(variant: impl Debug) -> String {
    let mut word = String::new();
    for letter in format!("{variant:?}").chars() {
        if letter.is_uppercase() && !word.is_empty() {
            word.push('-');
        }
        word.extend(letter.to_lowercase());
    }
    word
}

/// Marks a span as one of something that failed; it must have the field `otel.status_code`.
pub(crate) fn failed(span: &Span) {
    span.record("otel.status_code", "ERROR");
}

#[cfg(test)]
mod tests {
    use harness_core::event::ScenarioEnd;

    #[test]
    fn variants_are_told_in_lower_case() {
        assert_eq!(super::word(ScenarioEnd::TargetDied), "target-died");
    }
}
