//! Arguments of `readiness`.

use clap::{Args as ClapArgs, ValueEnum};
use harness_core::date::Date;
use harness_core::name::Name;
use std::path::PathBuf;

/// Arguments of `readiness`.
#[derive(Debug, Clone, ClapArgs)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct ReadinessArgs {
    /// The runs to judge by, instead of all of the release: ids or their beginnings, folders, files of events, `latest`.
    #[arg(value_name = "RUN")]
    pub(crate) runs: Vec<String>,
    /// The release; default: that of the newest run.
    #[arg(long, value_name = "RELEASE")]
    pub(crate) release: Option<Name>,
    /// The variant whose runs are evidence; default: the suite as it stands.
    #[arg(long, value_name = "VARIANT")]
    pub(crate) variant: Option<Name>,
    /// The day that ages and waivers are judged for; default: today.
    #[arg(long, value_name = "DATE")]
    pub(crate) on: Option<Date>,
    /// What goes to stdout.
    #[arg(long, value_enum, default_value_t = Shape::Text)]
    pub(crate) format: Shape,
    /// CONDITIONAL GO exits with 6.
    #[arg(long)]
    pub(crate) strict: bool,
    /// Write the answer into reports/releases.ndjson, for the trend.
    #[arg(long)]
    pub(crate) record: bool,
    /// Say in reports/releases.ndjson that an incident followed a release, and do nothing else.
    #[arg(long, num_args = 2, value_names = ["RELEASE", "NOTE"], conflicts_with_all = ["runs", "release", "record", "strict"])]
    pub(crate) incident: Option<Vec<String>>,
    /// Where the page, its Markdown and its JSON are written. Default: reports/readiness/RELEASE under the suite's root.
    #[arg(long, short, value_name = "FOLDER")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) theme: super::ThemeArgs,
    /// Where run folders are kept. Default: reports/runs under the suite's root.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) reports: Option<PathBuf>,
}

/// A format of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shape {
    /// For people.
    Text,
    /// For programs.
    Json,
    /// For a job's page or a merge request.
    Markdown,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  GO, or CONDITIONAL GO
  1  NO-GO: something that decides failed, or needed evidence is stale or missing
  2  the suite or the command line is wrong
  3  a report can't be written
  4  evidence is invalid and nothing failed
  5  a key gate is inconclusive and nothing failed
  6  CONDITIONAL GO with --strict";
