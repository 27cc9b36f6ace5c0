//! The last scan. Secrets are redacted before events exist; this refuses a finished text in which one is found all
//! the same, in any of the forms a value takes on its way through requests, answers and reports.

use harness_core::secret;

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

/// Refuses a text that shows one of the secrets, in any of the forms that are taken out of events too.
pub fn scan(text: &str, secrets: &[Secret]) -> Result<(), Leak> {
    for secret in secrets {
        for (form, needle) in secret::named(&secret.value) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
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
    fn a_line_of_a_secret_with_several_is_found() {
        let pem = "-----BEGIN KEY-----\nMIIBVgIBADAN\n-----END KEY-----\n";
        assert_eq!(found("log: MIIBVgIBADAN", pem), Some("a line of it"));
    }

    #[test]
    fn the_digits_of_an_escape_may_be_small_where_the_value_is_not() {
        assert_eq!(found("?k=Pa%2fSS-w", "Pa/SS-w"), Some("percent-encoded"));
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
