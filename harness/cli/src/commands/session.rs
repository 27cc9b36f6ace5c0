//! From a plan to an exit code: secrets, run folder, runtime, signals, the run itself, its reports. Shared by everything
//! that runs something.

mod begin;

use super::{github, index, reports};
use crate::args::{Format, Output};
use crate::error::CliError;
use crate::live::Display;
use crate::printer::Printer;
pub(crate) use begin::{Begun, begin, runs_of, runs_under};
use harness_core::event::{Envelope, Replayed};
use harness_core::name::Name;
use harness_core::plan::Plan;
use harness_core::readiness::Exit;
use harness_core::record::Record;
use harness_core::tls::Pems;
use harness_drive::Tls;
use harness_drive::executor::{self, Finished};
use harness_drive::redact::Secrets;
use harness_report::adhoc;
use harness_report::html::Theme;
use harness_report::store::{EventWriter, ReportFile, RunFolder};
use harness_report::text::visible;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tracing::{Instrument as _, Span, field, info_span};

/// Everything a run needs that the plan does not hold.
pub(crate) struct Prepared {
    /// The plan.
    pub(crate) plan: Plan,
    /// Where commands run and paths count from.
    pub(crate) root: PathBuf,
    /// Defaults of secrets, kept out of the plan.
    pub(crate) defaults: BTreeMap<Name, String>,
    /// Texts of the feature files, by name.
    pub(crate) features: Vec<(String, String)>,
    /// Certificates, read.
    pub(crate) tls: Arc<Tls>,
    /// Texts of the certificates' files, for what of them must show up nowhere.
    pub(crate) pems: Pems,
    /// Threads of the load generator, if somebody said.
    pub(crate) threads: Option<u16>,
    /// The run that is played again, if one is.
    pub(crate) replays: Option<Replayed>,
    /// The release that is run, if somebody said.
    pub(crate) release: Option<Name>,
}

/// How a run is shown, and what is said at its end.
#[derive(Clone, Copy)]
pub(crate) struct Manner<'a> {
    /// As the command line has it.
    pub(crate) output: &'a Output,
    /// By which its pages are made.
    pub(crate) theme: &'a Theme,
    /// Whether its summary goes to stdout.
    pub(crate) tells: bool,
    /// For a load of one URL: its own screen and summary.
    pub(crate) one_url: Option<OneUrl<'a>>,
}

/// What is special about a load of one URL.
#[derive(Clone, Copy)]
pub(crate) struct OneUrl<'a> {
    /// Whether the screen is wished for, where there is a terminal.
    pub(crate) screen: bool,
    /// Where the report's page is written too.
    pub(crate) html: Option<&'a Path>,
}

/// How a run ended.
pub(crate) struct Ended {
    /// The exit code, and why.
    pub(crate) exit: Exit,
    /// What its events say; `None` when it was left in a hurry.
    pub(crate) record: Option<Record>,
    /// The folder of runs it lies in.
    pub(crate) runs: PathBuf,
    /// What no report may show.
    pub(crate) secrets: Secrets,
}

/// Runs a plan to its end and answers with the exit code.
pub(crate) fn execute(
    prepared: Prepared,
    manner: Manner<'_>,
    printer: Printer,
) -> Result<u8, CliError> {
    block_on(async {
        let interrupts = Interrupts::listen()?;
        let ended = one(prepared, manner, &interrupts, printer).await?;
        Ok(leave(&ended.exit, manner.output, printer))
    })
}

/// Tells people why the exit code is not 0, after all else that they are told; answers with it.
pub(crate) fn leave(exit: &Exit, output: &Output, printer: Printer) -> u8 {
    if output.format == Format::Text {
        printer.data(&reports::exit_line(exit, printer));
    }
    exit.code
}

/// A runtime for runs, and its end.
pub(crate) fn block_on<T>(work: impl Future<Output = Result<T, CliError>>) -> Result<T, CliError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| no_runtime(&error))?;
    let done = runtime.block_on(work);
    // A name that is still being resolved, or a thread that does not end, must not hold the answer back.
    runtime.shutdown_background();
    done
}

/// Why nothing asynchronous can be done here.
pub(crate) fn no_runtime(error: &std::io::Error) -> CliError {
    CliError::Machine(format!("failed to start the runtime: {error}"))
}

/// Makes one run, within a span of its own.
pub(crate) async fn one(
    prepared: Prepared,
    manner: Manner<'_>,
    interrupts: &Interrupts,
    printer: Printer,
) -> Result<Ended, CliError> {
    let span = info_span!(
        "run",
        run = field::Empty,
        project = prepared.plan.project,
        exit_code = field::Empty
    );
    // On the heap: what a run holds is large, and matrix and campaign hold it in futures of their own.
    let work = Box::pin(perform(prepared, manner, interrupts, printer));
    work.instrument(span).await
}

async fn perform(
    prepared: Prepared,
    manner: Manner<'_>,
    interrupts: &Interrupts,
    printer: Printer,
) -> Result<Ended, CliError> {
    let heard = interrupts.for_run();
    let root = prepared.root.clone();
    let Begun {
        job,
        folder,
        runs,
        secrets,
    } = begin(prepared, manner.output.reports.as_deref(), printer)?;
    let mut writer = EventWriter::create(&folder.events())
        .map_err(|error| CliError::Machine(error.to_string()))?;
    let wish = interrupts.wish();
    let screen = manner.one_url.is_some_and(|one_url| one_url.screen);
    let mut display = Display::begin(screen, printer, job.clock, wish);

    let mut lost = None;
    let listener = |envelope: &Envelope, _: &Record| {
        writer.write(Arc::new(envelope.clone()));
        if let Some(error) = writer.take_error() {
            printer.say(&format!(
                "warning: {error}; the run goes on, its reports are made from memory"
            ));
            lost = Some(error.to_string());
        }
        display.hear(envelope);
    };
    let finished = executor::run(job, heard, listener)
        .await
        .map_err(|error| CliError::Machine(error.to_string()))?;
    display.finish();
    if let Err(error) = writer.finish() {
        lost.get_or_insert_with(|| error.to_string());
    }
    let Finished { record, abandoned } = finished;
    if abandoned {
        printer.error("stopped at once; the guardian is ending what is left of the target");
        return Ok(Ended {
            exit: Exit {
                code: 130,
                why: "the run was left at once".to_owned(),
            },
            record: None,
            runs,
            secrets,
        });
    }
    let written = conclude(&record, &folder, &root, &secrets, manner, printer);
    index::after(&runs, manner.theme, &[&secrets], printer);
    if let Some(lost) = lost {
        printer.error(&format!(
            "warning: the events on disk are incomplete: {lost}"
        ));
    }
    let exit = written?;
    Span::current().record("exit_code", exit.code);
    Ok(Ended {
        exit,
        record: Some(record),
        runs,
        secrets,
    })
}

/// Writes the reports, prints the summary if there is a format for it, and answers with the exit code.
fn conclude(
    record: &Record,
    folder: &RunFolder,
    root: &Path,
    secrets: &Secrets,
    manner: Manner<'_>,
    printer: Printer,
) -> Result<Exit, CliError> {
    let (made, written) = info_span!("report").in_scope(|| {
        let made = reports::make(record, manner.theme, printer)?;
        let written = made.write_all(folder, secrets);
        Ok((made, written))
    })?;
    let page = written.as_deref().ok();
    let own = manner.one_url.and_then(|_| made.of_one_url(page));
    match (manner.output.format, own) {
        _ if !manner.tells => {
            if let Some(run) = &record.run {
                printer.say(&format!("run {} came to {}", run.run, made.in_a_line()));
            }
        }
        (Format::Text, Some(own)) => {
            printer.data(&adhoc::render(&own, reports::stdout_style(printer)));
        }
        (Format::Text, None) => printer.data(&made.summary(page, printer)),
        (Format::Json, Some(own)) => {
            let text = own.to_json();
            printer.data(&text.map_err(|error| CliError::Report(error.to_string()))?);
        }
        (Format::Json, None) => {
            printer.data(&format!("{}\n", made.text(ReportFile::Json).trim_end()));
        }
    }
    last_words(record, printer);
    if let (true, Some(page), Some(run)) = (manner.tells, page, &record.run) {
        let told = github::Told {
            made: &made,
            run: run.run.as_str(),
            root,
            page,
            secrets,
        };
        github::tell(&told, printer);
    }
    let exit = made.exit(manner.output.strict);
    let html = manner.one_url.and_then(|one_url| one_url.html);
    let written = written.and_then(|_| html.map_or(Ok(()), |to| made.write_page(to, secrets)));
    match written {
        Ok(()) => Ok(exit),
        // The answer stands, but nobody can open the report: the worse of the two codes is told.
        Err(error) => {
            printer.error(&format!("error: {error}"));
            Ok(match exit.code {
                0 => Exit {
                    code: error.code(),
                    why: "the report could not be written".to_owned(),
                },
                _ => exit,
            })
        }
    }
}

/// What services printed last before they died, or did not come up: where a person looks first.
fn last_words(record: &Record, printer: Printer) {
    // The live lines have told it of a target that did not come up; a quiet run has none.
    let failed = record.target.failed.iter().filter(|_| printer.quiet);
    let failed = failed.filter_map(|(service, _, output)| Some((service.as_deref()?, output)));
    let died = record.target.died.iter();
    let died = died.map(|(_, service, _, output)| (service.as_str(), output));
    for (service, output) in failed.chain(died).filter(|(_, output)| !output.is_empty()) {
        printer.error(&told(service, output));
    }
}

/// A service's last lines for a terminal, which no escape sequence in them may reach.
pub(super) fn told(service: &str, output: &[String]) -> String {
    let lines = output.iter().map(|line| visible(line));
    let lines: String = lines.map(|line| format!("\n  | {line}")).collect();
    format!("the last lines of {service}:{lines}")
}

/// Wishes to stop, heard from the begin of the first run to the end of the last.
pub(crate) struct Interrupts {
    /// Who is told: the run under way.
    told: Arc<Mutex<Option<mpsc::Sender<()>>>>,
    heard: Arc<AtomicBool>,
}

impl Interrupts {
    /// Listens for INT, TERM, HUP and QUIT; to be called before there is anything to be undone.
    pub(crate) fn listen() -> Result<Self, CliError> {
        let interrupts = Self {
            told: Arc::default(),
            heard: Arc::default(),
        };
        for kind in [
            SignalKind::interrupt(),
            SignalKind::terminate(),
            SignalKind::hangup(),
            SignalKind::quit(),
        ] {
            let mut signals = signal(kind).map_err(|error| {
                CliError::Machine(format!("failed to listen for signals: {error}"))
            })?;
            let (told, heard) = (Arc::clone(&interrupts.told), Arc::clone(&interrupts.heard));
            tokio::spawn(async move {
                while signals.recv().await.is_some() {
                    wished(&told, &heard);
                }
            });
        }
        Ok(interrupts)
    }

    /// A message for each wish: the run that is made now hears those from here on, and one for all before.
    pub(crate) fn for_run(&self) -> mpsc::Receiver<()> {
        let (sender, receiver) = mpsc::channel(4);
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if self.heard() {
            let _ = sender.try_send(());
        }
        *told = Some(sender);
        receiver
    }

    /// A way to wish for it without a signal.
    pub(crate) fn wish(&self) -> impl Fn() + Send + 'static {
        let (told, heard) = (Arc::clone(&self.told), Arc::clone(&self.heard));
        move || wished(&told, &heard)
    }

    /// Whether there was any wish.
    pub(crate) fn heard(&self) -> bool {
        self.heard.load(Ordering::Acquire)
    }
}

fn wished(told: &Mutex<Option<mpsc::Sender<()>>>, heard: &AtomicBool) {
    let told = told.lock().unwrap_or_else(PoisonError::into_inner);
    heard.store(true, Ordering::Release);
    // A run that is not listening any more is over.
    let _ = told.as_ref().map(|run| run.try_send(()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_escape_sequence_of_a_service_reaches_the_terminal() {
        let lines = [
            "\u{1b}]0;title\u{7}\u{1b}[31mred".to_owned(),
            "plain".to_owned(),
        ];
        assert_eq!(
            told("orders", &lines),
            "the last lines of orders:\n  | \\x1b]0;title\\x07\\x1b[31mred\n  | plain"
        );
    }
}
