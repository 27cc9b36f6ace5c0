//! What tells that the target noticed a fault: a condition on a probe that is there.

use super::Scope;
use super::named::probe;
use crate::expr::gate::{GateExpr, GateSubject};
use crate::plan::resolve::findings::Findings;
use crate::plan::resolve::texts;
use crate::suite::document::Document;
use crate::suite::raw;
use std::collections::BTreeMap;

/// The conditions of a scenario's faults, by name.
pub(super) fn all(
    doc: &Document<raw::ScenarioFile>,
    scope: &Scope<'_>,
    found: &mut Findings,
) -> BTreeMap<String, GateExpr> {
    let faults = doc.raw.fault.iter().map(|fault| &fault.value);
    let typed = faults.filter_map(|fault| Some((fault.name.as_ref()?, fault.detected.as_ref()?)));
    let mut conditions = BTreeMap::new();
    for (fault, typed) in typed {
        let expr: GateExpr = match typed.value.parse() {
            Ok(expr) => expr,
            Err(error) => {
                let place = |inner: &std::ops::Range<usize>| doc.inside(typed, inner);
                found.out.push(texts::expression_error(&error, &place));
                continue;
            }
        };
        let GateSubject::Probe { name, unit } = &expr.subject else {
            let message = format!("`{}` does not tell what the target noticed", expr.subject);
            let hint = "name a probe of the target's own metrics: `probe.breaker >= 1`";
            found.error_with(doc.at(typed), message, hint);
            continue;
        };
        let start = typed.value.find(name.as_str()).unwrap_or(0);
        let place = doc.inside(typed, &(start..start + name.as_str().len()));
        let name = (name.as_str(), place);
        if let Some(expr) = probe(doc, typed, &expr, name, unit, scope, found) {
            conditions.insert(fault.value.clone(), expr);
        }
    }
    conditions
}
