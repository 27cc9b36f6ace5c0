//! harness's own log and its spans: lines on stderr or in a file, and a trace for a collector, each only when asked for.
//! Everything passes the redactor on its way out. Knows nothing of runs; the commands only emit.

mod otlp;

use crate::args::{Args, Command, LogArgs, LogFormat};
use crate::error::CliError;
use crate::printer::Printer;
use crate::workflow::Harmless;
use harness_drive::redact::Redactor;
use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Write};
use std::sync::{Arc, PoisonError, RwLock};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Registry};

type Layer = Box<dyn tracing_subscriber::Layer<Registry> + Send + Sync>;

/// Secrets of the runs of this process. The subscriber is the process's, and so is what it must not show.
static HIDDEN: RwLock<Vec<Redactor>> = RwLock::new(Vec::new());

/// From here on no line and no span shows these secrets.
pub(crate) fn hide(redactor: Redactor) {
    let mut hidden = HIDDEN.write().unwrap_or_else(PoisonError::into_inner);
    hidden.push(redactor);
}

/// A text without secrets.
fn redacted(text: &str) -> Cow<'_, str> {
    let hidden = HIDDEN.read().unwrap_or_else(PoisonError::into_inner);
    hidden.iter().fold(Cow::Borrowed(text), |text, redactor| {
        redactor.text(&text).map_or(text, Cow::Owned)
    })
}

/// What was asked for, under way.
pub(crate) struct Logs {
    export: Option<otlp::Export>,
}

impl Logs {
    /// Begins to log and to trace. Without any wish nothing is installed, and a span costs a comparison.
    pub(crate) fn start(args: &Args, printer: Printer) -> Result<Self, CliError> {
        let mut layers = Vec::new();
        if let Some(filter) = &args.log.log {
            layers.push(lines(filter, &args.log, printer)?);
        }
        // Only what runs something is worth a trace; the guardian of a run must not begin one of its own.
        let runs = matches!(
            args.command,
            Command::Run(_) | Command::Load(_) | Command::Contract(_)
        );
        let endpoint = if runs {
            otlp::endpoint(args.log.otlp.as_deref(), |name| std::env::var(name).ok())?
        } else {
            None
        };
        let export = endpoint.map(otlp::Export::start).transpose()?;
        if let Some(export) = &export {
            layers.push(export.layer());
        }
        if !layers.is_empty() {
            tracing_subscriber::registry().with(layers).init();
        }
        Ok(Self { export })
    }

    /// Sends what is left to the collector, for a moment at most; what could not be sent is told in one line.
    pub(crate) fn finish(self, printer: Printer) {
        if let Some(lost) = self.export.and_then(otlp::Export::finish) {
            printer.say(&format!("warning: {lost}"));
        }
    }
}

/// The layer that writes lines.
fn lines(filter: &str, args: &LogArgs, printer: Printer) -> Result<Layer, CliError> {
    let filter = EnvFilter::try_new(filter).map_err(|error| CliError::Usage {
        message: format!("failed to read --log {filter}: {error}"),
        hint: "write a level (`debug`) or targets with levels (`harness_drive=trace,warn`)".into(),
    })?;
    let out = match &args.log_file {
        None => Out::Stderr,
        Some(path) => {
            let file = File::create(path).map_err(|source| CliError::Usage {
                message: format!("failed to create the log {}: {source}", path.display()),
                hint: "name a file in a folder that exists".into(),
            })?;
            Out::File(Arc::new(file))
        }
    };
    let ansi = matches!(out, Out::Stderr) && printer.colour();
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(out)
        .with_ansi(ansi)
        .with_span_events(FmtSpan::CLOSE);
    Ok(match args.log_format {
        LogFormat::Text => layer.with_filter(filter).boxed(),
        LogFormat::Json => layer.json().with_filter(filter).boxed(),
    })
}

/// Where lines go.
#[derive(Debug, Clone)]
enum Out {
    Stderr,
    File(Arc<File>),
}

impl<'w> MakeWriter<'w> for Out {
    type Writer = Self;

    fn make_writer(&'w self) -> Self {
        self.clone()
    }
}

impl Write for Out {
    /// Takes a whole line at a time, as the formatter hands them over. One that can't be written is lost: a log is not
    /// worth a run.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        let text = redacted(&text);
        let _ = match self {
            Self::Stderr => {
                let mut out = Harmless::new(io::stderr().lock());
                out.write_all(text.as_bytes()).and_then(|()| out.finish())
            }
            Self::File(file) => file.as_ref().write_all(text.as_bytes()),
        };
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use harness_drive::redact::Secrets;

    #[test]
    fn a_line_is_written_without_secrets() {
        let mut secrets = Secrets::default();
        let hidden = "a-line-must-not-hold-this";
        let name = "key".parse().unwrap();
        secrets.insert(name, hidden.into()).unwrap();
        hide(Redactor::new(&secrets));
        let path = std::env::temp_dir().join(format!("harness-log-{}", std::process::id()));
        let mut out = Out::File(Arc::new(File::create(&path).unwrap()));
        out.write_all(format!("get /?key={hidden}\n").as_bytes())
            .unwrap();
        let written = std::fs::read_to_string(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(written, "get /?key=[secret key]\n");
    }
}
