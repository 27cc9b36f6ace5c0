//! Collects what is wrong while texts become values: each helper reads one text, or notes why it can't at the
//! byte where it stands.

use crate::diagnostic::{Diagnostic, Place, nearest};
use crate::name::Name;
use crate::suite::at::{At, Str};
use crate::suite::document::Document;
use crate::units::{Rate, parse_duration};
use std::time::Duration;

/// Findings so far.
#[derive(Default)]
pub(super) struct Findings {
    /// What is wrong whatever runs.
    pub(super) out: Vec<Diagnostic>,
    /// What is wrong only if the thing at hand runs in the mode chosen.
    pub(super) mode: Vec<Diagnostic>,
}

impl Findings {
    /// Notes an error at a place.
    pub(super) fn error(&mut self, place: Place, message: impl Into<String>) {
        self.out.push(Diagnostic::error(Some(place), message));
    }

    /// Notes an error at a place with what to do about it.
    pub(super) fn error_with(
        &mut self,
        place: Place,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.out
            .push(Diagnostic::error(Some(place), message).hint(hint));
    }

    /// Notes what would stand against running the thing at hand in the mode chosen.
    pub(super) fn mode_error(
        &mut self,
        place: Place,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.mode
            .push(Diagnostic::error(Some(place), message).hint(hint));
    }

    /// Notes a warning with what to do about it.
    pub(super) fn warning(
        &mut self,
        place: Place,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.out
            .push(Diagnostic::warning(Some(place), message).hint(hint));
    }

    /// Notes that a name leads nowhere, with the nearest one that leads somewhere.
    pub(super) fn unknown<'k>(
        &mut self,
        place: Place,
        what: &str,
        typed: &str,
        known: impl IntoIterator<Item = &'k str>,
    ) {
        let known: Vec<&str> = known.into_iter().collect();
        let hint = match nearest(typed, known.iter().copied()) {
            Some(close) => format!("did you mean `{close}`?"),
            None if known.is_empty() => {
                format!(
                    "there is no {} at all yet",
                    what.trim_end_matches(" called")
                )
            }
            None => format!("there is: {}", known.join(", ")),
        };
        self.error_with(place, format!("there is no {what} `{typed}`"), hint);
    }

    /// A duration; `None` after noting why not.
    pub(super) fn duration<T>(&mut self, doc: &Document<T>, text: &Str) -> Option<Duration> {
        let parsed = parse_duration(&text.value);
        parsed
            .map_err(|error| {
                self.error(doc.inside(text, &(0..text.value.len())), error.to_string());
            })
            .ok()
    }

    /// A duration that may be left out.
    pub(super) fn duration_or<T>(
        &mut self,
        doc: &Document<T>,
        text: Option<&Str>,
        default: Duration,
    ) -> Duration {
        text.and_then(|text| self.duration(doc, text))
            .unwrap_or(default)
    }

    /// A duration above zero.
    pub(super) fn positive<T>(&mut self, doc: &Document<T>, text: &Str) -> Option<Duration> {
        let duration = self.duration(doc, text)?;
        if duration.is_zero() {
            self.error(doc.at(text), "this must be longer than zero");
            return None;
        }
        Some(duration)
    }

    /// A rate, or a ramp `A..B`, as the rates at start and end.
    pub(super) fn ramp<T>(&mut self, doc: &Document<T>, text: &Str) -> Option<(Rate, Rate)> {
        let (from, to) = match text.value.split_once("..") {
            Some((from, _)) => (0..from.len(), from.len() + 2..text.value.len()),
            None => (0..text.value.len(), 0..text.value.len()),
        };
        let first = self.rate(doc, text, from.clone());
        let second = if from == to {
            first
        } else {
            self.rate(doc, text, to)
        };
        Some((first?, second?))
    }

    /// The rate that part of a text says.
    pub(super) fn rate<T>(
        &mut self,
        doc: &Document<T>,
        text: &Str,
        part: std::ops::Range<usize>,
    ) -> Option<Rate> {
        let rate = text.value.get(part.clone())?.parse::<Rate>();
        let rate = rate
            .map_err(|error| self.error(doc.inside(text, &part), error.to_string()))
            .ok()?;
        if rate.get() > super::load::MAX_RATE {
            let message = format!(
                "{rate} is more than a load can be: at most {}/s",
                super::load::MAX_RATE
            );
            self.error_with(
                doc.inside(text, &part),
                message,
                "spread it over several machines' harnesses",
            );
            return None;
        }
        Some(rate)
    }

    /// A name that people chose.
    pub(super) fn name<T>(&mut self, doc: &Document<T>, text: &Str) -> Option<Name> {
        text.value
            .parse()
            .map_err(|error: crate::name::NameError| self.error(doc.at(text), error.to_string()))
            .ok()
    }

    /// A factor above zero; 1 if left out.
    pub(super) fn factor<T>(&mut self, doc: &Document<T>, number: Option<&At<f64>>) -> f64 {
        match number {
            None => 1.0,
            Some(number) if number.value.is_finite() && number.value > 0.0 => number.value,
            Some(number) => {
                self.error(
                    doc.at(number),
                    format!("{} is no factor: it must be above zero", number.value),
                );
                1.0
            }
        }
    }
}
