//! Which statuses of which operations were seen, and by what. It must not know what a status is worth.

use crate::document::Document;
use harness_core::event::{ContractCoverage, SeenIn};
use harness_core::name::Name;
use std::collections::BTreeMap;

/// Per operation: status → times seen, by what. Operations never seen are present with an empty map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage {
    operations: BTreeMap<String, BTreeMap<u16, BTreeMap<SeenIn, u64>>>,
    unmatched: u64,
}

impl Coverage {
    /// Nothing seen yet of any operation of a document.
    pub fn new(document: &Document) -> Self {
        let operations = document
            .operations
            .iter()
            .map(|o| (o.name.clone(), BTreeMap::new()))
            .collect();
        Self {
            operations,
            unmatched: 0,
        }
    }

    /// Counts one answer of an operation, by its name.
    pub fn record(&mut self, operation: &str, status: u16, seen_in: SeenIn) {
        let statuses = self.operations.entry(operation.to_owned()).or_default();
        *statuses
            .entry(status)
            .or_default()
            .entry(seen_in)
            .or_default() += 1;
    }

    /// Counts one request that no operation of the document describes.
    pub fn record_unmatched(&mut self) {
        self.unmatched += 1;
    }

    /// Requests that no operation describes.
    pub fn unmatched(&self) -> u64 {
        self.unmatched
    }

    /// Adds the counts of another map of the same document.
    pub fn merge(&mut self, other: &Self) {
        self.unmatched += other.unmatched;
        for (operation, statuses) in &other.operations {
            let mine = self.operations.entry(operation.clone()).or_default();
            for (status, seen) in statuses {
                for (by, times) in seen {
                    *mine.entry(*status).or_default().entry(*by).or_default() += times;
                }
            }
        }
    }

    /// The map itself.
    pub fn operations(&self) -> &BTreeMap<String, BTreeMap<u16, BTreeMap<SeenIn, u64>>> {
        &self.operations
    }

    /// Operations that answered 2xx at least once.
    pub fn succeeded(&self) -> usize {
        self.operations
            .keys()
            .filter(|name| self.succeeded_at(name))
            .count()
    }

    /// Whether an operation, by its name, answered 2xx at least once.
    pub fn succeeded_at(&self, operation: &str) -> bool {
        self.operations
            .get(operation)
            .is_some_and(|statuses| statuses.keys().any(|s| (200..300).contains(s)))
    }

    /// As an event's payload, under the contract's name.
    pub fn into_event(self, contract: Name) -> ContractCoverage {
        ContractCoverage {
            contract,
            operations: self.operations,
        }
    }
}
