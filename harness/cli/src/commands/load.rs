//! `harness load URL`: reads what its flags name, and hands the suite they make to where every suite goes.

mod flags;
pub(super) mod habits;

use super::session::{self, Manner, OneUrl};
use super::{adhoc, home, theme};
use crate::args::{Format, LoadArgs};
use crate::error::CliError;
use crate::printer::Printer;
use harness_core::plan::resolve::Choice;
use std::path::Path;

/// The largest body that `--data-file` reads.
const BODY_LIMIT: u64 = 16 << 20;

/// Loads one URL.
pub(crate) fn load(args: &LoadArgs, printer: Printer) -> Result<u8, CliError> {
    let body = match &args.request.data_file {
        Some(file) => Some(text_of(file)?),
        None => args.request.data.clone(),
    };
    if let Some(file) = body.as_deref().and_then(|body| body.strip_prefix('@'))
        && args.request.data.is_some()
        && Path::new(file).is_file()
    {
        return Err(CliError::Usage {
            message: format!("`-d @{file}` would send these very characters, and {file} is a file"),
            hint: format!("send what it holds with -D {file}"),
        });
    }
    let at = adhoc::here()?;
    let translated = flags::translate(args, body.as_deref(), &at)?;
    for note in translated.notes.iter().chain(&proxied()) {
        printer.say(&format!("note: {note}"));
    }
    let choice = Choice {
        seed: args.shape.seed,
        tags: Some("not load-only".into()),
        scenarios: vec!["load".into()],
        ..Choice::default()
    };
    let mut sources = adhoc::sources(&translated.files)?;
    for (_, name, file) in flags::pems(args) {
        sources.add(name, text_of(file)?);
    }
    let mut prepared = adhoc::planned(sources, &choice, printer)?;
    prepared.threads = args.shape.threads;
    let mut output = adhoc::kept(&args.output);
    if args.shown.json {
        output.format = Format::Json;
    }
    let manner = Manner {
        output: &output,
        theme: &theme::find(&output.theme, Some(&prepared.root), printer)?,
        tells: true,
        one_url: Some(OneUrl {
            screen: !args.shown.no_tui,
            html: args.shown.html.as_deref(),
        }),
    };
    let ended = session::execute(prepared, manner, printer);
    home::tidy(printer);
    ended
}

/// The text of a body, or of a certificate.
fn text_of(file: &Path) -> Result<String, CliError> {
    let fail = |source| CliError::Input {
        path: file.to_owned(),
        source,
    };
    let data = std::fs::metadata(file).map_err(fail)?;
    if !data.is_file() {
        let message = format!("{} is not a file", file.display());
        return Err(CliError::usage(message, ""));
    }
    if data.len() > BODY_LIMIT {
        let message = format!("{} is too large: {} bytes", file.display(), data.len());
        return Err(CliError::usage(message, "at most 16 MiB are read"));
    }
    String::from_utf8(std::fs::read(file).map_err(fail)?).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let message = format!("{} is not text: byte {at} is not UTF-8", file.display());
        CliError::usage(
            message,
            "bodies and certificates (PEM) are texts; encode what is binary",
        )
    })
}

/// Tools that heed these variables would measure a proxy.
fn proxied() -> Option<String> {
    let named = [
        "http_proxy",
        "HTTP_PROXY",
        "https_proxy",
        "HTTPS_PROXY",
        "all_proxy",
        "ALL_PROXY",
    ];
    let set = named
        .into_iter()
        .find(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))?;
    Some(format!(
        "{set} is set; a load goes straight to its target, never through a proxy"
    ))
}
