//! `harness export`: a recorded run as metrics, into a file, to stdout, or to a collector. A command of its own beside
//! `report`: what it makes is for other systems, judges nothing, and may leave the machine.

mod send;

use super::report;
use crate::args::{ExportArgs, Metrics};
use crate::error::CliError;
use crate::printer::Printer;
use harness_core::{readiness, verdict};
use harness_report::export::{self, Dialect, Export};
use harness_report::store::{self, RunStore};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::EnvResourceDetector;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// Reads events and writes or sends metrics.
pub(crate) fn export(
    suite: Option<&Path>,
    args: &ExportArgs,
    printer: Printer,
) -> Result<u8, CliError> {
    let sink = args.to.as_deref().map(|to| send::Sink::new(to, args));
    let sink = sink.transpose()?;
    let format = chosen(args, sink.is_some())?;
    let store = RunStore::open(report::runs(suite, args.reports.as_deref())?);
    let (events, record) = report::read(&store, &args.run, printer)?;
    let verdict = verdict::evaluate(&record);
    let readiness = readiness::readiness(&record, &verdict);
    let export = export::export(&record, &verdict, &readiness, began(&events)?);
    if let Some(sink) = sink {
        let sent = sink.send(export::requests(&export, &resource()))?;
        printer.say(&sent);
        return Ok(0);
    }
    let write = |out: &mut dyn Write| write(&export, format, args.last, out);
    match args
        .output
        .as_deref()
        .filter(|path| path.as_os_str() != "-")
    {
        None => printer.stream(write).map_err(|source| CliError::File {
            doing: "write to",
            path: "stdout".into(),
            source,
        })?,
        Some(path) => {
            file(path, write)?;
            printer.say(&format!("metrics: {}", path.display()));
        }
    }
    Ok(0)
}

/// What it is written as.
fn chosen(args: &ExportArgs, sent: bool) -> Result<Metrics, CliError> {
    let format = args.format.unwrap_or(Metrics::Otlp);
    if sent && format != Metrics::Otlp {
        return Err(CliError::usage(
            "--to sends OTLP and nothing else",
            "leave --format out; Prometheus takes OTLP at http://HOST:9090/api/v1/otlp if it was started with \
             --web.enable-otlp-receiver",
        ));
    }
    if args.last && format != Metrics::Prometheus {
        return Err(CliError::usage(
            "--last is for --format prometheus",
            "the other formats carry times, and all values with them",
        ));
    }
    Ok(format)
}

/// When the run's clock was at zero, milliseconds since the Unix epoch, by the first of its events.
fn began(events: &Path) -> Result<i64, CliError> {
    let fail = |error: &dyn std::fmt::Display| CliError::usage(error.to_string(), "");
    let mut reader = store::read(events).map_err(|e| fail(&e))?;
    match reader.next() {
        Some(first) => {
            let first = first.map_err(|e| fail(&e))?;
            Ok(first.wall_ms - (first.at_us / 1000) as i64)
        }
        None => Err(fail(&"the recording is empty")),
    }
}

fn write(export: &Export, format: Metrics, last: bool, mut out: &mut dyn Write) -> io::Result<()> {
    match format {
        Metrics::Prometheus => export::write(export, Dialect::Text { last }, &mut out),
        Metrics::Openmetrics => export::write(export, Dialect::OpenMetrics, &mut out),
        Metrics::Otlp => {
            for (request, _) in export::requests(export, &resource()) {
                serde_json::to_writer(&mut out, &request)?;
                out.write_all(b"\n")?;
            }
            Ok(())
        }
    }
}

/// Whole or not at all, where it is a file: a device or a pipe stays what it is, and a link leads where it led.
fn file(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), CliError> {
    let written = match fs::metadata(path) {
        Ok(there) if there.is_file() => fs::canonicalize(path).and_then(|path| whole(&path, write)),
        Ok(_) => File::options()
            .write(true)
            .open(path)
            .and_then(|file| direct(file, write)),
        // A link to what is not there yet.
        Err(_) if path.is_symlink() => File::create(path).and_then(|file| direct(file, write)),
        Err(_) => whole(path, write),
    };
    written
        .map_err(|error| CliError::Output(format!("failed to write {}: {error}", path.display())))
}

fn direct(file: File, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut out = BufWriter::new(file);
    write(&mut out)?;
    out.flush()
}

fn whole(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let half = path.with_file_name(format!(".{name}.part"));
    let written = File::create(&half).and_then(|file| {
        direct(file, write)?;
        fs::rename(&half, path)
    });
    written.inspect_err(|_| {
        // The cause is what counts; a part that can't be removed either is overwritten by the next attempt.
        let _ = fs::remove_file(&half);
    })
}

fn decoded(text: &str) -> String {
    let decoded = percent_encoding::percent_decode_str(text).decode_utf8_lossy();
    decoded.into_owned()
}

/// What the environment says of who sends: `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES`, whose keys and values are
/// percent-encoded, which the library leaves as they are.
fn resource() -> Vec<(String, String)> {
    let said = Resource::builder_empty()
        .with_detector(Box::new(EnvResourceDetector::new()))
        .build();
    let mut all: Vec<(String, String)> = said
        .iter()
        .map(|(name, value)| (decoded(name.as_str()), decoded(&value.to_string())))
        .collect();
    all.sort();
    let name = std::env::var("OTEL_SERVICE_NAME");
    let name = name.ok().filter(|name| !name.is_empty());
    let named = all.iter().any(|(key, _)| key == "service.name");
    match name {
        Some(name) => {
            all.retain(|(key, _)| key != "service.name");
            all.insert(0, ("service.name".to_owned(), name));
        }
        None if !named => all.insert(0, ("service.name".to_owned(), "harness".to_owned())),
        None => {}
    }
    all
}
