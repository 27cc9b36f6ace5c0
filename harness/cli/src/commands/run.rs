//! `harness run`: the suite, or some scenarios of it.

use super::session::{self, Prepared};
use crate::args::{RunArgs, Selection, TargetMode};
use crate::diagnostics;
use crate::error::CliError;
use crate::printer::Printer;
use crate::sources::{self, Found};
use harness_core::diagnostic::{Diagnostic, Severity};
use harness_core::plan::resolve::{self, Choice};
use harness_core::plan::target::Mode;
use harness_core::suite::{self, Suite};
use std::path::Path;

/// Plans and runs.
pub(crate) fn run(suite: Option<&Path>, args: &RunArgs, printer: Printer) -> Result<u8, CliError> {
    let found = sources::read(suite)?;
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
    let (suite, mut findings) = suite::load(&found.sources);
    let plan = suite
        .as_ref()
        .and_then(|suite| match resolve::plan(suite, choice) {
            Ok((plan, warnings)) => {
                findings.extend(warnings);
                Some(plan)
            }
            Err(errors) => {
                findings.extend(errors);
                None
            }
        });
    if !findings.is_empty() {
        printer.error(&diagnostics::render(&findings, printer.colour()));
    }
    match (suite, plan) {
        (Some(suite), Some(plan)) if !fatal(&findings) => Ok(Prepared {
            plan,
            root: found.root.clone(),
            defaults: suite.secret_defaults(),
            features: features(&suite),
        }),
        _ => Err(CliError::Suite(
            "the suite has errors; nothing was started".into(),
        )),
    }
}

pub(crate) fn fatal(findings: &[Diagnostic]) -> bool {
    findings
        .iter()
        .any(|finding| finding.severity == Severity::Error)
}

fn features(suite: &Suite) -> Vec<(String, String)> {
    suite
        .features()
        .map(|source| (source.name.clone(), source.text.clone()))
        .collect()
}
