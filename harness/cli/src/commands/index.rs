//! The list of all runs, rebuilt from the files in their folder. A list that can't be written costs no run its answer.

use super::reports::scanned;
use super::theme;
use crate::error::CliError;
use crate::printer::Printer;
use harness_drive::redact::Secrets;
use harness_drive::target::heal;
use harness_report::html::Theme;
use harness_report::index::{self, IndexError, Rebuilt};
use harness_report::leak::Secret;
use harness_report::text::plural;
use std::path::Path;

/// After runs, a report or a comparison, with what no list of them may show: what can't be done is only told.
pub(crate) fn after(runs: &Path, theme: &Theme, secrets: &[&Secrets], printer: Printer) {
    let secrets = secrets.iter().flat_map(|secrets| scanned(secrets));
    let secrets: Vec<_> = secrets.collect();
    let made = rebuilt(runs, theme, &secrets).or_else(|error| match error {
        // Templates of somebody's own that fail on what only these runs hold.
        IndexError::Render(error) if theme.is_own() => {
            printer.error(&format!(
                "warning: {error}; the list of runs is made by the built-in templates"
            ));
            rebuilt(runs, &Theme::builtin()?, &secrets)
        }
        error => Err(error),
    });
    if let Err(error) = made {
        printer.say(&format!("warning: the list of runs is as it was: {error}"));
    }
}

fn rebuilt(runs: &Path, theme: &Theme, secrets: &[Secret]) -> Result<Rebuilt, IndexError> {
    index::rebuild(runs, theme, &heal::is_live, false, secrets)
}

/// By hand: runs that left no card are judged first.
pub(crate) fn now(runs: &Path, theme: &Theme, printer: Printer) -> Result<u8, CliError> {
    let made = index::rebuild(runs, theme, &heal::is_live, true, &[]);
    let made = made.map_err(|error| match error {
        IndexError::Render(error) => theme::refused(&error),
        IndexError::Store(error) => CliError::Report(error.to_string()),
    })?;
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
