//! The `harness` binary: reads the command line, runs it, and answers with an exit code.

mod args;
mod commands;
mod diagnostics;
mod environment;
mod error;
mod logs;
mod printer;
mod sources;

use clap::Parser as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args = args::Args::parse();
    commands::dispatch(args)
}
