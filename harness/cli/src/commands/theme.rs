//! By which templates pages are made: those of a folder that was named, else of the suite's own, else the built-in ones.

use crate::args::ThemeArgs;
use crate::error::CliError;
use crate::sources::{self, Found};
use harness_core::suite;
use harness_report::html::{RenderError, Theme};
use std::path::{Path, PathBuf};

/// The folder: of the flag, else of harness.toml where there is one. Of a suite that can't be read there is none.
pub(super) fn folder(args: &ThemeArgs, root: Option<&Path>) -> Option<PathBuf> {
    let own = || {
        let Found { root, sources } = sources::config(root).ok()?;
        let (suite, _) = suite::load(&sources);
        let suite = suite?;
        let (folder, _) = suite.templates()?;
        Some(root.join(folder))
    };
    args.templates.clone().or_else(own)
}

/// The theme of that folder, or what is wrong with it.
pub(super) fn find(args: &ThemeArgs, root: Option<&Path>) -> Result<Theme, CliError> {
    open(folder(args, root).as_deref())
}

/// A theme: of a folder, or the built-in one.
pub(super) fn open(folder: Option<&Path>) -> Result<Theme, CliError> {
    match folder {
        None => builtin(),
        Some(folder) => Theme::from_folder(folder).map_err(|error| refused(&error)),
    }
}

/// The built-in theme.
pub(super) fn builtin() -> Result<Theme, CliError> {
    Theme::builtin().map_err(|error| CliError::Report(error.to_string()))
}

/// Why a page was not made: templates of somebody's own are theirs to mend, all else is a report that failed.
pub(super) fn refused(error: &RenderError) -> CliError {
    match error.hint() {
        Some(hint) => CliError::usage(error.to_string(), hint),
        None => CliError::Report(error.to_string()),
    }
}
