//! What `harness compare` prints and writes of its comparison: words, JSON, Markdown, and a page with its charts; and what
//! versions played in turn leave of theirs.

use super::compare::{json, text};
use super::reports::scanned;
use super::{comparison, github, index, theme};
use crate::args::{CompareArgs, Told};
use crate::error::CliError;
use crate::printer::Printer;
use harness_core::name::RunId;
use harness_core::verdict::regression::{Curves, Runs};
use harness_drive::redact::Secrets;
use harness_report::html::Theme;
use harness_report::regression::markdown;
use harness_report::store::{ReportFile, write_scanned};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Prints the comparison, and writes all of it into the folder that was named; what its charts draw is made where they are.
pub(super) fn tell(
    runs: &Runs,
    drawn: impl Fn() -> Vec<Vec<Curves>>,
    project: &str,
    theme: &Theme,
    args: &CompareArgs,
    printer: Printer,
) -> Result<(), CliError> {
    let page = || {
        let drawn = drawn();
        theme::page(theme, printer, |theme| {
            theme.regression(runs, &drawn, project)
        })
    };
    // Events hold no secret, so there is none to scan for.
    github::summary(&|room| markdown::within(room, runs, project), &[], printer);
    let written = match &args.output {
        None => None,
        Some(folder) => {
            let (page, json) = (page()?, json(runs)?);
            let markdown = markdown::render(runs, project);
            let files = [
                ("compare.md", &markdown),
                ("compare.json", &json),
                ("compare.html", &page),
            ];
            write(folder, &files)?;
            printer.say(&format!(
                "comparison: {}",
                folder.join("compare.html").display()
            ));
            Some(page)
        }
    };
    let text = match args.format {
        Told::Text => text(runs, args.all, printer),
        Told::Json => json(runs)?,
        Told::Markdown => markdown::render(runs, project),
        Told::Html => written.map_or_else(page, Ok)?,
    };
    printer.data(&text);
    Ok(())
}

/// Where several runs that were made now leave what they came to, and for whom.
pub(super) struct Place<'p> {
    /// The folder of runs.
    pub(super) runs: &'p Path,
    /// The run that the comparison's folder is named after.
    pub(super) named: Option<&'p RunId>,
    /// Each run with what it is called.
    pub(super) sides: Vec<(&'p str, &'p RunId)>,
    /// What no report may show.
    pub(super) secrets: &'p [&'p Secrets],
}

/// The comparison for programs, with the runs as the list of runs reads them.
#[derive(Serialize)]
struct Listed<'r> {
    #[serde(flatten)]
    compared: &'r Runs,
    runs: Vec<ListedRun<'r>>,
}

#[derive(Serialize)]
struct ListedRun<'r> {
    label: &'r str,
    run: &'r RunId,
}

/// Writes page, Markdown and JSON into `compare-RUN` in the folder of runs, as comparisons of variants lie there, and the
/// Markdown into the job's summary; the list of runs links it. Answers with the page's path.
pub(super) fn leave(
    runs: &Runs,
    drawn: &[Vec<Curves>],
    project: &str,
    theme: &Theme,
    place: &Place<'_>,
    printer: Printer,
) -> Result<PathBuf, CliError> {
    let page = theme::page(theme, printer, |theme| {
        theme.regression(runs, drawn, project)
    })?;
    let sides = place.sides.iter();
    let listed = Listed {
        compared: runs,
        runs: sides
            .map(|&(label, run)| ListedRun { label, run })
            .collect(),
    };
    let listed = serde_json::to_string_pretty(&listed).map_err(|error| {
        CliError::Report(format!("failed to write the comparison as JSON: {error}"))
    })?;
    github::summary(
        &|room| markdown::within(room, runs, project),
        place.secrets,
        printer,
    );
    let secrets = place.secrets.iter();
    let secrets: Vec<_> = secrets.flat_map(|secrets| scanned(secrets)).collect();
    let folder = comparison::folder(place.named, place.runs)?;
    let write = |file, text: &str| {
        let written = folder.write(file, text, &secrets);
        written.map_err(|error| CliError::Report(error.to_string()))
    };
    write(ReportFile::Markdown, &markdown::render(runs, project))?;
    write(ReportFile::Json, &format!("{listed}\n"))?;
    let page = write(ReportFile::Html, &page)?;
    index::after(place.runs, theme, place.secrets, printer);
    Ok(page)
}

fn write(folder: &Path, files: &[(&str, &String)]) -> Result<(), CliError> {
    std::fs::create_dir_all(folder).map_err(|error| {
        CliError::Output(format!("failed to create {}: {error}", folder.display()))
    })?;
    for (name, text) in files {
        // Events hold no secret, so there is none to scan for.
        write_scanned(&folder.join(name), text, &[])
            .map_err(|error| CliError::Output(error.to_string()))?;
    }
    Ok(())
}
