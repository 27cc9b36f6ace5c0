//! Arguments of `calibrate`.

use super::{Format, Output, Selection};
use clap::Args as ClapArgs;
use std::path::PathBuf;

/// Arguments of `calibrate`.
#[derive(Debug, Clone, ClapArgs)]
#[command(after_help = CALIBRATED)]
pub(crate) struct CalibrateArgs {
    #[command(flatten)]
    pub(crate) selection: Selection,
    /// How many runs are made, 3 at least; comparisons go by a calibration of five or more.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(3..=50))]
    pub(crate) runs: u32,
    /// Take these runs of one build instead of making any: ids or their beginnings, folders, files of events, `latest`.
    #[arg(long, value_name = "RUN", num_args = 1.., conflicts_with_all = ["runs", "profile", "target", "variants", "tags", "seed"])]
    pub(crate) from: Vec<String>,
    /// Every figure, those of journeys' steps too.
    #[arg(long)]
    pub(crate) all: bool,
    /// For people, or JSON.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
    /// Where run folders are kept. Default: reports/runs under the suite's root.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) reports: Option<PathBuf>,
    /// Where baselines are kept, and calibrations in a folder of theirs. Default: reports/baselines under the suite's root.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) baselines: Option<PathBuf>,
}

impl CalibrateArgs {
    /// What its runs print and where they go.
    pub(crate) fn output(&self) -> Output {
        Output {
            theme: super::ThemeArgs::default(),
            format: self.format,
            strict: false,
            reports: self.reports.clone(),
        }
    }
}

const CALIBRATED: &str = "\
Plays the same build against itself, and writes for each scenario how far its runs differ (τ), the smallest slow-down that
can be seen here, and how often the runs would be called regressed: reports/baselines/calibration/. Commit those files;
`harness compare` goes by the one that fits.

Exit codes:
  0    every scenario is calibrated
  2    the suite or the command line is wrong, or a run can't be read
  3    the target did not start, or a file can't be written
  4    too few of the runs can be used
  130  interrupted; the runs that were made are kept, and --from takes them";
