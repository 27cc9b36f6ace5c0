//! Owns stdout and stderr: stdout is data, stderr is talk. A reader that has gone away (`| head`) ends the printing, not
//! the run.

use harness_report::terminal::{Live, Style};
use std::io::{ErrorKind, IsTerminal as _, Write};

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
        write_all(&mut std::io::stdout().lock(), text);
    }

    /// Talk, on stderr, with a line end.
    pub(crate) fn say(&self, text: &str) {
        if !self.quiet {
            self.error(text);
        }
    }

    /// What must be said even when quiet, on stderr.
    pub(crate) fn error(&self, text: &str) {
        let mut err = std::io::stderr().lock();
        write_all(&mut err, text);
        if !text.ends_with('\n') {
            write_all(&mut err, "\n");
        }
    }

    /// What shows a run while it goes on: bars on a terminal, plain lines elsewhere, nothing when quiet.
    pub(crate) fn live(&self) -> Option<Live> {
        let terminal = std::io::stderr().is_terminal();
        let style = self.style(terminal);
        match (self.quiet, terminal) {
            (true, _) => None,
            (false, true) => Some(Live::bars(indicatif::ProgressDrawTarget::stderr(), style)),
            (false, false) => Some(Live::lines(std::io::stderr(), style)),
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

fn write_all(out: &mut impl Write, text: &str) {
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => {}
        // Nobody reads any more, or there is nowhere to say it.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
        Err(error) => tracing::debug!(%error, "failed to print"),
    }
}
