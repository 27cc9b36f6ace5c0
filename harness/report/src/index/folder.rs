//! The folder of runs as a list: cards read, runs without one told by what their events begin with, and the pages written
//! under a lock, so that of several runs that end at once the last to write has seen all.

use super::card::{self, Card};
use super::{CARD, PAGE, page_name};
use crate::html::{RenderError, Theme};
use crate::leak::Secret;
use crate::store::{self, EVENTS, ReportFile, StoreError, events_in, read_small, write_scanned};
use harness_core::event::{Event, RunStarted};
use harness_core::name::RunId;
use harness_core::{readiness, verdict};
use serde::Deserialize;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// Runs without a card of which the first event is read; what is older is told by its name alone.
const PEEKED: usize = 50;
/// Comparisons that are linked.
const COMPARISONS: usize = 60;
/// A folder that holds a comparison begins with this.
const COMPARISON: &str = "compare-";
/// The longest card that is read, bytes; ours have some thousand.
const LONGEST: u64 = 64 << 10;
/// The longest file of a comparison that is read, bytes.
const LONGEST_COMPARISON: u64 = 16 << 20;
/// Who rebuilds the list holds a lock on this.
const LOCK: &str = ".index.lock";

/// Why the list can't be made.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// A folder or a file can't be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The page can't be made.
    #[error(transparent)]
    Render(#[from] RenderError),
}

/// All runs of a folder, the newest first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct List {
    /// The runs.
    pub entries: Vec<Entry>,
    /// Comparisons of them, the newest first.
    pub comparisons: Vec<Comparison>,
    /// From the list to the folder of runs: `runs/`, or nothing where it lies in it.
    pub to_runs: &'static str,
}

/// A run's folder.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Its id, which is the folder's name.
    pub run: RunId,
    /// What it is.
    pub state: State,
    /// Whether its page is there.
    pub page: bool,
}

/// What a run's folder holds.
#[derive(Debug, Clone, PartialEq)]
pub enum State {
    /// A run that was judged.
    Judged(Box<Card>),
    /// Somebody is at it now.
    GoingOn(Option<Box<RunStarted>>),
    /// A run that left no card: killed, or of an older harness.
    Unjudged(Option<Box<RunStarted>>, String),
    /// No run that could be read, and why.
    Broken(String),
}

/// A comparison that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// Its folder's name.
    pub folder: String,
    /// What was compared, for people; empty where its file can't be read.
    pub labels: Vec<String>,
    /// The runs.
    pub runs: Vec<String>,
}

/// Where the list lies, and how its pages reach the runs: beside a folder `reports/runs`, in any other.
pub fn place(runs: &Path) -> (PathBuf, &'static str) {
    let parent = runs.parent().filter(|parent| {
        runs.file_name().is_some_and(|name| name == "runs")
            && parent.file_name().is_some_and(|name| name == "reports")
    });
    parent.map_or_else(
        || (runs.to_owned(), ""),
        |reports| (reports.to_owned(), "runs/"),
    )
}

/// Reads the folder. A run is going on if `live` says so of its folder.
pub fn read(runs: &Path, live: &dyn Fn(&Path) -> bool) -> Result<List, StoreError> {
    let fail = |source| StoreError::Io {
        action: "list",
        path: runs.to_owned(),
        source,
    };
    let names = match fs::read_dir(runs) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Vec::new(),
        entries => entries
            .map_err(fail)?
            .filter_map(|entry| {
                let entry = entry.ok().filter(|e| e.path().is_dir())?;
                entry.file_name().into_string().ok()
            })
            .filter(|name| !name.starts_with('.'))
            .collect(),
    };
    let (compared, mut names): (Vec<String>, Vec<String>) = names
        .into_iter()
        .partition(|name| name.starts_with(COMPARISON));
    names.sort_unstable_by(|a, b| b.cmp(a));
    let mut peeks = PEEKED;
    let entries = names.iter().filter_map(|name| {
        // A folder of another name was not made for a run.
        let run: RunId = name.parse().ok()?;
        let folder = runs.join(name);
        if !dated(name) && !events_in(&folder).is_file() {
            return None;
        }
        Some(Entry {
            page: folder.join(ReportFile::Html.name()).is_file(),
            state: state(&folder, &run, live, &mut peeks),
            run,
        })
    });
    Ok(List {
        entries: entries.collect(),
        comparisons: comparisons(runs, compared),
        to_runs: place(runs).1,
    })
}

/// Whether a name begins as the ids do that harness makes: `20260101-000000-`.
fn dated(name: &str) -> bool {
    let (digits, dashes) = ([0..8, 9..15], [8, 15]);
    let all = |range: std::ops::Range<usize>| {
        name.get(range)
            .is_some_and(|part| part.bytes().all(|b| b.is_ascii_digit()))
    };
    digits.into_iter().all(all)
        && dashes
            .iter()
            .all(|at| name.as_bytes().get(*at) == Some(&b'-'))
}

fn state(folder: &Path, run: &RunId, live: &dyn Fn(&Path) -> bool, peeks: &mut usize) -> State {
    let broken = match card(&folder.join(CARD)) {
        // Somebody asked for a report while it goes on: what that came to is no answer.
        Ok(card) if card.end.is_none() && live(folder) => String::new(),
        // A folder may be called otherwise than its run: an artefact that somebody unpacked.
        Ok(card) => return State::Judged(Box::new(card)),
        Err(Unread::Absent) => String::new(),
        Err(Unread::Bad(why)) => {
            format!("{CARD} can't be read: {why}; `harness report {run}` writes it again")
        }
    };
    let events = events_in(folder);
    if live(folder) {
        return State::GoingOn(peek(&events, peeks).and_then(Result::ok));
    }
    if !events.is_file() {
        return State::Broken(format!(
            "it has no {EVENTS}: nothing was recorded, or it was only a target that was held"
        ));
    }
    let why = match broken.is_empty() {
        true => format!(
            "it was not judged: killed, or made by an older harness; `harness report {run}` judges what is there"
        ),
        false => broken,
    };
    match peek(&events, peeks) {
        None => State::Unjudged(None, why),
        Some(Ok(started)) => State::Unjudged(Some(started), why),
        // The list may be sent elsewhere: where its folder lay is nobody's business.
        Some(Err(error)) => State::Broken(error.replace(&format!("{}/", folder.display()), "")),
    }
}

/// What a recording begins with; `None` once enough were looked into.
fn peek(events: &Path, peeks: &mut usize) -> Option<Result<Box<RunStarted>, String>> {
    *peeks = peeks.checked_sub(1)?;
    let first = store::read(events).and_then(|mut events| events.next().transpose());
    Some(match first {
        Ok(Some(envelope)) => match envelope.event {
            Event::RunStarted(started) => Ok(started),
            _ => Err("its events do not begin as a run's do".to_owned()),
        },
        Ok(None) => Err("its events are empty".to_owned()),
        Err(error) => Err(error.to_string()),
    })
}

enum Unread {
    Absent,
    Bad(String),
}

fn card(path: &Path) -> Result<Card, Unread> {
    let bad = |error: &dyn std::fmt::Display| Unread::Bad(error.to_string());
    let text = match read_small(path, LONGEST) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Err(Unread::Absent),
        text => text.map_err(|e| bad(&e))?,
    };
    let card: Card = serde_json::from_slice(&text).map_err(|e| bad(&e))?;
    match card.format {
        card::FORMAT => Ok(card),
        other => Err(Unread::Bad(format!("it has format {other}"))),
    }
}

/// What a comparison's file says of its runs.
#[derive(Deserialize)]
struct Compared {
    #[serde(default)]
    runs: Vec<Side>,
}

#[derive(Deserialize)]
struct Side {
    #[serde(default)]
    label: String,
    #[serde(default)]
    run: Option<String>,
}

fn comparisons(runs: &Path, mut folders: Vec<String>) -> Vec<Comparison> {
    // Named after the newest of their runs, so by time.
    folders.sort_unstable_by(|a, b| b.cmp(a));
    folders.retain(|folder| runs.join(folder).join(ReportFile::Html.name()).is_file());
    folders.truncate(COMPARISONS);
    let one = |folder: String| {
        let text = read_small(
            &runs.join(&folder).join(ReportFile::Json.name()),
            LONGEST_COMPARISON,
        );
        let text = text.unwrap_or_default();
        let sides =
            serde_json::from_slice::<Compared>(&text).map_or_else(|_| Vec::new(), |c| c.runs);
        let (labels, ids) = sides
            .into_iter()
            .map(|s| (s.label, s.run))
            .unzip::<_, _, Vec<_>, Vec<_>>();
        Comparison {
            folder,
            labels,
            runs: ids.into_iter().flatten().collect(),
        }
    };
    folders.into_iter().map(one).collect()
}

/// What rebuilding came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rebuilt {
    /// The first page.
    pub page: PathBuf,
    /// Runs listed.
    pub runs: usize,
    /// Runs that were judged for it.
    pub judged: usize,
    /// Cards of them that could not be written, and why: they are judged anew each time.
    pub unwritten: Vec<String>,
}

/// Reads the folder and writes the pages beside it; pages of more runs than there are go. With `judge`, runs that left no card
/// are judged first by what is there of their events.
pub fn rebuild(
    runs: &Path,
    theme: &Theme,
    live: &dyn Fn(&Path) -> bool,
    judge: bool,
    secrets: &[Secret],
) -> Result<Rebuilt, IndexError> {
    let (folder, _) = place(runs);
    let lock = locked(&folder.join(LOCK))?;
    let mut list = read(runs, live)?;
    let (mut judged, mut unwritten) = (0, Vec::new());
    if judge {
        for entry in &mut list.entries {
            if let State::Unjudged(..) = entry.state
                && let Some(card) = judge_now(&runs.join(entry.run.as_str()))
            {
                let path = runs.join(entry.run.as_str()).join(CARD);
                if let Ok(text) = card.to_json()
                    && let Err(error) = write_scanned(&path, &text, secrets)
                {
                    unwritten.push(error.to_string());
                }
                entry.state = State::Judged(Box::new(card));
                judged += 1;
            }
        }
    }
    let pages = theme.index(&list)?;
    for (n, page) in pages.iter().enumerate() {
        write_scanned(&folder.join(page_name(n)), page, secrets)?;
    }
    let mut beyond = pages.len();
    while fs::remove_file(folder.join(page_name(beyond))).is_ok() {
        beyond += 1;
    }
    drop(lock);
    Ok(Rebuilt {
        page: folder.join(page_name(0)),
        runs: list.entries.len(),
        judged,
        unwritten,
    })
}

/// Judges a run by what is there of its events; `None` where they can't be read.
fn judge_now(folder: &Path) -> Option<Card> {
    let recorded = store::record(&events_in(folder)).ok()?;
    let verdict = verdict::evaluate(&recorded.record);
    let readiness = readiness::readiness(&recorded.record, &verdict);
    Card::of(&recorded.record, &verdict, &readiness)
}

/// The lock, once nobody else has it: whoever has it is done in well below a second.
fn locked(path: &Path) -> Result<File, StoreError> {
    let lock = || {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let file = File::options().create(true).append(true).open(path)?;
        file.lock()?;
        Ok(file)
    };
    lock().map_err(|source| StoreError::Io {
        action: "lock",
        path: path.to_owned(),
        source,
    })
}

/// How many pages a number of runs has; at least one.
pub(crate) fn pages(runs: usize) -> usize {
    runs.div_ceil(PAGE).max(1)
}
