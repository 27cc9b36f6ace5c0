//! Identifiers: names people type, and the run's id. Parsed once, at the edge; nothing else may build a path
//! or a label from an unchecked string.

use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;
use std::str::FromStr;

/// Why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The text is empty.
    #[error("a name must not be empty")]
    Empty,
    /// Longer than [`Name::MAX`] characters.
    #[error("a name has at most {max} characters, this one has {0}", max = Name::MAX)]
    TooLong(usize),
    /// A character that could escape a path, a label or an expression.
    #[error(
        "a name may not contain {0:?}; use letters, digits, `-`, `_` and `.`, starting with a letter or digit"
    )]
    Character(char),
    /// A character that a name may hold, and not begin with.
    #[error("a name may not begin with {0:?}; let it start with a letter or digit")]
    Begin(char),
}

/// What may stand in a name beside letters and digits.
const SIGNS: &str = "-_.";

/// An identifier of a service, link, journey, scenario, profile, variant or secret: letters, digits, `-`, `_`
/// and `.`, starting with a letter or digit, at most 64 characters. Fit for a path component and a URL.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Name(String);

impl Name {
    /// The longest name, in characters.
    pub const MAX: usize = 64;

    /// The text of the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let first = text.chars().next().ok_or(NameError::Empty)?;
        if let Some(bad) = text
            .chars()
            .find(|c| !c.is_ascii_alphanumeric() && !SIGNS.contains(*c))
        {
            return Err(NameError::Character(bad));
        }
        if !first.is_ascii_alphanumeric() {
            return Err(NameError::Begin(first));
        }
        match text.chars().count() {
            n if n > Self::MAX => Err(NameError::TooLong(n)),
            _ => Ok(Self(text.to_owned())),
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for Name {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl std::borrow::Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// Names one run: its folder under `reports/runs/`, its label on everything it starts. Same alphabet as
/// [`Name`]; by convention `YYYYMMDD-HHMMSS-xxxx`, so that names sort by time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(Name);

impl RunId {
    /// The text of the id.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl FromStr for RunId {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        text.parse().map(Self)
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a load figure is filed under: a whole journey (`checkout`) or one step of it
/// (`checkout/place the order`). Never a raw URL, so the number of names is bounded by the suite.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RequestName(String);

impl RequestName {
    /// The name of a whole journey.
    pub fn journey(journey: &Name) -> Self {
        Self(journey.as_str().to_owned())
    }

    /// The name of one step of a journey.
    pub fn step(journey: &Name, step: &str) -> Self {
        Self(format!("{journey}/{step}"))
    }

    /// Reads `journey` or `journey/step` as written in a gate; the journey part must be a [`Name`].
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let journey = text.split_once('/').map_or(text, |(journey, _)| journey);
        journey.parse::<Name>()?;
        Ok(Self(text.to_owned()))
    }

    /// The text of the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The journey this name belongs to.
    pub fn journey_part(&self) -> &str {
        self.0
            .split_once('/')
            .map_or(self.0.as_str(), |(journey, _)| journey)
    }

    /// The step, or `None` for a whole journey.
    pub fn step_part(&self) -> Option<&str> {
        self.0.split_once('/').map(|(_, step)| step)
    }
}

impl fmt::Display for RequestName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_refuse_what_could_escape_a_path() {
        for bad in ["", "..", "../x", "a/b", ".hidden", "a b", "a\0", "ä"] {
            assert!(bad.parse::<Name>().is_err(), "{bad:?} was accepted");
        }
        assert!("a".repeat(65).parse::<Name>().is_err());
        assert_eq!(
            "no-cache_2.1".parse::<Name>().unwrap().as_str(),
            "no-cache_2.1"
        );
    }

    #[test]
    fn a_request_name_splits_at_its_first_slash() {
        let journey: Name = "checkout".parse().unwrap();
        let step = RequestName::step(&journey, "pay 1/2");
        assert_eq!(
            (step.journey_part(), step.step_part()),
            ("checkout", Some("pay 1/2"))
        );
        assert_eq!(RequestName::journey(&journey).step_part(), None);
    }
}
