//! Names of proxies and of toxics: what may be a name is decided here, once. Knows nothing of what is named.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The longest name, in bytes.
const LONGEST: usize = 255;

/// Why a text is not a name.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum NameError {
    /// Nothing was given.
    #[error("the name is empty; give it at least one character")]
    Empty,
    /// Too long to be shown in a report or to travel in a URL.
    #[error("the name is {0} bytes long; at most {LONGEST} are allowed")]
    TooLong(usize),
    /// A line feed, an escape or another control character: it could forge a line of a log.
    #[error("the name {0:?} holds a control character; use printable characters")]
    Control(String),
}

fn checked(text: String) -> Result<Box<str>, NameError> {
    if text.is_empty() {
        return Err(NameError::Empty);
    }
    if text.len() > LONGEST {
        return Err(NameError::TooLong(text.len()));
    }
    if text.chars().any(char::is_control) {
        return Err(NameError::Control(text));
    }
    Ok(text.into_boxed_str())
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        /// One to 255 bytes without control characters; slashes, quotes and any script are fine.
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(Box<str>);

        impl $type {
            /// Checks `text` and keeps it unchanged.
            ///
            /// # Errors
            /// When it is empty, too long, or holds a control character.
            pub fn new(text: impl Into<String>) -> Result<Self, NameError> {
                checked(text.into()).map(Self)
            }

            /// The name as it was given.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $type {
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, NameError> {
                Self::new(text)
            }
        }

        impl FromStr for $type {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::new(text)
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> Self {
                name.0.into_string()
            }
        }

        impl Borrow<str> for $type {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name! {
    /// The name of a proxy.
    ProxyName
}
name! {
    /// The name of a toxic, unique within its proxy over both directions.
    ToxicName
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_a_name() {
        for good in ["a", "payments → db", "a/b", "\"quoted\"", &"x".repeat(255)] {
            assert_eq!(ProxyName::new(good).unwrap().as_str(), good);
        }
        assert_eq!(ProxyName::new(""), Err(NameError::Empty));
        assert_eq!(
            ToxicName::new("x".repeat(256)),
            Err(NameError::TooLong(256))
        );
        assert!(matches!(ToxicName::new("a\nb"), Err(NameError::Control(_))));
    }

    #[test]
    fn a_bad_name_is_no_json() {
        assert!(serde_json::from_str::<ToxicName>("\"\"").is_err());
        assert_eq!(
            serde_json::to_string(&ToxicName::new("t").unwrap()).unwrap(),
            "\"t\""
        );
    }
}
