//! `harness run`: the suite, or some scenarios of it.

use super::session::{self, Prepared};
use super::suite;
use crate::args::{RunArgs, Selection, TargetMode};
use crate::diagnostics;
use crate::error::CliError;
use crate::printer::Printer;
use crate::sources::{self, Found};
use harness_core::plan::resolve::Choice;
use harness_core::plan::target::Mode;
use harness_core::suite::Suite;
use std::path::Path;

/// Plans and runs.
pub(crate) fn run(root: Option<&Path>, args: &RunArgs, printer: Printer) -> Result<u8, CliError> {
    let found = sources::read(root)?;
    let prepared = prepare(&found, &choice(&args.selection), printer)?;
    session::execute(prepared, &args.output, printer)
}

/// The choice that flags make.
pub(crate) fn choice(selection: &Selection) -> Choice {
    Choice {
        scenarios: selection.scenarios.clone(),
        profile: selection.profile.clone(),
        target: selection.target.map(|mode| match mode {
            TargetMode::Process => Mode::Process,
            TargetMode::External => Mode::External,
        }),
        variant: selection.variant.clone(),
        tags: selection.tags.clone(),
        seed: selection.seed,
    }
}

/// From texts to a plan; every finding is printed, errors end the command.
pub(crate) fn prepare(
    found: &Found,
    choice: &Choice,
    printer: Printer,
) -> Result<Prepared, CliError> {
    let planned = suite::plan(found, choice);
    if !planned.findings.is_empty() {
        printer.error(&diagnostics::render(&planned.findings, printer.colour()));
    }
    let (Some(suite), Some(plan)) = (planned.suite, planned.plan) else {
        return Err(suite::refused());
    };
    Ok(Prepared {
        plan,
        root: found.root.clone(),
        defaults: suite.secret_defaults(),
        features: features(&suite),
    })
}

fn features(suite: &Suite) -> Vec<(String, String)> {
    suite
        .features()
        .map(|source| (source.name.clone(), source.text.clone()))
        .collect()
}
