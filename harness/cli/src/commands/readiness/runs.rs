//! The runs of a release: found in the folder of runs by what they say of themselves, or named. What is left out although
//! it seems to belong is told.

use crate::args::ReadinessArgs;
use crate::error::CliError;
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

/// Those that were named, or all of the release.
pub(super) fn find(
    store: &RunStore,
    args: &ReadinessArgs,
    root: Option<&Path>,
) -> Result<Found, CliError> {
    if args.runs.is_empty() {
        discovered(store, args, root)
    } else {
        named(store, args, root)
    }
}

fn named(store: &RunStore, args: &ReadinessArgs, root: Option<&Path>) -> Result<Found, CliError> {
    let (mut runs, mut notices): (Vec<Run>, _) = (Vec::new(), Vec::new());
    for text in &args.runs {
        let path = store.resolve(text).map_err(usage)?;
        let run = load(&path, root, &mut notices).map_err(usage)?;
        if let Some(first) = runs.first()
            && let Some(why) = misfit(&run.record, &first.record)
        {
            let message = format!("run `{text}` can't be evidence beside the first: {why}");
            let hint = "name runs of one project, release and variant";
            return Err(CliError::usage(message, hint));
        }
        let started = run.record.run.as_deref();
        if let Some(wanted) = &args.release
            && started.and_then(|run| run.release.as_ref()) != Some(wanted)
        {
            let message = format!("run `{text}` is not of release {wanted}");
            let hint = "leave --release out, or name other runs";
            return Err(CliError::usage(message, hint));
        }
        // One run may be named twice.
        if !runs
            .iter()
            .any(|known| known.source.path == run.source.path)
        {
            runs.push(run);
        }
    }
    runs.sort_by_key(|run| std::cmp::Reverse(begin(run)));
    Ok(Found { runs, notices })
}

fn begin(run: &Run) -> (Option<i64>, String) {
    let started = run.record.run.as_deref();
    started.map_or_else(Default::default, |run| {
        (harness_core::date::seconds(&run.date), run.run.to_string())
    })
}

fn discovered(
    store: &RunStore,
    args: &ReadinessArgs,
    root: Option<&Path>,
) -> Result<Found, CliError> {
    let mut notices = Vec::new();
    let mut begun: Vec<(PathBuf, Box<RunStarted>)> = Vec::new();
    for run in store.list().map_err(usage)?.iter().rev() {
        let path = store.folder(run).recorded();
        match first(&path) {
            Ok(started) => begun.push((path, started)),
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
    let mut runs: Vec<Run> = Vec::new();
    for (path, started) in begun.iter().filter(of_release) {
        let id = &started.run;
        let variant = started
            .plan
            .variant
            .as_ref()
            .map_or("default", Name::as_str);
        let wanted = args.variant.as_ref().map_or("default", Name::as_str);
        if variant != wanted {
            notices.push(format!(
                "run {id} is left out: it is of variant {variant}, not of {wanted}"
            ));
            continue;
        }
        match load(path, root, &mut notices) {
            Ok(run) => match runs
                .first()
                .and_then(|first| misfit(&run.record, &first.record))
            {
                None => runs.push(run),
                Some(why) => notices.push(format!("run {id} is left out: {why}")),
            },
            Err(error) => notices.push(format!("run {id} can't be read: {error}")),
        }
    }
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

fn load(path: &Path, root: Option<&Path>, notices: &mut Vec<String>) -> Result<Run, LoadError> {
    let recorded = store::record(path)?;
    let digest = store::digest(path)?;
    let told = root
        .and_then(|root| path.strip_prefix(root).ok())
        .unwrap_or(path);
    if recorded.cut_short {
        let run = recorded.record.run.as_ref();
        let run = run.map_or_else(|| "a run".to_owned(), |run| format!("run {}", run.run));
        notices.push(format!(
            "{run} ends in the middle: it is still going on, or was killed, and counts for what it had begun"
        ));
    }
    Ok(Run {
        record: recorded.record,
        source: Source {
            path: told.display().to_string(),
            digest,
        },
    })
}
