//! The runs of a release: found in the folder of runs by what they say of themselves, or named. What is left out although
//! it seems to belong is told, and of copies of one run the one that has most of it counts.

mod copies;

use crate::args::ReadinessArgs;
use crate::error::CliError;
use copies::{Candidate, called};
use harness_core::event::{Event, RunStarted};
use harness_core::name::Name;
use harness_core::readiness::{Run, Source, misfit};
use harness_report::store::{self, ReadError, RunStore, StoreError};
use std::path::{Path, PathBuf};

/// Runs of one project, release and variant, the newest first; never none.
pub(super) struct Found {
    pub(super) runs: Vec<Run>,
    /// What must be told of others.
    pub(super) notices: Vec<String>,
}

fn usage(error: impl std::fmt::Display) -> CliError {
    CliError::usage(error.to_string(), "")
}

/// Where runs are looked for, and what they are judged by.
#[derive(Clone, Copy)]
pub(super) struct Place<'p> {
    /// The folder of runs.
    pub(super) store: &'p RunStore,
    /// The suite's, from where paths are told.
    pub(super) root: Option<&'p Path>,
    /// The suite's project: what it asks is asked of no other. `None` without a suite.
    pub(super) project: Option<&'p str>,
}

impl Place<'_> {
    /// Why a run is not this suite's, if it is not.
    fn foreign(&self, run: &RunStarted) -> Option<String> {
        let (its, own) = (&run.plan.project, self.project?);
        (its != own).then(|| format!("it is of project `{its}`, and this suite is of `{own}`"))
    }
}

/// Those that were named, or all of the release.
pub(super) fn find(place: &Place<'_>, args: &ReadinessArgs) -> Result<Found, CliError> {
    if args.runs.is_empty() {
        discovered(place, args)
    } else {
        named(place, args)
    }
}

fn named(place: &Place<'_>, args: &ReadinessArgs) -> Result<Found, CliError> {
    let mut runs: Vec<Candidate> = Vec::new();
    for text in &args.runs {
        let path = place.store.resolve(text).map_err(usage)?;
        let read = load(&path, place.root).map_err(usage)?;
        let run = &read.run;
        let started = run.record.run.as_deref();
        if let Some(why) = started.and_then(|run| place.foreign(run)) {
            let message = format!("run `{text}` is no evidence here: {why}");
            let hint =
                "judge it where its suite is, or in a folder without one: then its own words count";
            return Err(CliError::usage(message, hint));
        }
        if let Some(first) = runs.first()
            && let Some(why) = misfit(&run.record, &first.run.record)
        {
            let message = format!("run `{text}` can't be evidence beside the first: {why}");
            let hint = "name runs of one project, release and variant";
            return Err(CliError::usage(message, hint));
        }
        if let Some(wanted) = &args.release
            && started.and_then(|run| run.release.as_ref()) != Some(wanted)
        {
            let message = format!("run `{text}` is not of release {wanted}");
            let hint = "leave --release out, or name other runs";
            return Err(CliError::usage(message, hint));
        }
        // One run may be named twice.
        if !runs.iter().any(|known| known.path == read.path) {
            runs.push(read);
        }
    }
    let (mut runs, notices) = copies::best(runs);
    runs.sort_by_key(|run| std::cmp::Reverse(begin(run)));
    Ok(Found { runs, notices })
}

fn begin(run: &Run) -> (Option<i64>, String) {
    let started = run.record.run.as_deref();
    started.map_or_else(Default::default, |run| {
        (harness_core::date::seconds(&run.date), run.run.to_string())
    })
}

fn discovered(place: &Place<'_>, args: &ReadinessArgs) -> Result<Found, CliError> {
    let Place { store, root, .. } = *place;
    let mut notices = Vec::new();
    let mut begun: Vec<(PathBuf, Box<RunStarted>)> = Vec::new();
    for run in store.list().map_err(usage)?.iter().rev() {
        let path = store.folder(run).recorded();
        match first(&path) {
            Ok(started) => match place.foreign(&started) {
                None => begun.push((path, started)),
                Some(why) => notices.push(format!("run {run} is left out: {why}")),
            },
            Err(why) => notices.push(format!(
                "run {run} can't be read, of whatever release it is: {why}"
            )),
        }
    }
    begun.sort_by_key(|(_, run)| {
        std::cmp::Reverse((harness_core::date::seconds(&run.date), run.run.clone()))
    });
    let release = release(args, &begun)?;
    let of_release =
        |(_, run): &&(PathBuf, Box<RunStarted>)| run.release.as_ref() == Some(&release);
    let mut runs: Vec<Candidate> = Vec::new();
    for (path, started) in begun.iter().filter(of_release) {
        let called = called(path, &started.run);
        let variant = started
            .plan
            .variant
            .as_ref()
            .map_or("default", Name::as_str);
        let wanted = args.variant.as_ref().map_or("default", Name::as_str);
        if variant != wanted {
            notices.push(format!(
                "{called} is left out: it is of variant {variant}, not of {wanted}"
            ));
            continue;
        }
        match load(path, root) {
            Ok(read) => match runs
                .first()
                .and_then(|first| misfit(&read.run.record, &first.run.record))
            {
                None => runs.push(read),
                Some(why) => notices.push(format!("{called} is left out: {why}")),
            },
            Err(error) => notices.push(format!("{called} can't be read: {error}")),
        }
    }
    let (runs, of_copies) = copies::best(runs);
    notices.extend(of_copies);
    if runs.is_empty() {
        let why = match notices.as_slice() {
            [] => String::new(),
            all => format!("; {}", all.join("; ")),
        };
        let message = format!("there is no run of release {release} to judge by{why}");
        let hint = format!("`harness run --release {release}` makes one");
        return Err(CliError::usage(message, hint));
    }
    Ok(Found { runs, notices })
}

/// The release asked for, or that of the newest run.
fn release(args: &ReadinessArgs, begun: &[(PathBuf, Box<RunStarted>)]) -> Result<Name, CliError> {
    if let Some(release) = &args.release {
        return Ok(release.clone());
    }
    let Some((_, newest)) = begun.first() else {
        let hint = "`harness run --release NAME` makes one; --reports names another folder";
        return Err(CliError::usage("there is no run to judge by", hint));
    };
    newest.release.clone().ok_or_else(|| {
        let message = format!(
            "the newest run, {}, does not say of which release it is",
            newest.run
        );
        let hint =
            "name one with --release, or name the runs; `harness run --release NAME` says it";
        CliError::usage(message, hint)
    })
}

/// What a recording begins with.
fn first(path: &Path) -> Result<Box<RunStarted>, String> {
    let first = store::read(path).and_then(|mut events| events.next().transpose());
    match first
        .map_err(|error| error.to_string())?
        .map(|first| first.event)
    {
        Some(Event::RunStarted(started)) => Ok(started),
        _ => Err("it does not begin as a run does".to_owned()),
    }
}

#[derive(Debug, thiserror::Error)]
enum LoadError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Digest(#[from] StoreError),
}

fn load(path: &Path, root: Option<&Path>) -> Result<Candidate, LoadError> {
    let recorded = store::record(path)?;
    let digest = store::digest(path)?;
    let told = root
        .and_then(|root| path.strip_prefix(root).ok())
        .unwrap_or(path);
    Ok(Candidate {
        path: path.to_owned(),
        cut_short: recorded.cut_short,
        behind: recorded.behind,
        run: Run {
            record: recorded.record,
            source: Source {
                path: told.display().to_string(),
                digest,
            },
        },
    })
}
