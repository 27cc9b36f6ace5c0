//! `harness report`: a run's reports again, from its events alone; the same events give the same bytes.

use super::{home, index, reports, theme};
use crate::args::{Kind, ReportArgs};
use crate::error::CliError;
use crate::printer::Printer;
use crate::sources;
use harness_core::record::Record;
use harness_drive::redact::Secrets;
use harness_drive::target::heal;
use harness_report::store::{self, ReportFile, RunFolder, RunStore};
use std::path::{Path, PathBuf};

/// Reads events and writes reports.
pub(crate) fn report(
    suite: Option<&Path>,
    args: &ReportArgs,
    printer: Printer,
) -> Result<u8, CliError> {
    let runs = runs(suite, args.reports.as_deref())?;
    let theme = theme::find(&args.theme, suite, printer)?;
    if args.index {
        return index::now(&runs, &theme, printer);
    }
    let store = RunStore::open(&runs);
    let found = find(&store, &args.run, printer)?;
    let (events, record) = (&found.events, &found.record);
    let made = reports::make(record, &theme, printer)?;
    // A run that ended meanwhile made its own reports: older ones must not take their place.
    if found.goes_on && !is_live(events) {
        return report(suite, args, printer);
    }
    let folder = RunFolder::of(events);
    let kind = match args.kind {
        Kind::All => {
            // A card of a run that goes on would be out of date when it is over, were it killed then.
            let page = match found.goes_on {
                true => made.write_without_card(&folder, &Secrets::default())?,
                false => made.write_all(&folder, &Secrets::default())?,
            };
            printer.say(&format!("report: {}", page.display()));
            if lies_in(folder.path(), &runs) {
                index::after(&runs, &theme, &[], printer);
            }
            return Ok(0);
        }
        Kind::Text | Kind::Comment => None,
        Kind::Html => Some(ReportFile::Html),
        Kind::Junit => Some(ReportFile::Junit),
        Kind::Markdown => Some(ReportFile::Markdown),
        Kind::Json => Some(ReportFile::Json),
    };
    let text = kind.map_or_else(
        || match args.kind {
            Kind::Comment => made.comment(),
            _ => made.summary(None, printer),
        },
        |kind| made.text(kind).to_owned(),
    );
    match (&args.output, kind) {
        (Some(path), _) if path.as_os_str() == "-" => printer.data(&text),
        (None, None) => printer.data(&text),
        (Some(path), _) => write(path, &text, printer)?,
        (None, Some(kind)) => write(&folder.report(kind), &text, printer)?,
    }
    Ok(0)
}

/// Whether somebody is at the run whose events lie here.
pub(super) fn is_live(events: &Path) -> bool {
    events.parent().is_some_and(heal::is_live)
}

/// Whether a folder lies in that of the runs, however either is written.
fn lies_in(folder: &Path, runs: &Path) -> bool {
    let (folder, runs) = (folder.canonicalize(), runs.canonicalize());
    folder.is_ok_and(|folder| runs.is_ok_and(|runs| folder.parent() == Some(runs.as_path())))
}

/// A run that somebody names: where its events lie, and what they say. Events that end in the middle are told.
pub(super) fn read(
    store: &RunStore,
    run: &str,
    printer: Printer,
) -> Result<(PathBuf, Record), CliError> {
    let found = find(store, run, printer)?;
    Ok((found.events, found.record))
}

/// A run as it was found.
struct Found {
    events: PathBuf,
    record: Record,
    /// Somebody was at it when it was read, and it has no end.
    goes_on: bool,
}

fn find(store: &RunStore, run: &str, printer: Printer) -> Result<Found, CliError> {
    let usage = |error: &dyn std::fmt::Display| CliError::Usage {
        message: error.to_string(),
        hint: String::new(),
    };
    let events = store.resolve(run).map_err(|e| usage(&e))?;
    // Asked first: one that ends while it is read was at work.
    let live = is_live(&events);
    let recorded = store::record(&events)
        .map_err(|error| CliError::usage(error.to_string(), error.hint().unwrap_or_default()))?;
    if let Some(line) = recorded.behind {
        let name = events.display();
        printer.say(&format!(
            "warning: behind the end of the run in {name}, from line {line} on, stands what is no event; it is left out"
        ));
    }
    if recorded.cut_short {
        let name = events.display();
        let why = match live {
            true => format!("the run of {name} is still going on"),
            false => format!("the events in {name} end in the middle"),
        };
        printer.say(&format!("warning: {why}; what follows is of what is there"));
    }
    Ok(Found {
        goes_on: live && recorded.record.end.is_none(),
        events,
        record: recorded.record,
    })
}

/// The folder in which a run that somebody names is looked for.
pub(super) fn runs(suite: Option<&Path>, chosen: Option<&Path>) -> Result<PathBuf, CliError> {
    let own = PathBuf::from("reports/runs");
    Ok(match (chosen, root(suite)?) {
        (Some(folder), _) => folder.to_owned(),
        (None, Some(root)) => root.join(own),
        // A path needs no suite around it, and a load of one URL has none.
        (None, None) if own.is_dir() => own,
        (None, None) => home::runs().unwrap_or(own),
    })
}

/// The suite's root: there may be none around here, but one that was named must be there.
fn root(suite: Option<&Path>) -> Result<Option<PathBuf>, CliError> {
    match sources::root(suite) {
        Err(error) if suite.is_some() => Err(error),
        found => Ok(found.ok()),
    }
}

/// The folder of baselines, and of calibrations in it.
pub(super) fn baselines(suite: Option<&Path>, chosen: Option<&Path>) -> Result<PathBuf, CliError> {
    Ok(match (chosen, root(suite)?) {
        (Some(folder), _) => folder.to_owned(),
        (None, root) => root.unwrap_or_default().join("reports/baselines"),
    })
}

fn write(path: &Path, text: &str, printer: Printer) -> Result<(), CliError> {
    // The events hold no secret, so there is none to scan for.
    store::write_scanned(path, text, &[]).map_err(|error| CliError::Report(error.to_string()))?;
    printer.say(&format!("report: {}", path.display()));
    Ok(())
}
