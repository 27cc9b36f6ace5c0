//! The `harness` binary: reads the command line, runs it, and answers with an exit code.

mod args;
mod bounded;
mod collector;
mod commands;
mod diagnostics;
mod environment;
mod error;
mod import;
mod live;
mod logs;
mod printer;
mod rows;
mod sources;
mod tty;
mod workflow;

use std::process::ExitCode;

fn main() -> ExitCode {
    commands::read().map_or_else(|code| code, commands::dispatch)
}
