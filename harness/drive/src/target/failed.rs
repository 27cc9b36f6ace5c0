//! Why a target did not come up, with the last words of the service at fault. Knows nobody who tells it.

use super::engine::EngineError;
use super::journal::JournalError;
use super::links::LinkError;
use harness_core::name::Name;
use harness_core::template::UnboundError;

/// Why the target did not come up.
#[derive(Debug)]
pub struct Failed {
    /// The service at fault, if one is.
    pub service: Option<String>,
    /// Why, one sentence.
    pub reason: String,
    /// Its last lines of output.
    pub output: Vec<String>,
}

impl Failed {
    pub(super) fn whole(reason: impl ToString) -> Self {
        Self {
            service: None,
            reason: reason.to_string(),
            output: Vec::new(),
        }
    }

    pub(super) fn of(service: &Name, reason: impl ToString, output: Vec<String>) -> Self {
        Self {
            service: Some(service.to_string()),
            reason: reason.to_string(),
            output,
        }
    }
}

impl From<EngineError> for Failed {
    fn from(error: EngineError) -> Self {
        Self::whole(error)
    }
}

impl From<JournalError> for Failed {
    fn from(error: JournalError) -> Self {
        Self::whole(error)
    }
}

impl From<LinkError> for Failed {
    fn from(error: LinkError) -> Self {
        Self::whole(error)
    }
}

impl From<UnboundError> for Failed {
    fn from(error: UnboundError) -> Self {
        Self::whole(error)
    }
}
