//! Owns stdout and stderr: stdout is data, stderr is talk. A reader that has gone away (`| head`) ends the printing, not
//! the run.

use std::io::{ErrorKind, IsTerminal as _, Write};

/// Says things to people and to programs.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Printer {
    /// Nothing but errors on stderr.
    pub(crate) quiet: bool,
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
