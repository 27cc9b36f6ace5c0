//! What `harness compare` prints and writes of its comparison: words, JSON, Markdown, and a page with its charts.

use super::compare::{json, text};
use super::theme;
use crate::args::{CompareArgs, Told};
use crate::error::CliError;
use crate::printer::Printer;
use harness_core::verdict::regression::{Curves, Runs};
use harness_report::html::Theme;
use harness_report::regression::markdown;
use harness_report::store::write_scanned;
use std::path::Path;

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
        let page = theme.regression(runs, &drawn(), project);
        page.map_err(|error| theme::refused(&error))
    };
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
