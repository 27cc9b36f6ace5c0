//! Think times: what was typed → a distribution that can be drawn from.

use super::findings::Findings;
use crate::journey::think::Think;
use crate::suite::at::{At, Str};
use crate::suite::document::Document;
use crate::suite::raw;
use crate::units::parse_duration;
use std::ops::Range;
use std::time::Duration;

/// A think time; `None` after noting why there is none.
pub(super) fn resolve<T>(
    doc: &Document<T>,
    raw: &At<raw::Think>,
    found: &mut Findings,
) -> Option<Think> {
    match &raw.value {
        raw::Think::Text(text) => {
            let text = At {
                value: text.clone(),
                span: raw.span.clone(),
            };
            of_text(doc, &text, found)
        }
        raw::Think::Exponential { mean, at_most } => {
            let cut = at_most.as_ref().map(|text| found.duration(doc, text));
            let mean = found.positive(doc, mean.as_ref()?)?;
            let at_most_len = cut.unwrap_or_else(|| Some(Think::tail(mean)))?;
            if let Some(text) = at_most.as_ref().filter(|_| at_most_len < mean) {
                found.error_with(
                    doc.at(text),
                    "`at_most` is shorter than the mean: most think times would be cut",
                    "write several times the mean, or leave it out for ten times",
                );
                return None;
            }
            Some(Think::Exponential {
                mean,
                at_most: at_most_len,
            })
        }
    }
}

fn of_text<T>(doc: &Document<T>, text: &Str, found: &mut Findings) -> Option<Think> {
    let Some((first, _)) = text.value.split_once("..") else {
        return found.duration(doc, text).map(Think::Fixed);
    };
    let mut part = |part: Range<usize>| -> Option<Duration> {
        let parsed = parse_duration(text.value.get(part.clone())?);
        parsed
            .map_err(|error| found.error(doc.inside(text, &part), error.to_string()))
            .ok()
    };
    let from = part(0..first.len());
    let to = part(first.len() + 2..text.value.len());
    let (from, to) = (from?, to?);
    if to < from {
        found.error_with(
            doc.at(text),
            "the range ends before it begins",
            "write the shorter one first: `\"1s..3s\"`",
        );
        return None;
    }
    Some(Think::Uniform { from, to })
}
