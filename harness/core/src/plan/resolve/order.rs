//! Orders services so that each starts after what it needs, and tells the circles in which that can't be.

use super::findings::Findings;
use crate::plan::target::ServicePlan;
use crate::suite::at::Named;
use crate::suite::document::Document;
use crate::suite::raw::{ConfigFile, Service};

/// The services, needed ones first, otherwise in the order typed. A circle is told once, at its first service.
pub(super) fn by_need(
    doc: &Document<ConfigFile>,
    mut waiting: Vec<ServicePlan>,
    raw: &Named<Service>,
    found: &mut Findings,
) -> Vec<ServicePlan> {
    let mut ordered: Vec<ServicePlan> = Vec::new();
    while !waiting.is_empty() {
        // A need that is not waiting is either started or was refused with an error of its own.
        let ready = waiting.iter().position(|s| {
            !s.needs
                .iter()
                .any(|need| waiting.iter().any(|w| w.name == *need))
        });
        let next = ready.unwrap_or_else(|| {
            let circle = circle(&waiting);
            let first = circle.first().copied().unwrap_or(0);
            let names: Vec<String> =
                circle.iter().chain(&[first]).filter_map(|i| waiting.get(*i)).map(|s| format!("`{}`", s.name)).collect();
            let key = raw.iter().find(|(key, _)| waiting.get(first).is_some_and(|s| s.name.as_str() == key.value));
            if let Some((key, _)) = key {
                let message = format!("services need each other before they start: {}", names.join(" → "));
                let hint = "a service needs what its env, command and `needs` refer to: break the circle at one of them";
                found.error_with(doc.at(key), message, hint);
            }
            // Broken here, so that what lies behind the circle is still checked.
            first
        });
        ordered.push(waiting.remove(next));
    }
    ordered
}

/// A circle among services of which each needs another one of them, as indices.
fn circle(waiting: &[ServicePlan]) -> Vec<usize> {
    let mut path = vec![0];
    loop {
        let last = path.last().and_then(|i| waiting.get(*i));
        let next = last.and_then(|s| waiting.iter().position(|w| s.needs.contains(&w.name)));
        match next {
            None => return path,
            Some(next) => match path.iter().position(|i| *i == next) {
                Some(begin) => return path.split_off(begin),
                None => path.push(next),
            },
        }
    }
}
