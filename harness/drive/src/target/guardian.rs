//! The guardian: a small process that holds a pipe to the harness. When the pipe closes without a clean end, the
//! harness has vanished, and the guardian undoes what the journal names.

use super::heal::{Healed, Outcome, heal_dead_opened, heal_opened};
use super::journal::{self, Journal};
use std::io::{BufRead as _, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

/// What the harness writes before it closes the pipe in good order.
const CLEAN: &str = "clean";
/// How long processes may take to end by themselves.
const GRACE: Duration = Duration::from_secs(3);
/// How long the lock of a harness whose pipe is closed is waited for.
const LAST_MOMENT: Duration = Duration::from_secs(10);

/// Why there is no guardian. A run without one is not started.
#[derive(Debug, thiserror::Error)]
#[error("failed to start the guardian process that cleans up if the harness is killed: {0}")]
pub struct GuardianError(#[from] std::io::Error);

/// The harness's end of the pipe.
#[derive(Debug)]
pub struct Guardian {
    child: Child,
    pipe: Option<ChildStdin>,
}

impl Guardian {
    /// Starts a guardian: this program again, with `arguments` and the journal's path. It leads a process group of its
    /// own, so a terminal's Ctrl-C does not reach it.
    pub fn start(
        program: &Path,
        arguments: &[&str],
        journal: &Journal,
    ) -> Result<Self, GuardianError> {
        use std::os::unix::process::CommandExt as _;
        let mut child = Command::new(program)
            .args(arguments)
            .arg(journal.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        let pipe = child.stdin.take();
        Ok(Self { child, pipe })
    }

    /// Tells it that all was undone, and waits for it to leave.
    pub fn dismiss(mut self) {
        if let Some(mut pipe) = self.pipe.take() {
            // If it is gone already there is nobody to tell.
            let _ = pipe
                .write_all(CLEAN.as_bytes())
                .and_then(|()| pipe.write_all(b"\n"));
        }
        let _ = self.child.wait();
    }
}

/// The guardian's own life: waits for the pipe to close, then heals unless it was told that all is clean.
pub fn keep_watch(journal: &Path) -> std::io::Result<Healed> {
    // Opened before anything can happen: who kills a run may remove its folder at once.
    let journal = journal::open(journal);
    let mut told = String::new();
    // An error on the pipe means the same as its end: nobody is there any more.
    let _ = std::io::stdin().lock().read_line(&mut told);
    if told.trim() == CLEAN {
        return Ok(Healed::default());
    }
    // The pipe is closed, so the harness is on its way out: its lock goes a moment after its pipe.
    let journal = journal?;
    match heal_dead_opened(&journal, GRACE, LAST_MOMENT)? {
        Outcome::Healed(healed) => Ok(healed),
        // Something else holds it. The journal is worked through all the same; nobody else will.
        Outcome::Live => heal_opened(&journal, GRACE),
    }
}
