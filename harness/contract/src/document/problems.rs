//! What was wrong with a document, condensed: one finding per kind of problem, however many places have it.

use crate::finding::Finding;
use harness_core::event::ContractCheck;
use std::collections::BTreeMap;

/// Places named in one message.
const NAMED: usize = 2;

/// Problems by what they are, with the places that have them.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    places: BTreeMap<String, Vec<String>>,
}

impl Problems {
    /// Notes that the problem `what` stands at `pointer`.
    pub(crate) fn add(&mut self, what: &str, pointer: &str) {
        let places = self.places.entry(what.to_owned()).or_default();
        if !places.iter().any(|known| known == pointer) {
            places.push(pointer.to_owned());
        }
    }

    /// One finding per kind of problem.
    pub(crate) fn into_findings(self, document: &str) -> Vec<Finding> {
        let finding = |(what, places): (String, Vec<String>)| {
            let named = places
                .iter()
                .take(NAMED)
                .cloned()
                .collect::<Vec<_>>()
                .join(", ");
            let more = match places.len().saturating_sub(NAMED) {
                0 => String::new(),
                n => format!(" and {n} more"),
            };
            Finding::new(
                ContractCheck::Document,
                document,
                &what,
                format!("{what} (at {named}{more})"),
            )
        };
        self.places.into_iter().map(finding).collect()
    }
}
