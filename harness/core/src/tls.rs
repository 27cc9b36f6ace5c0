//! What a suite says of TLS, and the texts of the files it names. The texts travel beside the plan, never in it: a
//! private key is in no event, no plan and no log. Reads no certificate.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// How the target's certificates are judged and what is shown to it, in the suite's own words. Files by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TlsPlan {
    /// File of the only authorities trusted; `None`: those that this machine trusts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca: Option<String>,
    /// File of the client's certificate and those that vouch for it. There exactly if `key` is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cert: Option<String>,
    /// File of the client's private key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The name asked for and expected in the server's certificate, instead of the URL's host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_name: Option<String>,
    /// Whether any certificate is accepted: nothing is known of who answers.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub insecure: bool,
}

/// A key of `[target.tls]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TlsKey {
    /// The authorities.
    Ca,
    /// The client's certificate.
    Cert,
    /// The client's key.
    Key,
    /// The name expected.
    ServerName,
}

impl TlsKey {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ca => "ca",
            Self::Cert => "cert",
            Self::Key => "key",
            Self::ServerName => "server_name",
        }
    }
}

/// The texts of the files that a [`TlsPlan`] names. Not to be written anywhere: it can't be serialised, and printed
/// for debugging it tells which files there are and nothing of what is in them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Pems {
    /// The authorities.
    pub ca: Option<Arc<str>>,
    /// The client's certificate.
    pub cert: Option<Arc<str>>,
    /// The client's private key.
    pub key: Option<Arc<str>>,
}

impl fmt::Debug for Pems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let there = |text: &Option<Arc<str>>| if text.is_some() { "there" } else { "none" };
        f.debug_struct("Pems")
            .field("ca", &there(&self.ca))
            .field("cert", &there(&self.cert))
            .field("key", &there(&self.key))
            .finish()
    }
}

impl Pems {
    /// The text of a private key's file without its framing lines, one entry a line: what must show up nowhere. Lines
    /// too short to tell from other text are left out.
    pub fn secret_lines(&self) -> impl Iterator<Item = &str> {
        let lines = self.key.as_deref().unwrap_or_default().lines();
        let mut within = false;
        lines.map(str::trim).filter(move |line| {
            if let Some(framed) = line.strip_prefix("-----") {
                within = framed.starts_with("BEGIN") && framed.contains("PRIVATE KEY");
                return false;
            }
            within && line.len() >= 16
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_not_printed_and_its_lines_are_known() {
        let key = "-----BEGIN CERTIFICATE-----\npublicpublicpublicpublic\n-----END CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49\n  AgEGCCqGSM49AwEHBG0wawI  \nab==\n-----END PRIVATE KEY-----\n";
        let pems = Pems {
            key: Some(key.into()),
            ..Pems::default()
        };
        assert_eq!(
            format!("{pems:?}"),
            r#"Pems { ca: "none", cert: "none", key: "there" }"#
        );
        let lines: Vec<_> = pems.secret_lines().collect();
        assert_eq!(lines, ["MIGHAgEAMBMGByqGSM49", "AgEGCCqGSM49AwEHBG0wawI"]);
        assert_eq!(Pems::default().secret_lines().count(), 0);
    }
}
