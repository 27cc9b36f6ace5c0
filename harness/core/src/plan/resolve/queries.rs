//! Queries: requests that invariants ask after the load, and which of them the chosen scenarios need. What their answers must
//! be is the invariants'.

use super::findings::Findings;
use super::request::{self, Defaults, Known};
use super::world::World;
use crate::data::Rows;
use crate::diagnostic::Diagnostic;
use crate::name::Name;
use crate::plan::ScenarioPlan;
use crate::plan::draft::{DraftRequest, Written};
use crate::plan::invariant::QueryPlan;
use crate::suite::at::{At, Scalar, Str};
use crate::suite::document::{Document, within};
use crate::suite::raw::{self, ConfigFile};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A query, and what stands against asking it in this mode.
pub(super) struct Query {
    pub(super) name: String,
    /// `None` when it has errors of its own: naming it is no second one.
    plan: Option<QueryPlan>,
    mode_errors: Vec<Diagnostic>,
}

/// The suite's queries.
pub(super) fn all(
    doc: &Document<ConfigFile>,
    defaults: &Defaults,
    world: &World,
    found: &mut Findings,
) -> Vec<Query> {
    let mut queries = Vec::new();
    for (key, raw) in doc.raw.query.iter() {
        let plan = query(doc, key, &raw.value, defaults, world, found);
        queries.push(Query {
            name: key.value.clone(),
            plan,
            mode_errors: std::mem::take(&mut found.mode),
        });
    }
    queries
}

fn query(
    doc: &Document<ConfigFile>,
    key: &Str,
    raw: &raw::Query,
    defaults: &Defaults,
    world: &World,
    found: &mut Findings,
) -> Option<QueryPlan> {
    let name = found.name(doc, key);
    let scalar = |text: &At<Scalar>| written(doc, &text.value.0, text.span.clone());
    let text = |text: &Str| written(doc, &text.value, text.span.clone());
    let draft = DraftRequest {
        service: raw.service.as_ref().map(text),
        headers: raw
            .headers
            .iter()
            .map(|(key, value)| (text(key), scalar(value)))
            .collect(),
        ..DraftRequest::get(text(raw.get.as_ref()?))
    };
    let none = Rows::default();
    let mut known = Known {
        variables: BTreeSet::new(),
        lists: BTreeSet::new(),
        rows: &none,
        unread: false,
    };
    let request = request::resolve(&draft, 0, defaults, &mut known, world, found);
    Some(QueryPlan {
        name: name?,
        origin: doc.origin(&key.span),
        request: request?,
    })
}

fn written<T>(doc: &Document<T>, text: &str, span: std::ops::Range<usize>) -> Written {
    Written {
        text: text.to_owned(),
        source: Arc::clone(&doc.source),
        span,
        inward: within,
    }
}

/// The queries that some scenarios ask; with what stands against asking them in this mode.
pub(super) fn needed(
    queries: Vec<Query>,
    scenarios: &[ScenarioPlan],
    found: &mut Findings,
) -> Vec<QueryPlan> {
    let invariants = scenarios.iter().flat_map(|s| &s.invariants);
    let asked: BTreeSet<&Name> = invariants
        .flat_map(|i| i.check.asked())
        .map(|(asked, _)| &asked.query)
        .collect();
    let mut needed = Vec::new();
    for query in queries.into_iter().filter(|q| {
        let name = q.name.parse::<Name>();
        name.is_ok_and(|name| asked.contains(&name))
    }) {
        found.out.extend(query.mode_errors);
        needed.extend(query.plan);
    }
    needed.sort_by(|a, b| a.name.cmp(&b.name));
    needed
}
