//! `harness heal` and the guardian: undo what a killed run left behind. A run that is live is never touched.

use super::session::runs_under;
use crate::args::HealArgs;
use crate::error::CliError;
use crate::printer::Printer;
use harness_drive::target::{guardian, heal};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long processes may take to end by themselves.
const GRACE: Duration = Duration::from_secs(3);

/// Works through every journal under the runs' folder.
pub(crate) fn heal(
    suite: Option<&Path>,
    args: &HealArgs,
    printer: Printer,
) -> Result<u8, CliError> {
    let runs = runs_under(suite, args.reports.as_deref())?;
    let mut failed = false;
    let mut found = 0;
    for journal in journals(&runs)? {
        match heal::heal_dead(&journal, GRACE, Duration::ZERO) {
            Ok(heal::Outcome::Live) => {
                printer.say(&format!("{}: a live run, left alone", run_of(&journal)));
            }
            Ok(heal::Outcome::Healed(healed)) if healed.is_empty() => {}
            Ok(heal::Outcome::Healed(healed)) => {
                found += 1;
                printer.say(&format!("{}: {}", run_of(&journal), told(&healed)));
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

/// What was undone, in words.
pub(super) fn told(healed: &heal::Healed) -> String {
    let mut done = Vec::new();
    if !healed.processes.is_empty() {
        let pids: Vec<_> = healed.processes.iter().map(i32::to_string).collect();
        let what = if pids.len() == 1 {
            "process"
        } else {
            "processes"
        };
        done.push(format!("ended {} {what} ({})", pids.len(), pids.join(", ")));
    }
    let folders = healed.folders.iter();
    done.extend(folders.map(|folder| format!("removed {}", folder.display())));
    done.extend(healed.proxies.iter().cloned());
    done.extend(healed.containers.iter().cloned());
    if done.is_empty() {
        done.push("nothing could be undone".to_owned());
    }
    done.join("; ")
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
