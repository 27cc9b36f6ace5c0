//! `harness check`: every error of the suite at once.

use super::suite;
use crate::args::{CheckArgs, Format};
use crate::diagnostics;
use crate::error::CliError;
use crate::printer::Printer;
use crate::sources;
use harness_core::plan::Plan;
use harness_core::plan::resolve::Choice;
use harness_report::text::one_line;
use std::path::Path;

/// Reads and plans the suite, and says what is wrong.
pub(crate) fn check(
    suite: Option<&Path>,
    args: &CheckArgs,
    printer: Printer,
) -> Result<u8, CliError> {
    let found = sources::read(suite)?;
    let planned = suite::plan(&found, &Choice::default());
    let findings = &planned.findings;
    match args.format {
        Format::Json => printer.data(&format!("{:#}\n", diagnostics::json(findings))),
        Format::Text => {
            if !findings.is_empty() {
                printer.data(&diagnostics::render(findings, printer.colour()));
            }
            if let Some(plan) = &planned.plan {
                printer.data(&summary(plan));
            }
        }
    }
    Ok(if suite::fatal(findings) { 2 } else { 0 })
}

fn summary(plan: &Plan) -> String {
    let counted = |n: usize, one: &str| format!("{n} {one}{}", if n == 1 { "" } else { "s" });
    let gates = plan.gates.len() + plan.scenarios.iter().map(|s| s.gates.len()).sum::<usize>();
    format!(
        "{}: {}, {}, {}: no errors\n",
        one_line(&plan.project, 200),
        counted(plan.journeys.len(), "journey"),
        counted(plan.scenarios.len(), "scenario"),
        counted(gates, "gate"),
    )
}
