//! An OpenAPI document as journeys: one for each group of paths, an operation a step, with the document's examples or made
//! values that its schemas allow. What one operation makes, the others ask for (`chain`). What can't be made is left out, and
//! said.

use super::chain::{self, Made};
use super::{Body, Draft, ImportError, Imported, Step, each_text, literal, slug, toml};
use harness_contract::{
    Document, Generator, Operation, Parameter, Place, SchemaId, StatusPattern, Variant,
};
use harness_core::random::{Draws, coordinate};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use std::collections::BTreeMap;

/// Makes the journeys of a document; `prefix` begins their names.
pub(crate) fn import(
    text: &str,
    name: &str,
    url: &str,
    prefix: Option<&str>,
) -> Result<Imported, ImportError> {
    let document = Document::load(name, text).map_err(|error| ImportError {
        place: name.to_owned(),
        message: error.to_string(),
        hint: "it must be an OpenAPI document in JSON or YAML".into(),
    })?;
    let mut imported = Imported {
        base: url.trim_end_matches('/').to_owned(),
        ..Imported::default()
    };
    let mut groups: Vec<(String, Vec<Made<'_>>, BTreeMap<String, String>)> = Vec::new();
    for operation in &document.operations {
        let group = group(&operation.path);
        let known = groups.iter().position(|(name, ..)| *name == group);
        let at = known.unwrap_or_else(|| {
            groups.push((group, Vec::new(), BTreeMap::new()));
            groups.len() - 1
        });
        let (_, steps, variables) = &mut groups[at];
        match step(&document, operation, variables, &mut imported.secrets) {
            Ok(step) => steps.push(Made { operation, step }),
            Err(why) => imported
                .notes
                .push(format!("{} is left out: {why}", operation.name)),
        }
    }
    let mut captured = Vec::new();
    let groups = groups.into_iter().filter(|(_, steps, _)| !steps.is_empty());
    for (group, mut steps, mut variables) in groups {
        captured.extend(chain::chain(&document, &mut steps, &mut variables));
        let name = match prefix {
            Some(prefix) => slug(&format!("{prefix}-{group}")),
            None => slug(&group),
        };
        imported.journeys.push(Draft {
            title: format!("Every operation of /{group}"),
            name,
            variables,
            steps: steps.into_iter().map(|made| made.step).collect(),
        });
    }
    if !captured.is_empty() {
        let all = captured.join(", ");
        imported.notes.push(format!("captured from answers: {all}"));
    }
    if imported.journeys.is_empty() {
        return Err(ImportError {
            place: name.to_owned(),
            message: "no operation of the document can be imported".into(),
            hint: imported.notes.join("; "),
        });
    }
    Ok(imported)
}

/// The first part of a path that names something: versions and prefixes aside.
fn group(path: &str) -> String {
    let parts = path
        .split('/')
        .filter(|part| !part.is_empty() && !part.starts_with('{'));
    let version = |part: &str| {
        part == "api"
            || part
                .strip_prefix('v')
                .is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
    };
    let mut named = parts.clone().filter(|part| !version(part));
    named
        .next()
        .or_else(|| parts.clone().next())
        .unwrap_or("root")
        .to_owned()
}

fn step(
    document: &Document,
    operation: &Operation,
    variables: &mut BTreeMap<String, String>,
    secrets: &mut BTreeMap<String, String>,
) -> Result<Step, String> {
    let mut draws = Draws::at(1, &[coordinate(&operation.name)]);
    if operation.method == harness_core::http::Method::Trace {
        return Err("a journey can't send TRACE".into());
    }
    let mut path = literal(&format!(
        "{}{}",
        document.base_path,
        operation.path.split('#').next().unwrap_or_default()
    ));
    let mut query = Vec::new();
    let mut step = Step::new(operation.method, String::new());
    for parameter in &operation.parameters {
        let optional = !parameter.required && parameter.examples.is_empty();
        if optional {
            continue;
        }
        let value = plain(&sample(
            document,
            &parameter.examples,
            parameter.schema,
            &mut draws,
        )?)
        .ok_or_else(|| {
            format!(
                "a value of its parameter `{}` is a list or an object",
                parameter.name
            )
        })?;
        place(
            parameter, value, &mut path, &mut query, &mut step, variables,
        );
    }
    if path.replace("{{ ", "").contains("${") || has_template(&path) {
        return Err("the document does not describe every part of its path".into());
    }
    let joined = if query.is_empty() {
        String::new()
    } else {
        format!("?{}", query.join("&"))
    };
    step.path = format!("{path}{joined}");
    step.name.clone_from(&operation.name);
    body(document, operation, &mut step, &mut draws)?;
    for scheme in &operation.security {
        let Some(words) = document.security_schemes.get(scheme) else {
            continue;
        };
        secured(scheme, words, &mut step, secrets);
    }
    step.expect = expected(operation);
    Ok(step)
}

/// The lowest status of those that the document gives an answer that is no error.
fn expected(operation: &Operation) -> Vec<String> {
    let good = operation
        .responses
        .iter()
        .filter_map(|(pattern, _)| match pattern {
            StatusPattern::Exact(status) if (200..400).contains(status) => Some(*status),
            _ => None,
        });
    let best = good.min().map(|status| format!("status == {status}"));
    best.into_iter().collect()
}

/// Whether a part of a path is still to be filled in.
fn has_template(path: &str) -> bool {
    let plain = path
        .replace("{{{{", "")
        .replace("{{ ", "")
        .replace(" }}", "");
    plain.contains('{')
}

fn place(
    parameter: &Parameter,
    value: String,
    path: &mut String,
    query: &mut Vec<String>,
    step: &mut Step,
    variables: &mut BTreeMap<String, String>,
) {
    match parameter.place {
        Place::Path => {
            let variable = chain::variable(&parameter.name);
            *path = path.replace(
                &format!("{{{}}}", parameter.name),
                &format!("{{{{ {variable} }}}}"),
            );
            variables.entry(variable).or_insert_with(|| literal(&value));
        }
        Place::Query => {
            let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
            query.push(format!("{}={}", encode(&parameter.name), encode(&value)));
        }
        Place::Header => {
            let name = parameter.name.to_ascii_lowercase();
            if !super::har::is_framing(&name) {
                step.headers.insert(name, literal(&value));
            }
        }
        Place::Cookie => {
            let cookie = step.headers.entry("cookie".into()).or_default();
            let joint = if cookie.is_empty() { "" } else { "; " };
            *cookie = format!("{cookie}{joint}{}={}", parameter.name, literal(&value));
        }
    }
}

fn sample(
    document: &Document,
    examples: &[Value],
    schema: Option<SchemaId>,
    draws: &mut Draws,
) -> Result<Value, String> {
    match (examples.first(), schema) {
        (Some(example), _) => Ok(example.clone()),
        (None, None) => Ok("example".into()),
        (None, Some(schema)) => Generator::new(&document.schemas)
            .instance(schema, Variant::Required, draws)
            .map(|made| made.value)
            .map_err(|error| error.to_string()),
    }
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}

fn body(
    document: &Document,
    operation: &Operation,
    step: &mut Step,
    draws: &mut Draws,
) -> Result<(), String> {
    let Some(body) = &operation.body else {
        return Ok(());
    };
    let media = body
        .content
        .iter()
        .find(|media| media.range.contains("json"));
    let Some(media) = media else {
        return match body.required {
            true => Err("its body is not JSON".into()),
            false => Ok(()),
        };
    };
    let value = sample(document, &media.examples, media.schema, draws)?;
    if media.range != "application/json" && !media.range.contains('*') {
        step.headers
            .insert("content-type".into(), media.range.clone());
    }
    step.body = if toml::holds(&value) {
        Body::Json(each_text(&value, &literal))
    } else {
        step.headers
            .entry("content-type".into())
            .or_insert_with(|| "application/json".into());
        Body::Text(literal(&value.to_string()))
    };
    Ok(())
}

/// What a security scheme wants, from a secret. `words` are the document's, as the contract reads them.
fn secured(scheme: &str, words: &str, step: &mut Step, secrets: &mut BTreeMap<String, String>) {
    let name = slug(scheme).replace('-', "_");
    let hole = format!("${{secret.{name}}}");
    let lower = words.to_ascii_lowercase();
    let (at, how) = lower.split_once(", ").unwrap_or((&lower, ""));
    let (header, value) = match (at.strip_prefix("header "), how) {
        (Some(header), "") => (header.trim().to_owned(), hole),
        (Some(header), "basic") => (header.trim().to_owned(), format!("Basic {hole}")),
        // Bearer, and what OAuth and OpenID end in.
        (Some(_), _) | (None, _) if !at.starts_with("query") && !at.starts_with("cookie") => {
            ("authorization".to_owned(), format!("Bearer {hole}"))
        }
        _ => return,
    };
    secrets.insert(name.clone(), name.to_ascii_uppercase());
    step.headers.insert(header, value);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_becomes_a_journey_for_each_group() {
        let text = r##"{"openapi":"3.0.0","info":{"title":"t","version":"1"},
          "components":{"securitySchemes":{"key":{"type":"apiKey","in":"header","name":"X-Api-Key"}}},
          "security":[{"key":[]}],
          "paths":{
            "/v1/orders":{"post":{"requestBody":{"required":true,"content":{"application/json":{"schema":{"type":"object","required":["sku","quantity"],"properties":{"sku":{"type":"string","example":"SKU-001"},"quantity":{"type":"integer","minimum":1,"maximum":5},"note":{"type":"string","nullable":true}}}}}},"responses":{"201":{"description":"made"},"400":{"description":"bad"}}}},
            "/v1/orders/{orderId}":{"get":{"parameters":[{"name":"orderId","in":"path","required":true,"schema":{"type":"string"},"example":"ord-1"},{"name":"lang","in":"query","required":true,"schema":{"enum":["en"]}},{"name":"page","in":"query","schema":{"type":"integer"}}],"responses":{"200":{"description":"it"}}}},
            "/health":{"get":{"security":[],"responses":{"200":{"description":"ok"}}}},
            "/upload":{"post":{"requestBody":{"required":true,"content":{"image/png":{}}},"responses":{"200":{"description":"ok"}}}}}}"##;
        let imported = import(text, "api.json", "http://localhost:1/", None).unwrap();
        let names: Vec<_> = imported.journeys.iter().map(|j| j.name.as_str()).collect();
        assert_eq!(names, ["orders", "health"]);
        assert_eq!(
            imported.notes,
            ["POST /upload is left out: its body is not JSON"]
        );
        let written: String = imported
            .journeys
            .iter()
            .map(|j| super::super::journey(j, "openapi") + "\n")
            .collect();
        insta::assert_snapshot!(
            "openapi",
            super::super::config(&imported, "api", true) + "\n" + &written
        );
    }

    #[test]
    fn no_document_is_told() {
        let told = import("{}", "api.json", "http://x", None).unwrap_err();
        assert!(told.to_string().starts_with("api.json: "), "{told}");
    }
}
