//! What several runs come to together: the comparison of their records, written into a folder beside theirs and told.
//! Knows nothing of how the runs came about.

use super::reports::{scanned, stdout_style};
use super::session::Manner;
use super::{github, index, theme};
use crate::args::Format;
use crate::error::CliError;
use crate::printer::Printer;
use harness_core::compare::{self, Comparison};
use harness_core::name::RunId;
use harness_core::record::Record;
use harness_drive::redact::Secrets;
use harness_report::compare::{markdown, terminal};
use harness_report::html::Theme;
use harness_report::store::{ReportFile, RunFolder, RunStore};
use std::path::{Path, PathBuf};

/// Runs of one comparison at most: what a page tells apart.
pub(crate) const MOST: usize = harness_report::chart::overlay::LOOKS.len();

/// Runs to be held against the first of them, and the labels of those that should have been made too.
pub(crate) struct Compared<'r> {
    /// Each with its label.
    pub(crate) runs: Vec<(String, &'r Record)>,
    /// Labels.
    pub(crate) not_run: Vec<String>,
    /// Which of the runs, from 0, the folder is named after: one that was made just now, so that no other has its name.
    pub(crate) named: usize,
}

/// Compares, writes page, Markdown and JSON into `compare-RUN` in the folder of runs, and prints what was asked for.
pub(crate) fn tell(
    compared: &Compared<'_>,
    runs: &Path,
    secrets: &[&Secrets],
    manner: Manner<'_>,
    printer: Printer,
) -> Result<(), CliError> {
    let comparison = compare::compare(&compared.runs, &compared.not_run);
    let records: Vec<&Record> = compared.runs.iter().map(|(_, record)| *record).collect();
    let made = Texts::of(&comparison, &records, manner.theme, printer)?;
    let named = comparison.runs.get(compared.named);
    let named = named.and_then(|side| side.run.as_ref());
    let written = made.write(named, runs, secrets);
    github::summary(
        &|room| markdown::within(room, &comparison),
        secrets,
        printer,
    );
    index::after(runs, manner.theme, secrets, printer);
    match manner.output.format {
        Format::Text => printer.data(&table(&comparison, written.as_deref().ok(), printer)),
        Format::Json => printer.data(&format!("{}\n", made.json)),
    }
    written.map(|_| ())
}

struct Texts {
    page: String,
    markdown: String,
    json: String,
}

impl Texts {
    fn of(
        comparison: &Comparison,
        records: &[&Record],
        theme: &Theme,
        printer: Printer,
    ) -> Result<Self, CliError> {
        let fail = |kind: &str, error: &dyn std::fmt::Display| {
            CliError::Report(format!("failed to make the comparison's {kind}: {error}"))
        };
        Ok(Self {
            page: theme::page(theme, printer, |theme| theme.compare(comparison, records))?,
            markdown: markdown::render(comparison),
            json: serde_json::to_string_pretty(comparison).map_err(|e| fail("JSON", &e))?,
        })
    }

    /// Writes them; answers with the page's path.
    fn write(
        &self,
        named: Option<&RunId>,
        runs: &Path,
        secrets: &[&Secrets],
    ) -> Result<PathBuf, CliError> {
        let report = |error: &dyn std::fmt::Display| CliError::Report(error.to_string());
        let secrets: Vec<_> = secrets
            .iter()
            .flat_map(|secrets| scanned(secrets))
            .collect();
        let folder = folder(named, runs)?;
        let write = |file, text| folder.write(file, text, &secrets).map_err(|e| report(&e));
        write(ReportFile::Markdown, &self.markdown)?;
        write(ReportFile::Json, &self.json)?;
        write(ReportFile::Html, &self.page)
    }
}

/// The folder of a comparison, named after one of its runs.
pub(super) fn folder(named: Option<&RunId>, runs: &Path) -> Result<RunFolder, CliError> {
    let named = named.map_or("nothing", RunId::as_str);
    let name: RunId = format!("compare-{named}")
        .parse()
        .map_err(|error| CliError::Report(format!("failed to name the comparison: {error}")))?;
    let made = RunStore::open(runs).create(&name);
    made.map_err(|error| CliError::Report(error.to_string()))
}

fn table(comparison: &Comparison, page: Option<&Path>, printer: Printer) -> String {
    let mut out = b"\n".to_vec();
    // Writing to memory can't fail.
    let _ = terminal::render(&mut out, stdout_style(printer), comparison, page);
    String::from_utf8_lossy(&out).into_owned()
}
