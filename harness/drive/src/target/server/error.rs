//! Why a Toxiproxy server can't serve the links of a run, with what to do about it.

use crate::target::journal::JournalError;
use crate::target::toxiproxy::ToxiproxyError;
use harness_core::name::Name;
use harness_proxy::NameError;

/// Why a server can't serve the links.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// It does not do as it is asked.
    #[error(transparent)]
    Api(#[from] ToxiproxyError),
    /// It has not the proxy that a link is routed through.
    #[error(
        "the Toxiproxy at {url} has no proxy `{proxy}`, which link `{link}` names; it has {known}"
    )]
    NoProxy {
        /// The server.
        url: String,
        /// The proxy.
        proxy: String,
        /// The link.
        link: Name,
        /// Those it has.
        known: String,
    },
    /// The proxy that a link is routed through is broken already.
    #[error(
        "the proxy `{proxy}` of link `{link}` at {url} was not whole before the run began: it {is}"
    )]
    Broken {
        /// The server.
        url: String,
        /// The proxy.
        proxy: String,
        /// The link.
        link: Name,
        /// How it is.
        is: String,
    },
    /// A fault needs what only the proxy of a harness can do.
    #[error(
        "fault `{fault}` needs {needs}, which the Toxiproxy {version} at {url} does not know: start `harness proxy` there (without --strict), or leave `[target.proxy]` out"
    )]
    Beyond {
        /// The fault.
        fault: String,
        /// What of it.
        needs: String,
        /// The server's version.
        version: String,
        /// The server.
        url: String,
    },
    /// What is done could not be undone after a kill.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A toxic can't be named.
    #[error("failed to name a toxic: {0}")]
    Name(#[from] NameError),
}
