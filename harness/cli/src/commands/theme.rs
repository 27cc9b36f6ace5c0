//! By which templates pages are made: those of a folder that was named, else of the suite's own, else the built-in ones.

use crate::args::ThemeArgs;
use crate::error::CliError;
use crate::printer::Printer;
use crate::sources::{self, Found};
use harness_core::suite;
use harness_report::html::{RenderError, Theme};
use std::path::{Path, PathBuf};

/// The folder that harness.toml names, where there is one. Of a suite that can't be read there is none.
fn suites(root: Option<&Path>) -> Option<PathBuf> {
    let Found { root, sources } = sources::config(root).ok()?;
    let (suite, _) = suite::load(&sources);
    let suite = suite?;
    let (folder, _) = suite.templates()?;
    Some(root.join(folder))
}

/// The theme of the folder that was named, else of the suite's own, or what is wrong with it. What of it no page uses is told.
/// A command opens its theme once, and makes all its pages by it, whatever becomes of the files meanwhile.
pub(super) fn find(
    args: &ThemeArgs,
    root: Option<&Path>,
    printer: Printer,
) -> Result<Theme, CliError> {
    let folder = args.templates.clone().or_else(|| suites(root));
    let theme = open(folder.as_deref())?;
    tell(&theme, printer);
    Ok(theme)
}

/// The same after the suite was planned, which tells what no page uses of its own folder.
pub(super) fn planned(
    args: &ThemeArgs,
    root: Option<&Path>,
    printer: Printer,
) -> Result<Theme, CliError> {
    let own = suites(root);
    let Some(named) = &args.templates else {
        return open(own.as_deref());
    };
    let theme = open(Some(named))?;
    let real = |folder: &Path| folder.canonicalize().ok();
    if own.is_none_or(|own| real(&own) != real(named)) {
        tell(&theme, printer);
    }
    Ok(theme)
}

fn tell(theme: &Theme, printer: Printer) {
    for unused in theme.unused() {
        printer.say(&format!("warning: {unused}"));
    }
}

/// A theme: of a folder, or the built-in one.
fn open(folder: Option<&Path>) -> Result<Theme, CliError> {
    match folder {
        None => builtin(),
        Some(folder) => Theme::from_folder(folder).map_err(|error| refused(&error)),
    }
}

/// A page by these templates; where somebody's own fail on what only real runs hold, by the built-in ones: what a load of
/// hours came to is not lost for a template.
pub(super) fn page(
    theme: &Theme,
    printer: Printer,
    make: impl Fn(&Theme) -> Result<String, RenderError>,
) -> Result<String, CliError> {
    let made = match make(theme) {
        Err(error) if theme.is_own() => make(&instead(&error, printer)?),
        made => made,
    };
    made.map_err(|error| refused(&error))
}

/// The built-in theme in place of one that failed, which is told.
fn instead(error: &RenderError, printer: Printer) -> Result<Theme, CliError> {
    printer.error(&format!(
        "warning: {error}; the page is made by the built-in templates"
    ));
    builtin()
}

/// The built-in theme.
fn builtin() -> Result<Theme, CliError> {
    Theme::builtin().map_err(|error| CliError::Report(error.to_string()))
}

/// Why a page was not made: templates of somebody's own are theirs to mend, all else is a report that failed.
pub(super) fn refused(error: &RenderError) -> CliError {
    match error.hint() {
        Some(hint) => CliError::usage(error.to_string(), hint),
        None => CliError::Report(error.to_string()),
    }
}
