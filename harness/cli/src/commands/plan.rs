//! `harness plan`: what a run would do.

use super::doctor::{self, lacks};
use super::run::{choice, prepare};
use super::session::{self, Prepared};
use crate::args::{Format, PlanArgs};
use crate::error::CliError;
use crate::printer::Printer;
use crate::sources;
use harness_core::plan::describe::describe;
use harness_report::text::visible;
use std::path::Path;

/// Plans and prints.
pub(crate) fn plan(
    suite: Option<&Path>,
    args: &PlanArgs,
    printer: Printer,
) -> Result<u8, CliError> {
    let found = sources::read(suite)?;
    let variant = match args.selection.variants.as_slice() {
        [] => None,
        [one] => Some(one.as_str()),
        _ => {
            return Err(CliError::Usage {
                message: "a plan is that of one variant".into(),
                hint: "give --variant once, and `harness plan` for each of them".into(),
            });
        }
    };
    let prepared = prepare(&found, &choice(&args.selection, variant), printer)?;
    match args.format {
        Format::Text => {
            let lacks = lacks(&prepared, &session::runs_of(None, &found.root))?;
            printer.data(&(visible(&describe(&prepared.plan)) + &lacks));
        }
        Format::Json => {
            let json = serde_json::to_string_pretty(&prepared.plan);
            let json = json.map_err(|error| {
                CliError::Report(format!("failed to write the plan as JSON: {error}"))
            })?;
            printer.data(&format!("{json}\n"));
        }
    }
    Ok(0)
}

/// What the plan needs that this machine lacks. Looked for only where it needs something that may be lacking.
fn lacks(prepared: &Prepared, runs: &Path) -> Result<String, CliError> {
    let needs = lacks::needs(&prepared.plan);
    if needs.is_empty() {
        return Ok(String::new());
    }
    let facts = doctor::facts(runs)?;
    Ok(lacks::told(&needs, &doctor::lines(&facts)))
}
