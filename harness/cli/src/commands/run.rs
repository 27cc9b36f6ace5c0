//! `harness run`: the suite, or some scenarios of it.

use super::campaign::{self, Leg};
use super::comparison;
use super::repeats;
use super::session::{self, Manner, Prepared};
use super::suite::{self, Planned};
use super::theme;
use crate::args::{RunArgs, Selection, TargetMode};
use crate::diagnostics;
use crate::error::CliError;
use crate::printer::Printer;
use crate::sources::{self, Found};
use harness_core::diagnostic::Diagnostic;
use harness_core::plan::resolve::Choice;
use harness_core::plan::target::Mode;
use harness_core::suite::Suite;
use std::path::Path;

/// Plans and runs.
pub(crate) fn run(root: Option<&Path>, args: &RunArgs, printer: Printer) -> Result<u8, CliError> {
    let found = sources::read(root)?;
    let output = &args.output;
    if let Some(repeats) = args.repeats {
        return repeats::run(root, &found, args, output, repeats, printer);
    }
    match args.selection.variants.as_slice() {
        several @ [_, _, ..] => {
            let mut legs = legs(&found, &args.selection, several, printer)?;
            for leg in &mut legs {
                leg.prepared.release.clone_from(&args.release);
            }
            let theme = theme::planned(&output.theme, root, printer)?;
            campaign::execute(legs, output, &theme, printer)
        }
        one => {
            let choice = choice(&args.selection, one.first().map(String::as_str));
            let prepared = Prepared {
                release: args.release.clone(),
                ..prepare(&found, &choice, printer)?
            };
            let theme = theme::planned(&output.theme, root, printer)?;
            let manner = Manner {
                output,
                theme: &theme,
                tells: true,
                one_url: None,
            };
            session::execute(prepared, manner, printer)
        }
    }
}

/// A run for each variant.
fn legs(
    found: &Found,
    selection: &Selection,
    variants: &[String],
    printer: Printer,
) -> Result<Vec<Leg>, CliError> {
    if variants.len() > comparison::MOST {
        return Err(CliError::usage(
            format!("{} variants are too many to compare", variants.len()),
            format!("at most {} stand side by side", comparison::MOST),
        ));
    }
    let twice = variants.iter().enumerate();
    if let Some((_, name)) = twice.into_iter().find(|(n, v)| variants[..*n].contains(v)) {
        return Err(CliError::usage(
            format!("the variant `{name}` is named twice"),
            "name each once; `default` is the suite without a variant",
        ));
    }
    let chosen: Vec<_> = variants.iter().map(|name| Some(name.as_str())).collect();
    let planned = several(found, selection, &chosen, printer)?;
    let legs = variants.iter().zip(planned);
    Ok(legs
        .map(|(variant, prepared)| Leg {
            label: variant.clone(),
            prepared,
        })
        .collect())
}

/// A run for each of these variants, all planned before the first begins; a finding of several is told once.
pub(super) fn several(
    found: &Found,
    selection: &Selection,
    variants: &[Option<&str>],
    printer: Printer,
) -> Result<Vec<Prepared>, CliError> {
    let planned: Vec<_> = variants
        .iter()
        .map(|variant| suite::plan(found, &choice(selection, *variant)))
        .collect();
    let mut findings: Vec<Diagnostic> = Vec::new();
    for finding in planned.iter().flat_map(|planned| &planned.findings) {
        if !findings.contains(finding) {
            findings.push(finding.clone());
        }
    }
    print(&findings, printer);
    planned
        .into_iter()
        .map(|planned| ready(planned, found))
        .collect()
}

impl From<TargetMode> for Mode {
    fn from(mode: TargetMode) -> Self {
        match mode {
            TargetMode::Process => Self::Process,
            TargetMode::Container => Self::Container,
            TargetMode::Compose => Self::Compose,
            TargetMode::External => Self::External,
        }
    }
}

/// The choice that flags make.
pub(crate) fn choice(selection: &Selection, variant: Option<&str>) -> Choice {
    Choice {
        scenarios: selection.scenarios.clone(),
        profile: selection.profile.clone(),
        target: selection.target.map(Into::into),
        variant: variant.map(str::to_owned),
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
    print(&planned.findings, printer);
    ready(planned, found)
}

pub(super) fn print(findings: &[Diagnostic], printer: Printer) {
    if !findings.is_empty() {
        printer.error(&diagnostics::render(findings, printer.colour()));
    }
}

pub(super) fn ready(planned: Planned, found: &Found) -> Result<Prepared, CliError> {
    let (Some(suite), Some(plan)) = (planned.suite, planned.plan) else {
        return Err(suite::refused());
    };
    Ok(Prepared {
        plan,
        root: found.root.clone(),
        defaults: suite.secret_defaults(),
        features: features(&suite),
        tls: planned.tls,
        pems: suite.pems(),
        threads: None,
        replays: None,
        release: None,
    })
}

fn features(suite: &Suite) -> Vec<(String, String)> {
    suite
        .features()
        .map(|source| (source.name.clone(), source.text.clone()))
        .collect()
}
