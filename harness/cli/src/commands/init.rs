//! `harness init`: a small, commented suite that works at once against a URL. Overwrites nothing.

use crate::args::InitArgs;
use crate::error::CliError;
use crate::printer::Printer;
use std::io::Write as _;

const HARNESS: &str = include_str!("../../templates/init/harness.toml");
const JOURNEY: &str = include_str!("../../templates/init/visit.toml");
const FEATURE: &str = include_str!("../../templates/init/visit.feature");
const SCENARIO: &str = include_str!("../../templates/init/steady.toml");

/// Writes the files and says what to do next.
pub(crate) fn init(args: &InitArgs, printer: Printer) -> Result<u8, CliError> {
    let url = args.url.trim_end_matches('/');
    if !(url.starts_with("http://") || url.starts_with("https://"))
        || url.contains(['"', '\\', '\n', ' '])
    {
        return Err(CliError::Usage {
            message: format!("`{}` is not a URL of a system to be tested", args.url),
            hint: "write it with its scheme, such as http://localhost:8080".into(),
        });
    }
    let files = [
        ("harness.toml", HARNESS),
        ("scenarios/journeys/visit.toml", JOURNEY),
        ("scenarios/steady.toml", SCENARIO),
        ("features/visit.feature", FEATURE),
    ];
    if let Some((name, _)) = files
        .iter()
        .find(|(name, _)| args.folder.join(name).exists())
    {
        return Err(CliError::Usage {
            message: format!(
                "{} is there already; nothing was written",
                args.folder.join(name).display()
            ),
            hint: "name another folder: harness init URL FOLDER".into(),
        });
    }
    for (name, text) in files {
        let path = args.folder.join(name);
        let fail = |source| CliError::File {
            doing: "write",
            path: path.clone(),
            source,
        };
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(fail)?;
        }
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&path)
            .map_err(fail)?;
        file.write_all(text.replace("@URL@", url).as_bytes())
            .map_err(fail)?;
        printer.say(&format!("wrote {}", path.display()));
    }
    let there = if args.folder.as_os_str() == "." {
        String::new()
    } else {
        format!(" -C {}", args.folder.display())
    };
    printer.say(&format!(
        "next: harness{there} check, then harness{there} run"
    ));
    Ok(0)
}
