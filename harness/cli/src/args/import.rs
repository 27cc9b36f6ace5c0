//! The flags of `harness import`.

use clap::{Args as ClapArgs, Subcommand};
use std::path::PathBuf;

/// Arguments of `import`.
#[derive(Debug, ClapArgs)]
pub(crate) struct ImportArgs {
    /// What is imported.
    #[command(subcommand)]
    pub(crate) from: From,
}

/// What journeys can be made of.
#[derive(Debug, Subcommand)]
pub(crate) enum From {
    /// curl command lines, as browsers and API documents show them: each becomes a step.
    Curl(CurlArgs),
    /// A recording of a browser (HTTP archive): its requests become steps, values repeated from answers become captures.
    Har(HarArgs),
    /// An OpenAPI document: one journey for each group of paths, an operation a step.
    Openapi(OpenapiArgs),
}

/// Where the files go.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct Into {
    /// The suite's folder that journeys are written into; a harness.toml is written too if there is none.
    #[arg(long = "into", short = 'o', value_name = "FOLDER", default_value = ".")]
    pub(crate) folder: PathBuf,
    /// The journey's name, and its file's; with several the beginning of their names.
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Replaces journeys of the same name. harness.toml is never replaced.
    #[arg(long)]
    pub(crate) force: bool,
    /// Prints the files to stdout and writes none.
    #[arg(long)]
    pub(crate) print: bool,
}

/// Arguments of `import curl`.
#[derive(Debug, ClapArgs)]
pub(crate) struct CurlArgs {
    /// A command line in quotes, `'curl …'`; without any, or with `-`, they are read from stdin.
    #[arg(value_name = "COMMAND", allow_hyphen_values = true)]
    pub(crate) commands: Vec<String>,
    #[command(flatten)]
    pub(crate) into: Into,
}

/// Arguments of `import har`.
#[derive(Debug, ClapArgs)]
pub(crate) struct HarArgs {
    /// The archive.
    pub(crate) file: PathBuf,
    /// Takes pictures, styles, scripts and fonts too.
    #[arg(long = "static")]
    pub(crate) with_static: bool,
    /// Pauses between requests become think times, at most 30 s each.
    #[arg(long)]
    pub(crate) think: bool,
    #[command(flatten)]
    pub(crate) into: Into,
}

/// Arguments of `import openapi`.
#[derive(Debug, ClapArgs)]
pub(crate) struct OpenapiArgs {
    /// The document: OpenAPI 2.0, 3.0 or 3.1, JSON or YAML.
    pub(crate) file: PathBuf,
    /// Where the API answers, if a harness.toml is written.
    #[arg(long, value_name = "URL", default_value = "http://localhost:8080")]
    pub(crate) url: String,
    #[command(flatten)]
    pub(crate) into: Into,
}
