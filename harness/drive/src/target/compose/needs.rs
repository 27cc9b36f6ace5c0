//! Whom a service of a Compose file can't be without, and how far each must have come before it starts. Pure.

use super::project::Wants;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// How far a service must have come before one that needs it starts; each is more than the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Until {
    /// It runs.
    Started,
    /// Its health check says that it is well.
    Healthy,
    /// It ended with exit code 0.
    Completed,
}

/// Whom a service needs, and how far each must have come. What the tool made of a file has `depends_on` as a map; as a
/// list it is what an older one takes.
pub fn of(service: &Value) -> BTreeMap<String, Until> {
    let texts = |key: &str| -> Vec<&str> {
        let list = service[key].as_array().into_iter().flatten();
        list.filter_map(Value::as_str).collect()
    };
    let shared = ["network_mode", "ipc", "pid"].into_iter();
    let shared = shared.filter_map(|key| service[key].as_str()?.strip_prefix("service:"));
    // `db:alias`, `db:ro`.
    let begun = texts("links").into_iter().chain(texts("volumes_from"));
    let begun = begun.filter(|text| !text.starts_with("container:"));
    let begun = begun.map(|text| text.split_once(':').map_or(text, |(name, _)| name));
    let named = texts("depends_on").into_iter().chain(shared).chain(begun);
    let mut needs: BTreeMap<String, Until> = named
        .map(|name| (name.to_owned(), Until::Started))
        .collect();
    for (name, edge) in service["depends_on"].as_object().into_iter().flatten() {
        let until = match edge["condition"].as_str() {
            Some("service_healthy") => Until::Healthy,
            Some("service_completed_successfully") => Until::Completed,
            _ => Until::Started,
        };
        needs.insert(name.clone(), until);
    }
    needs
}

/// The services that are wanted, and those they can't be without.
pub(super) fn all(services: &Map<String, Value>, wants: &Wants) -> BTreeSet<String> {
    let mut needed = BTreeSet::new();
    let mut open: Vec<String> = wants.services.keys().cloned().collect();
    while let Some(name) = open.pop() {
        // One that may be missing (`required: false`) is left out.
        let Some(service) = services.get(&name) else {
            continue;
        };
        if needed.insert(name) {
            open.extend(of(service).into_keys());
        }
    }
    needed
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn whoever_is_named_is_needed_as_far_as_is_said() {
        let service = json!({
            "depends_on": {
                "db": { "condition": "service_healthy", "required": true },
                "migrate": { "condition": "service_completed_successfully" },
                "cache": { "condition": "service_started" },
            },
            "links": ["mail:post", "db"],
            "volumes_from": ["files:ro", "container:other"],
            "network_mode": "service:vpn",
        });
        let needs = of(&service);
        let told: Vec<_> = needs
            .iter()
            .map(|(name, until)| (name.as_str(), *until))
            .collect();
        assert_eq!(
            told,
            [
                ("cache", Until::Started),
                ("db", Until::Healthy),
                ("files", Until::Started),
                ("mail", Until::Started),
                ("migrate", Until::Completed),
                ("vpn", Until::Started),
            ]
        );
        let list = of(&json!({ "depends_on": ["db"] }));
        assert_eq!(list, [("db".to_owned(), Until::Started)].into());
    }
}
