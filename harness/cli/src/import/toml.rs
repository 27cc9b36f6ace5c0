//! Drafts as TOML, in the order in which people write it.

use super::{Body, Draft, Imported, Step};
use harness_core::units::format_duration;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Whether TOML can hold a value and give it back as it was: it has no null, and whole numbers of 64 bits.
pub(super) fn holds(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Number(number) => number.is_i64() || number.is_f64(),
        Value::Array(all) => all.iter().all(holds),
        Value::Object(all) => all.values().all(holds),
        Value::Bool(_) | Value::String(_) => true,
    }
}

fn text(text: &str) -> String {
    ::toml::Value::String(text.to_owned()).to_string()
}

fn key(name: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    match !name.is_empty() && name.chars().all(bare) {
        true => name.to_owned(),
        // A literal string of several lines can't be a key.
        false => Value::from(name).to_string(),
    }
}

fn value(of: &Value) -> String {
    match of {
        Value::String(string) => text(string),
        Value::Array(all) => format!("[{}]", all.iter().map(value).collect::<Vec<_>>().join(", ")),
        Value::Object(all) => {
            let pairs: Vec<_> = all
                .iter()
                .map(|(name, of)| format!("{} = {}", key(name), value(of)))
                .collect();
            format!("{{ {} }}", pairs.join(", ")).replace("{  }", "{}")
        }
        other => other.to_string(),
    }
}

fn table(of: &BTreeMap<String, String>) -> String {
    let pairs: Vec<_> = of
        .iter()
        .map(|(name, of)| format!("{} = {}", key(name), text(of)))
        .collect();
    format!("{{ {} }}", pairs.join(", "))
}

/// A journey's file.
pub(crate) fn journey(draft: &Draft, origin: &str) -> String {
    let mut out = format!(
        "# Made by `harness import {origin}`.\ntitle = {}\n",
        text(&draft.title)
    );
    if !draft.variables.is_empty() {
        out.push_str("variables = ");
        out.push_str(&table(&draft.variables));
        out.push('\n');
    }
    for step in &draft.steps {
        // Writing to memory can't fail.
        let _ = write_step(&mut out, step);
    }
    out
}

fn write_step(out: &mut String, step: &Step) -> std::fmt::Result {
    writeln!(out, "\n[[step]]\nname = {}", text(&step.name))?;
    let method = step.method.as_str().to_ascii_lowercase();
    writeln!(out, "{method} = {}", text(&step.path))?;
    if let Some(service) = &step.service {
        writeln!(out, "service = {}", text(service))?;
    }
    if !step.headers.is_empty() {
        writeln!(out, "headers = {}", table(&step.headers))?;
    }
    match &step.body {
        Body::None => {}
        Body::Json(json) => writeln!(out, "json = {}", value(json))?,
        Body::Text(body) => writeln!(out, "text = {}", text(body))?,
    }
    if step.redirects > 0 {
        writeln!(out, "redirects = {}", step.redirects)?;
    }
    if !step.expect.is_empty() {
        let all: Vec<_> = step.expect.iter().map(|one| text(one)).collect();
        writeln!(out, "expect = [{}]", all.join(", "))?;
    }
    if !step.capture.is_empty() {
        writeln!(out, "capture = {}", table(&step.capture))?;
    }
    if let Some(think) = step.think {
        writeln!(out, "think = {}", text(&format_duration(think)))?;
    }
    Ok(())
}

/// The parts of harness.toml that journeys need; `whole`: the file, not only what is to be added to one.
pub(crate) fn config(imported: &Imported, name: &str, whole: bool) -> String {
    let mut out = String::new();
    if whole {
        let (name, url) = (text(name), text(&imported.base));
        out = format!("[project]\nname = {name}\n\n[target]\nmode = \"external\"\nurl = {url}\n");
        if imported.insecure {
            out.push_str("\n[target.tls]\ninsecure = true\n");
        }
    }
    for (name, url) in &imported.services {
        out.push_str(&format!("\n[target.service.{name}]\nurl = {}\n", text(url)));
    }
    if !imported.secrets.is_empty() {
        out.push_str("\n[secret]\n");
        for (name, variable) in &imported.secrets {
            out.push_str(&format!("{name} = {{ env = {} }}\n", text(variable)));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_reads_back(written in "\\PC{0,40}", name in "\\PC{1,10}", n in any::<i64>(), f in -1e9f64..1e9) {
            let json = serde_json::json!({ name: [written, n, f, true, { "a b": {} }] });
            prop_assert!(holds(&json));
            let line = format!("json = {}", value(&json));
            let read: ::toml::Table = ::toml::from_str(&line).map_err(|e| TestCaseError::fail(format!("{e}: {line}")))?;
            let read = serde_json::to_value(&read["json"]).unwrap();
            prop_assert_eq!(read, json);
        }
    }
}
