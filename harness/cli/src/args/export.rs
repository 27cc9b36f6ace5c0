//! Arguments of `export`.

use clap::{Args as ClapArgs, ValueEnum};
use harness_core::units::parse_duration;
use std::path::PathBuf;
use std::time::Duration;

/// Arguments of `export`.
#[derive(Debug, ClapArgs)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct ExportArgs {
    /// A run: its id or the beginning of it, its folder, a file of events, or `latest`.
    #[arg(default_value = "latest")]
    pub(crate) run: String,
    /// What it is written as.
    #[arg(long, value_enum, required_unless_present = "to")]
    pub(crate) format: Option<Metrics>,
    /// Where it is written, `-` for stdout, which is the default.
    #[arg(long, short, value_name = "FILE", conflicts_with = "to")]
    pub(crate) output: Option<PathBuf>,
    /// Only the last value of each series, without times: what the Pushgateway and the node exporter's text files take.
    /// With `--format prometheus`.
    #[arg(long, conflicts_with = "to")]
    pub(crate) last: bool,
    /// Send it to this OpenTelemetry collector, OTLP over HTTP with JSON bodies: a base to which /v1/metrics is added, for
    /// example http://localhost:4318.
    #[arg(long, value_name = "URL")]
    pub(crate) to: Option<String>,
    /// A header of every request, `name: value`; may be given several times. Beside those of
    /// OTEL_EXPORTER_OTLP_METRICS_HEADERS or OTEL_EXPORTER_OTLP_HEADERS, where credentials belong.
    #[arg(long = "header", short = 'H', value_name = "HEADER", requires = "to")]
    pub(crate) headers: Vec<String>,
    /// How long one request may take.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = parse_duration, requires = "to")]
    pub(crate) timeout: Duration,
    /// How often a request is sent again that did not get through, or was answered 429, 502, 503 or 504.
    #[arg(long, value_name = "COUNT", default_value_t = 4, value_parser = clap::value_parser!(u8).range(0..=20), requires = "to")]
    pub(crate) retries: u8,
    /// Where run folders are kept. Default: reports/runs under the suite's root.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) reports: Option<PathBuf>,
}

const EXIT_CODES: &str = "\
Names, labels and what to do with each format: docs/export.md.

Exit codes:
  0  all of it was written, or taken
  2  the command line is wrong, or the run can't be read
  3  it can't be written, or not all of it was taken";

/// A format of metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Metrics {
    /// Prometheus' text format, version 0.0.4, with times in milliseconds.
    Prometheus,
    /// OpenMetrics 1.0, with times in seconds: what `promtool tsdb create-blocks-from openmetrics` takes.
    Openmetrics,
    /// OTLP in JSON, a request a line.
    Otlp,
}
