//! What lets somebody in, taken out of drafts: credentials in headers, queries and bodies become `${secret.NAME}`, read from
//! the environment. A value that was captured from an answer is none.

use super::{Body, Imported, Step, each_text};
use percent_encoding::percent_decode_str;
use serde_json::Value;
use std::collections::BTreeMap;

/// Words in a name that tell that its value lets somebody in.
const TELLING: [&str; 14] = [
    "authorization",
    "cookie",
    "apikey",
    "api-key",
    "api_key",
    "access-key",
    "access_key",
    "auth-key",
    "token",
    "secret",
    "password",
    "passwd",
    "credential",
    "signature",
];

/// Whether a field's value lets somebody in.
fn tells(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let short = [
        "key",
        "pwd",
        "pass",
        "sid",
        "sig",
        "session",
        "sessionid",
        "jwt",
        "x-key",
    ];
    TELLING.iter().any(|word| name.contains(word)) || short.contains(&name.as_str())
}

/// The secrets found so far: a value is one secret, wherever it stands.
struct Found<'i> {
    secrets: &'i mut BTreeMap<String, String>,
    values: Vec<(String, String)>,
}

impl Found<'_> {
    /// What is written instead of a value.
    fn instead(&mut self, field: &str, value: &str) -> String {
        // Captured, or a secret already; what merely looks like a hole was doubled when it was read.
        let filled = value.replace("{{{{", "").replace("$${", "");
        if value.is_empty() || filled.contains("{{ ") || filled.contains("${") {
            return value.to_owned();
        }
        if let Some((name, _)) = self.values.iter().find(|(_, known)| known == value) {
            return format!("${{secret.{name}}}");
        }
        let first = super::slug(field).replace('-', "_");
        let mut name = first.clone();
        let mut n = 2;
        while self.secrets.contains_key(&name) {
            name = format!("{first}_{n}");
            n += 1;
        }
        self.secrets.insert(name.clone(), name.to_ascii_uppercase());
        self.values.push((name.clone(), value.to_owned()));
        format!("${{secret.{name}}}")
    }
}

/// Takes them out of every step.
pub(crate) fn hide(imported: &mut Imported) {
    let mut found = Found {
        secrets: &mut imported.secrets,
        values: Vec::new(),
    };
    let steps = imported.journeys.iter_mut().flat_map(|j| &mut j.steps);
    for step in steps {
        hide_in(step, &mut found);
    }
}

fn hide_in(step: &mut Step, found: &mut Found<'_>) {
    for (name, value) in &mut step.headers {
        if !tells(name) {
            continue;
        }
        // The scheme is no secret.
        let scheme = value
            .split_once(' ')
            .filter(|_| name.contains("authorization"));
        *value = match scheme {
            Some((scheme, rest)) => format!("{scheme} {}", found.instead(name, rest)),
            None => found.instead(name, value),
        };
    }
    if let Some((path, query)) = step.path.split_once('?') {
        step.path = format!("{path}?{}", pairs(query, found));
    }
    let form = step
        .headers
        .get("content-type")
        .is_some_and(|kind| kind.contains("x-www-form-urlencoded"));
    match &mut step.body {
        Body::None => {}
        Body::Json(value) => *value = fields(value, found),
        Body::Text(text) if form => *text = pairs(text, found),
        Body::Text(text) => {
            // JSON that TOML can't hold is text, and may hold a password all the same.
            if let Ok(value) = serde_json::from_str::<Value>(text)
                && matches!(value, Value::Object(_) | Value::Array(_))
            {
                let hidden = fields(&value, found);
                if hidden != value {
                    *text = hidden.to_string();
                }
            }
        }
    }
}

/// `a=b&token=…`, with what is telling taken out; what is filled in there is percent-encoded by whoever fills it in.
fn pairs(text: &str, found: &mut Found<'_>) -> String {
    let one = |pair: &str| match pair.split_once('=') {
        Some((name, value)) if tells(name) => {
            let plain = percent_decode_str(&value.replace('+', " "))
                .decode_utf8_lossy()
                .into_owned();
            let instead = found.instead(name, &plain);
            if instead == plain {
                pair.to_owned()
            } else {
                format!("{name}={instead}")
            }
        }
        _ => pair.to_owned(),
    };
    text.split('&').map(one).collect::<Vec<_>>().join("&")
}

fn fields(value: &Value, found: &mut Found<'_>) -> Value {
    match value {
        Value::Object(all) => {
            let one = |(key, value): (&String, &Value)| {
                let value = match value {
                    Value::String(text) if tells(key) => found.instead(key, text).into(),
                    value => fields(value, found),
                };
                (key.clone(), value)
            };
            all.iter().map(one).collect()
        }
        Value::Array(all) => all.iter().map(|one| fields(one, found)).collect(),
        other => each_text(other, &str::to_owned),
    }
}
