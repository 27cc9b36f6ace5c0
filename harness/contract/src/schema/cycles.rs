//! Finds and breaks schemas that contain themselves at the same place of the value (`A: {allOf: [A]}`): they mean
//! nothing and would send a validator into endless recursion. Recursion through a property or an item is fine.

use super::reference_index;
use serde_json::Value;

/// Longest chain of schemas that apply to one place of a value.
const CHAIN: usize = 64;
/// Keywords whose schemas apply to the very value the schema itself applies to.
const IN_PLACE: [&str; 7] = ["allOf", "anyOf", "oneOf", "not", "if", "then", "else"];

/// Cuts every reference that closes such a circle; returns the pointers of the schemas that had one.
pub(super) fn break_cycles(defs: &mut [(String, Value)]) -> Vec<String> {
    let mut done = vec![false; defs.len()];
    let mut broken = Vec::new();
    for start in 0..defs.len() {
        visit(defs, start, &mut Vec::new(), &mut done, &mut broken);
    }
    broken
}

fn visit(
    defs: &mut [(String, Value)],
    at: usize,
    path: &mut Vec<usize>,
    done: &mut [bool],
    broken: &mut Vec<String>,
) {
    if done.get(at).copied().unwrap_or(true) {
        return;
    }
    path.push(at);
    let mut targets = Vec::new();
    if let Some((_, value)) = defs.get(at) {
        in_place(value, &mut targets);
    }
    for target in targets {
        if path.contains(&target) || path.len() >= CHAIN {
            if let Some((pointer, value)) = defs.get_mut(at) {
                remove(value, target);
                broken.push(pointer.clone());
            }
        } else {
            visit(defs, target, path, done, broken);
        }
    }
    path.pop();
    if let Some(mark) = done.get_mut(at) {
        *mark = true;
    }
}

fn in_place(schema: &Value, targets: &mut Vec<usize>) {
    let Value::Object(members) = schema else {
        return;
    };
    targets.extend(
        members
            .get("$ref")
            .and_then(Value::as_str)
            .and_then(reference_index),
    );
    for keyword in IN_PLACE {
        match members.get(keyword) {
            Some(Value::Array(branches)) => {
                branches.iter().for_each(|branch| in_place(branch, targets));
            }
            Some(branch) => in_place(branch, targets),
            None => {}
        }
    }
    if let Some(Value::Object(dependent)) = members.get("dependentSchemas") {
        dependent
            .values()
            .for_each(|branch| in_place(branch, targets));
    }
}

fn remove(schema: &mut Value, target: usize) {
    let Value::Object(members) = schema else {
        return;
    };
    if members
        .get("$ref")
        .and_then(Value::as_str)
        .and_then(reference_index)
        == Some(target)
    {
        members.remove("$ref");
    }
    for keyword in IN_PLACE {
        match members.get_mut(keyword) {
            Some(Value::Array(branches)) => branches
                .iter_mut()
                .for_each(|branch| remove(branch, target)),
            Some(branch) => remove(branch, target),
            None => {}
        }
    }
    if let Some(Value::Object(dependent)) = members.get_mut("dependentSchemas") {
        dependent
            .values_mut()
            .for_each(|branch| remove(branch, target));
    }
}
