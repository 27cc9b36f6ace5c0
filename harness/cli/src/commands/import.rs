//! `harness import`: journeys made of curl command lines, a recording or a document, written into a suite. Overwrites nothing
//! unless told to; a harness.toml that is there is left as it is, and what it lacks is said.

use crate::args::{CurlArgs, From, HarArgs, ImportArgs, Into, OpenapiArgs};
use crate::error::CliError;
use crate::import::{self, ImportError, Imported, har};
use crate::printer::Printer;
use harness_core::name::Name;
use std::io::Read as _;
use std::path::Path;

/// The largest input read.
const LIMIT: u64 = 256 << 20;

/// Imports, and says what came of it.
pub(crate) fn import(args: &ImportArgs, printer: Printer) -> Result<u8, CliError> {
    match &args.from {
        From::Curl(curl) => of_curl(curl, printer),
        From::Har(har) => of_har(har, printer),
        From::Openapi(openapi) => of_openapi(openapi, printer),
    }
}

fn of_curl(args: &CurlArgs, printer: Printer) -> Result<u8, CliError> {
    let from_stdin = args.commands.is_empty() || args.commands == ["-"];
    let input = if from_stdin {
        let mut text = String::new();
        let read = std::io::stdin().take(LIMIT).read_to_string(&mut text);
        read.map_err(|source| CliError::Input {
            path: "-".into(),
            source,
        })?;
        text
    } else {
        args.commands.join("\n")
    };
    let read = |file: &str| text_of(Path::new(file)).map_err(|error| error.to_string());
    let name = named(&args.into, "curl")?;
    let imported = import::curl::import(&input, &name, &read);
    write(imported.map_err(refused)?, "curl", &args.into, printer)
}

fn of_har(args: &HarArgs, printer: Printer) -> Result<u8, CliError> {
    let stem = args.file.file_stem().unwrap_or_default().to_string_lossy();
    let name = named(&args.into, &import::slug(&stem))?;
    let wanted = har::Wanted {
        with_static: args.with_static,
        think: args.think,
    };
    let imported = har::import(&text_of(&args.file)?, &name, wanted);
    write(imported.map_err(refused)?, "har", &args.into, printer)
}

fn of_openapi(args: &OpenapiArgs, printer: Printer) -> Result<u8, CliError> {
    let text = text_of(&args.file)?;
    let file = args.file.file_name().unwrap_or_default().to_string_lossy();
    let prefix = args.into.name.as_deref();
    if prefix.is_some() {
        named(&args.into, "")?;
    }
    let imported = import::openapi::import(&text, &file, &args.url, prefix);
    write(imported.map_err(refused)?, "openapi", &args.into, printer)
}

fn refused(error: ImportError) -> CliError {
    CliError::Usage {
        message: error.to_string(),
        hint: error.hint,
    }
}

/// The journey's name: as said, else this one.
fn named(into: &Into, or: &str) -> Result<String, CliError> {
    let Some(name) = &into.name else {
        return Ok(or.to_owned());
    };
    name.parse::<Name>()
        .map(|name| name.to_string())
        .map_err(|error| CliError::Usage {
            message: format!("`{name}` can't name a journey: {error}"),
            hint: String::new(),
        })
}

fn text_of(file: &Path) -> Result<String, CliError> {
    let fail = |source| CliError::Input {
        path: file.to_owned(),
        source,
    };
    let data = std::fs::metadata(file).map_err(fail)?;
    if !data.is_file() {
        let kind = if data.is_dir() {
            "a folder"
        } else {
            "a device or a pipe"
        };
        let message = format!(
            "{} is {kind}, and only a file can be imported",
            file.display()
        );
        return Err(CliError::usage(message, ""));
    }
    if data.len() > LIMIT {
        let message = format!("{} is too large: {} bytes", file.display(), data.len());
        return Err(CliError::usage(message, "at most 256 MiB are read"));
    }
    std::fs::read_to_string(file).map_err(fail)
}

/// Writes the files, or prints them.
fn write(
    mut imported: Imported,
    origin: &str,
    into: &Into,
    printer: Printer,
) -> Result<u8, CliError> {
    import::hide(&mut imported);
    let journeys: Vec<_> = imported
        .journeys
        .iter()
        .map(|draft| {
            let name = format!("scenarios/journeys/{}.toml", draft.name);
            (name, import::journey(draft, origin))
        })
        .collect();
    let there = into.folder.join("harness.toml").exists();
    let config = import::config(&imported, "imported", !there || into.print);
    let mut files = journeys;
    if !there || into.print {
        files.insert(0, ("harness.toml".to_owned(), config.clone()));
    }
    if into.print {
        for (name, text) in &files {
            printer.data(&format!("# {name}\n{text}\n"));
        }
    } else {
        keep(&files, into, printer)?;
    }
    for note in &imported.notes {
        printer.say(&format!("note: {note}"));
    }
    if there && !into.print && !config.is_empty() {
        printer.say(&format!(
            "add to harness.toml, which was left as it is:\n{config}"
        ));
    }
    if !imported.secrets.is_empty() {
        let variables: Vec<_> = imported.secrets.values().map(String::as_str).collect();
        printer.say(&format!(
            "secrets were left out: set {} in the environment",
            variables.join(", ")
        ));
    }
    Ok(0)
}

/// All files or none, as far as what is there already can tell.
fn keep(files: &[(String, String)], into: &Into, printer: Printer) -> Result<(), CliError> {
    let taken = files.iter().map(|(name, _)| into.folder.join(name));
    if let Some(path) = taken.into_iter().find(|path| path.exists() && !into.force) {
        return Err(CliError::Usage {
            message: format!("{} is there already; nothing was written", path.display()),
            hint: "give it another name with --name, or replace it with --force".into(),
        });
    }
    for (name, text) in files {
        let path = into.folder.join(name);
        let fail = |source| CliError::File {
            doing: "write",
            path: path.clone(),
            source,
        };
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(fail)?;
        }
        std::fs::write(&path, text).map_err(fail)?;
        printer.say(&format!("wrote {}", path.display()));
    }
    Ok(())
}
