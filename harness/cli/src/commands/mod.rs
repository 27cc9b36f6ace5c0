//! The commands, one a file. Each returns an exit code or an error that knows its own.

mod adhoc;
mod campaign;
mod check;
mod comparison;
mod heal;
mod init;
mod plan;
mod report;
mod reports;
mod run;
mod schema;
mod session;
mod suite;

use crate::args::{Args, Command};
use crate::error::CliError;
use crate::logs::Logs;
use crate::printer::Printer;
use std::process::ExitCode;

/// Runs the command and says what went wrong, if anything did.
pub(crate) fn dispatch(args: Args) -> ExitCode {
    let printer = Printer { quiet: args.quiet };
    let outcome = Logs::start(&args, printer).and_then(|logs| {
        let outcome = perform(&args, printer);
        logs.finish(printer);
        outcome
    });
    match outcome {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            printer.error(&format!("error: {error}"));
            if let Some(hint) = error.hint() {
                printer.error(&format!("  hint: {hint}"));
            }
            ExitCode::from(error.code())
        }
    }
}

fn perform(args: &Args, printer: Printer) -> Result<u8, CliError> {
    let suite = args.suite.as_deref();
    match &args.command {
        Command::Run(run) => run::run(suite, run, printer),
        Command::Check(check) => check::check(suite, check, printer),
        Command::Plan(plan) => plan::plan(suite, plan, printer),
        Command::Init(init) => init::init(init, printer),
        Command::Load(load) => adhoc::load(load, printer),
        Command::Contract(contract) => adhoc::contract(contract, printer),
        Command::Report(report) => report::report(suite, report, printer),
        Command::Schema(schema) => schema::schema(schema, printer),
        Command::Heal(heal) => heal::heal(suite, heal, printer),
        Command::Guardian { journal } => heal::guardian(journal),
    }
}
