//! Where the files of a theme come from: they are built in, or a folder of somebody's own has them in place of those of the
//! same name. Knows no page but by making each once of sample events.

use super::error::{RenderError, blame};
use super::{Theme, sample};
use crate::store::read_small_text;
use harness_core::diagnostic::nearest;
use std::path::Path;
use tera::Tera;

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

impl Theme {
    /// The built-in theme.
    pub fn builtin() -> Result<Self, RenderError> {
        Self::with(Vec::new(), None)
    }

    /// The built-in theme with the files of a folder in place of those of the same name. Other files of the folder
    /// that end in `.html` can be included; the built-in ones stay reachable as `builtin/NAME`. Every page is made once of
    /// sample events, so that a template that is wrong is told now.
    pub fn from_folder(folder: &Path) -> Result<Self, RenderError> {
        let (own, mut names) = read(folder)?;
        if !own.iter().any(|(name, _)| is_builtin(name)) {
            names.sort();
            let mut near = names.into_iter();
            let near = near.find_map(|name| Some((nearest(&name, known())?, name)));
            return Err(RenderError::Empty {
                path: folder.to_owned(),
                near: near.map(|(known, name)| (name, known)),
            });
        }
        let unused = unused(&names, &own);
        let theme = Self {
            unused,
            ..Self::with(own, Some(folder))?
        };
        sample::try_out(&theme)?;
        Ok(theme)
    }

    /// Templates of one's own that no page uses, a sentence each: a file that is called nearly like a built-in one replaces
    /// nothing.
    pub fn unused(&self) -> Vec<String> {
        let Some((folder, _)) = &self.own else {
            return Vec::new();
        };
        let one = |(name, near): &(String, Option<&str>)| {
            let near = near.map_or_else(String::new, |near| format!(": did you mean {near}?"));
            format!("no page uses {}{near}", folder.join(name).display())
        };
        self.unused.iter().map(one).collect()
    }

    /// Whether it has files of one's own.
    pub fn is_own(&self) -> bool {
        self.own.is_some()
    }

    fn with(own: Vec<(String, String)>, folder: Option<&Path>) -> Result<Self, RenderError> {
        let mut tera = Tera::new();
        tera.set_fallback_prefixes([PREFIX])?;
        tera.autoescape_on([".html", ".html.tera", ".xml"]);
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
                .map(|(name, text)| (name.as_str(), text.as_str()));
            let mut all = mine.chain(BUILTIN);
            let found = all.find(|(known, _)| *known == name);
            found.map_or_else(String::new, |(_, text)| text.to_owned())
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
            unused: Vec::new(),
        })
    }
}

/// The names of the built-in files.
fn known() -> impl Iterator<Item = &'static str> {
    BUILTIN.iter().map(|(known, _)| *known)
}

fn is_builtin(name: &str) -> bool {
    known().any(|known| known == name)
}

fn is_template(name: &str) -> bool {
    name.ends_with(".html")
}

/// Files with their texts, by name.
type Texts = Vec<(String, String)>;

/// The files of a folder that a theme may use, and the names of all.
fn read(folder: &Path) -> Result<(Texts, Vec<String>), RenderError> {
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
        if is_template(name) || is_builtin(name) {
            let text = read_small_text(&path, LARGEST);
            let text = text.map_err(|source| RenderError::Read {
                path: path.clone(),
                source,
            });
            own.push((name.to_owned(), text?));
        }
    }
    own.sort();
    Ok((own, names))
}

/// Of the names of a folder's files those of templates that replace nothing and that no other one mentions.
fn unused(names: &[String], own: &[(String, String)]) -> Vec<(String, Option<&'static str>)> {
    let is_one = |name: &str| {
        [".html", ".css", ".js"]
            .iter()
            .any(|end| name.ends_with(end))
    };
    let mentioned = |name: &str| {
        // A template names another in quotes; without them the name may be part of a longer one.
        let quoted = |text: &str| text.split(['"', '\'', '`']).any(|part| part == name);
        let mut others = own.iter().filter(|(other, _)| other != name);
        is_template(name) && others.any(|(_, text)| quoted(text))
    };
    let left = names
        .iter()
        .filter(|name| is_one(name) && !is_builtin(name) && !mentioned(name));
    let mut left: Vec<_> = left
        .map(|name| (name.clone(), nearest(name, known())))
        .collect();
    left.sort();
    left
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
        let said = refused(&[("index.html", "{{ page.nothing }}")]);
        assert!(said.contains("FOLDER/index.html, line 1: "), "{said}");
        let rows = "{% for r in page.rows %}\n{{ r.nothing }}{% endfor %}";
        let said = refused(&[("index.html", rows)]);
        assert!(said.contains("FOLDER/index.html, line 2: "), "{said}");
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

    #[test]
    fn a_template_that_nothing_uses_is_told_with_the_one_that_may_be_meant() {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in [
            (
                "gates.html",
                "<section>{% include \"foot.html\" %}</section>",
            ),
            ("foot.html", "foot"),
            // Part of the name of one that is used.
            ("oot.html", "x"),
            ("scenarios.html", "x"),
            ("styles.css", "x"),
            ("of-another-kind-altogether.html", "x"),
            ("README.md", "x"),
        ] {
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        let theme = Theme::from_folder(dir.path()).unwrap();
        let folder = dir.path().display().to_string();
        let told = theme.unused().join("\n").replace(&folder, "FOLDER");
        assert_eq!(
            told,
            "no page uses FOLDER/of-another-kind-altogether.html\n\
             no page uses FOLDER/oot.html\n\
             no page uses FOLDER/scenarios.html: did you mean scenario.html?\n\
             no page uses FOLDER/styles.css: did you mean style.css?"
        );
        assert!(Theme::builtin().unwrap().unused().is_empty());
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
}
