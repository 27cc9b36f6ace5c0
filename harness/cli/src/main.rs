//! The `harness` binary: reads the command line, runs it, and answers with an exit code.

mod args;
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

use std::process::ExitCode;

fn main() -> ExitCode {
    commands::read().map_or_else(|code| code, commands::dispatch)
}
