//! The commands, one a file. Each returns an exit code or an error that knows its own.

mod adhoc;
mod campaign;
mod check;
mod comparison;
mod heal;
mod home;
mod import;
mod init;
mod load;
mod matrix;
mod plan;
mod proxy;
mod replay;
mod report;
mod reports;
mod run;
mod schema;
mod selftest;
mod session;
mod suite;

use crate::args::{Args, ChaosCommand, Command};
use crate::error::CliError;
use crate::logs::Logs;
use crate::printer::Printer;
use clap::Parser as _;
use std::process::ExitCode;

/// Reads the command line, or says what is wrong with it and answers with the exit code.
pub(crate) fn read() -> Result<Args, ExitCode> {
    let line: Vec<String> = std::env::args_os()
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    let refuse = |(message, hint)| {
        let error = CliError::Usage { message, hint };
        complain(&error, Printer::default());
        Err(ExitCode::from(error.code()))
    };
    if let Some(misled) = load::habits::misleading(&line) {
        return refuse(misled);
    }
    let parsed = match proxy::long_flags(&line) {
        Some(line) => Args::try_parse_from(line),
        None => Args::try_parse(),
    };
    parsed.or_else(|error| match load::habits::unknown(&line, &error) {
        Some(told) => refuse(told),
        // Help and the version are no errors; clap knows where each is written and how it ends.
        None => error.exit(),
    })
}

fn complain(error: &CliError, printer: Printer) {
    printer.error(&format!("error: {error}"));
    if let Some(hint) = error.hint() {
        printer.error(&format!("  hint: {hint}"));
    }
}

/// Runs the command and says what went wrong, if anything did.
pub(crate) fn dispatch(args: Args) -> ExitCode {
    let printer = Printer {
        quiet: args.quiet,
        logs: args.log.log.is_some() && args.log.log_file.is_none(),
    };
    let outcome = Logs::start(&args, printer).and_then(|logs| {
        let outcome = perform(&args, printer);
        logs.finish(printer);
        outcome
    });
    match outcome {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            complain(&error, printer);
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
        Command::Load(load) => load::load(load, printer),
        Command::Import(import) => import::import(import, printer),
        Command::Contract(contract) => adhoc::contract(contract, printer),
        Command::Proxy(proxy) => proxy::proxy(proxy, printer),
        Command::Replay(replay) => replay::replay(suite, replay, printer),
        Command::Chaos(ChaosCommand::Matrix(args)) => matrix::matrix(suite, args, printer),
        Command::Report(report) => report::report(suite, report, printer),
        Command::Schema(schema) => schema::schema(schema, printer),
        Command::Heal(heal) => heal::heal(suite, heal, printer),
        Command::Selftest(selftest) => selftest::selftest(selftest, printer),
        Command::SelftestServer => selftest::server::serve(printer),
        Command::Guardian { journal } => heal::guardian(journal),
    }
}
