//! Why a Toxiproxy server did not do what it was asked, and what that means for what is on it.

use crate::http_client::ClientError;

/// Why a server did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum ToxiproxyError {
    /// No HTTP client.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// Its address is none.
    #[error(
        "`{0}` is no address of a Toxiproxy's API: write it whole, such as `http://127.0.0.1:8474`"
    )]
    Address(String),
    /// Nobody listens there: its host says so.
    #[error(
        "nobody answers at {0}: start toxiproxy-server or `harness proxy` there, or leave `[target.proxy]` out of harness.toml to use the proxy within the harness"
    )]
    Absent(String),
    /// The exchange broke off, or took too long.
    #[error("failed to {doing} at {url}: {why}")]
    Broken {
        /// What was asked.
        doing: String,
        /// Whom.
        url: String,
        /// What happened.
        why: String,
    },
    /// It says no.
    #[error("the Toxiproxy at {url} refused to {doing}: {status}, {why}")]
    Refused {
        /// What was asked.
        doing: String,
        /// Who refuses.
        url: String,
        /// The status.
        status: u16,
        /// In its words.
        why: String,
    },
    /// What it says is not what a Toxiproxy says.
    #[error("what answers at {url} is no Toxiproxy: asked to {doing}, it said {said}")]
    Strange {
        /// What was asked.
        doing: String,
        /// Who answers.
        url: String,
        /// The begin of its answer.
        said: String,
    },
    /// It agreed, and did something else.
    #[error("the Toxiproxy at {url} agreed to {doing}, and did not: {is}")]
    NotDone {
        /// What was asked.
        doing: String,
        /// Who agreed.
        url: String,
        /// What it shows instead.
        is: String,
    },
}

impl ToxiproxyError {
    /// Whether nobody is there any more: with the server went its proxies.
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Absent(_))
    }

    /// Whether nothing was heard of it: asking it for more is in vain for now.
    pub fn is_silent(&self) -> bool {
        matches!(self, Self::Absent(_) | Self::Broken { .. })
    }

    pub(super) fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused { status: 404, .. })
    }
}
