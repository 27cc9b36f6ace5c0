//! `harness load URL` and `harness contract URL DOC`: a suite made of the command line, which then goes the way of every
//! suite, so that checks, figures and reports are the same.

use super::run::prepare;
use super::session;
use crate::args::{ContractArgs, LoadArgs, Output};
use crate::error::CliError;
use crate::printer::Printer;
use crate::sources::Found;
use harness_core::http::Method;
use harness_core::plan::resolve::Choice;
use harness_core::suite::Sources;
use serde_json::{Map, Value, json};
use std::path::Path;
use std::time::Duration;

/// Loads one URL.
pub(crate) fn load(args: &LoadArgs, printer: Printer) -> Result<u8, CliError> {
    let (base, path) = split(&args.url)?;
    let method = Method::parse(&args.method).ok_or_else(|| CliError::Usage {
        message: format!("`{}` is not a method", args.method),
        hint: format!("one of: {}", Method::ALL.map(Method::as_str).join(", ")),
    })?;
    let mut step = Map::new();
    step.insert("name".into(), json!("request"));
    step.insert(method.as_str().to_ascii_lowercase(), json!(path));
    step.insert("headers".into(), headers(&args.headers)?);
    step.insert("timeout".into(), json!(args.timeout));
    step.insert("expect".into(), json!(args.expect));
    if let Some(body) = &args.body {
        step.insert("text".into(), json!(body));
    }
    let gates: Vec<_> = args
        .gate
        .iter()
        .map(|gate| json!({ "expect": gate }))
        .collect();
    let scenario = json!({
        "title": format!("{} {}", method, args.url),
        "load": {
            "model": "open",
            "rate": args.rate,
            "for": args.lasts,
            "connections": args.connections,
            "sample": 0.0,
            "mix": { "url": 1 },
        },
        "gate": gates,
    });
    let journey =
        json!({ "title": format!("{method} {}", args.url), "tags": ["load-only"], "step": [step] });
    let files = [
        ("harness.toml", suite(base)),
        ("scenarios/load.toml", scenario),
        ("scenarios/journeys/url.toml", journey),
    ];
    let choice = Choice {
        seed: args.seed,
        tags: Some("not load-only".into()),
        scenarios: vec!["load".into()],
        ..Choice::default()
    };
    go(sources(&files)?, &choice, &args.output, printer)
}

/// Checks a running API against its document.
pub(crate) fn contract(args: &ContractArgs, printer: Printer) -> Result<u8, CliError> {
    let (name, bytes) = document(&args.document)?;
    let mut harness = suite(args.url.trim_end_matches('/'));
    harness["contract"] = json!({ "api": { "openapi": name, "headers": headers(&args.headers)? } });
    let mut sources = sources(&[("harness.toml", harness)])?;
    sources.add(name, bytes);
    go(
        sources,
        &Choice {
            seed: args.seed,
            ..Choice::default()
        },
        &args.output,
        printer,
    )
}

fn go(
    sources: Sources,
    choice: &Choice,
    output: &Output,
    printer: Printer,
) -> Result<u8, CliError> {
    let root = std::env::current_dir().map_err(|source| CliError::File {
        doing: "read",
        path: ".".into(),
        source,
    })?;
    let prepared = prepare(&Found { root, sources }, choice, printer)?;
    session::execute(prepared, output, printer)
}

fn suite(base: &str) -> Value {
    json!({ "project": { "name": base }, "target": { "mode": "external", "url": base } })
}

/// TOML texts of some values; what a person typed stays a string in them, whatever it holds.
fn sources(files: &[(&str, Value)]) -> Result<Sources, CliError> {
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
fn split(url: &str) -> Result<(&str, &str), CliError> {
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

/// Headers `name: value` as a table; a name given twice keeps its last value, as a table can hold only one.
fn headers(texts: &[String]) -> Result<Value, CliError> {
    let split = |text: &String| {
        let (name, value) = text.split_once(':').ok_or_else(|| CliError::Usage {
            message: format!("`{text}` is not a header"),
            hint: "write it as `name: value`".into(),
        })?;
        Ok((name.trim().to_ascii_lowercase(), json!(value.trim())))
    };
    texts
        .iter()
        .map(split)
        .collect::<Result<Map<_, _>, CliError>>()
        .map(Value::Object)
}

/// A document's bytes, from a file or from where it is served, and a name to know it by.
fn document(at: &str) -> Result<(String, Vec<u8>), CliError> {
    let kind = if at.ends_with(".yaml") || at.ends_with(".yml") {
        "document.yaml"
    } else {
        "document.json"
    };
    if at.starts_with("http://") || at.starts_with("https://") {
        let fetched = harness_drive::http_client::fetch(at, Duration::from_secs(30));
        let bytes = fetched
            .map_err(|reason| CliError::Machine(format!("failed to fetch {at}: {reason}")))?;
        return Ok((kind.to_owned(), bytes));
    }
    let bytes = std::fs::read(Path::new(at)).map_err(|source| CliError::File {
        doing: "read",
        path: at.into(),
        source,
    })?;
    Ok((kind.to_owned(), bytes))
}
