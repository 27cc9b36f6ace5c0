//! `harness baseline`: accepted runs in small committed files. What may be one and what fits a run is `core`'s to say, where
//! the files lie `report`'s.

mod accept;
mod hint;
mod keep;
mod tell;

pub(super) use hint::{Asked, none_fits};

use super::calibrate;
use crate::args::{BaselineCommand, Folder};
use crate::error::CliError;
use crate::printer::Printer;
use crate::sources;
use harness_core::event::RunStarted;
use harness_core::name::{Name, RunId};
use harness_core::record::Record;
use harness_core::suite;
use harness_core::verdict::names_asked;
use harness_core::verdict::regression::{Accepted, Against, Conditions, Settings, played};
use harness_report::baselines::{Baselines, BaselinesError, Found, Kept, Problem};
use harness_report::text::one_line;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Does what is asked.
pub(crate) fn baseline(
    suite: Option<&Path>,
    command: &BaselineCommand,
    printer: Printer,
) -> Result<u8, CliError> {
    match command {
        BaselineCommand::Accept(args) => accept::accept(suite, args, printer),
        BaselineCommand::List(args) => tell::list(suite, args, printer),
        BaselineCommand::Show(args) => tell::show(suite, args, printer),
        BaselineCommand::Prune(args) => keep::prune(suite, args, printer),
        BaselineCommand::Pin(args) => keep::pin(suite, args, printer),
        BaselineCommand::Unpin(args) => keep::unpin(suite, args, printer),
    }
}

/// The folder of baselines: the one that was named, else the suite's own.
fn open(suite: Option<&Path>, folder: &Folder) -> Result<Baselines, CliError> {
    Ok(match &folder.baselines {
        Some(named) => Baselines::open(named),
        None => at(&sources::root(suite)?),
    })
}

/// The baselines of a suite's root.
fn at(root: &Path) -> Baselines {
    Baselines::open(root.join("reports").join("baselines"))
}

fn failed(error: &BaselinesError) -> CliError {
    CliError::Machine(error.to_string())
}

/// Reads all, and says what of it can't be used.
fn read(baselines: &Baselines, printer: Printer) -> Result<Found, CliError> {
    let found = baselines.read().map_err(|e| failed(&e))?;
    for problem in &found.problems {
        printer.error(&told(problem));
    }
    Ok(found)
}

fn told(problem: &Problem) -> String {
    let Problem {
        path, wrong, hint, ..
    } = problem;
    let path = path.display();
    let told = one_line(&format!("{path}: {wrong}"), 1000);
    format!("warning: {told}\n  hint: {}", one_line(hint, 1000))
}

/// Reads all, for an answer that a file which can't be read might have changed: such a one is an error.
fn whole(baselines: &Baselines, printer: Printer) -> Result<Vec<Kept>, CliError> {
    let found = baselines.read().map_err(|e| failed(&e))?;
    for problem in &found.problems {
        if problem.broken {
            let message = format!("{}: {}", problem.path.display(), problem.wrong);
            let message = one_line(&message, 1000);
            return Err(CliError::usage(message, &problem.hint));
        }
        printer.error(&told(problem));
    }
    Ok(found.kept)
}

/// The suite's constants, where there is a suite that says some.
fn settings(root: Option<&Path>) -> Settings {
    let found = sources::read(root).ok();
    let suite = found.and_then(|found| suite::load(&found.sources).0);
    let typed = suite.map(|suite| suite.regression());
    let sound = typed.filter(|typed| typed.errors().is_empty());
    sound.unwrap_or_default()
}

/// Files by where their runs were measured, oldest run first.
fn by_place(kept: &[Kept]) -> BTreeMap<Conditions, Vec<&Kept>> {
    let mut places: BTreeMap<Conditions, Vec<&Kept>> = BTreeMap::new();
    for one in kept {
        places
            .entry(one.accepted.sample.conditions())
            .or_default()
            .push(one);
    }
    places
}

/// The accepted runs that a candidate's scenarios are held against.
pub(super) fn against(
    folder: &Path,
    candidate: &[Record],
    settings: &Settings,
    printer: Printer,
) -> Result<Vec<Against>, CliError> {
    let baselines = Baselines::open(folder);
    let kept = whole(&baselines, printer)?;
    let runs = candidate.iter().filter_map(|record| record.run.as_deref());
    let Some(first) = runs.clone().next() else {
        return Ok(Vec::new());
    };
    let ids: Vec<&RunId> = runs.map(|run| &run.run).collect();
    let all: Vec<&Accepted> = kept.iter().map(|kept| &kept.accepted).collect();
    let of = |scenario| {
        let here = Conditions::ahead(&first.plan, &first.environment, &scenario);
        Against::choose(&here, &ids, &all, settings)
    };
    let chosen: Vec<Against> = played(candidate).into_iter().map(of).collect();
    Ok(chosen)
}

/// The accepted runs that a run's gates on regressions hold it against; nothing is read for a run without such gates.
pub(super) fn for_run(
    started: &RunStarted,
    root: &Path,
    printer: Printer,
) -> Result<Vec<Against>, CliError> {
    let asked = names_asked(started);
    if asked.is_empty() {
        return Ok(Vec::new());
    }
    let kept = whole(&at(root), printer)?;
    let all: Vec<&Accepted> = kept.iter().map(|kept| &kept.accepted).collect();
    let calibrations = calibrate::known(at(root).root(), printer)?;
    let RunStarted {
        plan, environment, ..
    } = started;
    let of = |(scenario, names): (&Name, &BTreeSet<String>)| {
        let here = Conditions::ahead(plan, environment, scenario);
        let chosen = Against::choose(&here, &[&started.run], &all, &plan.regression);
        let chosen = chosen.calibrated(&here, &calibrations, &plan.regression);
        chosen.only(names)
    };
    Ok(asked.iter().map(of).collect())
}
