//! The flags of `harness doctor`.

use super::Format;
use clap::{Args as ClapArgs, ValueEnum};
use std::path::PathBuf;

/// Arguments of `doctor`.
#[derive(Debug, ClapArgs)]
#[command(after_help = AFTER)]
pub(crate) struct DoctorArgs {
    /// The answer for people, or JSON.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
    /// What has to be there, separated by commas: without it the command exits with 3.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "WHAT")]
    pub(crate) require: Vec<Need>,
    /// Where run folders are kept. Default: reports/runs under the suite's root, or here where there is no suite.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) reports: Option<PathBuf>,
}

/// What may be demanded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Need {
    /// A container engine that answers.
    Container,
    /// What reads Compose files, and an engine.
    Compose,
    /// Packets of containers can be lost.
    Packets,
    /// The program of loads that walk with goose.
    Goose,
}

const AFTER: &str = "\
Looks at this machine and changes nothing. A line is `ok`; `degraded`: it works, in another way or with less; `missing`: what
the line names can't be done here; or `unknown`.

Exit codes:
  0  it was looked at; what is missing is told
  3  something that --require names is missing, or not known to be there";
