//! A target held in the background: this program once more, in a session of its own. Who started it waits until it says
//! its addresses, which is when they are ready, or until it is gone.

use super::super::session::{self, Interrupts};
use crate::error::CliError;
use crate::printer::Printer;
use harness_report::store::RunFolder;
use rustix::process::{Pid, Signal, kill_process};
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Stdio;
use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, Command};

/// Starts the process that holds it, and waits until it is ready.
pub(super) fn start(printer: Printer) -> Result<u8, CliError> {
    session::block_on(async {
        let interrupts = Interrupts::listen()?;
        let mut child = spawn().map_err(|error| {
            CliError::Machine(format!(
                "failed to start the process that holds the target: {error}"
            ))
        })?;
        let said = listen(&mut child, &interrupts).await;
        if !said.is_empty() {
            printer.data(&said);
            return Ok(0);
        }
        // It has told why on the stderr that it shares with this process.
        let ended = child.wait().await.ok().and_then(|status| status.code());
        let killed = if interrupts.heard() { 130 } else { 3 };
        Ok(ended
            .and_then(|code| u8::try_from(code).ok())
            .unwrap_or(killed))
    })
}

fn spawn() -> std::io::Result<Child> {
    Command::new(std::env::current_exe()?)
        .args(std::env::args_os().skip(1))
        .arg("--holder")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
}

/// What it says on stdout until that is closed; a wish to stop is passed on.
async fn listen(child: &mut Child, interrupts: &Interrupts) -> String {
    let mut wishes = interrupts.for_run();
    let pid = child.id().and_then(|pid| i32::try_from(pid).ok());
    let pid = pid.and_then(Pid::from_raw);
    let mut said = String::new();
    let Some(mut out) = child.stdout.take() else {
        return said;
    };
    let read = out.read_to_string(&mut said);
    tokio::pin!(read);
    loop {
        tokio::select! {
            // Whatever broke the pipe, its end says the rest.
            _ = &mut read => break,
            Some(()) = wishes.recv() => {
                // Not reaped, for nobody has waited for it yet: the pid is its own.
                let _ = pid.map(|pid| kill_process(pid, Signal::TERM));
            }
        }
    }
    said
}

/// Out of the terminal's reach: its Ctrl-C and its end are not meant for what stays.
pub(super) fn leave_terminal() {
    // Refused only to the leader of a group, who is out of reach already.
    let _ = rustix::process::setsid();
}

/// Gives the addresses to whoever waits and lets go of the streams shared with it. What is said from here on is kept in
/// the run's folder.
pub(super) fn hand_over(data: &str, folder: &RunFolder) -> Result<(), CliError> {
    let log = folder.path().join("holder.log");
    let failed = |doing, path: PathBuf| {
        move |source| CliError::File {
            doing,
            path,
            source,
        }
    };
    let kept = OpenOptions::new().create(true).append(true).open(&log);
    let kept = kept.map_err(failed("create", log.clone()))?;
    let null = PathBuf::from("/dev/null");
    let nothing = OpenOptions::new().write(true).open(&null);
    let nothing = nothing.map_err(failed("write", null))?;
    let mut out = std::io::stdout().lock();
    let told = out.write_all(data.as_bytes()).and_then(|()| out.flush());
    told.map_err(|error| {
        CliError::Machine(format!(
            "nobody waits for the target any more ({error}); it is ended"
        ))
    })?;
    let moved =
        rustix::stdio::dup2_stderr(&kept).and_then(|()| rustix::stdio::dup2_stdout(&nothing));
    moved.map_err(|error| failed("write", log)(error.into()))
}
