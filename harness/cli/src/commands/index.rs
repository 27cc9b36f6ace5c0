//! The list of all runs, rebuilt from the files in their folder. A list that can't be written costs no run its answer.

use super::reports::scanned;
use crate::error::CliError;
use crate::printer::Printer;
use harness_drive::redact::Secrets;
use harness_drive::target::heal;
use harness_report::index;
use harness_report::text::plural;
use std::path::Path;

/// After runs, a report or a comparison, with what no list of them may show: what can't be done is only told.
pub(crate) fn after(runs: &Path, secrets: &[&Secrets], printer: Printer) {
    let secrets = secrets.iter().flat_map(|secrets| scanned(secrets));
    let secrets: Vec<_> = secrets.collect();
    if let Err(error) = index::rebuild(runs, &heal::is_live, false, &secrets) {
        printer.say(&format!("warning: the list of runs is as it was: {error}"));
    }
}

/// By hand: runs that left no card are judged first.
pub(crate) fn now(runs: &Path, printer: Printer) -> Result<u8, CliError> {
    let made = index::rebuild(runs, &heal::is_live, true, &[]);
    let made = made.map_err(|error| CliError::Report(error.to_string()))?;
    for error in &made.unwritten {
        printer.say(&format!(
            "warning: {error}; the run is judged anew each time"
        ));
    }
    let judged = match made.judged {
        0 => String::new(),
        n => format!(", {n} of them judged now"),
    };
    printer.say(&format!(
        "{}{judged}: {}",
        plural(made.runs as u64, "run"),
        made.page.display()
    ));
    Ok(0)
}
