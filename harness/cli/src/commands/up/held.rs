//! What is known of a held target, in `target.json` of its run's folder: who holds it and where it answers. There from
//! the begin until its end in good order; its undo journal says whether it lives.

use crate::error::CliError;
use harness_core::event::RunStarted;
use harness_core::plan::target::Mode;
use harness_drive::executor::Addresses;
use harness_drive::procfs;
use harness_drive::redact::Redactor;
use harness_report::store::{RunFolder, read_small};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::fmt::Write as _;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The file's name.
const FILE: &str = "target.json";
/// The most that is read of it, bytes.
const LARGEST: u64 = 4 << 20;

/// A held target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in super::super) struct Held {
    /// Its id.
    pub(in super::super) run: String,
    /// How it was brought up.
    mode: Mode,
    /// Whether it answers.
    ready: bool,
    /// Base address of journeys and load; `None` until it is ready.
    entry: Option<String>,
    /// Where services and links answer, by the names that texts have for them.
    addresses: Map<String, Value>,
    /// Its services.
    pub(in super::super) services: Vec<String>,
    /// Its links.
    pub(in super::super) links: Vec<String>,
    /// Whether it is held in the background.
    pub(in super::super) detached: bool,
    /// The process that holds it.
    pub(in super::super) holder: Holder,
    /// Its run's folder.
    pub(in super::super) folder: PathBuf,
}

/// A process, named so that one that got its pid later is not taken for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(in super::super) struct Holder {
    /// Its pid.
    pub(in super::super) pid: i32,
    /// Clock ticks between the machine's start and its own.
    started: u64,
}

impl Holder {
    /// This process.
    fn me() -> Self {
        let pid = i32::try_from(std::process::id()).unwrap_or(0);
        Self {
            pid,
            started: procfs::start_time(pid).unwrap_or(0),
        }
    }

    /// Whether it lives, as far as can be seen from here.
    pub(in super::super) fn lives(self) -> bool {
        procfs::start_time(self.pid) == Some(self.started) && !procfs::ended(self.pid)
    }
}

impl Held {
    /// One that is about to be started by this process.
    pub(super) fn begun(started: &RunStarted, folder: &RunFolder, detached: bool) -> Self {
        let target = &started.plan.target;
        Self {
            run: started.run.to_string(),
            mode: target.mode,
            ready: false,
            entry: None,
            addresses: Map::new(),
            services: target.services.iter().map(|s| s.name.to_string()).collect(),
            links: target.links.iter().map(|l| l.name.to_string()).collect(),
            detached,
            holder: Holder::me(),
            folder: folder.path().to_owned(),
        }
    }

    /// It answers here.
    pub(super) fn ready(&mut self, addresses: Addresses, redactor: &Redactor) {
        let safe = |text: String| redactor.text(&text).unwrap_or(text);
        self.ready = true;
        self.entry = Some(safe(addresses.entry));
        let named = addresses.named.into_iter();
        self.addresses = named
            .map(|(name, address)| (name, Value::String(safe(address))))
            .collect();
    }

    /// Writes it into its folder, whole or not at all.
    pub(super) fn write(&self) -> Result<(), CliError> {
        let path = self.folder.join(FILE);
        let fresh = self.folder.join(".target.json");
        let written = std::fs::write(&fresh, self.to_json()?);
        let written = written.and_then(|()| std::fs::rename(&fresh, &path));
        written.map_err(|source| CliError::File {
            doing: "write",
            path,
            source,
        })
    }

    /// What a folder says of its target; `None` if it holds none.
    pub(in super::super) fn read(folder: &Path) -> Result<Option<Self>, CliError> {
        let path = folder.join(FILE);
        let failed = |source| CliError::File {
            doing: "read",
            path: path.clone(),
            source,
        };
        match read_small(&path, LARGEST) {
            Ok(text) => {
                let held = serde_json::from_slice(&text);
                held.map(Some).map_err(|error| failed(error.into()))
            }
            // Something else lies among the runs, or it is no run of this kind.
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) =>
            {
                Ok(None)
            }
            Err(error) => Err(failed(error)),
        }
    }

    /// It has ended.
    pub(in super::super) fn forget(folder: &Path) {
        // The journal says the same; a file that stays misleads nobody who asks `down`.
        let _ = std::fs::remove_file(folder.join(FILE));
    }

    /// Its undo journal.
    pub(in super::super) fn journal(&self) -> PathBuf {
        self.folder.join("undo.ndjson")
    }

    /// For programs.
    pub(super) fn to_json(&self) -> Result<String, CliError> {
        let json = serde_json::to_string_pretty(self);
        let json = json.map_err(|error| {
            CliError::Report(format!("failed to write the addresses as JSON: {error}"))
        })?;
        Ok(format!("{json}\n"))
    }

    /// For people: a line for each address, to be pasted.
    pub(super) fn to_text(&self) -> String {
        let entry = self.entry.as_deref().unwrap_or_default();
        let named = self.addresses.iter();
        let named = named.map(|(name, value)| {
            let value = value.as_str().unwrap_or_default();
            (format!("${{{name}}}"), value)
        });
        let lines: Vec<_> = std::iter::once(("entry".to_owned(), entry))
            .chain(named)
            .collect();
        let width = lines.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        let mut text = String::new();
        for (name, value) in lines {
            let _ = writeln!(text, "{name:width$}  {value}");
        }
        text
    }

    /// What is to be done when it is not needed any more.
    pub(super) fn how_to_end(&self) -> String {
        let folder = self.folder.display();
        match self.detached {
            true => format!(
                "{} is held by process {}; `harness down {}` ends it; its folder is {folder}",
                self.run, self.holder.pid, self.run
            ),
            false => format!(
                "{} is held; Ctrl-C ends it; its folder is {folder}",
                self.run
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use harness_drive::redact::Secrets;

    fn held() -> Held {
        Held {
            run: "20260101-000000-abcd".into(),
            mode: Mode::Process,
            ready: false,
            entry: None,
            addresses: Map::new(),
            services: vec!["orders".into()],
            links: vec!["edge".into()],
            detached: true,
            holder: Holder::me(),
            folder: "/runs/20260101-000000-abcd".into(),
        }
    }

    fn addresses() -> Addresses {
        Addresses {
            entry: "http://user:hunter22@127.0.0.1:1".into(),
            named: vec![
                ("service.orders.url".into(), "http://127.0.0.1:4001".into()),
                ("link.edge.url".into(), "http://127.0.0.1:4002".into()),
            ],
        }
    }

    #[test]
    fn addresses_have_the_names_of_texts_and_no_secret() {
        let mut secrets = Secrets::default();
        secrets
            .insert("password".parse().unwrap(), "hunter22".into())
            .unwrap();
        let mut held = held();
        held.ready(addresses(), &Redactor::new(&secrets));
        insta::assert_snapshot!(held.to_text());
        assert!(!held.to_json().unwrap().contains("hunter22"));
    }

    #[test]
    fn what_is_written_is_read_and_what_is_forgotten_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let mut held = held();
        held.folder = folder.path().to_owned();
        held.write().unwrap();
        assert_eq!(Held::read(folder.path()).unwrap(), Some(held));
        Held::forget(folder.path());
        assert_eq!(Held::read(folder.path()).unwrap(), None);
    }

    #[test]
    fn a_pid_that_is_somebody_elses_by_now_is_no_holder() {
        let mut holder = Holder::me();
        assert!(holder.lives());
        holder.started += 1;
        assert!(!holder.lives());
    }
}
