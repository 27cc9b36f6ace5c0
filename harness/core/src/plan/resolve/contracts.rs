//! Contracts and secrets: documents that are there, services that they describe, variables that hold values.

use super::findings::Findings;
use super::request::header_name;
use super::texts::{self, Where};
use super::world::{BaseError, World};
use crate::event::ContractCheck;
use crate::plan::accept::Accepted;
use crate::plan::target::Mode;
use crate::plan::{ContractPlan, SecretPlan};
use crate::suite::at::{At, Named, Scalar, Str};
use crate::suite::document::Document;
use crate::suite::raw::{ConfigFile, Contract};
use crate::suite::{Suite, relative};
use crate::template::{Part, Text};
use std::sync::Arc;

/// The contracts that can be checked in this mode.
pub(super) fn contracts(suite: &Suite, world: &World, found: &mut Findings) -> Vec<ContractPlan> {
    let doc = &suite.config;
    doc.raw
        .contract
        .iter()
        .filter_map(|(key, raw)| contract(suite, key, raw, world, found))
        .collect()
}

fn contract(
    suite: &Suite,
    key: &Str,
    raw: &At<Contract>,
    world: &World,
    found: &mut Findings,
) -> Option<ContractPlan> {
    let doc = &suite.config;
    let name = found.name(doc, key);
    let text = raw
        .value
        .openapi
        .as_ref()
        .and_then(|path| match relative(&path.value) {
            Err(reason) => {
                found.error(doc.at(path), reason);
                None
            }
            Ok(file) => match suite.sources.referenced(&file, doc.at(path)) {
                Ok(source) => Some((file, Arc::<str>::from(source.text.as_str()))),
                Err(finding) => {
                    found.out.push(finding);
                    None
                }
            },
        });
    let headers = headers(doc, &raw.value.headers, world, found);
    let base = base(doc, key, &raw.value, world, found);
    let accept = accept(doc, &raw.value, found);
    let (document, text) = text?;
    Some(ContractPlan {
        name: name?,
        document,
        text,
        base: base?,
        headers,
        repeat: raw.value.repeat.unwrap_or(false),
        accept,
    })
}

/// The findings that are accepted; each names its check and its operation, and why.
fn accept(doc: &Document<ConfigFile>, raw: &Contract, found: &mut Findings) -> Vec<Accepted> {
    let mut accepted = Vec::new();
    for raw in &raw.accept {
        let (Some(finding), Some(reason)) = (&raw.value.finding, &raw.value.reason) else {
            continue;
        };
        if reason.value.trim().is_empty() {
            found.error_with(
                doc.at(reason),
                "an accepted finding needs a reason",
                "say why it may stay, for whoever reads the report",
            );
        }
        let (check, rest) = finding
            .value
            .split_once(':')
            .unwrap_or((&finding.value, ""));
        if check == ContractCheck::Preflight.as_str() {
            found.error_with(
                doc.at(finding),
                "a preflight finding can't be accepted: nothing of the contract was checked then",
                "set right what it says, or take the contract out",
            );
        } else if !ContractCheck::ALL.iter().any(|c| c.as_str() == check) {
            let words = ContractCheck::ALL.iter().map(|c| c.as_str());
            found.unknown(doc.at(finding), "contract check", check, words);
        } else if rest.is_empty() {
            found.error_with(
                doc.at(finding),
                format!("`{check}` alone would accept what nobody has seen yet"),
                format!("name the operation too, as in `{check}:GET /orders/{{id}}:*`"),
            );
        }
        accepted.push(Accepted {
            finding: finding.value.clone(),
            reason: reason.value.clone(),
        });
    }
    accepted
}

fn base(
    doc: &Document<ConfigFile>,
    key: &Str,
    raw: &Contract,
    world: &World,
    found: &mut Findings,
) -> Option<Text> {
    let service = raw.service.as_ref().unwrap_or(key);
    let alone =
        world.mode == Mode::External && world.services.is_empty() && doc.raw.contract.0.len() == 1;
    let base = match world.base(&service.value) {
        Ok(base) => base,
        // A bare URL and one document: there is only one thing it can describe.
        Err(_) if alone => world.entry.clone(),
        Err(BaseError::Unknown) => {
            let services = world.services.iter().map(String::as_str);
            found.unknown(doc.at(service), "service", &service.value, services);
            return None;
        }
        Err(BaseError::Absent((message, hint))) => {
            found.error_with(doc.at(service), message, hint);
            return None;
        }
        Err(BaseError::NoUrl) => {
            let message = format!(
                "contract `{}` is not checked: nothing says where service `{}` runs",
                key.value, service.value
            );
            found.warning(
                doc.at(key),
                message,
                format!("give [target.service.{}] a `url`", service.value),
            );
            return None;
        }
    };
    let Some(path) = &raw.base else {
        return Some(base);
    };
    if !path.value.starts_with('/') || path.value.contains(char::is_whitespace) {
        found.error(
            doc.at(path),
            format!(
                "the path `{}` must start with `/` and hold no spaces",
                path.value
            ),
        );
        return None;
    }
    let mut parts = base.parts;
    let path = path.value.trim_end_matches('/');
    match parts.last_mut() {
        _ if path.is_empty() => {}
        Some(Part::Literal(last)) => last.push_str(path),
        _ => parts.push(Part::Literal(path.to_owned())),
    }
    Some(Text { parts })
}

/// Headers known when the target starts; names in lower case.
pub(super) fn headers(
    doc: &Document<ConfigFile>,
    raw: &Named<Scalar>,
    world: &World,
    found: &mut Findings,
) -> Vec<(String, Text)> {
    let mut headers: Vec<(String, Text)> = Vec::new();
    for (key, value) in raw.iter() {
        let name = key.value.to_ascii_lowercase();
        if let Err(reason) = header_name(&key.value) {
            found.error(doc.at(key), reason);
        } else if headers.iter().any(|(n, _)| *n == name) {
            found.error(
                doc.at(key),
                format!("header `{name}` is there already: names are equal in either case"),
            );
        } else if value.value.0.contains(['\r', '\n', '\0']) {
            found.error(doc.at(value), "a header's value can't hold line breaks");
        } else if let Some(text) = texts::setup_scalar(doc, value, Where::Anywhere, world, found) {
            headers.push((name, text));
        }
    }
    headers
}

/// Where secrets come from.
pub(super) fn secrets(doc: &Document<ConfigFile>, found: &mut Findings) -> Vec<SecretPlan> {
    let secrets = doc.raw.secret.iter().filter_map(|(key, raw)| {
        let name = found.name(doc, key);
        let env = raw.value.env.as_ref()?;
        if env.value.is_empty() || env.value.contains(['=', '\0']) {
            found.error(
                doc.at(env),
                format!("{:?} can't name an environment variable", env.value),
            );
            return None;
        }
        if let Some(default) = raw.value.default.as_ref().filter(|d| d.value.is_empty()) {
            found.error(
                doc.at(default),
                "a secret can't be empty: everything would be redacted",
            );
        }
        Some(SecretPlan {
            name: name?,
            env: env.value.clone(),
            has_default: raw.value.default.is_some(),
        })
    });
    secrets.collect()
}
