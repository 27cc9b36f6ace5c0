//! The flags of `harness up` and `harness down`.

use super::{Format, TargetMode};
use clap::Args as ClapArgs;
use std::path::PathBuf;

/// Arguments of `up`.
#[derive(Debug, ClapArgs)]
#[command(after_help = UP)]
pub(crate) struct UpArgs {
    /// How the target is brought up.
    #[arg(long, value_enum)]
    pub(crate) target: Option<TargetMode>,
    /// A variant of harness.toml: the same target in another configuration.
    #[arg(long, value_name = "VARIANT")]
    pub(crate) variant: Option<String>,
    /// A profile of harness.toml.
    #[arg(long, short)]
    pub(crate) profile: Option<String>,
    /// Return as soon as it is ready; a process in the background holds it until `harness down`.
    #[arg(long)]
    pub(crate) detach: bool,
    /// The addresses for people, or JSON.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
    /// Where run folders are kept. Default: reports/runs under the suite's root.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) reports: Option<PathBuf>,
    /// This process is the one in the background.
    #[arg(long, hide = true)]
    pub(crate) holder: bool,
}

/// Arguments of `down`.
#[derive(Debug, ClapArgs)]
#[command(after_help = DOWN)]
pub(crate) struct DownArgs {
    /// Which: the id that `up` told, or the beginning of it. Without it: every detached one.
    pub(crate) id: Option<String>,
    /// Where run folders are kept. Default: reports/runs under the suite's root.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) reports: Option<PathBuf>,
}

const UP: &str = "\
Stdout has the addresses under the names that a suite's texts have for them. What services print is in services/ of the
run's folder, and what happens to a detached target in holder.log beside.

Exit codes:
  0    it was ready, and ended when that was wished; with --detach: it is ready
  2    the suite or the command line is wrong
  3    the target did not start, or this machine can't do what it needs
  130  interrupted before it was ready, or twice: the guardian ends what is left";

const DOWN: &str = "\
Exit codes:
  0  what was meant has ended, or there was nothing
  2  no target of that id is held
  3  something did not end";
