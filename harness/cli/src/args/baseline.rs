//! `harness baseline` as typed.

use super::Format;
use clap::{Args as ClapArgs, Subcommand};
use harness_core::name::Name;
use std::path::PathBuf;

/// What to do with accepted runs.
#[derive(Debug, Subcommand)]
pub(crate) enum BaselineCommand {
    /// Take a run as a baseline: a small file for each scenario, to be committed.
    Accept(AcceptArgs),
    /// What is accepted: workload by workload and machine by machine.
    List(ListArgs),
    /// The runs of one baseline, with their levels, and where those changed.
    Show(ShowArgs),
    /// Remove old runs; pinned ones stay.
    Prune(PruneArgs),
    /// Keep a release's accepted runs for good: every candidate is held against them as well.
    Pin(PinArgs),
    /// Let a pinned release go; its runs stay accepted until they are pruned.
    Unpin(UnpinArgs),
}

/// Where baselines are kept.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct Folder {
    /// Where baselines are kept. Default: reports/baselines under the suite's root.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) baselines: Option<PathBuf>,
}

/// Arguments of `accept`.
#[derive(Debug, ClapArgs)]
#[command(after_help = ACCEPTED)]
pub(crate) struct AcceptArgs {
    /// The runs: ids or their beginnings, folders, files of events, or `latest`. All of them are taken, or none.
    #[arg(required = true, value_name = "RUN")]
    pub(crate) runs: Vec<String>,
    /// Only this scenario of them; may be given several times.
    #[arg(long = "scenario", value_name = "SCENARIO")]
    pub(crate) scenarios: Vec<Name>,
    /// The release that was run, where the run does not say; of a run that is accepted already it is set.
    #[arg(long, value_name = "RELEASE")]
    pub(crate) release: Option<Name>,
    /// Begin a new baseline where the workload or the machine is another than before.
    #[arg(long)]
    pub(crate) new: bool,
    /// Where run folders are kept. Default: reports/runs under the suite's root.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) reports: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) folder: Folder,
}

/// Arguments of `list`.
#[derive(Debug, ClapArgs)]
#[command(after_help = LISTED)]
pub(crate) struct ListArgs {
    /// For people, or JSON.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
    #[command(flatten)]
    pub(crate) folder: Folder,
}

/// Arguments of `show`.
#[derive(Debug, ClapArgs)]
#[command(after_help = DONE)]
pub(crate) struct ShowArgs {
    /// Which: `SCENARIO`, or `SCENARIO/KEY` as `list` tells it; the key may be shortened.
    pub(crate) baseline: String,
    /// For people, or JSON.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
    #[command(flatten)]
    pub(crate) folder: Folder,
}

/// Arguments of `prune`.
#[derive(Debug, ClapArgs)]
#[command(after_help = DONE)]
pub(crate) struct PruneArgs {
    /// Which: `SCENARIO`, or `SCENARIO/KEY`; default: all.
    pub(crate) baseline: Option<String>,
    /// Keep so many runs of each baseline, the newest.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), required_unless_present = "changed")]
    pub(crate) keep: Option<u32>,
    /// Remove the runs before the last change of level.
    #[arg(long)]
    pub(crate) changed: bool,
    /// Only tell what would go.
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) folder: Folder,
}

/// Arguments of `pin`.
#[derive(Debug, ClapArgs)]
#[command(after_help = DONE)]
pub(crate) struct PinArgs {
    /// The release, for example `1.4.0`.
    pub(crate) release: Name,
    /// Accepted runs of it: ids or their beginnings.
    #[arg(required = true, value_name = "RUN")]
    pub(crate) runs: Vec<String>,
    #[command(flatten)]
    pub(crate) folder: Folder,
}

/// Arguments of `unpin`.
#[derive(Debug, ClapArgs)]
#[command(after_help = DONE)]
pub(crate) struct UnpinArgs {
    /// The release.
    pub(crate) release: Name,
    #[command(flatten)]
    pub(crate) folder: Folder,
}

const LISTED: &str = "\
Exit codes:
  0  told
  2  the command line is wrong, or a baseline can't be read
  3  the folder can't be read, or the answer can't be written";

const DONE: &str = "\
Exit codes:
  0  done
  2  the command line is wrong, or there is no such baseline or run
  3  a file or the answer can't be written, or the folder can't be read";

const ACCEPTED: &str = "\
A run is refused whose generator lagged, that was interrupted, whose arrivals did not begin, that has no load outside of
faults, or too little of it.

Exit codes:
  0  accepted, or it was already
  2  the command line is wrong, or a run can't be read
  3  a file can't be written
  4  a run was refused; nothing was written";
