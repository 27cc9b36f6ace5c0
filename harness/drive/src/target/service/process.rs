//! A service's body as a process of this machine: started in a group of its own, reached by signals to it, known to have
//! ended once it is reaped. Knows nothing of what its end means.

use super::{SpawnError, Start};
use crate::procfs;
use crate::target::journal::{Entry, Journal, LABEL};
use crate::target::output::Sink;
use rustix::process::{Pid, Signal, kill_process_group};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::process::Child;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How long the output of a process that ended is still read.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// A running process and its group.
#[derive(Debug)]
pub(super) struct Process {
    pid: i32,
    /// Set as soon as it was reaped.
    reaped: Arc<AtomicBool>,
}

impl Process {
    /// Starts it, and says how its end is heard of. The journal names it before anybody waits for it.
    pub(super) fn start(
        start: &Start,
        journal: &Journal,
        sink: Arc<Sink>,
    ) -> Result<(Self, watch::Receiver<Option<String>>), SpawnError> {
        let mut child = command(&start.command, start)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(|source| SpawnError::Run {
                command: start.command.join(" "),
                dir: start.dir.clone(),
                source,
            })?;
        let pid = child
            .id()
            .and_then(|pid| i32::try_from(pid).ok())
            .unwrap_or(0);
        let entry = Entry::Process {
            service: start.name.clone(),
            pid,
            started: procfs::start_time(pid).unwrap_or(0),
        };
        if let Err(error) = journal.write(&entry) {
            signal(pid, Signal::KILL);
            return Err(error.into());
        }
        let (said, status) = watch::channel(None);
        let drained = drain(&mut child, sink);
        let journal = journal.clone();
        let reaped = Arc::new(AtomicBool::new(false));
        let gone = Arc::clone(&reaped);
        tokio::spawn(async move {
            let words = describe(child.wait().await);
            // From here on its pid may be somebody else's.
            gone.store(true, Ordering::Release);
            // Its last words are worth a moment; a grandchild that holds the streams open is not waited for.
            let _ = tokio::time::timeout(LAST_WORDS, drained).await;
            // A journal that can't be written any more is told when the next thing is started.
            let _ = journal.write(&Entry::Gone { pid });
            let _ = said.send(Some(words));
        });
        Ok((Self { pid, reaped }, status))
    }

    /// Its process group, which is its leader's pid.
    pub(super) fn group(&self) -> i32 {
        self.pid
    }

    /// Whether it is gone.
    pub(super) fn ended(&self) -> bool {
        self.reaped.load(Ordering::Acquire) || procfs::ended(self.pid)
    }

    /// Signals its group. A group whose leader was reaped may be a stranger's by now: what is left of it carries the run's
    /// label and is ended by that.
    pub(super) fn signal(&self, wanted: Signal) {
        if !self.reaped.load(Ordering::Acquire) {
            signal(self.pid, wanted);
        }
    }
}

/// A command as a service's own would be run: in its folder, with its environment and the run's label.
pub(in crate::target) fn command(words: &[String], start: &Start) -> tokio::process::Command {
    let (program, arguments) = words
        .split_first()
        .map_or(("", &[][..]), |(p, a)| (p.as_str(), a));
    let mut command = tokio::process::Command::new(resolve(program, &start.dir));
    command
        .args(arguments)
        .envs(&start.env)
        .env(LABEL, &start.run)
        .current_dir(&start.dir);
    command
}

fn drain(child: &mut Child, sink: Arc<Sink>) -> JoinHandle<()> {
    let (out, err) = (child.stdout.take(), child.stderr.take());
    tokio::spawn(async move {
        tokio::join!(
            async {
                if let Some(out) = out {
                    let _ = sink.drain(out).await;
                }
            },
            async {
                if let Some(err) = err {
                    let _ = sink.drain(err).await;
                }
            },
        );
    })
}

/// A program with a `/` in it is found from the working directory, as in a shell; others from PATH.
fn resolve(program: &str, dir: &Path) -> PathBuf {
    if program.contains('/') {
        dir.join(program)
    } else {
        PathBuf::from(program)
    }
}

fn signal(group: i32, signal: Signal) {
    // Gone already is what was wanted.
    if let Some(pid) = Pid::from_raw(group) {
        let _ = kill_process_group(pid, signal);
    }
}

/// An exit status in words.
pub(in crate::target) fn describe(exit: std::io::Result<ExitStatus>) -> String {
    use std::os::unix::process::ExitStatusExt as _;
    match exit {
        Ok(status) => match (status.code(), status.signal()) {
            (Some(code), _) => format!("exit code {code}"),
            (None, Some(signal)) => format!("signal {signal}"),
            (None, None) => status.to_string(),
        },
        Err(error) => format!("an unknown end: {error}"),
    }
}
