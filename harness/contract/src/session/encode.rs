//! Values → the text of a URL, a header, a body. It must not know where values come from.

use crate::document::Style;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

const UNRESERVED: AsciiSet = NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');
/// The boundary between the parts of a multipart body.
const BOUNDARY: &str = "harness-boundary-7d1f0a";

/// A text with everything but letters, digits and `-._~` percent-encoded.
pub(super) fn escape(text: &str) -> String {
    utf8_percent_encode(text, &UNRESERVED).to_string()
}

/// A scalar as text; lists and objects as JSON.
pub(super) fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// A value as one text: lists joined, an object as alternating names and values.
pub(super) fn joined(value: &Value, style: Style) -> String {
    let by = match style {
        Style::Joined(by) => by.to_string(),
        Style::Json => return value.to_string(),
        Style::Explode | Style::Deep => ",".to_owned(),
    };
    match value {
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(&by),
        Value::Object(members) => members
            .iter()
            .flat_map(|(k, v)| [k.clone(), plain(v)])
            .collect::<Vec<_>>()
            .join(&by),
        scalar => plain(scalar),
    }
}

/// A value as query parameters, decoded.
pub(super) fn query(name: &str, value: &Value, style: Style) -> Vec<(String, String)> {
    match (value, style) {
        (Value::Array(items), Style::Explode | Style::Deep) => items
            .iter()
            .map(|item| (name.to_owned(), plain(item)))
            .collect(),
        (Value::Object(members), Style::Explode) => {
            members.iter().map(|(k, v)| (k.clone(), plain(v))).collect()
        }
        (Value::Object(members), Style::Deep) => members
            .iter()
            .map(|(k, v)| (format!("{name}[{k}]"), plain(v)))
            .collect(),
        _ => vec![(name.to_owned(), joined(value, style))],
    }
}

/// A body under a content type, with the header's full value; `None` for a type nothing is known to write.
pub(super) fn body(range: &str, value: &Value) -> Option<(String, Vec<u8>)> {
    if crate::check::json(range) || range == "*/*" || range == "application/*" {
        let range = if range.contains('*') {
            "application/json"
        } else {
            range
        };
        return Some((range.to_owned(), value.to_string().into_bytes()));
    }
    match range {
        "application/x-www-form-urlencoded" => {
            let pairs = value
                .as_object()?
                .iter()
                .flat_map(|(name, value)| query(name, value, Style::Explode));
            let pairs = pairs.map(|(name, value)| format!("{}={}", escape(&name), escape(&value)));
            Some((
                range.to_owned(),
                pairs.collect::<Vec<_>>().join("&").into_bytes(),
            ))
        }
        "multipart/form-data" => {
            let part = |(name, value): (&String, &Value)| {
                let name = name.replace(['"', '\r', '\n'], "_");
                format!(
                    "--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{}\r\n",
                    plain(value)
                )
            };
            let parts: String = value.as_object()?.iter().map(part).collect();
            let text = format!("{parts}--{BOUNDARY}--\r\n");
            Some((format!("{range}; boundary={BOUNDARY}"), text.into_bytes()))
        }
        "application/x-ndjson" | "application/jsonl" => {
            Some((range.to_owned(), format!("{value}\n").into_bytes()))
        }
        "application/octet-stream" => Some((range.to_owned(), plain(value).into_bytes())),
        // A text, or a document in some other language that the document gives an example of.
        _ if value.is_string() => {
            let concrete = if range == "text/*" {
                "text/plain"
            } else {
                range
            };
            Some((concrete.to_owned(), plain(value).into_bytes()))
        }
        _ => None,
    }
}
