//! The last scan. Secrets are redacted before events exist; this refuses a finished text in which one is found all
//! the same, in any of the forms a value takes on its way through requests, answers and reports.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// A secret's name and value, as the run knew it.
#[derive(Clone)]
pub struct Secret {
    /// The name in the suite.
    pub name: String,
    /// The value; never shown.
    pub value: String,
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Secret")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// A secret was found in a text about to be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "failed to write the report: line {line} would show the secret `{secret}` ({form}); nothing was written"
)]
pub struct Leak {
    /// The secret's name.
    pub secret: String,
    /// The form it was found in.
    pub form: &'static str,
    /// The line, from 1.
    pub line: usize,
}

/// Values shorter than this occur by chance in any text and are not looked for.
pub const SHORTEST: usize = 4;
/// Encoded pieces shorter than this are not looked for, for the same reason.
const SHORTEST_PIECE: usize = 6;

const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// Refuses a text that shows one of the secrets: plain, JSON- or HTML-escaped, percent-encoded, or base64 at any of
/// the three alignments a value can have inside a longer one.
pub fn scan(text: &str, secrets: &[Secret]) -> Result<(), Leak> {
    for secret in secrets.iter().filter(|s| s.value.len() >= SHORTEST) {
        for (form, needle) in forms(&secret.value) {
            if let Some(at) = text.find(&needle) {
                let line = text[..at].matches('\n').count() + 1;
                return Err(Leak {
                    secret: secret.name.clone(),
                    form,
                    line,
                });
            }
        }
    }
    Ok(())
}

fn forms(value: &str) -> Vec<(&'static str, String)> {
    let mut forms = vec![("plain", value.to_owned())];
    let json = serde_json::Value::from(value).to_string();
    forms.push(("JSON-escaped", json.trim_matches('"').to_owned()));
    let mut html = Vec::new();
    if tera::escape_html(value, &mut html).is_ok() {
        forms.push(("HTML-escaped", String::from_utf8_lossy(&html).into_owned()));
    }
    for set in [NON_ALPHANUMERIC, COMPONENT] {
        let encoded = utf8_percent_encode(value, set).to_string();
        forms.push(("percent-encoded", encoded.to_lowercase()));
        forms.push(("percent-encoded", encoded));
    }
    for offset in 0..3 {
        forms.extend(
            [STANDARD_NO_PAD, URL_SAFE_NO_PAD]
                .iter()
                .filter_map(|engine| base64_piece(engine, value, offset))
                .map(|piece| ("base64", piece)),
        );
    }
    // A value without special characters equals its own escape: an escape lower-cased must not turn into a word.
    forms.retain(|(form, needle)| {
        !needle.is_empty() && (*form != "percent-encoded" || needle.contains('%'))
    });
    forms
}

/// The characters that depend on nothing but the value, when `offset` bytes stand before it in the encoded data.
fn base64_piece(engine: &impl Engine, value: &str, offset: usize) -> Option<String> {
    let data = [&[0u8; 2][..offset], value.as_bytes()].concat();
    let encoded = engine.encode(&data);
    let first = [0, 2, 3][offset];
    let last = data.len() * 8 / 6;
    encoded
        .get(first..last)
        .filter(|piece| piece.len() >= SHORTEST_PIECE)
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;

    fn secret(value: &str) -> Vec<Secret> {
        vec![Secret {
            name: "api_key".into(),
            value: value.into(),
        }]
    }

    fn found(text: &str, value: &str) -> Option<&'static str> {
        scan(text, &secret(value)).err().map(|leak| leak.form)
    }

    #[test]
    fn every_form_is_found_and_its_line_named() {
        let value = "p&ss/w\"rd=1";
        assert_eq!(found("x\np&ss/w\"rd=1", value), Some("plain"));
        assert_eq!(scan("x\np&ss/w\"rd=1", &secret(value)).unwrap_err().line, 2);
        assert_eq!(
            found(r#"{"a":"p&ss/w\"rd=1"}"#, value),
            Some("JSON-escaped")
        );
        assert_eq!(found("p&amp;ss/w&quot;rd=1", value), Some("HTML-escaped"));
        assert_eq!(
            found("?k=p%26ss%2Fw%22rd%3D1", value),
            Some("percent-encoded")
        );
        assert_eq!(
            found("?k=p%26ss%2fw%22rd%3d1", value),
            Some("percent-encoded")
        );
    }

    #[test]
    fn a_clean_text_passes_and_short_values_are_not_looked_for() {
        assert_eq!(found("nothing to see", "demo-key"), None);
        assert_eq!(found("a b c", "b"), None);
    }

    #[test]
    fn a_leak_never_repeats_the_value() {
        let leak = scan("demo-key", &secret("demo-key")).unwrap_err();
        assert!(!leak.to_string().contains("demo-key"));
        assert!(!format!("{:?}", secret("demo-key")).contains("demo-key"));
    }

    proptest! {
        #[test]
        fn base64_is_found_at_any_alignment(before in prop::collection::vec(any::<u8>(), 0..9), value in "[!-~]{8,24}", after in prop::collection::vec(any::<u8>(), 0..9)) {
            let data = [before.as_slice(), value.as_bytes(), after.as_slice()].concat();
            prop_assert!(scan(&STANDARD.encode(data), &secret(&value)).is_err());
        }
    }
}
