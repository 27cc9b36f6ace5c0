//! What identifies a plan, and what makes two runs comparable. Canonical JSON under SHA-256; knows no baseline.

use super::{Plan, ScenarioPlan};
use crate::name::Name;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;

/// The digest over everything in a plan but the digests themselves. Hex.
pub(super) fn plan(plan: &Plan) -> String {
    let mut value = to_value(plan);
    if let Some(object) = value.as_object_mut() {
        object.remove("plan_digest");
        object.remove("workload_digest");
    }
    hash(&value)
}

/// The digest over what changes a measurement: shapes, journeys under load, data, faults, target mode, variant.
/// Not the seed, gates, titles, tags or line numbers. Hex.
pub(super) fn workload(plan: &Plan) -> String {
    of_scenarios(plan, &plan.scenarios.iter().collect::<Vec<_>>())
}

/// The same of one scenario: what other scenarios a run plays is no part of it. Hex.
pub(super) fn scenario(plan: &Plan, name: &Name) -> String {
    let here = plan.scenarios.iter().filter(|s| s.name == *name);
    of_scenarios(plan, &here.collect::<Vec<_>>())
}

fn of_scenarios(plan: &Plan, scenarios: &[&ScenarioPlan]) -> String {
    let journeys = plan.journeys.iter().filter(|journey| {
        scenarios
            .iter()
            .any(|s| s.load.mix.iter().any(|entry| entry.journey == journey.name))
    });
    let journeys: BTreeMap<&str, Value> = journeys
        .map(|j| (j.name.as_str(), measured(to_value(j))))
        .collect();
    let scenarios: Vec<Value> = scenarios
        .iter()
        .map(|s| json!({ "name": s.name, "fresh": s.fresh, "load": s.load, "faults": s.faults, "settle": s.settle.as_nanos() as u64 }))
        .collect();
    hash(&json!({
        "journeys": journeys,
        "scenarios": scenarios,
        "mode": plan.target.mode,
        "variant": plan.variant,
        "traceparent": plan.traceparent,
    }))
}

/// A journey without what only people read.
fn measured(mut journey: Value) -> Value {
    if let Some(object) = journey.as_object_mut() {
        for told in ["title", "tags", "origin"] {
            object.remove(told);
        }
        // Of rows in a file the hash measures, and not its name.
        if let Some(rows) = object.get_mut("rows").and_then(Value::as_object_mut) {
            rows.remove("file");
        }
        for step in object
            .get_mut("steps")
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            step.as_object_mut().map(|step| step.remove("origin"));
        }
    }
    journey
}

/// A plan's types hold nothing that JSON can't: a failure would be a defect of theirs, and then no digest matches.
fn to_value(value: &impl serde::Serialize) -> Value {
    serde_json::to_value(value).unwrap_or(Value::Null)
}

fn hash(value: &Value) -> String {
    let mut text = String::new();
    canonical(value, &mut text);
    Sha256::digest(text.as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// JSON with keys sorted and no spaces, so that field order in the code is no part of a digest.
fn canonical(value: &Value, out: &mut String) {
    match value {
        Value::Object(entries) => {
            let sorted: BTreeMap<&String, &Value> = entries.iter().collect();
            out.push('{');
            for (index, (key, value)) in sorted.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                out.push_str(&Value::from(key.as_str()).to_string());
                out.push(':');
                canonical(value, out);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                canonical(item, out);
            }
            out.push(']');
        }
        leaf => out.push_str(&leaf.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_keys_does_not_matter() {
        assert_eq!(
            hash(&json!({"a": 1, "b": [true, null]})),
            hash(&json!({"b": [true, null], "a": 1}))
        );
        assert_ne!(hash(&json!({"a": 1})), hash(&json!({"a": 2})));
        assert_eq!(
            hash(&json!({})),
            "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
        );
    }
}
