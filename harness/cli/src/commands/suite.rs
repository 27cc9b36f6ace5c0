//! From texts to a plan, for every command that needs one: all findings of the suite, of the plan and of the documents it
//! names, in order of file and line.

use super::documents;
use crate::error::CliError;
use crate::sources::Found;
use harness_core::diagnostic::{Diagnostic, Severity};
use harness_core::plan::Plan;
use harness_core::plan::resolve::{self, Choice};
use harness_core::suite::{self, Suite};
use harness_drive::Tls;
use harness_report::html::Theme;
use std::sync::Arc;

/// A suite that was read and, if it has no errors, planned.
pub(crate) struct Planned {
    /// The suite, if there is a readable harness.toml.
    pub(crate) suite: Option<Suite>,
    /// The plan, if there are no errors.
    pub(crate) plan: Option<Plan>,
    /// What is wrong or worth saying.
    pub(crate) findings: Vec<Diagnostic>,
    /// The suite's certificates, read.
    pub(crate) tls: Arc<Tls>,
}

/// Reads and plans.
pub(crate) fn plan(found: &Found, choice: &Choice) -> Planned {
    let (suite, mut findings) = suite::load(&found.sources);
    let mut plan = None;
    let mut tls = Arc::default();
    match suite.as_ref().map(|suite| resolve::plan(suite, choice)) {
        Some(Ok((resolved, warnings))) => {
            findings.extend(warnings);
            match certificates(suite.as_ref(), &resolved) {
                Ok(read) => tls = read,
                Err(finding) => findings.push(finding),
            }
            findings.extend(suite.iter().flat_map(|suite| templates(suite, found)));
            plan = Some(resolved);
        }
        Some(Err(errors)) => findings.extend(errors),
        None => {}
    }
    if let Some(suite) = &suite {
        findings.extend(documents::unusable(suite, plan.as_ref()));
    }
    suite::in_order(&mut findings);
    let plan = plan.filter(|_| !fatal(&findings));
    Planned {
        suite,
        plan,
        findings,
        tls,
    }
}

/// The certificates that a suite names, or what is wrong with one, told where it is named.
fn certificates(suite: Option<&Suite>, plan: &Plan) -> Result<Arc<Tls>, Diagnostic> {
    let (Some(suite), Some(tls)) = (suite, &plan.target.tls) else {
        return Ok(Arc::default());
    };
    let read = Tls::new(tls, &suite.pems());
    read.map(Arc::new).map_err(|error| {
        let place = suite.tls_place(error.key);
        Diagnostic::error(place, error.problem).hint(error.hint)
    })
}

/// What is wrong with the report's own templates, told where the suite names their folder: before anything is run.
fn templates(suite: &Suite, found: &Found) -> Vec<Diagnostic> {
    let Some((folder, place)) = suite.templates() else {
        return Vec::new();
    };
    let error = match Theme::from_folder(&found.root.join(folder)) {
        Ok(theme) => {
            let unused = theme.unused().into_iter();
            return unused
                .map(|words| Diagnostic::warning(Some(place.clone()), words))
                .collect();
        }
        Err(error) => error.under(&found.root),
    };
    let told = Diagnostic::error(Some(place), error.to_string());
    vec![match error.hint() {
        Some(hint) => told.hint(hint),
        None => told,
    }]
}

/// Whether there is an error among the findings.
pub(crate) fn fatal(findings: &[Diagnostic]) -> bool {
    findings
        .iter()
        .any(|finding| finding.severity == Severity::Error)
}

/// The error that ends a command whose findings were printed.
pub(crate) fn refused() -> CliError {
    CliError::Suite("the suite has errors; nothing was started".into())
}
