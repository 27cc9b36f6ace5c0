//! `harness chaos` as typed.

use super::{Output, TargetMode};
use clap::{Args as ClapArgs, Subcommand};

/// What to do with faults.
#[derive(Debug, Subcommand)]
pub(crate) enum ChaosCommand {
    /// Every journey under every fault of every link it uses, in one table: survived, degraded, broke, never recovered.
    Matrix(MatrixArgs),
}

/// Arguments of `chaos matrix`.
#[derive(Debug, ClapArgs)]
pub(crate) struct MatrixArgs {
    /// Journeys, separated by commas; all that the profile and the tags choose if none is named.
    #[arg(long, value_delimiter = ',', value_name = "JOURNEY")]
    pub(crate) journeys: Vec<String>,
    /// Links, separated by commas; all of the suite if none is named.
    #[arg(long, value_delimiter = ',', value_name = "LINK")]
    pub(crate) links: Vec<String>,
    /// Faults, separated by commas: `latency` (300ms) or `latency=500ms`, `reset`, `timeout` (answers never come), `down`,
    /// `bandwidth=64kB/s`.
    #[arg(
        long,
        value_delimiter = ',',
        value_name = "FAULT",
        default_value = "latency,reset,timeout,down"
    )]
    pub(crate) faults: Vec<String>,
    /// Journeys begun per second in each cell.
    #[arg(long, default_value = "20/s", value_name = "RATE")]
    pub(crate) rate: String,
    /// Restart the target before each cell.
    #[arg(long)]
    pub(crate) fresh: bool,
    /// A profile of harness.toml: which tags; its scale does not count.
    #[arg(long, short)]
    pub(crate) profile: Option<String>,
    /// How the target is brought up.
    #[arg(long, value_enum)]
    pub(crate) target: Option<TargetMode>,
    /// A variant of harness.toml.
    #[arg(long, value_name = "VARIANT")]
    pub(crate) variant: Option<String>,
    /// Which journeys, for example `smoke and not slow`.
    #[arg(long, short, value_name = "EXPRESSION")]
    pub(crate) tags: Option<String>,
    /// Decides arrivals, choices, data and fault rolls.
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    #[command(flatten)]
    pub(crate) output: Output,
}
