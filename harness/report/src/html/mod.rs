//! The page: one file that opens from disk, offline, under a policy that allows nothing but its own style and script.
//! A pure function of record, verdict and readiness: the same events give the same bytes. Markup lives in the
//! templates only.

mod compare;
mod contract;
mod evidence;
mod faults;
mod invariants;
mod matrix;
mod page;
mod phases;
mod scenario;
mod target;
mod walks;

use base64::Engine as _;
use harness_core::compare::Comparison;
use harness_core::readiness::Readiness;
use harness_core::record::Record;
use harness_core::verdict::Verdict;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use tera::{Context, Tera};

/// Why the page can't be made.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// The stream ended before it said what was run.
    #[error("failed to make the report: the events hold no run")]
    NoRun,
    /// A template is wrong.
    #[error("failed to render the report: {0}")]
    Template(#[from] tera::Error),
    /// A template of one's own can't be read.
    #[error("failed to read the template {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

macro_rules! builtin {
    ($($name:literal),*) => { [$(($name, include_str!(concat!("../../../../reports/templates/", $name)))),*] };
}

/// The built-in theme, by file name.
const BUILTIN: [(&str, &str); 14] = builtin!(
    "page.html",
    "compare.html",
    "components.html",
    "manager.html",
    "gates.html",
    "matrix.html",
    "scenario.html",
    "journeys.html",
    "contract.html",
    "target.html",
    "environment.html",
    "style.css",
    "compare.css",
    "script.js"
);
/// Where a theme of one's own finds what it overrides: `{% extends "builtin/page.html" %}`.
const PREFIX: &str = "builtin/";
const STYLE: &str = "style.css";
/// Beside [`STYLE`], on the page of a comparison.
const COMPARE_STYLE: &str = "compare.css";
const SCRIPT: &str = "script.js";

/// A theme: the built-in one, or a folder of files that replace some of its own.
pub struct Theme {
    tera: Tera,
    style: String,
    compare_style: String,
    script: String,
}

impl Theme {
    /// The built-in theme.
    pub fn builtin() -> Result<Self, RenderError> {
        Self::with(Vec::new())
    }

    /// The built-in theme with the files of a folder in place of those of the same name. Other files of the folder
    /// that end in `.html` can be included; the built-in ones stay reachable as `builtin/NAME`.
    pub fn from_folder(folder: &Path) -> Result<Self, RenderError> {
        let fail = |path: &Path| {
            let path = path.to_owned();
            move |source| RenderError::Read { path, source }
        };
        let mut own = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(fail(folder))? {
            let path = entry.map_err(fail(folder))?.path();
            let Some(name) = path.file_name().and_then(|n| n.to_str()) else {
                continue;
            };
            if name.ends_with(".html") || [STYLE, COMPARE_STYLE, SCRIPT].contains(&name) {
                own.push((
                    name.to_owned(),
                    std::fs::read_to_string(&path).map_err(fail(&path))?,
                ));
            }
        }
        own.sort();
        Self::with(own)
    }

    fn with(own: Vec<(String, String)>) -> Result<Self, RenderError> {
        let mut tera = Tera::new();
        tera.set_fallback_prefixes([PREFIX])?;
        tera.autoescape_on([".html", ".html.tera", ".xml"]);
        let is_template = |name: &str| name.ends_with(".html");
        let builtin = BUILTIN
            .iter()
            .filter(|(name, _)| is_template(name))
            .map(|(name, text)| (format!("{PREFIX}{name}"), (*text).to_owned()));
        let mine = own.iter().filter(|(name, _)| is_template(name)).cloned();
        tera.add_raw_templates(builtin.chain(mine))?;
        let file = |name: &str| {
            let mine = own
                .iter()
                .find(|(n, _)| n == name)
                .map(|(_, text)| text.clone());
            mine.or_else(|| {
                BUILTIN
                    .iter()
                    .find(|(n, _)| *n == name)
                    .map(|(_, text)| (*text).to_owned())
            })
            .unwrap_or_default()
        };
        Ok(Self {
            style: file(STYLE),
            compare_style: file(COMPARE_STYLE),
            script: file(SCRIPT),
            tera,
        })
    }

    /// Renders the page.
    pub fn render(
        &self,
        record: &Record,
        verdict: &Verdict,
        readiness: &Readiness,
    ) -> Result<String, RenderError> {
        let page = page::Page::of(record, verdict, readiness).ok_or(RenderError::NoRun)?;
        self.fill("page.html", &page, &self.style)
    }

    /// Renders the page of a comparison, with the records it was made of in the same order.
    pub fn compare(
        &self,
        comparison: &Comparison,
        records: &[&Record],
    ) -> Result<String, RenderError> {
        let page = compare::Page::of(comparison, records);
        let style = format!("{}{}", self.style, self.compare_style);
        self.fill("compare.html", &page, &style)
    }

    fn fill<P: serde::Serialize>(
        &self,
        template: &str,
        page: &P,
        style: &str,
    ) -> Result<String, RenderError> {
        let mut context = Context::new();
        context.insert("page", page);
        context.insert("csp", &policy(style, &self.script));
        context.insert("style", style);
        context.insert("script", &self.script);
        Ok(self.tera.render(template, &context)?)
    }
}

/// Renders the page with the built-in theme.
pub fn render(
    record: &Record,
    verdict: &Verdict,
    readiness: &Readiness,
) -> Result<String, RenderError> {
    Theme::builtin()?.render(record, verdict, readiness)
}

/// Renders the page of a comparison with the built-in theme.
pub fn compare(comparison: &Comparison, records: &[&Record]) -> Result<String, RenderError> {
    Theme::builtin()?.compare(comparison, records)
}

/// Nothing from anywhere, but this very style and this very script.
fn policy(style: &str, script: &str) -> String {
    let hash = |text: &str| {
        base64::engine::general_purpose::STANDARD.encode(Sha256::digest(text.as_bytes()))
    };
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        hash(style),
        hash(script)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_theme_is_in_it() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../reports/templates");
        let mut there: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        let mut known: Vec<String> = BUILTIN.iter().map(|(name, _)| (*name).to_owned()).collect();
        there.sort();
        known.sort();
        assert_eq!(there, known);
    }

    #[test]
    fn a_broken_template_of_ones_own_is_an_error_that_names_it() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("gates.html"), "{% if %}").unwrap();
        let error = Theme::from_folder(dir.path())
            .err()
            .map(|e| e.to_string())
            .unwrap_or_default();
        assert!(error.contains("gates.html"), "{error}");
    }
}
