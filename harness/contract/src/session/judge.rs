//! What one answer to a case with valid data says, beyond what any exchange would. It must not know the session.

use super::build::Built;
use crate::document::Operation;
use crate::finding::Finding;
use crate::generate::Variant;
use harness_core::event::ContractCheck;
use harness_core::http::{Failure, FailureKind};

/// Statuses that refuse the data itself. Others (401, 403, 409, 412, 429 …) refuse the caller or the moment.
const REFUSALS: [u16; 8] = [400, 404, 405, 406, 411, 414, 415, 422];

/// A finding when valid data was refused. Values that should have existed and were made up explain a refusal; a 404,
/// which says no more than that something is not there, is explained by anything optional that may name something, and
/// once something was `removed` before, whose end may have been the end of more.
pub(super) fn refused(
    operation: &Operation,
    status: u16,
    built: &Built,
    removed: bool,
) -> Option<Finding> {
    let not_there = status == 404 && (removed || built.variant == Variant::Full);
    let explained = !built.made_up.is_empty() || not_there;
    if !REFUSALS.contains(&status) || !operation.announces_success() || explained {
        return None;
    }
    let also = if operation.response(status).is_none() {
        "; the document does not list that status either"
    } else {
        ""
    };
    let message = format!("answered {status} to valid data{also}");
    Some(Finding::new(
        ContractCheck::ValidRefused,
        &operation.name,
        &status.to_string(),
        message,
    ))
}

/// The finding when no response came.
pub(super) fn unreachable(operation: &Operation, failure: &Failure) -> Finding {
    let (check, words) = match failure.kind {
        FailureKind::Local => (
            ContractCheck::NotExercised,
            "this machine could not send it",
        ),
        _ => (ContractCheck::Unreachable, "no response came"),
    };
    Finding::new(
        check,
        &operation.name,
        failure.kind.as_str(),
        format!("{words}: {failure}"),
    )
}
