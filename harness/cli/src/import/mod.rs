//! Journeys made of what other programs wrote: what was read becomes drafts, drafts become TOML that `harness check` takes.
//! Pure; files are read and written by `commands::import`. What lets somebody in is never in what comes out.

pub(crate) mod captures;
mod chain;
pub(crate) mod curl;
pub(crate) mod har;
pub(crate) mod openapi;
mod secrets;
mod shell;
mod toml;

pub(crate) use secrets::hide;
pub(crate) use toml::{config, journey};

use harness_core::http::Method;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

/// What can't be imported, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {message}")]
pub(crate) struct ImportError {
    /// `line 3, column 7`, `entry 12`.
    pub(crate) place: String,
    /// What is wrong there.
    pub(crate) message: String,
    /// What to do.
    pub(crate) hint: String,
}

/// What was read.
#[derive(Debug, Default)]
pub(crate) struct Imported {
    /// Where most of it goes: `http://localhost:8080`.
    pub(crate) base: String,
    /// Other addresses, by the name of the service they become.
    pub(crate) services: BTreeMap<String, String>,
    /// The journeys.
    pub(crate) journeys: Vec<Draft>,
    /// Secrets: name → environment variable.
    pub(crate) secrets: BTreeMap<String, String>,
    /// Certificates need not be trusted, as the command lines have it.
    pub(crate) insecure: bool,
    /// What was left out, and why.
    pub(crate) notes: Vec<String>,
}

/// A journey.
#[derive(Debug, Clone, Default)]
pub(crate) struct Draft {
    /// Its file's name.
    pub(crate) name: String,
    /// Its title.
    pub(crate) title: String,
    /// Values set before its first step.
    pub(crate) variables: BTreeMap<String, String>,
    /// Its steps.
    pub(crate) steps: Vec<Step>,
}

/// A step. Its texts are templates: what was read went through [`literal`].
#[derive(Debug, Clone)]
pub(crate) struct Step {
    /// Its name.
    pub(crate) name: String,
    /// The method.
    pub(crate) method: Method,
    /// The service asked, if not the way in.
    pub(crate) service: Option<String>,
    /// Path and query.
    pub(crate) path: String,
    /// Headers, by lower-case name.
    pub(crate) headers: BTreeMap<String, String>,
    /// The body.
    pub(crate) body: Body,
    /// What must hold.
    pub(crate) expect: Vec<String>,
    /// Values kept: variable → where.
    pub(crate) capture: BTreeMap<String, String>,
    /// Redirects followed.
    pub(crate) redirects: u8,
    /// Pause after it.
    pub(crate) think: Option<Duration>,
}

impl Step {
    fn new(method: Method, path: String) -> Self {
        Self {
            name: String::new(),
            method,
            service: None,
            path,
            headers: BTreeMap::new(),
            body: Body::None,
            expect: Vec::new(),
            capture: BTreeMap::new(),
            redirects: 0,
            think: None,
        }
    }
}

/// A body.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Body {
    /// None.
    None,
    /// JSON; its texts are templates.
    Json(Value),
    /// Text.
    Text(String),
}

impl Body {
    /// JSON where it is some that TOML can hold, else text. Not yet a template.
    fn of(text: &str, content_type: Option<&str>) -> Self {
        if text.is_empty() {
            return Self::None;
        }
        let json = content_type.is_some_and(|kind| kind.contains("json"));
        match serde_json::from_str::<Value>(text) {
            Ok(value) if json && toml::holds(&value) => Self::Json(each_text(&value, &literal)),
            _ => Self::Text(literal(text)),
        }
    }
}

/// The same value with every text of it, keys aside, as something else.
fn each_text(value: &Value, change: &dyn Fn(&str) -> String) -> Value {
    match value {
        Value::String(text) => Value::String(change(text)),
        Value::Array(all) => all.iter().map(|one| each_text(one, change)).collect(),
        Value::Object(all) => {
            let all = all.iter();
            all.map(|(key, one)| (key.clone(), each_text(one, change)))
                .collect()
        }
        other => other.clone(),
    }
}

/// A text as a template that stands for itself.
fn literal(text: &str) -> String {
    text.replace("{{", "{{{{").replace("${", "$${")
}

/// Splits a URL into `scheme://authority` and its path with the query, without a fragment.
fn split(url: &str) -> Option<(&str, String)> {
    let scheme = url.find("://")?;
    if !["http", "https"].contains(&url[..scheme].to_ascii_lowercase().as_str()) {
        return None;
    }
    let rest = &url[scheme + 3..];
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    if end == 0 {
        return None;
    }
    let (base, path) = (&url[..scheme + 3 + end], &rest[end..]);
    let path = path.split('#').next().unwrap_or_default();
    let slash = if path.starts_with('/') { "" } else { "/" };
    Some((base, format!("{slash}{path}")))
}

/// A name fit for a file and a table: lower case letters, digits and dashes, at most 60.
pub(crate) fn slug(text: &str) -> String {
    let mut slug = String::new();
    for c in text.to_lowercase().chars() {
        match c.is_ascii_alphanumeric() {
            true => slug.push(c),
            false if slug.ends_with('-') || slug.is_empty() => {}
            false => slug.push('-'),
        }
    }
    let slug: String = slug.chars().take(60).collect();
    let slug = slug.trim_matches('-');
    if slug.is_empty() {
        "imported".to_owned()
    } else {
        slug.to_owned()
    }
}

/// Gives each step a name of its own: what it sends where, numbered where several are alike.
fn name_steps(steps: &mut [Step]) {
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    for step in steps {
        let path = step.path.split('?').next().unwrap_or_default();
        // What is filled in there is a part of the path with a name.
        let path = path.replace("{{ ", "{").replace(" }}", "}");
        let path: String = path.chars().take(80).collect();
        let name = format!("{} {path}", step.method);
        let times = seen.entry(name.clone()).or_default();
        *times += 1;
        step.name = match *times {
            1 => name,
            n => format!("{name} ({n})"),
        };
    }
}

/// Makes the address that most steps go to the way in, and services of the others. Steps come with their `base`.
fn spread(imported: &mut Imported, steps: Vec<(String, Step)>) -> Vec<Step> {
    let mut times: Vec<(&str, usize)> = Vec::new();
    for (base, _) in &steps {
        match times.iter_mut().find(|(known, _)| known == base) {
            Some((_, n)) => *n += 1,
            None => times.push((base, 1)),
        }
    }
    // The first of those used most.
    let most = times.iter().rev().max_by_key(|(_, n)| *n);
    imported.base = most.map_or_else(String::new, |(base, _)| (*base).to_owned());
    let main = imported.base.clone();
    let named = |(base, mut step): (String, Step)| {
        if base != main {
            let host = base.split("://").nth(1).unwrap_or_default();
            let mut name = slug(host);
            let taken = imported.services.get(&name).is_some_and(|url| *url != base);
            if taken {
                name = slug(&base);
            }
            imported.services.insert(name.clone(), base);
            step.service = Some(name);
        }
        step
    };
    steps.into_iter().map(named).collect()
}
