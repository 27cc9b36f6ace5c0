//! What a run tells GitHub Actions, where it runs there: a summary on the job's page, annotations, the step's outputs. The
//! variables that GitHub sets say whether and where.

use super::reports::{Made, scanned};
use crate::printer::Printer;
use crate::workflow;
use harness_drive::redact::Secrets;
use harness_report::{github, leak, markdown};
use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// The least room in which a summary says anything.
const LEAST: usize = 4_000;

/// A run that is told: where its suite lies, its page, and what must not be shown.
pub(crate) struct Told<'a> {
    pub(crate) made: &'a Made<'a>,
    pub(crate) run: &'a str,
    pub(crate) root: &'a Path,
    pub(crate) page: &'a Path,
    pub(crate) secrets: &'a Secrets,
}

fn set(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// Tells all of it. What can't be written is a warning: the answer stands.
pub(crate) fn tell(told: &Told<'_>, printer: Printer) {
    summary(
        &|room| told.made.markdown_within(room),
        &[told.secrets],
        printer,
    );
    if workflow::is_step() {
        let report = told.page.display().to_string();
        let commands =
            github::commands(&told.made.notes(), &|file| locate(told.root, file), &report);
        // Quiet or not, these are not talk.
        if !commands.is_empty() && leak::scan(&commands, &scanned(told.secrets)).is_ok() {
            printer.commands(&commands);
        }
    }
    if let Some(path) = set("GITHUB_OUTPUT") {
        let (verdict, score) = told.made.answer();
        let folder = told.page.parent().unwrap_or(Path::new("")).display();
        let outputs = [
            ("verdict", verdict.to_owned()),
            ("score", format!("{:.0}", score.floor())),
            ("run", told.run.to_owned()),
            ("report", told.page.display().to_string()),
            ("folder", folder.to_string()),
        ];
        // A line break would begin another output.
        let lines =
            outputs.map(|(name, value)| format!("{name}={}\n", value.replace(['\n', '\r'], " ")));
        if let Err(error) = append(Path::new(&path), &lines.concat()) {
            printer.say(&format!("warning: GITHUB_OUTPUT was not written: {error}"));
        }
    }
}

/// Appends Markdown to the job's summary, if there is one, in the room that what stands there already leaves: GitHub drops a
/// summary near 1 MiB without a word.
pub(crate) fn summary(text: &dyn Fn(usize) -> String, secrets: &[&Secrets], printer: Printer) {
    let Some(path) = set("GITHUB_STEP_SUMMARY").map(PathBuf::from) else {
        return;
    };
    let there = fs::metadata(&path).map_or(0, |data| data.len());
    let room = markdown::LIMIT.saturating_sub(usize::try_from(there).unwrap_or(usize::MAX));
    if room < LEAST {
        printer.say("warning: the job's summary is full, so this run is not in it");
        return;
    }
    let text = format!("{}\n", text(room - 1));
    // What must be told of many runs may be longer than that.
    if text.len() > room {
        printer.say("warning: the job's summary has too little room left, so this is not in it");
        return;
    }
    let secrets: Vec<_> = secrets
        .iter()
        .flat_map(|secrets| scanned(secrets))
        .collect();
    let written = leak::scan(&text, &secrets)
        .map_err(|leak| leak.to_string())
        .and_then(|()| append(&path, &text).map_err(|error| error.to_string()));
    if let Err(error) = written {
        printer.say(&format!(
            "warning: the job's summary was not written: {error}"
        ));
    }
}

fn append(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    file.write_all(text.as_bytes())
}

/// A suite's file as GitHub names it: from the root of the checkout. Nothing where there is no such file: scenarios of a
/// matrix and of a load of one URL are in none.
fn locate(root: &Path, file: &str) -> Option<String> {
    let path = root.join(file);
    if file.is_empty() || !path.is_file() {
        return None;
    }
    let checkout = set("GITHUB_WORKSPACE").map(PathBuf::from);
    let whole = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let within = checkout.and_then(|checkout| {
        let path = whole(&path);
        Some(path.strip_prefix(whole(&checkout)).ok()?.to_owned())
    });
    Some(within.map_or_else(|| file.to_owned(), |path| path.display().to_string()))
}
