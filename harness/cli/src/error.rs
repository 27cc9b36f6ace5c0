//! What can end a command, with the exit code it means and a hint.

use std::path::PathBuf;

/// Why a command ended without its answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    /// The suite has errors; they were printed.
    #[error("{0}")]
    Suite(String),
    /// The command line can't be understood.
    #[error("{message}")]
    Usage {
        /// What is wrong.
        message: String,
        /// What to do.
        hint: String,
    },
    /// There is no suite here.
    #[error("failed to find harness.toml in {}{}", from.display(), if *upwards { " or any folder above it" } else { "" })]
    NoSuite {
        /// Where the search began.
        from: PathBuf,
        /// Whether it went on upwards; a folder that was named is the only one looked into.
        upwards: bool,
    },
    /// A file can't be written or read.
    #[error("failed to {doing} {}: {source}", path.display())]
    File {
        /// `write`, `read`, `create`.
        doing: &'static str,
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file that the command line or the suite names can't be read.
    #[error("failed to read {}: {source}", path.display())]
    Input {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// This machine can't do it.
    #[error("{0}")]
    Machine(String),
    /// What was asked for can't be written where `-o` says.
    #[error("{0}")]
    Output(String),
    /// A report can't be made.
    #[error("{0}")]
    Report(String),
}

impl CliError {
    /// A command line that can't be understood, or asks for what can't be had; the hint may be empty.
    pub(crate) fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Usage {
            message: message.into(),
            hint: hint.into(),
        }
    }

    /// The exit code.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::Suite(_) | Self::Usage { .. } | Self::NoSuite { .. } | Self::Input { .. } => 2,
            Self::File { .. } | Self::Machine(_) | Self::Output(_) | Self::Report(_) => 3,
        }
    }

    /// What to do about it.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Usage { hint, .. } if !hint.is_empty() => Some(hint.clone()),
            Self::NoSuite { .. } => {
                Some("`harness init URL` writes a first suite; -C names another folder".into())
            }
            Self::File {
                doing: "write" | "create",
                ..
            } => Some("--reports names another folder for the runs".into()),
            Self::Output(_) => Some("-o names another place".into()),
            _ => None,
        }
    }
}
