//! `harness heal` and the guardian: undo what a killed run left behind. A run that is live is never touched.

use crate::args::HealArgs;
use crate::error::CliError;
use crate::printer::Printer;
use crate::sources;
use harness_drive::target::{guardian, heal};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Works through every journal under the runs' folder.
pub(crate) fn heal(
    suite: Option<&Path>,
    args: &HealArgs,
    printer: Printer,
) -> Result<u8, CliError> {
    let runs = match &args.reports {
        Some(folder) => folder.clone(),
        None => sources::root(suite)?.join("reports").join("runs"),
    };
    let mut failed = false;
    let mut found = 0;
    for journal in journals(&runs)? {
        match heal::heal_dead(&journal, Duration::from_secs(3)) {
            Ok(heal::Outcome::Live) => {
                printer.say(&format!("{}: a live run, left alone", run_of(&journal)));
            }
            Ok(heal::Outcome::Healed(healed)) if healed.is_empty() => {}
            Ok(heal::Outcome::Healed(healed)) => {
                found += 1;
                printer.say(&format!(
                    "{}: ended {} processes, removed {} folders",
                    run_of(&journal),
                    healed.processes.len(),
                    healed.folders.len()
                ));
                healed
                    .failed
                    .iter()
                    .for_each(|words| printer.error(&format!("error: {words}")));
                failed |= !healed.failed.is_empty();
            }
            Err(error) => {
                printer.error(&format!(
                    "error: failed to read {}: {error}",
                    journal.display()
                ));
                failed = true;
            }
        }
    }
    if found == 0 && !failed {
        printer.say("nothing was left behind");
    }
    Ok(if failed { 3 } else { 0 })
}

/// The guardian's life.
pub(crate) fn guardian(journal: &Path) -> Result<u8, CliError> {
    let healed = guardian::keep_watch(journal).map_err(|source| CliError::File {
        doing: "read",
        path: journal.to_owned(),
        source,
    })?;
    Ok(if healed.failed.is_empty() { 0 } else { 3 })
}

fn journals(runs: &Path) -> Result<Vec<PathBuf>, CliError> {
    let entries = match std::fs::read_dir(runs) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => {
            return Err(CliError::File {
                doing: "read",
                path: runs.to_owned(),
                source,
            });
        }
    };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path().join("undo.ndjson")));
    let mut journals: Vec<_> = paths.filter(|path| path.is_file()).collect();
    journals.sort();
    Ok(journals)
}

fn run_of(journal: &Path) -> String {
    let run = journal.parent().and_then(Path::file_name);
    run.map_or_else(String::new, |run| run.to_string_lossy().into_owned())
}
