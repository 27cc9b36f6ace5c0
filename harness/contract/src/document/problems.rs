//! What was wrong with a document, condensed: one finding per kind of problem, however many places have it.

use super::model::{Defect, Form, Lack};
use crate::finding::Finding;
use crate::schema::cut;
use harness_core::event::ContractCheck;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Places named in one message.
const NAMED: usize = 2;

/// Problems by what they are, with the places that have them.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    places: BTreeMap<String, Vec<String>>,
    /// Those that leave a part out which is needed.
    lacks: BTreeMap<String, Lack>,
    /// The anchors of the document, once a reference goes by one.
    anchors: Option<BTreeSet<String>>,
}

impl Problems {
    /// Notes that the problem `what` stands at `pointer`.
    pub(crate) fn add(&mut self, what: &str, pointer: &str) {
        let places = self.places.entry(what.to_owned()).or_default();
        if !places.iter().any(|known| known == pointer) {
            places.push(pointer.to_owned());
        }
    }

    /// Notes that a part which is needed can't be had: `what`, at `pointer`.
    pub(crate) fn lack(&mut self, what: &str, pointer: &str, lack: Lack) {
        self.lacks.entry(what.to_owned()).or_insert(lack);
        self.add(what, pointer);
    }

    /// Notes a reference that no pointer into the document `root` could be made of: one that leads nowhere, or one that may be
    /// as it should, but goes by what is not read.
    pub(crate) fn unresolved(&mut self, root: &Value, reference: &str, pointer: &str) {
        let named = cut(reference);
        let anchor = reference.strip_prefix('#');
        let lack = |form| Lack::Unread(form, reference.to_owned());
        let (what, lack) = if anchor.is_some_and(|name| self.anchored(root, name)) {
            let what = format!("`$ref` {named} goes by an anchor, which is not read");
            (what, lack(Form::Anchor))
        } else if is_address(reference) {
            let what = format!("`$ref` {named} is an address, which is not fetched");
            (what, lack(Form::Address))
        } else {
            let what = format!("`$ref` {named} leads nowhere in this document");
            (what, Lack::Reference(reference.to_owned()))
        };
        self.lack(&what, pointer, lack);
    }

    /// Whether a schema of the document has this anchor.
    fn anchored(&mut self, root: &Value, name: &str) -> bool {
        self.anchors
            .get_or_insert_with(|| anchors(root))
            .contains(name)
    }

    /// One finding per kind of problem, and those of them without which the document can't be used as it says.
    pub(crate) fn into_findings(self, document: &str) -> (Vec<Finding>, Vec<Defect>) {
        let Self { places, lacks, .. } = self;
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
            let message = format!("{what} (at {named}{more})");
            let finding = Finding::new(ContractCheck::Document, document, &what, message);
            let defect = lacks.get(&what).map(|lack| Defect {
                finding: finding.clone(),
                lack: lack.clone(),
            });
            (finding, defect)
        };
        let (findings, defects): (Vec<_>, Vec<_>) = places.into_iter().map(finding).unzip();
        (findings, defects.into_iter().flatten().collect())
    }
}

/// The names of all anchors, wherever they stand.
fn anchors(root: &Value) -> BTreeSet<String> {
    let (mut all, mut open) = (BTreeSet::new(), vec![root]);
    while let Some(value) = open.pop() {
        match value {
            Value::Array(items) => open.extend(items),
            Value::Object(members) => {
                let named = ["$anchor", "$dynamicAnchor"].iter();
                let named = named.filter_map(|key| members.get(*key)?.as_str());
                all.extend(named.map(str::to_owned));
                open.extend(members.values());
            }
            _ => {}
        }
    }
    all
}

/// Whether a reference begins with a scheme (RFC 3986, 3.1), as no name of a file beside the document does.
fn is_address(reference: &str) -> bool {
    let scheme = reference.split_once(':').map(|(scheme, _)| scheme);
    scheme.is_some_and(|scheme| {
        let rest = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
        scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.chars().all(rest)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_begins_with_a_scheme() {
        for address in ["https://a.example/b", "urn:a:b", "file:///a.yaml"] {
            assert!(is_address(address), "{address}");
        }
        for other in ["", "#/a:b", "a.yaml#/b", "a/b:c", ":a", "1a:b"] {
            assert!(!is_address(other), "{other}");
        }
    }
}
