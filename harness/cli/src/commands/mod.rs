//! The commands, one a file. Each returns an exit code or an error that knows its own.

mod adhoc;
mod baseline;
mod calibrate;
mod campaign;
mod check;
mod compare;
mod compared;
mod comparison;
mod doctor;
mod documents;
mod down;
mod export;
mod github;
mod hands;
mod heal;
mod home;
mod import;
mod index;
mod init;
mod load;
mod matrix;
mod plan;
mod proxy;
mod readiness;
mod repeats;
mod replay;
mod report;
mod reports;
mod run;
mod schema;
mod selftest;
mod session;
mod suite;
mod theme;
mod up;

use crate::args::{Args, ChaosCommand, Command};
use crate::error::CliError;
use crate::logs::Logs;
use crate::printer::Printer;
use crate::workflow;
use clap::Parser as _;
use std::io::{ErrorKind, Write as _};
use std::process::ExitCode;

/// The exit code where data could not be written to stdout: whoever asked for it has no answer.
const UNWRITTEN: u8 = 3;
/// The exit code of what was interrupted.
const INTERRUPTED: u8 = 130;

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
        // In a step of a workflow a word of the command line may be anybody's.
        None if error.use_stderr() && workflow::is_step() => {
            Printer::default().error(&error.render().to_string());
            Err(ExitCode::from(2))
        }
        None => Err(shown(&error)),
    })
}

/// Shows help, the version, or what clap says of a command line; help that can't be written is no answer.
fn shown(error: &clap::Error) -> ExitCode {
    let printed = error.print().and_then(|()| std::io::stdout().flush());
    let code = u8::try_from(error.exit_code()).unwrap_or(2);
    match printed {
        Err(failed) if !error.use_stderr() && failed.kind() != ErrorKind::BrokenPipe => {
            Printer::default().error(&format!("error: failed to write to stdout: {failed}"));
            ExitCode::from(UNWRITTEN)
        }
        _ => ExitCode::from(code),
    }
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
        // That somebody stopped it says more than that nobody could read what it came to.
        Ok(code) if Printer::lost() && code != INTERRUPTED => ExitCode::from(UNWRITTEN),
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
        Command::Up(up) => up::up(suite, up, printer),
        Command::Down(down) => down::down(suite, down, printer),
        Command::Doctor(doctor) => doctor::doctor(suite, doctor, printer),
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
        Command::Export(args) => export::export(suite, args, printer),
        Command::Compare(args) => compare::compare(suite, args, printer),
        Command::Calibrate(args) => calibrate::calibrate(suite, args, printer),
        Command::Baseline(args) => baseline::baseline(suite, args, printer),
        Command::Readiness(args) => readiness::readiness(suite, args, printer),
        Command::Schema(schema) => schema::schema(schema, printer),
        Command::Heal(heal) => heal::heal(suite, heal, printer),
        Command::Selftest(selftest) => selftest::selftest(selftest, printer),
        Command::SelftestServer => selftest::server::serve(printer),
        Command::Guardian { journal } => heal::guardian(journal),
        Command::Hands { order } => hands::hands(order.as_deref(), printer),
    }
}
