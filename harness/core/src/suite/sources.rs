//! The texts a suite is made of, by name, as its reader found them. What can't be a text at all (too large, not
//! UTF-8, unreadable) is noted here and told with everything else. Reads no file itself.

use crate::data::{Problem, Streamed};
use crate::diagnostic::{Diagnostic, Place, Source};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Bytes a TOML or feature file may have: people write these, and a megabyte is a mistake.
pub const TEXT_LIMIT: u64 = 1_000_000;
/// Bytes an API document may have, and a data file that is read whole.
pub const FILE_LIMIT: u64 = 32_000_000;

/// The texts of a suite: `harness.toml`, `scenarios/*.toml`, `scenarios/journeys/*.toml`, `features/**/*.feature`,
/// and the data files and API documents that these name.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    files: BTreeMap<String, Arc<Source>>,
    /// By name: why there is no text. Reported at the place that names the file, or without one.
    unusable: BTreeMap<String, Diagnostic>,
    /// Data files too large to be held, by name; or what is wrong with them.
    streamed: BTreeMap<String, Result<Arc<Streamed>, Vec<Problem>>>,
}

/// What a file is, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Config,
    Scenario,
    Journey,
    Feature,
    Referenced,
}

impl Kind {
    fn of(name: &str) -> Self {
        let toml = |folder: &str| {
            let stem = name
                .strip_prefix(folder)
                .and_then(|rest| rest.strip_suffix(".toml"));
            stem.is_some_and(|stem| !stem.is_empty() && !stem.contains('/'))
        };
        match name {
            "harness.toml" => Self::Config,
            _ if toml("scenarios/journeys/") => Self::Journey,
            _ if toml("scenarios/") => Self::Scenario,
            _ if name.starts_with("features/") && name.ends_with(".feature") => Self::Feature,
            _ => Self::Referenced,
        }
    }
}

impl Sources {
    /// No texts.
    pub fn new() -> Self {
        Self::default()
    }

    /// The bytes a file of this name may have; a reader asks before it reads.
    pub fn limit(name: &str) -> u64 {
        if Kind::of(name) == Kind::Referenced {
            FILE_LIMIT
        } else {
            TEXT_LIMIT
        }
    }

    /// Adds a file as read. `name` is its path from the suite's root, `/` separated. A byte order mark is dropped;
    /// bytes that are not UTF-8 and files above [`Sources::limit`] become a finding.
    pub fn add(&mut self, name: impl Into<String>, bytes: impl Into<Vec<u8>>) {
        let name = name.into();
        self.add_called(name.clone(), name, bytes);
    }

    /// The same for a file that people know by another name than the suite does: by this one it is told.
    pub fn add_called(
        &mut self,
        name: impl Into<String>,
        called: impl Into<String>,
        bytes: impl Into<Vec<u8>>,
    ) {
        let (name, called, bytes) = (name.into(), called.into(), bytes.into());
        if bytes.len() as u64 > Self::limit(&name) {
            return self.too_large(name, bytes.len() as u64);
        }
        match String::from_utf8(bytes) {
            Ok(text) => {
                let text = text
                    .strip_prefix('\u{feff}')
                    .map(str::to_owned)
                    .unwrap_or(text);
                let source = Source { name: called, text };
                self.files.insert(name, Arc::new(source));
            }
            Err(error) => {
                let finding = not_utf8(&called, &error);
                self.unusable.insert(name, finding);
            }
        }
    }

    /// Notes a file that is there but was not read because of its size.
    pub fn too_large(&mut self, name: impl Into<String>, size: u64) {
        let name = name.into();
        let megabytes = |bytes: u64| bytes as f64 / 1e6;
        let limit = Self::limit(&name);
        let message = format!(
            "`{name}` has {:.1} MB, more than the {} MB read",
            megabytes(size),
            megabytes(limit)
        );
        let finding =
            Diagnostic::error(None, message).hint("split it, or move bulk data into a data file");
        self.unusable.insert(name, finding);
    }

    /// Notes a file that could not be read, with the system's reason.
    pub fn unreadable(&mut self, name: impl Into<String>, reason: impl std::fmt::Display) {
        let name = name.into();
        let finding = Diagnostic::error(None, format!("failed to read `{name}`: {reason}"));
        self.unusable.insert(name, finding);
    }

    /// Adds a data file that is not held, as its index found it.
    pub fn add_streamed(&mut self, name: impl Into<String>, found: Result<Streamed, Vec<Problem>>) {
        self.streamed.insert(name.into(), found.map(Arc::new));
    }

    /// A data file that is not held.
    pub(crate) fn streamed(&self, name: &str) -> Option<&Result<Arc<Streamed>, Vec<Problem>>> {
        self.streamed.get(name)
    }

    /// A text by name.
    pub fn get(&self, name: &str) -> Option<&Arc<Source>> {
        self.files.get(name)
    }

    pub(crate) fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &Arc<Source>> {
        self.files
            .values()
            .filter(move |source| Kind::of(&source.name) == kind)
    }

    /// What is wrong with the suite's own files; a referenced file is told where it is named.
    pub(crate) fn unusable(&self) -> impl Iterator<Item = &Diagnostic> {
        self.unusable
            .iter()
            .filter(|(name, _)| Kind::of(name) != Kind::Referenced)
            .map(|(_, finding)| finding)
    }

    /// The names of all files without a text.
    pub(crate) fn unusable_names(&self) -> impl Iterator<Item = &str> {
        self.unusable.keys().map(String::as_str)
    }

    pub(crate) fn is_unusable(&self, name: &str) -> bool {
        self.unusable.contains_key(name)
    }

    /// The text of a file named at `place`, or what is wrong with it, told there.
    pub(crate) fn referenced(&self, name: &str, place: Place) -> Result<&Arc<Source>, Diagnostic> {
        if let Some(source) = self.files.get(name) {
            return Ok(source);
        }
        let Some(finding) = self.unusable.get(name) else {
            let missing = Diagnostic::error(Some(place), format!("there is no file `{name}`"));
            return Err(missing.hint("paths count from the folder of harness.toml"));
        };
        // Told where it is named: what has a place of its own lies in a text that may be no text.
        let mut told = finding.clone();
        if told.place.replace(place).is_some() {
            told.message = format!("`{name}` can't be read: {}", told.message);
        }
        Err(told)
    }
}

/// Where the first byte is that no UTF-8 text can have.
fn not_utf8(name: &str, error: &std::string::FromUtf8Error) -> Diagnostic {
    let offset = error.utf8_error().valid_up_to();
    let byte = error.as_bytes().get(offset).copied().unwrap_or(0);
    // The text before the offset is the same in the lossy reading, so the place holds there too.
    let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
    let source = Arc::new(Source {
        name: name.to_owned(),
        text,
    });
    let place = Place {
        source,
        span: offset..offset + '\u{fffd}'.len_utf8(),
    };
    Diagnostic::error(
        Some(place),
        format!("byte {offset} (0x{byte:02x}) is not UTF-8"),
    )
    .hint("save the file as UTF-8")
}
