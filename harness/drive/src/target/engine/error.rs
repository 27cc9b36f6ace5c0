//! Why the container engine did not do what it was asked. Every text says what was wrong, where, and what to do.

use std::error::Error as _;
use std::time::Duration;
use testcontainers::bollard::errors::Error as ClientError;

/// The oldest API that is spoken: Docker Engine 20.10's.
pub(super) const OLDEST: (usize, usize) = (1, 41);

/// Why the engine did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// Nobody answers where the engine should be.
    #[error(
        "no container engine answers at {at}: {reason}; start it (`systemctl start docker`, Docker Desktop), or say in \
         DOCKER_HOST where it is"
    )]
    Absent {
        /// Where it was looked for.
        at: String,
        /// What the connection came to.
        reason: String,
    },
    /// The engine is there and this user may not use it.
    #[error(
        "this user may not use the container engine at {at}: {reason}; add the user to the group `docker` and log in again, or \
         say in DOCKER_HOST where an engine of their own is"
    )]
    Forbidden {
        /// Where it is.
        at: String,
        /// What the connection came to.
        reason: String,
    },
    /// The engine is older than what is spoken here.
    #[error(
        "the container engine at {at} speaks API {found} and at least {}.{} is needed; Docker Engine 20.10 and everything \
         newer has it",
        OLDEST.0,
        OLDEST.1
    )]
    TooOld {
        /// Where it is.
        at: String,
        /// What it speaks.
        found: String,
    },
    /// `DOCKER_HOST` is nothing that can be connected to.
    #[error(
        "the container engine's address {host:?} is not understood: {reason}; write unix:///PATH or tcp://HOST:PORT"
    )]
    Address {
        /// What was written.
        host: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The engine answered before, and does no longer.
    #[error(
        "the container engine at {at} is gone: it did not answer when asked to {doing}: {reason}"
    )]
    Gone {
        /// Where it was.
        at: String,
        /// What it was asked.
        doing: String,
        /// What the connection came to.
        reason: String,
    },
    /// It took longer than allowed.
    #[error("the container engine at {at} did not {doing} within {limit:?}")]
    Late {
        /// Where it is.
        at: String,
        /// What it was asked.
        doing: String,
        /// How long was waited.
        limit: Duration,
    },
    /// The engine answered that it won't.
    #[error("failed to {doing}: the container engine says: {message}")]
    Refused {
        /// What it was asked.
        doing: String,
        /// The HTTP status of its answer; 0 where the answer began well and ended with an error.
        status: u16,
        /// What it said.
        message: String,
    },
    /// The image is not there, and no registry was reached that might have it.
    #[error(
        "the image {image} is not here, and no registry was reached to pull it from: {reason}; build it \
         (`container.build`), load it (`docker load`), or give the engine a way to its registry"
    )]
    NoRegistry {
        /// The image.
        image: String,
        /// What the engine said.
        reason: String,
    },
    /// The image is not there, and its registry has none of that name for this user.
    #[error(
        "the image {image} is not here, and its registry does not give it: {reason}; check its name and tag, or log in \
         (`docker login`)"
    )]
    NoImage {
        /// The image.
        image: String,
        /// What the engine said.
        reason: String,
    },
    /// A build failed.
    #[error("failed to build the image {image}: {reason}{}", lines(.output))]
    Build {
        /// The image.
        image: String,
        /// What the builder said.
        reason: String,
        /// Its last lines.
        output: Vec<String>,
    },
    /// No image of this program can be made here.
    #[error(
        "no image can be made of the running harness: {0}; name an image of a Toxiproxy in `[target.proxy] image` for the links \
         between containers"
    )]
    OwnImage(String),
    /// A file of this machine could not be read.
    #[error("failed to read {path}: {reason}")]
    File {
        /// The file.
        path: String,
        /// Why.
        reason: String,
    },
    /// Something else between this program and the engine.
    #[error("failed to {doing}: {reason}")]
    Other {
        /// What was asked.
        doing: String,
        /// What came of it.
        reason: String,
    },
}

fn lines(output: &[String]) -> String {
    output.iter().map(|line| format!("\n  {line}")).collect()
}

impl EngineError {
    /// Whether what was asked about is not there: then it needs no removing.
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Refused { status: 404, .. })
    }

    /// Whether what was asked is so already, or is being done for somebody else.
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Refused { status: 409, .. })
    }

    /// Whether the engine said no, so that nothing was done.
    pub fn is_refused(&self) -> bool {
        matches!(self, Self::Refused { .. })
    }

    /// Whether the engine itself is not reached, so that asking it for more is in vain. One that was late once is.
    pub fn is_silent(&self) -> bool {
        matches!(
            self,
            Self::Absent { .. } | Self::Forbidden { .. } | Self::Gone { .. }
        )
    }

    /// Whether it took longer than allowed: nobody knows what was done, and it may do the next thing.
    pub fn is_late(&self) -> bool {
        matches!(self, Self::Late { .. })
    }

    /// What a client's error means of an engine that had answered before.
    pub(super) fn told(at: &str, doing: &str, error: &ClientError, limit: Duration) -> Self {
        let (at, doing) = (at.to_owned(), doing.to_owned());
        match error {
            ClientError::DockerResponseServerError {
                status_code,
                message,
            } => Self::Refused {
                doing,
                status: *status_code,
                message: message.trim().to_owned(),
            },
            ClientError::DockerStreamError { error } => Self::Refused {
                doing,
                status: 0,
                message: error.trim().to_owned(),
            },
            ClientError::RequestTimeoutError => Self::Late { at, doing, limit },
            ClientError::IOError { .. }
            | ClientError::HyperResponseError { .. }
            | ClientError::HyperLegacyError { .. }
            | ClientError::SocketNotFoundError(_) => Self::Gone {
                at,
                doing,
                reason: root(error),
            },
            other => Self::Other {
                doing,
                reason: root(other),
            },
        }
    }

    /// What a client's error means when the engine is looked for.
    pub(super) fn on_connecting(at: &str, error: &ClientError) -> Self {
        let reason = match error {
            ClientError::SocketNotFoundError(path) => format!("there is no socket {path}"),
            error => root(error),
        };
        let at = at.to_owned();
        match kind(error) {
            Some(std::io::ErrorKind::PermissionDenied) => Self::Forbidden { at, reason },
            _ => Self::Absent { at, reason },
        }
    }
}

/// The kind of the input/output error at the bottom, if there is one.
fn kind(error: &ClientError) -> Option<std::io::ErrorKind> {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<std::io::Error>() {
            return Some(error.kind());
        }
        next = error.source();
    }
    None
}

/// What lies at the bottom of an error, for wrappers say "client error (Connect)" and the like.
fn root(error: &ClientError) -> String {
    let mut last = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        last = error.to_string();
        next = error.source();
    }
    last
}
