//! Without a suite of one's own: what `harness load URL` and `harness contract URL DOC` share, and the second of them. A
//! suite is made of the command line, which then goes the way of every suite, so that checks, figures and reports are
//! the same.

use super::home;
use super::run::prepare;
use super::session::{self, Manner, Prepared};
use super::theme;
use crate::args::{ContractArgs, Output};
use crate::bounded;
use crate::error::CliError;
use crate::printer::Printer;
use crate::sources::{self, Found};
use harness_core::plan::resolve::Choice;
use harness_core::suite::{FILE_LIMIT, Sources};
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Checks a running API against its document.
pub(crate) fn contract(args: &ContractArgs, printer: Printer) -> Result<u8, CliError> {
    without_userinfo(&args.url)?;
    if args.document.contains("://") {
        without_userinfo(&args.document)?;
    }
    let headers = headers(&args.headers)?;
    let (name, bytes) = document(&args.document)?;
    let mut harness = suite(args.url.trim_end_matches('/'), headers.secrets);
    harness["contract"] = json!({ "api": { "openapi": name, "headers": headers.texts } });
    let mut sources = sources(&[("harness.toml", harness)])?;
    let called = called(&args.document);
    sources.add_called(name, called, bytes);
    let choice = Choice {
        seed: args.seed,
        ..Choice::default()
    };
    let mut prepared = planned(sources, &choice, printer)?;
    for contract in &mut prepared.plan.contracts {
        called.clone_into(&mut contract.document);
    }
    prepared.plan = prepared.plan.digested();
    let manner = Manner {
        output: &kept(&args.output),
        theme: &theme::find(&args.output.theme, Some(&prepared.root), printer)?,
        tells: true,
        one_url: None,
    };
    let ended = session::execute(prepared, manner, printer);
    home::tidy(printer);
    ended
}

/// Plans a suite made here; findings are printed.
pub(super) fn planned(
    sources: Sources,
    choice: &Choice,
    printer: Printer,
) -> Result<Prepared, CliError> {
    let root = here()?;
    prepare(&Found { root, sources }, choice, printer)
}

/// Where a run without a suite of its own is kept, if nobody says: among the runs of the suite that is here, else with the
/// user's other state, so that nothing is left in a folder that has no suite.
pub(super) fn kept(output: &Output) -> Output {
    let mut output = output.clone();
    if output.reports.is_none() {
        let suite = sources::root(None).ok();
        let own = suite.map(|root| root.join("reports").join("runs"));
        output.reports = own.or_else(home::runs);
    }
    output
}

/// The folder that paths of the command line count from.
pub(super) fn here() -> Result<PathBuf, CliError> {
    std::env::current_dir().map_err(|source| CliError::File {
        doing: "read",
        path: ".".into(),
        source,
    })
}

pub(super) fn suite(base: &str, secrets: Value) -> Value {
    json!({
        "project": { "name": base },
        "target": { "mode": "external", "url": base },
        "secret": secrets,
    })
}

/// TOML texts of some values; what a person typed stays a string in them, whatever it holds.
pub(super) fn sources(files: &[(&str, Value)]) -> Result<Sources, CliError> {
    let mut sources = Sources::new();
    for (name, value) in files {
        let text = toml::to_string(value).map_err(|error| CliError::Usage {
            message: format!("failed to make a suite of the command line: {error}"),
            hint: String::new(),
        })?;
        sources.add(*name, text);
    }
    Ok(sources)
}

/// Splits a URL into `scheme://authority` and the rest, which is `/` at least.
pub(super) fn split(url: &str) -> Result<(&str, &str), CliError> {
    let usage = || CliError::Usage {
        message: format!("`{url}` is not a URL"),
        hint: "write it with its scheme, such as http://localhost:8080/path".into(),
    };
    let scheme = url.find("://").ok_or_else(usage)?;
    let authority = &url[scheme + 3..];
    let end = authority
        .find(['/', '?', '#'])
        .map_or(url.len(), |at| scheme + 3 + at);
    if end == scheme + 3 {
        return Err(usage());
    }
    let rest = url
        .get(end..)
        .filter(|rest| !rest.is_empty())
        .unwrap_or("/");
    Ok((&url[..end], rest))
}

/// Refuses a URL with a user or a password in it, which every report would show. Never repeats the URL.
pub(super) fn without_userinfo(url: &str) -> Result<(), CliError> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return Err(CliError::Usage {
            message: "the URL holds a user or a password".into(),
            hint: "leave it out and send it in a way that is kept out of reports: -a USER:PASSWORD with `load`, or -H 'authorization: Basic …'"
                .into(),
        });
    }
    Ok(())
}

/// Headers of the command line, as a suite has them.
#[derive(Debug)]
pub(super) struct Headers {
    /// Names and texts.
    pub(super) texts: Value,
    /// The secrets that the texts speak of, with the values as defaults.
    pub(super) secrets: Value,
}

impl Headers {
    /// Keeps one more value out of reports.
    pub(super) fn add_secret(&mut self, name: &str, env: &str, value: &str) {
        self.secrets[name] = json!({ "env": env, "default": value });
    }
}

/// Headers `name: value` as a table, which holds each name once. Values that let somebody in become secrets, so that no
/// report shows them.
pub(super) fn headers(given: &[String]) -> Result<Headers, CliError> {
    let (mut texts, mut secrets) = (Map::new(), Map::new());
    for text in given {
        let (name, value) = text.split_once(':').ok_or_else(|| CliError::Usage {
            // Not repeated: it may be a credential whose name was forgotten.
            message: "a header has no `:`".into(),
            hint: "write it as `name: value`".into(),
        })?;
        let (name, value) = (name.trim().to_ascii_lowercase(), value.trim());
        if texts.contains_key(&name) {
            return Err(CliError::Usage {
                message: format!("the header {name} is given twice"),
                hint: "a request carries it once: join the values with a comma".into(),
            });
        }
        let (before, hidden) = credential(&name, value);
        if hidden.is_empty() {
            texts.insert(name, json!(value));
            continue;
        }
        let secret = format!("header-{}", secrets.len() + 1);
        texts.insert(name, json!(format!("{before}${{secret.{secret}}}")));
        let env = format!("HARNESS_HEADER_{}", secrets.len() + 1);
        secrets.insert(secret, json!({ "env": env, "default": hidden }));
    }
    Ok(Headers {
        texts: Value::Object(texts),
        secrets: Value::Object(secrets),
    })
}

/// Splits a header's value into what may be shown and what lets somebody in; the second is empty for most headers, and
/// for a value that is filled in, which is not written here.
fn credential<'v>(name: &str, value: &'v str) -> (&'v str, &'v str) {
    let telling = [
        "authorization",
        "cookie",
        "key",
        "token",
        "secret",
        "password",
    ];
    let filled = value.contains("{{") || value.contains("${");
    if filled || !telling.iter().any(|word| name.contains(word)) {
        return (value, "");
    }
    // The scheme is no secret, and a target may say the rest without it.
    match value.split_once(' ') {
        Some((scheme, rest)) if name.contains("authorization") && !rest.trim().is_empty() => {
            value.split_at(scheme.len() + 1)
        }
        _ => ("", value),
    }
}

/// What a document is called wherever it is told of: of an address without its query, which may let somebody in.
fn called(document: &str) -> &str {
    match is_address(document) {
        true => document.split(['?', '#']).next().unwrap_or(document),
        false => document,
    }
}

fn is_address(document: &str) -> bool {
    ["http://", "https://"]
        .iter()
        .any(|scheme| document.starts_with(scheme))
}

/// A document's bytes, from a file or from where it is served, and a name to know it by.
fn document(at: &str) -> Result<(String, Vec<u8>), CliError> {
    let kind = if at.ends_with(".yaml") || at.ends_with(".yml") {
        "document.yaml"
    } else {
        "document.json"
    };
    if is_address(at) {
        let fetched = harness_drive::http_client::fetch(at, Duration::from_secs(30));
        let failed = |reason: String| {
            let reason = reason.replace(at, called(at));
            CliError::Machine(format!("failed to fetch {}: {reason}", called(at)))
        };
        let bytes = fetched.map_err(failed)?;
        return Ok((kind.to_owned(), bytes));
    }
    let read = bounded::read(Path::new(at), FILE_LIMIT);
    let bytes = read.map_err(|source| CliError::Input {
        path: at.into(),
        source,
    })?;
    Ok((kind.to_owned(), bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(given: &[&str]) -> (Value, Value) {
        let given: Vec<_> = given.iter().map(|text| (*text).to_owned()).collect();
        let headers = headers(&given).unwrap();
        (headers.texts, headers.secrets)
    }

    #[test]
    fn what_lets_somebody_in_becomes_a_secret() {
        let (texts, secrets) = of(&[
            "Authorization: Bearer hunter2!",
            "cookie: session=abcdef",
            "X-API-Key: key-12345",
            "x-csrf-token: token-1",
            "accept: text/plain",
            "idempotency-key: {{ uuid() }}",
        ]);
        assert_eq!(
            texts,
            json!({
                "authorization": "Bearer ${secret.header-1}",
                "cookie": "${secret.header-2}",
                "x-api-key": "${secret.header-3}",
                "x-csrf-token": "${secret.header-4}",
                "accept": "text/plain",
                "idempotency-key": "{{ uuid() }}",
            })
        );
        let values: Vec<_> = secrets.as_object().unwrap().values().collect();
        let values: Vec<_> = values.iter().map(|secret| &secret["default"]).collect();
        assert_eq!(
            values,
            ["hunter2!", "session=abcdef", "key-12345", "token-1"]
        );
    }

    #[test]
    fn the_plan_of_such_a_suite_does_not_hold_the_value() {
        let (texts, secrets) = of(&["authorization: Bearer hunter2!"]);
        let mut harness = suite("http://127.0.0.1:1", secrets);
        harness["contract"] = json!({ "api": { "openapi": "document.json", "headers": texts } });
        let mut sources = sources(&[("harness.toml", harness)]).unwrap();
        let document =
            r#"{"openapi":"3.0.0","info":{"title":"t","version":"1"},"paths":{"/":{"get":{}}}}"#;
        sources.add("document.json", document.as_bytes().to_vec());
        let found = Found {
            root: ".".into(),
            sources,
        };
        let planned = super::super::suite::plan(&found, &Choice::default());
        let plan = serde_json::to_string(&planned.plan.unwrap()).unwrap();
        assert!(!plan.contains("hunter2"), "{plan}");
        assert!(plan.contains("secret.header-1"), "{plan}");
        let defaults = planned.suite.unwrap().secret_defaults();
        assert!(defaults.values().eq(["hunter2!"]));
    }

    #[test]
    fn a_url_with_a_password_is_refused_and_not_repeated() {
        for url in [
            "http://user:hunter2@shop/x",
            "user:hunter2@shop",
            "https://user@shop?a",
        ] {
            let refused = without_userinfo(url).unwrap_err();
            assert_eq!(refused.code(), 2);
            assert!(!refused.to_string().contains("hunter2"), "{refused}");
        }
        assert!(without_userinfo("http://shop/mail?to=a@b").is_ok());
    }
}
