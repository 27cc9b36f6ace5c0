//! What a suite says of a release: when it is ready, which evidence it needs, what is waived and until when, and what
//! people do before, during and after its deployment. Frozen with the plan; judged by `readiness`.

use crate::date::Date;
use crate::name::Name;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The score from which it is GO, unless the suite says otherwise.
pub const GO_SCORE: f64 = 90.0;
/// The score from which it is CONDITIONAL GO, unless the suite says otherwise.
pub const CONDITIONAL_SCORE: f64 = 75.0;
/// Days that evidence counts, unless the suite says otherwise.
pub const FRESH_DAYS: u32 = 7;
/// Days that a waiver lasts at most.
pub const WAIVER_DAYS: i64 = 90;

/// What a release is judged by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReadinessPlan {
    /// The score from which it is GO, if no key item stands against it.
    pub go: f64,
    /// The score from which it is CONDITIONAL GO.
    pub conditional: f64,
    /// Whole days that evidence counts.
    pub fresh_days: u32,
    /// Evidence that a release must have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<Need>,
    /// Failures that somebody answers for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waivers: Vec<Waiver>,
    /// What people do around the deployment, in the order typed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checklist: Vec<Entry>,
}

impl Default for ReadinessPlan {
    fn default() -> Self {
        Self {
            go: GO_SCORE,
            conditional: CONDITIONAL_SCORE,
            fresh_days: FRESH_DAYS,
            needs: Vec::new(),
            waivers: Vec::new(),
            checklist: Vec::new(),
        }
    }
}

impl ReadinessPlan {
    /// Whether it says nothing but the defaults.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Evidence that a release must have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Need {
    /// What must have been run.
    pub what: Needed,
    /// Whole days that it counts.
    pub fresh_days: u32,
    /// Who brings it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
}

/// What must have been run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Needed {
    /// This scenario, with the load it has in the suite.
    Scenario(Name),
    /// All that this profile takes.
    Profile(Name),
}

impl fmt::Display for Needed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scenario(name) => write!(f, "scenario `{name}`"),
            Self::Profile(name) => write!(f, "profile `{name}`"),
        }
    }
}

impl Needed {
    /// The command that brings it.
    pub fn command(&self) -> String {
        match self {
            Self::Scenario(name) => format!("harness run {name}"),
            Self::Profile(name) => format!("harness run --profile {name}"),
        }
    }
}

/// A gate's failure that somebody answers for, for a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiver {
    /// The gate's or the invariant's id.
    pub gate: String,
    /// Where it counts; everywhere unless something is named.
    #[serde(default, skip_serializing_if = "Scope::is_everywhere")]
    pub scope: Scope,
    /// Why the failure is accepted.
    pub reason: String,
    /// Who sees to it that it goes away.
    pub owner: String,
    /// Who agreed.
    pub approver: String,
    /// The day it was written; from then on it counts.
    pub created: Date,
    /// The last day on which it counts.
    pub expires: Date,
    /// Where the work is tracked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// The line of harness.toml it stands on.
    pub line: u32,
}

/// Where a waiver counts: all that is named must fit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// Only runs of this variant; `default` is the suite without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<Name>,
    /// Only runs of this profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<Name>,
    /// Only this release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<Name>,
}

impl Scope {
    fn is_everywhere(&self) -> bool {
        *self == Self::default()
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            ("variant", self.variant.as_ref().map(Name::as_str)),
            ("profile", self.profile.as_ref().map(Name::as_str)),
            ("release", self.release.as_ref().map(Name::as_str)),
        ];
        let mut joint = "";
        for (what, name) in parts {
            if let Some(name) = name {
                write!(f, "{joint}{what} {name}")?;
                joint = ", ";
            }
        }
        if joint.is_empty() {
            f.write_str("everywhere")?;
        }
        Ok(())
    }
}

/// Where something stands against the deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Due {
    /// Before it begins.
    Before,
    /// While it goes on.
    During,
    /// Once it is over.
    After,
}

impl Due {
    /// As printed: `before the deployment`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Before => "before the deployment",
            Self::During => "during the deployment",
            Self::After => "after the deployment",
        }
    }
}

/// Something that people do around the deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When.
    pub due: Due,
    /// What.
    pub title: String,
    /// Who.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// What closes it.
    pub closes: Closes,
}

/// What closes an entry of the checklist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Closes {
    /// This gate, invariant or check passes.
    With(String),
    /// Somebody signs it; absent until then.
    Signature(Option<Signed>),
}

/// That somebody saw it done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signed {
    /// Who.
    pub by: String,
    /// When.
    pub on: Date,
    /// Of which release; any that is judged while the signature is fresh, if none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<Name>,
    /// What was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}
