//! What passes between a session and whoever sends its requests.

use super::build::Built;
use crate::finding::Finding;
use harness_core::http::{Failure, Request, Response};

/// Why a case is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// The operation, with what it requires.
    Exercise,
    /// The operation, with optional parts too.
    Optional,
    /// So that something exists for the next case.
    Prepare,
    /// Once more, to see whether findings reproduce.
    Confirm,
}

/// A request to send, and why. Hand it back with what came.
#[derive(Debug, Clone)]
pub struct Case {
    /// The operation's name.
    pub operation: String,
    /// What to send.
    pub request: Request,
    /// Why.
    pub purpose: Purpose,
    pub(super) index: usize,
    pub(super) built: Built,
    pub(super) suspect: Option<usize>,
}

/// The exchange that shows a finding.
#[derive(Debug, Clone)]
pub struct Evidence {
    /// What was sent.
    pub request: Request,
    /// What came.
    pub answer: Result<Response, Failure>,
}

/// A finding with its exchange, if one was made.
#[derive(Debug, Clone)]
pub struct Reported {
    /// The finding; its message says how often it reproduced.
    pub finding: Finding,
    /// The exchange that showed it.
    pub evidence: Option<Evidence>,
}
