//! The page: one file that opens from disk, offline, under a policy that allows nothing but its own style and script.
//! A pure function of record, verdict and readiness: the same events give the same bytes. Markup lives in the
//! templates only.

mod compare;
mod contract;
mod error;
mod evidence;
mod faults;
mod files;
mod first;
mod index;
mod invariants;
mod lean;
mod matrix;
mod page;
mod phases;
mod regression;
mod release;
mod sample;
mod scenario;
mod target;
mod walks;

pub use error::RenderError;

use crate::index::List;
use base64::Engine as _;
use error::blame;
use harness_core::compare::Comparison;
use harness_core::readiness::{Readiness, Release};
use harness_core::record::Record;
use harness_core::verdict::Verdict;
use harness_core::verdict::regression::{Curves, Runs};
use sha2::{Digest, Sha256};
use std::path::PathBuf;
use tera::{Context, Tera};

/// A theme: the built-in one, or a folder of files that replace some of its own.
pub struct Theme {
    tera: Tera,
    style: String,
    compare_style: String,
    regression_style: String,
    script: String,
    index_style: String,
    index_script: String,
    /// Where files of one's own came from, with their names.
    own: Option<(PathBuf, Vec<String>)>,
    /// Files of that folder that nothing uses, with the built-in ones that may be meant.
    unused: Vec<(String, Option<&'static str>)>,
}

impl Theme {
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

    /// Renders the page of runs held against runs, with the curves of the names that decide in each scenario.
    pub fn regression(
        &self,
        runs: &Runs,
        curves: &[Vec<Curves>],
        project: &str,
    ) -> Result<String, RenderError> {
        let page = regression::Page::of(runs, curves, project);
        let style = format!("{}{}", self.style, self.regression_style);
        self.fill("regression.html", &page, &style)
    }

    /// Renders the page of a release.
    pub fn release(&self, release: &Release) -> Result<String, RenderError> {
        self.fill("release.html", &release::Page::of(release), &self.style)
    }

    /// Renders the pages of a list of runs, the newest first.
    pub fn index(&self, list: &List) -> Result<Vec<String>, RenderError> {
        let style = format!("{}{}", self.style, self.index_style);
        let pages = index::Page::all(list);
        let pages = pages
            .iter()
            .map(|page| self.fill_with("index.html", page, &style, &self.index_script));
        pages.collect()
    }

    fn fill<P: serde::Serialize>(
        &self,
        template: &str,
        page: &P,
        style: &str,
    ) -> Result<String, RenderError> {
        self.fill_with(template, page, style, &self.script)
    }

    fn fill_with<P: serde::Serialize>(
        &self,
        template: &str,
        page: &P,
        style: &str,
        script: &str,
    ) -> Result<String, RenderError> {
        let mut context = Context::new();
        context.insert("page", page);
        context.insert("csp", &policy(style, script));
        context.insert("style", style);
        context.insert("script", script);
        let made = self.tera.render(template, &context);
        let made = made.map_err(|error| blame(error, self.own.as_ref()))?;
        Ok(lean::lean(&made))
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

/// Renders the page of a release with the built-in theme.
pub fn release(release: &Release) -> Result<String, RenderError> {
    Theme::builtin()?.release(release)
}

/// Renders the pages of a list of runs with the built-in theme.
pub fn index(list: &List) -> Result<Vec<String>, RenderError> {
    Theme::builtin()?.index(list)
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
    fn what_a_folder_lacks_is_built_in_and_what_it_has_is_escaped() {
        let dir = tempfile::tempdir().unwrap();
        let gates = "<section id=\"gates\">OURS {% for g in page.gates %}{{ g.title }}{% endfor %} {% include \"foot.html\" %}</section>";
        std::fs::write(dir.path().join("gates.html"), gates).unwrap();
        std::fs::write(dir.path().join("foot.html"), "{{ page.project }}").unwrap();
        std::fs::write(dir.path().join("style.css"), "body{color:#123}").unwrap();
        let theme = Theme::from_folder(dir.path()).unwrap();
        let mut record = sample::record().unwrap();
        let run = record.run.as_mut().unwrap();
        run.plan.project = "<script>alert(1)</script>\"'".to_owned();
        let verdict = harness_core::verdict::evaluate(&record);
        let readiness = harness_core::readiness::readiness(&record, &verdict);
        let page = theme.render(&record, &verdict, &readiness).unwrap();
        assert!(page.contains("OURS") && page.contains("id=\"environment\""));
        assert!(!page.contains("<script>alert") && page.contains("&lt;script&gt;alert(1)"));
        assert!(page.contains("<style>body{color:#123}</style>"));
        assert_eq!(page, theme.render(&record, &verdict, &readiness).unwrap());
        // Its style is let through by the page's own policy.
        assert!(
            page.contains(&policy("body{color:#123}", &theme.script).replace('\'', "&#x27;"))
                || page.contains(&policy("body{color:#123}", &theme.script).replace('\'', "&#39;")),
            "the policy names the style"
        );
    }
}
