//! `harness check`: every error of the suite at once.

use crate::args::{CheckArgs, Format};
use crate::diagnostics;
use crate::error::CliError;
use crate::printer::Printer;
use crate::sources;
use harness_core::plan::resolve::{self, Choice};
use harness_core::suite;
use std::path::Path;

/// Reads and plans the suite with every profile's and variant's names, and says what is wrong.
pub(crate) fn check(
    suite: Option<&Path>,
    args: &CheckArgs,
    printer: Printer,
) -> Result<u8, CliError> {
    let found = sources::read(suite)?;
    let (suite, mut findings) = suite::load(&found.sources);
    let planned = suite
        .as_ref()
        .map(|suite| resolve::plan(suite, &Choice::default()));
    let summary = match planned {
        Some(Ok((plan, warnings))) => {
            findings.extend(warnings);
            let (journeys, scenarios) = (plan.journeys.len(), plan.scenarios.len());
            let gates =
                plan.gates.len() + plan.scenarios.iter().map(|s| s.gates.len()).sum::<usize>();
            format!(
                "{}: {journeys} journeys, {scenarios} scenarios, {gates} gates: no errors",
                plan.project
            )
        }
        Some(Err(errors)) => {
            findings.extend(errors);
            String::new()
        }
        None => String::new(),
    };
    let fatal = super::run::fatal(&findings);
    match args.format {
        Format::Json => printer.data(&format!("{:#}\n", diagnostics::json(&findings))),
        Format::Text if findings.is_empty() => printer.data(&format!("{summary}\n")),
        Format::Text => {
            printer.data(&diagnostics::render(&findings, printer.colour()));
            if !fatal {
                printer.data(&format!("{summary}\n"));
            }
        }
    }
    Ok(if fatal { 2 } else { 0 })
}
