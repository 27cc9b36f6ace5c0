//! `harness down`: ends targets that `harness up --detach` holds, and undoes what a holder that is gone left behind.

use super::heal;
use super::session::{self, runs_under};
use super::up::held::Held;
use crate::args::DownArgs;
use crate::error::CliError;
use crate::printer::Printer;
use harness_drive::target::heal::{Healed, Outcome, heal_dead};
use harness_report::text::plural;
use rustix::process::{Pid, Signal, kill_process};
use std::fs::OpenOptions;
use std::io;
use std::path::Path;
use std::time::Duration;

/// How long processes that nobody holds may take to end by themselves.
const GRACE: Duration = Duration::from_secs(3);
/// How long a guardian may take that undoes what a holder left, containers too.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a holder may take for an end in good order.
const IN_ORDER: Duration = Duration::from_secs(120);
/// How long it may take once it was asked again, which is to leave at once.
const AT_ONCE: Duration = Duration::from_secs(15);

/// Ends what is meant.
pub(crate) fn down(
    suite: Option<&Path>,
    args: &DownArgs,
    printer: Printer,
) -> Result<u8, CliError> {
    let runs = runs_under(suite, args.reports.as_deref())?;
    let (held, unread) = all(&runs)?;
    // One that can't be read keeps nobody from ending the others.
    for error in &unread {
        printer.error(&format!("error: {error}"));
    }
    let meant = match &args.id {
        Some(id) => vec![named(id, held)?],
        None => {
            let (detached, other): (Vec<_>, Vec<_>) =
                held.into_iter().partition(|held| held.detached);
            for held in other.iter().filter(|held| held.holder.lives()) {
                printer.say(&format!(
                    "{} is held in the foreground by process {} and left alone; `harness down {}` ends it",
                    held.run, held.holder.pid, held.run
                ));
            }
            detached
        }
    };
    if meant.is_empty() && unread.is_empty() {
        printer.say("no target is held in the background");
    }
    // All are asked before the first is waited for.
    let asked = meant.into_iter().map(|held| (ask(&held), held));
    let asked: Vec<_> = asked.collect();
    let mut code = match args.id.is_none() && !unread.is_empty() {
        true => 3,
        false => 0,
    };
    for (live, held) in asked {
        match ended(&held, live) {
            Ok(healed) => code = code.max(told(&held, live, &healed, printer)),
            Err(error) => {
                printer.error(&format!("error: {}: {error}", held.run));
                code = 3;
            }
        }
    }
    Ok(code)
}

/// Every target that is held, or was left behind by a holder that is gone; and why some can't be told.
fn all(runs: &Path) -> Result<(Vec<Held>, Vec<CliError>), CliError> {
    let entries = match std::fs::read_dir(runs) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(<_>::default()),
        Err(source) => {
            return Err(CliError::File {
                doing: "read",
                path: runs.to_owned(),
                source,
            });
        }
    };
    let mut folders: Vec<_> = entries.filter_map(|e| Some(e.ok()?.path())).collect();
    folders.sort();
    let (mut held, mut unread) = (Vec::new(), Vec::new());
    for folder in folders {
        match Held::read(&folder) {
            Ok(one) => held.extend(one),
            Err(error) => unread.push(error),
        }
    }
    Ok((held, unread))
}

/// The one that is meant by an id or the beginning of one.
fn named(id: &str, held: Vec<Held>) -> Result<Held, CliError> {
    let known: Vec<_> = held.iter().map(|held| held.run.clone()).collect();
    let exact = known.iter().any(|run| run == id);
    let meant = |held: &Held| match exact {
        true => held.run == id,
        false => !id.is_empty() && held.run.starts_with(id),
    };
    let mut meant: Vec<_> = held.into_iter().filter(meant).collect();
    match (meant.len(), known.is_empty()) {
        (1, _) => Ok(meant.remove(0)),
        (0, true) => Err(CliError::usage(
            format!("no target `{id}` is held"),
            "none is; `harness up --detach` starts one",
        )),
        (0, false) => Err(CliError::usage(
            format!("no target `{id}` is held"),
            format!("these are: {}", known.join(", ")),
        )),
        _ => Err(CliError::usage(
            format!("`{id}` is the beginning of several targets' ids"),
            format!("these are held: {}", known.join(", ")),
        )),
    }
}

/// Asks the holder to end it; `false` if there is none any more.
fn ask(held: &Held) -> bool {
    let pid = Pid::from_raw(held.holder.pid).filter(|_| held.holder.lives());
    pid.is_some_and(|pid| kill_process(pid, Signal::TERM).is_ok())
}

/// Waits until it is over; what was left behind is undone.
fn ended(held: &Held, asked: bool) -> Result<Healed, CliError> {
    if asked && !over(held, IN_ORDER)? {
        ask(held);
        if !over(held, AT_ONCE)? {
            return Err(CliError::Machine(format!(
                "process {} holds it and does not end; once it is killed, `harness heal` undoes the rest",
                held.holder.pid
            )));
        }
    }
    let journal = held.journal();
    // It was killed before it had anything to be undone.
    if !journal.exists() {
        Held::forget(&held.folder);
        return Ok(Healed::default());
    }
    let healed = heal_dead(&journal, GRACE, PATIENCE).map_err(|source| CliError::File {
        doing: "read",
        path: journal,
        source,
    })?;
    match healed {
        Outcome::Healed(healed) => {
            if healed.failed.is_empty() {
                Held::forget(&held.folder);
            }
            Ok(healed)
        }
        Outcome::Live => Err(CliError::Machine(format!(
            "it is held by a process that can't be seen from here (it was {}): end it where it was started",
            held.holder.pid
        ))),
    }
}

/// Whether the holder lets go of its journal in time, which is when everything is undone.
fn over(held: &Held, limit: Duration) -> Result<bool, CliError> {
    session::block_on(async {
        let over = async {
            // It may be asked so early that there is none yet.
            let journal = loop {
                match OpenOptions::new().append(true).open(held.journal()) {
                    Ok(journal) => break journal,
                    Err(_) if !held.holder.lives() => return,
                    Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
                }
            };
            // Waited for where it blocks nobody; the command's end does not wait for it.
            let _ = tokio::task::spawn_blocking(move || journal.lock()).await;
        };
        Ok(tokio::time::timeout(limit, over).await.is_ok())
    })
}

/// Says what became of it; the exit code that this means.
fn told(held: &Held, live: bool, healed: &Healed, printer: Printer) -> u8 {
    let what = format!(
        "{} ({}) and {}",
        plural(held.services.len() as u64, "service"),
        held.services.join(", "),
        plural(held.links.len() as u64, "link"),
    );
    match (live, healed.is_empty()) {
        (true, true) => printer.say(&format!("{}: ended {what}", held.run)),
        (true, false) => printer.say(&format!(
            "{}: ended {what}; and what was left: {}",
            held.run,
            heal::told(healed)
        )),
        (false, true) => printer.say(&format!(
            "{}: its holder was gone, and nothing was left of it",
            held.run
        )),
        (false, false) => printer.say(&format!(
            "{}: its holder was gone; {}",
            held.run,
            heal::told(healed)
        )),
    }
    for failed in &healed.failed {
        printer.error(&format!("error: {}: {failed}", held.run));
    }
    if healed.failed.is_empty() { 0 } else { 3 }
}
