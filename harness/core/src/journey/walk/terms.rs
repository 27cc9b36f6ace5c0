//! What passes between a walk and whoever drives it: what the walk wants, what it is answered, how a step ended. Holds
//! no behaviour.

use super::super::command::Command;
use crate::event::{Broken, Outcome};
use crate::http::{Failure, Request, Response, Timing};
use crate::name::RunId;
use std::sync::Arc;
use std::time::Duration;

/// What tells one walk of a journey from another.
#[derive(Debug, Clone)]
pub struct Context {
    /// The plan's seed.
    pub seed: u64,
    /// The run: generated identifiers carry it, so a target that remembers them is not fooled by a second run.
    pub run: RunId,
    /// The iteration's number, from 0.
    pub iteration: u64,
    /// The data row, an index into the journey's rows.
    pub row: Option<usize>,
    /// Milliseconds since the Unix epoch at the run's begin.
    pub wall_ms_at_zero: i64,
    /// Whether requests carry a W3C `traceparent`.
    pub traceparent: bool,
}

/// What a walk wants next.
#[derive(Debug)]
pub enum Next {
    /// Send this, then [`Walk::answer`](super::Walk::answer); if it has copies,
    /// [`Walk::answers`](super::Walk::answers).
    Send(Outgoing),
    /// Nothing before this time; then ask again.
    Wait {
        /// On the run's clock.
        until: Duration,
    },
    /// Obey this, then [`Walk::commanded`](super::Walk::commanded).
    Command {
        /// The step, by index.
        step: usize,
        /// What to do.
        command: Command,
    },
    /// A step that sends nothing has passed: a pause, a check. Ask again.
    Paused(StepEnd),
    /// A step's request could not be built, or a check did not hold. Ask again.
    Failed(StepEnd),
    /// It is over.
    Done(Outcome),
}

/// A request to be sent.
#[derive(Debug)]
pub struct Outgoing {
    /// The step, by index.
    pub step: usize,
    /// What to send.
    pub request: Arc<Request>,
    /// How often to send it at once; 1 unless the step says otherwise.
    pub copies: u8,
    /// Limit for the exchange, connect included.
    pub timeout: Duration,
    /// When it was meant to be sent.
    pub intended: Duration,
}

/// What came of a request.
#[derive(Debug)]
pub struct Answer {
    /// When it was sent.
    pub sent: Duration,
    /// When its last byte was read, or it failed.
    pub ended: Duration,
    /// Where the time went.
    pub timing: Timing,
    /// What came.
    pub result: Result<Response, Failure>,
}

/// A step that ended.
#[derive(Debug)]
pub struct StepEnd {
    /// The step, by index.
    pub step: usize,
    /// Whether everything held.
    pub passed: bool,
    /// What did not.
    pub failures: Vec<Broken>,
    /// Exchanges made, redirects aside; above 1 only when polling.
    pub attempts: u32,
    /// When its last exchange was meant to begin.
    pub intended: Duration,
    /// When its last exchange was sent.
    pub sent: Duration,
    /// When it ended.
    pub ended: Duration,
    /// The error's class as counted; `None` when it passed.
    pub class: Option<String>,
    /// The last request, if one was built; what follows is of one of its answers: the one that failed, else the first.
    pub request: Option<Arc<Request>>,
    /// What came of it.
    pub result: Option<Result<Response, Failure>>,
    /// Where its time went.
    pub timing: Timing,
}
