//! Copies of one run: a folder that was copied lies beside the one it was copied from, and may have been cut short while it
//! was. The one that has most of the run counts, and the others are told. Knows nothing of releases.

use harness_core::name::RunId;
use harness_core::readiness::Run;
use std::cmp::Reverse;
use std::path::{Path, PathBuf};

/// A recording that was read.
pub(super) struct Candidate {
    pub(super) path: PathBuf,
    /// Whether it ends before the run did.
    pub(super) cut_short: bool,
    /// The line from which on something stands behind its end that is no event.
    pub(super) behind: Option<u64>,
    pub(super) run: Run,
}

impl Candidate {
    fn id(&self) -> Option<&RunId> {
        self.run.record.run.as_ref().map(|run| &run.run)
    }

    /// Whole before cut short, long before short, the folder that is called like the run before others.
    fn rank(&self) -> impl Ord {
        let own = self.id().is_some_and(|id| is_own(&self.path, id));
        Reverse((!self.cut_short, self.run.record.events, own))
    }
}

/// A run for people, with its folder where that has another name.
pub(super) fn called(path: &Path, run: &RunId) -> String {
    match is_own(path, run) {
        true => format!("run {run}"),
        false => format!("run {run} in folder {}", folder(path).display()),
    }
}

/// One of each run, in the order they came, and what must be told of the others and of those that are no whole.
pub(super) fn best(read: Vec<Candidate>) -> (Vec<Run>, Vec<String>) {
    let mut counted: Vec<Candidate> = Vec::new();
    let mut rest = Vec::new();
    for next in read {
        match counted.iter_mut().find(|known| known.id() == next.id()) {
            None => counted.push(next),
            Some(known) if next.rank() < known.rank() => {
                rest.push(std::mem::replace(known, next));
            }
            Some(_) => rest.push(next),
        }
    }
    let mut notices = Vec::new();
    for left in &rest {
        if let Some(known) = counted.iter().find(|known| known.id() == left.id()) {
            notices.push(left_out(left, known));
        }
    }
    for run in &counted {
        let called = run.id().map(|id| called(&run.path, id));
        let called = called.unwrap_or_else(|| "a run".to_owned());
        if run.cut_short {
            notices.push(format!(
                "{called} ends in the middle: it is still going on, or was killed, and counts for what it had begun"
            ));
        }
        if let Some(line) = run.behind {
            notices.push(format!(
                "behind the end of {called}, from line {line} of its events on, stands what is no event; it is left out"
            ));
        }
    }
    (counted.into_iter().map(|read| read.run).collect(), notices)
}

fn left_out(left: &Candidate, counted: &Candidate) -> String {
    let (mut its, mut other) = (folder(&left.path), folder(&counted.path));
    if its == other {
        // Of folders elsewhere.
        (its, other) = (&left.path, &counted.path);
    }
    let (its, other) = (its.display(), other.display());
    let run = left.id().map(|id| format!(" {id}")).unwrap_or_default();
    let why = match (left.cut_short, counted.cut_short) {
        (true, false) => format!("it ends in the middle, and the one in folder {other} does not"),
        _ if left.run.record.events < counted.run.record.events => {
            format!("the one in folder {other} has more of it")
        }
        _ => format!("that in folder {other} counts"),
    };
    format!("the copy of run{run} in folder {its} is left out: {why}")
}

fn is_own(path: &Path, run: &RunId) -> bool {
    folder(path).as_os_str() == run.as_str()
}

/// The last part of the path of the folder that events lie in.
fn folder(path: &Path) -> &Path {
    let folder = path.parent().unwrap_or(path);
    folder.file_name().map_or(folder, Path::new)
}
