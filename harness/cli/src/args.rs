//! The command line as typed. Each flag has its words here; what they mean is decided by the commands.

mod baseline;
mod calibrate;
mod chaos;
mod doctor;
mod export;
mod import;
mod load;
mod proxy;
mod readiness;
mod up;

pub(crate) use baseline::{
    AcceptArgs, BaselineCommand, Folder, ListArgs, PinArgs, PruneArgs, ShowArgs, UnpinArgs,
};
pub(crate) use calibrate::CalibrateArgs;
pub(crate) use chaos::{ChaosCommand, MatrixArgs};
pub(crate) use doctor::{DoctorArgs, Need};
pub(crate) use export::{ExportArgs, Metrics};
pub(crate) use import::{CurlArgs, From, HarArgs, ImportArgs, Into, OpenapiArgs};
pub(crate) use load::LoadArgs;
pub(crate) use proxy::ProxyArgs;
pub(crate) use readiness::{ReadinessArgs, Shape};
pub(crate) use up::{DownArgs, UpArgs};

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use harness_core::name::Name;
use std::path::PathBuf;

/// Answers, with evidence, whether a build can ship: starts the system, walks its journeys, checks its contracts, loads
/// it, breaks it, and writes one report.
#[derive(Debug, Parser)]
#[command(name = "harness", version, arg_required_else_help = true, max_term_width = 100, after_help = EXIT_CODES)]
pub(crate) struct Args {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
    /// The suite's root: the folder of harness.toml. Default: the nearest folder upwards that has one.
    #[arg(long, short = 'C', global = true, value_name = "FOLDER")]
    pub(crate) suite: Option<PathBuf>,
    /// Nothing on stderr but errors.
    #[arg(long, global = true)]
    pub(crate) quiet: bool,
    #[command(flatten)]
    pub(crate) log: LogArgs,
}

/// harness's own log and trace.
#[derive(Debug, ClapArgs)]
pub(crate) struct LogArgs {
    /// harness's own log on stderr, for example `debug` or `harness_drive=trace`.
    #[arg(long, global = true, value_name = "FILTER", env = "HARNESS_LOG")]
    pub(crate) log: Option<String>,
    /// How the log is written: for people, or a JSON object a line.
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Text, env = "HARNESS_LOG_FORMAT")]
    pub(crate) log_format: LogFormat,
    /// The log goes into this file, made anew, and not to stderr.
    #[arg(long, global = true, value_name = "FILE", requires = "log")]
    pub(crate) log_file: Option<PathBuf>,
    /// A run's spans go to this OpenTelemetry collector, OTLP over HTTP, for example http://localhost:4318. Without it:
    /// where OTEL_EXPORTER_OTLP_TRACES_ENDPOINT or OTEL_EXPORTER_OTLP_ENDPOINT say.
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) otlp: Option<String>,
}

/// How harness's own log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
}

const EXIT_CODES: &str = "\
Exit codes:
  0    passed: GO, or CONDITIONAL GO where none of the codes below is meant
  1    a journey, a contract or a gate failed: NO-GO
  2    the suite or the command line is wrong
  3    the target did not start, this machine can't do what the plan needs, or the answer can't be written
  4    the load was invalid (the instrument's fault, not the target's) and nothing failed
  5    a key gate is inconclusive and nothing failed: CONDITIONAL GO, or NO-GO where it saw nothing
  6    CONDITIONAL GO with --strict, where it would be 0
  130  interrupted; the report is written";

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the suite, or some scenarios of it, and answer GO or NO-GO.
    Run(RunArgs),
    /// Start the suite's target and hold it: print where it answers, and end it on Ctrl-C.
    Up(UpArgs),
    /// End targets that `up --detach` holds.
    Down(DownArgs),
    /// Say what this machine can do, and what each missing thing costs.
    Doctor(DoctorArgs),
    /// Check the suite: every error at once, each with its place and a hint.
    Check(CheckArgs),
    /// Print what a run would do, the load's shape included.
    Plan(PlanArgs),
    /// Write a small, commented, working suite for a URL into a folder.
    Init(InitArgs),
    /// Load one URL, without a suite.
    Load(Box<LoadArgs>),
    /// Make journeys of curl command lines, a browser's recording, or an OpenAPI document.
    Import(ImportArgs),
    /// Check a running API against its OpenAPI document, without a suite.
    Contract(ContractArgs),
    /// Run a fault proxy that speaks Toxiproxy's HTTP API, until it is interrupted.
    Proxy(ProxyArgs),
    /// Play a recorded run again: its arrivals, choices, data and faults at the times they had.
    Replay(ReplayArgs),
    /// Try faults on the whole system.
    #[command(subcommand)]
    Chaos(ChaosCommand),
    /// Render a run's reports again, from its events alone.
    Report(ReportArgs),
    /// Write a run as metrics for Prometheus or OpenTelemetry, or send them to a collector.
    Export(ExportArgs),
    /// Hold a run against others: did it get slower?
    Compare(CompareArgs),
    /// Play the same build against itself: how far runs differ here, and what can be seen at all.
    Calibrate(Box<CalibrateArgs>),
    /// Accepted runs, which others are held against.
    #[command(subcommand)]
    Baseline(BaselineCommand),
    /// Say whether a release can ship, by the newest evidence of its runs.
    Readiness(ReadinessArgs),
    /// Print the JSON Schema of a suite's files, for editors.
    Schema(SchemaArgs),
    /// Undo what killed runs left behind: processes and folders. Never touches a live run.
    Heal(HealArgs),
    /// Test the instrument itself: whether its figures are true on this machine. Takes a minute and a half.
    Selftest(SelftestArgs),
    /// Answer the requests of a self-test.
    #[command(hide = true)]
    SelftestServer,
    /// Wait for the harness to vanish, then clean up after it.
    #[command(hide = true)]
    Guardian {
        /// The undo journal.
        journal: PathBuf,
    },
    /// Act on other containers from within the run's helper container.
    #[command(hide = true)]
    Hands {
        /// What to do, or `-` to be told on stdin; without it, wait.
        order: Option<String>,
    },
}

/// What a run is made of.
#[derive(Debug, Default, Clone, ClapArgs)]
pub(crate) struct Selection {
    /// Scenarios to run; all that the profile and the tags choose if none is named.
    #[arg(value_name = "SCENARIO")]
    pub(crate) scenarios: Vec<String>,
    /// A profile of harness.toml: which tags, which scenarios, how long.
    #[arg(long, short)]
    pub(crate) profile: Option<String>,
    /// How the target is brought up.
    #[arg(long, value_enum)]
    pub(crate) target: Option<TargetMode>,
    /// A variant of harness.toml: the same suite against another configuration; `default` is the suite as it stands. `run`
    /// takes several, runs each in turn and compares them with the first.
    #[arg(long = "variant", value_name = "VARIANT")]
    pub(crate) variants: Vec<String>,
    /// Which journeys and scenarios, for example `smoke and not slow`.
    #[arg(long, short, value_name = "EXPRESSION")]
    pub(crate) tags: Option<String>,
    /// Decides arrivals, choices, data and fault rolls.
    #[arg(long)]
    pub(crate) seed: Option<u64>,
}

/// How the target is brought up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TargetMode {
    /// As processes of this machine.
    Process,
    /// In containers, each from an image.
    Container,
    /// In the containers of a Compose file.
    Compose,
    /// It runs already.
    External,
}

/// Arguments of `run`.
#[derive(Debug, Clone, ClapArgs)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) selection: Selection,
    /// Play two variants so many times each, in the order A B B A, and say whether the second is slower than the first. The
    /// exit code is that of `harness compare`, and 130 or 3 where not all runs were made.
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u32).range(2..=50))]
    pub(crate) repeats: Option<u32>,
    /// The release that is run, for example `1.4.0`: `harness readiness` gathers a release's runs.
    #[arg(long, value_name = "RELEASE")]
    pub(crate) release: Option<Name>,
    #[command(flatten)]
    pub(crate) output: Output,
}

/// What is printed and how it is judged.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct Output {
    /// What goes to stdout at the end: the summary for people, or JSON.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
    /// CONDITIONAL GO exits with 6.
    #[arg(long)]
    pub(crate) strict: bool,
    #[command(flatten)]
    pub(crate) theme: ThemeArgs,
    /// Where run folders are kept. Default: reports/runs under the suite's root.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) reports: Option<PathBuf>,
}

/// A format of data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// Arguments of `check`.
#[derive(Debug, ClapArgs)]
pub(crate) struct CheckArgs {
    /// Findings as text, or as JSON on stdout.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

/// Arguments of `plan`.
#[derive(Debug, ClapArgs)]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    pub(crate) selection: Selection,
    /// For people, or the frozen plan as JSON.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

/// Arguments of `init`.
#[derive(Debug, ClapArgs)]
pub(crate) struct InitArgs {
    /// Where the system under test answers, for example http://localhost:8080.
    pub(crate) url: String,
    /// The folder to write into; made if it is not there. Nothing in it is overwritten.
    #[arg(default_value = ".")]
    pub(crate) folder: PathBuf,
}

/// Arguments of `contract`.
#[derive(Debug, ClapArgs)]
pub(crate) struct ContractArgs {
    /// Base address of the API.
    pub(crate) url: String,
    /// Its OpenAPI document: a file, or a URL it is served at.
    pub(crate) document: String,
    /// A header sent with every request, `name: value`; may be given several times.
    #[arg(long = "header", short = 'H', value_name = "HEADER")]
    pub(crate) headers: Vec<String>,
    /// Decides the generated data.
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    #[command(flatten)]
    pub(crate) output: Output,
}

/// Arguments of `report`.
#[derive(Debug, ClapArgs)]
pub(crate) struct ReportArgs {
    /// A run: its id or the beginning of it, its folder, a file of events, or `latest`.
    #[arg(default_value = "latest")]
    pub(crate) run: String,
    /// Only rebuild the list of all runs, reports/index.html; runs that were never judged are, by what is there of them.
    #[arg(long, conflicts_with_all = ["run", "kind", "output"])]
    pub(crate) index: bool,
    /// Which report; `all` writes every one beside the events.
    #[arg(long, value_enum, default_value_t = Kind::All)]
    pub(crate) kind: Kind,
    /// Where it is written, `-` for stdout. Default: beside the events.
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) theme: ThemeArgs,
    /// Where run folders are kept. Default: reports/runs under the suite's root.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) reports: Option<PathBuf>,
}

/// Arguments of `compare`.
#[derive(Debug, ClapArgs)]
#[command(after_help = COMPARED)]
pub(crate) struct CompareArgs {
    /// The run that is judged: its id or the beginning of it, its folder, a file of events, or `latest`.
    pub(crate) candidate: String,
    /// The run it is held against, or several of one build: five say how far runs of one build differ. Without any: the
    /// accepted ones that fit, and the pinned release.
    pub(crate) baseline: Vec<String>,
    /// Another run of the candidate's build; may be given several times.
    #[arg(long = "and", value_name = "RUN")]
    pub(crate) more: Vec<String>,
    /// The sides are variants of one suite, held against each other for that.
    #[arg(long, requires = "baseline")]
    pub(crate) variants: bool,
    /// Where baselines are kept, and calibrations in a folder of theirs. Default: reports/baselines under the suite's root.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) baselines: Option<PathBuf>,
    /// Every figure, not only those that decide or changed.
    #[arg(long)]
    pub(crate) all: bool,
    /// What goes to stdout.
    #[arg(long, value_enum, default_value_t = Told::Text)]
    pub(crate) format: Told,
    /// Where compare.html, compare.md and compare.json are written; without it nothing is.
    #[arg(long, short, value_name = "FOLDER")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) theme: ThemeArgs,
    /// Where run folders are kept. Default: reports/runs under the suite's root.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) reports: Option<PathBuf>,
}

/// What `compare` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Told {
    /// For people.
    Text,
    /// For programs.
    Json,
    /// For a comment on a merge request.
    Markdown,
    /// One page for a browser.
    Html,
}

/// By which templates pages are made.
#[derive(Debug, Default, Clone, ClapArgs)]
pub(crate) struct ThemeArgs {
    /// Templates of your own for the pages, in place of the built-in ones of the same name. Default: `templates` in [report]
    /// of harness.toml.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) templates: Option<PathBuf>,
}

const COMPARED: &str = "\
Decided by the percentiles that the candidate's key gates ask for on undisturbed load; without any, by those of all
journeys together. The constants are the suite's, as the candidate's run recorded them: [regression] in harness.toml.

Exit codes:
  0    nothing that decides regressed
  1    something that decides regressed
  2    the command line is wrong, or a run or a baseline can't be read
  3    the answer can't be written
  4    the runs can't be compared
  5    what was seen can't tell";

/// Arguments of `replay`.
#[derive(Debug, ClapArgs)]
pub(crate) struct ReplayArgs {
    /// A run: its id or the beginning of it, its folder, a file of events, or `latest`.
    pub(crate) run: String,
    /// How the target is brought up, instead of as it was.
    #[arg(long, value_enum)]
    pub(crate) target: Option<TargetMode>,
    #[command(flatten)]
    pub(crate) output: Output,
}

/// A kind of report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Every kind.
    All,
    /// One page for a browser.
    Html,
    /// For CI.
    Junit,
    /// For a job's page.
    Markdown,
    /// For programs.
    Json,
    /// The summary a run prints at its end.
    Text,
    /// For a pull request: Markdown of at most 64 000 bytes, with a mark on its first line by which it is found again.
    Comment,
}

/// Arguments of `schema`.
#[derive(Debug, ClapArgs)]
pub(crate) struct SchemaArgs {
    /// Which file's schema: `harness`, `scenario` or `journey`. Without it: all of them, by name.
    pub(crate) file: Option<String>,
}

/// Arguments of `heal`.
#[derive(Debug, ClapArgs)]
pub(crate) struct HealArgs {
    /// Where run folders are kept. Default: reports/runs under the suite's root.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) reports: Option<PathBuf>,
}

/// Arguments of `selftest`.
#[derive(Debug, ClapArgs)]
#[command(after_help = SELFTEST)]
pub(crate) struct SelftestArgs {
    /// Some ten seconds instead, for CI; less exact.
    #[arg(long)]
    pub(crate) quick: bool,
    /// The answer for people, or JSON.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

const SELFTEST: &str = "\
Starts a server, loads it with `harness load`, stops it for a while and compares the percentiles with what they must be;
then stops `harness load` itself, which must tell of it. Nothing leaves this machine.

Exit codes:
  0  the instrument can be trusted here
  3  the self-test could not be made
  4  it can't be trusted here: wrong figures, or a machine too busy to say";
