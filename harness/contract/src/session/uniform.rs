//! Whether everything answers the same refusal: then one thing is wrong, not every operation, and one finding says
//! it. It must not know single findings.

use crate::document::{Document, essence};
use crate::finding::Finding;
use crate::matching::path_of;
use harness_core::event::ContractCheck;
use harness_core::http::{Failure, Response};

/// What all answers so far have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Uniform {
    /// No answer yet.
    Nothing,
    /// All denied access with this status: 401 or 403.
    Denied(u16),
    /// Behind all of them there is nothing: 404, 405, or a page for people where none is described.
    Missing,
    /// No answer ever came.
    Unreachable,
    /// They differ, or are not refusals.
    Broken,
}

impl Uniform {
    /// Takes one more answer into account, with what is wrong with it.
    pub(super) fn take(&mut self, answer: &Result<Response, Failure>, findings: &[Finding]) {
        let page = |response: &Response| {
            let html = response.header("content-type").map(essence);
            (200..300).contains(&response.status)
                && html.as_deref() == Some("text/html")
                && findings
                    .iter()
                    .any(|f| f.check == ContractCheck::ContentType)
        };
        let this = match answer {
            Ok(response) if matches!(response.status, 401 | 403) => Self::Denied(response.status),
            Ok(response) if matches!(response.status, 404 | 405) || page(response) => Self::Missing,
            Ok(_) => Self::Broken,
            Err(_) => Self::Unreachable,
        };
        if *self == Self::Nothing {
            *self = this;
        } else if *self != this {
            *self = Self::Broken;
        }
    }

    /// Whether it is a denial of access.
    pub(super) fn denies(&self) -> bool {
        matches!(self, Self::Denied(_))
    }

    /// The one finding that says it all. `rooted` is whether a request whose path needed nothing to exist was made.
    pub(super) fn finding(
        &self,
        document: &Document,
        base_url: &str,
        asked: usize,
        rooted: bool,
        last: &str,
    ) -> Option<Finding> {
        let preflight = |status: u16, message| {
            Some(Finding::new(
                ContractCheck::Preflight,
                &document.name,
                &status.to_string(),
                message,
            ))
        };
        match self {
            Self::Missing if rooted => preflight(404, missing(document, base_url, asked)),
            Self::Denied(status) => preflight(*status, denied(document, *status, asked)),
            Self::Unreachable => {
                let message = format!("no operation gave a whole answer at {base_url}: {last}");
                Some(Finding::new(
                    ContractCheck::Unreachable,
                    &document.name,
                    "all",
                    message,
                ))
            }
            _ => None,
        }
    }
}

fn missing(document: &Document, base_url: &str, asked: usize) -> String {
    let given = path_of(base_url);
    let documented = document.base_path.as_str();
    let name = &document.name;
    let hint = if documented.is_empty() || given.trim_end_matches('/') == documented {
        format!(
            "is the base path missing? set `base = \"/…\"` in [contract.{name}], or ask the right service"
        )
    } else {
        let origin = base_url.strip_suffix(given).unwrap_or(base_url);
        format!(
            "the document's server has the base path `{documented}`; try {origin}{documented}: set `base = \"{documented}\"` in [contract.{name}]"
        )
    };
    format!(
        "nothing answers under {base_url}: every operation asked ({asked}) answers 404 or 405, or with a page for people: {hint}"
    )
}

fn denied(document: &Document, status: u16, asked: usize) -> String {
    let mut schemes: Vec<String> = Vec::new();
    for name in document.operations.iter().flat_map(|o| &o.security) {
        let words = document
            .security_schemes
            .get(name)
            .map_or(name.clone(), |words| format!("{name} ({words})"));
        if !schemes.contains(&words) {
            schemes.push(words);
        }
    }
    let (whose, hint) = if schemes.is_empty() {
        (
            "asked",
            "give the headers that grant access; the document names no scheme".to_owned(),
        )
    } else {
        let schemes = schemes.join(" or ");
        (
            "that asks for access",
            format!("the document wants {schemes}; give it as a header"),
        )
    };
    format!("every operation {whose} ({asked}) answers {status}: {hint}")
}
