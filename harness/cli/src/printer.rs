//! Owns stdout and stderr: stdout is data, stderr is talk. A reader that has gone away (`| head`) ends the printing, not
//! the run. In a step of GitHub Actions nothing that goes out is a command but what harness says as one.

use crate::workflow::{self, Harmless};
use harness_report::terminal::{Live, Style};
use std::io::{BufWriter, ErrorKind, IsTerminal as _, Write};
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether some data could not be written.
static LOST: AtomicBool = AtomicBool::new(false);

/// Says things to people and to programs.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Printer {
    /// Nothing but errors on stderr.
    pub(crate) quiet: bool,
    /// Whether harness's own log goes to stderr too.
    pub(crate) logs: bool,
}

impl Printer {
    /// Data, as it is, on stdout.
    pub(crate) fn data(&self, text: &str) {
        match write_all(&mut std::io::stdout().lock(), text) {
            // Once is enough: what else there is will not be written either.
            Err(error) if !LOST.swap(true, Ordering::Relaxed) => {
                self.error(&format!("error: failed to write to stdout: {error}"));
            }
            _ => {}
        }
    }

    /// Whether data could not be written.
    pub(crate) fn lost() -> bool {
        LOST.load(Ordering::Relaxed)
    }

    /// Data too long to be held, on stdout as it comes.
    pub(crate) fn stream(
        &self,
        write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
    ) -> std::io::Result<()> {
        let mut out = BufWriter::new(std::io::stdout().lock());
        let mut harmless = Harmless::new(&mut out);
        match write(&mut harmless).and_then(|()| harmless.finish()) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                // What is left would be tried once more when the buffer goes.
                let _ = out.into_parts();
                Ok(())
            }
            written => written,
        }
    }

    /// Talk, on stderr, with a line end.
    pub(crate) fn say(&self, text: &str) {
        if !self.quiet {
            self.error(text);
        }
    }

    /// What must be said even when quiet, on stderr.
    pub(crate) fn error(&self, text: &str) {
        let end = if text.ends_with('\n') { "" } else { "\n" };
        told(write_all(
            &mut std::io::stderr().lock(),
            &[text, end].concat(),
        ));
    }

    /// Commands to the runner of GitHub Actions, whole lines. It reads both streams, and stdout is data.
    pub(crate) fn commands(&self, lines: &str) {
        let mut err = std::io::stderr().lock();
        told(err.write_all(workflow::own(lines).as_bytes()));
    }

    /// Talk that comes as lines of a writer's own.
    pub(crate) fn lines(&self, terminal: bool) -> Live {
        Live::lines(Harmless::new(std::io::stderr()), self.style(terminal))
    }

    /// What shows a run while it goes on: bars on a terminal, plain lines elsewhere, nothing when quiet.
    pub(crate) fn live(&self) -> Option<Live> {
        let terminal = std::io::stderr().is_terminal();
        let style = self.style(terminal);
        match (self.quiet, terminal) {
            (true, _) => None,
            (false, true) => Some(Live::bars(indicatif::ProgressDrawTarget::stderr(), style)),
            (false, false) => Some(self.lines(false)),
        }
    }

    /// Colour and width for an output.
    pub(crate) fn style(&self, terminal: bool) -> Style {
        let columns = rustix::termios::tcgetwinsize(std::io::stderr())
            .ok()
            .map(|size| size.ws_col)
            .filter(|c| *c > 0);
        Style::of(terminal, std::env::var_os("NO_COLOR").as_deref(), columns)
    }

    /// Whether talk may be coloured: a terminal, and nobody asked for no colour.
    pub(crate) fn colour(&self) -> bool {
        std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())
    }
}

fn write_all(out: &mut impl Write, text: &str) -> std::io::Result<()> {
    let mut out = Harmless::new(out);
    match out.write_all(text.as_bytes()).and_then(|()| out.finish()) {
        // Nobody reads any more.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

fn told(written: std::io::Result<()>) {
    match written {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
        // There is nowhere to say it.
        Err(error) => tracing::debug!(%error, "failed to print"),
    }
}
