//! The page: one file that opens from disk, offline, under a policy that allows nothing but its own style and script.
//! A pure function of record, verdict and readiness: the same events give the same bytes. Markup lives in the
//! templates only.

mod compare;
mod contract;
mod evidence;
mod faults;
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

use crate::index::List;
use crate::store::read_small_text;
use base64::Engine as _;
use harness_core::compare::Comparison;
use harness_core::diagnostic::nearest;
use harness_core::readiness::{Readiness, Release};
use harness_core::record::Record;
use harness_core::verdict::Verdict;
use harness_core::verdict::regression::{Curves, Runs};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use tera::{Context, ErrorKind, Tera};

/// Why the page can't be made.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// The stream ended before it said what was run.
    #[error("failed to make the report: the events hold no run")]
    NoRun,
    /// A template is wrong.
    #[error("failed to render the report: {0}")]
    Template(#[from] tera::Error),
    /// A template of one's own is wrong.
    #[error("failed to use the template {}{}: {reason}", path.display(), line.map_or_else(String::new, |line| format!(", line {line}")))]
    Own {
        /// The file, or the folder where it is not one file's fault.
        path: PathBuf,
        /// Where in it, from 1.
        line: Option<usize>,
        /// What the template engine says.
        reason: String,
    },
    /// What was named is no folder that can be looked into.
    #[error("failed to use the templates in {}: {reason}", path.display())]
    Folder {
        /// What was named.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A folder has nothing that would be used.
    #[error("failed to use the templates in {}: none of its files is called like a built-in one{}", path.display(), instead(near.as_ref()))]
    Empty {
        /// The folder.
        path: PathBuf,
        /// A file of it that is called nearly so, and how the built-in one is called.
        near: Option<(String, &'static str)>,
    },
    /// A template of one's own can't be read.
    #[error("failed to read the template {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl RenderError {
    /// The same with files told from a folder that readers know.
    #[must_use]
    pub fn under(mut self, root: &Path) -> Self {
        if let Self::Own { path, .. }
        | Self::Read { path, .. }
        | Self::Folder { path, .. }
        | Self::Empty { path, .. } = &mut self
            && let Ok(rest) = path.strip_prefix(root)
        {
            *path = rest.to_owned();
        }
        self
    }

    /// What is done about it, where it is about templates of one's own.
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::NoRun | Self::Template(_) => return None,
            Self::Folder { .. } => {
                "name the folder that holds templates of your own, or none: then all pages are made by the built-in ones"
            }
            Self::Empty { .. } => {
                "call at least one file like the built-in template that it replaces, such as gates.html (docs/report.md has all \
                 names); those that the folder lacks are built in"
            }
            Self::Own { .. } | Self::Read { .. } => {
                "docs/report.md says what each template gets; without the file, the built-in one of its name is used"
            }
        })
    }
}

/// `; did you mean gates.html by gate.html?`.
fn instead(near: Option<&(String, &'static str)>) -> String {
    near.map_or_else(String::new, |(name, known)| {
        format!("; did you mean {known} by {name}?")
    })
}

macro_rules! builtin {
    ($($name:literal),*) => { [$(($name, include_str!(concat!("../../../../reports/templates/", $name)))),*] };
}

/// The built-in theme, by file name.
const BUILTIN: [(&str, &str); 21] = builtin!(
    "page.html",
    "compare.html",
    "regression.html",
    "components.html",
    "manager.html",
    "sheet.html",
    "release.html",
    "gates.html",
    "matrix.html",
    "scenario.html",
    "journeys.html",
    "contract.html",
    "target.html",
    "environment.html",
    "style.css",
    "compare.css",
    "regression.css",
    "script.js",
    "index.html",
    "index.css",
    "index.js"
);
/// The largest template of one's own, bytes; the largest built-in one has some thirty thousand.
const LARGEST: u64 = 4 << 20;
/// Where a theme of one's own finds what it overrides: `{% extends "builtin/page.html" %}`.
const PREFIX: &str = "builtin/";
const STYLE: &str = "style.css";
/// Beside [`STYLE`], on the page of a comparison.
const COMPARE_STYLE: &str = "compare.css";
/// The same on the page of `harness compare`.
const REGRESSION_STYLE: &str = "regression.css";
const SCRIPT: &str = "script.js";
/// Beside [`STYLE`], on the list of runs, which has a script of its own.
const INDEX_STYLE: &str = "index.css";
const INDEX_SCRIPT: &str = "index.js";

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
}

impl Theme {
    /// The built-in theme.
    pub fn builtin() -> Result<Self, RenderError> {
        Self::with(Vec::new(), None)
    }

    /// The built-in theme with the files of a folder in place of those of the same name. Other files of the folder
    /// that end in `.html` can be included; the built-in ones stay reachable as `builtin/NAME`. Every page is made once of
    /// sample events, so that a template that is wrong is told now.
    pub fn from_folder(folder: &Path) -> Result<Self, RenderError> {
        let fail = |path: &Path| {
            let path = path.to_owned();
            move |source| RenderError::Read { path, source }
        };
        let no_folder = |error: std::io::Error| RenderError::Folder {
            path: folder.to_owned(),
            reason: match error.kind() {
                std::io::ErrorKind::NotFound => "there is no such folder".to_owned(),
                std::io::ErrorKind::NotADirectory => "it is no folder".to_owned(),
                _ => error.to_string(),
            },
        };
        let (mut own, mut names) = (Vec::new(), Vec::new());
        for entry in std::fs::read_dir(folder).map_err(no_folder)? {
            let path = entry.map_err(no_folder)?.path();
            let Some(name) = path.file_name().and_then(|n| n.to_str()) else {
                continue;
            };
            names.push(name.to_owned());
            if name.ends_with(".html")
                || [
                    STYLE,
                    COMPARE_STYLE,
                    REGRESSION_STYLE,
                    SCRIPT,
                    INDEX_STYLE,
                    INDEX_SCRIPT,
                ]
                .contains(&name)
            {
                own.push((
                    name.to_owned(),
                    read_small_text(&path, LARGEST).map_err(fail(&path))?,
                ));
            }
        }
        own.sort();
        let used = |(name, _): &(String, String)| BUILTIN.iter().any(|(known, _)| known == name);
        if !own.iter().any(used) {
            names.sort();
            let known = || BUILTIN.iter().map(|(known, _)| *known);
            let mut near = names.into_iter();
            let near = near.find_map(|name| Some((nearest(&name, known())?, name)));
            return Err(RenderError::Empty {
                path: folder.to_owned(),
                near: near.map(|(known, name)| (name, known)),
            });
        }
        let theme = Self::with(own, Some(folder))?;
        sample::try_out(&theme)?;
        Ok(theme)
    }

    /// Whether it has files of one's own.
    pub fn is_own(&self) -> bool {
        self.own.is_some()
    }

    fn with(own: Vec<(String, String)>, folder: Option<&Path>) -> Result<Self, RenderError> {
        let mut tera = Tera::new();
        tera.set_fallback_prefixes([PREFIX])?;
        tera.autoescape_on([".html", ".html.tera", ".xml"]);
        let is_template = |name: &str| name.ends_with(".html");
        let builtin = BUILTIN
            .iter()
            .filter(|(name, _)| is_template(name))
            .map(|(name, text)| (format!("{PREFIX}{name}"), (*text).to_owned()));
        let mine = own.iter().filter(|(name, _)| is_template(name)).cloned();
        let names: Vec<String> = own.iter().map(|(name, _)| name.clone()).collect();
        let origin = folder.map(|folder| (folder.to_owned(), names));
        let added = tera.add_raw_templates(builtin.chain(mine));
        added.map_err(|error| blame(error, origin.as_ref()))?;
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
            regression_style: file(REGRESSION_STYLE),
            script: file(SCRIPT),
            index_style: file(INDEX_STYLE),
            index_script: file(INDEX_SCRIPT),
            tera,
            own: origin,
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

/// An error of the template engine, told by the file that is at fault where that is one of somebody's own.
fn blame(error: tera::Error, own: Option<&(PathBuf, Vec<String>)>) -> RenderError {
    let Some((folder, names)) = own else {
        return RenderError::Template(error);
    };
    let (name, line, reason) = match error.kind() {
        ErrorKind::SyntaxError(at) | ErrorKind::RenderingError(at) => {
            let line = Some(at.span().start_line).filter(|line| *line > 0);
            (at.filename().to_owned(), line, at.message().to_owned())
        }
        ErrorKind::CircularExtend { tpl, .. } | ErrorKind::CircularInclude { tpl, .. } => {
            (tpl.clone(), None, error.to_string())
        }
        ErrorKind::MissingParent { current, .. } => (current.clone(), None, error.to_string()),
        _ => (String::new(), None, error.to_string()),
    };
    let mut why = std::error::Error::source(&error);
    let mut reason = reason;
    while let Some(cause) = why {
        reason = format!("{reason}: {cause}");
        why = cause.source();
    }
    match names.contains(&name) {
        true => RenderError::Own {
            path: folder.join(name),
            line,
            reason,
        },
        // What a built-in template misses was taken from it by one of these.
        false => RenderError::Own {
            path: folder.clone(),
            line: None,
            reason: match (name.as_str(), line) {
                ("", _) => reason,
                (name, None) => format!("{reason}, in {name}"),
                (name, Some(line)) => format!("{reason}, in {name}, line {line}"),
            },
        },
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

    fn refused(files: &[(&str, &str)]) -> String {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        let error = Theme::from_folder(dir.path()).err();
        let said = error.map(|e| e.to_string()).unwrap_or_default();
        said.replace(&dir.path().display().to_string(), "FOLDER")
    }

    #[test]
    fn a_broken_template_of_ones_own_is_told_with_file_line_and_reason() {
        let said = refused(&[("gates.html", "<p>\n{% if %}")]);
        assert!(said.contains("FOLDER/gates.html, line 2: "), "{said}");
        // What can only be seen when it is filled.
        let said = refused(&[("gates.html", "\n\n<p>{{ page.gatez }}</p>")]);
        assert!(
            said.contains("FOLDER/gates.html, line 3: ") && said.contains("gatez"),
            "{said}"
        );
        // Within what only a run with faults has.
        let said = refused(&[(
            "scenario.html",
            "{% for f in s.faults.boxes %}\n{{ f.nonsense }}{% endfor %}",
        )]);
        assert!(said.contains("FOLDER/scenario.html, line 2: "), "{said}");
        let said = refused(&[("gates.html", "{% extends \"base.html\" %}")]);
        assert!(
            said.contains("gates.html") && said.contains("base.html"),
            "{said}"
        );
        let said = refused(&[("regression.html", "{{ page.nothing }}")]);
        assert!(said.contains("FOLDER/regression.html, line 1: "), "{said}");
        let said = refused(&[("release.html", "{{ page.nothing }}")]);
        assert!(said.contains("FOLDER/release.html, line 1: "), "{said}");
        let said = refused(&[("compare.html", "{{ page.nothing }}")]);
        assert!(said.contains("FOLDER/compare.html, line 1: "), "{said}");
    }

    #[test]
    fn a_folder_of_no_use_is_told_as_what_it_is_and_its_hint_agrees() {
        let of = |path: &Path| {
            let error = Theme::from_folder(path).err().unwrap();
            (error.to_string(), error.hint().unwrap())
        };
        let dir = tempfile::tempdir().unwrap();
        let (file, folder) = (dir.path().join("file"), dir.path().join("folder"));
        std::fs::write(&file, "x").unwrap();
        std::fs::create_dir(&folder).unwrap();
        for (path, why) in [
            (&dir.path().join("none"), "there is no such folder"),
            (&file, "it is no folder"),
        ] {
            let (said, hint) = of(path);
            let begin = format!("failed to use the templates in {}: {why}", path.display());
            assert_eq!(said, begin);
            // What is built in is a file that a folder lacks, and here is no folder.
            assert!(
                !hint.contains("lacks") && hint.contains("name the folder"),
                "{hint}"
            );
        }
        let (said, hint) = of(&folder);
        assert!(
            said.ends_with("none of its files is called like a built-in one"),
            "{said}"
        );
        assert!(hint.contains("at least one file"), "{hint}");
        std::fs::write(folder.join("gate.html"), "x").unwrap();
        let (said, _) = of(&folder);
        assert!(
            said.ends_with("; did you mean gates.html by gate.html?"),
            "{said}"
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_template_without_end_is_not_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("gates.html");
        std::os::unix::fs::symlink("/dev/zero", &path).unwrap();
        let told = || Theme::from_folder(dir.path()).err().unwrap().to_string();
        assert!(
            told().contains("gates.html: it is no regular file"),
            "{}",
            told()
        );
        std::fs::remove_file(&path).unwrap();
        let file = std::fs::File::create(&path).unwrap();
        file.set_len(LARGEST + 1).unwrap();
        let bound = format!("and at most {LARGEST} are read");
        assert!(
            told().contains("gates.html") && told().contains(&bound),
            "{}",
            told()
        );
    }

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
