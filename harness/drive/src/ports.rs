//! What one part of a run needs of another, as small traits. The parts never import each other; only the executor
//! knows who stands behind a port.

use futures::future::BoxFuture;
use harness_core::event::SeenIn;
use harness_core::http::{Request, Response};
use harness_core::plan::fault::{Site, Strike};
use std::time::Duration;

/// Breaks and heals links and services.
pub trait Faults: Send + Sync {
    /// Applies a fault under a name unique in the run. On a link it lapses after `lease` even if nobody lifts it, and
    /// goes with the proxy, which lives in this process: that is its undo. A service is in the undo journal, which ends
    /// it whether it runs or stands. A deployment is applied when the new version serves; whatever else takes as long as the
    /// target does is not waited for. The error says why it could not be applied.
    fn arm<'a>(
        &'a self,
        id: &'a str,
        strike: Strike<'a>,
        lease: Duration,
    ) -> BoxFuture<'a, Result<(), String>>;

    /// Lifts it; lifting what is not there is fine. A killed service is started again, not waited for: the time it takes
    /// is part of the recovery. A deployment is rolled back, and waited for; while it is being applied, that is broken off.
    fn lift<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<(), String>>;

    /// The first connection or byte the fault touched since it was armed; of a service, the signal.
    fn effective(&self, id: &str) -> Option<FirstEffect>;

    /// Waits until what was broken is ready again: a link at once, a service within its own limit.
    fn ready<'a>(&'a self, on: &'a Site) -> BoxFuture<'a, Result<(), String>>;
}

/// When a fault first touched something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirstEffect {
    /// On the run's clock.
    pub at: Duration,
    /// Whether nobody saw it: this is when the proxy confirmed the change.
    pub assumed: bool,
    /// Who does it, where there are several ways to.
    pub by: Option<String>,
}

/// Looks at every exchange that passes and holds it against the documents.
pub trait Watch: Send + Sync {
    /// Checks one exchange; findings are said by the watcher itself.
    fn saw(&self, seen_in: SeenIn, request: &Request, response: &Response);
}

/// Brings the target back to a fresh state.
pub trait Restart: Send + Sync {
    /// Stops and starts every service.
    fn restart(&self) -> BoxFuture<'_, Result<(), String>>;
}
