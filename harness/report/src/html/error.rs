//! Why a page can't be made, and what is done about it: a template of somebody's own is told by file and line.

use std::path::{Path, PathBuf};
use tera::ErrorKind;

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

/// An error of the template engine, told by the file that is at fault where that is one of somebody's own.
pub(super) fn blame(error: tera::Error, own: Option<&(PathBuf, Vec<String>)>) -> RenderError {
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
