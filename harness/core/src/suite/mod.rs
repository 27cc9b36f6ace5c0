//! The suite as typed: texts in, values with their places out, and all errors at once. What the values mean
//! together is the plan's business; which files exist is the reader's.

pub(crate) mod at;
pub(crate) mod data;
pub(crate) mod document;
pub(crate) mod raw;
mod read;
mod schema;
mod sources;
mod syntax;
mod violation;

pub use schema::schema;
pub use sources::{FILE_LIMIT, Sources, TEXT_LIMIT};

use crate::diagnostic::{Diagnostic, Place, Source};
use crate::name::Name;
use crate::plan::accept::Accepted;
use crate::tls::{Pems, TlsKey};
use crate::verdict::regression::Settings;
use at::Str;
use document::Document;
use raw::{ConfigFile, JourneyFile, ScenarioFile};
use sources::Kind;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A suite as typed. What could not be read of it is missing here and told by [`load`].
#[derive(Debug, Clone)]
pub struct Suite {
    pub(crate) config: Document<ConfigFile>,
    /// In order of name.
    pub(crate) scenarios: Vec<Document<ScenarioFile>>,
    /// In order of name.
    pub(crate) journeys: Vec<Document<JourneyFile>>,
    /// In order of name.
    pub(crate) features: Vec<Arc<Source>>,
    /// Everything handed in, for the files that others name.
    pub(crate) sources: Sources,
    /// Stems of files that are there and could not be read: naming one is no second error.
    pub(crate) unread: BTreeSet<String>,
}

impl Suite {
    /// The project's name.
    pub fn project(&self) -> &str {
        let name = self
            .config
            .raw
            .project
            .as_ref()
            .and_then(|project| project.name.as_ref());
        name.map_or("", |name| &name.value)
    }

    /// The constants by which runs are held against each other, as typed.
    pub fn regression(&self) -> Settings {
        let typed = self.config.raw.regression.as_ref();
        typed.map_or_else(Settings::default, |typed| typed.value.clone())
    }

    /// The feature files, in order of name.
    pub fn features(&self) -> impl Iterator<Item = &Arc<Source>> {
        self.features.iter()
    }

    /// The defaults that the suite gives secrets of demo systems; never part of a plan.
    pub fn secret_defaults(&self) -> BTreeMap<Name, String> {
        let entries = self.config.raw.secret.iter().filter_map(|(key, secret)| {
            let default = secret.value.default.as_ref()?;
            Some((key.value.parse().ok()?, default.value.clone()))
        });
        entries.collect()
    }

    /// The folder of the report's own templates as it is typed, and where; never part of a plan, which does not depend on how
    /// it is shown.
    pub fn templates(&self) -> Option<(&str, Place)> {
        let typed = self.config.raw.report.as_ref()?.templates.as_ref()?;
        Some((&typed.value, self.config.at(typed)))
    }

    /// The texts of the certificates and the key that the suite names; never part of a plan.
    pub fn pems(&self) -> Pems {
        let text = |key: TlsKey| {
            let name = relative(&self.tls_file(key)?.value).ok()?;
            Some(Arc::from(self.sources.get(&name)?.text.as_str()))
        };
        Pems {
            ca: text(TlsKey::Ca),
            cert: text(TlsKey::Cert),
            key: text(TlsKey::Key),
        }
    }

    /// Where a key of `[target.tls]` stands.
    pub fn tls_place(&self, key: TlsKey) -> Option<Place> {
        Some(self.config.at(self.tls_file(key)?))
    }

    /// The API documents that are there, each with its contract's name and the findings that are accepted of it.
    pub fn documents(&self) -> Vec<(&str, &Arc<Source>, Vec<Accepted>)> {
        let contracts = self.config.raw.contract.iter();
        contracts
            .filter_map(|(key, raw)| {
                let name = relative(&raw.value.openapi.as_ref()?.value).ok()?;
                let accepted = raw.value.accept.iter().map(|raw| &raw.value);
                let accepted = accepted.filter_map(|one| {
                    Some(Accepted {
                        finding: one.finding.as_ref()?.value.clone(),
                        reason: one.reason.as_ref()?.value.clone(),
                    })
                });
                let source = self.sources.get(&name)?;
                Some((key.value.as_str(), source, accepted.collect()))
            })
            .collect()
    }

    fn tls_file(&self, key: TlsKey) -> Option<&Str> {
        let tls = &self.config.raw.target.as_ref()?.value.tls.as_ref()?.value;
        match key {
            TlsKey::Ca => tls.ca.as_ref(),
            TlsKey::Cert => tls.cert.as_ref(),
            TlsKey::Key => tls.key.as_ref(),
            TlsKey::ServerName => tls.server_name.as_ref(),
        }
    }
}

/// What a suite names a file as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reference {
    /// An API document or a certificate, which is read whole.
    Document,
    /// Rows of a journey: too large to be held, its rows are read when they are asked for
    /// ([`crate::data::HELD_LIMIT`]).
    Data,
}

/// The data files, API documents and certificates that a suite names, as paths from its root: to be read and added to the
/// sources before [`load`]. Paths that leave the root are not among them; [`crate::plan::resolve`] refuses those.
pub fn references(sources: &Sources) -> BTreeMap<String, Reference> {
    let mut ignored = Vec::new();
    let journeys = sources
        .of_kind(Kind::Journey)
        .filter_map(|source| read::read::<JourneyFile>(source, &mut ignored));
    let data = journeys.filter_map(|journey| journey.raw.data?.file());
    let mut named: Vec<(Str, Reference)> = data.map(|path| (path, Reference::Data)).collect();
    let config = sources
        .of_kind(Kind::Config)
        .filter_map(|source| read::read::<ConfigFile>(source, &mut ignored));
    let mut certificates = Vec::new();
    let config = config.inspect(|config| {
        let tls = config
            .raw
            .target
            .as_ref()
            .and_then(|t| t.value.tls.as_ref());
        let files = tls.map(|tls| [&tls.value.ca, &tls.value.cert, &tls.value.key]);
        certificates.extend(files.into_iter().flatten().flatten().cloned());
    });
    // One that is both is read whole.
    named.extend(
        config
            .flat_map(|config| config.raw.contract.0)
            .filter_map(|(_, contract)| Some((contract.value.openapi?, Reference::Document))),
    );
    named.extend(
        certificates
            .into_iter()
            .map(|path| (path, Reference::Document)),
    );
    named
        .into_iter()
        .filter_map(|(path, what)| Some((relative(&path.value).ok()?, what)))
        .collect()
}

/// Reads a suite. The findings are everything wrong with its files one by one, by file and place; `None` only
/// when there is no readable `harness.toml`.
pub fn load(sources: &Sources) -> (Option<Suite>, Vec<Diagnostic>) {
    let mut out: Vec<Diagnostic> = sources.unusable().cloned().collect();
    let config =
        match sources.get("harness.toml") {
            Some(source) => read::read::<ConfigFile>(source, &mut out),
            None => {
                if !sources.is_unusable("harness.toml") {
                    let finding = Diagnostic::error(None, "there is no `harness.toml` here");
                    out.push(finding.hint(
                        "`harness init` writes one; a suite's folder is the one that holds it",
                    ));
                }
                None
            }
        };
    let mut unread: BTreeSet<String> = sources
        .unusable_names()
        .map(|name| stem(name).to_owned())
        .collect();
    let mut scenarios = Vec::new();
    for source in sources.of_kind(Kind::Scenario) {
        match read::read::<ScenarioFile>(source, &mut out) {
            Some(document) => scenarios.push(document),
            None => _ = unread.insert(stem(&source.name).to_owned()),
        }
    }
    let mut journeys = Vec::new();
    for source in sources.of_kind(Kind::Journey) {
        match read::read::<JourneyFile>(source, &mut out) {
            Some(document) => journeys.push(document),
            None => _ = unread.insert(stem(&source.name).to_owned()),
        }
    }
    in_order(&mut out);
    let features = sources.of_kind(Kind::Feature).cloned().collect();
    let suite = config.map(|config| Suite {
        config,
        scenarios,
        journeys,
        features,
        sources: sources.clone(),
        unread,
    });
    (suite, out)
}

/// Sorts findings by file and place; those without a place first.
pub fn in_order(findings: &mut [Diagnostic]) {
    findings.sort_by(|a, b| {
        let key = |finding: &'_ Diagnostic| {
            finding
                .place
                .as_ref()
                .map(|p| (p.source.name.clone(), p.span.start))
        };
        key(a).cmp(&key(b))
    });
}

/// A file's name without folders and ending: what its scenario or journey is called.
pub(crate) fn stem(name: &str) -> &str {
    let file = name.rsplit('/').next().unwrap_or(name);
    file.rsplit_once('.').map_or(file, |(stem, _)| stem)
}

/// A path that stays below the suite's root, tidied; or why it does not.
pub(crate) fn relative(path: &str) -> Result<String, &'static str> {
    if path.is_empty() {
        return Err("a path must not be empty");
    }
    if path.starts_with('/') || path.contains('\\') || path.contains(':') {
        return Err("a path counts from the folder of harness.toml, with `/` between its parts");
    }
    let parts: Vec<&str> = path
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".")
        .collect();
    match parts.as_slice() {
        parts if parts.contains(&"..") => Err("a path must stay below the folder of harness.toml"),
        [] => Err("this path names a folder, not a file"),
        parts => Ok(parts.join("/")),
    }
}
